"""The SMTP server that the installation sends by, and how the last messages fared: one row at most."""

from sqlalchemy import Connection, text

from turnout.model.alert import MailSettings
from turnout.store.statements import insert

_SETTINGS = (
    "host, port, security, user_name, password, sender, sender_name, changed_at, succeeded_at, failed_at, failure"
)
_ONLY = 1
"""The row's id."""


def find_settings(connection: Connection) -> MailSettings | None:
    row = connection.execute(text(f"SELECT {_SETTINGS} FROM mail_settings WHERE id = :id"), {"id": _ONLY}).first()
    if row is None:
        return None
    return MailSettings(
        host=row.host,
        port=row.port,
        security=row.security,
        user_name=row.user_name,
        password=None if row.password is None else bytes(row.password),
        sender=row.sender,
        sender_name=row.sender_name,
        changed_at=row.changed_at,
        succeeded_at=row.succeeded_at,
        failed_at=row.failed_at,
        failure=row.failure,
    )


def put_settings(connection: Connection, settings: MailSettings) -> None:
    """In place of those there are."""
    remove_settings(connection)
    insert(
        connection,
        "mail_settings",
        f"id, {_SETTINGS}",
        [
            (
                _ONLY,
                settings.host,
                settings.port,
                settings.security,
                settings.user_name,
                settings.password,
                settings.sender,
                settings.sender_name,
                settings.changed_at,
                settings.succeeded_at,
                settings.failed_at,
                settings.failure,
            )
        ],
    )


def remove_settings(connection: Connection) -> None:
    connection.execute(text("DELETE FROM mail_settings"))


def note_success(connection: Connection, at: int) -> None:
    connection.execute(text("UPDATE mail_settings SET succeeded_at = :at"), {"at": at})


def note_failure(connection: Connection, at: int, failure: str) -> None:
    """`failure` is what went wrong, in words."""
    connection.execute(
        text("UPDATE mail_settings SET failed_at = :at, failure = :failure"), {"at": at, "failure": failure}
    )
