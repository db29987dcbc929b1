"""The facets of an attendee: what lists filter by, as short texts. Pure.

The status stands in front, since every list goes by it: `a` is everybody who is attending and `w` who is withdrawn,
`a g5` is who of them is in group 5, `a s2` of whom source 2 says something, `a f3=vegan` who has that value in custom
field 3. Whoever reads looks at the documents of those found: a facet may be of more people than are meant, never less.
"""

from typing import Any

from turnout.changes.listing.words import fold_line, fold_sort
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.names import fold_case

MAX_VALUE_CHARACTERS = 60
"""Of a custom field's value; longer ones have their facet in common with others that begin so."""
MAX_EMAIL_CHARACTERS = 320
STATUSES = {"attending": "a", "withdrawn": "w"}
"""Those who were merged into others are in no list."""


def everybody(status: str) -> str:
    """Everybody with this status."""
    return STATUSES[status]


def in_group(status: str, number: int) -> str:
    """Who is in this group."""
    return f"{STATUSES[status]} g{number}"


def of_source(status: str, number: int) -> str:
    """Of whom this source says, or has said, something: that it expects them or does not, their groups, an id."""
    return f"{STATUSES[status]} s{number}"


def with_value(status: str, field: int, value: str) -> str:
    """Who has this value in the custom field, as one of them where it has several; without case and accents."""
    return f"{STATUSES[status]} f{field}={fold_line(value, MAX_VALUE_CHARACTERS)}"


def with_any_value(status: str, field: int) -> tuple[str, str]:
    """Between which two facets those are of who has any value in the custom field: from the first, up to the other."""
    begin = f"{STATUSES[status]} f{field}"
    return f"{begin}=", f"{begin}>"


def facets_of(attendee: Attendee) -> tuple[str, ...]:
    """All facets of an attendee, in order."""
    status = attendee.status
    if status not in STATUSES:
        return ()
    found = {everybody(status)}
    found.update(in_group(status, number) for number in attendee.group_numbers())
    found.update(of_source(status, number) for number, part in attendee.parts.items() if is_told_by(part))
    for field, said in attendee.custom_fields.items():
        if said.value:
            values = [said.value] if isinstance(said.value, str) else said.value
            found.update(with_value(status, field, value) for value in values)
    return tuple(sorted(found))


def is_told_by(part: Part) -> bool:
    """Whether the source of this part says, or has said, something that is in the log."""
    said: tuple[Said[Any] | None, ...] = (part.expects, part.groups, part.third_party_id)
    return bool(part.more_ids) or any(map(_is_logged, said))


def email_key(attendee: Attendee) -> str:
    """By which addresses are sorted."""
    return fold_case(attendee.email)[:MAX_EMAIL_CHARACTERS]


def last_name_key(attendee: Attendee) -> str:
    """By which last names are sorted; who has none comes last."""
    said = attendee.profile.get("lastName")
    return fold_sort(said.value if said else None)


def _is_logged(said: Said[Any] | None) -> bool:
    # What never was set and is cleared is not in the log, and moves without it.
    return said is not None and said.sequence > 0
