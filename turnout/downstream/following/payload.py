"""A line as the push that would make the change, so that another Turnout can be fed by following this one. Pure.

What no push can say is missing: pins, aliases, merges and the new names of groups and custom fields.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from turnout.changes.shown import CUSTOM_FIELDS_PATH, GROUPS_PATH
from turnout.downstream.following.line_view import LEFT, PayloadFormat, Seen, list_all
from turnout.downstream.limits import Limits
from turnout.feed.parse.paths import cut
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.model.names import fold_case
from turnout.model.receipt import PathChange

_Place = tuple[str | int, ...]
"""Where a value stands in a push: names, and numbers within lists."""


def as_push(seen: Seen, configuration: Configuration, limits: Limits, how: PayloadFormat) -> dict[str, Any] | None:
    """The push; None where nothing is to be pushed: `left`, `erased`, and what concerns the event itself.

    It always names the address, which has to be shown. A value that was cleared is `""`, groups are the whole list.
    """
    if seen.after is None or seen.line.kind == LEFT:
        return None
    changes = seen.line.changes
    if _needs_all(seen, seen.after, limits):
        moved = [change for change in changes if change.path == "status"]
        changes = [*list_all(seen.after, configuration, limits, with_cleared=True), *moved]
    values = list(_list_values(seen.after, changes))
    return _write_flat(values) if how == "flat" else _write_nested(values)


def _needs_all(seen: Seen, after: Attendee, limits: Limits) -> bool:
    """Whether whoever is fed may have nobody yet for whom these changes could be, or somebody as he was long ago.

    Who comes to be seen may have been seen before. Another address is another person there. And a push that says of
    somebody unknown that he does not come changes nothing (C9): who was withdrawn when he got his address, or when the
    reader came to see him, is told as he returns.
    """
    if seen.is_entrance:
        return seen.line.kind != "created"
    moved = next((change for change in seen.line.changes if change.path == "profile.email"), None)
    is_moved = moved is not None and fold_case(str(moved.old or "")) != fold_case(str(moved.new or ""))
    returns = any(change.path == "status" and change.new == "attending" for change in seen.line.changes)
    return is_moved or (returns and (limits.groups is not None or bool(after.aliases)))


def _list_values(attendee: Attendee, changes: list[PathChange]) -> Iterator[tuple[_Place, Any]]:
    yield ("profile", "email"), attendee.email
    custom_fields = [change for change in changes if change.path == CUSTOM_FIELDS_PATH]
    for index, change in enumerate(custom_fields):
        yield ("profile", "customFields", index, "fieldName"), change.field_name
        yield ("profile", "customFields", index, "fieldValue"), _as_said(change.new)
    for change in changes:
        if change.path == GROUPS_PATH:
            yield ("eventInfo", "groups", "groupNames"), change.new
        elif change.path not in ("profile.email", CUSTOM_FIELDS_PATH, "status", "mergedInto"):
            yield _find_place(change.path), _as_said(change.new)
    # Said each time, because a push without it would bring the person back (C9).
    if attendee.status != "attending":
        yield ("eventInfo", "attending"), False
    elif any(change.path == "status" for change in changes):
        yield ("eventInfo", "attending"), True


def _as_said(value: Any) -> Any:
    return "" if value is None else value


def _find_place(path: str) -> _Place:
    """Where the value of a path stands. A name that is written like no path is taken as a whole, as when it came."""
    segments = cut(path)
    if len(segments) == 1:
        return (path,)
    names: list[str | int] = [name for name, _, _ in segments]
    if names[:2] == ["profile", "customFields"]:
        if len(names) != 4 or not segments[2][1]:
            return (path,)
        names[2] = int(names[2])
    return tuple(names)


def _write_flat(values: list[tuple[_Place, Any]]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for place, value in values:
        path = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in place)[1:]
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            written |= {f"{path}[{index}]": one for index, one in enumerate(value)}
        else:
            written[path] = value
    rows = {place[2] for place, _ in values if place[:2] == ("profile", "customFields") and len(place) > 2}
    # A row that is null is left out, and keeps the place of those behind it.
    for index in range(max((row for row in rows if isinstance(row, int)), default=0)):
        if index not in rows:
            written[f"{CUSTOM_FIELDS_PATH}[{index}]"] = None
    return written


def _write_nested(values: list[tuple[_Place, Any]]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for place, value in values:
        at: Any = written
        for name, below in pairwise(place):
            empty: Any = [] if isinstance(below, int) else {}
            if isinstance(name, int):
                at.extend([None] * (name + 1 - len(at)))
                at[name] = empty if at[name] is None else at[name]
                at = at[name]
            else:
                at = at.setdefault(name, empty)
        at[place[-1]] = value
    return written
