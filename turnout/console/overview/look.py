"""What the overview of an event shows, gathered from the rooms that know it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import inf
from typing import TypeVar, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnout.events import activity, feed_fields
from turnout.events.activity import Activity, Period, Rhythm
from turnout.events.feed_fields import MissingField, NewName, UnknownField, WrongKey
from turnout.model.event import DAY_US, Configuration
from turnout.model.push import StoredPush
from turnout.model.source import Source
from turnout.now import now_us
from turnout.store import attendees, pushes
from turnout.store.database import Database

ROWS = 50
"""Pushes on the page, the latest."""
NEW_FOR_US = 7 * DAY_US
"""So long a name that was seen for the first time is news, and a wrong key."""
LOOKED_THROUGH = 8
"""Sources whose latest bodies are looked through for what is missing: those that pushed last."""
MAX_KEPT = 100
PERIODS: dict[Period, str] = dict(zip(get_args(Period), ("1 h", "24 h", "7 days", "30 days"), strict=True))


class Chart(msgspec.Struct, frozen=True):
    """Pushes over time, bar by bar."""

    title: str
    description: str
    labels: list[str]
    pushes: list[int]
    failed: list[int]
    rehearsed: list[int]


class SourceLine(msgspec.Struct, frozen=True):
    """One source among those of the event."""

    source: Source
    last_at: int | None
    pushes: int
    """In the period."""
    rhythm: Rhythm | None
    is_rehearsing: bool


class Signs(msgspec.Struct, frozen=True):
    """How the event is: numbers that are quickly found."""

    activity: Activity
    rhythm: Rhythm | None
    people: dict[str, int]
    """By status."""
    period: Period
    chart: Chart
    sources: list[SourceLine]


class Findings(msgspec.Struct, frozen=True):
    """What somebody should look at."""

    new_names: list[NewName]
    unknown: list[UnknownField]
    missing: list[tuple[Source, list[MissingField]]]
    wrong_keys: list[WrongKey]

    @property
    def count(self) -> int:
        return len(self.unknown) + sum(len(fields) for _, fields in self.missing) + len(self.wrong_keys)


Made = TypeVar("Made")


class Looked:
    """What was looked up last, for a moment shared by all windows of this process; one look at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[float, object]] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def get(self, key: object, within_s: float, make: Callable[[], Made]) -> Made:
        """What was made for this key so short a time ago, else made now."""
        with self._one_at_a_time:
            made_at, made = self._kept.pop(key, (-inf, None))
            if time.monotonic() - made_at >= within_s:
                made = make()
                made_at = time.monotonic()
            self._kept[key] = made_at, made
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return cast("Made", made)


def read_period(text: str | None) -> Period:
    """As somebody asks for it; a day where that is none."""
    return next((period for period in PERIODS if period == text), "24h")


def list_latest(database: Database, event_id: str) -> list[StoredPush]:
    with database.read() as connection:
        return pushes.list_pushes(connection, event_id, limit=ROWS)


def look(database: Database, configuration: Configuration, period: Period) -> Signs:
    """Raises StorageUnavailable."""
    event = configuration.event
    series = activity.get_series(database, event.id, period)
    rhythms = activity.list_rhythms(database, event.id)
    last_at = activity.list_last_at(database, event.id, configuration.sources)
    with database.read() as connection:
        people = attendees.count_by_status(connection, event.id)
    lines = [
        SourceLine(
            source,
            last_at[number],
            sum(series.by_source.get(number, ())),
            rhythms.get(number),
            source.policy.over(event.policy).mode == "rehearsal",
        )
        for number, source in configuration.sources.items()
        if source.retired_at is None or series.by_source.get(number)
    ]
    return Signs(
        activity.list_activity(database, [event.id])[event.id],
        rhythms.get(None),
        people,
        period,
        _draw(series, period, event.time_zone),
        sorted(lines, key=lambda line: (-(line.last_at or 0), line.source.number)),
    )


def find(database: Database, configuration: Configuration) -> Findings:
    """Raises StorageUnavailable."""
    event_id = configuration.event.id
    since = now_us() - NEW_FOR_US
    last_at = activity.list_last_at(database, event_id, configuration.sources)
    latest = sorted((number for number in last_at if last_at[number]), key=lambda number: -(last_at[number] or 0))
    missing = [
        (configuration.sources[number], found)
        for number in latest[:LOOKED_THROUGH]
        if (found := feed_fields.list_missing_fields(database, configuration, number))
    ]
    return Findings(
        # Those that came with the event when it was made like another one are known to everybody.
        [new for new in feed_fields.list_new_names(configuration, since) if new.name.first_source is not None],
        feed_fields.list_unknown_fields(database, event_id),
        missing,
        [key for key in feed_fields.list_wrong_keys(database, configuration) if key.last_at >= since],
    )


def _draw(series: activity.Series, period: Period, time_zone: str) -> Chart:
    def of(*results: str) -> list[int]:
        rows = [counts for result, counts in series.by_result.items() if not results or result in results]
        return [sum(bar) for bar in zip(*rows, strict=True)] if rows else [0] * len(series.starts)

    all_pushes, failed = of(), of("failed")
    labels = _label(series.starts, period, time_zone)
    most = max(range(len(all_pushes)), key=all_pushes.__getitem__)
    description = f"{series.total:,} pushes, {sum(failed):,} of them failed."
    if series.total:
        description += f" Most came at {labels[most]}: {all_pushes[most]:,}."
    return Chart(_TITLES[period], description, labels, all_pushes, failed, of("rehearsed"))


_TITLES: dict[Period, str] = {
    "1h": "Pushes every ten minutes",
    "24h": "Pushes an hour",
    "7d": "Pushes an hour",
    "30d": "Pushes every six hours",
}


def _label(starts: Sequence[int], period: Period, time_zone: str) -> list[str]:
    """When each bar begins, as people of the event say it."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    times = [datetime.fromtimestamp(start // 1_000_000, UTC).astimezone(zone) for start in starts]
    if period in ("1h", "24h"):
        return [f"{time:%H:%M}" for time in times]
    return [f"{time.day} {time:%b, %H:%M}" for time in times]
