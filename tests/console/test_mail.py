"""The mail server of the installation in the console, what it sends of users, and everybody's own digest."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.alerts.failing import forget_waiting
from tests.console.browser import NARROW, WIDE, Screens
from tests.console.conftest import SignIn
from tests.console.looks import check_axe, check_fits
from tests.mail_server import ACCOUNT, MailServer
from tests.product import Product, make_address
from turnout.access import audit
from turnout.alerts import digest, mail

NAME, PASSWORD = ACCOUNT
WAY = "installation/mail"


@pytest.fixture
def mail_server(product: Product) -> Iterator[MailServer]:
    """One that asks who comes. It is the installation's as long as the test says so, and no longer."""
    forget_waiting(product.server.database)
    with MailServer(auth=True) as server:
        yield server
    mail.remove(product.server.database)


def form_of(server: MailServer, **changed: str) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": str(server.port),
        "security": "none",
        "user_name": NAME,
        "password": PASSWORD,
        "sender": "turnout@example.org",
        "sender_name": "Turnout",
        **changed,
    }


def test_a_mail_server_is_set_up_tried_and_removed(product: Product, sign_in: SignIn, mail_server: MailServer) -> None:
    admin = sign_in()
    assert "not set up" in admin.get(WAY).text
    page = admin.follow(admin.post(WAY, **form_of(mail_server))).text
    assert "not tried yet" in page
    assert PASSWORD not in page
    page = admin.follow(admin.post(f"{WAY}/test")).text
    assert "took a test message" in page
    assert ">works<" in page.replace("</svg>works", ">works")
    [received] = mail_server.wait_for(1)
    assert received.recipients == [admin.signed_in.email]
    assert received.signed_in
    # What is left blank stays as it is.
    admin.post(WAY, **form_of(mail_server, password="", sender_name="Events"))
    admin.post(f"{WAY}/test")
    assert "Events" in mail_server.wait_for(2)[-1].message["from"]
    assert "Send no mail any more?" in admin.get(f"{WAY}/remove").text
    admin.post(f"{WAY}/remove")
    assert "not set up" in admin.get(WAY).text
    assert admin.post(f"{WAY}/test").status_code == 409
    lines = audit.list_lines(product.server.database, event_id="", user_id=admin.signed_in.id)
    assert {line.action for line in lines} == {"mail.set", "mail.test", "mail.remove"}
    assert PASSWORD not in str([(line.before, line.after) for line in lines])


def test_what_a_mail_server_refuses_stands_on_its_page(sign_in: SignIn, mail_server: MailServer) -> None:
    admin = sign_in()
    admin.post(WAY, **form_of(mail_server, password="wrong"))
    page = admin.follow(admin.post(f"{WAY}/test")).text
    assert "the last mail failed" in page
    assert "535" in page
    assert mail_server.received == []


def test_what_cannot_be_meant_is_said_and_what_was_typed_is_kept(sign_in: SignIn, mail_server: MailServer) -> None:
    admin = sign_in()
    for wrong in ({"port": "many"}, {"sender": "nobody"}, {"host": "http://smtp.example.org/"}, {"security": "some"}):
        refused = admin.post(WAY, **form_of(mail_server, **wrong))
        assert refused.status_code == 422, wrong
        assert 'role="alert"' in refused.text
        if "security" not in wrong:
            assert f'value="{next(iter(wrong.values()))}"' in refused.text
        assert PASSWORD not in refused.text
    assert "not set up" in admin.get(WAY).text


def test_invitations_and_links_for_a_new_password_are_sent(
    product: Product, sign_in: SignIn, mail_server: MailServer, nobody: object
) -> None:
    admin = sign_in()
    assert "Send the invitation" not in admin.get("installation/invite").text
    admin.post(WAY, **form_of(mail_server))
    assert "Send the invitation" in admin.get("installation/invite").text
    invited = f"{make_address()}@example.org"
    page = admin.follow(admin.post("installation/invite", email=invited, role="viewer", scope="some", send="yes")).text
    assert f"on its way to {invited}" in page
    [received] = mail_server.wait_for(1)
    assert received.recipients == [invited]
    link = re.search(r"/console/(link/lnk_\S+)", received.text)
    assert link
    # Whoever invites does not have it.
    assert link[1].partition(".")[2] not in page
    assert admin.get(link[1]).status_code == 200
    user = sign_in("viewer").signed_in
    admin.post(f"installation/users/{user.id}/link", send="yes")
    assert mail_server.wait_for(2)[-1].recipients == [user.email]
    # What cannot be sent is shown.
    mail_server.answers["RCPT"] = "550 5.1.1 No such user"
    shown = admin.post(f"installation/users/{user.id}/link", send="yes")
    assert shown.status_code == 200
    assert "could not be sent" in shown.text
    assert "/console/link/lnk_" in shown.text


def test_everybody_asks_for_a_digest_of_their_own(product: Product, sign_in: SignIn) -> None:
    viewer, database = sign_in("viewer"), product.server.database
    viewer.post("account/digest", hour="6", time_zone="Europe/Berlin")
    asked = digest.get(database, viewer.signed_in.id)
    assert asked is not None
    assert (asked.hour, asked.time_zone) == (6, "Europe/Berlin")
    page = viewer.get("account").text
    assert '<option value="6" selected>06:00' in page
    assert 'value="Europe/Berlin"' in page
    for hour, zone in (("6", "Mars/Base"), ("24", "UTC")):
        refused = viewer.post("account/digest", hour=hour, time_zone=zone)
        assert refused.status_code == 400
        assert f'value="{zone}"' in refused.text
        assert "f-time_zone-error" in refused.text
    viewer.post("account/digest/stop")
    assert digest.get(database, viewer.signed_in.id) is None


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)], ids=["desk", "telephone"])
def test_the_page_of_e_mail_looks_right(
    sign_in: SignIn, screens: Screens, mail_server: MailServer, width: int, dark: bool
) -> None:
    admin = sign_in()
    page = screens.open(admin, WAY, width=width, dark=dark)
    check_axe(page)
    check_fits(page)
    admin.post(WAY, **form_of(mail_server, password="wrong"))
    admin.post(f"{WAY}/test")
    for path in (WAY, "installation/invite", f"installation/users/{admin.signed_in.id}"):
        page.goto(path)
        check_axe(page)
        check_fits(page)
