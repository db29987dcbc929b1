"""The server over real sockets, with a small application behind it and its times shortened."""

import asyncio
import errno
import json
import queue
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.fair_time import FairTime
from tests.patience import PATIENCE_S
from turnout.server import CannotListen, Limits, Server, open_listener
from turnout.server import listener as listener_module
from turnout.settings import Settings


class App:
    """Answers by path, and tells the test what it sees."""

    def __init__(self) -> None:
        self.seen: queue.Queue[Any] = queue.Queue()
        self.release = threading.Event()

    def next_seen(self) -> Any:
        return self.seen.get(timeout=PATIENCE_S)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        match scope["path"]:
            case "/early":
                await _answer(send, 413, b"too large")
            case "/fail":
                raise RuntimeError("broken on purpose")
            case "/unread":
                self.seen.put("unread")
                await self._until_released()
                await _answer(send, 200, b"%d" % len(await _read(receive) or b""))
            case "/slow":
                self.seen.put("slow")
                try:
                    await self._until_released()
                except asyncio.CancelledError:
                    self.seen.put("cut off")
                    raise
                await _answer(send, 200, b"slowly")
            case "/large":
                try:
                    await _answer(send, 200, bytes(64 * 1024 * 1024), pieces=64)
                finally:
                    self.seen.put("large ended")
            case "/stream":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                self.seen.put("stream")
                message = {}
                while message.get("type") != "http.disconnect":
                    message = await receive()
                self.seen.put("stream ended")
            case _:
                body = await _read(receive)
                if body is None:
                    self.seen.put("disconnect")
                    return
                headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
                self.seen.put((scope["method"], scope["path"], headers, body))
                await _answer(send, 200, b"%s %s %s" % (scope["method"].encode(), scope["raw_path"], body))

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self.seen.put("shutdown")
                return

    async def _until_released(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.release.wait, PATIENCE_S)


async def _read(receive: Any) -> bytes | None:
    """The body, or None when the client is gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def _answer(send: Any, status: int, body: bytes, pieces: int = 1) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    size = len(body) // pieces
    for start in range(0, size * pieces, size):
        more = start + size < size * pieces
        await send({"type": "http.response.body", "body": body[start : start + size], "more_body": more})


class Client:
    """A connection, byte by byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> "Answer":
        """The next answer."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return Answer(int(status_line.split()[1]), headers, body)

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        assert data, f"closed before the answer was complete: {self._rest!r}"
        self._rest += data

    def read_after_feeding(self, data: bytes, pause_s: float = 0.001) -> "Answer":
        """Sends the same over and over until there is an answer."""
        for _ in range(1_000):
            self.send(data)
            if select.select([self.socket], [], [], pause_s)[0]:
                return self.read()
        return pytest.fail("nobody stopped this")

    def is_closed(self) -> bool:
        """Waits until the server has ended the connection; False where it sent something first."""
        assert not self._rest
        return self.socket.recv(65_536) == b""

    def close(self) -> None:
        self.socket.close()


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def code(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        problem = json.loads(self.body)
        assert problem["status"] == self.status
        assert problem["detail"]
        assert problem["type"] == f"/problems/{problem['code']}"
        return str(problem["code"])


@contextmanager
def serving(app: Any, settings: Settings | None = None, **limits: Any) -> Generator[Any]:
    """A server in a thread: `client()` connects to it, `server.stop()` stops it."""
    listener = open_listener("127.0.0.1", 0)
    port = listener.getsockname()[1]
    started = threading.Event()
    stopping = threading.Event()
    server = Server(
        app,
        listener=listener,
        settings=settings or Settings(shutdown_timeout_s=30),
        on_start=started.set,
        on_stop=stopping.set,
        limits=msgspec.structs.replace(Limits(tick_s=0.01, linger_s=0.2, settle_s=0.02), **limits),
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(PATIENCE_S)
    clients: list[Client] = []

    def client() -> Client:
        clients.append(Client(port))
        return clients[-1]

    def wait_for_end() -> None:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()

    try:
        yield SimpleNamespace(client=client, port=port, server=server, stopping=stopping, wait_for_end=wait_for_end)
    finally:
        if isinstance(app, App):
            app.release.set()
        server.stop()
        for one in clients:
            one.close()
        wait_for_end()


@pytest.fixture
def app() -> App:
    return App()


def head(line: str = "POST /echo HTTP/1.1", *headers: str) -> bytes:
    return "\r\n".join([line, "Host: test", *headers, "", ""]).encode("latin-1")


def post(body: bytes, path: str = "/echo") -> bytes:
    return head(f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}") + body


class TestRequests:
    def test_a_connection_takes_one_request_after_another(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            for body in (b"one", b"two"):
                client.send(post(body))
                assert client.read().body == b"POST /echo " + body

    def test_an_answer_has_a_date_and_says_nothing_of_the_server(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head("GET / HTTP/1.1"))
            headers = client.read().headers
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])
            assert "server" not in headers

    def test_a_body_arrives_whole_however_it_is_cut(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            body = bytes(range(256)) * 4_096
            request = post(body)
            for start in range(0, len(request), 99_991):
                client.send(request[start : start + 99_991])
            assert client.read().body == b"POST /echo " + body

    def test_after_it_stood_still_nothing_is_taken_of_senders_who_have_hung_up(self, app: App) -> None:
        """They have asked another machine since, and told it newer things. Else whoever does not wait is heard too."""
        with serving(app, still_s=0.1, doubt_s=PATIENCE_S) as running:
            hasty, gone, patient = (running.client() for _ in range(3))
            hasty.send(post(b"hasty"))
            hasty.close()
            assert app.next_seen()[3] == b"hasty"
            stands, may_go_on = threading.Event(), threading.Event()

            def stand_still() -> None:
                stands.set()
                may_go_on.wait(PATIENCE_S)
                time.sleep(0.2)

            running.server._loop.call_soon_threadsafe(stand_still)
            assert stands.wait(PATIENCE_S)
            gone.send(post(b"old"))
            gone.close()
            patient.send(post(b"waits"))
            may_go_on.set()
            assert patient.read().status == 200
            assert {seen if isinstance(seen, str) else seen[3] for seen in (app.next_seen(), app.next_seen())} == {
                "disconnect",
                b"waits",
            }
            assert running.server.watch.refused == {"shutting_down": 1}

    def test_pipelined_requests_are_answered_in_order(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(b"".join(post(b"%d" % number) for number in range(20)))
            assert [client.read().body for _ in range(20)] == [b"POST /echo %d" % number for number in range(20)]

    def test_no_connection_may_send_any_number_of_requests_ahead(self, app: App) -> None:
        with serving(app, pipelined=5) as running:
            client = running.client()
            client.send(post(b"", "/slow") + post(b"") * 20)
            app.release.set()
            assert [client.read().status for _ in range(7)] == [200] * 6 + [503]
            assert client.is_closed()

    def test_an_offer_of_another_protocol_is_declined_and_the_body_kept(self, app: App) -> None:
        """As Java's HttpClient sends it."""
        offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
        with serving(app) as running:
            client = running.client()
            client.send(head("POST /echo HTTP/1.1", *offer, "Content-Length: 5") + b"he")
            client.send(b"llo" + post(b"second"))
            assert client.read().body == b"POST /echo hello"
            assert client.read().body == b"POST /echo second"

    def test_trailers_do_not_become_headers(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(
                head("POST /echo HTTP/1.1", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\nApi-Key: k\r\n\r\n"
            )
            assert client.read().body == b"POST /echo abc"
            assert "api-key" not in app.next_seen()[2]

    def test_a_failure_of_the_application_is_a_problem_that_may_be_tried_again(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(post(b"", "/fail"))
            answer = client.read()
            assert (answer.status, answer.code) == (500, "unexpected")
            assert "retry-after" in answer.headers
            assert client.is_closed()

    def test_a_stream_ends_when_its_client_goes_even_with_another_request_behind_it(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head("GET /stream HTTP/1.1"))
            assert app.next_seen() == "stream"
            client.send(post(b"behind"))
            client.close()
            assert app.next_seen() == "stream ended"


TRICKS = {
    "a length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "chunks and a length": "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "two lengths": "Content-Length: 5\r\nContent-Length: 6",
    "one length twice": "Content-Length: 5\r\nContent-Length: 5",
    "a list of lengths": "Content-Length: 5, 5",
    "a length with a sign": "Content-Length: +5",
    "a negative length": "Content-Length: -5",
    "a length in hexadecimal": "Content-Length: 0x5",
    "an empty length": "Content-Length: ",
    "an absurd length": "Content-Length: 99999999999999999999999",
    "an unknown coding": "Transfer-Encoding: xchunked",
    "no coding": "Transfer-Encoding: identity",
    "a coding above chunked": "Transfer-Encoding: gzip, chunked",
    "chunked not last": "Transfer-Encoding: chunked, gzip",
    "two codings": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "a space before the colon": "Transfer-Encoding : chunked",
    "a vertical tab": "Transfer-Encoding:\x0bchunked",
    "a folded coding": "Transfer-Encoding:\r\n chunked",
    "a folded line": "X: a\r\n b",
    "a NUL in a value": "X: a\0b",
    "a NUL in a name": "X\0: a",
    "a bare line feed": "X: a\nContent-Length: 5",
    "a bare carriage return": "X: a\rContent-Length: 5",
    "a line without colon": "X",
    "a line without name": ": x",
    "two hosts": "Host: other",
}
LINES = {
    "an unknown method": "FROBNICATE / HTTP/1.1",
    "a method in lower case": "get / HTTP/1.1",
    "a method without end": "A" * 5_000 + " / HTTP/1.1",
    "a tunnel": "CONNECT other:443 HTTP/1.1",
    "no path": "OPTIONS * HTTP/1.1",
    "HTTP/2": "GET / HTTP/2.0",
    "HTTP/0.9": "GET /",
    "a NUL in the path": "GET /a\0 HTTP/1.1",
    "a NUL in the path, escaped": "GET /a%00 HTTP/1.1",
    "a letter that is not escaped": "GET /caf\xe9 HTTP/1.1",
    "the first bytes of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


class TestMalformedRequests:
    @pytest.mark.parametrize("headers", TRICKS.values(), ids=TRICKS.keys())
    def test_headers_that_can_be_read_in_two_ways_are_refused_and_nothing_behind_them_is_read(
        self, app: App, headers: str
    ) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head("POST / HTTP/1.1", headers) + b"0\r\n\r\n" + head("GET /smuggled HTTP/1.1"))
            answer = client.read()
            assert (answer.status, answer.code) == (400, "malformed_request")
            assert client.is_closed()
            assert app.seen.empty()

    @pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
    def test_a_request_line_that_is_none_is_refused(self, app: App, line: str) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head(line))
            assert client.read().code == "malformed_request"
            assert client.is_closed()
            assert app.seen.empty()

    def test_what_was_asked_before_the_garbage_is_answered_first(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(post(b"good", "/slow") + b"garb@ge\r\n\r\n")
            assert app.next_seen() == "slow"
            app.release.set()
            assert client.read().body == b"slowly"
            assert client.read().code == "malformed_request"
            assert client.is_closed()

    def test_a_body_that_turns_out_malformed_ends_the_application_s_waiting(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head("POST /echo HTTP/1.1", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
            client.send(b"zz\r\n")
            assert client.read().code == "malformed_request"
            assert client.is_closed()
            assert app.next_seen() == "disconnect"

    def test_chunks_may_not_be_all_wrapping(self, app: App) -> None:
        with serving(app, framing_bytes=1_000) as running:
            client = running.client()
            client.send(head("POST /echo HTTP/1.1", "Transfer-Encoding: chunked"))
            assert client.read_after_feeding(b"1;" + b"x" * 200 + b"\r\na\r\n").code == "malformed_request"


class TestHeads:
    def test_a_head_of_nearly_64_kib_is_read(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head("POST /echo HTTP/1.1", f"X: {'x' * 65_000}", "Content-Length: 300000") + bytes(300_000))
            assert client.read().status == 200

    @pytest.mark.parametrize(
        "request_",
        [
            head("GET / HTTP/1.1", f"X: {'x' * 66_000}"),
            head(f"GET /{'x' * 66_000} HTTP/1.1"),
            head("GET / HTTP/1.1", *(f"X-{number}: {'x' * 1_000}" for number in range(66))),
            head("GET / HTTP/1.1", *(f"X-{number}: x" for number in range(300))),
            b"\r\n" * 33_000,
        ],
        ids=["one header", "the address", "many headers", "many small headers", "blank lines"],
    )
    @pytest.mark.parametrize("size", [1_000_000, 1_000], ids=["at once", "in pieces"])
    def test_a_larger_head_is_refused(self, app: App, request_: bytes, size: int) -> None:
        with serving(app) as running:
            client = running.client()
            for start in range(0, len(request_), size):
                client.send(request_[start : start + size])
            answer = client.read()
            assert (answer.status, answer.code) == (431, "head_too_large")
            assert client.is_closed()
            assert app.seen.empty()
            assert running.server.watch.refused["head_too_large"] == 1

    def test_a_head_without_end_is_refused_while_it_comes(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(b"GET / HTTP/1.1\r\nX: ")
            assert client.read_after_feeding(b"x" * 10_000).code == "head_too_large"

    def test_many_small_headers_are_refused_before_their_end(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 300)
            assert client.read().code == "head_too_large"

    def test_heads_are_counted_one_by_one(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            for _ in range(100):
                client.send(head("GET / HTTP/1.1", f"X: {'x' * 1_000}"))
                assert client.read().status == 200
            client.send(b"GET / HTTP/1.1\r\nHost:")
            time.sleep(0.02)
            client.send(b" test\r\n\r\n")
            assert client.read().status == 200

    def test_a_large_head_behind_another_request_is_refused_too(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(post(bytes(100_000)) + head("GET / HTTP/1.1", f"X: {'x' * 400_000}"))
            assert client.read().status == 200
            assert client.read().code == "head_too_large"

    def test_a_slow_head_is_cut_off(self, app: App) -> None:
        with serving(app, head_s=0.05) as running:
            client = running.client()
            client.send(b"GET / HTTP/1.1\r\nHost: te")
            answer = client.read()
            assert (answer.status, answer.code) == (408, "slow_head")
            assert client.is_closed()

    def test_a_head_that_drips_gains_no_time(self, app: App) -> None:
        with serving(app, head_s=0.1) as running:
            client = running.client()
            passed = FairTime()
            client.send(b"GET / HTTP/1.1\r\nX: ")
            assert client.read_after_feeding(b"x", pause_s=0.02).code == "slow_head"
            assert passed.seconds < 1

    def test_the_second_request_of_a_connection_has_its_own_time(self, app: App) -> None:
        with serving(app, head_s=0.1) as running:
            client = running.client()
            client.send(post(b""))
            assert client.read().status == 200
            client.send(b"POST /echo HT")
            assert client.read().code == "slow_head"

    def test_a_connection_that_says_nothing_is_closed_without_a_word(self, app: App) -> None:
        with serving(app, head_s=0.05) as running:
            assert running.client().is_closed()

    def test_a_connection_that_says_no_more_is_closed_without_a_word(self, app: App) -> None:
        with serving(app, idle_s=0.05) as running:
            client = running.client()
            client.send(post(b""))
            assert client.read().status == 200
            assert client.is_closed()


class TestBodies:
    def test_a_slow_body_is_cut_off_and_the_application_hears_of_it_at_once(self, app: App) -> None:
        with serving(app, body_s=0.05, linger_s=60) as running:
            client = running.client()
            client.send(post(b"whole")[:-2])
            answer = client.read()
            assert (answer.status, answer.code) == (400, "slow_body")
            assert answer.headers["connection"] == "close"
            assert client.is_closed()
            assert app.next_seen() == "disconnect"

    def test_a_body_that_drips_gains_no_time(self, app: App) -> None:
        with serving(app, body_s=0.1) as running:
            client = running.client()
            client.send(head("POST /echo HTTP/1.1", "Content-Length: 1000"))
            assert client.read_after_feeding(b"x", pause_s=0.02).code == "slow_body"

    def test_a_large_body_on_a_slow_line_has_longer(self, app: App) -> None:
        with serving(app, body_s=0.1, body_rate_bytes=1) as running:
            client = running.client()
            client.send(head("POST /echo HTTP/1.1", "Content-Length: 1000") + b"x" * 100)
            for _ in range(9):
                time.sleep(0.02)
                client.send(b"x" * 100)
            assert client.read().status == 200

    def test_a_body_is_not_slow_because_the_application_is(self, app: App) -> None:
        with serving(app, body_s=0.05, body_rate_bytes=10**9) as running:
            client = running.client()
            body = bytes(4_000_000)
            sender = threading.Thread(target=client.send, args=(post(body, "/unread"),))
            sender.start()
            assert app.next_seen() == "unread"
            time.sleep(0.2)
            app.release.set()
            assert client.read().body == b"4000000"
            sender.join()

    def test_an_answer_given_before_the_body_was_read_can_be_read(self, app: App) -> None:
        """A socket closed with something unread in it would reset the connection, and the answer with it."""
        with serving(app, linger_s=5) as running:
            client = running.client()
            client.send(head("POST /early HTTP/1.1", "Content-Length: 3000000"))
            client.send(bytes(1_000_000))
            client.send(bytes(1_000_000))
            answer = client.read()
            assert (answer.status, answer.body) == (413, b"too large")
            assert answer.headers["connection"] == "close"
            assert client.is_closed()

    def test_what_follows_an_early_answer_is_not_taken_for_a_request(self, app: App) -> None:
        with serving(app) as running:
            client = running.client()
            client.send(head("POST /early HTTP/1.1", "Content-Length: 5") + b"he")
            assert client.read().status == 413
            client.send(b"llo" + post(b"smuggled"))
            assert client.is_closed()
            assert app.seen.empty()

    def test_patience_with_an_unread_body_has_its_limits(self, app: App) -> None:
        with serving(app, linger_s=60, linger_bytes=100_000) as running:
            client = running.client()
            client.send(head("POST /early HTTP/1.1", "Content-Length: 30000000"))
            assert client.read().status == 413
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                client.send(bytes(30_000_000))

    def test_nobody_may_leave_an_answer_lying(self, app: App) -> None:
        with serving(app, unread_s=0.1) as running:
            client = running.client()
            client.send(head("GET /large HTTP/1.1"))
            assert app.next_seen() == "large ended"


class TestConnections:
    def test_one_too_many_is_sent_away_with_a_word(self, app: App) -> None:
        with serving(app, connections=2) as running:
            staying = [running.client(), running.client()]
            for client in staying:
                client.send(post(b""))
                assert client.read().status == 200
            answer = running.client().read()
            assert (answer.status, answer.code) == (503, "too_many_connections")
            assert int(answer.headers["retry-after"]) > 0
            staying[0].send(post(b""))
            assert staying[0].read().status == 200

    def test_a_place_that_became_free_is_taken_again(self, app: App) -> None:
        with serving(app, connections=1) as running:
            first = running.client()
            first.send(post(b""))
            assert first.read().status == 200
            first.close()
            for _ in range(100):
                second = running.client()
                second.send(post(b""))
                if second.read().status == 200:
                    return
                second.close()
            pytest.fail("the place is not free again")


class TestStopping:
    def test_what_was_accepted_is_answered_and_nothing_new_is_accepted(self, app: App) -> None:
        with serving(app) as running:
            client, idle = running.client(), running.client()
            client.send(post(b"", "/slow"))
            assert app.next_seen() == "slow"
            running.server.stop()
            assert running.stopping.wait(PATIENCE_S)
            assert idle.is_closed()
            with pytest.raises(OSError, match=r"."):
                Client(running.port)
            app.release.set()
            answer = client.read()
            assert answer.body == b"slowly"
            assert client.is_closed()
            running.wait_for_end()
            assert app.next_seen() == "shutdown"

    def test_a_request_on_its_way_in_an_idle_connection_is_answered(self, app: App) -> None:
        with serving(app, settle_s=30) as running:
            client = running.client()
            client.send(post(b"first"))
            assert client.read().status == 200
            running.server.stop()
            assert running.stopping.wait(PATIENCE_S)
            client.send(post(b"last"))
            answer = client.read()
            assert answer.body == b"POST /echo last"
            assert answer.headers["connection"] == "close"

    def test_a_request_that_takes_too_long_is_cut_off_with_an_answer(self, app: App) -> None:
        with serving(app, Settings(shutdown_timeout_s=0.3)) as running:
            client = running.client()
            client.send(post(b"", "/slow"))
            assert app.next_seen() == "slow"
            running.server.stop()
            answer = client.read()
            assert (answer.status, answer.code) == (503, "shutting_down")
            app.release.set()
            running.wait_for_end()
            assert [app.next_seen(), app.next_seen()] == ["cut off", "shutdown"]

    def test_a_stream_that_listens_to_the_stop_ends(self) -> None:
        stopping = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await App()._live(receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
            await stopping.wait()
            await send({"type": "http.response.body", "body": b"last"})

        with serving(app) as running:
            running.server._on_stop = stopping.set
            client = running.client()
            client.send(head("GET / HTTP/1.1"))
            received = b""
            while b"first" not in received:
                received += client.socket.recv(1_000)
            running.server.stop()
            while data := client.socket.recv(1_000):
                received += data
            assert received.endswith(b"last\r\n0\r\n\r\n")

    def test_an_application_that_does_not_start_ends_the_server(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        server = Server(app, listener=open_listener("127.0.0.1", 0), settings=Settings())
        with pytest.raises(SystemExit):
            server.run()


PROGRAM = textwrap.dedent("""
    import asyncio, sys, time
    from turnout.server import open_listener, serve
    from turnout.settings import Settings

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"].endswith("shutdown"):
                    return
        print("asked", flush=True)
        match scope["path"]:
            case "/moment":
                await asyncio.sleep(0.2)
            case "/long":
                await asyncio.sleep(600)
            case "/thread":
                await asyncio.to_thread(time.sleep, 600)
            case "/stuck":
                time.sleep(600)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    listener = open_listener("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    settings = Settings(shutdown_timeout_s=float(sys.argv[1]))
    serve(app, listener=listener, settings=settings, on_start=lambda: print("ready", flush=True))
    print("closed", flush=True)
""")


class TestSignals:
    @contextmanager
    def program(self, path: str, timeout_s: float) -> Generator[tuple[subprocess.Popen[str], Client]]:
        """The server in a process of its own, at work on a request."""
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(timeout_s)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        assert process.stdout is not None
        try:
            client_port = int(process.stdout.readline())
            assert process.stdout.readline() == "ready\n"
            client = Client(client_port)
            client.send(head(f"GET {path} HTTP/1.1"))
            assert process.stdout.readline() == "asked\n"
            yield process, client
            client.close()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    @pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_lets_the_running_request_finish_and_the_caller_go_on(self, sent: signal.Signals) -> None:
        with self.program("/moment", timeout_s=5) as (process, client):
            process.send_signal(sent)
            assert client.read().body == b"ok"
            assert process.wait(PATIENCE_S) == 0
            assert process.stdout is not None
            assert process.stdout.read() == "closed\n"

    @pytest.mark.parametrize("path", ["/long", "/stuck"])
    def test_a_second_interrupt_leaves_at_once(self, path: str) -> None:
        with self.program(path, timeout_s=600) as (process, _):
            process.send_signal(signal.SIGINT)
            deadline = time.monotonic() + PATIENCE_S
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)  # two signals that come together are one
                process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 130

    def test_a_thread_that_does_not_end_does_not_keep_the_server(self) -> None:
        with self.program("/thread", timeout_s=0.5) as (process, _):
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 1


class TestListener:
    def test_a_port_in_use_is_named_with_what_to_do(self) -> None:
        with open_listener("127.0.0.1", 0) as first:
            port = first.getsockname()[1]
            with pytest.raises(CannotListen) as raised:
                open_listener("127.0.0.1", port)
            assert str(raised.value).startswith(
                f"port {port} is in use; stop the other program or choose another with --port (make run: "
            )

    def test_a_port_is_in_use_even_where_the_other_program_would_share_it(self) -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("0.0.0.0", 0))
            other.listen()
            with pytest.raises(CannotListen, match="in use"):
                open_listener("127.0.0.1", other.getsockname()[1])

    def test_a_port_is_free_again_right_after_a_connection(self) -> None:
        with open_listener("127.0.0.1", 0) as first:
            port = first.getsockname()[1]
            client = Client(port)
            accepted, _ = first.accept()
            accepted.close()
            assert client.is_closed()
            client.close()
        open_listener("127.0.0.1", port).close()

    def test_an_address_of_another_machine_is_refused(self) -> None:
        with pytest.raises(CannotListen, match=r"not an address of this machine.*--host"):
            open_listener("192.0.2.1", 0)

    @pytest.mark.parametrize("port", [-1, 65_536])
    def test_a_port_that_does_not_exist_is_refused(self, port: int) -> None:
        with pytest.raises(CannotListen, match="does not exist"):
            open_listener("127.0.0.1", port)

    def test_a_forbidden_port_is_named_with_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Forbidden(socket.socket):
            def bind(self, address: Any, /) -> None:
                raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(listener_module.socket, "socket", Forbidden)
        with pytest.raises(CannotListen, match=r"port 80 is not open to this account.*--port"):
            open_listener("127.0.0.1", 80)

    def test_an_unknown_name_is_named_with_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nobody(*_: Any, **__: Any) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", nobody)
        with pytest.raises(CannotListen, match=r"feed\.example is not a name.*--host"):
            open_listener("feed.example", 8000)
