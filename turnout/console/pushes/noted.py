"""Errors and warnings as a page tells them: what, where, what to do, and the place in the body."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from turnout.explained import Told, explain, find_explanation
from turnout.feed.parse.marks import Mark
from turnout.model.push import StoredPush
from turnout.model.receipt import Problem, Warning


class Note(msgspec.Struct, frozen=True):
    """One error or warning."""

    kind: Literal["problem", "warning"]
    told: Told
    mark: int | None = None
    """Which of the marks in the text it is."""


def list_notes(problems: Sequence[Problem], warnings: Sequence[Warning], *, shows: bool) -> list[Note]:
    """Without places. Messages may hold what was sent: `shows` is whether that may be seen."""
    wrong = [explain(one) for one in problems]
    odd = [explain(one) for one in warnings]
    if not shows:
        wrong = [_veil(one, _find_cure(one.code)) for one in wrong]
        # What a warning suggests is a name of ours.
        odd = [_veil(one, one.cure) for one in odd]
    return [Note("problem", one) for one in wrong] + [Note("warning", one) for one in odd]


def list_marked(marks: Sequence[Mark]) -> list[Note]:
    """Those of a text, in its order."""
    return [Note(one.kind, Told(one.code, one.message, one.path, one.help, ""), at) for at, one in enumerate(marks)]


def say_why(push: StoredPush, *, shows: bool) -> str:
    """Why it failed in one line, else how much was odd; who may not see what was sent is told path and code."""
    if push.failure is not None:
        if not push.failure.errors:
            return push.failure.detail if shows else push.failure.code
        first, more = push.failure.errors[0], len(push.failure.errors) + push.failure.more_errors - 1
        said = first.message if shows else f"{first.path} {first.code}".strip()
        return said + (f" And {more:,} more." if more else "")
    count = len(push.warnings) + push.more_warnings
    if count == 1:
        return push.warnings[0].message if shows and push.warnings else "1 warning"
    return f"{count:,} warnings" if count else ""


def _veil(told: Told, cure: str) -> Told:
    """The same without anything that was sent."""
    what = told.general or told.code.replace("_", " ")
    return Told(told.code, what.replace("`", ""), told.where, cure.replace("`", ""), told.general)


def _find_cure(code: str) -> str:
    found = find_explanation(code)
    return found[1].cure if found else ""
