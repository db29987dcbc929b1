"""Who has forgotten his password gets a link, if he is known; and whether he is, nobody learns."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import text

from tests.access.conftest import HASHED
from tests.alerts.telling import PUBLIC_URL, make_event, make_followers, open_alert, set_up_mail, tell_now
from tests.console.conftest import nobody
from tests.console.signed_in import Visitor, make_user
from tests.mail_server import MailServer
from tests.product import Product
from turnout.access import links, sign_in, users
from turnout.alerts import forgotten, mail, outcome
from turnout.errors import TooManyAttempts
from turnout.store import users as stored_users
from turnout.store.database import Database

__all__ = ["nobody"]
ANN, HERE = "ann@example.org", "192.0.2.1"
HOUR_US = 3_600_000_000


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    with MailServer() as post_office:
        yield post_office


def find_link(text: str) -> str:
    [link] = re.findall(rf"{PUBLIC_URL}/console/link/(\S+)", text)
    return str(link)


def test_whoever_is_known_gets_a_link_that_sets_a_new_password(database: Database, post_office: MailServer) -> None:
    set_up_mail(database, post_office)
    ann = make_user(database, email=ANN, password=HASHED)
    forgotten.ask(database, " Ann@Example.org ", HERE)
    tell_now(database)
    [came] = post_office.received
    assert (came.recipients, came.message["Subject"]) == ([ANN], "A new password for Turnout")
    links.accept(database, find_link(came.text), "", "another long password")
    sign_in.sign_in(database, ANN, "another long password", HERE, "")
    # What the link says is kept nowhere.
    with database.read() as connection:
        kept = connection.execute(text("SELECT * FROM alert_messages")).all()
    assert find_link(came.text).split(".")[1] not in repr(kept)
    assert ann.id in repr(kept)


def test_nobody_else_gets_anything(database: Database, post_office: MailServer) -> None:
    set_up_mail(database, post_office)
    gone = make_user(database, password=HASHED)
    make_user(database)
    users.disable(database, gone.id)
    by_single_sign_on = make_user(database)
    with database.write() as connection:
        stored_users.set_subject(connection, by_single_sign_on.id, "issuer#17")
    for email in (gone.email, by_single_sign_on.email, "nobody@example.org", "", "\0", "a\nb", "x" * 5_000):
        forgotten.ask(database, email, HERE)
    tell_now(database)
    assert post_office.received == []


def test_who_is_disabled_meanwhile_or_waits_for_too_long_gets_none(database: Database, post_office: MailServer) -> None:
    ann, bob = make_user(database, password=HASHED), make_user(database, password=HASHED)
    make_user(database)
    forgotten.ask(database, ann.email, HERE)
    forgotten.ask(database, bob.email, HERE)
    users.disable(database, ann.id)
    with database.write() as connection:
        connection.execute(
            text("UPDATE alert_messages SET created_at = created_at - :ago WHERE user_id = :user_id"),
            {"ago": HOUR_US + 1, "user_id": bob.id},
        )
    set_up_mail(database, post_office)
    tell_now(database)
    assert post_office.received == []


def test_one_who_is_asked_for_again_and_again_gets_three_an_hour(database: Database, post_office: MailServer) -> None:
    set_up_mail(database, post_office)
    make_user(database, email=ANN, password=HASHED)
    for number in range(sign_in.FREE):
        # From wherever.
        forgotten.ask(database, ANN, f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts, match="A link was asked for too often"):
        forgotten.ask(database, ANN, "192.0.2.77")
    # Whoever knows the password gets in meanwhile.
    sign_in.count_attempt(database, ANN, "192.0.2.99")
    tell_now(database)
    assert len(post_office.received) == forgotten.MAX_AN_HOUR
    assert len({came.message["Message-ID"] for came in post_office.received}) == forgotten.MAX_AN_HOUR
    # Of several links the last one is good.
    links.find(database, find_link(post_office.received[-1].text))


def test_another_try_with_another_link_is_another_message(database: Database, post_office: MailServer) -> None:
    set_up_mail(database, post_office)
    make_user(database, email=ANN, password=HASHED)
    forgotten.ask(database, ANN, HERE)
    tell_now(database)
    # As if it had been killed before that was recorded.
    with database.write() as connection:
        connection.execute(
            text("UPDATE alert_messages SET state = 'waiting', tries = 0, finished_at = NULL, next_at = created_at")
        )
    tell_now(database)
    first, second = post_office.received
    # Who takes the two for the same throws the second away, whose link is the good one.
    assert first.message["Message-ID"] != second.message["Message-ID"]
    links.find(database, find_link(second.text))


def test_one_who_asks_for_many_has_to_wait_and_signing_in_has_not(database: Database) -> None:
    for number in range(sign_in.FREE_OF_ADDRESS):
        forgotten.ask(database, f"user-{number}@example.org", HERE)
    with pytest.raises(TooManyAttempts):
        forgotten.ask(database, "another@example.org", HERE)
    sign_in.count_attempt(database, "user-1@example.org", HERE)


def test_a_link_comes_even_to_who_was_sent_more_alerts_than_are_read(
    database: Database, post_office: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "MAX_MAILS", 2)
    event = make_event(database)
    [jane] = make_followers(database, event, password=HASHED)
    set_up_mail(database, post_office)
    for _ in range(outcome.MAX_MAILS + 1):
        open_alert(database, event)
    tell_now(database)
    forgotten.ask(database, jane.email, HERE)
    tell_now(database)
    assert post_office.received[-1].message["Subject"] == "A new password for Turnout"


def test_the_page_says_the_same_to_everybody(product: Product, nobody: Visitor, post_office: MailServer) -> None:
    database = product.server.database
    known = make_user(database, password=HASHED)
    assert "Forgot your password?" not in nobody.get("sign-in").text
    assert "This installation sends no e-mail." in nobody.get("forgotten").text
    set_up_mail(database, post_office)
    try:
        assert "Forgot your password?" in nobody.get("sign-in").text
        assert "Send me a link" in nobody.get("forgotten").text
        said = {
            read(nobody.follow(nobody.post("forgotten", email=email))) for email in (known.email, "nobody@example.org")
        }
        assert len(said) == 1
        assert "a link is on its way" in said.pop()
        [came] = post_office.wait_for(1)
        assert came.recipients == [known.email]
        [link] = re.findall(r"/console/(link/\S+)", came.text)
        assert "Choose a new password" in nobody.get(link).text
        for _ in range(sign_in.FREE - 1):
            nobody.post("forgotten", email="nobody@example.org")
        answer = nobody.post("forgotten", email="nobody@example.org")
        assert (answer.status_code, "retry-after" in answer.headers) == (429, True)
        assert "A link was asked for too often" in answer.text
    finally:
        mail.remove(database)


def read(answer: httpx2.Response) -> str:
    """Without the forms' token, which is another one each time."""
    return re.sub(r"[0-9a-f]{40,}", "", answer.text)
