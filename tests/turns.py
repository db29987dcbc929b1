"""Turns for tests that keep house by themselves."""

from turnout.changes.turn import Turn
from turnout.now import new_id
from turnout.store.database import Database


def make_turn(database: Database) -> Turn:
    """One that nobody else waits for, neither the server nor what the test before has left."""
    return Turn(database, new_id("turn"))
