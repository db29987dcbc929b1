"""Erasing everyone of an event (F3): what erasing each of them would do, but for all at once, and suppressing nobody.

In steps, each a transaction of its own that leaves everything in agreement. What is done needs no memory: whoever
begins again after a kill finds what is left.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from turnout.errors import NotFound
from turnout.feed.commit import acting
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import ERASED, forget_attendees
from turnout.feed.settle.draft import Draft
from turnout.model.attendee import Attendee
from turnout.model.event import Event
from turnout.now import first_id, now_us
from turnout.store import erasure, events
from turnout.store.database import Database
from turnout.store.statements import Connection

ACTOR = "retention"
"""Who has erased them, as the lines of the log say."""
MAX_LINES = 1_000
"""Of the change log, redacted in one step, unless a single person has more."""
_MAX_PASSES = 10
"""Over those who were changed in the moment in which they were to be erased."""
_RECENT_US = 600 * 1_000_000
"""For so long a push may have waited for its commit; its id is from when it came."""
_WAITED_US = 10 * 1_000_000
"""So long a push waits as a rule; the end of a round sees to those that waited longer."""
_MOST_LATEST = 10_000
_AT_ONCE_S, _AT_MOST_S = 0.002, 0.005
_decode = msgspec.json.Decoder(Attendee).decode
_erased = msgspec.json.encode(ERASED).decode()


class Pace:
    """How many rows a step takes: as many as hold pushes up for a few milliseconds."""

    def __init__(self) -> None:
        self.rows = 50

    @contextmanager
    def measured(self) -> Generator[None]:
        began = time.perf_counter()
        yield
        took_s = time.perf_counter() - began
        if took_s > _AT_MOST_S:
            self.rows = max(10, self.rows // 2)
        elif took_s < _AT_ONCE_S:
            self.rows = min(500, self.rows * 2)


class Gone(msgspec.Struct):
    """What a purge has erased."""

    attendees: int = 0
    changes: int = 0
    pushes: int = 0
    bodies: int = 0
    answers: int = 0
    refusals: int = 0

    @property
    def total(self) -> int:
        return sum(msgspec.structs.astuple(self))


def purge(
    database: Database,
    configurations: Configurations,
    event: Event,
    pace: Pace,
    gone: Gone,
    check: Callable[[Connection], object] = lambda _: None,
) -> Generator[None, None, bool]:
    """Erases everyone of the event, a transaction each time; ends early where that is no longer due.

    `check` is called in each transaction, and raises where nothing more may be recorded.

    Gives whether all is done; pushes that come meanwhile are for the next time. Raises StorageUnavailable.
    """
    try:
        return (yield from _Purging(database, configurations, event, pace, gone, check).run())
    except (_NoLongerDue, NotFound):
        return True


class _NoLongerDue(Exception):
    """Somebody has set another end, or that everyone is kept."""


class _Purging:
    """One round through one event."""

    def __init__(
        self,
        database: Database,
        configurations: Configurations,
        event: Event,
        pace: Pace,
        gone: Gone,
        check: Callable[[Connection], object],
    ) -> None:
        self.check = check
        self.database = database
        self.configurations = configurations
        self.event = event
        self.event_id = event.id
        self.pace = pace
        self.gone = gone
        self.began_at = self.seen_at = now_us()

    def run(self) -> Generator[None, None, bool]:
        yield from self.remove_bodies()
        # Before the people, so that no line ever tells of somebody who is erased.
        yield from self.redact_pushes(0 if self.event.purged_at is None else self.event.purged_at - _RECENT_US)
        for _ in range(_MAX_PASSES):
            erased_all = yield from self.erase_attendees()
            if erased_all:
                break
        else:
            return False
        yield from self.redact_pushes(self.began_at - _RECENT_US)
        yield from self.remove_rest()
        if self.gone.total == 0 and self.event.is_purged:
            return True
        # Only what is nowhere in the files any more is gone.
        if not self.database.wipe():
            return False
        self.note()
        yield
        return True

    @contextmanager
    def step(self) -> Generator[tuple[Connection, Draft]]:
        with acting(self.database, self.configurations, self.event_id) as (connection, draft):
            self.check(connection)
            at = draft.configuration.event.purge_at
            if at is None or at > self.began_at:
                raise _NoLongerDue
            with self.pace.measured():
                yield connection, draft

    def remove_bodies(self) -> Iterator[None]:
        while True:
            with self.database.read() as connection:
                to = find_bodies(connection, self.event_id, first_id("psh", self.began_at), self.pace.rows)
            if to is None:
                return
            with self.step() as (connection, _):
                removed = erasure.remove_bodies(connection, self.event_id, to)
            self.gone.bodies += removed
            yield

    def erase_attendees(self) -> Generator[None, None, bool]:
        """Gives whether it came to all of them."""
        after, passed_over = "", 0
        while True:
            # Read outside of the transaction, so that it holds nobody up.
            with self.database.read() as connection:
                page, lines = self.list_attendees(connection, after)
            if not page:
                return not passed_over
            people = {one.id: _decode(one.document) for one in page}
            with self.step() as (connection, draft):
                unchanged = erasure.find_unchanged(connection, self.event_id, page)
                theirs = [people[attendee_id] for attendee_id in people if attendee_id in unchanged]
                self.redact_latest_pushes(connection)
                last = {attendee.sequence for attendee in theirs}
                sequences = [sequence for its_last, sequence in lines if its_last in last]
                erasure.redact_changes(connection, self.event_id, sequences)
                forget_attendees(connection, draft, theirs, ACTOR)
            self.gone.attendees += len(theirs)
            self.gone.changes += len(sequences)
            passed_over += len(page) - len(theirs)
            after = page[-1].id
            yield

    def list_attendees(
        self, connection: Connection, after: str
    ) -> tuple[Sequence[erasure.StoredAttendee], Sequence[tuple[int, int]]]:
        """Some attendees with all their lines in the log, not too many."""
        page = erasure.list_attendees(connection, self.event_id, after, self.pace.rows)
        while True:
            last = [_decode(one.document).sequence for one in page]
            limit = MAX_LINES if len(page) > 1 else 1 << 40
            lines = erasure.list_histories(connection, self.event_id, last, limit)
            if lines is not None:
                return page, lines
            page = page[: max(1, len(page) // 4)]

    def redact_pushes(self, since: int) -> Iterator[None]:
        """All lines of the push log since then; those of people who were erased before are so already."""
        after = first_id("psh", since)
        while True:
            self.seen_at = now_us()
            with self.database.read() as connection:
                ids = erasure.list_telling_pushes(connection, self.event_id, after, self.pace.rows, _erased)
            if not ids:
                return
            with self.step() as (connection, _):
                erasure.redact_pushes(connection, self.event_id, ids, _erased)
            self.gone.pushes += len(ids)
            after = ids[-1]
            yield

    def redact_latest_pushes(self, connection: Connection) -> None:
        """What came since this was done last."""
        after = first_id("psh", self.seen_at - _WAITED_US)
        ids = erasure.list_telling_pushes(connection, self.event_id, after, _MOST_LATEST, _erased)
        erasure.redact_pushes(connection, self.event_id, ids, _erased)
        self.gone.pushes += len(ids)
        self.seen_at = now_us()

    def remove_rest(self) -> Iterator[None]:
        """The answers to repeated requests; and once, when the time has come, from where requests were refused."""
        removes = [("answers", erasure.remove_all_answers)]
        if not self.event.is_purged:
            removes.append(("refusals", erasure.remove_refusals))
        for name, remove in removes:
            removed = limit = 1
            while removed == limit:
                limit = self.pace.rows
                with self.step() as (connection, _):
                    removed = remove(connection, self.event_id, limit)
                setattr(self.gone, name, getattr(self.gone, name) + removed)
                yield

    def note(self) -> None:
        with self.step() as (connection, draft):
            event = msgspec.structs.replace(draft.configuration.event, purged_at=self.began_at)
            events.update_event(connection, event)
            draft.clock.raise_version()
            draft.configuration = msgspec.structs.replace(draft.configuration, event=event)


MAX_STEP_CHARACTERS = 500_000


def find_bodies(connection: Connection, event_id: str, before: str, limit: int) -> str | None:
    """The last of the first bodies before this id that may go in one step; None where there are none."""
    to, size = None, 0
    for push_id, characters in erasure.list_bodies(connection, event_id, before, limit):
        size += characters
        if to is not None and size > MAX_STEP_CHARACTERS:
            break
        to = push_id
    return to
