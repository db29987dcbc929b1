"""One process of all looks at all events, only where there is something new, and gives way to pushes."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.alerts.failing import let_pushes_fail
from tests.alerts.watched import DAY, HOUR, MINUTE, Watched, causes
from tests.feed.builders import MAIN, make_push
from tests.patience import PATIENCE_S
from tests.product import Product
from turnout.alerts import watch, watching
from turnout.alerts.watch import Watcher
from turnout.events import event
from turnout.feed.configurations import Configurations
from turnout.now import now_us
from turnout.store import alerts, leases, push_counts
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

FIRST, ERRORS, SILENT = f"first_push:{MAIN}", f"errors:{MAIN}", f"silent:{MAIN}"


@pytest.fixture
def watched(database: Database) -> Watched:
    return Watched(database)


@pytest.fixture
def watcher(database: Database) -> Iterator[Watcher]:
    watcher = Watcher(database, Configurations(database))
    yield watcher
    watcher.stop()


def told(watcher: Watcher, at: int | None = None) -> list[tuple[list[str], list[str]]]:
    """What the round has opened and closed, of each event that it has looked at."""
    return [causes(looked) for looked in watcher.look_now(at)]


def test_only_events_with_something_new_are_looked_at(watched: Watched, watcher: Watcher) -> None:
    idle = [Watched(watched.database) for _ in range(3)]
    assert told(watcher) == []
    with watched.database.read() as connection:
        assert len(alerts.list_watches(connection, [one.id for one in [watched, *idle]])) == 4
    watched.push("a@example.com")
    assert told(watcher) == [([FIRST], [])]
    assert told(watcher) == [([], [])]
    assert told(watcher, now_us() + HOUR) == []


def test_where_nobody_does_anything_nothing_is_written(watched: Watched, watcher: Watcher) -> None:
    told(watcher)
    watcher.stop()
    assert told(watcher) == []
    with watched.database.read() as connection:
        assert leases.find_holder(connection, "alerts") is None


def test_an_old_event_whose_first_push_comes_now_is_told_of(watched: Watched, watcher: Watcher) -> None:
    grow_old(watched)
    told(watcher)
    watched.push("a@example.com")
    assert told(watcher, now_us()) == [([FIRST], [])]


def test_after_an_upgrade_nobody_is_flooded(watched: Watched, watcher: Watcher) -> None:
    grow_old(watched)
    watched.push("a@example.com")
    watched.fail(3)
    assert told(watcher, now_us() + MINUTE) == [([], [])]
    assert watched.list_all() == []


def grow_old(watched: Watched) -> None:
    """It was made a week ago."""
    with watched.database.write() as connection:
        connection.execute(
            text("UPDATE events SET created_at = :at WHERE id = :id"), {"at": now_us() - 7 * DAY, "id": watched.id}
        )


def test_what_falls_in_an_event_that_is_slow_to_look_at_is_looked_for_every_ten_minutes(
    watched: Watched, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To count who is there can take a look through everybody.
    monkeypatch.setattr(watch, "SLOW_S", 0.0)
    at = now_us()
    with watched.clock_at(at - 3 * HOUR):
        watched.push(*(make_push(f"p{number}@example.com", groups=["VIP"]) for number in range(12)))
    watched.push("a@example.com")
    told(watcher, at)
    watched.push(*(make_push(f"p{number}@example.com", groups=[]) for number in range(12)))
    watched.follow_moves()
    assert told(watcher, at + 9 * MINUTE) == [([], [])]
    assert told(watcher, at + 10 * MINUTE) == [(["falling:group:1"], [])]


def test_of_two_processes_one_looks(watched: Watched, watcher: Watcher) -> None:
    watched.push("a@example.com")
    assert len(told(watcher)) == 1
    other = Watcher(watched.database, Configurations(watched.database))
    watched.fail(5)
    assert told(other) == []
    watcher.stop()
    assert told(other) == [([ERRORS], [])]
    other.stop()


def test_an_event_that_cannot_be_looked_at_keeps_nobody_from_the_others(watched: Watched, watcher: Watcher) -> None:
    other = Watched(watched.database)
    told(watcher)
    with watched.database.write() as connection:
        connection.execute(
            text("UPDATE alert_watches SET settings = 'x' WHERE event_id = :event_id"), {"event_id": watched.id}
        )
    watched.fail(5)
    other.fail(5)
    with capture_logs() as logs:
        assert told(watcher) == [([ERRORS], [])]
    assert [line["event"] for line in logs] == ["event_not_looked_at"]
    assert other.list_open() == [ERRORS]


def test_what_is_open_is_closed_without_a_push(watched: Watched, watcher: Watcher) -> None:
    watched.fail(5)
    at = now_us()
    told(watcher, at)
    assert told(watcher, at + 5 * HOUR) == [([], [])]
    event.archive(watched.database, watched.id)
    assert told(watcher, at + 5 * HOUR + 11 * MINUTE) == [([], [ERRORS])]


def test_who_is_silent_is_found_in_time_and_looked_for_seldom(watched: Watched, watcher: Watcher) -> None:
    now = now_us() // HOUR * HOUR
    rows = [(watched.id, hour * HOUR // SLOT_US, MAIN, "updated", 5) for hour in range(now // HOUR - 672, now // HOUR)]
    with watched.database.write() as connection:
        push_counts.add_counts(connection, rows)
    looks = [
        at
        for minutes in range(20, 200, 10)
        for at in [now + minutes * MINUTE]
        for one in told(watcher, at)
        if one[0] == [SILENT]
    ]
    # Around the clock: two hours that were usual.
    assert looks == [now + 2 * HOUR]
    watched.count(now + 4 * HOUR, "updated")
    assert told(watcher, now + 4 * HOUR + MINUTE) == [([], [SILENT])]


def test_nobody_could_be_heard_while_the_event_was_archived(watched: Watched, watcher: Watcher) -> None:
    other = Watched(watched.database)
    now = now_us() // HOUR * HOUR
    for one in (watched, other):
        with watched.database.write() as connection:
            slots = [hour * HOUR // SLOT_US for hour in range(now // HOUR - 672, now // HOUR)]
            push_counts.add_counts(connection, [(one.id, slot, MAIN, "updated", 5) for slot in slots])
    assert told(watcher, now) == [([], []), ([], [])]
    event.archive(watched.database, watched.id)
    assert told(watcher, now + 3 * HOUR) == [([SILENT], [])]
    event.archive(watched.database, watched.id, undo=True)
    assert told(watcher, now + 4 * HOUR) == [([], []), ([], [])]
    assert watched.list_open() == []
    told(watcher, now + 7 * HOUR)
    assert watched.list_open() == [SILENT]


def test_it_gives_way_to_pushes(watched: Watched) -> None:
    watched.fail(5)
    asked = []

    def is_busy() -> bool:
        asked.append(time.monotonic())
        return True

    watcher = Watcher(watched.database, Configurations(watched.database), is_busy=is_busy)
    assert len(watcher.look_now()) == 1
    assert len(asked) == 1
    watcher.stop()


def test_a_server_looks_by_itself(start_product: Callable[..., Product]) -> None:
    product = start_product()
    its = product.make_event()
    let_pushes_fail(its)
    # Its first look comes a moment after it has started.
    product.server.stop()
    product.server.start()
    until = time.monotonic() + PATIENCE_S
    while not (found := watching.count_open(its.database, [its.id])):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert found == {its.id: 1}
    figures = product.client.get(f"{product.server.url}/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).text
    assert 'turnout_alerts_open{kind="errors"} 1.0' in figures
    with product.server.database.read() as connection:
        assert leases.find_holder(connection, "alerts") is not None
    product.server.stop()
    with product.server.database.read() as connection:
        assert leases.find_holder(connection, "alerts") is None
    assert "_failed" not in product.server.log_path.read_text()
