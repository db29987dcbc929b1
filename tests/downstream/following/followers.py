"""Followers over real HTTP: by asking, and by a stream of which a test reads what it wants to."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

from tests.patience import PATIENCE_S
from tests.product import TestedEvent, make_address
from turnout.events import keys


def make_read_key(event: TestedEvent, *, groups: list[str] | None = None, fields: list[str] | None = None) -> str:
    """A read key, limited where that is said."""
    return keys.create(event.database, event.id, scope="read", groups=groups, fields=fields).text


class Message:
    """One message of a stream, or a comment."""

    def __init__(self, block: bytes) -> None:
        self.id: int | None = None
        self.event = ""
        self.data: Any = None
        self.comment = False
        self.retry: int | None = None
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if line.startswith(":"):
                self.comment = True
            elif name == "id":
                self.id = int(value)
            elif name == "event":
                self.event = value
            elif name == "data":
                self.data = json.loads(value)
            elif name == "retry":
                self.retry = int(value)


class StreamReader:
    """A follower by server-sent events on a socket of its own, read no further than it is asked for."""

    def __init__(self, event: TestedEvent, key: str, query: str = "", *, last_id: int | str | None = None) -> None:
        url = urlsplit(event.gateway)
        assert url.hostname is not None
        self.socket = socket.socket()
        # As little as possible waits in the kernel, where a test asks what a slow reader does.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.settimeout(PATIENCE_S)
        self._left = b""
        self.last_id: int | None = None
        self._connection = http.client.HTTPConnection(url.hostname, url.port)
        self._connection.sock = self.socket
        headers = {"Api-Key": key, "X-Forwarded-For": make_address()}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        try:
            self.socket.connect((url.hostname, url.port or 80))
            self._connection.request("GET", f"{url.path}/changes/stream{query}", headers=headers)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()
        self.socket.close()

    @cached_property
    def answer(self) -> http.client.HTTPResponse:
        """The status and the headers."""
        return self._connection.getresponse()

    def read_rest(self) -> bytes:
        """All there is until the server ends it."""
        while piece := self._receive():
            self._left += piece
        return self._left

    def messages(self) -> Iterator[Message]:
        """Everything that comes, until the server ends it."""
        while (block := self._read_block()) is not None:
            message = Message(block)
            if message.id is not None:
                self.last_id = message.id
            yield message

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of the log, as they come."""
        for message in self.messages():
            if message.data is not None:
                assert message.event == "change"
                assert message.id == message.data["sequence"]
                yield message.data

    def _read_block(self) -> bytes | None:
        while b"\n\n" not in self._left:
            piece = self._receive()
            if not piece:
                return None
            self._left += piece
        found, self._left = self._left.split(b"\n\n", 1)
        return found

    def _receive(self) -> bytes:
        try:
            return self.answer.read1(65_536)
        except (ConnectionResetError, http.client.IncompleteRead):
            return b""


def open_stream(event: TestedEvent, key: str, query: str = "", *, last_id: int | str | None = None) -> StreamReader:
    """A follower to whom the server has answered."""
    reader = StreamReader(event, key, query, last_id=last_id)
    assert reader.answer.status == 200, reader.read_rest()
    return reader


def poll(event: TestedEvent, key: str, query: str = "") -> dict[str, Any]:
    """One answer to a follower who asks."""
    response = event.get(f"/changes{query}", key=key)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def run_beside(work: Callable[[], None]) -> threading.Thread:
    """Does this in a thread; `join` it."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread
