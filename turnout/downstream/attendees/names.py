"""`GET {gateway}/groups` and `/custom-fields`: the names that the event has seen, as far as the reader sees them."""

import asyncio
from collections.abc import Iterable

import msgspec

from turnout.downstream.attendees.answers import answer_json
from turnout.downstream.attendees.room import Room, configuration_of
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.receipt import Answer
from turnout.model.age import Age
from turnout.model.names import Name
from turnout.now import as_text
from turnout.store import attendees


class NameView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A group or a custom field."""

    id: str
    name: str
    created_at: str
    members: int | msgspec.UnsetType = msgspec.UNSET
    """How many are in the group, withdrawn ones too."""


async def list_groups(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` does, and InvalidRequest."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters((), only=True)
    groups, age = await asyncio.to_thread(_list_groups, room, reader)
    return answer_json(asked, {"groups": groups}, age=age)


async def list_custom_fields(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` does, and InvalidRequest."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters((), only=True)
    fields = _in_order(reader.configuration.custom_fields.by_number.values())
    shown = [_view(field) for field in fields if reader.limits.shows(field.number)]
    return answer_json(asked, {"customFields": shown})


def _list_groups(room: Room, reader: Reader) -> tuple[list[NameView], Age | None]:
    limited = reader.limits.groups
    with room.database.read_replica() as connection:
        age = room.database.age_of(connection)
        configuration = configuration_of(room, connection, reader)
        counts = attendees.count_members(connection, configuration.event.id)
    shown = [
        _view(group, counts.get(group.number, 0))
        for group in _in_order(configuration.groups.by_number.values())
        if limited is None or group.number in limited
    ]
    return shown, age


def _in_order(names: Iterable[Name]) -> list[Name]:
    """As the event came to know them."""
    return sorted(names, key=lambda one: one.number)


def _view(name: Name, members: int | msgspec.UnsetType = msgspec.UNSET) -> NameView:
    return NameView(id=name.id, name=name.name, created_at=as_text(name.created_at), members=members)
