"""The addresses at which attendees are read."""

from collections.abc import Awaitable, Callable

from turnout.downstream.attendees.history import show_history
from turnout.downstream.attendees.listing import list_attendees
from turnout.downstream.attendees.lookup import look_up
from turnout.downstream.attendees.names import list_custom_fields, list_groups
from turnout.downstream.attendees.person import show_attendee
from turnout.downstream.attendees.room import AT_ONCE, WAITING, Room
from turnout.feed.gateway import Asked, Route
from turnout.feed.intake import Feed
from turnout.feed.receipt import Answer
from turnout.feed.turns import Turns
from turnout.store.database import Database


def list_attendee_routes(feed: Feed, database: Database, public_url: str) -> list[Route]:
    """Theirs."""
    room = Room(feed, database, public_url, Turns(AT_ONCE, WAITING))

    def route(method: str, address: str, handle: Callable[[Room, Asked], Awaitable[Answer]]) -> Route:
        return Route(method, address, "read", lambda asked: handle(room, asked))

    return [
        route("GET", "attendees", list_attendees),
        route("GET", "attendees/{attendee}", show_attendee),
        route("GET", "attendees/{attendee}/history", show_history),
        route("POST", "attendees/lookup", look_up),
        route("GET", "groups", list_groups),
        route("GET", "custom-fields", list_custom_fields),
    ]
