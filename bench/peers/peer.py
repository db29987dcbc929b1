"""A peer as a running process: started on its core, filled, asked how it flushes, loaded, and looked at afterwards."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from bench import processes
from bench.loads import Measured
from bench.peers.loads import COLUMNS, PeerLoad, Way, as_columns
from bench.refused import OutOfBreath, Refused
from bench.running import MOST_BUSY, Cores, generate

ROOT = Path(__file__).parent.parent.parent
BIN = ROOT / ".venv-peers" / "bin"
TOKEN = "a-key-as-long-as-one-of-turnout-s-own-0123456789"
_FULL = 2
_PATIENCE_S = 300


class Peer:
    """One server and its database. Each kind of peer says how to prepare, start and fill it."""

    way: Way
    tell_path = "/bench/tell"
    """Says what SQLite answers to PRAGMA synchronous on the connection that writes."""

    def __init__(self, folder: Path, attendees: int, cores: Cores, *, before: tuple[str, ...] = ()) -> None:
        """Starts it, with `before` in front of the command, and fills it."""
        self.folder = folder
        self.attendees = attendees
        self.cores = cores
        self.port = _free_port()
        self.headers: dict[str, str] = {}
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._log = (folder / "server.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.prepare()
            self._start((*before, *self.command()))
            self.settle()
            self._fill()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What a kind of peer says.

    @property
    def database(self) -> Path:
        return self.folder / "bench.db"

    @property
    def path(self) -> str:
        """Where rows are sent to."""
        raise NotImplementedError

    def command(self) -> tuple[str, ...]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def prepare(self) -> None:
        """Before it starts."""

    def settle(self) -> None:
        """When it has started."""

    # What all have.

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def load(self, requests: int, *, connections: int, rows_each: int, first_serial: int) -> PeerLoad:
        return PeerLoad(
            port=self.port,
            server_pid=self.pid,
            way=self.way,
            path=self.path,
            headers=self.headers,
            connections=connections,
            requests=requests,
            rows_each=rows_each,
            attendees=self.attendees,
            first_serial=first_serial,
        )

    def run(self, load: PeerLoad, *, breathless_is_fine: bool = False) -> Measured:
        """Puts the load on it. Raises Refused when what was measured does not count."""
        before = self.serials()
        self._check_flushes()
        measured = generate(load, self.cores, "bench.peers.generator")
        self._check_flushes()
        self._compare(load, measured, before, self.serials())
        if measured.busy > MOST_BUSY and not breathless_is_fine:
            raise OutOfBreath(f"the load generator was busy for {measured.busy:.0%} of the time")
        return measured

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """The answer as an object. Raises Refused unless it is a 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = None if content is None else msgspec.json.encode(content)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **self.headers})
            answer = connection.getresponse()
            said = answer.read()
        except OSError as error:
            raise Refused(f"{method} {path} is not answered: {error}; {self._last_words()}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(f"{method} {path} is answered with {answer.status}: {said[:300]!r}")
        return msgspec.json.decode(said) if said else None

    def serials(self) -> dict[str, str]:
        """Every attendee's badge number, as it stands in the database."""
        with open_sqlite(self.database) as connection:
            rows = connection.execute("SELECT email, customFields FROM attendees")
            return {email: msgspec.json.decode(fields)[1]["fieldValue"] for email, fields in rows}

    def stop(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
        self._log.close()

    def _start(self, command: tuple[str, ...]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TURNOUT_", "BENCH_"))}
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.cores.server})
        try:
            self._process = subprocess.Popen(
                command,
                env=kept | dict(self.environment()),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
            )
        finally:
            os.sched_setaffinity(0, allowed)
        deadline = time.monotonic() + 60
        while not processes.listens(self.pid, self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Refused(f"it did not start: {self._last_words()}")
            time.sleep(0.05)

    def _fill(self) -> None:
        """Straight into its table, in one transaction."""
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        marks = ", ".join("?" for _ in COLUMNS)
        with open_sqlite(self.database) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT INTO attendees ({names}) VALUES ({marks})",
                (as_columns(number, 0) for number in range(self.attendees)),
            )
            connection.execute("COMMIT")

    def _check_flushes(self) -> None:
        told = self.ask("GET", self.tell_path)
        if told != {"synchronous": _FULL, "journal_mode": "wal"}:
            raise Refused(f"its database is not set to flush every commit: {told}")

    def _compare(self, load: PeerLoad, measured: Measured, before: dict[str, str], after: dict[str, str]) -> None:
        """What was sent must stand in the database, and nothing else may have changed."""
        if measured.requests != load.requests:
            raise Refused(f"{measured.requests} of {load.requests} requests were answered")
        said: dict[str, set[str]] = {}
        for rows in load.statements():
            for number, serial in rows:
                email, badge = f"attendee.{number}@example-{number % 997}.com", f"B-{serial:09d}"
                said.setdefault(email, set()).add(badge)
        if after.keys() != before.keys():
            raise Refused(f"it has {len(after)} attendees now and had {len(before)}")
        lost = sum(after[email] not in badges for email, badges in said.items())
        strange = sum(after[email] != before[email] for email in after.keys() - said.keys())
        if lost or strange:
            raise Refused(f"{lost} of {len(said)} attendees do not show what was sent, {strange} others have changed")

    def _last_words(self) -> str:
        return Path(self._log.name).read_text(errors="replace")[-600:]


@contextlib.contextmanager
def open_sqlite(path: Path) -> Generator[Any]:
    """A connection of the benchmark's own, beside the peer's."""
    from turnout.store.sqlite.database import sqlite_module

    connection = sqlite_module().connect(path, timeout=60, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def installed(package: str) -> str:
    """The version in the peers' environment. Raises Refused where it is not there."""
    found = list(ROOT.glob(f".venv-peers/lib/python*/site-packages/{package.replace('-', '_')}-*.dist-info"))
    if not found:
        raise Refused(f"{package} is not installed in .venv-peers; `make bench-peers` does that")
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
