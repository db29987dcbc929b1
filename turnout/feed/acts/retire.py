"""A source says nothing any more: what it said of groups and of who is expected is taken back, as ordinary changes.

In chunks, each a transaction of its own, so that pushes are not held up. Whoever begins again goes on with the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations
from turnout.model.attendee import Attendee, group_numbers, status_of
from turnout.model.change import Entry
from turnout.store import attendees
from turnout.store.database import Database

CHUNK = 300
"""Attendees changed in one transaction."""

OnProgress = Callable[[int], object]
"""Called with the number of people whom it has been taken back of."""


class TakenBack(msgspec.Struct, rename="camel"):
    """What taking back does, or would do."""

    people: int = 0
    """Whom the source puts in a group, or expects."""
    left_groups: int = 0
    """Who are out of a group by it, because nobody else puts them there."""
    withdrawn: int = 0
    """Whom nobody expects without it."""


def foresee(database: Database, event_id: str, source: int) -> TakenBack:
    """What taking back would do; reads everybody, a page at a time, and holds up nobody."""
    found = TakenBack()
    for attendee in _list_concerned(database, event_id, source):
        parts = {number: part for number, part in attendee.parts.items() if number != source}
        status = status_of(parts, removed=attendee.removed, merged_into=attendee.merged_into)
        found.people += 1
        found.left_groups += attendee.group_numbers() != group_numbers(parts, attendee.held)
        found.withdrawn += status != attendee.status
    return found


def take_back(
    database: Database,
    configurations: Configurations,
    event_id: str,
    source: int,
    actor: str,
    on_progress: OnProgress = lambda _: None,
) -> TakenBack:
    """Takes back what there is. The source is retired already, so that it says nothing new meanwhile."""
    done = TakenBack()
    is_done = False
    while not is_done:
        is_done = True
        # A merge meanwhile may move something to somebody whom we have passed, so the last round has to find nobody.
        concerned = _list_concerned(database, event_id, source)
        while ids := [attendee.id for attendee in islice(concerned, CHUNK)]:
            is_done = False
            _take_back_of(database, configurations, event_id, source, actor, ids, done)
            database.move_log()
            on_progress(done.people)
    return done


def _list_concerned(database: Database, event_id: str, source: int) -> Iterator[Attendee]:
    after = ""
    while True:
        with database.read() as connection:
            page = attendees.list_attendees(connection, event_id, status=None, after_id=after)
        yield from (attendee for attendee in page if _list_entries(attendee, source))
        if not page:
            return
        after = page[-1].id


def _take_back_of(
    database: Database,
    configurations: Configurations,
    event_id: str,
    source: int,
    actor: str,
    ids: Sequence[str],
    done: TakenBack,
) -> None:
    with on_stage(database, configurations, event_id, actor) as scene:
        for _, attendee in attendees.find_by_ids(scene.connection, [(event_id, one) for one in ids]):
            entries = _list_entries(attendee, source)
            if not entries:
                continue
            scene.draft.meet(attendee)
            change = scene.append(attendee, "updated", entries)
            done.people += 1
            done.left_groups += any(entry.what == "groups" for entry in change.entries)
            done.withdrawn += change.kind == "withdrawn"


def _list_entries(attendee: Attendee, source: int) -> list[Entry]:
    """What there is to take back of one attendee."""
    entries = []
    part = attendee.parts.get(source)
    if part is not None and part.groups is not None and part.groups.value:
        entries.append(Entry("part_groups", source, part.groups.value, [], part.groups.source))
    if part is not None and part.expects is not None and part.expects.value:
        entries.append(Entry("part_expects", source, True, False, part.expects.source))
    return entries
