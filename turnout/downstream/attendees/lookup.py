"""`POST {gateway}/attendees/lookup`: attendees by addresses or ids that stand in the body, and so in no log."""

import asyncio
from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.changes.attendee_view import AttendeeView
from turnout.downstream import limits as limiting
from turnout.downstream.attendees.answers import KEPT
from turnout.downstream.attendees.person import is_id, list_people
from turnout.downstream.attendees.query import expect_no_zero, expect_shown, read_fields
from turnout.downstream.attendees.room import Room, configuration_of
from turnout.downstream.body import read_body, read_wish_from
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.receipt import JSON, Answer
from turnout.model.attendee import Attendee

MAX_LOOKED_UP = 100
MAX_BODY_BYTES = 64 * 1024
MAX_FOUND = 1_000
"""Several people may share an address (C6)."""
MAX_REFERENCE = 400
"""Characters."""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    email: str | None = None
    emails: list[str] = []
    id: str | None = None
    ids: list[str] = []


class FoundView(msgspec.Struct, frozen=True, rename="camel"):
    """The answer's body."""

    attendees: list[AttendeeView]
    """In the order asked for, each once."""
    not_found: list[str]
    """What was asked for, and leads to nobody whom the reader sees."""


async def look_up(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` does, MalformedBody, InvalidRequest and HiddenField."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters(("fields",), only=True, repeatable=("fields",))
    references = _read_references(await read_body(asked, MAX_BODY_BYTES))
    if not all(map(is_id, references)):
        expect_shown(reader.limits, "email", "emails")
    found = await asyncio.to_thread(_look_up, room, asked, reader, references)
    return Answer(200, msgspec.json.encode(found), (JSON, *KEPT))


def _read_references(body: bytes) -> list[str]:
    wanted = read_wish_from(body, Wanted, '{"emails": ["john.doe@example.com"], "ids": ["att_…"]}')
    addresses = [*([wanted.email] if wanted.email is not None else []), *wanted.emails]
    ids = [*([wanted.id] if wanted.id is not None else []), *wanted.ids]
    if not addresses and not ids:
        raise errors.InvalidRequest('Say who is looked for: {"email": "…"}, {"emails": ["…"]} or {"ids": ["att_…"]}.')
    if len(addresses) + len(ids) > MAX_LOOKED_UP:
        raise errors.InvalidRequest(f"At most {MAX_LOOKED_UP} are looked up at once.")
    if any(len(one) > MAX_REFERENCE for one in (*addresses, *ids)):
        raise errors.InvalidRequest(f"An address or an id has at most {MAX_REFERENCE} characters.")
    for one in (*addresses, *ids):
        expect_no_zero("An address or an id", one)
    if wrong := [one for one in ids if not is_id(one.strip())]:
        raise errors.InvalidRequest(
            f"{len(wrong)} of the ids do not begin with att_. Addresses go into emails.", path="ids"
        )
    return [*addresses, *ids]


def _look_up(room: Room, asked: Asked, reader: Reader, references: Sequence[str]) -> FoundView:
    event_id = reader.configuration.event.id
    shown = read_fields(asked.head, reader.configuration, reader.limits)
    found: dict[str, Attendee] = {}
    missing = []
    with room.database.read() as connection:
        configuration = configuration_of(room, connection, reader)
        for reference in dict.fromkeys(references):
            people = list_people(connection, event_id, reference, reader.limits)
            found.update((one.id, one) for one in people)
            if not people:
                missing.append(reference)
            if len(found) > MAX_FOUND:
                raise errors.InvalidRequest(f"More than {MAX_FOUND} people have these addresses. Ask for fewer.")
    return FoundView([limiting.view(one, configuration, shown) for one in found.values()], missing)
