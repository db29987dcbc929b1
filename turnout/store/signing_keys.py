"""What events' tokens are signed with. A handful of rows an event, and only where tokens are asked for."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from turnout.model.signing_key import SigningKey
from turnout.store.statements import insert

_SIGNING_KEY = "event_id, id, private_key, public_key, created_at, retired_at"


def add_signing_key(connection: Connection, key: SigningKey) -> None:
    insert(
        connection,
        "signing_keys",
        _SIGNING_KEY,
        [(key.event_id, key.id, key.private_key, key.public_key, key.created_at, key.retired_at)],
    )


def list_signing_keys(connection: Connection, event_id: str) -> list[SigningKey]:
    """The event's, the oldest first."""
    rows = connection.execute(
        text(f"SELECT {_SIGNING_KEY} FROM signing_keys WHERE event_id = :event_id ORDER BY id"), {"event_id": event_id}
    )
    return [_signing_key(row) for row in rows]


def list_unretired_signing_keys(connection: Connection, limit: int) -> list[SigningKey]:
    """Of all events, those that something is or will be signed with."""
    rows = connection.execute(
        text(f"SELECT {_SIGNING_KEY} FROM signing_keys WHERE retired_at IS NULL ORDER BY event_id, id LIMIT :limit"),
        {"limit": limit},
    )
    return [_signing_key(row) for row in rows]


def retire_signing_keys(connection: Connection, event_id: str, key_ids: Sequence[str], at: int) -> None:
    """Nothing is signed with these from that time on."""
    for key_id in key_ids:
        connection.execute(
            text("UPDATE signing_keys SET retired_at = :at WHERE event_id = :event_id AND id = :id"),
            {"at": at, "event_id": event_id, "id": key_id},
        )


def forget_signing_keys(connection: Connection, event_id: str, before: int) -> None:
    """Removes those that were retired before that time."""
    connection.execute(
        text("DELETE FROM signing_keys WHERE event_id = :event_id AND retired_at < :before"),
        {"event_id": event_id, "before": before},
    )


def _signing_key(row) -> SigningKey:
    return SigningKey(
        event_id=row.event_id,
        id=row.id,
        private_key=bytes(row.private_key),
        public_key=row.public_key,
        created_at=row.created_at,
        retired_at=row.retired_at,
    )
