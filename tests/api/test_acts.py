"""What people decide about one attendee over /api/; and what has to be confirmed."""

from tests.api.caller import make_caller
from tests.product import Product, TestedEvent


def fill(product: Product) -> TestedEvent:
    event = product.make_event()
    groups = {"groups": {"groupNames": ["Crew"]}}
    profile = {"email": "ada@example.org", "firstName": "Ada", "title": "CTO"}
    event.push_ok({"profile": profile, "eventInfo": groups})
    event.push_ok({"profile": {"email": "a.lovelace@example.org", "company": "Engines"}})
    return event


def test_a_field_is_pinned_a_group_held_somebody_removed_and_renamed(product: Product) -> None:
    event = fill(product)
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/attendees"
    pinned = caller.ask("POST", f"{way}/ada@example.org/pin", {"field": "profile.title"})
    one = f"{way}/{pinned['attendee']['id']}"
    assert (pinned["attendee"]["pinned"], len(pinned["sequences"])) == (["profile.title"], 1)
    assert caller.ask("POST", f"{one}/pin", {"field": "profile.title"})["sequences"] == []
    event.push_ok({"profile": {"email": "ada@example.org", "title": "CEO"}})
    assert event.attendee("ada@example.org")["profile"]["title"] == "CTO"
    assert caller.ask("POST", f"{one}/unpin", {"field": "profile.title"})["attendee"]["pinned"] == []
    held = caller.ask("POST", f"{one}/hold", {"group": "Speakers", "isIn": "in"})
    assert held["attendee"]["groups"] == ["Crew", "Speakers"]
    assert caller.ask("POST", f"{one}/hold", {"group": "Speakers", "isIn": "released"})["attendee"]["groups"] == [
        "Crew"
    ]
    assert caller.ask("POST", f"{one}/remove")["attendee"]["status"] == "withdrawn"
    assert caller.ask("POST", f"{one}/bring-back")["attendee"]["status"] == "attending"
    renamed = caller.ask("POST", f"{one}/rename", {"email": "ada.king@example.org"})["attendee"]
    assert (renamed["email"], renamed["aliases"]) == ("ada.king@example.org", ["ada@example.org"])
    assert caller.fail("POST", f"{one}/rename", {"email": "a.lovelace@example.org"})[0] == 409
    assert caller.fail("POST", f"{one}/pin", {"field": "profile.colour"})[0] == 404
    assert caller.fail("POST", f"{one}/hold", {"group": "Crew", "isIn": "perhaps"})[0] == 400
    lines = caller.ask("GET", f"events/{event.slug}/audit", limit=500)["items"]
    done = {(line["action"], line["target"]) for line in lines if line["outcome"] == "done"}
    assert done == {
        (f"attendee.{name}", pinned["attendee"]["id"])
        for name in ("pin", "unpin", "hold", "remove", "bring_back", "rename")
    }
    assert "example.org" not in str([(line["before"], line["after"]) for line in lines])
    assert caller.user is not None
    assert event.changes()[-1].actor == caller.user.email


def test_two_are_merged_and_one_is_erased_only_where_that_is_confirmed(product: Product) -> None:
    event = fill(product)
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/attendees"
    into = {"into": "ada@example.org"}
    status, code, detail = caller.fail("POST", f"{way}/a.lovelace@example.org/merge", into)
    assert (status, code) == (409, "conflict")
    assert "confirm" in detail
    merged = caller.ask("POST", f"{way}/a.lovelace@example.org/merge", into | {"confirm": True})["attendee"]
    assert (merged["email"], merged["profile"]["company"]) == ("ada@example.org", "Engines")
    assert "2 attendees" in caller.fail("POST", f"{way}/{merged['id']}/erase", {})[2]
    erased = caller.ask("POST", f"{way}/{merged['id']}/erase", {"confirm": True})
    assert (erased["attendees"], erased["suppressed"]) == (2, [1])
    assert caller.fail("GET", f"{way}/{merged['id']}")[0] == 404
    assert event.push_ok({"profile": {"email": "ada@example.org"}})["result"] == "suppressed"
    suppressed = caller.ask("GET", f"events/{event.slug}/suppressed")["items"]
    assert [one["sources"] for one in suppressed] == [[1], [1]]
    lift = f"events/{event.slug}/suppressed/lift"
    assert caller.ask("POST", lift, {"email": "ada@example.org"}) == {"sources": [1]}
    assert caller.fail("POST", lift, {"email": "ada@example.org"})[0] == 404
    assert event.push_ok({"profile": {"email": "ada@example.org"}})["result"] == "created"
    assert "example.org" not in str(
        [(line["before"], line["after"]) for line in caller.ask("GET", f"events/{event.slug}/audit")["items"]]
    )
