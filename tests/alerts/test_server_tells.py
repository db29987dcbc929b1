"""A real server tells by itself; one that is killed between a message and its record says it again, recognisably."""

import threading
from collections.abc import Callable

from tests.alerts.telling import list_messages, make_followers, open_alert, set_up_mail, states, wait_until
from tests.mail_server import MailServer
from tests.patience import PATIENCE_S
from tests.product import Product
from turnout.store import events
from turnout.store.database import Database


def read_figures(product: Product) -> dict[str, float]:
    text = product.client.get(f"{product.server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).text
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines())
        if name.startswith(("turnout_alert", "turnout_mail"))
    }


def test_a_server_that_is_killed_before_it_has_recorded_a_message_sends_it_again(
    start_product: Callable[..., Product],
) -> None:
    product = start_product()
    database: Database = product.server.database
    with database.read() as connection:
        event = events.find_event(connection, slug=product.make_event().slug)
    assert event is not None
    make_followers(database, event)
    alert = open_alert(database, event)
    with MailServer() as server:
        killed = threading.Event()

        def kill(_: MailServer) -> None:
            product.server.kill()
            killed.set()

        server.on_data = kill
        set_up_mail(database, server)
        assert killed.wait(PATIENCE_S)
        product.server.end_turns()
        server.on_data = lambda _: None
        product.server.start()
        first, second = server.wait_for(2)
        assert first.message["Message-ID"] == second.message["Message-ID"]
        assert first.recipients == second.recipients
        wait_until(lambda: states(list_messages(database, alert)) == ["sent"])
        figures = read_figures(product)
        assert figures['turnout_alerts_open{kind="silent"}'] == 0
        assert figures['turnout_alert_messages_waiting{by="mail"}'] == 0
        assert figures["turnout_mail_failing"] == 0
        server.answers["MAIL"] = "553 Not your address"
        failing = open_alert(database, event)
        wait_until(lambda: read_figures(product)["turnout_mail_failing"] == 1)
        assert read_figures(product)['turnout_alert_messages_waiting{by="mail"}'] == 1
        assert states(list_messages(database, failing)) == ["waiting"]
