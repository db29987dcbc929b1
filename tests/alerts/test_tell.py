"""What was queued is told: by e-mail to a real server, to webhooks at a real receiver; once, or until a day is over."""

import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.alerts.telling import (
    PUBLIC_URL,
    list_messages,
    make_due,
    make_event,
    make_followers,
    open_alert,
    set_up_mail,
    states,
    tell_now,
)
from tests.console.signed_in import make_user
from tests.mail_server import ACCOUNT, MailServer, ScriptedServer, read_body
from tests.receivers import Receiver, Request, hang_up, say
from turnout.access import users
from turnout.alerts import mail, outcome, tell, watching
from turnout.alerts import webhook as alert_webhook
from turnout.alerts.tell import Teller
from turnout.changes.turn import Turn
from turnout.now import now_us
from turnout.store import alert_messages, alerts
from turnout.store.database import Database
from turnout.store.leases import LeaseLost

HOUR_US = 3_600_000_000


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


# By e-mail


def test_an_opened_alert_comes_by_mail_with_the_link_that_mends_it(database: Database, server: MailServer) -> None:
    event = make_event(database, slug="spring")
    [jane, joe] = make_followers(database, event, 2)
    set_up_mail(database, server)
    alert = open_alert(database, event)
    tell_now(database)
    assert sorted(came.recipients[0] for came in server.received) == sorted([jane.email, joe.email])
    came = server.received[0]
    assert came.message["Subject"] == "Spring Summit: main: 12 of 40 pushes failed"
    assert f"{PUBLIC_URL}/console/events/spring/pushes?result=failed" in came.text
    assert f"{PUBLIC_URL}/console/events/spring/alerts" in came.message["List-Unsubscribe"]
    assert "12 of 40 pushes failed" in came.html
    told = list_messages(database, alert)
    assert [(one.state, one.tries, one.next_at, one.failure) for one in told] == [("sent", 1, None, None)] * 2
    settings = mail.get(database)
    assert settings is not None
    assert settings.succeeded_at is not None
    # Nothing is left to be told.
    tell_now(database)
    assert len(server.received) == 2


def test_nobody_is_told_of_what_was_not_written(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event)
    set_up_mail(database, server)
    alert = open_alert(database, event)
    watch = watching.get_watch(database, event.id)

    def fail() -> None:
        with database.write() as connection:
            tell.queue(connection, alert, ["usr_1", "usr_2"], watch, now_us())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    tell_now(database)
    assert len(server.received) == len(list_messages(database, alert)) == 1


def test_who_may_not_see_the_event_any_more_gets_nothing(database: Database, server: MailServer) -> None:
    event = make_event(database)
    gone, lost, tired, jane = make_followers(database, event, 4)
    set_up_mail(database, server)
    alert = open_alert(database, event)
    users.disable(database, gone.id)
    users.set_events(database, lost.id, [])
    watching.unfollow(database, event.id, tired.id)
    tell_now(database)
    assert [came.recipients for came in server.received] == [[jane.email]]
    by_user = {one.user_id: one for one in list_messages(database, alert)}
    assert [by_user[one.id].state for one in (gone, lost, tired, jane)] == ["given_up"] * 3 + ["sent"]
    assert by_user[tired.id].failure == "This user does not follow the event any more."


def test_who_may_not_mend_it_is_led_to_where_he_may_look(database: Database, server: MailServer) -> None:
    event = make_event(database, slug="spring")
    [viewer] = make_followers(database, event)
    manager = make_user(database, "manager", [event.id])
    watching.follow(database, event.id, manager.id)
    set_up_mail(database, server)
    alert = open_alert(database, event, "silent", {"source": 1, "hours": 9, "usually": 40, "last": now_us()})
    tell_now(database)
    by_recipient = {came.recipients[0]: came.text for came in server.received}
    assert f"See the alert:\n{PUBLIC_URL}/console/events/spring/alerts#{alert.id}\n" in by_recipient[viewer.email]
    assert f"{PUBLIC_URL}/console/events/spring/connect" in by_recipient[manager.email]


def test_what_is_mended_before_it_was_told_is_told_as_over(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event)
    set_up_mail(database, server)
    alert = open_alert(database, event)
    with database.write() as connection:
        alerts.close_alert(connection, alert, alert.opened_at + 1)
    tell_now(database)
    assert "It is over meanwhile" in server.received[0].text


def test_without_a_mail_server_messages_wait_for_one(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event)
    alert = open_alert(database, event)
    tell_now(database)
    [waiting] = list_messages(database, alert)
    assert (waiting.state, waiting.tries, waiting.failure) == ("waiting", 0, "No mail server is set up.")
    assert (waiting.next_at or 0) > now_us()
    # Setting one up is reason enough not to wait longer.
    set_up_mail(database, server)
    tell_now(database)
    assert states(list_messages(database, alert)) == ["sent"]


def test_without_a_mail_server_they_are_given_up_after_a_day(database: Database) -> None:
    event = make_event(database)
    make_followers(database, event)
    alert = open_alert(database, event)
    make_due(database, 24 * HOUR_US)
    tell_now(database)
    [one] = list_messages(database, alert)
    assert (one.state, one.tries, one.next_at) == ("given_up", 0, None)


def test_a_server_that_refuses_is_tried_again_and_asked_once_for_all(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event, 3)
    server.answers["MAIL"] = "451 Not now"
    set_up_mail(database, server)
    alert = open_alert(database, event)
    tell_now(database)
    assert server.commands == ["MAIL turnout@example.org"]
    told = list_messages(database, alert)
    assert {(one.state, one.tries) for one in told} == {("waiting", 1)}
    assert all("451 Not now" in (one.failure or "") for one in told)
    settings = mail.get(database)
    assert settings is not None
    assert "451 Not now" in (settings.failure or "")
    assert (settings.succeeded_at, settings.failed_at is not None) == (None, True)
    server.answers.clear()
    make_due(database)
    tell_now(database)
    assert {(one.state, one.tries, one.failure) for one in list_messages(database, alert)} == {("sent", 2, None)}


def test_one_who_has_no_mailbox_holds_up_nobody(database: Database, server: MailServer) -> None:
    event = make_event(database)
    nobody, grey, jane = make_followers(database, event, 3)
    server.answers |= {f"RCPT {nobody.email}": "550 No such mailbox", f"RCPT {grey.email}": "451 Come again"}
    set_up_mail(database, server)
    alert = open_alert(database, event)
    tell_now(database)
    by_user = {one.user_id: one for one in list_messages(database, alert)}
    assert [by_user[one.id].state for one in (nobody, grey, jane)] == ["given_up", "waiting", "sent"]
    assert "550 No such mailbox" in (by_user[nobody.id].failure or "")
    settings = mail.get(database)
    assert settings is not None
    # The server itself is well.
    assert settings.failed_at is None


def test_a_message_that_is_cut_off_comes_again_with_the_same_id(database: Database, server: MailServer) -> None:
    """As after a kill between the sending of it and the record of that."""
    event = make_event(database)
    make_followers(database, event)
    with ScriptedServer("220 Here", "250 localhost", "250 OK", "250 OK", read_body) as cutting:
        set_up_mail(database, cutting.port)
        alert = open_alert(database, event)
        tell_now(database)
    [waiting] = list_messages(database, alert)
    assert (waiting.state, waiting.tries) == ("waiting", 1)
    for _ in range(2):
        set_up_mail(database, server)
        tell_now(database)
        # As if it had not been written.
        with database.write() as connection:
            connection.execute(text("UPDATE alert_messages SET state = 'waiting', finished_at = NULL, next_at = 1"))
    first, second = server.received
    assert first.message["Message-ID"] == second.message["Message-ID"] == f"<{waiting.id}@example.org>"
    assert first.raw.split(b"boundary")[0] == second.raw.split(b"boundary")[0]


def test_a_password_that_cannot_be_opened_is_said_to_be(database: Database) -> None:
    event = make_event(database)
    make_followers(database, event)
    with MailServer(auth=True) as server:
        set_up_mail(database, server, user_name=ACCOUNT[0], password=ACCOUNT[1])
        alert = open_alert(database, event)
        with database.write() as connection:
            connection.execute(text("UPDATE mail_settings SET password = :sealed"), {"sealed": b"0" * 40})
        tell_now(database)
        [one] = list_messages(database, alert)
        assert "sealed with another secret key" in (one.failure or "")
        set_up_mail(database, server, user_name=ACCOUNT[0], password=ACCOUNT[1])
        tell_now(database)
        assert [came.signed_in for came in server.received] == [True]


def test_a_storm_is_some_mails_and_one(database: Database, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome.MAX_MAILS == 30
    monkeypatch.setattr(outcome, "MAX_MAILS", 4)
    event = make_event(database)
    [jane] = make_followers(database, event)
    set_up_mail(database, server)
    opened = [open_alert(database, event) for _ in range(outcome.MAX_MAILS + 7)]
    tell_now(database)
    assert len(server.received) == outcome.MAX_MAILS
    held = [one for one in list_messages(database, *opened) if one.state == "waiting"]
    assert {(one.failure, one.tries) for one in held} == {(outcome.HELD, 0)}
    assert all(59 * 60_000_000 < (one.next_at or 0) - now_us() <= HOUR_US for one in held)
    # What comes meanwhile goes with them when the hour is over.
    late = open_alert(database, event)
    tell_now(database)
    assert len(server.received) == outcome.MAX_MAILS
    with database.write() as connection:
        connection.execute(text("UPDATE alert_messages SET finished_at = 1 WHERE finished_at IS NOT NULL"))
    fresh = open_alert(database, event)
    make_due(database)
    tell_now(database)
    together = server.received[-1]
    assert len(server.received) == outcome.MAX_MAILS + 1
    assert together.recipients == [jane.email]
    assert together.message["Subject"] == "Spring Summit: 9 alerts"
    assert together.text.count("12 of 40 pushes failed") >= 9
    assert set(states(list_messages(database, *opened, late, fresh))) == {"sent"}
    with database.read() as connection:
        # Those that came together are one e-mail.
        assert alert_messages.count_mails(connection, jane.id, now_us() - HOUR_US)[0] == 1


# To a webhook


def test_an_alert_is_posted_signed_and_as_chats_show_it(database: Database, receiver: Receiver) -> None:
    event = make_event(database, "Fish & Chips", slug="fish")
    secret = alert_webhook.put_webhook(database, event.id, receiver.url, allow_private=True)
    alert = open_alert(database, event)
    tell_now(database)
    [came] = receiver.requests
    assert came.is_signed(secret)
    [told] = list_messages(database, alert)
    assert (told.user_id, told.state, came.id) == (None, "sent", told.id)
    link = came.json["data"]["link"]
    assert link.startswith(f"{PUBLIC_URL}/console/events/fish/pushes?result=failed")
    assert came.json["type"] == "alert.opened"
    assert came.json["text"].startswith("Fish & Chips: main: 12 of 40 pushes failed. ")
    assert came.json["text"].endswith(f" {link}")
    assert came.json["data"]["event"] == {"id": event.id, "slug": "fish", "name": "Fish & Chips"}
    assert came.json["data"]["alert"]["facts"] == alert.facts
    assert came.json["data"]["title"] == "main: 12 of 40 pushes failed"
    assert tell.latest_webhook_message(database, event.id) == told


def test_a_receiver_that_fails_is_tried_again_with_the_same_id_and_body(database: Database, receiver: Receiver) -> None:
    event = make_event(database)
    alert_webhook.put_webhook(database, event.id, receiver.url, allow_private=True)
    receiver.answer_with(say(503, retry_after="7200"), hang_up, say(204))
    alert = open_alert(database, event)
    tell_now(database)
    [told] = list_messages(database, alert)
    assert (told.state, told.tries) == ("waiting", 1)
    assert "503" in (told.failure or "")
    # As long as it has asked for.
    assert (told.next_at or 0) - now_us() > 7_100_000_000
    for _ in range(2):
        make_due(database)
        tell_now(database)
    assert states(list_messages(database, alert)) == ["sent"]
    assert len({(came.id, came.body) for came in receiver.requests}) == 1


def test_a_receiver_that_is_gone_is_not_asked_again(database: Database, receiver: Receiver) -> None:
    event = make_event(database)
    alert_webhook.put_webhook(database, event.id, receiver.url, allow_private=True)
    receiver.answer_with(say(410))
    alert = open_alert(database, event)
    tell_now(database)
    [told] = list_messages(database, alert)
    assert (told.state, "nobody is there any more" in (told.failure or "")) == ("given_up", True)


def test_a_slow_receiver_and_a_dead_mail_server_hold_up_nobody_else(database: Database, receiver: Receiver) -> None:
    event, other = make_event(database), make_event(database)
    make_followers(database, event)
    alert_webhook.put_webhook(database, event.id, "http://127.0.0.1:9/nobody", allow_private=True)
    alert_webhook.put_webhook(database, other.id, receiver.url, allow_private=True)
    set_up_mail(database, 9)
    one, another = open_alert(database, event), open_alert(database, other)
    tell_now(database)
    assert states(list_messages(database, another)) == ["sent"]
    assert states(list_messages(database, one)) == ["waiting", "waiting"]


def test_what_many_receivers_were_told_is_recorded_step_by_step(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the turn outlasts receivers that are slow.
    monkeypatch.setattr(tell, "POSTS_AT_ONCE", 1)
    event = make_event(database)
    alert_webhook.put_webhook(database, event.id, receiver.url, allow_private=True)
    first, second = open_alert(database, event), open_alert(database, event)
    seen: list[str] = []

    def look(request: Request, connection: socket.socket) -> None:
        seen.extend(sorted(states(list_messages(database, first, second))))
        say(204)(request, connection)

    receiver.answer_with(say(204), look)
    tell_now(database)
    assert seen == ["sent", "waiting"]
    assert states(list_messages(database, first, second)) == ["sent", "sent"]


def test_a_webhook_that_was_taken_away_is_sent_nothing(database: Database, receiver: Receiver) -> None:
    event = make_event(database)
    alert_webhook.put_webhook(database, event.id, receiver.url, allow_private=True)
    alert = open_alert(database, event)
    alert_webhook.remove_webhook(database, event.id)
    tell_now(database)
    assert receiver.requests == []
    assert states(list_messages(database, alert)) == ["given_up"]


# Whoever does it


def test_it_is_one_process_of_all_that_tells(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event)
    set_up_mail(database, server)
    alert = open_alert(database, event)
    other = Turn(database, "alert-messages")
    assert other.take()
    with pytest.raises(LeaseLost):
        tell_now(database)
    assert (server.received, states(list_messages(database, alert))) == ([], ["waiting"])
    other.give_back()
    tell_now(database)
    assert states(list_messages(database, alert)) == ["sent"]


def test_who_lost_his_turn_meanwhile_records_nothing(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event)
    set_up_mail(database, server)
    alert = open_alert(database, event)
    teller = Teller(database, PUBLIC_URL)

    def paused(server: object) -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE leases SET expires_at = 0 WHERE name = 'alert-messages'"))

    server.on_data = paused
    with pytest.raises(LeaseLost):
        teller.tell_now()
    assert states(list_messages(database, alert)) == ["waiting"]


def test_what_is_queued_is_sent_by_the_thread_within_a_second_or_two(database: Database, server: MailServer) -> None:
    event = make_event(database)
    make_followers(database, event)
    set_up_mail(database, server)
    teller = Teller(database, PUBLIC_URL)
    teller.start()
    try:
        alert = open_alert(database, event)
        assert server.wait_for(1)[0].message["Message-ID"]
    finally:
        teller.stop()
    assert states(list_messages(database, alert)) == ["sent"]


def test_what_somebody_else_has_finished_stays_as_it_is(database: Database) -> None:
    event = make_event(database)
    make_followers(database, event)
    alert = open_alert(database, event)
    [waiting] = list_messages(database, alert)
    sent = outcome.sent(waiting, now_us())
    with database.write() as connection:
        alert_messages.record(connection, [sent])
        alert_messages.record(connection, [outcome.failed(waiting, now_us(), "too late", 0.0)])
    assert list_messages(database, alert) == [sent]


def test_old_messages_are_forgotten(database: Database) -> None:
    event = make_event(database)
    make_followers(database, event, 2)
    alert = open_alert(database, event)
    make_due(database, 24 * HOUR_US)
    tell_now(database)
    waiting = open_alert(database, event)
    with database.write() as connection:
        assert alert_messages.forget(connection, now_us() - HOUR_US, 100) == 0
        assert alert_messages.forget(connection, now_us() + 1, 1) == 1
        assert alert_messages.forget(connection, now_us() + 1, 100) == 1
    assert list_messages(database, alert) == []
    assert len(list_messages(database, waiting)) == 2
