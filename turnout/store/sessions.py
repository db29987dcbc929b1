"""Browsers that are signed in."""

from sqlalchemy import Connection, text

from turnout.model.user import Session
from turnout.store.statements import insert

_SESSION = "id, user_id, digest, created_at, last_seen_at, expires_at, address, browser"


def add_session(connection: Connection, session: Session) -> None:
    insert(
        connection,
        "sessions",
        _SESSION,
        [
            (
                session.id,
                session.user_id,
                session.digest,
                session.created_at,
                session.last_seen_at,
                session.expires_at,
                session.address,
                session.browser,
            )
        ],
    )


def find_session(connection: Connection, session_id: str) -> Session | None:
    row = connection.execute(text(f"SELECT {_SESSION} FROM sessions WHERE id = :id"), {"id": session_id}).first()
    return None if row is None else _session(row)


def list_sessions(connection: Connection, user_id: str) -> list[Session]:
    """The user's, the latest first."""
    rows = connection.execute(
        text(f"SELECT {_SESSION} FROM sessions WHERE user_id = :user_id ORDER BY id DESC"), {"user_id": user_id}
    )
    return [_session(row) for row in rows]


def note_seen(connection: Connection, session_id: str, at: int) -> None:
    connection.execute(
        text("UPDATE sessions SET last_seen_at = :at WHERE id = :id AND last_seen_at < :at"),
        {"at": at, "id": session_id},
    )


def remove_session(connection: Connection, user_id: str, session_id: str) -> bool:
    """False where the user has none of this id."""
    removed = connection.execute(
        text("DELETE FROM sessions WHERE id = :id AND user_id = :user_id"), {"id": session_id, "user_id": user_id}
    )
    return removed.rowcount > 0


def remove_sessions(connection: Connection, user_id: str, but: str | None) -> int:
    """All of the user's but the one of that id; gives how many there were."""
    removed = connection.execute(
        text("DELETE FROM sessions WHERE user_id = :user_id AND id <> :but"), {"user_id": user_id, "but": but or ""}
    )
    return removed.rowcount


def remove_oldest(connection: Connection, user_id: str, kept: int) -> None:
    """All of the user's but so many of the latest."""
    connection.execute(
        text(
            "DELETE FROM sessions WHERE user_id = :user_id AND id NOT IN"
            " (SELECT id FROM sessions WHERE user_id = :user_id ORDER BY id DESC LIMIT :kept)"
        ),
        {"user_id": user_id, "kept": kept},
    )


def forget(connection: Connection, expired_before: int, unseen_since: int) -> None:
    """Removes those that nobody can use any more."""
    connection.execute(
        text("DELETE FROM sessions WHERE expires_at < :expired_before OR last_seen_at < :unseen_since"),
        {"expired_before": expired_before, "unseen_since": unseen_since},
    )


def _session(row) -> Session:
    return Session(
        id=row.id,
        user_id=row.user_id,
        digest=bytes(row.digest),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        address=row.address,
        browser=row.browser,
    )
