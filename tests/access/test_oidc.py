"""Whom the provider of the single sign-on means is believed only when it says so to this installation, now."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import structlog

from tests.access import issuer as providers
from tests.access.issuer import CLIENT_ID, CLIENT_SECRET, SUBJECT, TestedIssuer
from turnout.access.oidc import attempt
from turnout.access.oidc.attempt import Attempt
from turnout.access.oidc.id_token import Identity
from turnout.access.oidc.issuer import Issuer, Provider
from turnout.errors import SingleSignOnAway, SingleSignOnFailed
from turnout.settings import Settings

PUBLIC_URL = "https://feed.example.org/turnout"


@pytest.fixture
def provider() -> Iterator[TestedIssuer]:
    with TestedIssuer() as provider:
        yield provider


def make_settings(url: str, **changed: Any) -> Settings:
    settings = Settings(
        oidc_issuer=url, oidc_client_id=CLIENT_ID, oidc_client_secret=CLIENT_SECRET.encode(), oidc_private=True
    )
    return msgspec.structs.replace(settings, **changed)


def come_back(
    provider: TestedIssuer,
    *,
    begun: Attempt | None = None,
    times: int = 1,
    between: Callable[[], object] = lambda: None,
    settings: Settings | None = None,
    query: Mapping[str, str | None] = {},
) -> Identity:
    """Whom the provider means when a browser comes back from it with what it should have, but for `query`."""

    async def run() -> Identity:
        issuer = Issuer(settings or make_settings(provider.url), PUBLIC_URL)
        its = begun or attempt.begin()
        provider.nonce = its.nonce
        came = {"code": "the code", "state": its.state, **query}
        sent: Mapping[str, str] = {name: value for name, value in came.items() if value is not None}
        try:
            for _ in range(times - 1):
                await issuer.identify(its, sent)
                between()
            return await issuer.identify(its, sent)
        finally:
            await issuer.close()

    return asyncio.run(run())


def test_the_browser_goes_to_the_provider_with_all_that_it_has_to_give_back(provider: TestedIssuer) -> None:
    async def run(its: Attempt) -> str:
        issuer = Issuer(make_settings(provider.url), PUBLIC_URL)
        try:
            return await issuer.write_way(its)
        finally:
            await issuer.close()

    its = attempt.begin()
    way = urlsplit(asyncio.run(run(its)))
    asked = {name: values[0] for name, values in parse_qs(way.query).items()}
    assert f"{way.scheme}://{way.netloc}{way.path}" == f"{provider.url}/authorize"
    digest = hashlib.sha256(its.verifier.encode()).digest()
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{PUBLIC_URL}/console/single-sign-on/back",
        "scope": "openid email profile",
        "state": its.state,
        "nonce": its.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert len({its.secret, its.state, its.nonce, its.verifier, attempt.begin().state}) == 5


def test_who_comes_back_is_who_the_provider_says(provider: TestedIssuer) -> None:
    provider.claims = {"email": "ann@example.org", "email_verified": True, "name": "Ann Example"}
    its = attempt.begin()
    assert come_back(provider, begun=its) == Identity(provider.url, SUBJECT, "ann@example.org", "Ann Example")
    _, headers, form = next(asked for asked in provider.asked if asked[0] == "/token")
    assert form == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": f"{PUBLIC_URL}/console/single-sign-on/back",
        "code_verifier": its.verifier,
    }
    both = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert both == f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '+')}"


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(provider: TestedIssuer) -> None:
    provider.provider = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    come_back(provider)
    _, headers, form = next(asked for asked in provider.asked if asked[0] == "/token")
    assert form["client_secret"] == CLIENT_SECRET
    assert "authorization" not in headers


def test_an_elliptic_key_will_do(provider: TestedIssuer) -> None:
    provider.published, provider.kid = ["rsa", "ec"], "ec"
    assert come_back(provider).subject == SUBJECT


@pytest.mark.parametrize("verified", [None, False, "true", 1], ids=repr)
def test_an_address_that_the_provider_has_not_verified_counts_for_nothing(
    provider: TestedIssuer, verified: object
) -> None:
    provider.claims = {"email": "ann@example.org", "email_verified": verified}
    assert come_back(provider).email is None


def test_what_the_token_does_not_say_is_asked_for_but_only_of_the_same_person(provider: TestedIssuer) -> None:
    provider.userinfo = {"sub": SUBJECT, "email": "ann@example.org", "email_verified": True, "iss": "elsewhere"}
    assert come_back(provider) == Identity(provider.url, SUBJECT, "ann@example.org")
    provider.userinfo = {"sub": "somebody else", "email": "root@example.org", "email_verified": True}
    assert come_back(provider) == Identity(provider.url, SUBJECT)


NOW = int(time.time())
FALSE: dict[str, Any] = {
    "another nonce": {"nonce": "of another attempt"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://elsewhere.example.org"},
    "another audience": {"aud": "another client"},
    "an audience of many and nobody in particular": {"aud": [CLIENT_ID, "another client"]},
    "another party": {"azp": "another client"},
    "expired": {"exp": NOW - 3_600},
    "no expiry": {"exp": None},
    "not yet": {"nbf": NOW + 3_600},
    "nobody": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject too long": {"sub": "x" * 256},
    "a subject of two lines": {"sub": "a\nb"},
}


@pytest.mark.parametrize("claims", FALSE.values(), ids=FALSE.keys())
def test_a_token_that_is_not_for_this_attempt_is_not_believed(provider: TestedIssuer, claims: dict[str, Any]) -> None:
    provider.claims = claims
    with pytest.raises(SingleSignOnFailed):
        come_back(provider)


@pytest.mark.parametrize(
    "sign",
    [providers.sign_with_nothing, providers.sign_as_stranger, providers.sign_with_what_everybody_knows],
    ids=lambda sign: sign.__name__,
)
def test_a_token_that_the_provider_has_not_signed_is_not_believed(provider: TestedIssuer, sign: Any) -> None:
    provider.sign = sign
    with pytest.raises(SingleSignOnFailed):
        come_back(provider)


@pytest.mark.parametrize(
    "query",
    [
        {"state": None},
        {"state": "of another browser"},
        {"code": None},
        {"error": "access_denied"},
        {"iss": "https://elsewhere.example.org"},
    ],
    ids=str,
)
def test_who_comes_back_with_something_else_is_let_in_by_nobody(
    provider: TestedIssuer, query: dict[str, str | None]
) -> None:
    with pytest.raises(SingleSignOnFailed):
        come_back(provider, query=query)
    assert provider.count("/token") == 0


def test_who_did_not_go_does_not_come_back(provider: TestedIssuer) -> None:
    async def run() -> None:
        issuer = Issuer(make_settings(provider.url), PUBLIC_URL)
        await issuer.identify(None, {"code": "the code", "state": ""})

    with pytest.raises(SingleSignOnFailed):
        asyncio.run(run())


def test_a_provider_that_names_itself_in_its_answers_has_to(provider: TestedIssuer) -> None:
    provider.provider = {"authorization_response_iss_parameter_supported": True}
    assert come_back(provider, query={"iss": provider.url}).subject == SUBJECT
    with pytest.raises(SingleSignOnFailed):
        come_back(provider)


def test_a_code_for_which_there_is_nothing_lets_nobody_in_and_no_secret_into_the_log(provider: TestedIssuer) -> None:
    provider.token_status = 400
    with structlog.testing.capture_logs() as logged, pytest.raises(SingleSignOnFailed) as raised:
        come_back(provider)
    assert logged == [
        {
            "event": "single_sign_on_failed",
            "log_level": "warning",
            "reason": "the provider gives nothing for the code: 400 invalid_grant",
        }
    ]
    assert CLIENT_SECRET not in raised.value.detail


def test_a_new_key_of_the_provider_is_asked_for_but_not_again_and_again(
    provider: TestedIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_keys() -> None:
        provider.published, provider.kid = ["ec"], "ec"

    with pytest.raises(SingleSignOnFailed):
        # Its keys were asked for a moment ago.
        come_back(provider, times=2, between=change_keys)
    assert provider.count("/keys") == 1
    provider.published, provider.kid = ["rsa"], "rsa"
    monkeypatch.setattr("turnout.access.oidc.issuer.KEYS_ANEW_S", 0.0)
    assert come_back(provider, times=2, between=change_keys).subject == SUBJECT
    assert provider.count("/keys") == 3


AWAY: dict[str, dict[str, Any]] = {
    "it is another one": {"issuer": "https://elsewhere.example.org"},
    "it has no keys": {"jwks_uri": None},
    "its keys are elsewhere": {"jwks_uri": "ftp://127.0.0.1/keys"},
    "browsers would go elsewhere": {"authorization_endpoint": "javascript:alert(1)"},
}


@pytest.mark.parametrize("said", AWAY.values(), ids=AWAY.keys())
def test_a_provider_that_is_not_what_it_should_be_is_not_asked(provider: TestedIssuer, said: dict[str, Any]) -> None:
    provider.provider = said
    with pytest.raises(SingleSignOnAway):
        come_back(provider)
    assert provider.count("/token") == 0


def test_a_provider_inside_is_asked_only_where_that_is_set(provider: TestedIssuer) -> None:
    settings = make_settings(provider.url, oidc_private=False)
    with pytest.raises(SingleSignOnAway):
        come_back(provider, settings=settings)
    assert provider.asked == []


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_nothing_goes_to_a_provider_in_the_clear_unless_that_is_set(name: str) -> None:
    url = "https://login.example.org"
    good = Provider(url, f"{url}/authorize", f"{url}/token", f"{url}/keys", f"{url}/userinfo")
    its = msgspec.structs.replace(good, **{name: "http://login.example.org/"})
    with pytest.raises(SingleSignOnAway):
        Issuer(make_settings(url, oidc_private=False), PUBLIC_URL)._check_addresses(its)
    Issuer(make_settings(url), PUBLIC_URL)._check_addresses(its)


def test_a_provider_that_is_away_is_not_waited_for_by_everybody(provider: TestedIssuer) -> None:
    provider.provider = {"issuer": "https://elsewhere.example.org"}

    async def run() -> list[str | None]:
        issuer = Issuer(make_settings(provider.url), PUBLIC_URL)
        try:
            return await asyncio.gather(*(issuer.check() for _ in range(5)))
        finally:
            await issuer.close()

    assert all(asyncio.run(run()))
    assert provider.count("/.well-known/openid-configuration") == 1
