"""Webhooks as they are set up, and how each is: what lies between its cursor and the log, and what fails."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, text

from turnout.model.webhook import Webhook, WebhookState
from turnout.store.statements import insert

_WEBHOOK = (
    "event_id, id, url, kinds, groups, fields, secret, former_secret, former_until, allow_private, state, reason,"
    " created_at, actor"
)
_ALL_EVENTS = ""
"""What the table holds in place of an event's id."""


def add_webhook(connection: Connection, webhook: Webhook) -> None:
    insert(
        connection,
        "webhooks",
        _WEBHOOK,
        [
            (
                _event(webhook),
                webhook.id,
                webhook.url,
                _list_or_none(webhook.kinds),
                _list_or_none(webhook.groups),
                _list_or_none(webhook.fields),
                webhook.secret,
                webhook.former_secret,
                webhook.former_until,
                int(webhook.allow_private),
                webhook.state,
                webhook.reason,
                webhook.created_at,
                webhook.actor,
            )
        ],
    )


def find_webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    row = connection.execute(text(f"SELECT {_WEBHOOK} FROM webhooks WHERE id = :id"), {"id": webhook_id}).first()
    return None if row is None else _webhook(row)


def list_webhooks(connection: Connection, *, state: WebhookState | None = None) -> list[Webhook]:
    """All of them, or those in this state, in the order in which they were made."""
    rows = connection.execute(
        text(f"SELECT {_WEBHOOK} FROM webhooks WHERE state = COALESCE(CAST(:state AS text), state) ORDER BY id"),
        {"state": state},
    )
    return [_webhook(row) for row in rows]


def count_webhooks(connection: Connection, event_id: str | None) -> int:
    """How many this event has, or are for all events."""
    return connection.execute(
        text("SELECT count(*) FROM webhooks WHERE event_id = :event_id"),
        {"event_id": _ALL_EVENTS if event_id is None else event_id},
    ).scalar_one()


def set_state(
    connection: Connection,
    webhook: Webhook,
    state: WebhookState,
    reason: str | None,
    *,
    of: Iterable[WebhookState] = (),
) -> bool:
    """Writes its state; where `of` is given, only if it is in one of these now. Whether it was written."""
    among = tuple(of) or ("active", "paused", "off")
    written = connection.execute(
        text(
            "UPDATE webhooks SET state = :state, reason = :reason WHERE event_id = :event_id AND id = :id"
            f" AND state IN ({', '.join(f':of_{number}' for number in range(len(among)))})"
        ),
        {
            "state": state,
            "reason": reason,
            "event_id": _event(webhook),
            "id": webhook.id,
            **{f"of_{number}": one for number, one in enumerate(among)},
        },
    )
    return written.rowcount > 0


def set_secrets(connection: Connection, webhook: Webhook) -> None:
    """Writes its secret and the former one."""
    connection.execute(
        text(
            "UPDATE webhooks SET secret = :secret, former_secret = :former_secret, former_until = :former_until"
            " WHERE event_id = :event_id AND id = :id"
        ),
        {
            "secret": webhook.secret,
            "former_secret": webhook.former_secret,
            "former_until": webhook.former_until,
            "event_id": _event(webhook),
            "id": webhook.id,
        },
    )


class Outcomes(msgspec.Struct, frozen=True):
    """When a request to a webhook was last answered well, and when not; None where none was."""

    succeeded_at: int | None = None
    failed_at: int | None = None
    failure: str | None = None
    """What was wrong, in words; nothing of the answer, which may name somebody."""


def note_outcomes(connection: Connection, webhook_id: str, seen: Outcomes) -> None:
    """Writes these, and leaves what was not seen as it is."""
    connection.execute(
        text(
            "UPDATE webhooks SET succeeded_at = COALESCE(:succeeded_at, succeeded_at),"
            " failed_at = COALESCE(:failed_at, failed_at), failure = COALESCE(:failure, failure) WHERE id = :id"
        ),
        {"id": webhook_id, **msgspec.structs.asdict(seen)},
    )


def find_outcomes(connection: Connection, webhook_id: str) -> Outcomes:
    row = connection.execute(
        text("SELECT succeeded_at, failed_at, failure FROM webhooks WHERE id = :id"), {"id": webhook_id}
    ).first()
    return Outcomes() if row is None else Outcomes(*row)


def remove_webhook(connection: Connection, webhook: Webhook) -> None:
    connection.execute(
        text("DELETE FROM webhooks WHERE event_id = :event_id AND id = :id"),
        {"event_id": _event(webhook), "id": webhook.id},
    )


class Place(msgspec.Struct, frozen=True):
    """Where a webhook is in one event's log."""

    webhook_id: str
    event_id: str
    slug: str
    """The event's."""
    cursor: int
    head: int

    @property
    def lag_changes(self) -> int:
        return self.head - self.cursor


def list_places(connection: Connection, webhook_id: str, limit: int) -> list[Place]:
    """In every event that it is told of; those first in which it is furthest behind."""
    rows = connection.execute(
        text(
            f"SELECT webhooks.id, clocks.event_id, events.slug, {_CURSOR} AS cursor, clocks.last_sequence"
            f" FROM {_CURSORS} JOIN events ON events.id = clocks.event_id WHERE webhooks.id = :webhook_id"
            f" ORDER BY clocks.last_sequence - {_CURSOR} DESC, clocks.event_id LIMIT :limit"
        ),
        {"webhook_id": webhook_id, "limit": limit},
    )
    return [Place(*row) for row in rows]


def list_lags(connection: Connection) -> dict[str, int]:
    """How many changes each webhook has not come to, of all the events that it is told of."""
    rows = connection.execute(
        text(f"SELECT webhooks.id, sum(clocks.last_sequence - {_CURSOR}) AS lag FROM {_CURSORS} GROUP BY webhooks.id")
    )
    return {row.id: int(row.lag) for row in rows}


_CURSOR = "COALESCE(cursors.sequence, 0)"
_CURSORS = (
    f"webhooks JOIN clocks ON clocks.event_id = webhooks.event_id OR webhooks.event_id = '{_ALL_EVENTS}'"
    " LEFT JOIN cursors ON cursors.event_id = clocks.event_id AND cursors.consumer = webhooks.id"
)


def _event(webhook: Webhook) -> str:
    return _ALL_EVENTS if webhook.event_id is None else webhook.event_id


def _webhook(row) -> Webhook:
    return Webhook(
        id=row.id,
        event_id=None if row.event_id == _ALL_EVENTS else row.event_id,
        url=row.url,
        kinds=_read_list(row.kinds),
        groups=_read_list(row.groups),
        fields=_read_list(row.fields),
        secret=bytes(row.secret),
        former_secret=None if row.former_secret is None else bytes(row.former_secret),
        former_until=row.former_until,
        allow_private=bool(row.allow_private),
        state=row.state,
        reason=row.reason,
        created_at=row.created_at,
        actor=row.actor,
    )


def _list_or_none(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else msgspec.json.encode(names).decode()


def _read_list(names: str | None) -> tuple[str, ...] | None:
    return None if names is None else msgspec.json.decode(names, type=tuple[str, ...])
