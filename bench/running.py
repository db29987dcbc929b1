"""A server under test as a running process: started, asked what it has counted, loaded, stopped or killed."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import msgspec

from bench import processes
from bench.loads import Load, Measured
from bench.refused import OutOfBreath, Refused
from bench.stores import SECRET_KEY, Store

MOST_BUSY = 0.85
"""Of the generator; beyond it, its own speed is in the figures."""
_PATIENCE_S = 300
_TOLD_WITHIN_S = 3
_ROOT = Path(__file__).parent.parent
_SAMPLE = re.compile(r"^(turnout_[a-z_]+)(?:\{[a-z]+=\"([^\"]*)\"\})? ([0-9.e+-]+)$", re.MULTILINE)
BENCH_SERVER = (sys.executable, "-m", "bench.server")
PRODUCT = (sys.executable, "-m", "turnout", "serve", "--port", "0")


class Cores(msgspec.Struct, frozen=True):
    """Which processor core is for what."""

    server: int
    generator: int


class Counts(msgspec.Struct, frozen=True):
    """What the server says that it has done."""

    noops: int
    pushes: dict[str, int]
    """By result."""
    commits: int
    changes: int
    """Lines in the events' logs."""


class Server:
    """One server and its store."""

    def __init__(
        self,
        store: Store,
        cores: Cores,
        switches: dict[str, str] | None = None,
        command: tuple[str, ...] = BENCH_SERVER,
        *,
        unpinned: bool = False,
    ) -> None:
        """Starts it and waits until it is ready. `switches` are those of bench/server.py."""
        self.store = store
        self.cores = cores
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TURNOUT_", "BENCH_"))}
        environment |= {"TURNOUT_DATABASE_URL": store.url, **(switches or {})}
        allowed = os.sched_getaffinity(0)
        if not unpinned:
            environment["BENCH_CORE"] = str(cores.server)
        if store.database_pid is not None:
            environment["TURNOUT_SECRET_KEY"] = SECRET_KEY.hex()
        self._log = (store.folder / "server.log").open("ab")
        began = time.perf_counter()
        # Children inherit where they may run; the product itself knows nothing of it.
        os.sched_setaffinity(0, allowed if unpinned else {cores.server})
        try:
            self._process = subprocess.Popen(
                command, env=environment, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log
            )
        finally:
            os.sched_setaffinity(0, allowed)
        try:
            self.port = self._read_port()
            self.get("/health")
            self.ready_after_s = time.perf_counter() - began
            if not processes.listens(self.pid, self.port):
                raise Refused(f"the process started ({self.pid}) is not the one that listens on port {self.port}")
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def get(self, path: str) -> bytes:
        """The body of a GET. Raises Refused unless it is answered with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            raise Refused(f"the server does not answer GET {path}: {error}; see {self._log.name}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(f"GET {path} is answered with {answer.status}: {content[:200]!r}")
        return content

    def count(self) -> Counts:
        told = self.tell()
        if told["pid"] != self.pid:
            raise Refused(f"process {told['pid']} answers on port {self.port}, not the one started ({self.pid})")
        samples = {(name, label): float(value) for name, label, value in _SAMPLE.findall(self.get("/metrics").decode())}
        return Counts(
            noops=told["noops"],
            pushes={label: int(value) for (name, label), value in samples.items() if name == "turnout_pushes_total"},
            commits=int(samples["turnout_commit_pushes_count", ""]),
            changes=sum(int(samples["turnout_log_head", gateway.slug]) for gateway in self.store.gateways),
        )

    def tell(self) -> dict[str, Any]:
        """What bench/server.py says of itself."""
        return msgspec.json.decode(self.get("/noop"))

    def run(self, load: Load, *, breathless_is_fine: bool = False) -> Measured:
        """Puts the load on the server. Raises Refused when what was measured does not count.

        `breathless_is_fine` where speed is not what is asked for.
        """
        before = self.count()
        measured = generate(load, self.cores)
        after = self._count_all(before, measured)
        self._compare(load, measured, before, after)
        measured = msgspec.structs.replace(measured, commits=after.commits - before.commits)
        if measured.busy > MOST_BUSY and not breathless_is_fine:
            raise OutOfBreath(f"the load generator was busy for {measured.busy:.0%} of the time")
        return measured

    def _count_all(self, before: Counts, measured: Measured) -> Counts:
        """What it has counted, once all its processes have told one another."""
        until = time.monotonic() + _TOLD_WITHIN_S
        while True:
            after = self.count()
            grown = sum(after.pushes.values()) - sum(before.pushes.values())
            if grown >= sum(measured.results.values()) or time.monotonic() > until:
                return after
            time.sleep(0.1)

    def stop(self) -> None:
        """As an operator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def wait(self) -> None:
        """Until it has ended by itself, or was killed by somebody else."""
        self._process.wait(60)
        self._close()

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
        self.wait()

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _read_port(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        found = re.search(r"http://localhost:(\d+)", line)
        if found is None:
            said = Path(self._log.name).read_text()[-600:]
            raise Refused(f"the server did not start: {line!r} {said}")
        return int(found[1])

    def _compare(self, load: Load, measured: Measured, before: Counts, after: Counts) -> None:
        """What the server has counted must be what the generator has sent, push by push and in the log too."""
        counted = {
            result: count - before.pushes[result]
            for result, count in after.pushes.items()
            if count != before.pushes[result]
        }
        if counted != measured.results:
            raise Refused(f"the server counted {counted}, the client {measured.results}")
        changes = measured.results.get("created", 0) + measured.results.get("updated", 0)
        if after.changes - before.changes != changes:
            raise Refused(f"the log has grown by {after.changes - before.changes} changes, not {changes}")
        noops = measured.requests if load.kind == "noop" else 0
        if after.noops - before.noops != noops:
            raise Refused(f"the server answered {after.noops - before.noops} no-ops, not {noops}")


def start_client(cores: Cores, module: str) -> "subprocess.Popen[bytes]":
    """Starts a client on the generator's core, to be talked to by its input and output."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores.generator})
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_ROOT,
        )
    finally:
        os.sched_setaffinity(0, allowed)


def generate(load: msgspec.Struct, cores: Cores, module: str = "bench.generator") -> Measured:
    """Runs the generator on its core, with the load that it understands."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores.generator})
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=msgspec.json.encode(load),
            capture_output=True,
            cwd=_ROOT,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"the load generator was not done after {_PATIENCE_S} s") from error
    finally:
        os.sched_setaffinity(0, allowed)
    if done.returncode != 0:
        said = done.stderr.decode().strip().splitlines() or ["nothing"]
        raise Refused(f"the load generator gave up: {said[-1]}")
    return msgspec.json.decode(done.stdout, type=Measured)
