"""Many pushes once more over /api/: foreseen, begun, looked at, stopped."""

import time
from typing import Any

from tests.api.caller import Caller, make_caller
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.feed.by_hand import replay_many


def wait_for_end(caller: Caller, way: str) -> dict[str, Any]:
    ends_at = time.monotonic() + PATIENCE_S
    while (run := caller.ask("GET", way)["run"])["state"] == "running":
        assert time.monotonic() < ends_at, run
        time.sleep(0.02)
    return dict(run)


def wait_for_line(caller: Caller, event: TestedEvent) -> dict[str, Any]:
    """Of the audit log: it ends a moment after the run."""
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        [line] = caller.ask("GET", f"events/{event.slug}/audit", action="pushes.replay")["items"]
        if line["outcome"] != "begun":
            return dict(line)
        assert time.monotonic() < ends_at, line
        time.sleep(0.02)


def rehearse(product: Product) -> tuple[TestedEvent, str]:
    """Three pushes of a source that rehearsed and is live now, and its key."""
    event = product.make_event()
    key = event.make_source("Shop", mode="rehearsal")
    for name in ("ada", "bob", "cid"):
        event.push_ok({"profile": {"email": f"{name}@example.org", "firstName": name.title()}}, key=key)
    return event, key


def test_those_that_fit_are_foreseen_then_replayed_and_the_audit_log_has_how_it_ended(product: Product) -> None:
    event, _ = rehearse(product)
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/replay"
    caller.ask("PATCH", f"events/{event.slug}/sources/2", {"settings": {"mode": "live"}})
    assert caller.ask("GET", way) == {"run": None}
    which = {"effect": "rehearsed", "source": 2}
    plan = caller.ask("POST", f"{way}/plan", which)
    assert (plan["pushes"], plan["counts"]["created"], len(plan["differences"])) == (3, 3, 3)
    assert {one["path"] for one in plan["differences"][0]["changes"]} >= {"profile.firstName"}
    event.push_ok({"profile": {"email": "dan@example.org"}})
    begun = caller.ask("POST", way, which | {"until": plan["until"]})
    assert begun["total"] == 3
    run = wait_for_end(caller, way)
    assert caller.user is not None
    assert (run["state"], run["counts"]["created"], run["actor"]) == ("done", 3, caller.user.email)
    assert event.attendee("ada@example.org")["profile"]["firstName"] == "Ada"
    line = wait_for_line(caller, event)
    assert (line["outcome"], line["before"], line["after"]["created"]) == ("done", {"pushes": 3}, 3)


def test_what_cannot_be_meant_begins_nothing(product: Product) -> None:
    event = product.make_event()
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/replay"
    for wish in ({"result": "splendid"}, {"effect": "none"}, {"since": "soon"}):
        assert caller.fail("POST", way, wish)[:2] == (400, "invalid_request")
    assert caller.fail("POST", way, {"source": 77})[0] == 404
    assert caller.fail("POST", way, {})[:2] == (409, "conflict")
    assert caller.fail("POST", f"{way}/stop")[0] == 404
    event.push_ok({"profile": {"email": "ada@example.org"}})
    caller.ask("POST", f"events/{event.slug}/archive")
    assert "archived" in caller.fail("POST", way, {})[2]
    assert caller.fail("POST", f"{way}/plan", {})[0] == 409
    assert caller.ask("GET", way) == {"run": None}


def test_a_run_of_another_process_is_in_the_way_until_somebody_stops_it(product: Product) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ada@example.org"}})
    caller, way = make_caller(product, "manager", event), f"events/{event.slug}/replay"
    with event.database.write() as connection:
        progress = replay_many.Progress(actor="cli:ann", started_at=1, total=9, counts=replay_many.Counts(updated=2))
        replay_many.leases.take(connection, f"replay {event.id}", replay_many._encode(progress), replay_many.LASTS_US)
    seen = caller.ask("GET", way)["run"]
    assert (seen["state"], seen["actor"], seen["done"]) == ("running", "cli:ann", 2)
    assert "under way" in caller.fail("POST", way, {})[2]
    assert caller.ask("POST", f"{way}/stop")["state"] == "stopped"
    caller.ask("POST", way, {})
    assert wait_for_end(caller, way)["counts"]["unchanged"] == 1


def test_what_a_source_rehearsed_takes_effect_once_it_is_live(product: Product) -> None:
    event, _ = rehearse(product)
    caller, one = make_caller(product, "manager", event), f"events/{event.slug}/sources/2"
    foreseen = caller.ask("POST", f"{one}/take-effect", {"dryRun": True})
    assert (foreseen["created"], foreseen["isDryRun"]) == (3, True)
    assert "rehearses" in caller.fail("POST", f"{one}/take-effect", {})[2]
    assert caller.ask("POST", f"{one}/go-live")["waiting"] == 3
    done = caller.ask("POST", f"{one}/take-effect", {})
    assert (done["created"], done["left"], done["isDryRun"]) == (3, 0, False)
    again = caller.ask("POST", f"{one}/take-effect", {})
    assert (again["created"], again["unchanged"], again["left"]) == (0, 0, 0)
