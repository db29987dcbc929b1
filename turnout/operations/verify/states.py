"""The attendees of an event against their lines in the log, and the index tables against both."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from turnout.changes.fold import as_folded
from turnout.model.attendee import Attendee
from turnout.model.names import Names, fold_case
from turnout.operations.verify.findings import Verifying
from turnout.operations.verify.history import fold_history
from turnout.operations.verify.indexes import Indexes
from turnout.operations.verify.listing import ListIndex
from turnout.store import verification
from turnout.store.verification import StoredAttendee, StoredChange


def check_states(verifying: Verifying) -> None:
    """Every state is what its lines lead to, and the index tables hold what the states say."""
    indexes, listing = Indexes(verifying), ListIndex(verifying)
    stored = verification.read_attendees(verifying.connection, verifying.event_id)
    lines = verification.read_histories(verifying.connection, verifying.event_id)
    for row, history in _side_by_side(stored, lines):
        attendee = _check_one(verifying, row, history)
        if attendee is not None:
            indexes.expect(attendee)
            listing.expect(attendee)
    for tables in (indexes, listing):
        tables.look_up()
        tables.check_surplus()


def _check_one(verifying: Verifying, row: StoredAttendee | None, history: Iterator[StoredChange]) -> Attendee | None:
    """One attendee: the row where there is one, and all lines that there are; gives the document if it can be read."""
    folded = fold_history(verifying, history)
    if row is None:
        if folded is not None:
            verifying.problem("no_state", f"The log knows {folded.id}, who is not there.", attendee_id=folded.id)
        return None
    verifying.count()
    verifying.found.attendees += 1
    where = {"attendee_id": row.id}
    attendee = row.attendee
    if attendee is None or attendee.id != row.id or "email" not in attendee.profile:
        verifying.problem("unreadable_state", f"The document of {row.id} cannot be read.", **where)
        return None
    if folded is None:
        verifying.problem("no_log", f"The log does not know {row.id}.", **where)
    elif differing := _list_differences(as_folded(attendee), as_folded(folded)):
        message = f"The state of {row.id} is not what the log leads to: {', '.join(differing)}."
        verifying.problem("state_differs", message, **where)
    _check_columns(verifying, row, attendee)
    _check_numbers(verifying, attendee)
    return attendee


def _check_columns(verifying: Verifying, row: StoredAttendee, attendee: Attendee) -> None:
    """What is extracted to search and sort by."""
    names = (_text(attendee, "firstName"), _text(attendee, "lastName"))
    expected = {
        "status": attendee.status,
        "email_key": fold_case(attendee.email),
        "name_key": fold_case(" ".join(filter(None, names))),
        "company_key": fold_case(_text(attendee, "company") or ""),
        "updated_at": attendee.updated_at,
    }
    differing = [column for column, value in expected.items() if getattr(row, column) != value]
    if differing:
        message = f"Columns of {row.id} are not what the document says: {', '.join(differing)}."
        verifying.problem("columns_differ", message, attendee_id=row.id)


def _check_numbers(verifying: Verifying, attendee: Attendee) -> None:
    """Custom fields, groups and sources that the document names are registered."""
    configuration = verifying.configuration
    values = (attendee.profile, attendee.custom_fields, attendee.unknown_fields)
    sources = {said.source for some in values for said in some.values()} | attendee.parts.keys()
    unknown = [
        *_list_unknown("custom field", attendee.custom_fields, configuration.custom_fields),
        *_list_unknown("group", {*attendee.group_numbers(), *attendee.held}, configuration.groups),
        *_list_unknown("pinned custom field", attendee.pins, configuration.custom_fields),
        *(f"source {number}" for number in sorted(sources) if number not in configuration.sources),
    ]
    if unknown:
        message = f"The document of {attendee.id} names what is not registered: {', '.join(unknown)}."
        verifying.problem("unknown_number", message, attendee_id=attendee.id)


def _side_by_side(
    stored: Iterator[StoredAttendee], lines: Iterator[StoredChange]
) -> Iterator[tuple[StoredAttendee | None, Iterator[StoredChange]]]:
    """Every attendee that either knows, with his row and his lines; both come in the order of the ids.

    The lines have to be read before the next attendee is asked for.
    """
    row, line = next(stored, None), next(lines, None)

    def take(attendee_id: str) -> Iterator[StoredChange]:
        nonlocal line
        while line is not None and line.attendee_id == attendee_id:
            yield line
            line = next(lines, None)

    while row is not None or line is not None:
        attendee_id = min(one for one in (_id_of(row), _id_of_line(line)) if one is not None)
        history = take(attendee_id)
        if row is not None and row.id == attendee_id:
            yield row, history
            row = next(stored, None)
        else:
            yield None, history
        # What a caller has left over.
        for _ in history:
            pass


def _id_of(row: StoredAttendee | None) -> str | None:
    return None if row is None else row.id


def _id_of_line(line: StoredChange | None) -> str | None:
    return None if line is None else line.attendee_id


def _list_differences(state: Attendee, folded: Attendee) -> list[str]:
    """Where two attendees differ, in names for people. Values stay out: they are somebody's."""
    simple = [
        name
        for name in (
            "status",
            "created_at",
            "updated_at",
            "sequence",
            "aliases",
            "pins",
            "held",
            "removed",
            "merged_into",
            "absorbed",
        )
        if getattr(state, name) != getattr(folded, name)
    ]
    deep = [
        f"{title} {key}"
        for title, of_state, of_log in (
            ("profile", state.profile, folded.profile),
            ("custom field", state.custom_fields, folded.custom_fields),
            ("unknown field", state.unknown_fields, folded.unknown_fields),
            ("part of source", state.parts, folded.parts),
        )
        for key in sorted(chain(of_state.keys() | of_log.keys()), key=str)
        if of_state.get(key) != of_log.get(key)  # type: ignore[call-overload]
    ]
    return simple + deep


def _list_unknown(what: str, numbers: Any, names: Names) -> list[str]:
    """Those numbers that have no name; what is no number is a field of the profile."""
    return [
        f"{what} {number}"
        for number in sorted(one for one in numbers if isinstance(one, int))
        if number not in names.by_number
    ]


def _text(attendee: Attendee, field: str) -> str | None:
    said = attendee.profile.get(field)
    return said.value if said else None
