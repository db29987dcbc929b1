"""The console's cookies: who is signed in, and what the next page says."""

import base64
from contextlib import suppress
from http.cookies import Morsel
from typing import TypeVar

import msgspec

SESSION = "turnout_session"
SAID = "turnout_said"
CSRF = "turnout_csrf"
SINGLE_SIGN_ON = "turnout_single_sign_on"
_SAID_S = 60
_T = TypeVar("_T")


def name_of(name: str, *, secure: bool) -> str:
    """As browsers know it: over HTTPS with the prefix by which they refuse one that another host has set."""
    return f"__Host-{name}" if secure else name


def set_cookie(name: str, value: str, *, secure: bool, max_age_s: int) -> tuple[bytes, bytes]:
    """The header that sets it; an age of 0 takes it away. No script can read it."""
    morsel: Morsel[str] = Morsel()
    morsel.set(name_of(name, secure=secure), value, value)
    morsel["path"] = "/"
    morsel["max-age"] = str(max_age_s)
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    if secure:
        morsel["secure"] = True
    return b"set-cookie", morsel.OutputString().encode("latin-1")


def say(said: msgspec.Struct, *, secure: bool) -> tuple[bytes, bytes]:
    """The header by which the next page says this."""
    return keep(SAID, said, secure=secure, max_age_s=_SAID_S)


def keep(name: str, kept: msgspec.Struct, *, secure: bool, max_age_s: int) -> tuple[bytes, bytes]:
    """The header by which the browser keeps this."""
    value = base64.urlsafe_b64encode(msgspec.json.encode(kept)).decode().rstrip("=")
    return set_cookie(name, value, secure=secure, max_age_s=max_age_s)


def read_kept(value: str | None, kind: type[_T]) -> _T | None:
    """What it kept; None where that is nothing that can be read."""
    if not value:
        return None
    with suppress(ValueError, msgspec.MsgspecError):
        return msgspec.json.decode(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), type=kind)
    return None
