"""What has to be done now and then while the server runs, in small steps that hold nobody up."""

import asyncio
import threading
from collections.abc import Callable

import structlog

from turnout.changes.turn import Turn
from turnout.errors import StorageUnavailable
from turnout.feed.commit import ANSWERS_KEPT_US
from turnout.feed.refusals import Refusals
from turnout.model.alert import ALERTS_KEPT_US, MESSAGES_KEPT_US, MOVES_KEPT_HOURS
from turnout.model.user import FAILURES_KEPT_US, SESSION_IDLE_US, TOKENS_KEPT_US
from turnout.now import now_us
from turnout.operations.retention import Retention
from turnout.store import (
    alert_messages,
    alert_moves,
    alerts,
    commits,
    links,
    probe,
    push_counts,
    pushes,
    sessions,
    sign_in_failures,
    user_tokens,
)
from turnout.store import refusals as stored_refusals
from turnout.store.alert_moves import HOUR_US
from turnout.store.database import Database
from turnout.store.leases import LeaseLost
from turnout.store.push_counts import KEPT_SLOTS, SLOT_US
from turnout.store.statements import Connection

EVERY_S = 10.0
TIDIED_EVERY_S = 3_600.0
_STEP_ROWS = 500
_REST_S = 0.1
_COUNTED_EVENTS = 100
"""Whose counts are looked through in an hour; the others have their turn in the next."""
log = structlog.get_logger()


async def keep_house(database: Database, refusals: Refusals) -> None:
    """Runs until cancelled; the step under way is done then."""
    stopping = threading.Event()
    turn = Turn(database, "housekeeping")
    retention = Retention(database, stopping, turn)
    has_more = False
    while True:
        await asyncio.sleep(0 if has_more else EVERY_S)
        work = asyncio.ensure_future(asyncio.to_thread(_keep, database, refusals, retention, turn, stopping))
        try:
            has_more = await asyncio.shield(work)
        except asyncio.CancelledError:
            stopping.set()
            # The database is closed behind us.
            await asyncio.wait([work])
            await asyncio.to_thread(turn.give_back)
            raise


def _keep(database: Database, refusals: Refusals, retention: Retention, turn: Turn, stopping: threading.Event) -> bool:
    """Gives whether there is more to do at once."""
    try:
        database.agree_on_time()
        # What this process has counted it writes itself; the rest is done by one of all.
        refusals.write()
        _tidy(turn)
        while _forget_answers(database, turn) == _STEP_ROWS and not stopping.is_set():
            # Pushes first.
            stopping.wait(_REST_S)
        _forget_counts(database, turn, stopping)
        _forget_alerts(turn, stopping)
        return retention.work(EVERY_S)
    except LeaseLost:
        log.info("housekeeping_left_to_another")
    except StorageUnavailable as error:
        log.warning("housekeeping_put_off", reason=error.detail)
    except Exception:
        # Whatever it is, the rest of the house is kept next time.
        log.exception("housekeeping_failed")
    return False


def _tidy(turn: Turn) -> None:
    """Once an hour: what processes that are gone have left, refusals beyond those that are kept, and what is over."""
    if turn.is_due("tidy", TIDIED_EVERY_S) and turn.take():
        at = now_us()
        before = at - ANSWERS_KEPT_US
        with turn.recording() as connection:
            commits.forget(connection, before)
            probe.forget_probes(connection, before)
            stored_refusals.trim(connection)
            sign_in_failures.forget(connection, at - FAILURES_KEPT_US)
            sessions.forget(connection, at, at - SESSION_IDLE_US)
            links.forget(connection, at)
            user_tokens.forget(connection, at - TOKENS_KEPT_US)


def _forget_answers(database: Database, turn: Turn) -> int:
    """Removes some answers to repeated requests that are over their time (D6). Writes nothing when there are none."""
    before = now_us() - ANSWERS_KEPT_US
    with database.read() as connection:
        if not pushes.has_answers_before(connection, before):
            return 0
    if not turn.take():
        return 0
    with turn.recording() as connection:
        return pushes.forget_answers(connection, before, _STEP_ROWS)


def _forget_counts(database: Database, turn: Turn, stopping: threading.Event) -> None:
    """Once an hour removes counts of pushes that nobody looks at any more, event by event in small steps."""
    if not turn.is_due("counts", TIDIED_EVERY_S):
        return
    before = now_us() // SLOT_US - KEPT_SLOTS
    with database.read() as connection:
        event_ids = push_counts.list_events_before(connection, before, _COUNTED_EVENTS)
    if not event_ids or not turn.take():
        return
    for event_id in event_ids:
        removed = _STEP_ROWS
        while removed == _STEP_ROWS and not stopping.is_set():
            with turn.recording() as connection:
                removed = push_counts.forget_counts(connection, event_id, before, _STEP_ROWS)
            # Pushes first.
            stopping.wait(_REST_S)


def _forget_alerts(turn: Turn, stopping: threading.Event) -> None:
    """Once an hour removes what was told of alerts so long ago that nobody asks any more, in small steps."""
    if not turn.is_due("alerts", TIDIED_EVERY_S) or not turn.take():
        return
    at = now_us()
    forgotten: list[Callable[[Connection], int]] = [
        lambda connection: alert_messages.forget(connection, at - MESSAGES_KEPT_US, _STEP_ROWS),
        lambda connection: alerts.forget_closed(connection, at - ALERTS_KEPT_US, _STEP_ROWS),
        lambda connection: alerts.hide_news(connection, at - ALERTS_KEPT_US),
        lambda connection: alert_moves.forget_moves(connection, at // HOUR_US - MOVES_KEPT_HOURS, _STEP_ROWS),
    ]
    for forget in forgotten:
        removed = _STEP_ROWS
        while removed == _STEP_ROWS and not stopping.is_set():
            with turn.recording() as connection:
                removed = forget(connection)
            # Pushes first.
            stopping.wait(_REST_S)
