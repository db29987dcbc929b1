"""The source: whoever says something about attendees (A6)."""

import msgspec

from turnout.model.policy import SourcePolicy


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A system with its keys, an import, a form, the console. It outlives its keys."""

    id: str
    event_id: str
    number: int
    """Short for the id within the event; what documents and log lines hold."""
    name: str
    created_at: int
    policy: SourcePolicy = SourcePolicy()
    last_push_at: int | None = None
