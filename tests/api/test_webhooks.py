"""Webhooks over /api/: made, tried, stopped, given another secret, deleted."""

import time
from typing import Any

from tests.api.caller import Caller, make_caller
from tests.patience import PATIENCE_S
from tests.product import Product
from tests.receivers import Receiver, say


def wait_until_answered(caller: Caller, way: str) -> dict[str, Any]:
    """The only delivery that there is, when its answer is written down."""
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        deliveries = caller.ask("GET", way)["items"]
        if deliveries and deliveries[0]["attempts"]:
            [delivery] = deliveries
            return delivery
        assert time.monotonic() < ends_at, deliveries
        time.sleep(0.02)


def test_a_webhook_is_made_tried_paused_given_a_secret_and_deleted(product: Product) -> None:
    event = product.make_event()
    manager, admin, way = make_caller(product, "manager", event), make_caller(product), f"events/{event.slug}/webhooks"
    with Receiver() as receiver:
        wish = {"url": receiver.url, "kinds": ["created"], "allowPrivate": True}
        # Into the network that the server is in: whoever runs it has to know.
        assert manager.fail("POST", way, wish)[:2] == (403, "not_allowed")
        made = admin.ask("POST", way, wish)
        one = f"{way}/{made['webhook']['id']}"
        assert manager.ask("POST", f"{one}/test")["status"] == 204
        [request] = receiver.wait_for(1)
        assert request.is_signed(made["secret"])
        assert manager.ask("POST", f"{one}/pause")["state"] == "paused"
        renewed = manager.ask("POST", f"{one}/rotate", {"overlapHours": 0})
        assert manager.ask("POST", f"{one}/resume")["state"] == "active"
        event.push_ok({"profile": {"email": "ada@example.org"}})
        delivered = receiver.wait_for(2)[-1]
        assert delivered.is_signed(renewed["secret"])
        assert not delivered.is_signed(made["secret"])
        sent = wait_until_answered(manager, f"{one}/deliveries")
        manager.ask("POST", f"{one}/deliveries/{sent['id']}/resend")
        assert receiver.wait_for(3)[-1].id == delivered.id == sent["id"]
    viewer = make_caller(product, "viewer", event)
    assert viewer.ask("GET", one)["url"] == "http://127.0.0.1/…"
    [delivery] = viewer.ask("GET", f"{one}/deliveries")["items"]
    assert delivery["topic"] == "attendee.created"
    assert "ada@" not in str(delivery)
    elsewhere = f"events/{product.make_event().slug}/webhooks/{made['webhook']['id']}"
    assert admin.fail("GET", elsewhere)[0] == 404
    manager.ask("DELETE", one)
    assert manager.fail("GET", one)[0] == 404
    lines = manager.ask("GET", f"events/{event.slug}/audit")["items"]
    assert {line["after"]["url"] for line in lines if "url" in (line["after"] or {})} == {"http://127.0.0.1/…"}
    actions = [line["action"] for line in lines]
    assert actions == [
        f"webhook.{name}" for name in ("delete", "resend", "resume", "rotate", "pause", "test", "create")
    ]


def test_limits_are_told_by_the_names_of_today(product: Product) -> None:
    event = product.make_event()
    admin, way = make_caller(product), f"events/{event.slug}/webhooks"
    shown = [{"fieldName": name, "fieldValue": "x"} for name in ("Diet", "email")]
    profile = {"email": "ann@example.org", "customFields": shown}
    event.push_ok({"profile": profile, "eventInfo": {"groups": {"groupNames": ["VIP", "Crew"]}}})
    wish = {"url": "https://1.1.1.1/turnout", "groups": ["VIP", "Crew"], "fields": ["email", "Diet", "title"]}
    made = admin.ask("POST", way, wish)["webhook"]
    admin.ask("PATCH", f"events/{event.slug}/groups/1", {"name": "Guests of honour"})
    for number, name in ((1, "Food"), (2, "Second address")):
        admin.ask("PATCH", f"events/{event.slug}/custom-fields/{number}", {"name": name})
    for told in (admin.ask("GET", way)["items"][0], admin.ask("GET", f"{way}/{made['id']}")):
        # One of the profile's fields is not the custom field that has the same name.
        assert (told["groups"], told["fields"]) == (["Guests of honour", "Crew"], ["email", "Food", "title"])


def test_what_was_not_sent_any_more_because_somebody_was_erased_can_be_asked_for(product: Product) -> None:
    event = product.make_event()
    admin, way = make_caller(product), f"events/{event.slug}/webhooks"
    with Receiver() as receiver:
        receiver.answer_with(say(503))
        wish = {"url": receiver.url, "kinds": ["created"], "allowPrivate": True}
        deliveries = f"{way}/{admin.ask('POST', way, wish)['webhook']['id']}/deliveries"
        ann = event.push_ok({"profile": {"email": "ann@example.org"}})["attendee"]["id"]
        parked = wait_until_answered(admin, deliveries)
        admin.ask("POST", f"events/{event.slug}/attendees/{ann}/erase", {"confirm": True})
    [erased] = admin.ask("GET", deliveries, state="erased")["items"]
    assert (erased["id"], erased["state"]) == (parked["id"], "erased")
    assert admin.ask("GET", deliveries, state="given_up")["items"] == []
