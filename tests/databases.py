"""Both databases for the tests: a URL of an empty one, whichever it is."""

from turnout.store.database import Database
from turnout.store.sqlite import SqliteDatabase


def as_file(database: Database) -> SqliteDatabase:
    """The database of a test that looks at what only SQLite has: its files, its locks, its log."""
    assert isinstance(database, SqliteDatabase)
    return database
