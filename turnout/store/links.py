"""Links that are good once. A handful at a time; those that are over go."""

import msgspec
from sqlalchemy import Connection, text

from turnout.model.user import Invitation, Link
from turnout.store.statements import insert, is_postgresql

_LINK = "id, digest, kind, user_id, invited, created_at, expires_at, used_at, actor"


def add_link(connection: Connection, link: Link) -> None:
    invited = None if link.invited is None else msgspec.json.encode(link.invited).decode()
    insert(
        connection,
        "links",
        _LINK,
        [
            (
                link.id,
                link.digest,
                link.kind,
                link.user_id,
                invited,
                link.created_at,
                link.expires_at,
                link.used_at,
                link.actor,
            )
        ],
    )


def find_link(connection: Connection, link_id: str) -> Link | None:
    row = connection.execute(text(f"SELECT {_LINK} FROM links WHERE id = :id"), {"id": link_id}).first()
    return None if row is None else _link(row)


def list_open(connection: Connection, kind: str, at: int) -> list[Link]:
    """Those of this kind that are still good, the latest first."""
    rows = connection.execute(
        text(f"SELECT {_LINK} FROM links WHERE kind = :kind AND used_at IS NULL AND expires_at > :at ORDER BY id DESC"),
        {"kind": kind, "at": at},
    )
    return [_link(row) for row in rows]


def lock_first(connection: Connection) -> None:
    """Lets whoever else uses such a link for the first administrator wait until the transaction ends."""
    # SQLite has locked the whole file by now.
    if is_postgresql(connection):
        connection.execute(text("SELECT id FROM links WHERE kind = 'first' ORDER BY id FOR UPDATE")).all()


def use_link(connection: Connection, link_id: str, at: int) -> bool:
    """False where it is used already, or over, or gone: of two who use it at once, one gets True."""
    used = connection.execute(
        text("UPDATE links SET used_at = :at WHERE id = :id AND used_at IS NULL AND expires_at > :at"),
        {"at": at, "id": link_id},
    )
    return used.rowcount > 0


def remove_link(connection: Connection, link_id: str) -> bool:
    """False where there is none of this id that is not used."""
    removed = connection.execute(text("DELETE FROM links WHERE id = :id AND used_at IS NULL"), {"id": link_id})
    return removed.rowcount > 0


def remove_first(connection: Connection) -> None:
    connection.execute(text("DELETE FROM links WHERE kind = 'first' AND used_at IS NULL"))


def remove_of_user(connection: Connection, user_id: str) -> None:
    """The links for a new password of this user."""
    connection.execute(text("DELETE FROM links WHERE user_id = :id AND used_at IS NULL"), {"id": user_id})


def forget(connection: Connection, before: int) -> None:
    """Removes those that were over before that time."""
    connection.execute(text("DELETE FROM links WHERE expires_at < :before"), {"before": before})


def _link(row) -> Link:
    return Link(
        id=row.id,
        digest=bytes(row.digest),
        kind=row.kind,
        user_id=row.user_id,
        invited=None if row.invited is None else msgspec.json.decode(row.invited, type=Invitation),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        actor=row.actor,
    )
