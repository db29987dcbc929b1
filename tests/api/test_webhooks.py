"""Webhooks over /api/: made, tried, stopped, given another secret, deleted."""

import time
from typing import Any

from tests.api.caller import Caller, make_caller
from tests.patience import PATIENCE_S
from tests.product import Product
from tests.receivers import Receiver


def wait_until_finished(caller: Caller, way: str) -> dict[str, Any]:
    """The only delivery that there is, when its answer is written down."""
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        [delivery] = caller.ask("GET", way)["items"]
        if delivery["finishedAt"] is not None:
            return delivery
        assert time.monotonic() < ends_at, delivery
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
        sent = wait_until_finished(manager, f"{one}/deliveries")
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
