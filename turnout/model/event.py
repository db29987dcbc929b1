"""The event: a conference, a fair, a class, and what is set up for it."""

from typing import Literal

import msgspec

from turnout.model.key import Key
from turnout.model.names import Names
from turnout.model.policy import Policy
from turnout.model.source import Source

DAY_US = 86_400 * 1_000_000
KEEP_BODIES_DAYS = 30


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
    identity: Literal["email", "third_party_id"] = "email"
    """What makes a push be about the same person as one before (C6)."""
    ends_at: int | None = None
    purge_after_days: int | None = None
    """So many days after its end everyone is erased (F3); None for never."""
    keep_bodies_days: int = KEEP_BODIES_DAYS
    """How long the bodies of pushes stay (F3)."""
    purged_at: int | None = None
    """Everyone who was there by then is erased (F3)."""
    suppresses: bool = False
    """Whether somebody was erased here whom a source must not bring back (F2)."""

    cors: tuple[str, ...] = ()
    """The origins of sites whose pages may read in a browser, `https://app.example.org`; `*` for any."""

    def gateway(self, public_url: str) -> str:
        """Its gateway's address (A1): its own host, else below the public URL."""
        return f"https://{self.host}" if self.host is not None else f"{public_url}/e/{self.slug}"

    @property
    def purge_at(self) -> int | None:
        """When everyone is to be erased; None for never."""
        if self.ends_at is None or self.purge_after_days is None:
            return None
        return self.ends_at + self.purge_after_days * DAY_US

    @property
    def is_purged(self) -> bool:
        """Whether everyone was erased since that was due."""
        return self.purge_at is not None and self.purged_at is not None and self.purged_at >= self.purge_at


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
