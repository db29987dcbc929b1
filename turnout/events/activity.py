"""Vital signs of the feed: when an event and its sources were last heard of, and what came of pushes.

From the counts that each commit keeps (`store/push_counts.py`). A push said again is counted as `unchanged`, one of a
rehearsal as `rehearsed`; dry runs are not counted.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from turnout.now import now_us
from turnout.store import push_counts, pushes
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

HOURS = 24
MAX_EVENTS = 1_000
"""Whose activity is asked for at once."""
_HOUR_SLOTS = 6

Period: TypeAlias = Literal["1h", "24h", "7d", "30d"]
_BARS: dict[Period, tuple[int, int]] = {"1h": (1, 6), "24h": (6, 24), "7d": (6, 168), "30d": (36, 120)}
"""Slots in a bar, and bars: ten minutes, an hour, an hour, six hours."""


class Activity(msgspec.Struct, frozen=True):
    """One event among many."""

    last_at: int | None
    """When a push came last, also a failed, dry or repeated one (to ten minutes where it only repeats); None: never."""
    pushes: int
    """In the last 24 hours, to ten minutes."""
    failed: int
    """Of these; what fails in a rehearsal is not counted."""
    hourly: list[int]
    """Of these, hour by hour; the last one ends now."""
    rehearsed: int = 0
    """Of these, whatever would have become of them."""


class Series(msgspec.Struct, frozen=True):
    """What came of pushes over a time, bar by bar, for a chart."""

    starts: list[int]
    """When each bar begins, the oldest first; the last one is not over yet."""
    step_us: int
    by_result: dict[str, list[int]]
    """Only results that there were."""
    by_source: dict[int, list[int]]
    """The same pushes by the source's number."""

    @property
    def total(self) -> int:
        return sum(map(sum, self.by_result.values()))


def find_day_start() -> int:
    """From when on a push is one of the last 24 hours, as they are counted here: to ten minutes."""
    return (now_us() // SLOT_US - HOURS * _HOUR_SLOTS + 1) * SLOT_US


def list_activity(database: Database, event_ids: Sequence[str]) -> dict[str, Activity]:
    """The last 24 hours of each of these events, at most MAX_EVENTS of them. Raises StorageUnavailable."""
    event_ids = event_ids[:MAX_EVENTS]
    since = find_day_start() // SLOT_US
    hourly = {event_id: [0] * HOURS for event_id in event_ids}
    failed, rehearsed = dict.fromkeys(event_ids, 0), dict.fromkeys(event_ids, 0)
    last_at: dict[str, int | None] = {}
    with database.read() as connection:
        sums = push_counts.list_sums_of_events(connection, event_ids, since, _HOUR_SLOTS) if event_ids else []
        for event_id in event_ids:
            last_at[event_id] = pushes.find_last_at(connection, event_id)
    for event_id, hour, result, count, last_slot in sums:
        # A clock that was set back has left counts ahead of it.
        hourly[event_id][min(hour, HOURS - 1)] += count
        failed[event_id] += count if result == "failed" else 0
        rehearsed[event_id] += count if result == "rehearsed" else 0
        last_at[event_id] = max(last_at[event_id] or 0, last_slot * SLOT_US)
    return {
        event_id: Activity(last_at[event_id], sum(hours), failed[event_id], hours, rehearsed[event_id])
        for event_id, hours in hourly.items()
    }


def get_series(database: Database, event_id: str, period: Period, *, source_number: int | None = None) -> Series:
    """The event's pushes of that time, or those of one of its sources. Raises StorageUnavailable."""
    slots, bars = _BARS[period]
    first = now_us() // (slots * SLOT_US) - bars + 1
    with database.read() as connection:
        sums = push_counts.list_sums(connection, event_id, first * slots, slots)
    by_result: dict[str, list[int]] = {}
    by_source: dict[int, list[int]] = {}
    for one in sums:
        if source_number is None or one.source_number == source_number:
            bar = min(one.span - first, bars - 1)
            by_result.setdefault(one.result, [0] * bars)[bar] += one.count
            by_source.setdefault(one.source_number, [0] * bars)[bar] += one.count
    step_us = slots * SLOT_US
    return Series([(first + bar) * step_us for bar in range(bars)], step_us, by_result, by_source)


def list_last_at(database: Database, event_id: str, source_numbers: Iterable[int]) -> dict[int, int | None]:
    """When each of these sources was last heard of. Raises StorageUnavailable."""
    with database.read() as connection:
        sums = push_counts.list_sums(connection, event_id, now_us() // SLOT_US - HOURS * _HOUR_SLOTS, _HOUR_SLOTS)
        last_at = {number: pushes.find_last_at(connection, event_id, number) for number in source_numbers}
    for one in sums:
        if one.source_number in last_at:
            last_at[one.source_number] = max(last_at[one.source_number] or 0, one.last_slot * SLOT_US)
    return last_at
