"""One push as its page shows it, gathered from what is kept of it."""

from typing import Any

import msgspec
from msgspec import UNSET

from turnout import errors
from turnout.changes.shown import GROUPS_PATH, shown_to_all, shown_to_source
from turnout.console.page import Visit
from turnout.feed.receipt import as_problem
from turnout.model.change import Entry
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.model.receipt import AttendeeReference, PathChange, ProblemDocument, Receipt
from turnout.store import changes, push_search, pushes

MAX_REPLAYS = 20
"""Of one push, on its page."""


class DiffRow(msgspec.Struct, frozen=True):
    """One changed field in words, as the part `diff` shows it."""

    path: str
    old: Any
    new: Any


class Whole(msgspec.Struct, frozen=True):
    """A push with all that belongs to it."""

    push: StoredPush
    body: str | None
    """None also for who may not see it."""
    entries: list[Entry]
    original: StoredPush | None
    """What it is a replay of."""
    replays: list[StoredPush]


def get_whole(visit: Visit) -> Whole:
    """The push in the path. Raises NotFound."""
    push_id, event_id = visit.places["push"], visit.event.id
    with visit.database.read() as connection:
        push = None if "\0" in push_id else pushes.find_push(connection, push_id, event_id)
        if push is None:
            raise errors.NotFound("This event has no such push. What is in the list stays as long as the event does.")
        lines = changes.find_changes(connection, event_id, [push.sequence] if push.sequence else [])
        return Whole(
            push,
            pushes.find_body(connection, event_id, push_id) if visit.sees_personal else None,
            [entry for line in lines.values() for entry in line.entries],
            pushes.find_push(connection, push.replay_of, event_id) if push.replay_of else None,
            push_search.list_replays(connection, event_id, push_id, MAX_REPLAYS),
        )


def list_diff(whole: Whole, configuration: Configuration) -> list[DiffRow]:
    """What it changed, as staff see it."""
    return as_rows(shown_to_all(whole.entries, configuration.custom_fields, configuration.groups))


def as_rows(changed: list[PathChange]) -> list[DiffRow]:
    return [DiffRow(name_path(one), None if one.old is UNSET else one.old, one.new) for one in changed]


def name_path(change: PathChange) -> str:
    """The field as people call it."""
    if change.field_name is not UNSET:
        return change.field_name
    if change.path == GROUPS_PATH:
        return "groups"
    return change.path.removeprefix("profile.")


def rebuild_answer(whole: Whole, configuration: Configuration, problems_url: str) -> tuple[int, Any]:
    """Status and body as the sender was answered, under the settings of now; as JSON has them."""
    push = whole.push
    answer: Receipt | ProblemDocument
    if push.failure is not None:
        source = configuration.sources.get(push.source_number)
        policy = source.policy.over(configuration.event.policy) if source else configuration.event.policy
        answer = as_problem(
            push.failure, precise=policy.status_codes == "precise", problems_url=problems_url, push_id=push.id
        )
        return answer.status, msgspec.to_builtins(answer)
    changed = shown_to_source(whole.entries, configuration.custom_fields, configuration.groups, push.source_number)
    known = push.attendee_id is not None or push.dry_run
    answer = Receipt(
        id=push.id,
        result=push.result,
        attendee=AttendeeReference(push.attendee_id, push.email) if known and push.email else None,
        sequence=push.sequence,
        # What a dry run would have changed is not kept.
        changes=UNSET if push.dry_run else changed,
        warnings=push.warnings,
        more_warnings=push.more_warnings or UNSET,
        dry_run=push.dry_run or UNSET,
    )
    return 200, msgspec.to_builtins(answer)
