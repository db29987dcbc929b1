"""Two people at the same event: each sees what the other does, and neither takes back unseen what the other has set."""

import html
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.attendees.peopled import way_of
from tests.console.browser import Screens
from tests.console.conftest import SignIn
from tests.console.handout.given_away import make_link, take_key
from tests.console.signed_in import Visitor
from tests.product import Product, TestedEvent
from turnout.access import users
from turnout.events.setup import get_configuration
from turnout.model.event import Configuration

ADA = "ada@example.org"


def say(event: TestedEvent, email: str = ADA, key: str = "", **profile: Any) -> None:
    event.push_ok(
        {"profile": {"email": email, **profile}, "eventInfo": {"groups": {"groupNames": ["VIP"]}}}, key=key or event.key
    )


def get_set_up(event: TestedEvent) -> Configuration:
    return get_configuration(event.database, event.slug)


def watch(screens: Screens, visitor: Visitor, path: str) -> Page:
    """A live page of somebody, who marks it: reloading would take that away."""
    page = screens.open(visitor, path)
    expect(page.locator("[data-live=live]").first).to_be_visible()
    page.evaluate("window.isStillTheSame = true")
    return page


def test_what_one_does_the_other_sees_without_reloading(
    product: Product, sign_in: SignIn, nobody: Visitor, screens: Screens
) -> None:
    event = product.make_event()
    link = make_link(event, "Ticket shop", mode="live")
    key = take_key(nobody, link)
    say(event, key=key, firstName="Ada")
    way = f"events/{event.slug}"
    ann, bob = sign_in("manager", event), sign_in("viewer", event)
    overview, pushes, attendees, person = (
        watch(screens, bob, path) for path in (way, f"{way}/pushes", f"{way}/attendees", way_of(event, ADA))
    )
    events = screens.open(bob, "events")
    events.evaluate("window.isStillTheSame = true")
    handout = watch(screens, nobody, link)
    manager = screens.open(ann, f"{way}/settings/names")

    # A push that Ann applies by hand, and one that comes.
    manager.goto(f"{way}/try")
    manager.get_by_role("textbox", name="Body").fill(f'{{"profile": {{"email": "{ADA}", "title": "Countess"}}}}')
    manager.get_by_role("button", name="Try it").click()
    manager.get_by_role("button", name="Apply exactly this").click()
    expect(manager.get_by_text("Applied: updated.")).to_be_visible()
    say(event, "grace@example.org", key=key)
    for page in (overview, pushes):
        expect(page.locator("#rows tr").first).to_contain_text("grace@example.org")
        expect(page.locator("#rows tr")).to_have_count(3)
    expect(handout.locator("#came .came > li").first).to_contain_text("grace@example.org")
    expect(attendees.locator("#news")).to_have_text("2 have changed: show")
    expect(person.locator(".known-new", has_text="Title")).to_contain_text("Countess")

    # Names, settings, and what is over.
    manager.goto(f"{way}/settings/names/groups/1/rename")
    manager.get_by_label("New name").fill("Guests of honour")
    manager.get_by_role("button", name="Rename").click()
    expect(manager.get_by_text("VIP is called Guests of honour from now on")).to_be_visible()
    manager.goto(f"{way}/settings")
    manager.locator("input[name=name]").fill("Autumn Fair")
    manager.locator("form", has=manager.locator("input[name=name]")).get_by_role("button", name="Save").click()
    expect(manager.get_by_text("Saved: ")).to_be_visible()
    handout_id = link.removeprefix("h/").partition(".")[0]
    manager.goto(f"{way}/connect/hand-outs/{handout_id}/revoke")
    manager.get_by_role("button", name="Revoke the hand-out").click()
    manager.goto(way)
    manager.get_by_role("button", name="Archive this event").click()
    expect(manager.get_by_text("is archived").first).to_be_visible()
    expect(handout.get_by_text("This link has ended")).to_be_visible()
    expect(person.locator("#groups")).to_contain_text("Guests of honour")
    expect(overview.get_by_role("heading", level=1)).to_have_text("Autumn Fair")
    expect(overview.get_by_text("This event is archived")).to_be_visible()
    expect(events.locator(f"#e-{event.slug}")).to_have_count(0)
    for page in (overview, pushes, attendees, person, events, handout):
        assert page.evaluate("window.isStillTheSame"), page.url


def test_whose_access_ends_is_shown_nothing_more_where_a_page_is_open(
    product: Product, sign_in: SignIn, screens: Screens
) -> None:
    event, other = product.make_event(), product.make_event()
    say(event)
    ann = sign_in("administrator")
    bob, eve, mia = (sign_in("viewer", event, other) for _ in range(3))
    taken, out, masked = (
        watch(screens, one, path)
        for one, path in (
            (bob, f"events/{event.slug}"),
            (eve, f"events/{event.slug}/pushes"),
            (mia, way_of(event, ADA)),
        )
    )
    manager = screens.open(ann, f"installation/users/{bob.signed_in.id}")
    manager.get_by_label(event.slug).or_(manager.locator(f"input[value='{event.id}']")).uncheck()
    manager.get_by_role("button", name="Save").click()
    expect(manager.get_by_text("is a viewer")).to_be_visible()
    users.disable(event.database, eve.signed_in.id)
    users.set_role(event.database, mia.signed_in.id, "viewer", sees_personal=False)
    expect(taken.get_by_text("or it is not for you")).to_be_visible()
    expect(out.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(masked.get_by_text(ADA)).to_have_count(0)
    say(event, "grace@example.org")
    for page in (taken, out, masked):
        assert "@example.org" not in page.locator("main").inner_text()
    screens.problems[:] = [one for one in screens.problems if "404" not in one and "401" not in one]


@pytest.mark.parametrize("of", ["event", "source"])
def test_two_who_save_the_same_page_keep_what_both_have_changed_and_are_told_where_they_differ(
    product: Product, sign_in: SignIn, screens: Screens, of: str
) -> None:
    event = product.make_event()
    path = f"events/{event.slug}/settings" + ("/sources/1" if of == "source" else "")
    ann, bob = (screens.open(sign_in("manager", event), path) for _ in range(2))

    def get_policy() -> Any:
        configuration = get_set_up(event)
        return configuration.event.policy if of == "event" else configuration.sources[1].policy

    def choose(page: Page, name: str, value: str) -> None:
        page.locator(f"input[name={name}][value='{value}']").check()
        page.get_by_role("button", name="Save").first.click()

    choose(ann, "null", "clear")
    expect(ann.locator(".toast")).to_be_visible()
    choose(bob, "blank", "keep")
    expect(bob.locator(".toast")).to_be_visible()
    assert (get_policy().null, get_policy().blank) == ("clear", "keep")
    # Ann's page is older than what Bob has saved.
    choose(ann, "groups", "add")
    expect(ann.locator(".toast")).to_be_visible()
    choose(bob, "groups", "replace")
    expect(bob.get_by_text("Somebody has set this")).to_be_visible()
    assert (get_policy().null, get_policy().blank, get_policy().groups) == ("clear", "keep", "add")
    screens.problems[:] = [one for one in screens.problems if "409" not in one]


def find_mark(page: str) -> str:
    """What a form says of how it was when it was shown."""
    return html.unescape(page.partition('name="was" value="')[2].partition('"')[0])


def test_two_who_change_what_somebody_may_do_not_give_back_what_the_other_has_taken(
    product: Product, sign_in: SignIn
) -> None:
    event = product.make_event()
    ann, bob = sign_in("administrator"), sign_in("administrator")
    mia = sign_in("manager", event).signed_in
    way = f"installation/users/{mia.id}"
    mark = find_mark(bob.get(way).text)
    assert mark
    ann.follow(ann.post(f"{way}/access", role="manager", scope="chosen", was=mark))
    answer = bob.post(f"{way}/access", role="viewer", scope="chosen", events=event.id, was=mark)
    assert answer.status_code == 409
    assert "Somebody has changed what this user may meanwhile" in answer.text
    now = users.get(event.database, mia.id)
    assert (now.role, now.events) == ("manager", frozenset())
    bob.follow(bob.post(f"{way}/access", role="viewer", scope="chosen", was=find_mark(answer.text)))
    assert users.get(event.database, mia.id).role == "viewer"


@pytest.mark.parametrize("what", ["names/groups/1", "sources/1"])
def test_what_somebody_has_renamed_since_is_not_renamed_unseen(product: Product, sign_in: SignIn, what: str) -> None:
    event = product.make_event()
    say(event)
    ann, bob = sign_in("manager", event), sign_in("manager", event)
    way = f"events/{event.slug}/settings/{what}"
    mark = find_mark(ann.get(f"{way}/rename").text)
    page = ann.follow(ann.post(f"{way}/rename", name="Guests", was=mark)).text
    answer = bob.post(f"{way}/rename", name="Friends", was=mark)
    assert answer.status_code == 409
    assert "Somebody has renamed this to Guests meanwhile" in answer.text
    assert 'value="Friends"' in answer.text
    bob.follow(bob.post(f"{way}/rename", name="Friends", was=find_mark(answer.text)))
    back = re.search(r'action="[./]*console/([^"]+undo-rename[^"]*)"', page)
    assert back
    assert ann.post(html.unescape(back[1])).status_code == 409
    configuration = get_set_up(event)
    named = configuration.groups.by_number[1] if what.startswith("names") else configuration.sources[1]
    assert named.name == "Friends"
