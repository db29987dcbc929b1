"""The hand-out: a page behind an unguessable link, by which an integrator gets a source's key and its recipe."""

from typing import Literal

import msgspec

HandoutState = Literal["good", "expired", "revoked"]


class Handout(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-out as stored: the digest of its link, never the link."""

    id: str
    event_id: str
    source_number: int
    """Whose key it gives; it is good for no other source."""
    tool: str
    """The name of the recipe."""
    label: str
    """For whom it was made, in the words of the event's staff; may be empty."""
    digest: bytes
    """SHA-256 of `<id>.<secret>`."""
    created_at: int
    expires_at: int
    revoked_at: int | None = None
    opened_at: int | None = None
    """When somebody first opened the link."""
    key_id: str | None = None
    """The key that was shown there; None while none was."""
    actor: str | None = None
    """Who made it."""

    def state(self, at: int) -> HandoutState:
        if self.revoked_at is not None:
            return "revoked"
        return "good" if at < self.expires_at else "expired"
