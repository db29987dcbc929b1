"""What alerts ask of webhooks: how each is, and who is told of those of all events."""

from typing import NamedTuple

from sqlalchemy import Connection, text


class WebhookHealth(NamedTuple):
    """How one webhook is."""

    id: str
    event_id: str
    """Empty where it is for all events."""
    url: str
    state: str
    reason: str | None
    succeeded_at: int | None
    failed_at: int | None
    failure: str | None


def list_unwell(connection: Connection, event_id: str | None = None) -> list[WebhookHealth]:
    """The webhooks that are off, or active and were not answered well last: of all, or of this event and of none."""
    of_event = "" if event_id is None else " AND event_id IN (:event_id, '')"
    rows = connection.execute(
        text(
            "SELECT id, event_id, url, state, reason, succeeded_at, failed_at, failure FROM webhooks"
            " WHERE (state = 'off' OR (state = 'active' AND failed_at > COALESCE(succeeded_at, 0)))"
            f"{of_event} ORDER BY id"
        ),
        {} if event_id is None else {"event_id": event_id},
    )
    return [WebhookHealth(*row) for row in rows]


def find_home(connection: Connection) -> str | None:
    """The event whose people are told of what is of no event: the oldest active one that anybody follows."""
    return connection.execute(
        text(
            "SELECT alert_followers.event_id FROM alert_followers JOIN events ON events.id = alert_followers.event_id"
            " WHERE events.archived_at IS NULL ORDER BY alert_followers.event_id LIMIT 1"
        )
    ).scalar()
