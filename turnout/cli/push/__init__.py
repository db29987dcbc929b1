"""`turnout push`: a file of attendees, through a gateway or straight into the database."""

import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import rich_click as click

from turnout.cli import output

if TYPE_CHECKING:
    from turnout.cli.push.items import Items
    from turnout.cli.push.sending import Kind, Sending

SHOWN = 10
"""Kinds of problems that people are shown, the most frequent first."""


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--gateway", metavar="URL", help="Push there; the key comes from --key-file or TURNOUT_KEY.")
@click.option(
    "--key-file", type=click.File("r"), help="Holds the gateway's key. Keys are no arguments: those are seen."
)
@click.option("--event", "slug", metavar="SLUG", help="Push into this server's own database.")
@click.option("--source", metavar="NAME", help="With --event: on behalf of this source.  [default: main]")
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@click.option(
    "--failed",
    "failed_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write what failed there as CSV, each row with its reason, to be mended and pushed again.",
)
@output.json_option
def command(
    file: BinaryIO,
    gateway: str | None,
    key_file: io.TextIOBase | None,
    slug: str | None,
    source: str | None,
    dry_run: bool,
    failed_file: Path | None,
) -> None:
    """Push attendees from a file: CSV with a header, one JSON object, an array, {"attendees": […]}, or NDJSON.

    Sending a file once more does no harm: what has not changed comes back unchanged. Exit code 1 when an item failed.

    Example: TURNOUT_KEY=trn_… turnout push --gateway http://localhost:8000/e/spring people.csv --failed failed.csv
    """
    from turnout.cli.push.items import open_items

    if (gateway is None) == (slug is None):
        raise click.UsageError("Say where to: --gateway URL, or --event SLUG for this server's own database.")
    if gateway is None and key_file is not None:
        raise click.UsageError("--event needs no key; --key-file goes with --gateway.")
    if gateway is not None and source is not None:
        raise click.UsageError("The key says which source it is; --source goes with --event.")
    if failed_file is not None:
        _check_place(failed_file, file)
    with _open_sending(gateway, _read_key(key_file) if gateway else "", slug, source, dry_run=dry_run) as sending:
        sending.keeps_items = failed_file is not None
        items = open_items(file)
        try:
            _send(items, sending, file)
        except KeyboardInterrupt:
            _write_failed(failed_file if sending.failed else None, items, sending)
            _show_interrupted(sending, failed_file)
            output.end(130)
        except Exception:
            # An earlier run's file is not emptied by one that came to nothing.
            _write_failed(failed_file if sending.failed else None, items, sending)
            if sending.total and not output.wants_json():
                output.note(f"Before that: {_summarise(sending)}.")
            raise
        _write_failed(failed_file, items, sending)
    _show(sending, failed_file, dry_run=dry_run)
    if sending.counts["failed"]:
        output.end(1)


def _send(items: "Items", sending: "Sending", file: BinaryIO) -> None:
    with _progress(_size_of(file) or items.size_bytes) as advance:
        for chunk in items.chunks():
            sending.send(chunk, output.note if not output.wants_json() else lambda _: None)
            advance(sum(len(item.raw) + 1 for item in chunk), sending.total)


def _check_place(failed_file: Path, file: BinaryIO) -> None:
    """Raises UsageError where failed items could not be written, before anything is sent."""
    if not failed_file.absolute().parent.is_dir():
        raise click.UsageError(f"There is no folder {failed_file.absolute().parent} for the failed items.")
    name = getattr(file, "name", None)
    if isinstance(name, str) and failed_file.exists() and Path(name).exists() and failed_file.samefile(name):
        raise click.UsageError("--failed names the very file that is pushed; name another.")


def _write_failed(failed_file: Path | None, items: "Items", sending: "Sending") -> None:
    if failed_file is not None:
        from turnout.cli.push.failed_file import write

        write(failed_file, items, sending)


@contextmanager
def _open_sending(
    gateway: str | None, key: str, slug: str | None, source: str | None, *, dry_run: bool
) -> "Generator[Sending]":
    if gateway is not None:
        from turnout.cli.push.sending import GatewaySending

        with GatewaySending(gateway, key, dry_run=dry_run) as sending:
            yield sending
        return
    from turnout.cli.opened import acting, opened_event
    from turnout.cli.push.sending import DirectSending
    from turnout.errors import TurnoutError
    from turnout.events.event import FIRST_SOURCE
    from turnout.events.sources import get_source

    assert slug is not None
    with opened_event(slug) as (database, configuration):
        its = get_source(configuration, source or FIRST_SOURCE)
        sending = DirectSending(database, slug, its.number, dry_run=dry_run)
        if dry_run:
            yield sending
            return
        trouble = None
        with acting(database, "pushes.hand_in", event_id=configuration.event.id, target=its.id) as deed:
            try:
                yield sending
            except TurnoutError as error:
                # What went before it has taken effect, and so it is not refused.
                if not sending.total:
                    raise
                trouble = error
            deed.after = {name: number for name, number in sending.counts.items() if number}
            if trouble is not None:
                deed.after["trouble"] = True
        if trouble is not None:
            raise trouble


def _read_key(key_file: io.TextIOBase | None) -> str:
    """The key, if it can be one. Raises InvalidRequest."""
    from turnout.errors import InvalidRequest
    from turnout.model.key import is_mistyped

    key = (key_file.read(10_000) if key_file else os.environ.get("TURNOUT_KEY", "")).strip()
    if not key:
        raise InvalidRequest(
            "There is no key: put it into the environment as TURNOUT_KEY, or name a file with --key-file."
        )
    if is_mistyped(key):
        raise InvalidRequest(
            "The key is mistyped or was not copied whole; `turnout key check` says more. Nothing was sent."
        )
    return key


@contextmanager
def _progress(size_bytes: int | None) -> Generator[Any]:
    """A bar for people at a terminal; gives the function that moves it. Without a size it only shows that it works."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda _size, _total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("pushing", total=size_bytes)
        yield lambda size, total: bar.update(task, advance=size, description=f"{total:,} pushed")


def _size_of(file: BinaryIO) -> int | None:
    """None for what has no size, such as a pipe."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except (OSError, ValueError):
        return None


def _summarise(sending: "Sending") -> str:
    counts = ", ".join(f"{number:,} {result}" for result, number in sending.counts.items() if number)
    return f"{output.count(sending.total, 'item')} pushed" + (f" ({counts})" if counts else "")


def _show_interrupted(sending: "Sending", failed_file: Path | None) -> None:
    if output.wants_json():
        output.write_json(_as_document(sending, failed_file, dry_run=False) | {"interrupted": True})
    else:
        output.note(
            f"\nStopped. {_summarise(sending)}. What was under way may have taken effect too. Push the file again: "
            "what has not changed comes back unchanged."
        )


def _show(sending: "Sending", failed_file: Path | None, *, dry_run: bool) -> None:
    if output.wants_json():
        output.write_json(_as_document(sending, failed_file, dry_run=dry_run))
        return
    output.say(f"{_summarise(sending)}.{' This was a dry run: nothing changed.' if dry_run else ''}")
    if not sending.counts["failed"]:
        return
    kinds = _sort_kinds(sending)
    output.say("", "What to mend:")
    for kind in kinds[:SHOWN]:
        output.say(f"  {kind.count:,} × {kind.message}", *([f"      {kind.help}"] if kind.help else []))
        output.say(f"      {_name_places(kind)}.")
    if len(kinds) > SHOWN:
        output.say(f"  … and {output.count(len(kinds) - SHOWN, 'other kind')} of problems.")
    if failed_file is None:
        output.say("", "With --failed FILE what failed is written there as CSV, to be mended and pushed again.")
    else:
        more = f" (the first {len(sending.failed):,})" if sending.more_failed else ""
        output.say(
            "", f"What failed is in {failed_file}{more}, each with its reason. Mend it there and push that file."
        )


def _sort_kinds(sending: "Sending") -> list["Kind"]:
    return sorted(sending.kinds.values(), key=lambda kind: -kind.count)


def _name_places(kind: "Kind") -> str:
    """`Lines 3, 7 and 12`, `Lines 3, 7, 12, 14, 15 and 20 more`."""
    numbers = [str(number) for number in kind.lines or kind.indexes]
    more = kind.count - len(numbers)
    named = [*numbers, f"{more:,} more"] if more > 0 else numbers
    one = "Line" if kind.lines else "Item"
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{one if len(named) == 1 else one + 's'} {listed}"


def _as_document(sending: "Sending", failed_file: Path | None, *, dry_run: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"results": sending.failed, **sending.counts, "total": sending.total}
    if sending.more_failed:
        document["moreFailed"] = sending.more_failed
    if sending.kinds:
        document["problems"] = _sort_kinds(sending)
    if failed_file is not None:
        document["failedFile"] = str(failed_file)
    return document | ({"dryRun": True} if dry_run else {})
