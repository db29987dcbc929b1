"""What an export is asked for, as it is kept: in the event's numbers, with the limits that its reader had. Pure."""

from typing import Literal

import msgspec

from turnout import errors
from turnout.downstream.attendees.query import Query, choose_fields, make_query
from turnout.downstream.body import read_wish_from
from turnout.downstream.formats import FORMATS
from turnout.downstream.limits import Limits
from turnout.feed.parse.redact import show
from turnout.model.event import Configuration

MAX_FIELDS = 4_000


class Wish(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The body of `POST {gateway}/exports`: a format, and the filters of the list that a file can go by."""

    format: str = "csv"
    status: Literal["attending", "withdrawn", "all"] = "attending"
    group: str | None = None
    source: str | None = None
    updated_since: str | None = None
    custom_fields: dict[str, str] = {}
    fields: list[str] | None = None
    """Only these columns; the id, status, groups and times come in any case."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The same, understood."""

    query: Query
    limits: Limits
    """Whom the reader may see, and what may be asked of them."""
    shown: Limits
    """The limits again, narrowed to the fields that were chosen."""


def read_wish(body: bytes) -> Wish:
    """Nothing at all is everything, as CSV. Raises MalformedBody and InvalidRequest."""
    wish = read_wish_from(body or b"{}", Wish, '{"format": "csv", "group": "Speakers"}')
    if wish.format not in FORMATS:
        raise errors.InvalidRequest(
            f'format can be {", ".join(FORMATS)}, not "{show(wish.format, 40)}".', path="format"
        )
    return wish


def understand(wish: Wish, configuration: Configuration, limits: Limits, *, search: str | None = None) -> Wanted:
    """What the wish's names mean in this event, for a reader with these limits. Raises InvalidRequest, HiddenField.

    `search` is of who makes a file of a list that they look at: a wish sent over HTTP has none.
    """
    query = make_query(
        configuration,
        limits,
        status=wish.status,
        group=wish.group,
        source=wish.source,
        custom_fields=tuple(wish.custom_fields.items()),
        updated_since=wish.updated_since,
        search=search,
        within="",
    )
    return Wanted(query=query, limits=limits, shown=_choose(wish.fields, configuration, limits))


def _choose(names: list[str] | None, configuration: Configuration, limits: Limits) -> Limits:
    if names is None:
        return limits
    if len(names) > MAX_FIELDS:
        raise errors.InvalidRequest(f"An export has at most {MAX_FIELDS:,} fields to choose.", path="fields")
    return choose_fields(names, configuration, limits, "fields")


class Kept(msgspec.Struct, frozen=True):
    """Both as they stand in the database."""

    wish: Wish | None = None
    wanted: Wanted | None = None
    """None once somebody of the event was erased: a filter may hold what is true of one person."""


def keep(wish: Wish, wanted: Wanted) -> str:
    return msgspec.json.encode(Kept(wish, wanted)).decode()


def read_kept(query: str) -> Kept:
    return msgspec.json.decode(query, type=Kept)
