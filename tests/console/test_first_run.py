"""The first minutes on an empty installation: from the printed link to a push that broke, was understood and mended."""

import subprocess
from collections.abc import Callable

from playwright.sync_api import expect

from tests.console.browser import Screens
from tests.console.looks import check_axe
from tests.databases import only_sqlite
from tests.patience import PATIENCE_S
from tests.product import Product
from turnout.access import links, users


@only_sqlite
def test_from_the_printed_link_to_the_first_event(start_product: Callable[..., Product], screens: Screens) -> None:
    product = start_product()
    url = links.first_link(product.server.database, product.server.url)
    assert url is not None
    page = screens.open_at(product.server.url)
    page.goto(url)
    expect(page.get_by_label("E-mail address")).to_be_focused()
    check_axe(page)
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_label("The same password again").fill("correct horse battery")
    page.get_by_role("button", name="Begin").click()

    expect(page.get_by_role("heading", name="Make your first event")).to_be_visible()
    page.get_by_role("link", name="New event").click()
    page.get_by_label("Name").fill("Spring Fair")
    page.get_by_role("button", name="Create the event").click()
    expect(page.locator("main")).to_contain_text(f"{product.server.url.rpartition(':')[2]}/e/spring-fair")

    page.get_by_label("Your account: Ada Lovelace").click()
    page.get_by_role("link", name="Your account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    (ada,) = users.list_all(product.server.database)
    assert (ada.email, ada.role) == ("ada@example.org", "administrator")
    # Nobody else becomes the first.
    assert product.client.get(url).status_code == 410


def curl(address: str, key: str, body: str) -> str:
    """What an integrator's first script does."""
    command = ["curl", "--silent", "--show-error", f"{address}/attendees", "-H", f"Api-Key: {key}", "-d", body]
    return subprocess.run(
        [*command, "-H", "Content-Type: application/json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout


def test_staff_hand_out_a_key_and_see_the_first_push_arrive_break_and_be_mended(
    start_product: Callable[..., Product], screens: Screens
) -> None:
    """Sign in, make an event, hand out a key, push, see it without reloading, break one, understand, mend."""
    product = start_product()
    url = links.first_link(product.server.database, product.server.url)
    assert url is not None
    page = screens.open_at(product.server.url)
    page.goto(url)
    page.get_by_label("E-mail address").fill("mara@example.org")
    page.get_by_label("Your name").fill("Mara")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_label("The same password again").fill("correct horse battery")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="New event").click()
    page.get_by_label("Name").fill("Spring Fair")
    page.get_by_role("button", name="Create the event").click()

    page.get_by_role("link", name="Go to the event").first.click()
    main = page.get_by_role("navigation", name="Main")
    main.get_by_role("link", name="Connect").click()
    page.get_by_role("link", name="Connect an integrator").first.click()
    page.get_by_label("What is connected?").fill("Ticket shop")
    page.get_by_label("curl").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("#link").inner_text()

    integrator = screens.open_at(product.server.url)
    integrator.goto(link.replace("localhost", "127.0.0.1"))
    gateway = integrator.locator("#gateway").inner_text()
    integrator.get_by_role("button", name="Show my key").click()
    key = integrator.locator("#key").inner_text()

    page.get_by_role("link", name="Ticket shop").first.click()
    page.get_by_role("link", name="Go live").click()
    page.get_by_role("button", name="Go live").click()
    main.get_by_role("link", name="Overview").click()
    expect(page.get_by_text("Waiting for the first push")).to_be_visible()
    expect(page.locator("[data-live=live]").first).to_be_visible()
    page.evaluate("window.isStillTheSame = true")
    address = gateway.replace("localhost", "127.0.0.1")
    assert '"result":"created"' in curl(address, key, '{"profile": {"email": "ada@example.org", "firstName": "Ada"}}')
    expect(page.get_by_text("ada@example.org").first).to_be_visible()
    expect(page.get_by_text("Waiting for the first push")).to_have_count(0)
    curl(address, key, '{"profile": {"email": "bob@example.org", "firstName": Bob}}')
    broken = page.get_by_role("link", name="no address").first
    expect(broken).to_be_visible()
    assert page.evaluate("window.isStillTheSame")
    # The integrator sees his own, and why.
    expect(integrator.get_by_text("ada@example.org")).to_be_visible()

    broken.click()
    expect(page.locator("mark").first).to_contain_text("Bob")
    expect(page.get_by_text("Put texts into double quotation marks").first).to_be_visible()
    page.get_by_role("link", name="Mend and try it again").click()
    text = page.get_by_role("textbox", name="Body")
    text.fill(text.input_value().replace("Bob", '"Bob"'))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="It would create bob@example.org")).to_be_visible()
    page.get_by_role("button", name="Apply exactly this").click()
    expect(page.get_by_text("Applied: created.")).to_be_visible()
    main.get_by_role("link", name="Attendees").click()
    expect(page.get_by_role("link", name="Bob")).to_be_visible()
