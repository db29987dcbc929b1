"""How old what a replica shows is: told by how far it has replayed its primary's log, and how long that log was when.

Two things are known. What a replica has replayed up to a place is as old as the last look at which the primary's log
ended there or before: also while nothing is written, when nothing comes that could tell the time. And it is no older
than the last commit in it. Both are at most so old, so the less of the two counts.
"""

import threading
import time
from collections.abc import Callable

import msgspec
import psycopg
from psycopg import errors

from turnout.model.age import Age
from turnout.now import now_us

HEAD_KEPT_S = 1.0
"""For so long the end of the primary's log is not asked for again, however many lists are read."""
ASK_HEAD = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN CAST(pg_current_wal_flush_lsn() - '0/0' AS bigint) END"
"""What is committed has been flushed. None where what should be the primary follows another one itself."""
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_ASK_REPLAYED = (
    "SELECT pg_is_in_recovery(), CAST(pg_last_wal_replay_lsn() - '0/0' AS bigint),"
    " CAST(extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000 AS bigint)"
)
_NOT_TOLD = (errors.FeatureNotSupported, errors.UndefinedFunction, errors.InsufficientPrivilege)
"""By what only looks like PostgreSQL, or to a role that may not ask."""


class Replayed(msgspec.Struct, frozen=True):
    """How far a replica was when a transaction on it began."""

    follows: bool
    """Else it takes writes itself, and is not behind."""
    place: int | None
    """In the log."""
    committed_at: int | None
    """When the last commit was made that it has, by the primary's clock."""
    began: float
    """By the monotonic clock …"""
    began_at: int
    """… and in microseconds since 1970, by the database's."""


def begin(driver: psycopg.Connection) -> Replayed:
    """Begins a transaction that reads, and asks with the statement whose snapshot it keeps: one message for both.

    Raises psycopg.Error.
    """
    try:
        with driver.execute(f"{_BEGIN}; {_ASK_REPLAYED}".encode()) as cursor:
            cursor.nextset()
            row = cursor.fetchone()
        assert row is not None
    except _NOT_TOLD:
        driver.execute("ROLLBACK")
        driver.execute(_BEGIN)
        row = True, None, None
    return Replayed(*row, began=time.monotonic(), began_at=now_us())


class Heads:
    """Where the primary's log ended, as far as that has to be known."""

    def __init__(self, ask: Callable[[], int | None]) -> None:
        """`ask` gives the end of the primary's log now; None where it does not say."""
        self._ask = ask
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._last: tuple[int, float] | None = None
        """The end that was seen last, and when …"""
        self._reached: tuple[int, float] | None = None
        """… and the last one that a replica had replayed."""

    def find_age(self, replayed: Replayed) -> Age:
        """How old what this transaction sees was when it began."""
        if not replayed.follows:
            return Age(0.0)
        ages = []
        if replayed.place is not None:
            self._look()
            seen = self._find_seen(replayed.place)
            if seen is not None:
                # One that was seen later and is replayed nevertheless: nothing had come in between.
                ages.append(replayed.began - seen)
        if replayed.committed_at is not None:
            ages.append((replayed.began_at - replayed.committed_at) / 1_000_000)
        return Age(max(0.0, min(ages)) if ages else None)

    def _look(self) -> None:
        """One asks; the others go by what was seen before."""
        with self._lock:
            began = time.monotonic()
            if began - self._asked < HEAD_KEPT_S:
                return
            self._asked = began
        place = self._ask()
        if place is not None:
            with self._lock:
                self._last = place, began

    def _find_seen(self, place: int) -> float | None:
        """When the primary's log ended at this place or before, the last time that it was looked at."""
        with self._lock:
            if self._last is not None and self._last[0] <= place:
                self._reached = self._last
            if self._reached is not None and self._reached[0] <= place:
                return self._reached[1]
            return None
