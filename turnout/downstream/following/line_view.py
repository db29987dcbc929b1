"""A line of the log as one reader may see it: followers and webhooks alike. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from turnout.changes import change_view
from turnout.changes.change_view import ChangeView
from turnout.changes.lines import Line
from turnout.changes.shown import CUSTOM_FIELDS_PATH, GROUPS_PATH
from turnout.downstream import limits as limiting
from turnout.downstream.limits import Limits
from turnout.model.attendee import PROFILE_FIELDS, Attendee, Said
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.model.receipt import PathChange

LEFT = "left"
"""The kind of a line by which somebody is no longer among those whom the reader sees."""
PayloadFormat = Literal["", "nested", "flat"]


class LineView(ChangeView, frozen=True, kw_only=True, rename="camel"):
    """One line, as the command line writes it, with what a follower may ask for besides."""

    payload: Any = UNSET
    """The push that would make the change; None where no push can."""


class Seen(msgspec.Struct, frozen=True):
    """A line of the log as one reader may see it."""

    line: LineView
    """Its `kind` is `left` when the attendee is no longer among those whom the reader sees; then it says no more."""
    after: Attendee | None
    """The attendee behind it, of whom `limits.view` says what is shown; None where nothing of him is, and never was."""
    is_entrance: bool
    """Whether the reader has not seen him before: `changes` hold all that is shown."""

    @property
    def topic(self) -> str | None:
        """As webhooks call it, `attendee.updated`; None for what concerns the event itself."""
        return None if self.line.attendee_id is None else f"attendee.{self.line.kind}"


def see(line: Line, configuration: Configuration, limits: Limits) -> Seen | None:
    """The line as far as the reader sees it; None where it tells him nothing, and so must not be sent.

    Needs a configuration no older than the line.
    """
    change = line.change
    is_limited = limits.groups is not None or limits.fields is not None
    if not limits.shows_actors:
        change = msgspec.structs.replace(change, actor=None)
    if change.kind == "erased":
        return Seen(change_view.view_as(LineView, change, configuration), None, is_entrance=False)
    if line.after is None:
        if is_limited and not _is_name_shown(change, limits):
            # A setting, or somebody who was erased since: of him nothing is left to be seen.
            return None
        return Seen(change_view.view_as(LineView, change, configuration), None, is_entrance=False)
    before = line.before
    was_seen, is_seen = limits.sees(before), limits.sees(line.after)
    if not was_seen and not is_seen:
        return None
    if not is_seen:
        return Seen(_tell_left(line), None, is_entrance=False)
    if limits.fields is not None:
        # Of unknown fields nothing is shown then, and the path of one may look like one that is.
        entries = [entry for entry in change.entries if entry.what != "unknown_field"]
        change = msgspec.structs.replace(change, entries=entries)
    view = change_view.view_as(LineView, change, configuration)
    if was_seen:
        changes = limiting.changes_seen(view.changes, configuration, limits) if is_limited else view.changes
        if limits.fields is not None and change.kind == "updated" and not changes:
            return None
    else:
        changes = view.changes if before is None and not is_limited else list_all(line.after, configuration, limits)
    email = view.email if limits.shows("email") else None
    return Seen(msgspec.structs.replace(view, email=email, changes=changes), line.after, is_entrance=not was_seen)


def _is_name_shown(change: Change, limits: Limits) -> bool:
    """Whether it is the new name of a group or a field that the reader sees: he has values under the old one."""
    names = [entry for entry in change.entries if entry.what in ("group_name", "custom_field_name")]
    return change.attendee_id is None and any(
        limits.shows(entry.key)
        if entry.what == "custom_field_name" and entry.key is not None
        else limits.groups is None or entry.key in limits.groups
        for entry in names
    )


def _tell_left(line: Line) -> LineView:
    """That he is gone, and nothing of who made it so or how."""
    return LineView(
        sequence=line.change.sequence,
        kind=LEFT,
        at=change_view.as_text(line.change.at),
        attendee_id=line.change.attendee_id,
        email=None,
        push_id=None,
        source=None,
        actor=None,
        changes=[],
    )


def list_all(
    attendee: Attendee, configuration: Configuration, limits: Limits, *, with_cleared: bool = False
) -> list[PathChange]:
    """All that is shown of somebody, as if he had just been created; his status where it is not what that makes it.

    `with_cleared` adds the fields that had a value once, and the groups even where there are none.
    """
    spell_field, spell_group = configuration.custom_fields.spell, configuration.groups.spell

    def is_said(said: Said[Any] | None) -> bool:
        return said is not None and (with_cleared or said.value is not None)

    profile: Mapping[Any, Said[Any]] = attendee.profile
    changes = [
        PathChange(f"profile.{field}", old=None, new=profile[field].value)
        for field in PROFILE_FIELDS
        if is_said(profile.get(field))
    ]
    changes += [
        PathChange(CUSTOM_FIELDS_PATH, field_name=spell_field(number), old=None, new=said.value)
        for number, said in attendee.custom_fields.items()
        if is_said(said)
    ]
    if limits.fields is None:
        changes += [
            PathChange(path, old=None, new=said.value)
            for path, said in attendee.unknown_fields.items()
            if is_said(said)
        ]
    groups = [spell_group(number) for number in attendee.group_numbers()]
    if groups or with_cleared:
        changes.append(PathChange(GROUPS_PATH, old=[], new=groups))
    if attendee.status != "attending":
        changes.append(PathChange("status", old=None, new=attendee.status))
    return limiting.changes_seen(changes, configuration, limits)
