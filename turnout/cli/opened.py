"""What nearly every command begins with: the settings, the database, the event."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from turnout.feed.configurations import Configurations
    from turnout.model.event import Configuration, Event
    from turnout.settings import Settings
    from turnout.store.connect import Connection, Database

event_option = click.option("--event", "slug", required=True, metavar="SLUG", help="The event, by its slug.")


def read_settings() -> "Settings":
    """Raises InvalidSettings."""
    from turnout import settings

    return settings.read(os.environ)


@contextmanager
def opened() -> Generator["Database"]:
    """The database, its schema up to date. Raises InvalidSettings or StorageUnavailable."""
    from turnout.store import schema
    from turnout.store.connect import Database

    database = Database(read_settings().database_url)
    try:
        schema.prepare(database)
        yield database
    finally:
        database.close()


@contextmanager
def opened_event(slug: str) -> Generator[tuple["Database", "Configuration"]]:
    """The database and what is set up for this event. Raises NotFound too."""
    from turnout.events.setup import get_configuration

    with opened() as database:
        yield database, get_configuration(database, slug)


def current(configurations: "Configurations", connection: "Connection", event_id: str) -> "Configuration":
    """What is set up at the moment that the connection sees: it knows every name that is found there."""
    from turnout.errors import NotFound
    from turnout.store import events

    configuration = configurations.refresh(connection, event_id, events.find_version(connection, event_id))
    if configuration is None:
        raise NotFound("The event is gone.")
    return configuration


def gateway_of(event: "Event") -> str:
    """The event's gateway address (A1): its own host, else below the public URL."""
    if event.host is not None:
        return f"https://{event.host}"
    return f"{read_settings().public_url or 'http://localhost:8000'}/e/{event.slug}"


def curl_command(gateway: str, key: str) -> str:
    """A first push, to paste."""
    body = '{"profile": {"email": "john.doe@example.com", "firstName": "John"}}'
    return f"curl {gateway}/attendees \\\n  -H 'Api-Key: {key}' -H 'Content-Type: application/json' \\\n  -d '{body}'"
