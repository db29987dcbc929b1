"""One moment of an event as a list sees it: how far its log is, who the list index does not know yet, how much time."""

import operator
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from turnout import errors
from turnout.downstream.attendees.matching import Place, matches, place_of
from turnout.downstream.attendees.query import Query
from turnout.downstream.limits import Limits
from turnout.model.attendee import Attendee
from turnout.store import attendees, changes, events, listing
from turnout.store.statements import Connection

MAX_WALK_S = 2.0
"""So long a page is looked for."""
MAX_TAIL_LINES = 3_000
"""Of the log, behind the list index: whom they tell of is read for each page."""
DOCUMENTS = 250
"""Read at once: an attendee may hold 1 MiB."""


class Moment:
    """What one list needs to know, each of it asked for once. Its connection sees a single moment."""

    def __init__(self, connection: Connection, event_id: str, query: Query, limits: Limits) -> None:
        self.connection = connection
        self.event_id = event_id
        self.query = query
        self.limits = limits
        self._ends_at = time.monotonic() + MAX_WALK_S

    @cached_property
    def head(self) -> int:
        """The last line of the log."""
        clock = events.find_clock(self.connection, self.event_id)
        return 0 if clock is None else clock.last_sequence

    @cached_property
    def first_line(self) -> int:
        """The first line since which somebody may have changed, by the query."""
        since = self.query.updated_since
        return 1 if since is None else changes.find_first_since(self.connection, self.event_id, since, self.head)

    @cached_property
    def tail_ids(self) -> frozenset[str]:
        """Of whom the list index does not know all yet. Raises IndexBehind where they are too many."""
        cursor = listing.find_cursor(self.connection, self.event_id)
        ids, are_more = listing.list_tail_ids(self.connection, self.event_id, cursor, MAX_TAIL_LINES)
        if are_more:
            raise errors.IndexBehind(
                f"Lists that are searched, or sorted or filtered so, know {cursor:,} of {self.head:,} changes so far."
            )
        return frozenset(ids)

    @cached_property
    def tail(self) -> list[Place]:
        """Who of them is wanted, and where; in order."""
        found = self.read(sorted(self.tail_ids))
        return sorted(
            (place_of(one, self.query) for one in found if matches(one, self.query, self.limits)),
            reverse=self.query.descending,
        )

    def read(self, ids: Sequence[str]) -> Iterator[Attendee]:
        """The attendees with these ids, in whatever order; those that are gone are left out. Raises TooBroad."""
        for start in range(0, len(ids), DOCUMENTS):
            self.check_time()
            wanted = [(self.event_id, one) for one in ids[start : start + DOCUMENTS]]
            yield from (found for _, found in attendees.find_by_ids(self.connection, wanted))

    def behind(self, places: Iterable[Place], after: Place | None) -> list[Place]:
        """Those of these places that come later in the list than that one."""
        if after is None:
            return list(places)
        # One list is sorted by texts or by numbers, never by both.
        is_behind: Any = operator.lt if self.query.descending else operator.gt
        return [place for place in places if is_behind(place, after)]

    def check_time(self) -> None:
        """Raises TooBroad when the time for it is over."""
        if time.monotonic() > self._ends_at:
            raise errors.TooBroad(
                f"Too few of the many who had to be looked at belong to this list: {_describe(self.query)}. "
                f"After {MAX_WALK_S:g} s it was given up."
            )


def _describe(query: Query) -> str:
    """What was combined, without values: they may tell of people."""
    filters = {
        "group": query.group,
        "source": query.source,
        "customField": query.custom_fields or None,
        "updatedSince": query.updated_since,
        "email": query.address,
        "q": query.terms,
        "status": None if query.status == "attending" else query.status,
    }
    given = [name for name, value in filters.items() if value is not None]
    return f"{', '.join(given) or 'no filter'}, sorted by {query.order}"
