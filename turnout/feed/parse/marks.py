"""Problems and warnings at their places in a text: what a page marks, and the pieces that it cuts the text into."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from turnout.explained import explain
from turnout.feed.parse.fields import fold_name
from turnout.feed.parse.located import Located, Tree, locate
from turnout.feed.parse.notes import show_path
from turnout.feed.parse.paths import MAX_PATH_CHARACTERS, cut
from turnout.model.receipt import Problem, Warning

MarkKind: TypeAlias = Literal["problem", "warning"]
_OF_NAMES = ("unknown_field", "renamed_field")
"""Codes that are about how a thing is called, and not about what it holds."""
_OF_SECONDS = ("conflicting_values",)
"""Codes of what was given before, perhaps under the very same path."""


class Mark(msgspec.Struct, frozen=True):
    """One problem or warning at its place. Offsets count characters."""

    start: int
    end: int
    kind: MarkKind
    message: str
    help: str
    code: str
    path: str
    """As the problem has it, also where the place is that of what it is missing in."""


def mark(text: str, problems: Iterable[Problem], warnings: Iterable[Warning], tree: Tree | None = None) -> list[Mark]:
    """Where each belongs in the text, first things first; what is missing marks what it is missing in.

    `tree` is that of the text, where it was located already.
    """
    tree = tree or locate(text)
    places = _Places(text, tree)
    marks = [_mark(places, "problem", one) for one in problems] + [_mark(places, "warning", one) for one in warnings]
    return sorted(marks, key=lambda one: (one.start, -one.end, one.kind))


def _mark(places: "_Places", kind: MarkKind, noted: Problem | Warning) -> Mark:
    told = explain(noted)
    start, end = places.find(noted.path, noted.code)
    return Mark(start, end, kind, told.what, told.cure, noted.code, noted.path)


class _Places:
    """The nodes by their paths, as answers quote them."""

    def __init__(self, text: str, tree: Tree) -> None:
        self._text = text
        self._tree = tree
        self._nodes: dict[str, Located] = {}
        self._latest: dict[str, Located] = {}
        for node in tree.nodes:
            path = show_path(node.path)
            self._nodes.setdefault(path, node)
            self._latest[path] = node

    @cached_property
    def _spelled(self) -> dict[str, Located]:
        """By their paths without regard to spelling, the first one each."""
        return {_fold(node.path): node for node in reversed(self._tree.nodes)}

    def find(self, path: str, code: str) -> tuple[int, int]:
        if self._tree.breaks is not None and not path:
            return self._around_the_break(self._tree.breaks.offset)
        if code in _OF_SECONDS and path in self._latest:
            node, is_itself = self._latest[path], True
        else:
            node, is_itself = self._find_nearest(path)
        if node is None:
            return 0, len(self._text)
        if is_itself and code in _OF_NAMES and node.name_end > node.name_start:
            return node.name_start, node.name_end
        # A value of nothing, as forms have them, could not be seen.
        return (node.start, node.end) if node.end > node.start else (node.name_start, node.name_end)

    def _find_nearest(self, path: str) -> tuple[Located | None, bool]:
        """The node with this path, else what it would be in; the first place below it where it is flat."""
        node = self._nodes.get(path) or self._spelled.get(_fold(path))
        if node is not None:
            return node, True
        folded = _fold(path) + "."
        below = next((one for like, one in self._spelled.items() if like.startswith(folded)), None)
        if below is not None:
            return below, False
        for at in range(len(path) - 1, 0, -1):
            if path[at] in ".[":
                node = self._nodes.get(path[:at]) or self._spelled.get(_fold(path[:at]))
                if node is not None:
                    return node, False
        return self._nodes.get(""), False

    def _around_the_break(self, offset: int) -> tuple[int, int]:
        """From where the text breaks to the end of its line, at least one character where there is one."""
        text = self._text
        end = text.find("\n", offset)
        end = len(text) if end < 0 else end
        if end > offset:
            return offset, end
        return max(0, offset - 1), min(max(offset, 1), len(text))


def _fold(path: str) -> str:
    """`profile.customFields[0].fieldName` and `Profile.custom_fields.0.Field-Name` are one path."""
    if len(path) > MAX_PATH_CHARACTERS:
        return path
    return ".".join(fold_name(segment) for segment, _, _ in cut(path))


class Piece(msgspec.Struct, frozen=True):
    """Some of the text that is marked in one way."""

    text: str
    kind: MarkKind | None
    """None where nothing is marked; a problem beats a warning."""
    marks: tuple[int, ...] = ()
    """Which of the marks lie over it, by their places in the list."""
    begins: tuple[int, ...] = ()
    """Which of them begin here: the first piece of each, to be jumped to."""


def cut_up(text: str, marks: Sequence[Mark]) -> list[Piece]:
    """The whole text in pieces, so that no mark begins or ends within one. Joined they are the text."""
    edges = sorted({0, len(text)} | {edge for one in marks for edge in (one.start, one.end)})
    pieces = []
    for start, end in pairwise(edges):
        over = tuple(at for at, one in enumerate(marks) if one.start <= start and end <= one.end)
        begins = tuple(at for at in over if marks[at].start == start)
        kinds = {marks[at].kind for at in over}
        kind: MarkKind | None = "problem" if "problem" in kinds else "warning" if kinds else None
        pieces.append(Piece(text[start:end], kind, over, begins))
    return pieces
