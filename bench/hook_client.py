"""A receiver of webhooks, and who pushes what it is told of; in one process, which does both as cheaply as it can.

Reads what to do from its input. It says on which port it listens, waits for a line, and then writes what it has seen.
Latency: pushes one after another, each timed from its 200 to the request at the receiver. Hold: only receives, until
its input ends, while somebody else does what is measured.
"""

import selectors
import socket
import sys
import time

import msgspec

from bench import people
from bench.follow_client import exchange, make_request

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class HookLoad(msgspec.Struct, frozen=True):
    """What to do."""

    port: int
    path: str
    """Of the gateway."""
    push_key: str
    pushes: int
    """None are made where it only holds."""
    pause_s: float
    first_serial: int
    """What is pushed first; nothing that was pushed before, or nothing changes."""


class Hooked(msgspec.Struct, frozen=True):
    """What was seen."""

    noops: list[float]
    """Round trips that do nothing, in seconds."""
    delays: list[float]
    """From each push's 200 to the request at the receiver, in seconds."""
    received: int
    seconds: float
    """From the first request to the last."""


class Receiver:
    """Counts requests and answers them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.waiting = selectors.EpollSelector()
        self.waiting.register(self._listener, selectors.EVENT_READ)
        self._rest: dict[socket.socket, bytes] = {}
        self.received = 0
        self.first_at = self.last_at = 0.0

    def receive(self, longest_s: float | None) -> None:
        for key, _ in self.waiting.select(longest_s):
            if key.fileobj is self._listener:
                connection, _ = self._listener.accept()
                self._rest[connection] = b""
                self.waiting.register(connection, selectors.EVENT_READ)
            elif isinstance(key.fileobj, socket.socket):
                self._read(key.fileobj)

    def _read(self, connection: socket.socket) -> None:
        piece = connection.recv(1 << 20)
        if not piece:
            self.waiting.unregister(connection)
            del self._rest[connection]
            connection.close()
            return
        received = self._rest[connection] + piece
        while (end := received.find(b"\r\n\r\n")) >= 0:
            length = int(received[:end].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(received) < end + 4 + length:
                break
            received = received[end + 4 + length :]
            self.last_at = time.perf_counter()
            self.first_at = self.first_at or self.last_at
            self.received += 1
            connection.sendall(_ANSWER)
        self._rest[connection] = received


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=HookLoad)
    receiver = Receiver()
    print(receiver.port, flush=True)
    sys.stdin.buffer.readline()
    noops, delays = _measure(load, receiver) if load.pushes else _hold(receiver)
    seen = Hooked(noops, delays, receiver.received, receiver.last_at - receiver.first_at)
    sys.stdout.buffer.write(msgspec.json.encode(seen))


def _measure(load: HookLoad, receiver: Receiver) -> tuple[list[float], list[float]]:
    pusher = socket.create_connection(("127.0.0.1", load.port))
    pusher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    noops, delays = [], []
    nothing = make_request("/noop", load.push_key, people.body(0, 0))
    for number in range(load.pushes):
        began = time.perf_counter()
        exchange(pusher, nothing)
        noops.append(time.perf_counter() - began)
        time.sleep(load.pause_s)
        body = people.body(number % 1_000, load.first_serial + number)
        exchange(pusher, make_request(f"{load.path}/attendees", load.push_key, body))
        answered = time.perf_counter()
        wanted = receiver.received + 1
        while receiver.received < wanted:
            if time.perf_counter() - answered > 10:
                raise SystemExit("the receiver was told nothing for 10 s")
            receiver.receive(1)
        delays.append(receiver.last_at - answered)
    # The first one waits until the server has seen that there is a webhook.
    return noops[1:], delays[1:]


def _hold(receiver: Receiver) -> tuple[list[float], list[float]]:
    """Until a line comes, and from then on until nothing has come for two seconds."""
    is_told = False
    receiver.waiting.register(sys.stdin, selectors.EVENT_READ)
    seen, since = 0, time.perf_counter()
    while not is_told or time.perf_counter() - since < 2:
        receiver.receive(0.5)
        if receiver.received > seen:
            seen, since = receiver.received, time.perf_counter()
        if not is_told and any(key.fileobj is sys.stdin for key, _ in receiver.waiting.select(0)):
            receiver.waiting.unregister(sys.stdin)
            is_told, since = True, time.perf_counter()
    return [], []


if __name__ == "__main__":
    main()
