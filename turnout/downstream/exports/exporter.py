"""Sees to it that exports are made, in a process of their own so that the feed keeps this one, and go in time.

One process of all on the database does it, whoever's turn it is. Whoever is killed leaves nothing hanging: what was
begun is begun anew.
"""

import subprocess
import sys
import threading
import time
from contextlib import suppress

import msgspec
import structlog

from turnout.changes.turn import Turn
from turnout.downstream.exports.making import LASTS_US
from turnout.errors import StorageUnavailable
from turnout.logs import Thinned
from turnout.now import now_us
from turnout.store import exports
from turnout.store.database import Database
from turnout.store.leases import LeaseLost

KEPT_US = 24 * 3_600 * 1_000_000
"""So long a file stays that is finished …"""
REMEMBERED_US = 7 * KEPT_US
"""… and the line that says what became of it."""
POLL_S = 2.0
"""Between two looks for what other processes were asked for."""
TIDIED_EVERY_S = 5.0
_KEPT_LEASE_EVERY_S = 3.0
_AGAIN_S, _MOST_REST_S = 0.1, 30.0
"""After a maker that was killed; twice as long each time, so that one that always is does not cost everything."""
_STOP_S = 3.0
_REMOVED_AT_ONCE = 4
_REST_S = 0.05
_EXPIRED = "The file was kept for 24 hours."
log = structlog.get_logger()


class Exporter:
    """One process's place in it; a thread of its own does the work once it is started."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = Turn(database, "exports", LASTS_US)
        self._put_off = Thinned()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._failures = 0
        """Of makers, in a row."""
        self._thread = threading.Thread(target=self._run, name="exports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being made is put back, for whoever goes on."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()
        self._turn.give_back()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            rest_s = POLL_S
            try:
                if self._work():
                    rest_s = 0.0
            except LeaseLost:
                log.info("exports_left_to_another")
            except StorageUnavailable as error:
                if (times := self._put_off.count("storage")) is not None:
                    log.warning("exports_put_off", reason=error.detail, times=times)
            except Exception:
                log.exception("exports_failed")
            self._woken.wait(rest_s)
            self._woken.clear()

    def _work(self) -> bool:
        """Makes one export or tidies up a little; gives whether there may be more to do at once."""
        with self._database.read() as connection:
            has_next = exports.find_next(connection) is not None
        if has_next:
            if self._turn.take():
                self._make_next()
                return True
            return False
        if self._turn.is_due("tidy", TIDIED_EVERY_S) and self._is_something_over() and self._turn.take():
            self._tidy()
        self._turn.give_back()
        return False

    def _make_next(self) -> None:
        """Returns when it is made, or whoever makes it has ended otherwise."""
        lease = self._turn.lease
        assert lease is not None
        maker = subprocess.Popen(
            [sys.executable, "-m", "turnout.downstream.exports"],
            stdin=subprocess.PIPE,
            # Ctrl-C is for the server, which ends it in order.
            start_new_session=True,
        )
        assert maker.stdin is not None
        try:
            with suppress(BrokenPipeError):
                maker.stdin.write(msgspec.json.encode(lease) + b"\n")
                maker.stdin.flush()
            self._wait_for(maker)
        finally:
            # The end of its input is the word to stop.
            with suppress(BrokenPipeError):
                maker.stdin.close()
            try:
                maker.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                maker.kill()
                maker.wait()
        if not maker.returncode or self._stopping.is_set():
            self._failures = 0
            return
        log.warning("export_maker_ended", exit_code=maker.returncode)
        self._stopping.wait(min(_AGAIN_S * 2**self._failures, _MOST_REST_S))
        self._failures += 1

    def _wait_for(self, maker: "subprocess.Popen[bytes]") -> None:
        kept_at = time.monotonic()
        while not self._stopping.is_set():
            try:
                maker.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
            else:
                return
            if time.monotonic() - kept_at > _KEPT_LEASE_EVERY_S:
                kept_at = time.monotonic()
                with suppress(StorageUnavailable), self._turn.recording():
                    pass

    def _is_something_over(self) -> bool:
        now = now_us()
        with self._database.read() as connection:
            is_over = exports.has_over(connection, now - KEPT_US, now - REMEMBERED_US)
            return is_over or exports.find_leftover(connection) is not None

    def _tidy(self) -> None:
        now = now_us()
        with self._turn.recording() as connection:
            exports.expire(connection, now - KEPT_US, _EXPIRED)
            exports.forget(connection, now - REMEMBERED_US)
        while not self._stopping.is_set():
            with self._database.read() as connection:
                leftover = exports.find_leftover(connection)
            if leftover is None:
                return
            with self._turn.recording() as connection:
                exports.remove_parts(connection, *leftover, _REMOVED_AT_ONCE)
            self._database.move_log()
            if self._woken.wait(_REST_S):
                # Somebody waits for a file; the rest of this can wait.
                return
