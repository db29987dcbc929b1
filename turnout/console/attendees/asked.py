"""What somebody has chosen above the list: filters, search and order, as they stand in the page's address."""

import msgspec

from turnout.console.page import Visit
from turnout.downstream.attendees.query import Query, make_query
from turnout.downstream.limits import EVERYTHING
from turnout.model.event import Configuration

MAX_TEXT = 200
"""Characters of one filter."""
STATUSES = [("", "Attending"), ("withdrawn", "Withdrawn"), ("all", "Everybody")]
SORTS = [
    ("created", "First come first"),
    ("lastName", "Last name, A to Z"),
    ("-lastName", "Last name, Z to A"),
    ("email", "E-mail, A to Z"),
    ("-email", "E-mail, Z to A"),
    ("-updated", "Last changed first"),
    ("updated", "Last changed last"),
]
BLIND_SORTS = ("created", "-updated", "updated")
"""Those that tell nothing of names and addresses."""


class Asked(msgspec.Struct, frozen=True):
    """Empty texts are what is not asked for."""

    q: str = ""
    status: str = ""
    group: str = ""
    source: str = ""
    field: str = ""
    """A custom field, by name …"""
    value: str = ""
    """… and the whole value that it has to have."""
    sort: str = ""

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.status or self.group or self.source or self.has_value)

    @property
    def has_value(self) -> bool:
        return bool(self.field and self.value)

    @property
    def in_address(self) -> dict[str, str]:
        """As it goes into another address."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value}


def read_asked(visit: Visit) -> Asked:
    """What is in the address, or in the form where one was sent; what is not a choice is left out.

    Whoever sees no personal data cannot find any by what they ask for either.
    """
    said = {
        name: (visit.form.get(name) or visit.query.get(name) or "").replace("\0", "").strip()[:MAX_TEXT]
        for name in Asked.__struct_fields__
    }
    if said["status"] not in dict(STATUSES):
        said["status"] = ""
    if not visit.sees_personal:
        said |= {"q": "", "field": "", "value": ""}
    if said["sort"] not in dict(list_sorts(visit, said["q"])):
        said["sort"] = ""
    return Asked(**said)


def list_sorts(visit: Visit, search: str) -> list[tuple[str, str]]:
    """The orders to choose from; the first is the one that is found quickest, whatever the filters."""
    seen = [(name, text) for name, text in SORTS if visit.sees_personal or name in BLIND_SORTS]
    return [("", "Best match first" if search else "Last come first"), *seen]


def to_query(asked: Asked, configuration: Configuration) -> Query:
    """Raises InvalidRequest where a group, a source or a custom field is not, or no longer, called so."""
    return make_query(
        configuration,
        EVERYTHING,
        status=asked.status or "attending",
        group=asked.group or None,
        source=asked.source or None,
        custom_fields=[(asked.field, asked.value)] if asked.has_value else [],
        search=asked.q or None,
        sort=asked.sort or (None if asked.q else "-created"),
    )
