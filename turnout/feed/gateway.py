"""The gateway over HTTP, as plain ASGI: which address is for what. HTTP and nothing else (A1)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from turnout import errors
from turnout.feed import own_pushes
from turnout.feed.authenticate import Gateway
from turnout.feed.batch.intake import take_batch
from turnout.feed.caller_address import Networks
from turnout.feed.intake import Feed, take
from turnout.feed.leave import PREFIX as ATTENDEE_PREFIX
from turnout.feed.leave import read_leaving
from turnout.feed.reading import ClientGone, Head, Reading, Receive, Room, Scope
from turnout.feed.receipt import Answer, render_error
from turnout.now import new_request_id

Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/e/"
_REFUSED = (401, 403)
"""Statuses of requests without a key that is good for what was asked."""
log = structlog.get_logger()


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
    ) -> None:
        self._feed = feed
        self._settings = settings
        self._room = room
        self._page = page
        """What a gateway answers to a GET, given its path, whether a browser asks, and the host where it is its own."""
        self._behind = behind

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
        if _address_of(rest) not in _ADDRESSES:
            return None
        host = _host(scope)
        if host == self._settings.public_host:
            return None
        if not rest and await asyncio.to_thread(self._feed.configurations.load, host=host) is None:
            return None
        return Gateway(None, host)

    async def _answer(self, gateway: Gateway, rest: str, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        try:
            answer = await self._route(gateway, rest, scope, receive)
        except ClientGone:
            return
        except errors.TurnoutError as error:
            answer = render_error(error, precise=True, problems_url=self._feed.problems_url)
        except Exception:
            log.exception("request_failed", request=request_id)
            mistake = errors.Unexpected(f"A mistake in Turnout kept this from being answered (request {request_id}).")
            answer = render_error(mistake, precise=True, problems_url=self._feed.problems_url)
        if answer.status != 200:
            address = (gateway.slug or gateway.host or "")[:100]
            what = "refused" if answer.status in _REFUSED else "failed"
            log.info(what, request=request_id, status=answer.status, code=answer.code, gateway=address)
        if answer.wait_s:
            await asyncio.sleep(answer.wait_s)
        headers = [
            *answer.headers,
            (b"content-length", str(len(answer.body)).encode()),
            (b"x-request-id", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _route(self, gateway: Gateway, rest: str, scope: Scope, receive: Receive) -> Answer:
        method = scope["method"]
        reads = method in ("GET", "HEAD")
        if rest in ("", "attendees") and method == "POST":
            with self._reading(scope, receive, self._settings.max_body_bytes) as reading:
                return await take(self._feed, await reading.read(gateway, batch=False))
        if rest == "attendees/batch" and method == "POST":
            with self._reading(scope, receive, self._settings.max_batch_body_bytes) as reading:
                return await take_batch(self._feed, await reading.read(gateway, batch=True))
        address = _address_of(rest)
        if address == _ATTENDEE and method == "DELETE":
            return await take(self._feed, read_leaving(gateway, self._head(scope), rest.removeprefix(ATTENDEE_PREFIX)))
        if rest == "" and reads:
            return self._page(scope["path"], _wants_html(scope), gateway.host)
        if rest == "key" and reads:
            return await own_pushes.show_key(self._feed, gateway, self._head(scope))
        if rest == "pushes" and reads:
            return await own_pushes.list_own(self._feed, gateway, self._head(scope))
        if address == _PUSH and reads:
            return await own_pushes.show_own(self._feed, gateway, self._head(scope), rest.removeprefix("pushes/"))
        allowed = _ADDRESSES.get(address)
        if allowed is None:
            raise errors.NotFound("A gateway has no such address.")
        raise errors.MethodNotAllowed(method, allowed)

    def _head(self, scope: Scope) -> Head:
        return Head(scope, self._settings.trusted_proxies)

    def _reading(self, scope: Scope, receive: Receive, limit_bytes: int) -> Reading:
        return Reading(self._head(scope), receive, limit_bytes, self._room)


_PUSH = "pushes/{id}"
_ATTENDEE = "attendees/{email}"
_ADDRESSES = {
    "": ("GET", "HEAD", "POST"),
    "attendees": ("POST",),
    "attendees/batch": ("POST",),
    "key": ("GET", "HEAD"),
    "pushes": ("GET", "HEAD"),
    _PUSH: ("GET", "HEAD"),
    _ATTENDEE: ("DELETE",),
}


def _address_of(rest: str) -> str:
    """The entry of `_ADDRESSES` that this is, if it is one."""
    if rest in _ADDRESSES:
        return rest
    if rest.startswith("pushes/"):
        return _PUSH
    return _ATTENDEE if rest.startswith(ATTENDEE_PREFIX) else rest


def _host(scope: Scope) -> str:
    """The host that was asked for, without port."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _wants_html(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
