"""Passwords: what is one, and what is kept of it."""

import pytest

from tests.access.conftest import HASHED, PASSWORD
from tests.patience import PATIENCE_S
from turnout.access import passwords
from turnout.errors import InvalidRequest, TooManyAttempts


@pytest.mark.parametrize(
    "password",
    ["", "123456789", "Ann.Example@Example.ORG", "  ann.example@example.org ", "x" * 1_001, "e\u0301" * 5],
)
def test_what_is_no_password_is_said_in_a_sentence(password: str) -> None:
    with pytest.raises(InvalidRequest, match=r"\.$"):
        passwords.check_password(password, "ann.example@example.org")


@pytest.mark.parametrize(
    "password", ["1234567890", "x" * 1_000, "          ", "пароль сложный", "ann.example@example.com"]
)
def test_everything_else_is_one(password: str) -> None:
    passwords.check_password(password, "ann.example@example.org")


def test_only_the_password_itself_opens() -> None:
    assert passwords.is_password(PASSWORD, HASHED)
    for wrong in ("", PASSWORD.upper(), PASSWORD + " ", PASSWORD[:-1], PASSWORD + "\0", "x" * 2_000, "\ud800" * 10):
        assert not passwords.is_password(wrong, HASHED)


def test_the_same_password_is_the_same_on_every_keyboard() -> None:
    kept = passwords.hash_password("Zu\u0308rich am See")
    assert passwords.is_password("Z\u00fcrich am See", kept)


def test_it_is_hashed_as_recommended_and_each_time_anew() -> None:
    """At least what OWASP says; a table of hashes made beforehand is of no use to anybody."""
    kept = passwords.hash_password(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != HASHED


def test_nobodys_password_is_hashed_as_everybodys_and_opens_nothing() -> None:
    """So the time that it takes does not tell who has an account."""
    assert not passwords.is_password(PASSWORD, None)
    assert not passwords.is_outdated(passwords._nobodys())
    assert passwords._nobodys() is passwords._nobodys()


def test_a_hash_with_other_parameters_is_outdated() -> None:
    assert not passwords.is_outdated(HASHED)
    for other in ("m=19456,t=1,p=1", "m=4096,t=2,p=1", "m=19456,t=2,p=2"):
        assert passwords.is_outdated(HASHED.replace("m=19456,t=2,p=1", other))


def test_a_few_are_hashed_at_once_and_who_waits_too_long_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT_S", 0.001)
    for _ in range(passwords.MAX_AT_ONCE):
        assert passwords._turns.acquire(timeout=PATIENCE_S)
    try:
        with pytest.raises(TooManyAttempts) as refused:
            passwords.is_password(PASSWORD, HASHED)
        assert refused.value.retry_after_s == 5
    finally:
        for _ in range(passwords.MAX_AT_ONCE):
            passwords._turns.release()
    assert passwords.is_password(PASSWORD, HASHED)
