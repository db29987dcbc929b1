"""Suppressions (F2): which source must not bring back whom, by a keyed digest of the address."""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, text

from turnout.store.statements import in_parts, insert, placeholder, run, values


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """One erased address that one source is not to bring back."""

    source_number: int
    digest: str
    created_at: int
    actor: str | None


def add(connection: Connection, event_id: str, new: Sequence[Suppression]) -> None:
    insert(
        connection,
        "suppressions",
        "event_id, source_number, digest, created_at, actor",
        [(event_id, one.source_number, one.digest, one.created_at, one.actor) for one in new],
        "ON CONFLICT DO NOTHING",
    )


def find(connection: Connection, event_id: str, wanted: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Which of these (source, digest) there are."""
    for some in in_parts(wanted, 2):
        rows = run(
            connection,
            f"SELECT source_number, digest FROM suppressions WHERE event_id = {placeholder(connection)}"
            f" AND (source_number, digest) IN (VALUES {values(connection, 2, len(some))})",
            (event_id, *(parameter for pair in some for parameter in pair)),
        )
        yield from (tuple(row) for row in rows)


def list_all(connection: Connection, event_id: str) -> list[Suppression]:
    """Of one event, the latest first."""
    rows = connection.execute(
        text(
            "SELECT source_number, digest, created_at, actor FROM suppressions WHERE event_id = :event_id"
            " ORDER BY created_at DESC, digest, source_number"
        ),
        {"event_id": event_id},
    )
    return [Suppression(source_number=row[0], digest=row[1], created_at=row[2], actor=row[3]) for row in rows]


def lift(connection: Connection, event_id: str, digest: str) -> list[int]:
    """Lets every source bring the address again; gives the sources for which it was suppressed."""
    rows = connection.execute(
        text("DELETE FROM suppressions WHERE event_id = :event_id AND digest = :digest RETURNING source_number"),
        {"event_id": event_id, "digest": digest},
    )
    return sorted(rows.scalars())
