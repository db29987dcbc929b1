"""What came of it, as a table: for the screen, and as Markdown for the docs."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from torture.tally import Tally

_COLUMNS = (
    "what",
    "rounds",
    "kills",
    "requests",
    "pushes acknowledged",
    "unanswered",
    "refused for the moment",
    "same answer again",
    "verified",
    "slowest start, s",
    "lost",
    "other faults",
)


def show(console: Console, tallies: Sequence[Tally], *, markdown: bool) -> None:
    lines = [_line(tally) for tally in tallies]
    if markdown:
        rule = "|".join(["---", *["---:"] * (len(_COLUMNS) - 1)])
        print("\n".join([_row(_COLUMNS), f"|{rule}|", *(_row(line) for line in lines), ""]))
    else:
        table = Table(title="Torture", title_justify="left")
        for place, column in enumerate(_COLUMNS):
            table.add_column(column, justify="right" if place else "left")
        for line in lines:
            table.add_row(*(Text(cell) for cell in line))
        console.print(table)
    for tally in tallies:
        for text in ([f"not run: {tally.reason}"] if tally.reason else []) + tally.remarks + tally.faults:
            console.print(f"{tally.title}: {text}", highlight=False, markup=False)


def describe_machine(folder: Path) -> str:
    """What it was run on, in one line."""
    from turnout.store.sqlite.database import sqlite_module

    return (
        f"{os.cpu_count()} processor cores, Linux {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite_module().sqlite_version}; in {folder}"
    )


def _line(tally: Tally) -> tuple[str, ...]:
    if tally.reason:
        return (tally.title, "not run", *[""] * (len(_COLUMNS) - 2))
    return (
        tally.title,
        f"{tally.rounds:,}",
        f"{tally.kills:,}",
        f"{tally.requests:,}",
        f"{tally.acknowledged:,}",
        f"{tally.unanswered:,}",
        f"{tally.refused:,}",
        f"{tally.repeated:,}",
        f"{tally.verified:,}",
        f"{tally.slowest_start_s:.1f}",
        f"{tally.lost:,}",
        f"{tally.others:,}",
    )


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
