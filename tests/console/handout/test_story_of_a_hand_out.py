"""An integrator is connected: from the link that staff make to the day when what comes takes effect."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from playwright.sync_api import expect

from tests.console.browser import NARROW, Screens
from tests.console.conftest import SignIn
from tests.console.handout.given_away import make_link, read_code, read_text, take_key
from tests.console.looks import check_axe, check_fits
from tests.console.signed_in import Visitor
from tests.product import Product
from turnout.access import audit
from turnout.events import keys
from turnout.model.key import read_key_id

ADA = {"profile": {"email": "ada@example.org"}}


def test_an_integrator_is_connected_rehearses_and_goes_live(
    product: Product, sign_in: SignIn, nobody: Visitor, screens: Screens
) -> None:
    event = product.make_event()
    mara = sign_in("manager", event)
    connect = f"events/{event.slug}/connect"
    made = mara.post(f"{connect}/new", name="Ticket shop", tool="zapier", label="Ann", expires="7")
    link = read_code(made.text, "link").partition("/console/")[2]
    assert link.startswith("h/hnd_")
    assert link in read_code(made.text, "letter")
    assert "please connect Ticket shop to " in read_code(made.text, "letter")
    secret = link.partition(".")[2]
    assert secret not in mara.get(connect).text
    assert "not opened yet" in mara.get(connect).text
    source_page = mara.client.base_url.join(f"{connect}/sources/2")

    page = screens.open_at(product.server.url, width=NARROW)
    page.goto(link)
    expect(page.get_by_text("This is a rehearsal")).to_be_visible()
    expect(page.get_by_text("Waiting for your first push")).to_be_visible()
    expect(page.locator("#gateway")).to_have_text(re.compile(f"/e/{event.slug}$"))
    check_axe(page)
    check_fits(page)
    assert "opened" in read_text(mara.get(connect).text)

    page.get_by_role("button", name="Show my key").click()
    key = page.locator("#key").inner_text()
    expect(page.locator("#recipe")).to_contain_text(key)
    check_fits(page)
    expect(page.locator("[data-live=live]")).to_be_visible()
    again = nobody.post(f"{link}/key")
    assert again.status_code == 409
    assert "The key was shown on" in again.text
    assert key not in again.text + nobody.get(link).text + mara.get(connect).text
    assert "key shown" in read_text(mara.get(connect).text)

    page.evaluate("window.isStillTheSame = true")
    assert event.push_ok(ADA, key=key)["dryRun"]
    expect(page.locator("#came li").first).to_contain_text("ada@example.org")
    expect(page.locator("#came li").first).to_contain_text("created")
    expect(page.locator("#came li").first).to_contain_text("rehearsed")
    assert event.push({"profile": {"email": "nobody"}}, key=key).status_code == 422
    expect(page.locator("#came .came > li")).to_have_count(2)
    expect(page.locator("#came .came > li").first).to_contain_text("it has no @")
    check_axe(page)
    check_fits(page)

    told = read_text(mara.client.get(source_page).text)
    assert "It rehearses" in told
    assert "1 × profile.email" in told
    foreseen = read_text(mara.post(f"{connect}/sources/2/go-live", look="yes").text)
    assert "created 1" in foreseen
    gone = mara.follow(mara.post(f"{connect}/sources/2/go-live", rehearsed="take-effect"))
    assert "Ticket shop is live. Rehearsed pushes took effect: 1 created, 1 failed." in read_text(gone.text)
    assert event.attendee("ada@example.org")["status"] == "attending"
    assert "dryRun" not in event.push_ok({"profile": {"email": "bob@example.org"}}, key=key)
    expect(page.get_by_text("This is live")).to_be_visible()
    expect(page.locator("#mode")).to_have_text("live")
    expect(page.locator("#came .came > li").first).to_contain_text("bob@example.org")

    handout_id = link.partition("/")[2].partition(".")[0]
    mara.follow(mara.post(f"{connect}/hand-outs/{handout_id}/revoke"))
    event.push_ok({"profile": {"email": "eve@example.org"}}, key=key)
    expect(page.get_by_text("This link has ended")).to_be_visible()
    assert "eve@" not in page.content()
    assert page.evaluate("window.isStillTheSame")
    lines = audit.list_lines(event.database, event_id=event.id)
    assert [(line.action, line.outcome) for line in reversed(lines)] == [
        ("handout.create", "done"),
        ("handout.show_key", "done"),
        ("handout.show_key", "refused"),
        ("source.go_live", "done"),
        ("source.replay_rehearsed", "done"),
        ("handout.revoke", "done"),
    ]
    assert not [line for line in lines if key in str(line) or secret in str(line)]


def test_two_who_ask_for_the_key_at_the_same_moment_get_one(product: Product) -> None:
    event = product.make_event()
    link = make_link(event)
    with ExitStack() as stack, ThreadPoolExecutor(4) as together:
        visitors = [stack.enter_context(Visitor(product, None)) for _ in range(4)]
        for visitor in visitors:
            visitor.get(link)
        answers = list(together.map(lambda visitor: visitor.post(f"{link}/key"), visitors))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    (key,) = [read_code(answer.text, "key") for answer in answers if answer.status_code == 200]
    assert event.push_ok(ADA, key=key)["result"] == "created"


def test_staff_let_the_page_show_a_new_key_and_the_old_one_ends(
    product: Product, sign_in: SignIn, nobody: Visitor
) -> None:
    event = product.make_event()
    link = make_link(event)
    old = take_key(nobody, link)
    mara = sign_in("manager", event)
    way = f"events/{event.slug}/connect/hand-outs/{link.removeprefix('h/').partition('.')[0]}/give-again"
    assert "shows a new key, once" in mara.get(way).text
    assert "The page shows a new key" in mara.follow(mara.post(way)).text
    assert event.push(ADA, key=old).status_code == 401
    assert "Show my key" in nobody.get(link).text
    assert event.push_ok(ADA, key=take_key(nobody, link))


def test_an_open_page_and_the_list_say_that_a_key_is_revoked(
    product: Product, sign_in: SignIn, screens: Screens
) -> None:
    event = product.make_event()
    link = make_link(event)
    page = screens.open_at(product.server.url)
    page.goto(link)
    page.get_by_role("button", name="Show my key").click()
    key = page.locator("#key").inner_text()
    expect(page.locator("[data-live=live]")).to_be_visible()
    key_id = read_key_id(key)
    assert key_id is not None
    keys.revoke(event.database, key_id)
    # What comes has the page look at once.
    event.push_ok(ADA, key=keys.create(event.database, event.id, source="Sheet").text)
    expect(page.get_by_text("The key that was shown here is revoked")).to_be_visible()
    expect(page.locator("#key")).to_have_count(0)
    expect(page.locator("#recipe")).to_contain_text("your-key")
    assert key not in page.content()
    assert "key revoked" in read_text(sign_in("manager", event).get(f"events/{event.slug}/connect").text)


def test_a_window_is_told_that_its_key_was_replaced_and_later_that_it_is_over(
    product: Product, nobody: Visitor
) -> None:
    event = product.make_event()
    link = make_link(event)
    page = nobody.post(f"{link}/key").text
    live = re.search(r'hx-sse:connect="[^"]*/live\?([^"]+)"', page)
    key_id = read_key_id(read_code(page, "key"))
    assert live
    assert key_id

    def read_first() -> str:
        """What the window is told first when it comes again."""
        said = ""
        with nobody.client.stream("GET", f"{link}/live?{live[1]}") as told:
            for piece in told.iter_text():
                said += piece
                if 'hx-target="#mode"' in said:
                    break
        return said

    # While its key is good nothing is written over it.
    assert "key-step" not in read_first()
    keys.rotate(event.database, key_id, 3_600_000_000)
    told = read_first()
    assert "key-step" not in told
    assert "The key that was shown here ends on" in told
    assert "Ask mara@example.org for it" in read_text(nobody.get(link).text)
    keys.revoke(event.database, key_id)
    told = read_first()
    assert "The key that was shown here is revoked" in told
    assert "#recipe[data-has-key]" in told
    assert "your-key" in told
