"""Whose web pages may read at an event's gateway: origins as browsers send them, checked when they are set."""

import difflib
import re

from turnout.errors import InvalidRequest

MAX_ORIGINS = 100
ANY = "*"
_USUAL_PORTS = {"http": "80", "https": "443"}
_SCHEMES = ("https", "http", "capacitor", "ionic", "tauri", "app")
"""Of sites, and of apps that show pages of their own."""
_HOST = r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*|\[[0-9a-f:.]{2,45}\])"
_ORIGIN = re.compile(rf"([a-z][a-z0-9+.-]*)://({_HOST})(?::([0-9]{{1,5}}))?")


def read_origins(value: str) -> tuple[str, ...]:
    """The origins as browsers write them; none for `none` and nothing, `*` alone for any. Raises InvalidRequest."""
    given = [part.strip() for part in value.split(",") if part.strip()]
    if given in ([], ["none"]):
        return ()
    if ANY in given:
        if len(given) > 1:
            raise InvalidRequest("cors=* lets every site's pages read; beside it no other is of use.")
        return (ANY,)
    origins = dict.fromkeys(_read_origin(one) for one in given)
    if len(origins) > MAX_ORIGINS:
        raise InvalidRequest(f"cors can name {MAX_ORIGINS} origins, not {len(origins):,}.")
    return tuple(origins)


def write_origins(origins: tuple[str, ...]) -> str:
    """As it is set."""
    return ",".join(origins) or "none"


def _read_origin(text: str) -> str:
    match = _ORIGIN.fullmatch(text.lower().removesuffix("/"))
    if match is None:
        raise InvalidRequest(f"{text!r} is not an origin. {_explain(text)}")
    scheme, host, port = match.groups()
    if scheme not in _SCHEMES:
        near = difflib.get_close_matches(scheme, _SCHEMES, 1)
        raise InvalidRequest(
            f"{text!r} is not an origin: {scheme} is none of {', '.join(_SCHEMES)}."
            + (f" Did you mean {near[0]}://{host}?" if near else "")
        )
    if port is not None and not 0 < int(port) < 65_536:
        raise InvalidRequest(f"{text!r} is not an origin: a port is a number from 1 to 65535.")
    # A browser leaves the usual one out.
    return f"{scheme}://{host}" if port in (None, _USUAL_PORTS.get(scheme)) else f"{scheme}://{host}:{int(port)}"


def _explain(text: str) -> str:
    if text.lower() == "null":
        return (
            "Browsers send null for files and for frames in a sandbox, of whatever site, so it cannot be let in. Serve "
            "the page from an address, such as http://localhost:5173, and allow that."
        )
    if "://" not in text:
        return f"It begins with a scheme: did you mean https://{text}?"
    if "*" in text:
        return "Name each origin by itself; only cors=* stands for any."
    if not text.isascii():
        return "Write the host as browsers send it, in its form that begins with xn--."
    if "/" in text.partition("://")[2].removesuffix("/"):
        return "It has no path: write it like https://app.example.org."
    return "Write it like https://app.example.org or http://localhost:5173."
