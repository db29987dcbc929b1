"""What is run: a kind of load on a kind of server. A contender is measured once a round, after all the others."""

import msgspec

from bench.loads import Kind

MILLION = 1_000_000


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One load on one server; those with the same attendees and switches share the server."""

    name: str
    title: str
    kind: Kind
    attendees: int = 1_000
    connections: int = 64
    alone: bool = False
    """One commit per push."""
    flush_s: float = 0
    """How much longer every flush takes."""
    apart: str = ""
    """Has a server of its own, because it makes of its store what the others do not want."""

    @property
    def server(self) -> tuple[int, bool, float, str]:
        return self.attendees, self.alone, self.flush_s, self.apart

    @property
    def switches(self) -> dict[str, str]:
        switches = {"BENCH_ALONE": "1"} if self.alone else {}
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
    Contender(name="mixed", title="60 % updated, 20 % created, 20 % unchanged", kind="mixed", apart="mixed"),
)
BY_NAME = {contender.name: contender for contender in _ALL}
