"""All of them in turn, round after round: Turnout on the grounds of `make bench`, the peers beside it."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench.contenders import Contender
from bench.loads import Measured
from bench.peers.entrants import Entrant
from bench.peers.peer import Peer, installed
from bench.refused import OutOfBreath, Refused
from bench.rounds import TRIES, Grounds
from bench.rows import Round

_TOGETHER, _LONE = 600, 100


class Flushes(msgspec.Struct, frozen=True):
    """What strace has seen of a peer's log file."""

    flushes: int
    rows: int


class Field:
    """The grounds, and the peers that run on them."""

    def __init__(self, grounds: Grounds) -> None:
        self.grounds = grounds
        self._peers: dict[type[Peer], Peer] = {}
        self._next_serial = 1

    def close(self) -> None:
        for peer in self._peers.values():
            peer.stop()
        self.grounds.close()

    def warm_up(self, contender: Contender) -> int:
        """How many requests fill the time; the server is warm then."""
        is_batch = contender.kind == "batch"
        requests = 1 if is_batch else 200
        for seconds in (0.5, self.grounds.effort.seconds):
            measured = self.measure(contender, requests, breathless_is_fine=True)
            requests = max(1 if is_batch else 100, round(measured.requests / measured.seconds * seconds))
        return requests

    def measure(self, contender: Contender, requests: int, *, breathless_is_fine: bool = False) -> Measured:
        """One measurement, tried again when the generator was out of breath."""
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._run(contender, requests, breathless_is_fine=breathless_is_fine)
            except OutOfBreath as error:
                if not left:
                    raise
                self.grounds.say(f"  {contender.title}: once more, {error}")
        raise AssertionError

    def count_flushes(self, entrant: Entrant) -> Flushes:
        """Rows on all connections, then on one, on a peer that strace looks at."""
        if shutil.which("strace") is None:
            raise Refused("there is no strace; install it (on Debian and Ubuntu: apt-get install strace)")
        installed(entrant.package)
        folder = self.grounds.folder / f"flushes-{entrant.name}"
        trace = self.grounds.folder / f"strace-{entrant.name}"
        # -D: the server is our own child, and strace its other relative.
        strace = ("strace", "-D", "-f", "-y", "--seccomp-bpf", "-e", "trace=fdatasync,fsync", "-o", str(trace))
        with entrant.peer(folder, 1_000, self.grounds.cores, before=strace) as peer:
            before = _count(trace, peer.database)
            for connections, requests in ((entrant.connections, _TOGETHER), (1, _LONE)):
                load = peer.load(requests, connections=connections, rows_each=1, first_serial=self._take(requests))
                peer.run(load, breathless_is_fine=True)
            return Flushes(_count(trace, peer.database) - before, _TOGETHER + _LONE)

    def _run(self, contender: Contender, requests: int, *, breathless_is_fine: bool) -> Measured:
        if not isinstance(contender, Entrant):
            server = self.grounds.server(contender)
            return server.run(self.grounds.load(server, contender, requests), breathless_is_fine=breathless_is_fine)
        peer = self._peer(contender)
        load = peer.load(
            requests,
            connections=contender.connections,
            rows_each=contender.rows_each,
            first_serial=self._take(requests * contender.rows_each),
        )
        return peer.run(load, breathless_is_fine=breathless_is_fine)

    def _peer(self, entrant: Entrant) -> Peer:
        """The server that the entrant runs on, started when it is first asked for."""
        installed(entrant.package)
        if entrant.peer not in self._peers:
            self.grounds.say(f"{entrant.title}: a server with {entrant.attendees:,} attendees")
            folder = self.grounds.folder / f"peer-{entrant.name}"
            self._peers[entrant.peer] = entrant.peer(folder, entrant.attendees, self.grounds.cores)
        return self._peers[entrant.peer]

    def _take(self, serials: int) -> int:
        first = self._next_serial
        self._next_serial += serials
        return first


def run_rounds(field: Field, contenders: Sequence[Contender]) -> tuple[list[Round], dict[str, str]]:
    """The rounds, and by contender the first reason why it does not count."""
    refused: dict[str, str] = {}
    requests: dict[str, int] = {}

    def unless_refused(contender: Contender, what: Callable[[Contender], None]) -> None:
        if contender.name not in refused:
            try:
                what(contender)
            except Refused as error:
                refused[contender.name] = str(error)
                field.grounds.say(f"  {contender.title}: refused, {error}")

    def warm_up(contender: Contender) -> None:
        requests[contender.name] = field.warm_up(contender)

    for contender in contenders:
        unless_refused(contender, warm_up)
    rounds = []
    for number in range(1, field.grounds.effort.rounds + 1):
        field.grounds.say(f"round {number} of {field.grounds.effort.rounds}")
        measured: dict[str, Measured] = {}

        def take(contender: Contender, measured: dict[str, Measured] = measured) -> None:
            one = field.measure(contender, requests[contender.name])
            measured[contender.name] = one
            field.grounds.say(f"  {contender.title}: {one.rows_per_s:,.0f}/s, {one.cpu_per_row_s * 1e6:,.0f} µs of CPU")

        for contender in contenders:
            unless_refused(contender, take)
        rounds.append(Round(measured, None))
    return rounds, refused


def _count(trace: Path, database: Path) -> int:
    flush = re.compile(rf"^\d+ +(?:fdatasync|fsync)\(\d+<[^>]*/{re.escape(database.name)}-wal>", re.MULTILINE)
    return len(flush.findall(trace.read_text()))
