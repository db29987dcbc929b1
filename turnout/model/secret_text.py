"""Texts that let somebody in who has them: `<id>.<secret>`, as in a session's cookie and in a link."""

import hashlib
import hmac
import re
import secrets
import string

import msgspec

from turnout.now import new_id

_LETTERS = string.digits + string.ascii_letters
SECRET_LENGTH = 32
"""Of 62 letters and digits: 190 bits, which nobody guesses, so that a plain digest of it can be kept."""
_FORM = re.compile(r"([a-z]{3}_[0-9a-f]{32})\.[0-9A-Za-z]{32}")


class SecretText(msgspec.Struct, frozen=True):
    """One at the only moment when it is known."""

    id: str
    text: str
    digest: bytes


def make_secret() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(SECRET_LENGTH))


def make_secret_text(prefix: str) -> SecretText:
    """A new one, whose id begins with the prefix."""
    its_id = new_id(prefix)
    text = f"{its_id}.{make_secret()}"
    return SecretText(its_id, text, digest_secret(text))


def read_secret_id(prefix: str, text: str) -> str | None:
    """The id in something that has the form of one; None for anything else."""
    match = _FORM.fullmatch(text)
    return match[1] if match is not None and match[1].startswith(f"{prefix}_") else None


def digest_secret(text: str) -> bytes:
    """SHA-256 of the whole text: what is kept of it."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def is_secret(text: str, digest: bytes) -> bool:
    """Whether this is the text that the digest was made of."""
    return hmac.compare_digest(digest_secret(text), digest)
