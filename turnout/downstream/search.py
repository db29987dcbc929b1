"""One search over events, sources, people and pushes for what somebody has typed, within bounds of time.

Of those events only that are given: whoever asks sees no others. Names and addresses are for the caller to mask.
"""

import time
from collections.abc import Iterator, Sequence

import msgspec

from turnout import errors
from turnout.downstream.attendees.listed import read_listed
from turnout.downstream.attendees.person import is_id, list_people
from turnout.downstream.attendees.query import make_query
from turnout.downstream.limits import EVERYTHING
from turnout.feed.configurations import Configurations
from turnout.model.age import Where
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration, Event
from turnout.model.names import fold_case
from turnout.model.push import StoredPush
from turnout.model.source import PEOPLE, Source
from turnout.store import events, push_search, pushes
from turnout.store.database import Database
from turnout.store.push_search import PushSearch

MAX_TEXT = 200
"""Characters."""
LEAST = 2
"""Characters of a word before people and pushes are looked through."""
LOOKED_AT = 2_000
"""Latest pushes of each event, for a part of an address."""
MAX_SOURCES = 500
"""Of all events, the youngest, before those are left out that are not seen."""


class FoundSource(msgspec.Struct, frozen=True):
    """A source, and where."""

    event: Event
    source: Source


class FoundPerson(msgspec.Struct, frozen=True):
    """Somebody, and where."""

    event: Event
    id: str
    name: str
    email: str


class FoundPush(msgspec.Struct, frozen=True):
    """One push, and where."""

    event: Event
    push: StoredPush


class Found(msgspec.Struct):
    """What there is, and what was not looked through."""

    events: list[Event] = []
    sources: list[FoundSource] = []
    people: list[FoundPerson] = []
    pushes: list[FoundPush] = []
    events_left: int = 0
    """Events whose people and pushes there was no time for."""
    is_behind: bool = False
    """Whether the list index of some event was still catching up."""

    @property
    def is_empty(self) -> bool:
        return not (self.events or self.sources or self.people or self.pushes)


def search(
    database: Database,
    configurations: Configurations,
    wanted: str,
    seen: Sequence[Event],
    *,
    sees_personal: bool,
    most: int,
    within_s: float,
    thorough: bool,
    where: Where,
) -> Found:
    """The first so many of each kind in these events, those that are not archived first.

    `where` is told where people were looked for. Whoever sees no personal data finds nobody and nothing by it.
    Addresses of pushes are looked through where the text has an @, or where the search is thorough. Raises
    StorageUnavailable.
    """
    ends_at = time.monotonic() + within_s
    found = Found()
    folded = fold_case(wanted)
    in_order = sorted(seen, key=lambda event: (event.archived_at is not None, -event.created_at))
    found.events = [one for one in in_order if folded in fold_case(one.name) or folded in one.slug][:most]
    if wanted.startswith("psh_"):
        found.pushes = list(_find_push(database, wanted, in_order))
        return found
    if len(wanted) < LEAST:
        return found
    found.sources = _list_sources(database, folded, in_order)[:most]
    if not (sees_personal or is_id(wanted)):
        return found
    with_pushes = sees_personal and (thorough or "@" in wanted) and not is_id(wanted)
    for place, event in enumerate(in_order):
        if len(found.people) >= most and (len(found.pushes) >= most or not with_pushes):
            break
        if time.monotonic() > ends_at:
            found.events_left = len(in_order) - place
            break
        configuration = configurations.load(slug=event.slug)
        if configuration is None:
            continue
        if len(found.people) < most:
            try:
                people = _list_people(database, configurations, configuration, wanted, most, where)
            except errors.IndexBehind:
                found.is_behind = True
            else:
                found.people += [_describe(event, one) for one in people]
        if with_pushes and len(found.pushes) < most:
            found.pushes += _list_pushes(database, event, wanted, most)
    found.people, found.pushes = found.people[:most], found.pushes[:most]
    return found


def _find_push(database: Database, push_id: str, seen: Sequence[Event]) -> Iterator[FoundPush]:
    with database.read() as connection:
        push = pushes.find_push(connection, push_id.replace("\0", ""))
    for event in seen:
        if push is not None and event.id == push.event_id:
            yield FoundPush(event, push)


def _list_sources(database: Database, folded: str, seen: Sequence[Event]) -> list[FoundSource]:
    by_id = {event.id: event for event in seen}
    with database.read() as connection:
        found = events.find_sources(connection, folded, MAX_SOURCES)
    return [FoundSource(by_id[one.event_id], one) for one in found if one.event_id in by_id and one.number != PEOPLE]


def _list_people(
    database: Database,
    configurations: Configurations,
    configuration: Configuration,
    wanted: str,
    most: int,
    where: Where,
) -> list[Attendee]:
    """Whose address or id it is, then whom the search finds. Raises IndexBehind, unless it is somebody's."""
    people = []
    if is_id(wanted) or "@" in wanted:
        with database.read() as connection:
            people = list_people(connection, configuration.event.id, wanted, EVERYTHING)
    if people or is_id(wanted):
        return people
    try:
        query = make_query(configuration, EVERYTHING, status="all", search=wanted)
    except errors.InvalidRequest:
        return []
    listed = read_listed(database, configurations, configuration, query, limit=most)
    where.note(listed.age)
    return listed.attendees


def _list_pushes(database: Database, event: Event, wanted: str, most: int) -> list[FoundPush]:
    with database.read() as connection:
        found = push_search.search_pushes(
            connection, event.id, PushSearch(email=wanted), limit=most, looked_at=LOOKED_AT
        )
    return [FoundPush(event, push) for push in found.pushes]


def _describe(event: Event, attendee: Attendee) -> FoundPerson:
    said = (attendee.profile.get(field) for field in ("firstName", "lastName"))
    name = " ".join(one.value for one in said if one is not None and one.value)
    return FoundPerson(event, attendee.id, name, attendee.email)
