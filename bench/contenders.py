"""What is run: a kind of load on a kind of server. A contender is measured once a round, after all the others."""

from typing import Any, Literal

import msgspec

from bench.loads import Kind

MILLION = 1_000_000
POOL = 8
"""Connections for writing, as the product has them unless it is told otherwise."""
Statistics = Literal["usual", "none", "fresh"]


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One load on one server; those with the same attendees and switches share the server."""

    name: str
    title: str
    kind: Kind
    attendees: int = 1_000
    connections: int = 64
    alone: bool = False
    """One commit per push; on PostgreSQL up to POOL of them at a time."""
    flush_s: float = 0
    """How much longer every flush takes."""
    apart: str = ""
    """Has a server of its own, because it makes of its store what the others do not want."""
    postgresql: bool = False
    """Where the store is: in a PostgreSQL of its own, else in an SQLite file."""
    events: int = 1
    """As many attendees are in each."""
    workers: int = 1
    unpinned: bool = False
    """The server may run where it likes, beside the load generator too."""
    statistics: Statistics = "usual"
    """What PostgreSQL's planner knows of the tables: what it was told before the first round and finds out itself;
    nothing, ever; what it was told."""

    @property
    def server(self) -> tuple[Any, ...]:
        return (
            self.attendees,
            self.alone,
            self.flush_s,
            self.apart,
            self.postgresql,
            self.events,
            self.workers,
            self.unpinned,
            self.statistics,
        )

    @property
    def switches(self) -> dict[str, str]:
        switches = {}
        if self.alone and self.postgresql:
            switches["BENCH_POOL"] = str(POOL)
        elif self.alone:
            switches["BENCH_ALONE"] = "1"
        if self.workers > 1:
            switches["BENCH_WORKERS"] = str(self.workers)
        if self.flush_s:
            switches["BENCH_FLUSH_S"] = str(self.flush_s)
        return switches


_ALL = (
    Contender(name="noop", title="no-op POSTs", kind="noop"),
    Contender(name="push", title="pushes", kind="push"),
    Contender(name="alone", title="pushes, one commit each", kind="push", alone=True),
    Contender(name="push+2ms", title="pushes, 2 ms more per flush", kind="push", flush_s=0.002),
    Contender(
        name="alone+2ms",
        title="pushes, one commit each, 2 ms more per flush",
        kind="push",
        alone=True,
        flush_s=0.002,
    ),
    Contender(name="push-10k", title="pushes, ten thousand attendees", kind="push", attendees=10_000),
    Contender(name="batch", title="rows in batches of 10,000", kind="batch", attendees=10_000, connections=1),
    Contender(name="million", title="pushes, a million attendees", kind="push", attendees=MILLION),
    Contender(name="noop-1", title="no-op POSTs, one connection", kind="noop", connections=1),
    Contender(name="push-1", title="pushes, one connection", kind="push", connections=1),
    Contender(name="pg", title="PostgreSQL: pushes", kind="push", postgresql=True),
    Contender(name="pg-alone", title="PostgreSQL: one transaction per push", kind="push", postgresql=True, alone=True),
    Contender(
        name="pgbench",
        title="PostgreSQL: pgbench, an upsert and two inserts",
        kind="script",
        postgresql=True,
        apart="pgbench",
    ),
    Contender(name="pg-none", title="PostgreSQL: never analysed", kind="push", postgresql=True, statistics="none"),
    Contender(name="pg-analysed", title="PostgreSQL: analysed once", kind="push", postgresql=True, statistics="fresh"),
    Contender(
        name="pg-64k", title="PostgreSQL: 64,000 attendees in one event", kind="push", postgresql=True, attendees=64_000
    ),
    Contender(
        name="pg-64-events",
        title="PostgreSQL: 64 events of 1,000 attendees",
        kind="push",
        postgresql=True,
        events=64,
    ),
    Contender(name="pg-1", title="PostgreSQL: one process, unpinned", kind="push", postgresql=True, unpinned=True),
    Contender(
        name="pg-2",
        title="PostgreSQL: two processes, unpinned",
        kind="push",
        postgresql=True,
        unpinned=True,
        workers=2,
    ),
    Contender(
        name="pg-million", title="PostgreSQL: a million attendees", kind="push", postgresql=True, attendees=MILLION
    ),
    Contender(name="mixed", title="60 % updated, 20 % created, 20 % unchanged", kind="mixed", apart="mixed"),
)
BY_NAME = {contender.name: contender for contender in _ALL}
