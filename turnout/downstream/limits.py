"""What a read key or a webhook is limited to: whom it sees, and what of them. Pure."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from turnout.changes import attendee_view
from turnout.changes.attendee_view import AttendeeView, Origins
from turnout.changes.fields import find_field
from turnout.changes.shown import CUSTOM_FIELDS_PATH, GROUPS_PATH
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.model.key import Key
from turnout.model.receipt import PathChange


class Limits(msgspec.Struct, frozen=True):
    """Without any, everybody and everything is seen."""

    groups: frozenset[int] | None = None
    """Only who is in one of these, by number; of other groups nothing is said."""
    fields: frozenset[str | int] | None = None
    """Only these fields: names of the profile's, `email` among them, and numbers of custom fields."""

    is_wish: bool = False
    """Whether they are only what somebody without limits has asked for."""

    @property
    def shows_actors(self) -> bool:
        """Whether who acted is told: the addresses of staff, which are not for whoever sees a part of the event."""
        return self.is_wish or (self.groups is None and self.fields is None)

    def sees(self, attendee: Attendee | None) -> bool:
        """Whether somebody in this state is among those that are seen."""
        return attendee is not None and (self.groups is None or not self.groups.isdisjoint(attendee.group_numbers()))

    def shows(self, field: str | int) -> bool:
        """Whether the value of a field is shown, by its name or its custom field's number."""
        return self.fields is None or field in self.fields


EVERYTHING = Limits()


def of_key(key: Key) -> Limits:
    return Limits(
        None if key.groups is None else frozenset(key.groups), None if key.fields is None else frozenset(key.fields)
    )


def of_names(configuration: Configuration, groups: Iterable[str] | None, fields: Iterable[str] | None) -> Limits:
    """The limits that names mean in this event; those that it does not have mean nobody and nothing."""
    found_groups = None
    if groups is not None:
        found_groups = frozenset(group.number for name in groups if (group := configuration.groups.find(name)))
    found_fields = None
    if fields is not None:
        found_fields = frozenset(field for name in fields if (field := find_field(configuration, name)) is not None)
    return Limits(found_groups, found_fields)


def view(
    attendee: Attendee, configuration: Configuration, limits: Limits, *, origins: Origins | None = None
) -> AttendeeView:
    """The attendee as far as it is shown: fields that are not, are left out; a hidden address is None."""
    shown = attendee_view.view(attendee, configuration, origins=UNSET if origins is None else origins)
    if limits.groups is not None:
        groups = _names_seen(shown.groups, configuration, limits)
        shown = msgspec.structs.replace(shown, groups=groups)
        if origins is not None:
            seen = {name: sources for name, sources in origins.groups.items() if name in groups}
            origins = msgspec.structs.replace(origins, groups=seen)
            shown = msgspec.structs.replace(shown, origins=origins)
    if limits.fields is None:
        return shown
    names = {configuration.custom_fields.spell(field) for field in limits.fields if isinstance(field, int)}
    paths = {f"profile.{field}" for field in limits.fields} | {f"{CUSTOM_FIELDS_PATH}.{name}" for name in names}
    return msgspec.structs.replace(
        shown,
        email=shown.email if "email" in limits.fields else None,
        profile={field: value for field, value in shown.profile.items() if field in limits.fields},
        custom_fields={name: value for name, value in shown.custom_fields.items() if name in names},
        unknown_fields={},
        pinned=[path for path in shown.pinned if path in paths],
        aliases=shown.aliases if "email" in limits.fields else [],
        origins=shown.origins if origins is None else _origins_seen(origins, names, limits),
    )


def changes_seen(changes: Iterable[PathChange], configuration: Configuration, limits: Limits) -> list[PathChange]:
    """The changed paths as far as they are shown."""
    seen = (_change_seen(change, configuration, limits) for change in changes)
    return [change for change in seen if change is not None]


def _change_seen(change: PathChange, configuration: Configuration, limits: Limits) -> PathChange | None:
    if change.path == GROUPS_PATH:
        if limits.groups is None:
            return change
        old, new = (_names_seen(names, configuration, limits) for names in (change.old or [], change.new or []))
        return None if old == new else msgspec.structs.replace(change, old=old, new=new)
    if limits.fields is None or change.path in ("status", "mergedInto"):
        return change
    if change.path == CUSTOM_FIELDS_PATH:
        field = configuration.custom_fields.find(change.field_name or "")
        return change if field is not None and field.number in limits.fields else None
    return change if change.path.removeprefix("profile.") in limits.fields else None


def _names_seen(names: Iterable[str], configuration: Configuration, limits: Limits) -> list[str]:
    if limits.groups is None:
        return list(names)
    seen = {configuration.groups.spell(number) for number in limits.groups if number in configuration.groups.by_number}
    return [name for name in names if name in seen]


def _origins_seen(origins: Origins, custom_fields: set[str], limits: Limits) -> Origins:
    return Origins(
        profile={field: origin for field, origin in origins.profile.items() if limits.shows(field)},
        custom_fields={name: origin for name, origin in origins.custom_fields.items() if name in custom_fields},
        groups=origins.groups,
        unknown_fields={},
    )
