"""Senders that are killed or paused, and receivers that lie: nothing is lost, and what comes twice is the same."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.databases import find_rows, only_postgresql
from tests.downstream.webhooks.hooked import Hooked, hook, person
from tests.product import Product, RunningServer
from tests.receivers import PATIENCE_S, Answer, Gate, Receiver, hang_up, pour, say, say_bytes
from turnout.errors import NotFound
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.model.change import Change
from turnout.store import leases
from turnout.store.statements import is_postgresql


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


# --- The sender ------------------------------------------------------------------------------------------------------


def test_a_server_killed_between_sending_and_recording_sends_the_same_again(
    start_product: Callable[..., Product], receiver: Receiver
) -> None:
    """ "kill -9 of the sender between send and record", "duplicates carry the same id"."""
    product = start_product()
    event = product.make_event()
    gate = Gate()
    receiver.answer_with(gate.then(say(200)), say(200))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    [first] = receiver.wait_for(1)
    event.push_ok(person("ann@example.org", title="CTO"))
    product.server.kill()
    product.server.end_turns()
    gate.open()
    product.server.start()
    event.move_to(product.server)
    event.push_ok(person("ann@example.org", title="CEO"))
    requests = receiver.wait_for(4)
    assert (requests[1].id, requests[1].body) == (first.id, first.body)
    assert [one.sequence for one in requests] == [1, 1, 2, 3]
    assert all(one.is_signed(hooked.secret) for one in requests)
    hooked.wait_until(lambda found: [one.state for one in found] == ["delivered"] * 3)
    # Of the try that nobody recorded nothing is known.
    assert [len(one.attempts) for one in hooked.deliveries()] == [1, 1, 1]


def test_a_server_that_stops_records_what_ends_within_a_moment(
    start_product: Callable[..., Product], receiver: Receiver
) -> None:
    product = start_product()
    event = product.make_event()
    gate = Gate()
    receiver.answer = lambda one: gate.then(say(200)) if one.sequence == 1 else say(200)
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    receiver.wait_for(1)
    event.push_ok(person("bob@example.org"))
    receiver.wait_for(2)
    assert product.server.end(signal.SIGTERM) == 0
    assert {one.sequence: one.state for one in hooked.deliveries()} == {1: "new", 2: "delivered"}
    gate.open()
    product.server.start()
    # At once: the turn was given back.
    assert receiver.wait_for(3)[2].sequence == 1


class Two:
    """Two servers on one database, one of which sends."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product = product
        folder.mkdir()
        url = product.server.environment["TURNOUT_DATABASE_URL"]
        self.other = RunningServer(folder, url, TURNOUT_TRUSTED_PROXIES="127.0.0.1/32")
        self.other.start()

    def find_sender(self) -> tuple[RunningServer, RunningServer]:
        """The one that sends, and the one that stands by."""
        with self.product.server.database.read() as connection:
            holder = leases.find_holder(connection, "webhooks") or ""
        servers = (self.product.server, self.other)
        return servers if f"process {servers[0].pid}," in holder else servers[::-1]


@pytest.fixture
def two(start_product: Callable[..., Product], tmp_path: Path) -> Iterator[Two]:
    two = Two(start_product(), tmp_path / "other")
    try:
        yield two
    finally:
        two.other.stop()


@only_postgresql
def test_of_two_servers_one_sends_and_when_it_is_killed_the_other_goes_on(two: Two, receiver: Receiver) -> None:
    event = two.product.make_event()
    hooked = hook(event, receiver)
    for number in range(20):
        event.push_ok(person(f"p{number}@example.org"))
    receiver.wait_for(20)
    hooked.wait_until(lambda found: all(one.state == "delivered" for one in found) and len(found) == 20)
    assert [len(one.attempts) for one in hooked.deliveries()] == [1] * 20
    assert len(receiver.requests) == 20
    gate = Gate()
    receiver.answer = lambda one: gate.then(say(200)) if one.number == 20 else say(200)
    event.push_ok(person("ann@example.org"))
    receiver.wait_for(21)
    sender, stands_by = two.find_sender()
    sender.kill()
    sender.end_turns()
    event.move_to(stands_by)
    event.push_ok(person("ann@example.org", title="CTO"))
    requests = receiver.wait_for(23)
    assert (requests[21].id, requests[21].body) == (requests[20].id, requests[20].body)
    assert [one.sequence for one in requests[20:]] == [21, 21, 22]
    assert two.find_sender()[0] is stands_by
    gate.open()


@only_postgresql
def test_a_sender_that_was_paused_for_too_long_records_nothing(two: Two, receiver: Receiver) -> None:
    """ "Who lost the lease records nothing"."""
    event = two.product.make_event()
    gate = Gate()
    receiver.answer_with(gate.then(say(500, b"of the paused one")), say(200, b"of the other one"))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    receiver.wait_for(1)
    sender, stands_by = two.find_sender()
    sender_log = sender.log_path
    _signal(sender, signal.SIGSTOP)
    try:
        sender.end_turns()
        event.move_to(stands_by)
        receiver.wait_for(2)
        hooked.wait_until(lambda found: [one.state for one in found] == ["delivered"])
        gate.open()
    finally:
        _signal(sender, signal.SIGCONT)
    _wait_for_log(sender_log, "webhooks_left_to_another")
    [delivery] = hooked.deliveries()
    assert [(one.status, one.answer) for one in delivery.attempts] == [(200, "of the other one")]
    # And it is ready to go on where the other one ends.
    stands_by.kill()
    stands_by.end_turns()
    event.move_to(sender)
    event.push_ok(person("ann@example.org", title="CTO"))
    assert receiver.wait_for(3)[2].sequence == 2


def _signal(server: RunningServer, number: signal.Signals) -> None:
    os.kill(server.pid, number)


def _wait_for_log(path: Path, text: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while text not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()[-2000:]
        time.sleep(0.02)


# --- The receiver ----------------------------------------------------------------------------------------------------

LIES: list[tuple[Answer, int | None, str]] = [
    (hang_up, None, "the connection was closed without an answer"),
    (say_bytes(b"HTTP/1.1 200"), None, "the connection was closed without an answer"),
    (say_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nh"), None, "the answer (200) did not come to its end"),
    (say_bytes(b"\x16\x03\x01 hello"), None, "what came back is not HTTP"),
    (say(301, location="/"), 301, "a redirect, which is not followed"),
    (say(404), 404, "not found"),
    (say(999), 999, "not a status of success"),
    (pour(b"HTTP/1.1 500 No\r\n\r\n"), 500, "internal server error"),
]


def test_whatever_a_receiver_does_it_gets_the_same_until_it_says_well(product: Product, receiver: Receiver) -> None:
    """ "Slow, failing, lying about status, cutting off in the middle"."""
    event = product.make_event()
    receiver.answer_with(*(answer for answer, _, _ in LIES), say(200, b"\x00\xff" + b"x" * 10_000))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    for number in range(1, len(LIES) + 1):
        hooked.wait_until(lambda found, number=number: bool(found) and len(found[0].attempts) == number)
        hooked.make_due()
    [delivery] = hooked.wait_until(lambda found: found[0].state == "delivered")
    *failed, last = delivery.attempts
    for attempt, (_, status, told) in zip(failed, LIES, strict=True):
        assert attempt.status == status
        assert told in (attempt.error or "")
    # "With request, answer, time taken": how the answer began.
    assert (last.status, last.answer) == (200, "\x00\ufffd" + "x" * 1_022)
    requests = receiver.wait_for(len(LIES) + 1)
    assert {(one.id, one.body) for one in requests} == {(delivery.id, (delivery.body or "").encode())}
    assert all(one.is_signed(hooked.secret) for one in requests)


def test_an_answer_without_end_that_says_well_is_one(product: Product, receiver: Receiver) -> None:
    event = product.make_event()
    receiver.answer_with(pour(b"HTTP/1.1 200 OK\r\n\r\n"))
    hooked = hook(event, receiver)
    event.push_ok(person("ann@example.org"))
    [delivery] = hooked.wait_until(lambda found: [one.state for one in found] == ["delivered"])
    assert len(delivery.attempts[0].answer or "") == 1_024


# --- Forgetting ------------------------------------------------------------------------------------------------------


def test_of_somebody_erased_while_deliveries_are_parked_no_byte_is_left(
    start_product: Callable[..., Product], receiver: Receiver
) -> None:
    """F1: "removes all values from … queued and logged deliveries"."""
    product = start_product()
    event = product.make_event()
    receiver.answer = lambda one: say(500 if b"zqzq" in one.body else 200, one.body[:1_000])
    hooked = hook(event, receiver)
    for number in range(40):
        # Rows between them, so that pages are split.
        event.batch_ok(
            [person(f"p{one}@example.org", title=str(number), biography="x" * 40 * one) for one in range(30)]
        )
        if number % 8 == 0:
            for who in ("ann", "bob"):
                event.push_ok(person(f"zqzq{who}@example.org", title=f"zqzq{number}", biography="zqzq " * 90 * number))
    _wait_for_all(hooked, event.changes()[-1].sequence)
    database = event.database
    for who in ("ann", "bob"):
        erase(database, Configurations(database), event.id, f"zqzq{who}@example.org", "test")
    receiver.wait_for(2, lambda one: one.topic == "attendee.erased")
    with database.read() as connection:
        in_files = not is_postgresql(connection)
    assert find_rows(database, b"zqzq") == []
    if in_files:
        folder = product.server.database_path.parent
        assert [one.name for one in folder.iterdir() if b"zqzq" in one.read_bytes().lower()] == []


def test_who_is_erased_at_any_moment_leaves_nothing_in_the_queue(product: Product, receiver: Receiver) -> None:
    """While lines are read, queued, sent and recorded: nothing of him is written behind the erasure's back."""
    event = product.make_event()
    dice = random.Random(3)
    receiver.answer = lambda one: say(dice.choice([200, 200, 500]), one.body[:900])
    hooked = hook(event, receiver)
    configurations = Configurations(event.database)
    people = [f"zqzq{number}@example.org" for number in range(40)]

    def push() -> None:
        for _ in range(4):
            for start in range(0, len(people), 10):
                event.batch_ok([person(one, title=f"zqzq{dice.random()}") for one in people[start : start + 10]])

    def forget() -> None:
        for one in people * 2:
            with contextlib.suppress(NotFound):
                erase(event.database, configurations, event.id, one, "test", suppresses=False)

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(push), pool.submit(forget)]:
            done.result()
    forget()
    erased = [change for change in event.changes() if change.kind == "erased"]
    assert len(erased) >= len(people)
    deadline = time.monotonic() + PATIENCE_S
    while any(one.finished_at is None for one in hooked.deliveries()) or not _is_told_of_all(receiver, erased):
        assert time.monotonic() < deadline
        hooked.make_due()
        time.sleep(0.05)
    assert find_rows(event.database, b"zqzq") == []
    latest: dict[str, str] = {}
    for request in receiver.requests:
        latest[request.attendee_id] = request.topic
    # Nobody is told of anybody once he is gone.
    assert set(latest.values()) == {"attendee.erased"}


def _is_told_of_all(receiver: Receiver, erased: list[Change]) -> bool:
    told = {one.sequence for one in receiver.requests}
    return all(change.sequence in told for change in erased)


def _wait_for_all(hooked: Hooked, last: int) -> None:
    hooked.wait_until(
        lambda found: (
            max((one.sequence for one in found), default=0) == last
            and all(one.state != "new" or one.next_at is None for one in found)
        )
    )
