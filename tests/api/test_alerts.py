"""Alerts, the mail server and the digest over /api/."""

from datetime import datetime

from tests.alerts.failing import forget_waiting, look_now, open_alert
from tests.api.caller import make_caller
from tests.databases import only_sqlite
from tests.mail_server import ACCOUNT, MailServer
from tests.product import Product, make_address
from tests.receivers import Receiver
from turnout.access import users


def test_an_alert_is_listed_shown_and_dismissed(product: Product) -> None:
    event = product.make_event()
    viewer, manager, way = make_caller(product, "viewer", event), make_caller(product, "manager", event), "alerts"
    way = f"events/{event.slug}/alerts"
    assert viewer.ask("GET", way) == {"items": [], "next": None}
    manager.ask("POST", f"events/{event.slug}/follow")
    alert = open_alert(event)
    [listed] = viewer.ask("GET", way, state="open")["items"]
    assert (listed["id"], listed["kind"], listed["closedAt"]) == (alert.id, "errors", None)
    assert f"/console/events/{event.slug}/pushes" in listed["link"]
    assert "guest number" not in str(listed)
    shown = viewer.ask("GET", f"{way}/{alert.id}")
    assert shown["alert"] == listed
    assert [one["to"] for one in shown["messages"]] == [manager.user.id if manager.user else ""]
    assert viewer.fail("POST", f"{way}/{alert.id}/dismiss")[:2] == (403, "not_allowed")
    assert manager.ask("POST", f"{way}/{alert.id}/dismiss")["closedAt"] is not None
    look_now(event)
    assert viewer.ask("GET", way, state="open")["items"] == []
    assert [one["id"] for one in viewer.ask("GET", way)["items"] if one["kind"] == "errors"] == [alert.id]
    assert manager.fail("POST", f"{way}/{alert.id}/dismiss")[:2] == (409, "conflict")
    elsewhere = product.make_event()
    assert make_caller(product).fail("GET", f"events/{elsewhere.slug}/alerts/{alert.id}")[0] == 404


def test_the_moments_of_an_alert_are_times(product: Product) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "ann@example.org"}})
    look_now(event)
    [listed] = make_caller(product, "viewer", event).ask("GET", f"events/{event.slug}/alerts")["items"]
    assert listed["kind"] == "first_push"
    assert listed["facts"]["source"] == 1
    assert datetime.fromisoformat(listed["facts"]["at"]) <= datetime.fromisoformat(listed["openedAt"])


@only_sqlite
def test_what_is_told_and_to_whom_is_set(product: Product) -> None:
    event = product.make_event()
    viewer, manager = make_caller(product, "viewer", event), make_caller(product, "manager", event)
    stranger, way = make_caller(product, "viewer"), f"events/{event.slug}"
    settings = manager.ask("PATCH", f"{way}/alert-settings", {"off": ["silent", "falling"], "errorPercent": 30})
    assert settings == {"off": ["silent", "falling"], "errorPercent": 30, "fallPercent": 50, "keyDays": 14}
    assert manager.ask("PATCH", f"{way}/alert-settings", {"keyDays": 3}) == settings | {"keyDays": 3}
    assert manager.fail("PATCH", f"{way}/alert-settings", {"errorPercent": 0})[:2] == (400, "invalid_request")
    assert manager.fail("PATCH", f"{way}/alert-settings", {"off": ["weather"]})[:2] == (400, "invalid_request")
    assert viewer.ask("GET", f"{way}/alert-settings") == settings | {"keyDays": 3}
    assert viewer.user
    assert stranger.user
    assert viewer.ask("POST", f"{way}/follow")["email"] == viewer.user.email
    assert viewer.ask("GET", "me/follows")["items"] == [{"slug": event.slug, "name": "Test"}]
    users.set_events(product.server.database, viewer.user.id, [])
    # What was taken from them since is nobody's to name.
    assert viewer.ask("GET", "me/follows")["items"] == []
    users.set_events(product.server.database, viewer.user.id, [event.id])
    viewer.ask("DELETE", f"{way}/follow")
    manager.ask("POST", f"{way}/followers", {"user": viewer.user.id})
    assert manager.fail("POST", f"{way}/followers", {"user": stranger.user.id}) == (
        409,
        "conflict",
        "This user may not see this event. Give them the event first.",
    )
    # Who signs in here besides is not told by their addresses.
    for address in (stranger.user.email, "nobody@example.org"):
        assert manager.fail("POST", f"{way}/followers", {"user": address})[:2] == (404, "not_found")
    assert manager.ask("POST", f"{way}/followers", {"user": viewer.user.email.upper()})["id"] == viewer.user.id
    assert [one["id"] for one in manager.ask("GET", f"{way}/followers")["items"]] == [viewer.user.id]
    manager.ask("DELETE", f"{way}/followers/{viewer.user.id}")
    assert viewer.ask("GET", "me/follows")["items"] == []


@only_sqlite
def test_whoever_makes_an_event_follows_it(product: Product) -> None:
    admin = make_caller(product)
    slug = admin.ask("POST", "events", {"name": "Followed"})["event"]["slug"]
    assert slug in {one["slug"] for one in admin.ask("GET", "me/follows")["items"]}


@only_sqlite
def test_alerts_are_posted_to_a_webhook(product: Product) -> None:
    event = product.make_event()
    admin, manager = make_caller(product), make_caller(product, "manager", event)
    way = f"events/{event.slug}/alert-webhook"
    assert manager.ask("GET", way) == {"url": None, "allowPrivate": False, "last": None}
    assert manager.fail("POST", f"{way}/test")[0] == 404
    with Receiver() as receiver:
        wish = {"url": receiver.url, "allowPrivate": True}
        assert manager.fail("POST", way, wish)[:2] == (403, "not_allowed")
        made = admin.ask("POST", way, wish)
        assert manager.ask("POST", f"{way}/test")["error"] is None
        assert receiver.wait_for(1)[0].is_signed(made["secret"])
        assert manager.ask("GET", way)["url"] == receiver.url
        assert make_caller(product, "viewer", event).ask("GET", way)["url"] == "http://127.0.0.1/…"
    manager.ask("DELETE", way)
    assert manager.fail("DELETE", way)[0] == 404


@only_sqlite
def test_the_mail_server_is_set_up_and_links_are_sent(product: Product) -> None:
    admin, viewer = make_caller(product), make_caller(product, "viewer")
    invited = f"{make_address()}@example.org"
    assert admin.ask("GET", "installation/mail") == {
        **dict.fromkeys(("host", "port", "security", "userName", "sender", "senderName")),
        **dict.fromkeys(("changedAt", "succeededAt", "failedAt", "failure")),
        "isSetUp": False,
        "hasPassword": False,
    }
    made = admin.ask("POST", "invitations", {"email": invited, "role": "viewer", "send": True})
    # Nothing is lost where nothing can be sent.
    assert "No mail server" in made["failure"]
    assert "/console/link/lnk_" in made["link"]
    forget_waiting(product.server.database)
    with MailServer(auth=True) as server:
        wish = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "userName": ACCOUNT[0],
            "password": ACCOUNT[1],
            "sender": "turnout@example.org",
        }
        assert admin.fail("POST", "installation/mail", wish | {"sender": "nobody"})[:2] == (400, "invalid_request")
        shown = admin.ask("POST", "installation/mail", wish)
        assert (shown["isSetUp"], shown["hasPassword"], shown["senderName"]) == (True, True, "Turnout")
        try:
            assert admin.ask("POST", "installation/mail/test", {})["failure"] is None
            made = admin.ask("POST", "invitations", {"email": invited, "role": "viewer", "send": True})
            assert (made["link"], made["failure"]) == (None, None)
            assert viewer.user
            link = admin.ask("POST", f"users/{viewer.user.id}/password-link", {"send": True})
            assert (link["link"], link["failure"]) == (None, None)
            sent = server.wait_for(3)
            assert admin.user
            assert [one.recipients for one in sent] == [[admin.user.email], [invited], [viewer.user.email]]
            assert admin.ask("GET", "installation/mail")["succeededAt"] is not None
        finally:
            admin.ask("DELETE", "installation/mail")
    assert admin.fail("POST", "installation/mail/test", {})[:2] == (409, "conflict")
    assert viewer.fail("GET", "installation/mail")[0] == 403


@only_sqlite
def test_everybody_has_a_digest_of_their_own(product: Product) -> None:
    viewer = make_caller(product, "viewer")
    assert viewer.ask("GET", "me/digest") == {"isOn": False, "hour": None, "timeZone": None}
    asked = viewer.ask("POST", "me/digest", {"hour": 6, "timeZone": "Europe/Berlin"})
    assert asked == {"isOn": True, "hour": 6, "timeZone": "Europe/Berlin"}
    assert viewer.ask("GET", "me/digest") == asked
    for wrong in ({"hour": 24, "timeZone": "UTC"}, {"hour": 6, "timeZone": "Mars/Base"}):
        assert viewer.fail("POST", "me/digest", wrong)[:2] == (400, "invalid_request")
    viewer.ask("DELETE", "me/digest")
    assert viewer.ask("GET", "me/digest")["isOn"] is False
