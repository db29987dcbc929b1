"""What a look at one event goes by, and what it finds."""

from collections.abc import Iterator, Mapping

import msgspec

from turnout.events import usual
from turnout.model.alert import Alert, AlertKind, AlertSettings, Facts, Watch
from turnout.model.event import Configuration
from turnout.model.source import Source
from turnout.store.statements import Connection

SEEN_EVERY_US = 10 * 60 * 1_000_000
"""How often it is written that a cause is still there."""


class Found(msgspec.Struct, frozen=True):
    """One cause that is there at the moment."""

    kind: AlertKind
    cause: str
    facts: Facts
    is_known: bool = False
    """Whether nobody is to be told: it was there before the event was watched, or another one tells of it."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One event at one moment, for whoever looks for causes."""

    connection: Connection
    """Of a transaction that reads."""
    configuration: Configuration
    watch: Watch
    at: int
    open: Mapping[str, Alert]
    """What is open already, by cause."""
    up_since: int = 0
    """Since when this server has run: who was silent before could not have been heard."""

    @property
    def event_id(self) -> str:
        return self.configuration.event.id

    @property
    def settings(self) -> AlertSettings:
        return self.watch.settings

    @property
    def is_over(self) -> bool:
        """Whether the event has ended: nobody expects its feed to go on."""
        ends_at = self.configuration.event.ends_at
        return ends_at is not None and ends_at <= self.at

    def live_sources(self) -> Iterator[Source]:
        return usual.live_sources(self.configuration)
