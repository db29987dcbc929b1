"""`turnout push`: a file of attendees, through a gateway or straight into the database."""

import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import rich_click as click

from turnout.cli import output

if TYPE_CHECKING:
    from turnout.cli.push.sending import Sending

SHOWN = 20
"""Failed items that people are shown."""


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--gateway", metavar="URL", help="Push there; the key comes from --key-file or TURNOUT_KEY.")
@click.option(
    "--key-file", type=click.File("r"), help="Holds the gateway's key. Keys are no arguments: those are seen."
)
@click.option("--event", "slug", metavar="SLUG", help="Push into this server's own database.")
@click.option("--source", metavar="NAME", help="With --event: on behalf of this source.  [default: main]")
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@output.json_option
def command(
    file: BinaryIO,
    gateway: str | None,
    key_file: io.TextIOBase | None,
    slug: str | None,
    source: str | None,
    dry_run: bool,
) -> None:
    """Push attendees from a file: one JSON object, an array, {"attendees": […]}, or an object a line (NDJSON).

    Sending a file once more does no harm: what has not changed comes back unchanged. Exit code 1 when an item failed.

    Example: TURNOUT_KEY=trn_… turnout push --gateway http://localhost:8000/e/spring attendees.json
    """
    from turnout.cli.push.items import open_items

    if (gateway is None) == (slug is None):
        raise click.UsageError("Say where to: --gateway URL, or --event SLUG for this server's own database.")
    if gateway is None and key_file is not None:
        raise click.UsageError("--event needs no key; --key-file goes with --gateway.")
    if gateway is not None and source is not None:
        raise click.UsageError("The key says which source it is; --source goes with --event.")
    with _open_sending(gateway, _read_key(key_file) if gateway else "", slug, source, dry_run=dry_run) as sending:
        items = open_items(file)
        with _progress(file) as advance:
            try:
                for chunk in items.chunks():
                    sending.send(chunk, output.note if not output.wants_json() else lambda _: None)
                    advance(sum(len(item.raw) for item in chunk), sending.total)
            except KeyboardInterrupt:
                _show_interrupted(sending)
                output.end(130)
            except Exception:
                if sending.total and not output.wants_json():
                    output.note(f"Before that: {_summarise(sending)}.")
                raise
    _show(sending, dry_run=dry_run)
    if sending.counts["failed"]:
        output.end(1)


@contextmanager
def _open_sending(
    gateway: str | None, key: str, slug: str | None, source: str | None, *, dry_run: bool
) -> "Generator[Sending]":
    if gateway is not None:
        from turnout.cli.push.sending import GatewaySending

        with GatewaySending(gateway, key, dry_run=dry_run) as sending:
            yield sending
        return
    from turnout.cli.opened import opened_event
    from turnout.cli.push.sending import DirectSending
    from turnout.events.event import FIRST_SOURCE
    from turnout.events.sources import get_source

    assert slug is not None
    with opened_event(slug) as (database, configuration):
        its = get_source(configuration, source or FIRST_SOURCE)
        yield DirectSending(database, slug, its.number, dry_run=dry_run)


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
def _progress(file: BinaryIO) -> Generator[Any]:
    """A bar for people at a terminal; gives the function that moves it."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda _size, _total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("pushing", total=_size_of(file))
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


def _show_interrupted(sending: "Sending") -> None:
    if output.wants_json():
        output.write_json(_as_document(sending, dry_run=False) | {"interrupted": True})
    else:
        output.note(
            f"\nStopped. {_summarise(sending)}. What was under way may have taken effect too. Push the file again: "
            "what has not changed comes back unchanged."
        )


def _show(sending: "Sending", *, dry_run: bool) -> None:
    if output.wants_json():
        output.write_json(_as_document(sending, dry_run=dry_run))
        return
    output.say(f"{_summarise(sending)}.{' This was a dry run: nothing changed.' if dry_run else ''}")
    for failed in sending.failed[:SHOWN]:
        where = f"line {failed.line}" if isinstance(failed.line, int) else f"item {failed.index}"
        if not failed.errors:
            output.say(f"  {where}: {failed.detail}")
        for problem in failed.errors:
            output.say(f"  {where}: {problem.message}", f"    {problem.help}")
    more = sending.counts["failed"] - len(sending.failed[:SHOWN])
    if more:
        output.say(f"  … and {more:,} more failed.")


def _as_document(sending: "Sending", *, dry_run: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"results": sending.failed, **sending.counts, "total": sending.total}
    if sending.more_failed:
        document["moreFailed"] = sending.more_failed
    return document | ({"dryRun": True} if dry_run else {})
