"""The tests' own PostgreSQL does what tests will ask of it, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from pathlib import Path

import psycopg
import pytest

from tests.patience import PATIENCE_S
from tests.postgresql import PostgresServer, shared_server


def list_processes(server: PostgresServer) -> set[int]:
    """The postmaster and its children."""
    postmaster = int((server.data / "postmaster.pid").read_text().split("\n")[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return {postmaster, *map(int, children)}


def list_alive(processes: set[int]) -> set[int]:
    """A zombie does not count: not every container has someone who buries it."""
    states = {process: Path(f"/proc/{process}/stat") for process in processes}
    return {process for process, path in states.items() if path.exists() and ") Z" not in path.read_text()}


def test_a_database_is_made_copied_and_dropped_whoever_is_connected() -> None:
    server = shared_server()
    server.create_database("first")
    server.execute("CREATE TABLE page AS SELECT 1 AS number", database="first")
    with psycopg.connect(server.create_database("copy", template="first"), autocommit=True) as connection:
        assert connection.execute("TABLE page").fetchall() == [(1,)]
        assert server.cut_connections("copy") == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("TABLE page")
    with psycopg.connect(server.url_of("copy")):
        for name in ("copy", "copy", "first"):
            server.drop_database(name)
    assert shared_server() is server


def test_text_sorts_as_people_sort_unless_a_statement_says_otherwise() -> None:
    [(people, bytewise)] = shared_server().execute("""SELECT 'a' < 'B', 'a' COLLATE "C" < 'B' COLLATE "C" """)
    assert not bytewise
    if not people:
        pytest.skip("This machine has neither ICU nor the sources of a locale.")


def test_settings_hold_when_configure_returns(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as server:
        server.configure(work_mem="9MB", fsync=True)
        server.configure(max_connections=23, fsync=None)
        shown = [server.execute(f"SHOW {name}") for name in ("work_mem", "max_connections", "fsync")]
        assert shown == [[("9MB",)], [("23",)], [("off",)]]
        with pytest.raises(AssertionError, match="work_mem"):
            server.configure(work_mem="much")


def test_killed_it_frees_port_and_memory_and_starts_again_with_all_that_was_committed(tmp_path: Path) -> None:
    with PostgresServer(tmp_path, durable=True) as server:
        server.execute("CREATE TABLE page AS SELECT 1 AS number")
        url, processes = server.url, list_processes(server)
        server.pause()
        server.kill()
        assert not list_alive(processes)
        with PostgresServer(port=server.port):  # another one can have it
            pass
        server.start()
        assert server.url == url
        assert server.execute("TABLE page") == [(1,)]
        server.stop()
        assert not server.running
    assert server.log.exists()
    assert not server.data.exists()


def test_paused_it_answers_nobody_until_it_goes_on() -> None:
    with PostgresServer() as server, ThreadPoolExecutor(1) as pool:
        server.pause()
        answer = pool.submit(server.execute, "SELECT 1")
        try:
            with pytest.raises(StillWaiting):
                answer.result(0.1)
        finally:
            server.resume()
        assert answer.result(PATIENCE_S) == [(1,)]


def test_a_synchronous_standby_has_all_that_was_committed_when_its_primary_dies(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "primary") as primary:
        standby = primary.make_standby(tmp_path / "standby", "standby")
        primary.execute("CREATE TABLE page AS SELECT 1 AS number")
        primary.restart()
        standby.wait_until_streaming()
        primary.execute("INSERT INTO page VALUES (2)")
        primary.kill()
        standby.promote()
        standby.execute("INSERT INTO page VALUES (3)")
        assert standby.execute("TABLE page ORDER BY number") == [(1,), (2,), (3,)]
    assert not standby.running


def test_it_does_not_outlive_its_owner_even_one_that_is_killed_while_a_fork_of_it_lives() -> None:
    owner_program = """
import os, time
from tests.postgresql import shared_server
server = shared_server()
fork = os.fork()
if not fork:
    time.sleep(60)
    os._exit(0)
print(fork, server._supervisor.pid, server.data, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", owner_program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        fork, supervisor, data = owner.stdout.readline().split()
        try:
            postmaster = int(Path(data, "postmaster.pid").read_text().split("\n")[0])
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
            owner.kill()
            deadline = time.monotonic() + PATIENCE_S
            while left := list_alive({int(supervisor), postmaster, *map(int, children)}):
                assert time.monotonic() < deadline, f"{left} still run."
                time.sleep(0.01)
            assert not Path(data).parent.exists()
        finally:
            owner.kill()
            os.kill(int(fork), signal.SIGKILL)
