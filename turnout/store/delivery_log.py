"""Deliveries as people look at them: what was sent, what was answered, what waits. The queue is `deliveries.py`."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, text

from turnout.model.webhook import Attempt, Delivery, ShownState

_DELIVERY = (
    "event_id, webhook_id, sequence, id, attendee_id, topic, state, body, attempts, next_at, created_at, finished_at"
)
_OF_AN_EVENT = "event_id IN (SELECT id FROM events)"
"""Of any: so that a statement that concerns all events at once names them too."""


class Waiting(msgspec.Struct, frozen=True):
    """What of a webhook is neither delivered nor given up."""

    deliveries: int = 0
    parked: int = 0
    """Attendees whose delivery has failed and is tried again …"""
    behind: int = 0
    """… and deliveries that wait behind another one of the same attendee."""
    since: int | None = None
    """When the oldest was made."""


def find_delivery(connection: Connection, webhook_id: str, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        text(f"SELECT {_DELIVERY} FROM deliveries WHERE {_OF_AN_EVENT} AND webhook_id = :webhook_id AND id = :id"),
        {"webhook_id": webhook_id, "id": delivery_id},
    ).first()
    return None if row is None else _delivery(row)


def list_deliveries(
    connection: Connection,
    webhook_id: str,
    *,
    event_id: str | None = None,
    state: ShownState | None = None,
    before: Delivery | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The latest first, behind the delivery `before`; of one event where that is named, or of all."""
    where = ["webhook_id = :webhook_id"]
    its: dict[str, object] = {"webhook_id": webhook_id, "event_id": event_id, "limit": limit}
    if state is not None:
        where.append("state = :state")
        its["state"] = "given_up" if state == "erased" else state
    if state in ("given_up", "erased"):
        # As `shown_state` tells them apart.
        where.append(f"body IS {'NULL' if state == 'erased' else 'NOT NULL'}")
    # Each in an order that an index has.
    if event_id is not None:
        where.append("event_id = :event_id")
        order = "sequence DESC"
        if before is not None:
            where.append("sequence < :sequence")
    else:
        where.append(_OF_AN_EVENT)
        order = "created_at DESC, id DESC"
        if before is not None:
            where.append("(created_at, id) < (:created_at, :id)")
    if before is not None:
        its |= {"sequence": before.sequence, "created_at": before.created_at, "id": before.id}
    rows = connection.execute(
        text(f"SELECT {_DELIVERY} FROM deliveries WHERE {' AND '.join(where)} ORDER BY {order} LIMIT :limit"), its
    )
    return [_delivery(row) for row in rows]


def list_waiting(connection: Connection, webhook_ids: Sequence[str] | None = None) -> dict[str, Waiting]:
    """By webhook, of these or of all; those of which nothing waits are left out."""
    of_these = "" if webhook_ids is None else " WHERE cursors.consumer IN :webhook_ids"
    parameters = [] if webhook_ids is None else [bindparam("webhook_ids", list(webhook_ids), expanding=True)]
    # By the cursors, so that SQLite walks the index of what is open: else it would look at all that ever was.
    rows = connection.execute(
        text(
            "SELECT deliveries.webhook_id, count(*) AS deliveries,"
            " count(CASE WHEN deliveries.state = 'parked' AND deliveries.next_at IS NOT NULL THEN 1 END) AS parked,"
            " count(CASE WHEN deliveries.next_at IS NULL THEN 1 END) AS behind,"
            " min(deliveries.created_at) AS since FROM cursors"
            " JOIN deliveries ON deliveries.event_id = cursors.event_id AND deliveries.webhook_id = cursors.consumer"
            f" AND deliveries.finished_at IS NULL{of_these} GROUP BY deliveries.webhook_id"
        ).bindparams(*parameters)
    )
    return {row.webhook_id: Waiting(row.deliveries, row.parked, row.behind, row.since) for row in rows}


def hasten(connection: Connection, webhook_id: str, now: int) -> int:
    """Lets all that have failed be tried again at once; gives how many."""
    return connection.execute(
        text(
            f"UPDATE deliveries SET next_at = :now WHERE {_OF_AN_EVENT} AND webhook_id = :webhook_id"
            " AND finished_at IS NULL AND next_at > :now"
        ),
        {"webhook_id": webhook_id, "now": now},
    ).rowcount


def remove_deliveries(connection: Connection, webhook_id: str, limit: int) -> int:
    """Removes some of a webhook's; gives how many."""
    return connection.execute(
        text(
            "DELETE FROM deliveries WHERE (event_id, webhook_id, sequence) IN"
            " (SELECT event_id, webhook_id, sequence FROM deliveries"
            f" WHERE {_OF_AN_EVENT} AND webhook_id = :webhook_id LIMIT :limit)"
        ),
        {"webhook_id": webhook_id, "limit": limit},
    ).rowcount


def _delivery(row) -> Delivery:
    return Delivery(
        event_id=row.event_id,
        webhook_id=row.webhook_id,
        sequence=row.sequence,
        id=row.id,
        attendee_id=row.attendee_id,
        topic=row.topic,
        state=row.state,
        body=row.body,
        attempts=msgspec.json.decode(row.attempts, type=list[Attempt]),
        next_at=row.next_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
