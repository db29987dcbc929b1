"""A body as a page shows it: laid out, what is wrong marked in it, and no more of it than a browser likes."""

import re
from collections.abc import Iterator

import msgspec

from turnout.feed.parse.located import locate
from turnout.feed.parse.marks import Mark, Piece, cut_up, mark
from turnout.model.receipt import Problem, Warning

MAX_SHOWN = 150_000
"""Characters of one text on a page."""
_BEFORE = 20_000
"""Of them before the first mark, where the text is longer."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_LINE_START = re.compile(r"(\n[ \t\r\n]*)")


class MarkedText(msgspec.Struct, frozen=True):
    """A text in pieces, each marked in one way."""

    pieces: list[Piece]
    marks: list[Mark]
    left_before: int
    left_behind: int
    """Characters that are not shown."""

    @property
    def placed(self) -> frozenset[int]:
        """Which of the marks can be seen in it."""
        return frozenset(at for piece in self.pieces for at in piece.begins)


def mark_body(body: str, problems: list[Problem], warnings: list[Warning]) -> MarkedText:
    """A stored body; where it is JSON on one line, laid out for people."""
    laid_out = lay_out_body(body)
    return mark_text(laid_out, mark(laid_out, problems, warnings))


def mark_text(text: str, marks: list[Mark]) -> MarkedText:
    """The text as it is, or the part of it that the first mark is in."""
    first = min((one.start for one in marks), default=0)
    start = 0 if len(text) <= MAX_SHOWN or first < MAX_SHOWN else first - _BEFORE
    end = min(len(text), start + MAX_SHOWN)
    shifted = [
        msgspec.structs.replace(
            one, start=min(max(one.start - start, 0), end - start), end=min(max(one.end - start, 0), end - start)
        )
        for one in marks
    ]
    pieces = [line for piece in cut_up(text[start:end], shifted) for line in _split(piece)]
    return MarkedText(pieces, marks, start, len(text) - end)


def _split(piece: Piece) -> Iterator[Piece]:
    """Line by line where it is marked: the space that a line begins with is not what is wrong."""
    if piece.kind is None:
        yield piece
        return
    begins = piece.begins
    for part in _LINE_START.split(piece.text):
        if part.isspace():
            yield Piece(part, None)
        elif part:
            yield msgspec.structs.replace(piece, text=part, begins=begins)
            begins = ()
    if begins:
        # Nothing but space is marked.
        yield msgspec.structs.replace(piece, text="", begins=begins)


def lay_out_body(body: str) -> str:
    """A body laid out for people where it is JSON, on one line, and can be read; else as it is."""
    tree = locate(body)
    return lay_out(body) if tree.breaks is None and tree.content_type is None else body


def lay_out(text: str) -> str:
    """JSON on one line, on many: every sign of it as it came, but for the space between them."""
    if "\n" in text.strip():
        return text
    written: list[str] = []
    depth, previous = 0, ""
    for token in _TOKEN.findall(text):
        closes = token in ("}", "]")
        depth -= closes
        if (closes and previous not in ("{", "[")) or (not closes and previous in ("{", "[", ",")):
            written.append("\n" + "  " * depth)
        elif previous == ":":
            written.append(" ")
        written.append(token)
        depth += token in ("{", "[")
        previous = token
    return "".join(written)
