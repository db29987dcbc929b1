"""Setting webhooks up: what can be meant, where they begin, their secrets, and how they are."""

import re
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier

from tests.downstream.webhooks.queued import park, queue
from turnout.downstream.webhooks import endpoint
from turnout.downstream.webhooks.health import list_health
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events import event
from turnout.events.setup import get_configuration
from turnout.model.event import Configuration
from turnout.model.names import Name
from turnout.model.webhook import MAX_PARKED, Delivery
from turnout.now import new_id, now_us
from turnout.outside import http
from turnout.store import cursors, delivery_log, events, webhooks
from turnout.store.database import Database

URL = "https://1.1.1.1/turnout"
"""An address, so that no name is looked up."""


@pytest.fixture
def spring(database: Database) -> Configuration:
    event.create(database, "Spring", "spring")
    configuration = get_configuration(database, "spring")
    with database.write() as connection:
        for number, name in enumerate(("Press, TV", "Crew"), 1):
            group = Name(id=new_id("grp"), number=number, name=name, first_source=None, created_at=now_us())
            events.add_names(connection, configuration.event.id, "group", [(group, name.lower())])
    return get_configuration(database, "spring")


def refused(database: Database, configuration: Configuration | None, url: str = URL, **options: Any) -> str:
    """What is said of a webhook that cannot be meant."""
    with pytest.raises(InvalidRequest) as caught:
        endpoint.create(database, configuration, url, **options)
    with database.read() as connection:
        assert webhooks.list_webhooks(connection) == []
    return caught.value.detail


def move_log(database: Database, event_id: str, last_sequence: int) -> None:
    """Makes the log seem that long."""
    with database.write() as connection:
        connection.execute(
            text("UPDATE clocks SET last_sequence = :last WHERE event_id = :id"),
            {"last": last_sequence, "id": event_id},
        )


def test_a_webhook_is_kept_as_it_was_made(database: Database, spring: Configuration) -> None:
    made = endpoint.create(
        database, spring, URL, kinds=["created,attendee.left"], fields=["email", "profile.title"], actor="me"
    )
    assert endpoint.get_webhook(database, made.webhook.id) == made.webhook
    assert made.webhook.kinds == ("created", "left")
    assert made.webhook.fields == ("email", "profile.title")
    assert (made.webhook.groups, made.webhook.state, made.webhook.actor) == (None, "active", "me")
    with pytest.raises(NotFound):
        endpoint.get_webhook(database, "whk_0")


def test_a_name_with_a_comma_is_given_by_itself(database: Database, spring: Configuration) -> None:
    made = endpoint.create(database, spring, URL, groups=["Press, TV", " crew , CREW"])
    assert made.webhook.groups == ("Press, TV", "crew", "CREW")
    assert endpoint.create(database, None, URL, groups=["Press, TV"]).webhook.groups == ("Press", "TV")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.org/", "begin with https://"),
        ("example.org/hook", "begin with https://"),
        ("https:///hook", "begin with https://"),
        ("https://user:password@1.1.1.1/", "user or a password"),
        ("https://1.1.1.1/#part", "behind #"),
        ("https://1.1.1.1:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://1.1.1.1/a b", "one word"),
        ("https://1.1.1.1/a\nb", "one word"),
        ("https://1.1.1.1/" + "a" * 2_000, "at most 2,000"),
    ],
    ids=str,
)
def test_a_url_that_cannot_be_meant_is_refused(database: Database, spring: Configuration, url: str, said: str) -> None:
    assert said in refused(database, spring, url, allow_private=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]", "192.168.1.9", "169.254.1.1"],
)
def test_a_private_address_is_refused_in_any_spelling_unless_it_is_allowed(
    database: Database, spring: Configuration, host: str
) -> None:
    assert "--allow-private" in refused(database, spring, f"http://{host}/hook")
    assert endpoint.create(database, spring, f"http://{host}/hook", allow_private=True).webhook.allow_private


def test_a_name_that_leads_inside_is_refused_and_one_that_leads_nowhere_yet_is_not(
    database: Database, spring: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it leads is looked at again whenever a request is made."""

    def look_up(host: str, _: int) -> list[str]:
        known = {
            "inside.example.org": ["10.0.0.7"],
            "both.example.org": ["10.0.0.7", "1.1.1.1"],
            "empty.example.org": [],
        }
        if host not in known:
            raise OSError("no such name")
        return known[host]

    monkeypatch.setattr(http, "look_up", look_up)
    assert "inside.example.org (10.0.0.7) is a private address" in refused(
        database, spring, "https://inside.example.org/"
    )
    endpoint.create(database, spring, "https://both.example.org/")
    endpoint.create(database, spring, "https://nowhere.example.org/")
    endpoint.create(database, spring, "https://empty.example.org/")


def test_all_that_is_wrong_is_told_at_once(database: Database, spring: Configuration) -> None:
    said = refused(
        database,
        spring,
        "http://10.0.0.1/#x",
        kinds=["creatd"],
        groups=["Cruw"],
        fields=["titel", "email", "Shoe size"],
    )
    for part in (
        "behind #",
        "private address",
        "no kind 'creatd'. Did you mean created?",
        "no group 'Cruw'. Did you mean Crew?",
        "no field 'titel'. Did you mean title?",
        "no field 'Shoe size'",
    ):
        assert part in said
    assert "names no kind" in refused(database, spring, kinds=[" , "])
    assert "too many" in refused(database, None, groups=[f"Group {number}" for number in range(101)])


def test_of_all_events_nobody_knows_which_groups_and_fields_there_will_be(database: Database) -> None:
    made = endpoint.create(database, None, URL, groups=["Cruw"], fields=["Shoe size"])
    assert (made.webhook.groups, made.webhook.fields) == (("Cruw",), ("Shoe size",))
    with pytest.raises(InvalidRequest):
        endpoint.create(database, None, URL, kinds=["creatd"])


def test_there_is_a_bound_to_how_many_an_event_has(
    database: Database, spring: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_WEBHOOKS", 2)
    for _ in range(2):
        endpoint.create(database, spring, URL)
    with pytest.raises(Conflict):
        endpoint.create(database, spring, URL)
    endpoint.create(database, None, URL)


def test_it_begins_behind_all_that_there_is(database: Database, spring: Configuration) -> None:
    autumn, _ = event.create(database, "Autumn", "autumn")
    move_log(database, spring.event.id, 7)
    of_spring = endpoint.create(database, spring, URL).webhook.id
    of_all = endpoint.create(database, None, URL).webhook.id
    with database.read() as connection:
        assert cursors.list_cursors(connection, of_spring) == {spring.event.id: 7}
        assert cursors.list_cursors(connection, of_all) == {spring.event.id: 7, autumn.id: 0}


def test_its_secret_is_as_standard_webhooks_has_it_and_is_stored_sealed(
    database: Database, spring: Configuration
) -> None:
    made = endpoint.create(database, spring, URL)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.secret)
    Verifier(made.secret)
    assert made.secret.encode() not in made.webhook.secret
    assert endpoint.find_secret(database.secret_key, made.webhook) == made.secret
    assert endpoint.find_secret(bytes(32), made.webhook) is None


def test_rotating_keeps_the_old_secret_for_the_overlap(database: Database, spring: Configuration) -> None:
    made = endpoint.create(database, spring, URL)
    before = now_us()
    rotated = endpoint.rotate(database, made.webhook.id, 3_600_000_000)
    assert rotated.secret != made.secret
    assert endpoint.find_secret(database.secret_key, rotated.webhook) == rotated.secret
    assert rotated.webhook.former_secret == made.webhook.secret
    until = rotated.webhook.former_until
    assert until is not None
    assert before + 3_600_000_000 <= until <= now_us() + 3_600_000_000
    at_once = endpoint.rotate(database, made.webhook.id, 0)
    assert (at_once.webhook.former_secret, at_once.webhook.former_until) == (None, None)


def test_pausing_and_resuming_leave_everything_else_as_it_is(database: Database, spring: Configuration) -> None:
    webhook = endpoint.create(database, spring, URL).webhook
    paused = endpoint.pause(database, webhook.id, "They move")
    assert (paused.state, paused.reason) == ("paused", "They move")
    assert endpoint.resume(database, webhook.id) == webhook


def test_one_that_is_off_is_not_paused_but_resumed(database: Database, spring: Configuration) -> None:
    webhook = endpoint.create(database, spring, URL).webhook
    with database.write() as connection:
        webhooks.set_state(connection, webhook, "off", "It answered 410.")
    with pytest.raises(Conflict, match="410"):
        endpoint.pause(database, webhook.id, None)
    assert endpoint.resume(database, webhook.id) == webhook


def test_a_state_is_written_only_over_the_one_that_was_seen(database: Database, spring: Configuration) -> None:
    """Whoever switches one off may come just behind somebody who has paused it."""
    webhook = endpoint.create(database, spring, URL).webhook
    endpoint.pause(database, webhook.id, None)
    with database.write() as connection:
        assert not webhooks.set_state(connection, webhook, "off", "Why", of=("active",))
        assert webhooks.set_state(connection, webhook, "off", "Why", of=("active", "paused"))
    assert endpoint.get_webhook(database, webhook.id).reason == "Why"


def test_with_a_secret_that_cannot_be_opened_it_is_not_resumed_but_rotated(
    database: Database, spring: Configuration
) -> None:
    webhook = endpoint.create(database, spring, URL).webhook
    spoil_secret(database, webhook.id)
    with database.write() as connection:
        webhooks.set_state(connection, webhook, "off", "Its secret is lost.")
    with pytest.raises(Conflict, match="turnout webhook rotate"):
        endpoint.resume(database, webhook.id)
    rotated = endpoint.rotate(database, webhook.id, 3_600_000_000).webhook
    assert (rotated.state, rotated.reason) == ("active", None)
    # Nothing could be signed with the old one.
    assert (rotated.former_secret, rotated.former_until) == (None, None)


def test_rotating_does_not_switch_on_what_is_off_for_another_reason(database: Database, spring: Configuration) -> None:
    webhook = endpoint.create(database, spring, URL).webhook
    with database.write() as connection:
        webhooks.set_state(connection, webhook, "off", "It answered 410.")
    assert endpoint.rotate(database, webhook.id, 0).webhook.state == "off"
    endpoint.resume(database, webhook.id)
    endpoint.pause(database, webhook.id, None)
    spoil_secret(database, webhook.id)
    assert endpoint.rotate(database, webhook.id, 0).webhook.state == "paused"


def test_deleting_takes_all_that_belongs_to_it_and_nothing_else(
    database: Database, spring: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_DELETED_ROWS", 2)
    gone, stays = (endpoint.create(database, spring, URL).webhook for _ in range(2))
    for webhook in (gone, stays):
        queue(database, spring.event.id, webhook.id, 5)
    assert endpoint.delete(database, gone.id) == 5
    with database.read() as connection:
        assert [one.id for one in webhooks.list_webhooks(connection)] == [stays.id]
        assert delivery_log.list_deliveries(connection, gone.id) == []
        assert len(delivery_log.list_deliveries(connection, stays.id)) == 5
        assert cursors.list_cursors(connection, gone.id) == {}
        assert cursors.list_cursors(connection, stays.id) != {}
    with pytest.raises(NotFound):
        endpoint.delete(database, gone.id)


def test_resuming_lets_what_has_failed_be_tried_at_once(database: Database, spring: Configuration) -> None:
    webhook = endpoint.create(database, spring, URL).webhook
    queue(database, spring.event.id, webhook.id, 3, state="parked", next_at=now_us() + 3_600_000_000)
    other = endpoint.create(database, spring, URL).webhook
    later = now_us() + 3_600_000_000
    queue(database, spring.event.id, other.id, 1, state="parked", next_at=later)
    endpoint.resume(database, webhook.id)
    with database.read() as connection:
        assert all((one.next_at or 0) <= now_us() for one in delivery_log.list_deliveries(connection, webhook.id))
        assert [one.next_at for one in delivery_log.list_deliveries(connection, other.id)] == [later]


def test_deliveries_are_listed_page_by_page_of_one_event_and_of_all(database: Database, spring: Configuration) -> None:
    webhook = endpoint.create(database, None, URL).webhook
    autumn, _ = event.create(database, "Autumn", "autumn")
    for event_id in (spring.event.id, autumn.id):
        queue(database, event_id, webhook.id, 5)
    with database.read() as connection:
        for event_id, number in ((None, 10), (autumn.id, 5)):
            whole = delivery_log.list_deliveries(connection, webhook.id, event_id=event_id)
            assert len(whole) == number
            pages: list[Delivery] = []
            for _ in range(number // 3 + 1):
                last = pages[-1] if pages else None
                pages += delivery_log.list_deliveries(connection, webhook.id, event_id=event_id, before=last, limit=3)
            assert pages == whole
        assert [one.sequence for one in whole] == [5, 4, 3, 2, 1]
        assert delivery_log.list_deliveries(connection, webhook.id, state="parked") == []


def test_what_waits_is_counted_apart_from_what_has_failed(database: Database, spring: Configuration) -> None:
    webhook, other = (endpoint.create(database, spring, URL).webhook for _ in range(2))
    queue(database, spring.event.id, webhook.id, 2)
    park(database, spring.event.id, webhook.id, 3)
    park(database, spring.event.id, other.id, MAX_PARKED)
    with database.read() as connection:
        waiting = delivery_log.list_waiting(connection)[webhook.id]
    assert (waiting.deliveries, waiting.parked, waiting.behind) == (5, 3, 0)
    assert [one.is_failing for one in list_health(database)] == [False, True]
    endpoint.pause(database, other.id, None)
    assert [one.is_failing for one in list_health(database)] == [False, False]


def spoil_secret(database: Database, webhook_id: str) -> None:
    """As if it had been sealed with another secret key."""
    with database.write() as connection:
        connection.execute(
            text("UPDATE webhooks SET secret = :secret WHERE id = :id"), {"secret": bytes(60), "id": webhook_id}
        )
