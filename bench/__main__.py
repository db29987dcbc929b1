"""The command: `python -m bench [--quick] [ROW…]`."""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import rich_click as click
from rich.console import Console

from bench import clusters, consoles, durability, exports, following, hooks, lists, profile, report, rounds, stores
from bench.contenders import BY_NAME, MILLION, Contender
from bench.refused import Refused
from bench.report import Figure, Sheet, spread
from bench.rounds import Effort, Grounds, Rounds
from bench.rows import GROUPS, MILLIONS, NAMES, RATIOS, Goal, Row
from bench.running import Cores, Server

_QUICK = Effort(rounds=2, seconds=1)
_MIB = 1 << 20
_IDLE, _LOADED, _START = Goal("≤", 110, " MiB"), Goal("≤", 240, " MiB"), Goal("≤", 2, " s")


@click.command(epilog="Rows: " + ", ".join(NAMES))
@click.argument("names", metavar="[ROW]…", nargs=-1, type=click.Choice(NAMES))
@click.option("--no-million", is_flag=True, help="Without what takes minutes to prepare: a million attendees.")
@click.option("--quick", is_flag=True, help="A smoke test: two short rounds, no million, no goals of speed.")
@click.option("--rounds", "rounds_", default=5, show_default=True, type=click.IntRange(1), help="How often in turn.")
@click.option("--seconds", default=4.0, show_default=True, help="Of each contender in each round.")
@click.option("--folder", type=click.Path(path_type=Path), help="For the stores; on a disk. Default: in /var/tmp.")
@click.option("--markdown", is_flag=True, help="The tables as Markdown.")
def main(
    names: tuple[str, ...],
    no_million: bool,
    quick: bool,
    rounds_: int,
    seconds: float,
    folder: Path | None,
    markdown: bool,
) -> None:
    """Measure how fast Turnout is, and whether it is so honestly.

    Example: python -m bench noop batch

    Example: python -m bench postgresql --no-million
    """
    errors = Console(stderr=True)
    left_out = MILLIONS if no_million or (quick and not names) else ()
    chosen = tuple(single for name in names or NAMES for single in GROUPS.get(name, (name,)) if single not in left_out)
    if sys.platform != "linux":
        raise click.ClickException("The benchmark reads /proc and pins processes to cores: it runs on Linux only.")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise click.ClickException("The server and the load generator need a processor core each; there is one.")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    ground = Path(tempfile.mkdtemp(prefix="turnout-bench-", dir=folder or "/var/tmp"))
    # PostgreSQL runs as somebody else where we are root.
    ground.chmod(0o755)
    grounds = Grounds(
        ground,
        Cores(allowed[0], allowed[1]),
        _QUICK if quick else Effort(rounds_, seconds),
        lambda text: errors.print(text, highlight=False),
    )
    machine = report.describe_machine(ground, stores.file_system(ground))
    try:
        figures, sheets = _measure(grounds, chosen)
    finally:
        grounds.close()
    print(machine if markdown else "")
    console = Console(width=None if sys.stdout.isatty() else 160)
    if not markdown:
        console.print(machine, highlight=False)
    report.show(console, [report.figures_sheet(figures), *sheets], markdown=markdown)
    missed = [figure for figure in figures if not figure.is_met and not (quick and figure.is_speed)]
    sys.exit(1 if missed else 0)


def _measure(grounds: Grounds, chosen: tuple[str, ...]) -> tuple[list[Figure], list[Sheet]]:
    ratios = [row for row in RATIOS if row.name in chosen]
    wanted = {name for row in ratios for name in row.contenders}
    wanted |= {"mixed"} & set(chosen)
    wanted |= {"million"} if "memory" in chosen else set()
    contenders = [contender for name, contender in BY_NAME.items() if name in wanted]
    figures: list[Figure] = []
    late: list[Figure] = []

    def attempt(title: str, make: Callable[[], list[Figure]]) -> None:
        grounds.say(title)
        try:
            late.extend(make())
        except Refused as error:
            grounds.say(f"  refused, {error}")
            late.append(_refused(title, str(error)))

    if "flushes" in chosen:
        attempt("flushes to disk against commits", lambda: _flushes(grounds))
    if "kill" in chosen:
        attempt("acknowledgements against rows after a kill", lambda: _kill(grounds))
    if "start" in chosen:
        attempt("start-up to ready", lambda: _starts(grounds, wanted))
    sheets = []
    if contenders:
        measured = Rounds(grounds, contenders, flushes=any(row.flushes for row in ratios))
        measured.run()
        figures += [_ratio(row, measured) for row in ratios]
        sheets.append(report.contenders_sheet(contenders, measured.rounds))
        if any(contender.postgresql for contender in contenders):
            sheets.append(report.shares_sheet(contenders, measured.rounds))
        figures += [
            _refused(BY_NAME[name].title, reason)
            for name, reason in measured.refused.items()
            if not any(name in row.contenders for row in ratios)
        ]
        if measured.flush_bytes:
            sheets.append(_flush_sheet(measured))
        if "start" in chosen:
            attempt("start-up to ready after a kill", lambda: _start_after_kill(grounds, contenders))
        if "memory" in chosen:
            attempt("memory", lambda: _memory(grounds, measured))
    if "follow" in chosen:
        attempt("followers", lambda: following.measure(grounds))
    if "webhooks" in chosen:
        attempt("webhooks", lambda: hooks.measure(grounds))
    if "consoles" in chosen:
        attempt("consoles", lambda: consoles.measure(grounds))
    if "pg-consoles" in chosen:
        attempt("consoles on PostgreSQL", lambda: consoles.measure(grounds, postgresql=True))
    if "exports" in chosen:

        def exported() -> list[Figure]:
            made = exports.make_files(grounds, *_export_sizes(grounds))
            sheets.append(_exports_sheet(made))
            return _exports(grounds, made)

        attempt("exports", exported)

    def listed(where: Literal["", "PostgreSQL: "]) -> list[Figure]:
        compared = _compare_lists(grounds, postgresql=bool(where))
        sheets.append(_lists_sheet(compared, where))
        return [_list_figure(one, where) for one in compared]

    if "lists" in chosen:
        attempt("lists", lambda: listed(""))
    if "pg-lists" in chosen:
        attempt("lists on PostgreSQL", lambda: listed("PostgreSQL: "))
    if "profile" in chosen:

        def profiled() -> list[Figure]:
            sheets.append(_profile(grounds))
            return []

        attempt("profile", profiled)
    if "pg-flushes" in chosen:
        attempt("PostgreSQL: flushes of its log against commits", lambda: _postgresql_flushes(grounds))
    if "pg-profile" in chosen:

        def profiled_on_postgresql() -> list[Figure]:
            sheets.extend(_profile_on_postgresql(grounds))
            return []

        attempt("profile on PostgreSQL", profiled_on_postgresql)
    return figures + late, sheets


def _ratio(row: Row, measured: Rounds) -> Figure:
    refused = [measured.refused[name] for name in row.contenders if name in measured.refused]
    if refused:
        return _refused(row.title, refused[0], prototype=row.prototype, goal=str(row.goal))
    values = [row.ratio(one) for one in measured.rounds]
    median, around = spread(values)
    return Figure(
        title=row.title,
        value=median,
        rounds=around,
        prototype=row.prototype,
        goal=str(row.goal),
        is_met=row.goal.is_met(statistics.median(values)),
        remark=_look_beside(row, measured),
    )


def _look_beside(row: Row, measured: Rounds) -> str:
    return "; ".join(
        f"{how} {' ('.join(spread([ratio(one) for one in measured.rounds]))})" for how, ratio in row.beside
    )


def _refused(title: str, reason: str, *, prototype: str = "–", goal: str = "") -> Figure:
    return Figure(
        title=title, value="refused", prototype=prototype, goal=goal, is_met=False, remark=reason, is_speed=False
    )


def _flush_sheet(measured: Rounds) -> Sheet:
    flushes = [one.flush_s * 1e6 for one in measured.rounds if one.flush_s is not None]
    median, around = spread(flushes, 0)
    return Sheet(
        "A flush to this disk",
        ("bytes", "median, µs", "rounds"),
        [(f"{measured.flush_bytes:,}", median, around)],
    )


def _flushes(grounds: Grounds) -> list[Figure]:
    counted = durability.count_flushes(grounds)
    return [
        Figure(
            title=f"flushes ÷ commits ({counted.pushes:,} pushes)",
            value=f"{counted.flushes:,} ÷ {counted.commits:,}",
            goal="≥ 1",
            is_met=counted.flushes >= counted.commits > 0,
            is_speed=False,
        )
    ]


def _postgresql_flushes(grounds: Grounds) -> list[Figure]:
    counted = durability.count_postgresql_flushes(grounds)
    return [
        Figure(
            title=f"PostgreSQL: flushes of its log ÷ commits ({counted.pushes:,} pushes)",
            value=f"{counted.flushes:,} ÷ {counted.commits:,}",
            goal="≥ 1",
            is_met=counted.flushes >= counted.commits > 0,
            is_speed=False,
        )
    ]


def _kill(grounds: Grounds) -> list[Figure]:
    left = durability.kill(grounds)
    return [
        Figure(
            title="rows after a kill ÷ acknowledged pushes",
            value=f"{left.rows:,} ÷ {left.acknowledged:,}",
            goal="≥ 1, each found, no gap",
            is_met=left.rows >= left.acknowledged == left.found and not left.gaps,
            remark=f"{left.found:,} found, {left.gaps} gaps",
            is_speed=False,
        )
    ]


def _starts(grounds: Grounds, wanted: set[str]) -> list[Figure]:
    # Only where the store is made anyway: it takes minutes.
    attendees = MILLION if "million" in wanted else 10_000
    store = grounds.store(str(attendees), attendees)
    return [_start(f"start-up to ready with {attendees:,} attendees", rounds.measure_starts(grounds, store, 3))]


def _start_after_kill(grounds: Grounds, contenders: list[Contender]) -> list[Figure]:
    largest = max(contenders, key=lambda one: one.attendees)
    store = grounds.server(largest).store
    grounds.end(largest, kill=True)
    return [
        _start(
            f"start-up to ready after a kill, {largest.attendees:,} attendees",
            rounds.measure_starts(grounds, store, 1),
        )
    ]


def _start(title: str, taken: list[float]) -> Figure:
    median, around = spread(taken)
    return Figure(
        title=title,
        value=f"{median} s",
        rounds=around if len(taken) > 1 else "",
        goal=str(_START),
        is_met=_START.is_met(max(taken)),
    )


def _memory(grounds: Grounds, measured: Rounds) -> list[Figure]:
    idle = rounds.measure_idle_memory(grounds)
    if measured.memory is None:
        raise Refused("no load with a million attendees was measured")
    return [
        Figure(
            title=title,
            value=f"{memory.resident / _MIB:.0f} MiB",
            prototype=prototype,
            goal=str(goal),
            is_met=goal.is_met(memory.resident / _MIB),
            remark=f"PSS {memory.proportional / _MIB:.0f} MiB",
        )
        for title, memory, prototype, goal in (
            ("memory, idle", idle, "43 MiB", _IDLE),
            ("memory under load, a million attendees (peak)", measured.memory, "112 MiB", _LOADED),
        )
    ]


def _export_sizes(grounds: Grounds) -> tuple[int, int]:
    return (5_000, 100_000) if grounds.effort == _QUICK else (exports.FEW, exports.MANY)


def _exports(grounds: Grounds, made: list[exports.Exported]) -> list[Figure]:
    few, many = _export_sizes(grounds)
    peaks = {(one.format, one.attendees): one.peak_bytes for one in made}
    figures = []
    for name in exports.FORMATS:
        ratio = peaks[name, many] / peaks[name, few]
        figures.append(
            Figure(
                title=f"export as {name}: memory with {many:,} ÷ with {few:,}",
                value=f"{ratio:.2f}",
                goal=str(Goal("≤", exports.LIMIT)),
                is_met=ratio <= exports.LIMIT,
                is_speed=False,
            )
        )
    kept = exports.measure_feed(grounds, few, many)
    median, around = spread(kept.by_clock)
    figures.append(
        Figure(
            title="pushes while an export is made, on the same core ÷ without",
            value=median,
            rounds=around,
            goal=str(Goal("≥", exports.LEAST)),
            is_met=statistics.median(kept.by_clock) >= exports.LEAST,
            remark=f"by the server's own processor time {' ('.join(spread(kept.by_cpu))})",
        )
    )
    return figures


def _exports_sheet(made: list[exports.Exported]) -> Sheet:
    lines: list[tuple[str, ...]] = [
        (
            f"{one.attendees:,} as {one.format}",
            f"{one.seconds:.1f}",
            f"{one.cpu_s:.1f}",
            f"{one.attendees / one.seconds:,.0f}",
            f"{one.size_bytes / _MIB:,.0f}",
            f"{one.peak_bytes / _MIB:,.0f}",
        )
        for one in made
    ]
    return Sheet("Exports", ("file", "seconds", "processor, s", "attendees/s", "MiB", "peak memory, MiB"), lines)


def _compare_lists(grounds: Grounds, *, postgresql: bool) -> list[lists.Compared]:
    few, many = (10_000, 20_000) if grounds.effort == _QUICK else (lists.FEW, lists.MANY)
    make = _fill_for_lists_on_postgresql if postgresql else _fill_for_lists
    return lists.compare(make(grounds, few), make(grounds, many), grounds.cores, grounds.effort.rounds, grounds.say)


def _fill_for_lists(grounds: Grounds, count: int) -> lists.Filled:
    grounds.say(f"a store with {count:,} attendees for lists")
    return lists.make(grounds.folder / f"lists-{count}", count)


def _fill_for_lists_on_postgresql(grounds: Grounds, count: int) -> lists.Filled:
    grounds.say(f"a PostgreSQL with {count:,} attendees for lists")
    name = f"pg-lists-{count}"
    cluster = grounds.cluster(name, count)
    url, pid = cluster.url_of(clusters.DATABASE), clusters.pid_of(cluster)
    filled = lists.make(grounds.folder / name, count, url=url, database_pid=pid)
    clusters.settle(cluster, analyse=True)
    clusters.check_durable(cluster)
    return filled


def _list_figure(one: lists.Compared, where: str) -> Figure:
    median, around = spread(one.ratios)
    return Figure(
        title=f"{where}a page of {lists.PAGE}, {one.title}: many ÷ few",
        value=median,
        rounds=around,
        goal=str(Goal("≤", one.limit)),
        is_met=statistics.median(one.ratios) <= one.limit,
    )


def _lists_sheet(compared: list[lists.Compared], where: str) -> Sheet:
    lines: list[tuple[str, ...]] = [
        (one.title, f"{one.few_s * 1e3:.1f}", f"{one.many_s * 1e3:.1f}") for one in compared
    ]
    return Sheet(f"{where}Pages of {lists.PAGE}", ("list", "of few, ms", "of many, ms"), lines)


def _profile(grounds: Grounds) -> Sheet:
    """Apart from the rounds, because keeping account costs time."""
    push = BY_NAME["push"]
    with Server(grounds.store("profile", push.attendees), grounds.cores, {"BENCH_PROFILE": "1"}) as server:
        warm = server.run(grounds.load(server, push, 2_000), breathless_is_fine=True)
        requests = max(1_000, round(warm.rows_per_s * grounds.effort.seconds))
        before = _account(server)
        server.run(grounds.load(server, push, requests), breathless_is_fine=True)
        return report.profile_sheet(profile.split(before, _account(server)), requests)


def _profile_on_postgresql(grounds: Grounds) -> list[Sheet]:
    """The same on PostgreSQL, and the statements of a commit by the clock: ours, the driver's, the server's."""
    push = BY_NAME["pg"]
    store, cluster = grounds.store_on_postgresql("pg-profile", push.attendees, counting=True)
    with Server(store, grounds.cores, {"BENCH_PROFILE": "1"}) as server:
        warm = server.run(grounds.load(server, push, 2_000), breathless_is_fine=True)
        requests = max(1_000, round(warm.rows_per_s * grounds.effort.seconds))
        cluster.execute("SELECT pg_stat_statements_reset()", database=clusters.DATABASE)
        before = _account(server)
        measured = server.run(grounds.load(server, push, requests), breathless_is_fine=True)
        after = _account(server)
        counted = cluster.execute(profile.SERVER_SIDE, database=clusters.DATABASE)
    sheet = report.profile_sheet(profile.split(before, after), requests)
    statements = profile.split_statements(before, after, counted)
    return [sheet, report.statements_sheet(statements, measured)]


def _account(server: Server) -> profile.Account:
    return msgspec.convert(server.tell()["profile"], profile.Account)


if __name__ == "__main__":
    main()
