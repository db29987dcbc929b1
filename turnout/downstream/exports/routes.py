"""The addresses of exports: ask for one, see how far it is, fetch the file, take it away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from turnout import errors
from turnout.downstream.attendees.answers import gateway_url
from turnout.downstream.body import read_body
from turnout.downstream.exports import asking
from turnout.downstream.exports.exporter import KEPT_US, Exporter
from turnout.downstream.exports.file import answer_file
from turnout.downstream.exports.wanted import Wish, read_kept, read_wish, understand
from turnout.downstream.reader import Reader, get_reader
from turnout.feed.gateway import Asked, Route
from turnout.feed.intake import Feed
from turnout.feed.parse.redact import show
from turnout.feed.receipt import JSON, Answer, Stream
from turnout.now import as_text
from turnout.store import exports
from turnout.store.database import Database
from turnout.store.exports import Export

MAX_BODY_BYTES = 256 * 1024
MAX_LISTED = 100
_NOT_KEPT = (b"cache-control", b"no-store")
_encode = msgspec.json.Encoder().encode


class ExportView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An export as its reader sees it."""

    id: str
    state: str
    format: str
    created_at: str
    sequence: int | None
    """Follow the log from there: what has changed since the file was begun is behind it."""
    percent: int
    rows_done: int
    rows_expected: int | None
    size_bytes: int | None
    finished_at: str | None
    expires_at: str | None
    reason: str | None
    file: str | None
    """Where it is, once it is done."""
    asked: Wish | UnsetType


def list_export_routes(feed: Feed, database: Database, public_url: str, exporter: Exporter) -> list[Route]:
    """Theirs."""

    async def ask(asked: Asked) -> Answer:
        reader = await get_reader(feed, asked)
        asked.head.expect_parameters((), only=True)
        wish = read_wish(await read_body(asked, MAX_BODY_BYTES))
        export = await asyncio.to_thread(_add, database, reader, wish)
        exporter.wake()
        view = _view(export, gateway_url(asked.gateway, public_url))
        address = f"{gateway_url(asked.gateway, public_url)}/exports/{export.id}"
        return Answer(202, _encode(view), (JSON, _NOT_KEPT, (b"location", address.encode())))

    async def list_own(asked: Asked) -> Answer:
        reader = await get_reader(feed, asked)
        found = await asyncio.to_thread(_list, database, reader)
        base = gateway_url(asked.gateway, public_url)
        return Answer(200, _encode({"exports": [_view(one, base) for one in found]}), (JSON, _NOT_KEPT))

    async def show_one(asked: Asked) -> Answer:
        export = await _get(feed, database, asked)
        return Answer(200, _encode(_view(export, gateway_url(asked.gateway, public_url))), (JSON, _NOT_KEPT))

    async def fetch(asked: Asked) -> Answer | Stream:
        export = await _get(feed, database, asked)
        return answer_file(database, asked, export, feed.problems_url)

    async def delete(asked: Asked) -> Answer:
        export = await _get(feed, database, asked)
        await asyncio.to_thread(asking.delete, database, export)
        return Answer(204, b"")

    def route(method: str, address: str, handle: Callable[[Asked], Awaitable[Answer | Stream]]) -> Route:
        return Route(method, address, "read", handle)

    return [
        route("POST", "exports", ask),
        route("GET", "exports", list_own),
        route("GET", "exports/{export}", show_one),
        route("GET", "exports/{export}/file", fetch),
        route("DELETE", "exports/{export}", delete),
    ]


async def _get(feed: Feed, database: Database, asked: Asked) -> Export:
    """The export that the address names, if this key has asked for it. Raises NotFound."""
    reader = await get_reader(feed, asked)
    export = await asyncio.to_thread(_find, database, reader.configuration.event.id, asked.what)
    if export is None or export.key_id != reader.key.id:
        raise errors.NotFound(f'This key has not asked for an export "{show(asked.what, 40)}", or it is long gone.')
    return export


def _find(database: Database, event_id: str, export_id: str) -> Export | None:
    with database.read() as connection:
        return exports.find_export(connection, event_id, export_id)


def _list(database: Database, reader: Reader) -> list[Export]:
    with database.read() as connection:
        return exports.list_of_key(connection, reader.configuration.event.id, reader.key.id, MAX_LISTED)


def _add(database: Database, reader: Reader, wish: Wish) -> Export:
    """Raises TooManyExports, and what `understand` raises."""
    wanted = understand(wish, reader.configuration, reader.limits)
    return asking.add(database, reader.configuration.event.id, wish, wanted, key_id=reader.key.id)


def _view(export: Export, gateway: str) -> ExportView:
    wish = read_kept(export.query).wish
    is_done = export.state == "done"
    times: Any = export.finished_at
    return ExportView(
        id=export.id,
        state=export.state,
        format=export.format,
        created_at=as_text(export.created_at),
        sequence=export.sequence,
        percent=export.percent,
        rows_done=export.rows_done,
        rows_expected=export.rows_expected,
        size_bytes=export.size_bytes,
        finished_at=None if times is None else as_text(times),
        expires_at=as_text(times + KEPT_US) if is_done else None,
        reason=export.reason,
        file=f"{gateway}/exports/{export.id}/file" if is_done else None,
        asked=UNSET if wish is None else wish,
    )
