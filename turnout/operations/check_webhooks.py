"""What `turnout doctor` looks at in webhooks: who is told of nothing any more, and why."""

from collections.abc import Iterator

from turnout.errors import StorageUnavailable
from turnout.model.webhook import Webhook, is_stuck
from turnout.operations.check import Check
from turnout.store import delivery_log, schema, sealing, webhooks
from turnout.store.database import Database
from turnout.store.delivery_log import Waiting

NAME = "webhooks"


def check_webhooks(database: Database) -> Iterator[Check]:
    """A line for each that something is wrong with, else one for all; nothing where there are none, or no schema yet.

    Raises StorageUnavailable.
    """
    with database.read() as connection:
        if schema.find_version(connection) != schema.VERSION:
            return
        found = webhooks.list_webhooks(connection)
        waiting = delivery_log.list_waiting(connection)
    if not found:
        return
    try:
        secret_key = database.secret_key
    except StorageUnavailable:
        # Another check says what is wrong with it.
        yield Check(NAME, "not checked", "The secret key comes first.")
        return
    faults = [
        fault
        for webhook in found
        if (fault := _find_fault(webhook, waiting.get(webhook.id, Waiting()), secret_key)) is not None
    ]
    yield from faults
    if not faults:
        paused = sum(webhook.state == "paused" for webhook in found)
        said = f", {paused:,} of them paused" if paused else ""
        yield Check(NAME, "ok", f"{_count(len(found))}{said}; none is failing or off.")


def _count(number: int) -> str:
    return "There is one" if number == 1 else f"There are {number:,}"


def _find_fault(webhook: Webhook, waiting: Waiting, secret_key: bytes) -> Check | None:
    name = f"{webhook.id} ({webhook.url})"
    if not sealing.opens(secret_key, webhook.secret, webhook.id):
        return Check(
            NAME,
            "problem",
            f"The secret of {name} cannot be opened with the secret key that is there: nothing can be signed or sent.",
            f"turnout webhook rotate {webhook.id}, and give the new secret to whoever receives. Nothing is lost.",
        )
    if webhook.state == "off":
        return Check(
            NAME,
            "warning",
            f"{name} is off: {webhook.reason or 'nobody said why.'}",
            f"turnout webhook resume {webhook.id} when the endpoint is there again, or turnout webhook delete.",
        )
    if webhook.state == "active" and is_stuck(waiting.parked, waiting.behind):
        return Check(
            NAME,
            "problem",
            f"{name} is failing: deliveries about {waiting.parked:,} attendees fail, so it has stopped. Nothing is "
            "lost: they are tried again.",
            f"See what the endpoint answers: turnout webhook show {webhook.id}",
        )
    return None
