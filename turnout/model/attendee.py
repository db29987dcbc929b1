"""The attendee: the one true, current record of a person at an event, and where each value came from."""

from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

PROFILE_FIELDS = (
    "email",
    "thirdPartyId",
    "prefix",
    "firstName",
    "lastName",
    "phone",
    "website",
    "facebook",
    "twitter",
    "linkedin",
    "instagram",
    "title",
    "department",
    "company",
    "city",
    "state",
    "country",
    "assistantName",
    "assistantPhone",
    "assistantEmail",
    "motto",
    "biography",
)
"""`email` and the 21 other fields of the profile (B4)."""

FieldValue: TypeAlias = str | list[str]
"""A custom field's value; a list is a multiple choice (B4)."""
UnknownValue: TypeAlias = Any
"""Text, or a list or an object of such (B5)."""
Value = TypeVar("Value")


class Said(msgspec.Struct, Generic[Value], frozen=True, array_like=True):
    """A value and its origin. A list on the wire, because every attendee holds dozens."""

    value: Value
    sequence: int
    """Of the change that set it; 0 where a source cleared what never had a value."""
    source: int
    """The number of the source that set it."""
    true_at: int
    """When it was last known to be true: a value that was true earlier does not replace it (D7).

    A push that says the same again moves this without a change in the log.
    """


class LastPush(msgspec.Struct, frozen=True, array_like=True):
    """The latest push of one source for one attendee, so that its repetition can be counted there."""

    id: str
    digest: str


class Part(msgspec.Struct, frozen=True, omit_defaults=True, rename={"last_push": "last"}):
    """What one source says of one attendee (A6, C5, C6, C9)."""

    groups: Said[list[int]] | None = None
    """The numbers of the groups that the source puts the attendee in."""
    expects: Said[bool] | None = None
    third_party_id: Said[str | None] | None = None
    more_ids: list[str] = []
    """Further ids of the source, of attendees that were merged into this one (C10)."""
    last_push: LastPush | None = None


class Attendee(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person at one event."""

    id: str
    status: str
    """`attending` while a source expects the person, else `withdrawn` (C9); `merged` when it is another one now."""
    profile: dict[str, Said[str | None]]
    """By field name, `email` among them; a field that never was set is missing, a cleared one is None."""
    custom_fields: dict[int, Said[FieldValue | None]] = {}
    """By the custom field's number."""
    unknown_fields: dict[str, Said[UnknownValue | None]] = {}
    """By the path under which they came (B5)."""
    parts: dict[int, Part] = {}
    """By the source's number."""
    aliases: list[str] = []
    """Former addresses, as they were last sent (C1)."""
    pins: list[str | int] = []
    """Fields that a person holds (C7): names of the profile's, numbers of custom fields."""
    held: dict[int, bool] = {}
    """Groups, by number, that a person has put the attendee in or out of, whatever sources say (C10)."""
    removed: bool = False
    """By a person, whatever sources expect (C10)."""
    merged_into: str | None = None
    """The attendee that this one turned out to be (C10)."""
    absorbed: list[str] = []
    """The attendees that were merged into this one."""
    created_at: int
    updated_at: int
    sequence: int
    """Of the last change."""

    @property
    def email(self) -> str:
        """The address as last sent."""
        return self.profile["email"].value or ""

    def group_numbers(self) -> list[int]:
        """The groups that the attendee is in."""
        return group_numbers(self.parts, self.held)

    def ids_of(self, source: int) -> list[str]:
        """The ids that this source has given the attendee, the present one first (C6)."""
        part = self.parts.get(source)
        if part is None:
            return []
        present = part.third_party_id.value if part.third_party_id else None
        return [*([present] if present else []), *part.more_ids]


def group_numbers(parts: Mapping[int, Part], held: Mapping[int, bool]) -> list[int]:
    """The groups that any of these sources puts somebody in, or a person does who beats them; sorted by number."""
    numbers = {number for part in parts.values() if part.groups for number in part.groups.value}
    if held:
        numbers = {number for number in numbers if held.get(number, True)} | {
            number for number, is_in in held.items() if is_in
        }
    return sorted(numbers)


def status_of(parts: Mapping[int, Part], *, removed: bool, merged_into: str | None) -> str:
    """What follows from what sources expect and people have decided (C9, C10)."""
    if merged_into is not None:
        return "merged"
    is_expected = any(part.expects and part.expects.value for part in parts.values())
    return "attending" if is_expected and not removed else "withdrawn"
