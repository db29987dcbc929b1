"""Requests to the outside reach nobody on the inside, whatever the spelling, and end in time whatever comes back."""

import asyncio
import gc
import gzip
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.fair_time import FairTime
from tests.receivers import Gate, Receiver, hang_up, pour, say, say_bytes, trickle
from turnout.outside import http
from turnout.outside.addresses import is_public
from turnout.outside.http import Answer, NoAnswer, Outside, Refused


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def post(
    url: str,
    *,
    allow_private: bool = False,
    resolve: http.Resolve | None = None,
    limit_s: float = 10,
    body: bytes = b"{}",
) -> Answer:
    async def run() -> Answer:
        outside = Outside(allow_private=allow_private, resolve=resolve)
        try:
            return await outside.post(url, body, {"content-type": "application/json"}, limit_s)
        finally:
            await outside.close()

    return asyncio.run(run())


# --- Where it goes ---------------------------------------------------------------------------------------------------

INSIDE = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.000.000.001:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://localhost.:{port}/",
    "http://LOCALHOST:{port}/",
    "HTTP://LocalHost:{port}/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:{port}/",
    "http://ｌｏｃａｌｈｏｓｔ:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd00:ec2::254]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/metadata/",
    "http://192.0.0.192/opc/v2/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://example.org@127.0.0.1:{port}/",
    "http://user:secret@localhost:{port}/",
    "http://127.0.0.1:{port}\\@example.org/",
    "http://127.0.0.1:{port}#@example.org/",
    "http://example.org\t@127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "//127.0.0.1:{port}/",
    "http://",
    "http:///path",
    "127.0.0.1:{port}",
]


@pytest.mark.parametrize("url", INSIDE)
def test_nothing_on_the_inside_is_reached_in_any_spelling(url: str, receiver: Receiver) -> None:
    """ "Requests to private, loopback and link-local addresses, in whatever spelling, are refused." """
    with pytest.raises(NoAnswer) as refused:
        post(url.format(port=receiver.port))
    # A few spellings are no address at all to the system, and cannot be looked up.
    assert isinstance(refused.value, Refused) or "cannot be looked up" in str(refused.value)
    assert receiver.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "172.15.255.255",
        "100.63.255.255",
        "100.128.0.1",
        "192.0.1.1",
        "2606:4700::1",
        "2a00:1450:4001:82f::200e",
        "2001:4860:4860::8888",
        "2400:cb00::1",
        "223.255.255.255",
    ],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "64:ff9b:1::1",
        "100::1",
        "4000::1",
        "192.88.99.1",
        "fe80::1%eth0",
        "203.0.113.7",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
    ],
)
def test_what_is_no_public_address_is_not(address: str) -> None:
    assert not is_public(address)


def test_whoever_is_allowed_to_reaches_the_inside(receiver: Receiver) -> None:
    assert post(receiver.url, allow_private=True).status == 204
    [request] = receiver.requests
    assert request.path == "/hook"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_the_address_that_was_judged_is_the_one_connected_to(receiver: Receiver) -> None:
    """Or a name could mean a public address when it is judged, and this machine a moment later (DNS rebinding)."""
    asked = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        # Nobody is at the first; documentation's addresses count as inside, so take one that leads nowhere.
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.1"]

    with pytest.raises(NoAnswer) as failed:
        post(f"http://rebinding.example:{receiver.port}/", resolve=resolve, limit_s=2)
    assert not isinstance(failed.value, Refused)
    assert asked == ["rebinding.example"]
    assert receiver.requests == []
    with pytest.raises(Refused, match=r"rebinding.example \(127.0.0.1\) is this machine itself"):
        post(f"http://rebinding.example:{receiver.port}/", resolve=resolve)
    assert receiver.requests == []


def test_of_a_name_with_both_only_the_public_addresses_are_tried(receiver: Receiver) -> None:
    with pytest.raises(NoAnswer) as failed:
        post(f"http://both.example:{receiver.port}/", resolve=lambda *_: ["127.0.0.1", "8.8.8.8"], limit_s=2)
    assert not isinstance(failed.value, Refused)
    assert receiver.requests == []


def test_a_connection_that_was_allowed_to_the_inside_serves_nobody_else(receiver: Receiver) -> None:
    async def run() -> None:
        allowed, guarded = Outside(allow_private=True), Outside()
        await allowed.post(receiver.url, b"", {})
        with pytest.raises(Refused):
            await guarded.post(receiver.url, b"", {})
        await allowed.close()
        await guarded.close()

    asyncio.run(run())
    assert len(receiver.requests) == 1


def test_redirects_are_answers_like_others(receiver: Receiver) -> None:
    with Receiver() as other:
        receiver.answer_with(say(302, location=other.url))
        assert post(receiver.url, allow_private=True).status == 302
        assert other.requests == []


def test_nothing_of_the_environment_counts(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url, allow_private=True).status == 204
        assert proxy.requests == []


def test_a_name_that_cannot_be_looked_up_is_told(receiver: Receiver) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NoAnswer, match=r"the name gone.example cannot be looked up: Name or service not known"):
        post("http://gone.example/", resolve=resolve)


def test_a_name_server_that_hangs_holds_up_its_own_names_only(receiver: Receiver) -> None:
    gate = Gate()
    asked = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        if host == "hanging.example":
            gate.wait()
        return ["127.0.0.1"]

    async def run() -> None:
        outside = Outside(allow_private=True, resolve=resolve)
        # The first one reads certificates too, which may take as long as the others have.
        await outside.post(f"http://quick.example:{receiver.port}/", b"", {})
        hanging = [
            asyncio.create_task(outside.post("http://hanging.example/", b"", {}, limit_s=0.5)) for _ in range(100)
        ]
        assert (await outside.post(f"http://quick.example:{receiver.port}/", b"", {})).status == 204
        for ended in await asyncio.gather(*hanging, return_exceptions=True):
            assert str(ended) == "no answer in 0.5 s"
        await outside.close()

    asyncio.run(run())
    assert asked.count("hanging.example") == 1
    gate.open()


# --- What comes back -------------------------------------------------------------------------------------------------


def test_whatever_is_trickled_the_request_ends_in_time(receiver: Receiver) -> None:
    """ "A request is given up after 15 s": not 15 s after the last byte."""
    assert http.LIMIT_S == 15
    for content in (b"", b"HTTP/1.1 200 OK\r\nx-long: ", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"):
        receiver.answer_with(trickle(content, 0.05))
        passed = FairTime()
        with pytest.raises(NoAnswer, match=r"no answer in 0.5 s|did not come to its end in time"):
            post(receiver.url, allow_private=True, limit_s=0.5)
        assert passed.seconds < 5


def test_what_hangs_while_connections_are_made_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(NoAnswer, match=r"no answer in 0.3 s"):
            post(f"https://127.0.0.1:{silent.getsockname()[1]}/", allow_private=True, limit_s=0.3)
        # Its connection is closed by now; what is left open warns when it is collected, and fails here.
        gc.collect()


def test_no_more_of_an_answer_is_read_than_is_kept(receiver: Receiver) -> None:
    for head in (
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n",
    ):
        receiver.answer_with(pour(head))
        answer = post(receiver.url, allow_private=True)
        assert answer.status == 200
        assert answer.body == b"x" * 65_536


def test_endless_headers_are_not_read(receiver: Receiver) -> None:
    for head in (b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000 + b"HTTP/1.1 200 OK\r\nx: "):
        receiver.answer_with(pour(head))
        with pytest.raises(NoAnswer, match="not HTTP"):
            post(receiver.url, allow_private=True)


def test_packed_answers_are_not_unpacked(receiver: Receiver) -> None:
    packed = gzip.compress(bytes(10_000_000))
    receiver.answer_with(say(200, packed, content_encoding="gzip"))
    assert post(receiver.url, allow_private=True).body == packed
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 2", "the connection was closed without an answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", r"the answer \(200\) did not come to its end"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal",
            r"the answer \(200\) did not come to its end",
        ),
        # Nothing of what came is quoted: it may name somebody, and is kept where nobody looks for that (F1).
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "what came back is not HTTP$"),
        (b"HTTP/1.1 2000 ann@example.org\r\n\r\n", "what came back is not HTTP$"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n", "what came back is not HTTP$"),
    ],
)
def test_half_answers_and_other_protocols_are_told_in_words(receiver: Receiver, content: bytes, told: str) -> None:
    receiver.answer_with(say_bytes(content))
    with pytest.raises(NoAnswer, match=told):
        post(receiver.url, allow_private=True)


def test_nobody_there_is_told_in_words() -> None:
    with Receiver() as gone:
        pass
    with pytest.raises(NoAnswer, match="cannot connect: "):
        post(gone.url, allow_private=True)


def test_what_was_given_up_leaves_no_connection_taken(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 10)
    gate = Gate()

    async def run() -> None:
        outside = Outside(allow_private=True)
        receiver.answer_with(gate.then(hang_up))
        given_up = [
            asyncio.create_task(outside.post(receiver.url, b"", {}, limit_s=1.0))
            for _ in range(2 * http.MAX_CONNECTIONS)
        ]
        for ended in await asyncio.gather(*given_up, return_exceptions=True):
            assert isinstance(ended, NoAnswer)
        receiver.answer_with(say(204))
        assert (await outside.post(receiver.url, b"", {})).status == 204
        await outside.close()

    asyncio.run(run())
    gate.open()


def test_connections_are_used_again(receiver: Receiver) -> None:
    async def run() -> None:
        outside = Outside(allow_private=True)
        for _ in range(5):
            await outside.post(receiver.url, b"{}", {})
        await outside.close()

    asyncio.run(run())
    assert receiver.connections == 1


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that nobody has signed."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    return tmp_path


def test_a_certificate_that_the_system_does_not_trust_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    with Receiver(tls=context) as receiver:
        url = f"https://localhost:{receiver.port}/"
        with pytest.raises(NoAnswer, match=r"no safe connection: self.signed certificate"):
            post(url, allow_private=True)
        assert receiver.requests == []
        # The system's store is what OpenSSL takes for it.
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
        assert post(url, allow_private=True).status == 204
        with pytest.raises(NoAnswer, match="no safe connection: "):
            post(f"https://127.0.0.1:{receiver.port}/", allow_private=True)
