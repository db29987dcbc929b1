"""Answers that whoever asks may keep, and ask again whether they are still so: ETag and 304 (RFC 9110)."""

import hashlib
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from turnout.feed.authenticate import Gateway
from turnout.feed.gateway import Asked
from turnout.feed.parse.fields import LONGEST_NAME, fold_name
from turnout.feed.receipt import JSON, Answer
from turnout.model.age import Age

Headers = tuple[tuple[bytes, bytes], ...]

KEPT: Headers = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"accept, authorization, api-key"),
)
_encode = msgspec.json.Encoder().encode


def answer_json(asked: Asked, shown: object, more: Headers = (), *, age: Age | None = None) -> Answer:
    """A document of these values."""
    return answer(asked, _encode(shown), (JSON, *more), age=age)


def answer(asked: Asked, body: bytes, headers: Headers, *, age: Age | None = None) -> Answer:
    """The body, or that it is the one that whoever asks has already; and how old that is, read from a replica."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = ((b"etag", tag.encode()), *KEPT, *tell_age(age))
    if _is_known(asked.head.header(b"if-none-match"), tag):
        return Answer(304, b"", kept)
    return Answer(200, body, (*headers, *kept))


def tell_age(age: Age | None) -> Headers:
    """The header that says how old a list is. Not `Age`, by which caches reckon how long an answer lasts (RFC 9111)."""
    return () if age is None else ((b"x-data-age", age.as_header.encode()),)


def next_link(asked: Asked, public_url: str, cursor: str) -> tuple[bytes, bytes]:
    """The header that leads to the next page: the same address with all its parameters, and the cursor."""
    said = parse_qsl(asked.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    parameters = [one for one in said if len(one[0]) > LONGEST_NAME or fold_name(one[0]) != "cursor"]
    query = urlencode([*parameters, ("cursor", cursor)])
    address = f"{gateway_url(asked.gateway, public_url)}/attendees?{query}"
    return b"link", f'<{address}>; rel="next"'.encode()


def gateway_url(gateway: Gateway, public_url: str) -> str:
    """As the one who asked knows it: at the event's own host, or below the public URL (A1)."""
    if gateway.host is not None:
        return f"{urlsplit(public_url).scheme}://{gateway.host}"
    return f"{public_url}/e/{gateway.slug}"


def _is_known(if_none_match: str | None, tag: str) -> bool:
    if if_none_match is None:
        return False
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in known or known == ["*"]
