"""Pushes: looked for, shown, sent once more, and tried before they are meant."""

from typing import Any, get_args

import msgspec

from turnout import errors
from turnout.api.operation import Call, Given, Items, Operation, Taken, say_time
from turnout.changes.shown import shown_to_all
from turnout.feed.by_hand import try_push
from turnout.feed.by_hand.replay import Original, get_original, replay
from turnout.model.push import StoredPush
from turnout.model.receipt import AttendeeReference, Outcome, PathChange
from turnout.store import changes, push_search, pushes
from turnout.store.push_search import Effect, PushSearch

RESULTS = ("created", "updated", "unchanged", "suppressed", "failed")
MAX_TRIED_BYTES = 8_000_000
"""A text of a MiB may be several times as long in JSON."""


class NoteShown(Given, frozen=True, kw_only=True):
    """An error or a warning."""

    path: str
    code: str
    message: str | None
    """Null for who may not see what was sent."""


class PushShown(Given, frozen=True, kw_only=True):
    """One push of the log."""

    id: str
    at: str
    source: int
    result: str
    is_dry_run: bool
    is_rehearsed: bool
    email: str | None
    attendee_id: str | None
    sequence: int | None
    replay_of: str | None
    repeats: int
    problem: str | None
    """The code of the failure as a whole."""
    problems: list[NoteShown]
    warnings: list[NoteShown]


class PushWhole(Given, frozen=True, kw_only=True):
    """One push with all that is kept of it."""

    push: PushShown
    body: str | None
    """As it came; null where it is not kept, or not yours to see."""
    changes: list[PathChange] | None
    """What it changed, as staff see it; null where that is not yours to see."""
    replays: list[str]
    """Ids of the pushes that are this one once more."""


class Again(Taken, frozen=True, kw_only=True):
    """How a push is replayed."""

    dry_run: bool = False


class Done(Given, frozen=True, kw_only=True):
    """What became of a push by hand."""

    push: str
    result: str
    sequence: int | None
    is_dry_run: bool
    changes: list[PathChange]
    problems: list[NoteShown]
    warnings: list[NoteShown]


class Text(Taken, frozen=True, kw_only=True):
    """What a source might send."""

    text: str
    source: int
    """The number."""
    push: str | None = None
    """The stored push that it was taken from, mended or not."""


class TriedText(Text, frozen=True, kw_only=True):
    """The same once it was tried."""

    digest: str
    """As the trial has given it."""


class Tried(Given, frozen=True, kw_only=True):
    """What a text would do. Nothing of it has taken effect."""

    result: str
    status: int
    answer: Any
    """As the sender would get it."""
    attendee: AttendeeReference | None
    changes: list[PathChange]
    digest: str
    """What to send to `try/apply`."""


_QUERY = {
    "email": "A part of the address as it was sent.",
    "attendee": "An attendee's id.",
    "result": f"{', '.join(f'`{one}`' for one in RESULTS)}.",
    "source": "The source's number.",
    "effect": f"{', '.join(f'`{one}`' for one in get_args(Effect))}.",
    "path": "How the path of an error or a warning begins.",
    "code": "Of an error, a warning or the failure.",
    "since": "From this time on.",
    "until": "Before this time.",
    "before": "`next` of the page before.",
    "limit": "How many at most, up to 200; else 50.",
}


def list_pushes(call: Call) -> Items[PushShown]:
    if "email" in call.query:
        call.expect_personal()
    search = PushSearch(
        attendee_id=call.query.get("attendee"),
        email=call.query.get("email"),
        result=call.read_choice("result", RESULTS),
        source_number=call.read_number("source", 1, 999_999_999) if "source" in call.query else None,
        effect=next((one for one in get_args(Effect) if one == call.read_choice("effect", get_args(Effect))), None),
        path=call.query.get("path"),
        code=call.query.get("code"),
        since=call.read_time("since"),
        until=call.read_time("until"),
    )
    with call.database.read() as connection:
        found = push_search.search_pushes(
            connection,
            call.event.id,
            search,
            before_id=call.query.get("before") or None,
            limit=call.read_number("limit", 50, 200),
        )
    return Items(items=[_show(call, one) for one in found.pushes], next=found.before_id)


def show_push(call: Call) -> PushWhole:
    push = _get(call, call.places["push"])
    sees = call.user.sees_personal
    with call.database.read() as connection:
        body = pushes.find_body(connection, call.event.id, push.id) if sees else None
        lines = changes.find_changes(connection, call.event.id, [push.sequence] if push.sequence else [])
        replays = push_search.list_replays(connection, call.event.id, push.id)
    entries = [entry for line in lines.values() for entry in line.entries]
    its = call.configuration
    return PushWhole(
        push=_show(call, push),
        body=body,
        changes=shown_to_all(entries, its.custom_fields, its.groups) if sees else None,
        replays=[one.id for one in replays],
    )


def replay_push(call: Call) -> Done:
    wish: Again = call.body
    call.expect_personal("manager")
    push = _get(call, call.places["push"])
    original = get_original(call.database, push.id)
    if wish.dry_run:
        return _tell(_replay(call, original, dry_run=True))
    with call.acting("push.replay", target=push.id) as deed:
        outcome = _replay(call, original, dry_run=False)
        deed.after = {"push": outcome.push_id, "result": outcome.result}
    return _tell(outcome)


def _replay(call: Call, original: Original, *, dry_run: bool) -> Outcome:
    configurations = call.product.feed.configurations
    [outcome] = replay(
        call.database, configurations, call.event.slug, [original], actor=call.user.email, dry_run=dry_run
    )
    return outcome


def try_text(call: Call) -> Tried:
    call.expect_personal("manager")
    wish: Text = call.body
    trial = try_push.try_push(
        call.database,
        call.product.feed.configurations,
        call.event.slug,
        wish.source,
        wish.text,
        actor=call.user.email,
        problems_url=call.product.feed.problems_url,
        original=_find_original(call, wish),
        most_bytes=call.product.settings.max_body,
    )
    return Tried(
        result=trial.result,
        status=trial.status,
        answer=msgspec.to_builtins(trial.answer),
        attendee=trial.attendee,
        changes=trial.changes,
        digest=trial.digest,
    )


def apply_text(call: Call) -> Done:
    """Raises Conflict where it would do something else by now."""
    call.expect_personal("manager")
    wish: TriedText = call.body
    original = _find_original(call, wish)
    with call.acting("push.apply", target=None if original is None else original.push.id) as deed:
        outcome = try_push.apply(
            call.database,
            call.product.feed.configurations,
            call.event.slug,
            wish.source,
            wish.text,
            actor=call.user.email,
            digest=wish.digest,
            original=original,
            most_bytes=call.product.settings.max_body,
        )
        deed.after = {"push": outcome.push_id, "result": outcome.result}
    return _tell(outcome)


def _find_original(call: Call, wish: Text) -> Original | None:
    """Raises NotFound, and Conflict where its body is gone, or it is another source's."""
    if wish.push is None:
        return None
    original = get_original(call.database, _get(call, wish.push).id)
    if original.push.source_number != wish.source:
        raise errors.Conflict("That push is of another source. Leave it out, or name its own.")
    return original


def _get(call: Call, push_id: str) -> StoredPush:
    """Raises NotFound, also for another event's."""
    with call.database.read() as connection:
        push = pushes.find_push(connection, push_id, call.event.id)
    if push is None:
        raise errors.NotFound("The event has no such push.")
    return push


def _show(call: Call, push: StoredPush) -> PushShown:
    shows, failure = call.user.sees_personal, push.failure
    return PushShown(
        id=push.id,
        at=say_time(push.at),
        source=push.source_number,
        result=push.result,
        is_dry_run=push.dry_run,
        is_rehearsed=push.rehearsed,
        email=call.mask(push.email),
        attendee_id=push.attendee_id,
        sequence=push.sequence,
        replay_of=push.replay_of,
        repeats=push.repeats,
        problem=None if failure is None else failure.code,
        problems=_list_notes([] if failure is None else failure.errors, shows=shows),
        warnings=_list_notes(push.warnings, shows=shows),
    )


def _list_notes(notes: Any, *, shows: bool) -> list[NoteShown]:
    return [NoteShown(path=one.path, code=one.code, message=one.message if shows else None) for one in notes]


def _tell(outcome: Outcome) -> Done:
    return Done(
        push=outcome.push_id,
        result=outcome.result,
        sequence=outcome.sequence,
        is_dry_run=outcome.dry_run,
        changes=outcome.changes,
        problems=_list_notes([] if outcome.failure is None else outcome.failure.errors, shows=True),
        warnings=_list_notes(outcome.warnings, shows=True),
    )


_IN = "events/{event}/pushes"
_ONE = f"{_IN}/{{push}}"
operations = [
    Operation(
        "GET",
        _IN,
        "viewer",
        list_pushes,
        "Pushes, the latest first",
        "A page may have less than `limit`, even nothing, and go on: follow `next` until it is null.",
        gives=Items[PushShown],
        query=_QUERY,
    ),
    Operation("GET", _ONE, "viewer", show_push, "One push", gives=PushWhole),
    Operation(
        "POST",
        f"{_ONE}/replay",
        "manager",
        replay_push,
        "A push once more",
        "With what is set up now; newer values stay. What it came to is in the answer, also where it failed.",
        takes=Again,
        gives=Done,
    ),
    Operation(
        "POST",
        "events/{event}/try",
        "manager",
        try_text,
        "What any text would do",
        "Nothing takes effect, and nothing is kept.",
        takes=Text,
        gives=Tried,
        max_body_bytes=MAX_TRIED_BYTES,
    ),
    Operation(
        "POST",
        "events/{event}/try/apply",
        "manager",
        apply_text,
        "Exactly what was tried",
        "Where it would do something else by now, 409 says so.",
        takes=TriedText,
        gives=Done,
        max_body_bytes=MAX_TRIED_BYTES,
    ),
]
