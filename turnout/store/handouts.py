"""Hand-outs: at most a thousand an event, those that are long over are removed."""

from sqlalchemy import Connection, text

from turnout.model.handout import Handout
from turnout.store.statements import insert

_HANDOUT = (
    "event_id, id, digest, source_number, tool, label, created_at, expires_at, revoked_at, opened_at, key_id, actor"
)


def add_handout(connection: Connection, handout: Handout) -> None:
    insert(
        connection,
        "handouts",
        _HANDOUT,
        [
            (
                handout.event_id,
                handout.id,
                handout.digest,
                handout.source_number,
                handout.tool,
                handout.label,
                handout.created_at,
                handout.expires_at,
                handout.revoked_at,
                handout.opened_at,
                handout.key_id,
                handout.actor,
            )
        ],
    )


def find_handout(connection: Connection, handout_id: str) -> Handout | None:
    """Of whatever event: a link does not name it."""
    row = connection.execute(
        text(f"SELECT {_HANDOUT} FROM handouts WHERE event_id IN (SELECT id FROM events) AND id = :id"),
        {"id": handout_id},
    ).first()
    return None if row is None else _handout(row)


def list_handouts(connection: Connection, event_id: str, limit: int) -> list[Handout]:
    """The event's, the newest first."""
    rows = connection.execute(
        text(f"SELECT {_HANDOUT} FROM handouts WHERE event_id = :event_id ORDER BY id DESC LIMIT :limit"),
        {"event_id": event_id, "limit": limit},
    )
    return [_handout(row) for row in rows]


def count_handouts(connection: Connection, event_id: str) -> int:
    return connection.execute(
        text("SELECT count(*) FROM handouts WHERE event_id = :event_id"), {"event_id": event_id}
    ).scalar_one()


def forget_handouts(connection: Connection, event_id: str, before: int) -> None:
    """Removes those that expired before that time."""
    connection.execute(
        text("DELETE FROM handouts WHERE event_id = :event_id AND expires_at < :before"),
        {"event_id": event_id, "before": before},
    )


def note_opened(connection: Connection, event_id: str, handout_id: str, at: int) -> bool:
    """Whether this was the first time."""
    done = connection.execute(
        text("UPDATE handouts SET opened_at = :at WHERE event_id = :event_id AND id = :id AND opened_at IS NULL"),
        {"at": at, "event_id": event_id, "id": handout_id},
    )
    return done.rowcount == 1


def take_key(connection: Connection, event_id: str, handout_id: str, key_id: str) -> bool:
    """Notes the key that is shown; False where one was shown before, whoever asked at the same time."""
    done = connection.execute(
        text("UPDATE handouts SET key_id = :key_id WHERE event_id = :event_id AND id = :id AND key_id IS NULL"),
        {"key_id": key_id, "event_id": event_id, "id": handout_id},
    )
    return done.rowcount == 1


def give_again(connection: Connection, event_id: str, handout_id: str) -> None:
    """A key may be shown once more."""
    connection.execute(
        text("UPDATE handouts SET key_id = NULL WHERE event_id = :event_id AND id = :id"),
        {"event_id": event_id, "id": handout_id},
    )


def revoke_handout(connection: Connection, event_id: str, handout_id: str, at: int) -> None:
    connection.execute(
        text("UPDATE handouts SET revoked_at = :at WHERE event_id = :event_id AND id = :id AND revoked_at IS NULL"),
        {"at": at, "event_id": event_id, "id": handout_id},
    )


def _handout(row) -> Handout:
    return Handout(
        event_id=row.event_id,
        id=row.id,
        digest=bytes(row.digest),
        source_number=row.source_number,
        tool=row.tool,
        label=row.label,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        opened_at=row.opened_at,
        key_id=row.key_id,
        actor=row.actor,
    )
