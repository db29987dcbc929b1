"""A primary and a synchronous standby: one of the two may go at any moment, and no acknowledged push with it."""

import copy
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.downstream.following.followers import make_read_key
from tests.downstream.following.mirror import Mirror
from tests.downstream.following.test_proof import follow_by_asking, follow_by_stream, list_shown
from tests.durability.load import Senders, check_acknowledged
from tests.patience import PATIENCE_S
from tests.postgresql import PostgresServer
from tests.product import Product, RunningServer, TestedEvent
from turnout.operations.verify.verify import verify


class Pair:
    """Two PostgreSQL servers, of which the second has all that the first has acknowledged."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self.primary = started.enter_context(PostgresServer(folder / "primary", durable=True))
        self.primary.create_database("turnout")
        self.standby = self.primary.make_standby(folder / "standby", "second")
        user = self.primary.url_of("turnout").partition("@")[0]
        self.url = f"{user}@127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}/turnout"
        """Whichever of the two takes writes."""


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as started:
        yield started


@pytest.fixture
def pair(tmp_path: Path, started: ExitStack) -> Pair:
    return Pair(tmp_path, started)


@pytest.fixture
def start(tmp_path: Path, started: ExitStack, pair: Pair) -> Callable[..., Product]:
    numbers = itertools.count(1)

    def start(**settings: str) -> Product:
        folder = tmp_path / f"machine-{next(numbers)}"
        folder.mkdir()
        environment = {f"TURNOUT_{name}": value for name, value in settings.items()}
        running = RunningServer(folder, pair.url, TURNOUT_TRUSTED_PROXIES="127.0.0.1/32", **environment)
        return started.enter_context(Product(started.enter_context(running)))

    return start


class Following:
    """Somebody who follows in a thread of his own, with his cursor, and comes again whatever he is answered."""

    def __init__(self, event: TestedEvent, how: Callable[..., None]) -> None:
        self.mirror = Mirror()
        self.sequences: list[int] = []
        self.has_some = threading.Event()
        key = make_read_key(event)
        self._thread = threading.Thread(
            target=how,
            args=(event, key, random.Random(0), self, self, 0),
            name=f"{how} at {event.gateway}",
            daemon=True,
        )
        self._thread.start()

    def take(self, line: dict[str, Any]) -> None:
        """As a mirror; it says when a line comes twice, or out of order."""
        self.mirror.take(line)
        self.sequences.append(line["sequence"])
        self.has_some.set()

    def ask(self, what: Callable[[], Any]) -> Any:
        """As an outage: again and again until he is answered."""
        for _ in range(1_000):
            try:
                return what()
            except (AssertionError, httpx2.TransportError, OSError):
                time.sleep(0.05)
        return pytest.fail("Nobody is answered any more.")

    def end(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), self._thread.name


def test_d1_when_the_primary_dies_the_standby_has_every_acknowledged_push(
    pair: Pair, start: Callable[..., Product]
) -> None:
    """Killed under load and promoted: service resumes by itself, on two machines; and who follows goes on.

    Followers at both of them, by asking and by stream, are told every line once and end at exactly what is there.
    """
    products = [start(), start()]
    event = products[0].make_event()
    beside = copy.copy(event)
    beside.move_to(products[1].server)
    senders = Senders(event).start()
    senders.wait_for(200)
    followers = [Following(at, how) for at in (event, beside) for how in (follow_by_asking, follow_by_stream)]
    for follower in followers:
        follower.has_some.wait(30)
    pair.primary.kill()
    senders.wait_for_refusals(10)
    assert {problem["code"] for problem in senders.refused} == {"storage_unavailable"}
    pair.standby.promote()
    # It would wait for a standby of its own otherwise.
    senders.wait_for(100)
    senders.stop()
    check_acknowledged(event, senders.receipts)
    event.check()
    assert verify(event.database).ok
    assert all(problem["retryable"] for problem in senders.refused)
    event.move_to(products[1].server)
    assert event.push_ok({"profile.email": "after@example.org", "profile.title": "THE END"})["result"] == "created"
    last, shown = list_shown(event, None, None)
    for follower in followers:
        follower.end()
        assert follower.sequences == list(range(1, last + 1))
        assert follower.mirror.people == {one["id"]: one for one in shown}


def test_d1_with_the_standby_gone_there_is_no_false_acknowledgement(pair: Pair, start: Callable[..., Product]) -> None:
    """COMMIT hangs then, and nothing tells whether the other machine has it: that is said within ten seconds.

    To those too who wait behind others, on two machines that hold two events for one another; and why, to everybody.
    """
    products = [start(), start()]
    events = [products[0].make_event() for _ in range(2)]
    senders = []
    for product in products:
        for event in events:
            beside = copy.copy(event)
            beside.move_to(product.server)
            senders.append(Senders(beside, threads=4).start())
    for one in senders:
        one.wait_for(20)
    pair.standby.kill()
    # Each of their threads twice, and then once more.
    for one in senders:
        one.wait_for_refusals(8)
    acknowledged = [len(one.receipts) for one in senders]
    for one in senders:
        one.wait_for_refusals(4)
    assert [len(one.receipts) for one in senders] == acknowledged
    assert max(one.slowest_refusal_s for one in senders) < 10.5
    why = Counter(problem["detail"] for one in senders for problem in one.refused)
    assert set(why) == {"The database waits for its standby, which does not answer."}
    for product in products:
        told = product.server.log_path.read_text()
        assert "commit_failed" in told
        assert "commits_succeed_again" not in told
        assert product.client.get(f"{product.server.url}/health").status_code == 503
    pair.standby.start()
    pair.standby.wait_until_streaming()
    for one in senders:
        one.wait_for(50)
        one.stop()
    for event in events:
        check_acknowledged(event, [receipt for one in senders if one.event.id == event.id for receipt in one.receipts])
        event.check()
    assert verify(events[0].database).ok
    assert all(problem["retryable"] for one in senders for problem in one.refused)


@pytest.mark.parametrize("function", ["pg_cancel_backend", "pg_terminate_backend"])
def test_d1_a_wait_for_the_standby_that_is_cut_short_is_no_acknowledgement(
    pair: Pair, start: Callable[..., Product], function: str
) -> None:
    """PostgreSQL answers it with success and a warning: stored here, and perhaps not there."""
    event = start().make_event()
    event.push_ok({"profile.email": "before@example.org"})
    pair.standby.kill()
    senders = Senders(event, threads=2).start()
    while not (
        waiting := pair.primary.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = 'turnout' AND wait_event = 'SyncRep'", database="postgres"
        )
    ):
        pass
    for (process,) in waiting:
        pair.primary.execute(f"SELECT {function}({process})")
    senders.wait_for_refusals(2)
    assert senders.receipts == []
    pair.standby.start()
    pair.standby.wait_until_streaming()
    senders.wait_for(10)
    senders.stop()
    check_acknowledged(event, senders.receipts)
    assert verify(event.database).ok


def test_lists_are_read_from_the_replica_and_say_how_old_they_are(pair: Pair, start: Callable[..., Product]) -> None:
    import subprocess

    from tests.product import TURNOUT

    product = start()
    event = product.make_event()
    event.push_ok({"profile.email": "john.doe@example.com"})
    environment = product.server.environment | {"TURNOUT_READ_DATABASE_URL": pair.standby.url_of("turnout")}

    def list_attendees() -> tuple[str, str]:
        done = subprocess.run(
            [*TURNOUT, "attendees", "list", "--event", event.slug],
            env=environment,
            cwd=product.server.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, done.stderr

    pair.standby.wait_until_streaming()
    shown, noted = list_attendees()
    assert "john.doe@example.com" in shown
    assert noted == "Read from the replica, which has everything.\n"
    # It receives, and shows nothing new.
    pair.standby.execute("SELECT pg_wal_replay_pause()")
    event.push_ok({"profile.email": "jane.roe@example.com"})
    shown, noted = list_attendees()
    assert "john.doe@example.com" in shown
    assert "jane.roe@example.com" not in shown
    assert noted.startswith("Read from the replica, ")
    assert noted.endswith(" s behind.\n")
    pair.standby.execute("SELECT pg_wal_replay_resume()")
    pair.standby.kill()
    pair.primary.configure(synchronous_standby_names=None)
    shown, noted = list_attendees()
    assert "jane.roe@example.com" in shown
    (line,) = noted.splitlines()
    assert line.startswith("The replica is away (")
    assert "Connection refused" in line
    assert line.endswith("); this is from the primary.")


def test_the_pages_of_a_list_are_of_no_moment_before_the_first_ones(pair: Pair, start: Callable[..., Product]) -> None:
    """The first page tells from which line on the changes are to be followed: none before it may be missed."""
    first = start()
    event = first.make_event()
    for number in range(3):
        event.push_ok({"profile.email": f"person{number}@example.org", "profile.title": "old"})
    pair.standby.wait_until_streaming()
    read = {"Authorization": f"Bearer {make_read_key(event)}"}
    pair.standby.execute("SELECT pg_wal_replay_pause()")
    for number in range(3):
        event.push_ok({"profile.email": f"person{number}@example.org", "profile.title": "new"})
    begun = first.client.get(f"{event.gateway}/attendees?limit=1", headers=read).json()
    second = start(READ_DATABASE_URL=pair.standby.url_of("turnout"))
    gateway = event.gateway.replace(first.server.url, second.server.url)
    stale = second.client.get(f"{gateway}/attendees?limit=1", headers=read).json()
    went_on = second.client.get(f"{gateway}/attendees?limit=2&cursor={begun['next']}", headers=read).json()
    assert (stale["sequence"], stale["attendees"][0]["profile"]["title"]) == (3, "old")
    assert went_on["sequence"] == begun["sequence"] == 6
    assert [one["profile"]["title"] for one in went_on["attendees"]] == ["new", "new"]
    pair.standby.execute("SELECT pg_wal_replay_resume()")
