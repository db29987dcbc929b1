"""The event's settings: each explained with what the feed makes of a push, changed, asked back, and given back."""

import html
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from tests.console.browser import NARROW, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.console.signed_in import Visitor
from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.console.settings import words
from turnout.console.settings.examples import make_example
from turnout.console.settings.typed import GROUPS
from turnout.events import event as setting_up
from turnout.events import identity, policy
from turnout.events.setup import get_configuration
from turnout.model.event import Event

CHOICES = policy.choices() | {"identity": identity.CHOICES}
ADA = "ada@example.org"


def way(event: TestedEvent, more: str = "") -> str:
    return f"events/{event.slug}/settings{more}"


def get_event(event: TestedEvent) -> Event:
    return get_configuration(event.database, event.slug).event


def say(**profile: Any) -> Any:
    return {"profile": {"email": ADA, **profile}}


def undo(visitor: Visitor, page: str) -> Any:
    """Presses the button of the message."""
    found = re.search(r'action="[./]*console/([^"]+undo[^"]*)"', page)
    assert found, page[-3000:]
    path, _, query = html.unescape(found[1]).partition("?")
    token = visitor.client.cookies["turnout_csrf"]
    return visitor.client.post(path, params=parse_qs(query, keep_blank_values=True), data={"_csrf_token": token})


def test_every_setting_stands_there_with_a_sentence_and_what_each_choice_makes_of_a_push(
    product: Product, sign_in: SignIn
) -> None:
    event = product.make_event()
    page = html.unescape(sign_in("manager", event).get(way(event)).text)
    for name, values in CHOICES.items():
        its = words.find_words(name)
        assert its.title in page
        assert its.sentence in page
        assert its.choices.keys() == set(values)
        example = make_example(name, values)
        assert example.push in page
        # Each choice makes something else of it, or it would be no example.
        assert len({repr((one.old, one.new, one.answer)) for one in example.shown.values()}) == len(values)
        for value in values:
            assert f'name="{name}" value="{value}"' in page
            assert its.choices[value] in page
            assert (name, value) in words.HINTS or name == "lists"
    for name in words.FIELDS:
        title, sentence = words.FIELDS[name]
        assert title in page
        assert sentence in page
        assert f'name="{name}"' in page
    assert {name for names in GROUPS.values() for name in names} == policy.as_settings(get_event(event)).keys()


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("null", ["CTO", None]),
        ("blank", [None, "CTO"]),
        ("groups", [["Press", "Crew"], ["Speakers", "Press", "Crew"], ["Crew"]]),
        ("lists", [["Speakers; Press, TV"], ["Speakers; Press", "TV"], ["Speakers", "Press, TV"]]),
        ("mode", ["CEO", "CTO"]),
        ("identity", [[ADA, "ada@new.example"], ["ada@new.example"]]),
    ],
)
def test_an_example_shows_what_the_feed_does(name: str, new: list[Any]) -> None:
    shown = make_example(name, CHOICES[name]).shown
    assert [shown[value].new for value in CHOICES[name]] == new


def test_a_change_takes_effect_at_the_next_push_and_is_taken_back_with_one_press(
    product: Product, sign_in: SignIn
) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    event.push_ok(say(title="CTO"))
    event.push_ok(say(title=None))
    assert event.attendee(ADA)["profile"]["title"] == "CTO"
    page = manager.follow(manager.post(way(event, "/set/understood"), null="clear", was_null="keep")).text
    assert "From the next push on: A field that comes as null is emptied." in page
    event.push_ok(say(title=None))
    assert event.attendee(ADA)["profile"]["title"] is None
    manager.follow(undo(manager, page))
    event.push_ok(say(title="CEO"))
    event.push_ok(say(title=None))
    assert event.attendee(ADA)["profile"]["title"] == "CEO"
    back, there = audit.list_lines(event.database, event_id=event.id, action="event.set")
    assert (there.before, there.after, there.outcome) == ({"null": "keep"}, {"null": "clear"}, "done")
    assert (back.before, back.after) == ({"null": "clear"}, {"null": "keep"})


def test_what_somebody_else_has_set_meanwhile_is_not_undone_unseen(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    setting_up.set_up(event.database, event.id, {"blank": "keep", "null": "clear"})
    shown: dict[str, Any] = {"null": "keep", "was_null": "keep", "blank": "clear", "was_blank": "clear"}
    # What this form has left alone stays as the other one has it.
    manager.follow(manager.post(way(event, "/set/understood"), **shown, groups="add", was_groups="source"))
    its = get_event(event).policy
    assert (its.null, its.blank, its.groups) == ("clear", "keep", "add")
    answer = manager.post(way(event, "/set/times"), keep_bodies="40", was_keep_bodies="20")
    assert answer.status_code == 409
    assert "Somebody has set this to 30 meanwhile" in answer.text
    assert 'value="40"' in answer.text
    assert get_event(event).keep_bodies_days == 30


@pytest.mark.parametrize(
    ("group", "form", "said"),
    [
        ("times", {"time_zone": "Europe/Berln"}, "Did you mean Europe/Berlin"),
        ("times", {"ends_at": "tomorrow"}, "That is no date"),
        ("times", {"purge_after": "-1"}, "a number of days"),
        ("times", {"keep_bodies": "99999"}, "a number of days"),
        ("addresses", {"host": "no host"}, "That is no host name"),
        ("addresses", {"cors": "app.example.org"}, "did you mean https://app.example.org"),
        ("addresses", {"name": " "}, "A name has 1 to 255"),
        ("understood", {"null": "perhaps"}, "null can be keep or clear"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else None,
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_set(
    product: Product, sign_in: SignIn, group: str, form: dict[str, Any], said: str
) -> None:
    event = product.make_event()
    before = get_event(event)
    answer = sign_in("manager", event).post(way(event, f"/set/{group}"), **form)
    assert answer.status_code == 422
    (name,) = form
    error = answer.text.partition(f'id="f-{name}-error"')[2].partition("</p>")[0]
    assert said in html.unescape(error)
    assert get_event(event) == before


def test_a_host_belongs_to_one_event(product: Product, sign_in: SignIn) -> None:
    one, other = product.make_event(), product.make_event()
    host = f"{one.slug}.example.org"
    setting_up.set_up(one.database, one.id, {"host": host})
    answer = sign_in("manager", other).post(way(other, "/set/addresses"), host=host, was_host="")
    assert answer.status_code == 409
    assert "This host belongs to another event" in answer.text
    assert one.slug not in answer.text.replace(host, "")


def test_to_erase_everyone_is_asked_back_with_how_many_they_are(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    for number in range(3):
        event.push_ok({"profile": {"email": f"p{number}@example.org"}})
    form: dict[str, Any] = {"ends_at": "2020-01-01", "was_ends_at": "", "purge_after": "10", "was_purge_after": ""}
    asked = manager.post(way(event, "/set/times"), **form)
    assert "all 3 people would be erased within minutes, for good" in asked.text
    assert get_event(event).ends_at is None
    fields = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', asked.text.partition("confirmation")[2])
    )
    assert fields["confirmed"] == "purge"
    again: dict[str, Any] = {name: fields[name] for name in (*form, "confirmed")}
    said = manager.follow(manager.post(way(event, "/set/times"), **again)).text
    # A housekeeper of the server may have been quicker than this page.
    assert "Everyone is being erased now." in said or "Everyone was erased." in said
    assert get_event(event).purge_after_days == 10


def test_to_keep_bodies_for_a_shorter_time_is_asked_back(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    asked = manager.post(way(event, "/set/times"), keep_bodies="7", was_keep_bodies="30")
    assert "older than 7 days go within minutes, for good" in asked.text
    manager.follow(manager.post(way(event, "/set/times"), keep_bodies="7", was_keep_bodies="30", confirmed="bodies"))
    assert get_event(event).keep_bodies_days == 7


def test_who_is_who_is_foreseen_and_refused_where_people_share_an_address(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    event.push_ok(say(thirdPartyId="1"))
    change: dict[str, Any] = {"identity": "third_party_id", "was_identity": "email"}
    asked = manager.post(way(event, "/set/who"), **change)
    assert "Of 1 people here 1 have an id of a source" in asked.text
    assert get_event(event).identity == "email"
    manager.follow(manager.post(way(event, "/set/who"), **change, confirmed="identity"))
    assert get_event(event).identity == "third_party_id"
    event.push_ok(say(thirdPartyId="2"))
    answer = manager.post(way(event, "/set/who"), identity="email", was_identity="third_party_id")
    assert answer.status_code == 409
    assert f"Several people here have one address: {ADA} (2 people)" in answer.text


def test_the_last_day_stays_the_last_day_in_another_time_zone(product: Product, sign_in: SignIn) -> None:
    event = product.make_event(ends_at="2027-05-04")
    manager = sign_in("manager", event)
    before = get_event(event).ends_at
    form: dict[str, Any] = {
        "time_zone": "Asia/Tokyo",
        "was_time_zone": "UTC",
        "ends_at": "2027-05-04",
        "was_ends_at": "2027-05-04",
    }
    page = manager.follow(manager.post(way(event, "/set/times"), **form))
    assert policy.as_settings(get_event(event))["ends_at"] == "2027-05-04"
    assert get_event(event).ends_at != before
    manager.follow(undo(manager, page.text))
    assert (get_event(event).ends_at, get_event(event).time_zone) == (before, "UTC")


def test_a_viewer_sees_all_of_it_and_changes_nothing(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    viewer = sign_in("viewer", event, sees_personal=False)
    page = viewer.get(way(event)).text
    assert "Whoever manages this event can change these settings" in page
    assert re.findall(r'<input[^>]*type="radio"', page) == []
    assert 'action="../../../console/events' not in page
    for path in ("/set/understood", "/undo", "/sources/1", "/new-webhook", "/names/groups/1/rename"):
        assert viewer.post(way(event, path), null="clear").status_code == 403
    assert get_event(event).policy.null == "keep"


def test_names_that_mean_harm_are_shown_as_they_are(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    naughty = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    setting_up.set_up(event.database, event.id, {"name": naughty})
    event.make_source(naughty, blank="keep")
    event.push_ok({**say(), "eventInfo": {"groups": {"groupNames": [naughty]}}})
    manager = sign_in("manager", event)
    for path in ("", "/sources/2", "/names", "/names/groups/1/rename", "/new-webhook"):
        page = manager.get(way(event, path))
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
    page = manager.post(way(event, "/set/addresses"), host=naughty, cors=naughty)
    assert page.status_code == 422
    assert "<img" not in page.text


@only_sqlite
def test_settings_are_read_and_set_in_a_browser_without_a_script_too(
    product: Product, sign_in: SignIn, screens: Screens
) -> None:
    event = product.make_event()
    manager = sign_in("manager", event)
    page = screens.open(manager, way(event), script=False, width=NARROW, dark=True)
    check_fits(page)
    page.get_by_role("radio", name="keeps its value").nth(1).check()
    page.get_by_role("button", name="Save how pushes are understood").click()
    expect(page.get_by_text("From the next push on: A field that comes blank keeps its value.")).to_be_visible()
    assert get_event(event).policy.blank == "keep"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("From the next push on: A field that comes blank is emptied.")).to_be_visible()
    scripted = screens.open(manager, way(event))
    check_axe(scripted)
    for path in ("/sources/1", "/names", "/new-webhook"):
        scripted.goto(way(event, path))
        check_axe(scripted)
    assert get_event(event).policy.blank == "clear"
