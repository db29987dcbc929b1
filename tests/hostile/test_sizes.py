"""Bodies over the limit, as sent or as unpacked, and bombs (B1, B6, E1)."""

import gzip
import itertools
import socket
import zlib
from collections.abc import Iterable

import pytest

from tests.hostile.target import MIB, Answer, Target, wait_until
from tests.patience import PATIENCE_S

EXTRA_MIB = 200
"""With one body of at most 32 MiB at a time."""
PUSH = b'{"profile.email":"victim@example.org"}'


def test_b6_a_declared_length_over_the_limit_is_refused_before_the_body(target: Target) -> None:
    """The answer comes while nothing of the body was sent."""
    for path, size in ((target.path, MIB + 1), (f"{target.path}/batch", 32 * MIB + 1), (target.path, 2**63 - 1)):
        for key, status in (("", 500), (None, 401)):
            with target.connect() as connection:
                connection.sendall(target.head(size, path=path, key=key))
                answer = target.read(connection, (status,))
                assert answer.code == ("body_too_large" if key == "" else "unauthorized")
    assert target.extra_mib < 16


@pytest.mark.parametrize(("path", "limit"), [("", MIB), ("/batch", 32 * MIB)], ids=["push", "batch"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_b6_a_body_of_unknown_length_is_refused_once_it_is_too_large(
    target: Target, path: str, limit: int, encoding: str
) -> None:
    """Sent without end, it comes to an end a little behind the limit."""
    with target.connect() as connection:
        connection.sendall(
            target.head(
                None, "Transfer-Encoding: chunked", f"Content-Encoding: {encoding}", path=target.path + path, key=""
            )
        )
        stored = zlib.compressobj(0, wbits=31)
        pieces: Iterable[bytes] = (b" " * 65_536 for _ in itertools.count())
        if encoding == "gzip":
            pieces = filter(None, map(stored.compress, pieces))
        sent = send_until_refused(connection, pieces)
        assert sent < limit + 40 * MIB  # what lies in sockets' buffers, and what is thrown away so that we read this
        answer = target.read(connection)
    assert (answer.status, answer.code) == (500, "body_too_large")
    assert target.extra_mib < EXTRA_MIB


def send_until_refused(connection: socket.socket, pieces: Iterable[bytes]) -> int:
    """Sends chunk by chunk until an answer is there, or nothing is taken any more; gives the bytes sent."""
    sent = 0
    connection.settimeout(PATIENCE_S)
    for piece in pieces:
        connection.setblocking(False)
        try:
            if connection.recv(1, 2):  # MSG_PEEK
                break
        except BlockingIOError:
            pass
        finally:
            connection.settimeout(PATIENCE_S)
        try:
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        except OSError:
            break
        sent += len(piece)
    return sent


def pack(encoding: str, content: Iterable[bytes]) -> bytes:
    packer = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15, "raw": -15}[encoding])
    return b"".join([*map(packer.compress, content), packer.flush()])


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Half a GiB of zeros, packed in every way."""
    zeros = [bytes(MIB)] * 512
    member = pack("gzip", zeros[:32])
    gzipped = pack("gzip", zeros)
    return {
        "gzip": gzipped,
        "deflate": pack("deflate", zeros),
        "deflate without header": pack("raw", zeros),
        "gzip, many members": member * 16,
        "gzip, a member in a member": gzip.compress(gzipped, 9),
        "gzip, many empty members": gzip.compress(b"") * 40_000,
        "gzip of a bomb in JSON": pack("gzip", [b'{"x":"', *zeros, b'"}']),
    }


@pytest.mark.parametrize("batch", [False, True], ids=["push", "batch"])
def test_b6_a_bomb_costs_no_memory(target: Target, bombs: dict[str, bytes], batch: bool) -> None:
    answers: dict[str, Answer] = {}
    with target.others_at_work(within_s=2):
        for name, bomb in bombs.items():
            path = target.path + ("/batch" if batch else "")
            for key in ("", None):
                answers[name] = target.ask(
                    bomb, f"Content-Encoding: {name[:4].replace('defl', 'deflate')}", path=path, key=key
                )
                assert answers[name].status == (500 if key == "" else 401), name
    assert target.extra_mib < EXTRA_MIB, f"{target.extra_mib:.0f} MiB"


def test_what_was_refused_is_forgotten_at_once(target: Target) -> None:
    """An error that leads back to what was read would keep 32 MiB of each until they are collected."""
    space = b" " * (31 * MIB)
    refused = [
        gzip.compress(space + space, 1),
        gzip.compress(b'[{"key":"trn_0_0"}' + space + b"]", 1),
        gzip.compress(b"[{]" + space, 1),
    ]
    target.work()
    before = target.used_mib
    for _ in range(4):
        for body in refused:
            for key in ("", None):
                target.ask(body, "Content-Encoding: gzip", path=f"{target.path}/batch", key=key)
    wait_until(lambda: target.used_mib < before + 200, "what was refused is kept")


ENCODINGS = [
    "gzip, gzip",
    "gzip,deflate",
    "br",
    "zstd",
    "compress",
    "GZIP\t",
    "identity, gzip",
    "x" * 6_000,
    "\xff",
    ",",
    "",
]


def test_b1_odd_encodings_have_an_answer(target: Target) -> None:
    for encoding in ENCODINGS:
        for body in (PUSH, gzip.compress(PUSH), gzip.compress(gzip.compress(PUSH)), gzip.compress(PUSH)[:-9], b"\x1f"):
            answer = target.ask(body, f"Content-Encoding: {encoding}")
            assert answer.status == 200 or answer.code in ("unsupported_encoding", "malformed_body"), encoding


@pytest.mark.parametrize("digits", [20, 5_000, 60_000])
def test_a_length_with_any_number_of_zeros_before_it_is_that_length(target: Target, digits: int) -> None:
    """RFC 9110 allows them; Python's `int` reads no more than 4,300 digits."""
    with target.connect() as connection:
        connection.sendall(target.head(None, f"Content-Length: {len(PUSH):0{digits}}") + PUSH)
        assert target.read(connection).status == 200
