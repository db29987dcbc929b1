"""The gateway over HTTP, as plain ASGI: which address is for what. HTTP and nothing else (A1)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal

import msgspec
import structlog

from turnout import errors
from turnout.feed import cors, own_pushes
from turnout.feed.authenticate import Gateway
from turnout.feed.batch.intake import take_batch
from turnout.feed.caller_address import Networks
from turnout.feed.intake import Feed, take
from turnout.feed.leave import read_leaving
from turnout.feed.parse.redact import show
from turnout.feed.reading import ClientGone, Head, Reading, Receive, Room, Scope
from turnout.feed.receipt import Answer, Stream, render_error
from turnout.now import new_request_id

Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/e/"
_REFUSED = (401, 403)
"""Statuses of requests without a key that is good for what was asked."""
_FOR_PAGES = ("read", "everybody")
"""Whose requests web pages may make too, where the event says so."""
_BODILESS = (204, 304)
log = structlog.get_logger()


class Asked(msgspec.Struct, frozen=True):
    """One request to an address of a gateway."""

    gateway: Gateway
    what: str
    """What stands in the address where the route has its `{…}`; empty where it has none."""
    head: Head
    scope: Scope
    receive: Receive


class Route(msgspec.Struct, frozen=True):
    """What a gateway answers at one address to one method; to HEAD it answers as to GET, without the body."""

    method: str
    address: str
    """Behind the gateway's own: `attendees/{attendee}/history`. At most one `{…}`, which may hold anything."""
    who: Literal["push", "read", "any key", "own pushes", "everybody"]
    """Whose request it is for; the handler sees to that, and tests see to it that it does."""
    handler: Callable[[Asked], Awaitable[Answer | Stream]]


_Found = tuple[dict[str, Route], str]
"""The routes at an address by method, and what stands where they have their `{…}`."""


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway is told at start."""

    max_body_bytes: int
    max_batch_body_bytes: int
    trusted_proxies: Networks
    public_host: str
    """Where the product's pages are; any other host may be an event's own."""


class GatewayApp:
    """Answers what comes to a gateway; everything else goes to the application behind."""

    def __init__(
        self,
        feed: Feed,
        settings: GatewaySettings,
        room: Room,
        page: Callable[[str, bool, str | None], Answer],
        behind: App,
        more: Sequence[Route] = (),
        endings: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._feed = feed
        self._settings = settings
        self._room = room
        self._page = page
        """What a gateway answers to a GET, given its path, whether a browser asks, and the host where it is its own."""
        self._behind = behind
        self._endings = endings
        """What ends the streams that are open."""
        self.routes = (*self._list_routes(), *more)
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: dict[tuple[str, str], dict[str, Route]] = {}
        """By what stands before and behind the `{…}`; the longest first."""
        for route in sorted(self.routes, key=lambda route: -len(route.address)):
            before, brace, behind_it = route.address.partition("{")
            if brace:
                after = behind_it.partition("}")[2]
                methods = self._patterns.setdefault((before, after), {})
            else:
                methods = self._exact.setdefault(route.address, {})
            methods[route.method] = route
            if route.method == "GET":
                methods["HEAD"] = route

    def end_streams(self) -> None:
        """At the beginning of the end: whoever follows comes again, to the next process."""
        for end in self._endings:
            end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(PREFIX):
                slug, _, rest = path[len(PREFIX) :].partition("/")
                if slug:
                    await self._answer(Gateway(slug, None), rest.rstrip("/"), scope, receive, send)
                    return
            gateway = await self._find_by_host(path.strip("/"), scope)
            if gateway is not None:
                await self._answer(gateway, path.strip("/"), scope, receive, send)
                return
        await self._behind(scope, receive, send)

    async def _find_by_host(self, rest: str, scope: Scope) -> Gateway | None:
        """The gateway at a host name of its own, whose root it is (A1)."""
        if self._find_methods(rest) is None:
            return None
        host = _host(scope)
        if host == self._settings.public_host:
            return None
        if not rest and await asyncio.to_thread(self._feed.configurations.load, host=host) is None:
            return None
        return Gateway(None, host)

    async def _answer(self, gateway: Gateway, rest: str, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        found = self._find_methods(rest)
        try:
            answer = await self._route(gateway, found, scope, receive)
        except ClientGone:
            return
        except errors.TurnoutError as error:
            answer = render_error(error, precise=True, problems_url=self._feed.problems_url)
        except Exception:
            log.exception("request_failed", request=request_id)
            mistake = errors.Unexpected(f"A mistake in Turnout kept this from being answered (request {request_id}).")
            answer = render_error(mistake, precise=True, problems_url=self._feed.problems_url)
        for_pages = await self._list_cors_headers(gateway, found, scope, answer.status)
        if isinstance(answer, Stream):
            answer = msgspec.structs.replace(answer, headers=(*answer.headers, *for_pages))
            await _send_stream(answer, request_id, scope, receive, send)
            return
        if answer.status >= 400:
            address = (gateway.slug or gateway.host or "")[:100]
            what = "refused" if answer.status in _REFUSED else "failed"
            log.info(what, request=request_id, status=answer.status, code=answer.code, gateway=address)
        if answer.wait_s:
            await asyncio.sleep(answer.wait_s)
        headers = [*answer.headers, *for_pages, (b"x-request-id", request_id.encode())]
        if answer.status not in _BODILESS:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _route(self, gateway: Gateway, found: _Found | None, scope: Scope, receive: Receive) -> Answer | Stream:
        if found is None:
            raise errors.NotFound("A gateway has no such address.")
        methods, what = found
        route = methods.get(scope["method"])
        if route is None:
            preflight = await self._answer_preflight(gateway, methods, scope)
            if preflight is not None:
                return preflight
            raise errors.MethodNotAllowed(scope["method"], tuple(sorted(methods)))
        head = Head(scope, self._settings.trusted_proxies)
        return await route.handler(Asked(gateway, what, head, scope, receive))

    async def _answer_preflight(self, gateway: Gateway, methods: dict[str, Route], scope: Scope) -> Answer | None:
        """None where it is none: a method like any other. Raises MethodNotAllowed where pages of its origin may not."""
        origin = _header(scope, b"origin")
        wanted = _header(scope, b"access-control-request-method").decode("latin-1")
        readable = [method for method, route in methods.items() if route.who in _FOR_PAGES]
        if scope["method"] != "OPTIONS" or not origin or wanted not in readable:
            return None
        configuration = await asyncio.to_thread(self._feed.configurations.load, slug=gateway.slug, host=gateway.host)
        may_read = configuration is not None and cors.may_read(configuration.event, origin)
        if not may_read:
            shown = show(origin.decode("latin-1"), 100)
            # The same where there is no such event: nobody learns which there are (A3).
            raise errors.MethodNotAllowed(
                "OPTIONS",
                tuple(sorted(methods)),
                f'Pages of {shown} may not read here: it is not among the origins in the event\'s setting "cors". '
                f"Whoever runs this server can allow it: turnout event set {gateway.slug or '…'} cors={shown}",
            )
        return cors.answer_preflight(origin, readable)

    async def _list_cors_headers(
        self, gateway: Gateway, found: _Found | None, scope: Scope, status: int
    ) -> cors.Headers:
        """What the answer says to a browser whose page asked; nothing where the route is not for pages."""
        route = None if found is None else found[0].get(scope["method"])
        if route is None or route.who not in _FOR_PAGES:
            return ()
        origin = _header(scope, b"origin")
        if not origin:
            return cors.DEPENDS
        known = self._feed.configurations
        configuration = known.find(slug=gateway.slug, host=gateway.host)
        if configuration is None or route.who == "everybody" or status in _REFUSED:
            # To look for a good key the database was asked a moment ago; else perhaps never.
            with suppress(errors.StorageUnavailable):
                configuration = await asyncio.to_thread(known.load, slug=gateway.slug, host=gateway.host)
        may_read = configuration is not None and cors.may_read(configuration.event, origin)
        return cors.DEPENDS + (cors.allow(origin) if may_read else ())

    def _find_methods(self, rest: str) -> _Found | None:
        """What there is at this address; None where there is nothing."""
        methods = self._exact.get(rest)
        if methods is not None:
            return methods, ""
        for (before, after), methods in self._patterns.items():
            if rest.startswith(before) and rest.endswith(after) and len(rest) > len(before) + len(after):
                return methods, rest[len(before) : len(rest) - len(after)]
        return None

    def _list_routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "", "push", self._take),
            Route("GET", "", "everybody", self._show_page),
            Route("POST", "attendees", "push", self._take),
            Route("POST", "attendees/batch", "push", self._take_batch),
            Route("DELETE", "attendees/{attendee}", "push", self._take_leaving),
            Route("GET", "key", "any key", lambda asked: own_pushes.show_key(self._feed, asked.gateway, asked.head)),
            Route(
                "GET", "pushes", "own pushes", lambda asked: own_pushes.list_own(self._feed, asked.gateway, asked.head)
            ),
            Route(
                "GET",
                "pushes/{push}",
                "own pushes",
                lambda asked: own_pushes.show_own(self._feed, asked.gateway, asked.head, asked.what),
            ),
        )

    async def _take(self, asked: Asked) -> Answer:
        with Reading(asked.head, asked.receive, self._settings.max_body_bytes, self._room) as reading:
            return await take(self._feed, await reading.read(asked.gateway, batch=False))

    async def _take_batch(self, asked: Asked) -> Answer:
        with Reading(asked.head, asked.receive, self._settings.max_batch_body_bytes, self._room) as reading:
            return await take_batch(self._feed, await reading.read(asked.gateway, batch=True))

    async def _take_leaving(self, asked: Asked) -> Answer:
        return await take(self._feed, read_leaving(asked.gateway, asked.head, asked.what))

    async def _show_key(self, asked: Asked) -> Answer:
        return await own_pushes.show_key(self._feed, asked.gateway, asked.head)

    async def _list_own(self, asked: Asked) -> Answer:
        return await own_pushes.list_own(self._feed, asked.gateway, asked.head)

    async def _show_own(self, asked: Asked) -> Answer:
        return await own_pushes.show_own(self._feed, asked.gateway, asked.head, asked.what)

    async def _show_page(self, asked: Asked) -> Answer:
        return self._page(asked.scope["path"], _wants_html(asked.scope), asked.gateway.host)


async def _send_stream(stream: Stream, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    headers = [*stream.headers, (b"x-request-id", request_id.encode())]
    await send({"type": "http.response.start", "status": stream.status, "headers": headers})
    sending = asyncio.ensure_future(_send_pieces(stream, send, without_body=scope["method"] == "HEAD"))
    # A stream may have nothing to send for long: that whoever asked has gone is learnt from here.
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        sending.cancel()
        await asyncio.wait((sending, gone))
    if not sending.cancelled() and (error := sending.exception()) is not None:
        # The status is out: what is left is to cut it off, so that nobody takes it for the whole.
        log.error("stream_failed", request=request_id, exc_info=error)
        raise error


async def _send_pieces(stream: Stream, send: Send, *, without_body: bool) -> None:
    async with aclosing(stream.pieces) as pieces:
        if not without_body:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _header(scope: Scope, name: bytes) -> bytes:
    """Empty where there is none."""
    return next((value for known, value in scope["headers"] if known == name), b"")


def _host(scope: Scope) -> str:
    """The host that was asked for, without port."""
    host = _header(scope, b"host").decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _wants_html(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
