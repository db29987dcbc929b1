"""Events, sources, hand-outs, names, users and the audit log over /api/."""

import re
from pathlib import Path

from tests.api.caller import Caller, make_caller
from tests.product import Product, TestedEvent
from turnout.access import sessions
from turnout.console.audit.words import DEEDS
from turnout.events.setup import get_configuration

API = Path(__file__).parents[2] / "turnout/api"
DONE_TO = "account|attendees?|event|field|group|handout|key|push(?:es)?|source|token|user|webhook"


def list_actions(caller: Caller, event: TestedEvent) -> list[str]:
    """What the audit log says was done at an event, the first first; without what was refused."""
    lines = caller.ask("GET", f"events/{event.slug}/audit")["items"]
    return [line["action"] for line in reversed(lines) if line["outcome"] == "done"]


def test_what_is_done_is_called_as_in_the_console() -> None:
    """So that the audit log has words for it."""
    named = {action for path in API.glob("*.py") for action in re.findall(rf'"((?:{DONE_TO})\.\w+)"', path.read_text())}
    assert len(named) > 25
    assert named <= set(DEEDS)


def test_settings_are_shown_and_changed_and_what_erases_has_to_be_confirmed(product: Product) -> None:
    event = product.make_event()
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}"
    caller.ask("PATCH", way, {"settings": {"name": "Autumn"}})
    assert caller.ask("GET", way)["settings"]["name"] == "Autumn"
    assert caller.fail("PATCH", way, {"settings": {"colour": "red"}})[:2] == (400, "invalid_request")

    over = {"settings": {"ends_at": "2020-01-01", "purge_after": "1d"}}
    status, code, detail = caller.fail("PATCH", way, over)
    assert (status, code) == (409, "conflict")
    assert "erased" in detail
    assert "confirm" in detail
    assert caller.ask("GET", way)["settings"]["purge_after"] is None
    fewer = {"settings": {"keep_bodies": "3d"}}
    assert "older than 3 days" in caller.fail("PATCH", way, fewer)[2]
    assert caller.ask("PATCH", way, fewer | {"confirm": True})["settings"]["keep_bodies"] == "3d"
    assert list_actions(caller, event) == ["event.set", "event.set"]


def test_an_event_is_made_like_another_one_that_the_caller_manages(product: Product) -> None:
    event, other = product.make_event(), product.make_event()
    event.make_source("Shop")
    caller = make_caller(product)
    made = caller.ask("POST", "events", {"name": "Next", "slug": f"{event.slug}-next", "like": event.slug})
    product.events.append(TestedEvent(product, made["event"]["id"], made["event"]["slug"], made["key"]))
    sources = caller.ask("GET", f"events/{event.slug}-next/sources")["items"]
    assert [one["name"] for one in sources] == ["main", "Shop"]
    assert caller.fail("POST", "events", {"name": "Next", "slug": other.slug})[:2] == (409, "conflict")
    assert caller.fail("POST", "events", {"name": "Next", "like": "nothing"})[0] == 404
    slugs = [one["slug"] for one in make_caller(product, "viewer", other).ask("GET", "events")["items"]]
    assert slugs == [other.slug]


def test_a_source_rehearses_goes_live_and_is_retired(product: Product) -> None:
    event = product.make_event()
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/sources"
    made = caller.ask("POST", way, {"name": "Shop"})
    one = f"{way}/{made['source']['number']}"
    assert caller.ask("PATCH", one, {"settings": {"mode": "rehearsal"}})["rehearses"] is True
    receipt = event.push_ok({"profile": {"email": "ada@example.org"}}, key=made["key"])
    assert receipt["dryRun"] is True
    live = caller.ask("POST", f"{one}/go-live")
    assert live["waiting"] == 1
    replayed = caller.ask("POST", f"events/{event.slug}/pushes/{receipt['id']}/replay", {})
    assert replayed["result"] == "created"
    assert caller.ask("POST", f"{one}/retire")["isDone"] is True
    assert event.push({"profile": {"email": "ada@example.org"}}, key=made["key"]).status_code == 401
    assert caller.fail("PATCH", one, {"settings": {"mode": "live"}})[0] == 409
    assert caller.fail("GET", f"{way}/0")[0] == 404
    assert list_actions(caller, event) == [
        "key.create",
        "source.set",
        "source.go_live",
        "push.replay",
        "source.retire",
    ]


def test_a_read_key_sees_what_it_is_limited_to(product: Product) -> None:
    event = product.make_event()
    profile = {"email": "ada@example.org", "firstName": "Ada", "title": "CTO"}
    event.push_ok({"profile": profile, "eventInfo": {"groups": {"groupNames": ["Crew"]}}})
    event.push_ok({"profile": {"email": "bob@example.org"}})
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/keys"
    limits = {"groups": ["Crew"], "fields": ["firstName"]}
    issued = caller.ask("POST", way, {"scope": "read", "label": "App", **limits})
    assert {name: issued["key"][name] for name in limits} == limits
    [seen] = event.get("/attendees", key=issued["text"]).json()["attendees"]
    assert (seen["email"], seen["profile"]) == (None, {"firstName": "Ada"})
    assert caller.fail("POST", way, {"scope": "read", "label": "App", "groups": []})[0] == 400
    assert caller.fail("POST", way, {"scope": "read", "label": "App", "groups": ["Nobody"]})[0] == 400
    assert caller.fail("POST", way, {"source": 1, "groups": ["Crew"]})[0] == 400


def test_a_hand_out_is_made_opened_and_revoked(product: Product) -> None:
    event = product.make_event()
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/hand-outs"
    made = caller.ask("POST", way, {"source": "Agency", "tool": "curl", "label": "Eve"})
    page = made["link"].partition("/console/")[2]
    assert product.client.get(f"{product.server.url}/console/{page}").status_code == 200
    caller.ask("POST", f"{way}/{made['handout']['id']}/revoke")
    assert product.client.get(f"{product.server.url}/console/{page}").status_code == 404
    [shown] = caller.ask("GET", way)["items"]
    assert shown["state"] == "revoked"
    assert shown["openedAt"]
    assert caller.fail("POST", way, {"source": "Agency", "tool": "abacus"})[0] == 404
    assert list_actions(caller, event) == ["handout.create", "handout.revoke"]


def test_groups_and_fields_are_renamed(product: Product) -> None:
    event = product.make_event()
    body = {
        "profile": {"email": "ada@example.org", "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}]},
        "eventInfo": {"groups": {"groupNames": ["Crew"]}},
    }
    event.push_ok(body)
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}"
    [group] = caller.ask("GET", f"{way}/groups")["items"]
    [field] = caller.ask("GET", f"{way}/custom-fields")["items"]
    assert (group["name"], group["attendees"], field["name"]) == ("Crew", 1, "Shoe size")
    changed = caller.ask("PATCH", f"{way}/groups/{group['number']}", {"name": "Staff", "staffOnly": True})
    assert (changed["name"], changed["staffOnly"]) == ("Staff", True)
    caller.ask("PATCH", f"{way}/custom-fields/{field['number']}", {"name": "Size"})
    known = get_configuration(product.server.database, event.slug)
    assert [one.staff_only for one in known.groups.by_number.values()] == [True]
    assert event.attendee("ada@example.org")["customFields"] == {"Size": "43"}
    assert list_actions(caller, event) == ["group.rename", "group.set", "field.rename"]


def test_users_are_invited_given_events_and_shut_out(product: Product) -> None:
    event = product.make_event()
    caller = make_caller(product)
    address = f"{event.slug}@example.org"
    wish = {"email": address, "role": "viewer", "events": [event.slug], "seesPersonal": False}
    made = caller.ask("POST", "invitations", wish)
    assert "/console/" in made["link"]
    assert made["invitation"]["id"] in {one["id"] for one in caller.ask("GET", "invitations")["items"]}
    caller.ask("DELETE", f"invitations/{made['invitation']['id']}")
    assert caller.fail("DELETE", f"invitations/{made['invitation']['id']}")[0] == 404
    assert caller.fail("POST", "invitations", wish | {"role": "king"})[0] == 400
    assert caller.fail("POST", "invitations", wish | {"events": ["nothing"]})[0] == 400

    other = make_caller(product, "viewer")
    assert other.user is not None
    way = f"users/{other.user.id}"
    changed = caller.ask("PATCH", way, {"role": "manager", "events": [event.slug]})
    assert (changed["role"], changed["events"]) == ("manager", [event.slug])
    assert other.ask("GET", f"events/{event.slug}/keys")
    sessions.begin(product.server.database, other.user.id, "192.0.2.1", "Test")
    caller.ask("POST", f"{way}/sign-out")
    assert other.ask("GET", "me/sessions")["items"] == []
    caller.ask("POST", f"{way}/disable")
    assert other.fail("GET", "me")[0] == 401
    caller.ask("POST", f"{way}/enable")
    assert caller.ask("POST", f"{way}/password-link")["link"]
    assert caller.user is not None
    assert caller.fail("POST", f"users/{caller.user.id}/disable")[0] == 409
    done = caller.ask("GET", "audit", user=caller.user.id, event="", limit=4)
    assert [line["action"] for line in done["items"]] == ["user.link", "user.enable", "user.disable", "user.sign_out"]
    older = caller.ask("GET", "audit", user=caller.user.id, event="", before=done["next"])
    assert older["items"][0]["action"] == "user.role"
