"""Where a push goes, and who sends it: rules A1 to A6 of the contract."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import datetime
from urllib.parse import quote, urlencode

import httpx2
import pytest
from sqlalchemy import text

from tests.databases import list_rows, make_database
from tests.product import Product, RunningServer, TestedEvent
from turnout.events import event as events
from turnout.events import keys, sources
from turnout.store import refusals
from turnout.store.sqlite.database import SqliteDatabase

JOHN = {"profile": {"email": "john.doe@example.com"}}
UNKNOWN_KEY = "trn_0190a3b4c5d67e8f9a0b1c2d3e4f5a6b_0123456789abcdefghijklmnopqrstuvABCDEF"
HOUR_US = 3_600_000_000


def key_id(event: TestedEvent, key: str = "") -> str:
    """The public part of a key, as its sender learns it."""
    shown: str = event.get("/key", key=key).json()["key"]["id"]
    return shown


def as_refused(response: httpx2.Response) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but what is never the same twice."""
    headers = {name: value for name, value in response.headers.items() if name not in ("date", "x-request-id")}
    return response.status_code, headers, response.content


# --- A1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/attendees", "/attendees/", "", "/"])
def test_a1_each_of_the_four_addresses_takes_one_attendee(event: TestedEvent, path: str) -> None:
    """`POST {gateway}/attendees` takes one attendee, and so do `POST {gateway}` and both with a trailing slash."""
    response = event.push(JOHN, path=path)
    assert response.status_code == 200, response.text
    assert response.json()["result"] == "created"


@pytest.mark.parametrize("path", ["/attendees", "/attendees/", "", "/", "/key", "/key/", "/pushes", "/pushes/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a1_nothing_redirects(event: TestedEvent, method: str, path: str) -> None:
    """Nothing redirects: most senders would lose the body, or the key, on the way."""
    for key in (event.key, UNKNOWN_KEY):
        response = event.product.client.request(method, event.gateway + path, headers={"Api-Key": key})
        assert not 300 <= response.status_code < 400
        assert "location" not in response.headers


def test_a1_an_address_is_not_guessed_at(event: TestedEvent) -> None:
    """Every event has a gateway address of its own; what stands behind it is one of the addresses that there are."""
    assert event.push(JOHN, path="/attendee").status_code == 404
    assert event.push(JOHN, path="/key/attendees").status_code == 404
    for method, allowed in (("GET", "POST"), ("POST", "DELETE, GET, HEAD")):
        path = {"GET": "/attendees/batch", "POST": "/attendees/attendees"}[method]
        refused = event.product.client.request(method, event.gateway + path, headers={"Api-Key": event.key})
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/attendees", "/attendees/", "/", ""])
@pytest.mark.parametrize("spelled", ["{host}", "{upper}", "{host}:443", "{host}:8443"])
def test_a1_a_host_of_the_events_own_is_the_same_endpoint(event: TestedEvent, path: str, spelled: str) -> None:
    """An event may also be given a host name of its own, and then `POST https://that-host/attendees` is the same."""
    host = f"{event.slug}.example.org"
    events.set_up(event.database, event.id, {"host": host})
    response = post_to_host(event, spelled.format(host=host, upper=host.upper()), path)
    assert response.status_code == 200, response.text
    assert response.json()["result"] == "created"
    assert event.push_ok(JOHN)["result"] == "unchanged"


def test_a1_a_host_has_the_gateways_other_addresses_too(event: TestedEvent) -> None:
    """A host name of its own is a gateway: what can be asked there is what can be asked at the slug."""
    host = f"{event.slug}.example.org"
    events.set_up(event.database, event.id, {"host": host})
    assert post_to_host(event, host, "/attendees/batch", [JOHN]).json()["created"] == 1
    shown = get_at_host(event, host, "/key")
    assert shown.json()["event"]["slug"] == event.slug
    listed = get_at_host(event, host, "/pushes")
    push_id = listed.json()["pushes"][0]["id"]
    assert get_at_host(event, host, f"/pushes/{push_id}").json()["id"] == push_id


def test_a1_a_host_that_moves_to_another_event_moves_at_once(product: Product) -> None:
    """A host name belongs to one event at a time, and nobody waits for a cache to notice."""
    first, second = product.make_event(), product.make_event()
    host = f"{first.slug}.example.org"
    events.set_up(first.database, first.id, {"host": host})
    assert post_to_host(first, host).status_code == 200
    assert post_to_host(second, host).status_code == 401
    events.set_up(first.database, first.id, {"host": ""})
    assert post_to_host(first, host).status_code == 401
    events.set_up(second.database, second.id, {"host": host})
    assert post_to_host(first, host).status_code == 401
    assert post_to_host(second, host).status_code == 200
    assert get_at_host(second, host, "/key").json()["event"]["slug"] == second.slug
    assert get_at_host(first, host, "/key").status_code == 401


def test_a1_a_host_that_has_moved_is_known_to_whoever_asks_first(product: Product) -> None:
    """A host name belongs to one event at a time: also for what is only asked, where no commit would notice."""
    first, second = product.make_event(), product.make_event()
    host = f"{first.slug}.example.org"
    events.set_up(first.database, first.id, {"host": host})
    assert post_to_host(first, host).status_code == 200
    events.set_up(first.database, first.id, {"host": ""})
    assert get_at_host(first, host, "/key").status_code == 401
    events.set_up(second.database, second.id, {"host": host})
    assert get_at_host(second, host, "/key").json()["event"]["slug"] == second.slug


def test_a1_a_host_of_no_event_takes_nothing(event: TestedEvent) -> None:
    """An address of no event gets the 401 that a wrong key gets."""
    assert as_refused(post_to_host(event, "nobody.example.org")) == as_refused(event.push(JOHN, key=UNKNOWN_KEY))


def test_a1_a_slug_goes_on_working_whatever_is_renamed(event: TestedEvent) -> None:
    """A slug once given goes on working."""
    assert event.push_ok(JOHN)["result"] == "created"
    events.set_up(event.database, event.id, {"name": "Autumn Fair", "host": f"{event.slug}.example.org"})
    assert event.push_ok(JOHN)["result"] == "unchanged"
    assert event.get("/key").json()["event"] == {"id": event.id, "slug": event.slug, "name": "Autumn Fair"}
    events.set_up(event.database, event.id, {"host": f"other-{event.slug}.example.org"})
    assert event.push_ok(JOHN)["result"] == "unchanged"
    assert post_to_host(event, f"{event.slug}.example.org").status_code == 401


def test_a1_an_archived_events_gateway_is_shut_until_that_is_undone(event: TestedEvent) -> None:
    """The keys of an archived event get the 401, at once; undone, the gateway is there again as it was."""
    refused = as_refused(event.push(JOHN, key=UNKNOWN_KEY))
    attempts: list[Callable[[], httpx2.Response]] = [
        lambda: event.push(JOHN),
        lambda: event.batch([JOHN]),
        lambda: event.get("/key"),
        lambda: event.get("/pushes"),
    ]
    for first in attempts:
        event.push_ok(JOHN)  # now the server knows the key, and nobody has told it of the archiving
        events.archive(event.database, event.id)
        assert as_refused(first()) == refused
        for attempt in attempts:
            assert as_refused(attempt()) == refused
        events.archive(event.database, event.id, undo=True)
    assert event.push_ok(JOHN)["result"] == "unchanged"


def post_to_host(event: TestedEvent, host: str, path: str = "/attendees", body: object = JOHN) -> httpx2.Response:
    return event.product.client.post(
        event.product.server.url + path, content=json.dumps(body), headers={"Host": host, "Api-Key": event.key}
    )


def get_at_host(event: TestedEvent, host: str, path: str) -> httpx2.Response:
    return event.product.client.get(event.product.server.url + path, headers={"Host": host, "Api-Key": event.key})


# --- A2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Api-Key": "{key}"},
        {"api-key": "{key}"},
        {"Authorization": "Bearer {key}"},
        {"Authorization": "bearer   {key}"},
        {"Api-Key": "{key}", "Authorization": "Bearer {key}"},
        {"Api-Key": "{key}", "Authorization": "Basic am9objpkb2U="},
        {"Api-Key": "", "Authorization": "Bearer {key}"},
    ],
)
def test_a2_the_key_comes_in_a_header(event: TestedEvent, headers: dict[str, str]) -> None:
    """The API key comes in the `Api-Key` header; `Authorization: Bearer` is taken too."""
    sent = {name: value.format(key=event.key) for name, value in headers.items()}
    assert event.push_ok(JOHN, key=None, headers=sent)["result"] == "created"


@pytest.mark.parametrize(
    "body",
    [
        {"profile": {"email": "john.doe@example.com"}, "key": "{key}"},
        {"key": " {key}\n", "profile": {"email": "john.doe@example.com"}},
        {"profile.email": "john.doe@example.com", "key": "{key}"},
        {"profile.email": "john.doe@example.com", "KEY": "{key}"},
        {"profile.email": "john.doe@example.com", "key": None, "Key": "{key}"},
    ],
)
def test_a2_the_key_comes_in_the_body_of_either_format(event: TestedEvent, body: dict[str, object]) -> None:
    """… or in the body as `key` at the root, in either payload format."""
    sent = json.dumps(body).replace("{key}", event.key)
    response = event.send(sent, key=None)
    assert response.status_code == 200, response.text
    assert response.json()["result"] == "created"


def test_a2_the_key_comes_in_a_form(event: TestedEvent) -> None:
    """A form is read as the flat format, its key too."""
    response = event.product.client.post(
        event.gateway + "/attendees", data={"profile[email]": "john.doe@example.com", "key": event.key}
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("not_given", [None, "", "  ", "\t\n"])
def test_a2_null_and_blank_mean_not_given_here(event: TestedEvent, not_given: str | None) -> None:
    """`null` and blank mean "not given here"."""
    body = {**JOHN, "key": not_given}
    assert event.push_ok(body)["result"] == "created"
    assert event.push_ok({"profile.email": "jane@example.com", "key": not_given})["result"] == "created"
    assert event.push(body, key=None).status_code == 401


@pytest.mark.parametrize("headers", [{"Api-Key": ""}, {"Authorization": "Bearer"}, {"Authorization": ""}])
def test_a2_a_blank_header_leaves_the_key_to_the_body(event: TestedEvent, headers: dict[str, str]) -> None:
    """`null` and blank mean "not given here"."""
    assert event.push({**JOHN, "key": event.key}, key=None, headers=headers).status_code == 200
    assert event.batch({"attendees": [JOHN], "key": event.key}, key=None, headers=headers).status_code == 200
    assert event.push(JOHN, key=None, headers=headers).status_code == 401


def test_a2_given_twice_and_equal_is_fine(event: TestedEvent) -> None:
    """Given twice and equal: fine."""
    assert event.push({**JOHN, "key": f" {event.key} "}).status_code == 200
    assert event.push({"profile.email": "john.doe@example.com", "key": event.key}).status_code == 200
    twice = f'{{"key": "{event.key}", "profile": {{"email": "john.doe@example.com"}}, "key": "{event.key}"}}'
    assert event.send(twice, key=None).status_code == 200
    assert event.batch({"key": event.key, "attendees": [{**JOHN, "key": event.key}]}).json()["failed"] == 0


def test_a2_given_twice_and_different_is_a_401(event: TestedEvent) -> None:
    """Given twice and different: 401, even where each would be good alone."""
    other = event.make_source("shop")
    refused = as_refused(event.push(JOHN, key=UNKNOWN_KEY))
    for second in (other, UNKNOWN_KEY, "x"):
        assert as_refused(event.push({**JOHN, "key": second})) == refused
        assert as_refused(event.push(JOHN, headers={"Authorization": f"Bearer {second}"})) == refused
        assert as_refused(event.batch({"key": second, "attendees": [JOHN]})) == refused
        twice = f'{{"key": "{event.key}", "profile": {{"email": "john.doe@example.com"}}, "key": "{second}"}}'
        assert as_refused(event.send(twice, key=None)) == refused
        headers = [("Api-Key", event.key), ("Api-Key", second)]
        sent = event.product.client.post(event.gateway + "/attendees", content=json.dumps(JOHN), headers=headers)
        assert as_refused(sent) == refused
    assert event.changes() == []


@pytest.mark.parametrize("odd", [5, 1.5, True, ["{key}"], {"value": "{key}"}])
def test_a2_a_key_that_is_no_text_is_a_wrong_one(event: TestedEvent, odd: object) -> None:
    """What is given as `key` and is no text is given all the same, and is no key."""
    sent = json.dumps({**JOHN, "key": odd}).replace("{key}", event.key)
    assert event.send(sent, key=None).status_code == 401
    assert event.send(sent).status_code == 401


def test_a2_a_key_below_the_root_is_not_one(event: TestedEvent) -> None:
    """… as `key` at the root."""
    assert event.push({"profile": {**JOHN["profile"], "key": event.key}}, key=None).status_code == 401
    assert event.push({"profile.email": "john.doe@example.com", "profile.key": event.key}, key=None).status_code == 401


# --- A3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wrong_keys(event: TestedEvent, product: Product) -> dict[str, str | None]:
    """A key for every reason to be refused at this event's gateway."""
    revoked = keys.create(event.database, event.id)
    keys.revoke(event.database, revoked.key.id)
    rotated = keys.create(event.database, event.id)
    keys.rotate(event.database, rotated.key.id, 0)
    key = event.key
    return {
        "unknown": UNKNOWN_KEY,
        "no key of ours": "your-api-key",
        "mistyped": key[:-1] + ("a" if key[-1] != "a" else "b"),
        "of another case": key.swapcase(),
        "cut off": key[:-10],
        "too long": key + "x",
        "very long": "k" * 30_000,
        "revoked": revoked.text,
        "rotated away": rotated.text,
        "expired": keys.create(event.database, event.id, expires_in_us=1).text,
        "of another event": product.make_event().key,
        "read": keys.create(event.database, event.id, scope="read").text,
        "missing": None,
    }


@pytest.mark.parametrize("path", ["/attendees", "/attendees/", "", "/attendees/batch"])
def test_a3_every_reason_gets_the_same_401(event: TestedEvent, wrong_keys: dict[str, str | None], path: str) -> None:
    """Unknown, revoked, expired and missing keys get the same 401 with the same body: nobody learns which.

    So do another event's key, and a read key at push and batch.
    """
    body = [JOHN] if path.endswith("batch") else JOHN
    expected = as_refused(event.push(JOHN, key="trn_x"))
    assert expected[0] == 401
    for reason, key in wrong_keys.items():
        assert as_refused(event.push(body, path=path, key=key)) == expected, reason
    assert event.changes() == []


def test_a3_every_reason_gets_the_same_401_with_the_key_in_the_body(
    event: TestedEvent, wrong_keys: dict[str, str | None]
) -> None:
    """… wherever the key was given."""
    expected = as_refused(event.push(JOHN, key="trn_x"))
    for reason, key in wrong_keys.items():
        assert as_refused(event.push({**JOHN, "key": key}, key=None)) == expected, reason
        assert as_refused(event.batch([{**JOHN, "key": key}], key=None)) == expected, reason
        assert as_refused(event.batch({"attendees": [JOHN], "key": key}, key=None)) == expected, reason
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        assert as_refused(event.push(JOHN, key=None, headers=bearer)) == expected, reason


@pytest.mark.parametrize("slug", ["no-such-event", "NO", "a.b", "x" * 300, "%F0%9F%8E%89", "%2E%2E", "a%20b"])
def test_a3_an_address_of_no_event_gets_the_same_401(event: TestedEvent, slug: str) -> None:
    """An address of no event gets the same 401 with the same body, to a good key and to none."""
    nowhere = TestedEvent(event.product, "", slug, event.key)
    expected = as_refused(event.push(JOHN, key=UNKNOWN_KEY))
    for key in (event.key, UNKNOWN_KEY, None):
        assert as_refused(nowhere.push(JOHN, key=key)) == expected
        assert as_refused(nowhere.push(JOHN, path="", key=key)) == expected
        assert as_refused(nowhere.batch([JOHN], key=key)) == expected


@pytest.mark.parametrize("path", ["/key", "/pushes", "/pushes/psh_0"])
def test_a3_every_reason_gets_the_same_401_where_a_sender_reads_his_own(
    event: TestedEvent, wrong_keys: dict[str, str | None], path: str
) -> None:
    """The same 401 with the same body holds for all that takes a key."""
    del wrong_keys["read"]
    expected = as_refused(event.push(JOHN, key="trn_x"))
    for reason, key in wrong_keys.items():
        assert as_refused(event.get(path, key=key)) == expected, reason
    nowhere = TestedEvent(event.product, "", "no-such-event", event.key)
    assert as_refused(nowhere.get(path)) == expected


@pytest.mark.parametrize("path", ["/pushes", "/pushes/psh_0"])
def test_a3_a_read_key_where_a_source_reads_its_own_is_a_403(event: TestedEvent, path: str) -> None:
    """A read key belongs to the event, not to a source: what is a source's own has the scope that it has not."""
    read = keys.create(event.database, event.id, scope="read").text
    refused = event.get(path, key=read)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "wrong_scope"
    assert refused.json()["retryable"] is False


def test_a3_a_revocation_holds_at_once(event: TestedEvent) -> None:
    """A revocation holds from that instant, in every process: it was not the server who revoked."""
    issued = keys.create(event.database, event.id)
    expected = as_refused(event.push(JOHN, key=UNKNOWN_KEY))
    event.push_ok(JOHN, key=issued.text)  # now the server knows the key, and nobody tells it of what follows
    keys.revoke(event.database, issued.key.id)
    changed = {"profile": {**JOHN["profile"], "title": "CTO"}}
    assert as_refused(event.push(changed, key=issued.text)) == expected
    assert len(event.changes()) == 1


@pytest.mark.parametrize(
    "content",
    ['{"profile.email": ""}', "{", "[]", '{"attendees": []}', '[{"profile": {"email": "john.doe@example.com"}}]'],
)
@pytest.mark.parametrize(
    "path", ["/attendees", "/attendees?dryRun=true", "/attendees/batch", "/attendees/batch?atomic=1"]
)
def test_a3_a_revocation_holds_at_once_whatever_is_sent(event: TestedEvent, path: str, content: str) -> None:
    """A revocation holds from that instant, whether or not the request would have changed anything."""
    issued = keys.create(event.database, event.id)
    expected = as_refused(event.push(JOHN, key=UNKNOWN_KEY))
    event.push_ok(JOHN, key=issued.text)
    keys.revoke(event.database, issued.key.id)
    assert as_refused(event.send(content, path=path, key=issued.text)) == expected


@pytest.mark.parametrize("path", ["/key", "/pushes", "/pushes/psh_0"])
def test_a3_a_revocation_holds_at_once_where_a_sender_reads_his_own(event: TestedEvent, path: str) -> None:
    """A revocation holds from that instant."""
    issued = keys.create(event.database, event.id)
    event.push_ok(JOHN, key=issued.text)
    keys.revoke(event.database, issued.key.id)
    assert event.get(path, key=issued.text).status_code == 401


def test_a3_a_new_key_holds_at_once(event: TestedEvent) -> None:
    """What is set up by another process counts from that instant: a new key as well as a revocation."""
    event.push_ok(JOHN)
    assert event.push_ok(JOHN, key=event.make_source("shop"))["result"] in ("updated", "unchanged")


def test_a3_a_key_is_good_until_it_expires_whatever_the_log_says(event: TestedEvent) -> None:
    """Expired keys get the 401, and others do not: also where the clock was set back since the last change."""
    issued = keys.create(event.database, event.id, source="main", expires_in_us=HOUR_US)
    event.push_ok(JOHN)
    with event.database.write() as connection:
        connection.execute(
            text("UPDATE clocks SET last_at = last_at + :ahead WHERE event_id = :event_id"),
            {"ahead": 2 * HOUR_US, "event_id": event.id},
        )
    headers = {"Api-Key": issued.text}
    response = event.product.client.post(event.gateway, content=json.dumps(JOHN), headers=headers)
    assert response.status_code == 200


def test_a3_a_revoked_keys_sister_goes_on(event: TestedEvent) -> None:
    """A push key belongs to one source, and a source may have several."""
    issued = keys.create(event.database, event.id, source="main")
    event.push_ok(JOHN)
    keys.revoke(event.database, key_id(event))
    assert event.push(JOHN).status_code == 401
    assert event.push_ok(JOHN, key=issued.text)["result"] == "unchanged"


# --- A4 --------------------------------------------------------------------------------------------------------------

MARKER = "zimtstern-4711"
MARKED = {"profile": {"email": f"{MARKER}@example.com"}, MARKER: MARKER}

WRONG_REQUESTS = {
    "too large": (b'{"x": "' + MARKER.encode() + b"x" * 1_100_000 + b'"}', "", {}),
    "much too large": (b'{"x": "' + MARKER.encode() + b"x" * 34_000_000 + b'"}', "", {}),
    "broken JSON": (f'{{"profile": {{"email": "{MARKER}@example.com"'.encode(), "", {}),
    "no e-mail": (f'{{"profile": {{"title": "{MARKER}"}}}}'.encode(), "", {}),
    "no object": (f'"{MARKER}"'.encode(), "", {}),
    "too deep": (b'{"' + MARKER.encode() + b'": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "", {}),
    "not UTF-8": (f'{{"profile.email": "{MARKER}@example.com", "profile.city": "'.encode() + b'\xfc"}', "", {}),
    "UTF-16": (json.dumps(MARKED).encode("utf-16"), "", {}),
    "empty": (b"", "", {}),
    "unknown encoding": (json.dumps(MARKED).encode(), "", {"Content-Encoding": "br"}),
    "not packed": (json.dumps(MARKED).encode(), "", {"Content-Encoding": "gzip"}),
    "packed in part": (gzip.compress(json.dumps(MARKED).encode())[:-9], "", {"Content-Encoding": "gzip"}),
    "a bomb": (gzip.compress(b" " * 40_000_000, 1), "", {"Content-Encoding": "gzip"}),
    "wrong flag": (json.dumps(MARKED).encode(), "?dryRun=perhaps", {}),
    "wrong choice": (json.dumps(MARKED).encode(), "?receipts=some&atomic=perhaps", {}),
    "many parameters": (json.dumps(MARKED).encode(), "?" + "&".join(["a=1"] * 500), {}),
    "long Idempotency-Key": (json.dumps(MARKED).encode(), "", {"Idempotency-Key": "i" * 300}),
    "odd Content-Type": (json.dumps(MARKED).encode(), "", {"Content-Type": "multipart/form-data"}),
    "broken form": (
        f"{MARKER}=%ff".encode(),
        "",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
}


@pytest.mark.parametrize("path", ["/attendees", "/attendees/batch"])
@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a4_without_a_good_key_it_is_a_401_whatever_else_is_wrong(event: TestedEvent, wrong: str, path: str) -> None:
    """Without a good key the answer is 401 whatever else is wrong with the request."""
    content, query, headers = WRONG_REQUESTS[wrong]
    expected = as_refused(event.push(JOHN, key="trn_x"))
    for key in (UNKNOWN_KEY, None):
        refused = event.send(content, path=path + query, key=key, headers=headers)
        assert (refused.status_code, refused.content) == (expected[0], expected[2])
    assert event.get("/pushes").json()["pushes"] == []


def test_a4_nothing_of_a_refused_body_is_stored(event: TestedEvent) -> None:
    """… and nothing of its body is stored."""
    read = keys.create(event.database, event.id, scope="read").text
    for content, query, headers in WRONG_REQUESTS.values():
        if len(content) < 2_000_000:
            for path in ("/attendees", "/attendees/batch"):
                assert event.send(content, path=path + query, key=read, headers=headers).status_code == 401
    for path, body in (("/attendees", MARKED), ("/attendees/batch", [MARKED]), ("/attendees?dryRun=true", MARKED)):
        headers = {"Idempotency-Key": MARKER}
        assert event.push(body, path=path, key=UNKNOWN_KEY, headers=headers).status_code == 401
    event.push_ok(JOHN)
    rows = list(list_rows(event.database))
    assert any(JOHN["profile"]["email"].encode() in row for row in rows), "else nothing was looked at"
    assert [row for row in rows if MARKER.encode() in row] == []


def test_a4_a_refused_batch_item_leaves_nothing_behind(event: TestedEvent) -> None:
    """Nothing of its body is stored: an item whose own key is bad is such a body (E3)."""
    answer = event.batch_ok([{**JOHN, "key": event.key}, {**MARKED, "key": UNKNOWN_KEY}], key=None)
    assert (answer["created"], answer["failed"]) == (1, 1)
    assert [row for row in list_rows(event.database) if MARKER.encode() in row] == []


def test_a4_the_attempts_are_counted(start_product: Callable[..., Product]) -> None:
    """The attempt is counted: when, where from, the public part of the key; and a stop loses none."""
    product = start_product()
    event = product.make_event()
    issued = keys.create(event.database, event.id)
    keys.revoke(event.database, issued.key.id)
    before = time.time() * 1_000_000
    for _ in range(3):
        event.push(JOHN, key=issued.text, headers={"X-Forwarded-For": "203.0.113.7"})
    event.push(JOHN, key="guess", headers={"X-Forwarded-For": "203.0.113.7"})
    event.batch([{**JOHN, "key": issued.text}], key=None, headers={"X-Forwarded-For": "2001:db8::1"})
    event.get("/key", key=None)
    TestedEvent(product, "", "no-such-event", event.key).push(JOHN, headers={"X-Forwarded-For": "203.0.113.8"})
    after = time.time() * 1_000_000
    secrets = (event.key.rpartition("_")[2], issued.text.rpartition("_")[2])
    public_id = key_id(event)
    product.server.stop()

    with event.database.read() as connection:
        counted = refusals.list_refusals(connection, event.id)
        nowhere = refusals.list_refusals(connection, "")
    assert {(one.address, one.key_id): one.count for one in counted if one.address.startswith(("203", "2001"))} == {
        ("203.0.113.7", issued.key.id): 3,
        ("203.0.113.7", ""): 1,
        ("2001:db8::1", issued.key.id): 1,
    }
    assert sum(one.count for one in counted) == 6
    assert [(one.address, one.key_id, one.count) for one in nowhere] == [("203.0.113.8", public_id, 1)]
    assert all(before <= one.first_at <= one.last_at <= after for one in (*counted, *nowhere))
    for found in list_stored(product.server):
        assert not any(secret.encode() in found for secret in secrets)


@pytest.mark.parametrize("path", ["/attendees", "/attendees/batch", "/key"])
def test_a4_guessing_is_slowed_down_and_holds_up_no_good_key(event: TestedEvent, path: str) -> None:
    """Whoever guesses waits longer for each 401; a good key is answered at once, from the same address as well."""
    from_there = {"X-Forwarded-For": f"2001:db8:{hash(event.slug) & 0xFFFF:x}:{len(path):x}::1"}
    event.push_ok(JOHN)

    def guess(_: int) -> float:
        began = time.monotonic()
        if path == "/key":
            headers = {"Api-Key": UNKNOWN_KEY, **from_there}
            response = event.product.client.get(event.gateway + path, headers=headers)
        else:
            response = event.send("[]", path=path, key=UNKNOWN_KEY, headers=from_there)
        assert response.status_code == 401
        return time.monotonic() - began

    with ThreadPoolExecutor(14) as pool:
        waiting = {pool.submit(guess, number) for number in range(14)}
        took: list[float] = []
        while len(took) < 10:  # those that are free
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            took += [one.result() for one in done]
        assert len(waiting) >= 2
        assert event.push_ok(JOHN, headers=from_there)["result"] == "unchanged"
        assert event.batch([JOHN], headers=from_there).json()["unchanged"] == 1
        good_ones_waited_for = [one for one in waiting if one.done()]
        took += [one.result() for one in waiting]
    assert len(good_ones_waited_for) < len(waiting), "Good keys were answered only after all the bad ones."
    assert max(took) >= 1.5
    assert sum(took) >= 0.5 + 1 + 1.5 + 2 - 0.5


# --- A5 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """For tests that read all that a server keeps: what others have left is most of it on the one that all share."""
    folder = tmp_path_factory.mktemp("own")
    with RunningServer(folder, make_database(database_kind, folder), TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def own_event(own_server: RunningServer) -> Iterator[TestedEvent]:
    with Product(own_server) as product:
        yield product.make_event()
        product.check()


def list_stored(server: RunningServer) -> list[bytes]:
    """The server's log and every file of its database; of PostgreSQL every row."""
    files = [file.read_bytes() for file in server.folder.rglob("*") if file.is_file()]
    return files if isinstance(server.database, SqliteDatabase) else [*files, *list_rows(server.database)]


def spell_out(content: bytes) -> bytes:
    """Bytes without what could hide a key in them from a search: the second byte of UTF-16, and escapes of it."""
    return content.replace(b"\\u0000", b"").replace(b"\\\\u0000", b"").replace(b"\0", b"")


def test_a5_a_key_is_shown_once_and_stored_as_a_digest(own_event: TestedEvent) -> None:
    """Keys are shown once, at creation, and stored only as a digest."""
    secret = own_event.key.rpartition("_")[2]
    own_event.push_ok(JOHN)
    own_event.push_ok({**JOHN, "key": own_event.key}, key=None)
    shown = own_event.get("/key")
    assert secret not in shown.text
    assert shown.json()["key"]["id"].removeprefix("key_") == own_event.key.split("_")[1]
    stored = list_stored(own_event.product.server)
    assert any(JOHN["profile"]["email"].encode() in one for one in stored), "else nothing was looked at"
    assert not any(secret.encode() in one for one in stored)


BODIES_WITH_KEY: dict[str, tuple[bytes | str, dict[str, str]]] = {
    "nested": ('{"profile": {"email": "john.doe@example.com"}, "key": "{key}"}', {}),
    "first": ('{"key": "{key}", "profile": {"email": "john.doe@example.com"}}', {}),
    "in the middle": ('{"profile.email": "john.doe@example.com",\n\t"key" :\n"{key}" , "profile.title": "CTO"}', {}),
    "twice": ('{"key": "{key}", "profile": {"email": "john.doe@example.com"}, "key": "{key}"}', {}),
    "misspelled": ('{"profile.email": "john.doe@example.com", "KEY": "{key}"}', {}),
    "spaced": ('{"profile.email": "john.doe@example.com", " k_e-y ": "{key}"}', {}),
    "Api-Key": ('{"profile.email": "john.doe@example.com", "Api-Key": "{key}", "apiKey": "{key}"}', {}),
    "in the profile": ('{"profile": {"email": "john.doe@example.com", "key": "{key}"}}', {}),
    "as a value": ('{"profile": {"email": "john.doe@example.com", "title": "{key}", "city": "at {key}!"}}', {}),
    "as a name": ('{"profile.email": "john.doe@example.com", "{key}": "{key}", "profile.{key}": 1}', {}),
    "as a group": (
        '{"profile.email": "john.doe@example.com", "eventInfo.groups.groupNames": ["{key}", "[\\"{key}\\"]"]}',
        {},
    ),
    "as a group in a text": (
        '{"profile.email": "john.doe@example.com", "eventInfo.groups.groupNames": "[\\"{key}\\"]"}',
        {},
    ),
    "as a group in a text, with escapes": (
        '{"profile.email": "a@example.com", "eventInfo.groups.groupNames": "[\\"\\\\u0074rn\\\\u005f{rest}\\"]"}',
        {},
    ),
    "as a custom field": (
        '{"profile": {"email": "a@example.com", "customFields": [{"fieldName": "{key}", "fieldValue": "{key}"}]}}',
        {},
    ),
    "as an address": ('{"profile.email": "{key}"}', {}),
    "before an address": ('{"profile.email": "{key}@example.com"}', {}),
    "as a time": ('{"profile.email": "john.doe@example.com", "observedAt": "{key}"}', {}),
    "to be cleared": ('{"profile.email": "john.doe@example.com", "clear": ["{key}", "profile.{key}"]}', {}),
    "as attending": ('{"profile.email": "john.doe@example.com", "eventInfo.attending": "{key}"}', {}),
    "with escapes": ('{"profile.email": "john.doe@example.com", "profile.title": "\\u0074rn\\u005f{rest}"}', {}),
    "with an escaped name": ('{"profile.email": "john.doe@example.com", "\\u006bey": "{key}"}', {}),
    "in JSON in JSON": ('{"profile.email": "john.doe@example.com", "x": "{\\"key\\": \\"{key}\\"}"}', {}),
    "twice JSON": ('"{\\"profile.email\\": \\"john.doe@example.com\\", \\"key\\": \\"{key}\\"}"', {}),
    "a form": ("profile.email=john.doe%40example.com&key={key}", {"Content-Type": "application/x-www-form-urlencoded"}),
    "a form, escaped": (
        "profile.email=john.doe%40example.com&profile.title=trn%5F{rest}",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "a broken form": (
        "profile.email=%ff&key={key}&profile.title={key}",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "a form as text": ("profile.email=john.doe@example.com&key={key}", {"Content-Type": "text/plain"}),
    "broken at the end": ('{"profile": {"email": "john.doe@example.com"}, "key": "{key}"', {}),
    "broken within": ('{"profile": {"email": "john.doe@example.com"}, "key": "{key}', {}),
    "broken in the key": ('{"profile": {"email": "john.doe@example.com"}, "key": "{key}\\x"}', {}),
    "broken, with escapes": ('{"profile.email": "john.doe@example.com", "profile.title": "trn\\u005f{rest}"', {}),
    "without quotes": ("{profile: {email: john.doe@example.com}, key: {key}}", {}),
    "with single quotes": ("{'key': '{key}', 'profile': {'email': 'john.doe@example.com'}}", {}),
    "a list": ('[{"profile.email": "john.doe@example.com", "key": "{key}"}]', {}),
    "several": ('{"profile.email": "a@example.com"} {"profile.email": "b@example.com", "key": "{key}"}', {}),
    "too deep": ('{"key": "{key}", "x": ' + "[" * 40 + '"{key}"' + "]" * 40 + "}", {}),
    "not UTF-8": (b'{"profile.email": "john.doe@example.com", "key": "{key}", "profile.city": "\xfc"}', {}),
    "XML": ("<push><key>{key}</key><email>john.doe@example.com</email></push>", {}),
    "YAML": ("profile:\n  email: john.doe@example.com\nkey: {key}\n", {}),
    "an unknown encoding": ('{"key": "{key}"}', {"Content-Encoding": "br, {key}"}),
    "an odd type": ('{"key": "{key}"}', {"Content-Type": "multipart/form-data; boundary={key}"}),
    "an Idempotency-Key": ('{"profile.email": "john.doe@example.com"}', {"Idempotency-Key": "{key}"}),
    "a preference": ('{"profile.email": "john.doe@example.com"}', {"Prefer": "return={key}"}),
    "a caller": ('{"profile.email": "john.doe@example.com"}', {"X-Forwarded-For": "{key}"}),
    "an agent": ('{"profile.email": "john.doe@example.com"}', {"User-Agent": "{key}"}),
}


@pytest.mark.parametrize("case", BODIES_WITH_KEY)
def test_a5_the_key_is_nowhere_but_in_the_request(own_event: TestedEvent, case: str) -> None:
    """The body's `key` is removed before anything is stored, logged or replayed.

    Whatever looks like a key is blanked in the text of a body that could not be parsed.
    """
    content, headers = BODIES_WITH_KEY[case]
    send_with_key(own_event, content, headers)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_a5_the_key_is_found_in_every_encoding(own_event: TestedEvent, encoding: str) -> None:
    """Whatever looks like a key is blanked in the text of a body that could not be parsed."""
    body = '{"profile": {"email": "john.doe@example.com", "city": "München"}, "key": "{key}"}'
    send_with_key(own_event, body.replace("{key}", own_event.key).encode(encoding), {})


BATCHES_WITH_KEY = {
    "at the root": '{"attendees": [{"profile.email": "john.doe@example.com"}], "key": "{key}"}',
    "at the root, before": '{"key": "{key}", "attendees": [{"profile.email": "john.doe@example.com"}]}',
    "in an item": '[{"profile.email": "john.doe@example.com", "key": "{key}"}]',
    "in all": '{"key": "{key}", "attendees": [{"profile.email": "john.doe@example.com", "key": "{key}"}]}',
    "in lines": '{"profile.email": "john.doe@example.com", "key": "{key}"}\n{"profile.email": "{key}", "key": "{key}"}',
    "in a bad line": '{"profile.email": "john.doe@example.com"}\n{"profile.email": "{key}", "key": "{key}"\n',
    "in the wrong place": '[{"profile": {"email": "john.doe@example.com", "title": "{key}", "key": "{key}"}}]',
    "in a broken array": '[{"profile.email": "john.doe@example.com", "key": "{key}"}, {"key": "{key}"',
    "in a broken object": '{"key": "{key}", "attendees": [{"profile.email": "john.doe@example.com", "key": "{key}}]}',
    "in no batch": '{"key": "{key}", "people": [{"profile.email": "john.doe@example.com", "key": "{key}"}]}',
    "in a text": '"{key}"',
    "in what is no item": '["{key}", 5, {"key": "{key}"}, ["{key}"]]',
}


@pytest.mark.parametrize("case", BATCHES_WITH_KEY)
@pytest.mark.parametrize("query", ["", "?atomic=true", "?dryRun=true"])
def test_a5_the_key_is_nowhere_but_in_the_batch(own_event: TestedEvent, case: str, query: str) -> None:
    """The body's `key` is removed before anything is stored, logged or replayed: from batches and their items too."""
    send_with_key(own_event, BATCHES_WITH_KEY[case], {}, f"/attendees/batch{query}")


def send_with_key(event: TestedEvent, content: bytes | str, headers: dict[str, str], path: str = "/attendees") -> None:
    """Sends a body with the key in it, and looks for its secret in the answers, the files and the log."""
    key = event.key
    secret = key.rpartition("_")[2].encode()
    raw = content if isinstance(content, bytes) else content.encode()
    raw = raw.replace(b"{key}", key.encode()).replace(b"{rest}", key.removeprefix("trn_").encode())
    sent = {name: value.replace("{key}", key) for name, value in headers.items()}
    answers = [event.send(raw, path=path, headers=sent), event.send(raw, path=path, key=UNKNOWN_KEY, headers=sent)]
    assert answers[0].status_code in (200, 500), answers[0].text
    listed = event.get("/pushes")
    for push in listed.json()["pushes"]:
        answers.append(event.get(f"/pushes/{push['id']}"))
        assert answers[-1].status_code == 200
    for answer in (*answers, listed):
        assert secret not in spell_out(answer.content), answer.text
    for found in list_stored(event.product.server):
        assert secret not in spell_out(found)


@pytest.mark.parametrize("name", ["key", "Api-Key", "api_key", "apikey", "access_token"])
def test_a5_a_key_in_the_query_string_is_never_read_and_is_masked_in_logs(own_event: TestedEvent, name: str) -> None:
    """A key in the query string is never read, and is masked in logs."""
    secret = own_event.key.rpartition("_")[2]
    for query in (urlencode({name: own_event.key}), f"{name}={quote(own_event.key, safe='').replace('_', '%5F')}"):
        assert own_event.push(JOHN, path=f"/attendees?{query}", key=None).status_code == 401
        assert own_event.batch([JOHN], f"?{query}", key=None).status_code == 401
        assert own_event.get(f"/key?{query}", key=None).status_code == 401
        # Nor does it count as a second key.
        other = query.replace(secret, "x" * len(secret))
        assert own_event.push(JOHN, path=f"/attendees?{other}").status_code == 200
        assert own_event.push({"profile": {}}, path=f"/attendees?{query}").status_code == 500
        refused = own_event.push(JOHN, path=f"/attendees?{query}&dryRun={own_event.key}")
        assert refused.status_code == 500
        assert secret not in refused.text
    for found in list_stored(own_event.product.server):
        assert secret.encode() not in found


def test_a5_a_key_in_an_address_is_masked_in_logs(own_event: TestedEvent) -> None:
    """A key has no place in an address, so it is kept out of the log when it stands there."""
    secret = own_event.key.rpartition("_")[2]
    client, url = own_event.product.client, own_event.product.server.url
    answers = [
        client.post(f"{url}/e/{own_event.key}/attendees", content=json.dumps(JOHN), headers={"Api-Key": own_event.key}),
        client.post(f"{own_event.gateway}/{own_event.key}", content=json.dumps(JOHN)),
        client.get(f"{own_event.gateway}/pushes/{own_event.key}", headers={"Api-Key": own_event.key}),
        client.get(f"{url}/{own_event.key}"),
        client.post(f"{url}/attendees", content=json.dumps(JOHN), headers={"Host": f"{own_event.key}.example.org"}),
    ]
    assert [answer.status_code for answer in answers] == [401, 404, 404, 404, 401]
    assert not any(secret in answer.text for answer in answers)
    for found in list_stored(own_event.product.server):
        assert secret.encode() not in found


# --- A6 --------------------------------------------------------------------------------------------------------------


def test_a5_the_log_tells_refusals_from_failures(event: TestedEvent) -> None:
    """`refused` is a request without a good key, `failed` any other that did not succeed; neither names anybody."""
    reader = keys.create(event.database, event.id, scope="read").text
    answers = {
        "refused": [event.push({}, key=None), event.push({}, key="trn_0_0"), event.push({}, key=reader)],
        "failed": [
            event.push({}),
            event.send("{oops"),
            event.batch("x"),
            event.get("/else"),
            event.get("/attendees/batch"),
        ],
    }
    log = event.product.server.log_path.read_text()
    for what, theirs in answers.items():
        for answer in theirs:
            (line,) = [line for line in log.splitlines() if answer.headers["x-request-id"] in line]
            assert f" {what} " in line
            assert f"status={answer.status_code}" in line
            assert f"code={answer.json()['code']}" in line
    ok = event.push({"profile": {"email": "ann@example.com"}})
    assert ok.headers["x-request-id"] not in event.product.server.log_path.read_text()


def test_a6_key_tells_a_sender_who_he_is(event: TestedEvent) -> None:
    """`GET {gateway}/key` tells a sender which event, source, mode and settings its key has."""
    shown = event.get("/key").json()
    assert shown == {
        "event": {"id": event.id, "slug": event.slug, "name": "Test"},
        "source": {
            "id": shown["source"]["id"],
            "name": "main",
            "mode": "live",
            "settings": {
                "null": "keep",
                "blank": "clear",
                "groups": "source",
                "lists": "none",
                "status_codes": "seed",
            },
        },
        "key": {"id": shown["key"]["id"], "scope": "push", "expiresAt": None},
        "lastPushAt": None,
    }
    assert shown["source"]["id"].startswith("src_")
    assert event.get("/key/").json() == shown
    by_bearer = event.product.client.get(event.gateway + "/key", headers={"Authorization": f"Bearer {event.key}"})
    assert by_bearer.json() == shown


def test_a6_key_tells_when_it_last_pushed(event: TestedEvent) -> None:
    """… and when it last pushed."""
    before = time.time()
    event.push_ok(JOHN)
    first = event.get("/key").json()["lastPushAt"]
    assert event.get("/pushes").json()["pushes"][0]["at"] == first
    assert before - 1 < as_seconds(first) < time.time() + 1
    event.push_failed({"profile": {}})
    second = event.get("/key").json()["lastPushAt"]
    assert as_seconds(second) > as_seconds(first)


def test_a6_a_repeated_push_is_a_last_push_too(event: TestedEvent) -> None:
    """… and when it last pushed: also when it said nothing new."""
    event.push_ok(JOHN)
    latest = event.get("/key").json()["lastPushAt"]
    event.push_ok(JOHN)
    assert as_seconds(event.get("/key").json()["lastPushAt"]) > as_seconds(latest)


def test_a6_key_tells_a_reader_what_he_has(event: TestedEvent) -> None:
    """A read key belongs to the event: it has no source, and never pushed."""
    event.push_ok(JOHN)
    issued = keys.create(event.database, event.id, scope="read", label="CRM", expires_in_us=24 * HOUR_US)
    shown = event.get("/key", key=issued.text).json()
    assert shown["event"]["id"] == event.id
    assert shown["source"] is None
    assert (shown["key"]["id"], shown["key"]["scope"]) == (issued.key.id, "read")
    assert abs(as_seconds(shown["key"]["expiresAt"]) - time.time() - 86_400) < 60
    assert shown["lastPushAt"] is None


def as_seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


SETTINGS = {
    "null": ("keep", "clear"),
    "blank": ("clear", "keep"),
    "groups": ("source", "add", "replace"),
    "lists": ("none", ",", ";"),
    "status_codes": ("seed", "precise"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SETTINGS.items() for value in values])
def test_a6_each_setting_is_a_sources_with_the_events_as_default(event: TestedEvent, name: str, value: str) -> None:
    """The settings `null`, `blank`, `groups`, `lists`, `status_codes` are a source's, with the event's as default."""
    shop = event.make_source("shop")
    default = SETTINGS[name][0]
    other = next(one for one in SETTINGS[name] if one != value)

    def shown(key: str) -> str:
        setting: str = event.get("/key", key=key).json()["source"]["settings"][name]
        return setting

    assert shown(event.key) == shown(shop) == default
    events.set_up(event.database, event.id, {name: value})
    assert shown(event.key) == shown(shop) == value
    sources.set_up(event.database, event.id, "shop", {name: other})
    assert (shown(event.key), shown(shop)) == (value, other)
    events.set_up(event.database, event.id, {name: other})
    sources.set_up(event.database, event.id, "shop", {name: value})
    assert (shown(event.key), shown(shop)) == (other, value)
    sources.set_up(event.database, event.id, "shop", {name: "default"})
    assert shown(event.key) == shown(shop) == other


FULL = {
    "profile": {"email": "john.doe@example.com", "title": "CTO", "city": "Ulm"},
    "eventInfo": {"groups": {"groupNames": ["A"]}},
}


@pytest.mark.parametrize("whose", ["event", "source"])
def test_a6_null_is_the_sources_setting(event: TestedEvent, whose: str) -> None:
    """The setting `null` is a source's, with the event's as default; it counts from the next push on."""
    event.push_ok(FULL)
    body = {"profile": {"email": "john.doe@example.com", "title": None}}
    assert event.push_ok(body)["result"] == "unchanged"
    set_of(event, whose, {"null": "clear"})
    assert event.push_ok(body)["changes"] == [{"path": "profile.title", "old": "CTO", "new": None}]
    set_of(event, whose, {"null": "keep"})
    assert event.push_ok({"profile": {"email": "john.doe@example.com", "city": None}})["result"] == "unchanged"


@pytest.mark.parametrize("whose", ["event", "source"])
def test_a6_blank_is_the_sources_setting(event: TestedEvent, whose: str) -> None:
    """The setting `blank` is a source's, with the event's as default; it counts from the next push on."""
    event.push_ok(FULL)
    set_of(event, whose, {"blank": "keep"})
    assert event.push_ok({"profile": {"email": "john.doe@example.com", "title": ""}})["result"] == "unchanged"
    set_of(event, whose, {"blank": "clear"})
    receipt = event.push_ok({"profile": {"email": "john.doe@example.com", "title": ""}})
    assert receipt["changes"] == [{"path": "profile.title", "old": "CTO", "new": None}]


@pytest.mark.parametrize("whose", ["event", "source"])
def test_a6_groups_is_the_sources_setting(event: TestedEvent, whose: str) -> None:
    """The setting `groups` is a source's, with the event's as default; it counts from the next push on."""
    event.push_ok(FULL)
    set_of(event, whose, {"groups": "add"})
    event.push_ok(in_groups("B"))
    assert event.attendee("john.doe@example.com")["groups"] == ["A", "B"]
    set_of(event, whose, {"groups": "source"})
    event.push_ok(in_groups("C"))
    assert event.attendee("john.doe@example.com")["groups"] == ["C"]
    event.push_ok(in_groups("D"), key=event.make_source("shop"))
    assert event.attendee("john.doe@example.com")["groups"] == ["C", "D"]
    set_of(event, whose, {"groups": "replace"})
    event.push_ok(in_groups("C", "E"))
    assert event.attendee("john.doe@example.com")["groups"] == ["C", "E"]


@pytest.mark.parametrize("whose", ["event", "source"])
@pytest.mark.parametrize("sign", [",", ";"])
def test_a6_lists_is_the_sources_setting(event: TestedEvent, whose: str, sign: str) -> None:
    """The setting `lists` is a source's, with the event's as default; it counts from the next push on."""
    event.push_ok(in_groups("A,B;C"))
    assert event.attendee("john.doe@example.com")["groups"] == ["A,B;C"]
    set_of(event, whose, {"lists": sign})
    event.push_ok(in_groups("A,B;C"))
    assert event.attendee("john.doe@example.com")["groups"] == sorted("A,B;C".split(sign))


@pytest.mark.parametrize("whose", ["event", "source"])
def test_a6_status_codes_is_the_sources_setting(event: TestedEvent, whose: str) -> None:
    """The setting `status_codes` is a source's, with the event's as default; it counts from the next push on."""
    shop = event.make_source("shop")
    assert event.push({}).status_code == 500
    set_of(event, whose, {"status_codes": "precise"})
    assert event.push({}).status_code == 422
    assert event.push({}, key=shop).status_code == (422 if whose == "event" else 500)
    set_of(event, whose, {"status_codes": "seed"})
    assert event.push({}).status_code == 500


def set_of(event: TestedEvent, whose: str, settings: dict[str, str]) -> None:
    if whose == "event":
        events.set_up(event.database, event.id, settings)
    else:
        sources.set_up(event.database, event.id, "main", settings)


def in_groups(*names: str) -> dict[str, object]:
    return {**JOHN, "eventInfo": {"groups": {"groupNames": list(names)}}}


@pytest.mark.parametrize("how", ["new", "rotated", "rotated with overlap"])
def test_a6_new_and_rotated_keys_keep_what_the_source_said(event: TestedEvent, how: str) -> None:
    """New and rotated keys of a source keep what it has said."""
    event.push_ok(FULL)
    first = event.get("/key").json()
    if how == "new":
        issued = keys.create(event.database, event.id, source="main")
    else:
        issued = keys.rotate(event.database, first["key"]["id"], 0 if how == "rotated" else HOUR_US)
    second = event.get("/key", key=issued.text).json()
    assert second["source"] == first["source"]
    assert second["key"]["id"] == issued.key.id != first["key"]["id"]
    assert event.push_ok(FULL, key=issued.text)["result"] == "unchanged"
    receipt = event.push_ok(in_groups("B"), key=issued.text)
    assert receipt["changes"] == [{"path": "eventInfo.groups.groupNames", "old": ["A"], "new": ["B"]}]
    receipt = event.push_ok({"profile": {"email": "john.doe@example.com", "title": "CEO"}}, key=issued.text)
    assert receipt["changes"] == [{"path": "profile.title", "old": "CTO", "new": "CEO"}]
    # Of its own pushes too: they are the source's.
    assert len(event.get("/pushes", key=issued.text).json()["pushes"]) == 3


def test_a6_a_new_source_has_said_nothing_yet(event: TestedEvent) -> None:
    """A source is who says it: another one of the same event has a say of its own."""
    event.push_ok(FULL)
    shop = event.make_source("The shop")
    assert event.get("/key", key=shop).json()["source"]["name"] == "The shop"
    event.push_ok(in_groups("B"), key=shop)
    assert event.attendee("john.doe@example.com")["groups"] == ["A", "B"]
    event.push_ok(in_groups("C"), key=shop)
    assert event.attendee("john.doe@example.com")["groups"] == ["A", "C"]
    assert len(event.get("/pushes", key=shop).json()["pushes"]) == 2
    assert len(event.get("/pushes").json()["pushes"]) == 1


def test_a6_a_rotated_key_is_good_for_the_overlap(event: TestedEvent) -> None:
    """Rotated keys keep what the source said; the old one goes on for the overlap, and not at all without one."""
    issued = keys.rotate(event.database, key_id(event), HOUR_US)
    event.push_ok(JOHN)
    assert event.push_ok(JOHN, key=issued.text)["result"] == "unchanged"
    ends = event.get("/key").json()["key"]["expiresAt"]
    assert abs(as_seconds(ends) - time.time() - 3_600) < 60
    assert event.get("/key", key=issued.text).json()["key"]["expiresAt"] is None
    latest = keys.rotate(event.database, issued.key.id, 0)
    assert event.push(JOHN, key=issued.text).status_code == 401
    assert event.push_ok(JOHN, key=latest.text)["result"] == "unchanged"


def test_a6_a_rotation_does_not_prolong_a_key(event: TestedEvent) -> None:
    """A key that was given for a time ends with it, old and new."""
    issued = keys.create(event.database, event.id, expires_in_us=HOUR_US)
    rotated = keys.rotate(event.database, issued.key.id, 24 * HOUR_US)
    for key in (issued.text, rotated.text):
        ends = event.get("/key", key=key).json()["key"]["expiresAt"]
        assert abs(as_seconds(ends) - time.time() - 3_600) < 60
