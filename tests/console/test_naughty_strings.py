"""Stored XSS: whatever is said to the feed and typed into forms is text, on every page that there is.

The pages come from the route table: they are found by following links, and one that is not found fails the test.
"""

import re
from collections import Counter, deque
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import httpx2
from playwright.sync_api import Page as Window
from playwright.sync_api import expect

from tests.console.browser import NARROW, Screens
from tests.console.conftest import SignIn
from tests.console.handout.given_away import make_link, take_key
from tests.console.looks import check_fits
from tests.console.naughty import ADDRESS, BREAKER, HARM, NAUGHTY, SHORT, Filled, fill
from tests.console.reading import Form, Read
from tests.console.signed_in import Visitor
from tests.downstream.exports.asking import wait_for_row
from tests.product import Product
from turnout.console.page import Page
from turnout.console.pages import list_pages
from turnout.model.attendee import PROFILE_FIELDS

PAGES = [page for _, page in list_pages()]
ALIKE = 2
"""Each page is asked for at so many addresses, besides those that are named."""
MOST = 5
"""Faults of one page that are told."""
ENTITIES = next(one for one in NAUGHTY if one.startswith("&lt;"))
LAST = ("archive", "retire", "disable", "delete", "revoke", "end-others", "end", "access", "password", "{link}")
"""What forms end with that take away what others are about."""
_LOOK = """() => [
    ...(window.naughtyRan ? ['A script ran'] : []),
    ...[...document.querySelectorAll('*')].filter(one =>
        one.matches('[data-naughty], iframe, object, embed, base, img, math, meta[http-equiv], animate')
        || one.matches('script:not([src]), style:not([data-ours]), head > link:not([href^="."])')
        || one.getAttributeNames().some(name => /^(on|hx-on|srcdoc)|["'`<>]/.test(name))
        || /^\\s*(java|vb)script:/i.test(one.getAttribute('href') ?? one.getAttribute('action') ?? '')
    ).map(one => one.outerHTML.slice(0, 200)),
]"""


class Tour:
    """Every page over HTTP, as it is whole and in part, and every form filled in."""

    def __init__(self, visitor: Visitor, filled: Filled) -> None:
        self.visitor = visitor
        self.base = str(visitor.client.base_url)
        self.slug = filled.event.slug
        self.faults: list[str] = []
        self.seen: dict[str, list[str]] = {}
        """What was asked for of each page, by its path in the route table."""
        self.shown: dict[str, str] = {}
        """Where each page was whole and as it should be."""
        self.texts: dict[str, set[str]] = {}
        """What was read there."""
        self._forms: dict[str, Form] = {}
        """The first that was found for each page, by its path."""
        plain = (page.path.replace("{event}", self.slug) for page in PAGES if page.method == "GET")
        self._first = [self.base + way for way in (*filled.ways, *(way for way in plain if "{" not in way))]

    def look_around(self, most: int = ALIKE) -> None:
        """Follows all links, from where it begins."""
        self.shown.clear()
        waiting, asked, alike = deque(self._first), set(), Counter[str]()
        while waiting:
            url = waiting.popleft()
            page = self._find_page("GET", url)
            path = "" if page is None else page.path
            if url in asked or (alike[path] >= most and url not in self._first):
                continue
            asked.add(url)
            alike[path] += url not in self._first
            waiting.extendleft(self._look(page, url))

    def fill_in(self, *, last: bool) -> None:
        """Sends every form with something naughty in each of its fields, or those forms that take something away."""
        for page in PAGES:
            if page.method != "POST" or (page.path.rpartition("/")[2] in LAST) != last or page.path == "sign-out":
                continue
            places = re.sub(r"\{\w+\}", "nothing", page.path.replace("{event}", self.slug))
            form = self._forms.get(page.path, Form("post", self.base + places, {}, ["name"], []))
            fields = form.fields | dict.fromkeys(form.typed, BREAKER)
            files = {name: (f"{HARM}.csv", f"email,{HARM}\n{HARM},{HARM}\n".encode()) for name in form.files}
            for is_fragment in (True, False):
                way = form.way.removeprefix(self.base)
                answer = self.visitor.post(way, fragment=is_fragment, files=files or None, **fields)
                self._read(form.way, answer, page)
            if self._find_goal(answer).startswith(self.base) and answer.status_code == 303:
                self._read(form.way, self.visitor.follow(answer), page)

    def _look(self, page: Page | None, url: str) -> list[str]:
        """Where a page leads to."""
        if page is not None and page.path.endswith("/live"):
            return []
        answer = self.visitor.client.get(url)
        read = self._read(url, answer, page)
        if page is None:
            return []
        self.seen.setdefault(page.path, []).append(url)
        if read is None:
            return []
        if answer.status_code == 200 and "<html" in answer.text:
            self.shown.setdefault(page.path, url)
        parts = [read]
        if len(self.seen[page.path]) == 1:
            part = self.visitor.client.get(url, headers={"HX-Request": "true", "HX-Current-URL": url})
            parts.append(self._read(url, part, page))
        # Of a list without rows nothing is told.
        parts += [self._read_live(re.sub(r"since=\d+", "since=0", way)) for way in read.live if "rows=0" not in way]
        ways = []
        for one in filter(None, parts):
            ways += [way.partition("#")[0] for way in one.ways]
            ways += [self._ask(form) for form in one.forms if form.method == "get" and form.typed]
            ways = [way for way in ways if way.startswith(self.base)]
            for form in one.forms:
                goal = self._find_page("POST", form.way)
                if form.method == "post" and goal is not None:
                    self._forms.setdefault(goal.path, form)
        return ways

    def _ask(self, form: Form) -> str:
        fields = form.fields | dict.fromkeys(form.typed, BREAKER)
        return f"{form.way.partition('?')[0]}?{urlencode(fields)}"

    def _read_live(self, way: str) -> Read | None:
        """The first message of a live page, of the first one of its kind."""
        page = self._find_page("GET", way)
        assert page is not None, way
        if page.path in self.seen:
            return None
        self.seen[page.path] = [way]
        said = ""
        with self.visitor.client.stream("GET", way) as answer:
            for piece in answer.iter_text():
                said += piece
                if ("\ndata: " in said and said.endswith("\n\n")) or ": alive" in said:
                    break
        html = "\n".join(line[6:] for line in said.split("\n") if line.startswith("data: "))
        return self._note(page.path, way, html)

    def _read(self, url: str, answer: httpx2.Response, page: Page | None) -> Read | None:
        """Notes what is wrong with an answer; None where it is no page."""
        if answer.status_code >= 500:
            self.faults.append(f"{url} is answered with {answer.status_code}")
        for name, value in answer.headers.multi_items():
            if not value.isascii() or ("naughty()" in value and name not in ("location", "hx-redirect")):
                self.faults.append(f"{url} has {name}: {value}")
        if not self._find_goal(answer).startswith(self.base):
            self.faults.append(f"{url} leads to {self._find_goal(answer)}")
        if not answer.headers.get("content-type", "").startswith("text/html"):
            return None
        policy = answer.headers["content-security-policy"]
        if "unsafe" in policy or "script-src 'self';" not in policy:
            self.faults.append(f"{url} has the policy {policy}")
        return self._note("" if page is None else page.path, url, answer.text)

    @staticmethod
    def _find_goal(answer: httpx2.Response) -> str:
        """Where a redirection leads; of anything else its own address."""
        return str(answer.url.join(answer.headers.get("location", "")))

    def _note(self, path: str, url: str, html: str) -> Read:
        read = Read(html, url)
        self.faults += [f"{url}: {one}" for one in (*read.faults, *read.find_doubled(ENTITIES))]
        self.texts.setdefault(path, set()).update(read.texts)
        return read

    def _find_page(self, method: str, url: str) -> Page | None:
        way = urlsplit(url).path.removeprefix(urlsplit(self.base).path) if url.startswith(self.base) else "elsewhere"
        matching = [
            page
            for page in PAGES
            if page.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", page.path), way)
        ]
        return min(matching, key=lambda page: page.path.count("{"), default=None)


def look(window: Window, wrong: list[str]) -> None:
    """Whether anything has come of a value but text, and whether that fits a telephone."""
    wrong += [f"{window.url}: {one}" for one in window.evaluate(_LOOK)]
    try:
        check_fits(window)
    except AssertionError as error:
        wrong.append(str(error))


def open_window(screens: Screens, visitor: Visitor) -> Window:
    window = screens.open_at(visitor.product.server.url, visitor.cookie, width=NARROW)
    window.add_init_script("window.naughty = () => { window.naughtyRan = true }")
    window.on("dialog", lambda dialog: screens.problems.append(f"{window.url} says {dialog.message}"))
    return window


def test_whatever_is_said_or_typed_is_text_on_every_page(
    start_product: Callable[..., Product], screens: Screens, database_kind: str
) -> None:
    product = start_product()
    filled = fill(product)
    wrong: list[str] = []
    with Visitor(product, filled.administrator) as visitor:
        make_file(visitor, filled)
        tour = Tour(visitor, filled)
        tour.look_around()
        # What was typed, and what came of it, is looked at too.
        tour.fill_in(last=False)
        tour.look_around(1)
        check_none(tour.faults)
        if database_kind == "sqlite":
            # What a browser makes of a page is the same on both.
            window = open_window(screens, visitor)
            for url in tour.shown.values():
                window.goto(url)
                look(window, wrong)
        tour.fill_in(last=True)
    for path, texts in filled.shown.items():
        wrong += [f"{path} does not show {one}" for one in texts if one not in tour.texts[path]]
    missed = [page.path for page in PAGES if page.method == "GET" and page.path not in tour.seen]
    check_none([*tour.faults, *wrong, *(f"{path} was not found" for path in missed)])


def check_none(wrong: list[str]) -> None:
    # Not compared: to show how long lists differ takes minutes.
    pages: dict[str, list[str]] = {}
    for one in wrong:
        pages.setdefault(one.partition(": ")[0], []).append(one[:400])
    if wrong:
        raise AssertionError(f"{len(wrong)} faults:\n" + "\n".join("\n".join(of[:MOST]) for of in pages.values()))


def make_file(visitor: Visitor, filled: Filled) -> None:
    """An export that is ready."""
    listed = visitor.follow(visitor.post(f"events/{filled.event.slug}/attendees/files", group=BREAKER))
    found = re.search(r'<tr id="(exp_\w+)"', listed.text)
    assert found, listed.text
    wait_for_row(filled.event, found[1], "done")


def test_what_comes_while_somebody_looks_is_text_too(
    product: Product, sign_in: SignIn, nobody: Visitor, screens: Screens
) -> None:
    event, viewer = product.make_event(), sign_in("manager", product.events[-1])
    link = make_link(event, HARM, label=BREAKER, mode="live")
    key = take_key(nobody, link)
    event.push_ok({"profile": {"email": ADDRESS}}, key=key)
    way = f"events/{event.slug}"
    person = event.attendee(ADDRESS)["id"]
    windows = []
    for path in (way, f"{way}/pushes", f"{way}/attendees", f"{way}/attendees/{person}", link):
        windows.append(open_window(screens, viewer))
        windows[-1].goto(path)
        expect(windows[-1].locator("[data-live=live]").first).to_be_visible()
    overview, pushes, attendees, one, handout = windows
    texts = dict(zip(PROFILE_FIELDS[1:], NAUGHTY[-len(PROFILE_FIELDS) + 1 :], strict=True))
    body = {
        "profile": {
            **texts,
            "email": ADDRESS,
            "customFields": [{"fieldName": name, "fieldValue": name} for name in SHORT],
            HARM: BREAKER,
        },
        "eventInfo": {"groups": {"groupNames": list(SHORT)}},
    }
    event.push_ok(body, key=key)
    event.push({"profile": {"email": BREAKER}}, key=key)
    for window in (overview, pushes, handout):
        expect(window.get_by_text(ADDRESS).first).to_be_visible()
        expect(window.locator("main").get_by_text(BREAKER).filter(visible=True).first).to_be_visible()
    expect(attendees.get_by_role("link", name="1 has changed: show")).to_be_visible()
    expect(one.locator("#moments > li")).to_have_count(2)
    read = one.evaluate("[...document.querySelectorAll('#person *')].map(one => one.textContent)")
    assert [text for text in (*texts.values(), *SHORT) if text not in read] == []
    wrong: list[str] = []
    for window in windows:
        look(window, wrong)
    overview.get_by_role("searchbox").fill("naughty()")
    expect(overview.locator("#found").get_by_role("link").first).to_be_visible()
    look(overview, wrong)
    # So large that the page refuses it by name.
    handout.set_input_files("#file", {"name": f"{HARM}.csv", "mimeType": "text/csv", "buffer": b"x" * 10_485_761})
    expect(handout.locator("#drop-said")).to_have_text(f"{HARM}.csv is too large: send it in several parts.")
    look(handout, wrong)
    check_none(wrong)
