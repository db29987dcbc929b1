"""The schema: made, kept, refused when it is newer than the program; and the rules that the tables keep."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from tests.databases import drop_database, make_empty_database, only_sqlite, open_one
from turnout.errors import StorageUnavailable
from turnout.operations.verify.verify import verify
from turnout.store import alert_moves, attendees, changes, cursors, events, schema, tables
from turnout.store.database import Database
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.statements import is_postgresql


@pytest.fixture
def database(database_kind: str, tmp_path: Path) -> Iterator[Database]:
    """One with nothing in it, not even the schema."""
    url = make_empty_database(database_kind, tmp_path)
    with closing(open_one(url)) as database:
        yield database
    drop_database(url)


def list_schema(database: Database) -> set[tuple[str, ...]]:
    """Every table and index as the database keeps it, but Alembic's own."""
    with database.read() as connection:
        if is_postgresql(connection):
            rows = connection.exec_driver_sql(
                "SELECT 'table', table_name, table_name, string_agg(column_name || data_type || is_nullable, ',')"
                " FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
                " GROUP BY table_name UNION ALL"
                " SELECT 'index', indexname, tablename, indexdef FROM pg_indexes"
                " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            )
            return {tuple(row) for row in rows}
        rows = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master")
        return {tuple(row) for row in rows if row.tbl_name != "alembic_version"}


def test_an_empty_database_gets_the_schema(database: Database) -> None:
    schema.prepare(database)
    names = {name for kind, name, *_ in list_schema(database) if kind == "table"}
    assert names == set(tables.metadata.tables)
    with database.read() as connection:
        assert schema.find_version(connection) == schema.VERSION


def test_an_empty_database_has_no_version(database: Database) -> None:
    with database.read() as connection:
        assert schema.find_version(connection) is None


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Database]:
    """A database with people in it, as the first version left it."""
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "database_0001.sql").read_text())
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        yield database


def list_columns(database: Database) -> set[tuple[Any, ...]]:
    """Every column of every table and index, wherever it stands in its table."""
    with database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name <> 'alembic_version'").scalars()
        return {
            (name, row.name, row.type, row.notnull, row.pk) if kind == "table" else (name, row.seqno, row.name, row.key)
            for name in list(names)
            for kind in ("table", "index")
            for row in connection.exec_driver_sql(f"PRAGMA {kind}_xinfo('{name}')")
        }


@only_sqlite
def test_the_migrations_lead_to_what_tables_says(database: Database, older: Database) -> None:
    schema.prepare(database)
    before = list_columns(older)
    schema.prepare(older)
    assert list_columns(older) == list_columns(database) != before


def test_a_migrated_database_verifies_and_knows_each_history(older: Database) -> None:
    schema.prepare(older)
    assert verify(older).ok
    with older.read() as connection:
        (event,) = events.list_events(connection)
        john = next(iter(attendees.list_by_address(connection, event.id, "john.doe@example.com")), None)
        assert john is not None
        history = changes.list_history(connection, event.id, john.sequence)
        # Who left before the upgrade is no news.
        assert cursors.find_behind(connection, alert_moves.CONSUMER, event.id) is None
    assert [line.sequence for line in history] == [4, 3, 1]


def test_a_second_start_does_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    schema.prepare(database)
    monkeypatch.setattr(Database, "write", None)
    schema.prepare(database)


def test_several_that_start_at_once_make_one_schema(database: Database) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            with closing(open_one(database.url)) as other:
                schema.prepare(other)
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1


def test_a_newer_database_is_refused_with_what_to_do(database_kind: str, database: Database) -> None:
    schema.prepare(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = list_schema(database)
    with pytest.raises(StorageUnavailable) as refused:
        schema.prepare(database)
    assert "newer version of Turnout (schema 9999" in refused.value.detail
    way_back = {
        "sqlite": "restore the backup that was made",
        "postgresql": "go back to the dump (pg_dump) that you made",
    }
    assert f"Start that version, or {way_back[database_kind]} before the upgrade." in refused.value.detail
    assert list_schema(database) == before
    with database.read() as connection:
        assert schema.find_version(connection) == "9999"


def test_a_schema_is_made_whole_or_not_at_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop_half_way(connection: Any) -> None:
        tables.events.create(connection)
        raise RuntimeError("broken on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(tables.metadata, "create_all", stop_half_way)
        with pytest.raises(RuntimeError, match="on purpose"):
            schema.prepare(database)
    assert list_schema(database) == set()
    schema.prepare(database)
    assert list_schema(database) != set()


def test_a_migration_is_whole_or_not_at_all(older: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_schema(older)

    def stop_half_way(self: Operations, statement: str) -> None:
        if statement.startswith("UPDATE"):
            raise RuntimeError("broken on purpose")
        self.get_bind().exec_driver_sql(statement)

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "execute", stop_half_way)
        with pytest.raises(RuntimeError, match="on purpose"):
            schema.prepare(older)
    assert list_schema(older) == before
    schema.prepare(older)
    assert verify(older).ok


def test_the_migrations_are_one_line_that_ends_at_the_version() -> None:
    scripts = ScriptDirectory(str(schema._MIGRATIONS), version_locations=[str(schema._MIGRATIONS)])
    assert scripts.get_heads() == [schema.VERSION]
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")
        assert script.doc.strip().endswith(".")


GLOBAL = {"events", "installation", "leases", "probe"} | {
    *(
        "users",
        "user_events",
        "sessions",
        "links",
        "user_tokens",
        "sign_in_failures",
        "audit",
        "digests",
        "mail_settings",
    )
}
"""Tables that do not grow with the people of an event."""


@pytest.mark.parametrize("table", [name for name in tables.metadata.tables if name not in GLOBAL])
def test_the_key_of_every_growing_table_begins_with_its_event(table: str) -> None:
    assert next(iter(tables.metadata.tables[table].primary_key.columns)).name == "event_id"


def test_no_table_refers_to_another_by_a_foreign_key() -> None:
    assert [table.name for table in tables.metadata.tables.values() if table.foreign_keys] == []
