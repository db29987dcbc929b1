"""What has to be done now and then while the server runs, in small steps that hold nobody up."""

import asyncio
import time

import structlog

from turnout.errors import StorageUnavailable
from turnout.feed.commit import ANSWERS_KEPT_US
from turnout.feed.refusals import Refusals
from turnout.now import now_us
from turnout.store import pushes
from turnout.store.connect import Database

EVERY_S = 10.0
_STEP_ROWS = 500
_REST_S = 0.1
log = structlog.get_logger()


async def keep_house(database: Database, refusals: Refusals) -> None:
    """Runs until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await asyncio.to_thread(_keep, database, refusals)
        except StorageUnavailable as error:
            log.warning("housekeeping_put_off", reason=error.detail)


def _keep(database: Database, refusals: Refusals) -> None:
    refusals.write()
    while _forget_answers(database) == _STEP_ROWS:
        # Pushes first.
        time.sleep(_REST_S)


def _forget_answers(database: Database) -> int:
    """Removes some answers to repeated requests that are over their time (D6). Writes nothing when there are none."""
    before = now_us() - ANSWERS_KEPT_US
    with database.read() as connection:
        if not pushes.has_answers_before(connection, before):
            return 0
    with database.write() as connection:
        return pushes.forget_answers(connection, before, _STEP_ROWS)
