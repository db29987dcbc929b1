"""Exports whose maker, or whose server, goes in the middle: they are made anew by themselves, and once."""

import json
import os
import signal
from collections.abc import Callable

from sqlalchemy import text

from tests.databases import only_postgresql, settings_of
from tests.downstream.exports.asking import (
    Asker,
    fill,
    find_makers,
    find_row,
    held_in_the_middle,
    wait_for_row,
    wait_until_ended,
)
from tests.product import Product, RunningServer, TestedEvent
from turnout.downstream.exports.making import ERASED
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.store import exports

PEOPLE = 5_000


def make_event(product: Product) -> tuple[TestedEvent, Asker]:
    event = product.make_event()
    fill(event, PEOPLE)
    return event, Asker(event)


def check_file(asker: Asker, export_id: str) -> None:
    shown = asker.wait(export_id)
    assert (shown["state"], shown["rowsDone"]) == ("done", PEOPLE)
    lines = asker.fetch(export_id).content.splitlines()
    assert {json.loads(line)["email"] for line in lines} == {f"p{number}@example.com" for number in range(PEOPLE)}
    assert len(lines) == PEOPLE


def test_a_maker_that_is_killed_is_followed_by_another(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    export_id = asker.ask_ok(format="ndjson")
    with held_in_the_middle(event, export_id) as maker:
        os.kill(maker, signal.SIGKILL)
    check_file(asker, export_id)
    assert find_row(event, export_id).attempts == 2


def test_an_export_whose_makers_are_always_killed_is_given_up(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    export_id = asker.ask_ok(format="ndjson")
    for attempt in range(1, 6):
        wait_for_row(event, export_id, "running", attempt)
        for maker in find_makers(product.server):
            os.kill(maker, signal.SIGKILL)
    shown = asker.wait(export_id)
    assert shown["state"] == "failed"
    assert "begun 5 times" in shown["reason"]


def test_a_server_that_is_killed_takes_it_up_again(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    export_id = asker.ask_ok(format="ndjson")
    with held_in_the_middle(event, export_id):
        product.server.kill()
    # Whoever made it notices that it is alone, and leaves the rest to who comes.
    wait_for_row(event, export_id, "waiting", attempts=0)
    product.server.start()
    event.move_to(product.server)
    check_file(asker, export_id)


def test_a_server_that_is_killed_with_its_maker_takes_it_up_again(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    export_id = asker.ask_ok(format="ndjson")
    with held_in_the_middle(event, export_id) as maker:
        product.server.kill()
        os.kill(maker, signal.SIGKILL)
    product.server.start()
    event.move_to(product.server)
    check_file(asker, export_id)
    assert find_row(event, export_id).attempts == 2


def test_a_server_that_stops_puts_it_back_for_the_next_one(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event = product.make_event()
    # What takes so long that it cannot be done before the server gets to it.
    fill(event, 4 * PEOPLE, motto="x" * 200)
    asker = Asker(event)
    export_id = asker.ask_ok(format="xlsx")
    wait_for_row(event, export_id, "running")
    assert product.server.end(signal.SIGTERM) == 0
    put_back = find_row(event, export_id)
    assert (put_back.state, put_back.attempts, put_back.file_key) == ("waiting", 0, None)
    product.server.start()
    event.move_to(product.server)
    assert asker.wait(export_id)["rowsDone"] == 4 * PEOPLE
    assert find_row(event, export_id).attempts == 1


def test_whoever_has_lost_the_lease_records_nothing(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    export_id = asker.ask_ok(format="ndjson")
    with held_in_the_middle(event, export_id) as maker:
        before = find_row(event, export_id)
        with event.database.write() as connection:
            connection.execute(text("UPDATE leases SET token = token + 1, expires_at = 0 WHERE name = 'exports'"))
        # Else the server would notice first, and tell it to stop.
        os.kill(product.server.pid, signal.SIGSTOP)
    try:
        wait_until_ended(maker)
        assert find_row(event, export_id) == before
    finally:
        os.kill(product.server.pid, signal.SIGCONT)
    check_file(asker, export_id)
    after = find_row(event, export_id)
    assert (after.attempts, after.file_key == before.file_key) == (2, False)


def test_f1_a_file_that_an_erasure_has_not_seen_does_not_become_one(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    export_id = asker.ask_ok(format="ndjson")
    with held_in_the_middle(event, export_id):
        unseen = find_row(event, export_id)
        erase(event.database, Configurations(event.database), event.id, "p7@example.com", "staff")
        # As if it had been begun while the erasure was under way.
        with event.database.write() as connection:
            exports.delete_export(connection, event.id, export_id)
            exports.add_export(connection, unseen)
    shown = asker.wait(export_id)
    assert (shown["state"], shown["reason"]) == ("failed", ERASED)
    assert find_row(event, export_id).file_key is None


@only_postgresql
def test_two_servers_make_each_export_once(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    folder = product.server.folder / "second"
    folder.mkdir()
    settings = settings_of(product.server.environment["TURNOUT_DATABASE_URL"])
    with RunningServer(folder, settings["TURNOUT_DATABASE_URL"], TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as second:
        asked = []
        for number in range(4):
            event.move_to(second if number % 2 else product.server)
            asked.append(asker.ask_ok(format="ndjson"))
        for export_id in asked:
            check_file(asker, export_id)
            assert find_row(event, export_id).attempts == 1
        # A file that one has had made the other one gives.
        event.move_to(second)
        contents = {asker.fetch(export_id).content for export_id in asked}
        event.move_to(product.server)
        assert contents == {asker.fetch(export_id).content for export_id in asked}
        assert len(contents) == 1
