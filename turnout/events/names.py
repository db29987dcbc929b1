"""The names of custom fields and groups: renamed, and groups kept for staff (C4, C5)."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from turnout.changes.listing import facets
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events.setup import SetUp, changing
from turnout.feed.commit import log_event_change
from turnout.model.change import Entry
from turnout.model.event import Configuration
from turnout.model.names import Name, Names, fold_case
from turnout.store import events, listing
from turnout.store.database import Database

NameKind = Literal["custom_field", "group"]
MAX_NAME = 255
MAX_LOOKED_AT = 200_000
"""Rows of the list index in one count of fields, however many fields: a quarter of a second."""


def names_of(configuration: Configuration, kind: NameKind) -> Names:
    return configuration.groups if kind == "group" else configuration.custom_fields


class Count(msgspec.Struct, frozen=True):
    """How many people have a value in a custom field."""

    people: int
    is_all: bool
    """Whether all were counted; else there are at least so many."""


def count_with_fields(database: Database, event_id: str, numbers: Sequence[int]) -> dict[int, Count]:
    """Of each of these custom fields, as the list index has it: withdrawn people too. Raises StorageUnavailable."""
    if not numbers:
        return {}
    most = MAX_LOOKED_AT // len(numbers) // len(facets.STATUSES)
    counts = {}
    with database.read() as connection:
        for number in numbers:
            # Nobody has two statuses.
            of_each = [
                listing.count_people(connection, event_id, *facets.with_any_value(status, number), most)
                for status in facets.STATUSES
            ]
            counts[number] = Count(sum(people for people, _ in of_each), all(is_all for _, is_all in of_each))
    return counts


def rename(database: Database, event_id: str, kind: NameKind, old: str, new: str, *, actor: str | None = None) -> Name:
    """The custom field or group under its new name; the former one goes on matching.

    Raises NotFound, InvalidRequest, and Conflict where another one has, or had, the name.
    """
    new = new.strip()
    if not new or len(new) > MAX_NAME:
        raise InvalidRequest(f"A name has 1 to {MAX_NAME} characters.")
    with changing(database, event_id) as held:
        name = _get(held, kind, old)
        names = names_of(held.configuration, kind)
        other = names.find(new)
        if other is not None and other.number != name.number:
            raise Conflict(f"{other.name!r} has, or had, the name {new!r}.")
        renamed = msgspec.structs.replace(name, name=new)
        if renamed != name:
            events.update_name(held.connection, event_id, kind, renamed)
            if other is None:
                events.add_spellings(held.connection, event_id, kind, [(name.number, fold_case(new))])
            what, line = ("group_name", "group_renamed") if kind == "group" else ("custom_field_name", "field_renamed")
            entry = Entry(what, name.number, name.name, new)
            log_event_change(held.connection, held.clock, line, [entry], actor=actor)
        return renamed


def set_staff_only(
    database: Database, event_id: str, group: str, staff_only: bool, *, actor: str | None = None
) -> Name:
    """The group, from now on touched by staff alone, or by pushes again. Raises NotFound."""
    with changing(database, event_id) as held:
        name = _get(held, "group", group)
        changed = msgspec.structs.replace(name, staff_only=staff_only)
        if changed != name:
            events.update_name(held.connection, event_id, "group", changed)
            entry = Entry("setting", f"groups.{name.name}.staff_only", name.staff_only, staff_only)
            log_event_change(held.connection, held.clock, "setting_changed", [entry], actor=actor)
        return changed


def _get(held: SetUp, kind: NameKind, spelling: str) -> Name:
    name = names_of(held.configuration, kind).find(spelling)
    if name is None:
        what = "group" if kind == "group" else "custom field"
        raise NotFound(f"The event {held.configuration.event.slug} has no {what} {spelling!r}.")
    return name
