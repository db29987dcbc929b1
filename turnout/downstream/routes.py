"""What a gateway answers to those who read: the table of addresses, each with its handler."""

import msgspec

from turnout.feed.gateway import Route
from turnout.feed.intake import Feed
from turnout.store.database import Database


class Downstream(msgspec.Struct, frozen=True):
    """What the rooms beside this file work with."""

    feed: Feed
    """Who calls and what is set up: `reader.get_reader`, `feed.configurations`."""
    database: Database


def list_routes(downstream: Downstream) -> list[Route]:
    """All of them; a folder beside this file adds its own with a line here."""
    rooms: tuple[list[Route], ...] = ()
    return [route for room in rooms for route in room]
