"""Going on with another secret key, when somebody decides that the one before is gone for good."""

import msgspec

from turnout.errors import Conflict
from turnout.store import alerts, events, installation, mail, sealing, secret_key, webhooks
from turnout.store.database import Database
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.file_lock import AlreadyHeld, hold_alone


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """Which key the database knows now."""

    fingerprint: str
    no_longer_suppressed: int
    """Digests of erased people's addresses under the key before: with this one nobody is recognised by them."""
    webhooks: list[str]
    """Webhooks whose secrets this one does not open, by id: those that were active are off until they have new ones."""
    alert_webhooks: list[str] = []
    """The same of those that events' alerts are posted to, by the event's slug: set each up again."""
    mail_password: bool = False
    """Whether the mail server's password has to be typed again."""


def find_fault(database: Database) -> str | None:
    """What is wrong with the key that is there; None where there is nothing to accept. Raises StorageUnavailable."""
    with database.read() as connection:
        return installation.find_fault(connection, database)


def count_suppressed(database: Database) -> int:
    """How many erased addresses sources could bring back under another key (F2)."""
    with database.read() as connection:
        return installation.count_suppressed(connection)


def count_webhooks(database: Database) -> int:
    """How many there are, whose secrets no other key opens."""
    with database.read() as connection:
        return len(webhooks.list_webhooks(connection))


def count_alert_webhooks(database: Database) -> int:
    """The same of those that events' alerts are posted to."""
    with database.read() as connection:
        return len(alerts.list_webhooks(connection))


def has_mail_password(database: Database) -> bool:
    """Whether there is a mail server's password, which no other key opens."""
    with database.read() as connection:
        settings = mail.find_settings(connection)
    return settings is not None and settings.password is not None


def accept(database: Database) -> Accepted:
    """Takes the key that is there, or makes one, for the database's own.

    The digests under the one before stay: should it turn up again, they can be of use again. Raises Conflict where a
    server runs, which would go on with the old one, and StorageUnavailable.
    """
    if not isinstance(database, SqliteDatabase):
        return _accept(database)
    try:
        with hold_alone(database.server_note):
            return _accept(database)
    except AlreadyHeld as error:
        raise Conflict(f"A server runs on {database.path}, at {error.note}. Stop it first.") from error


def _accept(database: Database) -> Accepted:
    suppressed = count_suppressed(database)
    key = database.given_secret_key or secret_key.get(database.key_file)
    fingerprint = secret_key.fingerprint(key)
    with database.write() as connection:
        installation.replace_fingerprint(connection, fingerprint)
        lost = [one for one in webhooks.list_webhooks(connection) if not sealing.opens(key, one.secret, one.id)]
        for webhook in lost:
            # What a person has paused stays so.
            webhooks.set_state(connection, webhook, "off", _LOST, of=("active",))
        settings = mail.find_settings(connection)
        slugs = {event.id: event.slug for event in events.list_events(connection)}
        posted = alerts.list_webhooks(connection)
    return Accepted(
        fingerprint,
        suppressed,
        [webhook.id for webhook in lost],
        sorted(
            slugs[event_id]
            for event_id, webhook in posted.items()
            if event_id in slugs and not sealing.opens(key, webhook.secret, f"alert-webhook:{event_id}")
        ),
        settings is not None and settings.password is not None and not sealing.opens(key, settings.password, "mail"),
    )


_LOST = "Its secret was sealed with the secret key before this one; turnout webhook rotate gives it a new one."
