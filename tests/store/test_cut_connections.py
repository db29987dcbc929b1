"""PostgreSQL has cut all connections: whoever comes next does not notice, however many there were."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import pytest
from sqlalchemy import Connection

from tests.databases import only_postgresql
from tests.postgresql import shared_server
from turnout.store.database import Database
from turnout.store.probe import commit_probe

pytestmark = only_postgresql


@pytest.mark.parametrize("kind", ["write", "read"])
def test_idle_connections_that_were_cut_are_replaced(database: Database, kind: str) -> None:
    begin: Callable[[], AbstractContextManager[Connection]] = getattr(database, kind)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(begin())
    shared_server().cut_connections(database.url.rpartition("/")[2])
    with begin() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    with database.write() as connection:
        commit_probe(connection, 1)


@pytest.mark.parametrize("kind", ["write", "read"])
def test_the_server_lets_go_of_a_machine_that_has_vanished_in_ten_seconds(database: Database, kind: str) -> None:
    """It sends nothing any more, not even that it is gone: PostgreSQL asks its system, which waits for hours."""
    begin: Callable[[], AbstractContextManager[Connection]] = getattr(database, kind)
    with begin() as connection:
        # What PostgreSQL shows it has read from the connection's socket.
        idle_s, interval_s, count, unacknowledged_ms = (
            int(connection.exec_driver_sql(f"SELECT setting FROM pg_settings WHERE name = 'tcp_{name}'").scalar_one())
            for name in ("keepalives_idle", "keepalives_interval", "keepalives_count", "user_timeout")
        )
    assert idle_s + interval_s * count == 10
    assert unacknowledged_ms == 10_000
