"""Which of all events there is something to look at in, found with few statements however many there are."""

from sqlalchemy import Connection, text


def list_unwatched(connection: Connection, limit: int) -> list[str]:
    """Some events that nobody has looked at yet; not those that are archived."""
    return list(
        connection.execute(
            text(
                "SELECT id FROM events WHERE archived_at IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM alert_watches WHERE alert_watches.event_id = events.id) ORDER BY id LIMIT :limit"
            ),
            {"limit": limit},
        ).scalars()
    )


def list_heard(connection: Connection, since_slot: int) -> list[str]:
    """The events to which somebody has pushed in these ten minutes or later; not those that are archived."""
    return list(
        connection.execute(
            # The latest of each, at the end of its rows in the index: nothing says of all rows which are new.
            text(
                "SELECT id FROM events WHERE archived_at IS NULL"
                " AND (SELECT max(slot) FROM push_counts WHERE event_id = events.id) >= :since_slot ORDER BY id"
            ),
            {"since_slot": since_slot},
        ).scalars()
    )


def list_expiring(connection: Connection, since: int, until: int) -> list[str]:
    """The events with keys that expire in that time."""
    return list(
        connection.execute(
            text(
                "SELECT DISTINCT event_id FROM keys WHERE event_id IN (SELECT id FROM events)"
                " AND expires_at >= :since AND expires_at < :until AND revoked_at IS NULL"
            ),
            {"since": since, "until": until},
        ).scalars()
    )


def list_used(connection: Connection, event_id: str) -> dict[str, int]:
    """When the event's keys were used last, by key; those that nobody has used are left out."""
    rows = connection.execute(
        text("SELECT id, last_used_at FROM keys WHERE event_id = :event_id AND last_used_at IS NOT NULL"),
        {"event_id": event_id},
    )
    return {row.id: row.last_used_at for row in rows}
