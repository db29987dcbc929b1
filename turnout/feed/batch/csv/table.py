"""A CSV as a batch: its header, and each row as a flat push of its own (E1)."""

import codecs
from collections.abc import Iterator

from msgspec.structs import replace

from turnout.feed.batch.csv.cells import (
    NOT_CLOSED,
    SEPARATORS,
    Row,
    count_lines,
    list_rows,
    read_cells,
    rearm,
)
from turnout.feed.batch.csv.columns import ERROR_COLUMN, Column, is_known, read_columns
from turnout.feed.parse.body import Body, Json, decode_any, write_json
from turnout.feed.parse.fields import suggest
from turnout.feed.parse.redact import mask, redact, show
from turnout.feed.submission import Item
from turnout.model.receipt import Failure, Problem

MAX_COLUMNS = 4_000
MAX_HEADER_BYTES = 256 * 1024
MAX_WRITTEN_OUT_BYTES = 64 * 1024 * 1024
"""Of all rows once every cell stands beside the name of its column, as they are stored."""
_PIECE_BYTES = 1024 * 1024
_MARK = b"\xef\xbb\xbf"

CSV = "text/csv"
_TYPES = (CSV, "application/csv", "text/x-csv", "text/comma-separated-values", "text/tab-separated-values")


class Unreadable(Exception):
    """The CSV as a whole cannot be read, and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def is_csv(content_type: str | None) -> bool:
    """Whether the sender says that it is CSV; the header decides as well (E1)."""
    return (content_type or "").partition(";")[0].strip().lower() in _TYPES


class CsvTable:
    """How the rows of one CSV are read."""

    def __init__(self, separator: str, header: list[str], *, start: int, line: int, has_mark: bool) -> None:
        self.separator = separator
        self.has_error_column = bool(header) and header[-1].strip() == ERROR_COLUMN
        self.header = header[:-1] if self.has_error_column else header
        """The names of the columns as they were written, but for an earlier answer's `error`."""
        self.columns: tuple[Column, ...] = read_columns(header)
        self.start = start
        """Where the rows begin."""
        self.line = line
        """In which they begin, from 1."""
        self.has_mark = has_mark
        """Whether a byte order mark stands before it."""
        self.lines: list[int] = []
        """In which each row begins."""
        self.faults: dict[int, str] = {}
        """What is wrong with a row's quotation marks, by its place."""
        self._sizes = sorted((column.size_characters for column in self.columns), reverse=True)
        self._size = sum(self._sizes)

    @property
    def knows_a_column(self) -> bool:
        return any(is_known(column.path) for column in self.columns)

    def list_rows(self, text: str) -> Iterator[Row]:
        """The rows of the text, which is UTF-8 seen as Latin-1."""
        return list_rows(text, self.start, self.line, self.separator)

    def add(self, row: Row) -> None:
        """Notes what there is to know of the next row beside its place."""
        if row.fault:
            self.faults[len(self.lines)] = row.fault
        self.lines.append(row.line)

    def size_bytes(self, row_bytes: int) -> int:
        """How long a row of so many bytes is at most as JSON, about."""
        filled = max(0, row_bytes - len(self.columns) + 1)
        longest = self._sizes[0] if self._sizes else 0
        return row_bytes + min(self._size, filled * longest)

    def read(self, index: int, row: bytes) -> Body:
        """The row as a body: blank cells are left out, because they keep what is there."""
        text = row.decode("utf-8", "backslashreplace")
        cells = self._read_cells(text)
        problem = self._find_problem(index, cells)
        if problem is not None:
            return Body(object=None, text=redact(text).replace("\0", "\\u0000"), problems=(problem,))
        members: list[tuple[str, Json]] = []
        for column, cell in zip(self.columns, cells, strict=True):
            text = rearm(cell)
            if text.strip() and not column.is_left_aside:
                if column.beside is not None:
                    members.append(column.beside)
                members.append((column.path, text if column.read is None else column.read(text)))
        return decode_any(write_json(tuple(members)).encode(), None)

    def show(self, row: bytes) -> list[str]:
        """As many cells as there are columns, and one more with what is too much; without keys."""
        cells = [mask(rearm(cell)) for cell in self._read_cells(row.decode("utf-8", "replace"))]
        width = len(self.columns)
        cells = ["" if at < width and self.columns[at].is_key else cell for at, cell in enumerate(cells)]
        return [*cells[:width], *[""] * (width - len(cells)), self.separator.join(cells[width:])]

    def _read_cells(self, text: str) -> list[str]:
        cells = read_cells(text, self.separator)
        return cells[: len(self.columns)] if self.has_error_column and len(cells) == len(self.columns) + 1 else cells

    def _find_problem(self, index: int, cells: list[str]) -> Problem | None:
        if index in self.faults:
            return _invalid_row(
                f"In this row {self.faults[index]}.",
                'Put a cell with a quotation mark in it into quotation marks, and write the one inside twice: "5"" TV".'
                + (
                    " Up to the next one all rows may be meant as one cell." if self.faults[index] == NOT_CLOSED else ""
                ),
            )
        if len(cells) != len(self.columns):
            few = len(cells) < len(self.columns)
            return _invalid_row(
                f"The row has {_count(len(cells), 'cell')}, and the header {_count(len(self.columns), 'column')}.",
                "Give it a cell for every column, with nothing in it where nothing is known."
                if few
                else "Put a cell with a separator in it into quotation marks, or take out what is too much.",
            )
        for at, cell in enumerate(cells):
            if not self.columns[at].path and not self.columns[at].is_left_aside and cell.strip():
                message = f'Column {at + 1} has no name, and this row has "{show(cell, 40)}" in it.'
                return _invalid_row(message, "Give the column a name in the first line, or empty its cells.")
        return None


def _count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"


def _invalid_row(message: str, cure: str) -> Problem:
    return Problem(path="", code="invalid_row", message=message, help=cure)


def open_table(raw: bytes, text: str) -> CsvTable | None:
    """The table that begins with this header; `text` is `raw` seen as Latin-1.

    None where the first line is too long for one. The separator is the one that makes known names of the header.
    """
    has_mark = raw.startswith(_MARK)
    start = _skip_blank_lines(text, 3 if has_mark else 0)
    separators = SEPARATORS
    if text[start : start + 4].lower() == "sep=" and text[start + 5 : start + 6] in ("\r", "\n"):
        # So Excel is told which separator there is.
        separators = tuple(sign for sign in SEPARATORS if sign == text[start + 4]) or SEPARATORS
        start = _skip_blank_lines(text, start + 5)
    tables = [_open_with(separator, raw, text, start, has_mark) for separator in separators]
    found = [table for table in tables if table is not None]
    return max(found, key=_rate, default=None)


def _rate(table: CsvTable) -> tuple[int, int]:
    return sum(is_known(column.path) for column in table.columns), len(table.columns)


def _open_with(separator: str, raw: bytes, text: str, start: int, has_mark: bool) -> CsvTable | None:
    line = 1 + count_lines(text, 0, start)
    row = next(list_rows(text[: start + MAX_HEADER_BYTES + 2], start, line, separator), None)
    if row is None or row.end - row.start > MAX_HEADER_BYTES:
        return None
    cells = read_cells(raw[row.start : row.end].decode("utf-8", "replace"), separator, MAX_COLUMNS + 1)
    if len(cells) > MAX_COLUMNS:
        return None
    behind = row.end + (2 if text.startswith("\r\n", row.end) else 1)
    line = row.line + count_lines(text, row.start, row.end) + 1
    return CsvTable(separator, cells, start=behind, line=line, has_mark=has_mark)


def _skip_blank_lines(text: str, at: int) -> int:
    while text[at : at + 1] in ("\r", "\n", " ") and at < len(text):
        at += 1
    return at


def check_header(table: CsvTable | None) -> None:
    """Raises Unreadable where the first line is no header."""
    if table is None:
        message = f"The first line has more than {MAX_COLUMNS:,} columns, or is longer than 256 KiB."
        raise Unreadable(Problem(path="", code="no_header", message=message, help=_HEADER_CURE))
    if table.knows_a_column:
        return
    meant = [(cell, path) for cell in table.header[:100] if (path := suggest(cell.strip())) is not None]
    hint = " ".join(f'"{show(cell, 40)}" is probably {path.rpartition(".")[2]}.' for cell, path in meant[:5])
    message = f'The first line of the CSV has no name that is known: "{show(table.separator.join(table.header))}".'
    raise Unreadable(Problem(path="", code="no_header", message=message, help=f"{_HEADER_CURE} {hint}".rstrip()))


_HEADER_CURE = "Begin with a line that names the columns, as in email,firstName,lastName."


def check_rows(table: CsvTable) -> None:
    """Raises Unreadable where there are no rows because line breaks got lost."""
    if not table.lines and any("@" in cell for cell in table.header):
        raise Unreadable(_ONE_LINE)


def check_breaks(raw: bytes, text: str) -> None:
    """The same where so much became one line that it is no header any more."""
    beginning = open_table(raw[:_GLIMPSE], text[:_GLIMPSE])
    if beginning is not None and beginning.knows_a_column and b"\n" not in raw.rstrip() and b"\r" not in raw.rstrip():
        raise Unreadable(_ONE_LINE)


_GLIMPSE = 2_000
_ONE_LINE = Problem(
    path="",
    code="no_header",
    message="The CSV is one single line, in which the header and the rows run into one another.",
    help="Keep the line breaks: curl does with --data-binary @people.csv, and does not with -d.",
)


def check_encoding(raw: bytes) -> None:
    """Raises Unreadable for what is not UTF-8. Looks at a piece after the other, so that it costs no memory."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(_not_utf8('The CSV is UTF-16, not UTF-8, as Excel saves "Unicode Text".'))
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(0, len(raw) + 1, _PIECE_BYTES):
        state = len(decoder.getstate()[0])
        try:
            decoder.decode(raw[at : at + _PIECE_BYTES], at + _PIECE_BYTES > len(raw))
        except UnicodeDecodeError as error:
            place = min(at - state + error.start, len(raw) - 1)
            line = count_lines(raw[:place].decode("latin-1"), 0, place) + 1
            raise Unreadable(
                _not_utf8(
                    f"The CSV is not UTF-8: the byte 0x{raw[place]:02X} in line {line} is a letter of another "
                    'encoding, probably Windows-1252, in which Excel saves "CSV (comma delimited)".'
                )
            ) from None


def _not_utf8(message: str) -> Problem:
    cure = 'Save it as UTF-8: in Excel as the file type "CSV UTF-8 (comma delimited)", elsewhere as encoding UTF-8.'
    return Problem(path="", code="not_utf8", message=message, help=cure)


def check_size(size_bytes: int) -> None:
    """Raises Unreadable for rows that become too much once the names of their columns stand beside their cells."""
    if size_bytes > MAX_WRITTEN_OUT_BYTES:
        message = "With the names of the columns beside every cell, the rows are more than 64 MiB."
        raise Unreadable(Problem(path="", code="too_many_items", message=message, help="Send several batches."))


def name_line(item: Item, line: int) -> Item:
    """The same with the line of the file in the messages, if it failed."""
    if item.failure is None:
        return item
    failure = item.failure
    problems = [replace(problem, message=_at(line, problem.message)) for problem in failure.errors]
    return replace(item, failure=replace(failure, detail=_at(line, failure.detail), errors=problems))


def _at(line: int, message: str) -> str:
    return f"Line {line}: {message}"


def describe(failure: Failure, place: str) -> str:
    """Why an item failed and what to do, on one line; `place` is said once, in the place of those in the messages."""
    said = [f"{problem.message.removeprefix(f'{place}: ')} {problem.help}" for problem in failure.errors]
    more = f" And {failure.more_errors} more." if failure.more_errors else ""
    reasons = " ".join(dict.fromkeys(said)) or failure.detail.removeprefix(f"{place}: ")
    return mask(f"{place}: {reasons}{more}")
