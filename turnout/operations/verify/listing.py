"""The list index against the documents of those whom its cursor has passed, and its tables against each other."""

from turnout.changes.listing.rows import rows_of
from turnout.model.attendee import Attendee
from turnout.operations.verify.findings import SLICE, Verifying
from turnout.store import cursors, listing, verification
from turnout.store.listing import Listed


class ListIndex:
    """What documents and the table `listed` ask for, looked up some hundred attendees at a time."""

    def __init__(self, verifying: Verifying) -> None:
        self.problem = verifying.problem
        self.connection = verifying.connection
        self.event_id = verifying.event_id
        self.cursor = cursors.find_cursor(self.connection, self.event_id, listing.CONSUMER) or 0
        self.counts = verification.count_listing(self.connection, self.event_id)
        self.present = dict.fromkeys(self.counts, 0)
        self.waiting: list[Attendee] = []

    def expect(self, attendee: Attendee) -> None:
        """Notes one who is to be looked up."""
        self.waiting.append(attendee)
        if len(self.waiting) == SLICE:
            self.look_up()

    def look_up(self) -> None:
        """Compares what was noted with what is there."""
        listed = listing.find_listed(self.connection, self.event_id, [attendee.id for attendee in self.waiting])
        for attendee in self.waiting:
            # Of whom the tail tells, more is known than the index can know.
            if attendee.sequence <= self.cursor:
                self._compare(attendee, listed.get(attendee.id))
        self._look_up_rows(list(listed.values()))
        self.waiting = []

    def check_surplus(self) -> None:
        """Counts the rows that nobody asks for."""
        # While all is made anew there are some.
        if self.cursor != listing.CLEARING:
            for table, present in self.present.items():
                if self.counts[table] > present:
                    message = f"The list index has {self.counts[table] - present:,} rows too many in the table {table}."
                    self.problem("listing_surplus", message)

    def _compare(self, attendee: Attendee, has: Listed | None) -> None:
        asked = rows_of(attendee)
        if has == asked:
            return
        if has is None or asked is None:
            what = "does not have" if has is None else "still has"
            self.problem("listing_differs", f"The list index {what} {attendee.id}.", attendee_id=attendee.id)
            return
        columns = ("email_key", "last_name_key", "facets", "words")
        differing = [column for column in columns if getattr(has, column) != getattr(asked, column)]
        message = f"The list index does not have of {attendee.id} what the document says: {', '.join(differing)}."
        self.problem("listing_differs", message, attendee_id=attendee.id)

    def _look_up_rows(self, listed: list[Listed]) -> None:
        facets = [(facet, one.attendee_id, one.email_key, one.last_name_key) for one in listed for facet in one.facets]
        words = [(word, one.attendee_id) for one in listed for word in one.words]
        found_facets = verification.find_facets(self.connection, self.event_id, [row[:2] for row in facets])
        found_words = verification.find_words(self.connection, self.event_id, words)
        self.present["listed"] += len(listed)
        self.present["facets"] += len(found_facets)
        self.present["words"] += len(found_words)
        lacking = [("facet", row[1]) for row in facets if row not in found_facets]
        lacking += [("word", row[1]) for row in words if row not in found_words]
        # Which one, is somebody's.
        for what, attendee_id in lacking:
            message = f"A {what} of {attendee_id} is missing in the list index, or stands in the wrong place."
            self.problem("listing_lacks", message, attendee_id=attendee_id)
