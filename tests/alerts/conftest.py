"""One database for all tests that look at events of their own, so that they need not make one each."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.alerts.watched import Watched
from tests.databases import drop_database, make_database, open_one
from turnout.store import schema
from turnout.store.database import Database


@pytest.fixture(scope="session")
def shared_database(
    database_kind: str, tmp_path_factory: pytest.TempPathFactory, sqlite_with_schema: Path
) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("alerts")
    url = make_database(database_kind, folder)
    if database_kind == "sqlite":
        shutil.copyfile(sqlite_with_schema, url.removeprefix("sqlite:///"))
    with closing(open_one(url)) as database:
        schema.prepare(database)
        yield database
    drop_database(url)


@pytest.fixture
def watched(shared_database: Database) -> Watched:
    """A new event, with somebody who follows it."""
    return Watched(shared_database)
