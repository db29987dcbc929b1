"""Keeping house: it goes on whatever happens, and ends with the server."""

import asyncio
import threading
from contextlib import suppress

import pytest
import structlog
from sqlalchemy import text

from tests.access.conftest import DAY_US, add_user
from tests.patience import PATIENCE_S
from tests.turns import make_turn
from turnout.access import links, sessions, sign_in, tokens
from turnout.errors import SignInFailed, StorageUnavailable
from turnout.events import event
from turnout.feed.refusals import Refusals
from turnout.now import now_us
from turnout.operations import housekeeping
from turnout.operations.housekeeping import keep_house
from turnout.operations.retention import Retention
from turnout.store import commits, push_counts
from turnout.store.database import Database
from turnout.store.push_counts import KEPT_SLOTS, SLOT_US


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
            assert await asyncio.to_thread(rounds.acquire, timeout=PATIENCE_S)
        await end(house)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(run())
    assert {one["event"] for one in logs} == {told}


def test_it_ends_after_the_step_under_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()

    def work(self: Retention, for_s: float) -> bool:
        began.set()
        # A rest, as long as there is.
        assert self._stopping.wait(PATIENCE_S)
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


def test_counts_of_pushes_go_when_nobody_looks_at_them_any_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_REST_S", 0)
    monkeypatch.setattr(housekeeping, "_STEP_ROWS", 2)
    created, _ = event.create(database, "Fair", "fair")
    quiet, _ = event.create(database, "Quiet", "quiet")
    at = now_us()
    # Not a slot later meanwhile.
    monkeypatch.setattr(housekeeping, "now_us", lambda: at)
    now = at // SLOT_US
    with database.write() as connection:
        push_counts.add_counts(
            connection, [(created.id, now - KEPT_SLOTS + number, 1, "updated", 1) for number in range(-5, 2)]
        )
        push_counts.add_counts(connection, [(quiet.id, now, 1, "updated", 1)])
    turn = make_turn(database)
    housekeeping._forget_counts(database, turn, threading.Event())
    with database.read() as connection:
        kept = connection.execute(text("SELECT event_id, slot FROM push_counts ORDER BY slot")).all()
    assert [tuple(row) for row in kept] == [
        (created.id, now - KEPT_SLOTS),
        (created.id, now - KEPT_SLOTS + 1),
        (quiet.id, now),
    ]


def test_what_is_over_of_those_who_sign_in_is_tidied_up(database: Database) -> None:
    ann = add_user(database)
    at = now_us()
    for days in (0, 1, 13, 15, 91):
        sessions.begin(database, ann.id, f"{days} days", "")
        links.invite(database, "", f"{days}@example.org", name=f"{days} days")
        token = tokens.create(database, ann.id, f"{days} days").token
        if days:
            tokens.revoke(database, ann.id, token.id)
    with suppress(SignInFailed):
        sign_in.sign_in(database, "new@example.org", "not the password", "192.0.2.1", "")
    with database.write() as connection:
        for days in (1, 13, 15, 91):
            old = {"at": at - days * DAY_US, "name": f"{days} days"}
            connection.execute(text("UPDATE sessions SET last_seen_at = :at WHERE address = :name"), old)
            connection.execute(text("UPDATE links SET expires_at = :at WHERE invited LIKE '%' || :name || '%'"), old)
            connection.execute(text("UPDATE user_tokens SET revoked_at = :at WHERE name = :name"), old)
            connection.execute(
                text("INSERT INTO sign_in_failures (subject, count, last_at) VALUES (:name, 7, :at - 1)"), old
            )
    housekeeping._tidy(make_turn(database))
    with database.read() as connection:

        def kept(statement: str) -> set[str]:
            return set(connection.execute(text(statement)).scalars())

        assert kept("SELECT address FROM sessions") == {"0 days", "1 days", "13 days"}
        assert kept("SELECT name FROM user_tokens") == {"0 days", "1 days", "13 days", "15 days"}
        assert len(kept("SELECT id FROM links")) == 1
        assert kept("SELECT count FROM sign_in_failures") == {1}
