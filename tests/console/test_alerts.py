"""An event's alerts in the console: what is open and what mends it, who follows, of what people are told."""

import re
from typing import Any

import pytest

from tests.alerts.failing import let_pushes_fail, look_now, open_alert
from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.product import Product
from tests.receivers import Receiver
from turnout.access import audit, users
from turnout.alerts import watching
from turnout.model.alert import AlertSettings


def test_where_nothing_is_wrong_the_page_says_so(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    page = sign_in("viewer", event).get(f"events/{event.slug}/alerts").text
    assert "Nothing to tell" in page
    assert "Follow by e-mail" in page
    assert "places-count" not in page


def test_an_open_alert_stands_on_its_page_on_the_overview_and_in_the_list_with_the_way_to_mend_it(
    product: Product, sign_in: SignIn
) -> None:
    event = product.make_event()
    alert = open_alert(event)
    viewer = sign_in("viewer", event)
    page = viewer.get(f"events/{event.slug}/alerts").text
    item = page.partition(f'id="{alert.id}"')[2].partition("</li>")[0]
    way = re.search(r'href="(?:\.\./)*console/([^"]*)"', item)
    assert way, item
    mended = viewer.get(way[1].replace("&amp;", "&"))
    assert mended.status_code == 200
    assert mended.text.count("failed") >= 5
    # Whoever only looks dismisses nothing.
    assert "/dismiss" not in item
    assert re.search(r'class="places-count">1<', page)
    title = re.search(r"<h3>([^<]+)</h3>", item)
    assert title
    assert title[1] in viewer.get(f"events/{event.slug}").text
    assert title[1] in viewer.get(f"events/{event.slug}/alerts/open", fragment=True).text
    assert "1 alert<" in viewer.get("events").text
    # Asked for as a page, the part leads to the whole.
    assert viewer.get(f"events/{event.slug}/alerts/open").status_code == 303
    # Nothing of anybody.
    assert "guest number" not in page


def test_an_alert_that_is_dismissed_is_over(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    alert = open_alert(event)
    manager = sign_in("manager", event)
    answer = manager.post(f"events/{event.slug}/alerts/{alert.id}/dismiss")
    page = manager.follow(answer).text
    assert "All is well" not in page
    assert "5 of the pushes of the last 24 hours failed" in page
    failed = re.search(r'href="(?:\.\./)*console/([^"]*result=failed[^"]*)"', page)
    assert failed
    assert manager.get(failed[1].replace("&amp;", "&")).text.count("psh_") >= 5
    assert "dismissed" in page.partition(f'id="{alert.id}"')[2].partition("</tr>")[0]
    look_now(event)
    assert f'id="{alert.id}"' in manager.get(f"events/{event.slug}/alerts").text.partition("Earlier")[2]
    assert manager.post(f"events/{event.slug}/alerts/{alert.id}/dismiss").status_code == 409
    elsewhere = product.make_event()
    assert sign_in().post(f"events/{elsewhere.slug}/alerts/{alert.id}/dismiss").status_code == 404


def test_what_was_told_today_is_new_and_has_its_advice_and_its_way(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ann@example.org", "jobTitel": "CTO"}})
    look_now(event)
    page = sign_in("manager", event).get(f"events/{event.slug}/alerts").text
    assert "All is well" in page
    new, earlier = page.partition('id="news-title"')[2], page.partition('id="past-title"')[2]
    assert "See what it sent" in new
    assert "See the pushes that have it" in new
    assert "have it sent under the name of a field" in new
    assert "/dismiss" not in new
    assert not earlier


def test_whoever_sees_an_event_follows_it_and_stops(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    viewer, way = sign_in("viewer", event), f"events/{event.slug}/alerts"
    page = viewer.follow(viewer.post(f"{way}/follow")).text
    assert "you follow" in page
    assert [one.id for one in watching.list_followers(event.database, event.id)] == [viewer.signed_in.id]
    assert f"/events/{event.slug}/alerts" in viewer.get("account").text
    back = viewer.post(f"{way}/unfollow", back="console/account")
    assert back.headers["location"].endswith("console/account")
    assert watching.list_followers(event.database, event.id) == []
    # The way back leads nowhere else.
    assert "example.org" not in viewer.post(f"{way}/follow", back="//example.org").headers["location"]
    assert [line.action for line in audit.list_lines(event.database, event_id=event.id)][:3] == [
        "alert.follow",
        "alert.unfollow",
        "alert.follow",
    ]


def test_a_manager_lets_others_follow_who_may_see_the_event(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager, viewer, stranger = sign_in("manager", event), sign_in("viewer", event), sign_in("viewer")
    way = f"events/{event.slug}/alerts"
    choice = manager.get(f"{way}/settings").text.partition('name="user"')[2]
    assert viewer.signed_in.id in choice
    assert stranger.signed_in.id not in choice
    page = manager.follow(manager.post(f"{way}/followers/add", user=viewer.signed_in.id)).text
    assert viewer.signed_in.email in page.partition("By e-mail")[2]
    assert manager.post(f"{way}/followers/add", user=stranger.signed_in.id).status_code == 409
    assert manager.post(f"{way}/followers/add", user="usr_nobody").status_code == 404
    # Who else follows is for those who manage it.
    seen = viewer.get(f"{way}/settings").text
    assert "1 person follows it, you among them." in seen
    assert f"{way}/followers" not in seen
    users.set_events(event.database, viewer.signed_in.id, [])
    assert "does not see this event any more" in manager.get(f"{way}/settings").text
    manager.post(f"{way}/followers/{viewer.signed_in.id}/remove")
    assert watching.list_followers(event.database, event.id) == []


def test_whoever_makes_an_event_follows_it(product: Product, sign_in: SignIn) -> None:
    manager = sign_in("manager", all_events=True)
    slug = f"followed-{manager.signed_in.id[-12:]}"
    assert manager.post("new-event", name="Followed", slug=slug).status_code == 200
    assert "you follow" in manager.get(f"events/{slug}/alerts").text


def test_what_is_told_is_changed_taken_back_and_refused_with_a_reason(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    manager, way = sign_in("manager", event), f"events/{event.slug}/alerts/settings"
    form: dict[str, Any] = {
        "on_silent": "on",
        "on_errors": "on",
        "error_percent": "25 %",
        "fall_percent": "50",
        "key_days": "7",
    }
    page = manager.follow(manager.post(way, **form)).text
    settings = watching.get_watch(event.database, event.id).settings
    assert (settings.error_percent, settings.key_days) == (25, 7)
    assert settings.off == {"first_push", "refused_key", "unknown_field", "falling", "key_expiring", "webhook"}
    undo = re.search(r'action="(?:\.\./)*console/([^"]*undo[^"]*)"', page)
    assert undo
    manager.post(undo[1].replace("&amp;", "&"))
    assert watching.get_watch(event.database, event.id).settings == AlertSettings()
    for wrong in ("", "many", "0", "101", "-1", "٣"):
        form["error_percent"] = wrong
        refused = manager.post(way, **form)
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
        # As it was typed.
        assert f'value="{wrong}"' in refused.text
    assert watching.get_watch(event.database, event.id).settings == AlertSettings()
    form["error_percent"] = "100"
    manager.post(way, **form)
    let_pushes_fail(event, 4)
    event.push_ok({"profile": {"email": "ada@example.org"}})
    let_pushes_fail(event, 1)
    look_now(event)
    assert "No alert is open" in manager.get(f"events/{event.slug}/alerts").text


def test_alerts_are_posted_to_a_webhook_whose_secret_is_shown_once(product: Product, sign_in: SignIn) -> None:
    event = product.make_event()
    admin, way = sign_in(), f"events/{event.slug}/alerts"
    with Receiver() as receiver:
        # Into the network that the server is in: whoever runs it has to know.
        refused = sign_in("manager", event).post(f"{way}/webhook", url=receiver.url, allow_private="on")
        assert refused.status_code == 422
        assert receiver.url in refused.text
        assert "an administrator can allow it" in refused.text
        made = admin.post(f"{way}/webhook", url=receiver.url, allow_private="on")
        secret = re.search(r"whsec_[\w+/=-]+", made.text)
        assert made.status_code == 200
        assert secret
        page = admin.follow(admin.post(f"{way}/webhook/test")).text
        assert "The test arrived" in page
        assert secret[0] not in page
        [request] = receiver.wait_for(1)
        assert request.is_signed(secret[0])
        open_alert(event)
        told = receiver.wait_for(2)[-1]
        assert told.is_signed(secret[0])
        assert told.json["data"]["alert"]["kind"] == "errors"
        assert f"/console/events/{event.slug}/pushes" in told.json["data"]["link"]
    seen = sign_in("viewer", event).get(f"{way}/settings").text
    assert "http://127.0.0.1/…" in seen
    assert receiver.url not in seen
    assert receiver.url not in str([line.after for line in audit.list_lines(event.database, event_id=event.id)])
    assert "Post no alerts any more?" in admin.get(f"{way}/webhook/remove").text
    admin.post(f"{way}/webhook/remove")
    assert admin.get(f"{way}/webhook/remove").status_code == 404
    assert admin.post(f"{way}/webhook", url="http://[::1").status_code == 422


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)], ids=["desk", "telephone"])
def test_the_pages_of_alerts_look_right(
    product: Product, sign_in: SignIn, screens: Screens, width: int, dark: bool
) -> None:
    event, quiet, mended = product.make_event(), product.make_event(), product.make_event()
    open_alert(event)
    mended.push_ok({"profile": {"email": "ann@example.org"}})
    let_pushes_fail(mended, 1)
    look_now(mended)
    manager = sign_in("manager", event, quiet, mended)
    watching.follow(event.database, event.id, manager.signed_in.id)
    watching.follow(event.database, event.id, sign_in().signed_in.id)
    page = screens.open(manager, f"events/{event.slug}/alerts", width=width, dark=dark)
    for path in (
        f"events/{event.slug}/alerts",
        f"events/{event.slug}/alerts/settings",
        f"events/{event.slug}",
        f"events/{quiet.slug}/alerts",
        f"events/{mended.slug}/alerts",
    ):
        page.goto(path)
        check_axe(page)
        check_fits(page)


def test_alerts_are_set_dismissed_and_followed_in_a_browser(
    product: Product, sign_in: SignIn, screens: Screens
) -> None:
    event = product.make_event()
    alert = open_alert(event)
    page = screens.open(sign_in("manager", event), f"events/{event.slug}/alerts")
    page.get_by_role("button", name="Follow by e-mail").click()
    page.get_by_text("you follow", exact=True).wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Follow by e-mail").wait_for()
    page.locator(f"#{alert.id}").get_by_role("button", name="Dismiss").click()
    page.get_by_text("No alert is open, but not all is mended").wait_for()
    page.get_by_role("link", name="Who is told of what").click()
    page.get_by_role("switch", name="A source goes silent").uncheck()
    page.get_by_role("button", name="Save what is told").click()
    page.get_by_text("Saved.").wait_for()
    assert not page.get_by_role("switch", name="A source goes silent").is_checked()
    assert watching.get_watch(event.database, event.id).settings.off == {"silent"}
