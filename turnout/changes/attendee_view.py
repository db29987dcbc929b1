"""The attendee as shown: names instead of numbers, and of each value where it came from. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from turnout.changes import shown
from turnout.model.attendee import PROFILE_FIELDS, Attendee, FieldValue, Said, UnknownValue
from turnout.model.change import Change, Entry
from turnout.model.event import Configuration
from turnout.model.source import PEOPLE
from turnout.now import as_text

SHOWN_FIELDS = tuple(field for field in PROFILE_FIELDS if field != "email")
"""The 21 fields of the profile; the address stands outside."""


class Origin(msgspec.Struct, frozen=True):
    """Why a value is what it is: the change that set it, and what it was before."""

    sequence: int
    push: str | None
    source: str
    at: str | None
    """None where the line of the log is gone."""
    old: Any


class Origins(msgspec.Struct, frozen=True, rename="camel"):
    """Of everything that ever was set, also of what was cleared since."""

    profile: dict[str, Origin]
    custom_fields: dict[str, Origin]
    groups: dict[str, list[str]]
    """The sources that put the attendee in."""
    unknown_fields: dict[str, Origin]


class AttendeeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The attendee as the command line, the read API and exports write it."""

    id: str
    email: str | None
    """None where it is not shown to whoever asks."""
    status: str
    profile: dict[str, str | None]
    """Each of the 21 fields that is shown; None when unset."""
    custom_fields: dict[str, FieldValue]
    groups: list[str]
    unknown_fields: dict[str, UnknownValue]
    pinned: list[str]
    """Paths that pushes do not change (C7)."""
    aliases: list[str]
    """The addresses that he had before, and those of attendees who were merged into him."""
    created_at: str
    updated_at: str
    origins: Origins | UnsetType = UNSET


def view(attendee: Attendee, configuration: Configuration, *, origins: Origins | UnsetType = UNSET) -> AttendeeView:
    """The attendee in names."""
    spell_field, spell_group = configuration.custom_fields.spell, configuration.groups.spell
    return AttendeeView(
        id=attendee.id,
        email=attendee.email,
        status=attendee.status,
        profile={field: _value(attendee.profile.get(field)) for field in SHOWN_FIELDS},
        custom_fields={
            spell_field(number): said.value for number, said in attendee.custom_fields.items() if said.value is not None
        },
        groups=[spell_group(number) for number in attendee.group_numbers()],
        unknown_fields={path: said.value for path, said in attendee.unknown_fields.items() if said.value is not None},
        pinned=[shown.spell_field(key, configuration.custom_fields) for key in attendee.pins],
        aliases=attendee.aliases,
        created_at=as_text(attendee.created_at),
        updated_at=as_text(attendee.updated_at),
        origins=origins,
    )


def list_origin_sequences(attendee: Attendee) -> list[int]:
    """The changes that `explain` needs, sorted."""
    values = (*attendee.profile.values(), *attendee.custom_fields.values(), *attendee.unknown_fields.values())
    return sorted({said.sequence for said in values if said.sequence})


def explain(attendee: Attendee, changes: Mapping[int, Change], configuration: Configuration) -> Origins:
    """Where each value came from. `changes` are those of `list_origin_sequences`, by sequence."""
    spell_field, spell_group = configuration.custom_fields.spell, configuration.groups.spell
    names = {number: source.name for number, source in configuration.sources.items()}
    return Origins(
        profile={
            field: _origin(attendee.profile[field], "profile", field, changes, names)
            for field in PROFILE_FIELDS
            if field in attendee.profile and attendee.profile[field].sequence
        },
        custom_fields={
            spell_field(number): _origin(said, "custom_field", number, changes, names)
            for number, said in attendee.custom_fields.items()
            if said.sequence
        },
        groups={
            spell_group(group): list_sources_of(attendee, group, configuration)
            + ([names[PEOPLE]] if _do_people_say_so(attendee, group) else [])
            for group in attendee.group_numbers()
        },
        unknown_fields={
            path: _origin(said, "unknown_field", path, changes, names)
            for path, said in attendee.unknown_fields.items()
            if said.sequence
        },
    )


def list_sources_of(attendee: Attendee, group: int, configuration: Configuration) -> list[str]:
    """The sources that put the attendee in this group, also where people hold it otherwise."""
    return [
        configuration.sources[source].name
        for source, part in sorted(attendee.parts.items())
        if part.groups is not None and group in part.groups.value and source != PEOPLE
    ]


def _origin(
    said: Said[Any], what: str, key: str | int, changes: Mapping[int, Change], names: Mapping[int, str]
) -> Origin:
    change = changes.get(said.sequence)
    entry = None if change is None else _find_entry(change.entries, what, key)
    return Origin(
        sequence=said.sequence,
        push=None if change is None else change.push_id,
        source=names[said.source],
        at=None if change is None else as_text(change.at),
        old=None if entry is None else entry.old,
    )


def _do_people_say_so(attendee: Attendee, group: int) -> bool:
    part = attendee.parts.get(PEOPLE)
    return attendee.held.get(group, False) or (
        part is not None and part.groups is not None and group in part.groups.value
    )


def _find_entry(entries: Sequence[Entry], what: str, key: str | int) -> Entry | None:
    return next((entry for entry in entries if entry.what == what and entry.key == key), None)


def _value(said: Said[str | None] | None) -> str | None:
    return None if said is None else said.value
