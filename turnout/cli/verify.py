"""`turnout verify`: whether what is stored agrees with itself."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import opened

if TYPE_CHECKING:
    from turnout.operations.verify.findings import OnProgress


@click.command()
@click.option("--event", "slug", metavar="SLUG", help="Only this event; else all.")
@output.json_option
def command(slug: str | None) -> None:
    """Check that log, states, indexes and pushes agree: a log without gaps that leads to exactly what is stored.

    It reads everything, repairs nothing, and may run beside a server. Exit code 1 when something is wrong.

    Example: turnout verify --event spring
    """
    from turnout.operations.verify.verify import verify

    with opened() as database, _progress() as on_progress:
        verified = verify(database, slug, on_progress)
    if output.wants_json():
        output.write_json(verified)
    else:
        for one in verified.events:
            state = output.count(len(one.problems) + one.more_problems, "problem") if one.problems else "ok"
            counts = (
                output.count(one.attendees, "attendee"),
                output.count(one.changes, "change"),
                output.count(one.pushes, "push", "pushes"),
            )
            output.say(f"{one.slug}: {', '.join(counts)}: {state}")
            output.say(*(f"  {problem.message}" for problem in one.problems))
            if one.more_problems:
                output.say(f"  … and {one.more_problems:,} more.")
        if not verified.events:
            output.say("There are no events.")
    if not verified.ok:
        output.end(1)


@contextmanager
def _progress() -> "Generator[OnProgress]":
    """A bar for people at a terminal."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import Progress

    with Progress(console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying", total=None)
        yield lambda slug, rows, total: bar.update(task, description=slug, completed=rows, total=total)
