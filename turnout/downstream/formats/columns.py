"""The columns of a table of attendees, named as a push names them so that it can be pushed again. Pure."""

from collections.abc import Iterable, Iterator

import msgspec

from turnout.changes.attendee_view import SHOWN_FIELDS, AttendeeView
from turnout.changes.shown import CUSTOM_FIELDS_PATH, GROUPS_PATH
from turnout.downstream.limits import Limits
from turnout.feed.batch.csv.columns import read_columns
from turnout.feed.batch.csv.exported import ALIASES_COLUMN, STATUS_COLUMN, as_cell, as_list_cell
from turnout.model.event import Configuration


class CustomColumn(msgspec.Struct, frozen=True):
    """A custom field's place in the table."""

    name: str
    place: int | None
    """None where a header of the name alone leads to the field; else there is a column for the name beside it."""


class Columns(msgspec.Struct, frozen=True):
    """What each row has, for one reader at one moment."""

    has_email: bool
    fields: tuple[str, ...]
    """Of the 21."""
    custom_fields: tuple[CustomColumn, ...]
    """In the order in which the event learnt of them."""
    time_zone: str
    """The event's, for formats that hold times and not texts."""

    def list_names(self) -> list[str]:
        """The header: flat paths of a push, and names for what is no push's."""
        return [
            "id",
            *(["profile.email"] if self.has_email else []),
            STATUS_COLUMN,
            *(f"profile.{field}" for field in self.fields),
            GROUPS_PATH,
            *(name for column in self.custom_fields for name in _list_names(column)),
            *([ALIASES_COLUMN] if self.has_email else []),
            "createdAt",
            "updatedAt",
        ]

    def list_cells(self, attendee: AttendeeView) -> list[str]:
        """Its row; blank where there is nothing. The last two are times, as text in UTC."""
        profile, values = attendee.profile, attendee.custom_fields
        cells = (
            [attendee.id, attendee.email or "", attendee.status] if self.has_email else [attendee.id, attendee.status]
        )
        cells += [profile[field] or "" for field in self.fields]
        cells.append(as_list_cell(attendee.groups))
        for column in self.custom_fields:
            value = values.get(column.name)
            if column.place is not None:
                cells.append("" if value is None else column.name)
            cells.append("" if value is None else as_cell(value))
        if self.has_email:
            cells.append(as_list_cell(attendee.aliases))
        cells += (attendee.created_at, attendee.updated_at)
        return cells


def list_columns(configuration: Configuration, limits: Limits) -> Columns:
    """The columns that whoever is limited so may see. To choose fields narrow the limits."""
    names = configuration.custom_fields.by_number
    return Columns(
        has_email=limits.shows("email"),
        fields=tuple(field for field in SHOWN_FIELDS if limits.shows(field)),
        custom_fields=tuple(_place(name.name for number, name in sorted(names.items()) if limits.shows(number))),
        time_zone=configuration.event.time_zone,
    )


def _place(names: Iterable[str]) -> Iterator[CustomColumn]:
    places = 0
    for name in names:
        (column,) = read_columns([f"{CUSTOM_FIELDS_PATH}.{name}"])
        # "2. Choice" would be read as a path.
        is_plain = column.beside is not None and column.beside[1] == name
        yield CustomColumn(name, None if is_plain else places)
        places += not is_plain


def _list_names(column: CustomColumn) -> tuple[str, ...]:
    if column.place is None:
        return (f"{CUSTOM_FIELDS_PATH}.{column.name}",)
    entry = f"{CUSTOM_FIELDS_PATH}[{column.place}]"
    return f"{entry}.fieldName", f"{entry}.fieldValue"
