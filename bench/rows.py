"""The table: what is compared with what, and the goals."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from bench.loads import Measured


class Round(msgspec.Struct, frozen=True):
    """One turn of every contender."""

    measured: Mapping[str, Measured]
    flush_s: float | None
    """The median flush of this round, where asked for."""


class Goal(msgspec.Struct, frozen=True):
    """What a figure should be at least, or at most."""

    kind: Literal["≥", "≤"]
    limit: float
    unit: str = ""

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.kind == "≥" else value <= self.limit

    def __str__(self) -> str:
        return f"{self.kind} {self.limit:g}{self.unit}"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio, taken once per round."""

    name: str
    title: str
    prototype: str
    goal: Goal
    contenders: tuple[str, ...]
    ratio: Callable[[Round], float]
    flushes: bool = False
    """Needs the cost of a flush, round by round."""
    beside: tuple[tuple[str, Callable[[Round], float]], ...] = ()
    """Other ways to look at the same, that no goal is for."""


def _by_cpu(above: str, below: str) -> Callable[[Round], float]:
    """How many more of the one than of the other a second of processor time does."""
    return lambda one: one.measured[above].rows_per_cpu_s / one.measured[below].rows_per_cpu_s


def _by_database_cpu(above: str, below: str) -> Callable[[Round], float]:
    """The same of PostgreSQL's processor time alone."""
    return lambda one: one.measured[above].rows_per_database_cpu_s / one.measured[below].rows_per_database_cpu_s


def _by_clock(above: str, below: str) -> Callable[[Round], float]:
    return lambda one: one.measured[above].rows_per_s / one.measured[below].rows_per_s


def _on_postgresql(
    name: str, above: str, below: str, title: str, prototype: str, limit: float, *, by_clock: bool = False
) -> Row:
    """By processor time of server and PostgreSQL together, or by the clock; and by the other, without a goal."""
    by_cpu, by_the_clock = _by_cpu(above, below), _by_clock(above, below)
    return Row(
        name=name,
        title=f"PostgreSQL: {title}",
        prototype=prototype,
        goal=Goal("≥", limit),
        contenders=(above, below),
        ratio=by_the_clock if by_clock else by_cpu,
        beside=(
            ("by processor time", by_cpu) if by_clock else ("by the clock", by_the_clock),
            *([("by PostgreSQL's alone", _by_database_cpu(above, below))] if below == "pgbench" else []),
        ),
    )


def _lone_latency(one: Round) -> float:
    assert one.flush_s is not None
    return one.measured["push-1"].p50_s / (one.flush_s + one.measured["noop-1"].p50_s)


RATIOS = (
    Row(
        name="noop",
        title="durable pushes ÷ no-op POSTs of the same server",
        prototype="0.29–0.36",
        goal=Goal("≥", 0.22),
        contenders=("noop", "push"),
        ratio=_by_cpu("push", "noop"),
    ),
    Row(
        name="alone",
        title="durable pushes ÷ the same code with one commit per push",
        prototype="2.8",
        goal=Goal("≥", 2.2),
        contenders=("push", "alone"),
        ratio=_by_cpu("push", "alone"),
    ),
    Row(
        name="alone+2ms",
        title="the same with 2 ms more per flush, by the clock",
        prototype="22",
        goal=Goal("≥", 15),
        contenders=("push+2ms", "alone+2ms"),
        ratio=_by_clock("push+2ms", "alone+2ms"),
    ),
    Row(
        name="million",
        title="a million attendees in the event ÷ a thousand",
        prototype="0.76",
        goal=Goal("≥", 0.75),
        contenders=("push", "million"),
        ratio=_by_cpu("million", "push"),
    ),
    Row(
        name="latency",
        title="one connection: latency of a push ÷ (a flush + a no-op)",
        prototype="–",
        goal=Goal("≤", 2.5),
        contenders=("noop-1", "push-1"),
        ratio=_lone_latency,
        flushes=True,
    ),
    Row(
        name="batch",
        title="batch of 10,000: rows per second ÷ single pushes per second",
        prototype="1.3",
        goal=Goal("≥", 2),
        contenders=("push-10k", "batch"),
        ratio=_by_cpu("batch", "push-10k"),
    ),
    _on_postgresql("pg-sqlite", "pg", "push", "durable pushes ÷ on SQLite", "0.67–0.7", 0.65),
    _on_postgresql("pg-alone", "pg", "pg-alone", "÷ one transaction per push, with a pool", "7.3–8.2", 5),
    _on_postgresql("pg-pgbench", "pg", "pgbench", "÷ pgbench, an upsert and two inserts in a transaction", "–", 1.5),
    _on_postgresql("pg-fresh", "pg-none", "pg-analysed", "fresh tables ÷ analysed tables", "0.97", 0.9),
    _on_postgresql("pg-events", "pg-64-events", "pg-64k", "64 events at once ÷ one event as large", "–", 0.8),
    _on_postgresql("pg-workers", "pg-2", "pg-1", "two processes ÷ one, by the clock", "0.9–1.0", 0.9, by_clock=True),
    _on_postgresql("pg-million", "pg-million", "pg", "a million attendees ÷ a thousand", "0.65", 0.7),
)
EXTRA = {
    "mixed": "60 % updated, 20 % created, 20 % unchanged: a contender without a ratio",
    "memory": "memory of the server, idle and under load with a million attendees",
    "flushes": "flushes to disk, counted with strace, against commits",
    "kill": "acknowledgements against rows after a kill",
    "start": "start-up to ready with the largest store",
    "follow": "from a push to its followers, what they take from the feed, what idle ones hold",
    "webhooks": "from a push to a webhook's receiver, deliveries a second, and what they take from the feed",
    "consoles": "what ten open consoles take from the feed, and how soon they show a push",
    "exports": "exports of a million attendees: time, memory, and what the feed loses meanwhile",
    "lists": "a page of 100 with a million attendees against ten thousand, for each order and filter",
    "profile": "where the processor time of a push goes",
    "pg-consoles": "PostgreSQL: what ten open consoles take from the feed, and how soon they show a push",
    "pg-lists": "PostgreSQL: a page of 100 with a million attendees against ten thousand",
    "pg-flushes": "PostgreSQL: flushes of its log, by its own count, against commits",
    "pg-profile": "PostgreSQL: where the time of a commit goes, by statement",
}
_SINGLE = (*(row.name for row in RATIOS), *EXTRA)
GROUPS = {"postgresql": tuple(name for name in _SINGLE if name.startswith("pg-"))}
MILLIONS = ("million", "memory", "exports", "lists", "pg-million", "pg-lists")
"""Those that take minutes to prepare."""
NAMES = (*_SINGLE, *GROUPS)
