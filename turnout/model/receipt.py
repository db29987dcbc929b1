"""The receipt and its parts: what became of a push, in the words of the answer (D1–D3)."""

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType


class Warning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was odd but kept."""

    path: str
    """In the sender's own notation."""
    code: str
    message: str
    suggestion: str | UnsetType = UNSET
    """The path that was probably meant."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason why a push failed."""

    path: str
    """In the sender's own notation; empty where it is the body as a whole."""
    code: str
    message: str
    help: str
    """What to do now."""
    index: int | UnsetType = UNSET
    """The item of an atomic batch that it belongs to (E2)."""


class PathChange(msgspec.Struct, frozen=True, rename="camel"):
    """One changed path, old and new."""

    path: str
    field_name: str | UnsetType = UNSET
    """Of `profile.customFields`: which one."""
    old: Any | UnsetType = UNSET
    new: Any = None
    old_hidden: bool | UnsetType = UNSET
    """Present where another source set the old value, which is then left out (D1)."""


class AttendeeReference(msgspec.Struct, frozen=True):
    id: str | None
    """None where a dry run would have created the attendee."""
    email: str


MAX_LISTED = 100
"""Errors and warnings in one answer; the others are counted (D3)."""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a push failed: the parts of its problem document that are its own (D3)."""

    code: str
    detail: str
    errors: list[Problem]
    """The first hundred."""
    more_errors: int = 0
    is_batch: bool = False
    """Whether this is a whole batch, kept as one push because nothing in it could be read (E1)."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one push; kept as it is where the answer may be asked for again (D6)."""

    push_id: str
    result: Literal["created", "updated", "unchanged", "suppressed", "failed"]
    attendee: AttendeeReference | None = None
    sequence: int | None = None
    changes: list[PathChange] = []
    """As the push's source may see them (D1)."""
    warnings: list[Warning] = []
    """The first hundred."""
    more_warnings: int = 0
    failure: Failure | None = None
    dry_run: bool = False


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of a 200."""

    id: str
    """Of the push."""
    result: str
    attendee: AttendeeReference | None
    sequence: int | None
    """Of the change in the event's log; null when nothing changed."""
    changes: list[PathChange] | UnsetType = UNSET
    """Missing with `Prefer: return=minimal`."""
    warnings: list[Warning] = []
    more_warnings: int | UnsetType = UNSET
    dry_run: bool | UnsetType = UNSET
    index: int | UnsetType = UNSET
    """Of a batch's item."""


CompletedCode: TypeAlias = Literal["items_failed", "too_many_withdrawals", "withdraw_differs"]


class Completed(msgspec.Struct, frozen=True, rename="camel"):
    """What became of those whom a complete batch did not name (E4)."""

    done: bool
    code: CompletedCode | UnsetType = UNSET
    """Why nobody was withdrawn."""
    would_withdraw: int | UnsetType = UNSET
    names: list[str] | UnsetType = UNSET
    """The first hundred: addresses, or the source's own ids where it never said the address itself (D1)."""
    help: str | UnsetType = UNSET
    """What to do now."""


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of every error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    id: str | None = None
    """Of the push, where it was kept."""
    errors: list[Problem] = []
    more_errors: int | UnsetType = UNSET
    index: int | UnsetType = UNSET
