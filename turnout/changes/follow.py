"""The one loop for consumers that live in the database: read what is behind the cursor, hand it over, move the cursor.

What a consumer writes and where its cursor stands are one transaction, and count only while its lease does: whoever is
killed, or loses the lease, has done nothing of the step, and the next one does all of it.
"""

import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import structlog

from turnout.changes.turn import Turn
from turnout.errors import StorageUnavailable
from turnout.logs import Thinned
from turnout.store import cursors
from turnout.store.cursors import Behind
from turnout.store.database import Database
from turnout.store.leases import LeaseLost
from turnout.store.statements import Connection

MAX_LINES = 500
"""Of the log, in one step …"""
MAX_LINES_BUSY = 200
"""… and while pushes wait, who cannot be stored as long as it writes."""
MAX_EVENTS = 200
"""Worked on in one round; the next one goes on behind them."""
IDLE_S = 0.5
"""Between two rounds while there is little to do: what comes meanwhile is done together."""
ELSEWHERE_S = 3.0
"""Between two looks while another process does it."""
LASTS_US = 15 * 1_000_000
"""So long others wait for one that was killed."""
_BUSY_REST = 8
"""While pushes wait it rests so many times as long as it has worked, so that it takes a ninth of the time at most …"""
_MOST_REST_S = 1.0
"""… and not for longer than this."""
_FIRST_ASIDE_S, _LAST_ASIDE_S = 1.0, 60.0
"""For so long an event is left alone whose lines could not be handled; twice as long each time."""
_STOP_S = 5.0
log = structlog.get_logger()


class Step(msgspec.Struct, frozen=True):
    """What follows from some lines."""

    last: int
    """Where the cursor is to stand: on the last of them."""
    record: Callable[[Connection], None]
    """Writes it, in the transaction that moves the cursor."""


class Consumer(msgspec.Struct, frozen=True):
    """Somebody who follows the logs of all events, and whose cursors are in the database."""

    name: str
    """Of its cursors and its lease."""
    handle: Callable[[Connection, str, int, int], Step]
    """What follows from the lines behind a cursor: of connection, event, cursor and how many lines at most.

    It only reads, so that it holds nobody up. Between it and what it gives nobody else has worked on the event; whoever
    is erased may be gone, which `record` has to see to.
    """
    every_s: float | None = None
    """Between two rounds while there is little to do, where that is not IDLE_S."""


class Follower:
    """One process's place in it; a thread of its own does the work once it is started."""

    def __init__(self, database: Database, consumer: Consumer, is_busy: Callable[[], bool] = lambda: False) -> None:
        """`is_busy` is asked between two steps: whether pushes wait."""
        self._database = database
        self._consumer = consumer
        self._is_busy = is_busy
        self._turn = Turn(database, consumer.name, LASTS_US)
        self._put_off = Thinned()
        self._is_ours = False
        self._after = ""
        """The event with which the last round has ended; empty where it came to all."""
        self._aside: dict[str, tuple[float, float]] = {}
        """By event: until when it is left alone, and for how long that was."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{consumer.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread behind the step under way, and leaves the work to others; one that hangs is left behind."""
        self._stopping.set()
        self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._turn.give_back()

    def catch_up(self, event_id: str) -> bool:
        """Works until there is nothing more of this event; False where another process does it.

        In the thread that calls. Raises StorageUnavailable.
        """
        try:
            while behind := self._find_behind(event_id):
                if not self._has_turn():
                    return False
                self._take_step(behind)
        except LeaseLost:
            return False
        finally:
            self._turn.give_back()
        return True

    def _run(self) -> None:
        rest_s = 0.0
        while not self._stopping.wait(rest_s):
            try:
                rest_s = self._work()
            except LeaseLost:
                self._is_ours = False
                rest_s = IDLE_S
            except StorageUnavailable as error:
                if (times := self._put_off.count("storage")) is not None:
                    log.warning("following_put_off", consumer=self._consumer.name, reason=error.detail, times=times)
                rest_s = ELSEWHERE_S
            except Exception:
                log.exception("following_failed", consumer=self._consumer.name)
                rest_s = ELSEWHERE_S

    def _work(self) -> float:
        """A step of each event that has something; gives how long to rest before the next round."""
        idle_s = IDLE_S if self._consumer.every_s is None else self._consumer.every_s
        due = list(self._list_due())
        if not due:
            return idle_s
        if not self._has_turn():
            return ELSEWHERE_S
        has_more = bool(self._after)
        for behind in due:
            has_more = has_more or behind.head - (behind.cursor or 0) > MAX_LINES_BUSY
            began = time.monotonic()
            self._try_step(behind)
            took_s = time.monotonic() - began
            rest_s = min(_BUSY_REST * took_s, _MOST_REST_S) if self._is_busy() else 0.0
            if self._stopping.wait(rest_s):
                break
        return 0.0 if has_more else idle_s

    def _list_due(self) -> Iterator[Behind]:
        now = time.monotonic()
        self._aside = {one: (until, length) for one, (until, length) in self._aside.items() if now < until + length}
        with self._database.read() as connection:
            found = cursors.list_behind(connection, self._consumer.name, self._after, MAX_EVENTS)
        self._after = found[-1].event_id if len(found) == MAX_EVENTS else ""
        for behind in found:
            until, _ = self._aside.get(behind.event_id, (now, 0))
            if until <= now:
                yield behind

    def _find_behind(self, event_id: str) -> Behind | None:
        with self._database.read() as connection:
            return cursors.find_behind(connection, self._consumer.name, event_id)

    def _has_turn(self) -> bool:
        self._is_ours = self._is_ours or self._turn.take()
        return self._is_ours

    def _try_step(self, behind: Behind) -> None:
        """One step; whatever is wrong with this event holds up no other. Raises LeaseLost and StorageUnavailable."""
        try:
            self._take_step(behind)
            self._aside.pop(behind.event_id, None)
        except (LeaseLost, StorageUnavailable):
            raise
        except Exception:
            _, length = self._aside.get(behind.event_id, (0.0, _FIRST_ASIDE_S / 2))
            length = min(2 * length, _LAST_ASIDE_S)
            self._aside[behind.event_id] = (time.monotonic() + length, length)
            log.exception(
                "lines_not_handled", consumer=self._consumer.name, event_id=behind.event_id, after=behind.cursor
            )

    def _take_step(self, behind: Behind) -> None:
        with self._database.read() as connection:
            limit = MAX_LINES_BUSY if self._is_busy() else MAX_LINES
            step = self._consumer.handle(connection, behind.event_id, behind.cursor or 0, limit)
        with self._turn.recording() as connection:
            # Somebody may have put it elsewhere, for all to be done anew.
            if cursors.move_cursor(connection, behind.event_id, self._consumer.name, behind.cursor, step.last):
                step.record(connection)
