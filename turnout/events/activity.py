"""Vital signs of the feed: when an event and its sources were last heard of, what came of pushes, and what is usual.

From the counts that each commit keeps (`store/push_counts.py`). A push said again is counted as `unchanged`, one of a
rehearsal as `rehearsed`; dry runs are not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

import msgspec

from turnout.now import now_us
from turnout.store import push_counts, pushes
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

HOURS = 24
MAX_EVENTS = 1_000
"""Whose activity is asked for at once."""
HOUR_US = 6 * SLOT_US
_HOUR_SLOTS = 6
_USUAL_HOURS = 7 * 24
MIN_HOURS = 3
"""With fewer hours in which anything came nobody can say what is usual."""

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


class Rhythm(msgspec.Struct, frozen=True):
    """What is usual, and how long it has been quiet: "usually N an hour, silent for M"."""

    usually_an_hour: int
    """The median of the hours of the last seven days in which any came."""
    silent_us: int
    is_overdue: bool
    """Whether that is longer than any silence between two such hours, and than two hours."""


def list_activity(database: Database, event_ids: Sequence[str]) -> dict[str, Activity]:
    """The last 24 hours of each of these events, at most MAX_EVENTS of them. Raises StorageUnavailable."""
    event_ids = event_ids[:MAX_EVENTS]
    since = now_us() // SLOT_US - HOURS * _HOUR_SLOTS + 1
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


def list_rhythms(database: Database, event_id: str) -> dict[int | None, Rhythm]:
    """What is usual for each source, and under None for the event; without those of whom nobody can say.

    Raises StorageUnavailable.
    """
    now = now_us()
    this_hour = now // HOUR_US
    hours: dict[int | None, dict[int, int]] = {}
    last_at: dict[int | None, int] = {}
    with database.read() as connection:
        sums = push_counts.list_sums(connection, event_id, (this_hour - _USUAL_HOURS) * _HOUR_SLOTS, _HOUR_SLOTS)
        for one in sums:
            for whose in (None, one.source_number):
                its = hours.setdefault(whose, {})
                its[one.span] = its.get(one.span, 0) + one.count
                last_at[whose] = max(last_at.get(whose, 0), one.last_slot * SLOT_US)
        for whose in hours:
            line_at = pushes.find_last_at(connection, event_id, whose)
            last_at[whose] = max(last_at[whose], line_at or 0)
    rhythms = {whose: find_rhythm(its, last_at[whose], now) for whose, its in hours.items()}
    return {whose: rhythm for whose, rhythm in rhythms.items() if rhythm is not None}


def find_rhythm(counts: Mapping[int, int], last_at: int, now: int) -> Rhythm | None:
    """What is usual, from how many came in each hour since 1970 (none where nothing did); None for too little. Pure.

    The hour that is not over counts for nothing but that something came.
    """
    active = sorted(hour for hour, count in counts.items() if count > 0)
    whole = [counts[hour] for hour in active if hour < now // HOUR_US]
    if len(whole) < MIN_HOURS:
        return None
    silent_us = max(0, now - last_at)
    longest_us = max((after - before) * HOUR_US for before, after in pairwise(active))
    return Rhythm(round(median(whole)), silent_us, silent_us > max(longest_us + HOUR_US, 2 * HOUR_US))
