"""`turnout source`: whoever says something about an event's attendees, and how it is understood."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import acting, event_option, opened_event

if TYPE_CHECKING:
    from turnout.feed.acts.retire import OnProgress, TakenBack
    from turnout.feed.by_hand.go_live import OnProgress as OnReplay
    from turnout.feed.by_hand.go_live import Replayed
    from turnout.model.event import Configuration
    from turnout.model.source import Source


_FAILURES_SHOWN = 20


@click.group()
def command() -> None:
    """Sources: list and rename them, set how their pushes are understood, and retire those that are gone.

    Example: turnout source list --event spring
    """


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List an event's sources with the settings that hold for them, their keys and their last push.

    A source is made with its key: turnout key create --event spring --label "Ticket shop"

    Example: turnout source list --event spring
    """
    from turnout.now import as_text, now_us
    from turnout.store import pushes

    with opened_event(slug) as (database, configuration), database.read() as connection:
        last = {}
        for source in configuration.sources.values():
            latest = pushes.list_pushes(connection, configuration.event.id, source_number=source.number, limit=1)
            used = [key.last_used_at or 0 for key in configuration.keys.values() if key.source_number == source.number]
            last[source.number] = max([push.last_at for push in latest] + used, default=0) or None
    described = [_describe(source, configuration) for source in configuration.sources.values()]
    if output.wants_json():
        for one, at in zip(described, last.values(), strict=True):
            one["lastPushAt"] = None if at is None else as_text(at)
        output.write_json({"sources": described})
        return
    at = now_us()
    names = list(described[0]["settings"])
    output.table(
        ("name", "mode", *names, "good keys", "last push", "retired"),
        [
            (
                source.name,
                f"{one['mode']} (own)" if "mode" in one["own"] else one["mode"],
                *(f"{value} (own)" if name in one["own"] else value for name, value in one["settings"].items()),
                sum(key.is_good(at) for key in configuration.keys.values() if key.source_number == source.number),
                output.show_time(last[source.number], configuration.event.time_zone),
                output.show_time(source.retired_at, configuration.event.time_zone),
            )
            for source, one in zip(configuration.sources.values(), described, strict=True)
        ],
    )


@command.command("set")
@event_option
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE…")
@output.json_option
def set_(slug: str, name: str, settings: tuple[str, ...]) -> None:
    """Set how one source's pushes are understood; `default` is as the event.

    The settings are those of `turnout event set`: null, blank, groups, lists, status_codes, and mode: what a source
    pushes while it is rehearsing is checked, answered and logged, and changes nothing.

    Example: turnout source set --event spring "Ticket shop" blank=keep null=default
    """
    from turnout.events import policy, sources
    from turnout.events.setup import get_configuration
    from turnout.feed.by_hand.hand_in import name_actor

    wanted = policy.parse(list(settings))
    with opened_event(slug) as (database, configuration):
        its, event_id = sources.get_source(configuration, name), configuration.event.id
        with acting(database, "source.set", event_id=event_id, target=its.id) as deed:
            source = sources.set_up(database, event_id, name, wanted, actor=name_actor())
            deed.before = {one: getattr(its.policy, one, None) or "default" for one in wanted}
            deed.after = {one: getattr(source.policy, one, None) or "default" for one in wanted}
        described = _describe(source, get_configuration(database, slug))
    if output.wants_json():
        output.write_json({"source": described})
        return
    own = described["own"]
    values = {"mode": described["mode"]} | described["settings"]
    output.pairs([(name, value if name in own else f"{value} (as the event)") for name, value in values.items()])


@command.command()
@event_option
@click.argument("name")
@click.argument("new")
@output.json_option
def rename(slug: str, name: str, new: str) -> None:
    """Rename a source. Its keys stay good, and what it said stays its own; the former name is free again.

    Example: turnout source rename --event spring "Ticket shop" "Box office"
    """
    from turnout.events import sources
    from turnout.events.setup import get_configuration
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        before, event_id = sources.get_source(configuration, name), configuration.event.id
        with acting(database, "source.rename", event_id=event_id, target=before.id) as deed:
            deed.before = {"name": before.name}
            source = sources.rename(database, event_id, before.name, new, actor=name_actor())
            deed.after = {"name": source.name}
        described = _describe(source, get_configuration(database, slug))
    if output.wants_json():
        output.write_json({"source": described})
        return
    output.say(f"{before.name} is called {source.name} from now on.")


@command.command("go-live")
@event_option
@click.argument("name")
@click.option("--with-rehearsed", is_flag=True, help="Let what it pushed while it was rehearsing take effect now.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of its rehearsed pushes.")
@output.json_option
def go_live(slug: str, name: str, with_rehearsed: bool, dry_run: bool) -> None:
    """Let a source's pushes take effect from now on: mode=live.

    What it pushed while it was rehearsing stays without effect, unless you say --with-rehearsed: then each of these
    pushes is replayed, as true as it was when it came, so that whatever came live since stays. Interrupted, the same
    command goes on where it ended; nothing is done twice.

    Example: turnout source go-live --event spring "Ticket shop" --with-rehearsed --dry-run
    """
    from turnout.errors import Conflict
    from turnout.events import sources
    from turnout.feed.by_hand import go_live as going
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.configurations import Configurations

    with opened_event(slug) as (database, configuration), _replaying() as on_progress:
        if configuration.event.archived_at is not None:
            raise Conflict(f"The event {slug} is archived. `turnout event archive {slug} --undo` opens it again.")
        source = sources.get_source(configuration, name)
        sources.check_open(source)
        mode = source.policy.over(configuration.event.policy).mode
        if not dry_run:
            with acting(database, "source.go_live", event_id=configuration.event.id, target=source.id) as deed:
                deed.before = {"mode": mode}
                deed.after = {"mode": "live", "rehearsed": "replayed" if with_rehearsed else "left"}
                sources.set_up(database, configuration.event.id, source.name, {"mode": "live"}, actor=name_actor())
        # Only now: what came until then is rehearsed, and nothing that comes from here on.
        waiting = going.list_waiting(database, configuration.event.id, source.number)
        replayed = None
        if with_rehearsed or dry_run:
            event_id = configuration.event.id
            # None of it is a deed where nothing waits, or nothing takes effect.
            is_deed = bool(waiting) and not dry_run
            with (
                acting(database, "source.replay_rehearsed", event_id=event_id, target=source.id)
                if is_deed
                else nullcontext()
            ) as deed:
                replayed = going.replay_rehearsed(
                    database,
                    Configurations(database),
                    slug,
                    waiting,
                    actor=name_actor(),
                    dry_run=dry_run,
                    on_progress=on_progress,
                )
                if deed is not None:
                    deed.after = {"replayed": replayed.total, "failed": replayed.failed, "gone": replayed.gone}
    if output.wants_json():
        output.write_json(
            {
                "source": {"id": source.id, "name": source.name, "mode": mode if dry_run else "live"},
                "waiting": 0 if with_rehearsed and not dry_run else len(waiting),
                "rehearsed": replayed,
            }
            | ({"dryRun": True} if dry_run else {})
        )
        return
    if not dry_run:
        output.say(f"{source.name} is live (mode=live): its pushes take effect from now on.")
    if replayed is not None and waiting:
        _show_replayed(replayed, slug, dry_run=dry_run)
    elif waiting:
        stays = output.count(len(waiting), "rehearsed push stays", "rehearsed pushes stay")
        takes = "it takes" if len(waiting) == 1 else "they take"
        output.say(f"{stays} without effect; with --with-rehearsed {takes} effect, and --dry-run says how.")
    else:
        output.say("There are no rehearsed pushes that wait.")


def _show_replayed(replayed: "Replayed", slug: str, *, dry_run: bool) -> None:
    counts = (("created", replayed.created), ("updated", replayed.updated), ("unchanged", replayed.unchanged))
    more = (("suppressed", replayed.suppressed), ("failed", replayed.failed))
    shown = ", ".join(f"{number:,} {result}" for result, number in (*counts, *((r, n) for r, n in more if n)))
    pushes = output.count(replayed.total, "rehearsed push", "rehearsed pushes")
    output.say(f"{pushes} {'would be' if dry_run else 'replayed'}: {shown}.")
    if replayed.gone:
        left_out = output.count(
            replayed.gone,
            "push is left out: its body is not kept any more, or is a batch",
            "pushes are left out: their bodies are not kept any more, or are batches",
        )
        output.say(f"{left_out} that could not be read.")
    for failed in replayed.failures[:_FAILURES_SHOWN]:
        output.say(f"  {failed.replay_of}: {failed.detail}")
    if replayed.failed > _FAILURES_SHOWN and not dry_run:
        output.say(f"  All of them: turnout pushes list --event {slug} --result failed")
    if dry_run:
        output.say("This was a dry run: nothing changed.")


@contextmanager
def _replaying() -> "Generator[OnReplay]":
    """A bar for people at a terminal."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import Progress

    with Progress(console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("replaying", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@command.command()
@event_option
@click.argument("name")
@yes_option
@output.json_option
def retire(slug: str, name: str, yes: bool) -> None:
    """End a source: its keys stop at once, and its groups and whom it expects are taken back.

    What it said of other fields stays. It says first how many people that concerns, and asks. After an interruption
    run it again, and it goes on. There is no way back: another source has to say it all again.

    Example: turnout source retire --event spring "Ticket shop"
    """
    from turnout.events import sources
    from turnout.events.setup import get_configuration
    from turnout.feed.acts.retire import foresee, take_back
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.configurations import Configurations

    with opened_event(slug) as (database, configuration):
        source = sources.get_source(configuration, name)
        sources.check_retirable(source)
        foreseen = foresee(database, configuration.event.id, source.number)
        if source.retired_at is None or foreseen.people:
            confirm(_foresee(source, configuration, foreseen), "Retire it?", yes=yes)
        with acting(database, "source.retire", event_id=configuration.event.id, target=source.id) as deed:
            source = sources.retire(database, configuration.event.id, name, actor=name_actor())
            deed.after = {"retired": True}
        try:
            with _progress(foreseen.people) as on_progress:
                done = take_back(
                    database, Configurations(database), configuration.event.id, source.number, name_actor(), on_progress
                )
        except KeyboardInterrupt:
            output.note("Stopped. The source is retired; run the same command again to take back what is left.")
            output.end(130)
        described = _describe(source, get_configuration(database, slug))
    if output.wants_json():
        import msgspec

        output.write_json({"source": described, **msgspec.to_builtins(done)})
        return
    output.say(f"{source.name} is retired. {_summarise(done)}")


def _foresee(source: "Source", configuration: "Configuration", foreseen: "TakenBack") -> list[str]:
    from turnout.now import now_us

    zone = configuration.event.time_zone
    at = now_us()
    keys = sum(key.source_number == source.number and key.is_good(at) for key in configuration.keys.values())
    begun = (
        f"{source.name} was retired at {output.show_time(source.retired_at, zone)}, and this is what was left then."
        if source.retired_at is not None
        else f"{source.name} has {output.count(keys, 'good key')}, which will stop at once."
    )
    people = output.count(foreseen.people, "person", "people")
    leave = output.count(foreseen.left_groups, "person leaves", "people leave")
    withdrawn = output.count(foreseen.withdrawn, "person is", "people are")
    return [
        begun,
        f"It puts {people} in groups or expects them. That is taken back:",
        f"  - {leave} groups that nobody else puts them in,",
        f"  - {withdrawn} withdrawn, because nobody else expects them.",
        "What it said of other fields stays. There is no way back.",
    ]


def _summarise(done: "TakenBack") -> str:
    if not done.people:
        return "There was nothing to take back."
    return (
        f"What it said of {output.count(done.people, 'person', 'people')} was taken back: "
        f"{done.left_groups:,} left groups, {done.withdrawn:,} were withdrawn."
    )


@contextmanager
def _progress(people: int) -> Generator["OnProgress"]:
    """A bar for people at a terminal."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("taking back", total=people)
        yield lambda done: bar.update(task, completed=done)


def _describe(source: "Source", configuration: "Configuration") -> dict[str, Any]:
    """With the settings in effect, and which of them are its own."""
    import msgspec

    from turnout.events import keys
    from turnout.now import as_text, now_us

    at = now_us()
    settings = msgspec.to_builtins(source.policy.over(configuration.event.policy))
    return {
        "id": source.id,
        "name": source.name,
        "createdAt": as_text(source.created_at),
        "retiredAt": None if source.retired_at is None else as_text(source.retired_at),
        "mode": settings.pop("mode"),
        "settings": settings,
        "own": msgspec.to_builtins(source.policy),
        "keys": [
            {"id": key.id, "state": keys.state_of(key, at)}
            for key in configuration.keys.values()
            if key.source_number == source.number
        ],
    }
