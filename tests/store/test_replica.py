"""A replica for lists that is away: it costs one reader a moment now and then, and is told of once."""

import logging
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.databases import SECRET_KEY, only_postgresql
from tests.patience import PATIENCE_S
from tests.postgresql import PostgresServer
from turnout.store.connect import open_database
from turnout.store.database import Database, Unreachable
from turnout.store.postgresql import database as postgresql
from turnout.store.postgresql import replica_state

pytestmark = only_postgresql


class SlammedDoor:
    """Where a replica should be, and every connection is closed at once."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.tried = 0
        self._thread = threading.Thread(target=self._slam, daemon=True)
        self._thread.start()

    def _slam(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.tried += 1
            caller.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)


@pytest.fixture
def door() -> Iterator[SlammedDoor]:
    with closing(SlammedDoor()) as door:
        yield door


@contextmanager
def with_replica(url: str, replica: str) -> Generator[Database]:
    with closing(open_database(url, SECRET_KEY, read_url=replica)) as database:
        yield database


def count_events(database: Database) -> int:
    with database.read_replica() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("turnout.store")]


def test_one_that_is_away_is_tried_once_and_told_of_once(
    database_url: str, door: SlammedDoor, caplog: pytest.LogCaptureFixture
) -> None:
    with with_replica(
        database_url, f"postgresql://u:zqpassword@127.0.0.1:{door.port}/turnout?sslmode=disable"
    ) as database:
        for _ in range(3):
            assert count_events(database) == 0
        with pytest.raises(Unreachable, match=r"The replica is away\.") as away:
            database.find_replica_age()
    assert door.tried == 1
    (line,) = said(caplog)
    assert line == f"the replica is away, so lists are read from the primary: {away.value.why}"
    assert "zqpassword" not in line


def test_it_is_tried_again_after_a_while_by_one_reader(
    database_url: str, door: SlammedDoor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = f"postgresql://u@127.0.0.1:{door.port}/turnout?sslmode=disable"
    with with_replica(database_url, replica) as database:
        count_events(database)
        monkeypatch.setattr(replica_state, "REPLICA_LEFT_ALONE_S", 0.0)
        # Left alone for as long as was said before.
        count_events(database)
        assert door.tried == 1
    with with_replica(database_url, replica) as database:
        for tried in (2, 3, 4):
            count_events(database)
            assert door.tried == tried
    assert len(said(caplog)) == 2


def test_one_that_hangs_is_left_and_found_again(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of it, with a connection that is open; another server that takes writes does as well for it."""
    monkeypatch.setattr(postgresql, "_REPLICA_ANSWER_S", 0.2)
    monkeypatch.setattr(replica_state, "REPLICA_LEFT_ALONE_S", 0.0)
    caplog.set_level(logging.INFO, "turnout.store.replica")
    with PostgresServer(tmp_path / "replica") as server:
        server.execute("CREATE TABLE events (id int)")
        server.execute("INSERT INTO events VALUES (1)")
        with with_replica(database_url, server.url) as database:
            assert count_events(database) == 1
            server.pause()
            try:
                assert count_events(database) == 0
            finally:
                server.resume()
            assert count_events(database) == 1
    assert said(caplog) == [
        "the replica is away, so lists are read from the primary: it takes what is sent and answers nothing",
        "the replica is back",
    ]
