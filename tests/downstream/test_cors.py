"""Whose web pages may read: what browsers are told, before they ask and with the answer."""

import re
from typing import Any

import httpx2
import pytest

from tests.product import Product, TestedEvent
from turnout.events import event as events
from turnout.events import keys

APP = "https://app.example.org"
OTHER = "https://other.example.org"


@pytest.fixture
def event(product: Product) -> TestedEvent:
    event = product.make_event(cors=APP)
    event.push_ok({"profile": {"email": "ada@example.org"}})
    return event


def make_reader(event: TestedEvent) -> str:
    return keys.create(event.database, event.id, scope="read").text


def request(event: TestedEvent, method: str, path: str, origin: str | None = APP, **headers: str) -> httpx2.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if origin is not None:
        sent["Origin"] = origin
    return event.product.client.request(method, event.gateway + path, headers=sent)


def preflight(event: TestedEvent, path: str, method: str = "GET", origin: str | None = APP) -> httpx2.Response:
    return request(
        event,
        "OPTIONS",
        path,
        origin,
        Access_Control_Request_Method=method,
        Access_Control_Request_Headers="authorization,content-type",
    )


def list_told(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


TOKEN = "/attendees/ada@example.org/token"
JWKS = "/.well-known/jwks.json"


@pytest.mark.parametrize(("path", "method"), [(TOKEN, "POST"), (JWKS, "GET")])
def test_a_browser_that_asks_first_needs_no_key(event: TestedEvent, path: str, method: str) -> None:
    answer = preflight(event, path, method)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    told = list_told(answer)
    assert told["access-control-allow-origin"] == APP
    assert method in told["access-control-allow-methods"].split(", ")
    assert set(told["access-control-allow-headers"].split(", ")) == {
        "authorization",
        "api-key",
        "content-type",
        "if-none-match",
        "last-event-id",
    }
    assert int(told["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in told
    assert "origin" in answer.headers["vary"]


def test_answers_and_errors_may_be_read_by_the_page(event: TestedEvent) -> None:
    reader = make_reader(event)
    for answer, status in (
        (request(event, "POST", TOKEN, Api_Key=reader), 200),
        (request(event, "POST", "/attendees/nobody@example.org/token", Api_Key=reader), 404),
        (request(event, "POST", TOKEN, Api_Key=event.key), 403),
        (request(event, "POST", TOKEN, Api_Key="trn_wrong"), 401),
        (request(event, "POST", TOKEN), 401),
        (request(event, "GET", JWKS), 200),
        (request(event, "HEAD", JWKS), 200),
    ):
        assert answer.status_code == status
        assert list_told(answer) == {
            "access-control-allow-origin": APP,
            "access-control-expose-headers": "content-disposition, etag, link, location, retry-after, x-data-age, "
            "x-request-id, x-sequence",
        }
        assert answer.headers["vary"] == "origin"


def test_an_error_may_be_read_also_where_this_process_has_not_met_the_event(product: Product) -> None:
    event = product.make_event(cors=APP)
    assert list_told(request(event, "POST", TOKEN))["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    "origin",
    [OTHER, "http://app.example.org", f"{APP}:8443", f"{APP}.evil.org", "https://app.example", "null", "*", "none", ""],
)
def test_pages_of_other_sites_are_told_nothing(event: TestedEvent, origin: str) -> None:
    assert preflight(event, TOKEN, "POST", origin).status_code == 405
    for answer in (
        preflight(event, TOKEN, "POST", origin),
        request(event, "POST", TOKEN, origin, Api_Key=make_reader(event)),
        request(event, "GET", JWKS, origin),
    ):
        assert list_told(answer) == {}


def test_a_browser_that_asks_from_elsewhere_is_told_what_is_missing(event: TestedEvent) -> None:
    answer = preflight(event, TOKEN, "POST", OTHER)
    assert answer.json()["detail"].startswith(f"Pages of {OTHER} may not read here")
    assert f"turnout event set {event.slug} cors={OTHER}" in answer.json()["detail"]
    # The same of an event that there is not (A3).
    elsewhere = event.product.client.options(
        f"{event.gateway}-x{TOKEN}", headers={"Origin": OTHER, "Access-Control-Request-Method": "POST"}
    )
    assert elsewhere.json()["detail"].replace("-x", "") == answer.json()["detail"]


def test_without_the_setting_no_page_reads(product: Product) -> None:
    event = product.make_event()
    assert preflight(event, JWKS).status_code == 405
    assert list_told(request(event, "GET", JWKS)) == {}


def test_with_a_star_every_page_reads(product: Product) -> None:
    event = product.make_event(cors="*")
    for origin in (APP, OTHER, "http://localhost:5173"):
        assert list_told(preflight(event, JWKS, origin=origin))["access-control-allow-origin"] == origin
        assert list_told(request(event, "GET", JWKS, origin))["access-control-allow-origin"] == origin


def test_whatever_is_kept_on_the_way_is_kept_for_one_site(event: TestedEvent) -> None:
    """Also where no site asked: a cache would give that answer to a page."""
    assert request(event, "GET", JWKS, origin=None).headers["vary"] == "origin"


def test_a_site_that_is_taken_away_reads_no_more(event: TestedEvent) -> None:
    reader = make_reader(event)
    assert list_told(request(event, "POST", TOKEN, Api_Key=reader))
    events.set_up(event.database, event.id, {"cors": OTHER})
    assert preflight(event, TOKEN, "POST").status_code == 405
    assert list_told(request(event, "POST", TOKEN, Api_Key=reader)) == {}
    assert preflight(event, TOKEN, "POST", OTHER).status_code == 204


def test_who_may_read_holds_at_once_also_without_a_key(event: TestedEvent) -> None:
    reader = make_reader(event)
    for origin in (OTHER, APP):
        # This makes the event known as it is now.
        assert request(event, "POST", TOKEN, Api_Key=reader).status_code == 200
        events.set_up(event.database, event.id, {"cors": origin})
        assert list_told(request(event, "POST", TOKEN, origin))["access-control-allow-origin"] == origin
        assert list_told(request(event, "GET", JWKS, origin))["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("", "POST"),
        ("/attendees", "POST"),
        ("/attendees/batch", "POST"),
        ("/attendees/ada@example.org", "DELETE"),
        ("/pushes", "GET"),
        ("/key", "GET"),
    ],
)
def test_no_page_pushes_whatever_is_set(event: TestedEvent, path: str, method: str) -> None:
    events.set_up(event.database, event.id, {"cors": "*"})
    refused = preflight(event, path, method)
    assert refused.status_code == 405
    assert list_told(refused) == {}
    assert list_told(request(event, method, path, Api_Key=event.key)) == {}


def test_only_what_a_browser_sends_first_is_answered_so(event: TestedEvent) -> None:
    plain = request(event, "OPTIONS", JWKS)
    assert plain.status_code == 405
    assert re.fullmatch(r"GET, HEAD", plain.headers["allow"])
    assert preflight(event, JWKS, "PUT").status_code == 405
    assert preflight(event, JWKS, origin=None).status_code == 405
    assert preflight(event, "/nothing").status_code == 404


def test_a_page_reads_at_a_host_of_the_events_own(event: TestedEvent) -> None:
    host = f"{event.slug}.example.org"
    events.set_up(event.database, event.id, {"host": host})
    headers: dict[str, Any] = {"Host": host, "Origin": APP}
    answer = event.product.client.get(f"{event.product.server.url}{JWKS}", headers=headers)
    assert list_told(answer)["access-control-allow-origin"] == APP
    first = event.product.client.options(
        f"{event.product.server.url}{JWKS}", headers=headers | {"Access-Control-Request-Method": "GET"}
    )
    assert first.status_code == 204
