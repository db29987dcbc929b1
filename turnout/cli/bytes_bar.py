"""How far a copy is, for people at a terminal."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from turnout.cli import output

if TYPE_CHECKING:
    from turnout.store.sqlite.snapshot import OnProgress


@contextmanager
def bytes_bar(doing: str) -> Generator["OnProgress"]:
    """A bar that counts bytes; nothing where JSON is wanted or nobody looks."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
