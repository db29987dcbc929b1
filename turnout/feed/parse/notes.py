"""What is found while a push is read: problems and warnings, gathered so that the sender sees them all (D3)."""

import re

from msgspec import UNSET

from turnout.feed.parse.redact import show
from turnout.model.receipt import Problem, Warning

LONGEST_PATH = 300
"""Of a path in an answer; a longer one is cut."""


class Notes:
    """The problems and warnings of one push, in the order in which they were found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Warning] = []

    def problem(self, path: str, code: str, message: str, cure: str) -> None:
        self.problems.append(Problem(path=show_path(path), code=code, message=message, help=cure))

    def warn(
        self, path: str, code: str, message: str, suggestion: str | None = None, *, instead_of: int | None = None
    ) -> None:
        """`instead_of` is the place of an earlier warning that this one puts right."""
        warning = Warning(show_path(path), code, message, UNSET if suggestion is None else suggestion)
        if instead_of is None:
            self.warnings.append(warning)
        else:
            self.warnings[instead_of] = warning


def show_path(path: str) -> str:
    """A path as an answer and a message quote it."""
    return path if len(path) <= LONGEST_PATH and path.isprintable() else show(path, LONGEST_PATH)


def find_odd_character(text: str) -> str | None:
    """What of B6 a text holds, in words: U+0000, or half of a character."""
    match = _ODD.search(text)
    if match is None:
        return None
    return "U+0000" if match[0] == "\0" else f"half a character (a lone surrogate, U+{ord(match[0]):04X})"


_ODD = re.compile("[\0\ud800-\udfff]")
