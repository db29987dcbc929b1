"""What the load generator is asked to do, and what it tells of it: the words between the two processes."""

from typing import Literal

import msgspec

Kind = Literal["noop", "push", "mixed", "batch", "script"]
BATCH_ROWS = 10_000


class Gateway(msgspec.Struct, frozen=True):
    """An event, and the key to it."""

    event_id: str
    slug: str
    key: str


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: so many requests over so many connections, each sending as soon as it has its answer."""

    port: int
    server_pid: int
    gateways: tuple[Gateway, ...]
    """Requests go to them in turn."""
    kind: Kind
    connections: int
    requests: int
    attendees: int
    """How many are in each event, numbered from 0."""
    first_serial: int
    """From here on no badge number has been used yet."""
    database_pid: int | None = None
    """The process that has started all of the database's, where it is not in the server."""
    without_children: bool = False
    """Count the server's own processor time only, and not that of what it has started."""
    kill_after: int | None = None
    """Kill the server, as a power cut does, once so many pushes are acknowledged."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    requests: int
    rows: int
    """Pushes in them: as many as requests, but for batches."""
    seconds: float
    cpu_s: float
    """Of the server and whatever it has started, unless it was asked for without, and of the database."""
    database_cpu_s: float = 0
    """Of the database alone, where it is not in the server."""
    generator_cpu_s: float = 0
    p50_s: float
    p99_s: float
    busy: float
    """The share of the time for which the generator ran or wanted to."""
    sent_bytes: int
    results: dict[str, int]
    """What the server should have counted, by result."""
    commits: int = 0
    """In which the server says to have stored it; told by the server afterwards."""
    acknowledged: list[str] = []
    """With `kill_after`: the ids of the pushes that were answered with 200."""

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.seconds

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / self.cpu_s

    @property
    def rows_per_database_cpu_s(self) -> float:
        return self.rows / self.database_cpu_s

    @property
    def cpu_per_row_s(self) -> float:
        return self.cpu_s / self.rows
