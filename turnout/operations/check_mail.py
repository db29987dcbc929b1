"""What `turnout doctor` looks at in how people are told of alerts: the mail server, and secrets of their webhooks."""

from collections.abc import Iterator

from turnout.errors import StorageUnavailable
from turnout.model.alert import MailSettings
from turnout.operations.check import Check
from turnout.store import alert_messages, alerts, mail, schema, sealing
from turnout.store.database import Database

NAME = "e-mail"
MAX_WEBHOOKS = 1_000
"""Looked at."""
_SET_UP = "Set it up in the console, under Installation and E-mail, or: turnout mail set"


def check_mail(database: Database) -> Iterator[Check]:
    """Nothing where nothing is to be sent, or there is no schema yet. Raises StorageUnavailable."""
    with database.read() as connection:
        if schema.find_version(connection) != schema.VERSION:
            return
        settings = mail.find_settings(connection)
        mails, _ = alert_messages.count_waiting(connection)
        webhooks = alerts.list_webhooks(connection, MAX_WEBHOOKS)
    try:
        secret_key = database.secret_key
    except StorageUnavailable:
        # Another check says what is wrong with it.
        if settings is not None or webhooks:
            yield Check(NAME, "not checked", "The secret key comes first.")
        return
    if settings is not None:
        yield _check_server(settings, secret_key, mails)
    elif mails:
        yield Check(NAME, "warning", f"{_count(mails)}, and no mail server is set up.", _SET_UP)
    lost = [
        event_id
        for event_id, webhook in webhooks.items()
        if not sealing.opens(secret_key, webhook.secret, f"alert-webhook:{event_id}")
    ]
    if lost:
        yield Check(
            "alerts",
            "problem",
            f"The secrets of {len(lost):,} webhooks for alerts cannot be opened with the secret key that is there: "
            "nothing can be signed or sent.",
            "Set each up again on its event's page of alerts, and give the new secret to whoever receives.",
        )


def _check_server(settings: MailSettings, secret_key: bytes, mails: int) -> Check:
    if settings.password is not None and not sealing.opens(secret_key, settings.password, "mail"):
        return Check(
            NAME,
            "problem",
            "The mail server's password cannot be opened with the secret key that is there: nothing can be sent.",
            f"Type it again. {_SET_UP}",
        )
    if settings.failed_at is not None and settings.failed_at > (settings.succeeded_at or 0):
        waiting = f" {_count(mails)}." if mails else ""
        return Check(
            NAME,
            "warning",
            f"The last message could not be sent: {settings.failure}{waiting}",
            "It is tried again for a day. To see at once whether it works: turnout mail test",
        )
    if settings.succeeded_at is None:
        return Check(NAME, "ok", f"{settings.host} is set up; nothing was sent by it yet.")
    return Check(NAME, "ok", f"{settings.host} has taken the last message.")


def _count(mails: int) -> str:
    return "One e-mail waits" if mails == 1 else f"{mails:,} e-mails wait"
