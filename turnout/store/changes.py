"""The change log: written by the commit, read by whoever follows or explains."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from turnout.model.change import Change, Entry
from turnout.store.statements import in_parts, insert, is_postgresql, placeholder, run, values

_CHANGE = "event_id, sequence, kind, at, true_at, attendee_id, email, push_id, source_number, actor, entries, previous"
_CHANGE_OF_HISTORY = ", ".join(f"changes.{column}" for column in _CHANGE.split(", "))
_LINE_BY_LINE = "CROSS JOIN changes"
"""From each line to the one before, by its number. A mere JOIN SQLite turns round, and walks the whole log for each
step: a thousand times as long in a log of 30,000 lines. CROSS JOIN is the word by which it keeps the order."""
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
                change.previous,
            )
            for event_id, change in rows
        ],
    )


def list_changes(connection: Connection, event_id: str, *, after: int = 0, limit: int = 1_000) -> list[Change]:
    """The lines behind `after`, in order."""
    # Between a push and its followers: in the driver's own notation.
    one = placeholder(connection)
    rows = run(
        connection,
        f"SELECT {_CHANGE} FROM changes WHERE event_id = {one} AND sequence > {one} ORDER BY sequence LIMIT {one}",
        (event_id, after, limit),
    )
    return [read_change(row) for row in rows]


def list_renames(connection: Connection, event_id: str, *, after: int) -> list[Change]:
    """The lines behind `after` by which a custom field or a group has another name, in order.

    All there are: people give names, one by one.
    """
    one = placeholder(connection)
    # SQLite would walk the whole log behind `after`, in whose order it wants them.
    table = "changes" if is_postgresql(connection) else "changes INDEXED BY changes_of_event"
    rows = run(
        connection,
        f"SELECT {_CHANGE} FROM {table} WHERE event_id = {one} AND attendee_id IS NULL AND sequence > {one}"
        " AND kind IN ('field_renamed', 'group_renamed') ORDER BY sequence",
        (event_id, after),
    )
    return [read_change(row) for row in rows]


def list_history(connection: Connection, event_id: str, last: int | None, *, limit: int = 1_000) -> list[Change]:
    """The lines of one attendee from `last` back, the latest first; the last one's `previous` is where to go on."""
    rows = connection.execute(
        text(
            "WITH RECURSIVE history (sequence, previous, place) AS ("
            " SELECT sequence, previous, 1 FROM changes WHERE event_id = :event_id AND sequence = :last"
            " UNION ALL"
            f" SELECT changes.sequence, changes.previous, history.place + 1 FROM history {_LINE_BY_LINE}"
            " WHERE changes.event_id = :event_id AND changes.sequence = history.previous AND history.place < :limit)"
            f" SELECT {_CHANGE_OF_HISTORY} FROM history {_LINE_BY_LINE}"
            " WHERE changes.event_id = :event_id AND changes.sequence = history.sequence"
            " ORDER BY changes.sequence DESC"
        ),
        {"event_id": event_id, "last": last, "limit": limit},
    )
    return [read_change(row) for row in rows]


def find_first_since(connection: Connection, event_id: str, at: int, head: int) -> int:
    """The number of the first line made at that time or later, of `head` lines; one behind the head where none was.

    No line was made before the one above: it is found by halving, and needs no index.
    """
    low, high = 1, head + 1
    while low < high:
        middle = (low + high) // 2
        made_at = connection.execute(
            text("SELECT at FROM changes WHERE event_id = :event_id AND sequence = :sequence"),
            {"event_id": event_id, "sequence": middle},
        ).scalar_one()
        low, high = (low, middle) if made_at >= at else (middle + 1, high)
    return low


def list_histories(
    connection: Connection, event_id: str, lasts: Sequence[int], *, lowest: int, limit: int
) -> dict[int, Change]:
    """The lines of several attendees from these back to `lowest`, up to `limit` of each; by sequence."""
    found: dict[int, Change] = {}
    for some in in_parts([(last,) for last in sorted(set(lasts))], 1):
        rows = connection.exec_driver_sql(
            "WITH RECURSIVE history (sequence, previous, place) AS ("
            " SELECT sequence, previous, 1 FROM changes"
            f" WHERE event_id = {placeholder(connection)} AND sequence IN ({values(connection, 1, len(some))})"
            " UNION ALL"
            f" SELECT changes.sequence, changes.previous, history.place + 1 FROM history {_LINE_BY_LINE}"
            f" WHERE changes.event_id = {placeholder(connection)} AND changes.sequence = history.previous"
            f" AND history.previous >= {placeholder(connection)} AND history.place < {placeholder(connection)})"
            f" SELECT {_CHANGE_OF_HISTORY} FROM history {_LINE_BY_LINE}"
            f" WHERE changes.event_id = {placeholder(connection)} AND changes.sequence = history.sequence",
            (event_id, *(last for (last,) in some), event_id, lowest, limit, event_id),
        )
        found |= {row.sequence: read_change(row) for row in rows}
    return found


def find_changes(connection: Connection, event_id: str, sequences: Sequence[int]) -> dict[int, Change]:
    """These lines, by sequence."""
    return {sequence: read_change(row) for sequence, row in find_rows(connection, event_id, sequences).items()}


def find_rows(connection: Connection, event_id: str, sequences: Sequence[int]) -> dict[int, Any]:
    """The rows of these lines as they are, by sequence."""
    found = {}
    for some in in_parts([(sequence,) for sequence in sequences], 1):
        rows = connection.exec_driver_sql(
            f"SELECT {_CHANGE} FROM changes"
            f" WHERE event_id = {placeholder(connection)} AND sequence IN ({values(connection, 1, len(some))})",
            (event_id, *(sequence for (sequence,) in some)),
        )
        found |= {row.sequence: row for row in rows}
    return found


def read_change(row: Any) -> Change:
    """A row of the log as the line that it is. Raises msgspec.DecodeError where its entries are damaged."""
    _, sequence, kind, at, true_at, attendee_id, email, push_id, source_number, actor, entries, previous = row
    return Change(
        sequence=sequence,
        kind=kind,
        at=at,
        true_at=true_at,
        attendee_id=attendee_id,
        email=email,
        push_id=push_id,
        source_number=source_number,
        actor=actor,
        entries=_decode_entries(entries),
        previous=previous,
    )
