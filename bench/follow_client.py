"""Followers of one event by server-sent events, all in this process, which reads them as cheaply as it can.

Reads what to do from its input and writes what it has seen. Latency: pushes one after another, each timed from its 200
to the message at every follower. Hold: only reads, until its input ends, while somebody else does what is measured.
"""

import selectors
import socket
import sys
import time

import msgspec

from bench import people


class FollowLoad(msgspec.Struct, frozen=True):
    """What to do."""

    port: int
    path: str
    """Of the gateway."""
    push_key: str
    read_key: str
    followers: int
    pushes: int
    """None are made where it only holds."""
    pause_s: float
    """Between two pushes, so that no batch is waited for."""
    first_serial: int
    """What is pushed first; nothing that was pushed before, or nothing changes."""


class Followed(msgspec.Struct, frozen=True):
    """What was seen, in seconds."""

    noops: list[float]
    """Round trips that do nothing, before, between and after the pushes."""
    first: list[float]
    """From each push's 200 to its message at the first follower that has it …"""
    middle: list[float]
    """… at the one in the middle …"""
    last: list[float]
    """… and at the last."""


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=FollowLoad)
    followers = [_open(load) for _ in range(load.followers)]
    if load.pushes:
        sys.stdout.buffer.write(msgspec.json.encode(_measure(load, followers)))
        return
    print("ready", flush=True)
    _hold(followers)


def _open(load: FollowLoad) -> socket.socket:
    follower = socket.create_connection(("127.0.0.1", load.port))
    follower.sendall(
        f"GET {load.path}/changes/stream HTTP/1.1\r\nHost: localhost\r\nApi-Key: {load.read_key}\r\n\r\n".encode()
    )
    received = b""
    while b"\nid: " not in received:
        piece = follower.recv(65_536)
        if not piece:
            raise SystemExit(f"no stream: {received[:300]!r}")
        received += piece
    follower.setblocking(False)
    return follower


def _measure(load: FollowLoad, followers: list[socket.socket]) -> Followed:
    pusher = socket.create_connection(("127.0.0.1", load.port))
    pusher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = selectors.EpollSelector()
    for follower in followers:
        waiting.register(follower, selectors.EVENT_READ)
    noops, first, middle, last = [], [], [], []
    nothing = make_request("/noop", load.push_key, people.body(0, 0))
    for number in range(load.pushes):
        began = time.perf_counter()
        exchange(pusher, nothing)
        noops.append(time.perf_counter() - began)
        time.sleep(load.pause_s)
        exchange(
            pusher,
            make_request(
                f"{load.path}/attendees", load.push_key, people.body(number % 1_000, load.first_serial + number)
            ),
        )
        answered = time.perf_counter()
        came: list[float] = []
        behind = set(followers)
        while behind:
            ready = waiting.select(10)
            if not ready:
                raise SystemExit(f"{len(behind)} followers were told nothing for 10 s")
            for key, _ in ready:
                if b"event: change" in key.fileobj.recv(65_536):  # ty: ignore[missing-attribute]
                    came.append(time.perf_counter() - answered)
                    behind.discard(key.fileobj)
        first.append(came[0])
        middle.append(came[len(came) // 2])
        last.append(came[-1])
    return Followed(noops, first, middle, last)


def _hold(followers: list[socket.socket]) -> None:
    waiting = selectors.EpollSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    for follower in followers:
        waiting.register(follower, selectors.EVENT_READ)
    buffer = bytearray(1 << 20)
    read_bytes = 0
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                print(read_bytes, flush=True)
                return
            count = key.fileobj.recv_into(buffer)  # ty: ignore[missing-attribute]
            if not count:
                raise SystemExit("a stream has ended")
            read_bytes += count


def make_request(path: str, key: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nApi-Key: {key}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def exchange(pusher: socket.socket, request: bytes) -> None:
    pusher.sendall(request)
    received = pusher.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += pusher.recv(65_536)
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"answered with {received[:300]!r}")


if __name__ == "__main__":
    main()
