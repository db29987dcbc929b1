"""What the database says of itself, for `turnout doctor`."""

import msgspec

from turnout.store import schema
from turnout.store.database import Database


class DatabaseFacts(msgspec.Struct, frozen=True):
    """As it is in effect on the connection that commits."""

    sqlite_version: str
    module: str
    """Whose SQLite it is: `sqlite3` is the standard library's."""
    journal_mode: str
    is_flushed: bool
    """Whether a commit waits until it is on disk (`synchronous` FULL or EXTRA)."""
    schema_version: str | None
    """None on an empty database."""


def read_facts(database: Database) -> DatabaseFacts:
    """Raises StorageUnavailable. Changes nothing, but takes the place of the writer for a moment."""
    with database.write() as connection:
        module = connection.dialect.loaded_dbapi
        return DatabaseFacts(
            sqlite_version=str(module.sqlite_version),
            module=str(module.__name__).partition(".")[0],
            journal_mode=str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()),
            is_flushed=connection.exec_driver_sql("PRAGMA synchronous").scalar_one() >= 2,
            schema_version=schema.find_version(connection),
        )
