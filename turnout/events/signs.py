"""How an event is: its vital signs, which are quickly found, and what somebody should look at."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from math import inf
from typing import TypeVar, cast

import msgspec

from turnout.events import activity, feed_fields, usual
from turnout.events.activity import Activity, Period, Series
from turnout.events.feed_fields import MissingField, NewName, UnknownField, WrongKey
from turnout.events.usual import HOUR_US, Usual
from turnout.model.alert import Facts
from turnout.model.event import DAY_US, Configuration
from turnout.model.source import Source
from turnout.now import now_us
from turnout.store import alerts, attendees
from turnout.store.database import Database

NEW_FOR_US = 7 * DAY_US
"""So long a name that was seen for the first time is news, and a wrong key."""
LOOKED_THROUGH = 8
"""Sources whose latest bodies are looked through for what is missing: those that pushed last."""
MAX_KEPT = 100
USUAL_KEPT_S = 600.0
"""What is usual in an hour is learned once, and again where a process has heard nothing of it for so long."""
Made = TypeVar("Made")


class Rhythm(msgspec.Struct, frozen=True):
    """What is usual, and how long it has been quiet: "usually about N an hour at this time of a Monday"."""

    usual: Usual
    """At this time; of whom is silent for too long, when he should have been heard."""
    silent_us: int
    is_overdue: bool
    """Whether that is too long: where an alert says so, and nowhere else."""


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

    @property
    def silent(self) -> list[SourceSigns]:
        """Sources that are silent for too long."""
        return [line for line in self.sources if line.rhythm is not None and line.rhythm.is_overdue]


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
    last_at = activity.list_last_at(database, event.id, configuration.sources)
    day = activity.list_activity(database, [event.id])[event.id]
    rhythms = list_rhythms(database, configuration, {None: day.last_at, **last_at})
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
        day,
        rhythms.get(None),
        people,
        period,
        series,
        sorted(lines, key=lambda line: (-(line.last_at or 0), line.source.number)),
    )


_usual = Looked()


def list_rhythms(
    database: Database, configuration: Configuration, last_at: Mapping[int | None, int | None]
) -> dict[int | None, Rhythm]:
    """Of each source, by number, and under None of the event, with when they were heard last.

    Those of whom nobody can say are left out. Who is silent for too long is what alerts say, so that both say the
    same. Raises StorageUnavailable.
    """
    now = now_us()
    event_id = configuration.event.id

    def learn() -> dict[int | None, Usual]:
        with database.read() as connection:
            return usual.list_usual(connection, configuration, now)

    its = _usual.get((event_id, configuration.version, now // HOUR_US), USUAL_KEPT_S, learn)
    with database.read() as connection:
        silent = [alert.facts for alert in alerts.list_open(connection, event_id) if alert.kind == "silent"]
    overdue = {
        number: _say_overdue(facts, now)
        for facts in silent
        if (number := int(facts.get("source", 0))) in configuration.sources
        and configuration.sources[number].retired_at is None
        # Who has been heard since is told of no more with the next look.
        and (last_at.get(number) or 0) <= int(facts.get("last", 0))
    }
    known = {
        whose: Rhythm(one, max(0, now - (last_at.get(whose) or now)), is_overdue=whose is None and bool(overdue))
        for whose, one in its.items()
    }
    return known | overdue


def _say_overdue(facts: Facts, now: int) -> Rhythm:
    """As the alert says it."""
    its = Usual(int(facts.get("usually", 1)), str(facts.get("when", "")))
    return Rhythm(its, max(0, now - int(facts.get("last", now))), is_overdue=True)


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
