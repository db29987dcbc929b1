"""How an event begins to be watched: what was there before is no news, and is noted as known."""

import msgspec

from turnout.alerts.causes import unknown_field
from turnout.alerts.found import Found
from turnout.model.alert import Alert, Watch
from turnout.model.event import DAY_US, Configuration
from turnout.now import new_id
from turnout.store import alerts
from turnout.store.statements import Connection

NEW_EVENT_US = DAY_US
"""Of an event that is no older everything is news."""


class Begun(msgspec.Struct, frozen=True):
    """A watch that is not written yet, and what is known at its beginning."""

    watch: Watch
    known: list[Found] = []


def find_watch(connection: Connection, configuration: Configuration, at: int) -> tuple[Watch, Begun | None]:
    """How the event is watched; where it is not yet, also what has to be written."""
    event = configuration.event
    watch = alerts.find_watch(connection, event.id)
    if watch is not None:
        return watch, None
    if at - event.created_at < NEW_EVENT_US:
        begun = Begun(Watch(event_id=event.id, since=event.created_at))
    else:
        begun = Begun(Watch(event_id=event.id, since=at), unknown_field.list_known(connection, configuration))
    return begun.watch, begun


def write(connection: Connection, begun: Begun) -> None:
    """Nothing, where somebody else has begun meanwhile."""
    if alerts.add_watch(connection, begun.watch):
        for found in begun.known:
            alerts.add_alert(connection, make_known(found, begun.watch.event_id, begun.watch.since))


def make_known(found: Found, event_id: str, at: int) -> Alert:
    """A row by which nobody is told of this cause any more."""
    return Alert(
        event_id=event_id,
        id=new_id("alr"),
        kind=found.kind,
        cause=found.cause,
        facts=found.facts,
        opened_at=alerts.KNOWN,
        seen_at=at,
        closed_at=at,
    )
