"""Notices: whoever waits for an event's log learns of a change within a moment, and of a lost notice a little later."""

import asyncio
import logging
import statistics
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.databases import SECRET_KEY, drop_database, make_database, open_one
from tests.feed.builders import Hall, make_push
from tests.patience import PATIENCE_S
from tests.pgbouncer import pooled_url
from tests.postgresql import PostgresServer, shared_server
from turnout.errors import NotFound
from turnout.events import event
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.acts.scene import on_stage
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.notices import EVERY_S, ThreadWatch
from turnout.store.postgresql.notices import CHANNEL, EVERYTHING, payloads

PROMISED_S = 0.1
"""From the end of the commit to the reader, in another process."""


@pytest.fixture
def hall(database: Database) -> Hall:
    """An event, and the process that commits to it."""
    return Hall(database)


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same database as another process has it: nothing here is told directly, and notices alone wake."""
    with closing(open_one(database.url)) as other:
        if other.notices.reaches_others:
            rest_from_looking(other)
        yield other


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, for what only it has."""
    url = make_database("postgresql", tmp_path)
    yield url
    drop_database(url)


def open_beside(url: str, notice_url: str | None = None) -> Database:
    return open_database(url, SECRET_KEY, notice_url=notice_url)


def rest_from_looking(database: Database) -> None:
    """For longer than a test waits: what wakes is not the look."""
    database.notices.look_every_s = 10 * PATIENCE_S


def push(hall: Hall, email: str = "a@x.org", **said: Any) -> None:
    [result] = commit.write(hall.database, hall.configurations, [hall.submit(make_push(email, **said))])
    assert isinstance(result, list), result


def last_of(hall: Hall) -> int:
    return hall.changes()[-1].sequence if hall.changes() else 0


@contextmanager
def watching(database: Database, event_id: str, after: int = 0) -> Generator[ThreadWatch]:
    """A place in which nobody has been woken yet: whatever wakes it comes after this."""
    with database.notices.watching(event_id, after) as watch:
        if not database.url.startswith("sqlite:"):
            # As soon as it listens: what came before may have been missed.
            assert watch.wait(after, PATIENCE_S)
        yield watch


def count_listening(url: str) -> int:
    """The connections on which somebody listens."""
    [(number,)] = shared_server().execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE 'LISTEN%%'", url.rpartition("/")[2]
    )
    return number


@contextmanager
def hearing(url: str) -> Generator[list[str]]:
    """All notices on this database, as they come."""
    heard: list[str] = []
    stopping = threading.Event()
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"LISTEN {CHANNEL}")

    def listen() -> None:
        while not stopping.is_set():
            heard.extend(notice.payload for notice in connection.notifies(timeout=0.05))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield heard
    finally:
        stopping.set()
        thread.join()
        connection.close()


def wait_until(condition: Callable[[], object], every_s: float = 0.01) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(every_s)


# Who tells, and who is woken


def test_a_push_an_act_and_a_setting_wake_a_reader_in_another_process(hall: Hall, other: Database) -> None:
    push(hall)
    after = last_of(hall)
    with watching(other, hall.event.id, after) as watch:
        for change in (
            lambda: push(hall, title="CTO"),
            lambda: act(hall),
            lambda: event.set_up(hall.database, hall.event.id, {"null": "clear"}),
        ):
            change()
            assert watch.wait(after, PATIENCE_S)
            assert last_of(hall) == after + 1
            after += 1


def act(hall: Hall) -> None:
    with on_stage(hall.database, hall.configurations, hall.event.id, "cli:ann") as scene:
        decisions.remove(scene, "a@x.org", is_removed=True)


def test_what_makes_no_line_wakes_nobody(hall: Hall, other: Database) -> None:
    with watching(other, hall.event.id) as watch:
        push(hall, title="CTO")
        assert watch.wait(0, PATIENCE_S)
        push(hall, title="CTO")
        event.archive(hall.database, hall.event.id, undo=True)
        with pytest.raises(NotFound):
            with on_stage(hall.database, hall.configurations, hall.event.id, "cli:ann") as scene:
                decisions.remove(scene, "nobody@x.org", is_removed=True)
        assert not watch.wait(1, 0.3)
        assert last_of(hall) == 1


def test_a_reader_of_one_event_is_not_woken_by_another(hall: Hall, other: Database) -> None:
    second = Hall(hall.database, slug="second")
    with watching(other, hall.event.id) as watch, other.notices.watching(second.event.id) as woken:
        for title in ("CTO", "CEO"):
            push(second, title=title)
            assert woken.wait(last_of(second) - 1, PATIENCE_S)
        assert not watch.wait(0, 0.01)
        push(hall)
        assert watch.wait(0, PATIENCE_S)


def test_who_waits_for_every_event_is_told_of_each(hall: Hall) -> None:
    second = Hall(hall.database, slug="second")

    async def watch_all() -> None:
        with hall.database.notices.watching_all_in_loop() as watch:
            for one, title in ((hall, "CTO"), (second, "CTO"), (hall, "CEO")):
                await asyncio.to_thread(push, one, title=title)
                assert await watch.wait(0, PATIENCE_S)
            # A notice that comes back to its own process wakes once more; looking finds nothing for who has no place.
            for _ in range(5):
                if not await watch.wait(0, 2 * hall.database.notices.look_every_s):
                    return
            raise AssertionError("It is woken again and again.")

    asyncio.run(watch_all())


def test_what_comes_between_two_waits_is_not_missed(hall: Hall, other: Database) -> None:
    """The place is taken before the log is read, and what comes meanwhile ends the next wait at once."""
    with watching(other, hall.event.id) as watch:
        push(hall)
        assert watch.wait(0, PATIENCE_S)
        # Whoever reads now, and is slow, has the first line alone.
        push(hall, title="CTO")
        assert watch.wait(1, PATIENCE_S)


def test_in_the_process_that_commits_a_reader_is_told_directly(hall: Hall) -> None:
    rest_from_looking(hall.database)
    with watching(hall.database, hall.event.id) as watch:
        push(hall)
        assert watch.wait(0, PATIENCE_S)


def test_many_tasks_wait_on_one_connection_and_only_those_concerned_wake(hall: Hall, other: Database) -> None:
    second = Hall(hall.database, slug="second")

    async def follow(event_id: str, waiting: list[int]) -> bool:
        with other.notices.watching_in_loop(event_id) as watch:
            waiting.append(1)
            return await watch.wait(0, PATIENCE_S)

    async def run() -> None:
        waiting: list[int] = []
        others = [asyncio.create_task(follow(second.event.id, waiting)) for _ in range(50)]
        tasks = [asyncio.create_task(follow(hall.event.id, waiting)) for _ in range(500)]
        await asyncio.sleep(0)
        assert len(waiting) == 550
        await asyncio.to_thread(push, hall)
        assert all(await asyncio.gather(*tasks))
        assert not any(task.done() for task in others)
        if not other.url.startswith("sqlite:"):
            assert await asyncio.to_thread(count_listening, other.url) == 1
        for task in others:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*others, return_exceptions=True)
        )

    with watching(other, hall.event.id):
        asyncio.run(run())


def test_a_task_waits_no_longer_than_it_wants(hall: Hall, other: Database) -> None:
    async def run() -> bool:
        with other.notices.watching_in_loop(hall.event.id) as watch:
            return await watch.wait(0, 0.01)

    with watching(other, hall.event.id):
        assert asyncio.run(run()) is False


def test_the_end_wakes_everybody(hall: Hall, other: Database) -> None:
    with watching(other, hall.event.id) as watch:
        other.notices.close()
        assert watch.wait(0, PATIENCE_S)


def test_no_thread_runs_where_nobody_waits_and_nobody_has_to_be_told(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with closing(open_one(make_database("sqlite", tmp_path))) as database:
        push(Hall(database))
        assert set(threading.enumerate()) == before


# How fast

_COMMITTING = textwrap.dedent("""
    import sys, time
    from tests.databases import open_one
    from turnout.events import event
    database = open_one(sys.argv[1])
    for number, _ in enumerate(sys.stdin):
        event.set_up(database, sys.argv[2], {"null": "keep" if number % 2 else "clear"})
        print(time.monotonic(), flush=True)
    database.close()
""")


def is_kept(measured: Callable[[int], list[float]]) -> None:
    """What is promised holds for most, in one of a few goes: the machine may be busy, but is not always."""
    took: list[list[float]] = []
    while len(took) < 10 and (not took or statistics.median(took[-1]) >= PROMISED_S):
        took.append(measured(len(took)))
    assert statistics.median(took[-1]) < PROMISED_S, took


def measure(url: str, watch: ThreadWatch, behind: int, times: int = 20) -> list[float]:
    """Seconds from the end of a commit in another process to the reader, each time."""
    took = []
    with subprocess.Popen(
        [sys.executable, "-c", _COMMITTING, url, watch.event_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for after in range(behind, behind + times):
            process.stdin.write("\n")
            process.stdin.flush()
            assert watch.wait(after, PATIENCE_S)
            woken_at = time.monotonic()
            took.append(woken_at - float(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    return took


def test_a_reader_learns_within_100_ms_of_a_commit_in_another_process(hall: Hall, other: Database) -> None:
    with watching(other, hall.event.id) as watch:
        is_kept(lambda goes: measure(other.url, watch, 20 * goes))


# PostgreSQL: what notices cost, and what becomes of them when its connections fail


def test_a_thousand_commits_are_far_fewer_notices(postgresql: str) -> None:
    with closing(open_beside(postgresql)) as database, hearing(postgresql) as heard:
        hall = Hall(database)
        began = time.monotonic()
        for number in range(1_000):
            with database.write() as connection:
                connection.exec_driver_sql("UPDATE clocks SET last_at = last_at + 1")
            database.notices.announce([hall.event.id, f"evt_{number % 3}"])
        most = (time.monotonic() - began) / EVERY_S + 2
        database.close()
        wait_until(lambda: heard)
    assert len(heard) <= most < 1_000
    assert {name for one in heard for name in one.split()[1:]} == {hall.event.id, "evt_0", "evt_1", "evt_2"}


def test_notices_are_cut_to_what_postgresql_takes_and_many_events_are_all() -> None:
    ids = [f"evt_{number:032}" for number in range(1_000)]
    cut = payloads("me", ids)
    assert len(cut) == 5
    assert [name for one in cut for name in one.split()[1:]] == ids
    assert all(one.startswith("me ") and len(one) < 8_000 for one in cut)
    assert payloads("me", ids[:1]) == [f"me {ids[0]}"]
    assert payloads("me", [f"evt_{number:032}" for number in range(10_000)]) == [f"me {EVERYTHING}"]


def test_a_notice_for_all_wakes_everybody(postgresql: str) -> None:
    with closing(open_beside(postgresql)) as database, closing(open_beside(postgresql)) as other:
        rest_from_looking(other)
        hall = Hall(database)
        with watching(other, hall.event.id) as watch:
            database.notices.announce([hall.event.id, *(f"evt_{number:032}" for number in range(10_000))])
            assert watch.wait(0, PATIENCE_S)


def test_a_reader_whose_notice_was_lost_is_woken_when_it_listens_again(postgresql: str) -> None:
    with closing(open_beside(postgresql)) as database, closing(open_beside(postgresql)) as other:
        rest_from_looking(other)
        hall = Hall(database)
        with watching(other, hall.event.id) as watch:
            shared_server().cut_connections(postgresql.rpartition("/")[2])
            push(hall)
            assert watch.wait(0, PATIENCE_S)
            wait_until(lambda: count_listening(postgresql))
            watch.wait(1, 0)
            # And it hears again.
            push(hall, title="CTO")
            assert watch.wait(1, PATIENCE_S)


def test_where_no_notice_comes_through_pushes_go_on_and_readers_look(
    postgresql: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = "postgresql://postgres:password@127.0.0.1:1/nothing"
    with closing(open_beside(postgresql, nowhere)) as database, closing(open_beside(postgresql, nowhere)) as other:
        hall = Hall(database)
        with other.notices.watching(hall.event.id) as watch, caplog.at_level(logging.WARNING, "turnout.store"):
            for after in range(3):
                push(hall, title=f"Title {after}")
                assert watch.wait(after, PATIENCE_S)
    # Once for each way, however often.
    assert sorted(record.getMessage().partition(",")[0] for record in caplog.records) == [
        "notices of changes cannot be heard",
        "notices of changes cannot be sent",
    ]
    assert "password" not in caplog.text


def test_announcing_blocks_nobody_while_the_server_hangs_and_goes_on_afterwards(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "server") as server:
        url = server.create_database("hanging")
        with closing(open_beside(url)) as database, closing(open_beside(url)) as other:
            hall = Hall(database)
            rest_from_looking(other)
            with watching(other, hall.event.id) as watch:
                database.notices.announce([hall.event.id])
                assert watch.wait(0, PATIENCE_S)
                server.pause()
                try:
                    longest = 0.0
                    for _ in range(100):
                        began = time.monotonic()
                        database.notices.announce([hall.event.id])
                        longest = max(longest, time.monotonic() - began)
                        time.sleep(EVERY_S)
                    began = time.monotonic()
                    with closing(open_beside(url)) as third:
                        third.notices.announce([hall.event.id])
                    ended = time.monotonic() - began
                finally:
                    server.resume()
                assert longest < 0.5
                # Whoever ends does not wait for ever either.
                assert ended < 10

                def is_told() -> bool:
                    database.notices.announce([hall.event.id])
                    return watch.wait(0, 0.1)

                watch.wait(0, 0)
                wait_until(is_told)


def test_a_notice_waits_for_no_standby(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "server") as server:
        url = server.create_database("alone")
        ended = threading.Event()

        def write() -> None:
            while not ended.is_set():
                server.execute("CREATE TABLE IF NOT EXISTS page ()", database="alone")
                server.execute("DROP TABLE page", database="alone")

        def a_commit_hangs() -> bool:
            return bool(server.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))

        with closing(open_beside(url)) as database, hearing(url) as heard, ThreadPoolExecutor(1) as threads:
            server.configure(synchronous_standby_names="nobody")
            writing = threads.submit(write)
            try:
                wait_until(a_commit_hangs)
                database.notices.announce(["evt_1"])
                wait_until(lambda: heard)
            finally:
                ended.set()
                server.configure(synchronous_standby_names=None)
                writing.result(PATIENCE_S)


_COMMITTING_LAST = textwrap.dedent("""
    import os, sys
    from tests.databases import open_one
    from turnout.events import event
    database = open_one(sys.argv[1])
    event.set_up(database, sys.argv[2], {"null": "clear"})
    database.close()
    os._exit(0)
""")


def test_whoever_ends_has_told_of_the_last_commit(postgresql: str) -> None:
    """As a command does: it would else be a look's time until a follower knows."""
    with closing(open_beside(postgresql)) as database, hearing(postgresql) as heard:
        hall = Hall(database)
        command = [sys.executable, "-c", _COMMITTING_LAST, postgresql, hall.event.id]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
        wait_until(lambda: heard)


# Through a pooler


@pytest.fixture
def pooled(postgresql: str, tmp_path: Path) -> Iterator[str]:
    """The URL of the database through pgbouncer, which gives every transaction whichever connection is free."""
    with pooled_url(postgresql, tmp_path) as url:
        yield url


def test_through_a_pooler_notices_take_a_way_of_their_own(pooled: str, postgresql: str) -> None:
    with closing(open_beside(pooled, postgresql)) as database, closing(open_beside(pooled, postgresql)) as other:
        rest_from_looking(other)
        hall = Hall(database)
        with watching(other, hall.event.id) as watch:

            def measured(goes: int) -> list[float]:
                took = []
                for after in range(10 * goes, 10 * goes + 10):
                    push(hall, title=f"Title {after}")
                    began = time.monotonic()
                    assert watch.wait(after, PATIENCE_S)
                    took.append(time.monotonic() - began)
                return took

            is_kept(measured)


def test_through_a_pooler_alone_readers_look_and_the_log_says_what_is_missing(
    pooled: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_beside(pooled)) as database, closing(open_beside(pooled)) as other:
        hall = Hall(database)
        with watching(other, hall.event.id) as watch, caplog.at_level(logging.WARNING, "turnout.store"):
            for after in range(5):
                push(hall, title=f"Title {after}")
                assert watch.wait(after, PATIENCE_S)
    assert [record.getMessage() for record in caplog.records if "TURNOUT_NOTICE_DATABASE_URL" in record.getMessage()]
