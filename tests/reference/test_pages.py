"""The pages: whole, safe, from one host, and silent about which events there are."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from litestar import Litestar, Response
from litestar.exceptions import NotFoundException
from litestar.testing import TestClient

from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout import errors
from turnout.browser.assets import find_asset
from turnout.browser.serving import asset_handlers
from turnout.events import keys
from turnout.feed.receipt import Answer, render_error
from turnout.reference.codes import ERRORS, PROBLEMS, WARNINGS
from turnout.reference.pages import gateway_page, route_handlers

PUBLIC_URL = "https://feed.example.org"
HTML = {"accept": "text/html,application/xhtml+xml"}
PAGES = [
    "/",
    "/docs",
    "/rules",
    "/problems",
    "/problems/invalid_push",
    "/problems/queue_full",
    "/problems/missing_email",
]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    def answer(_: object, error: Exception) -> Response[bytes]:
        if not isinstance(error, errors.TurnoutError):
            assert isinstance(error, NotFoundException), error
            error = errors.NotFound("There is nothing here.")
        rendered = render_error(error, precise=True, problems_url="/problems")
        return Response(
            rendered.body, status_code=rendered.status, headers={"content-type": "application/problem+json"}
        )

    app = Litestar(
        [*asset_handlers(), *route_handlers(PUBLIC_URL, "1.2.3")],
        openapi_config=None,
        logging_config=None,
        exception_handlers={Exception: answer},
    )
    with TestClient(app) as client:
        yield client


def header(answer: Answer, name: str) -> str:
    return next(value.decode() for key, value in answer.headers if key.decode() == name)


class Elements(HTMLParser):
    """Every element of a page with its attributes, and what would be a fault anywhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.inline_scripts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style") and data.strip():
            self.inline_scripts += 1

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


def every_page(client: TestClient[Litestar]) -> Iterator[tuple[str, str]]:
    for path in PAGES:
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        yield path, answer.text
    yield "/e/summer-fair", gateway_page(PUBLIC_URL)("/e/summer-fair", True).body.decode()


def test_pages_load_nothing_from_elsewhere_and_have_nothing_inline(client: TestClient[Litestar]) -> None:
    for path, html in every_page(client):
        page = Elements(html)
        assert page.inline_scripts == 0, path
        for tag, attributes in page.found:
            assert not any(name == "style" or name.startswith("on") for name in attributes), (path, tag, attributes)
            for name in ("src", "href", "action", "data-openapi"):
                target = attributes.get(name) or ""
                assert not re.match(r"[a-z]+:|//", target), (path, tag, target)
                if tag != "a" and name in attributes:
                    assert target.startswith("."), (path, tag, target)


def test_hosts_are_named_only_in_text_and_are_ours_or_examples(client: TestClient[Litestar]) -> None:
    for path, html in every_page(client):
        hosts = set(re.findall(r"https?://([\w.-]+)", html))
        # What somebody pushes may name any.
        assert hosts <= {"feed.example.org"} | ({"example.org", "linkedin.com"} if path == "/rules" else set()), path
    for name in ("reference.css", "docs.css", "docs.js", "copy.js"):
        asset = find_asset("reference", name)
        assert asset is not None
        assert b"://" not in asset.content, name


def test_what_pages_load_is_there(client: TestClient[Litestar]) -> None:
    for path, html in every_page(client):
        page = Elements(html)
        for attributes in [*page.all("link"), *page.all("script")]:
            target = attributes.get("href") or attributes.get("src") or ""
            if "swagger-ui" in target and find_asset("swagger-ui", "swagger-ui.css") is None:
                continue  # `make setup` has not gathered the browser's files
            loaded = client.get("/" + target.lstrip("./"), headers={"accept-encoding": "gzip"})
            assert loaded.status_code == 200, (path, target)
            assert loaded.content
            assert loaded.headers["x-content-type-options"] == "nosniff"


def test_every_page_has_its_landmarks_and_says_its_language(client: TestClient[Litestar]) -> None:
    for path, html in every_page(client):
        page = Elements(html)
        assert page.all("html") == [{"lang": "en"}], path
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1, path
        assert page.all("header"), path
        assert page.all("footer"), path
        assert all(nav.get("aria-label") for nav in page.all("nav")), path
        levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch(r"h[1-6]", tag)]
        assert all(after <= before + 1 for before, after in pairwise(levels)), path
        ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
        assert len(ids) == len(set(ids)), path


def test_every_answer_has_the_security_headers(client: TestClient[Litestar]) -> None:
    for path in [*PAGES, "/openapi.json", "/favicon.svg", "/favicon.ico", "/problems/no_such_code"]:
        answer = client.get(path, headers=HTML)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    page = gateway_page(PUBLIC_URL)
    for wants_html in (True, False):
        assert "default-src 'none'" in header(page("/e/x", wants_html), "content-security-policy")
        assert header(page("/e/x", wants_html), "vary") == "Accept"


def test_head_is_answered_as_get_is(client: TestClient[Litestar]) -> None:
    for path in [*PAGES, "/openapi.json", "/favicon.ico"]:
        assert client.head(path, headers=HTML).status_code == 200, path


def test_links_work_at_any_depth(client: TestClient[Litestar]) -> None:
    assert 'href="./problems"' in client.get("/", headers=HTML).text
    assert 'href="../problems"' in client.get("/problems/unexpected", headers=HTML).text
    assert 'href="../../problems"' in client.get("/problems/unexpected/", headers=HTML).text
    page = gateway_page(PUBLIC_URL)
    assert b'href="../problems"' in page("/e/x", True).body
    assert b'href="../../problems"' in page("/e/x/", True).body
    assert b'href="./problems"' in page("/", True, "fair.example.org").body


def test_every_rule_that_is_named_anywhere_is_explained(client: TestClient[Litestar]) -> None:
    html = client.get("/rules", headers=HTML).text
    page = Elements(html)
    explained = set(re.findall(r'<h3 id="[a-f]\d+-[\w-]+">([A-F]\d+)\. ', html))
    named = client.get("/problems", headers=HTML).text + client.get("/openapi.json").text
    assert set(re.findall(r"\b[A-F]\d+\b", " ".join(re.findall(r"\([^()]*\)", named)))) <= explained
    anchors = {attributes["id"] for _, attributes in page.found if "id" in attributes}
    inside = {link["href"] or "" for link in page.all("a")}
    assert {target[1:] for target in inside if target.startswith("#")} <= anchors
    assert f"{PUBLIC_URL}/rules" in client.get("/openapi.json").json()["info"]["description"]


def test_the_rules_are_shown_without_what_only_tests_need(client: TestClient[Litestar]) -> None:
    html = client.get("/rules/", headers=HTML).text
    assert "&lt;!--" not in html
    assert '.md"' not in html
    assert 'href="../problems"' in html
    assert f"{PUBLIC_URL}/e/your-event" in html
    assert "turnout.example.org" not in html


@pytest.mark.parametrize("code", [*ERRORS, *(code for codes in PROBLEMS.values() for code in codes), *WARNINGS])
def test_every_code_has_a_page_and_is_listed(client: TestClient[Litestar], code: str) -> None:
    shown = client.get(f"/problems/{code}", headers=HTML)
    assert shown.status_code == 200
    assert code in shown.text
    assert f'href="./problems/{code}"' in client.get("/problems", headers=HTML).text
    told = client.get(f"/problems/{code}").json()
    assert told["code"] == code
    assert told["whatHappened"]
    assert told["whatToDo"]


def test_programs_get_all_codes_as_json(client: TestClient[Litestar]) -> None:
    told = client.get("/problems").json()
    assert [one["code"] for one in told["errors"]] == list(ERRORS)
    assert told["errors"][0]["status"] == {"precise": 401, "seed": 401}


def test_an_unknown_code_is_not_found_for_people_and_programs(client: TestClient[Litestar]) -> None:
    shown = client.get("/problems/%3Cscript%3E", headers=HTML)
    assert shown.status_code == 404
    assert "<script>" not in shown.text
    told = client.get("/problems/no_such_code")
    assert (told.status_code, told.json()["code"]) == (404, "not_found")


def test_nothing_but_our_files_is_served(client: TestClient[Litestar]) -> None:
    for path in ("/assets/reference/pages.py", "/assets/reference/..%2fpages.py", "/assets/x/reference.css"):
        assert client.get(path).status_code == 404, path


def test_files_may_be_kept_and_are_asked_for_anew_when_they_change(client: TestClient[Litestar]) -> None:
    asset = find_asset("reference", "reference.css")
    assert asset is not None
    kept = client.get(f"/assets/reference/reference.css?v={asset.digest}")
    assert "immutable" in kept.headers["cache-control"]
    again = client.get("/assets/reference/reference.css", headers={"if-none-match": kept.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
    assert client.get("/assets/reference/reference.css?v=other").headers["cache-control"] == "no-cache"


def test_a3_a_gateway_shows_the_same_page_whatever_the_event() -> None:
    page = gateway_page(PUBLIC_URL)
    for wants_html in (True, False):
        one, other = page("/e/one", wants_html), page("/e/two", wants_html)
        assert one.body.replace(b"/e/one", b"/e/two") == other.body
        assert one.headers == other.headers


@pytest.mark.parametrize("slug", [HOSTILE, '"onmouseover="x', "'; rm -rf ~; '", "$(id)", "`id`", "a&b", "\u202eé\n"])
def test_a_hostile_slug_is_only_ever_text(slug: str) -> None:
    html = gateway_page(PUBLIC_URL)(f"/e/{slug}", True).body.decode()
    plain = gateway_page(PUBLIC_URL)("/e/x", True).body.decode()
    assert _shape(html) == _shape(plain)
    command = re.search(r"<code>curl (.*?) \\", html)
    assert command is not None
    url = unescape(re.sub("<[^>]+>", "", command[1]))
    assert re.fullmatch(r"https://feed\.example\.org/e/[\w./%-]+/attendees|'[^'\s]+'", url), url


def _shape(html: str) -> list[str]:
    """A page's elements but for those that only colour."""
    return [tag for tag, _ in Elements(html).found if tag != "span"]


@only_sqlite
def test_the_commands_of_a_gateway_s_page_work(product: Product) -> None:
    """As printed, but for the keys; the stream, which does not end by itself, for a second."""
    event = product.make_event()
    event.batch_ok([{"profile.email": f"p{number}@example.org"} for number in range(18)])
    html = product.client.get(event.gateway, headers=HTML).text
    blocks = [
        unescape(re.sub("<[^>]+>", "", block)) for block in re.findall("<code>(curl .*?)</code>", html, re.DOTALL)
    ]
    answers = [_run(command, event) for command in blocks]
    assert json.loads(answers[0])["result"] == "created"
    assert len(json.loads(answers[1])["attendees"]) == 19
    assert [line["sequence"] for line in json.loads(answers[2])["changes"]] == [18, 19]
    assert re.findall("^id: ([0-9]+)$", answers[3], re.MULTILINE) == ["18", "19"]
    assert len(answers) == 4


def _run(command: str, event: TestedEvent) -> str:
    read_key = keys.create(event.database, event.id, scope="read").text
    command = command.replace("your-read-key", read_key).replace("your-key", event.key)
    done = subprocess.run(
        ["/bin/bash", "-c", command.replace("curl -N", "curl -N --max-time 1")],
        env=os.environ | {"NO_PROXY": "localhost"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (28 if "stream" in command else 0), done.stderr
    return done.stdout


def test_what_a_gateway_s_page_links_to_is_in_the_reference(client: TestClient[Litestar]) -> None:
    tags = {tag["name"] for tag in client.get("/openapi.json").json()["tags"]}
    html = gateway_page(PUBLIC_URL)("/e/summer-fair", True).body.decode()
    linked = set(re.findall(r'href="\.\./docs#/(\w+)"', html))
    assert linked == {"Read", "Follow", "Webhooks", "Exports", "Tokens"} <= tags


def test_a_gateway_tells_programs_the_same_facts() -> None:
    answer = gateway_page(PUBLIC_URL)("/e/summer-fair/", False)
    told: dict[str, Any] = json.loads(answer.body)
    assert header(answer, "content-type") == "application/json"
    assert told["push"]["method"] == "POST"
    assert told["push"]["url"] == "https://feed.example.org/e/summer-fair/attendees"
    assert told["documentation"] == "https://feed.example.org/docs"
    assert told["openapi"] == "https://feed.example.org/openapi.json"


def test_a1_at_a_host_of_its_own_a_gateway_names_that_host() -> None:
    told = json.loads(gateway_page(PUBLIC_URL)("/", False, "fair.example.org").body)
    assert told["push"]["url"] == "https://fair.example.org/attendees"
    html = gateway_page(PUBLIC_URL)("/e/summer-fair", True).body.decode()
    assert "curl https://feed.example.org/e/summer-fair/attendees" in html


def test_the_home_page_says_how_to_begin_and_names_no_event(client: TestClient[Litestar]) -> None:
    home = client.get("/", headers=HTML).text
    assert "turnout event create" in home
    assert "your-event" in home
