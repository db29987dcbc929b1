"""How far each consumer of an event's log has come. The cursor is moved in the transaction that writes what follows."""

import msgspec
from sqlalchemy import Connection, text


class Behind(msgspec.Struct, frozen=True):
    """An event whose log is longer than what a consumer has finished."""

    event_id: str
    cursor: int | None
    """None where the consumer has not begun."""
    head: int


def find_cursor(connection: Connection, event_id: str, consumer: str) -> int | None:
    """The last line that the consumer has finished; None where it has not begun."""
    return connection.execute(
        text("SELECT sequence FROM cursors WHERE event_id = :event_id AND consumer = :consumer"),
        {"event_id": event_id, "consumer": consumer},
    ).scalar()


def move_cursor(connection: Connection, event_id: str, consumer: str, before: int | None, after: int) -> bool:
    """False where the cursor is not, or no longer, where it was read: then it stays, and nothing may be recorded."""
    its = {"event_id": event_id, "consumer": consumer, "before": before, "after": after}
    if before is None:
        statement = (
            "INSERT INTO cursors (event_id, consumer, sequence) VALUES (:event_id, :consumer, :after)"
            " ON CONFLICT DO NOTHING"
        )
    else:
        statement = (
            "UPDATE cursors SET sequence = :after"
            " WHERE event_id = :event_id AND consumer = :consumer AND sequence = :before"
        )
    return connection.execute(text(statement), its).rowcount == 1


def set_cursor(connection: Connection, event_id: str, consumer: str, sequence: int) -> None:
    """Puts the cursor somewhere else, wherever it was; whoever works with it begins his step anew."""
    connection.execute(
        text(
            "INSERT INTO cursors (event_id, consumer, sequence) VALUES (:event_id, :consumer, :sequence)"
            " ON CONFLICT (event_id, consumer) DO UPDATE SET sequence = excluded.sequence"
        ),
        {"event_id": event_id, "consumer": consumer, "sequence": sequence},
    )


def list_behind(connection: Connection, consumer: str, after: str, limit: int) -> list[Behind]:
    """The events behind `after` of which the consumer has something to read, in the order of their ids."""
    rows = connection.execute(
        text(
            "SELECT clocks.event_id, cursors.sequence, clocks.last_sequence FROM clocks"
            " LEFT JOIN cursors ON cursors.event_id = clocks.event_id AND cursors.consumer = :consumer"
            " WHERE clocks.event_id > :after AND clocks.last_sequence > COALESCE(cursors.sequence, 0)"
            " ORDER BY clocks.event_id LIMIT :limit"
        ),
        {"consumer": consumer, "after": after, "limit": limit},
    )
    return [Behind(*row) for row in rows]


def find_behind(connection: Connection, consumer: str, event_id: str) -> Behind | None:
    """The same of one event; None where the consumer has read everything."""
    row = connection.execute(
        text(
            "SELECT clocks.event_id, cursors.sequence, clocks.last_sequence FROM clocks"
            " LEFT JOIN cursors ON cursors.event_id = clocks.event_id AND cursors.consumer = :consumer"
            " WHERE clocks.event_id = :event_id AND clocks.last_sequence > COALESCE(cursors.sequence, 0)"
        ),
        {"consumer": consumer, "event_id": event_id},
    ).first()
    return None if row is None else Behind(*row)


def count_behind(connection: Connection, consumer: str) -> int:
    """How many lines of all events the consumer has not read."""
    return int(
        connection.execute(
            text(
                "SELECT COALESCE(sum(clocks.last_sequence - COALESCE(cursors.sequence, 0)), 0) FROM clocks"
                " LEFT JOIN cursors ON cursors.event_id = clocks.event_id AND cursors.consumer = :consumer"
                " WHERE clocks.last_sequence > COALESCE(cursors.sequence, 0)"
            ),
            {"consumer": consumer},
        ).scalar_one()
    )


def list_cursors(connection: Connection, consumer: str) -> dict[str, int]:
    """Its cursors, by event, in those events that it has begun."""
    rows = connection.execute(
        text("SELECT event_id, sequence FROM cursors WHERE consumer = :consumer"), {"consumer": consumer}
    )
    return {row.event_id: row.sequence for row in rows}


def begin_at_heads(connection: Connection, consumer: str, event_id: str | None) -> None:
    """Puts its cursor behind all that there is of this event, or of every event: it follows what comes from now on."""
    connection.execute(
        text(
            "INSERT INTO cursors (event_id, consumer, sequence)"
            " SELECT event_id, CAST(:consumer AS text), last_sequence FROM clocks"
            " WHERE event_id = COALESCE(CAST(:event_id AS text), event_id)"
        ),
        {"consumer": consumer, "event_id": event_id},
    )


def remove_cursors(connection: Connection, consumer: str) -> None:
    """Takes a consumer that is gone away from all events' logs."""
    connection.execute(text("DELETE FROM cursors WHERE consumer = :consumer"), {"consumer": consumer})
