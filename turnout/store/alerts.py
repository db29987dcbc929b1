"""Alerts, how each event is watched, and who follows it.

A row with `opened_at` 0 is of a cause that is merely known, so that nobody is told of it: no list shows it.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, text

from turnout.model.alert import NEWS, Alert, AlertKind, AlertSettings, AlertWebhook, Facts, Watch
from turnout.store.statements import insert

KNOWN = 0
"""When it was opened that nobody is told of."""
_ALERT = "event_id, id, kind, cause, facts, opened_at, seen_at, closed_at"
_WATCH = "event_id, since, settings, webhook_url, webhook_secret, webhook_allow_private"


# --- What was found --------------------------------------------------------------------------------------------------


def add_alert(connection: Connection, alert: Alert) -> bool:
    """False where there is an open one of this cause already; then nothing is added."""
    added = connection.execute(
        text(
            f"INSERT INTO alerts ({_ALERT}) VALUES (:event_id, :id, :kind, :cause, :facts, :opened_at, :seen_at,"
            " :closed_at) ON CONFLICT DO NOTHING"
        ),
        {
            "event_id": alert.event_id,
            "id": alert.id,
            "kind": alert.kind,
            "cause": alert.cause,
            "facts": _write_facts(alert.facts),
            "opened_at": alert.opened_at,
            "seen_at": alert.seen_at,
            "closed_at": alert.closed_at,
        },
    )
    return added.rowcount > 0


def see_alert(connection: Connection, alert: Alert, facts: Facts, at: int) -> None:
    """It was found again, and this is known of it now. Whoever has dismissed it meanwhile is not overruled."""
    connection.execute(
        text(
            "UPDATE alerts SET facts = :facts, seen_at = :at"
            " WHERE event_id = :event_id AND id = :id AND closed_at IS NULL"
        ),
        {"facts": _write_facts(facts), "at": at, "event_id": alert.event_id, "id": alert.id},
    )


def set_facts(connection: Connection, alert: Alert, facts: Facts) -> None:
    """What is known of it, in place of what was."""
    connection.execute(
        text("UPDATE alerts SET facts = :facts WHERE event_id = :event_id AND id = :id"),
        {"facts": _write_facts(facts), "event_id": alert.event_id, "id": alert.id},
    )


def close_alert(connection: Connection, alert: Alert, at: int, facts: Facts | None = None) -> bool:
    """False where somebody has closed it before. `facts`, where they are given, take the place of those it has."""
    closed = connection.execute(
        text(
            "UPDATE alerts SET closed_at = :at, facts = COALESCE(CAST(:facts AS text), facts)"
            " WHERE event_id = :event_id AND id = :id AND closed_at IS NULL"
        ),
        {
            "at": at,
            "facts": None if facts is None else _write_facts(facts),
            "event_id": alert.event_id,
            "id": alert.id,
        },
    )
    return closed.rowcount > 0


def reopen_alert(connection: Connection, alert: Alert, facts: Facts, at: int) -> None:
    """There is no open one of its cause."""
    connection.execute(
        text(
            "UPDATE alerts SET closed_at = NULL, facts = :facts, seen_at = :at WHERE event_id = :event_id AND id = :id"
        ),
        {"facts": _write_facts(facts), "at": at, "event_id": alert.event_id, "id": alert.id},
    )


def find_alert(connection: Connection, event_id: str, alert_id: str) -> Alert | None:
    row = connection.execute(
        text(f"SELECT {_ALERT} FROM alerts WHERE event_id = :event_id AND id = :id AND opened_at > {KNOWN}"),
        {"event_id": event_id, "id": alert_id},
    ).first()
    return None if row is None else _alert(row)


def find_latest_of_cause(connection: Connection, event_id: str, cause: str) -> Alert | None:
    """The one that was opened last, be it open or not, or merely known."""
    row = connection.execute(
        text(f"SELECT {_ALERT} FROM alerts WHERE event_id = :event_id AND cause = :cause ORDER BY id DESC LIMIT 1"),
        {"event_id": event_id, "cause": cause},
    ).first()
    return None if row is None else _alert(row)


def list_open(connection: Connection, event_id: str) -> list[Alert]:
    """Those of the event that are open, the latest first."""
    rows = connection.execute(
        # The condition as a literal, which the index of the open ones is for.
        text(f"SELECT {_ALERT} FROM alerts WHERE event_id = :event_id AND closed_at IS NULL ORDER BY id DESC"),
        {"event_id": event_id},
    )
    return [_alert(row) for row in rows]


def list_dismissed(connection: Connection, event_id: str, since: int) -> list[Alert]:
    """Those that somebody has closed by hand since then."""
    rows = connection.execute(
        text(
            f"SELECT {_ALERT} FROM alerts WHERE event_id = :event_id AND closed_at >= :since"
            " AND facts LIKE :dismissed ORDER BY id DESC"
        ),
        {"event_id": event_id, "since": since, "dismissed": '%"dismissed":%'},
    )
    return [alert for row in rows if "dismissed" in (alert := _alert(row)).facts]


def list_of_kind(connection: Connection, event_id: str, kind: AlertKind) -> list[Alert]:
    """All of this kind, merely known ones too, the latest first."""
    rows = connection.execute(
        text(f"SELECT {_ALERT} FROM alerts WHERE event_id = :event_id AND kind = :kind ORDER BY id DESC"),
        {"event_id": event_id, "kind": kind},
    )
    return [_alert(row) for row in rows]


def list_alerts(
    connection: Connection, event_id: str, *, limit: int, before: str | None = None, only_open: bool = False
) -> list[Alert]:
    """A page of them, the latest opened first, behind the one with the id `before`."""
    where = f"event_id = :event_id AND opened_at > {KNOWN}"
    if only_open:
        where += " AND closed_at IS NULL"
    if before is not None:
        where += " AND id < :before"
    rows = connection.execute(
        text(f"SELECT {_ALERT} FROM alerts WHERE {where} ORDER BY id DESC LIMIT :limit"),
        # A NUL, which PostgreSQL does not take in a text, is in no id.
        {"event_id": event_id, "before": before and before.replace("\0", "\1"), "limit": limit},
    )
    return [_alert(row) for row in rows]


def list_opened(connection: Connection, event_ids: Sequence[str], since: int) -> list[Alert]:
    """Those of these events that were opened since then, the latest first."""
    rows = connection.execute(
        text(
            f"SELECT {_ALERT} FROM alerts WHERE event_id IN :event_ids AND opened_at >= :since ORDER BY id DESC"
        ).bindparams(bindparam("event_ids", expanding=True)),
        {"event_ids": list(event_ids), "since": max(since, KNOWN + 1)},
    )
    return [_alert(row) for row in rows]


def count_open(connection: Connection, event_ids: Sequence[str]) -> dict[str, int]:
    """How many are open, by event; those without one are left out."""
    rows = connection.execute(
        text(
            "SELECT event_id, count(*) AS number FROM alerts WHERE event_id IN :event_ids AND closed_at IS NULL"
            " GROUP BY event_id"
        ).bindparams(bindparam("event_ids", expanding=True)),
        {"event_ids": list(event_ids)},
    )
    return {row.event_id: row.number for row in rows}


def count_open_by_kind(connection: Connection) -> dict[str, int]:
    """Of all events together."""
    rows = connection.execute(
        text(
            "SELECT kind, count(*) AS number FROM alerts"
            " WHERE event_id IN (SELECT id FROM events) AND closed_at IS NULL GROUP BY kind"
        )
    )
    return {row.kind: row.number for row in rows}


def list_events_with_open(connection: Connection) -> list[str]:
    """The events of which any is open."""
    return list(
        connection.execute(
            text("SELECT DISTINCT event_id FROM alerts WHERE closed_at IS NULL ORDER BY event_id")
        ).scalars()
    )


def find_event_with_open(connection: Connection, cause: str) -> str | None:
    """The event in which this cause is open, of whatever event."""
    return connection.execute(
        text(
            "SELECT event_id FROM alerts WHERE event_id IN (SELECT id FROM events) AND cause = :cause"
            " AND closed_at IS NULL ORDER BY event_id LIMIT 1"
        ),
        {"cause": cause},
    ).scalar()


def forget_closed(connection: Connection, before: int, limit: int) -> int:
    """Removes some that were closed, and seen last, before then; gives how many. What was told once for ever stays …"""
    return connection.execute(
        text(
            "DELETE FROM alerts WHERE (event_id, id) IN (SELECT event_id, id FROM alerts"
            " WHERE event_id IN (SELECT id FROM events) AND kind NOT IN :news AND closed_at < :before"
            " AND seen_at < :before LIMIT :limit)"
        ).bindparams(bindparam("news", expanding=True)),
        {"before": before, "limit": limit, "news": sorted(NEWS)},
    ).rowcount


def hide_news(connection: Connection, before: int) -> int:
    """… as known: no list shows what was told before then any more. Gives how many these are."""
    return connection.execute(
        text(
            f"UPDATE alerts SET opened_at = {KNOWN} WHERE event_id IN (SELECT id FROM events) AND kind IN :news"
            f" AND opened_at > {KNOWN} AND opened_at < :before"
        ).bindparams(bindparam("news", expanding=True)),
        {"before": before, "news": sorted(NEWS)},
    ).rowcount


# --- How an event is watched -----------------------------------------------------------------------------------------


def find_watch(connection: Connection, event_id: str) -> Watch | None:
    row = connection.execute(
        text(f"SELECT {_WATCH} FROM alert_watches WHERE event_id = :event_id"), {"event_id": event_id}
    ).first()
    return None if row is None else _watch(row)


def list_watches(connection: Connection, event_ids: Sequence[str]) -> dict[str, Watch]:
    """Of these events, by event."""
    rows = connection.execute(
        text(f"SELECT {_WATCH} FROM alert_watches WHERE event_id IN :event_ids").bindparams(
            bindparam("event_ids", expanding=True)
        ),
        {"event_ids": list(event_ids)},
    )
    return {row.event_id: _watch(row) for row in rows}


def add_watch(connection: Connection, watch: Watch) -> bool:
    """False where the event is watched already; then nothing is added."""
    added = connection.execute(
        text(
            f"INSERT INTO alert_watches ({_WATCH}) VALUES (:event_id, :since, :settings, :url, :secret,"
            " :allow_private) ON CONFLICT DO NOTHING"
        ),
        _watch_values(watch),
    )
    return added.rowcount > 0


def put_watch(connection: Connection, watch: Watch) -> None:
    connection.execute(
        text(
            f"INSERT INTO alert_watches ({_WATCH}) VALUES (:event_id, :since, :settings, :url, :secret,"
            " :allow_private) ON CONFLICT (event_id) DO UPDATE SET since = excluded.since,"
            " settings = excluded.settings, webhook_url = excluded.webhook_url,"
            " webhook_secret = excluded.webhook_secret, webhook_allow_private = excluded.webhook_allow_private"
        ),
        _watch_values(watch),
    )


def set_settings(connection: Connection, event_id: str, settings: AlertSettings) -> None:
    """Leaves the rest of how it is watched as it is."""
    connection.execute(
        text("UPDATE alert_watches SET settings = :settings WHERE event_id = :event_id"),
        {"settings": msgspec.json.encode(settings).decode(), "event_id": event_id},
    )


def set_webhook(connection: Connection, event_id: str, webhook: AlertWebhook | None) -> None:
    """The same, of where it is posted to besides."""
    connection.execute(
        text(
            "UPDATE alert_watches SET webhook_url = :url, webhook_secret = :secret,"
            " webhook_allow_private = :allow_private WHERE event_id = :event_id"
        ),
        {
            "url": None if webhook is None else webhook.url,
            "secret": None if webhook is None else webhook.secret,
            "allow_private": int(webhook is not None and webhook.allow_private),
            "event_id": event_id,
        },
    )


def list_webhooks(connection: Connection, limit: int = 1_000_000) -> dict[str, AlertWebhook]:
    """Those that events have, by event; one each at most."""
    rows = connection.execute(
        text(f"SELECT {_WATCH} FROM alert_watches WHERE webhook_url IS NOT NULL ORDER BY event_id LIMIT :limit"),
        {"limit": limit},
    )
    return {row.event_id: webhook for row in rows if (webhook := _watch(row).webhook) is not None}


# --- Who follows it --------------------------------------------------------------------------------------------------


def add_follower(connection: Connection, event_id: str, user_id: str) -> None:
    insert(connection, "alert_followers", "event_id, user_id", [(event_id, user_id)], "ON CONFLICT DO NOTHING")


def remove_follower(connection: Connection, event_id: str, user_id: str) -> None:
    connection.execute(
        text("DELETE FROM alert_followers WHERE event_id = :event_id AND user_id = :user_id"),
        {"event_id": event_id, "user_id": user_id},
    )


def list_followers(connection: Connection, event_id: str) -> list[str]:
    """The users' ids."""
    return list(
        connection.execute(
            text("SELECT user_id FROM alert_followers WHERE event_id = :event_id ORDER BY user_id"),
            {"event_id": event_id},
        ).scalars()
    )


def list_followed(connection: Connection, user_id: str) -> list[str]:
    """The ids of the events that this user follows."""
    return list(
        connection.execute(
            text(
                "SELECT event_id FROM alert_followers WHERE event_id IN (SELECT id FROM events)"
                " AND user_id = :user_id ORDER BY event_id"
            ),
            {"user_id": user_id},
        ).scalars()
    )


def _watch_values(watch: Watch) -> dict[str, object]:
    webhook = watch.webhook
    return {
        "event_id": watch.event_id,
        "since": watch.since,
        "settings": msgspec.json.encode(watch.settings).decode(),
        "url": None if webhook is None else webhook.url,
        "secret": None if webhook is None else webhook.secret,
        "allow_private": int(webhook is not None and webhook.allow_private),
    }


def _watch(row) -> Watch:
    return Watch(
        event_id=row.event_id,
        since=row.since,
        settings=msgspec.json.decode(row.settings, type=AlertSettings),
        webhook=None
        if row.webhook_url is None
        else AlertWebhook(
            url=row.webhook_url,
            secret=bytes(row.webhook_secret or b""),
            allow_private=bool(row.webhook_allow_private),
        ),
    )


def _write_facts(facts: Facts) -> str:
    return msgspec.json.encode(facts).decode()


def _alert(row) -> Alert:
    return Alert(
        event_id=row.event_id,
        id=row.id,
        kind=row.kind,
        cause=row.cause,
        facts=msgspec.json.decode(row.facts, type=Facts),
        opened_at=row.opened_at,
        seen_at=row.seen_at,
        closed_at=row.closed_at,
    )
