"""Whether the product can commit, which is what `GET /health` answers."""

import asyncio
import time

import msgspec

from turnout.errors import StorageUnavailable
from turnout.feed.group_commit import GroupCommit
from turnout.now import now_us
from turnout.store import probe
from turnout.store.database import Database

KEPT_S = 1.0
"""How long an answer stands, so that probes cost no commits."""


FAILURE_KEPT_S = 3.0
"""How long a failed commit of pushes counts for more than a commit of our own that succeeds."""


class State(msgspec.Struct, frozen=True):
    """What was seen, and when by the monotonic clock. `reason` is None when all is well."""

    reason: str | None
    at: float


class Health:
    """The last thing seen: a commit of pushes, or else one of our own."""

    def __init__(self, database: Database, group_commit: GroupCommit) -> None:
        self._database = database
        self._group_commit = group_commit
        self._state = State("Starting.", float("-inf"))
        self._one_at_a_time = asyncio.Lock()

    async def check(self) -> str | None:
        """None when a commit succeeded within the last second, else why it did not."""
        seen = self._group_commit.statistics
        if seen.last_failed_at > seen.last_good_at and time.monotonic() - seen.last_failed_at < FAILURE_KEPT_S:
            # A commit of our own is small, and may find the room on a full disk that pushes do not.
            return seen.last_failure
        # What was seen before a failure says nothing.
        since = max(time.monotonic() - KEPT_S, seen.last_failed_at)
        if seen.last_good_at > since:
            return None
        async with self._one_at_a_time:
            if self._state.at <= since:
                reason = await asyncio.to_thread(self._commit)
                self._state = State(reason, time.monotonic())
            return self._state.reason

    def _commit(self) -> str | None:
        try:
            with self._database.write() as connection:
                probe.commit_probe(connection, now_us())
        except StorageUnavailable as error:
            return error.detail
        return None
