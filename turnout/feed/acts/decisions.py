"""What people decide about one attendee (C7, C10): a field is pinned, a group held, somebody removed or renamed.

Each gives the lines of the log that it made; none where everything was so already.
"""

from turnout import errors
from turnout.feed.acts.scene import Scene
from turnout.feed.parse.fields import MAX_NAME_CHARACTERS
from turnout.feed.parse.notes import find_odd_character
from turnout.feed.parse.values import explain_address, is_address
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.merge import aliases_after
from turnout.feed.settle.register import MAX_GROUPS
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.change import Change, Entry
from turnout.model.names import Name, fold_case
from turnout.model.source import PEOPLE
from turnout.now import new_id
from turnout.store import attendees


def pin(scene: Scene, reference: str, field: str, *, is_pinned: bool) -> list[Change]:
    """Holds a field against pushes, or lets it go (C7): `profile.title`, or a custom field as `customFields.Diet`."""
    attendee = scene.get(reference)
    key = _find_field(scene.draft, field)
    if (key in attendee.pins) == is_pinned:
        return []
    return [scene.append(attendee, "updated", [Entry("pin", key, not is_pinned, is_pinned)])]


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


def hold(scene: Scene, reference: str, group: str, *, is_in: bool | None) -> list[Change]:
    """Puts somebody in or out of a group so that it beats every source; None releases (C10)."""
    attendee = scene.get(reference)
    number = _find_group(scene.draft, group, makes=is_in is True)
    before = attendee.held.get(number)
    if before is is_in:
        return []
    return [scene.append(attendee, "updated", [Entry("held", number, before, is_in)])]


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
