"""A line of the log as shown to whoever follows it. Pure."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from turnout.changes.shown import shown_to_all
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.model.receipt import PathChange
from turnout.now import as_text


class ChangeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line."""

    sequence: int
    kind: str
    at: str
    attendee_id: str | None
    email: str | None
    push_id: str | None
    source: str | None
    actor: str | None
    """Who acted, or pushed by hand; None of a system's push."""
    changes: list[PathChange]


Form = TypeVar("Form", bound=ChangeView)


def view(change: Change, configuration: Configuration) -> ChangeView:
    """The line in names. Needs a configuration no older than the line."""
    return view_as(ChangeView, change, configuration)


def view_as(form: type[Form], change: Change, configuration: Configuration) -> Form:
    """The same as a line that has room for more."""
    source = None if change.source_number is None else configuration.sources[change.source_number].name
    changes = shown_to_all(change.entries, configuration.custom_fields, configuration.groups)
    if change.attendee_id is None:
        changes += _shown_of_event(change)
    return form(
        sequence=change.sequence,
        kind=change.kind,
        at=as_text(change.at),
        attendee_id=change.attendee_id,
        email=change.email,
        push_id=change.push_id,
        source=source,
        actor=change.actor,
        changes=changes,
    )


def _shown_of_event(change: Change) -> Iterator[PathChange]:
    """What concerns the event itself: a name's old and new spelling, or a setting."""
    for entry in change.entries:
        if entry.what == "group_name":
            yield PathChange("group", old=entry.old, new=entry.new)
        elif entry.what == "custom_field_name":
            yield PathChange("customField", old=entry.old, new=entry.new)
        elif entry.what == "setting":
            yield PathChange(f"settings.{entry.key}", old=entry.old, new=entry.new)
