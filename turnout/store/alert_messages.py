"""Messages of alerts and digests to one recipient each: what is to be sent, and what became of it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, text

from turnout.model.alert import AlertMessage
from turnout.store.statements import insert

_MESSAGE = "event_id, id, kind, alert_id, user_id, state, tries, next_at, created_at, finished_at, failure"


def add(connection: Connection, messages: Sequence[AlertMessage]) -> None:
    insert(
        connection,
        "alert_messages",
        _MESSAGE,
        [
            (
                one.event_id,
                one.id,
                one.kind,
                one.alert_id,
                one.user_id,
                one.state,
                one.tries,
                one.next_at,
                one.created_at,
                one.finished_at,
                one.failure,
            )
            for one in messages
        ],
    )


def has_due(connection: Connection, now: int) -> bool:
    # Of all events: a partial index holds those alone that are waiting.
    due = connection.execute(text("SELECT event_id FROM alert_messages WHERE next_at <= :now LIMIT 1"), {"now": now})
    return due.first() is not None


def list_due(connection: Connection, now: int, limit: int) -> list[AlertMessage]:
    """Those whose time has come, of all events, the longest due first."""
    rows = connection.execute(
        text(f"SELECT {_MESSAGE} FROM alert_messages WHERE next_at <= :now ORDER BY next_at, id LIMIT :limit"),
        {"now": now, "limit": limit},
    )
    return [_message(row) for row in rows]


def list_of_alerts(connection: Connection, event_id: str, alert_ids: Sequence[str], limit: int) -> list[AlertMessage]:
    """The messages of these alerts, in the order in which they were queued."""
    rows = connection.execute(
        text(
            f"SELECT {_MESSAGE} FROM alert_messages WHERE event_id = :event_id AND alert_id IN :alert_ids"
            " ORDER BY id LIMIT :limit"
        ).bindparams(bindparam("alert_ids", expanding=True)),
        {"event_id": event_id, "alert_ids": list(alert_ids), "limit": limit},
    )
    return [_message(row) for row in rows]


def find_latest_of_webhook(connection: Connection, event_id: str) -> AlertMessage | None:
    """The message to the event's webhook that was queued last."""
    row = connection.execute(
        text(
            f"SELECT {_MESSAGE} FROM alert_messages WHERE event_id = :event_id AND user_id IS NULL"
            " ORDER BY id DESC LIMIT 1"
        ),
        {"event_id": event_id},
    ).first()
    return None if row is None else _message(row)


def count_links(connection: Connection, user_id: str, since: int) -> int:
    """How many links for a new password this user has asked for since then."""
    return connection.execute(
        text(
            "SELECT count(*) FROM alert_messages WHERE event_id = '' AND user_id = :user_id AND kind = 'password'"
            " AND created_at >= :since"
        ),
        {"user_id": user_id, "since": since},
    ).scalar_one()


def count_mails(connection: Connection, user_id: str, since: int) -> tuple[int, int | None]:
    """How many e-mails were sent to this user since then, and when the first of them was.

    Those that went in one have one time.
    """
    row = connection.execute(
        text(
            "SELECT count(DISTINCT finished_at) AS count, min(finished_at) AS first_at FROM alert_messages"
            " WHERE user_id = :user_id AND finished_at >= :since AND state = 'sent'"
        ),
        {"user_id": user_id, "since": since},
    ).one()
    return row.count, row.first_at


def record(connection: Connection, messages: Iterable[AlertMessage]) -> None:
    """Writes what became of them; those that somebody else has finished meanwhile are left alone."""
    for one in messages:
        connection.execute(
            text(
                "UPDATE alert_messages SET state = :state, tries = :tries, next_at = :next_at,"
                " finished_at = :finished_at, failure = :failure"
                " WHERE event_id = :event_id AND id = :id AND finished_at IS NULL"
            ),
            {
                "state": one.state,
                "tries": one.tries,
                "next_at": one.next_at,
                "finished_at": one.finished_at,
                "failure": one.failure,
                "event_id": one.event_id,
                "id": one.id,
            },
        )


def hasten_mails(connection: Connection, now: int) -> None:
    """E-mails that wait for another try are tried now."""
    connection.execute(
        text("UPDATE alert_messages SET next_at = :now WHERE next_at > :now AND user_id IS NOT NULL"), {"now": now}
    )


def hasten_webhook(connection: Connection, event_id: str, now: int) -> None:
    """The same of what waits for this event's webhook."""
    connection.execute(
        text(
            "UPDATE alert_messages SET next_at = :now WHERE event_id = :event_id AND next_at > :now AND user_id IS NULL"
        ),
        {"event_id": event_id, "now": now},
    )


def count_waiting(connection: Connection) -> tuple[int, int]:
    """How many e-mails wait, and how many messages to webhooks."""
    row = connection.execute(
        text(
            "SELECT count(user_id) AS mails, count(*) - count(user_id) AS posts FROM alert_messages"
            " WHERE next_at IS NOT NULL"
        )
    ).one()
    return row.mails, row.posts


def forget(connection: Connection, before: int, limit: int) -> int:
    """Removes some that were finished before that time; gives how many."""
    return connection.execute(
        text(
            "DELETE FROM alert_messages WHERE (event_id, id) IN"
            " (SELECT event_id, id FROM alert_messages WHERE finished_at < :before LIMIT :limit)"
        ),
        {"before": before, "limit": limit},
    ).rowcount


def _message(row) -> AlertMessage:
    return AlertMessage(
        event_id=row.event_id,
        id=row.id,
        kind=row.kind,
        alert_id=row.alert_id,
        user_id=row.user_id,
        state=row.state,
        tries=row.tries,
        next_at=row.next_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        failure=row.failure,
    )
