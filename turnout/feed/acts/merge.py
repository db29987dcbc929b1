"""Two attendees turn out to be one person (C10): one is kept and gets what it lacks, the other leads to it."""

from typing import Any

from turnout.feed.acts.scene import Scene
from turnout.feed.settle.draft import Draft
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Change, Entry
from turnout.model.names import fold_case


def merge(scene: Scene, reference: str, into: str) -> list[Change]:
    """Two attendees who are one person: addresses, ids, groups and missing fields go to the one kept (C10)."""
    other, kept = scene.get(reference), scene.get(into)
    entries = foresee_merge(other, kept)
    if not entries:
        return []
    gone = scene.append(other, "merged", [*_give_away(other), Entry("merged_into", None, None, kept.id)])
    _move_addresses(scene.draft, other, kept)
    return [gone, scene.append(kept, "merged", entries)]


def foresee_merge(other: Attendee, kept: Attendee) -> list[Entry]:
    """What the one kept has besides once the other is merged into it; nothing where that is so already."""
    return [] if other.id == kept.id else _take_over(other, kept)


def _give_away(other: Attendee) -> list[Entry]:
    """What the one that is not kept no longer has; its own values stay, for its history."""
    entries: list[Entry] = []
    for source, part in other.parts.items():
        if part.groups and part.groups.value:
            entries.append(Entry("part_groups", source, part.groups.value, [], part.groups.source))
        if part.expects and part.expects.value:
            entries.append(Entry("part_expects", source, True, False, part.expects.source))
        if part.third_party_id and part.third_party_id.value:
            entries.append(Entry("part_id", source, part.third_party_id.value, None, part.third_party_id.source))
        if part.more_ids:
            entries.append(Entry("part_more_ids", source, part.more_ids, []))
    entries += [Entry("held", number, is_in, None) for number, is_in in other.held.items()]
    if other.aliases:
        entries.append(Entry("aliases", None, other.aliases, []))
    if other.absorbed:
        entries.append(Entry("absorbed", None, other.absorbed, []))
    return entries


def _take_over(other: Attendee, kept: Attendee) -> list[Entry]:
    """What the one that is kept has besides from now on."""
    entries: list[Entry] = []
    pins: list[Entry] = []
    mine: dict[Any, Said[Any]]
    for what, theirs, mine in (
        ("profile", other.profile, kept.profile),
        ("custom_field", other.custom_fields, kept.custom_fields),
        ("unknown_field", other.unknown_fields, kept.unknown_fields),
    ):
        for key, said in theirs.items():
            known = mine.get(key)
            # A field that is held empty is not missing.
            is_missing = (known is None or known.value is None) and (what == "unknown_field" or key not in kept.pins)
            if said.value is not None and is_missing:
                entries.append(Entry(what, key, None, said.value, known.source if known else None))  # type: ignore[arg-type]
                if what != "unknown_field" and key in other.pins:
                    pins.append(Entry("pin", key, False, True))  # type: ignore[arg-type]
    entries += pins
    entries += [Entry("held", number, None, is_in) for number, is_in in other.held.items() if number not in kept.held]
    for source, part in sorted(other.parts.items()):
        own = kept.parts.get(source, Part())
        groups = own.groups.value if own.groups else []
        if part.groups and (more := sorted({*groups, *part.groups.value})) != groups:
            entries.append(Entry("part_groups", source, groups, more, own.groups.source if own.groups else None))
        if part.expects and part.expects.value and not (own.expects and own.expects.value):
            old = own.expects.value if own.expects else False
            entries.append(Entry("part_expects", source, old, True, own.expects.source if own.expects else None))
        entries += _take_ids(source, other.ids_of(source), kept.ids_of(source), own)
    addresses = list(kept.aliases)
    for address in (other.email, *other.aliases):
        if fold_case(address) not in map(fold_case, (kept.email, *addresses)):
            addresses.append(address)
    if addresses != kept.aliases:
        entries.append(Entry("aliases", None, kept.aliases, addresses))
    entries.append(Entry("absorbed", None, kept.absorbed, [*kept.absorbed, other.id, *other.absorbed]))
    return entries


def _take_ids(source: int, theirs: list[str], mine: list[str], own: Part) -> list[Entry]:
    new = [one for one in theirs if one not in mine]
    if not new:
        return []
    entries = []
    if own.third_party_id is None or own.third_party_id.value is None:
        old_source = own.third_party_id.source if own.third_party_id else None
        entries.append(Entry("part_id", source, None, new.pop(0), old_source))
    if new:
        entries.append(Entry("part_more_ids", source, own.more_ids, [*own.more_ids, *new]))
    return entries


def _move_addresses(draft: Draft, other: Attendee, kept: Attendee) -> None:
    for address in {fold_case(one) for one in (other.email, *other.aliases)}:
        draft.addresses[address, other.id] = False
        draft.addresses[address, kept.id] = True
