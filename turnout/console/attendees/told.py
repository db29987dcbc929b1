"""What an attendee's page says of each value: what it is, who said so, and why it stays. Pure."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from turnout.console.attendees.names import FIELD_LABELS, UNKNOWN
from turnout.downstream.attendees.explained import FieldKind, FieldTold, PersonTold
from turnout.feed.parse.values import read_time
from turnout.model.source import PEOPLE

APART_US = 2 * 1_000_000
"""A time at which something was true that is no farther from its arrival is that of its arrival."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One field as the visitor may see it."""

    kind: FieldKind
    id: str
    """Of its line on the page, the same whenever that is shown: so that what is open there stays open."""
    label: str
    value: Any = None
    is_hidden: bool
    """That there is something is all that the visitor may know."""
    is_set: bool
    """Whether it ever had a value."""
    is_empty: bool
    """Whether it has none now, or never had."""
    is_new: bool = False
    """Whether it came while the visitor was looking."""
    is_pinned: bool
    has_origin: bool = False
    """Whether it is known which change made it so."""
    source: str = ""
    """Empty where a person said so, and where it never was set."""
    actor: str | None = None
    """Who acted, or pushed by hand."""
    at: int | None = None
    """None where the line of the log is gone."""
    push: str | None = None
    old: Any = None
    observed_at: int | None = None
    """When it was true, where that was before it came …"""
    confirmed_at: int | None = None
    """… or when it was said to be so once more, later."""

    came_at: int | None = None
    """When it came, where a person let it take effect later: by a replay …"""
    was_rehearsed: bool = False
    """… of what came while its source rehearsed."""

    @property
    def is_true_as_it_came(self) -> bool:
        """Whether the time at which it was true is that of its arrival, and nobody's word."""
        came_at, true_at = self.came_at, self.observed_at
        return came_at is not None and true_at is not None and abs(came_at - true_at) <= APART_US

    @property
    def who(self) -> str:
        """A source, a person, or a person for a source."""
        if not self.source:
            return self.actor or "staff"
        if self.came_at is not None:
            return self.source
        return f"{self.source} ({self.actor})" if self.actor else self.source


class Values(msgspec.Struct, frozen=True):
    """All of them, by where they stand on the page."""

    profile: list[Value]
    """Those of the 22 that ever were set."""
    unset: list[str]
    """What the others are called."""
    custom: list[Value]
    unknown: list[Value]

    def list_new(self) -> Iterator[str]:
        """What those are called that came while the visitor was looking."""
        for value in (*self.profile, *self.custom, *self.unknown):
            if value.is_new:
                yield value.label


def tell_values(told: PersonTold, *, shows: bool, since: int) -> Values:
    """Without `shows` no value is among them. What the log has behind line `since` is new."""
    found = [_tell(field, place, told, shows=shows, since=since) for place, field in enumerate(told.fields)]
    return Values(
        profile=[value for value in found if value.kind == "profile" and value.is_set],
        unset=[value.label for value in found if value.kind == "profile" and not value.is_set],
        custom=[value for value in found if value.kind == "custom" and value.is_set],
        unknown=[value for value in found if value.kind == "unknown" and value.is_set],
    )


def _tell(field: FieldTold, place: int, told: PersonTold, *, shows: bool, since: int) -> Value:
    origin = field.origin
    begun = Value(
        kind=field.kind,
        id=f"known-{place}" if field.kind == "unknown" and not shows else _make_id(field),
        label=_label(field, shows=shows),
        value=field.value if shows else None,
        is_hidden=not shows,
        is_set=origin is not None or field.value is not None or field.is_pinned,
        is_empty=field.value is None,
        is_pinned=field.is_pinned,
    )
    if origin is None:
        return begun
    people = told.configuration.sources.get(PEOPLE)
    is_by_people = people is not None and origin.source == people.name
    at = None if origin.at is None else read_time(origin.at)
    true_at = None if field.true_at is None else read_time(field.true_at)
    original = None if is_by_people else told.originals.get(origin.push or "")
    apart = 0 if at is None or true_at is None else true_at - at
    return msgspec.structs.replace(
        begun,
        is_new=origin.sequence > since,
        has_origin=True,
        source="" if is_by_people else origin.source,
        actor=told.actors.get(origin.sequence),
        at=at,
        push=origin.push,
        old=origin.old if shows else None,
        came_at=None if original is None else original.at,
        was_rehearsed=original is not None and original.rehearsed,
        observed_at=true_at if apart < -APART_US else None,
        confirmed_at=true_at if apart > APART_US else None,
    )


def _label(field: FieldTold, *, shows: bool) -> str:
    if field.kind == "profile":
        return FIELD_LABELS.get(field.name, field.name)
    return field.name if shows or field.kind == "custom" else UNKNOWN


def _make_id(field: FieldTold) -> str:
    # Names of fields may hold anything.
    return f"known-{hashlib.sha256(field.path.encode()).hexdigest()[:16]}"
