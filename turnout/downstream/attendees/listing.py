"""`GET {gateway}/attendees`: a page of attendees, filtered, searched, sorted."""

import asyncio
import io
import time
from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.changes.attendee_view import AttendeeView
from turnout.downstream import limits as limiting
from turnout.downstream.attendees import cursor as cursors
from turnout.downstream.attendees.answers import Headers, answer, next_link
from turnout.downstream.attendees.cursor import Cursor
from turnout.downstream.attendees.forms import choose_form
from turnout.downstream.attendees.page import MAX_PAGE, read_page
from turnout.downstream.attendees.query import CUSTOM_FIELD, FILTERS, read_fields, read_query
from turnout.downstream.attendees.room import Room, configuration_of, reading
from turnout.downstream.formats import Format
from turnout.downstream.formats.columns import list_columns
from turnout.downstream.limits import Limits
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.receipt import JSON, Answer
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration

PARAMETERS = (*FILTERS, "sort", "fields", "limit", "cursor", "format")
MAX_WAIT_S = 2.0
"""So long a list waits for the list index, before it says that it is behind."""
_LOOKED_EVERY_S = 0.1
_encode = msgspec.json.Encoder().encode


async def list_attendees(room: Room, asked: Asked) -> Answer:
    """Raises what `get_reader` does, InvalidRequest, HiddenField, NotAcceptable, TooBroad, IndexBehind, QueueFull."""
    reader = await get_reader(room.feed, asked)
    asked.head.expect_parameters(PARAMETERS, only=True, prefix=CUSTOM_FIELD)
    form = choose_form(asked.head)
    ends_at = time.monotonic() + MAX_WAIT_S
    while True:
        try:
            async with room.turns.taken():
                return await asyncio.to_thread(_list, room, asked, reader, form)
        except errors.IndexBehind:
            if time.monotonic() > ends_at:
                raise
        await asyncio.sleep(_LOOKED_EVERY_S)


def _list(room: Room, asked: Asked, reader: Reader, form: Format) -> Answer:
    head, limits, event_id = asked.head, reader.limits, reader.configuration.event.id
    query = read_query(head, reader.configuration, limits)
    shown_limits = read_fields(head, reader.configuration, limits)
    limit = head.number("limit", 100, MAX_PAGE)
    said = head.text("cursor")
    begun = cursors.read_cursor(room.database.secret_key, said, event_id, query) if said else None
    # Each page is of a moment no earlier than the first one's: from there the changes are followed.
    with reading(room, event_id, begun.sequence if begun else 0) as connection:
        configuration = configuration_of(room, connection, reader)
        shown: list[_Shown] = []

        def size_of(attendee: Attendee) -> int:
            shown.append(_show(attendee, configuration, shown_limits))
            return len(shown[-1].encoded)

        page = read_page(
            connection,
            event_id,
            query,
            limits,
            after=begun.place if begun else None,
            limit=limit,
            size_of=size_of,
        )
    sequence = begun.sequence if begun else page.head
    headers: Headers = ((b"x-sequence", str(sequence).encode()),)
    cursor = None
    if page.next is not None:
        its = Cursor(cursors.fingerprint(event_id, query), sequence, *page.next)
        cursor = cursors.write_cursor(room.database.secret_key, its)
        headers = (*headers, next_link(asked, room.public_url, cursor))
    if form.name == "json":
        body = b'{"attendees":[%b],"next":%b,"sequence":%d}' % (
            b",".join(one.encoded for one in shown),
            _encode(cursor),
            sequence,
        )
        return answer(asked, body, (JSON, *headers))
    body = _write(form, [one.view for one in shown], configuration, shown_limits)
    file = f'attachment; filename="attendees.{form.suffix}"'.encode()
    return answer(asked, body, ((b"content-type", form.media_type.encode()), (b"content-disposition", file), *headers))


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
