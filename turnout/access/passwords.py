"""Passwords: what is one, and the hash that is kept of it."""

import os
import re
import threading
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from turnout.errors import InvalidRequest, TooManyAttempts
from turnout.model.names import fold_case

MIN_CHARACTERS = 10
MAX_CHARACTERS = 1_000
"""Beyond that nobody remembers, and hashing would take whatever somebody sends."""

# The least that OWASP's cheat sheet on storing passwords recommends for Argon2id (19 MiB, two passes, one lane): some
# 50 ms of one core for each guess with a stolen hash, and little enough that a small machine signs several people in.
MEMORY_KIB = 19_456
ITERATIONS = 2
LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32
MAX_AT_ONCE = 4
"""Hashes being made: so the memory for all of them is some 80 MB, whoever asks."""
MAX_WAIT_S = 5.0
_PARAMETERS = re.compile(r"\$argon2id\$v=19\$m=([0-9]+),t=([0-9]+),p=([0-9]+)\$")
_turns = threading.BoundedSemaphore(MAX_AT_ONCE)


def check_password(password: str, email: str) -> None:
    """Raises InvalidRequest where it cannot be the password of somebody with this address.

    Long and not the address; nothing of digits and signs, which make passwords worse (NIST SP 800-63B).
    """
    characters = len(_normalise(password))
    if characters < MIN_CHARACTERS:
        raise InvalidRequest(f"A password has at least {MIN_CHARACTERS} characters; a short sentence is a good one.")
    if len(password) > MAX_CHARACTERS:
        raise InvalidRequest(f"A password has at most {MAX_CHARACTERS:,} characters.")
    if fold_case(password.strip()) == fold_case(email.strip()):
        raise InvalidRequest("Your e-mail address is the first thing that others try. Choose another password.")


def hash_password(password: str) -> str:
    """The hash to keep, in PHC form. Raises TooManyAttempts when too many wait for one."""
    with _turn():
        return _argon2id(os.urandom(_SALT_BYTES)).derive_phc_encoded(_as_bytes(password))


def is_password(password: str, kept: str | None) -> bool:
    """Whether the hash was made of this; with no hash it takes as long. Raises TooManyAttempts."""
    if len(password) > MAX_CHARACTERS:
        return False
    nobodys = _nobodys()
    with _turn():
        try:
            Argon2id.verify_phc_encoded(_as_bytes(password), kept or nobodys)
        except InvalidKey:
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether it was made with other parameters than are used now."""
    match = _PARAMETERS.match(kept)
    return match is None or tuple(map(int, match.groups())) != (MEMORY_KIB, ITERATIONS, LANES)


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=_HASH_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)


@cache
def _nobodys() -> str:
    """What the passwords of those who do not exist are held against; made once a process."""
    return _argon2id(os.urandom(_SALT_BYTES)).derive_phc_encoded(os.urandom(_HASH_BYTES))


@contextmanager
def _turn() -> Generator[None]:
    if not _turns.acquire(timeout=MAX_WAIT_S):
        raise TooManyAttempts("Too many people are signing in at this moment.", wait_s=5)
    try:
        yield
    finally:
        _turns.release()


def _normalise(password: str) -> str:
    # One key press is one or two characters, depending on the keyboard and the system.
    return unicodedata.normalize("NFC", password)


def _as_bytes(password: str) -> bytes:
    return _normalise(password).encode(errors="surrogatepass")
