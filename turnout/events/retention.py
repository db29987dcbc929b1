"""How long what is kept: when the event ends, when everyone is erased, how long bodies of pushes stay (F3)."""

import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from turnout.errors import InvalidRequest
from turnout.model.event import DAY_US, KEEP_BODIES_DAYS, Event
from turnout.now import now_us

SETTINGS = ("ends_at", "purge_after", "keep_bodies")
MAX_DAYS = 36_500


def set_one(event: Event, name: str, value: str) -> Event:
    """The event with one of these settings. Raises InvalidRequest."""
    value = value.strip()
    if name == "ends_at":
        return msgspec.structs.replace(event, ends_at=_read_end(value, _zone(event)) if value else None)
    if name == "purge_after":
        return msgspec.structs.replace(event, purge_after_days=_read_days(name, value) if value else None)
    return msgspec.structs.replace(event, keep_bodies_days=_read_days(name, value) if value else KEEP_BODIES_DAYS)


def as_settings(event: Event) -> dict[str, str | None]:
    """These settings as they can be set."""
    return {
        "ends_at": None if event.ends_at is None else _show_end(event.ends_at, _zone(event)),
        "purge_after": None if event.purge_after_days is None else f"{event.purge_after_days}d",
        "keep_bodies": f"{event.keep_bodies_days}d",
    }


def foresee(event: Event, wanted: Mapping[str, str]) -> list[str]:
    """What to say before these settings are made; nothing unless they erase everyone. Raises InvalidRequest."""
    after = event
    if "time_zone" in wanted:
        after = msgspec.structs.replace(after, time_zone=wanted["time_zone"])
    for name in SETTINGS:
        if name in wanted:
            after = set_one(after, name, wanted[name])
    if after.purge_at is None or after.purge_at == event.purge_at or after.purge_at > now_us():
        return []
    ago = max(0, now_us() - after.purge_at)
    days = _count(after.purge_after_days or 0, "day")
    return [
        f"Everyone is erased {days} after the event's end, and that is {_show_span(ago)} ago:",
        "everyone would be erased within minutes, for good.",
    ]


def describe_purge(event: Event) -> str:
    """When everyone is erased, for people."""
    if event.purge_at is None:
        if event.purge_after_days is not None:
            return "never: purge_after counts from ends_at, which is not set"
        return "never: purge_after is not set"
    at = _show_end(event.purge_at, _zone(event))
    ahead = event.purge_at - now_us()
    if ahead > 0:
        return f"{at}, in {_show_span(ahead)}"
    if event.is_purged:
        return f"done; whoever is pushed since is erased again, for that was to be at {at}"
    return f"under way: that was to be at {at}; a running server does it"


def _read_end(value: str, zone: tzinfo) -> int:
    """A date and time with its offset; or a date, whose end it is in the event's time zone."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            end = datetime.combine(date.fromisoformat(value) + timedelta(days=1), time(), zone)
        else:
            end = datetime.fromisoformat(value)
        if end.tzinfo is None:
            raise InvalidRequest(
                f"ends_at={value} has no offset, so it could be any of some thirty hours. Write it like "
                "2027-05-04T18:00:00+02:00, or as a date, 2027-05-04, for the end of that day."
            )
        return (end - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{value!r} is no end of an event. Write it as a date, 2027-05-04, or like 2027-05-04T18:00:00+02:00; "
            "ends_at= takes it away."
        ) from None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _show_end(at: int, zone: tzinfo) -> str:
    local = (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
    if local.time() == time():
        return (local.date() - timedelta(days=1)).isoformat()
    return local.isoformat()


def _read_days(name: str, value: str) -> int:
    match = re.fullmatch(r"(\d{1,6})d|0", value.lower())
    if match is None:
        raise InvalidRequest(f"{name} is a number of days, like 30d, not {value!r}.")
    days = int(match[1] or 0)
    if days > MAX_DAYS:
        raise InvalidRequest(f"{name} can be {MAX_DAYS}d at most.")
    return days


def _zone(event: Event) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(event.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


def _show_span(span_us: int) -> str:
    for unit_us, name in ((DAY_US, "day"), (DAY_US // 24, "hour"), (DAY_US // 1440, "minute")):
        number = span_us // unit_us
        if number:
            return _count(number, name)
    return "less than a minute"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
