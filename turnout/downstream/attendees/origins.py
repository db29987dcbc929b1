"""Where each value of one attendee is from, as far as a reader could see it come: what `explain=true` adds."""

from typing import Any, TypeVar

import msgspec

from turnout.changes import attendee_view
from turnout.changes.attendee_view import Origins
from turnout.downstream.attendees.past import find_entrance
from turnout.downstream.limits import Limits
from turnout.model.attendee import Attendee, Said
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.store import changes
from turnout.store.statements import Connection

Key = TypeVar("Key", str, int)


def read_origins(connection: Connection, configuration: Configuration, attendee: Attendee, limits: Limits) -> Origins:
    """Of everything that ever was set; which fields of it are shown `limits.view` says.

    A reader who is limited to groups is told what he would know had he followed the log (`line_view.see`): what was
    set while he did not see the attendee is from the line by which he came to see him, and was nothing before.
    """
    event_id = configuration.event.id
    sequences = attendee_view.list_origin_sequences(attendee)
    lines = changes.find_changes(connection, event_id, sequences)
    if limits.groups is not None and sequences:
        entrance = find_entrance(connection, event_id, attendee, limits, least=sequences[0])
        if entrance is not None:
            attendee = _see_come(attendee, entrance)
            # What the line says itself is of what the reader saw before it: nothing.
            lines[entrance.sequence] = msgspec.structs.replace(entrance, entries=[])
    return attendee_view.explain(attendee, lines, configuration)


def _see_come(attendee: Attendee, entrance: Change) -> Attendee:
    return msgspec.structs.replace(
        attendee,
        profile=_move(attendee.profile, entrance),
        custom_fields=_move(attendee.custom_fields, entrance),
        unknown_fields=_move(attendee.unknown_fields, entrance),
    )


def _move(values: dict[Key, Said[Any]], entrance: Change) -> dict[Key, Said[Any]]:
    """The values with those that are older set by the entrance; what was cleared before it never was."""
    source = entrance.source_number or 0
    return {
        key: said
        if said.sequence > entrance.sequence
        else msgspec.structs.replace(said, sequence=entrance.sequence, source=source)
        for key, said in values.items()
        if said.sequence > entrance.sequence or said.value is not None
    }
