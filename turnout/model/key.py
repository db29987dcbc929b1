"""The API key: what opens a gateway (A2, A3, A5)."""

import re
import zlib
from typing import Literal

import msgspec


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as stored: the digest of its secret, never the secret."""

    id: str
    event_id: str
    source_number: int | None
    """The source that a push key belongs to; None for a read key."""
    scope: Literal["push", "read"]
    label: str
    digest: bytes
    """SHA-256 of the whole key."""
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None
    last_address: str | None = None
    """From where it was used then, as far as it pushed; forgotten when it is revoked."""
    groups: tuple[int, ...] | None = None
    """The groups, by number, whose people a read key sees; None for everybody."""
    fields: tuple[str | int, ...] | None = None
    """What it sees of them: names of the profile's fields, numbers of custom fields; None for everything."""

    def is_good(self, at: int) -> bool:
        """Whether it opens anything at that time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


_KEY = re.compile(r"trn_([0-9a-f]{32})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def write_key(key_id: str, secret: str) -> str:
    """The key as it is handed out: `trn_<id>_<secret><checksum>`, a form that secret scanners can look for.

    `secret` are 32 digits or letters, `key_id` is `key_…`.
    """
    key = f"trn_{key_id.removeprefix('key_')}_{secret}"
    return key + checksum(key)


def read_key_id(key: str) -> str | None:
    """The public part of something that has a key's form: `key_…`."""
    match = _KEY.fullmatch(key)
    return None if match is None else f"key_{match[1]}"


def is_mistyped(key: str) -> bool:
    """Whether this cannot be a key as it was handed out. Only for our own tools, never for a 401 (A3)."""
    return _KEY.fullmatch(key) is None or checksum(key[:-6]) != key[-6:]


def checksum(text: str) -> str:
    """CRC-32 in six digits of base 62."""
    rest = zlib.crc32(text.encode())
    digits = []
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
