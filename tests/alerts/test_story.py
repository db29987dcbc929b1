"""The whole way: a mail server, somebody who follows, pushes that fail, one mail, and a link that leads to them."""

import re

from tests.alerts.failing import forget_waiting, let_pushes_fail, look_now, open_alert
from tests.console.conftest import SignIn, sign_in
from tests.mail_server import MailServer
from tests.product import Product
from turnout.alerts import mail

__all__ = ["sign_in"]


def test_pushes_fail_and_whoever_follows_gets_one_mail_with_the_way_to_mend_it(
    product: Product, sign_in: SignIn
) -> None:
    event = product.make_event()
    admin, manager, viewer = sign_in(), sign_in("manager", event), sign_in("viewer", event)
    forget_waiting(event.database)
    with MailServer() as server:
        admin.post(
            "installation/mail",
            host="127.0.0.1",
            port=str(server.port),
            security="none",
            sender="turnout@example.org",
        )
        try:
            manager.post(f"events/{event.slug}/alerts/follow")
            viewer.post(f"events/{event.slug}/alerts/follow")
            viewer.post(f"events/{event.slug}/alerts/unfollow")
            open_alert(event)
            received = [one for one in server.wait_for(1) if "first push" not in str(one.message["subject"]).lower()]
            [told] = received
            assert told.recipients == [manager.signed_in.email]
            assert "guest number" not in told.text + told.html
            links = re.findall(r"http\S+/console/(\S+)", told.text)
            page = manager.get(links[0]).text
            # Signed in or not, the link leads there, to those pushes and no others.
            assert page.count("guest") >= 5
            assert any(link.startswith(f"events/{event.slug}/alerts") for link in links)
            # Once more is nothing new.
            let_pushes_fail(event)
            look_now(event)
            look_now(event)
            assert len(server.received) == 1
            assert "1 person was told by e-mail" in manager.get(f"events/{event.slug}/alerts").text
        finally:
            mail.remove(product.server.database)
