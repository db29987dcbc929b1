"""How many pushes came to what: a row for ten minutes, source and result, written with the pushes themselves."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from turnout.store.statements import insert, is_postgresql

SLOT_US = 10 * 60 * 1_000_000
KEPT_SLOTS = 35 * 24 * 6
"""35 days: what is shown of thirty, and the days at its edges."""


class Sum(NamedTuple):
    """What came of one source in some ten minutes together."""

    span: int
    """Which of them since 1970."""
    source_number: int
    result: str
    """As the push log has it; `rehearsed`, whatever would have become of it, for what came in a rehearsal."""
    count: int
    last_slot: int
    """The last of the ten minutes in which any came."""


def add_counts(connection: Connection, rows: Sequence[tuple[str, int, int, str, int]]) -> None:
    """Adds to what is counted: rows of event, slot, source, result, how many. No place twice."""
    insert(
        connection,
        "push_counts",
        "event_id, slot, source_number, result, count",
        rows,
        "ON CONFLICT (event_id, slot, source_number, result) DO UPDATE SET count = push_counts.count + excluded.count",
    )


def list_sums(connection: Connection, event_id: str, since_slot: int, slots: int) -> list[Sum]:
    """An event's counts from this slot on, so many slots together, the oldest first."""
    rows = connection.execute(
        text(
            "SELECT slot / :slots AS span, source_number, result, sum(count), max(slot) FROM push_counts"
            " WHERE event_id = :event_id AND slot >= :since_slot"
            " GROUP BY span, source_number, result ORDER BY span, source_number, result"
        ),
        {"event_id": event_id, "since_slot": since_slot, "slots": slots},
    )
    return [Sum(span, source_number, result, int(count), last) for span, source_number, result, count, last in rows]


def list_sums_of_events(
    connection: Connection, event_ids: Sequence[str], since_slot: int, slots: int
) -> list[tuple[str, int, str, int, int]]:
    """Event, span (the first begins with `since_slot` and is 0), result, how many, the last slot; `slots` together."""
    rows = connection.execute(
        text(
            "SELECT event_id, (slot - :since_slot) / :slots AS span, result, sum(count), max(slot) FROM push_counts"
            " WHERE event_id IN :event_ids AND slot >= :since_slot GROUP BY event_id, span, result"
        ).bindparams(bindparam("event_ids", expanding=True)),
        {"event_ids": list(event_ids), "since_slot": since_slot, "slots": slots},
    )
    return [(event_id, span, result, int(count), last) for event_id, span, result, count, last in rows]


def list_events_before(connection: Connection, before_slot: int, limit: int) -> list[str]:
    """Some events that have counts of earlier slots."""
    return list(
        connection.execute(
            # Event by event, each at the beginning of its rows: nothing says of all rows which are old.
            text(
                "SELECT id FROM events WHERE (SELECT min(slot) FROM push_counts WHERE event_id = events.id)"
                " < :before_slot ORDER BY id LIMIT :limit"
            ),
            {"before_slot": before_slot, "limit": limit},
        ).scalars()
    )


def forget_counts(connection: Connection, event_id: str, before_slot: int, limit: int) -> int:
    """Removes some of the event's counts of earlier slots; gives how many."""
    passing = " FOR UPDATE SKIP LOCKED" if is_postgresql(connection) else ""
    return connection.execute(
        text(
            "DELETE FROM push_counts WHERE event_id = :event_id AND (slot, source_number, result) IN"
            " (SELECT slot, source_number, result FROM push_counts"
            f" WHERE event_id = :event_id AND slot < :before_slot ORDER BY slot LIMIT :limit{passing})"
        ),
        {"event_id": event_id, "before_slot": before_slot, "limit": limit},
    ).rowcount
