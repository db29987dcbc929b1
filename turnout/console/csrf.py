"""What keeps other sites from sending our forms: a token in a cookie and in each form."""

import hashlib
import hmac
import secrets

from litestar.config.csrf import CSRFConfig
from litestar.middleware import DefineMiddleware
from litestar.middleware.csrf import CSRFMiddleware

from turnout import errors
from turnout.console import cookies
from turnout.store.database import Database


class Guard(CSRFMiddleware):
    """Litestar's, which takes masked tokens too."""

    def _csrf_tokens_match(self, request_csrf_token: str, cookie_csrf_token: str) -> bool:
        return super()._csrf_tokens_match(unmask(request_csrf_token), cookie_csrf_token)


def make_guard(database: Database, *, is_secure: bool) -> DefineMiddleware:
    """The same in all processes."""
    config = CSRFConfig(
        secret=_find_secret(database),
        cookie_name=cookies.name_of(cookies.CSRF, secure=is_secure),
        cookie_secure=is_secure,
        cookie_httponly=True,
        header_name="x-csrf-token",
    )
    return DefineMiddleware(Guard, config=config)


def mask(token: str) -> str:
    """The token as one page has it. Pages are packed, and what is in each of them alike could be guessed by length."""
    try:
        known = bytes.fromhex(token)
    except ValueError:
        # Somebody else's cookie, which opens nothing.
        return ""
    pad = secrets.token_bytes(len(known))
    return f"{pad.hex()}.{_mix(known, pad).hex()}"


def unmask(token: str) -> str:
    """The token; of one that is not masked, itself."""
    pad, point, masked = token.partition(".")
    if not point or len(pad) != len(masked):
        return token
    try:
        return _mix(bytes.fromhex(masked), bytes.fromhex(pad)).hex()
    except ValueError:
        return token


def _mix(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _find_secret(database: Database) -> str:
    """From the installation's secret key; where that is lost, one of this process, until it is put back."""
    try:
        key = database.secret_key
    except errors.StorageUnavailable:
        return secrets.token_hex()
    return hmac.new(key, b"turnout csrf", hashlib.sha256).hexdigest()
