"""SQLite: wipes what moved rows have left behind in the database file, so that what was erased is nowhere in it.

`secure_delete` overwrites what is deleted, but not the copies that stay behind in the unused part of a page when its
rows are spread over two. No statement reaches those bytes, and a VACUUM would rewrite everything while pushes wait. So
they are overwritten here, in a transaction that keeps all others out while nothing is waiting in the log: SQLite never
reads them, and whoever has such a page in memory reads it anew after the commit that ends the transaction.
"""

import os
import struct
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from turnout.now import now_us
from turnout.store.probe import commit_probe

if TYPE_CHECKING:
    from turnout.store.sqlite.database import SqliteDatabase

_CHUNK_BYTES = 1 << 20
_STEP_PAGES = 2_000
"""Overwritten in one transaction, which pushes wait for."""
_REST_S = 0.02
_MOST_PAGES = 1 << 25
"""Below this no page that holds something else can be taken for one with rows: its first byte would have to be zero."""
_HEAD_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}
"""Of the kinds of pages with rows: inner and outer ones of indexes and tables (SQLite's file format, 1.6)."""

_files: dict[tuple[int, int], int] = {}
"""Open files by device and inode. None is ever closed: that would drop the locks SQLite holds on it (POSIX)."""


def wipe(database: "SqliteDatabase", stopping: threading.Event | None = None) -> bool:
    """Wipes all pages. False where somebody was reading for longer than a lock is waited for, or the file is too large.

    So too where it is told to stop. Some bytes may be left then. Raises StorageUnavailable.
    """
    stopping = stopping or threading.Event()
    if not database.forget_log():
        return False
    file = _open(database)
    size = _page_size(file)
    if os.fstat(file).st_size // size >= _MOST_PAGES:
        return False
    dirty = list(_find_dirty(file, size, stopping))
    for start in range(0, len(dirty), _STEP_PAGES):
        if stopping.is_set():
            return False
        if start:
            # Pushes first.
            time.sleep(_REST_S)
        if not _wipe_pages(database, file, size, dirty[start : start + _STEP_PAGES]):
            return False
    # The probe's page is in the log now, and nobody's.
    return not stopping.is_set() and (not dirty or database.forget_log())


def _wipe_pages(database: "SqliteDatabase", file: int, size: int, pages: list[int]) -> bool:
    with database.write_to_file() as connection:
        if connection is None:
            return False
        for number in pages:
            # Looked at again: it may have been written meanwhile.
            page = os.pread(file, size, number * size)
            for start, end in _list_unused(page, number):
                os.pwrite(file, bytes(end - start), number * size + start)
        os.fsync(file)
        # Whoever has one of the pages in memory takes it anew because of this commit.
        commit_probe(connection, now_us())
    return True


def _open(database: "SqliteDatabase") -> int:
    found = database.path.stat()
    place = (found.st_dev, found.st_ino)
    if place not in _files:
        _files[place] = os.open(database.path, os.O_RDWR | os.O_CLOEXEC)
    return _files[place]


def _page_size(file: int) -> int:
    (size,) = struct.unpack(">H", os.pread(file, 2, 16))
    return 65_536 if size == 1 else int(size)


def _find_dirty(file: int, size: int, stopping: threading.Event | None = None) -> Iterator[int]:
    """The pages, counted from 0, in whose unused part something stands."""
    at = 0
    while not (stopping and stopping.is_set()) and (chunk := os.pread(file, max(_CHUNK_BYTES, size), at)):
        for start in range(0, len(chunk) - size + 1, size):
            if chunk[start] in _HEAD_BYTES or at + start == 0:
                number = (at + start) // size
                page = chunk[start : start + size]
                if any(page[one:end].strip(b"\0") for one, end in _list_unused(page, number)):
                    yield number
        at += len(chunk) - len(chunk) % size or len(chunk)


def _list_unused(page: bytes, number: int) -> list[tuple[int, int]]:
    """From where to where a page with rows has nothing; empty where it is another page, or not as it should be."""
    head = 100 if number == 0 else 0
    if len(page) <= head or page[head] not in _HEAD_BYTES:
        return []
    free, rows, content = struct.unpack_from(">HHH", page, head + 1)
    first = head + _HEAD_BYTES[page[head]]
    end_of_places = first + 2 * rows
    content = content or 65_536
    if not end_of_places <= content <= len(page):
        return []
    if any(place < content for place in struct.unpack_from(f">{rows}H", page, first)):
        return []
    unused = [(end_of_places, content)]
    while free:
        if not content <= free <= len(page) - 4:
            return []
        following, length = struct.unpack_from(">HH", page, free)
        if length < 4 or free + length > len(page) or 0 < following < free + length:
            return []
        unused.append((free + 4, free + length))
        free = following
    return [(start, end) for start, end in unused if start < end]
