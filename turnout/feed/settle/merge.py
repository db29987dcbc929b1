"""What a push does to an attendee (C1–C10, D7). Pure: no database, no clock; what is odd comes back as a value."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec

from turnout.changes.shown import GROUPS_PATH
from turnout.feed.settle.identify import has_another_name
from turnout.model.attendee import (
    PROFILE_FIELDS,
    Attendee,
    FieldValue,
    LastPush,
    Part,
    Said,
    group_numbers,
    status_of,
)
from turnout.model.change import Entry, Kind
from turnout.model.names import Names, fold_case
from turnout.model.policy import Policy
from turnout.model.push import Push, SaidGroup
from turnout.model.receipt import Warning
from turnout.model.source import PEOPLE

_FIELD_ORDER = {field: place for place, field in enumerate(PROFILE_FIELDS)}
ATTENDING_PATH = "eventInfo.attending"

Value = TypeVar("Value")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Who says it, when, and under which settings."""

    source: int
    policy: Policy
    custom_fields: Names
    """Holds every custom field that the push gives a value or clears."""
    groups: Names
    """Holds every group that the push names."""
    at: int
    """When it takes effect; never before the event's last change."""
    sequence: int
    """The number that its change would have."""
    attendee_id: str
    """For the attendee that it might create."""
    push: LastPush
    renames: bool = False
    """Whether another address than the present one is a change of address: where ids decide (C6)."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What followed."""

    attendee: Attendee | None
    """None when a push says that somebody unknown is not expected (C9)."""
    kind: Kind | None
    """Of the change; None when the push changed nothing (C8)."""
    entries: list[Entry]
    warnings: list[Warning]
    repeats: str | None = None
    """The id of the push that this one says once more, without effect."""


def merge(attendee: Attendee | None, push: Push, context: Context) -> Merged:
    """The attendee after this push, and the entries of the change that leads there.

    `attendee` is None when nobody has the address. Entries come in the order of the profile's fields, then custom
    fields, unknown fields and groups, at most one per path; none at all means that nothing changed. Raises nothing.
    """
    if attendee is None and push.attending is False:
        return Merged(attendee=None, kind=None, entries=[], warnings=[])
    merging = _Merging(attendee, push, context)
    merging.take_profile()
    merging.take_custom_fields()
    merging.take_unknown_fields()
    merging.take_groups()
    merging.take_expectation()
    return merging.finish()


class _Merging:
    """The state of one merge: the parts of the next attendee, copied before they are changed."""

    def __init__(self, attendee: Attendee | None, push: Push, context: Context) -> None:
        self.before = attendee
        self.push = push
        self.context = context
        self.true_at = context.at if push.observed_at is None else min(push.observed_at, context.at)
        self.entries: list[Entry] = []
        self.warnings: list[Warning] = []
        if attendee is None:
            self.profile: dict[str, Said[Any]] = {}
            self.custom_fields: dict[int, Said[Any]] = {}
            self.unknown_fields: dict[str, Said[Any]] = {}
            self.parts: dict[int, Part] = {}
            self.part = Part()
            self.pins: Collection[str | int] = ()
            self.held: Mapping[int, bool] = {}
            self.aliases: list[str] = []
        else:
            self.profile = dict(attendee.profile)
            self.custom_fields = attendee.custom_fields
            self.unknown_fields = attendee.unknown_fields
            self.parts = dict(attendee.parts)
            self.part = self.parts.get(context.source) or Part()
            self.pins = attendee.pins
            self.held = attendee.held
            self.aliases = attendee.aliases
        # What the part becomes; written back once.
        self.part_groups = self.part.groups
        self.part_expects = self.part.expects
        self.part_id = self.part.third_party_id
        self.part_more_ids = self.part.more_ids

    def take_profile(self) -> None:
        push = self.push
        said: dict[str, str | None] = {}
        email = self.profile.get("email")
        # A push to a former address is this attendee, and does not rename back (C1).
        if email is None or self.context.renames or fold_case(email.value) == fold_case(push.email):
            said["email"] = push.email
        if all(push.profile.values()):
            said |= push.profile
        else:
            said |= {field: value or None for field, value in push.profile.items() if self._is_provided(value)}
        for field in push.clear_profile:
            said[field] = None
        if self.before is not None and said.get("thirdPartyId"):
            self._warn_of_shared_address(self.before, said)
        self._take("profile", self.profile, said, lambda field: f"profile.{field}")
        if "thirdPartyId" in said:
            self.part_id = self._take_part("part_id", self.part_id, said["thirdPartyId"], self.context.source)
            self._take_more_ids()
        if self.before is not None and self.profile["email"].value != self.before.email:
            self._take_aliases(self.before.email, self.profile["email"].value or "")
        if len(self.entries) > 1:
            self.entries.sort(key=_field_order)

    def _take_aliases(self, old: str, new: str) -> None:
        """A former address stays the attendee's (C1)."""
        aliases = aliases_after(self.aliases, old, new)
        if aliases != self.aliases:
            self.entries.append(Entry("aliases", None, self.aliases, aliases))
            self.aliases = aliases

    def _take_more_ids(self) -> None:
        """An id that came with a merged attendee and is named again takes the first place; none is lost (C6, C10)."""
        old = self.part.third_party_id.value if self.part.third_party_id else None
        new = self.part_id.value if self.part_id else None
        if new != old and new in self.part_more_ids:
            more = [*([old] if old else []), *(one for one in self.part_more_ids if one != new)]
            self.entries.append(Entry("part_more_ids", self.context.source, self.part_more_ids, more))
            self.part_more_ids = more

    def _warn_of_shared_address(self, before: Attendee, said: Mapping[str, str | None]) -> None:
        """Two people may share one address: another id of the same source and another name hint at that (C6)."""
        known = before.ids_of(self.context.source)
        if known and said["thirdPartyId"] not in known and has_another_name(before, said):
            message = (
                "The address is known with another id of this source and another name. It was taken for the same "
                "person; if two people share the address, ask the event's staff for identity=third_party_id."
            )
            self.warnings.append(Warning(self.push.spell("profile.email"), "shared_email", message))

    def take_custom_fields(self) -> None:
        said: dict[int, FieldValue | None] = {}
        paths: dict[int, str] = {}
        for field in self.push.custom_fields:
            if field.value or self._is_provided(field.value):
                number = _number(self.context.custom_fields, field.name)
                said[number], paths[number] = field.value or None, field.path
        for name in self.push.clear_custom_fields:
            number = _number(self.context.custom_fields, name)
            said[number], paths[number] = None, f"profile.customFields.{name}"
        if said:
            self.custom_fields = dict(self.custom_fields)
            self._take("custom_field", self.custom_fields, said, paths.__getitem__)

    def take_unknown_fields(self) -> None:
        said = {path: value or None for path, value in self.push.unknown_fields.items() if self._is_provided(value)}
        if said:
            self.unknown_fields = dict(self.unknown_fields)
            self._take("unknown_field", self.unknown_fields, said, lambda path: path)

    def take_groups(self) -> None:
        if self.push.groups is None:
            return
        had = self.part_groups.value if self.part_groups else []
        said = {found.number for group in self.push.groups if (found := self._find_group(group)) is not None}
        staff_only = {number for number in had if self.context.groups.by_number[number].staff_only}
        if self.context.policy.groups == "add":
            said |= set(had)
        said |= staff_only
        self.part_groups = self._take_part("part_groups", self.part_groups, sorted(said), self.context.source, [])
        if self.context.policy.groups == "replace":
            self._make_final(said)

    def take_expectation(self) -> None:
        if self.context.source == PEOPLE and self.before is not None and self.push.attending is None:
            # Whoever corrects a value of somebody says nothing of whether he comes.
            return
        expects = self.push.attending is not False
        self.part_expects = self._take_part("part_expects", self.part_expects, expects, self.context.source, False)

    def finish(self) -> Merged:
        repeats = None
        last = self.part.last_push
        if not self.entries and last is not None and last.digest == self.context.push.digest:
            repeats = last.id
        self.parts[self.context.source] = Part(
            groups=self.part_groups,
            expects=self.part_expects,
            third_party_id=self.part_id,
            more_ids=self.part_more_ids,
            last_push=self.context.push if repeats is None else last,
        )
        before = self.before
        removed = before is not None and before.removed
        if removed:
            message = "Staff have removed this person; the push is kept with them, and they stay withdrawn."
            self.warnings.append(Warning("", "removed", message))
        status = status_of(self.parts, removed=removed, merged_into=None)
        kind = self._take_visible(status)
        attendee = Attendee(
            id=before.id if before else self.context.attendee_id,
            status=status,
            profile=self.profile,
            custom_fields=self.custom_fields,
            unknown_fields=self.unknown_fields,
            parts=self.parts,
            aliases=self.aliases,
            pins=before.pins if before else [],
            held=before.held if before else {},
            removed=removed,
            absorbed=before.absorbed if before else [],
            created_at=before.created_at if before else self.context.at,
            updated_at=self.context.at if kind or before is None else before.updated_at,
            sequence=self.context.sequence if kind or before is None else before.sequence,
        )
        return Merged(attendee=attendee, kind=kind, entries=self.entries, warnings=self.warnings, repeats=repeats)

    def _take_visible(self, status: str) -> Kind | None:
        """Adds what follows from all sources together: groups and status. Gives the kind of the change."""
        before = self.before
        if before is None:
            if self.part_groups and self.part_groups.value:
                self.entries.append(Entry("groups", None, [], self.part_groups.value))
            return "created"
        if not self.entries:
            return None
        if any(entry.what == "part_groups" for entry in self.entries):
            had, has = before.group_numbers(), group_numbers(self.parts, self.held)
            if had != has:
                self.entries.append(Entry("groups", None, had, has))
        if status == before.status:
            return "updated"
        self.entries.append(Entry("status", None, before.status, status))
        return "returned" if status == "attending" else "withdrawn"

    def _is_provided(self, value: object) -> bool:
        """Whether null and blank say something, under the policy (C2, C3)."""
        if value is None:
            return self.context.policy.null == "clear"
        if value == "":
            return self.context.policy.blank == "clear"
        return True

    def _take(
        self, what: Any, values: dict[Any, Said[Any]], said: Mapping[Any, Any], path_of: Callable[[Any], str]
    ) -> None:
        """Sets what is said, each value unless a newer one stands there. `path_of` tells where it was said."""
        sequence, source, true_at = self.context.sequence, self.context.source, self.true_at
        for key, value in said.items():
            current = values.get(key)
            if self.pins and what != "unknown_field" and key in self.pins:
                if value != (current.value if current else None):
                    self._warn_pinned(path_of(key))
            elif current is None:
                values[key] = Said(value, 0 if value is None else sequence, source, true_at)
                if value is not None:
                    self.entries.append(Entry(what, key, None, value))
            elif true_at < current.true_at:
                if value != current.value:
                    self._warn_older(path_of(key))
            elif value == current.value:
                # Known to be true until now; where it came from stays (D7).
                values[key] = Said(value, current.sequence, current.source, true_at)
            else:
                values[key] = Said(value, sequence, source, true_at)
                self.entries.append(Entry(what, key, current.value, value, current.source))

    def _take_part(
        self, what: Any, current: Said[Value] | None, value: Value, whose: int, unsaid: Value | None = None
    ) -> Said[Value] | None:
        """What the source `whose` says, after this push. `unsaid` is what its silence has meant until now."""
        before = current.value if current else unsaid
        if current is not None and self.true_at < current.true_at:
            if value != before:
                self._warn_older({"part_groups": GROUPS_PATH, "part_expects": ATTENDING_PATH}.get(what))
            return current
        if value == before:
            # As with a value that is confirmed; it may be another source's list that a final one leaves as it is.
            sequence, source = (current.sequence, current.source) if current else (0, self.context.source)
            return Said(value, sequence, source, self.true_at)
        self.entries.append(Entry(what, whose, before, value, current.source if current else None))
        return Said(value, self.context.sequence, self.context.source, self.true_at)

    def _make_final(self, said: set[int]) -> None:
        """Takes what is not in the list from what other sources said (C5, `groups = replace`)."""
        for number, part in self.parts.items():
            if number == self.context.source or part.groups is None:
                continue
            kept = [
                group for group in part.groups.value if group in said or self.context.groups.by_number[group].staff_only
            ]
            groups = self._take_part("part_groups", part.groups, kept, number, [])
            self.parts[number] = msgspec.structs.replace(part, groups=groups)

    def _find_group(self, group: SaidGroup) -> Any:
        found = self.context.groups.find(group.name)
        if found is None or not found.staff_only:
            return found
        self.warnings.append(
            Warning(
                group.path,
                "staff_only_group",
                f"The group {found.name} is for staff only; pushes do not put anybody in or out of it.",
            )
        )
        return None

    def _warn_pinned(self, path: str) -> None:
        message = "Staff hold this field, so what is there stays."
        self.warnings.append(Warning(self.push.spell(path), "pinned", message))

    def _warn_older(self, path: str | None) -> None:
        # An id that stays has its warning at the profile's field.
        if path is None:
            return
        warning = Warning(
            self.push.spell(path),
            "older_than_current",
            "What is there was true later than this push's observedAt, so it stays.",
        )
        # A list that is final for everyone may be older than those of several sources.
        if warning not in self.warnings:
            self.warnings.append(warning)


def aliases_after(aliases: list[str], old: str, new: str) -> list[str]:
    """The former addresses once `new` takes the place of `old`; the same address in another spelling is none."""
    left = [alias for alias in aliases if fold_case(alias) not in (fold_case(old), fold_case(new))]
    return left if fold_case(old) == fold_case(new) else [*left, old]


def _number(names: Names, spelling: str) -> int:
    found = names.find(spelling)
    assert found is not None, "the commit registers what a push names before it merges"
    return found.number


def _field_order(entry: Entry) -> int:
    return _FIELD_ORDER[str(entry.key)] if entry.what == "profile" else len(_FIELD_ORDER)
