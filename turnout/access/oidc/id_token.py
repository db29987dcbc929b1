"""What an ID token says, once it is certain that the provider has signed it for us, now. Pure."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
import msgspec

from turnout.feed.parse.values import is_address

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those with a key of the provider's that everybody may know: never `none`, and never one with a shared secret."""
LEEWAY_S = 60
"""Between the provider's clock and ours."""
MAX_SUBJECT = 255
"""OpenID Connect Core, section 2."""
MAX_NAME = 255


class Untrue(Exception):
    """The token is not to be believed; the message says why, and nothing of what is in it."""


class UnknownKey(Untrue):
    """No key that we know has signed it: the provider may have a new one."""


class Identity(msgspec.Struct, frozen=True):
    """Whom the provider means."""

    issuer: str
    subject: str
    email: str | None = None
    """Only where the provider says that it has made sure of it."""
    name: str = ""

    @property
    def key(self) -> str:
        """By which a user is known again: subjects are an issuer's, and another one may give the same."""
        return f"{self.issuer} {self.subject}"


def read_id_token(
    token: str, keys: Sequence[Mapping[str, Any]], *, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Its claims. Raises Untrue (OpenID Connect Core, section 3.1.3.7)."""
    key, algorithm = _find_key(token, keys)
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        # What it says may repeat what came.
        raise Untrue(f"the ID token is not valid: {type(error).__name__}") from None
    if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise Untrue("the ID token was made for another attempt (nonce)")
    for_many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if for_many else client_id) != client_id:
        raise Untrue("the ID token was given to another client (azp)")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise Untrue("the ID token names nobody (sub)")
    return claims


def read_identity(claims: Mapping[str, Any]) -> Identity:
    """Whom the claims mean. An address that the provider has not verified anybody may have written there."""
    email, name = claims.get("email"), claims.get("name")
    is_verified = claims.get("email_verified") is True
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        email=email if is_verified and isinstance(email, str) and is_address(email) else None,
        name=name.strip()[:MAX_NAME] if isinstance(name, str) and name.isprintable() else "",
    )


def _find_key(token: str, keys: Sequence[Mapping[str, Any]]) -> tuple[jwt.PyJWK, str]:
    """The provider's key that the token names, and how it is signed."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Untrue("the ID token is no token") from None
    algorithm, named = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise Untrue("the ID token is signed in a way that is not taken")
    fitting = [
        key
        for key in keys
        if key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and _KINDS[algorithm[:2]] == key["kty"]
    ]
    found = [key for key in fitting if key.get("kid") == named] if named is not None else fitting
    if len(found) != 1:
        raise UnknownKey("the ID token is signed with a key that the provider does not publish")
    try:
        return jwt.PyJWK(dict(found[0]), algorithm), str(algorithm)
    except jwt.PyJWTError:
        raise Untrue("the provider's key cannot be read") from None


_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""What a key has to be for an algorithm that begins like this."""
