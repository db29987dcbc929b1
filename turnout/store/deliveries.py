"""The queue of deliveries: what a webhook has still to be told, and what became of each try. `delivery_log.py` lists.

Of the unfinished deliveries of one attendee to one webhook only the earliest has a time at which it is due. Whoever
adds, finishes or opens one again holds the webhook's cursor in that event, so that this stays so.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from turnout.model.webhook import Attempt, Delivery
from turnout.store.statements import in_parts, insert, is_postgresql, placeholder, run, slices, values

_DELIVERY = (
    "event_id, webhook_id, sequence, id, attendee_id, topic, state, body, attempts, next_at, created_at, finished_at"
)
_NO_EARLIER = (
    "NOT EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.event_id = deliveries.event_id"
    " AND earlier.webhook_id = deliveries.webhook_id AND earlier.attendee_id = deliveries.attendee_id"
    " AND earlier.sequence < deliveries.sequence AND earlier.finished_at IS NULL)"
)


class Due(msgspec.Struct, frozen=True):
    """A delivery that can be sent now, without its body."""

    event_id: str
    sequence: int
    attendee_id: str
    size: int


class Open(msgspec.Struct, frozen=True):
    """What of a webhook is not finished."""

    ready: int = 0
    """Never tried, and nothing before them."""
    parked: int = 0
    """Tried, and to be tried again: one an attendee."""
    waiting: int = 0
    """Behind another one of the same attendee."""


def lock_cursors(connection: Connection, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Cursors by event and webhook, locked until the transaction ends, in one order. (SQLite is locked by now.)"""
    lock = " FOR UPDATE" if is_postgresql(connection) else ""
    found = {}
    for some in in_parts(sorted(places), 2):
        rows = run(
            connection,
            "SELECT event_id, consumer, sequence FROM cursors WHERE (event_id, consumer)"
            f" IN (VALUES {values(connection, 2, len(some))}) ORDER BY event_id, consumer{lock}",
            tuple(parameter for place in some for parameter in place),
        )
        found |= {(event_id, consumer): sequence for event_id, consumer, sequence in rows}
    return found


def list_erased(connection: Connection, event_id: str, after: int) -> set[str]:
    """Who was erased in lines behind `after`, as far as they are committed."""
    return set(
        connection.execute(
            text(
                "SELECT attendee_id FROM changes WHERE event_id = :event_id AND sequence > :after AND kind = 'erased'"
            ),
            {"event_id": event_id, "after": after},
        ).scalars()
    )


def find_open(connection: Connection, event_id: str, webhook_id: str, attendee_ids: Collection[str]) -> dict[str, int]:
    """The earliest unfinished delivery of each of these attendees who has any."""
    found: dict[str, int] = {}
    for some in in_parts([(one,) for one in sorted(attendee_ids)], 1):
        rows = run(
            connection,
            "SELECT attendee_id, min(sequence) FROM deliveries"
            f" WHERE event_id = {placeholder(connection)} AND webhook_id = {placeholder(connection)}"
            f" AND attendee_id IN ({values(connection, 1, len(some))}) AND finished_at IS NULL GROUP BY attendee_id",
            (event_id, webhook_id, *(one for (one,) in some)),
        )
        found |= dict(rows)
    return found


def add(connection: Connection, new: Sequence[Delivery]) -> None:
    """Queues them. Of those that are there already the finished ones are sent again as they were, if they may be."""
    insert(
        connection,
        "deliveries",
        _DELIVERY,
        [
            (
                one.event_id,
                one.webhook_id,
                one.sequence,
                one.id,
                one.attendee_id,
                one.topic,
                one.state,
                one.body,
                _write_attempts(one.attempts),
                one.next_at,
                one.created_at,
                one.finished_at,
            )
            for one in new
        ],
        "ON CONFLICT (event_id, webhook_id, sequence) DO UPDATE SET state = 'new', next_at = excluded.next_at,"
        " finished_at = NULL WHERE deliveries.finished_at IS NOT NULL AND deliveries.body IS NOT NULL",
    )


def count_open(connection: Connection, webhook_id: str, event_id: str | None = None) -> Open:
    """Of the event that the webhook is of, or of all events."""
    which = "= :event_id" if event_id else "IN (SELECT event_id FROM cursors WHERE consumer = :webhook_id)"
    row = connection.execute(
        text(
            "SELECT count(CASE WHEN next_at IS NOT NULL AND state = 'new' THEN 1 END) AS ready,"
            " count(CASE WHEN next_at IS NOT NULL AND state = 'parked' THEN 1 END) AS parked,"
            " count(CASE WHEN next_at IS NULL THEN 1 END) AS waiting FROM deliveries"
            f" WHERE event_id {which} AND webhook_id = :webhook_id AND finished_at IS NULL"
        ),
        {"webhook_id": webhook_id, "event_id": event_id},
    ).one()
    return Open(row.ready, row.parked, row.waiting)


def list_due(connection: Connection, webhook_id: str, now: int, limit: int) -> list[Due]:
    """Those whose time has come, of all events, the longest due first."""
    rows = connection.execute(
        text(
            "SELECT event_id, sequence, attendee_id, length(body) AS size FROM deliveries"
            f" WHERE webhook_id = :webhook_id AND next_at <= :now AND {_NO_EARLIER}"
            " ORDER BY next_at, sequence LIMIT :limit"
        ),
        {"webhook_id": webhook_id, "now": now, "limit": limit},
    )
    return [Due(row.event_id, row.sequence, row.attendee_id, row.size or 0) for row in rows]


def find_next_at(connection: Connection, webhook_id: str, after: int) -> int | None:
    """When the next one is due behind that time; None where there is none."""
    return connection.execute(
        text("SELECT min(next_at) FROM deliveries WHERE webhook_id = :webhook_id AND next_at > :after"),
        {"webhook_id": webhook_id, "after": after},
    ).scalar()


def has_due(connection: Connection, webhook_id: str, now: int) -> bool:
    return (
        connection.execute(
            text("SELECT 1 FROM deliveries WHERE webhook_id = :webhook_id AND next_at <= :now LIMIT 1"),
            {"webhook_id": webhook_id, "now": now},
        ).first()
        is not None
    )


def load(connection: Connection, webhook_id: str, places: Sequence[tuple[str, int]]) -> list[Delivery]:
    """Those of these events and sequences that can still be sent, in this order."""
    found: dict[tuple[str, int], Delivery] = {}
    for some in in_parts([(event_id, webhook_id, sequence) for event_id, sequence in places], 3):
        rows = run(
            connection,
            f"SELECT {_DELIVERY} FROM deliveries WHERE (event_id, webhook_id, sequence)"
            f" IN (VALUES {values(connection, 3, len(some))}) AND finished_at IS NULL AND body IS NOT NULL",
            tuple(parameter for place in some for parameter in place),
        )
        found |= {(one.event_id, one.sequence): one for one in map(_read, rows)}
    return [found[place] for place in places if place in found]


def record(connection: Connection, tried: Sequence[Delivery]) -> None:
    """Writes what became of these. Who was erased meanwhile is left alone: what was answered may name him."""
    rows = [
        (
            one.event_id,
            one.webhook_id,
            one.sequence,
            one.state,
            _write_attempts(one.attempts),
            one.next_at,
            one.finished_at,
        )
        for one in tried
    ]
    for some in slices(rows, 7):
        types = ("text", "text", "bigint", "text", "text", "bigint", "bigint")
        run(
            connection,
            "WITH tried (event_id, webhook_id, sequence, state, attempts, next_at, finished_at)"
            f" AS (VALUES {values(connection, 7, len(some), *types)})"
            " UPDATE deliveries SET state = tried.state, attempts = tried.attempts, next_at = tried.next_at,"
            " finished_at = tried.finished_at FROM tried"
            " WHERE deliveries.event_id = tried.event_id AND deliveries.webhook_id = tried.webhook_id"
            " AND deliveries.sequence = tried.sequence"
            " AND deliveries.finished_at IS NULL AND deliveries.body IS NOT NULL",
            tuple(parameter for row in some for parameter in row),
        )


def make_due(connection: Connection, event_id: str, webhook_id: str, attendee_ids: Collection[str], now: int) -> None:
    """Lets the earliest unfinished delivery of each of these attendees be sent, where it was waiting."""
    for some in in_parts([(one,) for one in sorted(attendee_ids)], 1):
        run(
            connection,
            f"UPDATE deliveries SET next_at = {placeholder(connection)}"
            f" WHERE event_id = {placeholder(connection)} AND webhook_id = {placeholder(connection)}"
            f" AND attendee_id IN ({values(connection, 1, len(some))})"
            f" AND finished_at IS NULL AND next_at IS NULL AND {_NO_EARLIER}",
            (now, event_id, webhook_id, *(one for (one,) in some)),
        )


def open_again(connection: Connection, delivery: Delivery, now: int) -> bool:
    """Lets a finished one be sent again as it was; False where it is not finished, or nothing is left of it."""
    return (
        connection.execute(
            text(
                "UPDATE deliveries SET state = 'new', next_at = :now, finished_at = NULL"
                " WHERE event_id = :event_id AND webhook_id = :webhook_id AND sequence = :sequence"
                " AND finished_at IS NOT NULL AND body IS NOT NULL"
            ),
            {
                "now": now,
                "event_id": delivery.event_id,
                "webhook_id": delivery.webhook_id,
                "sequence": delivery.sequence,
            },
        ).rowcount
        > 0
    )


def redact(connection: Connection, event_id: str, attendee_ids: Collection[str], now: int) -> None:
    """Takes away what deliveries say of these attendees, who are being erased (F1); the unfinished ones end unsent."""
    if not attendee_ids:
        return
    # Whoever is about to queue something of them waits, and sees that they are gone.
    lock = " FOR UPDATE" if is_postgresql(connection) else ""
    webhook_ids = (
        connection.execute(
            text(
                "SELECT consumer FROM cursors WHERE event_id = :event_id AND consumer LIKE 'whk%'"
                f" ORDER BY consumer{lock}"
            ),
            {"event_id": event_id},
        )
        .scalars()
        .all()
    )
    if not webhook_ids and not _has_any(connection, event_id):
        return
    for some in in_parts([(one,) for one in sorted(attendee_ids)], 1):
        _forget_answers(connection, event_id, [attendee_id for (attendee_id,) in some])
        run(
            connection,
            "UPDATE deliveries SET body = NULL, next_at = NULL,"
            " state = CASE WHEN finished_at IS NULL THEN 'given_up' ELSE state END,"
            f" finished_at = COALESCE(finished_at, {placeholder(connection)})"
            f" WHERE event_id = {placeholder(connection)} AND attendee_id IN ({values(connection, 1, len(some))})",
            (now, event_id, *(one for (one,) in some)),
        )


def _forget_answers(connection: Connection, event_id: str, attendee_ids: Sequence[str]) -> None:
    """Leaves of their attempts when they were and what came of them: what was answered may name somebody."""
    statement = (
        "SELECT webhook_id, sequence, attempts FROM deliveries"
        f" WHERE event_id = {placeholder(connection)} AND attendee_id IN ({values(connection, 1, len(attendee_ids))})"
        f" AND attempts LIKE {placeholder(connection)} LIMIT {_ANSWERED_AT_ONCE}"
    )
    while found := run(connection, statement, (event_id, *attendee_ids, '%"answer"%')):
        for webhook_id, sequence, attempts in found:
            kept = [
                msgspec.structs.replace(one, answer=None) for one in msgspec.json.decode(attempts, type=list[Attempt])
            ]
            run(
                connection,
                f"UPDATE deliveries SET attempts = {placeholder(connection)} WHERE event_id = {placeholder(connection)}"
                f" AND webhook_id = {placeholder(connection)} AND sequence = {placeholder(connection)}",
                (_write_attempts(kept), event_id, webhook_id, sequence),
            )


_ANSWERED_AT_ONCE = 500
"""Read at once: each may have 30 attempts with a thousand bytes of answer."""


def _has_any(connection: Connection, event_id: str) -> bool:
    its = {"event_id": event_id}
    return (
        connection.execute(text("SELECT 1 FROM deliveries WHERE event_id = :event_id LIMIT 1"), its).first() is not None
    )


def has_old(connection: Connection, before: int) -> bool:
    return _find_old(connection, before, 1) != []


def remove_old(connection: Connection, before: int, limit: int) -> int:
    """Removes some that were made before then and are finished; gives how many."""
    old = _find_old(connection, before, limit)
    for some in in_parts(old, 3):
        run(
            connection,
            "DELETE FROM deliveries WHERE (event_id, webhook_id, sequence)"
            f" IN (VALUES {values(connection, 3, len(some))}) AND finished_at IS NOT NULL",
            tuple(parameter for place in some for parameter in place),
        )
    return len(old)


def _find_old(connection: Connection, before: int, limit: int) -> list[tuple[str, str, int]]:
    """Made before then, which an index knows; unfinished ones are a few days older than that at most."""
    rows = connection.execute(
        text(
            "SELECT event_id, webhook_id, sequence FROM deliveries"
            " WHERE created_at < :before AND finished_at < :before ORDER BY created_at LIMIT :limit"
        ),
        {"before": before, "limit": limit},
    )
    return [tuple(row) for row in rows]


def _write_attempts(attempts: Sequence[Attempt]) -> str:
    return msgspec.json.encode(attempts).decode()


def _read(row: Any) -> Delivery:
    event_id, webhook_id, sequence, its_id, attendee_id, topic, state, body, attempts, *times = row
    next_at, created_at, finished_at = times
    return Delivery(
        event_id=event_id,
        webhook_id=webhook_id,
        sequence=sequence,
        id=its_id,
        attendee_id=attendee_id,
        topic=topic,
        state=state,
        body=body,
        attempts=msgspec.json.decode(attempts, type=list[Attempt]),
        next_at=next_at,
        created_at=created_at,
        finished_at=finished_at,
    )
