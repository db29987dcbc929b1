"""What nearly every command begins with: the settings, the database, the event."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
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
def opened(*, makes: bool = False, as_it_is: bool = False) -> Generator["Database"]:
    """The database, its schema up to date; `makes` is for what may come first on a new machine.

    `as_it_is` is for what works whatever the schema, and must not change it.

    Raises InvalidSettings, StorageUnavailable, and NotFound where there is none.
    """
    from turnout.errors import NotFound
    from turnout.store import schema
    from turnout.store.connect import Database

    configured = read_settings()
    path = database_path(configured.database_url)
    if not makes and not path.exists():
        raise NotFound(
            f"There is no database at {path}. Is TURNOUT_DATABASE_URL what the server has, and is this the folder in "
            "which it was started?"
        )
    database = Database(configured.database_url, configured.secret_key)
    try:
        if not as_it_is:
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
    return f"{_find_public_url()}/e/{event.slug}"


def server_note(database: Path) -> Path:
    """The file that a server holds while it runs on this database, and where it notes its public URL."""
    return database.with_name(database.name + ".server")


def _find_public_url() -> str:
    """As set, or as the server that runs or ran last on this database has noted."""
    settings = read_settings()
    note = server_note(database_path(settings.database_url))
    noted = note.read_text() if note.is_file() else ""
    return settings.public_url or noted or "http://localhost:8000"


def database_path(url: str) -> Path:
    """The database's file."""
    return Path(url.removeprefix("sqlite:///"))


def curl_command(gateway: str, key: str) -> str:
    """A first push, to paste."""
    return f"""\
curl {gateway}/attendees \\
  -H 'Api-Key: {key}' -H 'Content-Type: application/json' \\
  -d '{{
      "profile": {{"email": "john.doe@example.com", "firstName": "John", "lastName": "Doe"}},
      "eventInfo": {{"groups": {{"groupNames": ["Group1"]}}}}
    }}'"""
