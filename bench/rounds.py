"""The contenders in turn, round after round, each on a server that was warmed up before the first."""

import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import clusters, flush, processes, stores
from bench.contenders import MILLION, Contender, Statistics
from bench.loads import BATCH_ROWS, Load, Measured
from bench.refused import OutOfBreath, Refused
from bench.rows import Round
from bench.running import PRODUCT, Cores, Server
from bench.stores import Store
from tests.postgresql import PostgresServer

TRIES = 3
"""Of a measurement during which the generator was out of breath."""
_LONE_PUSHES = 50
_FLUSHES = 200


class Effort(msgspec.Struct, frozen=True):
    """How much is measured."""

    rounds: int
    seconds: float
    """Of each contender in each round."""


class Memory(msgspec.Struct, frozen=True):
    """Of a server, in bytes."""

    resident: int
    proportional: int


class Grounds:
    """Where it all takes place: the folder, the stores in it, and the servers that run on them."""

    def __init__(self, folder: Path, cores: Cores, effort: Effort, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.cores = cores
        self.effort = effort
        self.say = say
        self._next_serial = 1
        self._stores: dict[str, Store] = {}
        self._clusters: dict[str, PostgresServer] = {}
        self._servers: dict[tuple[Any, ...], Server] = {}

    def close(self) -> None:
        for server in self._servers.values():
            server.kill()
        for cluster in self._clusters.values():
            cluster.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def store(self, name: str, attendees: int) -> Store:
        """The store with that name, made when it is first asked for."""
        if name not in self._stores:
            self.say(f"a store with {attendees:,} attendees")
            self._stores[name] = stores.make(self.folder / name, attendees, self._tell_progress)
        return self._stores[name]

    def store_on_postgresql(
        self, name: str, attendees: int, *, events: int = 1, statistics: Statistics = "usual", counting: bool = False
    ) -> tuple[Store, PostgresServer]:
        """The same, in a PostgreSQL of its own. `statistics` are as contenders say, `counting` as clusters do."""
        if name not in self._stores:
            self.say(f"a PostgreSQL with {attendees * events:,} attendees")
            cluster = self.cluster(name, attendees * events, statistics=statistics, counting=counting)
            self._stores[name] = stores.make(
                self.folder / name,
                attendees,
                self._tell_progress,
                url=cluster.url_of(clusters.DATABASE),
                database_pid=clusters.pid_of(cluster),
                events=events,
            )
            clusters.settle(cluster, analyse=statistics != "none")
            clusters.check_durable(cluster)
        return self._stores[name], self._clusters[name]

    def cluster(
        self, name: str, attendees: int, *, statistics: Statistics = "usual", counting: bool = False
    ) -> PostgresServer:
        """A new PostgreSQL with an empty database, which has room for so many."""
        made = clusters.start(self.folder / name, attendees, autovacuum=statistics == "usual", counting=counting)
        self._clusters[name] = made
        return made

    def store_of(self, contender: Contender) -> Store:
        name = _store_name(contender)
        if not contender.postgresql:
            return self.store(name, contender.attendees)
        store, _ = self.store_on_postgresql(
            name, contender.attendees, events=contender.events, statistics=contender.statistics
        )
        return store

    def server(self, contender: Contender) -> Server:
        """The server that the contender runs on, started when it is first asked for."""
        key = contender.server
        if key not in self._servers:
            self._servers[key] = Server(
                self.store_of(contender), self.cores, contender.switches, unpinned=contender.unpinned
            )
        return self._servers[key]

    def end(self, contender: Contender, *, kill: bool) -> None:
        """Stops or kills the server of a contender, where it runs."""
        server = self._servers.pop(contender.server, None)
        if server is not None:
            (server.kill if kill else server.stop)()

    def load(self, server: Server, contender: Contender, requests: int, *, kill_after: int | None = None) -> Load:
        """So many requests of a contender. Nothing in them has been said before."""
        first = self._next_serial
        # Mixtures look at the last digit, and a new attendee is numbered by it.
        self._next_serial = (first + requests * (BATCH_ROWS if contender.kind == "batch" else 1) + 9) // 10 * 10
        return Load(
            port=server.port,
            server_pid=server.pid,
            database_pid=server.store.database_pid,
            gateways=server.store.gateways,
            kind=contender.kind,
            connections=contender.connections,
            requests=requests,
            attendees=server.store.attendees,
            first_serial=first,
            kill_after=kill_after,
        )

    def measure(self, contender: Contender, requests: int) -> Measured:
        """One measurement, tried again when the generator was out of breath."""
        if contender.kind == "script":
            store = self.store_of(contender)
            return clusters.run_script(
                self._clusters[_store_name(contender)],
                store,
                self.cores,
                clients=contender.connections,
                seconds=self.effort.seconds,
                folder=store.folder,
            )
        server = self.server(contender)
        for left in range(TRIES - 1, -1, -1):
            try:
                # Where all share two cores, everybody wants to run and cannot.
                measured = server.run(self.load(server, contender, requests), breathless_is_fine=contender.unpinned)
            except OutOfBreath as error:
                if not left:
                    raise
                self.say(f"  {contender.title}: once more, {error}")
                continue
            if contender.alone and measured.commits != measured.rows:
                raise Refused(f"{measured.rows} pushes were stored in {measured.commits} commits, not one by one")
            return measured
        raise AssertionError

    def _tell_progress(self, done: int) -> None:
        if done % 50_000 == 0:
            self.say(f"  {done:,} attendees")


class Rounds:
    """The measurements of all contenders, and why some do not count."""

    def __init__(self, grounds: Grounds, contenders: list[Contender], *, flushes: bool) -> None:
        self._grounds = grounds
        self._contenders = contenders
        self._flushes = flushes
        self._requests: dict[str, int] = {}
        self.flush_bytes = 0
        """What one lone push writes to the log file, and so does every flush that is measured."""
        self.rounds: list[Round] = []
        self.refused: dict[str, str] = {}
        """By contender: the first reason."""
        self.memory: Memory | None = None
        """Under load with the most attendees, at its peak."""

    def run(self) -> None:
        for contender in self._contenders:
            self._unless_refused(contender, self._warm_up)
        effort = self._grounds.effort
        for number in range(1, effort.rounds + 1):
            self._grounds.say(f"round {number} of {effort.rounds}")
            measured: dict[str, Measured] = {}
            for contender in self._contenders:

                def take(contender: Contender, measured: dict[str, Measured] = measured) -> None:
                    one = self._grounds.measure(contender, self._requests[contender.name])
                    measured[contender.name] = one
                    self._grounds.say(
                        f"  {contender.title}: {one.rows_per_s:,.0f}/s, {one.cpu_per_row_s * 1e6:,.0f} µs of CPU"
                    )

                self._unless_refused(contender, take)
            self.rounds.append(Round(measured, self._measure_flush() if self._flushes else None))
        self._look_at_memory()

    def _warm_up(self, contender: Contender) -> None:
        """Finds out how many requests fill the time, and leaves the server warm."""
        if contender.kind == "script":
            self._grounds.store_of(contender)
            self._requests[contender.name] = 0
            return
        server = self._grounds.server(contender)
        if contender.kind == "push" and contender.connections == 1:
            self.flush_bytes = self._measure_log_growth(server, contender)
        requests = 1 if contender.kind == "batch" else 300
        for seconds in (0.5, self._grounds.effort.seconds):
            # The first requests of a process are slower than all others, so twice.
            measured = server.run(self._grounds.load(server, contender, requests), breathless_is_fine=True)
            requests = max(
                1 if contender.kind == "batch" else 100, round(measured.requests / measured.seconds * seconds)
            )
        self._requests[contender.name] = requests
        if contender.attendees == MILLION and not contender.postgresql:
            processes.forget_peak(server.pid)

    def _measure_log_growth(self, server: Server, contender: Contender) -> int:
        """How much the log file grows by one lone push, found on a server whose log has just begun."""
        store = server.store
        apart = Server(self._grounds.store("log", store.attendees), self._grounds.cores)
        try:
            log = apart.store.path.with_name(apart.store.path.name + "-wal")
            apart.run(self._grounds.load(apart, contender, _LONE_PUSHES), breathless_is_fine=True)
            before = log.stat().st_size
            apart.run(self._grounds.load(apart, contender, _LONE_PUSHES), breathless_is_fine=True)
            return (log.stat().st_size - before) // _LONE_PUSHES
        finally:
            apart.stop()

    def _measure_flush(self) -> float:
        return statistics.median(
            flush.measure(self._grounds.folder, self.flush_bytes, _FLUSHES, self._grounds.cores.server)
        )

    def _look_at_memory(self) -> None:
        contender = next((one for one in self._contenders if one.attendees == MILLION and not one.postgresql), None)
        if contender is not None and contender.name not in self.refused:
            pid = self._grounds.server(contender).pid
            self.memory = Memory(processes.peak_resident_bytes(pid), processes.proportional_bytes(pid))

    def _unless_refused(self, contender: Contender, what: Callable[[Contender], None]) -> None:
        if contender.name in self.refused:
            return
        try:
            what(contender)
        except Refused as error:
            self.refused[contender.name] = str(error)
            self._grounds.say(f"  {contender.title}: refused, {error}")


def measure_idle_memory(grounds: Grounds) -> Memory:
    """Of `turnout serve` that has nothing to do."""
    with Server(grounds.store("idle", 1_000), grounds.cores, command=PRODUCT) as server:
        return Memory(processes.resident_bytes(server.pid), processes.proportional_bytes(server.pid))


def measure_starts(grounds: Grounds, store: Store, times: int) -> list[float]:
    """How long `turnout serve` took until it answered, each time."""
    taken = []
    for _ in range(times):
        with Server(store, grounds.cores, command=PRODUCT) as server:
            taken.append(server.ready_after_s)
    return taken


def _store_name(contender: Contender) -> str:
    switches = "".join(f"-{name}" for name in contender.switches)
    name = f"{contender.attendees}{switches}{contender.apart and '-' + contender.apart}".lower()
    if not contender.postgresql:
        return name
    pinned = "-unpinned" if contender.unpinned else ""
    return f"pg-{name}-{contender.events}-{contender.statistics}{pinned}"
