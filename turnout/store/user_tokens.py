"""What users' programs sign in with."""

from sqlalchemy import Connection, text

from turnout.model.user import UserToken
from turnout.store.statements import insert

_COLUMNS = "id, user_id, digest, name, created_at, expires_at, last_used_at, revoked_at"


def add_token(connection: Connection, token: UserToken) -> None:
    insert(
        connection,
        "user_tokens",
        _COLUMNS,
        [
            (
                token.id,
                token.user_id,
                token.digest,
                token.name,
                token.created_at,
                token.expires_at,
                token.last_used_at,
                token.revoked_at,
            )
        ],
    )


def find_token(connection: Connection, token_id: str) -> UserToken | None:
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM user_tokens WHERE id = :id"), {"id": token_id}).first()
    return None if row is None else _token(row)


def list_tokens(connection: Connection, user_id: str) -> list[UserToken]:
    """The user's, the latest first, revoked ones too."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM user_tokens WHERE user_id = :user_id ORDER BY id DESC"), {"user_id": user_id}
    )
    return [_token(row) for row in rows]


def revoke_token(connection: Connection, user_id: str, token_id: str, at: int) -> bool:
    """False where the user has none of this id. One that is revoked stays so since when it was."""
    revoked = connection.execute(
        text("UPDATE user_tokens SET revoked_at = COALESCE(revoked_at, :at) WHERE id = :id AND user_id = :user_id"),
        {"at": at, "id": token_id, "user_id": user_id},
    )
    return revoked.rowcount > 0


def note_used(connection: Connection, token_id: str, at: int) -> None:
    connection.execute(
        text("UPDATE user_tokens SET last_used_at = :at WHERE id = :id AND COALESCE(last_used_at, 0) < :at"),
        {"at": at, "id": token_id},
    )


def forget(connection: Connection, before: int) -> None:
    """Removes those that were revoked, or over, before that time."""
    connection.execute(
        text("DELETE FROM user_tokens WHERE COALESCE(revoked_at, expires_at) < :before"), {"before": before}
    )


def _token(row) -> UserToken:
    return UserToken(
        id=row.id,
        user_id=row.user_id,
        digest=bytes(row.digest),
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
