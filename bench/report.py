"""The figures as tables: for the screen, and as Markdown for the docs."""

import math
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.contenders import Contender
from bench.loads import Measured
from bench.profile import StatementTime
from bench.rows import Round


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the first table."""

    title: str
    value: str
    rounds: str = ""
    """Lowest and highest round."""
    prototype: str = "–"
    goal: str
    is_met: bool
    remark: str = ""
    is_speed: bool = True
    """Not a promise that holds or is broken."""


class Sheet(msgspec.Struct, frozen=True):
    """A table: its columns, the first of them text, and its lines."""

    title: str
    columns: tuple[str, ...]
    lines: list[tuple[str, ...]]


def figures_sheet(figures: Sequence[Figure]) -> Sheet:
    return Sheet(
        "Ratios and promises",
        ("what", "median", "rounds", "prototype", "goal", "met"),
        [
            (
                figure.title,
                figure.value,
                figure.rounds,
                figure.prototype,
                figure.goal,
                ("yes" if figure.is_met else "NO") + (f" ({figure.remark})" if figure.remark else ""),
            )
            for figure in figures
        ],
    )


def contenders_sheet(contenders: Sequence[Contender], rounds: Sequence[Round]) -> Sheet:
    lines = []
    for contender in contenders:
        all_measured = [one.measured[contender.name] for one in rounds if contender.name in one.measured]
        if all_measured:
            lines.append((contender.title, *_describe(all_measured)))
    return Sheet(
        "Contenders (medians of the rounds)",
        (
            "what",
            "per second",
            "server CPU, µs each",
            "pushes per commit",
            "p50, ms",
            "p99, ms",
            "server busy",
            "generator busy",
        ),
        lines,
    )


def shares_sheet(contenders: Sequence[Contender], rounds: Sequence[Round]) -> Sheet:
    """Whose processor time it was, and how much of all cores that came to."""
    cores = os.cpu_count() or 1
    lines = []
    for contender in contenders:
        all_measured = [one.measured[contender.name] for one in rounds if contender.name in one.measured]
        if all_measured:
            shares = [
                [(one.cpu_s - one.database_cpu_s) / one.rows for one in all_measured],
                [one.database_cpu_s / one.rows for one in all_measured],
                [one.generator_cpu_s / one.rows for one in all_measured],
            ]
            busy = statistics.median((one.cpu_s + one.generator_cpu_s) / one.seconds / cores for one in all_measured)
            lines.append(
                (contender.title, *(f"{statistics.median(share) * 1e6:,.1f}" for share in shares), f"{busy:.0%}")
            )
    return Sheet(
        "Whose processor time, µs each (medians of the rounds)",
        ("what", "server", "PostgreSQL", "load generator", f"of {cores} cores"),
        lines,
    )


def statements_sheet(statements: Sequence[StatementTime], measured: Measured) -> Sheet:
    """Each statement of a commit; the last column is what neither we nor the server's executor account for."""
    commits = max(measured.commits, 1)

    def line(title: str, one: StatementTime) -> tuple[str, ...]:
        between = one.clock - one.cpu - one.planned - one.executed
        times = (one.clock, one.cpu, one.planned, one.executed, between)
        return (
            title,
            f"{one.calls / commits:.2f}",
            f"{one.rows / commits:.1f}",
            *(f"{spent / commits / 1000:,.0f}" for spent in times),
        )

    total = StatementTime("all", *(sum(getattr(one, name) for one in statements) for name in StatementTime.SUMS))
    return Sheet(
        f"PostgreSQL: the statements of a commit of {measured.rows / commits:.0f} pushes, µs each commit",
        ("statement", "calls", "rows", "by the clock", "driver, CPU", "planned", "executed", "between"),
        [line(one.title, one) for one in statements] + [line("all", total)],
    )


def profile_sheet(parts: Sequence[tuple[str, str, int]], pushes: int) -> Sheet:
    total = sum(spent for _, _, spent in parts)
    lines: list[tuple[str, ...]] = [
        (f"{thread}: {title}", f"{spent / pushes / 1000:.1f}", f"{spent / total:.1%}") for thread, title, spent in parts
    ]
    lines.append(("all", f"{total / pushes / 1000:.1f}", "100 %"))
    return Sheet("Where the processor time of a push goes", ("part", "µs", "share"), lines)


def as_table(sheet: Sheet) -> Table:
    table = Table(title=sheet.title, title_justify="left")
    for place, column in enumerate(sheet.columns):
        table.add_column(column, justify="right" if place else "left")
    for line in sheet.lines:
        table.add_row(*(Text(cell) for cell in line))
    return table


def as_markdown(sheet: Sheet) -> str:
    rule = "|".join(["---", *["---:"] * (len(sheet.columns) - 1)])
    rows = ["| " + " | ".join(cells) + " |" for cells in (sheet.columns, *sheet.lines)]
    return "\n".join([f"**{sheet.title}**", "", rows[0], f"|{rule}|", *rows[1:], ""])


def show(console: Console, sheets: Sequence[Sheet], *, markdown: bool) -> None:
    for sheet in sheets:
        if markdown:
            print(as_markdown(sheet))
        else:
            console.print(as_table(sheet))


def describe_machine(folder: Path, file_system: str) -> str:
    """What the figures were made on, in one line."""
    import uvicorn
    import uvloop

    from turnout.store.sqlite.database import sqlite_module

    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{os.cpu_count()} × {model}, Linux {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite_module().sqlite_version}, uvicorn {uvicorn.__version__}, uvloop {uvloop.__version__}; "
        f"stores in {folder} ({file_system}); load when it began {os.getloadavg()[0]:.2f}"
    )


def spread(values: Sequence[float], digits: int = 2) -> tuple[str, str]:
    """The median, and the range."""
    return f"{statistics.median(values):.{digits}f}", f"{min(values):.{digits}f} – {max(values):.{digits}f}"


def _describe(all_measured: Sequence[Measured]) -> tuple[str, ...]:
    def middle(values: list[float]) -> float:
        return statistics.median(values)

    return (
        f"{middle([one.rows_per_s for one in all_measured]):,.0f}",
        f"{middle([one.cpu_per_row_s * 1e6 for one in all_measured]):,.1f}",
        f"{middle([one.rows / one.commits for one in all_measured]):,.1f}" if all_measured[0].commits else "–",
        f"{middle([one.p50_s * 1e3 for one in all_measured]):,.2f}",
        _known(middle([one.p99_s * 1e3 for one in all_measured]), ",.2f"),
        f"{middle([one.cpu_s / one.seconds for one in all_measured]):.0%}",
        _known(middle([one.busy for one in all_measured]), ".0%"),
    )


def _known(value: float, how: str) -> str:
    """pgbench is not asked for everything."""
    return "–" if math.isnan(value) else format(value, how)
