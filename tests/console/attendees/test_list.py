"""The list of attendees: filtered, searched, sorted, paged, empty, live; and who sees what of it."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.attendees.peopled import NASTY, get_ok, list_rows, make_full, read_text, way_of
from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.console.signed_in import Visitor, make_user
from tests.databases import only_sqlite
from tests.downstream.attendees.crowd import Person, list_expected, make_crowd, push_crowd
from tests.product import Product, TestedEvent
from turnout.changes.turn import Turn
from turnout.console.attendees.lists import ROWS
from turnout.console.attendees.news import MAX_FILTERED
from turnout.downstream.attendees import moment
from turnout.store import listing

ASKED: list[dict[str, Any]] = [
    {},
    {"group": "vip"},
    {"source": "Shop"},
    {"field": "Diet", "value": "VEGAN"},
    {"status": "withdrawn", "sort": "lastName"},
    {"status": "all", "group": "Press", "sort": "-email"},
    {"sort": "-updated"},
    {"sort": "created", "group": "Crew"},
    {"q": "anna", "sort": "email"},
    {"q": "gros", "group": "VIP", "sort": "-lastName"},
]


@pytest.fixture
def crowd(product: Product) -> tuple[TestedEvent, list[Person]]:
    event, people = product.make_event(), make_crowd(2 * ROWS + 10)
    push_crowd(event, people)
    return event, people


def expect_of(people: list[Person], asked: dict[str, str]) -> list[str]:
    """The whole list, by a plain reading of what is asked for."""
    query = {name: value for name, value in asked.items() if name not in ("field", "value")}
    if "field" in asked:
        query["customField.diet"] = asked["value"]
    if "group" in query:
        query["group"] = query["group"].lower()
    return list_expected(people, {"sort": "-id"} | query)


def test_filters_search_and_order_lead_to_the_right_people_page_by_page(
    crowd: tuple[TestedEvent, list[Person]], sign_in: SignIn
) -> None:
    event, people = crowd
    viewer = sign_in("viewer", event)
    for asked in ASKED:
        found: list[str] = []
        answer = viewer.get(f"events/{event.slug}/attendees", **asked)
        while True:
            assert answer.status_code == 200, asked
            found += list_rows(answer.text)
            following = re.search(r'rel="next" href="([^"]+)"', answer.text)
            if following is None:
                break
            assert len(list_rows(answer.text)) == ROWS
            answer = viewer.client.get(answer.url.join(html.unescape(following[1])))
        assert found == expect_of(people, asked), asked
        assert found != []


def test_an_order_is_told_to_those_who_do_not_see_it(crowd: tuple[TestedEvent, list[Person]], sign_in: SignIn) -> None:
    event, _ = crowd
    page = get_ok(sign_in("viewer", event), f"events/{event.slug}/attendees", sort="lastName", group="VIP")
    assert re.search(r'aria-sort="ascending"><a href="[^"]*group=VIP&amp;sort=-lastName">Name', page)
    assert "aria-sort" not in page.partition("Changed")[2]


def test_how_many_there_are_is_said_where_that_is_known(
    crowd: tuple[TestedEvent, list[Person]], sign_in: SignIn
) -> None:
    event, people = crowd
    viewer, path = sign_in("viewer", event), f"events/{event.slug}/attendees"
    attending = sum(one.status == "attending" for one in people)
    assert f"{attending} attendees" in read_text(get_ok(viewer, path))
    assert f"{len(people)} attendees" in read_text(get_ok(viewer, path, status="all"))
    few = len(expect_of(people, {"q": "gros", "group": "vip"}))
    assert f"{few} attendee" in read_text(get_ok(viewer, path, q="gros", group="VIP"))
    for many in ({"source": "main"}, {"q": "ex"}):
        assert f"More than {ROWS} attendees" in read_text(get_ok(viewer, path, status="all", **many))


def test_a_list_of_nobody_says_what_to_do(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager, viewer, path = sign_in("manager", event), sign_in("viewer", event), f"events/{event.slug}/attendees"
    assert "Nobody yet" in (page := get_ok(manager, path))
    assert f"events/{event.slug}/connect" in page
    assert "Connect an integrator" not in get_ok(viewer, path)
    event.push_ok({"profile": {"email": "ada@example.org"}})
    page = get_ok(viewer, path, q="grace")
    assert "Nobody matches" in page
    assert "Clear the filters" in page
    # Names change: an old address says so, and what a script asks for is shown all the same.
    answer = viewer.get(path, group="Nowhere")
    assert (answer.status_code, 'There is no group "Nowhere"' in read_text(answer.text)) == (400, True)
    assert 'There is no group "Nowhere"' in read_text(viewer.get(path, fragment=True, group="Nowhere").text)
    assert viewer.get(path, cursor="nonsense").status_code == 400
    nonsense = get_ok(viewer, path, sort="nonsense", status="nonsense", field="Diet")
    assert read_text(nonsense) == read_text(get_ok(viewer, path, field="Diet"))


def test_a_list_that_is_catching_up_says_so_and_comes_by_itself(
    start_product: Callable[..., Product], screens: Screens
) -> None:
    product = start_product()
    event = product.make_event()
    # Somebody else has the turn to write the list index, and does nothing.
    turn = Turn(event.database, listing.CONSUMER, 600_000_000)
    assert turn.take()
    people = [{"profile": {"email": f"p{number}@example.org"}} for number in range(moment.MAX_TAIL_LINES + 1)]
    event.batch_ok(people, "?receipts=summary")
    with Visitor(product, make_user(event.database, "viewer", [event])) as viewer:
        path = f"events/{event.slug}/attendees"
        assert len(list_rows(get_ok(viewer, path))) == ROWS
        answer = viewer.get(path, sort="email")
        assert (answer.status_code, "This list is catching up" in answer.text) == (503, True)
        page = screens.open(viewer, path)
        page.get_by_role("combobox", name="Order").select_option("email")
        expect(page.get_by_text("This list is catching up")).to_be_visible()
        turn.give_back()
        expect(page.locator("#rows tr")).to_have_count(ROWS)


def test_who_sees_no_names_sees_none_and_finds_nobody_by_them(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok(make_full(event, "Zanzibar"))
    event.push_ok({"profile": {"email": "other@example.org", "firstName": "Zoroaster"}})
    masked, path = sign_in("viewer", event, sees_personal=False), f"events/{event.slug}/attendees"
    page = ""
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"q": "Zanz"},
        {"field": "Diet", "value": "Zanzibar diet"},
        {"sort": "email"},
        {"sort": "lastName"},
    )
    for query in asked:
        page = get_ok(masked, path, **query)
        assert page.count("row-link") == 2, query
        assert not re.search("Zanz|Zoro|full@|other@", page), query
        assert "VIP" in page
    assert [name in page for name in ("Search attendees", 'name="field"', "/files", "sort=lastName")] == [False] * 4


def test_names_are_no_markup(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    profile = dict.fromkeys(("firstName", "lastName", "company", "title"), NASTY)
    event.push_ok(
        {
            "profile": {
                "email": "ann@example.org",
                **profile,
                "customFields": [{"fieldName": NASTY, "fieldValue": NASTY}],
            },
            "eventInfo": {"groups": {"groupNames": [NASTY]}},
        }
    )
    viewer = sign_in("viewer", event)
    asked: tuple[dict[str, Any], ...] = ({}, {"group": NASTY}, {"field": NASTY, "value": NASTY}, {"source": NASTY})
    for query in asked:
        for path in ("attendees", "attendees/files"):
            page = viewer.get(f"events/{event.slug}/{path}", **query).text
            assert "<script>alert" not in page, query
            assert "<img" not in page, query


def test_it_says_that_some_have_changed_and_nothing_jumps(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    page = screens.open(sign_in("viewer", event), f"events/{event.slug}/attendees")
    expect(page.get_by_text("Nobody yet")).to_be_visible()
    expect(page.locator("[data-live=live]")).to_be_visible()
    # Where there was nobody the first one comes by itself.
    event.push_ok({"profile": {"email": "ada@example.org", "firstName": "Ada"}})
    expect(page.locator("#rows tr")).to_have_count(1)
    event.push_ok({"profile": {"email": "grace@example.org"}})
    event.push_ok({"profile": {"email": "ada@example.org", "title": "CTO"}})
    show = page.locator("#news").get_by_role("link", name="2 have changed: show")
    expect(show).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(1)
    show.click()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#news")).to_be_empty()
    # Of those who are not in the list nothing is said.
    page.get_by_role("searchbox", name="Search attendees").fill("gra")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows")).to_contain_text("grace@example.org")
    expect(page).to_have_url(re.compile("q=gra"))
    event.push_ok({"profile": {"email": "ada@example.org", "title": "CEO"}})
    event.push_ok({"profile": {"email": "grace@example.org", "title": "CEO"}})
    expect(page.locator("#news")).to_have_text("1 has changed: show")
    page.locator("#news a").click()
    expect(page.locator("#rows")).to_contain_text("CEO")
    many = [{"profile": {"email": f"grace{number}@example.org"}} for number in range(MAX_FILTERED + 1)]
    event.batch_ok(many, "?receipts=summary")
    expect(page.locator("#news")).to_have_text("Many have changed: show")


@only_sqlite
@pytest.mark.parametrize(("width", "dark"), [(NARROW, True), (WIDE, False)], ids=["narrow", "wide"])
def test_the_pages_are_for_everybody_and_fit(
    crowd: tuple[TestedEvent, list[Person]], sign_in: SignIn, screens: Screens, width: int, dark: bool
) -> None:
    event, _ = crowd
    full = make_full(event, "Zanzibar" * 9)
    event.push_ok(full)
    viewer, path = sign_in("viewer", event), f"events/{event.slug}/attendees"
    for way in (path, f"{path}?q=nobody-is-called-so", way_of(event, "full@example.org"), f"{path}/files"):
        page = screens.open(viewer, way, width=width, dark=dark)
        check_fits(page)
        check_axe(page)
