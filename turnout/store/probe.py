"""A row of each process that health checks commit to."""

import os

from sqlalchemy import Connection, text

from turnout.store.events import check_schema
from turnout.store.statements import insert


def commit_as_a_push(connection: Connection, at: int) -> None:
    """Writes something where a push could. Raises StorageUnavailable, with what a push is told, where none can.

    Such a small row would find its table in a schema that another version of the program has made, too.
    """
    check_schema(connection)
    commit_probe(connection, at)


def commit_probe(connection: Connection, at: int) -> None:
    """Writes something, so that the commit has to reach the disk."""
    # One for all would let a process that is stuck stop the others too. Two machines may have the same number: then
    # their processes take turns.
    insert(connection, "probe", "id, at", [(os.getpid(), at)], "ON CONFLICT (id) DO UPDATE SET at = excluded.at")


def forget_probes(connection: Connection, before: int) -> None:
    """Removes the rows of processes that are gone."""
    connection.execute(text("DELETE FROM probe WHERE at < :before"), {"before": before})
