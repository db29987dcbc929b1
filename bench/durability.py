"""Whether the speed was honest: flushes counted by the kernel's own account, and what is there after a kill."""

import re
import shutil
from pathlib import Path

import msgspec

from bench import clusters
from bench.contenders import BY_NAME
from bench.refused import Refused
from bench.rounds import Grounds
from bench.running import BENCH_SERVER, Server, generate
from turnout.store import changes, pushes
from turnout.store.connect import open_database

_FLUSH = re.compile(r"^\d+ +(?:fdatasync|fsync)\(\d+<[^>]*\.db-wal>", re.MULTILINE)
_TOGETHER, _LONE, _KILLED = 4_000, 200, 5_000


class Flushes(msgspec.Struct, frozen=True):
    """What strace has seen of a server's log file."""

    flushes: int
    commits: int
    pushes: int


class Kill(msgspec.Struct, frozen=True):
    """What a killed server left behind."""

    acknowledged: int
    found: int
    """Of those, in the push log."""
    rows: int
    """In the push log altogether, without those that the store was made with."""
    gaps: int
    """In the change log."""


def count_flushes(grounds: Grounds) -> Flushes:
    """Pushes with 64 connections, then with one, on a server that strace looks at."""
    if shutil.which("strace") is None:
        raise Refused("there is no strace; install it (on Debian and Ubuntu: apt-get install strace)")
    store = grounds.store("flushes", 1_000)
    trace = store.folder / "strace"
    # -D: the server is our own child, and strace its other relative.
    command = ("strace", "-D", "-f", "-y", "--seccomp-bpf", "-e", "trace=fdatasync,fsync", "-o", str(trace))
    with Server(store, grounds.cores, command=(*command, *BENCH_SERVER)) as server:
        before, flushed_before = server.count(), _count(trace)
        for contender, requests in ((BY_NAME["push"], _TOGETHER), (BY_NAME["push-1"], _LONE)):
            server.run(grounds.load(server, contender, requests), breathless_is_fine=True)
        after, flushed_after = server.count(), _count(trace)
    return Flushes(flushed_after - flushed_before, after.commits - before.commits, _TOGETHER + _LONE)


def count_postgresql_flushes(grounds: Grounds) -> Flushes:
    """The same on PostgreSQL, which counts them itself."""
    store, cluster = grounds.store_on_postgresql("pg-flushes", 1_000)
    flushed_before = clusters.count_flushes(cluster)
    with Server(store, grounds.cores) as server:
        before = server.count()
        for contender, requests in ((BY_NAME["pg"], _TOGETHER), (BY_NAME["push-1"], _LONE)):
            server.run(grounds.load(server, contender, requests), breathless_is_fine=True)
        after = server.count()
    flushed_after = clusters.count_flushes(cluster)
    return Flushes(flushed_after - flushed_before, after.commits - before.commits, _TOGETHER + _LONE)


def kill(grounds: Grounds) -> Kill:
    """Pushes with 64 connections, and SIGKILL in the midst of them."""
    store = grounds.store("kill", 1_000)
    server = Server(store, grounds.cores)
    load = grounds.load(server, BY_NAME["push"], _KILLED * 2, kill_after=_KILLED)
    try:
        acknowledged = generate(load, grounds.cores).acknowledged
    finally:
        server.kill()
    database = open_database(store.url)
    try:
        with database.read() as connection:
            found = sum(pushes.find_push(connection, one, store.event_id) is not None for one in acknowledged)
            stored = len(pushes.list_pushes(connection, store.event_id, limit=1_000_000))
            log = changes.list_changes(connection, store.event_id, limit=1_000_000)
    finally:
        database.close()
    gaps = sum(change.sequence != place for place, change in enumerate(log, 1))
    return Kill(len(acknowledged), found, stored - store.attendees, gaps)


def _count(trace: Path) -> int:
    return len(_FLUSH.findall(trace.read_text()))
