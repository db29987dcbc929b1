"""Open consoles, all in this process: what a browser's live page asks for, read and timed, and drawn by nobody.

Reads what to do from its input. It says when all of them are live, and then either only reads until a line comes, while
somebody else does what is measured; or pushes itself, so many a second, and times what it is shown.
"""

import re
import selectors
import socket
import sys
import threading
import time
import zlib

import msgspec

from bench import people
from bench.follow_client import exchange, make_request
from turnout.now import made_at

_PUSHERS = 4
"""Threads that push, each on a connection of its own."""
_PATIENCE_S = 20
_ROW = re.compile(rb'<tr id="(psh_[^"]+)"')


class ConsoleLoad(msgspec.Struct, frozen=True):
    """What to do."""

    port: int
    consoles: tuple[tuple[str, str], ...]
    """Each page's path and the cookie of who looks at it."""
    push_path: str
    push_key: str
    attendees: int
    first_serial: int
    """What is pushed first; nothing that was pushed before, or nothing changes."""
    pushes_per_s: int = 0
    """None where it only looks."""
    seconds: float = 0


class Seen(msgspec.Struct, frozen=True):
    """What the consoles were sent while it was measured."""

    gaps: list[float]
    """Between two messages at one console, in seconds."""
    delays: list[float]
    """From a push's arrival at the server to its row at a console, in seconds."""
    sizes: list[int]
    """Of messages as they are sent, packed, in bytes."""
    least: int
    """Messages at the console that was sent the fewest."""


class Console:
    """One page's stream."""

    def __init__(self, load: ConsoleLoad, path: str, cookie: str) -> None:
        self.connection = socket.create_connection(("127.0.0.1", load.port))
        page = f"http://localhost:{load.port}{path}"
        self.connection.sendall(
            f"GET {path}/live HTTP/1.1\r\nHost: localhost:{load.port}\r\nAccept: text/event-stream\r\n"
            f"Accept-Encoding: gzip\r\nCookie: {cookie}\r\nHX-Request: true\r\nHX-Current-URL: {page}\r\n\r\n".encode()
        )
        self._chunks = b""
        self._rest = b""
        self._unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._is_open = False
        self._last_at: float | None = None
        self.messages = 0
        self.gaps: list[float] = []
        self.delays: list[float] = []
        self.sizes: list[int] = []

    def receive(self) -> None:
        piece = self.connection.recv(1 << 18)
        if not piece:
            raise SystemExit(f"a console was cut off: {self._chunks[:300]!r}")
        self._chunks += piece
        if not self._is_open:
            head, end, rest = self._chunks.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 200 " not in head.splitlines()[0] or b"content-encoding: gzip" not in head.lower():
                raise SystemExit(f"no live page: {head[:300]!r}")
            self._is_open, self._chunks = True, rest
        while (chunk := self._take_chunk()) is not None:
            self._rest += self._unpacker.decompress(chunk)
            *whole, self._rest = self._rest.split(b"\n\n")
            for message in whole:
                if message.startswith(b"data: "):
                    self._count(message, len(chunk))

    def _take_chunk(self) -> bytes | None:
        """The next one that is whole."""
        size, end, rest = self._chunks.partition(b"\r\n")
        length = int(size, 16) if end else 0
        if not end or len(rest) < length + 2:
            return None
        self._chunks = rest[length + 2 :]
        return rest[:length]

    def forget(self) -> None:
        """What came until now; the beginning of the page is none of what is measured."""
        self.messages, self._last_at = 0, None
        self.gaps, self.delays, self.sizes = [], [], []

    def _count(self, message: bytes, sent_bytes: int) -> None:
        now = time.perf_counter()
        if self._last_at is not None:
            self.gaps.append(now - self._last_at)
        self._last_at = now
        self.messages += 1
        self.sizes.append(sent_bytes)
        shown_at = time.time()
        self.delays += [shown_at - made_at(push_id.decode()) / 1e6 for push_id in _ROW.findall(message)]


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=ConsoleLoad)
    consoles = [Console(load, path, cookie) for path, cookie in load.consoles]
    waiting = selectors.EpollSelector()
    for console in consoles:
        waiting.register(console.connection, selectors.EVENT_READ, console)
    until = time.monotonic() + _PATIENCE_S
    while not all(console.messages for console in consoles):
        if time.monotonic() > until:
            raise SystemExit("the consoles are not live")
        _read(waiting, 1)
    for console in consoles:
        console.forget()
    print("live", flush=True)
    if load.pushes_per_s:
        _push_and_look(load, waiting)
    else:
        _look(waiting)
    seen = Seen(
        [gap for console in consoles for gap in console.gaps],
        [delay for console in consoles for delay in console.delays],
        [size for console in consoles for size in console.sizes],
        min((console.messages for console in consoles), default=0),
    )
    sys.stdout.buffer.write(msgspec.json.encode(seen))


def _read(waiting: selectors.BaseSelector, longest_s: float) -> bool:
    """Whether anybody has said something on the input."""
    is_told = False
    for key, _ in waiting.select(longest_s):
        if isinstance(key.data, Console):
            key.data.receive()
        else:
            is_told = True
    return is_told


def _look(waiting: selectors.BaseSelector) -> None:
    waiting.register(sys.stdin, selectors.EVENT_READ)
    while not _read(waiting, 1):
        pass


def _push_and_look(load: ConsoleLoad, waiting: selectors.BaseSelector) -> None:
    failed: list[OSError | SystemExit] = []
    pushers = [threading.Thread(target=_push, args=(load, number, failed)) for number in range(_PUSHERS)]
    for pusher in pushers:
        pusher.start()
    while any(pusher.is_alive() for pusher in pushers):
        _read(waiting, 0.2)
    if failed:
        raise SystemExit(f"a push failed: {failed[0]}")


def _push(load: ConsoleLoad, number: int, failed: list[OSError | SystemExit]) -> None:
    """At equal distances, whatever the one before has taken."""
    try:
        connection = socket.create_connection(("127.0.0.1", load.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        for at in range(number, round(load.pushes_per_s * load.seconds), _PUSHERS):
            early_s = began + at / load.pushes_per_s - time.perf_counter()
            if early_s > 0:
                time.sleep(early_s)
            body = people.body(at % load.attendees, load.first_serial + at)
            exchange(connection, make_request(f"{load.push_path}/attendees", load.push_key, body))
        if time.perf_counter() - began > load.seconds * 1.1:
            raise SystemExit(f"{load.pushes_per_s} pushes a second are more than were taken")
    except (OSError, SystemExit) as error:
        failed.append(error)


if __name__ == "__main__":
    main()
