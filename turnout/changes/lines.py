"""Lines of the log with the attendee as he was then.

Found from what he was before, where that is known; else from what he is now, with what came later taken back.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from turnout.changes.fold import apply, with_held, with_pin
from turnout.changes.names_then import RENAMED
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Change
from turnout.store import attendees, changes
from turnout.store.statements import Connection

TOGETHER = 250
"""Attendees whose later lines are read with one statement …"""
HELD = 5_000
"""… and how many of these lines are held at once."""


class Line(msgspec.Struct, frozen=True):
    """One line of the log."""

    change: Change
    after: Attendee | None
    """The attendee behind this line; None for what concerns the event itself, and once he is erased, then or later."""

    @property
    def before(self) -> Attendee | None:
        """The attendee before this line; None where there was none, or `after` is."""
        return None if self.after is None else revert(self.after, self.change)


def list_renames(connection: Connection, event_id: str, page: Sequence[Change], *, is_end: bool) -> list[Change]:
    """The new names that are told of among these lines and behind them, in order: lines before have the old ones.

    `is_end` says that nothing is behind them.
    """
    renames = [change for change in page if change.kind in RENAMED]
    if page and not is_end:
        renames += changes.list_renames(connection, event_id, after=page[-1].sequence)
    return renames


def read_lines(
    connection: Connection,
    event_id: str,
    *,
    after: int = 0,
    limit: int = 1_000,
    known: Callable[[str], Attendee | None] = lambda _: None,
    most_later: float = math.inf,
) -> list[Line]:
    """The lines behind `after`, in order, read in one moment.

    `known` gives, by id, what is known of an attendee behind an earlier line. Where that is not his last one before the
    page, he is found from what he is now, by all his later lines: behind `most_later` of them the page ends with those
    who are found, of whom the first always is.
    """
    page = changes.list_changes(connection, event_id, after=after, limit=limit)
    theirs: dict[str, list[Change]] = {}
    for change in page:
        if change.attendee_id is not None:
            theirs.setdefault(change.attendee_id, []).append(change)
    states: dict[int, Attendee] = {}
    ways: list[_WayBack] = []
    for _, attendee in attendees.find_by_ids(connection, [(event_id, one) for one in sorted(theirs)]):
        lines = theirs[attendee.id]
        before = known(attendee.id)
        if lines[0].kind == "created" or (before is not None and before.sequence == lines[0].previous):
            states |= _go_forward(before, lines)
        else:
            ways.append(_WayBack(attendee, {line.sequence: line for line in lines}))
    for way in ways:
        way.go({})
    end = _go_back(connection, event_id, page[0].sequence, ways, most_later) if ways else math.inf
    for way in ways:
        states |= way.states
    return [Line(change, states.get(change.sequence)) for change in page if change.sequence < end]


def _go_forward(before: Attendee | None, lines: Sequence[Change]) -> Iterator[tuple[int, Attendee]]:
    """The attendee behind each of these lines of his, by sequence; `before` is None where the first one made him."""
    after = before if lines[0].kind != "created" else None
    for line in lines:
        if line.previous != (None if after is None else after.sequence):
            # One is missing, as below.
            return
        after = apply(after, line)
        if after is None:
            return
        yield line.sequence, after


def revert(attendee: Attendee, change: Change) -> Attendee | None:
    """The attendee before his latest line, which is this one; None before the first.

    Values, groups, status and what people decided are as they were. Their origins and times are not: the log does not
    hold them of what was overwritten.
    """
    state = _State(attendee)
    return state.freeze() if state.take_back(change) else None


class _State:
    """An attendee whose lines are taken back one by one, in place: of most of them nobody wants to see a copy."""

    def __init__(self, attendee: Attendee) -> None:
        self._attendee = attendee
        self._values: dict[str, dict[Any, Said[Any]]] = {
            "profile": dict(attendee.profile),
            "custom_field": dict(attendee.custom_fields),
            "unknown_field": dict(attendee.unknown_fields),
        }
        self._parts = dict(attendee.parts)
        self._other: dict[str, Any] = {
            name: getattr(attendee, name)
            for name in ("pins", "held", "aliases", "absorbed", "status", "removed", "merged_into", "sequence")
        }

    def take_back(self, change: Change) -> bool:
        """Takes back the latest line, which is this one. False before the first: there was nobody."""
        if change.kind == "created":
            return False
        other = self._other
        for entry in reversed(change.entries):
            what = entry.what
            if what in self._values:
                # Whether it had a value before that was cleared is not on the line: what had none may be kept as
                # cleared.
                self._values[what][entry.key] = _said(entry.old)
            elif what in _PARTS:
                assert isinstance(entry.key, int)
                old = None if entry.old is None else _said(entry.old)
                self._put_part(entry.key, _PARTS[what], old)
            elif what == "part_more_ids":
                assert isinstance(entry.key, int)
                self._put_part(entry.key, "more_ids", entry.old or [])
            elif what == "pin":
                other["pins"] = with_pin(other["pins"], entry.key, bool(entry.old))
            elif what == "held":
                other["held"] = with_held(other["held"], entry.key, entry.old)
            elif what in ("aliases", "absorbed"):
                other[what] = entry.old or []
            elif what in ("status", "removed", "merged_into"):
                other[what] = entry.old
        other["sequence"] = change.previous or 0
        return True

    def freeze(self, **also: Any) -> Attendee:
        """The attendee as he is now."""
        return msgspec.structs.replace(
            self._attendee,
            profile=dict(self._values["profile"]),
            custom_fields=dict(self._values["custom_field"]),
            unknown_fields=dict(self._values["unknown_field"]),
            parts=dict(self._parts),
            **self._other,
            **also,
        )

    def _put_part(self, source: int, name: str, value: Any) -> None:
        self._parts[source] = msgspec.structs.replace(self._parts.get(source, Part()), **{name: value})


_PARTS = {"part_groups": "groups", "part_expects": "expects", "part_id": "third_party_id"}


def _said(value: Any) -> Said[Any]:
    return Said(value, 0, 0, 0)


class _WayBack:
    """From an attendee as he is to each of the lines that are wanted of him."""

    def __init__(self, attendee: Attendee, wanted: dict[int, Change]) -> None:
        self._state = _State(attendee)
        self._wanted = wanted
        self.first = min(wanted)
        self.at: int | None = attendee.sequence
        """The line to be taken back next; None when there is no more to do."""
        self.states: dict[int, Attendee] = {}
        """The attendee behind each wanted line, by sequence."""

    def go(self, later: dict[int, Change]) -> None:
        """As far back as the lines lead that are wanted, or among these."""
        while self.at is not None and self.at >= self.first:
            change = self._wanted.get(self.at) or later.get(self.at)
            if change is None:
                return
            if change.sequence in self._wanted:
                self.states[change.sequence] = self._state.freeze(updated_at=change.at)
            self.at = change.previous if self._state.take_back(change) else None
        self.at = None


def _go_back(connection: Connection, event_id: str, lowest: int, ways: Sequence[_WayBack], most_later: float) -> float:
    """Reads what is between the attendees' latest lines and those that are wanted, of many of them together.

    Gives the first line of which it was too much; the first of all is gone back to whatever it takes.
    """
    in_order = sorted(ways, key=lambda way: way.first)
    read = 0
    for start in range(0, len(in_order), TOGETHER):
        together = in_order[start : start + TOGETHER]
        while unfinished := [way for way in together if way.at is not None]:
            if read >= most_later:
                if unfinished[0] is not in_order[0]:
                    return unfinished[0].first
                unfinished = unfinished[:1]
            lasts = [way.at for way in unfinished if way.at is not None]
            each = int(max(1, min(HELD, most_later) // len(unfinished)))
            later = changes.list_histories(connection, event_id, lasts, lowest=lowest, limit=each)
            read += len(later)
            for way in unfinished:
                before = way.at
                way.go(later)
                if way.at == before:
                    # A line is missing, which `turnout verify` tells of: behind it nobody knows what was.
                    way.at = None
    return math.inf
