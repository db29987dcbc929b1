"""Pushes that travel together: each answered once, in order, within bounds; and the service outlives its failures."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from tests.databases import as_file, only_postgresql, open_one
from tests.feed.builders import JOHN, SHOP, Hall, check_log, make_push
from tests.patience import PATIENCE_S
from turnout import errors, logs
from turnout.events import keys
from turnout.feed import commit, group_commit
from turnout.feed.group_commit import GroupCommit, Waiting
from turnout.feed.settle import take
from turnout.feed.submission import Result, StaleConfiguration, Submission
from turnout.model.receipt import Outcome
from turnout.store.database import Database
from turnout.store.postgresql import database as postgresql
from turnout.store.sqlite import database as sqlite
from turnout.store.sqlite.file_lock import FileLock
from turnout.store.statements import is_postgresql

Awaited = TypeVar("Awaited")
JANE = "jane@example.com"


@pytest.fixture
def hall(database: Database) -> Hall:
    hall = Hall(database)
    keys.create(hall.database, hall.event.id, label="shop")
    return hall


@pytest.fixture(autouse=True)
def _the_log_leads_to_the_state(hall: Hall) -> Iterator[None]:
    yield
    check_log(hall.database)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What was logged, instead of a long traceback on the screen."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def group(hall: Hall) -> Iterator[GroupCommit]:
    yield from _running(hall, limit=1_000)


@pytest.fixture
def small_group(hall: Hall) -> Iterator[GroupCommit]:
    """One whose queue holds ten pushes."""
    yield from _running(hall, limit=10)


def _running(hall: Hall, limit: int) -> Iterator[GroupCommit]:
    group = GroupCommit(hall.database, hall.configurations, limit)
    group.start()
    yield group
    group.stop()


class Gate:
    """Stands before the transaction: a test sees who has come to it, and when he may pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived = threading.Semaphore(0)
        self._may_pass = threading.Event()
        self.sizes: list[int] = []
        write = commit.write

        def held(database: Any, configurations: Any, submissions: list[Submission], *_: Any) -> list[Result]:
            # It stands behind the beginning: whoever comes later is for the next one.
            self.sizes.append(sum(len(one.items) for one in submissions))
            self.arrived.release()
            assert self._may_pass.wait(PATIENCE_S)
            return write(database, configurations, submissions)

        monkeypatch.setattr(commit, "write", held)

    async def somebody_waits(self) -> None:
        assert await asyncio.to_thread(self.arrived.acquire, timeout=PATIENCE_S)

    def open(self) -> None:
        self._may_pass.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open()


def run(doing: Awaitable[Awaited]) -> Awaited:
    async def in_time() -> Awaited:
        return await asyncio.wait_for(doing, PATIENCE_S)

    return asyncio.run(in_time())


async def begin(group: GroupCommit, *submissions: Submission) -> list[asyncio.Task[list[Outcome]]]:
    """The submissions on their way, each as far as it gets without waiting."""
    tasks = [asyncio.create_task(group.submit(submission)) for submission in submissions]
    await asyncio.sleep(0)
    return tasks


async def gather(tasks: Sequence[asyncio.Task[list[Outcome]]]) -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def commits_end(group: GroupCommit) -> None:
    """Nobody waits any more, not even for those who have gone."""
    while group.queued:  # noqa: ASYNC110 - the queue tells nobody, and it is a matter of microseconds
        await asyncio.sleep(0)


def person(number: int) -> str:
    return f"p{number:03}@example.com"


# --- Together --------------------------------------------------------------------------------------------------------


def test_many_at_once_are_all_answered_once_and_share_commits(hall: Hall, group: GroupCommit) -> None:
    async def scenario() -> list[list[Outcome]]:
        return await asyncio.gather(*(group.submit(hall.submit(make_push(person(n)))) for n in range(300)))

    results = run(scenario())
    assert sorted(one.sequence or 0 for (one,) in results) == list(range(1, 301))
    assert [one.attendee.email for (one,) in results if one.attendee] == [person(n) for n in range(300)]
    statistics = group.statistics
    assert (statistics.pushes, statistics.results, statistics.failures) == (300, {"created": 300}, 0)
    assert 1 <= sum(statistics.commit_sizes) < 30
    assert sum(statistics.commit_times) == sum(statistics.commit_sizes)
    assert group.queued == 0


def test_a_lone_push_waits_for_nobody(hall: Hall, group: GroupCommit) -> None:
    assert run(group.submit(hall.submit(make_push())))[0].result == "created"
    assert group.statistics.commit_sizes[0] == 1


def test_those_that_arrive_during_a_commit_make_up_the_next(hall: Hall, group: GroupCommit, gate: Gate) -> None:
    async def scenario() -> list[Any]:
        first = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        others = await begin(group, *(hall.submit(make_push(person(n))) for n in range(50)))
        assert group.queued == 51
        gate.open()
        return await gather([*first, *others])

    results = run(scenario())
    assert gate.sizes == [1, 50]
    assert [result[0].sequence for result in results] == list(range(1, 52))


def test_those_that_arrive_while_the_transaction_is_begun_travel_with_it(
    hall: Hall, group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = threading.Semaphore(0), threading.Event()
    write = hall.database.write

    @contextmanager
    def slow_write(**options: Any) -> Generator[Any]:
        with write(**options) as connection:
            begun.release()
            assert may_go_on.wait(PATIENCE_S)
            yield connection

    async def scenario() -> list[Any]:
        first = await begin(group, hall.submit(make_push()))
        assert await asyncio.to_thread(begun.acquire, timeout=PATIENCE_S)
        others = await begin(group, *others_said)
        may_go_on.set()
        return await gather([*first, *others])

    others_said = [hall.submit(make_push(person(n))) for n in range(50)]
    monkeypatch.setattr(hall.database, "write", slow_write)
    results = run(scenario())
    assert [result[0].sequence for result in results] == list(range(1, 52))
    assert sum(group.statistics.commit_sizes) == 1


def test_d1_nobody_is_answered_before_the_commit_has_ended(hall: Hall, group: GroupCommit, gate: Gate) -> None:
    async def scenario() -> None:
        (task,) = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        await asyncio.sleep(0)
        assert not task.done()
        assert hall.find() is None
        gate.open()
        await task
        assert hall.find() is not None

    run(scenario())


def test_one_commit_takes_no_more_than_its_most_unless_one_submission_is_larger(
    hall: Hall, group: GroupCommit, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_TOGETHER", 10)

    async def scenario() -> None:
        tasks = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        tasks += await begin(group, *(hall.submit(make_push(person(n))) for n in range(12)))
        tasks += await begin(group, hall.submit(*(make_push(person(n), title="x") for n in range(15))))
        tasks += await begin(group, hall.submit(make_push(title="last")))
        gate.open()
        await gather(tasks)

    run(scenario())
    assert gate.sizes == [1, 10, 2, 15, 1]


def test_c8_pushes_take_effect_in_the_order_in_which_they_were_submitted(hall: Hall, group: GroupCommit) -> None:
    async def scenario() -> list[Any]:
        tasks = await begin(group, *(hall.submit(make_push(title=str(n))) for n in range(200)))
        return await gather(tasks)

    results = run(scenario())
    assert [result[0].sequence for result in results] == list(range(1, 201))
    assert hall.get().profile["title"].value == "199"


def test_two_events_share_a_commit_and_keep_their_own_order(hall: Hall, group: GroupCommit, gate: Gate) -> None:
    other = Hall(hall.database, slug="fair")

    async def scenario() -> list[Any]:
        tasks = await begin(group, hall.submit(make_push("first@example.com")))
        await gate.somebody_waits()
        for number in range(5):
            for one in (hall, other):
                tasks += await begin(group, one.submit(make_push(person(number))))
        gate.open()
        return await gather(tasks)

    results = run(scenario())
    assert gate.sizes == [1, 10]
    assert [result[0].sequence for result in results[1::2]] == [2, 3, 4, 5, 6]
    assert [result[0].sequence for result in results[2::2]] == [1, 2, 3, 4, 5]


def test_whoever_gives_up_waiting_does_not_take_the_push_back(hall: Hall, group: GroupCommit, gate: Gate) -> None:
    async def scenario() -> None:
        tasks = await begin(group, hall.submit(make_push()), hall.submit(make_push(JANE)))
        await gate.somebody_waits()
        tasks[1].cancel()
        gate.open()
        results = await gather(tasks)
        assert isinstance(results[1], asyncio.CancelledError)
        await group.submit(hall.submit(make_push(title="behind")))
        assert hall.find(JANE) is not None

    run(scenario())
    assert group.queued == 0


def test_a_stale_submission_is_told_so_and_the_others_go_on(hall: Hall, group: GroupCommit) -> None:
    async def scenario() -> list[Any]:
        stale, good = hall.submit(make_push(), source=SHOP), hall.submit(make_push(JANE))
        sources_of_event = 'UPDATE sources SET policy = \'{"null":"clear"}\' WHERE number = 2'
        with hall.database.write() as connection:
            connection.exec_driver_sql(sources_of_event)
            connection.exec_driver_sql("UPDATE clocks SET version = version + 1")
        return await gather(await begin(group, stale, good))

    results = run(scenario())
    assert isinstance(results[0], StaleConfiguration)
    assert results[1][0].result == "created"


# --- Bounds ----------------------------------------------------------------------------------------------------------


def test_beyond_the_bound_there_is_a_quick_refusal_and_then_room_again(
    hall: Hall, small_group: GroupCommit, gate: Gate
) -> None:
    async def scenario() -> list[Any]:
        waiting = await begin(small_group, *(hall.submit(make_push(person(n))) for n in range(10)))
        refused = await gather(await begin(small_group, hall.submit(make_push(JANE))))
        assert [type(error) for error in refused] == [errors.SourceQueueFull]
        assert refused[0].retryable
        gate.open()
        assert not [one for one in await gather(waiting) if isinstance(one, Exception)]
        return await small_group.submit(hall.submit(make_push(JANE)))

    assert run(scenario())[0].result == "created"
    assert small_group.queued == 0


def test_a_batch_larger_than_the_bound_gets_in_where_nobody_waits(hall: Hall, small_group: GroupCommit) -> None:
    outcomes = run(small_group.submit(hall.submit(*(make_push(person(n)) for n in range(25)))))
    assert len(outcomes) == 25


def test_a_source_that_fills_the_queue_is_told_so_and_others_are_not(
    hall: Hall, small_group: GroupCommit, gate: Gate
) -> None:
    async def scenario() -> None:
        waiting = await begin(
            small_group,
            hall.submit(make_push(JANE), source=SHOP),
            *(hall.submit(make_push(person(n))) for n in range(9)),
        )
        refused = await gather(
            await begin(small_group, hall.submit(make_push()), hall.submit(make_push(), source=SHOP))
        )
        assert [type(error) for error in refused] == [errors.SourceQueueFull, errors.QueueFull]
        gate.open()
        await gather(waiting)

    run(scenario())


def test_pushes_whose_senders_have_gone_still_count(hall: Hall, small_group: GroupCommit, gate: Gate) -> None:
    """A sender that hangs up and comes again must not grow the queue beyond its bound."""

    async def scenario() -> None:
        gone = await begin(small_group, *(hall.submit(make_push(person(n))) for n in range(10)))
        for task in gone:
            task.cancel()
        await gather(gone)
        assert small_group.queued == 10
        with pytest.raises(errors.QueueFull):
            await small_group.submit(hall.submit(make_push(JANE)))
        gate.open()
        await commits_end(small_group)
        await small_group.submit(hall.submit(make_push(JANE)))

    run(scenario())
    assert len(hall.changes()) == 11


# --- Failures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroupCommit]:
    """One over a database that waits a twentieth of a second for others."""
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(commit, "LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(commit, "_HELD_S", 0.05)
    monkeypatch.setattr(group_commit, "LOCK_TIMEOUT_S", 0.05)
    with closing(open_one(hall.database.url)) as database:
        group = GroupCommit(database, hall.configurations, 1_000)
        group.start()
        yield group
        group.stop()


class Trouble:
    """Something outside that keeps a database from being written, until it ends."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall

    def begin(self) -> None: ...
    def end(self) -> None: ...


class WriterBeside(Trouble):
    """A program that knows nothing of our lock, such as an SQLite shell."""

    def begin(self) -> None:
        # The same library: two in one process do not see each other's locks.
        self.connection = sqlite.sqlite_module().connect(as_file(self.hall.database).path, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


class LockBeside(Trouble):
    """Another of our own processes that does not end its commit."""

    def begin(self) -> None:
        path = as_file(self.hall.database).path
        self.lock = FileLock(path.with_name(path.name + ".lock"))
        self.held = self.lock.held(1)
        self.held.__enter__()

    def end(self) -> None:
        self.held.__exit__(None, None, None)
        self.lock.close()


class ClockBeside(Trouble):
    """The same, where each event has a lock of its own."""

    def begin(self) -> None:
        self.connection = postgresql.connect(self.hall.database.url)
        self.connection.execute("BEGIN")
        self.connection.execute("SELECT 1 FROM clocks WHERE event_id = %s FOR UPDATE", (self.hall.event.id,))

    def end(self) -> None:
        self.connection.close()


class TableBeside(Trouble):
    """Somebody who has locked a table that commits write to, as for a change of the schema."""

    def begin(self) -> None:
        self.connection = postgresql.connect(self.hall.database.url)
        self.connection.execute("BEGIN; LOCK TABLE changes")

    def end(self) -> None:
        self.connection.execute("ROLLBACK")
        self.connection.close()


@pytest.mark.parametrize(
    ("database_kind", "kind"),
    [("sqlite", WriterBeside), ("sqlite", LockBeside), ("postgresql", ClockBeside), ("postgresql", TableBeside)],
    indirect=["database_kind"],
)
def test_while_another_writes_everybody_is_told_to_come_again_and_then_service_resumes(
    hall: Hall, impatient: GroupCommit, kind: type[Trouble], logged: list[Any]
) -> None:
    trouble = kind(hall)
    seen = impatient.statistics

    async def scenario() -> list[Any]:
        trouble.begin()
        try:
            tasks = await begin(impatient, *(hall.submit(make_push(person(n))) for n in range(20)))
            refused = await gather(tasks)
        finally:
            trouble.end()
        assert all(isinstance(error, errors.StorageUnavailable) for error in refused)
        assert hall.changes() == []
        assert (seen.failures > 0, seen.pushes, seen.last_good_at) == (True, 0, float("-inf"))
        assert {line["event"] for line in logged} == {"commit_failed"}
        return await gather(await begin(impatient, *(hall.submit(make_push(person(n))) for n in range(20))))

    results = run(scenario())
    assert [result[0].sequence for result in results] == list(range(1, 21))
    # Where it is only the event that is held, the machine is well: other events' pushes may be sent to it.
    assert (seen.last_failed_at > 0) is (kind is not ClockBeside)
    assert (seen.pushes, impatient.queued) == (20, 0)


class Refusing(Trouble):
    """The database takes nothing: it is full, or read-only. A trigger says in PostgreSQL what its disk would."""

    def __init__(self, hall: Hall, why: str) -> None:
        super().__init__(hall)
        self.why = why

    def begin(self) -> None:
        pragma = {"full": "max_page_count = 1", "read-?only": "query_only = 1"}[self.why]
        code = {"full": "disk_full", "read-?only": "read_only_sql_transaction"}[self.why]
        with self.hall.database.write() as connection:
            if is_postgresql(connection):
                message = {"full": "the disk is full", "read-?only": "this is read-only"}[self.why]
                connection.exec_driver_sql(
                    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                    f" $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END $$"
                )
                connection.exec_driver_sql("CREATE TRIGGER refuse BEFORE INSERT ON changes EXECUTE FUNCTION refuse()")
            else:
                connection.exec_driver_sql(f"PRAGMA {pragma}")

    def end(self) -> None:
        """SQLite: the connection that failed is not used again, and the cause went with it."""
        with self.hall.database.write() as connection:
            if is_postgresql(connection):
                connection.exec_driver_sql("DROP FUNCTION refuse CASCADE")


@pytest.mark.parametrize("why", ["read-?only", "full"])
def test_a_database_that_is_full_or_read_only_is_answered_and_service_resumes(
    hall: Hall, group: GroupCommit, why: str
) -> None:
    trouble = Refusing(hall, why)
    trouble.begin()
    with pytest.raises(errors.StorageUnavailable, match=why):
        run(group.submit(hall.submit(make_push(title="x" * 100_000))))
    assert (hall.find(), group.queued) == (None, 0)
    trouble.end()
    assert run(group.submit(hall.submit(make_push())))[0].sequence == 1


@only_postgresql
def test_commits_that_fail_by_the_hundred_are_told_of_in_few_lines(
    hall: Hall, group: GroupCommit, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first at once, the others with their number when it is time, and that it is over."""
    clock = Clock()
    monkeypatch.setattr(logs.time, "monotonic", clock)
    trouble = Refusing(hall, "full")
    trouble.begin()

    def fail(times: int) -> None:
        for _ in range(times):
            with pytest.raises(errors.StorageUnavailable):
                run(group.submit(hall.submit(make_push(title="x" * 100_000), make_push(person(1)))))

    fail(20)
    clock.later_s += 6
    fail(2)
    trouble.end()
    for _ in range(2):
        run(group.submit(hall.submit(make_push())))
    told = [(line["event"], line.get("commits"), line.get("pushes")) for line in logged]
    assert told == [("commit_failed", 1, 2), ("commit_failed", 20, 40), ("commits_succeed_again", None, None)]


class Clock:
    """One that goes ahead when it is told to."""

    def __init__(self) -> None:
        self._now = time.monotonic
        self.later_s = 0.0

    def __call__(self) -> float:
        return self._now() + self.later_s


def test_who_has_waited_longer_than_an_answer_may_take_is_not_stored_any_more(
    hall: Hall, group: GroupCommit, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process stood still: the sender has asked another machine since, and told it newer things."""
    clock = Clock()
    monkeypatch.setattr(group_commit.time, "monotonic", clock)

    async def scenario() -> list[Any]:
        tasks = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        tasks += await begin(group, hall.submit(make_push(JANE)))
        clock.later_s += 10.1
        tasks += await begin(group, hall.submit(make_push(person(1))))
        gate.open()
        return await gather(tasks)

    first, late, fresh = run(scenario())
    assert (type(late), late.retryable) == (errors.StorageUnavailable, True)
    assert [first[0].sequence, fresh[0].sequence] == [1, 2]
    assert hall.find(JANE) is None


def test_all_who_wait_are_refused_with_the_commit_that_fails(hall: Hall, group: GroupCommit, gate: Gate) -> None:
    trouble = Refusing(hall, "read-?only")

    async def scenario() -> list[Any]:
        tasks = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        tasks += await begin(group, *(hall.submit(make_push(person(n))) for n in range(5)))
        trouble.begin()
        gate.open()
        return await gather(tasks)

    assert {type(error) for error in run(scenario())} == {errors.StorageUnavailable}
    assert gate.sizes == [1]


def test_what_is_wrong_with_one_submission_harms_no_other(
    hall: Hall, group: GroupCommit, gate: Gate, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    merge = take.merge

    def brittle(attendee: Any, push: Any, context: Any) -> Any:
        if push.email == JANE:
            raise RuntimeError("broken on purpose")
        return merge(attendee, push, context)

    monkeypatch.setattr(take, "merge", brittle)

    async def scenario() -> list[Any]:
        tasks = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        tasks += await begin(
            group,
            hall.submit(make_push(person(1), groups=["VIP"])),
            hall.submit(make_push(person(2)), make_push(JANE)),
            hall.submit(make_push(person(3), groups=["vip"])),
        )
        gate.open()
        return await gather(tasks)

    results = run(scenario())
    assert isinstance(results[2], errors.Unexpected)
    assert results[2].retryable
    assert [results[number][0].sequence for number in (0, 1, 3)] == [1, 2, 3]
    assert hall.find(person(2)) is None
    assert len(hall.configuration.groups.by_number) == 1
    assert [line["event"] for line in logged] == ["commit_failed", "push_failed"]


@pytest.mark.parametrize("error", [OSError("stale handle"), RuntimeError("broken on purpose")])
def test_the_service_goes_on_when_the_log_file_cannot_be_moved(
    hall: Hall, group: GroupCommit, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(hall.database, "move_log", fail)
    for number in (1, 2):
        assert run(group.submit(hall.submit(make_push(person(number)))))[0].sequence == number


def test_the_service_goes_on_when_those_who_waited_have_gone_with_their_loop(
    hall: Hall, group: GroupCommit, gate: Gate
) -> None:
    async def hang_up() -> None:
        (task,) = await begin(group, hall.submit(make_push()))
        await gate.somebody_waits()
        task.cancel()

    run(hang_up())
    gate.open()
    assert run(group.submit(hall.submit(make_push(JANE))))[0].result == "created"


# --- The end ---------------------------------------------------------------------------------------------------------


def test_stopping_answers_what_was_accepted_and_takes_no_more(hall: Hall, gate: Gate) -> None:
    group = GroupCommit(hall.database, hall.configurations, 1_000)
    group.start()

    async def scenario() -> list[Any]:
        tasks = await begin(group, *(hall.submit(make_push(person(n))) for n in range(20)))
        await gate.somebody_waits()
        tasks += await begin(group, *(hall.submit(make_push(person(n), title="x")) for n in range(20)))
        stopping = asyncio.create_task(asyncio.to_thread(group.stop))
        await asyncio.sleep(0)
        gate.open()
        await stopping
        with pytest.raises(errors.ShuttingDown):
            await group.submit(hall.submit(make_push()))
        return await gather(tasks)

    results = run(scenario())
    assert [result[0].result for result in results] == ["created"] * 20 + ["updated"] * 20


def test_a_push_that_comes_at_the_very_moment_of_the_stop_is_answered(hall: Hall) -> None:
    class Slow(GroupCommit):
        """Lets the stop happen between the question whether there is room and the answer."""

        def _check_room(self, waiting: Waiting) -> None:
            super()._check_room(waiting)
            self.stopper = threading.Thread(target=self.stop)
            self.stopper.start()
            self._thread.join(0.2)

    group = Slow(hall.database, hall.configurations, 1_000)
    group.start()
    try:
        assert run(group.submit(hall.submit(make_push())))[0].result == "created"
    except errors.ShuttingDown:
        assert hall.find() is None
    group.stopper.join(PATIENCE_S)


# --- Two processes ---------------------------------------------------------------------------------------------------

PUSHER = """
    import asyncio, sys
    from pathlib import Path
    from tests.feed.builders import Hall, make_push
    from turnout.feed.configurations import Configurations
    from turnout.feed.group_commit import GroupCommit
    from turnout.store.connect import open_database

    url, name, source, pushes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    hall = Hall.__new__(Hall)
    hall.database, hall.slug = open_database(url), "conf"
    hall.configurations = Configurations(hall.database)
    group = GroupCommit(hall.database, hall.configurations, 10_000)
    group.start()

    async def push(number):
        said = make_push(
            ("shared%d@example.com" % (number % 3)) if number % 2 else f"{name}{number}@example.com",
            custom_fields={f"{name} {number}": str(number), "Shared": "%s %d" % (name, number)},
            groups=[f"Group {number % 7}"],
        )
        (outcome,) = await group.submit(hall.submit(said, source=source))
        print("done", outcome.push_id, flush=True)

    async def main():
        print("ready", flush=True)
        sys.stdin.readline()
        for start in range(0, pushes, 5):
            await asyncio.gather(*(push(number) for number in range(start, start + 5)))

    asyncio.run(main())
    group.stop()
    hall.database.close()
"""


def start_pusher(hall: Hall, name: str, source: int, pushes: int) -> subprocess.Popen[str]:
    """Another process, ready to begin at the next line that it is given."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(PUSHER),
            hall.database.url,
            name,
            str(source),
            str(pushes),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def tell_to_go(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_two_processes_that_commit_at_once_lose_nothing(hall: Hall) -> None:
    pushers = [start_pusher(hall, "a", 1, 100), start_pusher(hall, "b", SHOP, 100)]
    try:
        tell_to_go(pushers)
        answered = [process.communicate(timeout=PATIENCE_S)[0].split() for process in pushers]
    finally:
        for process in pushers:
            process.kill()
            process.wait()
    assert [process.returncode for process in pushers] == [0, 0]
    assert [len(words) // 2 for words in answered] == [100, 100]
    assert len(hall.changes()) == 200
    # Mostly they take turns; on a busy machine one may be done before the other comes to its first.
    assert Counter(line.source_number for line in hall.changes()) == {1: 100, SHOP: 100}
    names = hall.configuration.custom_fields
    assert sorted(one.number for one in names.by_number.values()) == list(range(1, 202))
    for name, source in (("a", 1), ("b", SHOP)):
        for number in range(100):
            found = names.find(f"{name} {number}")
            assert found is not None
            email = f"shared{number % 3}@example.com" if number % 2 else f"{name}{number}@example.com"
            said = hall.get(email).custom_fields[found.number]
            assert (said.value, said.source) == (str(number), source)
    assert len(hall.configuration.groups.by_number) == 7


def test_d1_what_was_answered_is_there_after_a_kill_and_the_log_is_whole(hall: Hall) -> None:
    pusher = start_pusher(hall, "a", 1, 10_000)
    try:
        tell_to_go([pusher])
        assert pusher.stdout is not None
        answered = [pusher.stdout.readline().split()[1] for _ in range(50)]
        pusher.send_signal(signal.SIGKILL)
        answered += [line.split()[1] for line in pusher.stdout if line.count(" ") == 1 and line.endswith("\n")]
    finally:
        pusher.kill()
        pusher.wait()
        pusher.communicate()
    kept = {push_id for (push_id,) in hall.rows("SELECT id FROM pushes")}
    assert set(answered) <= kept
    assert len(hall.changes()) == len(kept)
    # And the next process begins where this one ended.
    (result,) = commit.write(hall.database, hall.configurations, [hall.submit(make_push(JOHN))])
    assert isinstance(result, list)
    assert result[0].sequence == len(kept) + 1
