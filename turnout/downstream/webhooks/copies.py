"""Webhooks for an event that is made like another one: the same, paused, each with a secret of its own."""

import msgspec

from turnout.downstream.webhooks.endpoint import Issued, make_secret
from turnout.now import new_id, now_us
from turnout.store import cursors, webhooks
from turnout.store.statements import Connection

REASON = "It was copied with the event. Give its receiver the new secret, then resume it."


def add_copies(
    connection: Connection, secret_key: bytes, from_event_id: str, to_event_id: str, *, actor: str | None = None
) -> list[Issued]:
    """Copies of the one event's webhooks for the other, which is new, with their secrets at the only moment shown.

    Whoever gets them knows nothing of the new event yet, so they are paused, and miss nothing. One that is off is left
    out; those for all events are for the new one too as they are.
    """
    copied = []
    for webhook in webhooks.list_webhooks(connection):
        if webhook.event_id != from_event_id or webhook.state == "off":
            continue
        webhook_id = new_id("whk")
        secret, sealed = make_secret(secret_key, webhook_id)
        copy = msgspec.structs.replace(
            webhook,
            id=webhook_id,
            event_id=to_event_id,
            secret=sealed,
            former_secret=None,
            former_until=None,
            state="paused",
            reason=REASON,
            created_at=now_us(),
            actor=actor,
        )
        webhooks.add_webhook(connection, copy)
        cursors.begin_at_heads(connection, webhook_id, to_event_id)
        copied.append(Issued(copy, secret))
    return copied
