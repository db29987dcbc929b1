"""In and out, as people do it and as attackers try: cookies, forms from elsewhere, guessing, ways to other hosts."""

import re
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie

import httpx2
import pytest

from tests.access.conftest import HASHED, PASSWORD
from tests.console.conftest import SignIn
from tests.console.signed_in import Visitor, make_user
from tests.product import Product, make_address
from turnout.access import links, sign_in, users
from turnout.console import cookies
from turnout.console.page import local_way
from turnout.model.user import User
from turnout.now import now_us
from turnout.store import sign_in_failures

HOME = "/console/events"


def make_person(product: Product) -> User:
    """Somebody with the password PASSWORD."""
    return make_user(product.server.database, password=HASHED)


def enter(visitor: Visitor, user: User, password: str = PASSWORD, to: str = "") -> httpx2.Response:
    return visitor.post("sign-in", email=user.email, password=password, to=to)


def goal_of(answer: httpx2.Response) -> str:
    """Where a redirection leads, as a browser reads it."""
    return str(answer.url.join(answer.headers["location"]))


# Cookies


def test_the_session_is_a_new_one_whatever_the_browser_came_with(product: Product, nobody: Visitor) -> None:
    user = make_person(product)
    with Visitor(product, user) as mallory:
        assert mallory.cookie is not None
        nobody.client.cookies.set(cookies.SESSION, mallory.cookie)
        nobody.post("sign-out")
        before = "ses_00000000000000000000000000000000.planted0planted0planted0planted0"
        nobody.client.cookies.set(cookies.SESSION, before)
        answer = enter(nobody, user)
    set_now = SimpleCookie(answer.headers["set-cookie"])[cookies.SESSION].value
    assert set_now not in (before, mallory.cookie)
    assert set_now.startswith("ses_")


def test_the_cookie_is_dead_once_signed_out(product: Product, nobody: Visitor) -> None:
    user = make_person(product)
    assert goal_of(enter(nobody, user)) == product.server.url + HOME
    kept = nobody.client.cookies[cookies.SESSION]
    assert nobody.get("account").status_code == 200
    assert goal_of(nobody.post("sign-out")) == f"{product.server.url}/console/sign-in"
    assert cookies.SESSION not in nobody.client.cookies
    nobody.client.cookies.set(cookies.SESSION, kept)
    assert nobody.get("account").status_code == 303


def test_no_script_and_no_other_site_gets_at_the_cookies(product: Product, nobody: Visitor) -> None:
    answer = enter(nobody, make_person(product))
    for header in [*answer.headers.get_list("set-cookie"), *nobody.get("sign-in").headers.get_list("set-cookie")]:
        assert "httponly" in header.lower(), header
        assert "samesite=lax" in header.lower(), header
        assert "domain" not in header.lower(), header


def test_over_https_cookies_are_for_this_host_and_https_alone() -> None:
    name, header = cookies.set_cookie(cookies.SESSION, "x", secure=True, max_age_s=60)
    assert name == b"set-cookie"
    assert header == b"__Host-turnout_session=x; HttpOnly; Max-Age=60; Path=/; SameSite=Lax; Secure"


# Forms from elsewhere


@pytest.mark.parametrize("path", ["sign-in", "sign-out", "account/name", "account/sessions/end-others"])
def test_a_form_without_our_mark_does_nothing(product: Product, sign_in: SignIn, path: str) -> None:
    visitor = sign_in()
    assert visitor.client.post(path, data={"name": "Mallory"}).status_code == 403
    with Visitor(product, visitor.user) as other:
        stolen = other.get("account").text.partition('csrf-token" content="')[2].partition('"')[0]
    answer = visitor.client.post(path, data={"_csrf_token": stolen, "name": "Mallory"})
    assert answer.status_code == 403
    assert "This page was open for too long" in answer.text
    assert visitor.user is not None
    assert users.get(product.server.database, visitor.user.id).name == visitor.user.name
    assert visitor.get("account").status_code == 200


# Ways to other hosts

ELSEWHERE = [
    "//evil.example.org",
    "///evil.example.org",
    "/\\evil.example.org",
    "\\\\evil.example.org",
    "https://evil.example.org",
    "https:evil.example.org",
    "javascript:alert(1)",
    "/%2f/evil.example.org",
    "%2f%2fevil.example.org",
    "/console/../..//evil.example.org",
    "/console//evil.example.org",
    "/console/%0d%0aset-cookie:x=1",
    "/console/\r\nset-cookie: x=1",
    "/consolely",
    "/docs",
    "console@evil.example.org",
    ".evil.example.org",
]


@pytest.mark.parametrize("to", ELSEWHERE)
def test_nobody_is_sent_elsewhere_after_signing_in(product: Product, nobody: Visitor, to: str) -> None:
    answer = enter(nobody, make_person(product), to=to)
    assert answer.status_code == 303
    assert httpx2.URL(goal_of(answer)).netloc == httpx2.URL(product.server.url).netloc
    assert httpx2.URL(goal_of(answer)).path.startswith("/console/")
    assert "x" not in nobody.client.cookies
    # And who is signed in already.
    again = nobody.get("sign-in", to=to)
    assert httpx2.URL(goal_of(again)).netloc == httpx2.URL(product.server.url).netloc


def test_who_was_sent_to_sign_in_comes_to_where_they_wanted(product: Product, nobody: Visitor) -> None:
    page = nobody.follow(nobody.get("installation/users", find="ann"))
    to = page.text.partition('name="to" value="')[2].partition('"')[0]
    wanted = f"{product.server.url}/console/installation/users?find=ann"
    assert goal_of(enter(nobody, make_person(product), to=to)) == wanted


def test_a_page_that_is_open_while_its_session_ends_comes_back_and_a_form_is_not_sent_again(
    product: Product, nobody: Visitor
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"{product.server.url}/console/events?archived=yes"}
    answer = nobody.client.get("events", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["hx-redirect"].endswith("console/sign-in?to=/console/events%3Farchived%3Dyes")
    assert nobody.post("account/name", name="x").headers["location"].endswith("console/sign-in")


def test_ways_within_the_console_are_let_through() -> None:
    for way in ("console/events/spring/pushes?result=failed&q=a%40b", "/console", "console/"):
        assert local_way(way) == way.removeprefix("/")


# Guessing


def test_whoever_guesses_has_to_wait_and_is_told_how_long(product: Product, nobody: Visitor) -> None:
    user, database = make_person(product), product.server.database
    assert [enter(nobody, user, "not it").status_code for _ in range(sign_in.FREE)] == [401] * sign_in.FREE
    # Each one more waits twice as long: some guess comes too early, however long this machine takes for one.
    guesses = (enter(nobody, user, "not it") for _ in range(20))
    answer = next(one for one in guesses if one.status_code != 401)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= sign_in.MAX_WAIT_S
    assert "Try again in" in answer.text
    assert user.email in answer.text
    with database.write() as connection:
        failures = sign_in_failures.Failures(sign_in.FREE + 10, now_us())
        sign_in_failures.set_failures(connection, sign_in._account(database, user.email), failures)
    # From elsewhere too, with the right password.
    with Visitor(product, None) as elsewhere:
        assert enter(elsewhere, user).status_code == 429


def test_nobody_learns_who_has_an_account(product: Product, nobody: Visitor) -> None:
    answers = [enter(nobody, make_person(product), "not it"), nobody.post("sign-in", email="no@one.org", password="x")]
    texts = [answer.text.partition('role="alert"')[2].partition("</div></div>")[0] for answer in answers]
    assert texts[0] == texts[1] != ""


def test_what_is_to_be_typed_next_has_the_focus(product: Product, nobody: Visitor) -> None:
    def find_focused(page: str) -> list[str]:
        return re.findall(r'<input id="f-(\w+)"[^>]* autofocus', page)

    assert find_focused(nobody.get("sign-in").text) == ["email"]
    assert find_focused(enter(nobody, make_person(product), "not it").text) == ["password"]


# Links


def test_a_link_makes_one_user_however_many_use_it_at_once(product: Product) -> None:
    email = f"{make_address()}@example.org"
    made = links.invite(product.server.database, product.server.url, email, role="viewer")
    path = made.url.partition("/console/")[2]

    def join(number: int) -> int:
        with Visitor(product, None) as visitor:
            return visitor.post(path, name=f"Ann {number}", password=PASSWORD, again=PASSWORD).status_code

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(join, range(3))) == [303, 410, 410]
    assert users.get_by_email(product.server.database, email).role == "viewer"


def test_what_was_typed_is_kept_when_a_link_is_not_accepted_yet(product: Product, nobody: Visitor) -> None:
    email = f"{make_address()}@example.org"
    path = links.invite(product.server.database, product.server.url, email).url.partition("/console/")[2]
    assert re.search(r'<input id="f-name"[^>]* autofocus', nobody.get(path).text)
    for password, again, said in [("short", "short", "at least 10"), (PASSWORD, "another", "two passwords differ")]:
        answer = nobody.post(path, name="Ann Example", password=password, again=again)
        assert answer.status_code == 400
        assert said in answer.text
        assert 'value="Ann Example"' in answer.text
        assert PASSWORD not in answer.text
    assert nobody.follow(nobody.post(path, name="Ann", password=PASSWORD, again=PASSWORD)).status_code == 200


# At once


def test_who_is_disabled_is_out_with_the_next_request(product: Product, sign_in: SignIn) -> None:
    visitor = sign_in("viewer")
    assert visitor.get("events").status_code == 200
    assert visitor.user is not None
    users.disable(product.server.database, visitor.user.id)
    assert goal_of(visitor.get("events")).startswith(f"{product.server.url}/console/sign-in")
    users.enable(product.server.database, visitor.user.id)
    assert visitor.get("events").status_code == 303
