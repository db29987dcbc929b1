"""Refused requests, counted (A4)."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, text

from turnout.store.statements import insert

MAX_ROWS = 10_000
"""Kept of all events together; the longest quiet go first."""


class Refusal(msgspec.Struct, frozen=True, rename="camel"):
    """How often somebody was refused: where, from which address, with the public part of which key."""

    event_id: str
    """Empty where the address was of no event."""
    address: str
    key_id: str
    """Empty where there was no key, or nothing like one."""
    count: int
    first_at: int
    last_at: int


def add_refusals(connection: Connection, refusals: Sequence[Refusal]) -> None:
    insert(
        connection,
        "refusals",
        "event_id, address, key_id, count, first_at, last_at",
        [msgspec.structs.astuple(refusal) for refusal in refusals],
        "ON CONFLICT (event_id, address, key_id) DO UPDATE SET"
        " count = refusals.count + excluded.count, last_at = excluded.last_at",
    )


def trim(connection: Connection) -> None:
    """Removes the longest quiet ones beyond what is kept."""
    connection.execute(
        text(
            "DELETE FROM refusals WHERE last_at < (SELECT min(last_at) FROM"
            " (SELECT last_at FROM refusals ORDER BY last_at DESC LIMIT :most) AS latest)"
        ),
        {"most": MAX_ROWS},
    )


def list_refusals(connection: Connection, event_id: str, limit: int = 1_000) -> list[Refusal]:
    """Of one event, latest first."""
    rows = connection.execute(
        text(
            "SELECT event_id, address, key_id, count, first_at, last_at FROM refusals"
            " WHERE event_id = :event_id ORDER BY last_at DESC LIMIT :limit"
        ),
        {"event_id": event_id, "limit": limit},
    )
    return [Refusal(*row) for row in rows]
