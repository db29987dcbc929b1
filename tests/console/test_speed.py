"""How heavy pages are, that nothing in them moves while they load, and that they need no script: with much of all."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.console.browser import NARROW, WIDE, Screens
from tests.console.crowd import Crowd, fill, tour
from tests.console.signed_in import Visitor
from tests.databases import make_database
from tests.product import Product, RunningServer

MOST_BYTES = 100_000
"""Of a page with all that a first visit loads."""
_HEADERS = {"Accept-Encoding": "gzip, deflate, br, zstd"}
LEAST_PAGES = 40
_MOVED = """() => new Promise((done) => {
    const moved = []
    new PerformanceObserver((list) => moved.push(...list.getEntries())).observe({type: 'layout-shift', buffered: true})
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(moved
        .filter((one) => !one.hadRecentInput && one.value > LEAST)
        .map(({value, sources}) => `${value} ${sources.map(({node}) => node?.outerHTML?.slice(0, 160) ?? '')}`)))))
})"""
"""What has moved since the page was asked for."""
LEAST_MOVED = 0.005
"""Of what is told: on a slow machine a column becomes a little wider while rows still come. 0.1 in all is "good"."""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """On a server of its own: there is so much that it would make others slow."""
    folder = tmp_path_factory.mktemp("crowd")
    url = make_database("sqlite", folder)
    with RunningServer(folder, url, TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as server, Product(server) as product:
        yield fill(product)


@pytest.fixture(scope="module")
def ann(crowd: Crowd) -> Iterator[Visitor]:
    with Visitor(crowd.event.product, crowd.administrator) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def pages(crowd: Crowd, ann: Visitor) -> list[str]:
    """The addresses of all of them."""
    found = tour(ann, crowd)
    assert len(found) >= LEAST_PAGES, sorted(found)
    return [url for urls in found.values() for url in urls]


def weigh(client: httpx2.Client, url: str) -> tuple[int, str]:
    """The bytes of an answer as they are sent, head and body; and what it says."""
    with client.stream("GET", url, headers=_HEADERS) as answer:
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        if answer.headers["content-type"].startswith("text/event-stream"):
            # Of what goes on the first message, by which the page is brought up to date; some have none.
            text = ""
            for piece in answer.iter_text():
                text += piece
                if "data: " in text or ": alive" in text or "/attendees" in url:
                    break
        else:
            text = answer.read().decode(errors="replace")
        head = sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
        return head + answer.num_bytes_downloaded, text


def test_a_first_visit_of_any_page_loads_at_most_100_kb(ann: Visitor, pages: list[str]) -> None:
    known: dict[str, int] = {}
    heavy = []
    for url in pages:
        page, text = weigh(ann.client, url)
        loaded = re.findall(r'<(?:link|script)[^>]* (?:href|src)="([^"]+)"', text)
        loaded += re.findall(r'hx-sse:connect="([^"]+)"', text)
        assert len(loaded) >= 4, url
        for way in loaded:
            asset = urljoin(url, way.replace("&amp;", "&"))
            if asset not in known:
                known[asset], _ = weigh(ann.client, asset)
            page += known[asset]
        if page > MOST_BYTES:
            heavy.append(f"{url}: {page:,}")
    assert heavy == []


def find_moved(page: Page) -> list[str]:
    return [f"{page.url}: {one}" for one in page.evaluate(_MOVED.replace("LEAST", str(LEAST_MOVED)))]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_moves_while_a_page_loads(width: int, ann: Visitor, pages: list[str], screens: Screens) -> None:
    page = screens.open(ann, "account", width=width)
    moved = []
    for url in pages:
        page.goto(url)
        if page.locator("[data-live-text]").count():
            expect(page.locator("[data-live=live]")).to_have_count(1)
        moved += find_moved(page)
    assert moved == []


@pytest.mark.parametrize(("path", "width"), [("", WIDE), ("", NARROW), ("/pushes", WIDE), ("/pushes", NARROW)])
def test_nothing_moves_while_pushes_come(path: str, width: int, crowd: Crowd, ann: Visitor, screens: Screens) -> None:
    page = screens.open(ann, f"events/{crowd.event.slug}{path}", width=width)
    expect(page.locator("[data-live=live]")).to_have_count(1)
    if not path:
        page.locator("#stream").scroll_into_view_if_needed()
    for number in range(4):
        # One, then several, then more than fit.
        emails = [f"{path[1:]}{width}-{number}-{one}@example.org" for one in range((1, 7, 70, 1)[number])]
        crowd.event.batch_ok({"attendees": [{"profile": {"email": email}} for email in emails]})
        expect(page.locator("#rows tr").first).to_contain_text(emails[-1])
    assert find_moved(page) == []
