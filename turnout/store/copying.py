"""Rows from SQLite to PostgreSQL: a page of a table at a time, in the order of its primary key.

Tables and columns are those of `tables.py`, so that a new one is carried along by itself.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection, LargeBinary, Table, Text

from turnout.store.sqlite.database import sqlite_module
from turnout.store.tables import metadata

LEFT_OUT = {
    "leases": "who does at the moment what must be done once; it is taken anew",
    "commits": "the last commits of processes, for the moment in which their outcome is unknown",
    "probe": "what `GET /health` commits to",
}
"""Tables that matter to running processes only, and nobody runs: what is in each."""
_PAGE_ROWS = 5_000
_PAGE_BYTES = 4 << 20
"""Of a page's texts. A page is one transaction, and is held in memory."""


class Unfit(Exception):
    """Something in a page cannot be text in PostgreSQL, or is not what its column is for; `find_unfit` knows what."""


class Page(msgspec.Struct, frozen=True):
    """Some rows of a table; `after` is the last one's key, as JSON."""

    rows: list[tuple[Any, ...]]
    after: str


class Place(msgspec.Struct, frozen=True):
    """A value of a row."""

    column: str
    key: str
    """Of the row, for people."""
    why: str


def list_tables() -> list[str]:
    """Those that are copied."""
    return [table.name for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def count_rows(connection: Connection, table: str) -> dict[str, int]:
    """How many rows there are of each event; under "" all of a table that knows no events."""
    if "event_id" not in metadata.tables[table].columns:
        return {"": connection.exec_driver_sql(f"SELECT count(*) FROM {_quoted(connection, table)}").scalar_one()}
    rows = connection.exec_driver_sql(f"SELECT event_id, count(*) FROM {_quoted(connection, table)} GROUP BY event_id")
    return {row[0]: row[1] for row in rows}


def read_page(connection: Connection, table: str, after: str | None) -> Page | None:
    """SQLite: what comes behind that key, None where nothing does. Raises Unfit."""
    columns = list(metadata.tables[table].columns)
    kinds = [
        (place, str if isinstance(column.type, Text) else bytes)
        for place, column in enumerate(columns)
        if isinstance(column.type, Text | LargeBinary)
    ]
    rows: list[tuple[Any, ...]] = []
    size = 0
    cursor = connection.connection.cursor()
    try:
        cursor.execute(*_select(connection, table, ", ".join(_names(connection, table)), after))
        # A row at a time: what a page may hold is known only when it is read.
        while size < _PAGE_BYTES and (row := cursor.fetchone()) is not None:
            rows.append(tuple(row))
            for place, kind in kinds:
                value = row[place]
                if value is not None:
                    # SQLite keeps what it is given, and COPY would make something else of it without a word.
                    if type(value) is not kind:
                        raise Unfit
                    size += len(value)
    except sqlite_module().OperationalError as error:
        if "decode" in str(error):
            raise Unfit from error
        raise
    finally:
        cursor.close()
    if not rows:
        return None
    key = [rows[-1][columns.index(column)] for column in _key(metadata.tables[table])]
    return Page(rows, msgspec.json.encode(key).decode())


def write_page(connection: Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """PostgreSQL: as one COPY. Raises Unfit."""
    driver: Any = connection.connection.driver_connection
    names = ", ".join(_names(connection, table))
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {_quoted(connection, table)} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except (psycopg.DataError, UnicodeEncodeError) as error:
        raise Unfit from error


def find_unfit(connection: Connection, table: str, after: str | None) -> Place | None:
    """SQLite: the first value of the page behind that key that PostgreSQL would not take."""
    columns = list(metadata.tables[table].columns)
    names = _names(connection, table)
    looked_at = ", ".join(f"typeof({name}), CAST({name} AS BLOB)" for name in names)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(*_select(connection, table, looked_at, after))
        while (row := cursor.fetchone()) is not None:
            for place, column in enumerate(columns):
                why = _find_fault(column.type, row[2 * place], row[2 * place + 1])
                if why is not None:
                    key = [row[2 * columns.index(part) + 1] for part in _key(metadata.tables[table])]
                    return Place(column.name, ", ".join(part.decode(errors="backslashreplace") for part in key), why)
    finally:
        cursor.close()
    return None


def analyse(connection: Connection) -> None:
    """PostgreSQL: lets it know what the tables are like, so that whoever reads them next is not slow."""
    for table in list_tables():
        connection.exec_driver_sql(f"ANALYZE {_quoted(connection, table)}")


def _find_fault(kind: Any, stored_as: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    wanted = "text" if isinstance(kind, Text) else "blob" if isinstance(kind, LargeBinary) else "integer"
    if stored_as != wanted:
        return f"is stored as {stored_as} and not as {wanted}"
    if wanted == "text":
        if b"\0" in value:
            return "holds a NUL character"
        try:
            value.decode()
        except UnicodeDecodeError:
            return "is not text in UTF-8; half a surrogate pair perhaps"
    return None


def _select(connection: Connection, table: str, what: str, after: str | None) -> tuple[str, Sequence[Any]]:
    key = ", ".join(_quoted(connection, column.name) for column in _key(metadata.tables[table]))
    values: list[Any] = [] if after is None else msgspec.json.decode(after)
    behind = "" if after is None else f" WHERE ({key}) > ({', '.join('?' * len(values))})"
    return f"SELECT {what} FROM {_quoted(connection, table)}{behind} ORDER BY {key} LIMIT {_PAGE_ROWS}", values


def _key(table: Table) -> list[Any]:
    key = list(table.primary_key.columns)
    assert key, f"{table.name} has no primary key to go by"
    return key


def _names(connection: Connection, table: str) -> list[str]:
    return [_quoted(connection, column.name) for column in metadata.tables[table].columns]


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
