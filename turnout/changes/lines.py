"""Lines of the log with the attendee as he was then: the present state, with what came later taken back."""

from collections.abc import Sequence
from typing import Any

import msgspec

from turnout.changes.fold import with_held, with_pin
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Change
from turnout.store import attendees, changes
from turnout.store.statements import Connection


class Line(msgspec.Struct, frozen=True):
    """One line of the log."""

    change: Change
    after: Attendee | None
    """The attendee behind this line; None for what concerns the event itself, and once he is erased, then or later."""

    @property
    def before(self) -> Attendee | None:
        """The attendee before this line; None where there was none, or `after` is."""
        return None if self.after is None else revert(self.after, self.change)


def read_lines(connection: Connection, event_id: str, *, after: int = 0, limit: int = 1_000) -> list[Line]:
    """The lines behind `after`, in order, read in one moment."""
    page = changes.list_changes(connection, event_id, after=after, limit=limit)
    by_attendee: dict[str, list[Change]] = {}
    for change in page:
        if change.attendee_id is not None:
            by_attendee.setdefault(change.attendee_id, []).append(change)
    states: dict[int, Attendee] = {}
    wanted = [(event_id, attendee_id) for attendee_id in sorted(by_attendee)]
    for _, attendee in attendees.find_by_ids(connection, wanted):
        states |= _list_states(connection, event_id, attendee, by_attendee[attendee.id])
    return [Line(change, states.get(change.sequence)) for change in page]


def revert(attendee: Attendee, change: Change) -> Attendee | None:
    """The attendee before his latest line, which is this one; None before the first.

    Values, groups, status and what people decided are as they were. Their origins and times are not: the log does not
    hold them of what was overwritten.
    """
    if change.kind == "created":
        return None
    values: dict[str, dict[Any, Said[Any]]] = {
        "profile": dict(attendee.profile),
        "custom_field": dict(attendee.custom_fields),
        "unknown_field": dict(attendee.unknown_fields),
    }
    parts = dict(attendee.parts)
    other: dict[str, Any] = {}
    pins, held = attendee.pins, attendee.held
    for entry in reversed(change.entries):
        if entry.what in values:
            if entry.old is None:
                values[entry.what].pop(entry.key, None)
            else:
                values[entry.what][entry.key] = _said(entry.old)
        elif entry.what in _PARTS:
            assert isinstance(entry.key, int)
            old = None if entry.old is None else _said(entry.old)
            parts[entry.key] = msgspec.structs.replace(parts.get(entry.key, Part()), **{_PARTS[entry.what]: old})
        elif entry.what == "part_more_ids":
            assert isinstance(entry.key, int)
            parts[entry.key] = msgspec.structs.replace(parts.get(entry.key, Part()), more_ids=entry.old or [])
        elif entry.what == "pin":
            pins = with_pin(pins, entry.key, bool(entry.old))
        elif entry.what == "held":
            held = with_held(held, entry.key, entry.old)
        elif entry.what in ("aliases", "absorbed"):
            other[entry.what] = entry.old or []
        elif entry.what in ("status", "removed", "merged_into"):
            other[entry.what] = entry.old
    return msgspec.structs.replace(
        attendee,
        profile=values["profile"],
        custom_fields=values["custom_field"],
        unknown_fields=values["unknown_field"],
        parts=parts,
        pins=pins,
        held=held,
        sequence=change.previous or 0,
        **other,
    )


_PARTS = {"part_groups": "groups", "part_expects": "expects", "part_id": "third_party_id"}


def _said(value: Any) -> Said[Any]:
    return Said(value, 0, 0, 0)


def _list_states(
    connection: Connection, event_id: str, attendee: Attendee, wanted: Sequence[Change]
) -> dict[int, Attendee]:
    """One attendee behind each of these lines of his, which are in order; by sequence."""
    states = {}
    first = wanted[0].sequence
    pending = {change.sequence for change in wanted}
    state: Attendee | None = attendee
    known = {change.sequence: change for change in wanted}
    sequence: int | None = attendee.sequence
    while state is not None and sequence is not None and sequence >= first:
        history = [known[sequence]] if sequence in known else changes.list_history(connection, event_id, sequence)
        for change in history:
            if state is None or change.sequence < first:
                break
            if change.sequence in pending:
                states[change.sequence] = msgspec.structs.replace(state, updated_at=change.at)
            state = revert(state, change)
        sequence = history[-1].previous if history else None
    return states
