"""One row that health checks commit to."""

from sqlalchemy import Connection

from turnout.store.connect import insert


def commit_probe(connection: Connection, at: int) -> None:
    """Writes something, so that the commit has to reach the disk."""
    insert(connection, "probe", "id, at", [(1, at)], "ON CONFLICT (id) DO UPDATE SET at = excluded.at")
