"""The command: `python -m bench.peers [--quick] [ROW…]`."""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import rich_click as click
from rich.console import Console

from bench import durability, report, stores
from bench.contenders import Contender
from bench.peers import batch_profile
from bench.peers.entrants import BATCH, ENTRANTS, NAMES, PUSH, ROWS, Entrant
from bench.peers.field import Field, run_rounds
from bench.peers.peer import installed
from bench.refused import Refused
from bench.report import Figure, Sheet, spread
from bench.rounds import Effort, Grounds
from bench.rows import Round, Row
from bench.running import Cores

_QUICK = Effort(rounds=2, seconds=1)


@click.command(epilog="Rows: " + ", ".join(NAMES))
@click.argument("names", metavar="[ROW]…", nargs=-1, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="A smoke test: two short rounds, no goals of speed.")
@click.option("--rounds", "rounds_", default=5, show_default=True, type=click.IntRange(1), help="How often in turn.")
@click.option("--seconds", default=4.0, show_default=True, help="Of each in each round.")
@click.option("--folder", type=click.Path(path_type=Path), help="For the databases; on a disk. Default: in /var/tmp.")
@click.option("--markdown", is_flag=True, help="The tables as Markdown.")
def main(
    names: tuple[str, ...], quick: bool, rounds_: int, seconds: float, folder: Path | None, markdown: bool
) -> None:
    """Measure Turnout beside PocketBase, Datasette, and a handler with an ORM.

    Example: python -m bench.peers pocketbase datasette-bulk
    """
    errors = Console(stderr=True)
    if sys.platform != "linux":
        raise click.ClickException("The benchmark reads /proc and pins processes to cores: it runs on Linux only.")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise click.ClickException("The server and the load generator need a processor core each; there is one.")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    ground = Path(tempfile.mkdtemp(prefix="turnout-peers-", dir=folder or "/var/tmp"))
    field = Field(
        Grounds(
            ground,
            Cores(allowed[0], allowed[1]),
            _QUICK if quick else Effort(rounds_, seconds),
            lambda text: errors.print(text, highlight=False),
        )
    )
    machine = f"{report.describe_machine(ground, stores.file_system(ground))}; {_describe_peers()}"
    try:
        figures, sheets = _measure(field, names or NAMES)
    finally:
        field.close()
    console = Console(width=None if sys.stdout.isatty() else 160)
    if markdown:
        print(machine, end="\n\n")
    else:
        console.print(machine, highlight=False)
    report.show(console, [report.figures_sheet(figures), *sheets], markdown=markdown)
    missed = [figure for figure in figures if not figure.is_met and not (quick and figure.is_speed)]
    sys.exit(1 if missed else 0)


def _measure(field: Field, chosen: tuple[str, ...]) -> tuple[list[Figure], list[Sheet]]:
    figures: list[Figure] = []
    sheets: list[Sheet] = []
    promises: list[Figure] = []

    def attempt(title: str, make: Callable[[], None]) -> None:
        field.grounds.say(title)
        try:
            make()
        except Refused as error:
            field.grounds.say(f"  refused, {error}")
            promises.append(_refused(title, str(error)))

    entrants = [entrant for entrant in ENTRANTS if entrant.name in chosen]
    if "flushes" in chosen:
        attempt("flushes of Turnout", lambda: promises.append(_own_flushes(field.grounds)))
        seen = set()
        for entrant in entrants or ENTRANTS:
            if entrant.peer not in seen:
                seen.add(entrant.peer)

                def count(entrant: Entrant = entrant) -> None:
                    promises.append(_flushes(field, entrant))

                attempt(f"flushes of {entrant.title}", count)
    rows = [row for row in ROWS if row.name in chosen]
    if rows:
        wanted = {name for row in rows for name in row.contenders}
        contenders: list[Contender] = [one for one in (PUSH, *ENTRANTS[:-1], BATCH, ENTRANTS[-1]) if one.name in wanted]
        rounds, refused = run_rounds(field, contenders)
        figures += [_ratio(row, rounds, refused) for row in rows]
        sheets.append(report.contenders_sheet(contenders, rounds))
    if "profile" in chosen:
        attempt("profile of a batch", lambda: sheets.append(batch_profile.measure(field.grounds)))
    return figures + promises, sheets


def _ratio(row: Row, rounds: list[Round], refused: dict[str, str]) -> Figure:
    reasons = [refused[name] for name in row.contenders if name in refused]
    if reasons:
        return _refused(row.title, reasons[0], prototype=row.prototype, goal=str(row.goal))
    values = [row.ratio(one) for one in rounds]
    median, around = spread(values)
    return Figure(
        title=row.title,
        value=median,
        rounds=around,
        prototype=row.prototype,
        goal=str(row.goal),
        is_met=row.goal.is_met(statistics.median(values)),
    )


def _refused(title: str, reason: str, *, prototype: str = "–", goal: str = "") -> Figure:
    return Figure(
        title=title, value="refused", prototype=prototype, goal=goal, is_met=False, remark=reason, is_speed=False
    )


def _own_flushes(grounds: Grounds) -> Figure:
    counted = durability.count_flushes(grounds)
    return Figure(
        title=f"Turnout: flushes ÷ commits ({counted.pushes:,} pushes)",
        value=f"{counted.flushes:,} ÷ {counted.commits:,}",
        goal="≥ 1",
        is_met=counted.flushes >= counted.commits > 0,
        is_speed=False,
    )


def _flushes(field: Field, entrant: Entrant) -> Figure:
    counted = field.count_flushes(entrant)
    return Figure(
        title=f"{entrant.title}: flushes ÷ rows",
        value=f"{counted.flushes:,} ÷ {counted.rows:,}",
        goal="≥ 1",
        is_met=counted.flushes >= counted.rows > 0,
        is_speed=False,
    )


def _describe_peers() -> str:
    versions = []
    for package in dict.fromkeys((*(entrant.package for entrant in ENTRANTS), "sqlalchemy", "uvicorn")):
        try:
            versions.append(f"{package} {installed(package)}")
        except Refused:
            versions.append(f"no {package}")
    return ", ".join(versions)


if __name__ == "__main__":
    main()
