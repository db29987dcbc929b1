"""What nearly every command begins with: the settings, the database, the event."""

import logging
import os
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output

if TYPE_CHECKING:
    from turnout.access import audit
    from turnout.feed.configurations import Configurations
    from turnout.model.age import Where
    from turnout.model.event import Configuration, Event
    from turnout.settings import Settings
    from turnout.store.database import Database
    from turnout.store.statements import Connection

ONE_LOOK = 1_000
"""Attendees, changes or pushes that may be read without a line in the audit log: a page of them, as /api/ gives."""

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
    from turnout.store.connect import open_configured

    configured = read_settings()
    path = database_path(configured.database_url)
    if not makes and path is not None and not path.exists():
        raise NotFound(
            f"There is no database at {path}. Is TURNOUT_DATABASE_URL what the server has, and is this the folder in "
            "which it was started?"
        )
    database = open_configured(configured)
    # What becomes of the replica is told by `note_replica`, in one sentence with what it means.
    with closing(database), silent("turnout.store.replica"):
        if not as_it_is:
            with silent("turnout.store"):
                schema.prepare(database)
                database.agree_on_time()
            _note_key(database)
        yield database
        if not as_it_is:
            # The command may have been the first to need one.
            _note_key(database)


@contextmanager
def silent(logger: str) -> Generator[None]:
    """Without its lines, while all that goes wrong is told by the command itself."""
    silenced = logging.getLogger(logger)
    was_silent = silenced.disabled
    silenced.disabled = True
    try:
        yield
    finally:
        silenced.disabled = was_silent


def _note_key(database: "Database") -> None:
    """Lets the database know its secret key. What stands in the way is told to the commands that need the key."""
    from turnout.errors import StorageUnavailable
    from turnout.store import installation

    with suppress(StorageUnavailable):
        installation.note_key(database)


def note_replica(database: "Database", where: "Where") -> None:
    """Says where a list was read and how old it may be; nothing where no replica is set."""
    if read_settings().read_database_url is None:
        return
    age, why = where.oldest, database.why_no_replica
    if age is None:
        reason = f"away ({why.rstrip('.')})" if why else "too far behind"
        output.note(f"The replica is {reason}; this is from the primary.")
        return
    part = "Read in part from the primary, in part" if where.is_of_primary else "Read"
    if age.seconds is None:
        output.note(f"{part} from the replica; how far it is behind cannot be told.")
    else:
        behind = "which has everything" if age.seconds == 0 else f"at most {age.as_header} s behind"
        output.note(f"{part} from the replica, {behind}.")


@contextmanager
def opened_event(slug: str) -> Generator[tuple["Database", "Configuration"]]:
    """The database and what is set up for this event. Raises NotFound too."""
    from turnout.events.setup import get_configuration

    with opened() as database:
        yield database, get_configuration(database, slug)


@contextmanager
def acting(
    database: "Database", action: str, *, event_id: str = "", target: str | None = None
) -> Generator["audit.Deed"]:
    """A deed with its line in the audit log: before it begins, and what came of it."""
    from turnout.access import audit
    from turnout.feed.by_hand.hand_in import name_actor

    with audit.acting(database, name_actor(), action, event_id=event_id, target=target) as deed:
        yield deed


@contextmanager
def reading(
    database: "Database", action: str, *, event_id: str, most: int | None, of_replica: bool = False
) -> Generator[None]:
    """Personal data of up to `most` people, of all where it is None; with a line in the audit log beyond one look."""
    from turnout.errors import StorageUnavailable

    if most is not None and most <= ONE_LOOK:
        yield
        return
    if of_replica:
        # Of what is written now it is behind in any case: how far it was before is what counts.
        with suppress(StorageUnavailable):
            database.find_replica_age()
    with acting(database, action, event_id=event_id):
        yield


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
    return f"{find_public_url()}/e/{event.slug}"


def find_public_url() -> str:
    """As set, or as the server that runs or ran last on this database has noted."""
    settings = read_settings()
    path = database_path(settings.database_url)
    note = None if path is None else path.with_name(path.name + ".server")
    noted = note.read_text() if note is not None and note.is_file() else ""
    return settings.public_url or noted or "http://localhost:8000"


def database_path(url: str) -> Path | None:
    """The database's file; None where it is in PostgreSQL."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None


def curl_command(gateway: str, key: str) -> str:
    """A first push, to paste."""
    return f"""\
curl {gateway}/attendees \\
  -H 'Api-Key: {key}' -H 'Content-Type: application/json' \\
  -d '{{
      "profile": {{"email": "john.doe@example.com", "firstName": "John", "lastName": "Doe"}},
      "eventInfo": {{"groups": {{"groupNames": ["Group1"]}}}}
    }}'"""
