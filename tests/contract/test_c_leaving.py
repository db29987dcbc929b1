"""C9. Somebody is not coming: `DELETE {gateway}/attendees/{e-mail}`, who still expects whom, and coming back."""

import json
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.product import Product, TestedEvent
from turnout.events import event as event_room
from turnout.events import keys
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand import hand_in as handing_in
from turnout.feed.by_hand.replay import get_original, replay
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.model.source import PEOPLE
from turnout.now import new_id

JOHN = "john.doe@example.com"
WITHDRAWN = [{"path": "status", "old": "attending", "new": "withdrawn"}]
RETURNED = [{"path": "status", "old": "withdrawn", "new": "attending"}]


def profile(**fields: Any) -> dict[str, Any]:
    return {"profile": {"email": JOHN} | fields}


def delete(
    event: TestedEvent, address: str = JOHN, query: str = "", *, key: str | None = "", **headers: str
) -> httpx2.Response:
    """DELETEs as it is written; the key goes into the header, None sends none."""
    sent = {} if key is None else {"Api-Key": key or event.key}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return event.product.client.delete(f"{event.gateway}/attendees/{address}{query}", headers=sent)


def delete_ok(event: TestedEvent, *arguments: str, **options: Any) -> dict[str, Any]:
    response = delete(event, *arguments, **options)
    assert response.status_code == 200, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


def test_c9_delete_says_that_this_source_does_not_expect_the_person(event: TestedEvent) -> None:
    """`DELETE {gateway}/attendees/{e-mail}`: the receipt says `updated`, with the path `status` when it moves."""
    created = event.push_ok(profile(title="CTO") | {"eventInfo": {"groups": {"groupNames": ["VIP"]}}})
    receipt = delete_ok(event)
    assert (receipt["result"], receipt["sequence"], receipt["changes"]) == ("updated", 2, WITHDRAWN)
    assert receipt["attendee"] == created["attendee"]
    shown = event.attendee(JOHN)
    assert (shown["status"], shown["profile"]["title"], shown["groups"]) == ("withdrawn", "CTO", ["VIP"])
    again = delete_ok(event)
    assert (again["result"], again["attendee"], again["changes"]) == ("unchanged", created["attendee"], [])
    assert [line.kind for line in event.changes()] == ["created", "withdrawn"]


@pytest.mark.parametrize(
    "written", ["john.doe%40example.com", "john.doe@example.com/", "JOHN.DOE@EXAMPLE.COM", "%20john.doe%40example.com"]
)
def test_c9_the_address_is_decoded_and_compared_as_any(event: TestedEvent, written: str) -> None:
    """Trimmed and compared without case (C1); a trailing slash is as good (A1)."""
    event.push_ok(profile())
    assert delete_ok(event, written)["changes"][-1] == WITHDRAWN[0]


@pytest.mark.parametrize(
    "address", ["john+tag@example.com", "jörg@bücher.example", "a/b@example.com", "50%off@example.com"]
)
def test_c9_odd_addresses_can_be_said(event: TestedEvent, address: str) -> None:
    """`DELETE {gateway}/attendees/{e-mail}`, percent-encoded."""
    event.push_ok({"profile": {"email": address}})
    receipt = delete_ok(event, quote(address, safe=""))
    assert (receipt["changes"], receipt["attendee"]["email"]) == (WITHDRAWN, address)


def test_c9_at_a_host_of_its_own_it_is_the_same(product: Product) -> None:
    """An event may also be given a host name of its own (A1)."""
    host = f"feed-{new_id('h')[-12:]}.example.org"
    event = product.make_event(host=host)
    event.push_ok(profile())
    response = product.client.delete(
        f"{product.server.url}/attendees/{quote(JOHN)}", headers={"Host": host, "Api-Key": event.key}
    )
    assert (response.status_code, response.json()["changes"]) == (200, WITHDRAWN)


def test_c9_of_an_unknown_address_delete_is_unchanged(event: TestedEvent) -> None:
    """Saying it of an unknown address (`attendee` is null) is `unchanged`."""
    receipt = delete_ok(event, "nobody@example.com")
    assert (receipt["result"], receipt["attendee"], receipt["sequence"]) == ("unchanged", None, None)
    assert event.changes() == []


@pytest.mark.parametrize(
    ("written", "code", "precise"),
    [("john.doe", "invalid_push", 422), ("key", "invalid_push", 422), ("%FF@example.com", "invalid_request", 400)],
)
def test_c9_what_is_no_address_is_an_error(event: TestedEvent, written: str, code: str, precise: int) -> None:
    """Any other error is a 500 (D3), or precise (D4): this and D3 hold for push, batch and delete."""
    response = delete(event, written)
    assert (response.status_code, response.json()["code"]) == (500, code)
    assert event.get(f"/pushes/{response.json()['id']}").json()["result"] == "failed"
    event_room.set_up(event.database, event.id, {"status_codes": "precise"})
    assert delete(event, written).status_code == precise


def test_c9_delete_is_authenticated_like_a_push(event: TestedEvent) -> None:
    """A read key at push, batch or delete gets the same 401 (A3), whatever else is wrong (A4); Bearer will do (A2)."""
    event.push_ok(profile())
    read_key = keys.create(event.database, event.id, scope="read").text
    other = event.product.make_event()
    answers = [
        delete(event, key=None),
        delete(event, key="mistyped"),
        delete(event, key=read_key),
        delete(event, key=other.key),
        delete(event, "no address", "?dryRun=perhaps", key=None),
        event.product.client.request(
            "DELETE", f"{event.gateway}/attendees/{JOHN}", content=json.dumps({"key": event.key})
        ),
    ]
    assert [response.status_code for response in answers] == [401] * 6
    assert len({response.text for response in answers}) == 1
    assert event.attendee(JOHN)["status"] == "attending"
    assert delete(event, key=None, Authorization=f"Bearer {event.key}").json()["changes"] == WITHDRAWN


def test_c9_a_revoked_key_deletes_nobody(event: TestedEvent) -> None:
    """A revocation holds from that instant (A3)."""
    event.push_ok(profile())
    shop = keys.create(event.database, event.id, label="Shop")
    assert delete(event, key=shop.text).status_code == 200
    keys.revoke(event.database, shop.key.id)
    assert delete(event, key=shop.text).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_c9_that_address_is_for_delete(event: TestedEvent, method: str) -> None:
    """And for reading (A3); other methods are told so."""
    response = event.product.client.request(method, f"{event.gateway}/attendees/{JOHN}")
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD")
    assert delete(event, "batch").status_code == 405


def test_c9_a_dry_delete_changes_nothing(event: TestedEvent) -> None:
    """`?dryRun=true`: same checks, same receipt, nothing changed (D5)."""
    event.push_ok(profile())
    receipt = delete_ok(event, JOHN, "?dryRun=true")
    assert (receipt["dryRun"], receipt["changes"], receipt["sequence"]) == (True, WITHDRAWN, None)
    assert event.attendee(JOHN)["status"] == "attending"
    assert event.get(f"/pushes/{receipt['id']}").json()["body"] is None
    assert delete(event, JOHN, "?dryRun=perhaps").json()["code"] == "invalid_request"


def test_c9_an_idempotency_key_holds_for_delete(event: TestedEvent) -> None:
    """The same key with the same body answers with the stored receipt (D6); of another address it is an error."""
    event.push_ok(profile())
    first = delete_ok(event, Idempotency_Key="k-1")
    event.push_ok(profile())
    assert delete_ok(event, Idempotency_Key="k-1") == first
    assert event.attendee(JOHN)["status"] == "attending"
    other = delete(event, "else@example.com", Idempotency_Key="k-1")
    assert (other.status_code, other.json()["code"]) == (500, "idempotency_key_reused")
    assert delete(event, Idempotency_Key="k" * 256).json()["code"] == "invalid_request"


def test_c9_prefer_minimal_holds_for_delete(event: TestedEvent) -> None:
    """`Prefer: return=minimal` leaves the changes out (D1)."""
    event.push_ok(profile())
    assert "changes" not in delete_ok(event, Prefer="return=minimal")


def test_c9_a_delete_is_in_the_push_log_with_a_body_and_can_be_replayed(event: TestedEvent) -> None:
    """A push like any other: stored, and replayed (A6)."""
    event.push_ok(profile())
    receipt = delete_ok(event)
    stored = event.get(f"/pushes/{receipt['id']}").json()
    assert (stored["result"], stored["email"], stored["changes"]) == ("updated", JOHN, WITHDRAWN)
    assert json.loads(stored["body"]) == {"profile": {"email": JOHN}, "eventInfo": {"attending": False}}
    configurations = Configurations(event.database)
    (outcome,) = replay(
        event.database, configurations, event.slug, [get_original(event.database, receipt["id"])], actor="test"
    )
    assert (outcome.result, outcome.attendee and outcome.attendee.email) == ("unchanged", JOHN)


def test_c9_by_id_delete_says_which_of_several_people(product: Product) -> None:
    """A push without id is an error that lists the ids where several people have the address (C6)."""
    event = product.make_event(identity="third_party_id")
    john, jane = (event.push_ok(profile(thirdPartyId=one)) for one in ("1", "2&3"))
    refused = delete(event).json()
    assert [error["code"] for error in refused["errors"]] == ["ambiguous_email"]
    assert "Your ids of them: 1, 2&3." in refused["detail"]
    assert "?thirdPartyId=" in refused["errors"][0]["help"]
    assert "ambiguous_email" in delete(event, JOHN, "?thirdPartyId=").text
    receipt = delete_ok(event, JOHN, "?thirdPartyId=2%263")
    assert (receipt["attendee"], receipt["changes"]) == (jane["attendee"], WITHDRAWN)
    assert delete_ok(event, JOHN, "?thirdPartyId=9")["attendee"] is None
    assert delete_ok(event, JOHN, "?third_party_id=1")["attendee"] == john["attendee"]


# Who expects whom


def test_c9_delete_leaves_the_status_while_another_source_expects_the_person(event: TestedEvent) -> None:
    """No change when another source still expects the person."""
    shop = event.make_source("Shop")
    event.push_ok(profile())
    event.push_ok(profile(), key=shop)
    receipt = delete_ok(event)
    assert (receipt["result"], receipt["changes"]) == ("updated", [])
    assert event.attendee(JOHN)["status"] == "attending"
    assert delete_ok(event)["result"] == "unchanged"
    assert delete_ok(event, key=shop)["changes"] == WITHDRAWN
    assert event.push_ok(profile(), key=shop)["changes"] == RETURNED
    assert event.push_ok(profile())["changes"] == []
    assert delete_ok(event, key=shop)["changes"] == []
    assert event.attendee(JOHN)["status"] == "attending"


def test_c9_keys_of_one_source_speak_for_one_another(event: TestedEvent) -> None:
    """New and rotated keys of a source keep what it has said (A6)."""
    event.push_ok(profile())
    second = keys.create(event.database, event.id, source="main").text
    assert delete_ok(event, key=second)["changes"] == WITHDRAWN
    assert event.push_ok(profile())["changes"] == RETURNED


def test_c9_an_older_delete_does_not_take_back_a_newer_expectation(event: TestedEvent) -> None:
    """What a source says of `attending` counts as a field (D7)."""
    event.push_ok(profile() | {"observedAt": "2025-03-02T08:00:00Z"})
    late = profile() | {"observedAt": "2025-03-01T08:00:00Z", "eventInfo": {"attending": False}}
    receipt = event.push_ok(late)
    assert (receipt["result"], receipt["warnings"][0]["code"]) == ("unchanged", "older_than_current")
    assert receipt["warnings"][0]["path"] == "eventInfo.attending"
    assert event.attendee(JOHN)["status"] == "attending"


def edit(event: TestedEvent, body: dict[str, Any]) -> Any:
    """A push of a person in the console."""
    configurations = Configurations(event.database)
    with on_stage(event.database, configurations, event.id, "test"):
        pass
    opened = decode(json.dumps(body).encode(), None)
    (outcome,) = handing_in.hand_in(
        event.database,
        configurations,
        event.slug,
        lambda its: [read_item(new_id("psh"), opened, handing_in.as_sender(its, PEOPLE, "cli:ann"))],
    )
    return outcome


def test_c9_an_edit_in_the_console_expects_nobody(event: TestedEvent) -> None:
    """An edit in the console expects nobody."""
    event.push_ok(profile())
    assert edit(event, profile(title="CTO")).result == "updated"
    assert delete_ok(event)["changes"] == WITHDRAWN
    assert edit(event, profile(title="CEO")).result == "updated"
    assert event.attendee(JOHN)["status"] == "withdrawn"
    assert event.push_ok(profile())["changes"] == RETURNED


def test_c9_adding_a_person_in_the_console_expects_them(event: TestedEvent) -> None:
    """Adding a person there does; and so does saying it."""
    assert edit(event, profile()).result == "created"
    assert event.attendee(JOHN)["status"] == "attending"
    event.push_ok(profile())
    assert delete_ok(event)["changes"] == []
    edit(event, profile() | {"eventInfo": {"attending": False}})
    assert event.attendee(JOHN)["status"] == "withdrawn"
    edit(event, profile() | {"eventInfo": {"attending": True}})
    assert event.attendee(JOHN)["status"] == "attending"
