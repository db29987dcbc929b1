"""The change: a line of an event's log, what one push altered in one attendee."""

from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal[
    "created",
    "updated",
    "withdrawn",
    "returned",
    "merged",
    "erased",
    "group_renamed",
    "field_renamed",
    "setting_changed",
]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One thing that moved. With all entries of all lines in their order the state can be built again."""

    what: Literal[
        "profile",
        "custom_field",
        "unknown_field",
        "groups",
        "status",
        "part_groups",
        "part_expects",
        "part_id",
        "part_more_ids",
        "aliases",
        "pin",
        "held",
        "removed",
        "absorbed",
        "merged_into",
        "group_name",
        "custom_field_name",
        "setting",
    ]
    """`part_…` is what one source says; `groups` and `status` are what follows from all of them, and what people see.

    `pin` and `held` tell of one field or group whether, and how, a person holds it.

    The last three are of lines that concern the event itself.
    """
    key: str | int | None
    """The field's name or number, the path, the source's or group's number; None where there is only one."""
    old: Any
    new: Any
    old_source: int | None = None
    """The source that had set the old value; None where there was none."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log. Source, actor, time and old values stay when the push's body is gone."""

    sequence: int
    """1, 2, 3 … in the event, without gaps, in the order in which changes took effect (C8)."""
    kind: Kind
    at: int
    """Never before the line above."""
    attendee_id: str | None
    """None for what concerns the event itself."""
    email: str | None
    push_id: str | None
    source_number: int | None
    actor: str | None
    true_at: int
    """When what it says was true: `observedAt`, else `at` (D7)."""
    entries: list[Entry]
    previous: int | None = None
    """The attendee's line before; None of a first one, and for what concerns the event itself."""
