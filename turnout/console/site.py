"""Every page of the console, as Litestar answers it: who asks, whether they may, and what every answer carries."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, route
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR
from litestar.types import ASGIApp
from litestar.utils.scope.state import ScopeState
from markupsafe import Markup

from turnout import __version__, errors
from turnout.access import roles, sessions
from turnout.browser.assets import asset_url
from turnout.browser.packing import GZIP, pack, pack_messages, takes_gzip
from turnout.browser.serving import AnyRequest, raw_path, respond, security_headers, way_to_root
from turnout.console import cookies
from turnout.console.csrf import make_guard, mask, unmask
from turnout.console.page import File, Live, Message, Page, Product, Said, Template, Visit
from turnout.console.pages import list_pages
from turnout.console.shown import FILTERS
from turnout.feed.caller_address import client_address
from turnout.feed.receipt import Answer, Stream
from turnout.model.event import Configuration
from turnout.model.user import Session, User
from turnout.now import now_us
from turnout.store import events

BEGIN = "/console"
MAX_FIELDS = 2_000
THREADS = 4
"""Pages made at once; what is more waits, so that the feed keeps its own."""
HEARTBEAT_S = 10.0
"""Between two signs of life of a live page, each after a look whether the visitor may still see it."""
_HERE = Path(__file__).parent
_NOT_SEEN = "There is no such page, or it is not for you."
log = structlog.get_logger()


class FormTooLarge(errors.BodyTooLarge):
    """More was sent than the page takes."""

    title = "That is too much at once"
    help = "Go back and send less: a file in several parts, or a shorter text. Nothing of it was kept."

    def __init__(self) -> None:
        super().__init__("What you sent is larger than this page takes.")


class Site:
    """The console of one process."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._threads = ThreadPoolExecutor(THREADS, "console")
        self._templates = Environment(
            loader=FileSystemLoader(_HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= FILTERS
        self._stopping = asyncio.Event()
        self.pages = list_pages()

    def end_streams(self) -> None:
        """At the beginning of the end: live pages come again, to the next process."""
        self._stopping.set()

    def list_handlers(self) -> list[HTTPRouteHandler]:
        """All pages, for Litestar."""
        guard = make_guard(self._product.database, is_secure=self._product.is_secure)
        return [self._make_handler(folder, page, guard) for folder, page in self.pages]

    def _make_handler(self, folder: str, page: Page, guard: DefineMiddleware) -> HTTPRouteHandler:
        template = Template(folder, self._find_renderer(folder))
        path = BEGIN + "/" + page.path.replace("}", ":str}")

        @route(
            path.rstrip("/"),
            http_method=[page.method],
            include_in_schema=False,
            middleware=[guard],
            request_max_body_size=page.max_form_bytes,
        )
        async def answer(request: AnyRequest) -> ASGIApp:
            return cast("ASGIApp", await self._answer(page, template, request))

        return answer

    def _find_renderer(self, folder: str) -> Callable[..., str]:
        def render(name: str, /, **shown: Any) -> str:
            return self._templates.get_template(name if "/" in name else f"{folder}/{name}").render(**shown)

        return render

    # One request

    async def _answer(
        self, page: Page, template: Template, request: AnyRequest
    ) -> ASGIResponse | ASGIStreamingResponse:
        visit: Visit | None = None
        try:
            visit = await self._meet(page, template, request)
            if iscoroutinefunction(page.handler):
                answer: Answer | Live | Stream = await cast(
                    "Callable[[Visit], Awaitable[Answer | Live]]", page.handler
                )(visit)
                if isinstance(answer, Answer) and _takes_gzip(request):
                    answer = await self._in_thread(pack, answer)
            else:
                answer = await self._in_thread(self._make, page, visit, _takes_gzip(request))
        except errors.TurnoutError as error:
            return self._respond(request, self._explain(request, visit, error))
        except Exception:
            log.exception("page_failed", page=page.path)
            mistake = errors.Unexpected("A mistake in Turnout kept this page from being made.")
            return self._respond(request, self._explain(request, visit, mistake))
        if isinstance(answer, Live):
            return self._go_on(page, visit, answer, is_packed=_takes_gzip(request))
        if isinstance(answer, Stream):
            headers = [*answer.headers, *self._common_headers()]
            return ASGIStreamingResponse(
                iterator=answer.pieces, status_code=answer.status, media_type=None, encoded_headers=headers
            )
        return self._respond(request, answer)

    @staticmethod
    def _make(page: Page, visit: Visit, is_packed: bool) -> Answer | Stream:
        answer = cast("Callable[[Visit], Answer | Stream]", page.handler)(visit)
        return pack(answer) if is_packed and isinstance(answer, Answer) else answer

    async def _meet(self, page: Page, template: Template, request: AnyRequest) -> Visit:
        """Who asks for what. Raises SignInNeeded, NotAllowed or NotFound."""
        places = {name: str(value) for name, value in request.path_params.items()}
        slug = places.pop("event", None)
        cookie = request.cookies.get(cookies.name_of(cookies.SESSION, secure=self._product.is_secure), "")
        found, configuration = await self._in_thread(self._find, cookie, slug)
        session, user = found or (None, None)
        event_id = None if configuration is None else configuration.event.id
        roles.expect(user, page.needs, event_id, in_event=slug is not None, not_seen=_NOT_SEEN)
        form, files = await _read_form(request) if page.method == "POST" else ([], {})
        return Visit(
            self._product,
            template,
            path=raw_path(request),
            address=client_address(request.scope, self._product.settings.trusted_proxies),
            user=user,
            session=session,
            configuration=configuration,
            places=places,
            # Nothing that is looked for has a NUL in it, and PostgreSQL refuses it.
            query={name: str(value).replace("\0", "") for name, value in request.query_params.items()},
            form=form,
            files=files,
            is_fragment=request.headers.get("hx-request") == "true",
            browser=request.headers.get("user-agent", "")[:200],
            sent_cookies=request.cookies,
            shared=self._share(request),
        )

    def _find(self, cookie: str, slug: str | None) -> tuple[tuple[Session, User] | None, Configuration | None]:
        found = sessions.find(self._product.database, cookie, now_us()) if cookie else None
        if slug is None:
            return found, None
        with self._product.database.read() as connection:
            event = events.find_event(connection, slug=slug)
            return found, None if event is None else events.load_configuration(connection, event.id)

    def _share(self, request: AnyRequest) -> dict[str, object]:
        """What every template can show."""
        token = ScopeState.from_scope(request.scope).csrf_token
        token = mask(unmask(token)) if isinstance(token, str) else ""
        said = cookies.read_kept(
            request.cookies.get(cookies.name_of(cookies.SAID, secure=self._product.is_secure)), Said
        )
        return {
            "asset": asset_url,
            "version": __version__,
            "root": way_to_root(_page_path(request)),
            "csrf_token": token,
            "csrf_input": Markup('<input type="hidden" name="_csrf_token" value="{}">').format(token),
            "said": [] if said is None else [said],
            "now": now_us(),
        }

    def answer_error(self, request: AnyRequest, error: Exception) -> Response[bytes] | None:
        """What Litestar found wrong below /console/, as a page; None where it is elsewhere."""
        path = request.scope["path"]
        if path != BEGIN and not path.startswith(BEGIN + "/"):
            return None
        if isinstance(error, PermissionDeniedException):
            explained: errors.TurnoutError = errors.FormTooOld()
        elif isinstance(error, RequestEntityTooLarge):
            explained = FormTooLarge()
        elif isinstance(error, HTTPException) and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR:
            explained = errors.NotFound(_NOT_SEEN)
        else:
            log.error("page_failed", exc_info=error)
            explained = errors.Unexpected("A mistake in Turnout kept this page from being made.")
        answer = self._explain(request, None, explained)
        return respond(Answer(answer.status, answer.body, (*answer.headers, *self._common_headers())))

    def _explain(self, request: AnyRequest, visit: Visit | None, error: errors.TurnoutError) -> Answer:
        """An error as a page: what happened, and what to do."""
        path = raw_path(request)
        if isinstance(error, errors.SignInNeeded):
            is_fragment = request.headers.get("hx-request") == "true"
            shown = _find_shown(request) if is_fragment else path
            way = f"{way_to_root(shown.partition('?')[0])}console/sign-in"
            if is_fragment or request.method == "GET":
                query = "" if is_fragment or not request.url.query else f"?{request.url.query}"
                way += f"?to={quote(shown + query, safe='/')}"
            if is_fragment:
                return Answer(204, b"", ((b"hx-redirect", way.encode()),))
            return Answer(303, b"", ((b"location", way.encode()),))
        # What a script asked for takes a place within a page.
        template = "shell/_error.html" if request.headers.get("hx-request") == "true" else "shell/error.html"
        html = self._templates.get_template(template).render(visit=visit, error=error, **self._share(request))
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        if isinstance(error, errors.Unavailable):
            headers.append((b"retry-after", str(error.retry_after_s).encode()))
        return Answer(error.status, html.encode(), tuple(headers))

    def _respond(self, request: AnyRequest, answer: Answer) -> ASGIResponse:
        headers = [*answer.headers, *self._common_headers()]
        secure = self._product.is_secure
        was_said = cookies.name_of(cookies.SAID, secure=secure) in request.cookies
        if was_said and answer.status < 300 and request.headers.get("hx-request") != "true":
            headers.append(cookies.set_cookie(cookies.SAID, "", secure=secure, max_age_s=0))
        return ASGIResponse(body=answer.body, status_code=answer.status, encoded_headers=headers)

    def _common_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [*security_headers(forms=True), (b"permissions-policy", b"camera=(), microphone=(), geolocation=()")]
        if self._product.is_secure:
            headers.append((b"strict-transport-security", b"max-age=31536000"))
        # Personal data, and what is live.
        return [*headers, (b"cache-control", b"no-store")]

    # Live pages

    def _go_on(self, page: Page, visit: Visit, live: Live, *, is_packed: bool) -> ASGIStreamingResponse:
        headers = [*self._common_headers(), (b"x-accel-buffering", b"no"), *(GZIP if is_packed else ())]
        messages = self._send_messages(page, visit, live)
        return ASGIStreamingResponse(
            iterator=pack_messages(messages) if is_packed else messages,
            media_type="text/event-stream",
            encoded_headers=headers,
        )

    async def _send_messages(self, page: Page, visit: Visit, live: Live) -> AsyncGenerator[bytes]:
        """Messages as they come, and a sign of life; ends with the server, and when the visitor may see it no more."""
        yield b"retry: 2000\n\n"
        # In a task of their own, which alone closes them: whoever leaves is cut off at any moment.
        coming: asyncio.Queue[Message] = asyncio.Queue(1)
        pump = asyncio.ensure_future(_pump(live.messages, coming))
        stopped = asyncio.ensure_future(self._stopping.wait())
        message = asyncio.ensure_future(coming.get())
        known, look_at = visit.configuration, time.monotonic() + HEARTBEAT_S
        try:
            while not stopped.done():
                left_s = max(0.0, look_at - time.monotonic())
                await asyncio.wait({message, pump, stopped}, timeout=left_s, return_when="FIRST_COMPLETED")
                if time.monotonic() >= look_at:
                    if not await self._in_thread(self._may_still, page, visit):
                        # The browser comes again, is told why not, and asks for the page.
                        return
                    before, known = known, await self._in_thread(self._look_again, known)
                    look_at = time.monotonic() + HEARTBEAT_S
                    yield _CHANGED if _is_set_up_otherwise(before, known) else b": alive\n\n"
                if message.done():
                    yield message.result().as_sse()
                    message = asyncio.ensure_future(coming.get())
                elif pump.done() and coming.empty():
                    pump.result()
                    return
        finally:
            for task in (pump, stopped, message):
                task.cancel()

    def _may_still(self, page: Page, visit: Visit) -> bool:
        if visit.session is None:
            return page.needs == "everybody"
        user = sessions.find_user(self._product.database, visit.session.id, now_us())
        event_id = None if visit.configuration is None else visit.configuration.event.id
        # Who may see less than when it began comes again, and is shown so much.
        return roles.may(user, page.needs, event_id) and user is not None and user.sees_personal == visit.sees_personal

    def _look_again(self, known: Configuration | None) -> Configuration | None:
        """The event of a live page as it is set up by now."""
        if known is None:
            return None
        with suppress(errors.StorageUnavailable), self._product.database.read() as connection:
            version = events.find_version(connection, known.event.id)
            return self._product.feed.configurations.refresh(connection, known.event.id, version) or known
        return known

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


_CHANGED = Message("", "turnout:changed").as_sse()
"""Somebody has set the event up otherwise: what stands around the live part is asked for again."""


def _is_set_up_otherwise(before: Configuration | None, now: Configuration | None) -> bool:
    """Whether what is on the pages of an event is called otherwise; new names come with what is live."""
    if before is None or now is None or before is now:
        return False
    named = ((before.groups, now.groups), (before.custom_fields, now.custom_fields))
    return (
        before.event != now.event
        or any(now.sources[number].name != one.name for number, one in before.sources.items() if number in now.sources)
        or any(
            number in after.by_number and after.by_number[number].name != one.name
            for earlier, after in named
            for number, one in earlier.by_number.items()
        )
    )


def _takes_gzip(request: AnyRequest) -> bool:
    return takes_gzip(request.headers.get("accept-encoding", ""))


def _find_shown(request: AnyRequest) -> str:
    """The page that a script asks from, from the root: what it asks for is a part of one."""
    try:
        shown = urlsplit(request.headers.get("hx-current-url", ""))
    except ValueError:
        return f"{BEGIN}/"
    inside = shown.path.partition(f"{BEGIN}/")[2]
    return f"{BEGIN}/{inside}" + (f"?{shown.query}" if shown.query else "")


def _page_path(request: AnyRequest) -> str:
    """Of the page in which an answer comes to stand: a part of one goes into whichever page has asked for it."""
    if request.headers.get("hx-request") == "true" and "hx-current-url" in request.headers:
        return _find_shown(request).partition("?")[0]
    # Messages of a live page come to stand in the one above it.
    return raw_path(request).removesuffix("/live")


async def _read_form(request: AnyRequest) -> tuple[list[tuple[str, str]], dict[str, File]]:
    """What a form has: its fields in order, and its files. Raises InvalidRequest and FormTooLarge."""
    try:
        form = await request.form()
    except RequestEntityTooLarge:
        raise FormTooLarge from None
    except HTTPException as error:
        raise errors.InvalidRequest(f"The form cannot be read: {error.detail}") from None
    fields: list[tuple[str, str]] = []
    files: dict[str, File] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = File(value.filename or "", await value.read())
        else:
            fields.append((name, str(value).replace("\r\n", "\n")))
    if len(fields) > MAX_FIELDS:
        raise errors.InvalidRequest(f"The form has more than {MAX_FIELDS:,} fields.")
    return fields, files


async def _pump(messages: AsyncIterator[Message], into: asyncio.Queue[Message]) -> None:
    async with aclosing(cast("Any", messages)):
        async for message in messages:
            await into.put(message)
