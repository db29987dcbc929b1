"""What a person with the right to it does to an attendee (C7, C10): lines of the log like pushes, with who did it.

Each act finds its attendee by address or id (`att_…`), in the transaction that writes it, and gives the lines that it
made; none where everything was so already.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from turnout import errors
from turnout.changes.fold import apply
from turnout.feed.commit import acting
from turnout.feed.configurations import Configurations
from turnout.feed.draft import Draft
from turnout.feed.fields import MAX_NAME_CHARACTERS
from turnout.feed.identify import holders_of
from turnout.feed.merge import aliases_after
from turnout.feed.notes import find_odd_character
from turnout.feed.settle import MAX_ATTENDEE_BYTES, MAX_GROUPS
from turnout.feed.values import explain_address, is_address
from turnout.model.attendee import PROFILE_FIELDS, Attendee, Part, Said, status_of
from turnout.model.change import Change, Entry, Kind
from turnout.model.names import Name, fold_case
from turnout.model.source import PEOPLE
from turnout.now import new_id
from turnout.store import attendees, changes
from turnout.store.connect import Connection, Database

MAX_MERGES_FOLLOWED = 10_000


class Scene(msgspec.Struct):
    """One event in the midst of an act, and who acts."""

    connection: Connection
    draft: Draft
    actor: str

    def get(self, reference: str) -> Attendee:
        """The attendee with this address or id; the one kept, where it was merged. Raises NotFound and Conflict."""
        event = self.draft.configuration.event
        found = get_attendee(self.connection, event.id, reference, event.slug)
        if found.id not in self.draft.attendees:
            self.draft.meet(found)
        return self.draft.attendees[found.id]

    def append(self, before: Attendee, kind: Kind, entries: Sequence[Entry]) -> Change:
        """Adds a line of the log with these entries, and all that follows from them. Raises Conflict."""
        draft = self.draft
        change = Change(
            sequence=draft.clock.last_sequence + 1,
            kind=kind,
            at=draft.at,
            true_at=draft.at,
            attendee_id=before.id,
            email=before.email,
            push_id=None,
            source_number=PEOPLE,
            actor=self.actor,
            entries=list(entries),
            previous=before.sequence,
        )
        after = _apply(before, change)
        had, has = before.group_numbers(), after.group_numbers()
        if had != has:
            change.entries.append(Entry("groups", None, had, has))
        status = status_of(after.parts, removed=after.removed, merged_into=after.merged_into)
        if status != before.status:
            change.entries.append(Entry("status", None, before.status, status))
            if kind == "updated":
                kind = "returned" if status == "attending" else "withdrawn"
        change = msgspec.structs.replace(change, kind=kind, email=after.email)
        after = _apply(before, change)
        document = msgspec.json.encode(after)
        if len(document) > MAX_ATTENDEE_BYTES:
            raise errors.Conflict(
                f"{after.email} would hold {len(document):,} bytes; an attendee may hold {MAX_ATTENDEE_BYTES:,}."
            )
        draft.clock.last_sequence, draft.clock.last_at = change.sequence, draft.at
        draft.put_attendee(before, after, document, change.entries)
        draft.changes.append(change)
        return change


@contextmanager
def on_stage(database: Database, configurations: Configurations, event_id: str, actor: str) -> Generator[Scene]:
    """A scene whose lines are written at its end."""
    with acting(database, configurations, event_id) as (connection, draft):
        yield Scene(connection, draft, actor)


def get_attendee(connection: Connection, event_id: str, reference: str, slug: str | None = None) -> Attendee:
    """The attendee with this address or id; the one kept, where it was merged. Raises NotFound and Conflict."""
    reference = reference.strip()
    is_id = reference.startswith("att_") and "@" not in reference
    if is_id:
        found = attendees.find_attendee(connection, event_id, reference)
    else:
        holders = holders_of(reference, attendees.list_by_address(connection, event_id, fold_case(reference)))
        if len(holders) > 1:
            ids = ", ".join(holder.id for holder in holders[:10])
            raise errors.Conflict(f"{len(holders)} people have the address {reference}. Say which by its id: {ids}.")
        found = holders[0] if holders else None
    for _ in range(MAX_MERGES_FOLLOWED):
        if found is None or found.merged_into is None:
            break
        found = attendees.find_attendee(connection, event_id, found.merged_into)
    if found is None:
        what = "id" if is_id else "address"
        raise errors.NotFound(f"Nobody at {slug or 'this event'} has the {what} {reference}.")
    return found


def read_history(connection: Connection, event_id: str, attendee: Attendee) -> Iterator[Change]:
    """All lines of one attendee, the latest first."""
    last: int | None = attendee.sequence
    while last is not None:
        lines = changes.list_history(connection, event_id, last)
        yield from lines
        last = lines[-1].previous if lines else None


def pin(scene: Scene, reference: str, field: str, *, is_pinned: bool) -> list[Change]:
    """Holds a field against pushes, or lets it go (C7): `profile.title`, or a custom field as `customFields.Diet`."""
    attendee = scene.get(reference)
    key = _find_field(scene.draft, field)
    if (key in attendee.pins) == is_pinned:
        return []
    return [scene.append(attendee, "updated", [Entry("pin", key, not is_pinned, is_pinned)])]


def hold(scene: Scene, reference: str, group: str, *, is_in: bool | None) -> list[Change]:
    """Puts somebody in or out of a group so that it beats every source; None releases (C10)."""
    attendee = scene.get(reference)
    number = _find_group(scene.draft, group, makes=is_in is True)
    before = attendee.held.get(number)
    if before is is_in:
        return []
    return [scene.append(attendee, "updated", [Entry("held", number, before, is_in)])]


def remove(scene: Scene, reference: str, *, is_removed: bool) -> list[Change]:
    """Withdraws somebody whatever sources expect, or undoes that (C10)."""
    attendee = scene.get(reference)
    if attendee.removed == is_removed:
        return []
    return [scene.append(attendee, "updated", [Entry("removed", None, attendee.removed, is_removed)])]


def rename(scene: Scene, reference: str, address: str) -> list[Change]:
    """Another address; the old one becomes an alias (C10). Raises InvalidRequest, and Conflict where it is taken."""
    attendee = scene.get(reference)
    address = address.strip()
    if not is_address(address):
        why, cure = explain_address(address)
        raise errors.InvalidRequest(f"{address!r} is not an e-mail address: {why}. {cure}")
    if address == attendee.email:
        return []
    if scene.draft.configuration.event.identity == "email":
        known = attendees.list_by_address(scene.connection, scene.draft.event_id, fold_case(address))
        others = [
            one
            for one in known
            if one.id != attendee.id and one.merged_into is None and fold_case(one.email) == fold_case(address)
        ]
        if others:
            raise errors.Conflict(
                f"{address} is the address of somebody else here ({others[0].id}). If they are one person, merge them: "
                f"turnout attendees merge --event {scene.draft.configuration.event.slug} {others[0].id} {attendee.id}"
            )
    said = attendee.profile["email"]
    entries = [Entry("profile", "email", said.value, address, said.source)]
    aliases = aliases_after(attendee.aliases, attendee.email, address)
    if aliases != attendee.aliases:
        entries.append(Entry("aliases", None, attendee.aliases, aliases))
    return [scene.append(attendee, "updated", entries)]


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


def _apply(before: Attendee, change: Change) -> Attendee:
    after = apply(before, change)
    assert after is not None
    return after


def _find_field(draft: Draft, field: str) -> str | int:
    """A profile field by its path or name, or a custom field's number. Raises NotFound."""
    name = field.strip()
    for prefix in ("profile.customFields.", "customFields."):
        if name.startswith(prefix):
            found = draft.custom_fields.find(name.removeprefix(prefix))
            if found is None:
                raise errors.NotFound(f"The event has no custom field {name.removeprefix(prefix)!r}.")
            return found.number
    name = name.removeprefix("profile.")
    if name not in PROFILE_FIELDS:
        raise errors.NotFound(
            f"There is no field {field!r}. One of the profile is written as profile.title, a custom field as "
            "customFields.Diet."
        )
    return name


def _find_group(draft: Draft, name: str, *, makes: bool) -> int:
    """A group's number; one that there is not yet is made where somebody is put in. Raises NotFound."""
    found = draft.groups.find(name)
    if found is not None:
        return found.number
    if not makes or not name.strip():
        raise errors.NotFound(f"The event has no group {name!r}.")
    if len(name.strip()) > MAX_NAME_CHARACTERS or find_odd_character(name) is not None:
        raise errors.InvalidRequest(f"A group's name has up to {MAX_NAME_CHARACTERS} characters, none of them U+0000.")
    if len(draft.groups.by_number) >= MAX_GROUPS:
        raise errors.Conflict(f"The event has as many groups as it can have ({MAX_GROUPS:,}).")
    new = Name(
        id=new_id("grp"),
        number=len(draft.groups.by_number) + 1,
        name=name.strip(),
        first_source=PEOPLE,
        created_at=draft.at,
    )
    draft.groups = draft.groups.with_new([new])
    draft.new_groups.append(new)
    return new.number
