"""What staff and integrators have to do, in a browser that runs no script: pages and forms are whole without one."""

import re

from playwright.sync_api import expect

from tests.access.conftest import HASHED, PASSWORD
from tests.console.browser import NARROW, Screens
from tests.console.signed_in import make_user
from tests.databases import only_sqlite
from tests.product import Product


@only_sqlite
def test_an_integrator_is_connected_and_a_push_mended_without_a_script(product: Product, screens: Screens) -> None:
    """Sign in, make an event, hand out a key, push, see it, break one, mend it, replay one, set something up, leave."""
    mara = make_user(product.server.database, password=HASHED)
    page = screens.open_at(product.server.url, width=NARROW, script=False)
    page.goto("sign-in")
    page.get_by_label("E-mail address").fill(mara.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.goto("new-event")
    page.get_by_label("Name").fill(f"Without Script {mara.id[-6:]}")
    page.get_by_role("button", name="Create the event").click()
    page.get_by_role("link", name="Go to the event").first.click()
    expect(page.get_by_text("Waiting for the first push")).to_be_visible()
    way = page.url
    page.goto(f"{way}/connect")
    page.get_by_role("link", name="Connect an integrator").first.click()
    page.get_by_label("What is connected?").fill("Ticket shop")
    page.get_by_label("curl").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("#link").inner_text()

    integrator = screens.open_at(product.server.url, width=NARROW, script=False)
    integrator.goto(link.replace("localhost", "127.0.0.1"))
    gateway = integrator.locator("#gateway").inner_text().replace("localhost", "127.0.0.1")
    integrator.get_by_role("button", name="Show my key").click()
    key = integrator.locator("#key").inner_text()
    page.get_by_role("link", name="Ticket shop").first.click()
    page.get_by_role("link", name="Go live").click()
    page.get_by_role("button", name="Go live").click()

    headers = {"Api-Key": key, "Content-Type": "application/json"}
    for person in ('"email": "ada@example.org", "title": "CTO"', '"email": "bob@example.org", x'):
        body = f'{{"profile": {{{person}}}}}'
        product.client.post(f"{gateway}/attendees", content=body, headers=headers)
    integrator.goto(link.replace("localhost", "127.0.0.1"))
    expect(integrator.get_by_text("ada@example.org")).to_be_visible()

    page.goto(way)
    expect(page.locator("#rows tr")).to_have_count(2)
    page.goto(f"{way}/pushes")
    page.get_by_label("Result").select_option("failed")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#rows tr")).to_have_count(1)
    page.locator("#rows a").click()
    expect(page.locator("mark").first).to_be_visible()
    page.get_by_role("link", name="Mend and try it again").click()
    text = page.get_by_role("textbox", name="Body")
    text.fill(text.input_value().replace(", x", ""))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="It would create bob@example.org")).to_be_visible()
    page.get_by_role("button", name="Apply exactly this").click()
    expect(page.get_by_text("Applied: created.")).to_be_visible()

    page.goto(f"{way}/pushes?q=ada")
    page.locator("#rows a").click()
    page.get_by_role("link", name=re.compile("Replay")).first.click()
    page.get_by_role("button", name="Replay it").click()
    expect(page.locator("main")).to_contain_text("replay")

    page.goto(f"{way}/settings")
    page.locator("#f-name").fill("Without any script")
    page.get_by_role("button", name="Save name and addresses").click()
    expect(page.locator("#f-name")).to_have_value("Without any script")
    page.goto(f"{way}/attendees")
    expect(page.get_by_text("bob@example.org")).to_be_visible()
