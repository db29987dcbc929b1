"""A look at one event: what is found wrong is opened, what is not any more is closed, and who follows is told.

All of it in one transaction: either there is an alert and its messages, or neither.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec

from turnout.alerts import begin, tell
from turnout.alerts.begin import Begun
from turnout.alerts.causes import (
    errors,
    falling,
    first_push,
    key_expiring,
    refused_key,
    silent,
    unknown_field,
    webhook,
)
from turnout.alerts.found import SEEN_EVERY_US, Found, Look
from turnout.feed.configurations import Configurations
from turnout.model.alert import NEWS, Alert, AlertKind, Facts, Watch
from turnout.model.event import DAY_US, Configuration
from turnout.now import new_id
from turnout.store import alerts, events
from turnout.store.database import Database
from turnout.store.statements import Connection

REOPENED_US = 6 * 3_600 * 1_000_000
"""Found again so soon after it was mended it is the same alert, of which people have been told."""
DISMISSED_US = 7 * DAY_US
"""So long what somebody has dismissed is left alone, if it does not go away before."""
FINDERS: dict[AlertKind, Callable[[Look], list[Found]]] = {
    "first_push": first_push.find,
    "silent": silent.find,
    "errors": errors.find,
    "refused_key": refused_key.find,
    "unknown_field": unknown_field.find,
    "falling": falling.find,
    "key_expiring": key_expiring.find,
    "webhook": webhook.find,
}


class Looked(msgspec.Struct, frozen=True):
    """What a look has come to."""

    opened: Sequence[Alert] = ()
    """Those that people are told of."""
    closed: Sequence[Alert] = ()


class Seen(msgspec.Struct, frozen=True):
    """What there was to be seen, before anything of it is written."""

    watch: Watch
    begun: Begun | None
    """Where the event was not watched yet."""
    found: Mapping[str, Found]
    """By cause."""
    open: Mapping[str, Alert]
    dismissed: Mapping[str, Alert]


def look(
    database: Database,
    configurations: Configurations,
    event_id: str,
    at: int,
    *,
    kinds: Sequence[AlertKind] = tuple(FINDERS),
    up_since: int = 0,
    recording: Callable[[], AbstractContextManager[Connection]] | None = None,
) -> Looked:
    """Looks at the event for these kinds; what is open of the others stays so.

    `recording` gives the transaction to write in, if there is anything to write. Raises StorageUnavailable, and what
    `recording` raises.
    """
    # Patient: now and then it counts who is in a large event.
    with database.read(patient=True) as connection:
        configuration = configurations.refresh(connection, event_id, events.find_version(connection, event_id))
        if configuration is None:
            return Looked()
        watch, begun = begin.find_watch(connection, configuration, at)
        # What is known has to be written before anybody looks.
        must_begin = begun is not None and bool(begun.known)
        seen = None if must_begin else _see(connection, configuration, watch, begun, at, kinds, up_since)
    transaction = recording or database.write
    if seen is None:
        assert begun is not None
        with transaction() as connection:
            begin.write(connection, begun)
        return look(database, configurations, event_id, at, kinds=kinds, up_since=up_since, recording=recording)
    if not _has_news(seen, kinds, at):
        return Looked()
    with transaction() as connection:
        return _record(connection, seen, kinds, at)


def _see(
    connection: Connection,
    configuration: Configuration,
    watch: Watch,
    begun: Begun | None,
    at: int,
    kinds: Sequence[AlertKind],
    up_since: int,
) -> Seen:
    event = configuration.event
    open_alerts = {alert.cause: alert for alert in alerts.list_open(connection, event.id)}
    dismissed = {alert.cause: alert for alert in alerts.list_dismissed(connection, event.id, at - DISMISSED_US)}
    its_look = Look(
        connection=connection,
        configuration=configuration,
        watch=watch,
        at=at,
        open=open_alerts,
        up_since=up_since,
    )
    found = {
        one.cause: one
        for kind in kinds
        # Nobody watches an archived event, and what was open of it is closed.
        if event.archived_at is None and kind not in watch.settings.off
        for one in FINDERS[kind](its_look)
    }
    return Seen(watch, begun, found, open_alerts, dismissed)


def _has_news(seen: Seen, kinds: Sequence[AlertKind], at: int) -> bool:
    """Whether there is anything to write: mostly there is not."""
    return (
        seen.begun is not None
        or any(_is_gone(alert, seen, kinds) for alert in (*seen.open.values(), *seen.dismissed.values()))
        or any(
            cause not in seen.dismissed and (cause not in seen.open or _has_moved(seen.open[cause], one.facts, at))
            for cause, one in seen.found.items()
        )
    )


def _is_gone(alert: Alert, seen: Seen, kinds: Sequence[AlertKind]) -> bool:
    return alert.kind in kinds and alert.cause not in seen.found


def _has_moved(alert: Alert, facts: Facts, at: int) -> bool:
    return alert.facts != facts or at - alert.seen_at >= SEEN_EVERY_US


def _record(connection: Connection, seen: Seen, kinds: Sequence[AlertKind], at: int) -> Looked:
    if seen.begun is not None:
        begin.write(connection, seen.begun)
    closed = [
        alert
        for alert in seen.open.values()
        if _is_gone(alert, seen, kinds) and alerts.close_alert(connection, alert, at)
    ]
    for alert in seen.dismissed.values():
        if _is_gone(alert, seen, kinds):
            # When it comes back, people want to know.
            alerts.set_facts(
                connection, alert, {name: alert.facts[name] for name in alert.facts if name != "dismissed"}
            )
    opened = []
    for cause, one in seen.found.items():
        if cause in seen.open:
            if _has_moved(seen.open[cause], one.facts, at):
                alerts.see_alert(connection, seen.open[cause], one.facts, at)
        elif cause not in seen.dismissed and (alert := _open(connection, seen.watch, one, at)) is not None:
            opened.append(alert)
    return Looked(opened, closed)


def _open(connection: Connection, watch: Watch, found: Found, at: int) -> Alert | None:
    """The alert that was opened, with the messages of it; None where nobody is told."""
    latest = alerts.find_latest_of_cause(connection, watch.event_id, found.cause)
    is_news = found.kind in NEWS
    if latest is not None and (is_news or latest.is_open):
        return None
    if latest is not None and latest.closed_at is not None and at - latest.closed_at < REOPENED_US:
        alerts.reopen_alert(connection, latest, found.facts, at)
        return None
    if found.is_known and is_news:
        alerts.add_alert(connection, begin.make_known(found, watch.event_id, at))
        return None
    alert = Alert(
        event_id=watch.event_id,
        id=new_id("alr"),
        kind=found.kind,
        cause=found.cause,
        facts=found.facts,
        opened_at=at,
        seen_at=at,
        closed_at=at if is_news else None,
    )
    if not alerts.add_alert(connection, alert) or found.is_known:
        return None
    tell.queue(connection, alert, alerts.list_followers(connection, watch.event_id), watch, at)
    return alert
