"""What a gateway answers to those who read: the table of addresses, each with its handler."""

from collections.abc import Callable

import msgspec

from turnout.downstream.attendees.routes import list_attendee_routes
from turnout.downstream.exports.exporter import Exporter
from turnout.downstream.exports.routes import list_export_routes
from turnout.downstream.following.following import open_following
from turnout.downstream.following.routes import list_following_routes
from turnout.downstream.tokens.routes import list_token_routes
from turnout.feed.gateway import Route
from turnout.feed.intake import Feed
from turnout.store.database import Database


class Downstream(msgspec.Struct, frozen=True):
    """What the rooms beside this file work with."""

    feed: Feed
    """Who calls and what is set up: `reader.get_reader`, `feed.configurations`."""
    database: Database
    public_url: str
    """Below which the gateways are."""
    exporter: Exporter
    """Told when there is a file to be made."""
    endings: list[Callable[[], None]] = []
    """What ends the streams that are open, when the server is about to stop; a room adds its own."""


def list_routes(downstream: Downstream) -> list[Route]:
    """All of them; a folder beside this file adds its own with a line here."""
    following = open_following(downstream.feed, downstream.database)
    downstream.endings.append(following.tails.stop)
    rooms: tuple[list[Route], ...] = (
        list_attendee_routes(downstream.feed, downstream.database, downstream.public_url),
        list_export_routes(downstream.feed, downstream.database, downstream.public_url, downstream.exporter),
        list_following_routes(following),
        list_token_routes(downstream.feed, downstream.database, downstream.public_url),
    )
    return [route for room in rooms for route in room]
