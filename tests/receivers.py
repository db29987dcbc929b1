"""A receiver of webhooks over real sockets: it answers as it is told to, well and badly, and notes what it was sent."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import msgspec
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from tests.patience import PATIENCE_S


class Request(msgspec.Struct, frozen=True):
    """What came."""

    number: int
    """0, 1, 2 … in the order in which it came."""
    path: str
    headers: dict[str, str]
    """By name in small letters."""
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def topic(self) -> str:
        return str(self.json["type"])

    @property
    def sequence(self) -> int:
        return int(self.json["data"]["sequence"])

    @property
    def attendee_id(self) -> str:
        return str(self.json["data"]["attendee"]["id"])

    def is_signed(self, *secrets: str) -> bool:
        """Whether the reference library says so of each of these secrets."""
        try:
            for secret in secrets:
                Verifier(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


Answer = Callable[["Request", socket.socket], None]
"""Writes an answer, or does something else; the connection is closed where it raises OSError, or has closed it."""


def say(status: int, body: bytes = b"", **headers: str) -> Answer:
    """An answer as it should be."""

    def answer(_: Request, connection: socket.socket) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


def say_bytes(content: bytes) -> Answer:
    """Just these, and then it hangs up: half an answer, a lie about its length, no HTTP at all."""

    def answer(request: Request, connection: socket.socket) -> None:
        connection.sendall(content)
        hang_up(request, connection)

    return answer


def hang_up(_: Request, connection: socket.socket) -> None:
    """Without an answer."""
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def trickle(content: bytes, every_s: float) -> Answer:
    """A byte now and then, for ever."""

    def answer(_: Request, connection: socket.socket) -> None:
        connection.sendall(content)
        while True:
            time.sleep(every_s)
            connection.sendall(b"x")

    return answer


def pour(content: bytes) -> Answer:
    """Without end, as fast as it is read."""

    def answer(_: Request, connection: socket.socket) -> None:
        connection.sendall(content)
        while True:
            connection.sendall(b"x" * 65_536)

    return answer


class Gate:
    """Holds answers back until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def wait(self) -> None:
        self._open.wait(PATIENCE_S)

    def then(self, answer: Answer) -> Answer:
        def wait(request: Request, connection: socket.socket) -> None:
            self.wait()
            answer(request, connection)

        return wait


class Receiver:
    """An endpoint. `answer` is asked for each request; at first every one is answered with 204."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server((host, 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}/hook"
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: say(204)
        self.most_at_once = 0
        self.connections = 0
        """How many there have been."""
        self._tls = tls
        self._at_once = 0
        self._news = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._is_closed = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        # Wakes whoever accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._news:
            for connection in self._connections:
                connection.close()

    def answer_with(self, *answers: Answer) -> None:
        """These in turn, and the last one from then on."""

        def choose(request: Request) -> Answer:
            return answers[min(request.number, len(answers) - 1)]

        self.answer = choose

    def wait_for(self, number: int, of: Callable[[Request], bool] = lambda _: True) -> list[Request]:
        """So many requests of that sort, at least."""
        return self.wait_until(lambda requests: sum(map(of, requests)) >= number, of)

    def wait_until(
        self, is_enough: Callable[[Sequence[Request]], bool], of: Callable[[Request], bool] = lambda _: True
    ) -> list[Request]:
        """Those of that sort that there are when it is enough."""
        with self._news:
            enough = self._news.wait_for(lambda: is_enough(self.requests), PATIENCE_S)
            topics = [(one.id, one.body[:60]) for one in self.requests[-10:]]
            assert enough, f"{len(self.requests)} requests came, the last ones {topics}."
            return [one for one in self.requests if of(one)]

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._news:
            self.connections += 1
            self._connections.add(connection)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection.makefile("rb") as stream:
                while self._serve_one(connection, stream):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            with self._news:
                self._connections.discard(connection)

    def _serve_one(self, connection: socket.socket, stream: Any) -> bool:
        line = stream.readline()
        if not line:
            return False
        headers: dict[str, str] = {}
        while (field := stream.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        body = stream.read(size)
        if not field or len(body) < size:
            # Whoever sent it was killed in the midst of it.
            return False
        with self._news:
            request = Request(len(self.requests), line.decode().split(" ")[1], headers, body, time.time())
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self.answer(request)
            self._news.notify_all()
        try:
            answer(request, connection)
        finally:
            with self._news:
                self._at_once -= 1
        return connection.fileno() != -1
