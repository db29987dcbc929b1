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
