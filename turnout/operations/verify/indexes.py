"""The index tables against the documents of the attendees."""

from typing import Any

from turnout.model.attendee import Attendee
from turnout.model.names import fold_case
from turnout.operations.verify.findings import SLICE, Verifying
from turnout.store import verification
from turnout.store.verification import IndexName


class Indexes:
    """The rows that the documents ask for, looked up some hundred attendees at a time."""

    def __init__(self, verifying: Verifying) -> None:
        self.problem = verifying.problem
        self.counts = verifying.counts
        self.connection = verifying.connection
        self.event_id = verifying.event_id
        self.expected: dict[IndexName, list[tuple[Any, ...]]] = {index: [] for index in verification.INDEXES}
        self.present: dict[IndexName, int] = dict.fromkeys(verification.INDEXES, 0)
        self.waiting = 0

    def expect(self, attendee: Attendee) -> None:
        """Notes the rows that the index tables have to have."""
        for index, rows in _list_index_rows(attendee).items():
            self.expected[index] += rows
        self.waiting += 1
        if self.waiting == SLICE:
            self.look_up()

    def look_up(self) -> None:
        """Compares what was noted with what is there."""
        for index, rows in self.expected.items():
            if rows:
                found = verification.find_present(self.connection, index, self.event_id, rows)
                self.present[index] += len(found)
                for row in rows:
                    if row not in found:
                        message = f"{_name_row(index, row)} is missing in the table {index}."
                        self.problem("index_lacks", message, attendee_id=row[-1])
            self.expected[index] = []
        self.waiting = 0

    def check_surplus(self) -> None:
        """Finds the rows that no document asks for, where the numbers say that there are some."""
        for index, present in self.present.items():
            if self.counts[index] > present:
                self._find_surplus(index, self.counts[index] - present)

    def _find_surplus(self, index: IndexName, surplus: int) -> None:
        for row in verification.read_index(self.connection, index, self.event_id):
            attendee = verification.find_attendee(self.connection, self.event_id, row[-1])
            if attendee is not None and row in _list_index_rows(attendee)[index]:
                continue
            message = f"The table {index} holds {_name_row(index, row)}, which no document asks for."
            self.problem("index_surplus", message, attendee_id=row[-1])
            surplus -= 1
            if not surplus:
                return


def _list_index_rows(attendee: Attendee) -> dict[IndexName, list[tuple[Any, ...]]]:
    """The rows that the index tables hold of an attendee; the addresses of one that was merged are the other's."""
    addresses = {fold_case(address) for address in (attendee.email, *attendee.aliases)}
    return {
        "addresses": [] if attendee.merged_into else [(address, attendee.id) for address in sorted(addresses)],
        "memberships": [(number, attendee.id) for number in attendee.group_numbers()],
        "third_party_ids": [
            (source, third_party_id, attendee.id)
            for source in attendee.parts
            for third_party_id in attendee.ids_of(source)
        ],
    }


def _name_row(index: IndexName, row: tuple[Any, ...]) -> str:
    """A row for people; addresses and ids are somebody's and stay out."""
    if index == "memberships":
        return f"{row[1]} in group {row[0]}"
    what = "an address" if index == "addresses" else f"an id of source {row[0]}"
    return f"{what} of {row[-1]}"
