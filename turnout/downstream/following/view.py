"""What a follower asks for: behind which line, which lines, and in which form. Pure."""

from typing import Any

import msgspec

from turnout import errors
from turnout.changes.lines import Line
from turnout.changes.names_then import as_then
from turnout.downstream import limits as limiting
from turnout.downstream.attendees.query import find_group, find_shown_field
from turnout.downstream.following.line_view import LineView, PayloadFormat, see
from turnout.downstream.following.payload import as_push
from turnout.downstream.limits import Limits
from turnout.feed.parse.redact import show
from turnout.feed.reading import QUERY, Head
from turnout.model.change import Change
from turnout.model.event import Configuration

REPEATABLE = ("group", "field")
"""Parameters that may be given several times: whoever is in one of the groups, and all of the fields."""


class View(msgspec.Struct, frozen=True):
    """The lines as one reader sees them; who sees the same shares what was made of them."""

    key: Limits
    """What the key is limited to."""
    groups: tuple[str, ...] | None
    """Names that the query gives besides, which only narrow."""
    fields: tuple[str, ...] | None
    payload: PayloadFormat

    @property
    def is_filtered(self) -> bool:
        """Whether there may be lines that are not sent."""
        return any(part is not None for part in (self.key.groups, self.key.fields, self.groups, self.fields))

    @property
    def needs_states(self) -> bool:
        """Whether the attendees as they were are needed, and not only the lines."""
        return self.is_filtered or self.payload != ""

    def get_limits(self, configuration: Configuration) -> Limits:
        """The key's limits and the query's together."""
        asked = limiting.of_names(configuration, self.groups, self.fields)
        groups, fields = _both(self.key.groups, asked.groups), _both(self.key.fields, asked.fields)
        return Limits(groups, fields, is_wish=self.key.shows_actors)

    def list_lines(self, lines: list[Line], configuration: Configuration, renames: list[Change]) -> list[LineView]:
        """Those of the lines that are seen, as they are seen: with the names of their time."""
        limits = self.get_limits(configuration)
        then = as_then(configuration, renames, [line.change.sequence for line in lines])
        views = []
        for line, its in zip(lines, then, strict=True):
            seen = see(line, its, limits)
            if seen is None:
                continue
            view = seen.line
            if self.payload:
                view = msgspec.structs.replace(view, payload=as_push(seen, its, limits, self.payload))
            views.append(view)
        return views


def read_view(head: Head, key: Limits, configuration: Configuration) -> View:
    """The view that a query asks for. Raises InvalidRequest."""
    groups, fields = (tuple(sorted({*head.texts(name)} - {""})) or None for name in ("group", "field"))
    payload: PayloadFormat = head.choice("payload", ("", "nested", "flat"))  # ty: ignore[invalid-assignment]
    # What there is not would be silence for ever.
    for name in groups or ():
        find_group(configuration, key, name, f"{QUERY}group")
    for name in fields or ():
        find_shown_field(configuration, key, name, f"{QUERY}field")
    view = View(key, groups, fields, payload)
    if payload and not view.get_limits(configuration).shows("email"):
        raise errors.InvalidRequest(
            "A payload is a push, and names the e-mail address, which is not among the fields shown here. "
            "Leave payload out, or have email shown too.",
            path=f"{QUERY}payload",
        )
    return view


def read_count(head: Head, name: str, default: int, *, least: int = 0) -> int:
    """A whole number of the query, however large. Raises InvalidRequest."""
    value = head.text(name)
    return default if not value else to_count(value, name, QUERY + name, least=least)


def to_count(value: str, name: str, path: str, *, least: int = 0) -> int:
    """The whole number that a text is, which stands at `path` of the request. Raises InvalidRequest."""
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS and int(value) >= least):
        raise errors.InvalidRequest(f'{name} is a whole number from {least}, not "{show(value, 40)}".', path=path)
    return int(value)


_MOST_DIGITS = 18


def _both(ours: frozenset[Any] | None, theirs: frozenset[Any] | None) -> frozenset[Any] | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return ours & theirs
