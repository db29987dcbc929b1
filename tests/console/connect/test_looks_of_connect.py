"""Connect and the hand-out, for everybody: on a telephone, in the dark, without a script; and names are only text."""

import html

from playwright.sync_api import expect

from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.handout.given_away import make_link
from tests.console.looks import check_axe, check_fits
from tests.console.signed_in import Visitor
from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout.events import event as setting_up
from turnout.events import keys
from turnout.recipes import list_recipes

EVIL = "<img src=x onerror=alert(1)>"


def make_evil(product: Product) -> tuple[TestedEvent, str]:
    """An event in which everything is called so, and the key of its source."""
    database = product.server.database
    made, key = setting_up.create(database, EVIL, setting_up.find_free_slug(database, "evil"))
    event = TestedEvent(product, made.id, made.slug, key)
    product.events.append(event)
    shop = event.make_source(f"{EVIL}&\"'")
    event.push_ok(
        {
            "profile": {
                "email": "ada@example.org",
                "customFields": [{"fieldName": EVIL, "fieldValue": EVIL}],
                EVIL: EVIL,
            },
            "eventInfo": {"groups": {"groupNames": [EVIL]}},
        },
        key=shop,
    )
    event.push({"profile": {"email": EVIL}}, key=shop)
    keys.create(event.database, event.id, label=EVIL, scope="read", groups=[EVIL], fields=[EVIL])
    return event, shop


def test_names_are_text_and_nothing_else(product: Product, sign_in: SignIn, nobody: Visitor) -> None:
    event, shop = make_evil(product)
    mara = sign_in("manager", event, name=EVIL)
    connect = f"events/{event.slug}/connect"
    link = make_link(event, f"{EVIL}&\"'", label=EVIL)
    event.push_ok({"profile": {"email": "ada@example.org", EVIL: EVIL}}, key=shop)
    event.push({"profile": {"email": EVIL}}, key=shop)
    key = keys.create(event.database, event.id, source="main").key.id
    seen = [
        mara.get(path).text
        for path in (
            connect,
            f"{connect}/new",
            f"{connect}/new?source=2",
            f"{connect}/new-read-key",
            f"{connect}/sources/2",
            f"{connect}/sources/2/go-live",
            f"{connect}/sources/2/retire",
            f"{connect}/keys/{key}/revoke",
        )
    ]
    seen.append(mara.post(f"{connect}/new", source="2", tool="hubspot", label=EVIL).text)
    seen.append(mara.post(f"{connect}/new", name=EVIL * 20, tool=EVIL, label=EVIL, expires=EVIL).text)
    seen += [nobody.get(link, tool=recipe.name).text for recipe in list_recipes()]
    rows = f'email,{EVIL}\n{EVIL},"{EVIL}"\n'.encode()
    seen.append(nobody.post(f"{link}/csv", fragment=True, files={"file": (f"{EVIL}.csv", rows)}).text)
    for page in seen:
        assert "<img" not in page
        assert "img src=x" in html.unescape(page)


@only_sqlite
def test_names_do_nothing_in_a_browser(product: Product, screens: Screens) -> None:
    event, _ = make_evil(product)
    page = screens.open_at(product.server.url, width=NARROW, dark=True)
    page.on("dialog", lambda dialog: screens.problems.append(dialog.message))
    page.goto(make_link(event, f"{EVIL}&\"'", mode="live"))
    rows = f'email,{EVIL}\n{EVIL},"{EVIL}"\n'.encode()
    page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_role("button", name="Send 1 row").click()
    expect(page.locator("#came")).to_contain_text("it has no @")
    for tool in ("n8n", "Python"):
        page.get_by_role("link", name=tool, exact=True).click()
        expect(page.locator("#recipe .tabs [aria-current]")).to_have_text(tool)
    assert page.locator("img").count() == 0
    check_axe(page)
    check_fits(page)


@only_sqlite
def test_connect_fits_everybody(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    shop = event.make_source("Shop", mode="rehearsal")
    event.push_ok({"profile": {"email": "ada@example.org"}}, key=shop)
    event.push({"profile": {"email": "nobody"}}, key=shop)
    keys.create(event.database, event.id, label="Wall", scope="read", fields=["firstName", "lastName"])
    handout = make_link(event, "Shop").removeprefix("h/").partition(".")[0]
    mara = sign_in("manager", event)
    connect = f"events/{event.slug}/connect"
    page = screens.open(mara, connect, width=NARROW, dark=True)
    for path in ("", "/new", "/sources/2", "/new-read-key"):
        page.goto(connect + path)
        check_axe(page)
        check_fits(page)
    wide = screens.open(mara, connect, width=WIDE)
    check_axe(wide)
    check_fits(wide)
    wide.locator(f"[data-dialog=revoke-{handout}]").click()
    check_axe(wide, "dialog[open]")
    wide.locator("dialog[open]").get_by_role("button", name="Revoke the hand-out").click()
    expect(wide.get_by_text("The hand-out is revoked")).to_be_visible()


def test_everything_works_without_a_script(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    page = screens.open(sign_in("manager", event), f"events/{event.slug}/connect", script=False)
    page.get_by_role("link", name="Connect an integrator").first.click()
    page.get_by_label("What is connected?").fill("Form")
    page.get_by_role("radio", name="Python").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("#link").inner_text().partition("/console/")[2]
    page.goto(link)
    page.get_by_role("button", name="Show my key").click()
    key = page.locator("#key").inner_text()
    expect(page.locator("#recipe")).to_contain_text(key)
    event.push_ok({"profile": {"email": "ada@example.org"}}, key=key)
    page.goto(link)
    expect(page.locator("#came")).to_contain_text("ada@example.org")
    page.get_by_role("link", name="PHP").click()
    expect(page.locator("#recipe .tabs [aria-current]")).to_have_text("PHP")
