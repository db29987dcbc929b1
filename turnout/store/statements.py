"""Statements on the way of a push: sets of rows, in the driver's own notation; and where databases differ in that."""

from collections.abc import Generator, Sequence
from functools import lru_cache
from itertools import chain, compress, repeat
from operator import is_not
from typing import Any

from sqlalchemy import Connection, Dialect

from turnout.store.tables import metadata

__all__ = ["Connection", "in_parts", "insert", "is_postgresql", "placeholder", "run", "slices", "values"]

_MAX_PARAMETERS = 30_000
"""Below what SQLite takes in one statement (32,766)."""
_COPIED_ROWS = 16
"""From so many on COPY is cheaper, for us and for PostgreSQL; below, the message more that it takes is not made up."""
_MAX_PARAMETERS_POSTGRESQL = 65_000
"""Below what PostgreSQL takes in one statement (65,535)."""


def is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def run(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """The rows of a statement in the driver's own notation, for the way of a push.

    SQLAlchemy's execution costs several times what the statement does; elsewhere that does not count.
    """
    if is_postgresql(connection):
        # psycopg looks for its placeholders anew each time where there are many, which costs more than all else.
        cursor = _driver(connection).raw_cursor()
        cursor.execute(_numbered(statement), parameters or None)
    else:
        cursor = connection.connection.cursor()
        cursor.execute(statement, parameters)
    # None where the statement gives no rows, whatever the standard's types say.
    description: Any = cursor.description
    rows: list[Any] = [] if description is None else list(cursor.fetchall())
    cursor.close()
    return rows


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@lru_cache(128)
def _numbered(statement: str) -> str:
    """The placeholders as PostgreSQL itself writes them."""
    first, *others = statement.split("%s")
    return first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))


def insert(connection: Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]], tail: str = "") -> None:
    """Inserts rows of the columns named (`"a, b"`), many with one statement."""
    if is_postgresql(connection):
        _insert_postgresql(connection, table, columns, rows, tail)
    else:
        _insert_sqlite(connection, table, columns, rows, tail)


def _insert_postgresql(
    connection: Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]], tail: str
) -> None:
    if not tail and len(rows) >= _COPIED_ROWS:
        _copy_postgresql(connection, table, columns, rows)
        return
    width = columns.count(",") + 1
    most = _MAX_PARAMETERS_POSTGRESQL // width
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        statement = f"INSERT INTO {table} ({columns}) VALUES {values(connection, width, len(some))} {tail}"
        run(connection, statement, list(chain.from_iterable(some)))


def _copy_postgresql(connection: Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    # As text, an error's context would bring a line of people's data into PostgreSQL's log.
    with _driver(connection).cursor().copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(_list_types(connection.dialect, table, columns))
        for row in rows:
            copy.write_row(row)


@lru_cache(64)
def _list_types(dialect: Dialect, table: str, columns: str) -> list[str]:
    """The columns' types as the driver knows them: `bigint`."""
    declared = metadata.tables[table].columns
    return [declared[name].type.compile(dialect).split()[0].lower() for name in columns.split(", ")]


def _insert_sqlite(
    connection: Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]], tail: str
) -> None:
    """With as few statements as are kept prepared.

    Many rows in one statement, not one execution a row: each gives up Python's lock and waits for it. And few different
    numbers of rows, or preparing them would cost more than running them. A column that is None is left out: Python's
    module for SQLite takes twenty times as long over None as over a text.
    """
    alike: dict[tuple[bool, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        alike.setdefault(tuple(map(is_not, row, repeat(None))), []).append(row)
    for given, theirs in alike.items():
        names = ", ".join(compress(columns.split(", "), given))
        width = sum(given)
        start = 0
        for size in _sizes(len(theirs), width):
            some = theirs[start : start + size]
            start += size
            statement = f"INSERT INTO {table} ({names}) VALUES {values(connection, width, size)} {tail}"
            run(connection, statement, list(chain.from_iterable(compress(row, given) for row in some)))


def _sizes(rows: int, width: int) -> Generator[int]:
    for size in _STATEMENT_ROWS:
        while rows >= size and size * width <= _MAX_PARAMETERS:
            yield size
            rows -= size


_STATEMENT_ROWS = (256, 64, 32, 16, 8, 4, 2, 1)


def values(connection: Connection, width: int, rows: int, *types: str) -> str:
    """`(?, ?), (?, ?)`: that many rows of placeholders, as the driver writes them.

    `types` are the columns', for where nothing else tells PostgreSQL what they are.
    """
    if types and is_postgresql(connection):
        first = ", ".join(f"%s::{one}" for one in types)
        return f"({first})" if rows == 1 else f"({first}), {_placeholders('%s', width, rows - 1)}"
    return _placeholders("?" if connection.dialect.paramstyle == "qmark" else "%s", width, rows)


def placeholder(connection: Connection) -> str:
    """A single placeholder, as the driver writes it."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


@lru_cache(256)
def _placeholders(one: str, width: int, rows: int) -> str:
    return ", ".join(["(" + ", ".join([one] * width) + ")"] * rows)


def slices(rows: Sequence[tuple[Any, ...]], width: int) -> Generator[Sequence[tuple[Any, ...]]]:
    """As many rows at a time as a statement takes."""
    most = _MAX_PARAMETERS // width
    for start in range(0, len(rows), most):
        yield rows[start : start + most]


def in_parts(items: Sequence[tuple[Any, ...]], width: int) -> Generator[Sequence[tuple[Any, ...]]]:
    """Slices for `IN`, of few different lengths so that statements are kept prepared: the last item is repeated."""
    most = min(1_024, 1 << (_MAX_PARAMETERS // width).bit_length() - 1)
    for start in range(0, len(items), most):
        some = items[start : start + most]
        length = 1 << (len(some) - 1).bit_length()
        yield [*some, *[some[-1]] * (length - len(some))]
