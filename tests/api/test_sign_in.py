"""Who calls: tokens that are good and those that are not, and a browser's session from our pages alone."""

import httpx2

from tests.api.caller import Caller, make_caller
from tests.console.signed_in import make_user
from tests.product import Product, make_address
from turnout.access import sessions, tokens, users
from turnout.console import cookies


def test_a_token_opens_as_long_as_it_and_its_user_are_good(product: Product) -> None:
    database = product.server.database
    caller = make_caller(product)
    assert caller.user is not None
    assert caller.ask("GET", "me")["email"] == caller.user.email

    issued = caller.ask("POST", "me/tokens", {"name": "Second", "expiresInDays": 1})
    second = Caller(product, issued["text"])
    assert second.ask("GET", "me")["id"] == caller.user.id
    caller.ask("DELETE", f"me/tokens/{issued['token']['id']}")
    assert second.fail("GET", "me")[:2] == (401, "sign_in_needed")

    make_user(database)
    users.disable(database, caller.user.id)
    assert caller.fail("GET", "me")[0] == 401
    users.enable(database, caller.user.id)
    assert caller.ask("GET", "me")["role"] == "administrator"


def test_a_token_whose_time_is_over_opens_nothing(product: Product) -> None:
    caller = make_caller(product, expires_in_us=1)
    assert caller.fail("GET", "me")[0] == 401


def test_who_sends_something_else_is_told_what(product: Product) -> None:
    event = product.make_event()
    assert "key of an event's gateway" in Caller(product, event.key).fail("GET", "me")[2]
    assert "begin with trt_" in Caller(product, "secret").fail("GET", "me")[2]
    basic = Caller(product, None).call("GET", "me", headers={"Authorization": "Basic YTpi"})
    assert basic.status_code == 401
    # Another user's token does not help a key.
    assert (
        product.client.get(
            f"{event.gateway}/attendees", headers={"Api-Key": make_caller(product).token or ""}
        ).status_code
        == 401
    )


def test_a_session_counts_for_the_console_s_own_pages_alone(product: Product) -> None:
    user = make_user(product.server.database)
    _, cookie = sessions.begin(product.server.database, user.id, "192.0.2.1", "Test")

    def send(method: str, path: str, site: str | None) -> httpx2.Response:
        headers = {"Cookie": f"{cookies.SESSION}={cookie}", "X-Forwarded-For": make_address()}
        headers |= {} if site is None else {"Sec-Fetch-Site": site}
        json = {"name": "Made"} if method == "POST" else None
        return product.client.request(method, f"{product.server.url}/api/{path}", headers=headers, json=json)

    for site in ("same-origin", "none", None):
        assert send("GET", "me", site).status_code == 200, site
    assert send("POST", "me/tokens", "same-origin").status_code == 201
    for site in ("cross-site", "same-site", "none", None, ""):
        answer = send("POST", "me/tokens", site)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), site
    for site in ("cross-site", "same-site"):
        assert send("GET", "me", site).status_code == 403, site
    assert [one.name for one in tokens.list_of(product.server.database, user)] == ["Made"]


def test_a_bad_token_is_told_so_whatever_cookie_is_beside_it(product: Product) -> None:
    user = make_user(product.server.database)
    _, cookie = sessions.begin(product.server.database, user.id, "192.0.2.1", "Test")
    headers = {"Cookie": f"{cookies.SESSION}={cookie}", "Sec-Fetch-Site": "same-origin"}
    assert Caller(product, "trt_nothing").call("GET", "me", headers=headers).status_code == 401
