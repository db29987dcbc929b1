"""An event whose pushes fail, and the alert that comes of it."""

import time

from sqlalchemy import text

from tests.patience import PATIENCE_S
from tests.product import TestedEvent
from turnout.alerts import moves, watching
from turnout.alerts.look import look
from turnout.changes.follow import Follower
from turnout.feed.configurations import Configurations
from turnout.model.alert import MIN_ERRORS, Alert
from turnout.now import now_us
from turnout.store import cursors
from turnout.store.database import Database


def let_pushes_fail(event: TestedEvent, times: int = MIN_ERRORS) -> None:
    """So many that somebody has to be told."""
    for number in range(times):
        event.push_failed({"profile": {"email": f"guest number {number}"}})


def look_now(event: TestedEvent) -> None:
    """As the server does once a minute. It may have come first."""
    look(event.database, Configurations(event.database), event.id, now_us())


def count_moves(event: TestedEvent) -> None:
    """Until all that there is in the log is counted, by us or by the server, whoever is at it."""
    deadline = time.monotonic() + PATIENCE_S
    while not Follower(event.database, moves.consumer).catch_up(event.id):
        with event.database.read() as connection:
            if cursors.find_behind(connection, moves.consumer.name, event.id) is None:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def open_alert(event: TestedEvent) -> Alert:
    """That of pushes that fail, which followers are told of."""
    let_pushes_fail(event)
    look_now(event)
    found, _ = watching.list_alerts(event.database, event.id, only_open=True)
    return next(one for one in found if one.kind == "errors")


def forget_waiting(database: Database) -> None:
    """What other tests have left to be sent is not: a mail server that is set up now gets what this test is about."""
    with database.write() as connection:
        connection.execute(text("UPDATE alert_messages SET state = 'given_up', next_at = NULL WHERE state = 'waiting'"))
