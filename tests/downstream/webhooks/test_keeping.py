"""How long deliveries are kept: 30 days behind their end, and not when everyone of the event is erased (F1, F3)."""

import json
import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from tests.databases import as_file, find_rows
from tests.downstream.webhooks.hooked import Hooked, hook_up, person
from tests.turns import make_turn
from turnout.downstream.webhooks.queue import MAX_READY, Queue, write
from turnout.downstream.webhooks.send import Sender
from turnout.events import event
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Item
from turnout.model.event import DAY_US, Configuration
from turnout.model.webhook import is_stuck
from turnout.now import new_id, now_us
from turnout.operations.retention import KEEP_DELIVERIES_US, Retention
from turnout.store import deliveries, webhooks
from turnout.store.database import Database
from turnout.store.statements import is_postgresql

NOWHERE = "http://127.0.0.1:1/hook"


def hand_in_all(database: Database, bodies: Sequence[Any]) -> None:
    def read(configuration: Configuration) -> list[Item]:
        sender = as_sender(configuration, 1, "test")
        return [read_item(new_id("psh"), decode(json.dumps(body).encode(), None), sender) for body in bodies]

    hand_in(database, Configurations(database), "spring", read)


def go_round(database: Database, queue: Queue, hooked: Hooked) -> None:
    with database.read() as connection:
        steps = queue.read(connection, [hooked.webhook], now_us())
    with database.write() as connection:
        write(connection, steps, deliveries.lock_cursors(connection, [step.place for step in steps]), now_us())


def make_queue(database: Database, number: int) -> tuple[str, str]:
    """An event and a webhook with so many deliveries, of which nobody has sent any."""
    spring, _ = event.create(database, "Spring", "spring")
    hooked = hook_up(database, spring.id, NOWHERE)
    hand_in_all(database, [person(f"zqzq{one}@example.org", biography="zqzq " * 20 * one) for one in range(number)])
    go_round(database, Queue(database), hooked)
    assert len(hooked.deliveries()) == number
    return spring.id, hooked.id


def keep(database: Database) -> None:
    """Housekeeping until there is nothing to do."""
    retention = Retention(database, threading.Event(), make_turn(database))
    while retention.work(60):
        pass


def finish(database: Database, sequences: str, at: int) -> None:
    with database.write() as connection:
        connection.execute(
            text(
                "UPDATE deliveries SET state = 'delivered', next_at = NULL, finished_at = :at, created_at = :at"
                f" WHERE sequence {sequences}"
            ),
            {"at": at},
        )


def find_kept(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT sequence FROM deliveries ORDER BY sequence")).scalars())


def test_deliveries_go_30_days_after_their_end_in_steps_and_leave_no_byte(database: Database) -> None:
    """ "Delivery log with request, answer, time taken, 30 days"."""
    assert KEEP_DELIVERIES_US == 30 * DAY_US
    make_queue(database, 120)
    old = now_us() - KEEP_DELIVERIES_US
    finish(database, "<= 110", old - 1_000_000)
    finish(database, "BETWEEN 111 AND 115", old + 60_000_000)
    with database.write() as connection:
        # Of a webhook that was paused for long.
        connection.execute(text("UPDATE deliveries SET created_at = 1 WHERE sequence > 115"))
    keep(database)
    assert find_kept(database) == list(range(111, 121))
    if not _is_in_postgresql(database):
        gone = b'"email":"zqzq50@example.org","status"'
        assert gone not in as_file(database).path.read_bytes()
        assert gone.replace(b"50", b"112") in as_file(database).path.read_bytes()


def _is_in_postgresql(database: Database) -> bool:
    with database.read() as connection:
        return is_postgresql(connection)


def test_when_an_events_time_is_over_its_deliveries_say_nothing_more(database: Database) -> None:
    event_id, _ = make_queue(database, 60)
    finish(database, "<= 20", now_us())
    event.set_up(database, event_id, {"ends_at": "2025-03-01", "purge_after": "90d"})
    keep(database)
    assert find_rows(database, b"zqzq") == []
    with database.read() as connection:
        states = connection.execute(
            text("SELECT state, count(*) FROM deliveries WHERE finished_at IS NOT NULL GROUP BY state ORDER BY state")
        ).all()
    assert [tuple(row) for row in states] == [("delivered", 20), ("given_up", 40)]


def test_what_only_waits_for_its_turn_is_left_in_the_log_and_no_failure(database: Database) -> None:
    """Many changes of one attendee go one by one, however quickly the log is read."""
    spring, _ = event.create(database, "Spring", "spring")
    hooked = hook_up(database, spring.id, NOWHERE)
    hand_in_all(database, [person("ann@example.org", title=str(number)) for number in range(2 * MAX_READY)])
    queue = Queue(database)
    for _ in range(5):
        go_round(database, queue, hooked)
    with database.read() as connection:
        there = deliveries.count_open(connection, hooked.id, spring.id)
    assert (there.ready, there.parked) == (1, 0)
    assert 0 < there.waiting < MAX_READY
    assert not is_stuck(0, 1_000_000)


def test_a_webhook_whose_secret_cannot_be_opened_is_switched_off(database: Database) -> None:
    _, webhook_id = make_queue(database, 1)
    with database.write() as connection:
        connection.execute(text("UPDATE webhooks SET secret = :other"), {"other": b"x" * 60})
    sender = Sender(database)
    with database.read() as connection:
        active = webhooks.list_webhooks(connection, state="active")
    assert sender._open_secrets(active, now_us(), has_begun=False) == {}
    with database.read() as connection:
        webhook = webhooks.find_webhook(connection, webhook_id)
    assert webhook is not None
    assert (webhook.state, webhook.reason) == ("off", "Its secret cannot be opened with the secret key that is there.")
