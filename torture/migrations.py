"""SIGKILL while a database of the first version is migrated: it is what it was, or what it shall be (C8, D1)."""

import shutil
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

from torture.broken import Broken
from torture.course import Course
from torture.running import ROOT, SERVE, Server
from torture.starts import kill_while_starting, list_schema
from torture.world import verify_all
from turnout.store import schema

_DUMP = ROOT / "tests" / "store" / "database_0001.sql"
_EVENTS = 500
"""Copies of the dump's event, so that the migration takes its time."""
_MOST_WRITES = (60, 2_000)
"""The first writes of a migration more often than the others."""

Rows = dict[str, list[tuple[Any, ...]]]


def run(course: Course) -> None:
    home = course.new_folder()
    original = home / "original.db"
    _make(original)
    before, rows = list_schema(original), _read(original, None)
    half_way = finished = 0
    for chance in course.rounds():
        folder = course.new_folder()
        with course.judged(folder):
            rolled_back = _migrate(course, chance, folder, original, before, rows)
            half_way += rolled_back
            finished += not rolled_back
        shutil.rmtree(folder)
    course.tally.remarks.append(
        f"{course.tally.caught} of the kills before it was ready; behind them {half_way} not migrated, {finished} done"
    )


def _migrate(
    course: Course, chance: Random, folder: Path, original: Path, before: set[tuple[str, ...]], rows: Rows
) -> bool:
    """Kills it, looks, lets it come through, looks. Gives whether the kills left the old schema."""
    old = True
    server = Server(folder / "data", folder / "server.log")
    server.database_path.parent.mkdir()
    shutil.copy(original, server.database_path)
    try:
        for _ in range(chance.randint(1, 3)):
            kill_while_starting(server, course.tally, chance, SERVE, chance.choice(_MOST_WRITES))
            old = _look(folder, before, rows)
            if not old:
                break
        course.tally.starts += 1
        course.tally.slowest_start_s = max(course.tally.slowest_start_s, server.start())
        if _version(server.database_path) != schema.VERSION:
            raise Broken(f"the server runs on schema {_version(server.database_path)}")
        if _read(server.database_path, rows) != rows:
            raise Broken("LOST: rows are not what they were before the migration")
        verify_all(server)
        course.tally.verified += 1
    finally:
        server.kill()
    return old


def _look(folder: Path, before: set[tuple[str, ...]], rows: Rows) -> bool:
    """Whether it is the old database still. In a copy: whoever opens the original would help it to recover."""
    copy = folder / "copy"
    shutil.copytree(folder / "data", copy)
    for index in copy.glob("*-shm"):
        index.unlink()
    path = copy / "turnout.db"
    try:
        # Not read-only, because the log has to be read in.
        with sqlite3.connect(path) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.close()
        version = _version(path)
        if version == "0001" and list_schema(path) != before:
            raise Broken(f"half a migration: {list_schema(path) ^ before}")
        if version not in ("0001", schema.VERSION):
            raise Broken(f"half of the migrations: the schema is {version}")
        if _read(path, rows) != rows:
            raise Broken("LOST: rows are not what they were before the kill")
        return version == "0001"
    finally:
        shutil.rmtree(copy)


def _make(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_DUMP.read_text())
        ((first,),) = connection.execute("SELECT id FROM events")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            if table != "events" and "event_id" not in columns:
                continue
            theirs = [tuple(row) for row in connection.execute(f"SELECT * FROM {table}")]
            places = ", ".join("?" * len(columns))
            copied = [
                tuple(_rename(value, column, first, number) for value, column in zip(row, columns, strict=True))
                for number in range(_EVENTS)
                for row in theirs
            ]
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", copied)
        connection.commit()
    finally:
        connection.close()


def _rename(value: object, column: str, first: str, number: int) -> object:
    """What has to differ from event to event: ids of events, slugs, and the ids that are sought in all of them."""
    if value == first:
        return f"{first[:-6]}{number:06x}"
    if column == "slug":
        return f"{value}-{number}"
    return value


def _version(path: Path) -> str:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()


def _read(path: Path, like: Rows | None) -> Rows:
    """All rows, with the columns that the first version had."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        if like is None:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            columns = {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for (name,) in names}
            del columns["alembic_version"]
        else:
            columns = {key.partition(" ")[0]: key.partition(" ")[2].split() for key in like}
        rows = {}
        for name, theirs in columns.items():
            quoted = ", ".join('"' + one + '"' for one in theirs)
            rows[f"{name} {' '.join(theirs)}"] = sorted(connection.execute(f"SELECT {quoted} FROM {name}"), key=repr)
        return rows
    finally:
        connection.close()
