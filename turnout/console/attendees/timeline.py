"""What happened to one attendee, line by line of the log, in words."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from turnout import errors
from turnout.changes.shown import list_acts
from turnout.console.attendees.names import FIELD_LABELS, UNKNOWN, label_of_pin
from turnout.downstream.attendees.explained import find_originals
from turnout.model.attendee import Attendee
from turnout.model.change import Change, Entry
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.model.source import PEOPLE
from turnout.store import changes
from turnout.store.statements import Connection

MOMENTS = 20
"""Lines of one page."""
_KINDS = {
    "created": ("Added", "plus", "good"),
    "updated": ("Changed", "pencil", "info"),
    "withdrawn": ("Withdrawn", "minus", "warn"),
    "returned": ("Came back", "undo", "good"),
    "merged": ("Merged", "link", "info"),
}


class Row(msgspec.Struct, frozen=True):
    """One value that moved."""

    label: str
    old: Any = None
    new: Any = None
    is_hidden: bool = False
    """That it moved is all that the visitor may know."""
    joined: list[str] = []
    """Of groups: those that are new …"""
    left: list[str] = []
    """… and those that are gone."""


class Moment(msgspec.Struct, frozen=True):
    """One line of the log."""

    sequence: int
    title: str
    drawing: str
    kind: str
    at: int
    source: str | None
    """None where a person acted."""
    actor: str | None
    push: str | None
    rows: list[Row]
    acts: list[str]
    """What was decided or said that is not seen in values."""
    absorbed: list[str]
    """The ids of who was merged into this one."""
    merged_into: str | None
    came_at: int | None = None
    """When it came, where a person let it take effect later: by a replay …"""
    was_rehearsed: bool = False
    """… of what came while its source rehearsed."""

    @property
    def who(self) -> str:
        """Who said so: a source, a person, or a person for a source."""
        if self.source is None:
            return self.actor or "staff"
        if self.came_at is not None:
            return self.source
        return f"{self.source} ({self.actor})" if self.actor else self.source


class History(msgspec.Struct, frozen=True):
    """Some of it, the latest first."""

    moments: list[Moment]
    next: int | None
    """The line where it goes on; None at its end."""

    def list_joined(self, since: int) -> set[str]:
        """The groups that the attendee has joined behind that line."""
        new = (moment for moment in self.moments if moment.sequence > since)
        return {name for moment in new for row in moment.rows for name in row.joined}


def read_moments(
    connection: Connection,
    configuration: Configuration,
    attendee: Attendee,
    *,
    shows: bool,
    start: int | None = None,
    limit: int = MOMENTS,
) -> History:
    """From this line of the attendee's back, else from the latest. Raises NotFound where it is nobody's, or another's.

    Without `shows` values are left out but for groups and statuses. Needs a configuration no older than the attendee.
    """
    begin = attendee.sequence if start is None else start
    lines = changes.list_history(connection, configuration.event.id, begin, limit=limit)
    if start is not None and (not lines or lines[0].attendee_id != attendee.id):
        raise errors.NotFound("There is nothing earlier of this attendee.")
    originals = find_originals(connection, configuration.event.id, lines)
    moments = [_tell(line, configuration, originals.get(line.push_id or ""), shows) for line in lines]
    return History(moments, lines[-1].previous if lines else None)


def _tell(change: Change, configuration: Configuration, original: StoredPush | None, shows: bool) -> Moment:
    title, drawing, kind = _KINDS.get(change.kind, ("Changed", "pencil", "info"))
    number, entries = change.source_number, change.entries
    source = None if number is None or number == PEOPLE else configuration.sources[number].name
    return Moment(
        sequence=change.sequence,
        title=title,
        drawing=drawing,
        kind=kind,
        at=change.at,
        source=source,
        actor=change.actor,
        push=change.push_id,
        rows=list(_list_rows(entries, configuration, shows)),
        acts=list(_list_acts(change, configuration, shows)),
        absorbed=[
            one for entry in entries if entry.what == "absorbed" for one in _without(entry.new or [], entry.old or [])
        ],
        merged_into=next((entry.new for entry in entries if entry.what == "merged_into"), None),
        came_at=None if original is None or source is None else original.at,
        was_rehearsed=original is not None and original.rehearsed,
    )


def _list_rows(entries: Sequence[Entry], configuration: Configuration, shows: bool) -> Iterator[Row]:
    """By what an entry is, not by its path: that of an unknown field may look like any other."""
    has_id = False
    for entry in entries:
        what, key = entry.what, entry.key
        if what == "groups":
            spell = configuration.groups.spell
            old, new = list(map(spell, entry.old)), list(map(spell, entry.new))
            yield Row("Groups", joined=_without(new, old), left=_without(old, new))
        elif what == "status":
            yield Row("Status", entry.old, entry.new)
        elif what == "profile":
            has_id = has_id or key == "thirdPartyId"
            yield _row(FIELD_LABELS.get(str(key), str(key)), entry, shows)
        elif what == "custom_field" and isinstance(key, int):
            yield _row(configuration.custom_fields.spell(key), entry, shows)
        elif what == "unknown_field":
            yield _row(str(key) if shows else UNKNOWN, entry, shows)
        elif what == "part_id" and isinstance(key, int) and not has_id:
            yield _row(f"Id at {configuration.sources[key].name}", entry, shows)


def _row(label: str, entry: Entry, shows: bool) -> Row:
    return Row(label, entry.old, entry.new) if shows else Row(label, is_hidden=True)


def _list_acts(change: Change, configuration: Configuration, shows: bool) -> Iterator[str]:
    tells_status = change.kind == "created" or any(entry.what == "status" for entry in change.entries)
    for entry in change.entries:
        if entry.what == "part_expects" and isinstance(entry.key, int):
            if entry.key != PEOPLE and not tells_status:
                name = configuration.sources[entry.key].name
                yield f"{name} {'expects' if entry.new else 'no longer expects'} this person"
        elif entry.what in ("pin", "held", "removed") or (entry.what == "aliases" and shows):
            yield from map(_as_sentence, list_acts([entry], configuration.custom_fields, configuration.groups))


def _as_sentence(said: str) -> str:
    path, _, how = said.rpartition(" ")
    if how in ("pinned", "unpinned"):
        return f"{label_of_pin(path)} {'held by staff' if how == 'pinned' else 'let go again'}"
    return said[:1].upper() + said[1:]


def _without(some: list[str], others: list[str]) -> list[str]:
    return [one for one in some if one not in others]
