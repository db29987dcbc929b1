"""Everybody who is wanted, in the order of their ids, page by page: each page is read in a moment of its own.

Whoever changes meanwhile may be in it as he was before or after. The log's number of the first page makes up for it:
following the log from there ends at the true state.
"""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from turnout.changes.attendee_view import AttendeeView
from turnout.downstream import limits
from turnout.downstream.attendees.matching import matches
from turnout.downstream.attendees.room import reading
from turnout.downstream.exports.wanted import Wanted
from turnout.downstream.formats.columns import Columns, list_columns
from turnout.errors import NotFound
from turnout.feed.configurations import Configurations
from turnout.model.age import Where
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.store import attendees, events, exports
from turnout.store.database import Database
from turnout.store.statements import Connection

PAGE = 200
"""Attendees read at once: one may hold 1 MiB."""
_REPLICA_WAITED_S = 30.0
_LOOKED_EVERY_S = 0.1


class Walk:
    """One way through an event. What it knows of the whole it knows from the beginning on."""

    def __init__(self, database: Database, event_id: str, wanted: Wanted) -> None:
        """Raises NotFound, StorageUnavailable."""
        self._database = database
        self._event_id = event_id
        self._wanted = wanted
        self._configurations = Configurations(database)
        self.where = Where()
        """It was read."""
        self._least = _wait_for_replica(database, event_id)
        self.walked = 0
        """How many were looked at, wanted or not …"""
        with self._read() as connection:
            self.sequence = _find_head(connection, event_id)
            self.columns: Columns = list_columns(self._load(connection), wanted.shown)
            self.total = _count_total(connection, event_id, wanted)
            """… of how many."""
            self.expected = count_expected(connection, event_id, wanted)
            """How many will come; None where nobody can tell before."""

    @property
    def percent(self) -> int:
        """How far it is; 100 only at the end."""
        return min(99, self.walked * 100 // self.total) if self.total else 99

    def list_pages(self) -> Iterator[list[AttendeeView]]:
        """Raises NotFound, StorageUnavailable."""
        after = ""
        while True:
            with self._read() as connection:
                configuration = self._load(connection)
                last, looked_at, page = self._read_page(connection, after)
            self.walked += looked_at
            yield [limits.view(one, configuration, self._wanted.shown) for one in page if self._is_wanted(one)]
            if looked_at < PAGE:
                return
            after = last

    def _read_page(self, connection: Connection, after: str) -> tuple[str, int, list[Attendee]]:
        """The last id that was looked at, how many were, and the attendees."""
        query = self._wanted.query
        if query.group is None:
            status = None if query.status == "all" else query.status
            page = attendees.list_attendees(connection, self._event_id, status=status, after_id=after, limit=PAGE)
            return page[-1].id if page else after, len(page), page
        ids = attendees.list_member_ids(connection, self._event_id, query.group, after_id=after, limit=PAGE)
        found = attendees.find_by_ids(connection, [(self._event_id, one) for one in ids])
        page = sorted((one for _, one in found), key=lambda one: one.id)
        return ids[-1] if ids else after, len(ids), page

    def _is_wanted(self, attendee: Attendee) -> bool:
        return matches(attendee, self._wanted.query, self._wanted.limits)

    @contextmanager
    def _read(self) -> Generator[Connection]:
        """A moment not before the walk began, on the replica if that has it.

        Or somebody who was erased a moment ago would be in the file.
        """
        with reading(self._database, self._event_id, self._least) as connection:
            self.where.note(self._database.age_of(connection))
            yield connection

    def _load(self, connection: Connection) -> Configuration:
        """Of the moment that the connection sees: it knows every name that is found there."""
        version = events.find_version(connection, self._event_id)
        configuration = self._configurations.refresh(connection, self._event_id, version)
        if configuration is None:
            raise NotFound("The event is gone.")
        return configuration


def count_expected(connection: Connection, event_id: str, wanted: Wanted) -> int | None:
    """How many there are, where that can be told without looking at each."""
    query = wanted.query
    plain = (None, None, (), None, None, None, None)
    filters = (query.group, query.source, query.custom_fields, query.updated_since, query.address, query.terms)
    if (*filters, wanted.limits.groups) != plain:
        return None
    absent = exports.count_absent(connection, event_id)
    if query.status == "withdrawn":
        return absent.get("withdrawn", 0)
    left_out = absent.get("merged", 0) if query.status == "all" else sum(absent.values())
    return exports.count_attendees(connection, event_id) - left_out


def _count_total(connection: Connection, event_id: str, wanted: Wanted) -> int:
    if wanted.query.group is not None:
        return exports.count_group(connection, event_id, wanted.query.group)
    if wanted.query.status == "withdrawn":
        return exports.count_absent(connection, event_id).get("withdrawn", 0)
    return exports.count_attendees(connection, event_id)


def _wait_for_replica(database: Database, event_id: str) -> int:
    """The log's head now. When that is given the replica has it, or is away, or has been waited for long enough."""
    with database.read() as connection:
        head = _find_head(connection, event_id)
    waiting = threading.Event()
    deadline = time.monotonic() + _REPLICA_WAITED_S
    while time.monotonic() < deadline:
        with database.read_replica() as connection:
            if _find_head(connection, event_id) >= head:
                break
        waiting.wait(_LOOKED_EVERY_S)
    return head


def _find_head(connection: Connection, event_id: str) -> int:
    clock = events.find_clock(connection, event_id)
    return 0 if clock is None else clock.last_sequence
