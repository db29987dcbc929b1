"""From an address and a password to a session; and how guessing is made slow."""

import hashlib
import hmac
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec
import structlog

from turnout.access import passwords, sessions
from turnout.errors import SignInFailed, TooManyAttempts
from turnout.model.names import fold_case
from turnout.model.user import FAILURES_KEPT_US, Session, User
from turnout.now import now_us
from turnout.store import sign_in_failures, users
from turnout.store.database import Database
from turnout.store.sign_in_failures import Failures
from turnout.store.statements import Connection

FREE = 5
"""Wrong passwords for one account after which the next has to wait a second, then two, four …"""
FREE_OF_ADDRESS = 20
"""The same for one address to come from, behind which there may be a whole office."""
MAX_WAIT_S = 15 * 60
log = structlog.get_logger()


class Attempt(msgspec.Struct, frozen=True):
    """One try, counted: keyed digests of the account and of where it comes from."""

    account: str
    caller: str


def sign_in(database: Database, email: str, password: str, address: str, browser: str) -> tuple[Session, str]:
    """A session, with an id that there was not before, and its cookie.

    Raises SignInFailed, the same for every reason and after the same time; TooManyAttempts, without having looked.
    """
    attempt = count_attempt(database, email, address)
    with database.read() as connection:
        user = users.find_user_by_email(connection, fold_case(email.strip())) if _is_text(email) else None
        kept = None if user is None else users.find_password(connection, user.id)
    if not passwords.is_password(password, kept) or user is None or kept is None:
        log.info("sign_in_failed", caller=address)
        raise SignInFailed
    # Hashing takes long, and holds nobody up outside of the transaction.
    better = passwords.hash_password(password) if passwords.is_outdated(kept) else None
    with database.write() as connection:
        _check_still(connection, user, kept)
        if better is not None:
            users.set_password(connection, user.id, better)
        forgive(connection, attempt)
        return sessions.add(connection, user.id, address, browser)


def clear_failures(connection: Connection, secret_key: bytes, email: str) -> None:
    """Lets the account be tried at once again: its user has come by another way."""
    sign_in_failures.clear(connection, _digest(secret_key, "account", fold_case(email.strip())))


def count_attempt(database: Database, email: str, address: str) -> Attempt:
    """Counts an attempt before its password is looked at: or a hundred at once would all be looked at.

    Raises TooManyAttempts, and then it is not counted.
    """
    attempt = Attempt(_account(database, email), _caller(database, address))
    with _counting(database, {attempt.account: FREE, attempt.caller: FREE_OF_ADDRESS}, "The password was wrong"):
        return attempt


@contextmanager
def counting_forgotten(database: Database, email: str, address: str) -> Generator[Connection]:
    """The same of those who say that they have forgotten their password; a transaction that counts it.

    Raises TooManyAttempts.
    """
    secret_key = database.secret_key
    account = _digest(secret_key, "forgotten", fold_case(email.strip()))
    free = {account: FREE, _digest(secret_key, "forgotten from", _network(address)): FREE_OF_ADDRESS}
    with _counting(database, free, "A link was asked for") as connection:
        yield connection


@contextmanager
def _counting(database: Database, free: Mapping[str, int], what: str) -> Generator[Connection]:
    at = now_us()
    # A flood of attempts that have to wait writes nothing.
    with database.read() as connection:
        for subject, number in free.items():
            _check_wait(sign_in_failures.find_failures(connection, subject), number, at, what)
    with database.write() as connection:
        found = sign_in_failures.lock_failures(connection, free)
        for subject, failures in found.items():
            _check_wait(failures, free[subject], at, what)
        for subject, failures in found.items():
            count = failures.count if at - failures.last_at < FAILURES_KEPT_US else 0
            sign_in_failures.set_failures(connection, subject, Failures(count + 1, at))
        yield connection


def forgive(connection: Connection, attempt: Attempt) -> None:
    """The password was right: the account has no failures any more, and where it came from has one less."""
    sign_in_failures.clear(connection, attempt.account)
    sign_in_failures.take_one_back(connection, attempt.caller)


def _check_wait(failures: Failures | None, free: int, at: int, what: str) -> None:
    """Raises TooManyAttempts."""
    if failures is None or failures.count < free or at - failures.last_at >= FAILURES_KEPT_US:
        return
    wait_s = MAX_WAIT_S if failures.count - free > 10 else min(MAX_WAIT_S, 1 << failures.count - free)
    left_us = failures.last_at + wait_s * 1_000_000 - at
    if left_us > 0:
        raise TooManyAttempts(f"{what} too often.", -(-left_us // 1_000_000))


def _check_still(connection: Connection, user: User, kept: str) -> None:
    """Raises SignInFailed where the user was disabled, or has another password, since the password was looked at."""
    now = users.lock_user(connection, user.id)
    if now is None or not now.is_active or users.find_password(connection, user.id) != kept:
        raise SignInFailed


def _account(database: Database, email: str) -> str:
    return _digest(database.secret_key, "account", fold_case(email.strip()))


def _caller(database: Database, address: str) -> str:
    return _digest(database.secret_key, "caller", _network(address))


def _network(address: str) -> str:
    """An IPv4 address, or an IPv6 /64, of which everybody has billions."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False) if isinstance(parsed, IPv6Address) else parsed)


def _digest(secret_key: bytes, kind: str, subject: str) -> str:
    """128 bits of HMAC-SHA-256: who was tried, and from where, is nobody's to read."""
    text = f"sign-in\0{kind}\0{subject}".encode(errors="surrogatepass")
    return hmac.new(secret_key, text, hashlib.sha256).hexdigest()[:32]


def _is_text(email: str) -> bool:
    """Whether a database takes it."""
    return email.isprintable()
