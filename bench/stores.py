"""Fresh databases with as many attendees as a row needs, written by the product's own commit."""

import gc
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import people
from bench.refused import Refused
from turnout.events import event
from turnout.feed import commit
from turnout.feed.authenticate import Caller
from turnout.feed.configurations import Configurations
from turnout.feed.intake import as_sender, read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Item, Submission
from turnout.now import new_id
from turnout.store import schema
from turnout.store.connect import open_database
from turnout.store.database import Database

TOGETHER = 5_000
"""Pushes in one transaction while a store is filled."""
_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")
_BYTES_PER_ATTENDEE = 8_000
"""Of disk, generously."""


class Store(msgspec.Struct, frozen=True):
    """A database with one event, and the key to its gateway."""

    path: Path
    event_id: str
    slug: str
    key: str
    attendees: int

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def remove(self) -> None:
        shutil.rmtree(self.path.parent, ignore_errors=True)


def make(folder: Path, attendees: int, progress: Callable[[int], None] = lambda _: None) -> Store:
    """A new store in that folder. Each attendee is a push with its body, its change and all that belongs to it."""
    folder.mkdir(parents=True)
    _check_room(folder, attendees)
    path = folder / "turnout.db"
    database = open_database(f"sqlite:///{path}")
    try:
        schema.prepare(database)
        made, key = event.create(database, "Bench", "bench")
        configurations = Configurations(database)
        gc.disable()
        for start in range(0, attendees, TOGETHER):
            _write(database, configurations, made.slug, range(start, min(start + TOGETHER, attendees)))
            progress(min(start + TOGETHER, attendees))
    finally:
        gc.enable()
        database.close()
    return Store(path, made.id, made.slug, key, attendees)


def file_system(folder: Path) -> str:
    """The type of file system that the folder is on."""
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted, kind, *_ = line.split()
        if folder.resolve().is_relative_to(mounted) and len(mounted) >= len(found[0]):
            found = (mounted, kind)
    return found[1]


def _check_room(folder: Path, attendees: int) -> None:
    if file_system(folder) in _MEMORY_FILE_SYSTEMS:
        raise Refused(f"{folder} is in memory, where a flush costs nothing; choose a folder on a disk with --folder")
    free, needed = shutil.disk_usage(folder).free, attendees * _BYTES_PER_ATTENDEE
    if free < needed:
        raise Refused(f"{folder} has {free >> 30} GiB free, and {attendees:,} attendees want {needed >> 30}")


def _write(database: Database, configurations: Configurations, slug: str, numbers: range) -> None:
    configuration = configurations.load(slug=slug)
    assert configuration is not None
    (key,) = configuration.keys.values()
    sender = as_sender(Caller(configuration, key))
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
