"""An event's alerts to a webhook: a chat, or a program. Signed as Standard Webhooks says, like all that we send."""

import asyncio
import re
from urllib.parse import urlsplit

import msgspec

from turnout.alerts import watching
from turnout.alerts.described import describe_facts
from turnout.alerts.letters import Shown
from turnout.alerts.mail_message import in_one_line
from turnout.downstream.webhooks import endpoint, request
from turnout.downstream.webhooks.message import Body
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.model.alert import AlertWebhook
from turnout.model.webhook import Attempt
from turnout.now import as_text, new_id, now_us
from turnout.store import alert_messages, alerts, events, sealing
from turnout.store.database import Database

OPENED, TEST = "alert.opened", "alert.test"


class AlertSeen(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    kind: str
    cause: str
    facts: dict[str, str | int]
    opened_at: str


class EventSeen(msgspec.Struct, frozen=True):
    id: str
    slug: str
    name: str


class Data(msgspec.Struct, frozen=True):
    """The `data` of a request."""

    alert: AlertSeen
    event: EventSeen
    title: str
    text: str
    advice: str
    link: str


class ChatBody(Body, frozen=True):
    """A body with a `text` that chats show as it is: Mattermost, Rocket.Chat and their like."""

    text: str


def put_webhook(database: Database, event_id: str, url: str, *, allow_private: bool = False) -> str:
    """Lets alerts be posted there, in place of where they were before; gives the secret, which nothing shows again.

    Raises InvalidRequest with everything that cannot be meant.
    """
    faults = list(endpoint.list_faults_of_url(url, allow_private=allow_private))
    if faults:
        raise InvalidRequest(" ".join(faults))
    # Made if need be.
    watching.get_watch(database, event_id)
    secret, sealed = endpoint.make_secret(database.secret_key, belongs_to(event_id))
    _set(database, event_id, AlertWebhook(url=url, secret=sealed, allow_private=allow_private))
    return secret


def remove_webhook(database: Database, event_id: str) -> None:
    """Nothing is posted any more, nor what waits."""
    _set(database, event_id, None)


def _set(database: Database, event_id: str, webhook: AlertWebhook | None) -> None:
    with database.write() as connection:
        alerts.set_webhook(connection, event_id, webhook)
        alert_messages.hasten_webhook(connection, event_id, now_us())


def test(database: Database, event_id: str) -> Attempt:
    """Posts a test at once, and gives what came of it. It is in no log, and not tried again.

    Raises NotFound where there is no webhook, Conflict where its secret cannot be opened.
    """
    with database.read() as connection:
        watch = alerts.find_watch(connection, event_id)
        configuration = events.load_configuration(connection, event_id)
    if watch is None or watch.webhook is None or configuration is None:
        raise NotFound("The alerts of this event have no webhook.")
    secret = find_secret(database.secret_key, event_id, watch.webhook)
    if secret is None:
        raise Conflict(
            "The webhook’s secret cannot be opened with the secret key that is there: set the webhook up again, and "
            "give the new secret to whoever receives."
        )
    body = write_test(configuration.event.name, now_us(), watch.webhook.url)
    tried = asyncio.run(
        request.send_once(watch.webhook.url, secret, new_id("msg"), body, allow_private=watch.webhook.allow_private)
    )
    return tried.attempt


def find_secret(secret_key: bytes, event_id: str, webhook: AlertWebhook) -> str | None:
    """What requests are signed with; None where it cannot be opened with this secret key of the installation."""
    try:
        return sealing.unseal(secret_key, webhook.secret, belongs_to(event_id)).decode()
    except sealing.CannotOpen:
        return None


def belongs_to(event_id: str) -> str:
    """What an event's secret is sealed for."""
    return f"alert-webhook:{event_id}"


def write_body(one: Shown, url: str) -> str:
    """The body for this alert at this address, the same each time."""
    alert, event, told = one.alert, one.event, one.told
    data = Data(
        AlertSeen(alert.id, alert.kind, alert.cause, describe_facts(alert.facts), as_text(alert.opened_at)),
        EventSeen(event.id, event.slug, event.name),
        told.title,
        told.text,
        told.advice,
        one.url,
    )
    text = f"{defuse(f'{event.name}: {told.title}. {told.text}')} {one.url}"
    return _write(ChatBody(OPENED, as_text(alert.opened_at), data, text), url)


def write_test(name: str, at: int, url: str) -> str:
    return _write(ChatBody(TEST, as_text(at), {}, defuse(f"This is a test: alerts of {name} come here.")), url)


def _write(body: ChatBody, url: str) -> str:
    """As the receiver takes it: some chats refuse what has more in it than they know."""
    host = urlsplit(url).hostname or ""
    if host in _TEXT_ALONE:
        return msgspec.json.encode({"text": body.text}).decode()
    if host in _DISCORD:
        return msgspec.json.encode({"content": body.text, "allowed_mentions": {"parse": []}}).decode()
    return msgspec.json.encode(body).decode()


_TEXT_ALONE = ("chat.googleapis.com", "hooks.slack.com")
_DISCORD = ("discord.com", "discordapp.com")


def defuse(text: str) -> str:
    """The text as chats show it and no more: what a sender has named a field calls nobody, and hides no link.

    Slack takes `<!channel>` and `<https://…|words>` for more than text, others `@all` and `[words](https://…)`.
    """
    text = in_one_line(text).replace("<", "‹").replace(">", "›").replace("](", "] (")
    return re.sub(r"@(?=\w)", "@\u200b", text)
