"""A CSV that somebody drops on a page: looked at first, then pushed for one source; what failed is given back.

Read as a gateway reads one (E1), with smaller bounds. A column with keys opens nothing here: the page says whose it is.
"""

import msgspec

from turnout import errors
from turnout.feed.batch.csv.columns import is_known
from turnout.feed.batch.csv.failed import write_failed
from turnout.feed.batch.csv.table import CSV, CsvTable, describe, name_line
from turnout.feed.batch.split import MAX_ITEMS, Batch, split
from turnout.feed.by_hand.hand_in import MAX_TOGETHER, as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.push import EMAIL_IN_JSON
from turnout.feed.submission import Item, Overlay
from turnout.model.event import Configuration
from turnout.model.receipt import Failure, Outcome, Problem, Warning
from turnout.now import new_id
from turnout.store.database import Database

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = MAX_ITEMS
PREVIEWED = 20
"""Rows that a preview tries."""
MAX_UNKNOWN = 100
"""Columns that a preview names."""
MAX_FAILED = 1_000
"""Rows that are listed with their reason; the CSV of what failed has all."""


_WARNED = {
    "unsplit_groups": "The groups of this row are taken as the name of one. If they are several, give each a column of "
    "its own (groups[0], groups[1]), or ask the event's staff to have such a text split."
}
"""What to do in a table, where the message is for those who write JSON."""


class PreviewedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row, and what would become of it."""

    line: int
    """Of the file, from 1."""
    cells: list[str]
    """One for each column, without keys."""
    result: str
    """As in a receipt."""
    problem: Problem | None = None
    """The first reason why it would fail."""
    warning: Warning | None = None
    """The first thing that is odd about it, but for columns that are no field: the preview names them once."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would do."""

    rows: int
    """In the whole file."""
    columns: list[str]
    """As the file names them."""
    unknown: list[str]
    """Columns that are no field: they are kept with the person, and nothing else is made of them."""
    tried: list[PreviewedRow]
    """The first twenty rows."""
    rehearses: bool
    """Whether the source's pushes have no effect for now (A7)."""


class FailedRow(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    push_id: str
    detail: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file's rows."""

    counts: dict[str, int]
    """By result: created, updated, unchanged, suppressed, failed."""
    failed: list[FailedRow]
    """The first thousand."""
    failed_csv: bytes | None
    """What failed, each row with its reason, to be mended and sent again; None where nothing did."""
    stopped: str | None = None
    """Why not all rows were sent; those that the counts hold are stored."""


def preview(
    database: Database, configurations: Configurations, slug: str, source_number: int, csv: bytes, *, actor: str
) -> Preview:
    """A dry run of the file's first rows (D5), which leaves their lines in the push log and nothing else.

    Raises BodyTooLarge, MalformedBody for what is no CSV, NotFound, Conflict and StorageUnavailable.
    """
    batch, table = open_file(csv)
    several = range(min(PREVIEWED, len(batch)))
    rehearses = False

    def read(configuration: Configuration) -> list[Item]:
        nonlocal rehearses
        sender = as_sender(configuration, source_number, actor)
        rehearses = sender.policy.mode == "rehearsal"
        return _read(batch, several, configuration, source_number, actor)

    outcomes = hand_in(database, configurations, slug, read, Overlay()) if several else []
    return Preview(
        rows=len(batch),
        columns=table.header,
        unknown=_list_unknown(table),
        tried=[_show(batch, table, at, outcome) for at, outcome in zip(several, outcomes, strict=True)],
        rehearses=rehearses,
    )


def send(
    database: Database, configurations: Configurations, slug: str, source_number: int, csv: bytes, *, actor: str
) -> Sent:
    """Pushes all rows, some hundred in one commit, each for itself. To send a file again is always safe (C8).

    Raises what `preview` raises; once some rows are stored it says why it stopped instead.
    """
    batch, _ = open_file(csv)
    counts = dict.fromkeys(("created", "updated", "unchanged", "suppressed", "failed"), 0)
    failures: list[tuple[int, str, Failure]] = []
    stopped = None
    for start in range(0, len(batch), MAX_TOGETHER):
        several = range(start, min(start + MAX_TOGETHER, len(batch)))
        try:
            outcomes = hand_in(
                database,
                configurations,
                slug,
                lambda its, several=several: _read(batch, several, its, source_number, actor),
            )
        except errors.TurnoutError as error:
            if start == 0:
                raise
            stopped = (
                f"{error.detail} The first {start:,} rows were sent; send the file again, they come back unchanged."
            )
            break
        for at, outcome in zip(several, outcomes, strict=True):
            counts[outcome.result] += 1
            if outcome.failure is not None:
                failures.append((at, outcome.push_id, outcome.failure))
    return Sent(
        counts=counts,
        failed=[
            FailedRow(line=_line(batch, at), push_id=push_id, detail=failure.detail)
            for at, push_id, failure in failures[:MAX_FAILED]
        ],
        failed_csv=_write_failed(batch, failures) if failures else None,
        stopped=stopped,
    )


def open_file(csv: bytes) -> tuple[Batch, CsvTable]:
    """The rows of a file. Raises BodyTooLarge, and MalformedBody for what is no CSV or has too many rows."""
    if len(csv) > MAX_BYTES:
        raise errors.BodyTooLarge(f"The file has more than {MAX_BYTES // 2**20} MB. Send it in several parts.")
    if csv.startswith(b"PK\x03\x04"):
        raise errors.MalformedBody(
            'This is an Excel workbook. Save it as "CSV UTF-8 (comma delimited)", and drop that file here.'
        )
    batch = split(csv, CSV)
    if batch.problems:
        problem = batch.problems[0]
        raise errors.MalformedBody(f"{problem.message} {problem.help}", list(batch.problems))
    if batch.table is None:
        raise errors.MalformedBody("This is JSON, not CSV. A CSV begins with a line that names its columns.")
    return batch, batch.table


def _read(batch: Batch, several: range, configuration: Configuration, source_number: int, actor: str) -> list[Item]:
    sender = as_sender(configuration, source_number, actor)
    return [name_line(read_item(new_id("psh"), batch.item(at), sender, index=at), _line(batch, at)) for at in several]


def _show(batch: Batch, table: CsvTable, at: int, outcome: Outcome) -> PreviewedRow:
    failure = outcome.failure
    return PreviewedRow(
        line=_line(batch, at),
        cells=table.show(batch.raw_item(at))[: len(table.columns)],
        result=outcome.result,
        problem=None if failure is None else _say_problem(failure),
        warning=next((_say_warning(one) for one in outcome.warnings if one.code != "unknown_field"), None),
    )


def _say_problem(failure: Failure) -> Problem:
    """The first, for somebody with a table."""
    first = next(iter(failure.errors), Problem("", failure.code, failure.detail, ""))
    if first.code != "missing_email":
        return first
    nearest = first.help.removesuffix(EMAIL_IN_JSON)
    return msgspec.structs.replace(first, help=f"{nearest}The address goes into a column called email.")


def _say_warning(warning: Warning) -> Warning:
    return msgspec.structs.replace(warning, message=_WARNED.get(warning.code, warning.message))


def _list_unknown(table: CsvTable) -> list[str]:
    return [
        name
        for name, column in zip(table.header, table.columns, strict=True)
        if column.beside is None and not column.is_key and not column.is_left_aside and not is_known(column.path)
    ][:MAX_UNKNOWN]


def _write_failed(batch: Batch, failures: list[tuple[int, str, Failure]]) -> bytes:
    return write_failed(batch, [(at, describe(failure, f"Line {_line(batch, at)}")) for at, _, failure in failures])


def _line(batch: Batch, at: int) -> int:
    line = batch.line(at)
    assert line is not None
    return line
