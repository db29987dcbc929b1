"""The mail server is set up, tried out, and used for links that are good once."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.alerts.telling import PUBLIC_URL, make_event, make_followers, open_alert, set_up_mail
from tests.console.signed_in import make_user
from tests.databases import only_sqlite
from tests.mail_server import ACCOUNT, MailServer
from turnout.access import links
from turnout.alerts import mail
from turnout.errors import Conflict, InvalidRequest
from turnout.model.alert import MailSettings
from turnout.now import now_us
from turnout.store import alert_messages, sealing
from turnout.store.database import Database

GOOD: dict[str, Any] = {
    "host": "smtp.example.org",
    "port": 587,
    "security": "starttls",
    "user_name": "turnout",
    "password": "secret",
    "sender": "turnout@example.org",
    "sender_name": "Turnout",
}


def change(database: Database, wish: dict[str, Any] | None = None) -> MailSettings:
    """As GOOD has it, but for these."""
    settings: dict[str, Any] = GOOD | (wish or {})
    return mail.change(database, **settings)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def test_what_is_set_up_is_kept_and_its_password_sealed(database: Database) -> None:
    assert mail.get(database) is None
    made = change(database, {"host": " smtp.example.org ", "sender_name": "Acme, Inc."})
    assert mail.get(database) == made
    assert (made.host, made.sender_name) == ("smtp.example.org", "Acme, Inc.")
    assert made.password is not None
    assert b"secret" not in made.password
    assert mail.open_password(database, made) == "secret"
    assert not sealing.opens(database.secret_key, made.password, "something else")
    mail.remove(database)
    assert mail.get(database) is None


def test_the_password_is_kept_taken_away_and_never_sent_elsewhere(database: Database) -> None:
    change(database)
    kept = change(database, {"password": None, "sender": "other@example.org", "user_name": "other"})
    assert mail.open_password(database, kept) == "secret"
    for elsewhere in ({"host": "smtp.example.com"}, {"port": 25}, {"security": "none"}):
        with pytest.raises(InvalidRequest, match="Type the password again"):
            change(database, {"password": None} | elsewhere)
    assert mail.get(database) == kept
    assert change(database, {"password": ""}).password is None
    change(database)
    nobody = change(database, {"user_name": "", "password": None})
    assert (nobody.user_name, nobody.password) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"host": "https://smtp.example.org"}, "The host is a name"),
        ({"host": "smtp.example.org:587"}, "The host is a name"),
        ({"host": "a b\r\nc"}, "The host is a name"),
        ({"host": ""}, "The host is a name"),
        ({"port": 0}, "The port is a number"),
        ({"port": 65_536}, "The port is a number"),
        ({"security": "ssl"}, "The encryption is one of"),
        ({"sender": "turnout"}, "The sender is an e-mail address"),
        ({"sender": "a@b.org\r\nBcc: c@d.org"}, "The sender is an e-mail address"),
        ({"sender_name": "a\nb"}, "The sender’s name has"),
        ({"sender_name": "a" * 101}, "The sender’s name has"),
        ({"user_name": "a\nb"}, "The user name has"),
        ({"password": "a\nb"}, "The password has"),
        ({"user_name": None}, "There is a password and no user name"),
    ],
)
@only_sqlite
def test_what_cannot_be_meant_is_said(wrong: dict[str, Any], said: str, database: Database) -> None:
    with pytest.raises(InvalidRequest, match=said):
        change(database, wrong)
    assert mail.get(database) is None


def test_what_waits_is_tried_at_once_when_it_is_set_up(database: Database) -> None:
    event = make_event(database)
    make_followers(database, event)
    open_alert(database, event)
    with database.write() as connection:
        [one] = alert_messages.list_due(connection, now_us(), 10)
        alert_messages.record(connection, [msgspec.structs.replace(one, next_at=now_us() + 3_600_000_000)])
        assert not alert_messages.has_due(connection, now_us())
    change(database)
    with database.read() as connection:
        assert alert_messages.has_due(connection, now_us())


def test_a_test_is_really_sent_and_what_came_of_it_is_kept(database: Database, server: MailServer) -> None:
    with pytest.raises(Conflict, match="No mail server is set up"):
        mail.test(database, "ann@example.org")
    set_up_mail(database, server)
    assert mail.test(database, " ann@example.org ") is None
    [came] = server.received
    assert (came.recipients, came.message["Subject"]) == (["ann@example.org"], "E-mail from Turnout works")
    assert get(database).succeeded_at is not None
    server.answers["MAIL"] = "553 Not your address"
    said = mail.test(database, "ann@example.org")
    assert said is not None
    assert "553 Not your address" in said
    failed = get(database)
    assert failed.failure == said
    assert (failed.failed_at or 0) >= (failed.succeeded_at or 0)
    with pytest.raises(InvalidRequest, match="is not an e-mail address"):
        mail.test(database, "ann@example.org\r\nRCPT TO:<bob@example.org>")


def test_a_test_says_that_the_password_is_wrong(database: Database) -> None:
    with MailServer(auth=True) as server:
        set_up_mail(database, server, user_name=ACCOUNT[0], password="wrong")
        assert "does not take the user name and password" in (mail.test(database, "ann@example.org") or "")


def get(database: Database) -> MailSettings:
    found = mail.get(database)
    assert found is not None
    return found


def test_links_for_who_is_invited_and_for_a_new_password_go_by_mail(database: Database, server: MailServer) -> None:
    set_up_mail(database, server)
    invited = links.invite(database, PUBLIC_URL, "new@example.org")
    assert mail.send_link(database, PUBLIC_URL, invited, "new@example.org") is None
    user = make_user(database)
    forgotten = links.new_password(database, PUBLIC_URL, user.id)
    assert mail.send_link(database, PUBLIC_URL, forgotten, user.email) is None
    first, second = server.received
    assert invited.url in first.text
    assert first.html.count(invited.url) == 1
    assert "for 7 days" in first.text
    assert "Somebody has invited you" in first.text
    assert forgotten.url in second.text
    assert "for 24 hours" in second.text
    # A link works for whoever has it, and stands in no header, which servers on the way keep.
    assert all(one.message.as_string().partition("\n\n")[0].count("lnk_") == 0 for one in server.received)


def test_an_invitation_says_who_invites_and_for_which_events(database: Database, server: MailServer) -> None:
    set_up_mail(database, server)
    made = [make_event(database, f"Fair {number}") for number in range(1, 8)]

    def read(**access: Any) -> str:
        invited = links.invite(database, PUBLIC_URL, "new@example.org", actor="cora@example.org", **access)
        assert mail.send_link(database, PUBLIC_URL, invited, "new@example.org") is None
        return " ".join(server.received[-1].text.split())

    assert "cora@example.org has invited you to Turnout" in read()
    assert "It is for all events." in read(all_events=True)
    assert "It is for the event Fair 2." in read(events=[made[1].id])
    assert "It is for the events " in (seven := read(events=[one.id for one in made]))
    assert " and 2 more." in seven
