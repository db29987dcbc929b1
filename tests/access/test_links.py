"""Links that are good once: whoever has one becomes somebody, and nobody a second time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.access.conftest import BASE, DAY_US, PASSWORD, add_user
from turnout.access import links, sessions, sign_in, users
from turnout.alerts import watching
from turnout.errors import Conflict, InvalidRequest, LinkWorthless, NotFound, SignInFailed, TooManyAttempts
from turnout.events import event
from turnout.model.user import User
from turnout.now import now_us
from turnout.store import alerts
from turnout.store import links as stored
from turnout.store.database import Database

NEW = "another long password"


def text_of(url: str | None) -> str:
    assert url is not None
    assert url.startswith(f"{BASE}/console/link/lnk_")
    return url.rpartition("/")[2]


def is_worthless(database: Database, text: str) -> bool:
    """Looked at and used: the same sentence."""
    said = []
    for use in (lambda: links.find(database, text), lambda: links.accept(database, text, "X", NEW, "x@example.org")):
        try:
            use()
        except LinkWorthless as error:
            said.append(error.detail)
    return len(said) == 2 and set(said) == {str(LinkWorthless().detail)}


def first(database: Database) -> User:
    text = text_of(links.first_link(database, BASE))
    return links.accept(database, text, " Ann ", PASSWORD, " Ann@Example.org ")


def test_the_first_link_makes_the_administrator_once(database: Database) -> None:
    text = text_of(links.first_link(database, BASE + "/"))
    assert links.find(database, text).kind == "first"
    ann = links.accept(database, text, " Ann ", PASSWORD, " Ann@Example.org ")
    assert (ann.name, ann.email, ann.role, ann.all_events) == ("Ann", "Ann@Example.org", "administrator", True)
    assert users.list_all(database) == [ann]
    assert is_worthless(database, text)
    assert links.first_link(database, BASE) is None
    sign_in.sign_in(database, "ann@example.org", PASSWORD, "192.0.2.1", "")


def test_the_first_administrator_follows_the_few_events_that_nobody_follows(database: Database) -> None:
    old, new, followed = (event.create(database, f"E{number}")[0] for number in range(3))
    event.archive(database, old.id)
    with database.write() as connection:
        alerts.add_follower(connection, followed.id, "usr_1")
    ann = first(database)
    assert watching.list_followed(database, ann.id) == [new.id]


def test_of_many_events_the_first_administrator_follows_none(database: Database) -> None:
    for number in range(links.MAX_FOLLOWED + 1):
        event.create(database, f"E{number}")
    assert watching.list_followed(database, first(database).id) == []


def test_a_new_first_link_makes_the_older_one_worthless(database: Database) -> None:
    older, newer = (text_of(links.first_link(database, BASE)) for _ in range(2))
    assert is_worthless(database, older)
    assert links.find(database, newer).kind == "first"


def test_first_links_that_two_servers_made_at_once_make_one_administrator(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "remove_first", lambda _: None)
    texts = [text_of(links.first_link(database, BASE)) for _ in range(2)]
    use_link, both = stored.use_link, threading.Barrier(2)

    def use_together(*arguments: Any) -> bool:
        # Whoever is let in alone goes on alone.
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        return use_link(*arguments)

    monkeypatch.setattr(stored, "use_link", use_together)

    def use(number: int) -> User | None:
        try:
            return links.accept(database, texts[number], "X", PASSWORD, f"x{number}@example.org")
        except LinkWorthless:
            return None

    with ThreadPoolExecutor(2) as pool:
        made = [user for user in pool.map(use, range(2)) if user]
    assert made == users.list_all(database)
    assert len(made) == 1


@pytest.mark.parametrize("kind", ["first", "invitation", "password"])
def test_of_many_who_use_a_link_at_once_one_gets_in(database: Database, kind: str) -> None:
    if kind == "first":
        text = text_of(links.first_link(database, BASE))
    elif kind == "invitation":
        text = text_of(links.invite(database, BASE, "bob@example.org").url)
    else:
        text = text_of(links.new_password(database, BASE, add_user(database).id).url)

    def use(number: int) -> bool:
        try:
            links.accept(database, text, "X", f"{NEW} {number}", "x@example.org")
        except LinkWorthless:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]
    assert len(users.list_all(database)) == 1


def test_what_is_no_link_is_told_as_one_that_is_over(database: Database, pass_time: Callable[[int], None]) -> None:
    add_user(database)
    text = text_of(links.invite(database, BASE, "bob@example.org").url)
    link_id, secret = text.split(".")
    other = text_of(links.invite(database, BASE, "eve@example.org").url)
    for wrong in (
        "",
        "lnk_",
        link_id,
        f"{link_id}.",
        f"{link_id}.{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}",
        f"{other.split('.')[0]}.{secret}",
        text + "x",
        text + "\n",
        f"{link_id[:-1]}\0.{secret}",
        text.replace("lnk_", "ses_"),
        "\ud800",
    ):
        assert is_worthless(database, wrong), wrong
    pass_time(links.INVITATION_LASTS_US)
    assert is_worthless(database, text)


def test_who_is_invited_becomes_what_the_invitation_says(database: Database) -> None:
    made = links.invite(
        database, BASE, "Bob@Example.org", role="viewer", events=["evt_2", "evt_1"], sees_personal=False, actor="cli:x"
    )
    assert links.list_invitations(database) == [made.link]
    bob = links.accept(database, text_of(made.url), "Bob", PASSWORD, "eve@example.org")
    assert (bob.email, bob.role, bob.events) == ("Bob@Example.org", "viewer", {"evt_1", "evt_2"})
    assert not bob.sees_personal
    assert users.get(database, bob.id) == bob
    assert links.list_invitations(database) == []


def test_a_second_invitation_takes_the_place_of_the_first(database: Database) -> None:
    former, latter = (text_of(links.invite(database, BASE, one).url) for one in ("bob@example.org", "BOB@example.org"))
    assert is_worthless(database, former)
    assert links.find(database, latter).kind == "invitation"
    links.withdraw(database, links.find(database, latter).id)
    assert is_worthless(database, latter)
    with pytest.raises(NotFound):
        links.withdraw(database, "lnk_1")


def test_nobody_is_invited_who_is_there_or_as_what_there_is_not(database: Database) -> None:
    ann = add_user(database, "Ann@Example.org")
    with pytest.raises(Conflict, match="already"):
        links.invite(database, BASE, "ann@example.ORG")
    for wrong in ("ann", "", "ann@", "a\0b@example.org", "a b@example.org"):
        with pytest.raises(InvalidRequest):
            links.invite(database, BASE, wrong)
    with pytest.raises(InvalidRequest, match="no role"):
        links.invite(database, BASE, "bob@example.org", role="owner")
    for role in ("manager", "administrator"):
        with pytest.raises(InvalidRequest, match="Only a viewer"):
            links.invite(database, BASE, "bob@example.org", role=role, sees_personal=False)
    assert users.list_all(database) == [ann]
    assert links.list_invitations(database) == []


def test_what_cannot_be_accepted_leaves_the_link_good(database: Database) -> None:
    text = text_of(links.first_link(database, BASE))
    for name, password, email in (
        ("", PASSWORD, "ann@example.org"),
        ("Ann\0", PASSWORD, "ann@example.org"),
        ("Ann", "short", "ann@example.org"),
        ("Ann", "ann@example.org", "ann@example.org"),
        ("Ann", PASSWORD, "ann"),
        ("Ann", PASSWORD, None),
    ):
        with pytest.raises(InvalidRequest):
            links.accept(database, text, name, password, email)
    assert users.list_all(database) == []
    invited = text_of(links.invite(database, BASE, "bob@example.org").url)
    add_user(database, "bob@example.org")
    with pytest.raises(Conflict):
        links.accept(database, invited, "Bob", PASSWORD)
    assert links.find(database, invited).used_at is None


def test_a_new_password_ends_sessions_and_lets_in_who_was_locked_out(
    database: Database, pass_time: Callable[[int], None]
) -> None:
    ann = add_user(database)
    _, cookie = sign_in.sign_in(database, ann.email, PASSWORD, "", "")
    older, text = (text_of(links.new_password(database, BASE, ann.id).url) for _ in range(2))
    assert is_worthless(database, older)
    for number in range(sign_in.FREE):
        with pytest.raises(SignInFailed):
            sign_in.sign_in(database, ann.email, f"wrong {number}", f"192.0.2.{number}", "")
    with pytest.raises(TooManyAttempts):
        sign_in.sign_in(database, ann.email, NEW, "192.0.2.9", "")
    assert links.accept(database, text, "ignored", NEW) == users.get(database, ann.id)
    assert users.get(database, ann.id).name == ann.name
    assert sessions.find(database, cookie, now_us()) is None
    sign_in.sign_in(database, ann.email, NEW, "192.0.2.9", "")
    with pytest.raises(SignInFailed):
        sign_in.sign_in(database, ann.email, PASSWORD, "192.0.2.9", "")


def test_a_new_password_may_not_be_the_address_either(database: Database) -> None:
    ann = add_user(database)
    text = text_of(links.new_password(database, BASE, ann.id).url)
    with pytest.raises(InvalidRequest, match="e-mail address"):
        links.accept(database, text, "", ann.email)


def test_who_is_disabled_gets_no_link_and_has_none(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    text = text_of(links.new_password(database, BASE, bob.id).url)
    users.disable(database, bob.id)
    assert is_worthless(database, text)
    with pytest.raises(Conflict, match="disabled"):
        links.new_password(database, BASE, bob.id)
    with pytest.raises(NotFound):
        links.new_password(database, BASE, "usr_1")
    users.enable(database, bob.id)
    assert is_worthless(database, text)


def test_links_end_in_time(database: Database, pass_time: Callable[[int], None]) -> None:
    ann = add_user(database)
    text = text_of(links.new_password(database, BASE, ann.id).url)
    invited = text_of(links.invite(database, BASE, "bob@example.org").url)
    pass_time(DAY_US - 1_000_000)
    assert links.find(database, text).kind == "password"
    pass_time(1_000_000)
    assert is_worthless(database, text)
    assert links.find(database, invited).kind == "invitation"
    pass_time(6 * DAY_US)
    assert links.list_invitations(database) == []
    assert is_worthless(database, invited)
