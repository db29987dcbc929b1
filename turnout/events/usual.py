"""What is usual for a source, learned hour by hour of the week: for the overview, and for the alert that it is silent.

From the last four weeks in the event's own time zone, so that nights, weekends and a nightly transfer are as usual as
what comes by day. Of a source that came for some hours, as an import does, nothing is known.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnout.model.event import Configuration
from turnout.model.source import PEOPLE, Source
from turnout.store import push_counts
from turnout.store.push_counts import SLOT_US
from turnout.store.statements import Connection

_HOUR_SLOTS = 6
HOUR_US = _HOUR_SLOTS * SLOT_US
DAY, WEEK = 24, 7 * 24
HISTORY = 4 * WEEK
"""Hours that are looked back."""
_SURE = 0.65
"""An hour is usual when the source was heard in so many of those that are like it."""
_MIN_WEEKS, _MIN_DAYS, _MIN_WEEKEND_DAYS = 2, 4, 2
"""Hours alike that there have to be: of the same weekday, else of the same kind of day."""
_WORKDAYS = 5
_ROUND_THE_CLOCK = 44
"""Of the hours of its last two days, where nobody knows its week yet."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Usual(msgspec.Struct, frozen=True):
    """How many pushes are usual in an hour."""

    an_hour: int
    """0 where mostly none come."""
    when: str
    """Which hour that is: `at this time of a Monday`; empty for any."""

    @property
    def said(self) -> str:
        """In words: `about 40 an hour at this time of a Monday`."""
        return f"{f'about {self.an_hour:,} an hour' if self.an_hour else 'nothing'} {self.when}".rstrip()


class SourceHeard(msgspec.Struct, frozen=True):
    """When a source was heard in the last weeks."""

    source: Source
    counts: dict[int, int]
    """Pushes by hour, counted in local time since 1970."""
    last_at: int
    """To ten minutes."""


class Heard:
    """The hours, counted in local time since 1970, in which somebody was heard, and what is usual in them."""

    def __init__(self, hours: Iterable[int]) -> None:
        self.hours = sorted(hours)
        self.last = self.hours[-1]
        all_hours = range(self.hours[0], self.last + 1)
        self._heard = frozenset(self.hours)
        self._first = self.hours[0]
        self._of_week = _count(all_hours, _in_week), _count(self.hours, _in_week)
        self._of_day = _count(all_hours, _in_day), _count(self.hours, _in_day)

    def is_usual(self, hour: int) -> bool:
        """Whether it is mostly heard at this time of the week, as far as others of its hours tell."""
        alike, heard, least = self._find_alike(hour)
        return alike >= least and heard >= _SURE * alike

    def is_known(self, hour: int) -> bool:
        """Whether others of its hours tell anything of this time of the week."""
        alike, _, least = self._find_alike(hour)
        return alike >= least

    @property
    def is_round_the_clock(self) -> bool:
        """Whether it was heard in nearly all hours of its last two days."""
        return sum(self.last - hour < 2 * DAY for hour in self.hours) >= _ROUND_THE_CLOCK

    def list_gaps(self) -> list[tuple[int, int]]:
        """Two hours in which it was heard, one behind the other."""
        return list(pairwise(self.hours))

    def count_usual(self, after: int, before: int) -> int:
        """How many usual hours lie between these two."""
        return sum(self.is_usual(hour) for hour in range(after + 1, before))

    def find_usual_before(self, hour: int) -> int | None:
        """The last usual hour before this one in which it was not heard any more; None where there was none."""
        missing = range(hour - 1, max(self.last, hour - 1 - WEEK), -1)
        return next((one for one in missing if self.is_usual(one)), None)

    def _find_alike(self, hour: int) -> tuple[int, int, int]:
        """How many other hours there were like this one, in how many of them it was heard, and how many it takes."""
        alike, heard = self._find(self._of_week, _in_week(hour), hour)
        if alike >= _MIN_WEEKS:
            return alike, heard, _MIN_WEEKS
        return *self._find(self._of_day, _in_day(hour), hour), _MIN_WEEKEND_DAYS if is_weekend(hour) else _MIN_DAYS

    def _find(self, counts: tuple[Counter[object], Counter[object]], place: object, hour: int) -> tuple[int, int]:
        alike, heard = counts[0][place], counts[1][place]
        return alike - (self._first <= hour <= self.last), heard - (hour in self._heard)


def _count(hours: Iterable[int], place: Callable[[int], object]) -> Counter[object]:
    return Counter(map(place, hours))


def _in_week(hour: int) -> object:
    return hour % WEEK


def _in_day(hour: int) -> object:
    return hour % DAY, is_weekend(hour)


def _weekday(hour: int) -> int:
    # The first of January 1970 was a Thursday.
    return (hour // DAY + 3) % 7


def is_weekend(hour: int) -> bool:
    return _weekday(hour) >= _WORKDAYS


def find_usual(counts: Mapping[int, int], hour: int) -> Usual | None:
    """What is usual in this hour, from the pushes of those before; None where nobody can say. Pure."""
    whole = {one: count for one, count in counts.items() if one < hour}
    if not whole:
        return None
    heard = Heard(whole)
    if heard.is_known(hour):
        an_hour = count_like(whole, hour) if heard.is_usual(hour) else 0
        return Usual(an_hour, f"at this time of a {_WEEKDAYS[_weekday(hour)]}")
    return Usual(_median(whole.values()), "") if heard.is_round_the_clock else None


def find_missing(heard: Heard, counts: Mapping[int, int], hour: int) -> Usual:
    """What was usual in the last hour before this one in which pushes are missing. Pure."""
    missing = heard.find_usual_before(hour)
    if missing is None:
        return Usual(_median(counts.values()), "")
    return Usual(count_like(counts, missing), f"on a {_WEEKDAYS[_weekday(missing)]} at {missing % DAY:02}:00")


def count_like(counts: Mapping[int, int], hour: int) -> int:
    """The pushes in an hour like this one, of those in which any came. Pure."""
    for place, least in ((_in_week, _MIN_WEEKS), (_in_day, 1)):
        alike = [count for one, count in counts.items() if one != hour and place(one) == place(hour)]
        if len(alike) >= least:
            return _median(alike)
    return _median(counts.values())


def _median(counts: Iterable[int]) -> int:
    # Whoever sends at all sends one at least.
    return max(1, round(median(counts)))


def live_sources(configuration: Configuration) -> Iterator[Source]:
    """Systems whose pushes take effect: not people, none that is retired, none that rehearses."""
    for number, source in configuration.sources.items():
        is_live = source.policy.over(configuration.event.policy).mode == "live"
        if number != PEOPLE and source.retired_at is None and is_live:
            yield source


def list_heard(connection: Connection, configuration: Configuration, at: int) -> list[SourceHeard]:
    """Each live source that was heard in the last weeks, and still has a key to be heard with."""
    since = at // HOUR_US - HISTORY
    sums = push_counts.list_sums(connection, configuration.event.id, since * _HOUR_SLOTS, _HOUR_SLOTS)
    zone = find_zone(configuration.event.time_zone)
    local = {hour: to_local(hour, zone) for hour in {one.span for one in sums}}
    counts: dict[int, Counter[int]] = {}
    last_at: dict[int, int] = {}
    for one in sums:
        if one.result != "rehearsed":
            counts.setdefault(one.source_number, Counter())[local[one.span]] += one.count
            last_at[one.source_number] = max(last_at.get(one.source_number, 0), one.last_slot * SLOT_US)
    with_key = {key.source_number for key in configuration.keys.values() if key.revoked_at is None}
    return [
        SourceHeard(source, dict(counts[source.number]), last_at[source.number])
        for source in live_sources(configuration)
        if source.number in counts and source.number in with_key
    ]


def list_usual(connection: Connection, configuration: Configuration, at: int) -> dict[int | None, Usual]:
    """What is usual at this time for each source, by number, and under None for all; without those nobody can say of.

    Of one hour it is the same at every time, so that it can be kept.
    """
    heard = list_heard(connection, configuration, at)
    hour = to_local(at // HOUR_US, find_zone(configuration.event.time_zone))
    together: Counter[int] = Counter()
    for one in heard:
        together.update(one.counts)
    usual = {one.source.number: find_usual(one.counts, hour) for one in heard}
    found: dict[int | None, Usual | None] = {None: find_usual(together, hour), **usual}
    return {whose: its for whose, its in found.items() if its is not None}


def find_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def to_local(hour: int, zone: tzinfo) -> int:
    """An hour since 1970 as the clocks there count it."""
    return hour + find_offset(hour * HOUR_US, zone)


def find_offset(at: int, zone: tzinfo) -> int:
    """In whole hours."""
    offset = datetime.fromtimestamp(at // 1_000_000, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 3_600)
