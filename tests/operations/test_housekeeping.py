"""Keeping house: it goes on whatever happens, and ends with the server."""

import asyncio
import threading
from contextlib import suppress

import pytest
import structlog
from sqlalchemy import text

from tests.turns import make_turn
from turnout.errors import StorageUnavailable
from turnout.feed.refusals import Refusals
from turnout.now import now_us
from turnout.operations import housekeeping
from turnout.operations.housekeeping import keep_house
from turnout.operations.retention import Retention
from turnout.store import commits
from turnout.store.database import Database


async def end(house: asyncio.Task[None]) -> None:
    house.cancel()
    with suppress(asyncio.CancelledError):
        await house


@pytest.mark.parametrize(
    ("error", "told"),
    [(StorageUnavailable("The disk is full."), "housekeeping_put_off"), (ZeroDivisionError(), "housekeeping_failed")],
)
def test_what_fails_is_told_and_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    rounds = threading.Semaphore(0)

    def work(*_: object) -> bool:
        rounds.release()
        raise error

    monkeypatch.setattr(housekeeping, "EVERY_S", 0.001)
    monkeypatch.setattr(Retention, "work", work)

    async def run() -> None:
        house = asyncio.create_task(keep_house(database, Refusals(database)))
        for _ in range(3):
            assert await asyncio.to_thread(rounds.acquire, timeout=10)
        await end(house)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(run())
    assert {one["event"] for one in logs} == {told}


def test_it_ends_after_the_step_under_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()

    def work(self: Retention, for_s: float) -> bool:
        began.set()
        # A rest, as long as there is.
        assert self._stopping.wait(10)
        ended.set()
        return True

    monkeypatch.setattr(housekeeping, "EVERY_S", 0.001)
    monkeypatch.setattr(Retention, "work", work)

    async def run() -> None:
        house = asyncio.create_task(keep_house(database, Refusals(database)))
        assert await asyncio.to_thread(began.wait, 10)
        await end(house)
        assert ended.is_set()

    asyncio.run(run())


def test_once_an_hour_what_gone_processes_have_left_is_tidied_up(database: Database) -> None:
    old = now_us() - 2 * 24 * 3_600 * 1_000_000
    with database.write() as connection:
        commits.note(connection, "evt_1", "a process", 1, old)
        commits.note(connection, "evt_1", "another", 1, now_us())
        connection.execute(text("INSERT INTO probe (id, at) VALUES (-1, :old)"), {"old": old})
    turn = make_turn(database)
    housekeeping._tidy(turn)
    with database.read() as connection:
        assert connection.execute(text("SELECT writer FROM commits")).scalars().all() == ["another"]
        assert connection.execute(text("SELECT id FROM probe")).scalars().all() == []
    with database.write() as connection:
        commits.note(connection, "evt_1", "a process", 1, old)
    housekeeping._tidy(turn)
    with database.read() as connection:
        assert len(connection.execute(text("SELECT writer FROM commits")).all()) == 2
