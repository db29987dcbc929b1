"""`turnout pushes replay-many`: all stored pushes that fit, once more; the console shows how far it is."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.choosing import as_search, filter_options
from turnout.cli.opened import event_option, opened_event

if TYPE_CHECKING:
    from turnout.feed.by_hand.replay_many import Counts, Matching, Plan, Progress
    from turnout.store.database import Database

LOOK_EVERY_S = 0.2
_SHOWN = 20


@click.command("replay-many")
@event_option
@filter_options
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@yes_option
@output.json_option
def replay_many(slug: str, dry_run: bool, yes: bool, **filters: Any) -> None:
    """Send all stored pushes that fit once more, at most 10,000, the latest: of the same sources, as true as they were.

    It says first how many they are, and asks. An event has one such replay at a time; the console shows how far it is
    and can stop it, as Ctrl-C does here: what was replayed stays. Exit code 1 when one fails.

    Example: turnout pushes replay-many --event spring --result failed --code unknown_group --dry-run
    """
    from turnout.feed.by_hand import replay_many as many
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.configurations import Configurations

    with opened_event(slug) as (database, configuration):
        matching = many.list_matching(database, configuration.event.id, as_search(filters, configuration))
        if dry_run:
            with _bar(len(matching.push_ids)) as on_progress:
                plan = many.plan_replay(
                    database,
                    Configurations(database),
                    slug,
                    matching.push_ids,
                    actor=name_actor(),
                    on_progress=lambda done, _: on_progress(done),
                )
            _show_plan(matching, plan)
            return
        if not matching.push_ids:
            _show_end(matching, None)
            return
        confirm([_say_matching(matching)], "Replay them?", yes=yes)
        progress = _run(database, configuration.event.id, slug, matching)
    _show_end(matching, progress)
    if progress.counts.failed or progress.trouble or progress.ended_at is None:
        output.end(1)


def _run(database: "Database", event_id: str, slug: str, matching: "Matching") -> "Progress":
    """Until it is over; Ctrl-C stops it. Raises Conflict where one is under way."""
    import threading

    from turnout.access import audit
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.by_hand.replay_many import Replays
    from turnout.feed.configurations import Configurations

    replays, is_over = Replays(database, Configurations(database)), threading.Event()
    ended: list[Progress] = []

    def end(progress: "Progress") -> None:
        ended.append(progress)
        is_over.set()

    with (
        audit.acting(database, name_actor(), "pushes.replay", event_id=event_id) as deed,
        _bar(len(matching.push_ids)) as on_progress,
    ):
        deed.before = {"pushes": len(matching.push_ids)}
        replays.start(slug, matching.push_ids, actor=name_actor(), on_end=end)
        try:
            while not is_over.wait(LOOK_EVERY_S):
                seen = replays.find(event_id)
                on_progress(0 if seen is None else seen.progress.counts.done)
        except KeyboardInterrupt:
            replays.stop(event_id)
            is_over.wait()
        finally:
            replays.close()
        [progress] = ended
        deed.after = _as_counts(progress.counts)
    return progress


def _show_plan(matching: "Matching", plan: "Plan") -> None:
    if output.wants_json():
        output.write_json(
            {"dryRun": True, **_describe(matching), "counts": _as_counts(plan.counts)}
            | {
                "differences": [
                    {"push": one.push_id, "result": one.result, "changes": one.changes} for one in plan.differences
                ]
            }
        )
        return
    output.say(_say_matching(matching), f"Replayed they would be: {_say_counts(plan.counts)}.")
    for one in plan.differences[:_SHOWN]:
        why = one.failure.detail if one.failure else "; ".join(output.describe_change(its) for its in one.changes)
        output.say(f"  {one.push_id}: {one.result}. {why}")
    output.note("This was a dry run: nothing changed.")


def _show_end(matching: "Matching", progress: "Progress | None") -> None:
    if output.wants_json():
        from turnout.feed.by_hand.replay_many import Counts

        counts = Counts() if progress is None else progress.counts
        output.write_json(
            {
                **_describe(matching),
                "counts": _as_counts(counts),
                "failed": [] if progress is None else progress.failed_ids,
                "trouble": (progress.trouble or None) if progress else None,
                "stopped": progress is not None and progress.ended_at is None,
            }
        )
        return
    if progress is None:
        output.say("There is nothing to replay.")
        return
    output.say(f"{output.count(progress.counts.done, 'push', 'pushes')} replayed: {_say_counts(progress.counts)}.")
    for push_id in progress.failed_ids[:_SHOWN]:
        output.say(f"  failed: {push_id}")
    if progress.trouble:
        output.note(f"It ended early: {progress.trouble}")
    elif progress.ended_at is None:
        output.note("It was stopped before its end. What was replayed stays.")


def _say_matching(matching: "Matching") -> str:
    said = f"{output.count(len(matching.push_ids), 'push fits', 'pushes fit')}."
    if matching.left_out:
        said += f" {matching.left_out:,} more are never replayed: dry runs, refused requests, batches, failed replays."
    if matching.are_more:
        said += " There are older ones still: these are the latest that one replay may have."
    return said


def _say_counts(counts: "Counts") -> str:
    return ", ".join(f"{number:,} {name}" for name, number in _as_counts(counts).items() if number) or "none"


def _as_counts(counts: "Counts") -> dict[str, int]:
    return {name: getattr(counts, name) for name in counts.__struct_fields__}


def _describe(matching: "Matching") -> dict[str, Any]:
    return {"pushes": len(matching.push_ids), "leftOut": matching.left_out, "areMore": matching.are_more}


@contextmanager
def _bar(total: int) -> Generator[Callable[[int], object]]:
    """For people at a terminal."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("replaying", total=total)
        yield lambda done: bar.update(task, completed=done)
