"""The push: one statement about one attendee, and what is kept of it."""

from typing import Literal

import msgspec

from turnout.model.attendee import FieldValue, UnknownValue
from turnout.model.receipt import Failure, Warning


class SaidField(msgspec.Struct, frozen=True):
    """A custom field as a push names it. A value of None keeps, `""` clears (C2–C4)."""

    path: str
    """Where it stands in the sender's notation."""
    name: str
    value: FieldValue | None


class SaidGroup(msgspec.Struct, frozen=True):
    """A group as a push names it, and where."""

    path: str
    name: str


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """What a body says, read (B), not yet judged (C): null and blank still stand as they came."""

    email: str
    profile: dict[str, str | None] = {}
    """What was provided of the other 21 fields: text, `""` for blank, None for null."""
    custom_fields: tuple[SaidField, ...] = ()
    groups: tuple[SaidGroup, ...] | None = None
    """None when the list was not provided, empty when it was `[]` (C5)."""
    attending: bool | None = None
    clear_profile: tuple[str, ...] = ()
    """Fields to empty whatever the policy (C3)."""
    clear_custom_fields: tuple[str, ...] = ()
    observed_at: int | None = None
    """Microseconds since 1970; None when the sender did not say (D7)."""
    unknown_fields: dict[str, UnknownValue] = {}
    """By path; values that came as null are left out (B5)."""
    spelled: dict[str, str] = {}
    """The sender's own notation of a path, where it differs from ours."""
    warnings: tuple[Warning, ...] = ()
    more_warnings: int = 0
    """How many there were besides (D3)."""

    def spell(self, path: str) -> str:
        return self.spelled.get(path, path)


class StoredPush(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the push log: what came, and what became of it."""

    id: str
    event_id: str
    at: int
    source_number: int
    key_id: str | None
    actor: str | None
    result: Literal["created", "updated", "unchanged", "suppressed", "failed"]
    dry_run: bool
    email: str | None
    """As the sender wrote it; None where the body could not be read."""
    attendee_id: str | None
    sequence: int | None
    """Of the change that it made; None when it made none."""
    observed_at: int | None
    replay_of: str | None
    repeats: int
    """How often the same was said again since, without effect."""
    last_at: int
    """When it was said last."""
    warnings: list[Warning] = []
    """The first hundred."""
    more_warnings: int = 0
    rehearsed: bool = False
    """It came while its source was rehearsing: without effect as a dry run, but with its body (A7)."""
    failure: Failure | None = None
