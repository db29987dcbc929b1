"""What a list is asked for: filters, search and order, in the event's own numbers. Pure."""

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import msgspec

from turnout import errors
from turnout.changes.fields import find_field, list_fields
from turnout.changes.listing.words import terms_of
from turnout.changes.meant import tell_meant
from turnout.downstream.limits import EVERYTHING, Limits
from turnout.feed.parse.redact import show
from turnout.feed.parse.values import BadTime, is_address, read_time
from turnout.feed.reading import QUERY, Head
from turnout.model.event import Configuration
from turnout.model.names import fold_case

Order: TypeAlias = Literal["id", "email", "lastName", "updated", "word"]
Status: TypeAlias = Literal["attending", "withdrawn", "all"]

FILTERS = ("group", "source", "updatedSince", "email", "q", "status")
CUSTOM_FIELD = "customField."
"""`customField.Shoe size=43`: the field's name, however it is written, and its whole value without case and accents."""
SORTS: dict[str, Order] = {
    "id": "id",
    "created": "id",
    "email": "email",
    "lastName": "lastName",
    "updated": "updated",
}
"""What `sort` can be, `-` before it for the other way round. Ids sort by the time they were made."""
SEARCHED_FIELDS = ("email", "firstName", "lastName", "company")
"""What text search looks at."""
MAX_CUSTOM_FIELDS = 20
"""Filters by custom fields in one list."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a list has, and in which order."""

    status: Status = "attending"
    group: int | None = None
    """By number, as `source` and the custom fields are."""
    source: int | None = None
    """Who this source says something about."""
    custom_fields: tuple[tuple[int, str], ...] = ()
    """Numbers, each with the value that it has, or has among others; without case and accents."""
    updated_since: int | None = None
    address: str | None = None
    """Folded; a present one or a former one."""
    terms: tuple[str, ...] | None = None
    """Each begins a word of the person; None for no search, empty for one that finds nobody."""
    order: Order = "id"
    """`word`: as the search finds them."""
    descending: bool = False


def read_query(head: Head, configuration: Configuration, limits: Limits) -> Query:
    """The query of a request, whose other parameters are for the caller. Raises InvalidRequest and HiddenField."""
    return make_query(
        configuration,
        limits,
        status=head.choice("status", get_args(Status)),
        group=head.text("group"),
        source=head.text("source"),
        custom_fields=head.texts_under(CUSTOM_FIELD),
        updated_since=head.text("updatedSince"),
        email=head.text("email"),
        search=head.text("q"),
        sort=head.text("sort"),
    )


def make_query(
    configuration: Configuration,
    limits: Limits,
    *,
    status: str = "attending",
    group: str | None = None,
    source: str | None = None,
    custom_fields: Sequence[tuple[str, str]] = (),
    updated_since: str | None = None,
    email: str | None = None,
    search: str | None = None,
    sort: str | None = None,
    within: str = QUERY,
) -> Query:
    """The query that texts of people mean in this event, for a reader with these limits.

    A limited reader must not learn by a filter, a search or an order what he is not shown. `within` is where the texts
    stand: errors tell the path. Raises InvalidRequest and HiddenField.
    """
    if email is not None:
        expect_shown(limits, "email", f"{within}email")
    terms = None
    if search is not None and search.strip():
        if not any(limits.shows(field) for field in SEARCHED_FIELDS):
            raise errors.HiddenField(
                f"Text search looks at {', '.join(SEARCHED_FIELDS)}, and this key sees none.", path=f"{within}q"
            )
        terms = terms_of(_given(f"{within}q", search))
    # The order of words would tell of those that are not shown.
    shows_words = all(limits.shows(field) for field in SEARCHED_FIELDS)
    order, descending = _read_sort(sort, "word" if terms and shows_words else "id", f"{within}sort")
    if order in ("email", "lastName"):
        expect_shown(limits, order, f"{within}sort")
    if len(custom_fields) > MAX_CUSTOM_FIELDS:
        raise errors.InvalidRequest(
            f"A list is filtered by at most {MAX_CUSTOM_FIELDS} custom fields.",
            path=f"{within}{CUSTOM_FIELD}*" if within else "customFields",
        )
    return Query(
        status=_STATUSES[status],
        group=None if group is None else find_group(configuration, limits, group, f"{within}group"),
        source=None if source is None else _find_source(configuration, limits, source, f"{within}source"),
        custom_fields=tuple(
            sorted({_find_custom_field(configuration, limits, within, *one) for one in custom_fields}),
        ),
        updated_since=None if updated_since is None else _read_time(updated_since, f"{within}updatedSince"),
        address=None if email is None else _read_address(email, f"{within}email"),
        terms=terms,
        order=order,
        descending=descending,
    )


_STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}


def read_fields(head: Head, configuration: Configuration, limits: Limits) -> Limits:
    """The limits of what is answered: those of the reader, and the fields that he chooses. Raises InvalidRequest."""
    names = [name.strip() for value in head.texts("fields") for name in value.split(",") if name.strip()]
    if not names:
        return limits
    return choose_fields(names, configuration, limits, f"{QUERY}fields")


def choose_fields(names: Sequence[str], configuration: Configuration, limits: Limits, path: str) -> Limits:
    """The limits narrowed to these fields. Raises InvalidRequest for one that the reader does not see."""
    chosen = set()
    for name in names:
        field = find_field(configuration, name)
        if field is not None and limits.shows(field):
            chosen.add(field)
        elif name not in ALWAYS_SHOWN:
            raise unknown_field(name, configuration, limits, path)
    return msgspec.structs.replace(limits, fields=frozenset(chosen))


ALWAYS_SHOWN = ("id", "status", "groups", "createdAt", "updatedAt")
"""May be chosen, and come in any case."""


def expect_shown(limits: Limits, field: str, path: str = "") -> None:
    """Raises HiddenField where the reader does not see this field, which is asked for at `path`."""
    if not limits.shows(field):
        raise errors.HiddenField(f"This key does not see {field}.", path=path)


def find_group(configuration: Configuration, limits: Limits, name: str, path: str) -> int:
    """The group that a name means, if the reader may know of it. Raises InvalidRequest."""
    group = configuration.groups.find(_given(path, name))
    if group is None or (limits.groups is not None and group.number not in limits.groups):
        known = sorted(configuration.groups.by_number.values(), key=lambda one: one.number)
        seen = [one.name for one in known if limits.groups is None or one.number in limits.groups]
        raise _unknown("group", name, limits.groups, seen, path)
    return group.number


def find_shown_field(configuration: Configuration, limits: Limits, name: str, path: str) -> str | int:
    """The field that a name means, if the reader sees it. Raises InvalidRequest."""
    field = find_field(configuration, _given(path, name))
    if field is None or not limits.shows(field):
        raise unknown_field(name, configuration, limits, path)
    return field


def unknown_field(name: str, configuration: Configuration, limits: Limits, path: str) -> errors.InvalidRequest:
    """What to say of a field that there is not, or that the reader does not see: the same."""
    return _unknown("field", name, limits.fields, _list_seen(configuration, limits), path)


def _find_source(configuration: Configuration, limits: Limits, name: str, path: str) -> int:
    """By its name or id."""
    wanted = fold_case(_given(path, name))
    for number, source in configuration.sources.items():
        if wanted in (fold_case(source.name), source.id):
            return number
    if limits != EVERYTHING:
        # Who else says something about the event is not told to those who see a part of it.
        raise errors.InvalidRequest(f'There is no source "{show(name, 40)}".', path=path)
    raise _unknown("source", name, None, [source.name for source in configuration.sources.values()], path)


def _find_custom_field(
    configuration: Configuration, limits: Limits, within: str, name: str, value: str
) -> tuple[int, str]:
    # In a body they are an object.
    path = (f"{within}{CUSTOM_FIELD}" if within else "customFields.") + show(name, 40)
    field = configuration.custom_fields.find(name)
    if field is None or not limits.shows(field.number):
        raise _unknown("custom field", name, limits.fields, _list_seen(configuration, limits, only_custom=True), path)
    return field.number, _given(path, value)


def _list_seen(configuration: Configuration, limits: Limits, *, only_custom: bool = False) -> list[str]:
    return [
        name
        for field, name in list_fields(configuration)
        if limits.shows(field) and not (only_custom and isinstance(field, str))
    ]


def _unknown(what: str, name: str, limited: object, seen: Sequence[str], path: str) -> errors.InvalidRequest:
    """The same for what there is not and for what the reader may not know of, who is told of those that he sees."""
    hint = "" if limited is None else ", or none that this key sees"
    return errors.InvalidRequest(f'There is no {what} "{show(name, 40)}"{hint}. {tell_meant(name, seen)}', path=path)


def _read_sort(sort: str | None, otherwise: Order, path: str) -> tuple[Order, bool]:
    if sort is None or not sort.strip():
        return otherwise, False
    name = sort.strip().removeprefix("-")
    order = next((order for known, order in SORTS.items() if known.lower() == name.lower()), None)
    if order is None:
        raise errors.InvalidRequest(
            f'sort can be {", ".join(SORTS)}, with - before it for the other way round; not "{show(sort, 40)}".',
            path=path,
        )
    return order, sort.strip().startswith("-")


def _read_address(said: str, path: str) -> str:
    """What is no address nobody has: an empty list would not tell of the slip. Raises InvalidRequest."""
    text = _given(path, said)
    if not is_address(text):
        raise errors.InvalidRequest(
            f'email is an address such as john.doe@example.com, not "{show(text, 40)}".', path=path
        )
    return fold_case(text)


def _read_time(said: str, path: str) -> int:
    # A plus sign that was not encoded for the query arrives as a space.
    text = re.sub(r" (\d\d:?\d\d)$", r"+\1", _given(path, said))
    try:
        return read_time(text)
    except BadTime as error:
        raise errors.InvalidRequest(
            f'updatedSince "{show(said, 40)}" {error}. Send a time such as 2026-05-01T09:00:00Z.', path=path
        ) from error


def _given(path: str, value: str) -> str:
    """What an empty filter means nobody can tell: everybody, or nobody. Raises InvalidRequest."""
    name = path.removeprefix(QUERY)
    if not value.strip():
        raise errors.InvalidRequest(f"{name} is empty. Leave it out, or say what to look for.", path=path)
    expect_no_zero(name, value, path)
    return value.strip()


def expect_no_zero(name: str, value: str, path: str = "") -> None:
    """No value holds the character U+0000 (B6), and PostgreSQL cannot even be asked for it. Raises InvalidRequest."""
    if "\0" in value:
        raise errors.InvalidRequest(f"{name} holds the character U+0000, which no value does.", path=path)
