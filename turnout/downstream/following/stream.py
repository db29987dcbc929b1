"""`GET {gateway}/changes/stream`: each line as a server-sent event, from a cursor on, as long as somebody reads.

Nothing is kept for a follower but his position: he takes what all share, or reads the log when he is behind that. Who
does not read what he was sent is cut off by the server, as with any answer (`server/connection.py`).
"""

import asyncio
from collections.abc import AsyncGenerator

from turnout import errors
from turnout.downstream.following.following import Following, check_cursor, may_go_on
from turnout.downstream.following.messages import HEARTBEAT, Messages, as_messages, move_to
from turnout.downstream.following.pages import Wanted
from turnout.downstream.following.tail import BATCH_LINES
from turnout.downstream.following.view import REPEATABLE, View, read_count, read_view, to_count
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.reading import Head
from turnout.feed.receipt import Stream

PARAMETERS = ("after", "payload", "group", "field")
RETRY_MS = 2_000
"""After so long a browser's EventSource comes again."""
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would keep the messages until it has a few thousand bytes.
    (b"x-accel-buffering", b"no"),
)
_HELD_BYTES = 256 * 1024
"""Handed to a connection at once, or one message where that is larger: so much is kept for one who does not read."""
_AGAIN_S = 1.0
"""Before the database is asked again that was not available."""


async def stream_changes(following: Following, asked: Asked) -> Stream:
    """Raises Unauthorized, WrongScope, InvalidRequest, CursorBeyondHead, ShuttingDown and StorageUnavailable."""
    reader = await get_reader(following.feed, asked)
    head = asked.head
    head.expect_parameters(PARAMETERS, only=True, repeatable=REPEATABLE)
    view = read_view(head, reader.limits, reader.configuration)
    after = _read_cursor(head)
    event_id = reader.configuration.event.id
    last = await asyncio.to_thread(following.pages.find_head, event_id)
    check_cursor(after or 0, last)
    if following.tails.is_stopping:
        raise errors.ShuttingDown("The server is restarting.")
    opening = b"retry: %d\n\n" % RETRY_MS
    if after is None:
        # Or whoever is cut off before the first message would begin anew from a later now.
        opening += b"id: %d\n\n" % last
    return Stream(_HEADERS, _follow(following, reader, view, last if after is None else after, opening))


def _read_cursor(head: Head) -> int | None:
    """Where to begin; None for now. What the last message said beats the address, which stays what it was."""
    last_id = head.header(b"last-event-id")
    if last_id:
        return to_count(last_id.strip(), "Last-Event-ID", "headers.Last-Event-ID")
    return read_count(head, "after", 0) if head.text("after") else None


async def _follow(
    following: Following, reader: Reader, view: View, position: int, opening: bytes
) -> AsyncGenerator[bytes]:
    event_id = reader.configuration.event.id
    tails = following.tails
    tail = tails.join(event_id, view)
    try:
        yield opening
        # The last id that the follower has from us.
        told = position
        beats = tail.beats
        while may_go_on(reader, tail.configuration) and not tails.is_stopping:
            if tail.beats != beats:
                beats = tail.beats
                yield HEARTBEAT if told == position else move_to(position)
                told = position
            elif position < tail.last:
                messages = tail.find(position, view) or await _read(following, event_id, position, view)
                content, shown, position = messages.take(position, _HELD_BYTES)
                del messages
                if content:
                    told = shown
                    yield content
            else:
                await tail.wait()
    finally:
        tails.leave(tail, view)


async def _read(following: Following, event_id: str, position: int, view: View) -> Messages:
    """From the log itself, as soon as it can be read."""
    while True:
        try:
            return await following.pages.read(Wanted(event_id, position, BATCH_LINES, view, BATCH_LINES), as_messages)
        except errors.StorageUnavailable:
            await asyncio.sleep(_AGAIN_S)
