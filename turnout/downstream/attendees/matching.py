"""Whether somebody is among those that a list is asked for, and where in it. Pure, and the last word on both.

Whatever found him, an index that is behind among them, each one is judged here once more.
"""

from typing import TypeAlias

import msgspec

from turnout.changes.listing import facets, words
from turnout.downstream.attendees.query import SEARCHED_FIELDS, Query
from turnout.downstream.limits import Limits
from turnout.model.attendee import Attendee, FieldValue, Said
from turnout.model.names import fold_case

Place: TypeAlias = tuple[str | int, str]
"""What a list is sorted by, and the id, which is all of it where that is the order."""


def matches(attendee: Attendee, query: Query, limits: Limits) -> bool:
    """Whether a reader with these limits finds him by this query."""
    return (
        attendee.status in (("attending", "withdrawn") if query.status == "all" else (query.status,))
        and limits.sees(attendee)
        and (query.group is None or query.group in attendee.group_numbers())
        and (query.source is None or _is_told_by(attendee, query.source))
        and all(_has_value(attendee, *wanted) for wanted in query.custom_fields)
        and (query.updated_since is None or attendee.updated_at >= query.updated_since)
        and (query.address is None or query.address in map(fold_case, (attendee.email, *attendee.aliases)))
        and (query.terms is None or _has_terms(attendee, query.terms, limits))
    )


def place_of(attendee: Attendee, query: Query) -> Place:
    """Where he stands in the order of the query, which he matches."""
    if query.order == "email":
        return facets.email_key(attendee), attendee.id
    if query.order == "lastName":
        return facets.last_name_key(attendee), attendee.id
    if query.order == "updated":
        return attendee.sequence, attendee.id
    if query.order == "word":
        # The first of several words that begin so: in the order of words he would come once for each of them.
        lead = lead_of(query)
        return next((word for word in words.words_of(attendee) if word.startswith(lead)), ""), attendee.id
    return "", attendee.id


def lead_of(query: Query) -> str:
    """By which of its words a search is sorted: the longest, which few people have."""
    return max(query.terms or ("",), key=len)


def _is_told_by(attendee: Attendee, source: int) -> bool:
    part = attendee.parts.get(source)
    return part is not None and facets.is_told_by(part)


def _has_value(attendee: Attendee, field: int, wanted: str) -> bool:
    said = attendee.custom_fields.get(field)
    return said is not None and any(_is_same(value, wanted) for value in _values(said))


def _values(said: Said[FieldValue | None]) -> list[str]:
    if said.value is None:
        return []
    return [said.value] if isinstance(said.value, str) else said.value


def _is_same(value: str, wanted: str) -> bool:
    # Long texts are folded to their end only where they begin alike.
    return all(
        words.fold_line(value, most) == words.fold_line(wanted, most)
        for most in (facets.MAX_VALUE_CHARACTERS, _MOST_MADE * max(len(value), len(wanted)))
    )


_MOST_MADE = 18
"""Characters that folding makes of one."""


def _has_terms(attendee: Attendee, terms: tuple[str, ...], limits: Limits) -> bool:
    if not terms:
        return False
    hidden = [field for field in SEARCHED_FIELDS if not limits.shows(field)]
    if hidden:
        # Else what is not shown could be guessed, letter by letter.
        nothing = dict.fromkeys(hidden, _NOTHING)
        attendee = msgspec.structs.replace(attendee, profile=attendee.profile | nothing)
    return words.matches(words.words_of(attendee), terms)


_NOTHING: Said[str | None] = Said(None, 0, 0, 0)
