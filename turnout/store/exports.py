"""Exports: what was asked for, how far each is, and the files in parts that are nothing without their key."""

from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, text

from turnout.store.statements import insert

State: TypeAlias = Literal["waiting", "running", "done", "failed", "removed"]
_EXPORT = (
    "event_id, id, state, format, query, key_id, actor, created_at, attempts, sequence, percent, rows_done,"
    " rows_expected, size_bytes, file_key, finished_at, reason"
)
_OURS = " WHERE event_id = :event_id AND id = :id AND attempts = :attempts AND state = 'running'"
"""Of the attempt that whoever writes belongs to, as long as nobody has removed the export or begun it anew."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One file that somebody has asked for."""

    event_id: str
    id: str
    state: State
    format: str
    query: str
    """What was asked for, within which limits; an empty object once somebody of the event is erased."""
    key_id: str | None
    actor: str | None = None
    created_at: int
    attempts: int = 0
    sequence: int | None = None
    """Of the log when the attempt began: who follows from there misses nothing."""
    percent: int = 0
    rows_done: int = 0
    rows_expected: int | None = None
    """None where nobody can tell before."""
    size_bytes: int | None = None
    file_key: bytes | None = None
    """Without it the parts cannot be read any more."""
    finished_at: int | None = None
    reason: str | None = None
    """Why there is no file, or none any more."""


def add_export(connection: Connection, export: Export) -> None:
    insert(connection, "exports", _EXPORT, [msgspec.structs.astuple(export)])


def find_export(connection: Connection, event_id: str, export_id: str) -> Export | None:
    row = connection.execute(
        text(f"SELECT {_EXPORT} FROM exports WHERE event_id = :event_id AND id = :id"),
        {"event_id": event_id, "id": export_id},
    ).first()
    return None if row is None else _export(row)


def list_of_key(connection: Connection, event_id: str, key_id: str, limit: int) -> list[Export]:
    """Those that this key has asked for, the latest first."""
    rows = connection.execute(
        text(
            f"SELECT {_EXPORT} FROM exports WHERE event_id = :event_id AND key_id = :key_id ORDER BY id DESC"
            " LIMIT :limit"
        ),
        {"event_id": event_id, "key_id": key_id, "limit": limit},
    )
    return [_export(row) for row in rows]


def count_of_key(connection: Connection, event_id: str, key_id: str) -> dict[str, int]:
    """How many of a key's exports are in each state; one that none is in is missing."""
    rows = connection.execute(
        text(
            "SELECT state, count(*) AS number FROM exports WHERE event_id = :event_id AND key_id = :key_id"
            " GROUP BY state"
        ),
        {"event_id": event_id, "key_id": key_id},
    )
    return {row.state: row.number for row in rows}


def list_of_people(connection: Connection, event_id: str, limit: int) -> list[Export]:
    """Those that people have asked for who are signed in, the latest first."""
    rows = connection.execute(
        text(
            f"SELECT {_EXPORT} FROM exports WHERE event_id = :event_id AND key_id IS NULL ORDER BY id DESC LIMIT :limit"
        ),
        {"event_id": event_id, "limit": limit},
    )
    return [_export(row) for row in rows]


def count_of_actor(connection: Connection, event_id: str, actor: str) -> dict[str, int]:
    """How many of a person's exports are in each state; one that none is in is missing."""
    rows = connection.execute(
        text(
            "SELECT state, count(*) AS number FROM exports"
            " WHERE event_id = :event_id AND key_id IS NULL AND actor = :actor GROUP BY state"
        ),
        {"event_id": event_id, "actor": actor},
    )
    return {row.state: row.number for row in rows}


def find_next(connection: Connection) -> Export | None:
    """The one that waits longest, of all events; also one that was begun by somebody who is gone."""
    row = connection.execute(
        text(f"SELECT {_EXPORT} FROM exports WHERE finished_at IS NULL ORDER BY created_at, id LIMIT 1")
    ).first()
    return None if row is None else _export(row)


def begin(connection: Connection, export: Export, file_key: bytes) -> Export | None:
    """A new attempt, from the beginning; None where it was removed or begun by another meanwhile."""
    row = connection.execute(
        text(
            "UPDATE exports SET state = 'running', attempts = attempts + 1, file_key = :file_key, percent = 0,"
            " rows_done = 0, size_bytes = NULL, sequence = NULL, rows_expected = NULL, reason = NULL"
            " WHERE event_id = :event_id AND id = :id AND attempts = :attempts AND finished_at IS NULL"
            f" RETURNING {_EXPORT}"
        ),
        {"event_id": export.event_id, "id": export.id, "attempts": export.attempts, "file_key": file_key},
    ).first()
    return None if row is None else _export(row)


def note_start(connection: Connection, export: Export, sequence: int, rows_expected: int | None) -> bool:
    """Whether this attempt still counts."""
    return _update(
        connection, export, "sequence = :sequence, rows_expected = :rows", sequence=sequence, rows=rows_expected
    )


def note_progress(connection: Connection, export: Export, percent: int, rows_done: int, size_bytes: int) -> bool:
    """Whether this attempt still counts."""
    return _update(
        connection,
        export,
        "percent = :percent, rows_done = :rows, size_bytes = :size",
        percent=percent,
        rows=rows_done,
        size=size_bytes,
    )


def finish(connection: Connection, export: Export, rows_done: int, size_bytes: int, at: int) -> bool:
    """The file is whole. Whether this attempt still counts."""
    return _update(
        connection,
        export,
        "state = 'done', percent = 100, rows_done = :rows, rows_expected = :rows, size_bytes = :size,"
        " finished_at = :at",
        rows=rows_done,
        size=size_bytes,
        at=at,
    )


def fail(connection: Connection, export: Export, reason: str, at: int) -> bool:
    """There will be no file. Whether this attempt still counts."""
    return _update(
        connection,
        export,
        "state = 'failed', file_key = NULL, reason = :reason, finished_at = :at",
        reason=reason,
        at=at,
    )


def put_back(connection: Connection, export: Export) -> bool:
    """It was interrupted in order, so this attempt does not count against it."""
    return _update(connection, export, "state = 'waiting', attempts = attempts - 1, file_key = NULL, percent = 0")


def _update(connection: Connection, export: Export, what: str, **values: object) -> bool:
    its = {"event_id": export.event_id, "id": export.id, "attempts": export.attempts}
    return connection.execute(text(f"UPDATE exports SET {what}{_OURS}"), its | values).rowcount == 1


def remove_files(connection: Connection, event_id: str, reason: str, at: int) -> int:
    """Makes all of an event's exports unreadable, also those that are being made; gives how many. Their parts go later.

    What they were asked for goes too: a filter may hold what is true of one person.
    """
    return connection.execute(
        text(
            "UPDATE exports SET state = 'removed', file_key = NULL, query = '{}', reason = :reason,"
            " finished_at = COALESCE(finished_at, :at) WHERE event_id = :event_id"
            " AND (query <> '{}' OR file_key IS NOT NULL)"
        ),
        {"event_id": event_id, "reason": reason, "at": at},
    ).rowcount


def has_erased(connection: Connection, event_id: str, after: int) -> bool:
    """Whether somebody was erased behind this line of the log."""
    found = connection.execute(
        text("SELECT 1 FROM changes WHERE event_id = :event_id AND sequence > :after AND kind = 'erased' LIMIT 1"),
        {"event_id": event_id, "after": after},
    )
    return found.first() is not None


def has_over(connection: Connection, file_before: int, line_before: int) -> bool:
    """Whether there is a file that was finished before, or a line without one that ended before."""
    return (
        connection.execute(
            text(
                "SELECT 1 FROM exports WHERE (state = 'done' AND finished_at < :file_before)"
                " OR (finished_at < :line_before AND file_key IS NULL) LIMIT 1"
            ),
            {"file_before": file_before, "line_before": line_before},
        ).first()
        is not None
    )


def expire(connection: Connection, before: int, reason: str) -> int:
    """The same of files that were finished before; gives how many."""
    return connection.execute(
        text(
            "UPDATE exports SET state = 'removed', file_key = NULL, reason = :reason"
            " WHERE state = 'done' AND finished_at < :before"
        ),
        {"before": before, "reason": reason},
    ).rowcount


def forget(connection: Connection, before: int) -> None:
    """Takes those away that ended before and have no file."""
    connection.execute(text("DELETE FROM exports WHERE finished_at < :before AND file_key IS NULL"), {"before": before})


def delete_export(connection: Connection, event_id: str, export_id: str) -> None:
    """Its parts go later."""
    connection.execute(
        text("DELETE FROM exports WHERE event_id = :event_id AND id = :id"), {"event_id": event_id, "id": export_id}
    )


# --- Parts -----------------------------------------------------------------------------------------------------------


def write_part(connection: Connection, export: Export, number: int, content: bytes) -> None:
    insert(
        connection,
        "export_parts",
        "event_id, export_id, number, content",
        [(export.event_id, export.id, number, content)],
        "ON CONFLICT (event_id, export_id, number) DO UPDATE SET content = excluded.content",
    )


def find_part(connection: Connection, event_id: str, export_id: str, number: int) -> bytes | None:
    content = connection.execute(
        text(
            "SELECT content FROM export_parts"
            " WHERE event_id = :event_id AND export_id = :export_id AND number = :number"
        ),
        {"event_id": event_id, "export_id": export_id, "number": number},
    ).scalar()
    return None if content is None else bytes(content)


def find_leftover(connection: Connection) -> tuple[str, str] | None:
    """The event and id of an export that has parts and no key to read them with."""
    row = connection.execute(
        text(
            "SELECT event_id, export_id FROM export_parts WHERE NOT EXISTS (SELECT 1 FROM exports"
            " WHERE exports.event_id = export_parts.event_id AND exports.id = export_parts.export_id"
            " AND exports.file_key IS NOT NULL) LIMIT 1"
        )
    ).first()
    return None if row is None else (row.event_id, row.export_id)


def remove_parts(connection: Connection, event_id: str, export_id: str, limit: int, *, since: int = 0) -> int:
    """Removes some of an export's parts, from this number on; gives how many."""
    return connection.execute(
        text(
            "DELETE FROM export_parts WHERE event_id = :event_id AND export_id = :export_id AND number IN"
            " (SELECT number FROM export_parts WHERE event_id = :event_id AND export_id = :export_id"
            " AND number >= :since ORDER BY number LIMIT :limit)"
        ),
        {"event_id": event_id, "export_id": export_id, "limit": limit, "since": since},
    ).rowcount


# --- How many there will be ------------------------------------------------------------------------------------------


def count_attendees(connection: Connection, event_id: str) -> int:
    """All rows of an event, also of those who are withdrawn or merged: along the key, without their documents."""
    return connection.execute(
        text("SELECT count(*) FROM attendees WHERE event_id = :event_id"), {"event_id": event_id}
    ).scalar_one()


def count_absent(connection: Connection, event_id: str) -> dict[str, int]:
    """How many have each status but `attending`: along the index of the few that do."""
    rows = connection.execute(
        text(
            "SELECT status, count(*) AS number FROM attendees"
            " WHERE event_id = :event_id AND status <> 'attending' GROUP BY status"
        ),
        {"event_id": event_id},
    )
    return {row.status: row.number for row in rows}


def count_group(connection: Connection, event_id: str, group_number: int) -> int:
    """Whoever is in a group, whatever their status."""
    return connection.execute(
        text("SELECT count(*) FROM memberships WHERE event_id = :event_id AND group_number = :group_number"),
        {"event_id": event_id, "group_number": group_number},
    ).scalar_one()


def _export(row: object) -> Export:
    values = dict(zip(Export.__struct_fields__, row, strict=True))  # ty: ignore[invalid-argument-type]
    if values["file_key"] is not None:
        values["file_key"] = bytes(values["file_key"])
    return Export(**values)
