"""Which database it is: the URL says so."""

from pathlib import Path

from turnout.settings import Settings
from turnout.store.database import Database

KEY_FILE = Path("data/turnout.key")
"""Where the secret key lies when the database is PostgreSQL and no setting gives it: in the working directory."""


def open_configured(settings: Settings) -> Database:
    """The database that the settings name. Raises StorageUnavailable."""
    return open_database(
        settings.database_url,
        settings.secret_key,
        read_url=settings.read_database_url,
        notice_url=settings.notice_database_url,
        pool_size=settings.database_pool_size,
    )


def open_database(
    url: str,
    secret_key: bytes | None = None,
    *,
    read_url: str | None = None,
    notice_url: str | None = None,
    pool_size: int = 8,
) -> Database:
    """The database at this URL. `secret_key` is what the setting gives.

    `read_url` is of a replica, `notice_url` of the database itself where the URL goes through a pooler.

    Raises StorageUnavailable.
    """
    if url.startswith("sqlite:"):
        from turnout.store.sqlite.database import SqliteDatabase

        return SqliteDatabase(url, secret_key)
    # Loaded where it is used: the command line beside an SQLite file starts faster without the driver.
    from turnout.store.postgresql.database import PostgresDatabase

    return PostgresDatabase(
        url,
        secret_key,
        key_file=KEY_FILE.absolute(),
        read_url=read_url,
        notice_url=notice_url,
        pool_size=pool_size,
    )
