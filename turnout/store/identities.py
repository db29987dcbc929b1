"""Who shares an address, and who an id: what decides whether an event can go by the one or the other (C6)."""

from sqlalchemy import Connection, text


def count_people(connection: Connection, event_id: str) -> int:
    """Attendees, but for those who turned out to be another one."""
    return connection.execute(
        text("SELECT count(*) FROM attendees WHERE event_id = :event_id AND status <> 'merged'"),
        {"event_id": event_id},
    ).scalar_one()


def count_with_id(connection: Connection, event_id: str) -> int:
    """Attendees who have an id of at least one source."""
    return connection.execute(
        text("SELECT count(DISTINCT attendee_id) FROM third_party_ids WHERE event_id = :event_id"),
        {"event_id": event_id},
    ).scalar_one()


def list_shared_addresses(connection: Connection, event_id: str, limit: int) -> tuple[int, list[tuple[str, int]]]:
    """How many addresses several people have at present, and some of them, folded, with how many people have each."""
    rows = connection.execute(
        text(
            "SELECT email_key, count(*) AS people, count(*) OVER () AS addresses FROM attendees"
            " WHERE event_id = :event_id AND status <> 'merged'"
            " GROUP BY email_key HAVING count(*) > 1 ORDER BY people DESC, email_key LIMIT :limit"
        ),
        {"event_id": event_id, "limit": limit},
    ).all()
    return rows[0].addresses if rows else 0, [(row.email_key, row.people) for row in rows]


def list_shared_ids(connection: Connection, event_id: str, limit: int) -> tuple[int, list[tuple[int, str, int]]]:
    """How many ids several people have, and some of them: source, id, how many people."""
    rows = connection.execute(
        text(
            "SELECT source_number, third_party_id, count(*) AS people, count(*) OVER () AS ids FROM third_party_ids"
            " WHERE event_id = :event_id GROUP BY source_number, third_party_id HAVING count(*) > 1"
            " ORDER BY people DESC, source_number, third_party_id LIMIT :limit"
        ),
        {"event_id": event_id, "limit": limit},
    ).all()
    return rows[0].ids if rows else 0, [(row.source_number, row.third_party_id, row.people) for row in rows]
