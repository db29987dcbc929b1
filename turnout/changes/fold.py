"""Changes → state: the log alone is enough to build every attendee again. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Change


def fold(changes: Iterable[Change]) -> dict[str, Attendee]:
    """The attendees that these lines, from the first, lead to; by id."""
    attendees: dict[str, Attendee] = {}
    for change in changes:
        if change.attendee_id is None:
            continue
        attendee = apply(attendees.get(change.attendee_id), change)
        if attendee is None:
            attendees.pop(change.attendee_id, None)
        else:
            attendees[change.attendee_id] = attendee
    return attendees


def apply(attendee: Attendee | None, change: Change) -> Attendee | None:
    """The attendee behind this line of his; None once he is erased, and of what he was before no line tells (F1)."""
    if change.kind == "erased":
        return None
    values: dict[str, dict[Any, Said[Any]]] = {
        "profile": dict(attendee.profile) if attendee else {},
        "custom_field": dict(attendee.custom_fields) if attendee else {},
        "unknown_field": dict(attendee.unknown_fields) if attendee else {},
    }
    parts = dict(attendee.parts) if attendee else {}
    lists = {name: list(getattr(attendee, name)) if attendee else [] for name in ("aliases", "pins", "absorbed")}
    held = dict(attendee.held) if attendee else {}
    status = attendee.status if attendee else "attending"
    removed = attendee.removed if attendee else False
    merged_into = attendee.merged_into if attendee else None
    assert change.attendee_id is not None
    assert change.source_number is not None
    for entry in change.entries:
        said = Said(entry.new, change.sequence, change.source_number, change.true_at)
        if entry.what in values:
            values[entry.what][entry.key] = said
        elif entry.what in _PARTS:
            assert isinstance(entry.key, int)
            parts[entry.key] = msgspec.structs.replace(parts.get(entry.key, Part()), **{_PARTS[entry.what]: said})
        elif entry.what == "part_more_ids":
            assert isinstance(entry.key, int)
            parts[entry.key] = msgspec.structs.replace(parts.get(entry.key, Part()), more_ids=entry.new)
        elif entry.what == "status":
            status = entry.new
        elif entry.what in ("aliases", "absorbed"):
            lists[entry.what] = entry.new
        elif entry.what == "pin":
            lists["pins"] = with_pin(lists["pins"], entry.key, entry.new)
        elif entry.what == "held":
            held = with_held(held, entry.key, entry.new)
        elif entry.what == "removed":
            removed = entry.new
        elif entry.what == "merged_into":
            merged_into = entry.new
    return Attendee(
        id=change.attendee_id,
        status=status,
        profile=values["profile"],
        custom_fields=values["custom_field"],
        unknown_fields=values["unknown_field"],
        parts=parts,
        aliases=lists["aliases"],
        pins=lists["pins"],
        held=held,
        removed=removed,
        merged_into=merged_into,
        absorbed=lists["absorbed"],
        created_at=attendee.created_at if attendee else change.at,
        updated_at=change.at,
        sequence=change.sequence,
    )


def with_pin(pins: Sequence[str | int], key: Any, is_pinned: bool) -> list[str | int]:
    """The pins with this field pinned or not, in one order whatever the way."""
    return sorted({*pins, key} if is_pinned else {*pins} - {key}, key=lambda pin: (isinstance(pin, int), pin))


def with_held(held: Mapping[int, bool], group: Any, is_in: bool | None) -> dict[int, bool]:
    """What is held with this group in, out or, as None, released; in the order of the numbers."""
    left = {number: value for number, value in held.items() if number != group}
    return dict(sorted((left if is_in is None else left | {group: is_in}).items()))


_PARTS = {"part_groups": "groups", "part_expects": "expects", "part_id": "third_party_id"}


def as_folded(attendee: Attendee) -> Attendee:
    """The attendee without what the log does not hold, to compare with a folded one.

    Left out: how long a value is known to be true, the clearing of what never was set, and each source's last push.
    They move with pushes that change nothing, and those are not in the log.
    """
    return msgspec.structs.replace(
        attendee,
        profile=_logged(attendee.profile),
        custom_fields=_logged(attendee.custom_fields),
        unknown_fields=_logged(attendee.unknown_fields),
        parts={
            number: logged
            for number, part in attendee.parts.items()
            if (
                logged := Part(
                    groups=_logged_said(part.groups),
                    expects=_logged_said(part.expects),
                    third_party_id=_logged_said(part.third_party_id),
                    more_ids=part.more_ids,
                )
            )
            != Part()
        },
    )


def _logged(values: dict[Any, Said[Any]]) -> dict[Any, Said[Any]]:
    return {key: logged for key, said in values.items() if (logged := _logged_said(said)) is not None}


def _logged_said(said: Said[Any] | None) -> Said[Any] | None:
    return None if said is None or said.sequence == 0 else Said(said.value, said.sequence, said.source, 0)
