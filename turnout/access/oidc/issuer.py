"""The provider of the single sign-on: where it is, its keys, and what it says of who comes back from it."""

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import structlog

from turnout.access.oidc.attempt import Attempt
from turnout.access.oidc.id_token import Identity, UnknownKey, Untrue, read_id_token, read_identity
from turnout.errors import SingleSignOnAway, SingleSignOnFailed, TooManyAttempts
from turnout.outside.http import Answer, NoAnswer, Outside
from turnout.settings import Settings

KEPT_S = 3_600.0
"""What the provider says of itself, its keys too."""
KEYS_ANEW_S = 60.0
"""For a key that is not known its keys are asked for once more, but no more often."""
AWAY_S = 10.0
"""So long nobody else waits for a provider that did not answer."""
LIMIT_S = 10.0
"""For one request to it."""
MAX_AT_ONCE = 8
"""Who comes back at the same time: anybody can, with a code that means nothing."""
SCOPE = "openid email profile"
log = structlog.get_logger()


class Provider(msgspec.Struct, frozen=True):
    """What it says of itself (OpenID Connect Discovery 1.0), as far as we need it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(default_factory=lambda: ["client_secret_basic"])
    authorization_response_iss_parameter_supported: bool = False


class Known(msgspec.Struct, frozen=True):
    """The provider as it was when it was asked."""

    provider: Provider
    keys: list[dict[str, Any]]
    at: float


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class Issuer:
    """The one that is set up. To be used in one event loop."""

    def __init__(self, settings: Settings, public_url: str) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        self.url = settings.oidc_issuer
        self.name = settings.oidc_name
        self.client_id = settings.oidc_client_id
        self.redirect_uri = f"{public_url}/console/single-sign-on/back"
        """What the provider has to know of this installation."""
        self.has_secret = settings.oidc_client_secret is not None
        self._secret = (settings.oidc_client_secret or b"").decode()
        self._allow_private = settings.oidc_private
        self._outside = Outside(allow_private=settings.oidc_private)
        self._known: Known | None = None
        self._failed: tuple[str, float] | None = None
        self._asking = asyncio.Lock()
        self._free = asyncio.Semaphore(MAX_AT_ONCE)

    async def close(self) -> None:
        await self._outside.close()

    async def check(self) -> str | None:
        """Why nobody could sign in by it at this moment; None where it answers as it should."""
        try:
            await self._get_known()
        except SingleSignOnAway as error:
            return error.detail
        return None

    async def write_way(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in. Raises SingleSignOnAway."""
        endpoint = (await self._get_known()).provider.authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def identify(self, attempt: Attempt | None, came: Mapping[str, str]) -> Identity:
        """Who came back, with this query, from an attempt that this browser began; None where it began none.

        Raises SingleSignOnFailed, SingleSignOnAway, TooManyAttempts.
        """
        try:
            if attempt is None or not attempt.is_state(came.get("state", "")):
                raise Untrue("another browser began this, or it took too long (state)")
            if "error" in came:
                raise Untrue(f"the provider says {_as_word(came['error'])}")
            if not came.get("code"):
                raise Untrue("there is no code")
            if self._free.locked():
                raise TooManyAttempts("Too many people are signing in at this moment.", wait_s=5)
            async with self._free:
                return await self._identify(attempt, came)
        except Untrue as error:
            log.warning("single_sign_on_failed", reason=str(error))
            raise SingleSignOnFailed(_explain(attempt, came)) from None

    async def _identify(self, attempt: Attempt, came: Mapping[str, str]) -> Identity:
        known = await self._get_known()
        must_say = known.provider.authorization_response_iss_parameter_supported
        if came.get("iss", None if must_say else self.url) != self.url:
            raise Untrue("another provider answered (iss)")
        tokens = await self._exchange(known.provider, came["code"], attempt.verifier)
        claims = await self._read(tokens.id_token, attempt.nonce, known)
        if known.provider.userinfo_endpoint and tokens.access_token and "email_verified" not in claims:
            claims = claims | await self._ask_more(known.provider.userinfo_endpoint, tokens.access_token, claims["sub"])
        return read_identity(claims)

    async def _read(self, token: str, nonce: str, known: Known) -> dict[str, Any]:
        def read(keys: list[dict[str, Any]]) -> dict[str, Any]:
            return read_id_token(token, keys, issuer=self.url, client_id=self.client_id, nonce=nonce)

        try:
            return read(known.keys)
        except UnknownKey:
            return read((await self._get_known(asked_since=time.monotonic() - KEYS_ANEW_S)).keys)

    async def _exchange(self, provider: Provider, code: str, verifier: str) -> _Tokens:
        """The tokens for the code. Raises Untrue where there are none for it."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        methods = provider.token_endpoint_auth_methods_supported
        if not self._secret:
            form["client_id"] = self.client_id
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            both = f"{quote_plus(self.client_id)}:{quote_plus(self._secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self._secret}
        try:
            answer = await self._outside.post(provider.token_endpoint, urlencode(form).encode(), headers, LIMIT_S)
        except NoAnswer as error:
            raise self._note_away(f"its token endpoint: {error}") from None
        if answer.status >= 500:
            raise self._note_away(f"its token endpoint answers {answer.status}")
        if answer.status != 200:
            raise Untrue(f"the provider gives nothing for the code: {answer.status} {_find_error(answer)}")
        try:
            return msgspec.json.decode(answer.body, type=_Tokens)
        except msgspec.MsgspecError:
            raise Untrue("the provider answers the code without an ID token") from None

    async def _ask_more(self, url: str, access_token: str, subject: str) -> dict[str, Any]:
        """What it says of them besides, address and name; nothing where it does not, or it is about somebody else."""
        try:
            answer = await self._outside.get(url, {"authorization": f"Bearer {access_token}"}, LIMIT_S)
            claims = msgspec.json.decode(answer.body, type=dict[str, Any])
        except (NoAnswer, msgspec.MsgspecError, ValueError):
            return {}
        if answer.status != 200 or claims.get("sub") != subject:
            return {}
        return {name: claims[name] for name in ("email", "email_verified", "name") if name in claims}

    # The provider

    async def _get_known(self, asked_since: float | None = None) -> Known:
        """As it was at that time at the earliest, or within the last hour. Raises SingleSignOnAway."""
        since = time.monotonic() - KEPT_S if asked_since is None else asked_since
        async with self._asking:
            if self._known is not None and self._known.at >= since:
                return self._known
            if self._failed is not None and time.monotonic() - self._failed[1] < AWAY_S:
                raise SingleSignOnAway(self._failed[0])
            provider = await self._get(f"{self.url.rstrip('/')}/.well-known/openid-configuration", Provider)
            if provider.issuer != self.url:
                raise self._note_away(f"it names itself {provider.issuer!r}: TURNOUT_OIDC_ISSUER has to be just that")
            self._check_addresses(provider)
            keys = [key for key in (await self._get(provider.jwks_uri, _Keys)).keys if isinstance(key.get("kty"), str)]
            self._known, self._failed = Known(provider, keys, time.monotonic()), None
            return self._known

    async def _get(self, url: str, kind: type[Any]) -> Any:
        try:
            answer = await self._outside.get(url, {"accept": "application/json"}, LIMIT_S)
        except NoAnswer as error:
            raise self._note_away(f"{url}: {error}") from None
        if answer.status != 200:
            raise self._note_away(f"{url} answers {answer.status}")
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise self._note_away(f"{url} is not what OpenID Connect has there") from None

    def _check_addresses(self, provider: Provider) -> None:
        """Raises SingleSignOnAway where a secret would go over the wire for everybody to read."""
        endpoints = (provider.authorization_endpoint, provider.token_endpoint, provider.jwks_uri)
        for url in (*endpoints, provider.userinfo_endpoint or "https://"):
            if not url.startswith("https://") and not (self._allow_private and url.startswith("http://")):
                raise self._note_away(f"it names {url!r}, which does not begin with https://")

    def _note_away(self, why: str) -> SingleSignOnAway:
        log.warning("single_sign_on_away", issuer=self.url, reason=why)
        detail = f"The provider of the single sign-on, {self.name}, cannot be used at this moment."
        self._failed = (detail, time.monotonic())
        return SingleSignOnAway(detail)


def _explain(attempt: Attempt | None, came: Mapping[str, str]) -> str:
    """For who came back. What came from elsewhere is not repeated."""
    if came.get("error") == "access_denied":
        return "The single sign-on did not let you in: you said no there, or you may not use Turnout."
    if attempt is None or not attempt.is_state(came.get("state", "")):
        return "This browser did not begin this sign-in, or it took longer than 10 minutes."
    return "The single sign-on's answer cannot be believed. Nobody was signed in."


def _find_error(answer: Answer) -> str:
    try:
        return _as_word(str(msgspec.json.decode(answer.body, type=dict[str, Any]).get("error", "")))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "without a reason"


def _as_word(error: str) -> str:
    """An error code as RFC 6749 has them, and nothing else that somebody may have put there."""
    return error if error.replace("_", "").isalpha() and error.isascii() and len(error) <= 64 else "something else"
