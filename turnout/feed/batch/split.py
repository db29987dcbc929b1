"""Many pushes in one request, opened one by one: JSON array, `{"attendees": […]}`, NDJSON, CSV (E1, E3)."""

import re
from collections.abc import Iterator
from contextlib import suppress
from json import JSONDecodeError

from msgspec.structs import replace

from turnout.feed.batch.csv.table import (
    CsvTable,
    Unreadable,
    check_breaks,
    check_encoding,
    check_header,
    check_rows,
    check_size,
    is_csv,
    open_table,
)
from turnout.feed.parse.body import EMPTY, Body, Json, decode, decode_any, read_json, read_key, redact
from turnout.feed.parse.fields import LONGEST_NAME, fold_name, is_key_name
from turnout.feed.parse.slips import explain, explain_rest, move
from turnout.model.receipt import Problem

MAX_ITEMS = 10_000
MAX_ITEM_BYTES = 1024 * 1024
"""Of one item, as of a body of its own (B6)."""
MAX_KEPT_CHARACTERS = 64 * 1024
"""How much of a batch that cannot be read is kept."""
KEY_SIGHT_BYTES = 1024 * 1024
"""How far into a batch a key is looked for (E3)."""
GLIMPSE_BYTES = 16 * 1024
GLIMPSE_ITEMS = 500
"""How much of a batch is looked at where there is no turn to read it."""


class Batch:
    """The items of a batch as places in its bytes; each is decoded when its turn comes."""

    def __init__(
        self,
        raw: bytes,
        places: list[tuple[int, int]],
        keys: tuple[str, ...] = (),
        problems: tuple[Problem, ...] = (),
        table: CsvTable | None = None,
    ) -> None:
        self._raw = raw
        self._places = places
        self.keys = keys
        """The keys at the root of the object form, each once (A2, E3)."""
        self.problems = problems
        """Why the batch as a whole cannot be read; empty when it can."""
        self.table = table
        """Of CSV: how its rows are read."""
        self._counted = (0, 0)
        """A place and the line ends before it: as far as they have been counted."""

    def __len__(self) -> int:
        return len(self._places)

    def size_bytes(self, index: int) -> int:
        """Of an item; of a row of CSV about what it has as JSON."""
        start, end = self._places[index]
        return end - start if self.table is None else self.table.size_bytes(end - start)

    def line(self, index: int) -> int | None:
        """Of CSV: the line of the file in which the row begins, from 1."""
        return None if self.table is None else self.table.lines[index]

    def items(self) -> Iterator[Body]:
        """Every item in order, as a body of its own; what is no object has its own problems."""
        return map(self.item, range(len(self._places)))

    def raw_item(self, index: int) -> bytes:
        """The item as it was sent; not even its beginning where it is too large."""
        start, end = self._places[index]
        return b"" if end - start > MAX_ITEM_BYTES else self._raw[start:end]

    def item(self, index: int, *, in_full: bool = False) -> Body:
        """The item as a body; with `in_full` never in short, so that every member can be looked at."""
        start, end = self._places[index]
        if end - start > MAX_ITEM_BYTES:
            return Body(object=None, text="", problems=(_item_too_large(index),))
        if self.table is not None:
            return self.table.read(index, self._raw[start:end])
        body = (decode_any if in_full else decode)(self._raw[start:end], None)
        return body if not body.problems else replace(body, problems=(self._as_of_item(body.problems[0], start),))

    def _as_of_item(self, problem: Problem, start: int) -> Problem:
        """The problem of an item that begins here, with its place in the batch, and with a cure that fits a batch."""
        if problem.code in ("invalid_json", "several_objects", "not_utf8"):
            counted, lines = self._counted if self._counted[0] <= start else (0, 0)
            lines += self._raw.count(b"\n", counted, start)
            self._counted = (start, lines)
            # Of items only lines have problems with a column, and before those stands nothing but white space.
            indent = self._raw[max(0, start - _LONGEST_INDENT) : start].rpartition(b"\n")[2].removeprefix(_MARK)
            problem = move(problem, lines, len(indent))
        return _for_batch(problem)

    def item_keys(self) -> Iterator[str]:
        """The keys in the items of the first MiB, each once; without a better one, one of these must be good (E3)."""
        seen: set[str] = set()
        for index, (_, end) in enumerate(self._places):
            if end > KEY_SIGHT_BYTES:
                return
            for key in self.item(index).keys:
                if key not in seen:
                    seen.add(key)
                    yield key

    @property
    def text(self) -> str:
        """The beginning of the batch as it may be stored, for one that cannot be read."""
        beginning = self._raw[: 5 * MAX_KEPT_CHARACTERS].decode("utf-8", "backslashreplace")
        # A key across the cut must not leave its first half, so the cut comes after the blanking.
        return redact(beginning).replace("\0", "\\u0000")[:MAX_KEPT_CHARACTERS]


_MARK = b"\xef\xbb\xbf"
"""The byte order mark, which no editor counts as a column."""
_LONGEST_INDENT = 1_000


def split(raw: bytes, content_type: str | None) -> Batch:
    """A batch taken apart in one pass, at most one item of it in memory as objects. Raises nothing.

    In an array or object a slip makes the whole batch unreadable, because nobody can say where the next item begins.
    A line of NDJSON that is not JSON fails alone, and so does a row of CSV.
    """
    places: list[tuple[int, int]] = []
    keys: dict[str, None] = {}
    try:
        table = _take_apart(raw, content_type, places, keys)
    except Unreadable as error:
        return Batch(raw, [], problems=(error.problem,))
    return Batch(raw, places, tuple(keys), table=table)


def glimpse(raw: bytes, content_type: str | None) -> tuple[Batch, bool]:
    """The beginning of a batch, with the keys at its root that stand there, and whether that is all of it.

    It costs about as much as to read a push. Raises nothing.
    """
    beginning = raw if len(raw) <= GLIMPSE_BYTES else _PART_OF_LETTER.sub(b"", raw[:GLIMPSE_BYTES])
    places: list[tuple[int, int]] = []
    keys: dict[str, None] = {}
    table = None
    with suppress(Unreadable):
        table = _take_apart(beginning, content_type, places, keys)
    is_all = len(raw) <= GLIMPSE_BYTES and len(places) <= GLIMPSE_ITEMS
    return Batch(beginning, places[:GLIMPSE_ITEMS], tuple(keys), table=table), is_all


_PART_OF_LETTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,2}\Z")
"""The last letter, where it may have been cut."""


def _take_apart(
    raw: bytes, content_type: str | None, places: list[tuple[int, int]], keys: dict[str, None]
) -> CsvTable | None:
    """Adds the places of the items, and the keys at the root; gives the table of CSV.

    Raises Unreadable, with what has been found by then.
    """
    # Seen as Latin-1 a character is a byte, and what JSON is made of is ASCII: one byte each, at the same places.
    text = raw.decode("latin-1")
    start = _skip_space(text, 3 if raw.startswith(_MARK) else 0)
    first = text[start : start + 1]
    if not first:
        raise Unreadable(EMPTY)
    if _is_lines(content_type) or (first == "{" and _is_first_line_of_many(text, start)):
        _split_lines(text, start, places)
    elif first == "[":
        _expect_end(text, _split_array(text, start, places))
    elif first == "{":
        _split_object(text, start, places, keys)
    else:
        return _split_rows(raw, text, content_type, places)
    return None


def _split_rows(raw: bytes, text: str, content_type: str | None, places: list[tuple[int, int]]) -> CsvTable:
    """Adds the places of a CSV's rows (E1). Raises Unreadable."""
    if _FORM.match(text):
        raise Unreadable(_MULTIPART)
    table = open_table(raw, text)
    if table is None or not table.knows_a_column:
        if raw[:2] in _MARKS_OF_UTF16:
            check_encoding(raw)
        check_breaks(raw, text)
        if not is_csv(content_type):
            raise Unreadable(
                _no_batch("The body begins neither like JSON nor with a line that names a known column, as CSV does.")
            )
        check_encoding(raw)
        check_header(table)
    assert table is not None
    found: list[tuple[int, int]] = []
    size_bytes = 0
    for row in table.list_rows(text):
        _add(found, row.start, row.end)
        table.add(row)
        size_bytes += table.size_bytes(row.end - row.start)
    check_encoding(raw)
    check_rows(table)
    check_size(size_bytes)
    places += found
    return table


_FORM = re.compile(r"\s*--[^\r\n]{1,200}\r?\n(?:[\w-]+:[^\r\n]*\r?\n){0,9}?content-disposition:", re.IGNORECASE)
"""How a multipart form begins."""
_MULTIPART = Problem(
    path="",
    code="not_a_batch",
    message="The body is a multipart form, as curl sends it with -F; a batch is the file itself.",
    help="Send the file as the body: curl does with --data-binary @people.csv -H 'Content-Type: text/csv'.",
)
_MARKS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def _is_lines(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() in _LINE_TYPES


_LINE_TYPES = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
    "application/x-jsonl",
)


def _is_first_line_of_many(text: str, start: int) -> bool:
    """Whether NDJSON begins here: the first line is an object of its own, but not one that holds attendees."""
    for _ in range(MAX_ITEMS):
        end = text.find("\n", start)
        line = text[start : len(text) if end < 0 else end]
        if len(line) > MAX_ITEM_BYTES:
            return False
        try:
            value, length = read_json(line)
        except (ValueError, RecursionError):
            # A spoiled first line fails alone, if the next one is an object: then these are lines (E1).
            start = len(text) if end < 0 else _skip_space(text, end)
            if text[start : start + 1] != "{":
                return False
            continue
        return (
            not line[length:].strip(" \t\r")
            and type(value) is tuple
            and not any(_is_attendees(name) for name, _ in value)
        )
    return False


def _split_lines(text: str, at: int, places: list[tuple[int, int]]) -> None:
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        start = _skip_space(text, at)
        if start < end:
            _add(places, start, end)
        at = max(start, end) if start > end else end + 1


def _split_array(text: str, at: int, places: list[tuple[int, int]]) -> int:
    """Adds the places of an array's items, and gives where it ends; `at` is its bracket."""
    at = _skip_space(text, at + 1)
    if text[at : at + 1] == "]":
        return at + 1
    while True:
        end, _ = _read_value(text, at, len(places))
        _add(places, at, end)
        at = _skip_space(text, end)
        if text[at : at + 1] == "]":
            return at + 1
        at = _skip_space(text, _expect(text, at, ","))


def _split_object(text: str, at: int, places: list[tuple[int, int]], keys: dict[str, None]) -> None:
    """The items of the object form and the keys at its root. What else stands at the root says nothing of anybody."""
    is_found = is_behind_comma = False
    at = _skip_space(text, at + 1)
    while is_behind_comma or text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise _slip(text, JSONDecodeError("Expecting property name", text, at))
        start = at
        end, name = _read_value(text, at, None)
        at = _skip_space(text, _expect(text, _skip_space(text, end), ":"))
        if _is_attendees(name) and text[at : at + 1] == "[":
            if is_found:
                raise Unreadable(_no_batch("The list attendees is given twice."))
            is_found = True
            end = _split_array(text, at, places)
        else:
            end, value = _read_value(text, at, None)
            if is_key_name(str(name)) and start < KEY_SIGHT_BYTES and (key := read_key(value)):
                keys[key] = None
        at = _skip_space(text, end)
        if text[at : at + 1] == "}":
            break
        at = _skip_space(text, _expect(text, at, ","))
        is_behind_comma = True
    _expect_end(text, at + 1)
    if not is_found:
        raise Unreadable(_no_batch('The body is one object without a list "attendees".'))


def _is_attendees(name: Json) -> bool:
    return isinstance(name, str) and len(name) <= LONGEST_NAME and fold_name(name) == "attendees"


def _add(places: list[tuple[int, int]], start: int, end: int) -> None:
    if len(places) == MAX_ITEMS:
        message = f"The batch has more than {MAX_ITEMS:,} items."
        raise Unreadable(Problem(path="", code="too_many_items", message=message, help="Send several batches."))
    places.append((start, end))


def _read_value(text: str, at: int, index: int | None) -> tuple[int, Json]:
    """Where the value that begins here ends, and the value; read in a window that grows to the size of an item.

    `index` is the item's; None for what stands at the root.
    """
    for size in _WINDOWS:
        window = text[at : at + size]
        is_last = at + size >= len(text)
        try:
            value, length = read_json(window)
        except RecursionError as error:
            raise _slip(text, error) from error
        except ValueError as error:
            if size < MAX_ITEM_BYTES and not is_last:
                continue
            raise _give_up(text, at, len(window), error, index, is_last=is_last) from error
        # A number at the edge of the window may go on behind it.
        if length < len(window) or is_last:
            return at + length, value
    raise Unreadable(_item_too_large(index))


_WINDOWS = (4 * 1024, 64 * 1024, MAX_ITEM_BYTES)


def _give_up(text: str, at: int, size: int, error: ValueError, index: int | None, *, is_last: bool) -> Unreadable:
    """The error of a value that cannot be read: a slip in it, or the window ended before it did."""
    if not isinstance(error, JSONDecodeError):
        return Unreadable(explain(text[at : at + size], error, bytewise=True))
    if not is_last and (error.pos >= size - 20 or error.msg.startswith("Unterminated")):
        return Unreadable(_item_too_large(index))
    return _slip(text, JSONDecodeError(error.msg, text, at + error.pos))


def _expect(text: str, at: int, sign: str) -> int:
    """The place behind this sign."""
    if text[at : at + 1] != sign:
        raise _slip(text, JSONDecodeError(f"Expecting '{sign}' delimiter", text, at))
    return at + 1


def _expect_end(text: str, at: int) -> None:
    at = _skip_space(text, at)
    if at < len(text):
        raise Unreadable(explain_rest(text, at, bytewise=True))


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


_SPACE = re.compile(r"[ \t\r\n]+")


def _slip(text: str, error: ValueError | RecursionError) -> Unreadable:
    return Unreadable(explain(text, error, bytewise=True))


def _no_batch(what: str) -> Problem:
    cure = 'Send a JSON array of attendees, {"attendees": […]}, one JSON object a line (NDJSON), or CSV with a header.'
    return Problem(path="", code="not_a_batch", message=what, help=cure)


def _item_too_large(index: int | None) -> Problem:
    what = "A value in the batch" if index is None else f"Item {index} of the batch"
    return Problem(
        path="", code="item_too_large", message=f"{what} is larger than 1 MiB.", help="Send less of one attendee."
    )


def _for_batch(problem: Problem) -> Problem:
    """The same with a cure that fits a batch, where the one for single pushes would point to the batch endpoint."""
    if problem.code not in ("not_an_object", "several_objects"):
        return problem
    cure = 'Each item is one object, as in {"profile": {"email": "john.doe@example.com"}}; in NDJSON one a line.'
    return replace(problem, help=cure)
