"""A copy of the whole database as it is at one moment, made while others write; and what such a copy says of itself."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from turnout.store.sqlite.database import SqliteDatabase, sqlite_module

OnProgress = Callable[[int, int], object]
"""Called with the bytes that are done, and how many there are about."""
FLUSHED_AT_ONCE_BYTES = 4 << 20
"""Of a copy, so that no commit has to wait until much more has reached the same disk."""
_LOOKED_AT_EVERY = 20_000
"""Steps of SQLite's machine: some milliseconds."""


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """Where an event's log ends."""

    id: str
    slug: str
    last_sequence: int


class Facts(msgspec.Struct, frozen=True):
    """What a copy says of itself."""

    schema_version: str | None
    """None where there are no tables yet."""
    heads: list[Head]


def take(database: SqliteDatabase, target: Path, on_progress: OnProgress = lambda *_: None) -> None:
    """Copies what is committed at one moment into a new file, which is for its owner alone.

    Nobody waits for it: it is one reading transaction. Only what is there is copied, row by row: what was erased and
    still lies in a corner of a page stays behind. Raises StorageUnavailable, and OSError where the copy has no room.
    """
    copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with database.read_outside() as connection:
            _vacuum(connection, target, _Watch(connection, copy, on_progress))
    finally:
        os.close(copy)


def _vacuum(connection: Any, target: Path, watch: "_Watch") -> None:
    connection.set_progress_handler(watch, _LOOKED_AT_EVERY)
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    except Exception as error:
        if watch.stopped_by is not None:
            raise watch.stopped_by from None
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


class _Watch:
    """Looks at the copy while it grows: tells of it, and flushes it a little at a time."""

    def __init__(self, connection: Any, copy: int, on_progress: OnProgress) -> None:
        (page_bytes,), (pages,), (free,) = (
            connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_size", "page_count", "freelist_count")
        )
        self.total = page_bytes * (pages - free)
        self.copy = copy
        self.on_progress = on_progress
        self.flushed = 0
        self.stopped_by: BaseException | None = None

    def __call__(self) -> bool:
        """Whether to stop. An exception would not find its way through SQLite: it is kept for later."""
        try:
            done = os.fstat(self.copy).st_size
            if done - self.flushed >= FLUSHED_AT_ONCE_BYTES:
                os.fdatasync(self.copy)
                self.flushed = done
            self.on_progress(done, max(done, self.total))
        except BaseException as error:  # noqa: BLE001
            self.stopped_by = error
            return True
        return False


def read_facts(copy: Path) -> Facts:
    """Reads a copy that nobody else has open. Whatever its schema: the columns that it looks at were always there."""
    with closing(_open(copy)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in names:
            return Facts(None, [])
        ((version,),) = connection.execute("SELECT version_num FROM alembic_version")
        heads = connection.execute(
            "SELECT events.id, events.slug, clocks.last_sequence"
            " FROM events JOIN clocks ON clocks.event_id = events.id ORDER BY events.created_at"
        )
        return Facts(version, [Head(*row) for row in heads])


def find_damage(copy: Path) -> str | None:
    """The first thing that is wrong with a copy's pages and indexes, None when it is sound."""
    module = sqlite_module()
    try:
        with closing(_open(copy)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except module.DatabaseError as error:
        return str(error)
    return None if found == "ok" else found


def _open(copy: Path) -> sqlite3.Connection:
    # Immutable: no lock, no log file, nothing is written.
    connection: sqlite3.Connection = sqlite_module().connect(f"{copy.absolute().as_uri()}?immutable=1", uri=True)
    return connection
