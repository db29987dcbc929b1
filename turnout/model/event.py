"""The event: a conference, a fair, a class, and what is set up for it."""

import msgspec

from turnout.model.key import Key
from turnout.model.names import Names
from turnout.model.policy import Policy
from turnout.model.source import Source


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. Its slug is part of the gateway address, never changes and is never given again (A1)."""

    id: str
    slug: str
    name: str
    policy: Policy
    created_at: int
    host: str | None = None
    """A host name of the event's own, whose root is a gateway too (A1)."""
    time_zone: str = "UTC"
    archived_at: int | None = None


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """All that is set up for one event at one version; a push is understood and committed under one of these.

    Whoever changes any of it raises the version under the event's clock row, so that a process that still works
    with an older one notices in the transaction (design: the commit).
    """

    version: int
    event: Event
    sources: dict[int, Source]
    """By the source's number."""
    keys: dict[str, Key]
    """By the key's id."""
    custom_fields: Names
    groups: Names
