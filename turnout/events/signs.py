"""How an event is: its vital signs, which are quickly found, and what somebody should look at."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from typing import TypeVar, cast

import msgspec

from turnout.events import activity, feed_fields
from turnout.events.activity import Activity, Period, Rhythm, Series
from turnout.events.feed_fields import MissingField, NewName, UnknownField, WrongKey
from turnout.model.event import DAY_US, Configuration
from turnout.model.source import Source
from turnout.now import now_us
from turnout.store import attendees
from turnout.store.database import Database

NEW_FOR_US = 7 * DAY_US
"""So long a name that was seen for the first time is news, and a wrong key."""
LOOKED_THROUGH = 8
"""Sources whose latest bodies are looked through for what is missing: those that pushed last."""
MAX_KEPT = 100
Made = TypeVar("Made")


class SourceSigns(msgspec.Struct, frozen=True):
    """One source among those of the event."""

    source: Source
    last_at: int | None
    pushes: int
    """In the period."""
    rhythm: Rhythm | None
    is_rehearsing: bool


class Signs(msgspec.Struct, frozen=True):
    """Numbers."""

    activity: Activity
    rhythm: Rhythm | None
    people: dict[str, int]
    """By status."""
    period: Period
    series: Series
    sources: list[SourceSigns]
    """The one heard of last first."""


class Findings(msgspec.Struct, frozen=True):
    """What is new, odd or missing."""

    new_names: list[NewName]
    unknown: list[UnknownField]
    missing: list[tuple[Source, list[MissingField]]]
    wrong_keys: list[WrongKey]

    @property
    def count(self) -> int:
        return len(self.unknown) + sum(len(fields) for _, fields in self.missing) + len(self.wrong_keys)


class Looked:
    """What was looked up last, for a moment shared by all who ask this process; one look at a time."""

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


def look(database: Database, configuration: Configuration, period: Period) -> Signs:
    """Raises StorageUnavailable."""
    event = configuration.event
    series = activity.get_series(database, event.id, period)
    rhythms = activity.list_rhythms(database, event.id)
    last_at = activity.list_last_at(database, event.id, configuration.sources)
    with database.read() as connection:
        people = attendees.count_by_status(connection, event.id)
    lines = [
        SourceSigns(
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
        series,
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
