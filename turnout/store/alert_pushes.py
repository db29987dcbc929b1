"""What alerts ask of the push log: a bounded look at its latest lines."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, text

from turnout.model.push import StoredPush
from turnout.model.receipt import Warning
from turnout.now import first_id
from turnout.store.pushes import PUSH_COLUMNS, as_push, pushes_by

LOOKED_AT = 20_000
"""Lines of one source, the latest, among which those made by hand are counted."""
_FIRST = 1_000
"""Lines of one source, the oldest, among which its first push is."""
_LIVE = "dry_run = :no AND actor IS NULL AND replay_of IS NULL"
"""Meant by the source itself: no dry run, no rehearsal, nothing that people have pushed or replayed."""
_decode_warnings = msgspec.json.Decoder(list[Warning]).decode


class HandMade(NamedTuple):
    """What of some pushes people have made or replayed."""

    pushed: int
    failed: int


def count_by_hand(connection: Connection, event_id: str, source_number: int, since: int) -> HandMade:
    """How many of the source's pushes since then people have made or replayed."""
    row = connection.execute(
        text(
            "SELECT count(*) AS pushed, count(CASE WHEN result = 'failed' THEN 1 END) AS failed FROM"
            f" (SELECT result, dry_run, actor, replay_of FROM {pushes_by(connection, 'pushes_source')}"
            " WHERE event_id = :event_id AND source_number = :source_number AND id >= :first"
            " ORDER BY id DESC LIMIT :limit) AS latest"
            " WHERE dry_run = :no AND (actor IS NOT NULL OR replay_of IS NOT NULL)"
        ),
        {
            "event_id": event_id,
            "source_number": source_number,
            "first": first_id("psh", max(0, since)),
            "limit": LOOKED_AT,
            "no": 0,
        },
    ).one()
    return HandMade(int(row.pushed), int(row.failed))


def list_failed(connection: Connection, event_id: str, source_number: int, since: int, limit: int) -> list[StoredPush]:
    """The latest of the source's own pushes since then that failed."""
    rows = connection.execute(
        # As a literal, which the index of the failed ones is for.
        text(
            f"SELECT {PUSH_COLUMNS} FROM {pushes_by(connection, 'pushes_failed')}"
            " WHERE event_id = :event_id AND result = 'failed' AND id >= :first"
            f" AND source_number = :source_number AND {_LIVE} ORDER BY id DESC LIMIT :limit"
        ),
        {
            "event_id": event_id,
            "source_number": source_number,
            "first": first_id("psh", max(0, since)),
            "limit": limit,
            "no": 0,
        },
    )
    return [as_push(row) for row in rows]


def has_unmended(connection: Connection, event_id: str, source_number: int, since: int, looked_at: int) -> bool:
    """Whether one of the latest so many that failed since then has not succeeded as a replay."""
    failed = [push.id for push in list_failed(connection, event_id, source_number, since, looked_at)]
    return any(not _is_mended(connection, event_id, push_id) for push_id in failed)


def _is_mended(connection: Connection, event_id: str, push_id: str) -> bool:
    row = connection.execute(
        text(
            f"SELECT 1 FROM {pushes_by(connection, 'pushes_replays')} WHERE event_id = :event_id"
            " AND replay_of = :push_id AND result <> 'failed' AND dry_run = :no LIMIT 1"
        ),
        {"event_id": event_id, "push_id": push_id, "no": 0},
    ).first()
    return row is not None


def count_unmended(connection: Connection, event_id: str, since: int, limit: int) -> int:
    """How many of the latest so many of all sources' own that failed since then have not succeeded as a replay."""
    return connection.execute(
        text(
            "SELECT count(*) FROM (SELECT id FROM"
            f" {pushes_by(connection, 'pushes_failed')} WHERE event_id = :event_id AND result = 'failed'"
            f" AND id >= :first AND {_LIVE} ORDER BY id DESC LIMIT :limit) AS failed"
            f" WHERE NOT EXISTS (SELECT 1 FROM {pushes_by(connection, 'pushes_replays')} WHERE event_id = :event_id"
            " AND replay_of = failed.id AND result <> 'failed' AND dry_run = :no)"
        ),
        {"event_id": event_id, "first": first_id("psh", max(0, since)), "limit": limit, "no": 0},
    ).scalar_one()


class First(NamedTuple):
    """The first that took effect of a source."""

    at: int
    is_rehearsed: bool
    """Sent in a rehearsal, and let take effect at that time by people."""


def find_first(connection: Connection, event_id: str, source_number: int) -> First | None:
    """The source's first own push that was taken; None where none was among the oldest lines of its log."""
    oldest = (
        f"(SELECT id, at, result, dry_run, rehearsed, actor, replay_of FROM {pushes_by(connection, 'pushes_source')}"
        " WHERE event_id = :event_id AND source_number = :source_number ORDER BY id LIMIT :limit)"
    )
    row = connection.execute(
        text(
            f"SELECT at, replay_of FROM {oldest} AS oldest WHERE result <> 'failed' AND dry_run = :no"
            " AND ((actor IS NULL AND replay_of IS NULL)"
            f" OR replay_of IN (SELECT id FROM {oldest} AS before WHERE rehearsed = :yes)) ORDER BY id LIMIT 1"
        ),
        {"event_id": event_id, "source_number": source_number, "limit": _FIRST, "no": 0, "yes": 1},
    ).first()
    return None if row is None else First(row.at, row.replay_of is not None)


def list_warned(connection: Connection, event_id: str, since: int, limit: int) -> list[tuple[int, Sequence[Warning]]]:
    """Of the latest so many lines since then the sources' own that were taken with warnings: source and warnings."""
    rows = connection.execute(
        text(
            "SELECT source_number, warnings FROM (SELECT id, source_number, warnings, result, dry_run, actor,"
            f" replay_of FROM {pushes_by(connection, None)} WHERE event_id = :event_id AND id >= :first"
            " ORDER BY id DESC LIMIT :limit) AS latest"
            f" WHERE warnings IS NOT NULL AND result <> 'failed' AND {_LIVE} ORDER BY id DESC"
        ),
        {"event_id": event_id, "first": first_id("psh", max(0, since)), "limit": limit, "no": 0},
    )
    return [(number, _decode_warnings(warnings)) for number, warnings in rows]
