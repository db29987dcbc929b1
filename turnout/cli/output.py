"""What commands print: one JSON document with `--json`, else tables for people, and errors as sentences."""

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click

if TYPE_CHECKING:
    from rich.console import Console

    from turnout.changes.change_view import ChangeView
    from turnout.model.change import Change
    from turnout.model.event import Configuration
    from turnout.model.receipt import PathChange

_JSON = "turnout.json"
_COLOURS = {
    "created": "green",
    "updated": "cyan",
    "failed": "red",
    "withdrawn": "yellow",
    "returned": "green",
    "good": "green",
    "expired": "yellow",
    "revoked": "red",
    "ok": "green",
    "warning": "yellow",
    "problem": "red",
    "not checked": "dim",
    "attending": "green",
}
"""Of a cell that holds just this word."""
_WHOLE = ("id", "push", "replayed as", "slug")
"""Columns that are never broken into lines."""


def _remember_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_JSON] = value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_remember_json,
    help="Give JSON instead of text for people.",
)
"""For every command: see `wants_json`."""


def wants_json() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_JSON))


def write_json(document: Any) -> None:
    """One document; over several lines where somebody looks at it."""
    import msgspec

    encoded = msgspec.json.encode(document)
    click.echo(msgspec.json.format(encoded).decode() if sys.stdout.isatty() else encoded.decode())


def write_json_line(document: Any) -> None:
    """One line of a stream; whoever writes the stream flushes it."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")


def say(*lines: str) -> None:
    """Text for people; what is in it may come from anywhere."""
    for line in lines:
        click.echo(printable(line))


def note(line: str) -> None:
    """A remark beside the output, where JSON does not mind it."""
    click.echo(printable(line), err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str = "There are none.") -> None:
    """Rows under their columns; on a terminal as wide as that, elsewhere each row on one line."""
    if not rows:
        say(empty)
        return
    cells = [[_as_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in (columns, *cells):
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # What gets copied stays in one piece.
        drawn.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    for row in cells:
        drawn.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console().print(drawn)


def pairs(rows: Sequence[tuple[str, Any]]) -> None:
    """Names and values, a line each."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {_as_cell(value)}")


def heading(text: str) -> None:
    click.echo(f"\n{click.style(printable(text), bold=True)}")


def console(*, stderr: bool = False) -> "Console":
    """Without markup: whatever comes from a push is text."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def printable(text: str) -> str:
    """The text without anything that a terminal would obey instead of showing it."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)


def _as_cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_as_cell, value)) or "–"
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(printable(str(value)).split("\n"))


def show_time(at: int | None, time_zone: str) -> str:
    """A time for people, in the event's time zone."""
    if at is None:
        return "–"
    import zoneinfo
    from datetime import UTC, datetime

    try:
        zone: Any = zoneinfo.ZoneInfo(time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone = UTC
    return datetime.fromtimestamp(at / 1_000_000, zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def show_value(value: Any) -> str:
    """A value of a change, for people: texts in quotation marks, so that blanks are seen."""
    import msgspec

    return "–" if value is None else msgspec.json.encode(value).decode()


def describe_change(change: "PathChange") -> str:
    """`profile.title: "CTO" → "CEO"`."""
    from msgspec import UNSET

    path = change.path if change.field_name is UNSET else f"{change.path} {change.field_name}"
    old = "hidden" if change.old is UNSET else show_value(change.old)
    return f"{path}: {old} → {show_value(change.new)}"


def describe_line(line: "Change", view: "ChangeView", configuration: "Configuration") -> list[str]:
    """What a line of the log says, and what a person decided by it; empty where nothing happened or all is erased."""
    from turnout.changes.shown import list_acts

    acts = list_acts(line.entries, configuration.custom_fields, configuration.groups)
    said = [describe_change(change) for change in view.changes] + list(acts)
    return said or (["(only what the source itself says)"] if line.entries else [])


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 attendee`, `2,000 attendees`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def end(code: int) -> NoReturn:
    """Ends the command with this exit code."""
    sys.stdout.flush()
    raise SystemExit(code)


def fail(code: str, message: str, help_text: str) -> NoReturn:
    """An error on standard error, as JSON where that is wanted; ends the command with 1."""
    if wants_json():
        import msgspec

        error = {"error": {"code": code, "message": message, "help": help_text}}
        click.echo(msgspec.json.encode(error).decode(), err=True)
    else:
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {printable(message)}", err=True)
    end(1)


def drop_rest() -> None:
    """Whoever reads our output has seen enough, as `head` does; the interpreter must not try to flush what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def reporting() -> Generator[None]:
    """Turns the errors that can be foreseen into a sentence and exit code 1, and a closed pipe into a quiet end."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_rest()
        # As the shell reports whoever SIGPIPE has ended: what was not seen may have been bad news.
        raise SystemExit(141) from None
    except Exception as error:
        known = _explain(error)
        if known is None:
            raise
        fail(*known)


def _explain(error: Exception) -> tuple[str, str, str] | None:
    from turnout.errors import StorageUnavailable, TurnoutError
    from turnout.settings import InvalidSettings

    if isinstance(error, StorageUnavailable):
        from turnout.operations.remedies import find_cure, say_why

        # Whoever is at the command line may read the names of machines and accounts, which senders may not.
        cure = find_cure(error)
        said = say_why(error) if cure is None else f"{say_why(error)} {cure}"
        return error.code, said, cure or _HELP.get(error.code, error.help)
    if isinstance(error, TurnoutError):
        return error.code, error.detail, _HELP.get(error.code, error.help)
    if isinstance(error, InvalidSettings):
        return (
            "invalid_settings",
            " ".join(error.problems),
            "`turnout doctor` shows every setting and where it is from.",
        )
    if isinstance(error, PermissionError) and error.filename is not None:
        cure = (
            "Run this as the account that the server runs as, or give that account all files of the database's folder."
        )
        return "permission_denied", f"{error.filename} is not for this account to open. {cure}", cure
    return None


_HELP = {
    "not_found": "What there is, the command `list` beside it shows; how each is called, `turnout --help`.",
    "conflict": "Do what the message says, or choose another one.",
    "invalid_request": "Correct what the message names.",
    "storage_unavailable": "Try again in a moment. `turnout doctor` says more.",
}
"""By code, where what an error tells to do is said to whoever sends HTTP requests."""
