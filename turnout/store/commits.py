"""Commits that left no line in the push log, by who made them: so that it can be asked whether one took effect."""

from sqlalchemy import Connection, text

from turnout.store.statements import insert


def note(connection: Connection, event_id: str, writer: str, number: int, at: int) -> None:
    """The writer's last commit to this event has this number."""
    insert(
        connection,
        "commits",
        "event_id, writer, number, at",
        [(event_id, writer, number, at)],
        "ON CONFLICT (event_id, writer) DO UPDATE SET number = excluded.number, at = excluded.at",
    )


def find(connection: Connection, event_id: str, writer: str) -> int | None:
    return connection.execute(
        text("SELECT number FROM commits WHERE event_id = :event_id AND writer = :writer"),
        {"event_id": event_id, "writer": writer},
    ).scalar()


def forget(connection: Connection, before: int) -> None:
    """Removes those that nobody asks for any more."""
    connection.execute(text("DELETE FROM commits WHERE at < :before"), {"before": before})
