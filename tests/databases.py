"""Both databases for the tests: an empty one with the schema, whichever it is."""

import base64
import itertools
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from tests.postgresql import shared_server
from turnout.store import schema
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.statements import is_postgresql
from turnout.store.tables import metadata

KINDS = ("sqlite", "postgresql")
SECRET_KEY = bytes(range(32))
"""Of what lies in PostgreSQL: its processes have no folder in common, in which they would find a file."""
only_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what only an SQLite file has: its locks, its log, its backup."""
only_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
_numbers = itertools.count(1)
_made: set[str] = set()
_emptied: list[str] = []
"""Databases that a test has left, to be used again: to make one takes ten times as long."""


def make_database(kind: str, folder: Path) -> str:
    """The URL of a new one: with its schema in PostgreSQL, where that takes longer, and without a file for SQLite."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'turnout.db'}"
    if _emptied:
        return _emptied.pop()
    url = shared_server().create_database(f"test_{os.getpid()}_{next(_numbers)}", _find_template())
    _made.add(url)
    return url


def make_empty_database(kind: str, folder: Path) -> str:
    """The same without the schema."""
    if kind == "sqlite":
        return make_database(kind, folder)
    return shared_server().create_database(f"test_{os.getpid()}_{next(_numbers)}")


@cache
def _find_template() -> str:
    name = f"template_{os.getpid()}"
    database = open_one(shared_server().create_database(name))
    schema.prepare(database)
    database.close()
    return name


def open_one(url: str) -> Database:
    """With the key that the server of the test has too."""
    return open_database(url, SECRET_KEY if url.startswith("postgresql:") else None)


def settings_of(url: str) -> dict[str, str]:
    """What the environment of a process has to say of it."""
    settings = {"TURNOUT_DATABASE_URL": url}
    if url.startswith("postgresql:"):
        settings["TURNOUT_SECRET_KEY"] = base64.b64encode(SECRET_KEY).decode()
    return settings


def drop_database(url: str) -> None:
    """Takes away what `make_database` has made, or what is in it; a file goes with its folder."""
    if not url.startswith("postgresql:"):
        return
    name = url.rpartition("/")[2]
    if url in _made and _empty(name):
        _emptied.append(url)
    else:
        shared_server().drop_database(name)


def _empty(name: str) -> bool:
    """False where a test has left more than rows behind, or somebody who still holds some."""
    try:
        # All on one connection: to make one costs more than the rest.
        shared_server().execute(f"ALTER DATABASE {name} RESET ALL; {_EMPTYING}", database=name)
    except psycopg.Error:
        return False
    return True


_EMPTYING = f"""
    SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET lock_timeout = '1s';
    DO $$
    DECLARE
        it text;
        has_rows boolean;
    BEGIN
        ASSERT NOT EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal);
        ASSERT (SELECT version_num FROM alembic_version) = '{schema.VERSION}';
        ASSERT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')
            = {len(metadata.tables) + 1};
        FOREACH it IN ARRAY ARRAY[{", ".join(f"'{name}'" for name in metadata.tables)}] LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %I)', it) INTO has_rows;
            IF has_rows THEN
                EXECUTE format('TRUNCATE %I', it);
            END IF;
        END LOOP;
    END $$
"""


def as_file(database: Database) -> SqliteDatabase:
    """The database of a test that looks at what only SQLite has: its files, its locks, its log."""
    assert isinstance(database, SqliteDatabase)
    return database


@contextmanager
def commits_held(database: Database) -> Generator[None]:
    """Meanwhile nobody's commit gets through: SQLite has one writer, and PostgreSQL's wait for their event's clock."""
    with database.write() as connection:
        if is_postgresql(connection):
            connection.execute(text("SELECT 1 FROM clocks ORDER BY event_id FOR UPDATE")).all()
        yield


def list_rows(database: Database) -> Iterator[bytes]:
    """Every row of every table: its texts as they are, with a line between."""
    with database.read() as connection:
        for table in metadata.tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                yield b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row)


def find_rows(database: Database, word: bytes) -> list[tuple[str, bytes]]:
    """The rows with this word in whatever case, each behind its table's name."""
    with database.read() as connection:
        return [
            (table, content[:2_000])
            for table in metadata.tables
            for row in connection.execute(text(f"SELECT * FROM {table}"))
            if word
            in (content := b"\n".join(one if isinstance(one, bytes) else str(one).encode() for one in row)).lower()
        ]
