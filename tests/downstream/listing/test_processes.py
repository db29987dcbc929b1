"""The index is fed by one of all processes, and where that has died by the next one: nothing is lost or left over."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from tests.databases import SECRET_KEY
from tests.downstream.listing.index import check_index, compute_index, is_caught_up, read_index
from tests.feed.builders import Hall, make_push
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout.changes.listing.rows import rows_of
from turnout.changes.turn import Turn
from turnout.downstream.listing.catch_up import catch_up
from turnout.feed import commit
from turnout.feed.forget.erase import erase
from turnout.operations.verify.verify import verify
from turnout.store import attendees, leases, listing
from turnout.store.database import Database
from turnout.store.listing import CONSUMER

_WORKER = """
import sys
from turnout.changes import follow
from turnout.downstream.listing import consumer
from turnout.store.connect import open_database

follow.MAX_LINES, follow.LASTS_US, follow.IDLE_S, follow.ELSEWHERE_S = 20, 1_000_000, 0.01, 0.05
handle = consumer.consumer.handle

def noted(connection, event_id, after, limit):
    step = handle(connection, event_id, after, limit)
    print(step.last, flush=True)
    return step

database = open_database(sys.argv[1], bytes.fromhex(sys.argv[2]))
follower = follow.Follower(database, follow.Consumer(consumer.consumer.name, noted))
follower.start()
sys.stdin.read()
follower.stop()
"""


class Worker:
    """Another process that feeds the index, and says each time how far it is about to come."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, url, SECRET_KEY.hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@contextmanager
def working(url: str) -> Generator[Worker]:
    worker = Worker(url)
    try:
        yield worker
    finally:
        worker.end()


def wait_until(is_so: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if is_so():
            return
        waited.wait(0.02)
    raise AssertionError("It does not come to that.")


def push_people(hall: Hall, dice: random.Random, people: int) -> None:
    pushes = [
        make_push(
            f"p{dice.randrange(people)}@example.com",
            lastName=dice.choice(["Lee", "Łukasik", "O'Brien", ""]),
            groups=dice.sample(["VIP", "Press", "Crew"], dice.randrange(3)),
            attending=dice.random() < 0.9,
        )
        for _ in range(people)
    ]
    for start in range(0, people, 50):
        commit.write(hall.database, hall.configurations, [hall.submit(*pushes[start : start + 50])])


def check_so_far(database: Database, event_id: str) -> None:
    """Whoever the cursor has passed is as the document asks for; the others' rows agree with one another."""
    with database.read() as connection:
        cursor = listing.find_cursor(connection, event_id)
        for one in attendees.list_attendees(connection, event_id, status=None, limit=10_000, with_merged=True):
            if one.sequence <= cursor:
                assert listing.find_listed(connection, event_id, [one.id]).get(one.id) == rows_of(one)
    index = read_index(database, event_id)
    assert index["facets"] == {(facet, *row[:3]) for row in index["listed"] for facet in row[3].split("\n")}
    assert index["words"] == {(word, row[0]) for row in index["listed"] for word in row[4].split("\n")}


def test_killed_at_any_moment_it_has_done_whole_steps_and_the_next_one_does_the_rest(database: Database) -> None:
    dice = random.Random(5)
    hall = Hall(database)
    for _ in range(3):
        push_people(hall, dice, 400)
        with working(database.url) as worker:
            for _ in range(dice.randrange(2, 12)):
                worker.read()
            worker.kill()
        assert not is_caught_up(database, hall.event.id)
        check_so_far(database, hall.event.id)
        with database.read() as connection:
            somebody = dice.choice(attendees.list_attendees(connection, hall.event.id, limit=1_000))
        erase(database, hall.configurations, hall.event.id, somebody.id, "test", suppresses=False)
        push_people(hall, dice, 100)
        # Until its time is over, the lease of the one that was killed keeps all others away.
        wait_until(lambda: catch_up(database, hall.event.id))
        check_index(database)
        assert verify(database).ok


def test_of_two_processes_one_feeds_the_index_and_the_other_takes_over(database: Database) -> None:
    dice = random.Random(6)
    hall = Hall(database)
    push_people(hall, dice, 200)

    def find_holder() -> str:
        with database.read() as connection:
            return leases.find_holder(connection, CONSUMER) or ""

    with working(database.url) as first, working(database.url) as second:
        wait_until(lambda: is_caught_up(database, hall.event.id))
        holder = find_holder()
        workers = {f"process {one.pid}, ": one for one in (first, second)}
        (its,) = [one for one in workers if one in holder]
        assert not Turn(database, CONSUMER).take()
        push_people(hall, dice, 200)
        wait_until(lambda: is_caught_up(database, hall.event.id))
        check_index(database)
        push_people(hall, dice, 200)
        workers.pop(its).kill()
        push_people(hall, dice, 200)
        wait_until(lambda: is_caught_up(database, hall.event.id))
        check_index(database)
        assert next(iter(workers)) in find_holder()


def test_a_server_feeds_the_index_while_pushes_come(product: Product) -> None:
    event = product.make_event()
    shop = event.make_source("Shop")
    dice = random.Random(7)
    for _ in range(4):
        event.batch_ok(
            [
                {
                    "profile": {"email": f"p{dice.randrange(300)}@example.com", "lastName": dice.choice("ABC")},
                    "eventInfo": {"groups": {"groupNames": dice.sample(["VIP", "Press"], dice.randrange(3))}},
                }
                for _ in range(500)
            ],
            key=dice.choice([shop, event.key]),
        )
    wait_for_index(event)
    assert read_index(event.database, event.id) == compute_index(event.database, event.id)


def test_how_far_behind_the_index_is_is_told(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event = product.make_event()
    event.push_ok({"profile": {"email": "ann@example.com"}})
    wait_for_index(event)
    assert read_lag(product) == 0
    product.server.stop()
    # Whoever stops as it should leaves the work to others.
    other = Turn(event.database, CONSUMER)
    assert other.take()
    product.server.start()
    event.move_to(product.server)
    event.push_ok({"profile": {"email": "bob@example.com"}})
    assert read_lag(product) == 1
    other.give_back()
    wait_for_index(event)
    assert read_lag(product) == 0


def wait_for_index(event: TestedEvent) -> None:
    wait_until(lambda: is_caught_up(event.database, event.id))


def read_lag(product: Product) -> float:
    told = product.client.get(f"{product.server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).text
    for family in text_string_to_metric_families(told):
        if family.name == "turnout_listing_lag_changes":
            return family.samples[0].value
    raise AssertionError(told)
