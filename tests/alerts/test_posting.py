"""An event's alerts to a webhook: set up, tried out, and shown by chats as they are and not as a sender likes."""

import json
from collections.abc import Iterator

import pytest

from tests.alerts.telling import PUBLIC_URL, make_event
from tests.receivers import Receiver, say
from turnout.alerts import watching, webhook
from turnout.alerts.letters import Shown
from turnout.alerts.words import Told
from turnout.errors import InvalidRequest, NotFound
from turnout.events import event as events
from turnout.model.alert import Alert, AlertSettings
from turnout.store.database import Database

URL = f"{PUBLIC_URL}/console/events/spring/pushes?result=failed&source=1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_it_is_set_up_replaced_and_taken_away_without_touching_what_people_are_told(database: Database) -> None:
    event = make_event(database)
    watching.change_settings(database, event.id, AlertSettings(error_percent=33))
    secret = webhook.put_webhook(database, event.id, "https://192.0.2.1/hook", allow_private=True)
    watch = watching.get_watch(database, event.id)
    assert watch.webhook is not None
    assert secret.startswith("whsec_")
    assert secret.encode() not in watch.webhook.secret
    assert webhook.find_secret(database.secret_key, event.id, watch.webhook) == secret
    # Copied to another event it opens nothing.
    assert webhook.find_secret(database.secret_key, make_event(database).id, watch.webhook) is None
    assert webhook.put_webhook(database, event.id, "https://192.0.2.2/", allow_private=True) != secret
    webhook.remove_webhook(database, event.id)
    watch = watching.get_watch(database, event.id)
    assert (watch.webhook, watch.settings.error_percent) == (None, 33)


@pytest.mark.parametrize("url", ["ftp://example.org", "http://127.0.0.1/", "https://user:secret@192.0.2.1/", "hook"])
def test_what_cannot_be_meant_is_said(database: Database, url: str) -> None:
    event = make_event(database)
    with pytest.raises(InvalidRequest):
        webhook.put_webhook(database, event.id, url)
    assert watching.get_watch(database, event.id).webhook is None


def test_a_test_is_posted_at_once_and_signed(database: Database, receiver: Receiver) -> None:
    event = make_event(database, "Fish <!channel> & Chips")
    with pytest.raises(NotFound):
        webhook.test(database, event.id)
    secret = webhook.put_webhook(database, event.id, receiver.url, allow_private=True)
    assert webhook.test(database, event.id).status == 204
    [came] = receiver.requests
    assert came.is_signed(secret)
    assert (came.json["type"], came.json["text"]) == (
        "alert.test",
        "This is a test: alerts of Fish ‹!channel› & Chips come here.",
    )
    receiver.answer_with(say(404))
    assert webhook.test(database, event.id).status == 404


def test_a_private_address_is_refused_when_it_is_sent_too(database: Database, receiver: Receiver) -> None:
    """A name may lead elsewhere by then."""
    event = make_event(database)
    webhook.put_webhook(database, event.id, "http://nowhere.invalid/")
    attempt = webhook.test(database, event.id)
    assert attempt.status is None
    assert "cannot be looked up" in (attempt.error or "")


def write(url: str, title: str = "main: 12 of 40 pushes failed") -> dict[str, object]:
    alert = Alert(
        event_id="evt_1", id="alr_1", kind="errors", cause="errors:1", facts={"failed": 12}, opened_at=1, seen_at=1
    )
    told = Told(title, "Within an hour.", "Open one.", "", "See")
    shown = Shown(events.make_event("Spring Summit", "spring"), alert, told, URL)
    body: dict[str, object] = json.loads(webhook.write_body(shown, url))
    return body


def test_each_chat_gets_what_it_takes() -> None:
    said = f"Spring Summit: main: 12 of 40 pushes failed. Within an hour. {URL}"
    # These refuse, or may refuse, a field that they do not know.
    for host in ("chat.googleapis.com", "hooks.slack.com"):
        assert write(f"https://{host}/services/T0/B0/x?key=1") == {"text": said}
    assert write("https://discord.com/api/webhooks/1/x") == {
        "content": said,
        "allowed_mentions": {"parse": []},
    }
    own = write("https://hooks.example.org/x")
    assert (own["type"], own["text"], list(own)) == ("alert.opened", said, ["type", "timestamp", "data", "text"])


@pytest.mark.parametrize(
    "harm",
    [
        "<!channel>",
        "<!here|here>",
        "<https://naughty.example.org|Sign in>",
        "@channel",
        "@everyone",
        "[Sign in](https://naughty.example.org)",
        "a\n\nTurnout: all is well",
        "\u202eevil",
    ],
)
def test_what_a_sender_has_named_something_calls_nobody_and_hides_no_link(harm: str) -> None:
    for url in ("https://hooks.slack.com/x", "https://hooks.example.org/x"):
        text = str(write(url, f"{harm} is new")["text"])
        assert harm not in text
        assert text.endswith(f" {URL}")
        assert "\n" not in text
