"""Files of attendees over /api/: asked for, fetched, deleted; whoever sees no names gets none."""

import time
from typing import Any

from tests.api.caller import Caller, make_caller
from tests.downstream.exports.asking import Asker
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent


def make(caller: Caller, way: str, **wish: Any) -> str:
    """The id of a file that is done."""
    made = caller.ask("POST", way, wish)
    ends_at = time.monotonic() + PATIENCE_S
    while (seen := caller.ask("GET", f"{way}/{made['id']}"))["state"] != "done":
        assert seen["state"] in ("waiting", "running"), seen
        assert time.monotonic() < ends_at, seen
        time.sleep(0.05)
    assert (seen["rowsDone"], seen["expiresAt"] > seen["finishedAt"]) == (1, True)
    return str(made["id"])


def fill(product: Product) -> TestedEvent:
    event = product.make_event()
    event.push_ok(
        {"profile": {"email": "ada@example.org"}, "eventInfo": {"groups": {"groupNames": ["Crew"]}}},
    )
    event.push_ok({"profile": {"email": "bob@example.org"}})
    return event


def test_a_file_is_made_fetched_by_a_colleague_and_deleted(product: Product) -> None:
    event = fill(product)
    viewer, manager = make_caller(product, "viewer", event), make_caller(product, "manager", event)
    way = f"events/{event.slug}/exports"
    export_id = make(viewer, way, format="csv", group="Crew")
    sent = manager.call("GET", f"{way}/{export_id}/file")
    assert (sent.status_code, sent.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert sent.headers["cache-control"] == "no-store"
    assert "ada@example.org" in sent.text
    assert "bob@example.org" not in sent.text
    [listed] = manager.ask("GET", way)["items"]
    assert viewer.user is not None
    assert (listed["id"], listed["actor"]) == (export_id, viewer.user.email)
    other = make_caller(product, "viewer", event)
    assert other.fail("DELETE", f"{way}/{export_id}")[:2] == (403, "not_allowed")
    manager.ask("DELETE", f"{way}/{export_id}")
    assert viewer.fail("GET", f"{way}/{export_id}/file")[0] == 404
    lines = [one for one in manager.ask("GET", f"events/{event.slug}/audit")["items"] if one["outcome"] == "done"]
    assert [(one["action"], one["target"]) for one in reversed(lines)] == [
        ("attendees.export", export_id),
        ("attendees.fetch", export_id),
        ("attendees.export_delete", export_id),
    ]
    assert lines[-1]["after"] == {"format": "csv", "filters": ["group"]}


def test_who_sees_no_names_gets_no_file_and_nobody_one_of_another_event(product: Product) -> None:
    event, other = fill(product), product.make_event()
    manager, masked = make_caller(product, "manager", event), make_caller(product, "viewer", event, sees_personal=False)
    way = f"events/{event.slug}/exports"
    export_id = make(manager, way, q="ada@example")
    for method, path in (("GET", way), ("GET", f"{way}/{export_id}"), ("GET", f"{way}/{export_id}/file")):
        assert masked.fail(method, path)[:2] == (403, "not_allowed")
    assert masked.fail("POST", way, {})[:2] == (403, "not_allowed")
    admin = make_caller(product)
    assert admin.fail("GET", f"events/{other.slug}/exports/{export_id}/file")[0] == 404
    # What a read key has asked for has its limits, and is that key's alone.
    of_a_key = Asker(event, fields=["firstName"]).ask_ok(format="csv")
    assert admin.fail("GET", f"{way}/{of_a_key}")[0] == admin.fail("DELETE", f"{way}/{of_a_key}")[0] == 404
    assert [one["id"] for one in admin.ask("GET", way)["items"]] == [export_id]
    for wish in ({"format": "pdf"}, {"status": "asleep"}, {"group": "Nobody"}, {"updatedSince": "soon"}):
        assert manager.fail("POST", way, wish)[0] == 400
    # Somebody's name may be what was looked for.
    [line] = [
        one
        for one in manager.ask("GET", f"events/{event.slug}/audit", action="attendees.export")["items"]
        if one["outcome"] == "done"
    ]
    assert line["after"] == {"format": "csv", "filters": ["q"]}
    assert "ada@" not in str(line)
