"""How templates write times, numbers and JSON: the filters that every page has."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def as_time(at_us: int, zone: str = "UTC") -> str:
    """`28 Nov 2026, 20:02` in this time zone."""
    at = _at(at_us, zone)
    return f"{at.day} {at:%b %Y, %H:%M}"


def as_full_time(at_us: int, zone: str = "UTC") -> str:
    """To the second, with the zone's name: `28 Nov 2026, 20:02:45 UTC`."""
    at = _at(at_us, zone)
    return f"{at.day} {at:%b %Y, %H:%M:%S} {at.tzname()}"


def as_date(at_us: int, zone: str = "UTC") -> str:
    """`28 Nov 2026`."""
    at = _at(at_us, zone)
    return f"{at.day} {at:%b %Y}"


def as_iso(at_us: int) -> str:
    """As `<time datetime>` wants it, in UTC."""
    return f"{_at(at_us, 'UTC'):%Y-%m-%dT%H:%M:%SZ}"


def as_span(span_us: int) -> str:
    """How long, in the largest unit that fits: `2 days`, `3 h`, `25 min`."""
    for unit_s, name in ((86_400, "day"), (3_600, "h"), (60, "min")):
        count = span_us // (unit_s * 1_000_000)
        if count:
            return f"{count:,} {name}{'s' if name == 'day' and count > 1 else ''}"
    return "less than a minute"


def as_number(number: float) -> str:
    """With commas between thousands."""
    return f"{number:,}"


def as_json(value: object) -> str:
    """JSON to be read by people, two spaces a level."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def as_compact_json(value: object) -> str:
    """JSON for a script, in an attribute."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_peak(values: Sequence[float]) -> float:
    """A round number at or above the highest value, for the top of a chart; from 2 on its half is a whole one too."""
    highest = max([1, *values])
    if highest <= 10:
        return next(top for top in (1, 2, 4, 6, 8, 10) if highest <= top)
    step = 10
    while highest > 10 * step:
        step *= 10
    return next(
        top for tenths in (10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100) if highest <= (top := tenths * step // 10)
    )


def _at(at_us: int, zone: str) -> datetime:
    try:
        place: timezone | ZoneInfo = UTC if zone == "UTC" else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = UTC
    return datetime.fromtimestamp(at_us // 1_000_000, place)


FILTERS: dict[str, Callable[..., Any]] = {
    "time": as_time,
    "full_time": as_full_time,
    "date": as_date,
    "iso": as_iso,
    "span": as_span,
    "number": as_number,
    "pretty_json": as_json,
    "compact_json": as_compact_json,
    "peak": as_peak,
}
