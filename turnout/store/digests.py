"""Who wants a summary each day. One row a user at most, so all of them are read at once."""

from sqlalchemy import Connection, text

from turnout.model.alert import Digest


def find_digest(connection: Connection, user_id: str) -> Digest | None:
    row = connection.execute(
        text("SELECT user_id, hour, time_zone, last_at FROM digests WHERE user_id = :user_id"), {"user_id": user_id}
    ).first()
    return None if row is None else Digest(**row._mapping)


def list_digests(connection: Connection) -> list[Digest]:
    rows = connection.execute(text("SELECT user_id, hour, time_zone, last_at FROM digests ORDER BY user_id"))
    return [Digest(**row._mapping) for row in rows]


def put_digest(connection: Connection, digest: Digest) -> None:
    """In place of the one that the user has."""
    connection.execute(
        text(
            "INSERT INTO digests (user_id, hour, time_zone, last_at) VALUES (:user_id, :hour, :time_zone, :last_at)"
            " ON CONFLICT (user_id) DO UPDATE SET hour = excluded.hour, time_zone = excluded.time_zone,"
            " last_at = excluded.last_at"
        ),
        {"user_id": digest.user_id, "hour": digest.hour, "time_zone": digest.time_zone, "last_at": digest.last_at},
    )


def note_made(connection: Connection, digest: Digest, at: int) -> bool:
    """False where it was made, changed or taken back meanwhile; then nothing is written."""
    made = connection.execute(
        text("UPDATE digests SET last_at = :at WHERE user_id = :user_id AND last_at = :last_at"),
        {"at": at, "user_id": digest.user_id, "last_at": digest.last_at},
    )
    return made.rowcount > 0


def remove_digest(connection: Connection, user_id: str) -> None:
    connection.execute(text("DELETE FROM digests WHERE user_id = :user_id"), {"user_id": user_id})
