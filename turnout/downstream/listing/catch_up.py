"""Brings the list index of an event up to the end of its log, for the command line."""

from turnout.changes.follow import Follower
from turnout.downstream.listing.consumer import consumer
from turnout.store.database import Database


def catch_up(database: Database, event_id: str) -> bool:
    """Indexes until nothing is left; False where a server does it at the moment: then the rest is in the tail.

    Raises StorageUnavailable.
    """
    return Follower(database, consumer).catch_up(event_id)
