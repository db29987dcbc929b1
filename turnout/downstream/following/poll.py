"""`GET {gateway}/changes`: the lines behind a cursor, at once or as soon as there are any."""

import asyncio

import msgspec

from turnout import errors
from turnout.downstream.following.following import Following, check_cursor, may_go_on
from turnout.downstream.following.line_view import LineView
from turnout.downstream.following.pages import Page, Wanted
from turnout.downstream.following.tail import Tail
from turnout.downstream.following.view import REPEATABLE, View, read_count, read_view
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked
from turnout.feed.reading import ClientGone, Receive
from turnout.feed.receipt import JSON, Answer
from turnout.model.event import Configuration

PARAMETERS = ("after", "limit", "wait", "payload", "group", "field")
LINES = 100
MAX_LINES = 1_000
MAX_WAIT_S = 60
_HEADERS = (JSON, (b"cache-control", b"no-store"))
_encode = msgspec.json.Encoder().encode


class ChangesView(msgspec.Struct, frozen=True):
    """The answer's body."""

    changes: list[LineView]
    last: int
    """Where to go on: the last line that was looked at; the `after` asked for where none was."""
    head: int
    """The last line that there is."""


class _Found(msgspec.Struct, frozen=True):
    body: bytes
    is_empty: bool
    last: int
    head: int
    configuration: Configuration


async def list_changes(following: Following, asked: Asked) -> Answer:
    """Raises Unauthorized, WrongScope, InvalidRequest, CursorBeyondHead and StorageUnavailable."""
    reader = await get_reader(following.feed, asked)
    head = asked.head
    head.expect_parameters(PARAMETERS, only=True, repeatable=REPEATABLE)
    after = read_count(head, "after", 0)
    limit = min(read_count(head, "limit", LINES, least=1), MAX_LINES)
    wait_s = min(read_count(head, "wait", 0), MAX_WAIT_S)
    view = read_view(head, reader.limits, reader.configuration)
    poll = _Poll(following, reader, view, limit)
    found = await poll.look(after)
    check_cursor(after, found.head)
    if wait_s and found.is_empty:
        found = await poll.wait(found, wait_s, asked.receive)
    return Answer(200, found.body, _HEADERS)


class _Poll:
    """One request."""

    def __init__(self, following: Following, reader: Reader, view: View, limit: int) -> None:
        self._following = following
        self._reader = reader
        self._view = view
        self._limit = limit
        # Where not all are shown more are looked at, or a follower would ask again and again for nothing.
        self._lines = max(100, min(10 * limit, MAX_LINES)) if view.is_filtered else limit
        self._event_id = reader.configuration.event.id

    async def look(self, after: int) -> _Found:
        """Raises StorageUnavailable, and Unauthorized where the key has been revoked meanwhile."""
        wanted = Wanted(self._event_id, after, self._lines, self._view, self._limit)
        found = await self._following.pages.read(wanted, _make)
        if not may_go_on(self._reader, found.configuration):
            raise errors.Unauthorized
        return found

    async def wait(self, found: _Found, wait_s: float, receive: Receive) -> _Found:
        """The same once there is something to be shown, or the time is over. Raises ClientGone."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        tails = self._following.tails
        tail = tails.join(self._event_id, None)
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        try:
            while found.is_empty and not tails.is_stopping and (left_s := until - loop.time()) > 0:
                if found.last >= max(found.head, tail.last):
                    await _wait_for_more(tail, gone, left_s)
                if gone.done():
                    raise ClientGone
                if found.last < max(found.head, tail.last):
                    found = await self.look(found.last)
        finally:
            gone.cancel()
            tails.leave(tail, None)
        return found


def _make(page: Page, wanted: Wanted) -> _Found:
    views = wanted.view.list_lines(page.lines, page.configuration, page.renames)
    last = page.lines[-1].change.sequence if page.lines else wanted.after
    if len(views) > wanted.most:
        del views[wanted.most :]
        last = views[-1].sequence
    return _Found(
        body=_encode(ChangesView(views, last, page.head)),
        is_empty=not views,
        last=last,
        head=page.head,
        configuration=page.configuration,
    )


async def _wait_for_more(tail: Tail, gone: asyncio.Future[None], left_s: float) -> None:
    more = asyncio.ensure_future(tail.wait())
    try:
        await asyncio.wait((more, gone), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        more.cancel()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
