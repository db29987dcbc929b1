"""One page of a list, read in one moment: over HTTP and by the command line alike."""

from collections.abc import Callable

import msgspec

from turnout.downstream.attendees.matching import Place, matches
from turnout.downstream.attendees.moment import Moment
from turnout.downstream.attendees.query import Query
from turnout.downstream.attendees.walk import walk
from turnout.downstream.limits import Limits
from turnout.model.attendee import Attendee
from turnout.store.statements import Connection

MAX_PAGE = 1_000
MAX_PAGE_BYTES = 16 * 1024 * 1024
"""An attendee may hold 1 MiB: a page of such ends early, and the next one goes on."""


class Page(msgspec.Struct, frozen=True):
    """Some of a list."""

    attendees: list[Attendee]
    next: Place | None
    """The last one's place, where there are more behind."""
    head: int
    """The log's when this was read: following from there on misses nothing of what is here."""


def read_page(
    connection: Connection,
    event_id: str,
    query: Query,
    limits: Limits,
    *,
    after: Place | None = None,
    limit: int = 100,
    size_of: Callable[[Attendee], int] = lambda _: 0,
) -> Page:
    """The attendees behind a place, at most `limit`. Raises TooBroad and IndexBehind.

    `size_of` gives the bytes that one will take, so that the page ends before they are too many.
    """
    moment = Moment(connection, event_id, query, limits)
    found: list[Attendee] = []
    size_bytes, last = 0, after
    for place, attendee in walk(moment, after, limit + 1):
        if not matches(attendee, query, limits):
            continue
        if len(found) == limit or size_bytes > MAX_PAGE_BYTES:
            return Page(found, last, moment.head)
        found.append(attendee)
        size_bytes += size_of(attendee)
        last = place
    return Page(found, None, moment.head)
