"""One event at a glance: waiting, live, how it is and what is odd; and who sees what of it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout.alerts.look import look
from turnout.events import keys, sources
from turnout.feed.configurations import Configurations
from turnout.model.alert import Alert
from turnout.now import new_id, now_us
from turnout.store import alerts, push_counts, refusals
from turnout.store.push_counts import SLOT_US
from turnout.store.refusals import Refusal

ADA = {"profile": {"email": "ada@example.org", "frist_name": "Ada"}}


def read_text(page: str) -> str:
    """A page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def read_until(pieces: Iterator[str], words: str) -> str:
    """What a live page is sent, as far as the end of the message with these words."""
    said = ""
    while words not in said or not said.endswith("\n\n"):
        said += next(pieces)
    return said


@pytest.fixture
def fair(product: Product) -> TestedEvent:
    """An event with a success, a failure and an unknown field."""
    event = product.make_event()
    event.push_ok(ADA)
    event.push_failed({"profile": {"email": "nobody-knows"}})
    return event


def test_what_is_waited_for_appears_without_reloading(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    page = screens.open(sign_in("manager", event), f"events/{event.slug}")
    expect(page.get_by_text("Waiting for the first push")).to_be_visible()
    expect(page.locator("#gateway")).to_have_text(re.compile(f"/e/{event.slug}$"))
    expect(page.locator("[data-live=live]")).to_be_visible()
    page.evaluate("window.isStillTheSame = true")
    first = event.push_ok(ADA)
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows a")).to_have_attribute("href", f"../../console/events/{event.slug}/pushes/{first['id']}")
    expect(page.locator("#rows")).to_contain_text("created")
    expect(page.get_by_text("Waiting for the first push")).to_have_count(0)
    event.push_failed({"profile": {"email": "nobody-knows"}})
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text("has no @")
    # A batch that is more than the page holds: the latest of it stay.
    event.batch_ok({"attendees": [{"profile": {"email": f"b{number}@example.org"}} for number in range(60)]})
    expect(page.locator("#rows tr")).to_have_count(50)
    expect(page.locator("#rows tr").first).to_contain_text("b59@example.org")
    event.push_ok({"profile": {"email": "latest@example.org"}})
    expect(page.locator("#rows tr").first).to_contain_text("latest@example.org")
    expect(page.locator("#rows tr")).to_have_count(50)
    # The numbers follow, more slowly.
    expect(page.locator("#signs")).to_contain_text("63")
    assert page.evaluate("window.isStillTheSame")


def test_a_page_that_stands_still_shows_what_it_missed_when_it_goes_on(
    fair: TestedEvent, sign_in: SignIn, screens: Screens
) -> None:
    page = screens.open(sign_in("viewer", fair), f"events/{fair.slug}")
    page.get_by_role("button", name="Pause").click()
    fair.push_ok({"profile": {"email": "bob@example.org"}})
    expect(page.get_by_text("paused, there is news")).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(2)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#rows tr").first).to_contain_text("bob@example.org")
    fair.push_ok({"profile": {"email": "eve@example.org"}})
    expect(page.locator("#rows tr").first).to_contain_text("eve@example.org")


@only_sqlite
def test_it_is_for_everybody_and_fits_a_telephone(fair: TestedEvent, sign_in: SignIn, screens: Screens) -> None:
    ann = sign_in("administrator")
    for path, width, dark in (
        (f"events/{fair.slug}", NARROW, True),
        ("events", NARROW, False),
        ("new-event", WIDE, True),
    ):
        page = screens.open(ann, path, width=width, dark=dark)
        check_axe(page)
        check_fits(page)


def test_it_says_what_is_odd_and_what_to_do(fair: TestedEvent, sign_in: SignIn) -> None:
    shop = keys.create(fair.database, fair.id, label="Ticket shop").key
    keys.revoke(fair.database, shop.id)
    at = now_us()
    with fair.database.write() as connection:
        refused = Refusal(fair.id, "192.0.2.7", shop.id, count=12, first_at=at, last_at=at)
        refusals.add_refusals(connection, [refused])
        earlier = [(fair.id, at // SLOT_US - 6 * hours, 1, "updated", 40) for hours in range(1, 500)]
        push_counts.add_counts(connection, earlier)
    viewer = sign_in("viewer", fair)
    said = read_text(viewer.get(f"events/{fair.slug}").text)
    assert "Unknown field profile.frist_name from main, in 1 push Probably profile.firstName is meant" in said
    assert "12 requests were refused: the key of Ticket shop is revoked" in said
    assert "usually about 40 an hour at this time of a" in said
    assert "Failed in 24 h 1 of " in said
    for period, title in (("1h", "every ten minutes"), ("30d", "every six hours"), ("nonsense", "an hour")):
        assert f"Pushes {title}" in viewer.get(f"events/{fair.slug}", period=period).text


@pytest.mark.parametrize(
    ("key_id", "said"),
    [
        ("", "no key came with it, or what came is no key of Turnout Keys begin with trn_ and go into"),
        ("Shop", "the key of Shop was not copied whole, or may not do what was asked"),
    ],
)
def test_it_says_why_somebody_was_refused(product: Product, sign_in: SignIn, key_id: str, said: str) -> None:
    event = product.make_event()
    event.push_ok(ADA)
    known, at = key_id and keys.create(event.database, event.id, label=key_id).key.id, now_us()
    with event.database.write() as connection:
        refusals.add_refusals(connection, [Refusal(event.id, "192.0.2.7", known, count=1, first_at=at, last_at=at)])
    page = read_text(sign_in("viewer", event).get(f"events/{event.slug}").text)
    assert f"Once somebody was refused : {said}" in page.replace("refused:", "refused :")
    assert ". From 1 address, last" in page


def test_it_does_not_say_that_all_is_well_while_pushes_fail(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ada@example.org"}})
    viewer = sign_in("viewer", event)
    assert "Nothing odd" in viewer.get(f"events/{event.slug}").text
    event.push_failed({"profile": {"email": "nobody-knows"}})
    assert "Nothing odd" not in viewer.get(f"events/{event.slug}").text


def test_it_does_not_say_that_all_is_well_while_an_alert_is_open(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ada@example.org"}})
    at = now_us()
    silent = Alert(
        event_id=event.id, id=new_id("alr"), kind="silent", cause="silent:1", facts={}, opened_at=at, seen_at=at
    )
    viewer = sign_in("viewer", event)
    with event.database.write() as connection:
        alerts.add_alert(connection, silent)
    assert "Nothing odd" not in viewer.get(f"events/{event.slug}").text


def test_what_is_rehearsed_is_told_apart_also_once_it_is_live(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    shop = event.make_source("Ticket shop", mode="rehearsal")
    event.push_ok({"profile": {"email": "ada@example.org"}})
    event.push_ok({"profile": {"email": "bob@example.org"}}, key=shop)
    event.push_failed({"profile": {"email": "nobody-knows"}}, key=shop)
    manager = sign_in("manager", event)
    for mode in ("rehearsal", "live"):
        sources.set_up(event.database, event.id, "Ticket shop", {"mode": mode})
        page = manager.get(f"events/{event.slug}").text
        said = read_text(page)
        assert "Pushes in 24 h 3 2 of them rehearsed Failed in 24 h 0 rehearsals not counted" in said
        assert "Rehearsed" in page.partition('id="volume"')[2]
    # Nor do they vanish in the chart behind as many that fail when they are meant.
    for _ in range(2):
        event.push_failed({"profile": {"email": "nobody-knows"}}, key=shop)
    page = manager.get(f"events/{event.slug}").text
    rehearsed, failed = (
        sum(float(tall) for tall in re.findall(rf'<rect class="chart-{kind}" [^>]* height="([\d.]+)"', page))
        for kind in ("other", "bad")
    )
    assert rehearsed == pytest.approx(2 * failed, abs=0.1)


def test_what_was_never_seen_before_is_told_with_the_next_numbers(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ada@example.org"}})
    with sign_in("viewer", event).client.stream("GET", f"events/{event.slug}/live") as live:
        pieces = live.iter_text()
        begun = read_until(pieces, 'hx-target="#now"')
        fields = [{"fieldName": "Shoe size", "fieldValue": "38"}]
        event.push_ok(
            {
                "profile": {"email": "bob@example.org", "frist_name": "Bob", "customFields": fields},
                "eventInfo": {"groups": {"groupNames": ["Night walkers"]}},
            }
        )
        numbers = read_until(pieces, 'hx-target="#signs"')
    for words in ("frist_name", "Shoe size", "Night walkers"):
        assert (words in begun, words in numbers) == (False, True)


def test_the_number_of_what_failed_leads_to_just_these(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    shop = event.make_source("Ticket shop", mode="rehearsal")
    nobody = {"profile": {"email": "nobody-knows"}}
    event.push_failed(nobody)
    with event.database.write() as connection:
        days = {"event_id": event.id, "ago": 25 * 3_600_000_000, "slots": 25 * 6}
        connection.execute(text("UPDATE pushes SET at = at - :ago WHERE event_id = :event_id"), days)
        connection.execute(text("UPDATE push_counts SET slot = slot - :slots WHERE event_id = :event_id"), days)
    failed = [event.push_failed(nobody)["id"] for _ in range(2)]
    event.push_failed(nobody, key=shop)
    event.push_failed(nobody, path="/attendees?dryRun=true")
    viewer = sign_in("viewer", event)
    page = viewer.get(f"events/{event.slug}")
    found = re.search(r'Failed in 24 h</dt><dd><span class="figure-value"><a href="([^"]+)">(\d+)</a>', page.text)
    assert found, read_text(page.text)
    listed = viewer.client.get(page.url.join(found[1].replace("&amp;", "&"))).text
    assert sorted(re.findall(r'<tr id="(psh_\w+)"', listed)) == failed
    assert found[2] == "2"
    # The filter is there to be seen, and goes on to the next page.
    since = re.search(r'name="since" value="([\d:T-]+)"', listed)
    assert since
    assert f"since={since[1].replace(':', '%3A')}" in listed


def test_managers_come_to_where_a_source_goes_live_and_viewers_to_its_pushes(
    fair: TestedEvent, sign_in: SignIn
) -> None:
    managed, seen = (sign_in(role, fair).get(f"events/{fair.slug}").text for role in ("manager", "viewer"))
    assert f'/events/{fair.slug}/connect/sources/1"><strong>main' in managed
    assert f'/events/{fair.slug}/connect/new">' in managed
    assert f'/events/{fair.slug}/pushes?source=main"><strong>main' in seen


def test_the_first_push_says_where_the_key_is_from_and_repeats_no_mistake(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    page = sign_in("manager", event).get(f"events/{event.slug}").text
    before, _, after = page.partition('id="curl"')
    assert "The key was shown when the event was made" in before
    assert f"/events/{event.slug}/connect/new" in before
    assert "your-key" in after
    assert "--retry" not in after


def test_it_says_what_a_source_sends_no_more(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    had = {"customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}], "title": "CTO"}
    for more in (had, {}):
        people = [{"profile": {"email": f"p{number}@example.org", "city": "Bonn", **more}} for number in range(12)]
        event.batch_ok(people, "?receipts=summary")
    said = read_text(sign_in("viewer", event).get(f"events/{event.slug}").text)
    assert "The custom field Diet went missing at main 12 of 12 pushes had it, the latest do not" in said
    assert "The field title went missing at main" in said
    assert "city went missing" not in said


def test_it_says_how_long_nothing_came_where_it_usually_does(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok(ADA)
    ago = 5 * 3_600_000_000
    with event.database.write() as connection:
        its = {"event_id": event.id, "ago": ago, "slots": ago // SLOT_US}
        connection.execute(
            text("UPDATE pushes SET at = at - :ago, last_at = last_at - :ago WHERE event_id = :event_id"), its
        )
        connection.execute(text("UPDATE push_counts SET slot = slot - :slots WHERE event_id = :event_id"), its)
        earlier = [(event.id, now_us() // SLOT_US - 6 * hours, 1, "updated", 40) for hours in range(6, 500)]
        push_counts.add_counts(connection, earlier)
    viewer = sign_in("viewer", event)
    assert "silent for 5 h" not in read_text(viewer.get(f"events/{event.slug}").text), "Nobody is told of it yet."
    look(event.database, Configurations(event.database), event.id, now_us())
    said = read_text(viewer.get(f"events/{event.slug}").text)
    assert said.count("main has been silent for 5 h") == 1
    assert "main silent for 5 h Usually about 40 an hour on a" in said
    assert "usually about 40 an hour at this time of a" in said
    # What is quiet as it always was is not silent.
    event.push_ok({"profile": {"email": "bob@example.org"}})
    assert "main silent for" not in read_text(viewer.get(f"events/{event.slug}").text)


def test_a_viewer_sees_how_it_is_and_nothing_to_do(fair: TestedEvent, sign_in: SignIn) -> None:
    path = f"events/{fair.slug}"
    offered = ("Connect an integrator", "Try a push", "Archive this event")
    managed, seen = (sign_in(role, fair).get(path).text for role in ("manager", "viewer"))
    assert [word in managed for word in offered] == [True, True, True]
    assert [word in seen for word in offered] == [False, False, False]
    assert "ada@example.org" in seen
    assert "nobody-knows" in seen


def test_who_may_not_see_whose_data_it_is_sees_neither_addresses_nor_what_was_sent(
    fair: TestedEvent, sign_in: SignIn, screens: Screens
) -> None:
    masked = sign_in("viewer", fair, sees_personal=False)
    page = screens.open(masked, f"events/{fair.slug}")
    expect(page.locator("[data-live=live]")).to_be_visible()
    fair.push_ok({"profile": {"email": "bob@example.org"}})
    expect(page.locator("#rows tr")).to_have_count(3)
    for said in (page.content(), masked.get(f"events/{fair.slug}").text):
        assert "profile.email invalid_email" in read_text(said)
        for secret in ("ada@", "bob@", "nobody-knows"):
            assert secret not in said


def test_other_events_are_as_if_they_were_not_there(fair: TestedEvent, product: Product, sign_in: SignIn) -> None:
    outsider = sign_in("manager", product.make_event())
    for path in (f"events/{fair.slug}", f"events/{fair.slug}/live", "events/there-is-none"):
        answer = outsider.get(path)
        assert answer.status_code == 404
        assert fair.slug not in read_text(answer.text)
