"""One HTTP connection: uvicorn's protocol, with a bound on everything that a stranger decides.

uvicorn with httptools takes a head of any size and waits for ever for a slow one. Here heads, bodies, silence,
pipelined requests and unread answers have their limits, and every refusal is a problem document. There is no timer per
request: each connection carries the time at which it has waited long enough, and a `Watch` looks at all of them a few
times a second.
"""

import asyncio
import logging
import math
import select
import urllib.parse
from collections import Counter
from collections.abc import Awaitable
from typing import Any, cast

import httptools
import msgspec
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from turnout.errors import (
    HeadTooLarge,
    MalformedRequest,
    QueueFull,
    ShuttingDown,
    SlowBody,
    SlowHead,
    TooManyConnections,
    TurnoutError,
    Unavailable,
    Unexpected,
)
from turnout.model.receipt import Problem, ProblemDocument

log = logging.getLogger("turnout.server")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may take. Tests shorten the times."""

    connections: int = 4_096
    head_bytes: int = 64 * 1024
    """Request line and headers, together."""
    headers: int = 256
    head_s: float = 10
    """From the first byte of a request, and from the connection to its first byte."""
    body_s: float = 30
    """From the end of the head to the end of the body …"""
    body_rate_bytes: int = 256 * 1024
    """… and another second for each so many bytes that did come, or a slow line could never send a large batch."""
    framing_bytes: int = 64 * 1024
    """Chunk sizes, chunk extensions and trailers: what a body may cost besides itself, and 16 times what it holds."""
    pipelined: int = 256
    """Requests sent ahead of the answers; with an eighth of them here no more is read from the connection."""
    idle_s: float = 75
    """Between requests: more than the 60 s for which proxies keep theirs, or they would send into a closing one."""
    crowded_idle_s: float = 5
    """The same when three quarters of the connections are taken."""
    unread_s: float = 60
    """How long a client may leave its answer lying …"""
    stopping_unread_s: float = 2
    """… and once the server stops: a stream that nobody reads must not hold it up."""
    linger_s: float = 1
    linger_bytes: int = 32 * 1024 * 1024
    """After a last answer: how long, and how much, is taken in and thrown away so that the client comes to read it."""
    settle_s: float = 0.1
    """When the server stops: how long connections without a request still have for one that is on its way."""
    tick_s: float = 0.25
    """How often the times are looked at."""
    still_s: float = 2
    """Where nothing was looked at for so long, this process, or its machine, stood still …"""
    doubt_s: float = 10
    """… and what is read for so long afterwards may have lain here meanwhile: of who has hung up nothing is taken."""


class Watch:
    """What the connections of one server share: their limits, and the eye on their times."""

    def __init__(self, limits: Limits, problems_url: str) -> None:
        self.limits = limits
        self.problems_url = problems_url
        """Where each code is explained."""
        self.refused: Counter[str] = Counter()
        """How often a request was refused here, by code."""
        self.draining = False
        """The server is about to stop: every answer is its connection's last."""
        self._timer: asyncio.TimerHandle | None = None
        self._looked_at = math.inf
        self._doubtful_until = -math.inf

    @property
    def is_doubtful(self) -> bool:
        """Whether what is read now may have been sent long ago."""
        return self._looked_at < self._doubtful_until

    def note_time(self, now: float) -> None:
        """It is so late, in the loop's time: notices whether this process stood still."""
        stood_s = now - self._looked_at
        self._looked_at = now
        if stood_s > self.limits.still_s:
            self._doubtful_until = now + self.limits.doubt_s
            log.warning("this process stood still for %.1f s; of senders who have hung up nothing is taken", stood_s)

    def start(self, connections: set[Any]) -> None:
        loop = asyncio.get_running_loop()

        def look() -> None:
            now = loop.time()
            self.note_time(now)
            for connection in [one for one in connections if one.deadline < now]:
                connection.on_deadline(now)
            self._timer = loop.call_later(self.limits.tick_s, look)

        look()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


_IDLE = 0  # nothing of a request is here
_HEAD = 1  # a part of a head is
_BODY = 2  # the head is, and not all of the body
_WORK = 3  # the request is complete, its answer is not
_LAST = 4  # the last answer is given; what comes now is thrown away
_HUNG_UP = getattr(select, "POLLRDHUP", select.POLLHUP)  # the former is Linux's, and tells of half a connection too


class Connection(HttpToolsProtocol):
    """From a stranger's bytes to requests of the application, one after another."""

    # None when the connection is lost, and then nobody asks.
    parser: httptools.HttpRequestParser

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        watch: Watch,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._watch = watch
        self._limits = watch.limits
        self._application = cast("ASGI3Application", self.app)
        self.deadline = math.inf
        """In the loop's time: when whoever is on has waited long enough."""
        self._stage = _IDLE
        self._timed = -1  # the stage that the deadline is for
        self._chunk_bytes = 0  # of what arrived last
        self._head_bytes = 0
        self._body_bytes = 0  # as sent
        self._content_bytes = 0  # as unpacked from its chunks
        self._body_began = 0.0
        self._hosts = 0
        self._offers_upgrade = False
        self._running: RequestResponseCycle | None = None  # `cycle` is the latest, which may still wait in the pipeline
        self._fault: type[TurnoutError] = MalformedRequest
        self._last_words: bytes | None = None
        self._discard_bytes = 0

    # What the transport says

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.deadline = self.loop.time() + self._limits.head_s
        room = self._limits.connections - len(self.connections)
        if room < -256:
            transport.abort()  # not even time for an answer
        elif room < 0:
            self._refuse(TooManyConnections)

    def data_received(self, data: bytes) -> None:
        stage = self._stage
        if stage == _LAST:
            self._discard(len(data))
            return
        # Before the timer, which comes behind all that can be read.
        self._watch.note_time(self.loop.time())
        self._chunk_bytes = len(data)
        if stage == _BODY:
            self._body_bytes += len(data)
        else:
            self._head_bytes += len(data)
        try:
            while True:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as offer:
                    data = self._without_upgrade() + data[offer.args[0] :]
        except httptools.HttpParserError:
            self._refuse(self._fault)
            return
        if self._stage != _WORK:
            self._wait_for_more()
        elif stage != _WORK:
            self.deadline = math.inf

    def _wait_for_more(self) -> None:
        """A request is here in part: is it too large already, and until when may the rest take?"""
        limits = self._limits
        stage = self._stage
        if stage == _BODY:
            if self._timed != _BODY:
                self._timed = _BODY
                self._body_began = self.loop.time()
            self.deadline = self._body_began + limits.body_s + self._content_bytes / limits.body_rate_bytes
            if self._body_bytes > limits.framing_bytes + 16 * self._content_bytes:
                self._refuse(MalformedRequest)
            return
        if self._timed != _HEAD:  # blank lines before a request count as its head
            self._timed = _HEAD
            self.deadline = self.loop.time() + limits.head_s
        if self._head_bytes > limits.head_bytes or (stage == _HEAD and len(self.headers) > limits.headers):
            self._refuse(HeadTooLarge)

    def on_deadline(self, now: float) -> None:
        """Called by the watch when the deadline has passed."""
        stage = self._stage
        if self.transport.is_closing() or stage == _WORK:
            self.transport.abort()  # the client leaves its answer lying
        elif self.flow.read_paused:
            self.deadline = now + self._limits.tick_s  # it is we who are slow, not the client
        elif stage == _BODY:
            self._refuse(SlowBody)
        elif self._timed == _HEAD and stage != _LAST:
            self._refuse(SlowHead)
        else:
            self._close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stage == _WORK:
            limits = self._limits
            self.deadline = self.loop.time() + (limits.stopping_unread_s if self._watch.draining else limits.unread_s)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stage == _WORK:
            self.deadline = math.inf

    def shutdown(self) -> None:
        super().shutdown()
        if self.flow.write_paused:
            self.deadline = min(self.deadline, self.loop.time() + self._limits.stopping_unread_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline = math.inf
        self.pipeline.clear()
        running = self._running
        if running is not None and not running.response_complete:
            # uvicorn tells the latest request only; a stream with another request behind it would never end.
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    # What the parser says

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._stage = _HEAD
        self._hosts = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            raise ValueError("no other transfer coding is read")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """uvicorn's, with our refusals and without its own limits; what is raised in here ends in a refusal."""
        limits = self._limits
        parser = self.parser
        if (self._head_bytes > limits.head_bytes or self._chunk_bytes > limits.head_bytes) and (
            self._count_head() > limits.head_bytes
        ):
            self._fault = HeadTooLarge
            raise ValueError("the head is too large")
        if len(self.headers) > limits.headers:
            self._fault = HeadTooLarge
            raise ValueError("too many headers")
        method = parser.get_method()
        if self._hosts > 1 or method == b"CONNECT":
            raise ValueError("two hosts, or no address of ours")
        if parser.should_upgrade():
            self._offers_upgrade = True  # and once more without it
            return
        scope = cast("dict[str, Any]", self.scope)
        scope["method"] = method.decode("ascii")
        http_version = parser.get_http_version()
        if http_version != "1.1":
            if http_version != "1.0":
                raise ValueError("no other version is spoken")
            scope["http_version"] = http_version
        url = httptools.parse_url(self.url)
        raw_path = url.path or b"/"
        path = raw_path.decode("ascii")
        if "%" in path:
            path = urllib.parse.unquote(path)
        if path[0] != "/" or "\0" in path:
            raise ValueError("not a path")
        scope["path"] = path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""
        self._stage = _BODY
        self.headers = []  # trailers go there and nowhere: they must not become headers after the fact
        latest = cast("RequestResponseCycle | None", self.cycle)
        cycle = self.cycle = _Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=http_version != "1.0" and parser.should_keep_alive() and not self._watch.draining,
            on_response=self.on_response_complete,
        )
        cycle.watch = self._watch
        if latest is None or latest.response_complete:
            self._running = cycle
            self._start_asgi_task(cycle, self._application)
        else:
            self.pipeline.appendleft((cycle, self._application))
            if len(self.pipeline) > limits.pipelined:
                self._fault = QueueFull
                raise ValueError("too many requests ahead of their answers")
            if len(self.pipeline) * 8 > limits.pipelined:
                # Not with the first, as uvicorn does: who does not read does not hear that the client is gone.
                self.flow.pause_reading()

    def _count_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _without_upgrade(self) -> bytes:
        """The head again, less its offer to change the protocol, for a parser that knows nothing of it.

        httptools takes the body of such a request for the other protocol's bytes. Java's HttpClient offers h2c with the
        first request of a connection, a push with its body as well as any other.
        """
        self._offers_upgrade = False
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s" % (method, self.url, version)]
        head += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*head, b"", b""])

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        self._content_bytes += len(body)
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._offers_upgrade:
            return
        if self._watch.is_doubtful and self._has_hung_up():
            # He has sent it to another machine since, and newer things behind it.
            self._fault = ShuttingDown
            raise ValueError("nobody waits for the answer")
        self._stage = _WORK
        self._timed = -1
        self._head_bytes = self._body_bytes = self._content_bytes = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def _has_hung_up(self) -> bool:
        """Whether the client has ended the connection, which we would read only behind what came before."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), _HUNG_UP)
        return bool(poll.poll(0))

    # Answers

    def on_response_complete(self) -> None:
        """The application has answered: on to the next request, or to the end of the connection."""
        self.server_state.total_requests += 1
        self._running = None
        if self.transport.is_closing():
            self.deadline = self.loop.time() + self._limits.unread_s
        elif self.pipeline:
            cycle, app = self.pipeline.pop()
            self._running = cycle
            if not self.pipeline:
                self.flow.resume_reading()
            self._start_asgi_task(cycle, app)
        elif self._last_words is not None:
            self._finish(self._last_words)
        elif self._stage == _BODY:
            self._finish(b"")  # answered before all was read: what follows is not worth reading
        else:
            self.flow.resume_reading()
            if self._stage == _WORK:
                self._stage = _IDLE
                crowded = len(self.connections) * 4 > self._limits.connections * 3
                self.deadline = self.loop.time() + (self._limits.crowded_idle_s if crowded else self._limits.idle_s)

    def _refuse(self, error: type[TurnoutError]) -> None:
        """Answers in the application's place, behind the answers to what was asked before, and closes."""
        self._watch.refused[error.code] += 1
        self._stage = _LAST
        self.deadline = math.inf
        answer = self._render(error)
        latest = cast("RequestResponseCycle | None", self.cycle)
        if latest is None or latest.response_complete:
            self._finish(answer)
            return
        if latest.more_body:  # it is this request's own body that is refused
            if self.pipeline:
                self.pipeline.popleft()
            elif latest.response_started:
                self._disconnect(latest)
                self.transport.abort()  # half an answer cannot be taken back
                return
            else:
                self._disconnect(latest)
                self._finish(answer)
                return
        self._last_words = answer
        self._discard_bytes = self._limits.linger_bytes

    def _disconnect(self, cycle: RequestResponseCycle) -> None:
        """For the application the client is gone: `receive` says so, and what it sends goes nowhere."""
        cycle.disconnected = True
        cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest)

    def _render(self, error: type[TurnoutError]) -> bytes:
        body = _problem(error, self._watch.problems_url)
        lines = [b"%s: %s\r\n" % header for header in self.server_state.default_headers]
        if issubclass(error, Unavailable):
            lines.append(b"retry-after: %d\r\n" % error.retry_after_s)
        return b"".join(
            [
                STATUS_LINE[error.status],
                *lines,
                b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
                % len(body),
                body,
            ]
        )

    def _finish(self, answer: bytes) -> None:
        """The last answer and the end of what we say; then listen a while longer.

        A socket that is closed with something unread in it sends a reset, and the client may lose the answer to it.
        """
        self._stage = _LAST
        self._discard_bytes = self._limits.linger_bytes
        self.deadline = self.loop.time() + self._limits.linger_s
        if not self.transport.is_closing():
            if answer:
                self.transport.write(answer)
            self.flow.resume_reading()
            self.transport.write_eof()

    def _discard(self, count: int) -> None:
        self._discard_bytes -= count
        if self._discard_bytes < 0:
            if self._last_words is None or self._running is None:
                self._close()
            else:
                self.flow.pause_reading()  # answers to earlier requests are still to come

    def _close(self) -> None:
        self.deadline = self.loop.time() + self._limits.unread_s
        self.transport.close()


class _Cycle(RequestResponseCycle):
    """One request and its answer."""

    watch: Watch

    def send(self, message: ASGISendEvent) -> Awaitable[None]:  # ty: ignore[incompatible-method-override]
        if self.more_body:  # of the request: it is being answered before all of it has been read
            if not self.response_started:
                self.keep_alive = False
            elif message["type"] == "http.response.body" and message.get("more_body") is not True:
                # "connection: close" is said. uvicorn would close at once; on_response_complete does it with patience.
                self.keep_alive = True
        return super().send(message)

    async def send_500_response(self) -> None:
        """The application has failed, or was cut off because the server stops."""
        error = ShuttingDown if self.watch.draining else Unexpected
        body = _problem(error, self.watch.problems_url)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"%d" % error.retry_after_s),
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _problem(error: type[TurnoutError], problems_url: str) -> bytes:
    return msgspec.json.encode(
        ProblemDocument(
            type=f"{problems_url}/{error.code}",
            title=error.title,
            status=error.status,
            detail=f"{error.title}. {error.help}",
            code=error.code,
            retryable=error.retryable,
            errors=[Problem("", error.code, f"{error.title}.", error.help)],
        )
    )
