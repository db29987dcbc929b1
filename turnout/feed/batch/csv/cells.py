"""The signs a CSV is made of (RFC 4180): where its rows end, which cells they have, and how cells are written. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

SEPARATORS = (",", ";", "\t")
WINDOW = 1024 * 1024
"""How much is looked at in one go: as much as an item may have (B6)."""

NOT_CLOSED = "the quotation mark that opens a cell is not closed"
STRAY = "a cell goes on behind its closing quotation mark"


class Row(NamedTuple):
    """A row as a place in the text."""

    start: int
    end: int
    """Without its line break."""
    line: int
    """In which it begins, from 1."""
    fault: str
    """What is wrong with its quotation marks; empty where nothing is."""


def list_rows(text: str, at: int, line: int, separator: str) -> Iterator[Row]:
    """The rows from here on that say anything, in time that grows with the text. `line` is that of the place.

    A quotation mark that is not closed would swallow all rows behind it. Such a row ends with its line, and until
    where it would have ended, nothing with a stray quotation mark counts as good.
    """
    signs = _signs(separator)
    doubtful_until = 0
    while True:
        while blank := signs.blank_lines.match(text, at, min(at + WINDOW, len(text))):
            line += count_lines(text, at, blank.end())
            at = blank.end()
        if at >= len(text):
            return
        end, fault, swallowed_until = _find_end(text, at, signs)
        if not fault and at < doubtful_until and _has_stray_mark(text, at, end, signs):
            fault = NOT_CLOSED
        doubtful_until = max(doubtful_until, swallowed_until)
        if fault or not signs.blank.fullmatch(text, at, end):
            yield Row(at, end, line, fault)
        line += count_lines(text, at, end) + 1
        at = end + (2 if text.startswith("\r\n", end) else 1)


def _find_end(text: str, at: int, signs: "_Signs") -> tuple[int, str, int]:
    """Where the row that begins here ends, what is wrong with it, and where that would have ended."""
    window = min(at + WINDOW, len(text))
    plain = _NO_MARK.match(text, at, window)
    end = at if plain is None else plain.end()
    if end < window and text[end] == '"':
        row = signs.row.match(text, at, window)
        if row is None:
            return _find_fault(text, at, window, signs)
        end = row.end()
    return _find_line_end(text, end), "", 0


_NO_MARK = re.compile(r'[^\r\n"]*+')


def _find_fault(text: str, at: int, window: int, signs: "_Signs") -> tuple[int, str, int]:
    """The same for a row in which a quotation mark is missing, or one too many."""
    fault = NOT_CLOSED
    while cell := signs.cell.match(text, at, window):
        if cell["quoted"] is not None and (not cell["close"] or cell["rest"].strip(" ")):
            fault = STRAY if cell["close"] else NOT_CLOSED
            end = _find_line_end(text, at)
            if end < cell.end("quoted"):
                return end, NOT_CLOSED, cell.end()
        at = cell.end()
        if cell["end"] in ("\r\n", "\r", "\n", ""):
            return _find_line_end(text, cell.start("end")), fault, 0
    return _find_line_end(text, at), fault, 0


def _find_line_end(text: str, at: int) -> int:
    """The end of the line that this place is in."""
    if text[at : at + 1] in _LINE_ENDS:
        return at
    found = _LINE_END.search(text, at)
    return found.start() if found else len(text)


_LINE_ENDS = ("\r", "\n", "")
_LINE_END = re.compile(r"[\r\n]")


def _has_stray_mark(text: str, at: int, end: int, signs: "_Signs") -> bool:
    """Whether a quotation mark stands within a cell that does not begin with one."""
    while cell := signs.cell.match(text, at, end):
        if '"' in (cell["plain"] or ""):
            return True
        at = cell.end()
        if cell["end"] in _LINE_ENDS:
            return False
    return False


def count_lines(text: str, start: int, end: int) -> int:
    """The line breaks in a part of a text that does not begin in the midst of one."""
    breaks = text.count("\n", start, end) + text.count("\r", start, end) - text.count("\r\n", start, end)
    return breaks - (text[end - 1 : end] == "\r" and text[end : end + 1] == "\n" and end > start)


def read_cells(row: str, separator: str, most: int | None = None) -> list[str]:
    """The cells of a row as they were meant; where its quotation marks are wrong, as they stand."""
    cells: list[str] = []
    at = 0
    cell = _signs(separator).cell
    while match := cell.match(row, at):
        if match["plain"] is not None:
            cells.append(match["plain"])
        elif match["close"]:
            cells.append(match["quoted"].replace('""', '"') + match["rest"].rstrip(" "))
        else:
            cells.append(match[0][: len(match[0]) - len(match["end"])])
        if match["end"] != separator or len(cells) == most:
            break
        at = match.end()
    return cells


def write_row(cells: list[str], separator: str) -> str:
    """A row with its line break; cells in quotation marks where they have to be."""
    needs_marks = _signs(separator).needs_marks
    quoted = ('"' + cell.replace('"', '""') + '"' if needs_marks.search(cell) else cell for cell in cells)
    return separator.join(quoted) + "\r\n"


def disarm(cell: str) -> str:
    """The cell with an apostrophe before it, if a spreadsheet would take it for a formula; `rearm` takes that away."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def rearm(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


_FORMULA = re.compile(r"'*+[=+\-@＝＋－＠\t\r\n]")
"""A beginning that spreadsheets obey, or one that was disarmed, which counts too so that no cell is rearmed twice."""


class _Signs(NamedTuple):
    row: re.Pattern[str]
    """A row whose quotation marks are in order, up to its line break."""
    cell: re.Pattern[str]
    blank: re.Pattern[str]
    blank_lines: re.Pattern[str]
    needs_marks: re.Pattern[str]


@lru_cache(maxsize=len(SEPARATORS))
def _signs(separator: str) -> _Signs:
    # Every repetition is possessive: no text is looked at twice.
    good = rf' *+"[^"]*+(?:""[^"]*+)*+" *+(?=[{separator}\r\n]|\Z)|(?! *+")[^{separator}\r\n]*+'
    nothing = rf'(?:[ \t{separator}]++|""(?!"))*+'
    return _Signs(
        row=re.compile(rf"(?:{good})(?:{separator}(?:{good}))*+(?=[\r\n]|\Z)"),
        cell=re.compile(
            rf'(?: *+"(?P<quoted>[^"]*+(?:""[^"]*+)*+)(?P<close>"?)(?P<rest>[^{separator}\r\n]*+)'
            rf"|(?P<plain>[^{separator}\r\n]*+))(?P<end>{separator}|\r\n?|\n|\Z)"
        ),
        blank=re.compile(nothing),
        blank_lines=re.compile(rf"(?:{nothing}(?:\r\n?|\n))++"),
        needs_marks=re.compile(rf'["\r\n{separator}]|\A[ \t]|[ \t]\Z'),
    )
