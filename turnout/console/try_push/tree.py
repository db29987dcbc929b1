"""How a body is understood, as a tree that can be folded."""

from collections.abc import Sequence

import msgspec

from turnout.feed.parse.located import Located, Tree
from turnout.feed.parse.marks import Mark, MarkKind

MAX_BRANCHES = 1_000
"""Of one tree on a page."""
MAX_VALUE = 200
"""Characters of one value."""


class Branch(msgspec.Struct):
    """One name or value, and what is in it."""

    name: str
    kind: str
    value: str
    kind_of_mark: MarkKind | None = None
    mark: int | None = None
    below: list["Branch"] = []


def grow(tree: Tree, marks: Sequence[Mark]) -> tuple[list[Branch], int]:
    """The first so many, and how many there are besides."""
    by_place = {(one.start, one.end): at for at, one in reversed(list(enumerate(marks)))}
    trunk: list[Branch] = []
    above: list[Branch] = []
    for node in tree.nodes[:MAX_BRANCHES]:
        at = by_place.get((node.start, node.end), by_place.get((node.name_start, node.name_end)))
        branch = Branch(_printable(node.name), node.kind, _show(node), None if at is None else marks[at].kind, at)
        del above[node.depth :]
        (above[-1].below if above else trunk).append(branch)
        above.append(branch)
    return trunk, max(0, len(tree.nodes) - MAX_BRANCHES)


def _show(node: Located) -> str:
    if node.value is None:
        return "null" if node.kind == "null" else ""
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    return _printable(node.value)


def _printable(text: str) -> str:
    """Not too long, and without half of a character, which JSON can write and a page cannot."""
    cut = text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
    return cut.encode(errors="replace").decode()
