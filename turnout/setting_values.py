"""From a text in the environment to a value: URLs, sizes, words, the secret key.

Each raises ValueError with the end of the sentence that the setting's name begins.
"""

import base64
import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from turnout.postgresql_url import as_postgresql_url

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EXAMPLE = "sqlite:////var/lib/turnout/turnout.db"
_POSTGRESQL_EXAMPLE = "postgresql://turnout:password@db.example.org/turnout"


def as_database_url(text: str) -> str:
    if text[0] in "\"'":
        raise ValueError("must not begin with a quotation mark: what reads it takes all characters as they are")
    scheme, separator, path = text.partition("://")
    if not separator:
        raise ValueError(f"must be a URL such as {_EXAMPLE} or {_POSTGRESQL_EXAMPLE}")
    if scheme.lower() in ("postgres", "postgresql"):
        return as_postgresql_url(text)
    if scheme.lower() != "sqlite":
        raise ValueError(f"must begin with sqlite:// or postgresql://, such as {_EXAMPLE} or {_POSTGRESQL_EXAMPLE}")
    if not path.startswith("/"):
        host = path.partition("/")[0]
        why = f"; {host!r:.40} would be a host, and an SQLite file is on this machine" if host and "/" in path else ""
        raise ValueError(
            f"must have three slashes before a relative path and four before an absolute one: {_EXAMPLE}{why}"
        )
    if "?" in path or "#" in path:
        raise ValueError("must be a plain path without ? or #: an SQLite file has no parameters here")
    path = path[1:]
    if not path or path.endswith("/") or ":memory:" in path:
        raise ValueError(f"must name a file, such as {_EXAMPLE}; a database in memory keeps nothing")
    return f"sqlite:///{Path(path).absolute()}"


def as_public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or parts.hostname in (None, ""):
        raise ValueError(
            "must be a URL that begins with http:// or https:// and a host, such as https://feed.example.org"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if "?" in text or "#" in text:
        raise ValueError("must end with the host or a path, without ? or #")
    if not port_is_good or re.search(r"[\s\\%<>\"]", text):
        raise ValueError("must be a plain URL, such as https://feed.example.org/turnout")
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def as_networks(text: str) -> tuple[Network, ...]:
    networks = []
    for word in re.split(r"[,\s]+", text.strip(", ")):
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            try:
                meant = ipaddress.ip_network(word, strict=False)
            except ValueError:
                raise ValueError(
                    f"must be addresses or networks with commas between, such as 10.0.0.0/8, ::1; {word} is neither"
                ) from None
            raise ValueError(
                f"holds {word}, which is an address in a network; write {meant} if all of it is trusted"
            ) from None
    return tuple(networks)


def as_issuer(text: str) -> str:
    """As it names itself: a slash at the end, or none, is part of the name."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    if not is_good or not text.isascii() or re.search(r"[\s\\<>\"?#@]", text):
        raise ValueError("must be the issuer's URL as the provider names it, such as https://login.example.org")
    return text


def as_words(text: str) -> str:
    if not text.isprintable() or len(text) > _MAX_WORDS:
        raise ValueError(f"must be a text of up to {_MAX_WORDS} characters on one line")
    return text


_MAX_WORDS = 255


def as_client_secret(text: str) -> bytes:
    if not text.isprintable() or len(text) > 4_096:
        raise ValueError("must be the secret as the provider shows it, on one line")
    return text.encode()


def as_yes(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text.lower() == "yes"


_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def size_between(least: int, most: int) -> Callable[[str], int]:
    def read_size(text: str) -> int:
        match = re.fullmatch(r"([0-9][0-9_]*(?:\.[0-9]+)?)\s*([a-zA-Z]*)", text)
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError("must be a size in bytes, such as 1048576, 512KiB or 1MiB")
        size = int(float(match[1].replace("_", "")) * _UNITS[match[2].lower()])
        if not least <= size <= most:
            raise ValueError(f"must be between {format_size(least)} and {format_size(most)}")
        return size

    return read_size


def count_between(least: int, most: int) -> Callable[[str], int]:
    def read_count(text: str) -> int:
        if not re.fullmatch(r"[0-9][0-9_]{0,11}", text):
            raise ValueError("must be a whole number")
        count = int(text)
        if not least <= count <= most:
            raise ValueError(f"must be between {least:,} and {most:,}")
        return count

    return read_count


def seconds_between(least: float, most: float) -> Callable[[str], float]:
    def read_seconds(text: str) -> float:
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*s?", text)
        seconds = float(match[1]) if match else math.nan
        if not least <= seconds <= most:
            raise ValueError(f"must be a number of seconds between {least:g} and {most:g}")
        return seconds

    return read_seconds


SECRET_KEY_BYTES = 32
_FEWEST_DIFFERENT_BYTES = 8
"""Of 32 random ones about 30 differ; what a hand types does not get there."""


def as_secret_key(text: str) -> bytes:
    """The key that was written as base64, either alphabet, with or without its padding, or as hexadecimal."""
    try:
        if len(text) == 2 * SECRET_KEY_BYTES:
            key = bytes.fromhex(text)
        else:
            key = base64.b64decode(text.rstrip("=").translate(_PLAIN_ALPHABET) + "=", validate=True)
    except ValueError:
        key = b""
    if len(key) != SECRET_KEY_BYTES:
        raise ValueError("must be 32 random bytes in base64 or hexadecimal, as `openssl rand -base64 32` prints them")
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise ValueError("must be random, and is not: take what `openssl rand -base64 32` prints")
    return key


_PLAIN_ALPHABET = str.maketrans("-_", "+/")


def one_of(*words: str) -> Callable[[str], str]:
    def read_word(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return read_word


def format_size(size_bytes: int) -> str:
    """`1 MiB` where it comes out even, else the number of bytes."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor:,} {unit}"
    return f"{size_bytes:,} bytes"
