"""`GET {gateway}/attendees/{id or e-mail}`: one attendee, whatever his status, which is shown."""

import asyncio
from contextlib import nullcontext

from turnout import errors
from turnout.changes.attendee_view import AttendeeView
from turnout.downstream import limits as limiting
from turnout.downstream.attendees.answers import answer_json
from turnout.downstream.attendees.origins import read_origins
from turnout.downstream.attendees.query import expect_shown, read_fields
from turnout.downstream.attendees.room import Room, configuration_of
from turnout.downstream.limits import Limits
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.acts.scene import get_attendee
from turnout.feed.gateway import Asked
from turnout.feed.receipt import Answer
from turnout.feed.settle.identify import holders_of
from turnout.model.attendee import Attendee
from turnout.model.names import fold_case
from turnout.store import attendees
from turnout.store.statements import Connection

MAX_IDS_NAMED = 10


async def show_attendee(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` and `get_person` do, InvalidRequest and QueueFull."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters(("explain", "fields"), only=True, repeatable=("fields",))
    explain = asked.head.boolean("explain")
    # One attendee is found at once; his whole history may have to be walked through.
    async with room.turns.taken() if explain else nullcontext():
        return answer_json(asked, await asyncio.to_thread(_show, room, asked, reader, explain=explain))


def _show(room: Room, asked: Asked, reader: Reader, *, explain: bool) -> AttendeeView:
    event_id = reader.configuration.event.id
    shown = read_fields(asked.head, reader.configuration, reader.limits)
    with room.database.read() as connection:
        configuration = configuration_of(room, connection, reader)
        attendee = get_person(connection, event_id, asked.what, reader.limits)
        if not explain:
            return limiting.view(attendee, configuration, shown)
        origins = read_origins(connection, configuration, attendee, reader.limits)
    return limiting.view(attendee, configuration, shown, origins=origins)


def get_person(connection: Connection, event_id: str, reference: str, limits: Limits) -> Attendee:
    """The one attendee whom this reader means by an address or an id.

    Raises NotFound, also for somebody whom he does not see; HiddenField where he sees no addresses, whoever has it;
    SharedAddress where several have it.
    """
    found = list_people(connection, event_id, reference, limits)
    if not found:
        raise errors.NotFound("There is nobody with this address or id.")
    if len(found) > 1:
        ids = ", ".join(one.id for one in found[:MAX_IDS_NAMED])
        raise errors.SharedAddress(f"{len(found)} people have this address. Say which by the id: {ids}.")
    return found[0]


def list_people(connection: Connection, event_id: str, reference: str, limits: Limits) -> list[Attendee]:
    """Those of whom this may be the id or the address, and whom the reader sees; the ones kept, where merged.

    Who has the address now, else who had it (C1). Raises HiddenField.
    """
    reference = reference.strip()
    if is_id(reference):
        try:
            found = [get_attendee(connection, event_id, reference)]
        except errors.NotFound:
            found = []
    else:
        expect_shown(limits, "email")
        address = fold_case(reference)
        found = holders_of(address, attendees.list_by_address(connection, event_id, address))
    return [one for one in found if limits.sees(one)]


def is_id(reference: str) -> bool:
    return reference.startswith("att_") and "@" not in reference
