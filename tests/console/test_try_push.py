"""Try a push: what a text would do, mended and applied exactly so, with and without a script."""

import json
import re
from typing import Any

from playwright.sync_api import expect

from tests.console.browser import NARROW, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.events import event as setting_up
from turnout.store import attendees, pushes

NAUGHTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def say(email: str, **profile: Any) -> str:
    return json.dumps({"profile": {"email": email, **profile}})


def find_digest(page: str) -> str:
    found = re.search(r'name="digest" value="([^"]+)"', page)
    assert found, page[:3000]
    return found[1]


def list_results(event: TestedEvent) -> list[str]:
    with event.database.read() as connection:
        return [push.result for push in pushes.list_pushes(connection, event.id)]


def test_a_broken_push_is_seen_understood_mended_and_applied(
    product: Product, sign_in: SignIn, screens: Screens
) -> None:
    event = product.make_event()
    broken = event.send('{"profile": {"email": "ada@example.org",\n "title": CEO}}').json()["id"]
    page = screens.open(sign_in("manager", event), f"events/{event.slug}/pushes?result=failed")
    page.get_by_role("link", name="no address").click()
    expect(page.locator("mark")).to_have_text("CEO}}")
    expect(page.get_by_text("Put texts into double quotation marks").first).to_be_visible()
    page.get_by_role("link", name="Mend and try it again").click()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="It would fail")).to_be_visible()
    expect(page.locator("#result mark")).to_have_text("CEO}}")
    page.get_by_role("link", name="Show the place").click()
    check_axe(page)
    text = page.get_by_role("textbox", name="Body")
    text.fill(text.input_value().replace("CEO", '"CEO"'))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="It would create ada@example.org")).to_be_visible()
    expect(page.locator("#result .diff")).to_contain_text("CEO")
    check_axe(page)
    assert list_results(event) == ["failed"]
    page.get_by_role("button", name="Apply exactly this").click()
    expect(page.get_by_text("Applied: created.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ada@example.org")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Pushes", exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text("replay")
    page.goto(f"events/{event.slug}/pushes/{broken}")
    expect(page.get_by_text("Sent once more since")).to_be_visible()
    assert event.attendee("ada@example.org")["profile"]["title"] == "CEO"
    (line,) = audit.list_lines(event.database, event_id=event.id, action="push.apply")
    assert (line.outcome, line.target) == ("done", broken)
    assert "ada@" not in json.dumps(line.after)


@only_sqlite
def test_without_a_script_it_is_a_form(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    page = screens.open(sign_in("manager", event), f"events/{event.slug}/try", script=False, width=NARROW, dark=True)
    page.get_by_role("textbox", name="Body").fill(say("ada@example.org", firstName="Ada"))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="It would create ada@example.org")).to_be_visible()
    check_fits(page)
    page.get_by_role("button", name="Apply exactly this").click()
    expect(page.get_by_text("Applied: created.")).to_be_visible()
    assert event.attendee("ada@example.org")["profile"]["firstName"] == "Ada"


def test_what_would_do_something_else_by_now_is_shown_and_not_applied(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("manager", event)
    way, text = f"events/{event.slug}/try", say("ada@example.org", title="CTO")
    event.push_ok(json.loads(say("ada@example.org", title="CEO")))
    digest = find_digest(ann.post(way, source="1", text=text).text)
    event.push_ok(json.loads(say("ada@example.org", title="CFO")))
    refused = ann.post(f"{way}/apply", source="1", text=text, digest=digest)
    assert refused.status_code == 409
    assert "it would do something else by now" in refused.text
    assert "CFO" in refused.text
    assert list_results(event) == ["updated", "created"]
    # Nor is another text applied than the one that was tried.
    digest = find_digest(refused.text)
    assert ann.post(f"{way}/apply", source="1", text=say("ada@example.org"), digest=digest).status_code == 409
    assert ann.post(f"{way}/apply", source="1", text=text, digest=digest).status_code == 303
    assert event.attendee("ada@example.org")["profile"]["title"] == "CTO"


def test_what_is_tried_leaves_nothing_and_is_told_from_all_sides(product: Product, sign_in: SignIn) -> None:
    event = product.make_event(null="clear")
    ann = sign_in("manager", event)
    event.push_ok(json.loads(say("ada@example.org", title="CEO")))
    text = '{"profile": {"email": "ada@example.org", "title": null, "Vorname": "Ada"}}'
    page = ann.post(f"events/{event.slug}/try", fragment=True, source="1", text=text).text
    assert "<html" not in page
    assert "null=clear" in page
    assert "is null, and is cleared: profile.title" in page
    assert '<mark class="mark-warning" title="' in page
    assert "How it is read" in page
    assert "&#34;dryRun&#34;: true" in page
    assert list_results(event) == ["created"]
    with event.database.read() as connection:
        assert len(attendees.list_attendees(connection, event.id, status=None)) == 1


def test_forms_can_be_pasted_in_both_kinds(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("manager", event)
    parts = '--b\r\nContent-Disposition: form-data; name="profile[email]"\r\n\r\nada@example.org\r\n--b--\r\n'
    for text in ("profile[email]=ada%40example.org&profile[title]=CEO", parts):
        page = ann.post(f"events/{event.slug}/try", source="1", text=text).text
        assert "It would create ada@example.org" in page


def test_what_cannot_be_tried_says_why(product: Product, sign_in: SignIn) -> None:
    event, other = product.make_event(), product.make_event()
    ann = sign_in("manager", event)
    theirs = other.push_ok(json.loads(say("secret@example.org")))["id"]
    way = f"events/{event.slug}/try"
    assert "no such source" in ann.post(way, source="77", text=say("a@example.org")).text
    assert ann.post(way, source="x", text="{}", fragment=True).status_code == 422
    too_large = ann.post(way, source="1", text=json.dumps({"profile": {"bio": "é" * 700_000}}), fragment=True)
    assert too_large.status_code == 413
    assert "It cannot be tried" in too_large.text
    foreign = ann.get(way, push=theirs)
    assert "This event has no push with that id" in foreign.text
    assert "secret" not in foreign.text
    assert "It would create a@example.org" in ann.post(way, source="1", text=say("a@example.org"), push=theirs).text
    setting_up.archive(event.database, event.id)
    assert ann.post(way, source="1", text=say("a@example.org")).status_code == 409


def test_a_body_of_a_mebibyte_can_be_tried_and_applied(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("manager", event)
    fields = [{"fieldName": f"Field {number}", "fieldValue": "é" * 500} for number in range(900)]
    text = json.dumps({"profile": {"email": "ada@example.org", "customFields": fields}}, ensure_ascii=False)
    assert 900_000 < len(text.encode()) < 1 << 20
    page = ann.post(f"events/{event.slug}/try", source="1", text=text)
    assert "It would create ada@example.org" in page.text
    applied = ann.post(f"events/{event.slug}/try/apply", source="1", text=text, digest=find_digest(page.text))
    assert applied.status_code == 303


def test_a_stored_push_of_another_source_is_tried_as_a_new_one(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.make_source("Shop")
    ann = sign_in("manager", event)
    first = event.push_ok(json.loads(say("ada@example.org", title="CTO")))["id"]
    page = ann.get(f"events/{event.slug}/try", push=first)
    assert "Taken from a push" in page.text
    text = say("ada@example.org", title="CFO")
    digest = find_digest(ann.post(f"events/{event.slug}/try", source="2", text=text, push=first).text)
    ann.follow(ann.post(f"events/{event.slug}/try/apply", source="2", text=text, push=first, digest=digest))
    with event.database.read() as connection:
        latest = pushes.list_pushes(connection, event.id, limit=1)[0]
    assert (latest.source_number, latest.replay_of, latest.actor) == (2, None, ann.user.email if ann.user else "")


def test_it_is_for_managers_who_see_whose_data_it_is(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    masked = sign_in("manager", event, sees_personal=False)
    for visitor in (sign_in("viewer", event), masked):
        assert visitor.get(f"events/{event.slug}/try").status_code == 403
        for path in ("try", "try/apply"):
            refused = visitor.post(f"events/{event.slug}/{path}", source="1", text=say("a@example.org"), digest="x")
            assert refused.status_code == 403
    assert list_results(event) == []


@only_sqlite
def test_what_is_pasted_stays_text(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    page = screens.open(sign_in("manager", event), f"events/{event.slug}/try")
    for text in (
        say(NAUGHTY, firstName=NAUGHTY) + NAUGHTY,
        json.dumps({"profile": {"email": "x@example.org", "firstName": NAUGHTY, NAUGHTY: ["\ud83d", NAUGHTY, True]}}),
        json.dumps({NAUGHTY: {"\ud83d": "\ud83d"}, "profile": {"email": NAUGHTY}}),
        "a=" + NAUGHTY,
        "[" * 40,
    ):
        page.get_by_role("textbox", name="Body").fill(text)
        with page.expect_response(re.compile("/try$")) as answer:
            page.get_by_role("button", name="Try it").click()
        assert answer.value.status == 200
        expect(page.locator("#result .verdict")).to_be_visible()
        assert page.locator("#result :is(img, script)").count() == 0
