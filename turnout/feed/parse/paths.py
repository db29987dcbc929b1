"""Nested, flat or mixed → one tree, in which every node knows how the sender spelled it (B2, B3).

Names are resolved here (B5), because the same path in two spellings is one path; what they mean is for `push.py`.
"""

import re
from functools import lru_cache
from typing import Final

from turnout.feed.parse.body import MAX_DEPTH, Json, Object, Scalar
from turnout.feed.parse.fields import Shape
from turnout.feed.parse.notes import Notes, find_odd_character, show_path
from turnout.feed.parse.redact import show

MAX_INDEX = 9_999
MAX_PLACES = 25_000
"""Values, lists and objects of one push, known and unknown: each costs some 500 bytes of memory while it is read."""
MAX_PATH_CHARACTERS = 1_024
"""Of a path: every place below a long name would hold that name again."""


class Missing:
    """What a node without a value has for one."""


MISSING: Final = Missing()


class Node:
    """One place in the tree: a value, or children by name; of a list the names are its indices."""

    __slots__ = (
        "appended",
        "children",
        "exact",
        "following",
        "length",
        "name",
        "others",
        "path",
        "renamed",
        "shape",
        "spelled",
        "value",
    )

    def __init__(self, name: str, path: str, spelled: str, shape: Shape | None) -> None:
        self.name = name
        """Ours where it is a known one."""
        self.path = path
        """Ours to here; indices as they came, gaps and all."""
        self.spelled = spelled
        """The sender's path to here."""
        self.shape = shape
        """What may stand here; None at and below an unknown name."""
        self.value: Scalar | Missing = MISSING
        self.exact = False
        """Whether the value came under exactly our name."""
        self.others: list[tuple[str, bool, Scalar]] | None = None
        """Further values given for the same path: spelled how, exactly or not, and which."""
        self.children: dict[str, Node] | None = None
        self.renamed: int | None = None
        """Which of the warnings told the sender that the name here is spelled otherwise; None where none did."""
        self.length: int | None = None
        """Of the array that was given here, if one was."""
        self.following = 0
        """The index behind the highest that was named, which `[]` takes."""
        self.appended: str | None = None
        """The index that `[]` took last."""

    @property
    def is_list(self) -> bool:
        """Whether it is an array, or an object whose keys are all indices (B2)."""
        if self.children is None or len(self.children) == 0:
            return self.length is not None or self.following > 0
        return all(is_index(name) for name in self.children)

    def find(self, name: str) -> "Node | None":
        return None if self.children is None else self.children.get(name)

    def items(self) -> "list[Node]":
        """Of a list, in the order of the indices; of an object, in the order given."""
        nodes = [] if self.children is None else list(self.children.values())
        return sorted(nodes, key=lambda node: int(node.name)) if self.is_list else nodes


def normalise(root: Object, shape: Shape, notes: Notes, *, may_hold_odd_characters: bool) -> Node:
    """The tree that a decoded body means, whatever its notation; what contradicts itself goes to `notes`."""
    tree = _Tree(notes, may_hold_odd_characters)
    node = Node("", "", "", shape)
    tree.place_object(node, root, "", True, 1)
    tree.settle()
    return node


def is_index(name: str) -> bool:
    return len(name) <= 4 and name.isdigit() and name.isascii()


def join(path: str, name: str) -> str:
    """The path of a name below another path, in the notation of the seed."""
    return f"{path}.{name}" if path and name[:1] != "[" else path + name


class _Tree:
    """The placing: one walk over what was sent."""

    def __init__(self, notes: Notes, may_hold_odd_characters: bool) -> None:
        self._notes = notes
        self._look = may_hold_odd_characters
        self._contested: dict[int, Node] = {}
        """Nodes with several values, or with a value and children, in the order in which that showed."""
        self._overfull: set[int] = set()
        self._places = 0

    def place_object(self, at: Node, members: Object, spelled: str, exact: bool, depth: int) -> None:
        """Everything that an object says, below `at`. `exact` is whether the names so far are exactly ours."""
        self._open(at)
        for name, value in members:
            segments = cut(name) if len(name) <= _LONGEST_KEPT else _cut(name)
            whole = join(spelled, name)
            if (self._look and self._is_odd(whole)) or self._is_too_deep(whole, depth + len(segments) - 1):
                continue
            node, is_exact = at, exact
            for place, (segment, is_bracketed, end) in enumerate(segments):
                # What is there already under this very name needs no second look: most of a flat path, most times.
                child = node.children.get(segment) if segment and node.children is not None else None
                renamed = False
                if child is None:
                    prefix = whole if end == len(name) else join(spelled, name[:end])
                    inner = _append(node, segments[place + 1 :]) if is_bracketed and not segment else segment
                    child, renamed = self._child(node, inner, prefix, is_bracketed)
                if child is None:
                    break
                node, is_exact = child, is_exact and not renamed
            else:
                self._place(node, value, whole, is_exact, depth + len(segments))

    def _place(self, at: Node, value: Json, spelled: str, exact: bool, depth: int) -> None:
        if not isinstance(value, (tuple, list)):
            self._claim(at, value, spelled, exact)
        elif self._is_too_deep(spelled, depth):
            return
        elif isinstance(value, tuple):
            self.place_object(at, value, spelled, exact, depth)
        else:
            self._place_array(at, value, spelled, exact, depth)

    def _place_array(self, at: Node, items: list[Json], spelled: str, exact: bool, depth: int) -> None:
        self._open(at)
        if len(items) > MAX_INDEX + 1:
            self._refuse_index(at, f"{spelled}[{MAX_INDEX + 1}]")
            return
        if at.length is not None and at.length != len(items):
            both = _name_both(at.spelled, spelled)
            message = f"{both} differently, as a list of {at.length} and as a list of {len(items)}."
            self._notes.problem(spelled, "conflicting_values", message, "Send the list once.")
            return
        at.length = len(items)
        for index, item in enumerate(items):
            prefix = f"{spelled}[{index}]"
            child, _ = self._child(at, str(index), prefix, True)
            if child is not None:
                self._place(child, item, prefix, exact, depth + 1)

    def _child(self, at: Node, segment: str, spelled: str, is_bracketed: bool) -> tuple[Node | None, bool]:
        """The node of that name below this one, and whether the name is spelled otherwise; None: too many."""
        children = self._open(at)
        shape, renamed = None, False
        known = at.shape.find(segment) if at.shape is not None else None
        if at.shape is not None and known is not None:
            shape, renamed, segment = at.shape.names[known], known != segment, known
        elif segment.isdigit() and segment.isascii():
            shape = at.shape.items if at.shape is not None else None
            segment = segment.lstrip("0") or "0"
            # An unknown object may well have numbers as keys; only what is plainly an index is refused there.
            if len(segment) > 4 and (is_bracketed or shape is not None):
                self._refuse_index(at, spelled)
                return None, False
            if len(segment) <= 4:
                at.following = max(at.following, int(segment) + 1)
        child = children.get(segment)
        if child is None:
            if self._is_too_much(spelled):
                return None, False
            path = f"{at.path}[{segment}]" if segment.isdigit() and at.path else join(at.path, segment)
            child = children[segment] = Node(segment, path, spelled, shape)
        if renamed and child.renamed is None:
            child.renamed = len(self._notes.warnings)
            message = f"{show_path(spelled)} is taken as {child.path}, which is how it is spelled."
            self._notes.warn(spelled, "renamed_field", message, child.path)
        return child, renamed

    def _open(self, at: Node) -> dict[str, Node]:
        """The children of a node that has some, or is about to."""
        if at.children is None:
            at.children = {}
            if at.value is not MISSING:
                self._contested[id(at)] = at
        return at.children

    def _claim(self, at: Node, value: Scalar, spelled: str, exact: bool) -> None:
        if self._look and isinstance(value, str) and self._is_odd(spelled, value):
            return
        if at.value is MISSING:
            at.value, at.spelled, at.exact = value, spelled, exact
            if at.children is not None:
                self._contested[id(at)] = at
            return
        if at.others is None:
            at.others = []
        at.others.append((spelled, exact, value))
        self._contested[id(at)] = at

    def settle(self) -> None:
        """Decides for each contested node which value holds, or says why none does (B2, B5)."""
        for node in self._contested.values():
            if node.children is not None and node.value is not MISSING:
                self._refuse_parent(node, node.children)
            elif node.others is not None and not isinstance(node.value, Missing):
                self._choose(node, [(node.spelled, node.exact, node.value), *node.others])

    def _choose(self, node: Node, claims: list[tuple[str, bool, Scalar]]) -> None:
        best = [claim for claim in claims if claim[1]] or claims
        spelled, _, value = best[0]
        node.spelled, node.value = spelled, value
        for other, _, against in best:
            if not _is_same(value, against):
                shown = f"{show_scalar(value)} and {show_scalar(against)}"
                message = f"{_name_both(spelled, other)}, with different values: {shown}."
                self._notes.problem(other, "conflicting_values", message, "Send it once.")
                return
        if len(best) < len(claims):
            self._warn_of_others(node, value, [(other, against) for other, exact, against in claims if not exact])

    def _warn_of_others(self, node: Node, value: Scalar, others: list[tuple[str, Scalar]]) -> None:
        """Says of each other spelling what became of it beside the exact name (B5).

        Where it was said that the spelling is taken as that name, this is said instead.
        """
        chosen = show_path(node.spelled)
        told = None if node.renamed is None else self._notes.warnings[node.renamed].path
        differing = {spelled for spelled, against in others if not _is_same(value, against)}
        for spelled in dict.fromkeys(spelled for spelled, _ in others):
            shown = show_path(spelled)
            if spelled in differing:
                message = f"{shown} is left aside, because {chosen} is given too."
            elif shown == told:
                message = f"{shown} says the same as {chosen}, which is given too."
            else:
                continue
            instead_of = node.renamed if shown == told else None
            self._notes.warn(spelled, "renamed_field", message, node.path, instead_of=instead_of)

    def _refuse_parent(self, node: Node, children: dict[str, Node]) -> None:
        below = next((child.spelled for child in children.values()), node.spelled)
        message = (
            f"{show_path(node.spelled)} has the value {show_scalar(node.value)}, and {show_path(below)} stands "
            "below it; it can only be one of the two."
            if below != node.spelled
            else f"{show_path(node.spelled)} is given as {show_scalar(node.value)}, and as a list or an object."
        )
        self._notes.problem(node.spelled, "value_and_parent", message, "Leave one of them out.")
        if node.shape is not None and not node.shape.names and node.shape.items is None:
            node.children = None
        else:
            node.value = MISSING

    def _is_odd(self, spelled: str, value: str | None = None) -> bool:
        """Whether a name or value holds what cannot be kept; if so it is noted (B6)."""
        odd = find_odd_character(spelled if value is None else value)
        if odd is None:
            return False
        what = "The name" if value is None else "The text in"
        message = f"{what} {show_path(spelled)} holds {odd}, which cannot be kept."
        self._notes.problem(spelled, "forbidden_character", message, "Leave the character out.")
        return True

    def _is_too_deep(self, spelled: str, depth: int) -> bool:
        """Whether an object or list would stand below the last level; if so it is noted (B6)."""
        if depth <= MAX_DEPTH:
            return False
        message = f"{show_path(spelled)} lies deeper than {MAX_DEPTH} levels."
        cure = "Send the attendee as the documentation shows it; nothing there is deeper than five levels."
        self._notes.problem(spelled, "too_deep", message, cure)
        return True

    def _is_too_much(self, spelled: str) -> bool:
        """Whether a further place has too long a path, or is one too many; if so it is noted (B3)."""
        if len(spelled) > MAX_PATH_CHARACTERS:
            message = f"{show_path(spelled)} has {len(spelled):,} characters; {MAX_PATH_CHARACTERS:,} are the most."
            self._notes.problem(spelled, "name_too_long", message, "Send a shorter name.")
            return True
        self._places += 1
        if self._places == MAX_PLACES + 1:
            message = f"With {show_path(spelled)} the push holds more than {MAX_PLACES:,} fields and values."
            self._notes.problem(spelled, "too_many_fields", message, "Send less of one attendee.")
        return self._places > MAX_PLACES

    def _refuse_index(self, at: Node, spelled: str) -> None:
        """Says once for a list that it goes too far."""
        if id(at) not in self._overfull:
            self._overfull.add(id(at))
            at.following = MAX_INDEX + 1  # a list, even with nothing in it
            message = f"{show_path(spelled)}: no index is above {MAX_INDEX:,}."
            self._notes.problem(spelled, "index_too_high", message, "Count from 0, or send a shorter list.")


def _cut(name: str) -> tuple[tuple[str, bool, int], ...]:
    """A flat path in its segments: each with whether it stood in brackets, and where it ends in the name.

    `a.b[0]`, `a[b].0` and `[0].a` are paths; what is not written like one (`a..b`, `Size [EU`) is a name as a whole.
    """
    if not _PATH.fullmatch(name):
        return ((name, False, len(name)),)
    return tuple(
        (str(match["name"] or match["index"] or ""), match["name"] is None, match.end())
        for match in _SEGMENT.finditer(name)
    )


_PATH = re.compile(r"(?:[^.\[\]]++|\[[^\[\]]*+\])(?:\.[^.\[\]]++|\[[^\[\]]*+\])*+")
_SEGMENT = re.compile(r"\.?(?P<name>[^.\[\]]++)|\[(?P<index>[^\[\]]*+)\]")
_LONGEST_KEPT = 128
"""Of a name whose segments are remembered: senders send the same few names all day."""

cut = lru_cache(maxsize=4096)(_cut)


def _append(at: Node, rest: tuple[tuple[str, bool, int], ...]) -> str:
    """The index that `[]` takes: a new one, or the last one as long as the item still lacks what follows (B1).

    So `customFields[][fieldName]` and `customFields[][fieldValue]` in turn describe one item after the other.
    """
    if at.appended is not None and rest and not _has(at.find(at.appended), rest):
        return at.appended
    at.appended = str(at.following)
    return at.appended


def _has(at: Node | None, rest: tuple[tuple[str, bool, int], ...]) -> bool:
    for segment, _, _ in rest:
        if at is None or not segment:
            return False
        known = at.shape.find(segment) if at.shape is not None else None
        at = at.find(known or segment)
    return at is not None


def as_text(value: Scalar) -> str | None:
    """A value as the text that it becomes (B4): a number as it was written; None is null."""
    if isinstance(value, str):
        return str(value).strip()
    return None if value is None else "true" if value else "false"


def _is_same(one: Scalar, other: Scalar) -> bool:
    return as_text(one) == as_text(other)


def show_scalar(value: Scalar | Missing) -> str:
    """A value as a message quotes it."""
    if isinstance(value, Missing) or value is None:
        return "null"
    return f'"{show(value)}"' if type(value) is str else str(as_text(value))


def _name_both(one: str, other: str) -> str:
    if one == other:
        return f"{show_path(one)} is given twice"
    return f"{show_path(one)} and {show_path(other)} are the same, and are given"
