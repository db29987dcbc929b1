"""Every operation, as Litestar answers it: who calls, whether they may, what they say, and how it is answered."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import structlog
from litestar import route
from litestar.exceptions import HTTPException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import ASGIApp

from turnout import errors
from turnout.access import roles
from turnout.api.operation import Call, Operation, Product
from turnout.api.operations import list_operations
from turnout.api.sign_in import CHALLENGE, find_caller
from turnout.browser.serving import AnyRequest
from turnout.downstream.attendees.answers import tell_age
from turnout.feed.caller_address import client_address
from turnout.feed.receipt import JSON, Answer, Stream, render_error
from turnout.model.event import Configuration
from turnout.model.user import Session, User
from turnout.store import events

BEGIN = "/api"
THREADS = 4
"""Operations worked on at once; what is more waits, so that the feed keeps its own."""
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_NOT_SEEN = "There is no such event, or it is not for you."
_encode = msgspec.json.Encoder().encode
log = structlog.get_logger()


class Api:
    """/api/ of one process."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._threads = ThreadPoolExecutor(THREADS, "api")

    def list_handlers(self) -> list[HTTPRouteHandler]:
        """All operations, for Litestar."""
        return [self._make_handler(operation) for operation in list_operations()]

    def _make_handler(self, operation: Operation) -> HTTPRouteHandler:
        @route(
            f"{BEGIN}/{operation.path.replace('}', ':str}')}",
            http_method=[operation.method],
            include_in_schema=False,
            status_code=200,
            request_max_body_size=operation.max_body_bytes,
        )
        async def answer(request: AnyRequest) -> ASGIApp:
            given = await self._answer(operation, request)
            if isinstance(given, Stream):
                headers = [*given.headers, *_HEADERS]
                stream = ASGIStreamingResponse(iterator=given.pieces, media_type=None, encoded_headers=headers)
                return cast("ASGIApp", stream)
            its = ASGIResponse(body=given.body, status_code=given.status, encoded_headers=given.headers)
            return cast("ASGIApp", its)

        return answer

    async def _answer(self, operation: Operation, request: AnyRequest) -> Answer | Stream:
        try:
            call = await self._meet(operation, request)
            if inspect.iscoroutinefunction(operation.handler):
                content = _encode(await operation.handler(call))
            else:
                content = await self._in_thread(_work, operation, call)
        except errors.TurnoutError as error:
            return self._explain(error)
        except Exception:
            log.exception("operation_failed", operation=f"{operation.method} {operation.path}")
            return self._explain(errors.Unexpected("A mistake in Turnout kept this from being answered."))
        if isinstance(content, Stream):
            return content
        if operation.gives is None:
            return Answer(204, b"", _HEADERS)
        return Answer(operation.status, content, (JSON, *tell_age(call.where.oldest), *_HEADERS))

    async def _meet(self, operation: Operation, request: AnyRequest) -> Call:
        """Who calls what. Raises SignInNeeded, NotAllowed, NotFound, and what reading the request does."""
        places = {name: str(value) for name, value in request.path_params.items()}
        slug = places.pop("event", None)
        (user, session), configuration = await self._in_thread(self._find, request, slug, operation.method == "GET")
        event_id = None if configuration is None else configuration.event.id
        roles.expect(user, operation.needs, event_id, in_event=slug is not None, not_seen=_NOT_SEEN)
        if any("\0" in one for one in places.values()):
            raise errors.NotFound("Nothing has such an id.")
        return Call(
            self._product,
            user=user,
            session=session,
            configuration=configuration,
            places=places,
            query=_read_query(operation, request),
            body=await self._read_body(operation, request),
            address=client_address(request.scope, self._product.settings.trusted_proxies),
        )

    def _find(
        self, request: AnyRequest, slug: str | None, reads: bool
    ) -> tuple[tuple[User, Session | None], Configuration | None]:
        cookie = request.cookies.get(self._product.session_cookie, "")
        caller = find_caller(self._product.database, request.headers, cookie, reads=reads)
        if slug is None or "\0" in slug:
            return caller, None
        with self._product.database.read() as connection:
            event = events.find_event(connection, slug=slug)
            return caller, None if event is None else events.load_configuration(connection, event.id)

    async def _read_body(self, operation: Operation, request: AnyRequest) -> Any:
        """None where none is taken. Raises BodyTooLarge, MalformedBody and InvalidRequest."""
        if operation.takes is None:
            return None
        try:
            content = await request.body()
        except RequestEntityTooLarge:
            raise errors.BodyTooLarge(f"At most {operation.max_body_bytes:,} bytes are read here.") from None
        except HTTPException as error:
            raise errors.InvalidRequest(error.detail) from None
        return await self._in_thread(_decode, operation, content)

    def _explain(self, error: errors.TurnoutError) -> Answer:
        answer = render_error(error, precise=True, problems_url=self._product.feed.problems_url)
        challenge = (CHALLENGE,) if isinstance(error, errors.SignInNeeded) else ()
        return msgspec.structs.replace(answer, headers=(*answer.headers, *challenge, *_HEADERS))

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _read_query(operation: Operation, request: AnyRequest) -> dict[str, str]:
    """Raises InvalidRequest for a parameter that there is not, or that is there twice."""
    said: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in operation.query and not name.startswith(_open_names(operation)):
            known = f"There are {', '.join(operation.query)}." if operation.query else "There are none here."
            raise errors.InvalidRequest(f"There is no parameter {name[:40]!r}. {known}")
        if name in said:
            raise errors.InvalidRequest(f"{name} is there twice.")
        if "\0" in str(value):
            raise errors.InvalidRequest(f"{name} holds the character U+0000, which no value does.")
        said[name] = str(value)
    return said


def _open_names(operation: Operation) -> tuple[str, ...]:
    """How those begin whose end is free: `customField.*`."""
    return tuple(name.removesuffix("*") for name in operation.query if name.endswith("*"))


def _work(operation: Operation, call: Call) -> bytes | Stream:
    """What the operation gives, written: a page may be large, and the feed waits for the loop."""
    given = operation.handler(call)
    return given if isinstance(given, Stream) else _encode(given)


def _decode(operation: Operation, content: bytes) -> Any:
    """Raises MalformedBody and InvalidRequest."""
    try:
        body = msgspec.json.decode(content or b"{}", type=operation.takes)
    except msgspec.ValidationError as error:
        raise errors.InvalidRequest(f"The body is not what is taken here: {error}.") from None
    except (msgspec.DecodeError, RecursionError):
        raise errors.MalformedBody("The body is no JSON in UTF-8.") from None
    if _has_zero(msgspec.to_builtins(body)):
        raise errors.InvalidRequest("The body holds the character U+0000, which no value does.")
    return body


def _has_zero(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_zero(one) for pair in value.items() for one in pair)
    return isinstance(value, list) and any(map(_has_zero, value))
