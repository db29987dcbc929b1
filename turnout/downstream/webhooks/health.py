"""How a webhook is: how far behind the log, what fails, since when."""

import msgspec

from turnout.downstream.webhooks.endpoint import find_secret
from turnout.errors import NotFound
from turnout.model.webhook import Webhook, is_stuck
from turnout.store import delivery_log, events, webhooks
from turnout.store.database import Database
from turnout.store.delivery_log import Waiting
from turnout.store.webhooks import Place

MAX_PLACES = 100
"""Events told of, those first that it is furthest behind in."""


class Details(msgspec.Struct, frozen=True):
    """What is looked up for one webhook only."""

    places: list[Place]
    """Where it is in each event's log, at most `MAX_PLACES`."""
    success_at: int | None
    """When a request was last answered well; None where none was. So is the last failure's."""
    failure_at: int | None
    failure: str | None
    """What went wrong, in words."""


class Health(msgspec.Struct, frozen=True):
    """A webhook and how it is now."""

    webhook: Webhook
    slug: str | None
    """Of its event; None of one for all events."""
    lag_changes: int
    """Changes that it has not come to, of all its events."""
    waiting: Waiting
    is_failing: bool
    """Its cursor stands, because deliveries to too many attendees fail."""
    is_secret_good: bool
    """Whether it can be opened with the secret key that is there."""


def list_health(database: Database) -> list[Health]:
    """Of all webhooks, in the order in which they were made."""
    with database.read() as connection:
        found = webhooks.list_webhooks(connection)
        waiting = delivery_log.list_waiting(connection)
        lags = webhooks.list_lags(connection)
        slugs = {event.id: event.slug for event in events.list_events(connection)}
    if not found:
        # Where nothing is sealed yet no key has to be made for it.
        return []
    secret_key = database.secret_key
    return [
        _health(
            webhook,
            slugs.get(webhook.event_id or ""),
            lags.get(webhook.id, 0),
            waiting.get(webhook.id, Waiting()),
            secret_key,
        )
        for webhook in found
    ]


def get_details(database: Database, webhook_id: str) -> tuple[Health, Details]:
    """Of this one. Raises NotFound."""
    health = next((one for one in list_health(database) if one.webhook.id == webhook_id), None)
    if health is None:
        raise NotFound(f"There is no webhook {webhook_id}. `turnout webhook list` shows all that there are.")
    with database.read() as connection:
        places = webhooks.list_places(connection, webhook_id, MAX_PLACES)
        last = webhooks.find_outcomes(connection, webhook_id)
    return health, Details(places, last.succeeded_at, last.failed_at, last.failure)


def _health(webhook: Webhook, slug: str | None, lag_changes: int, waiting: Waiting, secret_key: bytes) -> Health:
    return Health(
        webhook=webhook,
        slug=slug,
        lag_changes=lag_changes,
        waiting=waiting,
        is_failing=webhook.state == "active" and is_stuck(waiting.parked, waiting.behind),
        is_secret_good=find_secret(secret_key, webhook) is not None,
    )
