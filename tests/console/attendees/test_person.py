"""One attendee: why each value is so, what happened, live; who sees what; and whoever is not here any more."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.attendees.peopled import (
    NASTY,
    STAFF,
    decide,
    find_line,
    get_ok,
    make_full,
    read_text,
    way_of,
)
from tests.console.browser import Screens
from tests.console.conftest import SignIn
from tests.product import Product, TestedEvent
from turnout.console.attendees.timeline import MOMENTS
from turnout.events import sources
from turnout.feed.acts import decisions
from turnout.feed.acts.merge import merge
from turnout.feed.by_hand.go_live import replay_rehearsed
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.model.attendee import PROFILE_FIELDS

ADA = "ada@example.org"


@pytest.fixture
def event(product: Product) -> TestedEvent:
    return product.make_event()


def say(
    event: TestedEvent, email: str = ADA, *, key: str = "", groups: list[str] | None = None, **profile: object
) -> str:
    """The id of the push."""
    body: dict[str, object] = {"profile": {"email": email, **profile}}
    if groups is not None:
        body["eventInfo"] = {"groups": {"groupNames": groups}}
    receipt = event.push_ok(body, key=key or event.key)
    return str(receipt["id"])


def test_why_does_it_say_that(event: TestedEvent, sign_in: SignIn) -> None:
    shop = event.make_source("Ticket shop")
    say(event, title="CEO", city="Bonn", firstName="Ada")
    second = say(event, key=shop, title="CTO")
    say(event, city="")
    page = get_ok(sign_in("viewer", event), way_of(event, ADA))
    title = find_line(page, "Title")
    assert title.startswith("CTO Title: why does it say that? Ticket shop, ")
    assert re.search(r"Ticket shop set this on \d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC\. See the push Before: CEO", title)
    assert f"events/{event.slug}/pushes/{second}" in page
    assert "main emptied this" in (city := find_line(page, "City"))
    assert city.startswith("empty")
    assert city.endswith("Before: Bonn")
    assert find_line(page, "First name").endswith("Nothing was there before.")
    # What nobody ever said is folded away, and all 22 are there.
    assert f"{len(PROFILE_FIELDS) - 4} fields are not set" in read_text(page)
    assert "Biography" in page


def test_a_value_says_why_it_stays(event: TestedEvent, sign_in: SignIn) -> None:
    event.push_ok({"observedAt": "2026-05-01T10:00:00Z", "profile": {"email": ADA, "title": "CTO", "motto": "Yes"}})
    event.push_ok({"observedAt": "2026-04-01T10:00:00Z", "profile": {"email": ADA, "title": "Intern"}})
    decide(event, decisions.pin, ADA, "profile.motto", is_pinned=True)
    say(event, motto="No")
    page = get_ok(sign_in("viewer", event), way_of(event, ADA))
    title, motto = find_line(page, "Title"), find_line(page, "Motto")
    assert title.startswith("CTO")
    assert "It was true on 1 May 2026, 10:00:00 UTC, by the sender's own word" in title
    assert motto.startswith("Yes")
    assert "Staff hold this field: it stays as it is, whatever sources send" in motto
    assert "Motto held by staff" in read_text(page)


def test_what_took_effect_at_go_live_is_the_sources_word(event: TestedEvent, sign_in: SignIn) -> None:
    shop = event.make_source("Ticket shop")
    sources.set_up(event.database, event.id, "Ticket shop", {"mode": "rehearsal"})
    rehearsed = say(event, key=shop, title="CTO")
    sources.set_up(event.database, event.id, "Ticket shop", {"mode": "live"})
    replay_rehearsed(event.database, Configurations(event.database), event.slug, [rehearsed], actor=STAFF)
    page = get_ok(sign_in("viewer", event), way_of(event, ADA))
    title = find_line(page, "Title")
    assert title.startswith("CTO Title: why does it say that? Ticket shop, ")
    # What happened says the same.
    assert re.search(
        rf"Added by Ticket shop, rehearsed [^;]+:\d\d ?; {STAFF} let it take effect See the", read_text(page)
    )
    assert f"Ticket shop ({STAFF})" not in page
    assert re.search(rf"Ticket shop sent this on [^.]+, while it rehearsed\. {STAFF} let it take effect on ", title)
    assert "sender's own word" not in title


def test_what_people_set_is_under_their_name(event: TestedEvent, sign_in: SignIn) -> None:
    say(event, firstName="Ada")
    decide(event, decisions.rename, ADA, "new@example.org")
    page = get_ok(sign_in("viewer", event), way_of(event, "new@example.org"))
    assert find_line(page, "E-mail").startswith(f"new@example.org E-mail: why does it say that? {STAFF}, ")
    assert f"Also known as {ADA}" in read_text(page)
    assert f"Changed by {STAFF}" in read_text(page)


def test_groups_and_sources_say_who_says_so(event: TestedEvent, sign_in: SignIn) -> None:
    shop = event.make_source("Ticket shop")
    say(event, groups=["VIP", "Press"], thirdPartyId="C-7")
    say(event, key=shop, groups=["VIP"])
    decide(event, decisions.hold, ADA, "Press", is_in=False)
    decide(event, decisions.hold, ADA, "Crew", is_in=True)
    said = read_text(get_ok(sign_in("viewer", event), way_of(event, ADA)))
    assert "VIP main, Ticket shop say so" in said
    assert "Press held out by staff main says so" in said
    assert "Crew held in by staff" in said
    assert "main expects them Id there: C-7 Its latest push" in said
    assert "Held out of the group Press" in said


def test_fields_of_all_kinds_are_there(event: TestedEvent, sign_in: SignIn) -> None:
    event.push_ok(
        {
            "profile": {
                "email": ADA,
                "shoe": {"size": "38"},
                "biography": "word " * 400,
                "customFields": [
                    {"fieldName": f"Field {number}", "fieldValue": ["one", "two"] if number else "three"}
                    for number in range(30)
                ],
            }
        }
    )
    page = get_ok(sign_in("viewer", event), way_of(event, ADA))
    assert find_line(page, "Field 0").startswith("three")
    assert find_line(page, "Field 29").startswith("one two")
    assert '"size": "38"' in find_line(page, "profile.shoe")
    assert "… All of it word word" in find_line(page, "Biography")


def test_what_happened_goes_back_to_the_beginning(event: TestedEvent, sign_in: SignIn) -> None:
    shop = event.make_source("Ticket shop")
    say(event, title="t0", groups=["VIP"])
    for number in range(1, 2 * MOMENTS + 5):
        say(event, title=f"t{number}")
    say(event, key=shop, groups=["Press"])
    viewer, path = sign_in("viewer", event), way_of(event, ADA)
    answer = viewer.get(path)
    first = read_text(answer.text)
    assert "Changed by Ticket shop" in first
    assert "joined Press" in first
    assert f"Title from t{2 * MOMENTS + 3} to t{2 * MOMENTS + 4}" in first
    seen = re.findall(r"Title from t(\d+) to", first)
    while (earlier := re.search(r'hx-get="([^"]+before=\d+)"', answer.text)) is not None:
        # Whole without a script, and the part alone with one.
        answer = viewer.client.get(answer.url.join(earlier[1]))
        assert "Back to how it is now" in answer.text
        fragment = viewer.client.get(answer.url, headers={"HX-Request": "true"}).text
        assert "<html" not in fragment
        found = re.findall(r"Title from t(\d+) to", read_text(fragment))
        assert found == re.findall(r"Title from t(\d+) to", read_text(answer.text))
        seen += found
    assert seen == [str(number) for number in range(2 * MOMENTS + 3, -1, -1)]
    assert "Added by main" in read_text(answer.text)
    say(event, "grace@example.org")
    assert viewer.get(path, before=2 * MOMENTS + 7).status_code == 404


def test_who_was_merged_leads_on_and_who_was_erased_is_not_here(event: TestedEvent, sign_in: SignIn) -> None:
    say(event, "old@example.org", title="CEO")
    say(event, title="CTO")
    viewer, old, kept = sign_in("viewer", event), way_of(event, "old@example.org"), way_of(event, ADA)
    decide(event, merge, "old@example.org", ADA)
    page = get_ok(viewer, old)
    assert "Merged into another attendee" in page
    assert f'{kept}"' in page
    assert "Title" in read_text(page)
    assert f'{old}"' in get_ok(viewer, kept)
    erase(event.database, Configurations(event.database), event.id, ADA, STAFF)
    for path in (old, kept):
        answer = viewer.get(path)
        assert (answer.status_code, "was erased" in answer.text) == (404, True)


def test_people_of_other_events_and_addresses_are_not_found(
    product: Product, event: TestedEvent, sign_in: SignIn
) -> None:
    other = product.make_event()
    say(other)
    say(event, "grace@example.org")
    viewer = sign_in("viewer", event)
    attendee_id = other.attendee(ADA)["id"]
    for wrong in (attendee_id, "grace@example.org", "att_nothing"):
        assert viewer.get(f"events/{event.slug}/attendees/{wrong}").status_code == 404, wrong
    assert viewer.get(f"events/{other.slug}/attendees/{attendee_id}").status_code == 404


def test_who_sees_no_names_is_shown_no_value_of_theirs(event: TestedEvent, sign_in: SignIn) -> None:
    shop = event.make_source("Ticket shop")
    event.push_ok(make_full(event, "Zanzibar"))
    event.push_ok(make_full(event, "Zoroaster"), key=shop)
    decide(event, decisions.rename, "full@example.org", "other@sample.net")
    decide(event, decisions.pin, "other@sample.net", "profile.title", is_pinned=True)
    path = way_of(event, "other@sample.net")
    everything = re.compile(r"Z(anzi|oro)\w*|full@\S*|other@\S*|unheard|sample\.net")
    assert len(set(everything.findall(get_ok(sign_in("viewer", event), path)))) > 0
    masked = sign_in("viewer", event, sees_personal=False)
    pages = [get_ok(masked, path), get_ok(masked, path, before="1"), masked.get(path, fragment=True, before="1").text]
    with masked.client.stream("GET", f"{path}/live?since=0") as live:
        pages.append(next(piece for piece in live.iter_text() if "hx-partial" in piece))
    for page in pages:
        assert [found.group() for found in everything.finditer(page)] == []
    said = read_text(pages[0])
    assert "Title changed, hidden" in said
    assert "joined VIP" in said
    assert "Title: why does it say that? Ticket shop" in said


def test_no_value_is_markup(event: TestedEvent, sign_in: SignIn) -> None:
    body = make_full(event, NASTY)
    body["profile"]["customFields"].append({"fieldName": NASTY, "fieldValue": [NASTY, NASTY]})
    body["profile"][NASTY] = {NASTY: [NASTY]}
    body["eventInfo"]["groups"]["groupNames"] = [NASTY]
    event.push_ok(body, key=event.make_source(NASTY))
    page = get_ok(sign_in("viewer", event), way_of(event, "full@example.org"))
    assert page.count("&lt;script&gt;") > 50
    assert "<script>alert" not in page
    assert "<img" not in page


def test_a_change_shows_while_somebody_looks(event: TestedEvent, sign_in: SignIn, screens: Screens) -> None:
    shop = event.make_source("Ticket shop")
    say(event, firstName="Ada", title="t0", city="Bonn", groups=["VIP"])
    for number in range(1, MOMENTS + 5):
        say(event, title=f"t{number}")
    page = screens.open(sign_in("viewer", event), way_of(event, ADA))
    expect(page.locator("[data-live=live]")).to_be_visible()
    page.evaluate("window.isStillTheSame = true")
    why = page.locator(".known", has_text="City").locator(".why")
    why.locator("summary").click()
    expect(why.get_by_text("Nothing was there before.")).to_be_visible()
    page.get_by_role("link", name="Earlier").click()
    expect(page.get_by_text("Added")).to_have_count(2)
    say(event, "nobody@example.org", firstName="Nobody")
    say(event, key=shop, title="Countess", firstName="Augusta", groups=["Press"])
    title = page.locator(".known-new", has_text="Title")
    expect(title).to_contain_text("Countess")
    expect(title).to_contain_text("just changed")
    expect(page.locator("#person-name")).to_have_text("Augusta")
    expect(page.locator("#groups .known-new")).to_contain_text("Press")
    expect(page.locator("#person-said")).to_have_text(re.compile("^Changed by Ticket shop: .*Title"))
    expect(page.locator("#moments > li").first).to_contain_text("Countess")
    # What was open stays open, and what was there stays there, each once.
    expect(why.get_by_text("Nothing was there before.")).to_be_visible()
    expect(page.get_by_text("Added")).to_have_count(2)
    moves = page.locator(".moment .diff", has_text=re.compile(r"to t\d"))
    expect(moves).to_have_count(MOMENTS + 4)
    event.push_ok({"profile": {"email": ADA}, "eventInfo": {"attending": False}})
    event.push_ok({"profile": {"email": ADA}, "eventInfo": {"attending": False}}, key=shop)
    expect(page.locator("#person-status")).to_have_text("withdrawn")
    assert page.evaluate("window.isStillTheSame")
    say(event, "kept@example.org", title="CTO")
    decide(event, merge, ADA, "kept@example.org")
    page.get_by_role("link", name="Go there").click()
    expect(page.locator("#person-email, #person-name").get_by_text("Augusta")).to_be_visible()
    erase(event.database, Configurations(event.database), event.id, "kept@example.org", STAFF)
    expect(page.get_by_text("There is nothing here any more")).to_be_visible()
