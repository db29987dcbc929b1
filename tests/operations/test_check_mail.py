"""What the doctor says of how people are told of alerts; and that what was told long ago is forgotten."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text

from tests.alerts.telling import (
    list_messages,
    make_due,
    make_event,
    make_followers,
    open_alert,
    set_up_mail,
    tell_now,
    wait_until,
)
from tests.mail_server import ACCOUNT, MailServer
from turnout.alerts import mail, webhook
from turnout.feed.refusals import Refusals
from turnout.model.alert import MESSAGES_KEPT_US
from turnout.operations import housekeeping
from turnout.operations.check_mail import check_mail
from turnout.operations.housekeeping import keep_house
from turnout.store.database import Database


def find_checks(database: Database) -> list[tuple[str, str, str]]:
    return [(check.name, check.state, check.message) for check in check_mail(database)]


def test_nothing_is_said_where_nothing_is_to_be_sent(database: Database) -> None:
    event = make_event(database)
    open_alert(database, event)
    assert find_checks(database) == []


def test_messages_that_nobody_sends_and_a_server_that_takes_none_are_told(database: Database) -> None:
    event = make_event(database)
    make_followers(database, event, 2)
    open_alert(database, event)
    assert find_checks(database) == [("e-mail", "warning", "2 e-mails wait, and no mail server is set up.")]
    with MailServer() as server:
        set_up_mail(database, server)
        assert find_checks(database) == [("e-mail", "ok", "localhost is set up; nothing was sent by it yet.")]
        server.answers["MAIL"] = "553 Not your address"
        tell_now(database)
        ((name, state, message),) = find_checks(database)
        assert (name, state) == ("e-mail", "warning")
        assert "553 Not your address" in message
        assert message.endswith(" 2 e-mails wait.")
        server.answers.clear()
        make_due(database)
        tell_now(database)
        assert find_checks(database) == [("e-mail", "ok", "localhost has taken the last message.")]


def test_secrets_that_cannot_be_opened_are_a_problem(database: Database) -> None:
    event = make_event(database)
    webhook.put_webhook(database, event.id, "https://192.0.2.1/", allow_private=True)
    set_up_mail(database, 25, user_name=ACCOUNT[0], password=ACCOUNT[1])
    assert [state for _, state, _ in find_checks(database)] == ["ok"]
    with database.write() as connection:
        connection.execute(text("UPDATE mail_settings SET password = :sealed"), {"sealed": b"0" * 40})
        connection.execute(text("UPDATE alert_watches SET webhook_secret = :sealed"), {"sealed": b"0" * 40})
    assert [(name, state) for name, state, _ in find_checks(database)] == [
        ("e-mail", "problem"),
        ("alerts", "problem"),
    ]
    assert mail.get(database) is not None


def test_what_was_told_long_ago_is_forgotten(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    event = make_event(database)
    make_followers(database, event, 3)
    told, waiting = open_alert(database, event), None
    make_due(database, MESSAGES_KEPT_US)
    # A day is long over: given up.
    tell_now(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alert_messages SET finished_at = created_at"))
    waiting = open_alert(database, event)
    monkeypatch.setattr(housekeeping, "EVERY_S", 0.01)
    monkeypatch.setattr(housekeeping, "_STEP_ROWS", 2)
    monkeypatch.setattr(housekeeping, "_REST_S", 0.0)

    async def run() -> None:
        house = asyncio.create_task(keep_house(database, Refusals(database)))
        await asyncio.to_thread(wait_until, lambda: list_messages(database, told) == [])
        house.cancel()
        with suppress(asyncio.CancelledError):
            await house

    asyncio.run(run())
    assert len(list_messages(database, waiting)) == 3
