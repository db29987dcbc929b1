"""One search over events, people and pushes, of those events only that the visitor may see."""

import pytest
from playwright.sync_api import expect

from tests.console.browser import Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe
from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout.events import sources

ADA = {"profile": {"email": "ada.search@example.org", "firstName": "Ada", "lastName": "Lovelace"}}


@pytest.fixture
def fair(product: Product) -> TestedEvent:
    event = product.make_event()
    event.push_ok(ADA)
    return event


def test_events_people_and_pushes_are_found(fair: TestedEvent, sign_in: SignIn) -> None:
    push_id = fair.push_ok(ADA | {"attending": True})["id"]
    attendee_id = fair.attendee("ada.search@example.org")["id"]
    way, viewer = f"events/{fair.slug}", sign_in("viewer", fair)
    for wanted, found in {
        fair.slug[:-1]: way,
        "lovelace ada": f"{way}/attendees/{attendee_id}",
        "ADA.search@example.org": f"{way}/attendees/{attendee_id}",
        "ada.search@": f"{way}/pushes/",
        attendee_id: f"{way}/attendees/{attendee_id}",
        push_id: f"{way}/pushes/{push_id}",
    }.items():
        for fragment in (False, True):
            page = viewer.get("search", q=wanted, fragment=fragment)
            if wanted == push_id and not fragment:
                # Who gives its id is led to it.
                assert page.headers["location"].endswith(f"/console/{found}")
                continue
            assert f"console/{found}" in page.text, wanted
            assert ("<html" in page.text) != fragment
    for wanted in ("nobody@example.org", "psh_none", "att_none", "%", "日本", "x" * 5_000):
        page = viewer.get("search", q=wanted)
        assert page.status_code == 200
        assert "Nothing found" in page.text
    # A NUL is in nothing that is looked for, and PostgreSQL refuses it.
    assert viewer.get("search", q="\0").status_code == 200


def test_what_was_only_tried_is_marked(fair: TestedEvent, sign_in: SignIn) -> None:
    dry = fair.push_ok({"profile": {"email": "bob.search@example.org"}}, path="/attendees?dryRun=true")["id"]
    shop = fair.make_source("Shop")
    sources.set_up(fair.database, fair.id, "Shop", {"mode": "rehearsal"})
    rehearsed = fair.push_ok({"profile": {"email": "eve.search@example.org"}}, key=shop)["id"]
    viewer = sign_in("viewer", fair)
    for email, push_id, mark in (("bob.search@", dry, "dry run"), ("eve.search@", rehearsed, "rehearsed")):
        for fragment in (False, True):
            page = viewer.get("search", q=email, fragment=fragment).text
            assert push_id in page
            assert f"{mark}</span>" in page


def test_a_source_is_found_and_leads_to_where_it_is_looked_after(
    fair: TestedEvent, product: Product, sign_in: SignIn
) -> None:
    name = f"Box Öffice 100% {fair.slug}"
    fair.make_source(name)
    way = f"events/{fair.slug}"
    manager, viewer = sign_in("manager", fair), sign_in("viewer", fair, sees_personal=False)
    for fragment in (False, True):
        assert f"{way}/connect/sources/2" in manager.get("search", q=name.lower(), fragment=fragment).text
        assert f"{way}/pushes?source=Box" in viewer.get("search", q=f"100% {fair.slug}", fragment=fragment).text
    assert "Nothing found" in sign_in("manager", product.make_event()).get("search", q=name).text
    assert "Nothing found" in manager.get("search", q=f"100_ {fair.slug}").text


def test_nothing_of_other_events_is_found(fair: TestedEvent, product: Product, sign_in: SignIn) -> None:
    push_id = fair.push_ok(ADA | {"attending": True})["id"]
    attendee_id = fair.attendee("ada.search@example.org")["id"]
    outsider = sign_in("manager", product.make_event())
    for wanted in (fair.slug, "lovelace", "ada.search@example.org", attendee_id, push_id):
        assert "Nothing found" in outsider.get("search", q=wanted).text


def test_who_may_not_see_whose_data_it_is_finds_nobody_by_it(fair: TestedEvent, sign_in: SignIn) -> None:
    attendee_id = fair.attendee("ada.search@example.org")["id"]
    masked = sign_in("viewer", fair, sees_personal=False)
    for wanted in ("lovelace", "ada", "ada.search@example.org"):
        assert "Nothing found" in masked.get("search", q=wanted).text
    page = masked.get("search", q=attendee_id)
    assert f"attendees/{attendee_id}" in page.text
    assert "a…@e…" in page.text
    assert "Lovelace" not in page.text


@only_sqlite
def test_the_box_is_used_by_keyboard_alone(fair: TestedEvent, sign_in: SignIn, screens: Screens) -> None:
    # From a page that lies deeper than the search's own.
    page = screens.open(sign_in("viewer", fair), f"events/{fair.slug}/attendees")
    page.keyboard.press("/")
    page.keyboard.type(fair.slug)
    link = page.locator("#found").get_by_role("link", name=fair.slug)
    expect(link).to_be_visible()
    check_axe(page)
    page.keyboard.press("ArrowDown")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{fair.product.server.url}/console/events/{fair.slug}")
