"""Making one export: read page by page, written in one of the formats, recorded in parts as they are full.

Each part is a short transaction of its own, and counts only while the export is this attempt's and the lease ours.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

import structlog

from turnout.downstream.exports.parts import KEY_BYTES, PartsFile, TooLarge
from turnout.downstream.exports.walk import Walk
from turnout.downstream.exports.wanted import read_kept
from turnout.downstream.formats import FORMATS, Format
from turnout.errors import NotFound, TurnoutError
from turnout.now import now_us
from turnout.setting_values import format_size
from turnout.store import events, exports, leases
from turnout.store.database import Database
from turnout.store.exports import Export
from turnout.store.leases import Lease, LeaseLost
from turnout.store.statements import Connection

LASTS_US = 15 * 1_000_000
"""So long others wait for one that was killed together with its server."""
MAX_ATTEMPTS = 5
"""Of one export: whatever ends its maker so often would go on doing so."""
PROGRESS_EVERY_S = 0.5
ERASED = "Somebody of the event was erased while the file was made. Ask for it anew."
_REMOVED_AT_ONCE = 8
log = structlog.get_logger()


class Stopped(Exception):
    """The server is about to stop, or is gone."""


class Overtaken(Exception):
    """The export was removed, or somebody else makes it."""


class CannotBe(Exception):
    """There will be no file; the text says why."""


class Maker:
    """Makes exports with a lease that somebody else has taken, and who says when to stop."""

    def __init__(self, database: Database, lease: Lease, stopping: threading.Event, limit_bytes: int) -> None:
        self._database = database
        self._lease = lease
        self._stopping = stopping
        self._limit_bytes = limit_bytes

    def make(self, export: Export, scratch: Path) -> None:
        """One attempt, to its end. Raises LeaseLost and StorageUnavailable; then it is to be tried again."""
        if export.attempts >= MAX_ATTEMPTS:
            self._give_up(export, f"It was begun {export.attempts} times, and ended each time before it was done.")
            return
        key = os.urandom(KEY_BYTES)
        with self._database.write() as connection:
            self._keep_lease(connection)
            begun = exports.begin(connection, export, key)
        if begun is None:
            return
        try:
            _Making(self, begun, scratch).run()
        except Stopped:
            with self._database.write() as connection:
                self._keep_lease(connection)
                exports.put_back(connection, begun)
        except Overtaken:
            log.info("export_removed_meanwhile", export=export.id)
        except CannotBe as error:
            self._give_up(begun, str(error))
        except TooLarge:
            self._give_up(
                begun,
                f"The file would be larger than {format_size(self._limit_bytes)} (TURNOUT_MAX_EXPORT). Choose fewer "
                "fields, a group, or xlsx, which is smaller.",
            )
        except NotFound as error:
            self._give_up(begun, error.detail)
        except OSError:
            log.exception("export_not_written", export=export.id)
            self._give_up(
                begun, "There is no room, or no right to write, where temporary files go on the server (TMPDIR)."
            )
        except (LeaseLost, TurnoutError):
            raise
        except Exception:
            log.exception("export_failed", export=export.id)
            self._give_up(begun, "A mistake in Turnout kept this from being finished; its log says more.")

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def check(self) -> None:
        """Raises Stopped."""
        if self.is_stopping:
            raise Stopped

    def record(self, connection: Connection, still_counts: bool) -> None:
        """In each transaction that records something. Raises LeaseLost and Overtaken, and nothing of it counts."""
        self._keep_lease(connection)
        if not still_counts:
            raise Overtaken

    @property
    def database(self) -> Database:
        return self._database

    @property
    def limit_bytes(self) -> int:
        return self._limit_bytes

    def _keep_lease(self, connection: Connection) -> None:
        leases.renew(connection, self._lease, LASTS_US)

    def _give_up(self, export: Export, reason: str) -> None:
        log.warning("export_failed", export=export.id, reason=reason)
        with self._database.write() as connection:
            self._keep_lease(connection)
            if export.state != "running":
                begun = exports.begin(connection, export, b"")
                if begun is None:
                    return
                export = begun
            exports.fail(connection, export, reason, now_us())


class _Making:
    """One attempt."""

    def __init__(self, maker: Maker, export: Export, scratch: Path) -> None:
        assert export.file_key is not None
        self._maker = maker
        self._export = export
        self._scratch = scratch
        self._format: Format = FORMATS[export.format]
        self._file = PartsFile(export.file_key, self._record_part, maker.limit_bytes)
        self._rows = 0
        self._parts = 0
        self._noted_at = time.monotonic()

    def run(self) -> None:
        wanted = read_kept(self._export.query).wanted
        if wanted is None:
            raise Overtaken
        self._walk = walk = Walk(self._maker.database, self._export.event_id, wanted)
        self._check_rows(walk.expected or 0)
        with self._maker.database.write() as connection:
            self._maker.record(connection, exports.note_start(connection, self._export, walk.sequence, walk.expected))
        file: Any = self._file
        writer = self._format.open(file, walk.columns, sequence=walk.sequence, scratch=self._scratch)
        for page in walk.list_pages():
            self._maker.check()
            self._check_rows(self._rows + len(page))
            for attendee in page:
                writer.write(attendee)
            self._rows += len(page)
            if time.monotonic() - self._noted_at > PROGRESS_EVERY_S:
                self._note_progress()
        writer.close()
        self._file.finish()
        self._remove_old_parts()
        self._finish()
        self._maker.database.move_log()

    def _finish(self) -> None:
        with self._maker.database.read() as connection:
            # Most of the log before, so that pushes wait for the rest only.
            clock = events.find_clock(connection, self._export.event_id)
            has_erased = exports.has_erased(connection, self._export.event_id, self._walk.sequence)
        with self._maker.database.write() as connection:
            # An erasure takes away the files that it sees. One that was under way when this began has not seen it.
            events.lock_clocks(connection, [self._export.event_id])
            behind = self._walk.sequence if clock is None else clock.last_sequence
            if has_erased or exports.has_erased(connection, self._export.event_id, behind):
                raise CannotBe(ERASED)
            done = exports.finish(connection, self._export, self._rows, self._file.size_bytes, now_us())
            self._maker.record(connection, done)

    def _check_rows(self, rows: int) -> None:
        most = self._format.max_attendees
        if most is not None and rows > most:
            raise CannotBe(say_too_many(self._format, rows))

    def _record_part(self, number: int, content: bytes) -> None:
        self._maker.check()
        with self._maker.database.write() as connection:
            self._maker.record(connection, self._note(connection))
            exports.write_part(connection, self._export, number, content)
        self._parts = number + 1
        self._maker.database.move_log()

    def _note_progress(self) -> None:
        with self._maker.database.write() as connection:
            self._maker.record(connection, self._note(connection))

    def _note(self, connection: Connection) -> bool:
        self._noted_at = time.monotonic()
        return exports.note_progress(connection, self._export, self._walk.percent, self._rows, self._file.size_bytes)

    def _remove_old_parts(self) -> None:
        """Of an attempt before, whose file was longer."""
        removed = _REMOVED_AT_ONCE
        while removed == _REMOVED_AT_ONCE:
            with self._maker.database.write() as connection:
                self._maker.record(connection, self._note(connection))
                removed = exports.remove_parts(
                    connection, self._export.event_id, self._export.id, _REMOVED_AT_ONCE, since=self._parts
                )


def say_too_many(its: Format, rows: int) -> str:
    return (
        f"A file in {its.name} holds {its.max_attendees:,} attendees at most, and these are {rows:,} or more. "
        "Take csv, or choose a group."
    )
