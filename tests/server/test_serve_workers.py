"""`turnout serve --workers`: several processes that are one server to everybody outside."""

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.databases import drop_database, make_database
from tests.durability.load import Senders, check_acknowledged
from tests.patience import PATIENCE_S
from tests.product import TURNOUT, Product, RunningServer, TestedEvent
from tests.server.test_workers import wait_for_end
from turnout.operations.verify.verify import verify
from turnout.server import open_listener

WORKERS = 2


class ServerWithWorkers(RunningServer):
    def start(self, *command_prefix: str) -> None:
        super().start("sh", "-c", f'exec "$@" --workers {WORKERS}', "sh")

    def workers(self) -> list[int]:
        """Those that live."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


class Workers:
    """A client for each worker, told apart by the first half of their request ids."""

    def __init__(self, server: RunningServer) -> None:
        self._url = server.url
        self.clients: dict[str, httpx2.Client] = {}

    def find(self) -> list[httpx2.Client]:
        """A connection to each that lives, whatever was known before."""
        self.close()
        deadline = time.monotonic() + PATIENCE_S
        while len(self.clients) < WORKERS:
            assert time.monotonic() < deadline, f"Only {list(self.clients)} answer."
            client = httpx2.Client(trust_env=False, timeout=PATIENCE_S)
            try:
                name = client.get(f"{self._url}/problems").headers["x-request-id"].partition("-")[0]
            except httpx2.HTTPError:
                client.close()  # a worker that was just killed
                continue
            if name in self.clients:
                client.close()
            else:
                self.clients[name] = client
        return list(self.clients.values())

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.clients = {}


@contextmanager
def running(folder: Path) -> Generator[ServerWithWorkers]:
    url = make_database("postgresql", folder)
    with ServerWithWorkers(folder, url) as server:
        yield server
    drop_database(url)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerWithWorkers]:
    """For tests that leave it running, whatever they do to its workers."""
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def event(server: ServerWithWorkers) -> Iterator[TestedEvent]:
    with Product(server) as product:
        yield product.make_event()
        product.check()


@pytest.fixture
def own_event(tmp_path: Path) -> Iterator[TestedEvent]:
    """On a server of the test's own."""
    with running(tmp_path) as server, Product(server) as product:
        yield product.make_event()
        product.check()


@pytest.fixture
def workers(server: ServerWithWorkers) -> Iterator[Workers]:
    found = Workers(server)
    yield found
    found.close()


def push(client: httpx2.Client, event: TestedEvent, email: str, title: str) -> dict[str, object]:
    response = client.post(
        f"{event.gateway}/attendees",
        json={"profile": {"email": email, "title": title}},
        headers={"Api-Key": event.key},
    )
    assert response.status_code == 200, response.text
    receipt: dict[str, object] = response.json()
    return receipt


def read_metrics(client: httpx2.Client, url: str) -> dict[str, float]:
    response = client.get(f"{url}/metrics")
    assert response.status_code == 200
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    assert len({line.rpartition(" ")[0] for line in lines}) == len(lines)
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def only_counted(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if re.search(r"_(total|count|sum|bucket)\b", name)}


def count_pushes(figures: dict[str, float]) -> float:
    return sum(value for name, value in figures.items() if name.startswith("turnout_pushes_total"))


def test_every_worker_answers_and_gives_the_same_answers(
    server: ServerWithWorkers, event: TestedEvent, workers: Workers
) -> None:
    one, other = workers.find()
    assert push(one, event, "ann@example.org", "CTO")["result"] == "created"
    assert push(other, event, "ann@example.org", "CTO")["result"] == "unchanged"
    receipt = push(other, event, "ann@example.org", "CEO")
    assert receipt["result"] == "updated"
    assert receipt["sequence"] == 2
    for path in ("/key", "/pushes", f"/pushes/{receipt['id']}"):
        answers = [client.get(event.gateway + path, headers={"Api-Key": event.key}) for client in (one, other)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content
    for path in ("/health", "/openapi.json", "/problems"):
        assert one.get(server.url + path).content == other.get(server.url + path).content


def test_settings_hold_for_all_workers_at_once(event: TestedEvent, workers: Workers) -> None:
    one, other = workers.find()
    for client in (one, other):
        push(client, event, "ann@example.org", "CTO")
    key = event.make_source("Another")
    for client in (one, other):
        assert client.get(f"{event.gateway}/key", headers={"Api-Key": key}).json()["source"]["name"] == "Another"


def test_it_is_announced_once_and_ends_well(own_event: TestedEvent) -> None:
    server = own_event.product.server
    assert server._process is not None
    assert server._process.stdout is not None
    server._process.send_signal(signal.SIGTERM)
    # The first line has been read.
    said = server._process.stdout.read()
    assert ("listening" in said, said.count("/console/link/")) == (False, 1)
    assert server._process.wait(PATIENCE_S) == 0


def test_a_worker_that_is_killed_under_load_is_replaced_and_nothing_acknowledged_is_lost(
    server: ServerWithWorkers, event: TestedEvent, workers: Workers
) -> None:
    receipts = []
    for before_the_kill in (1, 60, 20):
        known = server.workers()
        senders = Senders(event).start()
        senders.wait_for(before_the_kill)
        os.kill(known[0], signal.SIGKILL)
        # Those of the other worker go on; those of this one got a broken connection.
        senders.wait_for(40)
        workers.find()
        senders.stop()
        assert all(problem["retryable"] for problem in senders.refused)
        receipts += senders.receipts
        assert len(server.workers()) == WORKERS
        assert known[0] not in server.workers()
        check_acknowledged(event, receipts)
        event.check()
    assert verify(event.database).ok


def test_without_the_parent_workers_end_and_the_port_is_free(own_event: TestedEvent) -> None:
    server = own_event.product.server
    assert isinstance(server, ServerWithWorkers)
    left = server.workers()
    senders = Senders(own_event).start()
    senders.wait_for(50)
    server.kill()
    wait_for_end(left)
    senders.stop()
    open_listener("127.0.0.1", int(server.url.rpartition(":")[2])).close()
    assert all(problem["retryable"] for problem in senders.refused)
    check_acknowledged(own_event, senders.receipts)


def test_sigterm_answers_what_was_accepted_and_ends_within_ten_seconds(own_event: TestedEvent) -> None:
    senders = Senders(own_event).start()
    senders.wait_for(50)
    # After ten seconds it would have cut off what was left, and said so with 1.
    assert own_event.product.server.end(signal.SIGTERM) == 0
    senders.stop()
    assert all(problem["retryable"] for problem in senders.refused)
    check_acknowledged(own_event, senders.receipts)


def test_metrics_are_of_all_workers_whichever_is_asked(
    server: ServerWithWorkers, event: TestedEvent, workers: Workers
) -> None:
    one, other = workers.find()
    read_metrics(other, server.url)
    before = read_metrics(one, server.url)
    for number in range(5):
        push(one, event, f"person{number}@example.org", "CTO")
    for number in range(3):
        push(other, event, f"person{number}@example.org", "CEO")
    # A worker's own figures are live when it is asked, and the others' as of their last second.
    read_metrics(other, server.url)
    figures = read_metrics(one, server.url)
    grown = {name: value - before.get(name, 0) for name, value in figures.items()}
    assert grown['turnout_pushes_total{result="created"}'] == 5
    assert grown['turnout_pushes_total{result="updated"}'] == 3
    assert grown['turnout_commit_seconds_bucket{le="+Inf"}'] == grown["turnout_commit_seconds_count"] == 8
    assert grown["turnout_commit_pushes_sum"] == 8
    assert figures["turnout_queue_pushes"] == 0
    assert figures[f'turnout_log_head{{event="{event.slug}"}}'] == 8
    assert figures["turnout_database_bytes"] < 1.5 * event.database.size_bytes()
    for worker in ("1", "2"):
        assert figures[f'process_cpu_seconds_total{{worker="{worker}"}}'] > 0
        assert figures[f'process_resident_memory_bytes{{worker="{worker}"}}'] > 10_000_000
        assert figures[f'python_gc_collections_total{{generation="0",worker="{worker}"}}'] > 0
    again = read_metrics(other, server.url)
    assert only_counted(again).keys() == only_counted(figures).keys()
    assert count_pushes(again) == count_pushes(figures)


def test_what_a_dead_worker_counted_stays_and_how_it_was_does_not(
    server: ServerWithWorkers, event: TestedEvent, workers: Workers
) -> None:
    one, other = workers.find()
    for client in (one, other):
        push(client, event, "ann@example.org", f"Title {time.monotonic_ns()}")
        read_metrics(client, server.url)
    before = read_metrics(one, server.url)
    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)
        one, other = workers.find()
        for client in (one, other):
            after = read_metrics(client, server.url)
            assert count_pushes(after) == count_pushes(before)
            for name, value in only_counted(before).items():
                assert after[name] >= value, name
    after = read_metrics(other, server.url)
    for worker in ("1", "2"):
        started_at = f'process_start_time_seconds{{worker="{worker}"}}'
        assert after[started_at] > before[started_at]


def test_counters_never_fall_whoever_is_asked_and_whoever_dies(
    server: ServerWithWorkers, event: TestedEvent, workers: Workers
) -> None:
    seen: list[dict[str, float]] = []
    enough = threading.Event()

    def scrape() -> None:
        while not enough.is_set():
            try:
                with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as client:
                    seen.append(only_counted(read_metrics(client, server.url)))
            except httpx2.HTTPError:
                pass  # asked of one that was killed

    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        for _ in range(3):
            senders = Senders(event, threads=4).start()
            senders.wait_for(30)
            os.kill(server.workers()[-1], signal.SIGKILL)
            senders.wait_for(10)
            workers.find()
            senders.stop()
    finally:
        enough.set()
        scraper.join(PATIENCE_S)
    assert len(seen) > 5
    for earlier, later in itertools.pairwise(seen):
        for name, value in earlier.items():
            assert later.get(name, -1) >= value, name


def test_sqlite_is_for_one_process(tmp_path: Path) -> None:
    finished = subprocess.run(
        [*TURNOUT, "serve", "--port", "0", "--workers", "2"],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")},
            "TURNOUT_DATABASE_URL": f"sqlite:///{tmp_path / 'turnout.db'}",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", finished.stderr).split())
    assert "An SQLite file is for one server process." in said
    assert "postgresql://" in said
    assert list(tmp_path.iterdir()) == []
