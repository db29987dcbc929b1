"""The one way to change what is set up for an event: under its clock row, raising its version."""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from turnout.errors import NotFound
from turnout.model.event import Configuration
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection


class SetUp(msgspec.Struct):
    """An event's set-up, held still for one change."""

    connection: Connection
    configuration: Configuration
    clock: events.Clock


@contextmanager
def changing(database: Database, event_id: str) -> Generator[SetUp]:
    """Holds the event's set-up still; what the block writes counts from the next commit on, in every process (A3)."""
    with database.write() as connection:
        clocks = events.lock_clocks(connection, [event_id])
        configuration = events.load_configuration(connection, event_id)
        if configuration is None:
            raise NotFound("There is no such event.")
        clock = clocks[event_id]
        before = clock.last_sequence
        yield SetUp(connection, configuration, clock)
        clock.raise_version()
        events.move_clocks(connection, [clock])
    if clock.last_sequence > before:
        database.notices.announce([event_id])


def get_configuration(database: Database, slug: str) -> Configuration:
    """What is set up for the event with this slug. Raises NotFound."""
    with database.read() as connection:
        event = events.find_event(connection, slug=slug)
        configuration = None if event is None else events.load_configuration(connection, event.id)
    if configuration is None:
        raise NotFound(f"There is no event {slug}. `turnout event list` shows the events that there are.")
    return configuration
