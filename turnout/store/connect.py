"""Which database it is: the URL says so."""

from pathlib import Path

from turnout.store.database import Database


def open_database(url: str, secret_key: bytes | None = None, *, read_url: str | None = None) -> Database:
    """The database at this URL. `secret_key` is what the setting gives, `read_url` is of a replica.

    Raises StorageUnavailable.
    """
    if url.startswith("sqlite:"):
        from turnout.store.sqlite import SqliteDatabase

        return SqliteDatabase(url, secret_key)
    # Loaded where it is used: on a small machine the driver's library need not be.
    from turnout.store.postgresql import PostgresDatabase

    return PostgresDatabase(url, secret_key, key_file=Path("data/turnout.key").absolute(), read_url=read_url)
