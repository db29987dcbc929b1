"""`turnout alert` and `turnout mail`."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Cli
from tests.databases import only_sqlite
from tests.mail_server import ACCOUNT, MailServer
from tests.receivers import Receiver
from turnout.access import users
from turnout.alerts.look import look
from turnout.events.setup import get_configuration
from turnout.feed.configurations import Configurations
from turnout.model.user import User
from turnout.now import new_id, now_us
from turnout.store import users as stored


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer(auth=True) as server:
        yield server


def make_user(cli: Cli, email: str, *events: str) -> None:
    database = cli.open()
    user = User(
        id=new_id("usr"),
        email=email,
        name="Ann",
        role="viewer",
        sees_personal=True,
        all_events=False,
        events=frozenset(get_configuration(database, slug).event.id for slug in events),
        has_password=False,
        subject=None,
        created_at=now_us(),
    )
    with database.write() as connection:
        stored.add_user(connection, user, email, None)
    assert users.get_by_email(database, email) == user
    database.close()


def look_at(cli: Cli, slug: str = "spring") -> None:
    """As the server does once a minute."""
    database = cli.open()
    look(database, Configurations(database), get_configuration(database, slug).event.id, now_us())
    database.close()


def test_alerts_are_listed_shown_followed_and_dismissed(cli: Cli) -> None:
    cli.make_event()
    assert "All is well" in cli.text("alert", "list", "--event", "spring")
    make_user(cli, "ann@example.org", "spring")
    make_user(cli, "bob@example.org")
    cli.run("alert", "follow", "ann@example.org", "--event", "spring")
    assert "may not see" in cli.error("alert", "follow", "bob@example.org", "--event", "spring")
    assert [one["email"] for one in cli.json("alert", "followers", "--event", "spring")["followers"]] == [
        "ann@example.org"
    ]
    # What people push by hand is no news to them.
    cli.push(*({"profile": {"email": f"guest {number}"}} for number in range(5)), code=1)
    look_at(cli)
    assert cli.json("alert", "list", "--event", "spring")["alerts"] == []
    cli.run("alert", "unfollow", "ann@example.org", "--event", "spring")
    assert "Nobody follows" in cli.text("alert", "followers", "--event", "spring")
    assert "no such alert" in cli.error("alert", "show", "--event", "spring", "alr_nothing").lower()
    assert "no such alert" in cli.error("alert", "dismiss", "--event", "spring", "alr_nothing").lower()


@only_sqlite
def test_what_is_told_is_set_by_kind(cli: Cli) -> None:
    cli.make_event()
    changed = cli.json("alert", "set", "--event", "spring", "--off", "silent", "--error-percent", "20")
    assert changed == {"off": ["silent"], "errorPercent": 20, "fallPercent": 50, "keyDays": 14}
    assert cli.json("alert", "set", "--event", "spring", "--on", "silent")["off"] == []
    assert "from 20 %" in cli.text("alert", "set", "--event", "spring")
    cli.error("alert", "set", "--event", "spring", "--error-percent", "0")
    actions = [line["action"] for line in cli.json("audit", "list", "--event", "spring")["lines"]]
    assert actions.count("alert.set") >= 2


@only_sqlite
def test_alerts_are_posted_to_a_webhook(cli: Cli) -> None:
    cli.make_event()
    with Receiver() as receiver:
        cli.error("alert", "webhook", "set", "--event", "spring", "--url", receiver.url)
        secret = cli.json("alert", "webhook", "set", "--event", "spring", "--url", receiver.url, "--allow-private")[
            "secret"
        ]
        assert cli.json("alert", "webhook", "test", "--event", "spring")["error"] is None
        assert receiver.wait_for(1)[0].is_signed(secret)
        assert receiver.url in cli.text("alert", "webhook", "show", "--event", "spring")
    cli.run("alert", "webhook", "test", "--event", "spring", code=1)
    cli.run("alert", "webhook", "remove", "--event", "spring")
    assert cli.json("alert", "webhook", "show", "--event", "spring")["url"] is None
    assert "no webhook" in cli.error("alert", "webhook", "remove", "--event", "spring")


def test_a_mail_server_is_set_up_with_a_password_that_is_no_argument(
    cli: Cli, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, password = ACCOUNT
    cli.make_event()
    assert "No mail server" in cli.text("mail", "show")
    assert "No mail server" in cli.error("mail", "test", "ann@example.org")
    options = ["--host", "127.0.0.1", "--port", str(mail_server.port), "--security", "none", "--user", name]
    options += ["--from", "turnout@example.org"]
    cli.run("mail", "set", *options, code=2)
    cli.run("mail", "set", *options, "--password-stdin", stdin="wrong\n")
    assert "535" in cli.text("mail", "test", "ann@example.org", code=1)
    monkeypatch.setenv("TURNOUT_MAIL_PASSWORD", password)
    cli.run("mail", "set", *options)
    assert cli.json("mail", "test", "ann@example.org") == {"to": "ann@example.org", "failure": None}
    assert mail_server.wait_for(1)[0].recipients == ["ann@example.org"]
    said = cli.text("mail", "show")
    assert f"127.0.0.1:{mail_server.port}" in said
    assert "sent last" in said
    assert "UTC" in said
    shown = cli.json("mail", "show")["mail"]
    assert (shown["host"], shown["hasPassword"], shown["failure"]) == ("127.0.0.1", True, shown["failure"])
    assert shown["succeededAt"] is not None
    made = cli.json("user", "invite", "bob@example.org", "--send")
    assert (made["link"], made["failure"]) == (None, None)
    assert "/console/link/lnk_" in mail_server.wait_for(2)[-1].text
    mail_server.answers["RCPT"] = "550 5.1.1 No such user"
    refused = cli.run("user", "invite", "bob@example.org", "--send")
    assert "/console/link/lnk_" in refused.stdout
    assert "could not be sent" in refused.stderr
    assert password not in cli.text("mail", "show") + cli.text("audit", "list")
    assert "needs --yes" in cli.run("mail", "remove", "--json", code=1).stderr
    cli.run("mail", "remove", "--yes")
    assert "No mail server" in cli.text("mail", "show")
