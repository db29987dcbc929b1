"""An installation in which there is much of everything, and all of its pages, found by following links."""

import json
import re
from collections import Counter, deque

import msgspec

from tests.console.reading import Read
from tests.console.signed_in import Visitor, make_user
from tests.product import Product, TestedEvent
from turnout.access import links, tokens
from turnout.console.page import Page
from turnout.console.pages import list_pages
from turnout.downstream.webhooks import endpoint
from turnout.events import event as setting_up
from turnout.events import handouts, keys
from turnout.events.setup import get_configuration
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.user import User
from turnout.now import now_us
from turnout.store import push_counts
from turnout.store.push_counts import SLOT_US

EVENTS = 200
PEOPLE = 320
ALIKE = 1
"""Addresses of one page that are looked at."""
_LONG = "Northwind Logistics and Cold Stores, Copenhagen and Aarhus"


class Crowd(msgspec.Struct, frozen=True):
    """Who looks at it, and where he begins."""

    event: TestedEvent
    administrator: User
    begins: list[str]
    """Pages below /console/ that have most, or that nothing leads to."""


def fill(product: Product) -> Crowd:
    """Long names, many events, sources, people, fields, groups, failures, users, and what else there can be."""
    database = product.server.database
    ann = make_user(database, name="Ann Example", email="ann@example.org")
    made, key = setting_up.create(database, _LONG, "crowd")
    event = TestedEvent(product, made.id, made.slug, key)
    others = [setting_up.make_event(f"{_LONG} {number}", f"event-{number}") for number in range(EVENTS)]
    at, day = now_us() // SLOT_US, 24 * 6
    with database.write() as connection:
        for one in others:
            setting_up.add_event(connection, one)
        counts = [(one.id, at - slot, 1, "updated", 7 + slot % 11) for one in others for slot in range(6, day, 6)]
        month = [(event.id, at - slot, 1, "failed", 3 + slot % 17) for slot in range(1, 30 * day, 6)]
        push_counts.add_counts(connection, [*counts, *month])
    people = [event.push_ok(_make_person(0))["attendee"]["id"]]
    event.batch_ok({"attendees": [_make_person(number) for number in range(PEOPLE)]})
    event.batch_ok({"attendees": [_make_broken(number) for number in range(60)]})
    failed = event.push_failed(_make_broken(60))["id"]
    _add_sources(event)
    viewer = _add_people(product, ann)
    handout, link = handouts.create(database, event.id, "Sheet", "python", label=_LONG, actor=ann.email)
    handouts.take_key(database, handout)
    way = f"events/{event.slug}"
    invited = links.invite(database, product.server.url, "invited@example.org").url.partition("/console/")[2]
    begins = [
        "events",
        f"{way}/pushes/{failed}",
        f"{way}/pushes/{failed}/replay",
        f"{way}/attendees/{people[0]}",
        f"{way}/try?push={failed}",
        f"{way}/pushes/replay?result=failed",
        f"{way}/pushes/replays",
        f"{way}/settings/names?kind=fields",
        f"{way}/settings/names?kind=groups",
        f"h/{link}",
        f"h/{link}?tool=php",
        invited,
        f"{way}/connect/sources/{handout.source_number}/go-live",
        f"installation/users/{viewer.id}/disable",
        "search?q=example",
        "new-event",
    ]
    return Crowd(event, ann, begins)


def tour(visitor: Visitor, crowd: Crowd) -> dict[str, list[str]]:
    """The addresses of all pages that links lead to, with their path in the route table."""
    base = str(visitor.client.base_url)
    waiting, seen = deque([base + way for way in crowd.begins]), set[str]()
    alike: Counter[str] = Counter()
    found: dict[str, list[str]] = {}
    while waiting:
        url = waiting.popleft().partition("#")[0]
        page = find_page(url.removeprefix(base).partition("?")[0])
        if url in seen or page is None or (alike[page.path] >= ALIKE and url.removeprefix(base) not in crowd.begins):
            continue
        seen.add(url)
        alike[page.path] += 1
        answer = visitor.client.get(url)
        if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
            if "<!doctype html>" not in answer.text[:1000]:
                continue
            found.setdefault(page.path, []).append(url)
            waiting.extend(way for way in Read(answer.text, url).ways if way.startswith(base))
    return found


def find_page(path: str) -> Page | None:
    """The one of the route table that is asked for by this path below /console/; those without places first."""
    pages = sorted((page for _, page in list_pages() if page.method == "GET"), key=lambda page: page.path.count("{"))
    return next((page for page in pages if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", page.path), path)), None)


def _make_person(number: int) -> dict[str, object]:
    named = {field: f"{_LONG} {field} {number}" for field in PROFILE_FIELDS if field != "email"}
    fields = [
        {"fieldName": f"Question {one} of the organisers", "fieldValue": f"{_LONG} {number}"}
        for one in range(40 if number == 0 else 3)
    ]
    groups = [f"{_LONG}, group {(number + one) % 60}" for one in range(20 if number == 0 else 3)]
    return {
        "profile": {**named, "email": f"attendee.with.a.long.name.{number}@example.org", "customFields": fields},
        "eventInfo": {"groups": {"groupNames": groups}},
        **{f"unknown{one}": "kept" for one in range(number % 20)},
    }


def _make_broken(number: int) -> dict[str, object]:
    """A large one, with many mistakes."""
    wrong = {field: {"no": "text"} for field in PROFILE_FIELDS if field != "email"}
    return {
        "profile": {**wrong, "email": f"nobody {number}", "customFields": [{"fieldName": ""} for _ in range(60)]},
        "notes": json.dumps([_LONG] * 100),
    }


def _add_sources(event: TestedEvent) -> None:
    configuration = get_configuration(event.database, event.slug)
    for number in range(6):
        name = f"Ticket shop {number}"
        keys.create(event.database, event.id, label=name)
        handouts.create(event.database, event.id, name, "curl", label=_LONG, actor="ann@example.org")
        endpoint.create(event.database, configuration, f"https://hooks.example.org/{number}/{_LONG.replace(' ', '-')}")
    for number in range(4):
        keys.create(event.database, event.id, label=f"{_LONG} {number}", scope="read")
    for _ in range(5):
        event.push({}, key=None)


def _add_people(product: Product, ann: User) -> User:
    """Tokens, and many users, of whom it gives the last."""
    database = product.server.database
    for number in range(10):
        tokens.create(database, ann.id, f"{_LONG} {number}")
    for number in range(25):
        viewer = make_user(database, "viewer", name=f"{_LONG} {number}", email=f"viewer.{number}@example.org")
    return viewer
