"""A source has been silent for longer than is usual for it at this time of the week.

What is usual is learned from the hours of the last four weeks in the event's own time zone, so that nights, weekends
and a nightly transfer are nobody's alarm. A source that came for some hours, as an import does, has nothing usual.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnout.alerts.found import Found, Look, live_sources
from turnout.model.alert import Alert, Facts
from turnout.model.event import Configuration
from turnout.model.source import Source
from turnout.store import push_counts, pushes
from turnout.store.push_counts import SLOT_US
from turnout.store.statements import Connection

_HOUR_SLOTS = 6
HOUR_US = _HOUR_SLOTS * SLOT_US
DAY, WEEK = 24, 7 * 24
HISTORY = 4 * WEEK
"""Hours that are looked back."""
FORGOTTEN = 2 * WEEK
"""Who was silent for so long before anybody noticed is over; an open alert is for so long."""
_SURE = 0.65
"""An hour is usual when the source was heard in so many of those that are like it."""
_MIN_WEEKS, _MIN_DAYS, _MIN_WEEKEND_DAYS = 2, 4, 2
"""Hours alike that there have to be: of the same weekday, else of the same kind of day."""
_WORKDAYS = 5
_LEAST = 2
"""Usual hours that have to be missing …"""
_ROUND_THE_CLOCK, _LEAST_EARLY = 44, 6
"""… or so many of any, where it was heard in so many hours of its last two days and nobody knows its week yet."""
_MANY = 20
"""Silences between two hours in which it was heard: of so many the longest is left out."""
_SELDOM, _FEW = 14, 5
"""Where a week has no more usual hours, as of a nightly transfer, one that is missing is enough …"""
_LONGER = 1.5
"""… once it was silent for so many times as long as ever."""


class Silence(msgspec.Struct, frozen=True):
    """How long one source has been silent."""

    source: Source
    last_at: int
    due_at: int | None
    """From when on that is too long; None for never."""
    usually: int
    """Pushes in an hour in which any come."""

    def is_too_long(self, at: int) -> bool:
        return self.due_at is not None and self.due_at <= at < self.due_at + FORGOTTEN * HOUR_US


def find(look: Look) -> list[Found]:
    if look.is_over:
        return []
    found = []
    for silence in list_silences(look.connection, look.configuration, look.at, look.up_since):
        number = silence.source.number
        alert = look.open.get(f"silent:{number}")
        if silence.is_too_long(look.at) or _lasts(alert, silence, look.at):
            facts: Facts = {
                "source": number,
                "last": silence.last_at,
                "hours": (look.at - silence.last_at) // HOUR_US,
                "usually": silence.usually,
            }
            found.append(Found("silent", f"silent:{number}", facts))
    return found


def _lasts(alert: Alert | None, silence: Silence, at: int) -> bool:
    """Whether it has not been heard since the alert: what was usual is forgotten meanwhile, and the silence goes on."""
    return alert is not None and silence.last_at <= alert.opened_at and at - alert.opened_at < FORGOTTEN * HOUR_US


def find_next(connection: Connection, configuration: Configuration, at: int, up_since: int) -> int | None:
    """Before when no source will have become silent for too long, whatever comes; None where none can.

    Whoever is heard meanwhile only puts it off.
    """
    dues = [silence.due_at for silence in list_silences(connection, configuration, at, up_since)]
    return min((due for due in dues if due is not None and due > at), default=None)


def list_silences(connection: Connection, configuration: Configuration, at: int, up_since: int) -> Iterator[Silence]:
    """Of each live source that was heard in the last weeks, and still has a key to be heard with."""
    event = configuration.event
    now = at // HOUR_US
    sums = push_counts.list_sums(connection, event.id, (now - HISTORY) * _HOUR_SLOTS, _HOUR_SLOTS)
    zone = find_zone(event.time_zone)
    counts: dict[int, dict[int, int]] = {}
    last_at: dict[int, int] = {}
    for one in sums:
        if one.result != "rehearsed":
            its = counts.setdefault(one.source_number, {})
            its[one.span] = its.get(one.span, 0) + one.count
            last_at[one.source_number] = max(last_at.get(one.source_number, 0), one.last_slot * SLOT_US)
    with_key = {key.source_number for key in configuration.keys.values() if key.revoked_at is None}
    for source in live_sources(configuration):
        its = counts.get(source.number)
        if its is None or source.number not in with_key:
            continue
        due = find_due(Heard([_as_local(hour, zone) for hour in its]), _as_local(-(-up_since // HOUR_US), zone))
        due_at = None if due is None else (due - _offset(at, zone)) * HOUR_US
        heard_at = pushes.find_last_at(connection, event.id, source.number) or 0
        yield Silence(source, min(at, max(last_at[source.number], heard_at)), due_at, int(median(its.values())))


def find_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _as_local(hour: int, zone: tzinfo) -> int:
    return hour + _offset(hour * HOUR_US, zone)


def _offset(at: int, zone: tzinfo) -> int:
    """In whole hours."""
    offset = datetime.fromtimestamp(at // 1_000_000, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 3_600)


class Heard:
    """The hours, counted in local time since 1970, in which a source was heard, and what is usual in them."""

    def __init__(self, hours: Collection[int]) -> None:
        self.hours = sorted(hours)
        self.last = self.hours[-1]
        all_hours = range(self.hours[0], self.last + 1)
        self._heard = frozenset(hours)
        self._first = self.hours[0]
        self._of_week = _count(all_hours, _in_week), _count(self.hours, _in_week)
        self._of_day = _count(all_hours, _in_day), _count(self.hours, _in_day)

    def is_usual(self, hour: int) -> bool:
        """Whether it is mostly heard at this time of the week, as far as others of its hours tell."""
        alike, heard = self._find(self._of_week, _in_week(hour), hour)
        least = _MIN_WEEKS
        if alike < least:
            alike, heard = self._find(self._of_day, _in_day(hour), hour)
            least = _MIN_WEEKEND_DAYS if is_weekend(hour) else _MIN_DAYS
        return alike >= least and heard >= _SURE * alike

    def _find(self, counts: tuple[Counter[object], Counter[object]], place: object, hour: int) -> tuple[int, int]:
        """How many other hours there were in this place, and in how many of them it was heard."""
        alike, heard = counts[0][place], counts[1][place]
        return alike - (self._first <= hour <= self.last), heard - (hour in self._heard)

    def list_gaps(self) -> list[tuple[int, int]]:
        """Two hours in which it was heard, one behind the other."""
        return list(pairwise(self.hours))

    def count_usual(self, after: int, before: int) -> int:
        """How many usual hours lie between these two."""
        return sum(self.is_usual(hour) for hour in range(after + 1, before))


def _count(hours: Iterable[int], place: Callable[[int], object]) -> Counter[object]:
    return Counter(map(place, hours))


def _in_week(hour: int) -> object:
    return hour % WEEK


def _in_day(hour: int) -> object:
    return hour % DAY, is_weekend(hour)


def is_weekend(hour: int) -> bool:
    # The first of January 1970 was a Thursday.
    return (hour // DAY + 3) % 7 >= _WORKDAYS


def find_due(heard: Heard, up_since: int = 0) -> int | None:
    """The hour at whose beginning it will have been silent for too long, if it is not heard before; None for never.

    Hours before `up_since` are no sign: nobody could have heard it then. Pure.
    """
    gaps = heard.list_gaps()
    longest = max((after - before - 1 for before, after in gaps), default=0)
    usually_missing = sorted((heard.count_usual(before, after) for before, after in gaps), reverse=True)
    # One that stands alone was no habit but the last time that something broke.
    most = 0 if not gaps else usually_missing[1] if len(gaps) >= _MANY else usually_missing[0]
    is_round_the_clock = sum(heard.last - hour < 2 * DAY for hour in heard.hours) >= _ROUND_THE_CLOCK
    missing = any_missing = 0
    usual = sum(heard.is_usual(hour) for hour in range(heard.last + 1, heard.last + 1 + WEEK))
    for hour in range(heard.last + 1, heard.last + 1 + FORGOTTEN):
        if hour >= up_since:
            any_missing += 1
            missing += heard.is_usual(hour)
        silent = hour - heard.last
        if missing >= 2 * most + _LEAST:
            return hour + 1
        if missing >= 1 and usual <= _SELDOM and len(gaps) >= _FEW and silent >= _LONGER * longest + _LEAST:
            return hour + 1
        if not usual and is_round_the_clock and any_missing >= max(_LEAST_EARLY, 2 * longest):
            return hour + 1
    return None
