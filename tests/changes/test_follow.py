"""A consumer gets every line once it counts, in order, whatever happens to it; one event's trouble is no other's."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.feed.builders import Hall, make_push
from tests.patience import PATIENCE_S
from turnout.changes import follow
from turnout.changes.follow import Consumer, Follower, Step
from turnout.changes.turn import Turn
from turnout.feed import commit
from turnout.store import changes, cursors
from turnout.store.database import Database
from turnout.store.statements import Connection

NAME = "test"


class Reader:
    """A consumer that notes what it has recorded."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}
        self.limits: list[int] = []
        self.fails: set[str] = set()
        self.failed = 0
        self.recorded = threading.Condition()

    def handle(self, connection: Connection, event_id: str, after: int, limit: int) -> Step:
        self.limits.append(limit)
        if event_id in self.fails:
            with self.recorded:
                self.failed += 1
                self.recorded.notify_all()
            raise ValueError("This event cannot be read.")
        lines = [line.sequence for line in changes.list_changes(connection, event_id, after=after, limit=limit)]

        def record(_: Connection) -> None:
            with self.recorded:
                self.lines.setdefault(event_id, []).extend(lines)
                self.recorded.notify_all()

        return Step(lines[-1], record)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        with self.recorded:
            assert self.recorded.wait_for(is_so, PATIENCE_S)


class Halls:
    """Events in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reader = Reader()
        self.halls = [Hall(database, slug=f"conf-{number}") for number in range(3)]
        self.ids = [hall.event.id for hall in self.halls]

    def push(self, number: int, people: int) -> None:
        hall = self.halls[number]
        pushes = [make_push(f"p{person}@example.com", title=str(self.reader.lines)) for person in range(people)]
        commit.write(self.database, hall.configurations, [hall.submit(*pushes)])

    def has_read(self, number: int, lines: int) -> Callable[[], bool]:
        """Whether the consumer has recorded that many lines, in order and each once."""
        return lambda: self.reader.lines.get(self.ids[number], []) == list(range(1, lines + 1))

    def follower(self, is_busy: Callable[[], bool] = lambda: False) -> Follower:
        return Follower(self.database, Consumer(NAME, self.reader.handle), is_busy)

    @contextmanager
    def following(self, is_busy: Callable[[], bool] = lambda: False) -> Generator[Follower]:
        follower = self.follower(is_busy)
        follower.start()
        try:
            yield follower
        finally:
            follower.stop()


@pytest.fixture
def halls(database: Database, monkeypatch: pytest.MonkeyPatch) -> Halls:
    monkeypatch.setattr(follow, "IDLE_S", 0.02)
    monkeypatch.setattr(follow, "ELSEWHERE_S", 0.02)
    return Halls(database)


def test_every_line_of_every_event_comes_in_order_and_once(halls: Halls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_LINES", 7)
    monkeypatch.setattr(follow, "MAX_EVENTS", 2)
    halls.push(0, 30)
    with halls.following():
        halls.push(1, 5)
        halls.push(2, 20)
        for number, lines in enumerate((30, 5, 20)):
            halls.reader.wait_until(halls.has_read(number, lines))
        halls.push(1, 5)
        halls.reader.wait_until(halls.has_read(1, 10))
    with halls.database.read() as connection:
        assert [cursors.find_cursor(connection, one, NAME) for one in halls.ids] == [30, 10, 20]
        assert cursors.count_behind(connection, NAME) == 0


def test_the_next_one_goes_on_where_the_last_has_stopped(halls: Halls) -> None:
    halls.push(0, 10)
    with halls.following():
        halls.reader.wait_until(halls.has_read(0, 10))
    halls.push(0, 10)
    with halls.following():
        halls.reader.wait_until(halls.has_read(0, 20))


def test_an_event_that_cannot_be_read_holds_up_no_other(halls: Halls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_FIRST_ASIDE_S", 0.01)
    halls.reader.fails = {halls.ids[0]}
    halls.push(0, 3)
    halls.push(1, 3)
    with halls.following():
        halls.reader.wait_until(halls.has_read(1, 3))
        # It is tried again, and all of it comes once it can be read.
        halls.reader.wait_until(lambda: halls.reader.failed >= 3)
        assert halls.ids[0] not in halls.reader.lines
        halls.reader.fails = set()
        halls.reader.wait_until(halls.has_read(0, 3))


def test_an_event_that_cannot_be_read_is_left_alone_for_a_while(halls: Halls, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is.
    monkeypatch.setattr(follow, "_FIRST_ASIDE_S", 60.0)
    halls.reader.fails = {halls.ids[0]}
    halls.push(0, 3)
    follower = halls.follower()
    for _ in range(20):
        follower._work()
    assert halls.reader.failed == 1
    follower._turn.give_back()


def test_what_fails_in_the_middle_of_recording_has_not_happened(halls: Halls) -> None:
    halls.push(0, 3)

    def handle(connection: Connection, event_id: str, after: int, limit: int) -> Step:
        step = halls.reader.handle(connection, event_id, after, limit)

        def record(connection: Connection) -> None:
            cursors.set_cursor(connection, event_id, "written", 1)
            raise LookupError

        return Step(step.last, record)

    with pytest.raises(LookupError):
        Follower(halls.database, Consumer(NAME, handle)).catch_up(halls.ids[0])
    with halls.database.read() as connection:
        assert cursors.find_cursor(connection, halls.ids[0], NAME) is None
        assert cursors.find_cursor(connection, halls.ids[0], "written") is None


def test_whoever_has_lost_the_lease_records_nothing(halls: Halls) -> None:
    halls.push(0, 3)

    def handle(connection: Connection, event_id: str, after: int, limit: int) -> Step:
        # As one who was paused for too long finds it.
        with halls.database.write() as other:
            other.execute(text("UPDATE leases SET token = token + 1"))
        return halls.reader.handle(connection, event_id, after, limit)

    assert not Follower(halls.database, Consumer(NAME, handle)).catch_up(halls.ids[0])
    assert halls.reader.lines == {}
    with halls.database.read() as connection:
        assert cursors.find_cursor(connection, halls.ids[0], NAME) is None


def test_a_step_whose_cursor_was_put_elsewhere_meanwhile_is_done_anew(halls: Halls) -> None:
    halls.push(0, 3)
    elsewhere = iter([0])

    def handle(connection: Connection, event_id: str, after: int, limit: int) -> Step:
        step = halls.reader.handle(connection, event_id, after, limit)
        for sequence in elsewhere:
            with halls.database.write() as other:
                cursors.set_cursor(other, event_id, NAME, sequence)
        return step

    assert Follower(halls.database, Consumer(NAME, handle)).catch_up(halls.ids[0])
    assert len(halls.reader.limits) == 2
    assert halls.has_read(0, 3)()


def test_one_of_two_works_and_the_other_goes_on_when_it_stops(halls: Halls) -> None:
    first, second = halls.follower(), halls.follower()
    halls.push(0, 3)
    first.start()
    halls.reader.wait_until(halls.has_read(0, 3))
    second.start()
    halls.push(0, 3)
    halls.reader.wait_until(halls.has_read(0, 6))
    assert not Turn(halls.database, NAME).take()
    first.stop()
    halls.push(0, 3)
    halls.reader.wait_until(halls.has_read(0, 9))
    second.stop()
    assert Turn(halls.database, NAME).take()


def test_it_goes_on_after_its_lease_was_lost(halls: Halls) -> None:
    halls.push(0, 3)
    with halls.following():
        halls.reader.wait_until(halls.has_read(0, 3))
        with halls.database.write() as connection:
            connection.execute(text("UPDATE leases SET expires_at = 1"))
        halls.push(0, 3)
        halls.reader.wait_until(halls.has_read(0, 6))


def test_while_pushes_wait_its_steps_are_short_and_it_rests_between_them(
    halls: Halls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "MAX_LINES", 8)
    monkeypatch.setattr(follow, "MAX_LINES_BUSY", 2)
    rests: list[float] = []
    follower = halls.follower(lambda: True)
    monkeypatch.setattr(follower._stopping, "wait", rests.append)
    halls.push(0, 6)
    for _ in range(3):
        follower._work()
    assert halls.reader.limits == [2, 2, 2]
    assert halls.has_read(0, 6)()
    assert len(rests) == 3
    assert all(rest_s > 0 for rest_s in rests)
    follower._turn.give_back()


def test_it_goes_on_once_the_database_is_as_it_should_be(halls: Halls) -> None:
    halls.push(0, 3)
    with halls.database.write() as connection:
        connection.execute(text("ALTER TABLE cursors RENAME TO away"))
    with capture_logs() as logs, halls.following():
        waited = threading.Event()
        while not any(line["event"] == "following_failed" for line in logs):
            waited.wait(0.01)
        with halls.database.write() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO cursors"))
        halls.reader.wait_until(halls.has_read(0, 3))
