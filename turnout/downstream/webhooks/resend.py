"""Sending again what was sent, or given up, and a test that somebody asks for."""

import asyncio

from turnout.downstream.webhooks import message, request
from turnout.downstream.webhooks.endpoint import find_secret
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.model.webhook import Attempt, Delivery, Webhook
from turnout.now import new_id, now_us
from turnout.store import cursors, deliveries, delivery_log, events
from turnout.store.database import Database
from turnout.store.statements import Connection


def resend_one(database: Database, webhook_id: str, delivery_id: str) -> Delivery:
    """Lets a finished delivery be sent again as it was, with the same id. Later changes of its attendee wait for it.

    Raises NotFound, and Conflict where it is under way, or nothing is left of it to be sent.
    """
    with database.write() as connection:
        delivery = delivery_log.find_delivery(connection, webhook_id, delivery_id)
        if delivery is None:
            raise NotFound(f"The webhook {webhook_id} has no delivery {delivery_id}, or not any more.")
        deliveries.lock_cursors(connection, [(delivery.event_id, webhook_id)])
        if not deliveries.open_again(connection, delivery, now_us()):
            raise Conflict(_why_not(delivery))
    return delivery


def _why_not(delivery: Delivery) -> str:
    if delivery.body is None:
        return f"What the delivery {delivery.id} said was erased, because the person was."
    if delivery.state == "parked":
        return (
            f"The delivery {delivery.id} has failed and is tried again by itself. Not to wait for that: "
            f"`turnout webhook resume {delivery.webhook_id}` tries all that has failed at once."
        )
    return f"The delivery {delivery.id} is not finished: it is sent by itself."


def resend_since(database: Database, webhook: Webhook, sequence: int, event_id: str | None = None) -> int:
    """Lets everything from this line on be sent again, in order, and gives how many lines these are.

    None is left where the webhook has not come that far: it is told of them anyhow.

    What is kept is sent as it was, with the same id; what is gone is made anew from the log. A webhook of all events
    needs to be told of which one. Raises InvalidRequest and NotFound.
    """
    event_id = webhook.event_id or event_id
    if event_id is None:
        raise InvalidRequest("This webhook is of all events, each with a log of its own: say of which one.")
    if sequence < 1:
        raise InvalidRequest(f"The log begins with 1, not {sequence}.")
    with database.write() as connection:
        deliveries.lock_cursors(connection, [(event_id, webhook.id)])
        cursor = _get_cursor(connection, webhook, event_id)
        if sequence > cursor:
            _expect_line(connection, event_id, sequence)
            # What is behind the cursor comes by itself.
            return 0
        # Whoever sends goes back, and on from there in steps, within its bounds.
        cursors.set_cursor(connection, event_id, webhook.id, sequence - 1)
        return cursor - sequence + 1


def _expect_line(connection: Connection, event_id: str, sequence: int) -> None:
    clock = events.find_clock(connection, event_id)
    head = 0 if clock is None else clock.last_sequence
    if sequence > head:
        raise InvalidRequest(f"The log of this event ends with {head:,}: there is no change {sequence:,} yet.")


def _get_cursor(connection: Connection, webhook: Webhook, event_id: str) -> int:
    cursor = cursors.find_cursor(connection, event_id, webhook.id)
    if cursor is None:
        raise NotFound(f"The webhook {webhook.id} has not been told of anything of this event.")
    return cursor


def ping(database: Database, webhook: Webhook) -> Attempt:
    """Sends a test at once, and gives what came of it. It is in no log, and not tried again. Raises Conflict."""
    secret = find_secret(database.secret_key, webhook)
    if secret is None:
        raise Conflict(f"The secret of the webhook {webhook.id} cannot be opened with the secret key that is there.")
    body = message.write_test(webhook, now_us())
    tried = asyncio.run(
        request.send_once(webhook.url, secret, new_id("dlv"), body, allow_private=webhook.allow_private)
    )
    return tried.attempt
