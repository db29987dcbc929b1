"""How a webhook is: how far behind the log, what fails, since when."""

from collections.abc import Sequence

import msgspec

from turnout.changes.fields import find_field
from turnout.downstream.webhooks.endpoint import find_secret
from turnout.errors import NotFound
from turnout.model.event import Configuration
from turnout.model.webhook import Webhook, is_stuck
from turnout.store import delivery_log, events, webhooks
from turnout.store.database import Database
from turnout.store.delivery_log import Waiting
from turnout.store.statements import Connection
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
        found = _spell(connection, found)
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


def _spell(connection: Connection, found: Sequence[Webhook]) -> list[Webhook]:
    """These, with groups and custom fields by the names that they have now: stored are those that were given then.

    One for all events goes by the names, which may be of different things in each.
    """
    limited = {one.event_id for one in found if one.event_id is not None and (one.groups or one.fields)}
    known = {event_id: events.load_configuration(connection, event_id) for event_id in limited}
    return [_spell_limits(one, known.get(one.event_id or "")) for one in found]


def _spell_limits(webhook: Webhook, configuration: Configuration | None) -> Webhook:
    if configuration is None:
        return webhook
    return msgspec.structs.replace(
        webhook,
        groups=webhook.groups and tuple(_spell_group(name, configuration) for name in webhook.groups),
        fields=webhook.fields and tuple(_spell_field(name, configuration) for name in webhook.fields),
    )


def _spell_group(name: str, configuration: Configuration) -> str:
    group = configuration.groups.find(name)
    return name if group is None else group.name


def _spell_field(name: str, configuration: Configuration) -> str:
    """Those of the profile keep their names."""
    field = find_field(configuration, name)
    return configuration.custom_fields.spell(field) if isinstance(field, int) else name
