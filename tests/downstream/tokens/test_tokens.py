"""`POST {gateway}/attendees/{…}/token` and the public keys beside it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx2
import jwt
import pytest

from tests.product import Product, TestedEvent
from turnout.events import event as events
from turnout.events import keys
from turnout.feed.acts.merge import merge
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations


def make_reader(event: TestedEvent, **limits: Any) -> str:
    return keys.create(event.database, event.id, scope="read", **limits).text


def push_ada(event: TestedEvent, **more: Any) -> str:
    """Somebody with fields and groups; gives the id."""
    profile = {"email": "ada@example.org", "firstName": "Ada", "lastName": "Lovelace", "phone": "+44 1"}
    body = {
        "profile": profile | {"customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}]},
        "eventInfo": {"groups": {"groupNames": ["Speakers", "Crew"]}},
    }
    return event.push_ok(body | more)["attendee"]["id"]


def ask(event: TestedEvent, who: str, key: str, wish: object = None, **headers: str) -> httpx2.Response:
    return event.send(
        b"" if wish is None else json.dumps(wish),
        path=f"/attendees/{quote(who, safe='')}/token",
        key=key,
        headers=headers,
    )


def get_token(event: TestedEvent, who: str, key: str, wish: object = None) -> str:
    answer = ask(event, who, key, wish)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def get_jwks(event: TestedEvent) -> httpx2.Response:
    return event.get("/.well-known/jwks.json", key=None)


def verify(event: TestedEvent, token: str, **options: Any) -> dict[str, Any]:
    """What whoever has the public keys and knows the issuer makes of it."""
    published = jwt.PyJWKSet.from_dict(get_jwks(event).json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, ["ES256"], issuer=issuer_of(event), **options)


def issuer_of(event: TestedEvent) -> str:
    return f"{event.product.server.url.replace('127.0.0.1', 'localhost')}/e/{event.slug}"


@pytest.fixture
def event(product: Product) -> TestedEvent:
    return product.make_event()


def test_a_token_says_who_it_is_and_no_more_than_was_chosen(event: TestedEvent) -> None:
    ada, reader = push_ada(event), make_reader(event)
    before = int(time.time())
    answer = ask(event, ada, reader)
    claims = verify(event, answer.json()["token"])
    assert claims.keys() == {"iss", "sub", "iat", "exp", "jti", "status", "groups"}
    assert (claims["sub"], claims["status"], claims["groups"]) == (ada, "attending", ["Speakers", "Crew"])
    assert before - 5 <= claims["iat"] <= time.time() + 5
    assert claims["exp"] == claims["iat"] + 600
    assert answer.headers["cache-control"] == "no-store"
    ends = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(claims["exp"]))
    assert answer.json() == {"token": answer.json()["token"], "expiresAt": ends}


def test_fields_time_and_audience_are_chosen(event: TestedEvent) -> None:
    push_ada(event)
    wish = {
        "fields": ["email", "firstName", "profile.title", "shoe SIZE"],
        "expiresIn": 3600,
        "audience": "https://app.example.org",
    }
    token = get_token(event, "ADA@example.org", make_reader(event), wish)
    claims = verify(event, token, audience="https://app.example.org")
    assert claims["exp"] == claims["iat"] + 3600
    assert claims["email"] == "ada@example.org"
    assert claims["profile"] == {"firstName": "Ada", "title": None}
    assert claims["customFields"] == {"Shoe size": "43"}
    with pytest.raises(jwt.InvalidAudienceError):
        verify(event, token, audience="https://other.example.org")


def test_every_token_has_an_id_of_its_own(event: TestedEvent) -> None:
    ada, reader = push_ada(event), make_reader(event)
    assert len({verify(event, get_token(event, ada, reader))["jti"] for _ in range(3)}) == 3


def test_a_token_is_not_good_for_another_event(event: TestedEvent, product: Product) -> None:
    other = product.make_event()
    get_token(other, push_ada(other), make_reader(other))
    token = get_token(event, push_ada(event), make_reader(event))
    published = jwt.PyJWKSet.from_dict(get_jwks(other).json())
    with pytest.raises(KeyError):
        published[jwt.get_unverified_header(token)["kid"]]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, published.keys[0], ["ES256"])


def test_the_limits_of_the_key_hold_for_its_tokens(event: TestedEvent) -> None:
    ada = push_ada(event)
    event.push_ok({"profile": {"email": "bob@example.org"}, "eventInfo": {"groups": {"groupNames": ["Press"]}}})
    reader = make_reader(event, groups=["Crew"], fields=["firstName", "email"])
    claims = verify(event, get_token(event, ada, reader, {"fields": ["firstName"]}))
    assert (claims["groups"], claims["profile"]) == (["Crew"], {"firstName": "Ada"})
    outside, nobody = ask(event, "bob@example.org", reader), ask(event, "nobody@example.org", reader)
    assert outside.status_code == nobody.status_code == 404
    assert outside.content == nobody.content
    hidden, unknown = (ask(event, ada, reader, {"fields": [name]}) for name in ("company", "cumpany"))
    assert hidden.status_code == unknown.status_code == 400
    assert hidden.json()["detail"].replace("company", "cumpany") == unknown.json()["detail"]


def test_without_the_address_among_its_fields_a_key_finds_nobody_by_it(event: TestedEvent) -> None:
    ada, reader = push_ada(event), make_reader(event, fields=["firstName"])
    assert ask(event, ada, reader).status_code == 200
    assert {ask(event, who, reader).status_code for who in ("ada@example.org", "nobody@example.org")} == {403}


def test_of_somebody_who_withdrew_the_token_says_so(event: TestedEvent) -> None:
    ada, reader = push_ada(event), make_reader(event)
    event.push_ok({"profile": {"email": "ada@example.org"}, "eventInfo": {"attending": False}})
    assert verify(event, get_token(event, ada, reader))["status"] == "withdrawn"


def test_the_id_of_somebody_who_was_merged_gives_the_token_of_the_one_kept(event: TestedEvent) -> None:
    ada, reader = push_ada(event), make_reader(event)
    kept = event.push_ok({"profile": {"email": "countess@example.org"}})["attendee"]["id"]
    with on_stage(event.database, Configurations(event.database), event.id, "cli:test") as scene:
        merge(scene, ada, kept)
    assert verify(event, get_token(event, ada, reader))["sub"] == kept


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"fields": "firstName"}, 'fields is a list of texts, not "firstName"'),
        ({"fields": ["firstNam"]}, "Did you mean firstName?"),
        ({"field": ["firstName"]}, "Did you mean fields?"),
        ({"expiresIn": 0}, "1 to 3,600"),
        ({"expiresIn": 3601}, "1 to 3,600"),
        ({"expiresIn": "600"}, 'expiresIn is a whole number, not "600"'),
        ({"audience": ""}, "1 to 255"),
        ({"fields": ["firstName"] * 101}, "at most 100"),
        ([], "object"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_explained(event: TestedEvent, wish: object, says: str) -> None:
    answer = ask(event, push_ada(event), make_reader(event), wish)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert says in answer.json()["detail"]


def test_a_body_that_is_no_json_or_too_large_is_refused(event: TestedEvent) -> None:
    path, reader = f"/attendees/{push_ada(event)}/token", make_reader(event)
    assert event.send(b"{", path=path, key=reader).json()["code"] == "malformed_body"
    assert event.send(b" " * 65_537, path=path, key=reader).status_code == 413
    unmeasured = event.product.client.post(
        event.gateway + path, content=iter([b" " * 40_000] * 2), headers={"Api-Key": reader}
    )
    assert unmeasured.status_code == 413
    assert event.send(b"{}", path=f"{path}?field=firstName", key=reader).status_code == 400


def test_a_token_that_would_fit_into_no_header_is_refused(event: TestedEvent) -> None:
    ada = push_ada(event)
    event.push_ok({"profile": {"email": "ada@example.org", "biography": "x" * 9_000}})
    answer = ask(event, ada, make_reader(event), {"fields": ["biography"]})
    assert answer.status_code == 400
    assert "choose fewer fields" in answer.json()["detail"]


def test_without_a_token_given_the_list_of_keys_is_empty_and_not_kept(event: TestedEvent) -> None:
    """And an address of no event has the same answer (A3)."""
    push_ada(event)
    empty = get_jwks(event)
    nowhere = event.product.client.get(f"{event.gateway}-x/.well-known/jwks.json")
    assert (empty.status_code, empty.json(), empty.headers["cache-control"]) == (200, {"keys": []}, "no-cache")
    assert (nowhere.status_code, nowhere.content) == (200, empty.content)
    ours, theirs = ({*answer.headers} - {"x-request-id", "date"} for answer in (empty, nowhere))
    assert ours == theirs


def test_the_list_of_keys_is_public_and_shows_no_private_half(event: TestedEvent) -> None:
    get_token(event, push_ada(event), make_reader(event))
    answer = get_jwks(event)
    assert answer.headers["cache-control"] == "public, max-age=300"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


def test_at_a_host_of_the_events_own_the_issuer_is_the_same(event: TestedEvent) -> None:
    host = f"{event.slug}.example.org"
    events.set_up(event.database, event.id, {"host": host})
    ada, reader = push_ada(event), make_reader(event)
    url = event.product.server.url
    answer = event.product.client.post(f"{url}/attendees/{ada}/token", headers={"Api-Key": reader, "Host": host})
    assert verify(event, answer.json()["token"])["iss"] == issuer_of(event)
    there = event.product.client.get(f"{url}/.well-known/jwks.json", headers={"Host": host})
    assert there.json() == get_jwks(event).json() != {"keys": []}


def test_what_was_signed_before_a_restart_is_verified_after_it(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event = product.make_event()
    ada, reader = push_ada(event), make_reader(event)
    token = get_token(event, ada, reader)
    published = get_jwks(event).json()
    product.server.stop()
    product.server.start()
    event.move_to(product.server)
    assert get_jwks(event).json() == published
    after = get_token(event, ada, reader)
    assert jwt.get_unverified_header(after)["kid"] == jwt.get_unverified_header(token)["kid"]


def test_two_who_ask_for_the_first_token_at_once_make_one_key(event: TestedEvent) -> None:
    ada, reader = push_ada(event), make_reader(event)
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda _: get_token(event, ada, reader), range(16)))
    assert len({jwt.get_unverified_header(token)["kid"] for token in tokens}) == 1
    assert len(get_jwks(event).json()["keys"]) == 1
