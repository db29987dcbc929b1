"""Bodies that come slowly, never end or break off, many at once, while others are served (design, 6)."""

import gzip
import json
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress

import pytest

from tests.hostile.target import MIB, Target, all_at_once, wait_until

PUSH = b'{"profile.email":"victim@example.org"}'


@contextmanager
def open_bodies(target: Target, number: int, length: int, key: str | None) -> Generator[list[socket.socket]]:
    """So many requests of which the last byte never comes, as far as they are taken."""
    connections = [target.connect() for _ in range(number)]
    for connection in connections:
        with suppress(OSError):  # refused while it is sent
            connection.sendall(target.head(length, path=f"{target.path}/batch", key=key) + b" " * (length - 1))
    try:
        yield connections
    finally:
        for connection in connections[1::2]:
            # With a reset; the others end politely.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for connection in connections:
            connection.close()
    wait_until(lambda: target.held_bytes == 0, "what will never come is still waited for")


@pytest.mark.parametrize("key", ["", None], ids=["good key", "no key"])
def test_a_hundred_bodies_that_do_not_end_hold_nobody_up(target: Target, key: str | None) -> None:
    with open_bodies(target, 100, MIB // 2, key):
        wait_until(lambda: target.held_bytes >= 49 * MIB, "they do not arrive")
        with target.others_at_work(within_s=2) as seconds:
            wait_until(lambda: len(seconds) > 20, "others are not served")
        assert target.extra_mib < 150, f"{target.extra_mib:.0f} MiB"


@pytest.mark.parametrize("key", ["", None], ids=["good key", "no key"])
def test_a_few_large_bodies_that_do_not_end_do_not_keep_everybody_out(target: Target, key: str | None) -> None:
    """Four of 32 MiB are all that may be held; pushes go on, and other large requests are told to come again."""
    with open_bodies(target, 4, 32 * MIB, key):
        wait_until(lambda: target.held_bytes >= 80 * MIB, "they do not arrive")
        with target.others_at_work(within_s=2) as seconds:
            wait_until(lambda: len(seconds) > 20, "others are not served")
        answer = target.batch(gzip.compress(b"[" + b" " * 20 * MIB + b"]", 1), "Content-Encoding: gzip")
        assert answer.code == "queue_full"
        assert answer.seconds < 2
        assert target.extra_mib < 250, f"{target.extra_mib:.0f} MiB"


def test_bodies_that_break_off_change_nothing(target: Target) -> None:
    sequence = len(target.event.changes())
    for cut in (0, 1, len(PUSH) // 2, len(PUSH) - 1):
        with target.connect() as connection:
            connection.sendall(target.head(len(PUSH)) + PUSH[:cut])
            connection.shutdown(socket.SHUT_WR)
            assert not connection.recv(100).startswith(b"HTTP/1.1 200")
        with target.connect() as connection:
            connection.sendall(target.head(None, "Transfer-Encoding: chunked") + b"%x\r\n" % len(PUSH) + PUSH[:cut])
    for size in (b"", b"-1", b"0x5", b"5;" + b"x" * 70_000, b"fffffffffffffffff", b" 5"):
        with target.connect() as connection:
            connection.sendall(target.head(None, "Transfer-Encoding: chunked") + size + b"\r\n" + PUSH)
            assert target.read(connection, (400,)).code in ("malformed_request", "head_too_large")
    assert len(target.event.changes()) == sequence


def test_answers_that_nobody_reads_hold_nobody_up(target: Target) -> None:
    """Each some MiB of receipts, to be written into a socket that is full."""
    title = "t" * 3_000
    items = [{"profile": {"email": f"p{number}@example.org", "title": title}} for number in range(1_000)]
    body = json.dumps(items).encode()
    connections = [target.connect() for _ in range(8)]
    with target.others_at_work(within_s=2):
        for connection in connections:
            connection.sendall(target.head(len(body), path=f"{target.path}/batch?dryRun=true") + body)
        wait_until(lambda: target.held_bytes == 0, "they are not worked on")
    for connection in connections:
        connection.close()
    assert target.extra_mib < 150, f"{target.extra_mib:.0f} MiB"


def test_a_body_byte_by_byte_is_a_body(target: Target) -> None:
    with target.connect() as connection:
        connection.sendall(target.head(None, "Transfer-Encoding: chunked"))
        for byte in PUSH:
            connection.sendall(b"1\r\n%c\r\n" % byte)
        connection.sendall(b"0\r\n\r\n")
        assert target.read(connection).status == 200


def test_connections_without_a_word_hold_nobody_up(target: Target) -> None:
    connections = [target.connect() for _ in range(500)]
    for connection in connections[::2]:
        connection.sendall(b"POST /e/")
    with target.others_at_work(within_s=2) as seconds:
        wait_until(lambda: len(seconds) > 10, "others are not served")
    for connection in connections:
        connection.close()


def test_requests_sent_ahead_on_many_connections_are_all_answered(target: Target) -> None:
    """Twenty on each of ten, before the first answer is read."""

    def attack() -> int:
        with target.connect() as connection:
            connection.sendall((target.head(len(PUSH)) + PUSH) * 20)
            read = b""
            while read.count(b"HTTP/1.1 200") < 20:
                data = connection.recv(65_536)
                assert data, read
                read += data
            return read.count(b"HTTP/1.1 ")

    with target.others_at_work(within_s=2):
        assert all_at_once([attack] * 10) == [20] * 10
