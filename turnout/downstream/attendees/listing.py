"""`GET {gateway}/attendees`: a page of attendees, filtered, searched, sorted."""

import asyncio
import io
import time
from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.changes.attendee_view import AttendeeView
from turnout.downstream import limits as limiting
from turnout.downstream.attendees.answers import Headers, answer, next_link
from turnout.downstream.attendees.forms import choose_form
from turnout.downstream.attendees.listed import LOOKED_EVERY_S, MAX_WAIT_S, read_listed
from turnout.downstream.attendees.page import MAX_PAGE
from turnout.downstream.attendees.query import CUSTOM_FIELD, FILTERS, read_fields, read_query
from turnout.downstream.attendees.room import Room
from turnout.downstream.formats import Format
from turnout.downstream.formats.columns import list_columns
from turnout.downstream.limits import Limits
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.receipt import JSON, Answer
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration

PARAMETERS = (*FILTERS, "sort", "fields", "limit", "cursor", "format")
_encode = msgspec.json.Encoder().encode


async def list_attendees(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` does, InvalidRequest, HiddenField, NotAcceptable, TooBroad, IndexBehind, QueueFull."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters(PARAMETERS, only=True, prefix=CUSTOM_FIELD, repeatable=("fields",))
    form = choose_form(asked.head)
    ends_at = time.monotonic() + MAX_WAIT_S
    while True:
        try:
            async with room.turns.taken():
                return await asyncio.to_thread(_list, room, asked, reader, form)
        except errors.IndexBehind:
            if time.monotonic() > ends_at:
                raise
        await asyncio.sleep(LOOKED_EVERY_S)


def _list(room: Room, asked: Asked, reader: Reader, form: Format) -> Answer:
    head, limits = asked.head, reader.limits
    query = read_query(head, reader.configuration, limits)
    shown_limits = read_fields(head, reader.configuration, limits)
    shown: list[_Shown] = []

    def size_of(attendee: Attendee, configuration: Configuration) -> int:
        shown.append(_show(attendee, configuration, shown_limits))
        return len(shown[-1].encoded)

    listed = read_listed(
        room.database,
        room.feed.configurations,
        reader.configuration,
        query,
        limits,
        cursor=head.text("cursor"),
        limit=head.number("limit", 100, MAX_PAGE),
        size_of=size_of,
    )
    sequence, cursor, configuration = listed.sequence, listed.cursor, listed.configuration
    headers: Headers = ((b"x-sequence", str(sequence).encode()),)
    if cursor is not None:
        headers = (*headers, next_link(asked, room.public_url, cursor))
    if form.name == "json":
        body = b'{"attendees":[%b],"next":%b,"sequence":%d}' % (
            b",".join(one.encoded for one in shown),
            _encode(cursor),
            sequence,
        )
        return answer(asked, body, (JSON, *headers), age=listed.age)
    body = _write(form, [one.view for one in shown], configuration, shown_limits)
    file = f'attachment; filename="attendees.{form.suffix}"'.encode()
    of_file = ((b"content-type", form.media_type.encode()), (b"content-disposition", file))
    return answer(asked, body, (*of_file, *headers), age=listed.age)


class _Shown(msgspec.Struct, frozen=True):
    view: AttendeeView
    encoded: bytes


def _show(attendee: Attendee, configuration: Configuration, limits: Limits) -> _Shown:
    view = limiting.view(attendee, configuration, limits)
    return _Shown(view, _encode(view))


def _write(form: Format, views: Sequence[AttendeeView], configuration: Configuration, limits: Limits) -> bytes:
    file = io.BytesIO()
    form.write_all(file, list_columns(configuration, limits), views)
    return file.getvalue()
