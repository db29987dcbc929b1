"""Pushes and attendees over /api/, also for who may not see whose data it is; and requests that cannot be meant."""

from typing import Any

from tests.api.caller import make_caller
from tests.product import Product, TestedEvent
from turnout.api.operation import MAX_BODY_BYTES


def fill(product: Product) -> TestedEvent:
    event = product.make_event()
    for name in ("ada", "bob", "cid"):
        profile = {"email": f"{name}@example.org", "firstName": name.title(), "title": "CTO"}
        event.push_ok({"profile": profile, "eventInfo": {"groups": {"groupNames": ["Crew"]}}})
    event.push_failed({"profile": {"email": "no address"}})
    return event


def list_every(ask: Any, way: str, cursor: str, **query: Any) -> list[Any]:
    """All items, page by page."""
    page = ask("GET", way, **query)
    items = page["items"]
    while page["next"]:
        page = ask("GET", way, **query, **{cursor: page["next"]})
        items += page["items"]
    return items


def test_pushes_are_looked_for_page_by_page(product: Product) -> None:
    event = fill(product)
    caller, way = make_caller(product, "viewer", event), f"events/{event.slug}/pushes"
    found = list_every(caller.ask, way, "before", limit=2)
    assert [one["result"] for one in found] == ["failed", "created", "created", "created"]
    assert [one["id"] for one in list_every(caller.ask, way, "before", email="ada")] == [found[3]["id"]]
    [failed] = caller.ask("GET", way, result="failed")["items"]
    assert failed["problems"][0]["path"] == "profile.email"
    assert "no address" in caller.ask("GET", f"{way}/{failed['id']}")["body"]
    whole = caller.ask("GET", f"{way}/{found[3]['id']}")
    assert {one["path"] for one in whole["changes"]} >= {"profile.firstName", "profile.title"}
    assert caller.fail("GET", way, result="splendid")[0] == 400
    assert caller.fail("GET", way, since="soon")[0] == 400
    other = make_caller(product, "viewer", product.make_event())
    assert other.fail("GET", f"{way}/{failed['id']}")[0] == 404
    elsewhere = f"events/{product.make_event().slug}/pushes/{failed['id']}"
    assert make_caller(product).fail("GET", elsewhere)[0] == 404


def test_a_text_is_tried_and_then_applied(product: Product) -> None:
    event = fill(product)
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/try"
    text = '{"profile": {"email": "ada@example.org", "title": "CEO"}}'
    tried = caller.ask("POST", way, {"text": text, "source": 1})
    assert tried["result"] == "updated"
    assert [(one["path"], one["old"], one["new"]) for one in tried["changes"]] == [("profile.title", "CTO", "CEO")]
    assert event.attendee("ada@example.org")["profile"]["title"] == "CTO"
    wish = {"text": text, "source": 1, "digest": tried["digest"]}
    assert caller.ask("POST", f"{way}/apply", wish)["result"] == "updated"
    assert event.attendee("ada@example.org")["profile"]["title"] == "CEO"
    assert caller.fail("POST", f"{way}/apply", wish | {"digest": "other"})[:2] == (409, "conflict")
    assert caller.fail("POST", way, {"text": text, "source": 99})[0] == 404


def test_a_push_is_replayed_in_a_dry_run_and_then_for_good(product: Product) -> None:
    event = fill(product)
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/pushes"
    first = list_every(caller.ask, way, "before")[-1]["id"]
    dry = caller.ask("POST", f"{way}/{first}/replay", {"dryRun": True})
    done = caller.ask("POST", f"{way}/{first}/replay", {})
    assert (dry["isDryRun"], done["isDryRun"], done["result"]) == (True, False, "unchanged")
    assert done["push"] in caller.ask("GET", f"{way}/{first}")["replays"]


def test_attendees_are_listed_as_at_the_gateway_and_explained(product: Product) -> None:
    event = fill(product)
    caller, way = make_caller(product, "viewer", event), f"events/{event.slug}/attendees"
    found = list_every(caller.ask, way, "cursor", limit=2, group="Crew", sort="email")
    assert [one["email"] for one in found] == ["ada@example.org", "bob@example.org", "cid@example.org"]
    assert caller.ask("GET", way, q="bo")["items"] == [found[1]]
    explained = caller.ask("GET", f"{way}/ada@example.org")
    assert explained["origins"]["profile"]["title"]["source"] == "main"
    assert [line["sequence"] for line in caller.ask("GET", f"{way}/{found[2]['id']}/history")["history"]] == [3]
    assert caller.fail("GET", way, group="Nobody")[:2] == (400, "invalid_request")
    assert caller.fail("GET", f"{way}/eve@example.org")[0] == 404


def test_who_may_not_see_whose_data_it_is_gets_none_of_it(product: Product) -> None:
    event = fill(product)
    masked, way = make_caller(product, "viewer", event, sees_personal=False), f"events/{event.slug}"
    pushes = masked.ask("GET", f"{way}/pushes")["items"]
    people = masked.ask("GET", f"{way}/attendees")["items"]
    shown = [masked.ask("GET", f"{way}/pushes/{one['id']}") for one in pushes]
    shown += [masked.ask("GET", f"{way}/attendees/{one['id']}") for one in people]
    assert len(shown) == 7
    said = str([pushes, people, shown])
    for secret in ("ada@", "Ada", "bob", "CTO", "no address"):
        assert secret not in said
    assert {one["email"] for one in people} == {"a…@e…", "b…@e…", "c…@e…"}
    for query in ({"q": "ada"}, {"email": "ada@example.org"}, {"sort": "email"}, {"customField.Size": "43"}):
        assert masked.fail("GET", f"{way}/attendees", **query)[:2] == (403, "not_allowed"), query
    assert masked.fail("GET", f"{way}/pushes", email="ada")[0] == 403
    assert masked.fail("GET", f"{way}/attendees/ada@example.org")[0] == 403
    assert masked.fail("GET", f"{way}/attendees/{people[0]['id']}/history")[0] == 403


def test_what_cannot_be_meant_is_refused_with_what_is_wrong(product: Product) -> None:
    event = product.make_event()
    caller, way = make_caller(product), f"events/{event.slug}"
    assert "colour" in caller.fail("GET", way, colour="red")[2]
    assert "unknown field `nmae`" in caller.fail("POST", f"{way}/sources", {"nmae": "Shop"})[2]
    assert "Expected `str`" in caller.fail("POST", f"{way}/sources", {"name": 1})[2]
    assert "U+0000" in caller.fail("POST", f"{way}/sources", {"name": "Sh\0op"})[2]
    assert caller.fail("POST", f"{way}/sources", {"name": "x" * MAX_BODY_BYTES})[:2] == (413, "body_too_large")
    assert caller.fail("POST", f"{way}/sources", {"name": " "})[0] == 400
    bad = caller.call("POST", f"{way}/sources", content=b'{"name": ')
    assert (bad.status_code, bad.json()["code"]) == (400, "malformed_body")
    assert caller.call("PUT", way).status_code == 405
    assert caller.call("GET", "nothing").status_code == 404
    for path in ("events/%00", f"{way}/keys/%00/revoke", f"{way}/pushes/%00", f"{way}/attendees/att_%00"):
        answer = caller.call("POST" if path.endswith("revoke") else "GET", path)
        assert answer.status_code in (400, 404), path
    assert caller.fail("GET", f"{way}/audit", user="\0")[0] == 400
