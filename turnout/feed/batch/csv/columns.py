"""What a CSV's header says: for each column the flat path that its cells stand under (B2, B5, E1). Pure."""

from collections.abc import Callable
from typing import Any

import msgspec

from turnout.feed.batch.csv import exported
from turnout.feed.parse.fields import CUSTOM_FIELD, EVENT_INFO, PROFILE, PUSH, is_key_name
from turnout.feed.parse.paths import cut, is_index

ERROR_COLUMN = "error"
"""The last column of what is given back; where it comes along again it is left aside."""


class Column(msgspec.Struct, frozen=True):
    """One column: where its cells belong, and what else each of them says."""

    path: str
    """Flat, in the sender's spelling; empty where the column has no name."""
    beside: tuple[str, str] | None = None
    """The path and name of the custom field, of which the cell is the value."""
    read: Callable[[str], Any] | None = None
    """How the cells are read where an export says things otherwise than a push."""
    is_left_aside: bool = False
    """Whether nothing is made of the cells."""

    @property
    def is_key(self) -> bool:
        return is_key_name(self.path)

    @property
    def size_characters(self) -> int:
        """What a cell grows by, about, once it stands beside its path."""
        return len(self.path) + 8 + (0 if self.beside is None else sum(map(len, self.beside)) + 8)


def read_columns(cells: list[str]) -> tuple[Column, ...]:
    """The columns of a header, in order; without the last one where that is an earlier answer's `error`."""
    if cells and cells[-1].strip() == ERROR_COLUMN:
        cells = cells[:-1]
    names = [cell.strip() for cell in cells]
    own = exported.find_own(names)
    paths = [own[name] if name in own else to_path(name) for name in names]
    following = 1 + max((index for path in paths if (index := _find_index(path)) is not None), default=-1)
    columns = []
    for given, path in zip(names, paths, strict=True):
        if given in own:
            columns.append(Column(path, read=exported.read_status, is_left_aside=not own[given]))
            continue
        name = _find_custom_field_name(path)
        read = exported.read_cell if own and (name is not None or _find_index(path) is not None) else None
        if name is None:
            columns.append(Column(path, read=read))
            continue
        entry = f"profile.customFields[{following}]"
        columns.append(Column(f"{entry}.fieldValue", (f"{entry}.fieldName", name), read))
        following += 1
    return tuple(columns)


def to_path(name: str) -> str:
    """The flat path that a column's name means: itself, or where it is a plain name the whole path to it.

    Known names may be spelled otherwise (B5): that stays as it is, and the parser warns of it. What is no known name
    stays at the root and is kept there.
    """
    if not name:
        return ""
    (first, _, end), *rest = cut(name)
    if PUSH.find(first) is not None:
        return name
    if PROFILE.find(first) is not None:
        return f"profile.{name}"
    if EVENT_INFO.find(first) == "groups" and (not rest or is_index(rest[0][0]) or not rest[0][0]):
        return f"eventInfo.{name[:end]}.groupNames{name[end:]}"
    if EVENT_INFO.find(first) is not None:
        return f"eventInfo.{name}"
    if _GROUPS.find(first) is not None:
        return f"eventInfo.groups.{name}"
    return name


_GROUPS = EVENT_INFO.names["groups"]


def is_known(path: str) -> bool:
    """Whether a path is one of the push's, to its end: a place that holds a text or a list of texts."""
    shape = PUSH
    for segment, _, _ in cut(path):
        known = shape.find(segment)
        if known is not None:
            shape = shape.names[known]
        elif shape.items is not None and (is_index(segment) or not segment):
            shape = shape.items
        else:
            return False
    return not shape.names


def _find_index(path: str) -> int | None:
    """Of an entry of `customFields` that a path names by its place."""
    segments = cut(path)
    is_entry = len(segments) > 3 and _is_custom_fields([segments[0][0], segments[1][0]])
    return int(segments[2][0]) if is_entry and is_index(segments[2][0]) else None


def _find_custom_field_name(path: str) -> str | None:
    """The name behind `profile.customFields.`, whatever signs it is made of, as in `clear` (C3)."""
    parts = path.split(".", 2)
    if len(parts) < 3 or not _is_custom_fields(parts):
        return None
    name = parts[2].strip()
    first, *rest = cut(name) if name else (("", False, 0),)
    is_path = CUSTOM_FIELD.find(first[0]) is not None or (bool(rest) and is_index(first[0]))
    return None if is_path else name or None


def _is_custom_fields(names: list[str]) -> bool:
    return PUSH.find(names[0]) == "profile" and PROFILE.find(names[1]) == "customFields"
