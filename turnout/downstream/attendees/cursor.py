"""Where a list goes on: opaque, because it holds what the list is sorted by, which may be an address or a name.

Sealed with the installation's key: it stands in addresses of requests, and those in logs of others.
"""

import base64
import binascii
import hashlib

import msgspec

from turnout import errors
from turnout.downstream.attendees.matching import Place
from turnout.downstream.attendees.query import Query
from turnout.feed.reading import QUERY
from turnout.store.sealing import CannotOpen, seal_alike, unseal

MAX_CHARACTERS = 4_000
_FOR = "the cursor of a list"


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last attendee of a page, and what the list was."""

    fingerprint: str
    sequence: int
    """The log's head when the first page was read."""
    key: str | int
    attendee_id: str

    @property
    def place(self) -> Place:
        return self.key, self.attendee_id


_decode = msgspec.msgpack.Decoder(Cursor).decode


def fingerprint(event_id: str, query: Query) -> str:
    """What tells this list from others."""
    return hashlib.sha256(msgspec.msgpack.encode((event_id, query))).hexdigest()[:16]


def write_cursor(secret_key: bytes, cursor: Cursor) -> str:
    """As it stands in an address; the same each time, or no page that has a next one would ever be 304."""
    sealed = seal_alike(secret_key, msgspec.msgpack.encode(cursor), _FOR)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_cursor(secret_key: bytes, text: str, event_id: str, query: Query) -> Cursor:
    """Raises InvalidRequest for one that is damaged, or of another list."""
    try:
        if len(text) > MAX_CHARACTERS or not text.isascii():
            raise ValueError
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = _decode(unseal(secret_key, sealed, _FOR))
    except (ValueError, binascii.Error, CannotOpen, msgspec.DecodeError) as error:
        raise errors.InvalidRequest(
            "The cursor is damaged. Send it as it came, or begin without one.", path=f"{QUERY}cursor"
        ) from error
    if cursor.fingerprint != fingerprint(event_id, query):
        raise errors.InvalidRequest(
            "The cursor is of another list. It goes on with the same filters and order only; the Link header has them.",
            path=f"{QUERY}cursor",
        )
    return cursor
