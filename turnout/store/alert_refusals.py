"""What alerts ask of refused requests: those of the latest time, with keys of the event and with others."""

from typing import NamedTuple

from sqlalchemy import Connection, text

from turnout.store.refusals import Refusal

_OWN = "key_id IN (SELECT id FROM keys WHERE event_id = :event_id)"


class Tried(NamedTuple):
    """How often somebody was refused with one key, from all addresses together."""

    key_id: str
    addresses: int
    count: int
    first_at: int
    last_at: int


def list_refused(connection: Connection, since: int) -> list[str]:
    """The events at which somebody was refused since then; not those that are archived."""
    return list(
        connection.execute(
            # All that are kept are looked through, which are few.
            text(
                "SELECT id FROM events WHERE archived_at IS NULL"
                " AND id IN (SELECT event_id FROM refusals WHERE last_at >= :since) ORDER BY id"
            ),
            {"since": since},
        ).scalars()
    )


def list_with_keys(connection: Connection, event_id: str, since: int) -> list[Tried]:
    """By key of the event, be it good or not, with which somebody was refused since then."""
    rows = connection.execute(
        text(
            "SELECT key_id, count(*), sum(count), min(first_at), max(last_at) FROM refusals"
            f" WHERE event_id = :event_id AND last_at >= :since AND {_OWN} GROUP BY key_id ORDER BY key_id"
        ),
        {"event_id": event_id, "since": since},
    )
    return [Tried(key_id, addresses, int(count), first, last) for key_id, addresses, count, first, last in rows]


def list_with_others(connection: Connection, event_id: str, since: int, limit: int) -> list[Refusal]:
    """The latest with no key of the event, by key and address."""
    rows = connection.execute(
        text(
            "SELECT event_id, address, key_id, count, first_at, last_at FROM refusals"
            f" WHERE event_id = :event_id AND last_at >= :since AND NOT {_OWN} ORDER BY last_at DESC LIMIT :limit"
        ),
        {"event_id": event_id, "since": since, "limit": limit},
    )
    return [Refusal(*row) for row in rows]
