"""The list of attendees, page by page, and what has changed while somebody looks at it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec

from turnout import errors
from turnout.changes.listing.facets import is_told_by
from turnout.console.attendees.asked import BLIND_SORTS, STATUSES, Asked, list_sorts, read_asked, to_query
from turnout.console.attendees.names import name_of, value_of
from turnout.console.attendees.news import News
from turnout.console.page import Live, Message, Visit
from turnout.downstream.attendees.listed import Listed, wait_listed
from turnout.downstream.exports.walk import count_expected
from turnout.downstream.exports.wanted import Wanted
from turnout.downstream.limits import EVERYTHING
from turnout.feed.receipt import Answer
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.model.names import Names, fold_case
from turnout.model.source import PEOPLE

ROWS = 50
MAX_CHOICES = 500
"""Names in one filter; of more the first are offered, and an address with another one works all the same."""
LOOK_EVERY_S = 1.0
"""Between two looks at what has changed, however much comes."""


class Row(msgspec.Struct, frozen=True):
    """One attendee in the list, as much of them as the visitor may see."""

    id: str
    name: str
    email: str
    title: str
    company: str
    groups: list[str]
    sources: list[str]
    status: str
    updated_at: int


class Trouble(msgspec.Struct, frozen=True):
    """Why there is no list."""

    code: str
    detail: str


def show_list(visit: Visit) -> Answer:
    """The page; the part of it below the filters where a script asks."""
    asked = read_asked(visit)
    known = _configuration(visit)
    listed, trouble, status = None, None, 200
    try:
        listed = _read(visit, known, asked)
    except (errors.TooBroad, errors.IndexBehind, errors.InvalidRequest) as error:
        trouble = Trouble(error.code, error.detail)
        # What is no success a script does not show.
        status = 200 if visit.is_fragment else error.status
    return visit.render(
        "_results.html" if visit.is_fragment else "list.html",
        status=status,
        asked=asked,
        trouble=trouble,
        listed=listed,
        rows=[] if listed is None else [_row(visit, one, listed.configuration) for one in listed.attendees],
        count=None if listed is None else _count(visit, known, asked, listed),
        is_first="cursor" not in visit.query,
        columns=_list_columns(visit, asked),
        statuses=STATUSES,
        sorts=list_sorts(visit, asked.q),
        groups=_list_choices(known.groups, asked.group),
        fields=_list_choices(known.custom_fields, asked.field) if visit.sees_personal else [],
        sources=_list_sources(known, asked.source),
    )


async def watch_list(visit: Visit) -> Live:
    return Live(_follow(visit))


async def _follow(visit: Visit) -> AsyncIterator[Message]:
    """How many have changed since the line of the log at which the page was made."""
    asked, said = read_asked(visit), visit.query.get("since", "")
    since = int(said) if said.isascii() and said.isdigit() else 0
    # A database that is away ends it, and the browser comes again.
    with (
        suppress(errors.StorageUnavailable),
        visit.database.notices.watching_in_loop(visit.event.id, since) as watch,
    ):
        news = News(visit, asked, since)
        while True:
            if await asyncio.to_thread(news.look):
                is_empty = visit.query.get("rows") == "0"
                yield Message(visit.render_text("_news.html", news=news, asked=asked, is_empty=is_empty))
            await asyncio.sleep(LOOK_EVERY_S)
            await watch.wait(news.seen)


def _configuration(visit: Visit) -> Configuration:
    assert visit.configuration is not None
    return visit.configuration


def _read(visit: Visit, known: Configuration, asked: Asked) -> Listed:
    """Raises InvalidRequest, TooBroad, IndexBehind and StorageUnavailable."""
    return wait_listed(
        visit.database,
        visit.product.feed.configurations,
        known,
        to_query(asked, known),
        cursor=visit.query.get("cursor") or None,
        limit=ROWS,
    )


def _row(visit: Visit, attendee: Attendee, configuration: Configuration) -> Row:
    shows = visit.sees_personal
    return Row(
        id=attendee.id,
        name=visit.mask(name_of(attendee)) or "",
        email=visit.mask(attendee.email) or "",
        title=value_of(attendee, "title") if shows else "",
        company=value_of(attendee, "company") if shows else "",
        groups=sorted(map(configuration.groups.spell, attendee.group_numbers()), key=fold_case),
        sources=[
            configuration.sources[number].name
            for number, part in sorted(attendee.parts.items())
            if number != PEOPLE and is_told_by(part)
        ],
        status=attendee.status,
        updated_at=attendee.updated_at,
    )


def _count(visit: Visit, known: Configuration, asked: Asked, listed: Listed) -> int | None:
    """How many there are; None where only looking at each would tell."""
    if "cursor" not in visit.query and listed.cursor is None:
        return len(listed.attendees)
    wanted = Wanted(query=to_query(asked, known), limits=EVERYTHING, shown=EVERYTHING)
    with visit.database.read_replica() as connection:
        return count_expected(connection, known.event.id, wanted)


def _list_columns(visit: Visit, asked: Asked) -> list[dict[str, Any]]:
    """The table's head, with the orders that it can be put in."""
    chosen = asked.sort or ("" if asked.q else "-created")

    def column(text: str, order: str, first: str) -> dict[str, Any]:
        if not visit.sees_personal and order not in BLIND_SORTS:
            return {"text": text}
        sorted_now = {order: "ascending", f"-{order}": "descending"}.get(chosen, "")
        other = {"ascending": f"-{order}", "descending": order}.get(sorted_now, first)
        wanted = msgspec.structs.replace(asked, sort=other)
        return {
            "text": text,
            "href": visit.way(f"events/{visit.event.slug}/attendees", **wanted.in_address),
            "sorted": sorted_now,
        }

    return [
        column("Name", "lastName", "lastName"),
        {"text": "Company, title"},
        {"text": "Groups"},
        {"text": "Sources"},
        {"text": "Status"},
        column("Changed", "updated", "-updated"),
    ]


def _list_choices(names: Names, chosen: str) -> list[tuple[str, str]]:
    found = sorted((one.name for one in names.by_number.values()), key=fold_case)[:MAX_CHOICES]
    return _with_chosen([(name, name) for name in found], chosen)


def _list_sources(known: Configuration, chosen: str) -> list[tuple[str, str]]:
    found = [one for one in known.sources.values() if one.number != PEOPLE]
    choices = [(one.name, one.name + (" (retired)" if one.retired_at else "")) for one in found[:MAX_CHOICES]]
    return _with_chosen(choices, chosen)


def _with_chosen(choices: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """What is chosen is among them, also where the address has it otherwise."""
    return choices if not chosen or chosen in dict(choices) else [(chosen, chosen), *choices]
