"""A file's attendees one by one, each as a line of JSON, whatever form the file has."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from json import JSONDecodeError, JSONDecoder
from typing import BinaryIO, NoReturn

import msgspec

from turnout.errors import MalformedBody
from turnout.feed.batch.csv.cells import count_lines
from turnout.feed.batch.csv.table import CSV, CsvTable, Unreadable, check_encoding, check_header, check_rows, open_table
from turnout.feed.by_hand.hand_in import MAX_TOGETHER
from turnout.feed.parse.body import Json, Number, write_json
from turnout.feed.parse.fields import LONGEST_NAME, fold_name
from turnout.feed.parse.slips import explain, explain_rest
from turnout.model.receipt import Problem

MAX_CHUNK_BYTES = 4 << 20
"""Of the items sent together, well below what a gateway takes at once."""


LINES = "application/x-ndjson"
_MARK = b"\xef\xbb\xbf"


class Sheet(msgspec.Struct, frozen=True):
    """What all rows of a CSV share."""

    table: CsvTable
    head: bytes
    """Everything before the first row."""


class FileItem(msgspec.Struct, frozen=True):
    """One attendee of the file."""

    index: int
    """Counted from 0."""
    line: int | None
    """In NDJSON and CSV: counted from 1."""
    raw: bytes
    """Without a line break at its end."""
    sheet: Sheet | None = None
    """Of CSV."""

    @property
    def size_bytes(self) -> int:
        """About what it is as JSON."""
        return len(self.raw) if self.sheet is None else self.sheet.table.size_bytes(len(self.raw))

    @property
    def place(self) -> str:
        return f"Item {self.index}" if self.line is None else f"Line {self.line}"


class Items:
    """The attendees in the order of the file."""

    def __init__(
        self, read: Callable[[], Iterator[FileItem]], *, sheet: Sheet | None = None, size_bytes: int | None = None
    ) -> None:
        self._read = read
        self.sheet = sheet
        self.size_bytes = size_bytes
        """Of the file, where it had to be read to its end."""

    def __iter__(self) -> Iterator[FileItem]:
        return self._read()

    def chunks(self) -> Iterator[list[FileItem]]:
        """As many as travel well together."""
        chunk: list[FileItem] = []
        size = 0
        for item in self:
            if chunk and (len(chunk) == MAX_TOGETHER or size + item.size_bytes > MAX_CHUNK_BYTES):
                yield chunk
                chunk, size = [], 0
            chunk.append(item)
            size += item.size_bytes
        if chunk:
            yield chunk


def write_batch(chunk: Sequence[FileItem]) -> tuple[bytes, str]:
    """The items as the body of a batch, and its type: NDJSON, or CSV in which every row has the line of its file."""
    sheet = chunk[0].sheet
    if sheet is None:
        return b"\n".join(item.raw for item in chunk), LINES
    pieces = [sheet.head]
    line = sheet.table.line
    for item in chunk:
        assert item.line is not None
        pieces += [b"\n" * (item.line - line), item.raw, b"\n"]
        line = item.line + count_lines(item.raw.decode("latin-1"), 0, len(item.raw)) + 1
    return b"".join(pieces), CSV


def open_items(file: BinaryIO) -> Items:
    """The attendees of a file; NDJSON is read as it is sent, anything else at once. Raises MalformedBody."""
    blank_lines = 0
    head = file.readline()
    mark = _MARK if head.startswith(_MARK) else b""
    head = head.removeprefix(_MARK)
    while head and not head.strip():
        blank_lines += 1
        head = file.readline()
    if not head:
        raise _unreadable(
            "empty_body", "The file is empty.", "Give it attendees as JSON or CSV, or a file that has some."
        )
    start = head.lstrip()[:1]
    if start == b"{" and _is_line(head):
        return Items(lambda: _read_lines(chain([head], file), blank_lines + 1))
    if start not in b"{[":
        is_named = str(getattr(file, "name", "")).lower().endswith((".csv", ".tsv"))
        return _open_csv(b"".join((mark, b"\n" * blank_lines, head, file.read())), is_named=is_named)
    rest = file.read()
    if start == b"{" and rest.lstrip()[:1] == b"{":
        # A spoiled first line fails alone where others follow.
        return Items(lambda: _read_lines(chain([head], rest.splitlines(keepends=True)), blank_lines + 1))
    text = _decode(head + rest)
    places = _find_places(text)
    return Items(lambda: _read_places(text, places), size_bytes=len(head) + len(rest))


def _open_csv(raw: bytes, *, is_named: bool) -> Items:
    """The rows of a CSV. `is_named` says that its name says so. Raises MalformedBody."""
    text = raw.decode("latin-1")
    try:
        table = open_table(raw, text)
        if not is_named and (table is None or not table.knows_a_column) and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            raise _unreadable(
                "not_json",
                "The file begins neither like JSON nor with a line that names a known column, as CSV does.",
                'Give it one JSON object, an array, {"attendees": […]}, NDJSON, or CSV with a header, in UTF-8.',
            )
        check_encoding(raw)
        check_header(table)
        assert table is not None
        if next(table.list_rows(text), None) is None:
            check_rows(table)
    except Unreadable as error:
        raise _slip(error.problem) from None
    sheet = Sheet(table, raw[: table.start])

    def read() -> Iterator[FileItem]:
        for index, row in enumerate(table.list_rows(text)):
            yield FileItem(index, row.line, raw[row.start : row.end], sheet)

    return Items(read, sheet=sheet, size_bytes=len(raw))


def _is_line(line: bytes) -> bool:
    """Whether this is an attendee on a line of its own."""
    try:
        text = line.decode()
        value, end = _decoder.raw_decode(text, _skip_space(text, 0))
    except (ValueError, RecursionError):
        return False
    return not text[end:].strip() and type(value) is tuple and not any(_is_attendees(name) for name, _ in value)


def _is_attendees(name: object) -> bool:
    return isinstance(name, str) and len(name) <= LONGEST_NAME and fold_name(name) == "attendees"


def _read_lines(lines: Iterator[bytes], first: int) -> Iterator[FileItem]:
    index = 0
    for number, line in enumerate(lines, first):
        raw = line.strip()
        if raw:
            yield FileItem(index, number, raw)
            index += 1


def _find_places(text: str) -> list[int]:
    """Where each attendee begins in an array, in `{"attendees": […]}`, or in the one object. Raises MalformedBody."""
    at = _skip_space(text, 0)
    if text[at] == "[":
        places, end = _walk_array(text, at)
    else:
        end, root = _read_value(text, at)
        places = [at]
        if isinstance(root, tuple) and any(_is_attendees(name) and isinstance(inner, list) for name, inner in root):
            places, end = _walk_object(text, at)
    if text[end:].strip():
        raise _slip(explain_rest(text, _skip_space(text, end)))
    return places


def _walk_object(text: str, at: int) -> tuple[list[int], int]:
    """The places in the list of attendees of an object that was found good, and where the object ends."""
    places: list[int] = []
    at = _skip_space(text, at + 1)
    while text[at] != "}":
        at, name = _read_value(text, at)
        at = _skip_space(text, _skip_space(text, at) + 1)
        if _is_attendees(name) and text[at] == "[":
            found, at = _walk_array(text, at)
            places += found
        else:
            at, _ = _read_value(text, at)
        at = _skip_space(text, at)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return places, at + 1


def _walk_array(text: str, at: int) -> tuple[list[int], int]:
    places: list[int] = []
    at = _skip_space(text, at + 1)
    if text[at : at + 1] == "]":
        return places, at + 1
    while True:
        places.append(at)
        at = _skip_space(text, _read_value(text, at)[0])
        if text[at : at + 1] == "]":
            return places, at + 1
        if text[at : at + 1] != ",":
            raise _slip(explain(text, JSONDecodeError("Expecting ',' delimiter", text, at)))
        at = _skip_space(text, at + 1)


def _read_places(text: str, places: list[int]) -> Iterator[FileItem]:
    for index, at in enumerate(places):
        _, value = _read_value(text, at)
        yield FileItem(index, None, write_json(value).encode())


def _read_value(text: str, at: int) -> tuple[int, Json]:
    """Where the value that begins here ends, and the value. Raises MalformedBody."""
    try:
        value, end = _decoder.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise _slip(explain(text, error)) from error
    return end, value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# As `feed/body.py` reads: duplicates and the text of numbers stay.
_decoder = JSONDecoder(
    object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, strict=False
)


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


_SPACE = re.compile(r"[ \t\r\n]+")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(
            "not_utf8",
            f"The file is not UTF-8: the byte 0x{raw[error.start]:02X} in line {line} is of another encoding.",
            "Save it as UTF-8.",
        ) from error


def _unreadable(code: str, message: str, cure: str) -> MalformedBody:
    return _slip(Problem(path="", code=code, message=message, help=cure))


def _slip(problem: Problem) -> MalformedBody:
    return MalformedBody(f"{problem.message} {problem.help}", [problem])
