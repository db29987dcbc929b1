"""A server under attack: raw requests to it, its memory, and what must be true of every answer and afterwards."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tests.fair_time import FairTime
from tests.patience import PATIENCE_S
from tests.product import Product, make_address

Result = TypeVar("Result")
MIB = 1024 * 1024
SETTLED_MIB = 600
"""What a server may keep after all of this: itself, SQLite's page caches (32 MiB for each connection), and what glibc
does not give back once blocks of 32 MiB were freed. That nothing leaks is for tests that repeat the same to say."""
_SIGNS_OF_A_MISTAKE = ("Traceback", "request_failed", "push_failed", "unexpected", "uncaught")


class Answer:
    """What came back for one request."""

    def __init__(self, response: http.client.HTTPResponse, body: bytes, seconds: float) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = body
        self.seconds = seconds

    @property
    def code(self) -> str:
        """Of a problem; "" of a receipt."""
        return "" if self.status == 200 else str(json.loads(self.body)["code"])

    @property
    def codes(self) -> set[str]:
        """Of the errors listed."""
        return {error["code"] for error in json.loads(self.body)["errors"]}


class Target:
    """One event on a server of its own: where the attack goes, and what is measured."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.event = product.make_event()
        self.key = self.event.key
        self.path = f"/e/{self.event.slug}/attendees"
        self.pid = product.server.pid
        self._log_start = len(product.server.log_path.read_bytes())
        self._serial = 0
        self.work()
        self._proc("clear_refs").write_text("5")
        self._used_before = self.used_mib

    # Asking

    def connect(self) -> socket.socket:
        port = urlsplit(self.product.server.url).port
        connection = socket.create_connection(("127.0.0.1", port or 0), timeout=PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(
        self,
        body: bytes = b"",
        *headers: str | bytes,
        method: str = "POST",
        path: str | bytes = "",
        key: str | None = "",
        statuses: Sequence[int] = (200, 401, 500),
    ) -> Answer:
        """Sends bytes as they are and gives the answer, which has to be a fair one. A key of None sends none."""
        with self.connect() as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused while it is sent; the answer is there
                connection.sendall(self.head(len(body), *headers, method=method, path=path, key=key) + body)
            return self.read(connection, statuses, method)

    def batch(self, body: bytes, *headers: str, query: str = "", statuses: Sequence[int] = (200, 401, 500)) -> Answer:
        return self.ask(body, *headers, path=f"{self.path}/batch{query}", statuses=statuses)

    def head(
        self,
        length: int | None,
        *headers: str | bytes,
        method: str = "POST",
        path: str | bytes = "",
        key: str | None = "",
    ) -> bytes:
        """A request up to its body. A length of None says nothing of it."""
        path = path or self.path
        lines = [
            method.encode() + b" " + (path.encode("latin-1") if isinstance(path, str) else path) + b" HTTP/1.1",
            b"Host: localhost",
            b"X-Forwarded-For: " + make_address().encode(),
        ]
        if key is not None:
            lines.append(b"Api-Key: " + (key or self.key).encode())
        if length is not None:
            lines.append(b"Content-Length: %d" % length)
        lines += [line.encode("latin-1") if isinstance(line, str) else line for line in headers]
        return b"\r\n".join([*lines, b"", b""])

    def read(
        self, connection: socket.socket, statuses: Sequence[int] = (200, 401, 500), method: str = "POST"
    ) -> Answer:
        """The answer on this connection, which has to be a fair one."""
        passed = FairTime(self.pid)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        answer = Answer(response, response.read(), passed.seconds)
        self._assert_fair(answer, statuses)
        return answer

    def _assert_fair(self, answer: Answer, statuses: Sequence[int]) -> None:
        text = answer.body + repr(answer.headers).encode()
        assert answer.status in statuses, (answer.status, text[:1_000])
        assert self.key.encode() not in text
        assert self.key.rpartition("_")[2].encode() not in text, "a part of the key"
        assert b"Traceback" not in text
        assert "location" not in answer.headers
        if answer.status != 200 and answer.body:
            assert answer.headers["content-type"] == "application/problem+json"
            problem = json.loads(answer.body)
            assert problem["status"] == answer.status
            assert problem["code"] != "unexpected"
            assert problem["detail"]
            assert type(problem["retryable"]) is bool
            assert problem["retryable"] is ("retry-after" in answer.headers)
            assert len(problem["errors"]) <= 100

    # Others meanwhile

    def work(self) -> float:
        """What everybody else does: a push that has to succeed. Gives the seconds that it took."""
        self._serial += 1
        passed = FairTime(self.pid)
        receipt = self.event.push_ok({"profile": {"email": "bystander@example.org", "title": f"Title {self._serial}"}})
        assert receipt["result"] in ("created", "updated")
        return passed.seconds

    @contextmanager
    def others_at_work(self, within_s: float) -> Generator[list[float]]:
        """Somebody else pushes one after another, each answered with success and within so many seconds."""
        enough = threading.Event()
        seconds: list[float] = []
        failed: list[BaseException] = []

        def push() -> None:
            try:
                while not enough.is_set():
                    seconds.append(self.work())
                    enough.wait(0.02)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failed.append(error)

        thread = threading.Thread(target=push)
        thread.start()
        try:
            yield seconds
        finally:
            enough.set()
            thread.join(PATIENCE_S)
        if failed:
            raise failed[0]
        assert seconds, "nobody else was served"
        assert max(seconds) < within_s, f"somebody else waited for {max(seconds):.2f} s"

    # Memory

    @property
    def used_mib(self) -> float:
        return self._read_kib("smaps_rollup", "Rss:") / 1024

    @property
    def extra_mib(self) -> float:
        """How much more the attack took at its worst than was in use before."""
        return self._read_kib("status", "VmHWM:") / 1024 - self._used_before

    @property
    def held_bytes(self) -> int:
        """What the server itself says that it holds of bodies."""
        response = self.product.client.get(f"{self.product.server.url}/metrics", headers={"X-Forwarded-For": ""})
        (line,) = [line for line in response.text.splitlines() if line.startswith("turnout_body_bytes ")]
        return int(float(line.split()[1]))

    def _read_kib(self, file: str, name: str) -> int:
        return int(next(line for line in self._proc(file).read_text().splitlines() if line.startswith(name)).split()[1])

    def _proc(self, file: str) -> Path:
        return Path(f"/proc/{self.pid}/{file}")

    # Afterwards

    @property
    def log(self) -> str:
        """What the server has logged since this target was made."""
        return self.product.server.log_path.read_bytes()[self._log_start :].decode()

    def check(self) -> None:
        """The server is as before: it works, holds nothing, is no larger, and has logged no mistake and no key."""
        wait_until(lambda: self.held_bytes == 0, "bodies are still held")
        self.work()
        log = self.log
        assert not [sign for sign in _SIGNS_OF_A_MISTAKE if sign in log], log[-4_000:]
        assert self.key not in log
        assert all(len(line) < 2_000 for line in log.splitlines()), "somebody fills the log"
        wait_until(lambda: self.used_mib < SETTLED_MIB, "the server is larger than it was")


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Looks until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def all_at_once(attacks: Sequence[Callable[[], Result]]) -> list[Result]:
    """What comes of attacks that are made at the same time."""
    with ThreadPoolExecutor(len(attacks)) as pool:
        return [one.result(PATIENCE_S * 2) for one in [pool.submit(attack) for attack in attacks]]


def repeat(unit: Callable[[int], str], before: str, behind: str, size: int = MIB, most: int = 10**7) -> bytes:
    """`before`, as many units with commas between as fit, and `behind`."""
    width = len(unit(10**6)) + 1
    return (
        before + ",".join(map(unit, range(min(most, (size - len(before) - len(behind)) // width)))) + behind
    ).encode()
