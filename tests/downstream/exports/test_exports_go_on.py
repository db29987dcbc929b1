"""Exports whose maker, or whose server, goes in the middle: they are made anew by themselves, and once."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from tests.databases import only_postgresql, settings_of
from tests.downstream.exports.asking import (
    Asker,
    fill,
    find_makers,
    find_row,
    held_in_the_middle,
    nobody_makes,
    wait_for_row,
    wait_until_ended,
    wait_until_told,
)
from tests.product import Product, RunningServer, TestedEvent
from turnout.downstream.exports.__main__ import make_waiting
from turnout.downstream.exports.making import ERASED, MAX_ATTEMPTS, Maker
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.store import exports

PEOPLE = 12_000
"""So many that a maker is still at it when it is stopped, on a busy machine too."""


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
    with held_in_the_middle(event, asker) as (export_id, maker):
        os.kill(maker, signal.SIGKILL)
    check_file(asker, export_id)
    assert find_row(event, export_id).attempts == 2


def test_an_export_whose_makers_are_always_killed_is_given_up(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    with nobody_makes(event.database):
        export_id = asker.ask_ok(format="ndjson")
        # As if it had gone so with the first ones.
        with event.database.write() as connection:
            connection.execute(text("UPDATE exports SET attempts = :attempts"), {"attempts": MAX_ATTEMPTS - 2})
    for attempt in (MAX_ATTEMPTS - 1, MAX_ATTEMPTS):
        wait_for_row(event, export_id, "running", attempt)
        for maker in find_makers(product.server):
            os.kill(maker, signal.SIGKILL)
    shown = asker.wait(export_id)
    assert shown["state"] == "failed"
    assert f"begun {MAX_ATTEMPTS} times" in shown["reason"]


def test_a_server_that_is_killed_takes_it_up_again(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    with held_in_the_middle(event, asker) as (export_id, _):
        product.server.kill()
    # Whoever made it notices that it is alone, and leaves the rest to who comes.
    wait_for_row(event, export_id, "waiting", attempts=0)
    product.server.start()
    event.move_to(product.server)
    check_file(asker, export_id)


def test_a_server_that_is_killed_with_its_maker_takes_it_up_again(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    with held_in_the_middle(event, asker) as (export_id, maker):
        product.server.kill()
        os.kill(maker, signal.SIGKILL)
    product.server.end_turns()
    product.server.start()
    event.move_to(product.server)
    check_file(asker, export_id)
    assert find_row(event, export_id).attempts == 2


def test_a_server_that_stops_puts_it_back_for_the_next_one(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    with held_in_the_middle(event, asker) as (export_id, maker):
        os.kill(product.server.pid, signal.SIGTERM)
        wait_until_told(product.server, maker)
    assert product.server.end(signal.SIGTERM) == 0
    put_back = find_row(event, export_id)
    assert (put_back.state, put_back.attempts, put_back.file_key) == ("waiting", 0, None)
    product.server.start()
    event.move_to(product.server)
    check_file(asker, export_id)
    assert find_row(event, export_id).attempts == 1


def test_whoever_has_lost_the_lease_records_nothing(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    with held_in_the_middle(event, asker) as (export_id, maker):
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


class Meanwhile(threading.Event):
    """The word to stop, for which a maker looks at every page; before the first one something else happens."""

    def __init__(self, happen: Callable[[], None]) -> None:
        super().__init__()
        self._happen: Callable[[], None] | None = happen

    def is_set(self) -> bool:
        if self._happen is not None:
            happen, self._happen = self._happen, None
            happen()
        return super().is_set()


def test_f1_a_file_that_an_erasure_has_not_seen_does_not_become_one(product: Product, tmp_path: Path) -> None:
    event = product.make_event()
    fill(event, 300)
    asker = Asker(event)

    def erase_unseen() -> None:
        unseen = find_row(event, export_id)
        assert (unseen.state, unseen.sequence) == ("running", 300)
        erase(event.database, Configurations(event.database), event.id, "p7@example.com", "staff")
        # As if it had been begun while the erasure was under way.
        with event.database.write() as connection:
            exports.delete_export(connection, event.id, export_id)
            exports.add_export(connection, unseen)

    # In this process, and so at exactly that moment: the first page is read, and whoever is erased is on it.
    with nobody_makes(event.database) as lease:
        export_id = asker.ask_ok(format="ndjson")
        Maker(event.database, lease, Meanwhile(erase_unseen), 1 << 30).make(find_row(event, export_id), tmp_path)
        shown = asker.show(export_id)
        assert (shown["state"], shown["reason"]) == ("failed", ERASED)
        assert find_row(event, export_id).file_key is None
    # Anew it is made, without whoever is gone.
    assert asker.make(format="ndjson").count(b"\n") == 299


@only_postgresql
def test_two_servers_make_each_export_once(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event, asker = make_event(product)
    folder = product.server.folder / "second"
    folder.mkdir()
    settings = settings_of(product.server.environment["TURNOUT_DATABASE_URL"])
    with RunningServer(folder, settings["TURNOUT_DATABASE_URL"], TURNOUT_TRUSTED_PROXIES="127.0.0.1/32") as second:
        asked = []
        for number in range(3):
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


def test_one_maker_makes_all_that_wait(product: Product, tmp_path: Path) -> None:
    """To begin a process for each takes longer than most of them."""
    event = product.make_event()
    fill(event, 3)
    asker = Asker(event)
    with nobody_makes(event.database) as lease:
        export_ids = [asker.ask_ok(format="ndjson") for _ in range(3)]
        make_waiting(Maker(event.database, lease, threading.Event(), 1 << 30), tmp_path)
        assert [asker.show(one)["state"] for one in export_ids] == ["done"] * 3
    assert [find_row(event, one).attempts for one in export_ids] == [1] * 3


def test_a_maker_that_is_to_stop_begins_no_other(product: Product, tmp_path: Path) -> None:
    event = product.make_event()
    fill(event, 3)
    asker = Asker(event)
    stopping = threading.Event()
    stopping.set()
    with nobody_makes(event.database) as lease:
        export_id = asker.ask_ok(format="ndjson")
        make_waiting(Maker(event.database, lease, stopping, 1 << 30), tmp_path)
        assert asker.show(export_id)["state"] == "waiting"
