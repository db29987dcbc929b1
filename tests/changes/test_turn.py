"""Work that must be done once is leased: one does it, another goes on where the first has died, and nobody twice."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text

from tests.databases import SECRET_KEY, open_one
from tests.patience import PATIENCE_S
from turnout.changes.turn import Turn
from turnout.store import leases
from turnout.store.database import Database
from turnout.store.leases import LeaseLost
from turnout.store.probe import commit_probe

LASTS_US = 3_600 * 1_000_000
"""Longer than any test takes; a test that needs it to be over lets the time pass for the leases."""
_WORKER = """
import sys
from turnout.changes.turn import Turn
from turnout.store.connect import open_database
from turnout.store.leases import LeaseLost
from turnout.store.probe import commit_probe

database = open_database(sys.argv[1], bytes.fromhex(sys.argv[2]))
turn = Turn(database, "work", int(sys.argv[3]))
assert turn.take()
print("taken", flush=True)
for line in sys.stdin:
    try:
        with turn.recording() as connection:
            commit_probe(connection, int(line))
        print("recorded", flush=True)
    except LeaseLost:
        print("lost", flush=True)
"""


class Worker:
    """Another process, whose turn it is; it records what it is told to."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, url, SECRET_KEY.hex(), str(LASTS_US)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.read() == "taken"

    def read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def record(self, number: int) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return self.read()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

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


@pytest.fixture
def turn(database: Database) -> Turn:
    """This process's."""
    return Turn(database, "work", LASTS_US)


def pass_time(database: Database, by_us: int) -> None:
    """As if all leases had been taken so much earlier: their clock is the database's, which nobody moves."""
    with database.write() as connection:
        connection.execute(text("UPDATE leases SET expires_at = expires_at - :by_us"), {"by_us": by_us})


def recorded(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT at FROM probe ORDER BY at")).scalars())


def test_one_has_the_turn_until_it_gives_it_back(database: Database, turn: Turn) -> None:
    with closing(open_one(database.url)) as elsewhere:
        other = Turn(elsewhere, "work", LASTS_US)
        assert turn.take()
        assert turn.take()
        assert not other.take()
        with pytest.raises(LeaseLost), other.recording():
            pass
        with database.read() as connection:
            assert "process" in (leases.find_holder(connection, "work") or "")
        turn.give_back()
        assert other.take()
        assert not turn.take()
        # Other work is another's turn.
        assert Turn(database, "other work", LASTS_US).take()


def test_whoever_records_keeps_the_turn_however_long_it_takes(database: Database, turn: Turn) -> None:
    assert turn.take()
    with closing(open_one(database.url)) as elsewhere:
        other = Turn(elsewhere, "work", LASTS_US)
        for _ in range(3):
            with turn.recording():
                pass
            pass_time(database, LASTS_US // 2)
            assert not other.take()
        pass_time(database, LASTS_US // 2)
        assert other.take()


def test_when_the_holder_is_killed_another_goes_on(database: Database, turn: Turn) -> None:
    with working(database.url) as worker:
        assert worker.record(1) == "recorded"
        worker.send(signal.SIGKILL)
        assert not turn.take()
        pass_time(database, LASTS_US)
        assert turn.take()
        with turn.recording() as connection:
            commit_probe(connection, 2)
    assert recorded(database) == [1, 2]


def test_a_holder_that_was_paused_for_too_long_records_nothing_more(database: Database, turn: Turn) -> None:
    with working(database.url) as worker:
        assert worker.record(1) == "recorded"
        worker.send(signal.SIGSTOP)
        assert not turn.take()
        pass_time(database, LASTS_US)
        assert turn.take()
        worker.send(signal.SIGCONT)
        assert worker.record(2) == "lost"
        # Nor later, when the turn is nobody's again.
        turn.give_back()
        assert worker.record(3) == "lost"
    assert recorded(database) == [1]


def test_a_lease_whose_time_is_over_is_lost_though_nobody_has_taken_it(database: Database, turn: Turn) -> None:
    """Somebody may take it at any moment; what was decided under it may be old."""
    assert turn.take()
    with database.write() as connection:
        connection.execute(text("UPDATE leases SET expires_at = 1"))
    with pytest.raises(LeaseLost), turn.recording() as connection:
        commit_probe(connection, 1)
    assert recorded(database) == []
    assert turn.take()
