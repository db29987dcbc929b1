"""The wiring: settings → store → rooms → routes, by hand, on one screen."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar import Litestar, Request, Response, get, head
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.status_codes import HTTP_404_NOT_FOUND, HTTP_500_INTERNAL_SERVER_ERROR
from structlog.contextvars import bound_contextvars

from turnout import __version__, errors
from turnout.access.oidc.issuer import Issuer
from turnout.alerts import moves
from turnout.alerts.tell import Teller
from turnout.alerts.watch import Watcher
from turnout.api import operation as api
from turnout.api.described import describe
from turnout.api.site import Api
from turnout.browser.serving import asset_handlers
from turnout.changes.follow import Follower
from turnout.console import cookies
from turnout.console.page import Product
from turnout.console.site import Site
from turnout.downstream.exports.exporter import Exporter
from turnout.downstream.listing import consumer as listing
from turnout.downstream.routes import Downstream, list_routes
from turnout.downstream.webhooks.send import Sender
from turnout.errors import StorageUnavailable
from turnout.feed.by_hand.replay_many import Replays
from turnout.feed.caller_address import is_this_machine
from turnout.feed.configurations import Configurations
from turnout.feed.gateway import App, GatewayApp, GatewaySettings, Send
from turnout.feed.group_commit import GroupCommit
from turnout.feed.intake import Feed
from turnout.feed.key_uses import KeyUses
from turnout.feed.pushes_live import PushesLive
from turnout.feed.reading import Receive, Room, Scope
from turnout.feed.receipt import render_error
from turnout.feed.refusals import Refusals
from turnout.feed.turns import Turns
from turnout.now import new_request_id
from turnout.operations.health import Health
from turnout.operations.housekeeping import keep_house
from turnout.operations.metrics import Metrics
from turnout.operations.worker_figures import Place
from turnout.reference.pages import gateway_page, route_handlers
from turnout.settings import Settings
from turnout.store.database import Database

AnyRequest = Request[Any, Any, Any]
log = structlog.get_logger()
MAX_BATCHES = 2
"""Batches worked on at once …"""
MAX_WAITING_BATCHES = 8
"""… and waiting for their turn."""
MAX_WAITING_LARGE = 100
"""Large bodies waiting to be read, one after another."""


def build(settings: Settings, database: Database, public_url: str, place: Place | None = None) -> GatewayApp:
    """The whole product as one ASGI application. The schema is there; the database is closed at the end.

    `place` is where a worker tells its figures to the others.
    """
    with suppress(StorageUnavailable):
        database.agree_on_time()
    configurations = Configurations(database)
    group_commit = GroupCommit(database, configurations, settings.queue_limit)
    refusals = Refusals(database)
    key_uses = KeyUses(database)
    room = Room(settings.in_flight_limit)
    feed = Feed(
        configurations=configurations,
        group_commit=group_commit,
        refusals=refusals,
        problems_url=f"{public_url}/problems",
        turns=Turns(MAX_BATCHES, MAX_WAITING_BATCHES),
        large_turns=Turns(1, MAX_WAITING_LARGE),
        key_uses=key_uses,
    )

    def is_busy() -> bool:
        return group_commit.queued > 0

    sender = Sender(database, is_busy=is_busy)
    metrics = Metrics(database, group_commit, refusals, lambda: room.held_bytes, place, deliveries=sender.results)
    health = Health(database, group_commit)
    indexing = Follower(database, listing.consumer, is_busy=is_busy)
    moving = Follower(database, moves.consumer, is_busy=is_busy)
    # With what it knows of events by itself: it looks at many that nobody pushes to.
    watcher = Watcher(database, Configurations(database), is_busy=is_busy)
    teller = Teller(database, public_url, is_busy=is_busy)
    exporter = Exporter(database)
    pushes_live = PushesLive(database, lambda: group_commit.queued)
    issuer = None if settings.oidc_issuer is None else Issuer(settings, public_url)
    replays = Replays(database, configurations)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncGenerator[None]:
        group_commit.start()
        indexing.start()
        moving.start()
        watcher.start()
        teller.start()
        sender.start()
        exporter.start()
        house = asyncio.create_task(keep_house(database, refusals))
        publishing = asyncio.create_task(metrics.keep_published())
        # What start-up has made stays; looking at it again and again was 40 % of a large batch.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        yield
        for task in (house, publishing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await sender.stop()
        if issuer is not None:
            await issuer.close()
        await asyncio.to_thread(replays.close)
        await asyncio.to_thread(watcher.stop)
        await asyncio.to_thread(teller.stop)
        await asyncio.to_thread(moving.stop)
        await asyncio.to_thread(indexing.stop)
        await asyncio.to_thread(exporter.stop)
        await asyncio.to_thread(group_commit.stop)
        await key_uses.stop()
        await asyncio.to_thread(refusals.write)
        await asyncio.to_thread(metrics.publish)
        database.close()

    @get("/health", include_in_schema=False)
    async def get_health() -> Response[dict[str, str]]:
        reason = await health.check()
        if reason is None:
            return Response({"status": "ok", "version": __version__})
        return Response({"status": "unavailable", "reason": reason}, status_code=503)

    @head("/health", include_in_schema=False)
    async def head_health() -> Response[None]:
        return Response(None, status_code=200 if await health.check() is None else 503)

    @get("/metrics", include_in_schema=False)
    async def get_metrics(request: AnyRequest) -> Response[bytes]:
        if not is_this_machine(request.scope, settings.trusted_proxies):
            raise errors.NotFound("There is nothing here.")
        return Response(
            await asyncio.to_thread(metrics.render),
            headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    def answer_error(request: AnyRequest, error: Exception) -> Response[bytes]:
        return site.answer_error(request, error) or _answer_error(request, error, feed.problems_url)

    workers = 1 if place is None else place.board.count
    site = Site(Product(settings, database, feed, public_url, exporter, health, pushes_live, replays, issuer, workers))
    session_cookie = cookies.name_of(cookies.SESSION, secure=public_url.startswith("https:"))
    for_api = api.Product(
        settings, database, feed, public_url, session_cookie, exporter, health, replays, issuer, workers
    )
    pages = Litestar(
        [
            get_health,
            head_health,
            get_metrics,
            *asset_handlers(),
            *route_handlers(public_url, __version__, describe(feed.problems_url)),
            *site.list_handlers(),
            *Api(for_api).list_handlers(),
        ],
        lifespan=[running],
        openapi_config=None,
        # Ours is set up before; Litestar's own would take its place.
        logging_config=None,
        exception_handlers={Exception: answer_error},
    )
    downstream = Downstream(feed, database, public_url, exporter)
    return GatewayApp(
        feed,
        GatewaySettings(
            max_body_bytes=settings.max_body,
            max_batch_body_bytes=settings.max_batch_body,
            trusted_proxies=settings.trusted_proxies,
            public_host=urlsplit(public_url).hostname or "",
        ),
        room,
        page=gateway_page(public_url),
        behind=_with_request_id(pages),
        more=list_routes(downstream),
        endings=[*downstream.endings, pushes_live.stop, site.end_streams],
    )


def _with_request_id(pages: App) -> App:
    """Gives every answer outside the gateways an `X-Request-Id` too, and its log lines the same."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await pages(scope, receive, send)
            return
        request_id = new_request_id()

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = message | {"headers": headers}
            await send(message)

        with bound_contextvars(request=request_id):
            await pages(scope, receive, send_with_id)

    return answer


def _answer_error(request: AnyRequest, error: Exception, problems_url: str) -> Response[bytes]:
    """Every error outside the gateways, as a problem document with its precise status."""
    if isinstance(error, MethodNotAllowedException):
        allowed = tuple((error.headers or {}).get("Allow", "GET").replace(" ", "").split(","))
        error = errors.MethodNotAllowed(request.method, allowed)
    elif isinstance(error, HTTPException) and error.status_code == HTTP_404_NOT_FOUND:
        error = errors.NotFound("There is nothing here.")
    elif isinstance(error, HTTPException) and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR:
        error = errors.InvalidRequest(error.detail)
    elif not isinstance(error, errors.TurnoutError):
        log.error("request_failed", exc_info=error)
        error = errors.Unexpected("A mistake in Turnout kept this from being answered.")
    answer = render_error(error, precise=True, problems_url=problems_url)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, status_code=answer.status, headers=headers)
