"""What this process knows of each event's set-up, and how it learns that it has changed."""

import threading
from contextlib import AbstractContextManager

from turnout.model.event import Configuration
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_EVENTS = 2_000
"""Configurations held at once; the longest not loaded go first."""


class Configurations:
    """A cache by gateway. It may be behind: the commit compares versions under the event's clock row and reloads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: dict[str, Configuration] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._one_at_a_time = threading.Lock()

    def find(self, *, slug: str | None = None, host: str | None = None) -> Configuration | None:
        """The event at this gateway, as far as this process knows."""
        event_id = self._ids.get(_gateway(slug, host))
        return None if event_id is None else self._by_id.get(event_id)

    def load(self, *, slug: str | None = None, host: str | None = None) -> Configuration | None:
        """The event at this gateway as the database has it now. Raises StorageUnavailable."""
        known = self.find(slug=slug, host=host)
        with self._database.read() as connection:
            # A slug never changes hands; a host name may.
            if known is not None and host is None:
                return self.refresh(connection, known.event.id, events.find_version(connection, known.event.id))
            event = events.find_event(connection, slug=slug, host=host)
            if event is None:
                self._ids.pop(_gateway(slug, host), None)
                return None
            return self.refresh(connection, event.id, events.find_version(connection, event.id))

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction to read in. Raises StorageUnavailable."""
        return self._database.read()

    def refresh(self, connection: Connection, event_id: str, version: int | None) -> Configuration | None:
        """The event's configuration at this version, read only if another one is known."""
        known = self._by_id.get(event_id)
        if known is not None and known.version == version:
            return known
        loaded = events.load_configuration(connection, event_id)
        if loaded is not None:
            self.put(loaded)
        return loaded

    def put(self, configuration: Configuration) -> None:
        event = configuration.event
        with self._one_at_a_time:
            self._drop(event.id)
            self._by_id[event.id] = configuration
            self._ids[_gateway(event.slug, None)] = event.id
            if event.host is not None:
                self._ids[_gateway(None, event.host)] = event.id
            if len(self._by_id) > MAX_EVENTS:
                self._drop(next(iter(self._by_id)))

    def _drop(self, event_id: str) -> None:
        dropped = self._by_id.pop(event_id, None)
        if dropped is not None:
            self._ids.pop(_gateway(dropped.event.slug, None), None)
            if self._ids.get(_gateway(None, dropped.event.host)) == event_id:
                del self._ids[_gateway(None, dropped.event.host)]


def _gateway(slug: str | None, host: str | None) -> tuple[str, str]:
    return ("slug", slug) if slug is not None else ("host", host or "")
