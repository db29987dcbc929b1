"""`turnout pushes`: what was sent to an event, what became of it, and sending it once more."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.choosing import as_search, filter_options
from turnout.cli.opened import acting, event_option, note_replica, opened, opened_event, reading
from turnout.cli.replaying import replay_many

if TYPE_CHECKING:
    from turnout.feed.by_hand.replay import Original
    from turnout.model.event import Configuration
    from turnout.model.push import StoredPush
    from turnout.model.receipt import Outcome
    from turnout.store.database import Database
    from turnout.store.push_search import PushSearch
    from turnout.store.statements import Connection

MAX_LOOKS = 200
"""At the push log for one list."""


@click.group()
def command() -> None:
    """Pushes: list them, show one with its body and errors, replay them.

    Example: turnout pushes list --event spring --result failed
    """


@command.command("list")
@event_option
@filter_options
@click.option("--before", metavar="ID", help="Only those before this push: the next page.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, metavar="N")
@output.json_option
def list_(slug: str, before: str | None, limit: int, **filters: Any) -> None:
    """List an event's pushes, the latest first.

    Example: turnout pushes list --event spring --result failed --source "Ticket shop"
    """
    from turnout.events.setup import get_configuration
    from turnout.model.age import Where

    where = Where()
    with (
        opened_event(slug) as (database, configuration),
        reading(database, "pushes.list", event_id=configuration.event.id, most=limit, of_replica=True),
        database.read_replica() as connection,
    ):
        where.note(database.age_of(connection))
        search = as_search(filters, configuration)
        page, next_before = _search(connection, configuration.event.id, search, before, limit)
        # Read after the pushes: one may be of a source that was new to us.
        its = get_configuration(database, slug)
        note_replica(database, where)
    if output.wants_json():
        described = [_describe(push, its) for push in page]
        output.write_json({"pushes": described, "next": next_before})
        return
    zone = its.event.time_zone
    output.table(
        ("id", "when", "result", "email", "source", "what was wrong, or odd"),
        [
            (
                push.id,
                output.show_time(push.at, zone),
                _show_result(push),
                push.email,
                its.sources[push.source_number].name,
                _remark(push, zone),
            )
            for push in page
        ],
        empty="There are no such pushes.",
    )
    if next_before is not None:
        output.note(f"There are more: --before {next_before}")


def _search(
    connection: "Connection", event_id: str, search: "PushSearch", before: str | None, limit: int
) -> "tuple[list[StoredPush], str | None]":
    """So many pushes, and where the next page begins; fewer where very many had to be looked at for them."""
    from turnout.store import push_search

    found: list[StoredPush] = []
    for _ in range(MAX_LOOKS):
        page = push_search.search_pushes(connection, event_id, search, before_id=before, limit=limit - len(found))
        found += page.pushes
        before = page.before_id
        if before is None or len(found) >= limit:
            break
    return found, before


@command.command()
@click.argument("push_id", metavar="ID")
@click.option("--event", "slug", metavar="SLUG", help="Only where it is a push of this event.")
@output.json_option
def show(push_id: str, slug: str | None) -> None:
    """Show a push: its errors and warnings, what it changed, and the body as it came (without its key).

    Example: turnout pushes show psh_0193…
    """
    from turnout.changes.shown import shown_to_all
    from turnout.store import changes, events, pushes

    with opened() as database:
        push = _get_push(database, push_id, slug)
        with database.read() as connection:
            configuration = events.load_configuration(connection, push.event_id)
            body = pushes.find_body(connection, push.event_id, push_id)
            lines = changes.find_changes(connection, push.event_id, [push.sequence] if push.sequence else [])
    assert configuration is not None
    entries = [entry for line in lines.values() for entry in line.entries]
    shown = shown_to_all(entries, configuration.custom_fields, configuration.groups)
    errors = push.failure.errors if push.failure else []
    if output.wants_json():
        output.write_json(
            {
                "event": configuration.event.slug,
                **_describe(push, configuration),
                "changes": shown,
                "warnings": push.warnings,
                "errors": errors,
                "body": body,
            }
        )
        return
    zone = configuration.event.time_zone
    output.pairs(
        [
            ("Id", push.id),
            ("Event", configuration.event.slug),
            ("When", output.show_time(push.at, zone)),
            ("Result", _show_result(push)),
            ("E-mail", push.email),
            ("Source", configuration.sources[push.source_number].name),
            ("By", push.actor or push.key_id),
            ("True at", output.show_time(push.observed_at, zone)),
            ("Change", push.sequence),
            ("Replay of", push.replay_of),
            ("Repeated", _show_repeats(push, zone) or "–"),
        ]
    )
    if push.failure:
        output.heading("What was wrong")
        output.say(push.failure.detail)
        output.table(("where", "code", "what", "cure"), [(e.path, e.code, e.message, e.help) for e in errors], empty="")
    if push.warnings:
        output.heading("What was odd")
        output.table(("where", "code", "what"), [(w.path, w.code, w.message) for w in push.warnings])
    if shown:
        output.heading("What it changed")
        output.say(*(output.describe_change(change) for change in shown))
    output.heading("Body")
    output.say(_explain_absence(push) if body is None else body)


command.add_command(replay_many)


@command.command()
@click.argument("push_ids", metavar="ID…", nargs=-1)
@click.option("--event", "slug", metavar="SLUG", help="Only pushes of this event; --failed needs it.")
@click.option("--failed", is_flag=True, help="All pushes of the event that failed and have not succeeded since.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@output.json_option
def replay(push_ids: tuple[str, ...], slug: str | None, failed: bool, dry_run: bool) -> None:
    """Send stored pushes once more, of the same source and as true as they were: newer values stay.

    With --json a single push gives its receipt, several give {"replays": […]}. Exit code 1 when one fails.

    Example: turnout pushes replay psh_0193… --dry-run
    """
    if failed == bool(push_ids) or (failed and slug is None):
        raise click.UsageError("Name the pushes to replay, or say --event SLUG --failed.")
    with opened() as database:
        originals, batches, refused, gone = _list_originals(database, slug, push_ids)
        outcomes = _replay(database, originals, dry_run=dry_run)
    if output.wants_json():
        replays = [_as_receipt(original, outcome) for original, outcome in zip(originals, outcomes, strict=True)]
        output.write_json(replays[0] if len(push_ids) == 1 else {"replays": replays})
    else:
        output.table(
            ("push", "replayed as", "result", "email", "what was wrong, or odd"),
            [
                (original.push.id, outcome.push_id, outcome.result, original.push.email, _remark_outcome(outcome))
                for original, outcome in zip(originals, outcomes, strict=True)
            ],
            empty="There is nothing to replay.",
        )
        if gone:
            output.note(f"{output.count(gone, 'push', 'pushes')} left out: the body is not kept any more.")
        if refused:
            these = output.count(refused, "push", "pushes")
            output.note(
                f"Left out: {these} whose address, headers or whole body was refused, so that no body was kept; to be "
                "sent again by the sender."
            )
        if batches:
            these = output.count(batches, "batch that could not be read", "batches that could not be read")
            output.note(f"Left out: {these}, to be sent again by the sender.")
        if dry_run:
            output.note("This was a dry run: nothing changed.")
        elif any(outcome.dry_run for outcome in outcomes):
            output.note("Their source is rehearsing: that was without effect. See turnout source go-live.")
    if any(outcome.failure for outcome in outcomes):
        output.end(1)


def _list_originals(
    database: "Database", slug: str | None, push_ids: Sequence[str]
) -> "tuple[list[Original], int, int, int]":
    """The pushes to replay; of those that nobody named, how many are unreadable batches, refused unread, or gone."""
    from turnout.errors import Conflict
    from turnout.events.setup import get_configuration
    from turnout.feed.by_hand.replay import find_refused_part, get_original, is_batch
    from turnout.store import pushes

    if push_ids:
        return [get_original(database, _get_push(database, push_id, slug).id) for push_id in push_ids], 0, 0, 0
    assert slug is not None
    event_id = get_configuration(database, slug).event.id
    with database.read() as connection:
        ids = pushes.list_failed_ids(connection, event_id)
    originals = []
    batches = refused = 0
    for push_id in ids:
        push = _get_push(database, push_id, slug)
        if is_batch(push):
            batches += 1
            continue
        if find_refused_part(push) is not None:
            refused += 1
            continue
        try:
            originals.append(get_original(database, push_id))
        except Conflict:
            continue
    return originals, batches, refused, len(ids) - len(originals) - batches - refused


def _replay(database: "Database", originals: "Sequence[Original]", *, dry_run: bool) -> "list[Outcome]":
    """Event by event, in the order given, not too many at once."""
    from collections import Counter
    from contextlib import nullcontext
    from itertools import groupby

    from turnout.feed.by_hand.hand_in import MAX_TOGETHER, name_actor
    from turnout.feed.by_hand.replay import replay as replay_pushes
    from turnout.feed.configurations import Configurations
    from turnout.store import events

    configurations = Configurations(database)
    outcomes: list[Outcome] = []
    for event_id, some in groupby(originals, key=lambda original: original.push.event_id):
        with database.read() as connection:
            configuration = events.load_configuration(connection, event_id)
        assert configuration is not None
        its, slug = list(some), configuration.event.slug
        with nullcontext(None) if dry_run else acting(database, "pushes.replay", event_id=event_id) as deed:
            done: list[Outcome] = []
            for start in range(0, len(its), MAX_TOGETHER):
                together = its[start : start + MAX_TOGETHER]
                done += replay_pushes(database, configurations, slug, together, actor=name_actor(), dry_run=dry_run)
            if deed is not None:
                counts = Counter(str(one.result) for one in done)
                deed.before, deed.after = {"pushes": len(its)}, dict(counts)
        outcomes += done
    return outcomes


def _get_push(database: "Database", push_id: str, slug: str | None) -> "StoredPush":
    """The push; where an event is named, only if it is one of that event. Raises NotFound."""
    from turnout.errors import NotFound
    from turnout.events.setup import get_configuration
    from turnout.store import pushes

    event_id = None if slug is None else get_configuration(database, slug).event.id
    with database.read() as connection:
        push = pushes.find_push(connection, push_id)
    if push is None or event_id not in (None, push.event_id):
        where = "" if slug is None else f" of the event {slug}"
        raise NotFound(
            f"There is no push {push_id}{where}. `turnout pushes list --event {slug or '…'}` shows an event's pushes."
        )
    return push


def _describe(push: "StoredPush", configuration: "Configuration") -> dict[str, Any]:
    from turnout.feed.own_pushes import describe
    from turnout.now import as_text

    observed_at = None if push.observed_at is None else as_text(push.observed_at)
    return describe(push, configuration) | {"actor": push.actor, "observedAt": observed_at}


def _as_receipt(original: "Original", outcome: "Outcome") -> dict[str, Any]:
    """The receipt, or the problem in its place, with what it replays."""
    import msgspec

    from turnout.feed.receipt import as_receipt

    if outcome.failure is None:
        return {"replayOf": original.push.id, **msgspec.to_builtins(as_receipt(outcome, minimal=False))}
    return {
        "replayOf": original.push.id,
        "id": outcome.push_id,
        "result": outcome.result,
        **msgspec.to_builtins(outcome.failure),
    }


def _explain_absence(push: "StoredPush") -> str:
    """Why there is no body."""
    from turnout.feed.by_hand.replay import find_refused_part

    if push.result == "suppressed":
        return (
            "It was suppressed: of somebody who was erased, and whom its source must not bring back, nothing is kept."
        )
    # Only an erasure takes the address from a push that could be read (F1).
    if push.failure.code == "erased" if push.failure else push.email is None:
        return "It was erased, with somebody whom it was about."
    part = find_refused_part(push)
    if part is not None:
        return (
            f"There is none: {part} was refused, and so nothing of the body was kept. Its sender has to mend what is "
            "said above and send it again."
        )
    return "It is not kept: it was a dry run, or its time is over."


def _remark(push: "StoredPush", zone: str) -> str:
    repeats = _show_repeats(push, zone)
    if push.failure:
        return push.failure.detail
    return "; ".join([warning.message for warning in push.warnings] + ([repeats] if repeats else []))


def _show_result(push: "StoredPush") -> str:
    return push.result + (" (rehearsed)" if push.rehearsed else " (dry run)" if push.dry_run else "")


def _show_repeats(push: "StoredPush", zone: str) -> str:
    if not push.repeats:
        return ""
    return f"{output.count(push.repeats + 1, 'time')}, last {output.show_time(push.last_at, zone)}"


def _remark_outcome(outcome: "Outcome") -> str:
    return outcome.failure.detail if outcome.failure else "; ".join(warning.message for warning in outcome.warnings)
