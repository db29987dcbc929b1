"""The source: whoever says something about attendees (A6)."""

import msgspec

from turnout.model.policy import SourcePolicy

PEOPLE = 0
"""The number of the source that all people are, in the console and at the command line; it has no keys."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A system with its keys, an import, a form, the console. It outlives its keys."""

    id: str
    event_id: str
    number: int
    """Short for the id within the event; what documents and log lines hold."""
    name: str
    created_at: int
    policy: SourcePolicy = SourcePolicy()
    retired_at: int | None = None
    """Since when it says nothing any more: what it said of groups and of who is expected was taken back."""
    last_push_at: int | None = None
