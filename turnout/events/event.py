"""Events: made with a first source and its key, set, archived (A1)."""

import re
import unicodedata

import msgspec

from turnout.errors import Conflict, InvalidRequest
from turnout.events import cors, identity, keys, policy, retention
from turnout.events.setup import changing
from turnout.events.sources import add_source
from turnout.feed.commit import log_event_change
from turnout.model.change import Entry
from turnout.model.event import Event
from turnout.model.policy import Policy
from turnout.now import new_id, now_us
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection

FIRST_SOURCE = "main"
MAX_NAME = 255
MAX_SLUG = 64
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_HOST = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def create(database: Database, name: str, slug: str | None = None) -> tuple[Event, str]:
    """A new event with the source *main*, and its first key, which is not shown again (A5).

    Raises InvalidRequest, and Conflict when the slug is taken.
    """
    event = make_event(name, slug)
    with database.write() as connection:
        add_event(connection, event)
        source = add_source(connection, event.id, FIRST_SOURCE, number=1)
        key = keys.add_key(connection, event.id, source_number=source.number, scope="push", label=FIRST_SOURCE)
    return event, key.text


def make_event(name: str, slug: str | None = None) -> Event:
    """A new event with all defaults, which is nowhere yet. Raises InvalidRequest."""
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise InvalidRequest(f"An event needs a name of 1 to {MAX_NAME} characters.")
    slug = slug if slug is not None else make_slug(name)
    if not slug:
        raise InvalidRequest(f"No address can be made of the name {name!r}. Choose one yourself: --slug my-event.")
    if not _SLUG.fullmatch(slug):
        raise InvalidRequest(
            f"{slug!r} cannot be part of an address. Use small letters, digits and hyphens: --slug my-event."
        )
    return Event(id=new_id("evt"), slug=slug, name=name, policy=Policy(), created_at=now_us())


def add_event(connection: Connection, event: Event) -> None:
    """Raises Conflict when the slug is taken."""
    if not events.add_event(connection, event):
        raise Conflict(f"There is an event {event.slug} already. Choose another address with --slug.")


def make_slug(name: str) -> str:
    """The part of an address that is made of a name; empty where none can be."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-")


def find_free_slug(database: Database, slug: str) -> str:
    """This one, or with a number behind it where that is taken."""
    free, number = slug, 1
    with database.read() as connection:
        while events.find_event(connection, slug=free) is not None:
            number += 1
            free = f"{slug[: MAX_SLUG - 5].rstrip('-')}-{number}"
    return free


def list_all(database: Database) -> list[Event]:
    with database.read() as connection:
        return events.list_events(connection)


def set_up(database: Database, event_id: str, settings: dict[str, str], *, actor: str | None = None) -> Event:
    """The event with these settings, made by `actor`. Raises InvalidRequest or Conflict; then none of them is set."""
    with changing(database, event_id) as held:
        before = held.configuration.event
        after = before
        # A date ends when it does in the time zone, which may come with it.
        for name, value in sorted(settings.items(), key=lambda setting: setting[0] != "time_zone"):
            after = set_one(after, name, value)
        if after.host is not None and after.host != before.host:
            other = events.find_event(held.connection, host=after.host)
            if other is not None:
                raise Conflict(f"The host {after.host} belongs to the event {other.slug}. Take it away there first.")
        identity.check_change(held.connection, held.configuration, after)
        entries = [
            Entry("setting", name, old, new)
            for name, old in policy.as_settings(before).items()
            if (new := policy.as_settings(after)[name]) != old
        ]
        if entries:
            events.update_event(held.connection, after)
            log_event_change(held.connection, held.clock, "setting_changed", entries, actor=actor)
    return after


def archive(database: Database, event_id: str, *, undo: bool = False) -> Event:
    """Takes the event out of lists and shuts its gateway for pushes, or opens it again; its data stays."""
    with changing(database, event_id) as held:
        archived_at = None if undo else held.configuration.event.archived_at or now_us()
        event = msgspec.structs.replace(held.configuration.event, archived_at=archived_at)
        events.update_event(held.connection, event)
    return event


def set_one(event: Event, name: str, value: str) -> Event:
    """The event with one setting, which is stored nowhere yet. Raises InvalidRequest."""
    if name == "name":
        if not value.strip() or len(value) > MAX_NAME:
            raise InvalidRequest(f"An event needs a name of 1 to {MAX_NAME} characters.")
        return msgspec.structs.replace(event, name=value.strip())
    if name == "host":
        host = value.strip().lower() or None
        if host is not None and not _HOST.fullmatch(host):
            raise InvalidRequest(
                f"{value!r} is not a host name. Write it like feed.example.org, or host= to take it away."
            )
        return msgspec.structs.replace(event, host=host)
    if name == "identity":
        return identity.set_identity(event, value)
    if name == "cors":
        return msgspec.structs.replace(event, cors=cors.read_origins(value))
    if name in retention.SETTINGS:
        return retention.set_one(event, name, value)
    if name == "time_zone":
        return msgspec.structs.replace(event, time_zone=policy.check_time_zone(value))
    return msgspec.structs.replace(event, policy=policy.set_one(event.policy, name, value))
