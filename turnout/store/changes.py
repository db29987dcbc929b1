"""The change log: written by the commit, read by whoever follows or explains."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from turnout.model.change import Change, Entry
from turnout.store.connect import in_parts, insert, values

_CHANGE = "event_id, sequence, kind, at, true_at, attendee_id, email, push_id, source_number, actor, entries"
_encode = msgspec.json.Encoder().encode
_decode_entries = msgspec.json.Decoder(list[Entry]).decode


def add_changes(connection: Connection, rows: Sequence[tuple[str, Change]]) -> None:
    """Appends lines; rows of event and change."""
    insert(
        connection,
        "changes",
        _CHANGE,
        [
            (
                event_id,
                change.sequence,
                change.kind,
                change.at,
                change.true_at,
                change.attendee_id,
                change.email,
                change.push_id,
                change.source_number,
                change.actor,
                _encode(change.entries).decode(),
            )
            for event_id, change in rows
        ],
    )


def list_changes(
    connection: Connection, event_id: str, *, after: int = 0, limit: int = 1_000, attendee_id: str | None = None
) -> list[Change]:
    """The lines behind `after`, in order; of one attendee where asked for."""
    its = "" if attendee_id is None else "AND attendee_id = :attendee_id "
    rows = connection.execute(
        text(
            f"SELECT {_CHANGE} FROM changes WHERE event_id = :event_id AND sequence > :after {its}"
            "ORDER BY sequence LIMIT :limit"
        ),
        {"event_id": event_id, "after": after, "attendee_id": attendee_id, "limit": limit},
    )
    return [read_change(row) for row in rows]


def find_changes(connection: Connection, event_id: str, sequences: Sequence[int]) -> dict[int, Change]:
    """These lines, by sequence."""
    found = {}
    for some in in_parts([(sequence,) for sequence in sequences], 1):
        rows = connection.exec_driver_sql(
            f"SELECT {_CHANGE} FROM changes"
            f" WHERE event_id = {values(connection, 1, 1)} AND sequence IN ({values(connection, 1, len(some))})",
            (event_id, *(sequence for (sequence,) in some)),
        )
        found |= {row.sequence: read_change(row) for row in rows}
    return found


def read_change(row: Any) -> Change:
    """A row of the log as the line that it is. Raises msgspec.DecodeError where its entries are damaged."""
    return Change(
        sequence=row.sequence,
        kind=row.kind,
        at=row.at,
        true_at=row.true_at,
        attendee_id=row.attendee_id,
        email=row.email,
        push_id=row.push_id,
        source_number=row.source_number,
        actor=row.actor,
        entries=_decode_entries(row.entries),
    )
