"""Whose web pages may read at a gateway: what their browsers are told (CORS, as the Fetch standard has it). Pure.

Only of routes for reading, which ask for a key in a header: never with cookies, and never of pushing.
"""

from collections.abc import Iterable

from turnout.feed.receipt import Answer
from turnout.model.event import Event

Headers = tuple[tuple[bytes, bytes], ...]

MAX_ORIGIN_BYTES = 300
_KEPT_S = 600
"""How long a browser need not ask again; an origin that is taken away may read for so long."""
_SENT = b"authorization, api-key, content-type, if-none-match, last-event-id"
_READ = b"content-disposition, etag, link, location, retry-after, x-data-age, x-request-id, x-sequence"
DEPENDS: Headers = ((b"vary", b"origin"),)
"""On every answer of such a route, whoever asks: what a cache keeps for one site is not for another."""


def may_read(event: Event | None, origin: bytes) -> bool:
    """Whether pages of this origin may read at the event's gateway."""
    if event is None or not event.cors or len(origin) > MAX_ORIGIN_BYTES:
        return False
    return "*" in event.cors or origin.decode("latin-1") in event.cors


def allow(origin: bytes) -> Headers:
    """What lets the page read the answer, errors too."""
    return ((b"access-control-allow-origin", origin), (b"access-control-expose-headers", _READ))


def answer_preflight(origin: bytes, methods: Iterable[str]) -> Answer:
    """The answer to a browser that asks first, before it sends the key."""
    return Answer(
        204,
        b"",
        (
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", ", ".join(sorted(methods)).encode()),
            (b"access-control-allow-headers", _SENT),
            (b"access-control-max-age", str(_KEPT_S).encode()),
            (b"vary", b"origin, access-control-request-method, access-control-request-headers"),
        ),
    )
