"""Webhooks that were switched off, or fail for longer than a restart takes."""

import pytest

from tests.alerts.watched import DAY, HOUR, MINUTE, Watched, causes
from tests.downstream.webhooks.queued import park
from turnout.alerts.causes.webhook import judge
from turnout.downstream.webhooks import endpoint
from turnout.events import event
from turnout.model.alert import Alert
from turnout.now import now_us
from turnout.store import alert_webhooks, delivery_log, webhooks
from turnout.store.alert_webhooks import WebhookHealth
from turnout.store.database import Database
from turnout.store.delivery_log import Waiting
from turnout.store.webhooks import Outcomes

URL = "https://hooks.example.com/in?token=secret"


@pytest.fixture
def watched(database: Database) -> Watched:
    return Watched(database)


def make_webhook(watched: Watched, *, everywhere: bool = False) -> str:
    configuration = None if everywhere else watched.hall.configuration
    return endpoint.create(watched.database, configuration, URL).webhook.id


def note(watched: Watched, webhook_id: str, seen: Outcomes) -> None:
    with watched.database.write() as connection:
        webhooks.note_outcomes(connection, webhook_id, seen)


def switch_off(watched: Watched, webhook_id: str) -> None:
    with watched.database.write() as connection:
        webhook = webhooks.find_webhook(connection, webhook_id)
        assert webhook is not None
        webhooks.set_state(connection, webhook, "off", "The endpoint answered 410 Gone.")


def test_one_that_was_switched_off_is_told_of_without_its_secrets(watched: Watched) -> None:
    webhook_id = make_webhook(watched)
    assert causes(watched.look()) == ([], [])
    switch_off(watched, webhook_id)
    (alert,) = watched.look().opened
    assert alert.cause == f"webhook:{webhook_id}"
    assert "secret" not in str(alert.facts)
    told = watched.describe(alert)
    assert told.title == "The webhook to hooks.example.com was switched off"
    assert "The endpoint answered 410 Gone." in told.text
    assert told.way == f"console/events/{watched.slug}/settings/webhooks/{webhook_id}"
    with watched.database.write() as connection:
        webhook = webhooks.find_webhook(connection, webhook_id)
        assert webhook is not None
        webhooks.set_state(connection, webhook, "paused", None)
    assert causes(watched.look()) == ([], [alert.cause])


def test_one_that_fails_is_told_of_when_it_is_no_restart(watched: Watched) -> None:
    webhook_id = make_webhook(watched)
    at = now_us()
    park(watched.database, watched.id, webhook_id, 3)
    note(watched, webhook_id, Outcomes(failed_at=at, failure="503: service unavailable"))
    assert causes(watched.look(at + 14 * MINUTE)) == ([], [])
    (alert,) = watched.look(at + 16 * MINUTE).opened
    told = watched.describe(alert)
    assert told.title == "The webhook to hooks.example.com fails"
    assert "503: service unavailable. 3 deliveries wait." in told.text
    note(watched, webhook_id, Outcomes(succeeded_at=at + 20 * MINUTE))
    assert causes(watched.look(at + 21 * MINUTE)) == ([], [alert.cause])


def test_what_waits_is_counted_of_those_that_are_asked_for(watched: Watched) -> None:
    one, other = make_webhook(watched), make_webhook(watched)
    park(watched.database, watched.id, one, 3)
    park(watched.database, watched.id, other, 2)
    with watched.database.read() as connection:
        found = delivery_log.list_waiting(connection, [other])
        assert {webhook_id: waiting.deliveries for webhook_id, waiting in found.items()} == {other: 2}
        assert set(delivery_log.list_waiting(connection)) == {one, other}


def test_of_an_event_only_its_own_and_those_of_all_are_looked_at(watched: Watched) -> None:
    other = Watched(watched.database)
    its, others, everywhere = make_webhook(watched), make_webhook(other), make_webhook(watched, everywhere=True)
    for webhook_id in (its, others, everywhere):
        switch_off(watched, webhook_id)
    with watched.database.read() as connection:
        unwell = alert_webhooks.list_unwell(connection, watched.id)
        assert {one.id for one in unwell} == {its, everywhere}
        assert {one.id for one in alert_webhooks.list_unwell(connection)} == {its, others, everywhere}


def test_one_of_all_events_is_told_of_in_one_of_them(watched: Watched) -> None:
    other = Watched(watched.database)
    webhook_id = make_webhook(watched, everywhere=True)
    switch_off(watched, webhook_id)
    assert causes(other.look()) == ([], [])
    assert causes(watched.look()) == ([f"webhook:{webhook_id}"], [])
    assert causes(other.look()) == ([], [])
    assert "which is for all events" in watched.describe(watched.list_all()[0]).text
    event.archive(watched.database, watched.id)
    watched.look()
    assert causes(other.look()) == ([f"webhook:{webhook_id}"], [])


def health(succeeded_at: int | None, failed_at: int) -> WebhookHealth:
    return WebhookHealth("whk_1", "evt_1", URL, "active", None, succeeded_at, failed_at, "no")


@pytest.mark.parametrize(
    ("succeeded_at", "waiting", "is_told"),
    [
        # Nothing waits: what failed has been delivered since, or given up.
        (None, Waiting(), False),
        (None, Waiting(5, 1, 4, since=DAY - HOUR), True),
        (DAY - 5 * MINUTE, Waiting(5, 1, 4, since=DAY - HOUR), False),
        (None, Waiting(5, 1, 4, since=DAY - 5 * MINUTE), False),
        (None, Waiting(1_000, 1_000, 0, since=DAY - 5 * MINUTE), True),
    ],
)
def test_what_waits_counts_and_for_how_long(succeeded_at: int | None, waiting: Waiting, is_told: bool) -> None:
    assert (judge(health(succeeded_at, DAY), waiting, None, DAY) is not None) is is_told


def test_one_that_gave_everything_up_still_fails() -> None:
    alert = Alert(
        event_id="evt_1", id="alr_1", kind="webhook", cause="webhook:whk_1", facts={}, opened_at=DAY, seen_at=DAY
    )
    assert judge(health(None, DAY), Waiting(), alert, 3 * DAY) is not None
    assert judge(health(None, DAY), Waiting(), alert, 8 * DAY) is None
