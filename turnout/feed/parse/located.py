"""Where in a pasted text everything stands: each name and value with its place, in the notation that errors use.

What the text means, and whether it can be read at all, the feed's own parser says; only the locating is done here.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from turnout.feed.parse.body import MAX_DEPTH, Body, Json, Number, decode_any, read_json, read_json_at
from turnout.feed.parse.fields import is_key_name
from turnout.feed.parse.form_body import MAX_FORM_FIELDS, BadForm, is_form, read_part
from turnout.feed.parse.notes import show_path
from turnout.feed.parse.paths import MAX_PATH_CHARACTERS, MAX_PLACES, join
from turnout.feed.parse.redact import REMOVED, mask
from turnout.feed.parse.slips import STRING_OR_BRACKET, find_place
from turnout.model.receipt import Problem

Kind: TypeAlias = Literal["object", "list", "text", "number", "boolean", "null"]

MAX_NODES = MAX_PLACES
"""In one tree. The feed takes no push with more places; what stands behind them has no node."""


class Located(msgspec.Struct, frozen=True):
    """One name or value of the text. Offsets count characters, the end is behind the last one."""

    path: str
    """As the sender wrote it, and as problems name it: `profile.customFields[1].fieldValue`; empty for the root."""
    name: str
    """The last part of it."""
    kind: Kind
    value: str | bool | None
    """Of a text, a number as it was written, true, false; None of null and of what has entries. Keys are masked."""
    start: int
    end: int
    name_start: int
    """Where its name stands, in its quotation marks; the same as `start` where it has none: the root, list entries."""
    name_end: int
    depth: int
    """The root is 0."""
    is_closed: bool = True
    """Whether its end was found: not where the text breaks off before."""


class Break(msgspec.Struct, frozen=True):
    """Where a text cannot be read any further, and why."""

    offset: int
    line: int
    column: int
    """Both from 1."""
    problem: Problem
    """What was expected, in words."""


class Tree(msgspec.Struct, frozen=True):
    """All that could be located, in the order of the text."""

    nodes: list[Located]
    breaks: Break | None
    """None for a body that the feed can read."""
    content_type: str | None
    """With which it is read: None for JSON."""
    is_cut: bool = False
    """Whether there is more than has nodes."""


def locate(text: str, content_type: str | None = None) -> Tree:
    """The tree of a body, whatever it is; `content_type` is guessed from the text where it is not given."""
    content_type = content_type or guess_content_type(text)
    body = decode_any(as_bytes(text), content_type)
    is_read_as_form = content_type is not None and is_form(content_type) and _begins_as_form(text)
    scan = _FormScan(text, content_type or "") if is_read_as_form else _JsonScan(text)
    scan.run()
    return Tree(scan.nodes, _find_break(text, body, scan), content_type, scan.is_cut)


def guess_content_type(text: str) -> str | None:
    """The Content-Type that a pasted form would have come with; None for everything else, which is read as JSON."""
    begin = text.lstrip(_SPACE_AND_MARK)
    if begin.startswith("--") and (boundary := _BOUNDARY.match(begin)):
        return f'multipart/form-data; boundary="{boundary[1]}"'
    return "application/x-www-form-urlencoded" if _FIRST_FIELD.match(begin) else None


_SPACE_AND_MARK = " \t\r\n\ufeff"
_BOUNDARY = re.compile(r"--([\w'()+,./:=?-]{1,70})\r\n")
_FIRST_FIELD = re.compile(r'[^\s=&{}"]{1,1024}=')


def as_bytes(text: str) -> bytes:
    """The text as it would be sent."""
    return text.encode("utf-8", "surrogatepass")


def place_at(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _begins_as_form(text: str) -> bool:
    return text.lstrip(_SPACE_AND_MARK)[:1] not in ("{", "[", '"', "")


def _find_break(text: str, body: Body, scan: "_Scan") -> Break | None:
    """Where and why the feed cannot read it."""
    if not body.problems:
        return None
    offset = min(_find_offset(text, body.problems[0], scan), len(text))
    return Break(offset, *place_at(text, offset), body.problems[0])


def _find_offset(text: str, problem: Problem, scan: "_Scan") -> int:
    if isinstance(scan, _FormScan):
        return scan.at
    if problem.code == "too_deep":
        return next((one.start for one in scan.nodes if one.depth >= MAX_DEPTH and one.kind in _PARENTS), scan.at)
    # The feed reads the text without its byte order mark.
    begin = len(text) - len(text.removeprefix("\ufeff"))
    try:
        _, end = read_json(text[begin:])
    except ValueError as error:
        return begin + find_place(text[begin:], error)
    except RecursionError:
        return scan.at
    rest = text[begin + end :].lstrip(" \t\r\n")
    return len(text) - len(rest) if rest else begin


_PARENTS = ("object", "list")


class _Scan(ABC):
    """Nodes as they are found, up to the bound, and how far it came."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.nodes: list[Located] = []
        self.at = 0
        self.is_cut = False

    @abstractmethod
    def run(self) -> None:
        """Goes through the text."""


class _Open(msgspec.Struct):
    """An object or list that has begun."""

    node: int
    """Its place among the nodes."""
    path: str
    is_object: bool
    entries: int = 0


class _JsonScan(_Scan):
    """One walk over JSON, without recursion; it ends where something else stands than may stand there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: list[_Open] = []

    def run(self) -> None:
        self.at = len(self.text) - len(self.text.removeprefix("\ufeff"))
        try:
            self._skip_space()
            self._take_value("", "", None)
            while self._open and not self.is_cut:
                self._take_entry(self._open[-1])
        except _Stop:
            pass
        if self.is_cut:
            self._close_the_open()
        for opened in self._open:
            self._close(opened, len(self.text) if self.is_cut else self.at, is_closed=False)

    def _take_entry(self, opened: _Open) -> None:
        """The next entry of the innermost object or list, or its end."""
        self._skip_space()
        text, closing = self.text, "}" if opened.is_object else "]"
        if text[self.at : self.at + 1] == closing:
            self.at += 1
            self._open.pop()
            self._close(opened, self.at)
            return
        if opened.entries:
            self._expect(",")
            self._skip_space()
        if opened.is_object:
            name_start = self.at
            name = self._read_text()
            name_end = self.at
            self._skip_space()
            self._expect(":")
            self._skip_space()
            opened.entries += 1
            self._take_value(_bound(join(opened.path, mask(name))), name, (name_start, name_end))
        else:
            opened.entries += 1
            index = opened.entries - 1
            self._take_value(_bound(f"{opened.path}[{index}]"), str(index), None)

    def _take_value(self, path: str, name: str, name_span: tuple[int, int] | None) -> None:
        if len(self.nodes) == MAX_NODES:
            self.is_cut = True
            return
        start, sign = self.at, self.text[self.at : self.at + 1]
        kind: Kind
        value: str | bool | None = None
        if sign in ("{", "["):
            kind = "object" if sign == "{" else "list"
            self.at += 1
            self._open.append(_Open(len(self.nodes), path, sign == "{"))
        else:
            kind, value = self._read_scalar()
        depth = len(self._open) - (kind in _PARENTS)
        if depth == 1 and value is not None and is_key_name(name):
            value = REMOVED
        name_start, name_end = name_span or (start, start)
        self.nodes.append(Located(path, mask(name), kind, value, start, self.at, name_start, name_end, depth))

    def _read_scalar(self) -> tuple[Kind, str | bool | None]:
        value = self._read()
        if isinstance(value, str):
            return ("number" if isinstance(value, Number) else "text"), mask(str(value))
        assert value is None or isinstance(value, bool)
        return ("null" if value is None else "boolean"), value

    def _read(self) -> Json:
        try:
            value, self.at = read_json_at(self.text, self.at)
        except ValueError as error:
            raise _Stop from error
        return value

    def _read_text(self) -> str:
        if self.text[self.at : self.at + 1] != '"':
            raise _Stop
        return str(self._read())

    def _expect(self, sign: str) -> None:
        if self.text[self.at : self.at + 1] != sign:
            raise _Stop
        self.at += 1

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _close(self, opened: _Open, end: int, *, is_closed: bool = True) -> None:
        node = self.nodes[opened.node]
        self.nodes[opened.node] = msgspec.structs.replace(node, end=end, is_closed=is_closed)

    def _close_the_open(self) -> None:
        """Finds the ends of what is open, without a node for what lies in it."""
        within = 0
        for token in STRING_OR_BRACKET.finditer(self.text, self.at):
            if token[0] in ("{", "["):
                within += 1
            elif token[0] in ("}", "]"):
                if within:
                    within -= 1
                elif self._open:
                    self._close(self._open.pop(), token.end())


class _Stop(Exception):
    """What stands here cannot stand here."""


_SPACE = re.compile(r"[ \t\r\n]*")


def _bound(path: str) -> str:
    """A path that is not too long to be held once for every place below it."""
    return path if len(path) <= MAX_PATH_CHARACTERS else show_path(path)


class _FormScan(_Scan):
    """The fields of a form, each as the feed's own parser reads it."""

    def __init__(self, text: str, content_type: str) -> None:
        super().__init__(text)
        self._content_type = content_type

    def run(self) -> None:
        self.nodes.append(Located("", "", "object", None, 0, len(self.text), 0, 0, 0))
        is_multipart = self._content_type.partition(";")[0].strip().lower() == "multipart/form-data"
        try:
            for node in self._list_parts() if is_multipart else self._list_pairs():
                if len(self.nodes) == MAX_NODES:
                    self.is_cut = True
                    return
                self.nodes.append(node)
        except (BadForm, ValueError):
            return

    def _list_pairs(self) -> Iterator[Located]:
        text = self.text
        self.at = len(text) - len(text.lstrip())
        last = len(text.rstrip())
        while self.at < last:
            end = text.find("&", self.at, last)
            end = last if end < 0 else end
            if end > self.at:
                ((name, value),) = parse_qsl(text[self.at : end], keep_blank_values=True, errors="strict")
                sign = text.find("=", self.at, end)
                sign = end if sign < 0 else sign
                yield _field(name, value, (self.at, sign), (min(sign + 1, end), end))
            self.at = end + 1

    def _list_parts(self) -> Iterator[Located]:
        boundary = re.search(r'boundary="?([^";]+)', self._content_type)
        mark = f"\r\n--{boundary[1]}" if boundary else "\r\n--"
        text = "\r\n" + self.text
        begin = text.find(mark)
        while begin >= 0:
            begin += len(mark)
            end = text.find(mark, begin)
            if text.startswith("--", begin) or end < 0:
                return
            self.at = begin - 2
            part = text[begin:end]
            pair = read_part(as_bytes(part))
            if pair is not None:
                head = part.index("\r\n\r\n")
                name = re.search(r'name="?', part[:head])
                name_start = self.at + (name.end() if name else 0)
                value_start = self.at + head + 4
                name_end = min(name_start + len(pair[0]), value_start)
                yield _field(*pair, (name_start, name_end), (value_start, end - 2))
            begin = end


def _field(name: str, value: str, name_span: tuple[int, int], span: tuple[int, int]) -> Located:
    path = _bound(mask(name))
    return Located(path, path, "text", REMOVED if is_key_name(name) and value else mask(value), *span, *name_span, 1)


assert MAX_FORM_FIELDS >= MAX_NODES
