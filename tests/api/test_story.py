"""A season through /api/ alone, as a program does it."""

from tests.api.caller import make_caller
from tests.product import Product, TestedEvent


def test_an_event_is_made_fed_looked_at_and_its_key_rotated_by_http_alone(product: Product) -> None:
    caller = make_caller(product)
    slug = product.make_event().slug + "-api"
    made = caller.ask("POST", "events", {"name": "Spring Fair", "slug": slug})
    event = TestedEvent(product, made["event"]["id"], slug, made["key"])
    product.events.append(event)

    [source] = caller.ask("GET", f"events/{slug}/sources")["items"]
    issued = caller.ask("POST", f"events/{slug}/keys", {"source": source["number"], "expiresInDays": 30})
    receipt = event.push_ok({"profile": {"email": "ada@example.org"}}, key=issued["text"])
    [seen] = caller.ask("GET", f"events/{slug}/pushes")["items"]
    assert (seen["id"], seen["email"]) == (receipt["id"], "ada@example.org")
    event.push_failed({"profile": {"email": "no address"}}, key=issued["text"])
    day = caller.ask("GET", f"events/{slug}/activity")
    assert (day["pushes"], day["failed"]) == (2, 1)

    rotated = caller.ask("POST", f"events/{slug}/keys/{issued['key']['id']}/rotate", {"overlapHours": 0})
    assert event.push({"profile": {"email": "ada@example.org"}}, key=issued["text"]).status_code == 401
    event.push_ok({"profile": {"email": "bob@example.org"}}, key=rotated["text"])
    caller.ask("POST", f"events/{slug}/keys/{rotated['key']['id']}/revoke")
    assert receipt["result"] == "created"
    states = {one["id"]: one["state"] for one in caller.ask("GET", f"events/{slug}/keys")["items"]}
    assert states[issued["key"]["id"]] == "expired"
    assert states[rotated["key"]["id"]] == "revoked"

    lines = caller.ask("GET", f"events/{slug}/audit")["items"]
    assert [line["action"] for line in lines] == ["key.revoke", "key.rotate", "key.create", "event.create"]
    assert lines[1]["target"] == issued["key"]["id"]
    assert lines[1]["after"] == {"key": rotated["key"]["id"], "overlapHours": 0}
    assert caller.user is not None
    assert {(line["actor"], line["outcome"]) for line in lines} == {(caller.user.email, "done")}
    secrets = (made["key"], issued["text"], rotated["text"], caller.token)
    assert not any(str(secret) in str(lines) for secret in secrets)
