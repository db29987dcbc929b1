"""A source has been silent for longer than is usual for it at this time of the week.

What is usual is learned from the last four weeks (`events/usual.py`), so that nights, weekends and a nightly transfer
are nobody's alarm. A source that came for some hours, as an import does, has nothing usual.
"""

from collections.abc import Iterator

import msgspec

from turnout.alerts.found import Found, Look
from turnout.events.usual import (
    HOUR_US,
    WEEK,
    Heard,
    Usual,
    find_missing,
    find_offset,
    find_zone,
    list_heard,
    to_local,
)
from turnout.model.alert import Alert, Facts
from turnout.model.event import Configuration
from turnout.model.source import Source
from turnout.store import pushes
from turnout.store.statements import Connection

FORGOTTEN = 2 * WEEK
"""Hours. Who was silent for so long before anybody noticed is over; an open alert is for so long."""
_LEAST = 2
"""Usual hours that have to be missing …"""
_LEAST_EARLY = 6
"""… or so many of any, where it was heard around the clock and nobody knows its week yet."""
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
    usual: Usual
    """In the last hour in which pushes are missing."""

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
                "usually": silence.usual.an_hour,
            }
            if silence.usual.when:
                facts["when"] = silence.usual.when
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
    zone = find_zone(event.time_zone)
    up_hour = to_local(-(-up_since // HOUR_US), zone)
    for one in list_heard(connection, configuration, at):
        heard = Heard(one.counts)
        due = find_due(heard, up_hour)
        due_at = None if due is None else (due - find_offset(at, zone)) * HOUR_US
        heard_at = pushes.find_last_at(connection, event.id, one.source.number) or 0
        usual = find_missing(heard, one.counts, to_local(at // HOUR_US, zone))
        yield Silence(one.source, min(at, max(one.last_at, heard_at)), due_at, usual)


def find_due(heard: Heard, up_since: int = 0) -> int | None:
    """The hour at whose beginning it will have been silent for too long, if it is not heard before; None for never.

    Hours before `up_since` are no sign: nobody could have heard it then. Pure.
    """
    gaps = heard.list_gaps()
    longest = max((after - before - 1 for before, after in gaps), default=0)
    usually_missing = sorted((heard.count_usual(before, after) for before, after in gaps), reverse=True)
    # One that stands alone was no habit but the last time that something broke.
    most = 0 if not gaps else usually_missing[1] if len(gaps) >= _MANY else usually_missing[0]
    is_round_the_clock = heard.is_round_the_clock
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
