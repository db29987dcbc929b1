"""How many people of a list have changed while somebody looks at it."""

from turnout.changes.lines import read_lines
from turnout.console.attendees.asked import Asked, to_query
from turnout.console.page import Visit
from turnout.downstream.attendees.matching import matches
from turnout.downstream.attendees.room import bring_up_to_date
from turnout.downstream.limits import EVERYTHING
from turnout.errors import InvalidRequest
from turnout.store import events, listing

MAX_LINES = 2_000
"""Of the log at one look where everybody is listed, of whom no more is read …"""
MAX_FILTERED = 200
"""… and where each has to be looked at. What is more is "many"."""


class News:
    """What one window has not shown yet."""

    def __init__(self, visit: Visit, asked: Asked, since: int) -> None:
        self._visit = visit
        self._asked = asked
        self._ids: set[str] = set()
        self.seen = since
        """The last line that was looked at."""
        self.are_many = False
        """Whether they are more than are counted: then it is looked no more."""

    @property
    def count(self) -> int:
        return len(self._ids)

    def look(self) -> bool:
        """Whether there is more to tell than before. Raises StorageUnavailable."""
        if self.are_many:
            return False
        before = self.count
        if self._asked.is_filtered:
            self._look_at_each()
        else:
            self._look_at_all()
        return self.are_many or self.count > before

    def _look_at_all(self) -> None:
        event_id = self._visit.event.id
        with self._visit.database.read() as connection:
            ids, self.are_many = listing.list_tail_ids(connection, event_id, self.seen, MAX_LINES)
            clock = events.find_clock(connection, event_id)
        self._ids |= ids
        self.seen = self.seen if clock is None else max(self.seen, clock.last_sequence)

    def _look_at_each(self) -> None:
        """Who belongs to the list now, or did before."""
        visit = self._visit
        assert visit.configuration is not None
        with visit.database.read() as connection:
            known = bring_up_to_date(visit.product.feed.configurations, connection, visit.configuration)
            lines = read_lines(connection, known.event.id, after=self.seen, limit=MAX_FILTERED + 1)
        try:
            query = to_query(self._asked, known)
        except InvalidRequest:
            # What it was filtered by is not called so any more: nobody belongs to it.
            return
        self.are_many = len(lines) > MAX_FILTERED
        for line in lines:
            states = (line.after, line.before)
            if line.change.attendee_id is not None and any(
                one is not None and matches(one, query, EVERYTHING) for one in states
            ):
                self._ids.add(line.change.attendee_id)
            self.seen = line.change.sequence
