"""Signing in with a password, and trying to without."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from tests.access.conftest import DAY_US, HASHED, PASSWORD, add_user
from tests.databases import list_rows
from turnout.access import passwords, sessions, users
from turnout.access.sign_in import FREE, FREE_OF_ADDRESS, MAX_WAIT_S, sign_in
from turnout.errors import SignInFailed, TooManyAttempts
from turnout.now import now_us
from turnout.store import users as stored_users
from turnout.store.database import Database

HERE = "192.0.2.1"
SECOND_US = 1_000_000


@pytest.fixture(autouse=True)
def _little_hashing(monkeypatch: pytest.MonkeyPatch, pass_time: Callable[[int], None]) -> Iterator[None]:
    """Where hundreds of passwords are tried it does not matter how long each takes; nor by the clock, which stands."""
    monkeypatch.setattr(passwords, "MEMORY_KIB", 64)
    monkeypatch.setattr(passwords, "ITERATIONS", 1)
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


def fail(database: Database, email: str = "ann@example.org", address: str = HERE) -> str:
    """What is said to who does not get in."""
    with pytest.raises(SignInFailed) as refused:
        sign_in(database, email, "not the password", address, "")
    return refused.value.detail


def wait_of(database: Database, email: str = "ann@example.org", address: str = HERE, password: str = PASSWORD) -> int:
    """How long somebody has to wait, in seconds, even with the password."""
    with pytest.raises(TooManyAttempts) as refused:
        sign_in(database, email, password, address, "")
    return refused.value.retry_after_s


def test_the_right_password_opens_a_session_that_was_not_there_before(database: Database) -> None:
    ann = add_user(database, "Ann@Example.org")
    session, cookie = sign_in(database, " ann@example.ORG ", PASSWORD, HERE, "Firefox\n" + "x" * 1_000)
    other, _ = sign_in(database, "ann@example.org", PASSWORD, HERE, "")
    assert session.id != other.id
    assert (session.user_id, session.address, session.browser[:9]) == (ann.id, HERE, "Firefoxxx")
    assert len(session.browser) < sessions.MAX_BROWSER
    found = sessions.find(database, cookie, now_us())
    assert found == (session, users.get(database, ann.id))
    assert users.get(database, ann.id).last_seen_at == other.created_at


def test_whatever_is_wrong_the_same_is_said(database: Database) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    users.disable(database, bob.id)
    said = {fail(database), fail(database, "nobody@example.org"), fail(database, ""), fail(database, "a\0\ud800@x.org")}
    with pytest.raises(SignInFailed) as refused:
        sign_in(database, bob.email, PASSWORD, HERE, "")
    with pytest.raises(SignInFailed):
        sign_in(database, "ann@example.org", "x" * 5_000_000, HERE, "")
    assert said == {refused.value.detail}
    assert sessions.list_of(database, bob) == []


def test_who_has_no_password_does_not_come_in_with_any(database: Database) -> None:
    ann = add_user(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE users SET password = NULL")
    assert not users.get(database, ann.id).has_password
    fail(database)


def test_each_wrong_password_more_waits_longer_and_no_wait_is_longer_than_the_longest(
    database: Database, pass_time: Callable[[int], None]
) -> None:
    add_user(database)
    for _ in range(FREE):
        fail(database)
    waits = []
    for number in range(12):
        waits.append(wait_of(database, address=f"198.51.100.{number}"))
        pass_time(waits[-1] * SECOND_US)
        fail(database, address=f"198.51.100.{number}")
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, MAX_WAIT_S, MAX_WAIT_S]


def test_who_has_to_wait_is_told_so_even_with_the_password_and_it_gets_no_longer(
    database: Database, pass_time: Callable[[int], None]
) -> None:
    add_user(database)
    for _ in range(FREE + 1):
        fail(database)
        pass_time(SECOND_US)
    assert [wait_of(database) for _ in range(20)] == [1] * 20
    pass_time(SECOND_US)
    sign_in(database, "ann@example.org", PASSWORD, HERE, "")


def test_an_account_that_there_is_not_is_locked_just_the_same(database: Database) -> None:
    for _ in range(FREE):
        fail(database, "nobody@example.org")
    assert wait_of(database, "Nobody@example.org ") == 1


def test_other_accounts_do_not_wait_and_success_forgets(database: Database, pass_time: Callable[[int], None]) -> None:
    add_user(database)
    add_user(database, "bob@example.org")
    for _ in range(FREE):
        fail(database)
    sign_in(database, "bob@example.org", PASSWORD, HERE, "")
    pass_time(SECOND_US)
    sign_in(database, "ann@example.org", PASSWORD, HERE, "")
    for _ in range(FREE - 1):
        fail(database)
    sign_in(database, "ann@example.org", PASSWORD, HERE, "")


@pytest.mark.parametrize(
    ("addresses", "elsewhere"),
    [(["192.0.2.1"], "192.0.2.2"), (["2001:db8::1", "2001:db8::ffff:1"], "2001:db8:0:1::1"), ([""], "192.0.2.1")],
)
def test_an_address_that_tries_many_accounts_waits_and_others_do_not(
    database: Database, addresses: list[str], elsewhere: str
) -> None:
    add_user(database)
    for number in range(FREE_OF_ADDRESS):
        fail(database, f"user{number}@example.org", addresses[number % len(addresses)])
    assert wait_of(database, address=addresses[0]) == 1
    sign_in(database, "ann@example.org", PASSWORD, elsewhere, "")


def test_those_who_get_in_do_not_make_their_office_wait(database: Database) -> None:
    add_user(database)
    for number in range(FREE_OF_ADDRESS - 1):
        fail(database, f"user{number}@example.org")
    for _ in range(3):
        sign_in(database, "ann@example.org", PASSWORD, HERE, "")
    fail(database)
    wait_of(database)


def test_of_many_guesses_at_once_no_more_are_looked_at_than_one_after_another(database: Database) -> None:
    add_user(database)

    def guess(number: int) -> bool:
        try:
            sign_in(database, "ann@example.org", f"guess {number}", HERE, "")
        except SignInFailed:
            return True
        except TooManyAttempts:
            return False
        raise AssertionError("Nobody guesses that.")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(24))) == FREE


def test_a_day_without_an_attempt_forgets(database: Database, pass_time: Callable[[int], None]) -> None:
    add_user(database)
    for _ in range(FREE):
        fail(database)
    wait_of(database)
    pass_time(DAY_US)
    for _ in range(FREE):
        fail(database)
    wait_of(database)


def test_who_was_tried_and_from_where_is_kept_as_a_keyed_digest(database: Database) -> None:
    with structlog.testing.capture_logs() as lines:
        fail(database, "secret.person@example.org", "192.0.2.77")
    stored = b"\n".join(list_rows(database))
    assert b"secret" not in stored
    assert b"192.0.2.77" not in stored
    assert [line["event"] for line in lines] == ["sign_in_failed"]
    assert "secret" not in str(lines)


def test_a_hash_of_older_parameters_is_made_anew_when_it_is_shown_to_be_right(database: Database) -> None:
    older = HASHED
    ann = add_user(database, password=older)
    fail(database)
    with database.read() as connection:
        assert stored_users.find_password(connection, ann.id) == older
    for _ in range(2):
        sign_in(database, ann.email, PASSWORD, HERE, "")
    with database.read() as connection:
        kept = stored_users.find_password(connection, ann.id)
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=64,t=1,p=1$")


@pytest.mark.parametrize("what", ["disable", "password"])
def test_who_loses_the_account_while_the_password_is_looked_at_does_not_get_in(
    database: Database, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    add_user(database)
    bob = add_user(database, "bob@example.org", role="viewer")
    look = passwords.is_password

    def look_and_lose(password: str, kept: str | None) -> bool:
        is_right = look(password, kept)
        monkeypatch.setattr(passwords, "is_password", look)
        if what == "disable":
            users.disable(database, bob.id)
        else:
            users.change_password(database, bob.id, PASSWORD, "quite another one")
        return is_right

    monkeypatch.setattr(passwords, "is_password", look_and_lose)
    with pytest.raises(SignInFailed):
        sign_in(database, bob.email, PASSWORD, HERE, "")
    assert sessions.list_of(database, users.get(database, bob.id)) == []
