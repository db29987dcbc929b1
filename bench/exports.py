"""Exports of very many attendees: how long they take, how much memory whoever makes them needs, what the feed loses."""

import http.client
import re
import shutil
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from bench import processes, stores
from bench.contenders import BY_NAME
from bench.loads import Measured
from bench.refused import Refused
from bench.rounds import Grounds
from bench.running import PRODUCT, Server
from bench.stores import Store
from turnout.events import keys
from turnout.store.connect import open_database

FEW, MANY = 100_000, 1_000_000
FORMATS = ("csv", "xlsx")
LIMIT = 1.25
"""What the memory for the many may be, as a multiple of that for the few."""
LEAST = 0.75
"""What the feed keeps of its throughput: maker and server share a core here, and the maker is the nicer one."""
_PATIENCE_S = 3_600
_LOOKS_EVERY_S = 0.05
_MODULE = b"turnout.downstream.exports"


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    attendees: int
    format: str
    seconds: float
    """From asking to being done."""
    cpu_s: float
    """Processor time of the process that made it, nearly all of it."""
    size_bytes: int
    peak_bytes: int
    """Of the process that made it, at its largest."""


class Kept(msgspec.Struct, frozen=True):
    """What the feed keeps of its throughput while a file is made, by round."""

    by_clock: list[float]
    by_cpu: list[float]
    """Pushes per second of the server's own processor time: what the maker took is not in it."""


class Filled(msgspec.Struct, frozen=True):
    """A store that can be exported."""

    store: Store
    read_key: str
    pushed: int
    """So many of its attendees were pushed, and can be again; the others are copies, which no push finds."""


class Reader:
    """A read key, and what it asks of a running server."""

    def __init__(self, filled: Filled) -> None:
        self._key = filled.read_key
        self._slug = filled.store.gateways[0].slug

    def ask(self, server: Server, format_name: str) -> str:
        return str(self._request(server, "POST", "", msgspec.json.encode({"format": format_name}))["id"])

    def show(self, server: Server, export_id: str) -> dict[str, Any]:
        return self._request(server, "GET", f"/{export_id}")

    def delete(self, server: Server, export_id: str) -> None:
        self._request(server, "DELETE", f"/{export_id}")

    def _request(self, server: Server, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            connection.request(method, f"/e/{self._slug}/exports{path}", body, {"Api-Key": self._key})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(f"{method} of an export is answered with {answer.status}: {content[:200]!r}")
        return msgspec.json.decode(content) if content else {}


def make_files(grounds: Grounds, few: int, many: int) -> list[Exported]:
    """Each format with the few and with the many, one after another."""
    found = []
    for filled in (_fill(grounds, few), _copy(grounds, few, many)):
        attendees = filled.store.attendees
        with Server(filled.store, grounds.cores) as server:
            reader = Reader(filled)
            for format_name in FORMATS:
                found.append(_make(server, reader, format_name, attendees))
                one = found[-1]
                grounds.say(
                    f"  {attendees:,} as {format_name}: {one.seconds:.1f} s, {one.cpu_s:.1f} s of processor time,"
                    f" {one.size_bytes >> 20} MiB, {one.peak_bytes >> 20} MiB of memory"
                )
    return found


def _fill(grounds: Grounds, attendees: int) -> Filled:
    """The store that pushes have made, when it is first asked for, and of which the lists' index knows all."""
    folder = grounds.folder / f"exports-{attendees}"
    if folder not in _filled:
        store = grounds.store(folder.name, attendees)
        with closing(open_database(store.url)) as database:
            read_key = keys.create(database, store.event_id, scope="read").text
        _wait_for_index(grounds, store)
        _filled[folder] = Filled(store, read_key, attendees)
    return _filled[folder]


def _wait_for_index(grounds: Grounds, store: Store) -> None:
    """Else the server would be about it while others are measured."""
    with Server(store, grounds.cores, command=PRODUCT) as server:
        until = time.monotonic() + _PATIENCE_S
        while (lag := _LAG.search(server.get("/metrics"))) is None or float(lag[1]):
            if time.monotonic() > until:
                raise Refused(f"the index of lists was not done after {_PATIENCE_S} s")
            time.sleep(_LOOKS_EVERY_S)


_LAG = re.compile(rb"^turnout_listing_lag_changes ([0-9.e+]+)$", re.MULTILINE)


def _copy(grounds: Grounds, few: int, many: int) -> Filled:
    """The few, so often under further ids that they are many: all that an export reads, and far quicker to make."""
    folder = grounds.folder / f"exports-{many}"
    if folder in _filled:
        return _filled[folder]
    original = _fill(grounds, few)
    grounds.say(f"a store with {many:,} attendees")
    stores.check_room(grounds.folder, many)
    shutil.copytree(original.store.folder, folder)
    url = f"sqlite:///{folder / original.store.path.name}"
    with closing(open_database(url)) as database:
        for number in range(1, many // few):
            with database.write() as connection:
                connection.exec_driver_sql(
                    f"INSERT INTO attendees ({_COLUMNS}, id, document) SELECT {_COLUMNS}, {_NEW_ID},"
                    f" replace(document, id, {_NEW_ID}) FROM attendees WHERE event_id = ? ORDER BY id LIMIT ?",
                    (f"{number:02x}", f"{number:02x}", original.store.event_id, few),
                )
            database.move_log()
    store = msgspec.structs.replace(original.store, folder=folder, url=url, attendees=many)
    _filled[folder] = Filled(store, original.read_key, few)
    return _filled[folder]


_COLUMNS = "event_id, status, email_key, name_key, company_key, updated_at"
_NEW_ID = "'att_f' || ? || substr(id, 8)"
"""Behind all those that there are, so that a copy is never copied."""


_filled: dict[Path, Filled] = {}


def _make(server: Server, reader: Reader, format_name: str, attendees: int) -> Exported:
    began = time.perf_counter()
    export_id = reader.ask(server, format_name)
    peak, cpu_s = 0, 0.0
    while True:
        maker = _find_maker(server)
        if maker is not None:
            with suppress(FileNotFoundError, ProcessLookupError):
                peak, cpu_s = max(peak, _peak_bytes(maker)), max(cpu_s, processes.cpu_s(maker))
        shown = reader.show(server, export_id)
        if shown["state"] in ("done", "failed", "removed"):
            break
        if time.perf_counter() - began > _PATIENCE_S:
            raise Refused(f"an export was not done after {_PATIENCE_S} s: {shown}")
        time.sleep(_LOOKS_EVERY_S)
    if shown["state"] != "done" or shown["rowsDone"] != attendees:
        raise Refused(f"an export did not become what it should: {shown}")
    seconds = time.perf_counter() - began
    reader.delete(server, export_id)
    return Exported(
        attendees=attendees,
        format=format_name,
        seconds=seconds,
        cpu_s=cpu_s,
        size_bytes=shown["sizeBytes"],
        peak_bytes=peak,
    )


def _find_maker(server: Server) -> int | None:
    """The server's child that makes the file, while there is one."""
    for pid in processes.tree(server.pid)[1:]:
        with suppress(FileNotFoundError, ProcessLookupError):
            # A child that is not what it will be yet is as large as the server.
            if _MODULE in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def measure_feed(grounds: Grounds, few: int, many: int) -> Kept:
    """Pushes per second while a file of the many is made, as a share of those before and after, round by round.

    The few are pushed to. The maker shares the server's core.
    """
    filled = _copy(grounds, few, many)
    push = BY_NAME["push"]
    kept = Kept([], [])
    with Server(msgspec.structs.replace(filled.store, attendees=filled.pushed), grounds.cores) as server:
        reader = Reader(filled)

        def run(requests: int) -> Measured:
            load = msgspec.structs.replace(grounds.load(server, push, requests), without_children=True)
            return server.run(load, breathless_is_fine=True)

        requests = max(1_000, round(run(2_000).rows_per_s * grounds.effort.seconds))
        for number in range(grounds.effort.rounds):
            before = run(requests)
            export_id = reader.ask(server, "csv")
            while reader.show(server, export_id)["state"] == "waiting":
                time.sleep(_LOOKS_EVERY_S)
            during = run(requests)
            shown = reader.show(server, export_id)
            if shown["state"] != "running":
                raise Refused(f"the file was done before the load was: {shown}")
            reader.delete(server, export_id)
            while len(processes.tree(server.pid)) > 1:
                time.sleep(_LOOKS_EVERY_S)
            after = run(requests)
            kept.by_clock.append(during.rows_per_s * 2 / (before.rows_per_s + after.rows_per_s))
            kept.by_cpu.append(during.rows_per_cpu_s * 2 / (before.rows_per_cpu_s + after.rows_per_cpu_s))
            grounds.say(
                f"  round {number + 1}: {before.rows_per_s:,.0f}, during an export {during.rows_per_s:,.0f},"
                f" {after.rows_per_s:,.0f} pushes/s; by processor time {kept.by_cpu[-1]:.2f}"
            )
    return kept
