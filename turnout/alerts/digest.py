"""A summary each day, for who asked for one: pushes, new people and alerts of the events that they may see."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnout.access import roles
from turnout.alerts.mail_message import Item, Letter, Way
from turnout.alerts.words import describe
from turnout.changes.turn import Turn
from turnout.errors import InvalidRequest
from turnout.events.policy import check_time_zone
from turnout.model.alert import Alert, AlertMessage, Digest
from turnout.model.event import DAY_US, Configuration, Event
from turnout.model.user import User
from turnout.now import new_id, now_us
from turnout.store import alert_messages, alerts, digests, events, push_counts, users
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US
from turnout.store.statements import Connection

MAX_SHOWN = 50
"""Events that have a line of their own."""
MAX_TITLES = 3
"""New alerts of one event that are named."""
_DAY_SLOTS = DAY_US // SLOT_US
_AT_ONCE = 500
"""Events asked for with one statement."""
_MONDAY = 0


class Figures(msgspec.Struct):
    """One event's day."""

    pushes: int = 0
    failed: int = 0
    created: int = 0
    open: int = 0
    """Alerts that are open now."""
    opened: list[Alert] = []
    """Those of the day, the latest first."""

    @property
    def has_anything(self) -> bool:
        return bool(self.pushes or self.open or self.opened)


class Day(msgspec.Struct, frozen=True):
    """The day before a moment, of all events that are not archived."""

    at: int
    events: Sequence[Event]
    figures: Mapping[str, Figures]
    """By event; those that have nothing are left out."""


def get(database: Database, user_id: str) -> Digest | None:
    """None where the user gets none."""
    with database.read() as connection:
        return digests.find_digest(connection, user_id)


def ask(database: Database, user_id: str, hour: int, time_zone: str) -> Digest:
    """From now on each day at this hour, 0–23. Raises InvalidRequest."""
    if not 0 <= hour <= 23:
        raise InvalidRequest("The hour is a number from 0 to 23.")
    digest = Digest(user_id=user_id, hour=hour, time_zone=check_time_zone(time_zone), last_at=now_us())
    with database.write() as connection:
        digests.put_digest(connection, digest)
    return digest


def stop(database: Database, user_id: str) -> None:
    with database.write() as connection:
        digests.remove_digest(connection, user_id)


# When


def find_last_due(hour: int, zone: tzinfo, now: int) -> int:
    """The last moment up to now at which it was this hour there. Pure.

    Of an hour that comes twice because clocks were set back, the first; one that was left out came with the next.
    """
    today = datetime.fromtimestamp(now // 1_000_000, zone).date()
    moments = (
        round(datetime.combine(today - timedelta(days=days), time(hour), zone).timestamp()) * 1_000_000
        for days in range(3)
    )
    return next(moment for moment in moments if moment <= now)


def is_due(digest: Digest, now: int) -> bool:
    """Whether its hour has come since the last one was made; however often, once. Pure."""
    return digest.last_at < find_last_due(digest.hour, _zone_of(digest), now) <= now


def has_due(database: Database, now: int) -> bool:
    with database.read() as connection:
        return any(is_due(one, now) for one in digests.list_digests(connection))


def queue_due(database: Database, turn: Turn, now: int) -> None:
    """Lets those whose hour has come be sent. Raises LeaseLost and StorageUnavailable.

    One that has nothing to tell is sent on Mondays alone, so that people know it still comes.
    """
    with database.read(patient=True) as connection:
        due = [one for one in digests.list_digests(connection) if is_due(one, now)]
        day = read_day(connection, now) if due else None
        readers = {one.user_id: users.find_user(connection, one.user_id) for one in due}
    for one in due:
        user = readers[one.user_id]
        is_wanted = user is not None and day is not None and (_has_anything(day, user) or _is_monday(one, now))
        with turn.recording() as connection:
            if digests.note_made(connection, one, now) and is_wanted:
                alert_messages.add(connection, [_make_message(one.user_id, now)])


def _make_message(user_id: str, now: int) -> AlertMessage:
    return AlertMessage(
        event_id="",
        id=new_id("msg"),
        kind="digest",
        alert_id=None,
        user_id=user_id,
        state="waiting",
        tries=0,
        next_at=now,
        created_at=now,
    )


def _is_monday(digest: Digest, now: int) -> bool:
    return datetime.fromtimestamp(now // 1_000_000, _zone_of(digest)).weekday() == _MONDAY


def _zone_of(digest: Digest) -> tzinfo:
    try:
        return ZoneInfo(digest.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # It was known when it was asked for.
        return UTC


# What


def read_day(connection: Connection, at: int) -> Day:
    """The day before, of all events: some for each reader."""
    active = [event for event in events.list_events(connection) if event.archived_at is None]
    figures: dict[str, Figures] = {}
    since = at // SLOT_US - _DAY_SLOTS + 1
    for start in range(0, len(active), _AT_ONCE):
        some = [event.id for event in active[start : start + _AT_ONCE]]
        for event_id, span, result, count, _ in push_counts.list_sums_of_events(connection, some, since, _DAY_SLOTS):
            if span == 0 and result != "rehearsed":
                its = figures.setdefault(event_id, Figures())
                its.pushes += count
                its.failed += count if result == "failed" else 0
                its.created += count if result == "created" else 0
        for event_id, count in alerts.count_open(connection, some).items():
            figures.setdefault(event_id, Figures()).open = count
        for alert in alerts.list_opened(connection, some, at - DAY_US):
            figures.setdefault(alert.event_id, Figures()).opened.append(alert)
    return Day(at, active, figures)


def _has_anything(day: Day, user: User) -> bool:
    return any(event.id in day.figures for event in roles.visible_events(user, day.events))


def write(day: Day, user: User, public_url: str, find: Callable[[str], Configuration | None]) -> Letter:
    """What this user is told of the day. `find` gives an event's configuration: many readers see the same events."""
    seen = roles.visible_events(user, day.events)
    lines = [(event, day.figures[event.id]) for event in seen if event.id in day.figures]
    lines.sort(key=lambda line: (-line[1].open, -len(line[1].opened), -line[1].failed, -line[1].pushes))
    shown = lines[:MAX_SHOWN]
    return Letter(
        subject=_write_subject([figures for _, figures in lines]),
        title="The last 24 hours in Turnout",
        paragraphs=tuple(_write_sums(len(seen), [figures for _, figures in lines], len(lines) - len(shown))),
        items=tuple(_write_item(event, figures, public_url, find) for event, figures in shown),
        way=Way("Open Turnout", f"{public_url}/console/events"),
        why="You get this because you asked for a summary each day.",
        stop=Way("Change the hour, or stop it", f"{public_url}/console/account#digest"),
    )


def _write_subject(lines: Sequence[Figures]) -> str:
    pushes, is_open = sum(one.pushes for one in lines), sum(one.open for one in lines)
    if not lines:
        return "Turnout today: nothing came"
    return f"Turnout today: {_count(pushes, 'push', 'pushes')}, {_count(is_open, 'open alert', 'open alerts')}"


def _write_sums(seen: int, lines: Sequence[Figures], more: int) -> list[str]:
    quiet = seen - len(lines)
    if not lines:
        events_seen = _count(seen, "event", "events")
        return [f"Neither a push nor an alert came in {events_seen}. While that is so you are told on Mondays only."]
    pushes, failed, created, is_open = (
        sum(getattr(one, name) for one in lines) for name in ("pushes", "failed", "created", "open")
    )
    people, open_alerts = _count(created, "new person", "new people"), _count(is_open, "alert is", "alerts are")
    said = [f"{_count(pushes, 'push', 'pushes')}, {failed:,} failed, {people}; {open_alerts} open."]
    if more:
        said.append(f"Those {MAX_SHOWN} events follow that need most to be looked at; {more:,} more had less.")
    if quiet:
        said.append(f"{_count(quiet, 'event', 'events')} had neither pushes nor alerts.")
    return said


def _write_item(event: Event, figures: Figures, public_url: str, find: Callable[[str], Configuration | None]) -> Item:
    said = [f"{_count(figures.pushes, 'push', 'pushes')}, {figures.failed:,} failed, {figures.created:,} new people."]
    if figures.open:
        said.append(f"{_count(figures.open, 'alert is', 'alerts are')} open.")
    configuration = find(event.id) if figures.opened else None
    if configuration is not None:
        titles = [describe(alert, configuration).title for alert in figures.opened[:MAX_TITLES]]
        more = len(figures.opened) - len(titles)
        said.append(f"New: {'; '.join(titles)}{f'; and {more:,} more' if more else ''}.")
    has_alerts = figures.open or figures.opened
    page = f"{public_url}/console/events/{event.slug}"
    return Item(
        event.name,
        " ".join(said),
        Way("See its alerts", f"{page}/alerts") if has_alerts else Way("See the event", page),
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
