"""Who comes by single sign-on is the user that is meant, and nobody else: known before, met by address, or invited."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tests.access.conftest import BASE, PASSWORD, add_user
from turnout.access import links, sessions, sign_in, single_sign_on, users
from turnout.access.oidc.id_token import Identity
from turnout.errors import Conflict, LinkWorthless, NotInvited, SignInFailed
from turnout.model.user import User
from turnout.now import now_us
from turnout.store.database import Database

ANN = Identity("https://login.example.org", "1", "Ann@Example.org", "Ann Example")


def enter(database: Database, identity: Identity = ANN) -> User:
    user, session, cookie = single_sign_on.enter(database, identity, "192.0.2.1", "Test")
    assert sessions.find(database, cookie, now_us()) == (session, users.get(database, user.id))
    return user


def test_a_user_is_met_by_the_verified_address_and_known_by_the_identity_from_then_on(database: Database) -> None:
    ann = add_user(database)
    assert enter(database).id == ann.id
    assert users.get(database, ann.id).subject == ANN.key
    assert enter(database, msgspec.structs.replace(ANN, email="married@example.org")).id == ann.id
    assert enter(database, msgspec.structs.replace(ANN, email=None)).id == ann.id
    # And with the password as before.
    assert sign_in.sign_in(database, ann.email, PASSWORD, "192.0.2.1", "Test")[0].user_id == ann.id


@pytest.mark.parametrize(
    "changed",
    [{"email": None}, {"email": "eve@example.org"}],
    ids=["an address that nobody has verified", "the address of nobody"],
)
def test_nobody_becomes_a_user_by_signing_in(database: Database, changed: dict[str, str | None]) -> None:
    add_user(database)
    with pytest.raises(NotInvited):
        enter(database, msgspec.structs.replace(ANN, **changed))
    assert len(users.list_all(database)) == 1


def test_the_same_subject_of_another_provider_is_somebody_else(database: Database) -> None:
    add_user(database)
    enter(database)
    with pytest.raises(NotInvited):
        enter(database, Identity("https://other.example.org", ANN.subject))


def test_another_identity_with_the_address_does_not_take_the_user_over(database: Database) -> None:
    ann = add_user(database)
    enter(database)
    with pytest.raises(NotInvited):
        enter(database, msgspec.structs.replace(ANN, subject="2"))
    assert users.get(database, ann.id).subject == ANN.key


def test_who_is_disabled_does_not_come_in(database: Database) -> None:
    add_user(database)
    eve = add_user(database, "eve@example.org", role="viewer")
    by_address = Identity("https://login.example.org", "eve", "eve@example.org")
    enter(database, by_address)
    users.disable(database, eve.id)
    with pytest.raises(NotInvited):
        enter(database, by_address)
    bob = add_user(database, "bob@example.org", role="viewer")
    users.disable(database, bob.id)
    with pytest.raises(NotInvited):
        enter(database, Identity("https://login.example.org", "bob", "bob@example.org"))
    assert users.get(database, bob.id).subject is None


def test_an_invitation_is_accepted_by_whoever_has_it_without_a_password(database: Database) -> None:
    made = links.invite(database, BASE, "a.example@example.org", role="manager", events=["evt_1"])
    text = made.url.rpartition("/")[2]
    user = links.accept_single_sign_on(database, text, ANN)
    kept = users.get(database, user.id)
    assert (kept.email, kept.name, kept.role) == ("a.example@example.org", "Ann Example", "manager")
    assert (kept.has_password, kept.subject, kept.events) == (False, ANN.key, frozenset({"evt_1"}))
    assert enter(database).id == user.id
    with pytest.raises(SignInFailed):
        sign_in.sign_in(database, kept.email, "", "192.0.2.1", "Test")
    with pytest.raises(LinkWorthless):
        links.accept_single_sign_on(database, text, msgspec.structs.replace(ANN, subject="2"))


def test_an_identity_is_not_two_users(database: Database) -> None:
    add_user(database)
    enter(database)
    text = links.invite(database, BASE, "second@example.org").url.rpartition("/")[2]
    with pytest.raises(Conflict, match="comes by this single sign-on already"):
        links.accept_single_sign_on(database, text, ANN)
    # It stays good, for who is meant.
    links.accept_single_sign_on(database, text, msgspec.structs.replace(ANN, subject="2"))


def test_a_link_for_a_new_password_makes_another_identity_good_in_its_place(database: Database) -> None:
    ann = add_user(database)
    enter(database)
    text = links.new_password(database, BASE, ann.id).url.rpartition("/")[2]
    another = msgspec.structs.replace(ANN, subject="2")
    links.accept_single_sign_on(database, text, another)
    kept = users.get(database, ann.id)
    assert (kept.has_password, kept.subject, sessions.list_of(database, kept)) == (False, another.key, [])
    assert enter(database, another).id == ann.id
    with pytest.raises(SignInFailed):
        sign_in.sign_in(database, ann.email, PASSWORD, "192.0.2.1", "Test")


def test_the_first_administrator_has_a_password(database: Database) -> None:
    url = links.first_link(database, BASE)
    assert url is not None
    with pytest.raises(LinkWorthless):
        links.accept_single_sign_on(database, url.rpartition("/")[2], ANN)


def test_of_two_who_accept_at_once_one_becomes_the_user(database: Database) -> None:
    text = links.invite(database, BASE, "ann@example.org").url.rpartition("/")[2]

    def accept(number: int) -> str:
        try:
            links.accept_single_sign_on(database, text, msgspec.structs.replace(ANN, subject=str(number)))
        except LinkWorthless:
            return "worthless"
        return "in"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(accept, range(4))) == ["in", "worthless", "worthless", "worthless"]
    assert len(users.list_all(database)) == 1
