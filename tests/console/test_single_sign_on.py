"""Signing in at a provider and coming back, over HTTP: as people do, and as attackers try."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.console.provider import Provider
from tests.console.signed_in import Visitor, make_user
from tests.databases import make_database
from tests.product import Product, RunningServer
from turnout.access import links, users
from turnout.console import cookies


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def sso(database_kind: str, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A server where people sign in with "Example ID"."""
    folder = tmp_path_factory.mktemp("sso")
    with (
        RunningServer(
            folder,
            make_database(database_kind, folder),
            TURNOUT_TRUSTED_PROXIES="127.0.0.1/32",
            TURNOUT_OIDC_ISSUER=provider.url,
            TURNOUT_OIDC_CLIENT_ID="turnout",
            TURNOUT_OIDC_CLIENT_SECRET="a secret of ours",
            TURNOUT_OIDC_NAME="Example ID",
            TURNOUT_OIDC_PRIVATE="yes",
        ) as running,
        Product(running) as product,
    ):
        yield product


@pytest.fixture
def browser(sso: Product) -> Iterator[Visitor]:
    with Visitor(sso, None) as visitor:
        yield visitor


def go(browser: Visitor, path: str = "single-sign-on", to: str = "") -> str:
    """Where the browser is sent to sign in."""
    answer = browser.get(path, to=to)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def come_back(browser: Visitor, way: str) -> httpx2.Response:
    """The browser follows the provider's answer: it knows the server by another name than the tests do."""
    parts = urlsplit(way)
    return browser.client.get(f"{browser.product.server.url}{parts.path}?{parts.query}")


def log_of(product: Product) -> str:
    return product.server.log_path.read_text()


def test_a_user_signs_in_at_the_provider_and_comes_back_to_where_they_wanted(
    sso: Product, provider: Provider, browser: Visitor
) -> None:
    ann = make_user(sso.server.database)
    provider.know("ann", email=ann.email, email_verified=True)
    assert "Sign in with Example ID" in browser.get("sign-in", to="console/audit").text
    answer = come_back(browser, provider.sign_in(go(browser, to="console/audit"), "ann"))
    assert answer.status_code == 303
    assert browser.client.cookies.get(cookies.SINGLE_SIGN_ON) is None
    page = browser.follow(answer)
    assert page.url.path == "/console/audit"
    assert "signed in" in page.text
    assert "single sign-on" in page.text
    assert users.get(sso.server.database, ann.id).subject == f"{provider.url} ann"


@pytest.mark.parametrize("verified", [True, False])
def test_who_is_no_user_is_told_whom_to_ask(sso: Product, provider: Provider, browser: Visitor, verified: bool) -> None:
    known = make_user(sso.server.database)
    provider.know("eve", email="eve@example.org" if verified else known.email, email_verified=verified)
    answer = come_back(browser, provider.sign_in(go(browser), "eve"))
    assert answer.status_code == 403
    assert "an invitation" in answer.text
    assert cookies.SESSION not in browser.client.cookies


def test_an_invitation_is_accepted_without_a_password(sso: Product, provider: Provider, browser: Visitor) -> None:
    made = links.invite(sso.server.database, sso.server.url, "grace@example.org", role="viewer")
    path = made.url.partition("/console/")[2]
    provider.know("grace", name="Grace Hopper")
    assert "Use Example ID" in browser.get(path).text
    page = browser.follow(come_back(browser, provider.sign_in(go(browser, f"{path}/single-sign-on"), "grace")))
    assert page.status_code == 200
    grace = users.get_by_email(sso.server.database, "grace@example.org")
    assert (grace.name, grace.has_password) == ("Grace Hopper", False)
    assert browser.get(path).status_code == 410
    assert "You have none: you sign in with Example ID." in browser.get("account").text


def test_another_browser_cannot_be_made_to_sign_in_as_somebody_else(
    sso: Product, provider: Provider, browser: Visitor
) -> None:
    mallory = make_user(sso.server.database)
    provider.know("mallory", email=mallory.email, email_verified=True)
    with Visitor(sso, None) as victim:
        way = provider.sign_in(go(browser), "mallory")
        # One that began nothing, and one that began another attempt.
        for _ in range(2):
            answer = come_back(victim, way)
            assert answer.status_code == 400
            assert "Signing in did not work" in answer.text
            assert cookies.SESSION not in victim.client.cookies
            go(victim)
    code = re.search(r"code=([^&]+)", way)
    assert code is not None
    assert "single_sign_on_failed" in log_of(sso)
    assert code[1] not in log_of(sso)
    # The code was never shown to the provider: whoever began it is let in.
    assert come_back(browser, way).status_code == 303
    assert "a secret of ours" not in log_of(sso)


def test_an_answer_is_good_once(sso: Product, provider: Provider, browser: Visitor) -> None:
    ann = make_user(sso.server.database)
    provider.know("once", email=ann.email, email_verified=True)
    way = provider.sign_in(go(browser), "once")
    kept = browser.client.cookies[cookies.SINGLE_SIGN_ON]
    assert come_back(browser, way).status_code == 303
    browser.client.cookies.clear()
    browser.client.cookies.set(cookies.SINGLE_SIGN_ON, kept)
    assert come_back(browser, way).status_code == 400
    assert cookies.SESSION not in browser.client.cookies


def test_who_says_no_there_is_not_signed_in(provider: Provider, browser: Visitor) -> None:
    answer = come_back(browser, provider.refuse(go(browser)))
    assert answer.status_code == 400
    assert "did not let you in" in answer.text


@pytest.mark.parametrize("to", ["//evil.example.org", "https://evil.example.org", "console/..//evil", "/\\evil"])
def test_nobody_is_sent_elsewhere_after_it(sso: Product, provider: Provider, browser: Visitor, to: str) -> None:
    ann = make_user(sso.server.database)
    provider.know(ann.id, email=ann.email, email_verified=True)
    answer = come_back(browser, provider.sign_in(go(browser, to=to), ann.id))
    assert answer.url.join(answer.headers["location"]) == f"{sso.server.url}/console/events"


def test_where_there_is_no_provider_there_is_no_way_to_it(nobody: Visitor) -> None:
    assert "single-sign-on" not in nobody.get("sign-in").text
    assert nobody.get("single-sign-on").status_code == 404
    assert nobody.get("single-sign-on/back", code="x", state="y").status_code == 404
