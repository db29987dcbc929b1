"""A webhook of a test's event, and what a test asks of it."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import text

from tests.patience import PATIENCE_S
from tests.product import TestedEvent
from tests.receivers import Receiver
from turnout.downstream.webhooks import endpoint
from turnout.model.webhook import Delivery, Webhook
from turnout.store import delivery_log, events, webhooks
from turnout.store.database import Database


class Hooked(msgspec.Struct, frozen=True):
    """One webhook, with its secret."""

    database: Database
    id: str
    secret: str

    @property
    def webhook(self) -> Webhook:
        with self.database.read() as connection:
            found = webhooks.find_webhook(connection, self.id)
        assert found is not None
        return found

    def deliveries(self) -> list[Delivery]:
        """All of them, the latest first."""
        with self.database.read() as connection:
            return delivery_log.list_deliveries(connection, self.id, limit=100_000)

    def wait_until(self, is_enough: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """The finished ones, the earliest line first, when it is enough of all."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_enough(found := self.deliveries()):
            assert time.monotonic() < deadline, [(one.sequence, one.state) for one in found[:20]]
            # Longer where there are many: to read them again and again would hold up whoever sends them.
            time.sleep(max(0.01, len(found) / 2_000))
        return sorted((one for one in found if one.finished_at is not None), key=lambda one: one.sequence)

    def wait_parked(self) -> Delivery:
        """The one that has failed, when that is recorded."""
        self.wait_until(lambda found: any(one.state == "parked" for one in found))
        [parked] = [one for one in self.deliveries() if one.state == "parked"]
        return parked

    def make_due(self) -> None:
        """Lets the time come for whatever is parked."""
        with self.database.write() as connection:
            connection.execute(
                text("UPDATE deliveries SET next_at = 1 WHERE webhook_id = :id AND next_at IS NOT NULL"),
                {"id": self.id},
            )


def hook(event: TestedEvent, receiver: Receiver, **options: Any) -> Hooked:
    """A webhook of this event at the receiver."""
    return hook_up(event.database, event.id, receiver.url, **options)


def hook_up(database: Database, event_id: str | None, url: str, **options: Any) -> Hooked:
    """The same of an event's id, or of all events."""
    configuration = None
    if event_id is not None:
        with database.read() as connection:
            configuration = events.load_configuration(connection, event_id)
    options.setdefault("allow_private", True)
    issued = endpoint.create(database, configuration, url, **options)
    return Hooked(database, issued.webhook.id, issued.secret)


def person(email: str, groups: list[str] | None = None, **profile: str) -> dict[str, Any]:
    """A body that says this of one person."""
    body: dict[str, Any] = {"profile": {"email": email, **profile}}
    if groups is not None:
        body["eventInfo"] = {"groups": {"groupNames": groups}}
    return body
