"""The shell that all pages share: its parts, with and without a script, by keyboard, in all sizes and colours."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser import NARROW, WIDE, Screens
from tests.console.gallery import CONSOLE, Gallery, render
from tests.console.looks import check_axe, check_fits
from tests.patience import PATIENCE_S
from turnout.browser.assets import find_asset

ASSETS = CONSOLE.parent / "assets/console"
TEMPLATES = sorted(CONSOLE.rglob("*.html"))
FORBIDDEN = {
    "a style of its own": r"<style|\sstyle\s*=",
    "a script of its own": r"<script(?![^>]*\ssrc=)",
    "a handler": r"\son[a-z]+=[\"']|hx-on|javascript:|[\"'\s]js:",
    "a filter of a trigger, which htmx would evaluate": r"hx-trigger=\"[^\"]*\[(?!type=)",
    "another host": r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//",
    "what is not escaped": r"\|\s*safe\b|autoescape false",
}
SHIFTS = """() => new Promise(resolve => {
    new PerformanceObserver(list => resolve(list.getEntries().map(({value}) => value)))
        .observe({type: 'layout-shift', buffered: true});
    setTimeout(() => resolve([]), 300);
})"""
"""How far things moved since the page came; where nothing did, nobody says so."""
OpenGallery = Callable[..., Page]


@pytest.fixture(scope="session")
def gallery() -> Iterator[Gallery]:
    with Gallery() as gallery:
        yield gallery


@pytest.fixture
def open_gallery(gallery: Gallery, screens: Screens) -> OpenGallery:
    def open_it(width: int = WIDE, *, dark: bool = False, script: bool = True) -> Page:
        page = screens.open_at(gallery.url, width=width, dark=dark, script=script)
        page.goto("gallery")
        return page

    return open_it


def test_no_template_has_what_the_policy_forbids() -> None:
    assert len(TEMPLATES) > 6
    found = []
    for path in TEMPLATES:
        text = path.read_text().replace("{{ csrf_input | safe }}", "")
        found += [
            f"{path.relative_to(CONSOLE)}: {what}: {match[0]}"
            for what, pattern in FORBIDDEN.items()
            for match in re.finditer(pattern, text, re.IGNORECASE)
        ]
    assert found == []


def test_every_form_that_is_posted_has_its_token() -> None:
    forms = [
        f"{path.relative_to(CONSOLE)}: {form[:80]}"
        for path in TEMPLATES
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", path.read_text(), re.DOTALL)
        if "csrf_input" not in form
    ]
    assert forms == []


def test_built_files_know_no_other_host_and_no_map() -> None:
    built = sorted(path for path in ASSETS.iterdir() if path.suffix in (".js", ".css"))
    assert [path.name for path in built] == ["charts.css", "charts.js", "console.css", "console.js", "theme.js"]
    for path in built:
        text = path.read_text()
        assert re.findall(r"(?:https?:|wss?:)?//[\w-]+\.[\w.-]+", text) == [], path.name
        assert "sourceMappingURL" not in text, path.name


def test_all_files_of_a_page_with_charts_leave_room_for_the_page_within_100_kilobytes() -> None:
    files = [
        find_asset("console", name) for name in ("console.css", "theme.js", "console.js", "charts.css", "charts.js")
    ]
    sent = sum(len(file.packed or file.content) for file in files if file)
    assert 20_000 < sent < 60_000


def test_pictures_have_no_colours_of_their_own() -> None:
    drawn = (CONSOLE / "shell/_icons.html").read_text()
    assert set(re.findall(r"(?:fill|stroke)=\"([^\"]+)\"", drawn)) == {"none", "currentColor"}


def test_what_is_shown_is_escaped_in_every_part() -> None:
    nasty = "<img src=x onerror=alert(1)>\"'"
    html = render("gallery.html", labels=[nasty] * 24, said=[])
    assert "<img" not in html


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_all_parts_are_accessible_and_fit(open_gallery: OpenGallery, width: int, dark: bool) -> None:
    page = open_gallery(width, dark=dark)
    check_fits(page)
    check_axe(page, ".toasts")
    page.get_by_role("button", name="Dismiss this message").click()
    check_axe(page)
    page.locator("[data-dialog]").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check_axe(page, "dialog[open]")
    page.keyboard.press("Escape")
    page.locator(".account summary").click()
    check_axe(page, ".account")


def test_a_page_is_whole_without_a_script(open_gallery: OpenGallery) -> None:
    page = open_gallery(script=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Pushes")
    expect(page.locator("#volume rect.chart-main").first).to_be_visible()
    expect(page.locator("time").first).to_have_text(re.compile(r"\d+ \w+ \d{4}, \d\d:\d\d"))
    expect(page.locator(".copy").first).to_be_hidden()
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_visible()
    page.locator(".account summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_nothing_moves_when_the_script_comes(open_gallery: OpenGallery) -> None:
    page = open_gallery()
    expect(page.locator("tbody time.when-said").first).to_be_visible()
    expect(page.locator("#volume .uplot")).to_be_visible()
    assert page.evaluate(SHIFTS) == []


def test_the_search_works_by_keyboard(open_gallery: OpenGallery) -> None:
    page = open_gallery()
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search events and pushes")).to_be_focused()
    page.keyboard.type("fair")
    expect(page.get_by_role("link", name="Spring fair", exact=True)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Autumn fair")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Autumn fair")).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Search events and pushes")).to_be_focused()


def test_a_list_follows_its_filters(open_gallery: OpenGallery) -> None:
    page = open_gallery()
    page.get_by_role("combobox", name="Source").select_option("Ticket shop")
    expect(page.locator("#results")).to_contain_text("Autumn fair")
    page.get_by_role("searchbox", name="Search", exact=True).fill("ada")
    expect(page).to_have_url(re.compile(r"/console/search\?q=ada&result=failed&source=1$"))


def test_a_copy_button_copies_and_says_so(open_gallery: OpenGallery) -> None:
    page = open_gallery()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy: Body")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    expect(page.locator("body > [role=status]")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('{\n  "email": "kathleen",\n  "profile"'), copied
    assert "not an e-mail address" not in copied


def test_what_destroys_asks_back(open_gallery: OpenGallery, gallery: Gallery) -> None:
    page = open_gallery()
    link = page.get_by_role("link", name="Revoke the key")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(link).to_be_focused()
    assert gallery.posted.empty()


def test_a_message_that_offers_undo_stays_until_it_is_dismissed(open_gallery: OpenGallery) -> None:
    page = open_gallery()
    message = page.locator("[data-toast]", has_text="The key is revoked.")
    expect(message.get_by_role("button", name="Undo")).to_be_visible()
    message.get_by_role("button", name="Dismiss this message").click()
    expect(message).to_have_count(0)


def test_colours_follow_the_system_until_somebody_chooses(open_gallery: OpenGallery) -> None:
    page = open_gallery(dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator(".account summary").click()
    page.get_by_role("button", name="Light").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light
    page.locator(".account summary").click()
    page.get_by_role("button", name="System").click()
    assert page.evaluate(ground) == dark


def test_a_live_page_shows_what_comes_and_stands_still_when_told(open_gallery: OpenGallery, gallery: Gallery) -> None:
    page = open_gallery()
    row = '<hx-partial hx-target="#came" hx-swap="afterbegin"><tr class="new"><td>{}</td></tr></hx-partial>'
    expect(page.locator("[data-live]")).to_have_attribute("data-live", "live")
    expect(page.locator("[data-live-text]")).to_have_text("updating")
    gallery.send(row.format("ada@example.org"))
    expect(page.locator("#came tr").first).to_have_text("ada@example.org")
    page.get_by_role("button", name="Pause").click()
    gallery.send(row.format("grace@example.org"))
    expect(page.locator("[data-live-text]")).to_have_text("paused, there is news")
    expect(page.locator("#came tr").first).to_have_text("ada@example.org")


@pytest.mark.parametrize("how", ["cannot be reached", "cannot answer"])
def test_a_live_page_whose_beginning_failed_comes_again(
    how: str, open_gallery: OpenGallery, gallery: Gallery, screens: Screens
) -> None:
    page = open_gallery()
    page.route("**/live", lambda asked: asked.abort() if how == "cannot be reached" else asked.fulfill(status=503))
    page.reload()
    expect(page.locator("[data-live]")).to_have_attribute("data-live", "lost")
    expect(page.locator("[data-live-text]")).to_have_text("connecting again")
    page.unroute("**/live")
    expect(page.locator("[data-live]")).to_have_attribute("data-live", "live")
    gallery.send('<hx-partial hx-target="#came" hx-swap="afterbegin"><tr><td>Ada</td></tr></hx-partial>')
    expect(page.locator("#came tr").first).to_have_text("Ada")
    expect(page.locator("#toasts")).not_to_contain_text("Turnout c")
    # The browser's own words for it.
    assert all("Failed to" in problem for problem in screens.problems)
    screens.problems.clear()


def test_htmx_sends_the_token(open_gallery: OpenGallery, gallery: Gallery) -> None:
    page = open_gallery()
    page.evaluate("htmx.ajax('POST', '/console/somewhere', {swap: 'none'})")
    assert gallery.posted.get(timeout=PATIENCE_S) == ("/console/somewhere", "a-token")


def test_on_a_telephone_the_navigation_is_a_menu(open_gallery: OpenGallery) -> None:
    page = open_gallery(NARROW)
    expect(page.get_by_role("link", name="Attendees")).to_be_hidden()
    page.locator("summary[aria-label=Menu]").click()
    expect(page.get_by_role("link", name="Attendees")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Attendees")).to_be_hidden()


def test_the_wheel_is_not_built_without_the_files() -> None:
    assert "console/console.js" in (Path(__file__).parents[2] / "hatch_build.py").read_text()
