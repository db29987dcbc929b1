"""One search over events, sources, people and pushes: of those events only that the caller may see."""

from turnout import errors
from turnout.access import roles
from turnout.api.operation import Call, Given, Operation, say_time
from turnout.downstream import search
from turnout.events import event

MOST = 50
WITHIN_S = 3.0


class FoundEvent(Given, frozen=True, kw_only=True):
    """An event by its name or slug."""

    slug: str
    name: str


class FoundSource(Given, frozen=True, kw_only=True):
    """A source by its name, and where."""

    event: str
    """The slug."""
    id: str
    name: str


class FoundPerson(Given, frozen=True, kw_only=True):
    """An attendee, and where."""

    event: str
    """The slug."""
    id: str
    name: str | None
    email: str | None


class FoundPush(Given, frozen=True, kw_only=True):
    """A push, and where."""

    event: str
    """The slug."""
    id: str
    at: str
    result: str
    email: str | None


class Found(Given, frozen=True, kw_only=True):
    """What there is, and what was not looked through."""

    events: list[FoundEvent]
    sources: list[FoundSource]
    people: list[FoundPerson]
    pushes: list[FoundPush]
    """The latest of each event."""
    events_left: int
    """Events whose people and pushes there was no time for."""
    is_behind: bool
    """Whether people of the last moments may be missing."""


def find(call: Call) -> Found:
    wanted = call.query.get("q", "").strip()
    if not 1 <= len(wanted) <= search.MAX_TEXT:
        raise errors.InvalidRequest(f"q is what to look for, in 1 to {search.MAX_TEXT} characters.")
    seen = roles.visible_events(call.user, event.list_all(call.database))
    found = search.search(
        call.database,
        call.product.feed.configurations,
        wanted,
        seen,
        sees_personal=call.user.sees_personal,
        most=MOST,
        within_s=WITHIN_S,
        thorough=True,
        where=call.where,
    )
    return Found(
        events=[FoundEvent(slug=one.slug, name=one.name) for one in found.events],
        sources=[FoundSource(event=one.event.slug, id=one.source.id, name=one.source.name) for one in found.sources],
        people=[
            FoundPerson(event=one.event.slug, id=one.id, name=call.mask(one.name), email=call.mask(one.email))
            for one in found.people
        ],
        pushes=[
            FoundPush(
                event=one.event.slug,
                id=one.push.id,
                at=say_time(one.push.at),
                result=one.push.result,
                email=call.mask(one.push.email),
            )
            for one in found.pushes
        ],
        events_left=found.events_left,
        is_behind=found.is_behind,
    )


operations = [
    Operation(
        "GET",
        "search",
        "user",
        find,
        "Search events, sources, people and pushes",
        "Events and sources by name, people by name and address, pushes by id and address, at most 50 of each, within "
        "three seconds. Who sees no names and addresses finds nobody by them.",
        gives=Found,
        query={"q": "What to look for."},
        tells_age=True,
    ),
]
