"""Keeps the list index in step with the log: whoever a line is about gets the rows that his document asks for."""

from functools import partial

from turnout.changes.follow import Consumer, Step
from turnout.changes.listing.rows import rows_of
from turnout.store import attendees, listing
from turnout.store.listing import Listed
from turnout.store.statements import Connection

_CLEARED_AT_ONCE = 200
"""Attendees, where all is made anew."""


def handle(connection: Connection, event_id: str, after: int, limit: int) -> Step:
    """What the documents of those whom these lines are about ask for; their later lines say the same once more."""
    if after == listing.CLEARING:
        return _clear(connection, event_id)
    lines = listing.list_touched(connection, event_id, after, limit)
    if not lines:
        raise LookupError(f"The log has no line behind {after}, and its clock says that there is one.")
    wanted = sorted({attendee_id for _, attendee_id in lines if attendee_id is not None})
    before = listing.find_listed(connection, event_id, wanted)
    now = {}
    for _, attendee in attendees.find_by_ids(connection, [(event_id, attendee_id) for attendee_id in wanted]):
        rows = rows_of(attendee)
        if rows is not None:
            now[attendee.id] = rows
    # Most updates touch nothing that lists go by.
    same = {attendee_id for attendee_id, rows in now.items() if before.get(attendee_id) == rows}
    before, now = _without(before, same), _without(now, same)
    return Step(lines[-1][0], partial(_record, event_id=event_id, before=before, now=now))


def _record(connection: Connection, event_id: str, before: dict[str, Listed], now: dict[str, Listed]) -> None:
    # Who was erased meanwhile has no rows any more, and must not get any.
    present = listing.lock_attendees(connection, event_id, before.keys() | now.keys())
    still = {attendee_id: rows for attendee_id, rows in now.items() if attendee_id in present}
    listing.write_listed(connection, event_id, before, still)


def _clear(connection: Connection, event_id: str) -> Step:
    if not listing.has_rows(connection, event_id):
        return Step(0, lambda _: None)
    return Step(listing.CLEARING, lambda connection: listing.clear_some(connection, event_id, _CLEARED_AT_ONCE))


def _without(rows: dict[str, Listed], left_out: set[str]) -> dict[str, Listed]:
    return {attendee_id: one for attendee_id, one in rows.items() if attendee_id not in left_out}


consumer = Consumer(listing.CONSUMER, handle)
