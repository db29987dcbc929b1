"""What an erasure takes away (F1): values go, sequence numbers and kinds stay."""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, text

from turnout.store.connect import in_parts, run, values

_PAGE = 5_000


class StoredTrace(msgspec.Struct, frozen=True):
    """A line of the push log, as far as it tells whom it is about."""

    id: str
    attendee_id: str | None
    email: str | None
    body: str | None
    """Only of a push that failed: what it says may be anybody's."""


def read_pushes(connection: Connection, event_id: str, after: str = "") -> Iterator[StoredTrace]:
    """The push log behind `after`, in order."""
    while True:
        rows = connection.execute(
            text(
                "SELECT pushes.id, pushes.attendee_id, pushes.email, bodies.body FROM pushes"
                " LEFT JOIN bodies ON bodies.event_id = pushes.event_id AND bodies.push_id = pushes.id"
                " AND pushes.attendee_id IS NULL"
                " WHERE pushes.event_id = :event_id AND pushes.id > :after ORDER BY pushes.id LIMIT :limit"
            ),
            {"event_id": event_id, "after": after, "limit": _PAGE},
        ).all()
        yield from (StoredTrace(*row) for row in rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


def redact_changes(connection: Connection, event_id: str, sequences: Sequence[int]) -> None:
    """Lines without values and addresses."""
    for some in in_parts([(sequence,) for sequence in sequences], 1):
        run(
            connection,
            f"UPDATE changes SET entries = '[]', email = NULL WHERE event_id = {_one(connection)}"
            f" AND sequence IN ({values(connection, 1, len(some))})",
            (event_id, *(sequence for (sequence,) in some)),
        )


def redact_pushes(connection: Connection, event_id: str, push_ids: Sequence[str], failure: str) -> None:
    """Lines without address, warnings and body; one that failed says `failure` instead of why."""
    for some in in_parts([(push_id,) for push_id in push_ids], 1):
        its = (event_id, *(push_id for (push_id,) in some))
        among = f"({values(connection, 1, len(some))})"
        run(
            connection,
            "UPDATE pushes SET email = NULL, warnings = NULL, more_warnings = NULL,"
            f" failure = CASE WHEN failure IS NULL THEN NULL ELSE {_one(connection)} END"
            f" WHERE event_id = {_one(connection)} AND id IN {among}",
            (failure, *its),
        )
        run(connection, f"DELETE FROM bodies WHERE event_id = {_one(connection)} AND push_id IN {among}", its)


def remove_attendees(connection: Connection, event_id: str, attendee_ids: Sequence[str]) -> None:
    for attendee_id in attendee_ids:
        connection.execute(
            text("DELETE FROM attendees WHERE event_id = :event_id AND id = :id"),
            {"event_id": event_id, "id": attendee_id},
        )


def read_answers(connection: Connection, event_id: str) -> Iterator[tuple[int, str, int, str]]:
    """What repeated requests would be answered: source, key, item, answer."""
    rows = connection.execute(
        text("SELECT source_number, key, item, answer FROM idempotency WHERE event_id = :event_id"),
        {"event_id": event_id},
    )
    for row in rows:
        yield row.source_number, row.key, row.item, row.answer


def remove_answers(connection: Connection, event_id: str, places: Sequence[tuple[int, str, int]]) -> None:
    for some in in_parts([(event_id, *place) for place in places], 4):
        run(
            connection,
            "DELETE FROM idempotency WHERE (event_id, source_number, key, item)"
            f" IN (VALUES {values(connection, 4, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


def _one(connection: Connection) -> str:
    """A single placeholder, as the driver writes it."""
    return values(connection, 1, 1)[1:-1]
