"""One page of a list with the cursor to the next: over HTTP and in the console alike."""

import time
from collections.abc import Callable

import msgspec

from turnout import errors
from turnout.downstream.attendees import cursor as cursors
from turnout.downstream.attendees.cursor import Cursor
from turnout.downstream.attendees.page import read_page
from turnout.downstream.attendees.query import Query
from turnout.downstream.attendees.room import bring_up_to_date, reading
from turnout.downstream.limits import EVERYTHING, Limits
from turnout.feed.configurations import Configurations
from turnout.model.age import Age
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.store.database import Database

MAX_WAIT_S = 2.0
"""So long a list waits for the list index, before it says that it is behind."""
LOOKED_EVERY_S = 0.1


class Listed(msgspec.Struct, frozen=True):
    """Some of a list."""

    attendees: list[Attendee]
    cursor: str | None
    """Where it goes on, sealed; None at its end."""
    sequence: int
    """The log's head when the first page was read: following from there on misses nothing."""
    configuration: Configuration
    """Knows every name that is in these attendees."""
    age: Age | None
    """How old it is, where it was read from a replica."""


def read_listed(
    database: Database,
    configurations: Configurations,
    known: Configuration,
    query: Query,
    limits: Limits = EVERYTHING,
    *,
    cursor: str | None = None,
    limit: int = 100,
    size_of: Callable[[Attendee, Configuration], int] = lambda *_: 0,
) -> Listed:
    """The page behind the cursor, at most `limit` attendees.

    Raises InvalidRequest for a cursor of another list, TooBroad, IndexBehind and StorageUnavailable.
    """
    event_id = known.event.id
    begun = cursors.read_cursor(database.secret_key, cursor, event_id, query) if cursor else None
    # Each page is of a moment no earlier than the first one's: from there the changes are followed.
    with reading(database, event_id, begun.sequence if begun else 0) as connection:
        age = database.age_of(connection)
        configuration = bring_up_to_date(configurations, connection, known)
        page = read_page(
            connection,
            event_id,
            query,
            limits,
            after=begun.place if begun else None,
            limit=limit,
            size_of=lambda attendee: size_of(attendee, configuration),
        )
    sequence = begun.sequence if begun else page.head
    following = None
    if page.next is not None:
        its = Cursor(cursors.fingerprint(event_id, query), sequence, *page.next)
        following = cursors.write_cursor(database.secret_key, its)
    return Listed(page.attendees, following, sequence, configuration, age)


def wait_listed(
    database: Database,
    configurations: Configurations,
    known: Configuration,
    query: Query,
    *,
    cursor: str | None = None,
    limit: int = 100,
    size_of: Callable[[Attendee, Configuration], int] = lambda *_: 0,
) -> Listed:
    """The same for staff, who wait in a thread of their own when the list index is a little behind."""
    ends_at = time.monotonic() + MAX_WAIT_S
    while True:
        try:
            return read_listed(database, configurations, known, query, cursor=cursor, limit=limit, size_of=size_of)
        except errors.IndexBehind:
            if time.monotonic() > ends_at:
                raise
        time.sleep(LOOKED_EVERY_S)
