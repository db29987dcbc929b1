"""Bodies that come slowly, never end or break off, many at once, while others are served (design, 6)."""

import json
import socket
from collections.abc import Callable

import pytest

from tests.hostile.target import MIB, Answer, Target, all_at_once, wait_until

PUSH = b'{"profile.email":"victim@example.org"}'


def open_bodies(target: Target, number: int, length: int, sent: int, key: str | None) -> list[socket.socket]:
    """So many requests of which so many bytes of the body have arrived, and the rest never comes."""
    connections = []
    for _ in range(number):
        connection = target.connect()
        connection.sendall(target.head(length, path=f"{target.path}/batch", key=key) + b" " * sent)
        connections.append(connection)
    return connections


@pytest.mark.parametrize("key", ["", None], ids=["good key", "no key"])
def test_a_hundred_bodies_that_do_not_end_hold_nobody_up(target: Target, key: str | None) -> None:
    connections = open_bodies(target, 100, MIB, 512 * 1024, key)
    wait_until(lambda: target.held_bytes >= 50 * MIB, "they do not arrive")
    with target.others_at_work(within_s=1) as seconds:
        wait_until(lambda: len(seconds) > 20, "others are not served")
    assert target.peak_mib < 300, f"{target.peak_mib:.0f} MiB"
    for connection in connections[::2]:
        connection.close()  # with an end …
    for connection in connections[1::2]:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()  # … and with a reset
    wait_until(lambda: target.held_bytes == 0, "what will never come is still waited for")


@pytest.mark.parametrize("key", ["", None], ids=["good key", "no key"])
def test_a_few_large_bodies_that_do_not_end_do_not_fill_all_the_room(target: Target, key: str | None) -> None:
    """Four of 32 MiB are as much as may be held; pushes go on, and large requests are told to come again."""
    connections = open_bodies(target, 4, 32 * MIB, 32 * MIB - 1, key)
    wait_until(lambda: target.held_bytes >= 80 * MIB, "they do not arrive")
    with target.others_at_work(within_s=1) as seconds:
        wait_until(lambda: len(seconds) > 20, "others are not served")
    answer = target.batch(b"[" + b" " * 31 * MIB + b"]")
    assert (answer.code, answer.seconds < 2) == ("queue_full", True)
    assert target.peak_mib < 350, f"{target.peak_mib:.0f} MiB"
    for connection in connections:
        connection.close()


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
    assert target.peak_mib < 300, f"{target.peak_mib:.0f} MiB"


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
    with target.others_at_work(within_s=1) as seconds:
        wait_until(lambda: len(seconds) > 10, "others are not served")
    for connection in connections:
        connection.close()


def test_requests_without_pause_on_many_connections_are_all_answered(target: Target) -> None:
    def attack() -> Answer:
        with target.connect() as connection:
            connection.sendall((target.head(len(PUSH)) + PUSH) * 20)
            return [target.read(connection) for _ in range(20)][-1]

    attacks: list[Callable[[], Answer]] = [attack] * 10
    with target.others_at_work(within_s=2):
        assert {answer.status for answer in all_at_once(attacks)} == {200}
