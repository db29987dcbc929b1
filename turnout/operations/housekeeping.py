"""What has to be done now and then while the server runs, in small steps that hold nobody up."""

import asyncio
import threading

import structlog

from turnout.changes.turn import Turn
from turnout.errors import StorageUnavailable
from turnout.feed.commit import ANSWERS_KEPT_US
from turnout.feed.refusals import Refusals
from turnout.now import now_us
from turnout.operations.retention import Retention
from turnout.store import commits, probe, pushes
from turnout.store import refusals as stored_refusals
from turnout.store.database import Database
from turnout.store.leases import LeaseLost

EVERY_S = 10.0
TIDIED_EVERY_S = 3_600.0
_STEP_ROWS = 500
_REST_S = 0.1
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
    """Once an hour: what processes that are gone have left, and refusals beyond those that are kept."""
    if turn.is_due("tidy", TIDIED_EVERY_S) and turn.take():
        before = now_us() - ANSWERS_KEPT_US
        with turn.recording() as connection:
            commits.forget(connection, before)
            probe.forget_probes(connection, before)
            stored_refusals.trim(connection)


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
