"""What travels to the commit: the pushes of one request, each with its sender."""

from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.model.names import Name
from turnout.model.policy import Policy
from turnout.model.push import Push
from turnout.model.receipt import Failure, Outcome, PathChange


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Whose push it is, and under which policy it was read."""

    source_number: int
    policy: Policy
    key_id: str | None = None
    address: str | None = None
    """From where it came with that key."""
    actor: str | None = None
    """The person, where one sends it by hand."""


class Idempotency(msgspec.Struct, frozen=True):
    """A request's Idempotency-Key (D6)."""

    key: str
    item: int
    """The place in a batch; WHOLE for a request of its own, and for the batch itself."""
    digest: str
    """Of the bytes of the request."""


WHOLE = -1
REPLAY = -2
"""The place of a stored push that is to be replayed once; no request has it."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One push on its way into the log: what it says, or why it cannot take effect."""

    id: str
    sender: Sender
    push: Push | None
    failure: Failure | None = None
    email: str | None = None
    body: str | None
    """To be stored: without its key."""
    digest: str
    """Of that body."""
    idempotency: Idempotency | None = None
    replay_of: str | None = None
    index: int | None = None
    about: str | None = None
    """The attendee's id, where it is known and not for the push to tell."""


class Foreseen(msgspec.Struct, frozen=True):
    """What one push of a dry run would do, as staff may see it and no sender may (D1)."""

    changes: list[PathChange]
    """All that would change, with every old value."""
    digest: str
    """Of all that would follow: as long as it stays the same, the push does what was seen."""


class Overlay(msgspec.Struct):
    """What a dry run has led to so far, so that its next pushes see the effect of those before them."""

    attendees: dict[str, Attendee] = {}
    """By id."""
    custom_fields: list[Name] = []
    groups: list[Name] = []
    foreseen: list[Foreseen] | None = None
    """Of each push in turn; None where nobody wants to know."""
    leaves_lines: bool = True
    """Whether the push log tells of it, as of every dry run that a sender asks for (D5)."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Pushes of one request, for one event."""

    configuration: Configuration
    """Under which they were authenticated and parsed."""
    items: Sequence[Item]
    atomic: bool = False
    """All or nothing (E2)."""
    dry_run: Overlay | None = None
    expected: Sequence[str] | None = None
    """Digests of what each push has to lead to, as a dry run has foreseen it; else nothing of them takes effect."""
    claim: Idempotency | None = None
    """Of a batch: that its key stands for these bytes."""
    claimant: int | None = None
    """The source in whose name that is; None for the first item's."""

    @property
    def source_number(self) -> int:
        """The source that it counts against."""
        return self.items[0].sender.source_number if self.claimant is None else self.claimant


class StaleConfiguration(Exception):
    """The event's set-up has changed since these pushes were authenticated and parsed: do both again."""


Result = list[Outcome] | errors.TurnoutError | StaleConfiguration
