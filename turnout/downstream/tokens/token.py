"""One token: what it says of somebody, and until when it is good (RFC 7519). Pure but for the signature."""

from typing import Any

import jwt
import msgspec

from turnout import errors
from turnout.changes.fields import find_field
from turnout.downstream.attendees.query import unknown_field
from turnout.downstream.body import read_wish_from
from turnout.downstream.limits import Limits, view
from turnout.downstream.tokens.signing import ALGORITHM, LONGEST_S, Signer
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.now import as_text, new_id

USUAL_S = 600
MAX_FIELDS = 100
MAX_AUDIENCE = 255
MAX_TOKEN = 8_000
"""Characters. Tokens travel in headers, of which servers take so much."""


class Wish(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is asked for beside the person."""

    fields: tuple[str, ...] = ()
    """Whose values it says; else who it is, the status and the groups alone."""
    expires_in: int = USUAL_S
    """Seconds."""
    audience: str | None = None
    """For whom it is, where that is to be checked."""


class Token(msgspec.Struct, frozen=True, rename="camel"):
    """As answered."""

    token: str
    expires_at: str


def read_wish(body: bytes) -> Wish:
    """Nothing is a wish too. Raises MalformedBody and InvalidRequest."""
    if not body.strip():
        return Wish()
    wish = read_wish_from(body, Wish, f'{{"fields": ["firstName"], "expiresIn": {USUAL_S}}}')
    if not 1 <= wish.expires_in <= LONGEST_S:
        raise errors.InvalidRequest(f"expiresIn is a number of seconds from 1 to {LONGEST_S:,}.", path="expiresIn")
    if len(wish.fields) > MAX_FIELDS:
        raise errors.InvalidRequest(f"A token says at most {MAX_FIELDS} fields.", path="fields")
    if wish.audience is not None and not 1 <= len(wish.audience) <= MAX_AUDIENCE:
        raise errors.InvalidRequest(f"An audience has 1 to {MAX_AUDIENCE} characters.", path="audience")
    return wish


def find_fields(wish: Wish, configuration: Configuration, limits: Limits) -> frozenset[str | int]:
    """The fields wished for, which the reader has to see himself. Raises InvalidRequest."""
    found = set()
    for name in wish.fields:
        field = find_field(configuration, name)
        # One answer for both: what there is besides is not told.
        if field is None or not limits.shows(field):
            raise unknown_field(name, configuration, limits, "fields")
        found.add(field)
    return frozenset(found)


def make_token(
    signer: Signer, attendee: Attendee, configuration: Configuration, limits: Limits, wish: Wish, *, iss: str, at: int
) -> Token:
    """The token, good from now on. Raises InvalidRequest where it would be too long."""
    begins_s = at // 1_000_000
    ends_s = begins_s + wish.expires_in
    claims = {"iss": iss, "iat": begins_s, "exp": ends_s, "jti": new_id("tok")}
    if wish.audience is not None:
        claims["aud"] = wish.audience
    claims |= describe(attendee, configuration, Limits(limits.groups, find_fields(wish, configuration, limits)))
    token = jwt.encode(claims, signer.private_key, ALGORITHM, headers={"kid": signer.id})
    if len(token) > MAX_TOKEN:
        raise errors.InvalidRequest(
            f"The token would have {len(token):,} characters, and may have {MAX_TOKEN:,}: choose fewer fields, or use "
            "a key that sees fewer groups."
        )
    return Token(token, as_text(ends_s * 1_000_000))


def describe(attendee: Attendee, configuration: Configuration, limits: Limits) -> dict[str, Any]:
    """What is said of the person, in the words of the read API; of fields only those chosen."""
    shown = view(attendee, configuration, limits)
    said: dict[str, Any] = {"sub": shown.id, "status": shown.status, "groups": shown.groups}
    if limits.shows("email"):
        said["email"] = shown.email
    if shown.profile:
        said["profile"] = shown.profile
    if shown.custom_fields:
        said["customFields"] = shown.custom_fields
    return said
