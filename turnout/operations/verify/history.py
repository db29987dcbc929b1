"""The lines of one attendee, folded: what they lead to, and which of them do not follow from those before."""

from collections.abc import Iterator
from typing import Any

import msgspec

from turnout.changes.fold import apply
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Entry
from turnout.operations.verify.findings import Verifying
from turnout.store.verification import StoredChange


def fold_history(verifying: Verifying, history: Iterator[StoredChange]) -> Attendee | None:
    """What the lines lead to; nobody once they say that he is erased."""
    folded: Attendee | None = None
    before: int | None = None
    for line in history:
        verifying.count()
        change = line.change
        where = {"sequence": line.sequence, "attendee_id": line.attendee_id}
        if line.previous != before:
            message = f"Line {line.sequence} does not name the line of {line.attendee_id} before it."
            verifying.problem("broken_history", message, **where)
        before = line.sequence
        if change is None or change.source_number is None:
            verifying.problem("unreadable_line", f"Line {line.sequence} cannot be read.", **where)
            continue
        if line.attendee_id in verifying.erased:
            if change.entries or change.email is not None:
                message = f"Line {line.sequence} still tells of {line.attendee_id}, who was erased."
                verifying.problem("not_forgotten", message, **where)
            continue
        if (change.kind == "created") != (folded is None):
            message = f"Line {line.sequence} is of the kind {change.kind}, which cannot be at this place."
            verifying.problem("wrong_kind", message, **where)
        for entry in change.entries:
            wrong = _judge_entry(verifying, entry, folded)
            if wrong is not None:
                verifying.problem("wrong_entry", f"Line {line.sequence}: {wrong}.", **where)
        try:
            folded = apply(folded, change)
        except (AssertionError, msgspec.ValidationError, TypeError):
            verifying.problem("unreadable_line", f"Line {line.sequence} cannot be applied.", **where)
    return folded


def _judge_entry(verifying: Verifying, entry: Entry, before: Attendee | None) -> str | None:
    """What is wrong with one entry: names that nobody has registered, or an old value that was not there."""
    groups = verifying.configuration.groups.by_number
    is_of_field = entry.what == "custom_field" or (entry.what == "pin" and isinstance(entry.key, int))
    if is_of_field and entry.key not in verifying.configuration.custom_fields.by_number:
        return f"the custom field {entry.key} is not registered"
    named = (*entry.old, *entry.new) if entry.what in ("groups", "part_groups") else ()
    if any(one not in groups for one in (*named, *([entry.key] if entry.what == "held" else []))):
        return "it names a group that is not registered"
    if entry.what.startswith("part_") and entry.key not in verifying.configuration.sources:
        return f"the source {entry.key} is not there"
    if entry.old != _value_before(entry, before):
        return f"{_name_entry(entry)} was something else before than it says"
    return None


def _value_before(entry: Entry, before: Attendee | None) -> Any:
    """What an entry should have found. Silence of a source means no groups, and nobody expected."""
    said: Said[Any] | None = None
    if entry.what == "status":
        return before.status if before else None
    if entry.what == "groups":
        return before.group_numbers() if before else []
    if before is not None and entry.what in ("profile", "custom_field", "unknown_field"):
        said = {
            "profile": before.profile,
            "custom_field": before.custom_fields,
            "unknown_field": before.unknown_fields,
        }[entry.what].get(entry.key)  # type: ignore[arg-type]
    if entry.what == "pin":
        return before is not None and entry.key in before.pins
    if entry.what == "held":
        return before.held.get(entry.key) if before and isinstance(entry.key, int) else None
    if entry.what == "part_more_ids":
        return before.parts.get(entry.key, Part()).more_ids if before and isinstance(entry.key, int) else []
    if entry.what in _PLAIN:
        return getattr(before, entry.what) if before is not None else _PLAIN[entry.what]
    if before is not None and isinstance(entry.key, int) and entry.what in _PARTS:
        said = getattr(before.parts.get(entry.key, Part()), _PARTS[entry.what][0])
    unsaid = _PARTS[entry.what][1] if entry.what in _PARTS else None
    return unsaid if said is None else said.value


_PARTS: dict[str, tuple[str, Any]] = {
    "part_groups": ("groups", []),
    "part_expects": ("expects", False),
    "part_id": ("third_party_id", None),
}


_PLAIN: dict[str, Any] = {"aliases": [], "absorbed": [], "removed": False, "merged_into": None}


def _name_entry(entry: Entry) -> str:
    return entry.what if entry.key is None else f"{entry.what} {entry.key}"
