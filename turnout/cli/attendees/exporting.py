"""`turnout attendees export`: everybody of an event in a file."""

import os
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, event_option, note_replica, opened_event

if TYPE_CHECKING:
    from turnout.downstream.exports.walk import Walk

STDOUT = "-"


@click.command("export")
@event_option
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["csv", "xlsx", "ndjson", "json"]),
    default="csv",
    show_default=True,
    help="csv can be pushed again: turnout push FILE.",
)
@click.option("--status", type=click.Choice(["attending", "withdrawn", "all"]), default="attending", show_default=True)
@click.option("--group", metavar="NAME", help="Who is in this group.")
@click.option("--source", metavar="NAME", help="Who this source says something about.")
@click.option("--custom-field", "custom_fields", multiple=True, metavar="NAME=VALUE", help="Who has this value.")
@click.option("--updated-since", metavar="TIME", help="Who has changed since, as in 2026-05-01T09:00:00Z.")
@click.option("--fields", metavar="NAME,…", help="Only these columns; id, status, groups and times always come.")
@click.option("--output", "target", metavar="FILE", help="Where to; - is standard output.  [default: SLUG.FORMAT]")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@output.json_option
def export(
    slug: str,
    format_name: str,
    status: Literal["attending", "withdrawn", "all"],
    group: str | None,
    source: str | None,
    custom_fields: Sequence[str],
    updated_since: str | None,
    fields: str | None,
    target: str | None,
    force: bool,
) -> None:
    """Write an event's attendees to a file for your eyes alone. It appears when it is whole.

    Who changes meanwhile may be in it as before or after; `--json` gives the number of the log at the beginning, from
    which to follow.

    Example: turnout attendees export --event spring --group Speakers --format xlsx
    """
    from turnout.downstream.exports.walk import Walk
    from turnout.downstream.exports.wanted import Wish, understand
    from turnout.downstream.limits import EVERYTHING

    wish = Wish(
        format=format_name,
        status=status,
        group=group,
        source=source,
        updated_since=updated_since,
        custom_fields=dict(map(_read_custom_field, custom_fields)),
        fields=None if fields is None else [name.strip() for name in fields.split(",") if name.strip()],
    )
    if target == STDOUT and output.wants_json():
        raise click.UsageError("--json says what became of a file, and --output - is none.")
    file = None if target == STDOUT else Path(target or f"{slug}.{format_name}").absolute()
    if file is not None and file.exists() and not force:
        cure = "Choose another --output, or replace it with --force."
        output.fail("file_exists", f"{file} is there already. {cure}", cure)
    if file is not None and not file.parent.is_dir():
        cure = "Make it first, or choose another --output."
        output.fail("no_such_folder", f"There is no folder {file.parent}. {cure}", cure)
    with opened_event(slug) as (database, configuration):
        walk = Walk(database, configuration.event.id, understand(wish, configuration, EVERYTHING))
        with acting(database, "attendees.export", event_id=configuration.event.id) as deed:
            rows = _write(walk, format_name, file)
            deed.after = {"format": format_name, "rows": rows}
        note_replica(database, walk.where)
    if output.wants_json():
        output.write_json({"file": str(file), "rows": rows, "sequence": walk.sequence})
    elif file is not None:
        output.say(f"{output.count(rows, 'attendee')} in {file}, as of change {walk.sequence:,}.")


def _read_custom_field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError("--custom-field is a name and a value, as in --custom-field 'Shoe size=43'.")
    return name, value


def _write(walk: "Walk", format_name: str, file: Path | None) -> int:
    """Gives how many there are."""
    from turnout.downstream.exports.making import say_too_many
    from turnout.downstream.formats import FORMATS
    from turnout.errors import InvalidRequest
    from turnout.store.sqlite.work_folder import work_folder

    its = FORMATS[format_name]
    rows = 0
    # Beside the file, so that it can take its place at once; also for what has to be put together first.
    with work_folder(file or Path(tempfile.gettempdir(), "turnout-export")) as folder, _bar() as show:
        whole = folder / "whole"
        with _open(whole, file) as opened:
            writer = its.open(opened, walk.columns, sequence=walk.sequence, scratch=folder)
            for page in walk.list_pages():
                rows += len(page)
                if its.max_attendees is not None and max(rows, walk.expected or 0) > its.max_attendees:
                    raise InvalidRequest(say_too_many(its, max(rows, walk.expected or 0)))
                for attendee in page:
                    writer.write(attendee)
                show(walk.walked, walk.total)
            writer.close()
            opened.flush()
            if file is not None:
                os.fsync(opened.fileno())
        if file is not None:
            whole.replace(file)
    return rows


@contextmanager
def _open(whole: Path, file: Path | None) -> Generator[BinaryIO]:
    if file is None:
        yield sys.stdout.buffer
        return
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as opened:
        yield opened


@contextmanager
def _bar() -> Generator[Callable[[int, int], None]]:
    """A bar that counts attendees; nothing where JSON is wanted or nobody looks."""
    if output.wants_json() or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Any = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("Exporting", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
