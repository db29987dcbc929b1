"""`GET {gateway}/attendees/{id or e-mail}/history`: all that ever changed of one attendee, the latest first."""

import asyncio

import msgspec

from turnout.downstream.attendees.answers import answer_json
from turnout.downstream.attendees.page import MAX_PAGE
from turnout.downstream.attendees.past import list_past
from turnout.downstream.attendees.person import get_person
from turnout.downstream.attendees.room import Room, configuration_of
from turnout.downstream.following.line_view import LineView, see
from turnout.downstream.limits import EVERYTHING, Limits
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.receipt import Answer
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.store.statements import Connection


class HistoryView(msgspec.Struct, frozen=True):
    """The answer's body."""

    history: list[LineView]
    next: str | None
    """The `cursor` of the page behind."""


async def show_history(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` and `get_person` do, and InvalidRequest."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters(("limit", "cursor"), only=True)
    limit = asked.head.number("limit", 100, MAX_PAGE)
    before = asked.head.number("cursor", _LATEST, _LATEST)
    async with room.turns.taken():
        shown = await asyncio.to_thread(_show, room, asked.what, reader, limit, before)
    return answer_json(asked, shown)


_LATEST = 999_999_999


def _show(room: Room, reference: str, reader: Reader, limit: int, before: int) -> HistoryView:
    event_id = reader.configuration.event.id
    with room.database.read() as connection:
        configuration = configuration_of(room, connection, reader)
        attendee = get_person(connection, event_id, reference, reader.limits)
        return read_history_page(connection, configuration, attendee, reader.limits, before=before, limit=limit)


def read_history_page(
    connection: Connection,
    configuration: Configuration,
    attendee: Attendee,
    limits: Limits = EVERYTHING,
    *,
    before: int | None = None,
    limit: int = 100,
) -> HistoryView:
    """What changed of the attendee before that line of the log, the latest first, at most so many lines."""
    shown: list[LineView] = []
    for line in list_past(connection, configuration.event.id, attendee):
        if before is not None and line.change.sequence >= before:
            continue
        seen = see(line, configuration, limits)
        if seen is None:
            continue
        if len(shown) == limit:
            return HistoryView(shown, str(shown[-1].sequence))
        shown.append(seen.line)
    return HistoryView(shown, None)
