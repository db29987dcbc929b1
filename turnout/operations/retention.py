"""What is kept only for a time (F3): bodies of pushes, webhooks' deliveries, everyone of an event that is long over.

In small steps with rests between, so that pushes do not wait. One process does it at a time, whoever's turn it is;
nothing is remembered but in the database, so that it may end at any moment.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator

import structlog

from turnout.changes.turn import Turn
from turnout.feed.configurations import Configurations
from turnout.feed.forget.purge import Gone, Pace, find_bodies, purge
from turnout.model.event import DAY_US, KEEP_BODIES_DAYS, Event
from turnout.now import first_id, now_us
from turnout.store import deliveries, erasure, events
from turnout.store.database import Database
from turnout.store.statements import Connection

AGAIN_S = 3_600.0
"""After everyone was erased, who has come since is looked for so often."""
WIPED_EVERY_S = 3_600.0
"""Bodies go all the time; for what they leave in the pages the whole file is looked through, so no more often."""
KEEP_DELIVERIES_US = 30 * DAY_US
"""After a webhook's delivery was made, or given up."""
_TRIED_AGAIN_S = 60.0
"""After a purge or a wipe that could not be completed, because somebody was reading all the time, say."""
_TOLD_EVERY_S = 3_600.0
_MIN_REST_S = 0.02
_MAX_REST_S = 1.0
_REST_SHARE = 3
"""Rests last so many times as long as the step before."""
log = structlog.get_logger()


class Retention:
    """What this process knows of its rounds."""

    def __init__(self, database: Database, stopping: threading.Event, turn: Turn) -> None:
        self._database = database
        self._turn = turn
        self._stopping = stopping
        # Of our own: what the server knows is its commits'.
        self._configurations = Configurations(database)
        self._round: Iterator[None] = iter(())
        self._pace = Pace()
        self._not_before: dict[str, float] = {}
        """By event, when it is purged again."""
        self._untold: Counter[str] = Counter()
        """Bodies that went, by the event's slug."""
        self._told_at: dict[str, float] = {}
        self._is_unwiped = True
        """Whether bodies may have left bytes behind. At first nobody knows what the process before has wiped."""
        self._wipe_not_before = -math.inf

    def work(self, for_s: float) -> bool:
        """Goes on with a round, or begins one; gives whether there is more to do. Raises StorageUnavailable."""
        deadline = time.monotonic() + for_s
        while not self._stopping.is_set() and time.monotonic() < deadline:
            began = time.perf_counter()
            try:
                next(self._round)
            except StopIteration:
                if not self._begin_round():
                    return False
                continue
            except Exception:
                self._round = iter(())
                raise
            rest_s = max(_MIN_REST_S, _REST_SHARE * (time.perf_counter() - began))
            self._stopping.wait(min(rest_s, _MAX_REST_S))
            # Where no pushes come, nobody else moves the log.
            self._database.move_log()
        return not self._stopping.is_set()

    def _begin_round(self) -> bool:
        now = now_us()
        with self._database.read() as connection:
            with_bodies = erasure.list_events_with_bodies(
                connection, KEEP_BODIES_DAYS, lambda days: _first_to_keep(now, days)
            )
            over = [
                self._load(connection, event_id)
                for event_id in erasure.list_events_to_purge(connection, now, DAY_US)
                if self._not_before.get(event_id, 0) <= time.monotonic()
            ]
            old = [self._load(connection, event_id) for event_id, _ in with_bodies]
            has_deliveries = deliveries.has_old(connection, now - KEEP_DELIVERIES_US)
        self._tell()
        self._round = self._go_round([one for one in over if one], [one for one in old if one])
        if not (over or old or has_deliveries or self._is_wipe_due()):
            return False
        if self._turn.take():
            return True
        self._round = iter(())
        return False

    def _load(self, connection: Connection, event_id: str) -> Event | None:
        version = events.find_version(connection, event_id)
        configuration = self._configurations.refresh(connection, event_id, version)
        return None if configuration is None else configuration.event

    def _go_round(self, over: list[Event], old: list[Event]) -> Iterator[None]:
        for event in old:
            yield from self._forget_bodies(event)
        yield from self._forget_deliveries()
        if self._is_wipe_due():
            self._wipe()
            yield
        for event in over:
            yield from self._purge(event)

    def _forget_bodies(self, event: Event) -> Iterator[None]:
        before = _first_to_keep(now_us(), event.keep_bodies_days)
        while True:
            with self._database.read() as connection:
                to = find_bodies(connection, event.id, before, self._pace.rows)
            if to is None:
                return
            with self._turn.recording() as connection:
                # Or the set-up that is read could be of two moments.
                events.lock_clocks(connection, [event.id])
                now = self._load(connection, event.id)
                if now is None or now.keep_bodies_days > event.keep_bodies_days:
                    # Somebody has said meanwhile that they are to stay longer.
                    return
                with self._pace.measured():
                    self._untold[event.slug] += erasure.remove_bodies(connection, event.id, to)
            self._is_unwiped = True
            yield

    def _forget_deliveries(self) -> Iterator[None]:
        while True:
            before = now_us() - KEEP_DELIVERIES_US
            with self._database.read() as connection:
                if not deliveries.has_old(connection, before):
                    return
            with self._turn.recording() as connection, self._pace.measured():
                deliveries.remove_old(connection, before, self._pace.rows)
            self._is_unwiped = True
            yield

    def _is_wipe_due(self) -> bool:
        return self._is_unwiped and time.monotonic() >= self._wipe_not_before

    def _wipe(self) -> None:
        """Only what is nowhere in the files any more is gone."""
        # Also where it fails.
        self._wipe_not_before = time.monotonic() + _TRIED_AGAIN_S
        if self._database.wipe(self._stopping):
            self._is_unwiped = False
            self._wipe_not_before = time.monotonic() + WIPED_EVERY_S

    def _purge(self, event: Event) -> Generator[None]:
        gone = Gone()
        # Also where it fails: others' turn comes first.
        self._not_before[event.id] = time.monotonic() + _TRIED_AGAIN_S
        if (yield from purge(self._database, self._configurations, event, self._pace, gone, self._turn.keep)):
            self._not_before[event.id] = time.monotonic() + AGAIN_S
        if gone.total:
            log.info("purged", gateway=event.slug, **{name: getattr(gone, name) for name in gone.__struct_fields__})

    def _tell(self) -> None:
        now = time.monotonic()
        for slug in [one for one in self._untold if now - self._told_at.get(one, -_TOLD_EVERY_S) >= _TOLD_EVERY_S]:
            log.info("bodies_forgotten", gateway=slug, bodies=self._untold.pop(slug))
            self._told_at[slug] = now


def _first_to_keep(now: int, days: int) -> str:
    """The first id whose body is not old enough."""
    return first_id("psh", max(0, now - days * DAY_US))
