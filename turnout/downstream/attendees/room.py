"""What reading attendees works with, and which set-up goes with what is read."""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from turnout.downstream.reader import Reader
from turnout.feed.configurations import Configurations
from turnout.feed.intake import Feed
from turnout.feed.turns import Turns
from turnout.model.event import Configuration
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection

AT_ONCE = 4
"""Lists that are read at once: they share the processor with the feed …"""
WAITING = 200
"""… and those that wait for their turn."""


class Room(msgspec.Struct, frozen=True):
    """Handed down from where all is wired."""

    feed: Feed
    database: Database
    public_url: str
    turns: Turns


@contextmanager
def reading(database: Database, event_id: str, least: int) -> Generator[Connection]:
    """A moment at which the event's log has this line: a replica's, unless it is not there yet."""
    with database.read_replica() as connection:
        clock = events.find_clock(connection, event_id)
        if clock is not None and clock.last_sequence >= least:
            yield connection
            return
    with database.read() as connection:
        yield connection


def configuration_of(room: Room, connection: Connection, reader: Reader) -> Configuration:
    """What is set up at the moment that the connection sees, or later: it knows every name that is found there."""
    return bring_up_to_date(room.feed.configurations, connection, reader.configuration)


def bring_up_to_date(configurations: Configurations, connection: Connection, known: Configuration) -> Configuration:
    """The same for whoever has come another way."""
    event_id = known.event.id
    version = events.find_version(connection, event_id)
    # A replica may be behind what the event was looked up in.
    if version is None or version <= known.version:
        return known
    return configurations.refresh(connection, event_id, version) or known
