"""A source's own settings; groups and fields under other names; webhooks made, stopped, tried and deleted."""

import re
import time

from tests.console.conftest import SignIn
from tests.console.settings.test_event_settings import ADA, say, undo, way
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.downstream.webhooks import endpoint
from turnout.events.setup import get_configuration
from turnout.model.event import Configuration
from turnout.model.webhook import Webhook


def configuration_of(event: TestedEvent) -> Configuration:
    return get_configuration(event.database, event.slug)


def put_in(*groups: str) -> dict[str, object]:
    return {**say(), "eventInfo": {"groups": {"groupNames": list(groups)}}}


def test_a_source_has_its_own_settings_or_those_of_the_event(product: Product, sign_in: SignIn) -> None:
    event = product.make_event(lists=",")
    key = event.make_source("Form")
    manager = sign_in("manager", event)
    page = manager.get(way(event, "/sources/2"))
    assert "as the event: are separated by commas" in page.text
    assert f"/events/{event.slug}/connect/sources/2" in page.text
    page = manager.follow(manager.post(way(event, "/sources/2"), blank="keep", was_blank="default"))
    assert "Saved for Form" in page.text
    event.push_ok(say(title="CTO"))
    event.push_ok(say(title=""), key=key)
    assert event.attendee(ADA)["profile"]["title"] == "CTO"
    assert "A field that comes blank keeps its value" in manager.get(way(event)).text
    manager.follow(undo(manager, page.text))
    event.push_ok(say(title=""), key=key)
    assert event.attendee(ADA)["profile"]["title"] is None
    _, line = audit.list_lines(event.database, event_id=event.id, action="source.set")
    assert (line.before, line.after) == ({"blank": "default"}, {"blank": "keep"})
    assert manager.get(way(event, "/sources/0")).status_code == 404


def test_a_source_gets_another_name_and_its_key_stays_good(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    key = event.make_source("Form")
    manager = sign_in("manager", event)
    assert way(event, "/sources/2/rename") in manager.get(way(event, "/sources/2")).text
    assert 'value="Form"' in manager.get(way(event, "/sources/2/rename")).text
    page = manager.follow(manager.post(way(event, "/sources/2/rename"), name="Box office"))
    assert "Form is called Box office from now on" in page.text
    event.push_ok(say(title="CTO"), key=key)
    assert configuration_of(event).sources[2].name == "Box office"
    for taken in ("MAIN", "  ", "x" * 256):
        answer = manager.post(way(event, "/sources/2/rename"), name=taken)
        assert answer.status_code == 422
        assert 'id="f-name-error"' in answer.text
    manager.follow(undo(manager, page.text))
    assert configuration_of(event).sources[2].name == "Form"
    assert manager.post(way(event, "/sources/0/rename"), name="Nobody").status_code == 404
    assert sign_in("viewer", event).post(way(event, "/sources/2/rename"), name="Mine").status_code == 403
    lines = audit.list_lines(event.database, event_id=event.id, action="source.rename")
    assert {(one.outcome, str(one.before), str(one.after)) for one in lines if one.outcome == "done"} == {
        ("done", "{'name': 'Form'}", "{'name': 'Box office'}"),
        ("done", "{'name': 'Box office'}", "{'name': 'Form'}"),
    }


def test_a_group_is_renamed_and_kept_for_staff(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    event.push_ok(put_in("Speker", "Crew"))
    page = manager.follow(manager.post(way(event, "/names/groups/1/rename"), name="Speakers"))
    assert "Speker is called Speakers from now on" in page.text
    assert "also speker" in page.text
    event.push_ok(put_in("Speker"))
    assert event.attendee(ADA)["groups"] == ["Speakers"]
    taken = manager.post(way(event, "/names/groups/1/rename"), name="Crew")
    assert taken.status_code == 422
    assert 'id="f-name-error"' in taken.text
    manager.follow(undo(manager, page.text))
    assert configuration_of(event).groups.spell(1) == "Speker"
    manager.follow(manager.post(way(event, "/names/groups/2/staff-only"), staff_only="yes"))
    assert event.push_ok(put_in("Speker", "Crew"))["warnings"][0]["code"] == "staff_only_group"
    (line,) = audit.list_lines(event.database, event_id=event.id, action="group.set")
    assert line.after == {"name": "Crew", "staffOnly": True}


def test_names_are_found_and_come_a_page_at_a_time(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok(put_in(*(f"Group {number:03}" for number in range(120))))
    viewer = sign_in("viewer", event)
    first = viewer.get(way(event, "/names"))
    assert first.text.count("<strong>Group ") == 100
    assert viewer.get(way(event, "/names"), page="1").text.count("<strong>Group ") == 20
    found = viewer.get(way(event, "/names"), fragment=True, q="group 11")
    assert re.findall(r"<strong>(Group \d+)", found.text) == [f"Group {number}" for number in range(110, 120)]
    assert "<html" not in found.text
    assert "No custom fields yet" in viewer.get(way(event, "/names"), kind="fields").text


def test_a_custom_field_says_how_many_have_it(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    for name, sizes in (("ada", ["43", "44"]), ("bob", ["43"]), ("cid", [])):
        fields = [{"fieldName": "Shoe size", "fieldValue": size} for size in sizes]
        event.push_ok({"profile": {"email": f"{name}@example.org", "customFields": fields}})
    viewer, ends_at = sign_in("viewer", event), time.monotonic() + PATIENCE_S
    # Counted in the index of lists, which the server feeds from the log.
    while (page := viewer.get(way(event, "/names"), kind="fields").text).count('"Attendees">2</td>') == 0:
        assert time.monotonic() < ends_at, page
        time.sleep(0.05)
    assert re.search(r'Shoe size</strong>.*?data-label="Attendees">2</td>', page, re.DOTALL)


def test_a_webhook_is_made_with_its_secret_shown_once_paused_tried_and_deleted(
    product: Product, sign_in: SignIn
) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    event.push_ok(put_in("Crew"))
    url = "https://hooks.invalid/turnout?token=quite-secret"
    bad = manager.post(way(event, "/new-webhook"), url="http://127.0.0.1/x", allow_private="on")
    assert bad.status_code == 422
    assert "an administrator can allow it" in bad.text
    made = manager.post(
        way(event, "/new-webhook"), url=url, limit_kinds="some", kinds=["created"], limit_groups="some", groups=["Crew"]
    )
    secret = re.search(r"whsec_[\w+/=]+", made.text)
    assert secret
    line = audit.list_lines(event.database, event_id=event.id, action="webhook.create")[0]
    its = way(event, f"/webhooks/{line.target}")
    page = manager.get(its).text
    assert secret[0] not in page + str(line)
    assert url in page
    assert "created, of Crew" in page
    seen = sign_in("viewer", event).get(its).text
    assert "https://hooks.invalid/…" in seen
    assert "quite-secret" not in seen
    page = manager.follow(manager.post(f"{its}/pause")).text
    assert "It is paused" in page
    assert "Resume" in page
    manager.follow(manager.post(f"{its}/resume"))
    assert "The test did not work" in manager.follow(manager.post(f"{its}/test")).text
    assert "whsec_" in manager.post(f"{its}/rotate", overlap="0").text
    assert "Delete this webhook?" in manager.get(f"{its}/delete").text
    assert "No webhooks yet" in manager.follow(manager.post(f"{its}/delete")).text
    lines = [one for one in audit.list_lines(event.database, event_id=event.id) if one.action.startswith("webhook.")]
    assert lines[0].before == {"url": "https://hooks.invalid/…"}
    # The log is kept for ever, and is read by more people than may see the whole address.
    assert "quite-secret" not in str([(one.before, one.after) for one in lines])


def test_webhooks_of_others_are_nobodys_business(product: Product, sign_in: SignIn) -> None:
    event, other = product.make_event(), product.make_event()
    theirs = make(event, configuration_of(other))
    of_all = make(event, None)
    try:
        manager = sign_in("manager", event)
        assert manager.get(way(event, f"/webhooks/{theirs.id}")).status_code == 404
        assert manager.post(way(event, f"/webhooks/{theirs.id}/delete")).status_code == 404
        assert "of all events" in manager.get(way(event, "/webhooks")).text
        assert manager.post(way(event, f"/webhooks/{of_all.id}/pause")).status_code == 403
        assert endpoint.get_webhook(event.database, of_all.id).state == "paused"
    finally:
        for one in (theirs, of_all):
            endpoint.delete(event.database, one.id)


def make(event: TestedEvent, configuration: Configuration | None) -> Webhook:
    """Paused at once, so that other tests on this server are not told."""
    webhook = endpoint.create(event.database, configuration, "https://hooks.invalid/").webhook
    return endpoint.pause(event.database, webhook.id, "test")
