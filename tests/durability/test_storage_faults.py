"""A disk that is full or fails, a database that is locked or a standby: nothing acknowledged is lost (D3).

Service resumes by itself.
"""

import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.databases import commits_held, only_postgresql, only_sqlite
from tests.durability.load import Senders, check_acknowledged
from tests.postgresql import PostgresServer
from tests.product import Product, RunningServer, TestedEvent

StartProduct = Callable[..., Product]


def assert_unavailable(event: TestedEvent) -> None:
    """A push is answered that it may be sent again, and `/health` says why."""
    assert_refused(event)
    health = event.product.client.get(f"{event.product.server.url}/health")
    assert health.status_code == 503
    assert health.json()["reason"]


def assert_refused(event: TestedEvent) -> None:
    response = event.push({"profile.email": "refused@example.org"})
    assert response.status_code == 500
    assert response.json()["code"] == "storage_unavailable"
    assert response.json()["retryable"] is True
    assert int(response.headers["Retry-After"]) > 0


@only_sqlite
def test_d3_a_full_disk_is_answered_retryable_and_service_resumes(start_product: StartProduct) -> None:
    """The disk is a limit on the size of files, which the server meets while it is under load."""
    product = start_product()
    event = product.make_event()
    event.push_ok({"profile.email": "first@example.org"})
    no_limit = resource.prlimit(product.server.pid, resource.RLIMIT_FSIZE)
    full = max(file.stat().st_size for file in product.server.folder.iterdir()) + 200_000
    resource.prlimit(product.server.pid, resource.RLIMIT_FSIZE, (full, no_limit[1]))
    senders = Senders(event, people=100_000).start()
    senders.wait_for_refusals(5)
    senders.stop()
    assert {problem["code"] for problem in senders.refused} == {"storage_unavailable"}
    resource.prlimit(product.server.pid, resource.RLIMIT_FSIZE, (1, no_limit[1]))
    assert_unavailable(event)
    resource.prlimit(product.server.pid, resource.RLIMIT_FSIZE, no_limit)
    assert event.push_ok({"profile.email": "after@example.org"})["result"] == "created"
    assert event.product.client.get(f"{product.server.url}/health").status_code == 200
    check_acknowledged(event, senders.receipts)


def test_d3_a_locked_database_is_waited_for_and_then_answered_retryable(
    database_kind: str, start_product: StartProduct
) -> None:
    """Another program holds a write transaction for longer than five seconds: of PostgreSQL only what it works on."""
    product = start_product()
    event = product.make_event()
    event.push_ok({"profile.email": "first@example.org"})
    with commits_held(event.database):
        if database_kind == "sqlite":
            assert_unavailable(event)
        else:
            other = product.make_event()
            assert_refused(event)
            assert other.push_ok({"profile.email": "first@example.org"})["result"] == "created"
            assert product.client.get(f"{product.server.url}/health").status_code == 200
    assert event.push_ok({"profile.email": "after@example.org"})["result"] == "created"


def test_a_push_waits_for_a_short_lock_and_then_succeeds(start_product: StartProduct) -> None:
    """The command line beside the server holds the lock for a moment: the push is late, not refused."""
    product = start_product()
    event = product.make_event()
    with commits_held(event.database):
        senders = Senders(event, threads=1).start()
        wait_for_queue(product)
    senders.wait_for(3)
    senders.stop()
    assert senders.refused == []


def wait_for_queue(product: Product) -> None:
    """Returns when a push waits to be stored."""
    while True:
        metrics = product.client.get(f"{product.server.url}/metrics", headers={"X-Forwarded-For": ""}).text
        if "turnout_queue_pushes 1.0" in metrics.splitlines():
            return


@contextmanager
def failing_flushes(pid: int) -> Generator[None]:
    """Lets every flush of the process fail with EIO."""
    strace = shutil.which("strace")
    assert strace, "strace is missing; `make test` installs it."
    tracer = subprocess.Popen(
        [strace, "-f", "-q", "-p", str(pid), "-e", "inject=fdatasync,fsync:error=EIO", "-e", "trace=fdatasync,fsync"],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)


@only_sqlite
def test_d3_a_flush_that_fails_is_not_acknowledged_and_service_resumes(start_product: StartProduct) -> None:
    """strace answers the server's flushes with an I/O error for a while."""
    product = start_product()
    event = product.make_event()
    senders = Senders(event, people=20).start()
    senders.wait_for(20)
    with failing_flushes(product.server.pid):
        senders.wait_for_refusals(3)
    senders.wait_for(20)
    senders.stop()
    assert {problem["code"] for problem in senders.refused} == {"storage_unavailable"}
    check_acknowledged(event, senders.receipts)
    product.server.kill()
    product.server.start()
    event.move_to(product.server)
    check_acknowledged(event, senders.receipts)


@only_postgresql
def test_d3_a_standby_takes_no_push_and_says_so(database_kind: str, tmp_path: Path) -> None:
    """The primary was another machine's all along, or has become it: what was configured is read-only now."""
    with PostgresServer(tmp_path / "postgresql") as primary:
        url = primary.create_database("turnout")
        with RunningServer(tmp_path, url) as running, Product(running) as product:
            event = product.make_event()
            event.push_ok({"profile.email": "first@example.org"})
            # As after a failover: the machine comes back as another one's standby.
            primary.stop()
            (primary.data / "standby.signal").touch()
            primary.start()
            assert_unavailable(event)
            primary.promote()
            assert event.push_ok({"profile.email": "after@example.org"})["result"] == "created"
            assert product.client.get(f"{running.url}/health").status_code == 200
            product.check()
