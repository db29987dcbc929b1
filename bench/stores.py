"""Fresh databases with as many attendees as a row needs, written by the product's own commit."""

import gc
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec

from bench import people
from bench.loads import Gateway
from bench.refused import Refused
from turnout.events import event
from turnout.feed import commit
from turnout.feed.authenticate import Caller
from turnout.feed.configurations import Configurations
from turnout.feed.intake import as_sender, read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Item, Submission
from turnout.now import new_id
from turnout.store import schema, statements
from turnout.store.connect import open_database
from turnout.store.database import Database

TOGETHER = 5_000
"""Pushes in one transaction while a store is filled."""
SECRET_KEY = bytes(range(32))
"""Of installations on PostgreSQL; else it would lie in the working directory."""
_FILE = "turnout.db"
_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")
_BYTES_PER_ATTENDEE = 8_000
"""Of disk, generously."""


class Store(msgspec.Struct, frozen=True):
    """A database with its events, and the keys to their gateways."""

    folder: Path
    url: str
    gateways: tuple[Gateway, ...]
    attendees: int
    """In each event."""
    database_pid: int | None = None
    """Of PostgreSQL's first process, where the store is in one."""

    @property
    def path(self) -> Path:
        """The file, if it is SQLite's."""
        return self.folder / _FILE

    @property
    def event_id(self) -> str:
        return self.gateways[0].event_id


def make(
    folder: Path,
    attendees: int,
    progress: Callable[[int], None] = lambda _: None,
    *,
    url: str | None = None,
    database_pid: int | None = None,
    events: int = 1,
) -> Store:
    """A new store in that folder, or in the empty database at `url`, with as many attendees in each event.

    Each attendee is a push with its body, its change and all that belongs to it.
    """
    url = url or make_place(folder, attendees * events)
    gateways = []
    with filling(url) as database:
        for number in range(events):
            made, key = event.create(database, f"Bench {number}" if number else "Bench", f"bench{number or ''}")
            gateways.append(Gateway(made.id, made.slug, key))
            configurations = Configurations(database)
            for start in range(0, attendees, TOGETHER):
                _write(database, configurations, made.slug, range(start, min(start + TOGETHER, attendees)))
                progress(min(start + TOGETHER, attendees))
    return Store(folder, url, tuple(gateways), attendees, database_pid)


def make_place(folder: Path, attendees: int) -> str:
    """The address of a new SQLite file in that new folder, which has room for so many."""
    folder.mkdir(parents=True)
    check_room(folder, attendees)
    return f"sqlite:///{folder / _FILE}"


@contextmanager
def filling(url: str) -> Generator[Database]:
    """The empty database with its tables, for as long as it is filled: as quickly as it can be."""
    is_sqlite = url.startswith("sqlite:")
    database = open_database(url, None if is_sqlite else SECRET_KEY)
    gc.disable()
    try:
        schema.prepare(database)
        with nullcontext() if is_sqlite else _copying():
            yield database
    finally:
        gc.enable()
        database.close()


@contextmanager
def _copying() -> Generator[None]:
    """All that the product inserts into PostgreSQL goes there with COPY: nothing of it is there already."""
    usual = statements._insert_postgresql

    def insert(
        connection: statements.Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]], tail: str
    ) -> None:
        usual(connection, table, columns, rows, "" if len(rows) >= statements._COPIED_ROWS else tail)

    statements._insert_postgresql = insert  # ty: ignore[invalid-assignment]
    try:
        yield
    finally:
        statements._insert_postgresql = usual


def file_system(folder: Path) -> str:
    """The type of file system that the folder is on."""
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted, kind, *_ = line.split()
        if folder.resolve().is_relative_to(mounted) and len(mounted) >= len(found[0]):
            found = (mounted, kind)
    return found[1]


def check_room(folder: Path, attendees: int) -> None:
    if file_system(folder) in _MEMORY_FILE_SYSTEMS:
        raise Refused(f"{folder} is in memory, where a flush costs nothing; choose a folder on a disk with --folder")
    free, needed = shutil.disk_usage(folder).free, attendees * _BYTES_PER_ATTENDEE
    if free < needed:
        raise Refused(f"{folder} has {free >> 30} GiB free, and {attendees:,} attendees want {needed >> 30}")


def _write(database: Database, configurations: Configurations, slug: str, numbers: range) -> None:
    configuration = configurations.load(slug=slug)
    assert configuration is not None
    (key,) = configuration.keys.values()
    sender = as_sender(Caller(configuration, key), "127.0.0.1")
    items: list[Item] = [
        read_item(new_id("psh"), decode(people.body(number, 0), "application/json"), sender) for number in numbers
    ]
    (outcomes,) = commit.write(database, configurations, [Submission(configuration=configuration, items=items)])
    if not isinstance(outcomes, list):
        raise Refused(f"filling the store failed: {outcomes!r}")
    failures = [outcome.failure for outcome in outcomes if outcome.result != "created"]
    if failures:
        raise Refused(f"filling the store failed: {failures[0]}")
    database.move_log()
