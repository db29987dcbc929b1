"""Users, their roles and events. A few hundred at most, read with every request that somebody signed in makes."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from turnout.model.user import Role, User
from turnout.store.statements import insert, is_postgresql

_COLUMNS = (
    "id, email, name, role, sees_personal, all_events, password IS NOT NULL AS has_password, subject, created_at,"
    " disabled_at, last_seen_at"
)


def add_user(connection: Connection, user: User, email_key: str, password: str | None) -> bool:
    """False where there is a user with this address already; then nothing is added."""
    added = connection.execute(
        text(
            "INSERT INTO users (id, email, email_key, name, password, subject, role, sees_personal, all_events,"
            " created_at) VALUES (:id, :email, :email_key, :name, :password, :subject, :role, :sees_personal,"
            " :all_events, :created_at) ON CONFLICT DO NOTHING"
        ),
        {
            "id": user.id,
            "email": user.email,
            "email_key": email_key,
            "name": user.name,
            "password": password,
            "subject": user.subject,
            "role": user.role,
            "sees_personal": int(user.sees_personal),
            "all_events": int(user.all_events),
            "created_at": user.created_at,
        },
    )
    if added.rowcount == 0:
        return False
    set_events(connection, user.id, user.events)
    return True


def has_users(connection: Connection) -> bool:
    return connection.execute(text("SELECT 1 FROM users LIMIT 1")).first() is not None


def count_users(connection: Connection) -> int:
    return connection.execute(text("SELECT count(*) FROM users")).scalar_one()


def list_users(connection: Connection) -> list[User]:
    """All of them, in the order of their addresses."""
    rows = connection.execute(text(f"SELECT {_COLUMNS} FROM users ORDER BY email_key")).all()
    events: dict[str, set[str]] = {}
    for user_id, event_id in connection.execute(text("SELECT user_id, event_id FROM user_events")):
        events.setdefault(user_id, set()).add(event_id)
    return [_user(row, events.get(row.id, ())) for row in rows]


def find_user(connection: Connection, user_id: str) -> User | None:
    return _find(connection, "id = :value", user_id)


def find_user_by_email(connection: Connection, email_key: str) -> User | None:
    return _find(connection, "email_key = :value", email_key)


def find_user_by_subject(connection: Connection, subject: str) -> User | None:
    return _find(connection, "subject = :value", subject)


def lock_user(connection: Connection, user_id: str) -> User | None:
    """The user as it is, and stays until the transaction ends."""
    return _find(connection, f"id = :value{_for_update(connection)}", user_id)


def lock_administrators(connection: Connection) -> list[str]:
    """The active ones' ids; who they are stays so until the transaction ends."""
    # PostgreSQL looks at each row again once whoever held it is done: one that was disabled meanwhile is left out.
    rows = connection.execute(
        text(
            "SELECT id FROM users WHERE role = 'administrator' AND disabled_at IS NULL"
            f" ORDER BY id{_for_update(connection)}"
        )
    )
    return list(rows.scalars())


def find_password(connection: Connection, user_id: str) -> str | None:
    """The hash."""
    return connection.execute(text("SELECT password FROM users WHERE id = :id"), {"id": user_id}).scalar()


def set_password(connection: Connection, user_id: str, password: str | None) -> None:
    """The hash; None where they sign in by other means only."""
    connection.execute(
        text("UPDATE users SET password = :password WHERE id = :id"), {"password": password, "id": user_id}
    )


def set_subject(connection: Connection, user_id: str, subject: str) -> bool:
    """False where somebody else has it; then nothing is changed."""
    changed = connection.execute(
        text(
            "UPDATE users SET subject = :subject WHERE id = :id"
            " AND NOT EXISTS (SELECT 1 FROM users WHERE subject = :subject AND id <> :id)"
        ),
        {"subject": subject, "id": user_id},
    )
    return changed.rowcount > 0


def set_name(connection: Connection, user_id: str, name: str) -> None:
    connection.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})


def set_role(connection: Connection, user_id: str, role: Role, *, sees_personal: bool) -> None:
    connection.execute(
        text("UPDATE users SET role = :role, sees_personal = :sees_personal WHERE id = :id"),
        {"role": role, "sees_personal": int(sees_personal), "id": user_id},
    )


def set_disabled(connection: Connection, user_id: str, at: int | None) -> None:
    connection.execute(text("UPDATE users SET disabled_at = :at WHERE id = :id"), {"at": at, "id": user_id})


def set_all_events(connection: Connection, user_id: str, *, all_events: bool) -> None:
    connection.execute(
        text("UPDATE users SET all_events = :all_events WHERE id = :id"), {"all_events": int(all_events), "id": user_id}
    )


def set_events(connection: Connection, user_id: str, event_ids: Iterable[str]) -> None:
    """In place of those that they had."""
    connection.execute(text("DELETE FROM user_events WHERE user_id = :id"), {"id": user_id})
    insert(connection, "user_events", "user_id, event_id", [(user_id, one) for one in sorted(event_ids)])


def note_seen(connection: Connection, user_id: str, at: int) -> None:
    connection.execute(
        text("UPDATE users SET last_seen_at = :at WHERE id = :id AND COALESCE(last_seen_at, 0) < :at"),
        {"at": at, "id": user_id},
    )


def _find(connection: Connection, where: str, value: str) -> User | None:
    row = connection.execute(text(f"SELECT {_COLUMNS} FROM users WHERE {where}"), {"value": value}).first()
    if row is None:
        return None
    events = connection.execute(text("SELECT event_id FROM user_events WHERE user_id = :id"), {"id": row.id})
    return _user(row, events.scalars())


def _for_update(connection: Connection) -> str:
    # SQLite has locked the whole file by now.
    return " FOR UPDATE" if is_postgresql(connection) else ""


def _user(row, events: Iterable[str]) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        sees_personal=bool(row.sees_personal),
        all_events=bool(row.all_events),
        events=frozenset(events),
        has_password=bool(row.has_password),
        subject=row.subject,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        last_seen_at=row.last_seen_at,
    )
