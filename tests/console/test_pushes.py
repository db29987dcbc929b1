"""Pushes: found, live, looked at from all sides, and sent once more, one or many; and who sees what of them."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.console.signed_in import Visitor
from tests.databases import only_sqlite
from tests.product import Product, TestedEvent
from turnout.access import audit
from turnout.console.pushes.marked import MAX_SHOWN, lay_out, mark_body
from turnout.events import event as setting_up
from turnout.events import sources
from turnout.model.receipt import Problem
from turnout.store import leases

NAUGHTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def read_text(page: str) -> str:
    """A page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def say(email: str, **profile: Any) -> dict[str, Any]:
    return {"profile": {"email": email, **profile}}


def list_shown(visitor: Visitor, event: TestedEvent, **query: Any) -> list[str]:
    """The ids of the pushes in the list."""
    answer = visitor.get(f"events/{event.slug}/pushes?{urlencode(query)}", fragment=True)
    assert answer.status_code == 200, answer.text[:2000]
    return re.findall(r'<tr id="(psh_\w+)"', answer.text)


class Fair:
    """An event with one push of each kind, by what became of it."""

    def __init__(self, product: Product) -> None:
        self.event = product.make_event()
        shop = self.event.make_source("Shop")
        self.created = self.event.push_ok(say("ada@example.org", firstName="Ada"))["id"]
        self.updated = self.event.push_ok(say("ada@example.org", jobTtle="x", title="CTO"), key=shop)["id"]
        self.unchanged = self.event.push_ok(say("ada@example.org"))["id"]
        self.failed = self.event.push_failed(say("nobody", lastName="Byron"), key=shop)["id"]
        self.dry = self.event.push_ok(say("bob@example.org"), path="/attendees?dryRun=true")["id"]
        sources.set_up(self.event.database, self.event.id, "Shop", {"mode": "rehearsal"})
        self.rehearsed = self.event.push_ok(say("eve@example.org"), key=shop)["id"]
        self.usual = [self.rehearsed, self.failed, self.unchanged, self.updated, self.created]
        self.all = [self.rehearsed, self.dry, self.failed, self.unchanged, self.updated, self.created]


@pytest.fixture
def fair(product: Product) -> Fair:
    return Fair(product)


def test_the_list_is_found_through_by_each_filter(fair: Fair, sign_in: SignIn) -> None:
    event, ann = fair.event, sign_in("viewer", fair.event)
    assert list_shown(ann, event) == fair.usual
    attendee_id = event.attendee("ada@example.org")["id"]
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    for query, expected in {
        ("result", "failed"): [fair.failed],
        ("result", "updated"): [fair.updated],
        ("source", "shop"): [fair.rehearsed, fair.failed, fair.updated],
        ("source", "nobody's"): [],
        ("effect", "any"): fair.all,
        ("effect", "dry_run"): [fair.dry],
        ("effect", "rehearsed"): [fair.rehearsed],
        ("effect", "live"): [fair.failed, fair.unchanged, fair.updated, fair.created],
        ("path", "profile.jobT"): [fair.updated],
        ("code", "invalid_email"): [fair.failed],
        ("q", "ADA@"): [fair.unchanged, fair.updated, fair.created],
        ("q", attendee_id): [fair.unchanged, fair.updated, fair.created],
        ("q", fair.dry): [fair.dry],
        ("email", "bob"): [],
        ("since", f"{now - hour:%Y-%m-%dT%H:%M}"): fair.usual,
        ("since", f"{now + hour:%Y-%m-%dT%H:%M}"): [],
        ("until", f"{now - hour:%Y-%m-%dT%H:%M}"): [],
        ("since", "yesterday, perhaps"): fair.usual,
        ("result", "perhaps"): fair.usual,
        ("before", fair.unchanged): [fair.updated, fair.created],
        ("q", "\0%_"): [],
    }.items():
        assert list_shown(ann, event, **dict([query])) == expected, query


def test_dry_runs_are_left_out_and_one_click_away(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann, way = sign_in("viewer", event), f"events/{event.slug}/pushes"
    dry = event.push_ok(say("bob@example.org"), path="/attendees?dryRun=true")["id"]
    assert "So far there are only dry runs" in ann.get(way).text
    failed = event.push_failed(say("nobody"))["id"]
    page = ann.get(way, result="failed").text
    assert (failed in page, dry in page) == (True, False)
    (link,) = re.findall(r'href="[^"]*/(events/[^"]+)">Show dry runs too', page)
    assert html.unescape(link) == f"{way}?result=failed&effect=any"
    page = ann.get(way, effect="any").text
    assert (failed in page, dry in page, "Show dry runs too" in page) == (True, True, False)


def test_pages_follow_one_another(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("viewer", event)
    event.batch_ok({"attendees": [say(f"b{number}@example.org") for number in range(120)]})
    seen: list[str] = []
    page = ann.get(f"events/{event.slug}/pushes")
    while True:
        seen += re.findall(r'<tr id="(psh_\w+)"', page.text)
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        if older is None:
            break
        page = ann.client.get(page.url.join(older[1].replace("&amp;", "&")))
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True)


def test_an_empty_list_says_what_to_do(product: Product, fair: Fair, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("manager", event, fair.event)
    assert "Connect an integrator" in ann.get(f"events/{event.slug}/pushes").text
    assert "Connect an integrator" not in sign_in("viewer", event).get(f"events/{event.slug}/pushes").text
    nothing = ann.get(f"events/{fair.event.slug}/pushes", q="zoe@")
    assert "No push matches these filters" in nothing.text
    assert "Clear the filters" in nothing.text


def test_a_push_is_told_with_its_errors_its_changes_and_its_answer(fair: Fair, sign_in: SignIn) -> None:
    ann = sign_in("manager", fair.event)
    way = f"events/{fair.event.slug}/pushes"
    failed = ann.get(f"{way}/{fair.failed}").text
    assert '<mark class="mark-problem" title="' in failed
    assert re.search(r"<mark [^>]+>&#34;nobody&#34;</mark>", failed)
    text = read_text(failed)
    for part in (
        "profile.email is &#34;nobody&#34;",
        "Show the place",
        "Mend and try it again",
        "Shop",
        "invalid_email",
    ):
        assert part in text
    assert "&#34;status&#34;: 500" in failed
    updated = read_text(ann.get(f"{way}/{fair.updated}").text)
    assert "What was odd, and kept 1 profile.jobTtle" in updated.replace("Warning: ", "")
    assert re.search(r"title from empty to CTO", updated)
    assert "was a dry run; of those no body is kept" in ann.get(f"{way}/{fair.dry}").text
    assert "The source was rehearsing" in ann.get(f"{way}/{fair.rehearsed}").text
    assert ann.get(f"{way}/psh_{'0' * 32}").status_code == 404


def test_a_push_of_another_event_is_not_shown(product: Product, fair: Fair, sign_in: SignIn) -> None:
    other = product.make_event()
    ann = sign_in("manager", other)
    for path in ("", "/replay"):
        assert ann.get(f"events/{other.slug}/pushes/{fair.failed}{path}").status_code == 404
    assert ann.get(f"events/{fair.event.slug}/pushes/{fair.failed}").status_code == 404


def test_a_body_that_is_gone_says_since_when_and_why(fair: Fair, sign_in: SignIn) -> None:
    with fair.event.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM bodies WHERE push_id = '{fair.failed}'")
    ann, way = sign_in("manager", fair.event), f"events/{fair.event.slug}/pushes/{fair.failed}"
    page = ann.get(way).text
    assert "The body is gone: somebody whom it was about was erased" in page
    assert "Replay" not in read_text(page)
    assert ann.get(f"{way}/replay").status_code == 409
    with fair.event.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE pushes SET at = 1764374400000000 WHERE id = '{fair.failed}'")
    page = ann.get(way).text
    assert "The body is gone since 29 Dec 2025, when its time was over: this event keeps bodies for 30 days." in page


def test_who_sees_no_names_sees_neither_bodies_nor_names(fair: Fair, sign_in: SignIn) -> None:
    vic = sign_in("viewer", fair.event, sees_personal=False)
    mia = sign_in("manager", fair.event, sees_personal=False)
    way = f"events/{fair.event.slug}/pushes"
    for visitor in (vic, mia):
        for path in (way, *(f"{way}/{push_id}" for push_id in fair.all)):
            page = visitor.get(path).text
            for secret in ("ada@", "nobody", "bob@", "eve@", "CTO", "Byron"):
                assert secret not in page, path
        assert "a…@e…" in visitor.get(way).text
        # Nor can they be guessed.
        assert list_shown(visitor, fair.event, q="ada@example.org") == []
        assert list_shown(visitor, fair.event, q="ad") == []
        assert "does not look like an address" in visitor.get(f"{way}/{fair.failed}").text
    for path in (f"{way}/{fair.failed}/replay", f"{way}/replay", f"{way}/replay/plan"):
        assert mia.get(path).status_code == 403
    assert mia.post(f"{way}/replay").status_code == 403


def test_a_viewer_sends_nothing_again(fair: Fair, sign_in: SignIn) -> None:
    vic = sign_in("viewer", fair.event)
    way = f"events/{fair.event.slug}/pushes"
    assert "Replay" not in read_text(vic.get(way).text)
    assert "Mend" not in vic.get(f"{way}/{fair.failed}").text
    for path in (f"{way}/replay", f"{way}/replays", f"{way}/{fair.failed}/replay"):
        assert vic.get(path).status_code == 403
    for path in (f"{way}/replay", f"{way}/replays/stop", f"{way}/{fair.failed}/replay"):
        assert vic.post(path).status_code == 403


def test_one_push_is_replayed_as_it_was_foreseen(fair: Fair, sign_in: SignIn) -> None:
    event, ann = fair.event, sign_in("manager", fair.event)
    way = f"events/{event.slug}/pushes/{fair.updated}/replay"
    setting_up.set_up(event.database, event.id, {})
    sources.set_up(event.database, event.id, "Shop", {"mode": "live"})
    event.push_ok(say("ada@example.org", title="CEO"))
    foreseen = ann.get(way)
    assert "What it would do now" in foreseen.text
    digest = find_digest(foreseen.text)
    page = ann.follow(ann.post(way, digest=digest))
    new_id = page.url.path.rpartition("/")[2]
    assert "A replay of" in page.text
    assert new_id in ann.get(f"events/{event.slug}/pushes/{fair.updated}").text
    # What came since is newer (D7).
    assert event.attendee("ada@example.org")["profile"]["title"] == "CEO"
    (line,) = audit.list_lines(event.database, event_id=event.id, action="push.replay")
    assert (line.outcome, line.target, line.after) == ("done", fair.updated, {"push": new_id, "result": "unchanged"})


def test_a_replay_that_would_do_something_else_by_now_is_not_done(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("manager", event)
    first = event.push_ok(say("ada@example.org", title="CTO", city="Bonn"))["id"]
    way = f"events/{event.slug}/pushes/{first}/replay"
    digest = find_digest(ann.get(way).text)
    event.push_ok(say("ada@example.org", title="CEO"))
    before = list_shown(ann, event)
    again = ann.post(way, digest=digest)
    assert again.status_code == 409
    assert "Nothing was done" in again.text
    assert find_digest(again.text) != digest
    assert list_shown(ann, event) == before
    (line,) = audit.list_lines(event.database, event_id=event.id, action="push.replay")
    assert line.outcome == "refused"


def find_digest(page: str) -> str:
    found = re.search(r'name="digest" value="([^"]+)"', page)
    assert found, read_text(page)[:2000]
    return found[1]


def test_many_are_planned_replayed_and_counted(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event(blank="keep")
    ann = sign_in("manager", event)
    for number in range(3):
        event.push_ok(say(f"b{number}@example.org", title="CTO"))
    for number in range(2):
        event.push_ok(say(f"b{number}@example.org", title=""))
    broken = event.push_failed(say("nobody"))["id"]
    event.push_ok(say("dry@example.org"), path="/attendees?dryRun=true")
    setting_up.set_up(event.database, event.id, {"blank": "clear"})
    page = screens.open(ann, f"events/{event.slug}/pushes?effect=any")
    marks = page.locator("#rows tr", has_text="dry run").locator(".badge")
    first, second = marks.evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    assert abs(first - second) < 0.5
    page.get_by_role("link", name="Replay all that match …").click()
    expect(page.get_by_role("button", name="Replay these 6 pushes")).to_be_visible()
    check_axe(page)
    expect(page.locator("#plan")).to_contain_text("1 with nothing to send again")
    expect(page.locator("#plan .figures")).to_contain_text(
        re.compile(r"update\s*2\s*Would change nothing\s*3\s*Would fail\s*1")
    )
    expect(page.locator("#plan")).to_contain_text("b0@example.org")
    page.get_by_role("button", name="Replay these 6 pushes").click()
    expect(page.get_by_text("6 of 6 pushes replayed; 1 failed.")).to_be_visible()
    expect(page.locator("#run tbody tr")).to_have_count(1)
    check_axe(page)
    check_fits(page)
    assert event.attendee("b0@example.org")["profile"].get("title") is None
    (line,) = audit.list_lines(event.database, event_id=event.id, action="pushes.replay")
    assert line.outcome == "done"
    assert line.before == {"pushes": 6}
    assert line.after is not None
    assert (line.after["updated"], line.after["failed"]) == (2, 1)
    # What failed again is not twice as much the next time.
    plan = read_text(ann.get(f"events/{event.slug}/pushes/replay/plan", result="failed").text)
    assert "Replay this push" in plan
    assert "1 with nothing to send again" in plan
    assert broken in ann.get(f"events/{event.slug}/pushes/replay/plan", result="failed").text
    # Without a script it is a page of its own.
    bare = screens.open(ann, f"events/{event.slug}/pushes/replay?result=unchanged&q=zoe", script=False)
    bare.get_by_role("link", name="Look at what they would do").click()
    expect(bare.get_by_role("heading", name="Nothing to replay")).to_be_visible()
    check_fits(bare)


def test_there_is_one_replay_at_a_time_and_it_can_be_stopped(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    ann = sign_in("manager", event)
    event.push_ok(say("ada@example.org"))
    way = f"events/{event.slug}/pushes"
    assert "Nothing was replayed yet" in ann.get(f"{way}/replays").text
    progress = {"actor": "bob@example.org", "started_at": 1, "total": 400, "counts": {"updated": 120}}
    # One of another process.
    with event.database.write() as connection:
        assert leases.take(connection, f"replay {event.id}", json.dumps(progress), 60_000_000)
    assert "A replay is under way" in ann.get(way).text
    assert "There is one at a time" in ann.get(f"{way}/replay").text
    refused = ann.post(f"{way}/replay")
    assert refused.status_code == 409
    assert "A replay of this event is under way" in refused.text
    run = ann.get(f"{way}/replays", fragment=True).text
    assert "120 of 400" in run
    assert 'hx-trigger="every 1s"' in run
    stopped = ann.follow(ann.post(f"{way}/replays/stop"))
    assert "Stopped" in stopped.text
    assert "every 1s" not in stopped.text
    assert [line.outcome for line in audit.list_lines(event.database, event_id=event.id, action="pushes.replay")] == [
        "refused"
    ]


def test_what_comes_is_shown_at_once_and_waits_above_who_has_gone_down(
    product: Product, sign_in: SignIn, screens: Screens
) -> None:
    event = product.make_event()
    page = screens.open(sign_in("viewer", event), f"events/{event.slug}/pushes?result=created")
    expect(page.locator("[data-live=live]")).to_be_visible()
    event.push_ok(say("first@example.org"))
    expect(page.locator("#rows tr")).to_have_count(1)
    event.batch_ok({"attendees": [say(f"b{number}@example.org") for number in range(40)]})
    expect(page.locator("#rows tr")).to_have_count(41)
    page.locator(".table-scroll").evaluate("frame => { frame.scrollTop = 600 }")
    before = page.locator(".table-scroll").evaluate("frame => frame.scrollTop")
    event.push_ok(say("first@example.org", title="not created, and so not told"))
    event.push_ok(say("late@example.org"))
    event.push_ok(say("later@example.org"))
    news = page.locator("[data-newcomers] a")
    expect(news).to_have_text("2 new")
    assert page.locator(".table-scroll").evaluate("frame => frame.scrollTop") == before
    expect(page.get_by_text("later@example.org")).to_be_hidden()
    check_axe(page)
    news.click()
    expect(page.locator("#rows tr").first).to_contain_text("later@example.org")
    expect(page.get_by_text("later@example.org")).to_be_visible()
    expect(news).to_be_hidden()
    assert page.locator(".table-scroll").evaluate("frame => frame.scrollTop") == 0


@only_sqlite
def test_what_comes_waits_while_the_pointer_is_on_the_list(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    event.push_ok(say("first@example.org"))
    page = screens.open(sign_in("viewer", event), f"events/{event.slug}/pushes")
    expect(page.locator("[data-live=live]")).to_be_visible()
    page.locator("#rows tr").hover()
    event.push_ok(say("second@example.org"))
    expect(page.locator("[data-newcomers] a")).to_have_text("1 new")
    expect(page.get_by_text("second@example.org")).to_be_hidden()
    page.mouse.move(0, 0)
    event.push_ok(say("third@example.org"))
    expect(page.get_by_text("third@example.org")).to_be_visible()
    expect(page.get_by_text("second@example.org")).to_be_visible()
    expect(page.locator("[data-newcomers] a")).to_be_hidden()


@only_sqlite
def test_filters_work_while_they_are_typed(fair: Fair, sign_in: SignIn, screens: Screens) -> None:
    page = screens.open(sign_in("viewer", fair.event), f"events/{fair.event.slug}/pushes")
    page.get_by_role("combobox", name="Result").select_option("failed")
    # What is chosen is marked without a reload.
    weights = [page.get_by_role("combobox", name=name) for name in ("Result", "Source")]
    expect(weights[0]).to_have_css("font-weight", "560")
    expect(weights[1]).not_to_have_css("font-weight", "560")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("result=failed"))
    # What is live is what was asked for.
    expect(page.locator("#stream")).to_have_attribute("hx-sse:connect", re.compile(r"live\?result=failed"))
    fair.event.push_ok(say("good@example.org"))
    fair.event.push_failed(say("tried"), path="/attendees?dryRun=true")
    fair.event.push_failed(say("worse"))
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text("worse")
    page.get_by_role("searchbox", name="Who, or which push").fill("zzz")
    expect(page.get_by_text("No push matches these filters")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("#rows tr")).to_have_count(7)


@only_sqlite
def test_what_was_sent_stays_text(product: Product, sign_in: SignIn, screens: Screens) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "x@example.org", "firstName": NAUGHTY, NAUGHTY: "{{first_name}}"}})
    event.push_failed({"profile": {"email": NAUGHTY, "firstName": "\ud83d", "customFields": [{NAUGHTY: 1}]}})
    event.send(f'{{"profile": {{"email": "{NAUGHTY}')
    ann = sign_in("manager", event)
    shown = list_shown(ann, event)
    assert len(shown) == 3
    page = screens.open(ann, f"events/{event.slug}/pushes")
    page.on("dialog", lambda _: pytest.fail("A script of a push ran."))
    expect(page.locator("#rows tr")).to_have_count(3)
    for push_id in shown:
        page.goto(f"events/{event.slug}/pushes/{push_id}")
        expect(page.locator("#body")).to_contain_text("alert(1)")
        assert page.locator("main img, main script").count() == 0
        page.goto(f"events/{event.slug}/pushes/{push_id}/replay")
        assert page.locator("main img, main script").count() == 0


@only_sqlite
@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)], ids=["desk", "telephone"])
def test_the_pages_are_for_everybody_and_fit(
    fair: Fair, sign_in: SignIn, screens: Screens, width: int, dark: bool
) -> None:
    ann = sign_in("manager", fair.event)
    way = f"events/{fair.event.slug}/pushes"
    page = screens.open(ann, way, width=width, dark=dark)
    page.get_by_text("More filters").click()
    for path in (way, f"{way}/{fair.failed}", f"{way}/{fair.updated}", f"{way}/{fair.updated}/replay", f"{way}/replay"):
        if path != way:
            page.goto(path)
        check_fits(page)
        check_axe(page)


def test_a_body_on_one_line_is_laid_out_without_changing_a_sign() -> None:
    body = '{"a":[],"b" : {"c":"x, {y}: \\"z\\"","d":[1.50,2e5,null]},"a":{}}'
    laid_out = lay_out(body)
    assert "".join(laid_out.split()) == "".join(body.split())
    assert json.loads(laid_out) == json.loads(body)
    assert laid_out.splitlines()[:3] == ["{", '  "a": [],', '  "b": {']
    assert lay_out(laid_out) == laid_out


def test_of_a_long_body_the_part_with_the_first_error_is_shown() -> None:
    body = json.dumps({"filler": "x" * 400_000, "profile": {"email": "nobody"}})
    marked = mark_body(body, [Problem("profile.email", "invalid_email", "m", "h")], [])
    (bad,) = [piece for piece in marked.pieces if piece.kind]
    assert bad.text == '"nobody"'
    assert marked.left_before > 0
    assert sum(len(piece.text) for piece in marked.pieces) <= MAX_SHOWN
    assert marked.placed == {0}
