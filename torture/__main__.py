"""The command: `python -m torture [--quick] [--minutes N] [KIND…]`."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from torture import (
    backups,
    disks,
    full_disks,
    io_errors,
    kills,
    migrations,
    power_cuts,
    report,
    starts,
)
from torture.broken import Broken, NotHere
from torture.course import Course
from torture.running import kill_all
from torture.tally import Tally


class Kind(msgspec.Struct, frozen=True):
    """One way to be cruel."""

    name: str
    title: str
    share: float
    """Of the time, in proportion to the others."""
    run: Callable[[Course], None]


KINDS = (
    Kind("kill", "SIGKILL under load", 5, kills.run),
    Kind("start", "SIGKILL during start-up", 2, starts.run),
    Kind("migration", "SIGKILL during a migration", 2, migrations.run),
    Kind("power", "power cut under load", 4, power_cuts.run),
    Kind("full", "full disk", 1, full_disks.run),
    Kind("io", "I/O errors", 1.5, io_errors.run),
    Kind("backup", "backup under load, killed", 1, backups.run),
)
_TOLD_EVERY_S = 30
"""Where there is no terminal for a bar."""
_NAMES = [kind.name for kind in KINDS]


@click.command(epilog="Kinds: " + ", ".join(_NAMES))
@click.argument("names", metavar="[KIND]…", nargs=-1, type=click.Choice(_NAMES))
@click.option("--quick", is_flag=True, help="A smoke test: as many rounds of each as fit into a minute for all.")
@click.option("--minutes", default=15.0, show_default=True, help="For all kinds together; they share it out.")
@click.option("--seed", type=int, help="To make the choices of an earlier run again.")
@click.option("--folder", type=click.Path(path_type=Path), help="For the data; on a disk. Default: in /var/tmp.")
@click.option("--markdown", is_flag=True, help="The table as Markdown.")
def main(
    names: tuple[str, ...], quick: bool, minutes: float, seed: int | None, folder: Path | None, markdown: bool
) -> None:
    """Try to make Turnout lose what it has acknowledged: kills, power cuts, full and failing disks.

    Leaves with 1 when anything is lost, or any other promise was not kept; the data is kept then.

    Example: python -m torture --minutes 5 kill power
    """
    if sys.platform != "linux":
        raise click.ClickException("Torture reads /proc and mounts file systems: it runs on Linux only.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [kind for kind in KINDS if kind.name in (names or _NAMES)]
    seed = int(time.time()) if seed is None else seed
    if os.geteuid() == 0:
        disks.enter_own_name_space()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    errors = Console(stderr=True)
    kept = Path(tempfile.mkdtemp(prefix="turnout-torture-faults-", dir=folder or "/var/tmp"))
    with tempfile.TemporaryDirectory(prefix="turnout-torture-", dir=folder or "/var/tmp") as ground:
        errors.print(f"seed {seed}; {report.describe_machine(Path(ground))}", highlight=False)
        tallies = _torture(chosen, Path(ground), kept, 1.0 if quick else minutes, seed, errors)
    report.show(Console(width=None if sys.stdout.isatty() else 200), tallies, markdown=markdown)
    if any(tally.faults for tally in tallies):
        sys.exit(1)
    kept.rmdir()


def _torture(chosen: list[Kind], ground: Path, kept: Path, minutes: float, seed: int, errors: Console) -> list[Tally]:
    tallies = []
    last_told = [time.monotonic()]
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[told]}"),
        console=errors,
        disable=not errors.is_terminal,
    ) as bar:
        for kind in chosen:
            task = bar.add_task(kind.title, total=1.0, told="")

            def tell(done: float, told: str, task: TaskID = task) -> None:
                bar.update(task, completed=done, told=told)
                if not errors.is_terminal and time.monotonic() - last_told[0] > _TOLD_EVERY_S:
                    last_told[0] = time.monotonic()
                    errors.print(f"{bar.tasks[task].description}: {told}", highlight=False)

            course = Course(
                kind.name,
                kind.title,
                folder=ground,
                kept=kept,
                seconds=minutes * 60 * kind.share / sum(one.share for one in chosen),
                seed=seed,
                on_progress=tell,
            )
            try:
                kind.run(course)
            except NotHere as error:
                course.tally.reason = str(error)
            except Broken as error:
                # Before there was anything to be cruel to.
                course.tally.lost += error.lost
                course.tally.others += error.others
                course.tally.faults += error.faults
            finally:
                kill_all()
            tallies.append(course.tally)
            told = course.tally.reason or f"{course.tally.rounds} rounds, {len(course.tally.faults)} faults"
            bar.update(task, completed=1.0, told=told)
            if not errors.is_terminal:
                errors.print(f"{kind.title}: {told}", highlight=False)
    return tallies


if __name__ == "__main__":
    main()
