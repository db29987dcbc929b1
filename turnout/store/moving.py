"""The move of an installation into another database, as both know of it: where it goes, from where, and how far it is.

From the moment at which copying begins no program opens either database (`find_why_shut`), and triggers refuse what one
writes to the SQLite file that had it open by then. When all is moved the file's schema has a version that no program
knows, so that older ones stay away too. Nothing of it is deleted, and `take_back` makes it what it was.
"""

import msgspec
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import ProgrammingError

from turnout.now import as_text
from turnout.store.sqlite.database import MOVED_AWAY
from turnout.store.statements import is_postgresql

_GONE = "moved"
"""The schema's version in what was moved away."""
_OURS = ("moved_to", "alembic_version")
"""Tables of the source that can be written to still."""
_PREFIX = "moved_to_"


class Move(msgspec.Struct, frozen=True):
    """What the source knows."""

    id: str
    target: str
    """For people."""
    schema_version: str
    """Before it was frozen."""
    frozen_at: int | None
    finished_at: int | None


class Progress(msgspec.Struct, frozen=True):
    """How far the copy of a table is."""

    rows: int
    after: str | None
    """The last row's key, as JSON; None before the first."""


class Arrival(msgspec.Struct, frozen=True):
    """What the target knows while not all is there."""

    id: str
    source: str
    """For people."""
    tables: dict[str, Progress]


def find_why_shut(connection: Connection) -> str | None:
    """Why no program may work with this database, and what to do; None where any may."""
    move = None if is_postgresql(connection) else find_move(connection)
    if move is not None and move.frozen_at is not None:
        return explain(move)
    arrival = find_arrival(connection) if is_postgresql(connection) else None
    if arrival is not None:
        return (
            f"An installation is being moved into this database, from {arrival.source}, and not all of it is here yet. "
            "Run `turnout migrate-data` there again: it goes on where it was."
        )
    return None


def explain(move: Move) -> str:
    """Where the data of a frozen database is, and the way back."""
    if move.finished_at is None:
        return (
            f"The data is being moved from here to {move.target}, and that is not finished. Run `turnout migrate-data` "
            "again: it goes on where it was. To stay here instead: turnout migrate-data --undo"
        )
    return (
        f"The data was moved from here to {move.target}, at {as_text(move.finished_at)}. Set TURNOUT_DATABASE_URL to "
        "that database. To go back to what is here, without anything that came since: turnout migrate-data --undo"
    )


# --- The source ------------------------------------------------------------------------------------------------------


def find_move(connection: Connection) -> Move | None:
    """None where nothing is being moved."""
    if not inspect(connection).has_table("moved_to"):
        return None
    row = connection.exec_driver_sql("SELECT id, target, schema_version, frozen_at, finished_at FROM moved_to").first()
    return None if row is None else Move(*row)


def note_move(connection: Connection, move: Move) -> None:
    """In place of what was noted before. As long as nothing is frozen it has no consequence."""
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS moved_to (id TEXT NOT NULL PRIMARY KEY, target TEXT NOT NULL,"
        " schema_version TEXT NOT NULL, frozen_at BIGINT, finished_at BIGINT)"
    )
    connection.exec_driver_sql("DELETE FROM moved_to")
    connection.exec_driver_sql("INSERT INTO moved_to VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(move))


def freeze(connection: Connection, move: Move, at: int) -> Move:
    """From now on nothing is written, whoever has the file open."""
    for table in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all():
        if table in _OURS or table.startswith("sqlite_"):
            continue
        for verb in ("INSERT", "UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f'CREATE TRIGGER "{_PREFIX}{verb}_{table}" BEFORE {verb} ON "{table}"'
                f" BEGIN SELECT RAISE(ABORT, '{MOVED_AWAY}'); END"
            )
    frozen = msgspec.structs.replace(move, frozen_at=at)
    note_move(connection, frozen)
    return frozen


def note_end(connection: Connection, move: Move, at: int) -> None:
    """All is moved."""
    connection.execute(text("UPDATE alembic_version SET version_num = :gone"), {"gone": _GONE})
    note_move(connection, msgspec.structs.replace(move, finished_at=at))


def take_back(connection: Connection, move: Move) -> None:
    """Makes the source what it was before `note_move`."""
    for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
        if name.startswith(_PREFIX):
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    connection.execute(
        text("UPDATE alembic_version SET version_num = :version WHERE version_num = :gone"),
        {"version": move.schema_version, "gone": _GONE},
    )
    connection.exec_driver_sql("DROP TABLE moved_to")


# --- The target ------------------------------------------------------------------------------------------------------


def list_tables(connection: Connection) -> list[str] | None:
    """Tables, views and sequences of the schema in which ours would be made, but for what belongs to extensions.

    None where there is no such schema.
    """
    if connection.exec_driver_sql("SELECT current_schema()").scalar() is None:
        return None
    return list(
        connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
            " AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid"
            " AND deptype = 'e') ORDER BY relname"
        ).scalars()
    )


def find_arrival(connection: Connection) -> Arrival | None:
    """None where nothing is arriving."""
    if not inspect(connection).has_table("moved_from"):
        return None
    rows = connection.exec_driver_sql(
        "SELECT id, source, table_name, copied_rows, after_key FROM moved_from ORDER BY table_name"
    ).all()
    if not rows:
        return None
    return Arrival(
        rows[0].id, rows[0].source, {row.table_name: Progress(row.copied_rows, row.after_key) for row in rows}
    )


def note_arrival(connection: Connection, arrival: Arrival) -> None:
    """Says in a schema that was just made what it is for, with a row for each table's progress."""
    connection.exec_driver_sql(
        "CREATE TABLE moved_from (id TEXT NOT NULL, source TEXT NOT NULL, table_name TEXT NOT NULL PRIMARY KEY,"
        " copied_rows BIGINT NOT NULL, after_key TEXT)"
    )
    connection.execute(
        text("INSERT INTO moved_from VALUES (:id, :source, :table, :rows, :after)"),
        [
            {"id": arrival.id, "source": arrival.source, "table": table, "rows": done.rows, "after": done.after}
            for table, done in arrival.tables.items()
        ],
    )


def go_on(connection: Connection, move_id: str, table: str, before: Progress, now: Progress) -> bool:
    """Notes what the same transaction copies. False where somebody else has gone on, and nothing may be copied."""
    try:
        done = connection.execute(
            text(
                "UPDATE moved_from SET copied_rows = :rows, after_key = :after"
                " WHERE id = :id AND table_name = :table AND copied_rows = :before"
            ),
            {"rows": now.rows, "after": now.after, "id": move_id, "table": table, "before": before.rows},
        )
    except ProgrammingError:
        # He has come to the end, and there is no such table any more.
        return False
    return done.rowcount == 1


def open_for_all(connection: Connection) -> None:
    """All is there: from now on any program may open it."""
    connection.exec_driver_sql("DROP TABLE moved_from")
