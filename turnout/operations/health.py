"""Whether the product can commit what is pushed, which is what `GET /health` answers."""

import time

import msgspec

from turnout.errors import StorageUnavailable
from turnout.feed.group_commit import GroupCommit
from turnout.now import now_us
from turnout.operations.in_time import InTime
from turnout.store import probe
from turnout.store.database import Database

KEPT_S = 1.0
"""How long an answer stands, so that probes cost no commits."""


COMMITS_WITHIN_S = 2.0
"""So long a commit of our own may take before it counts for one that does not succeed."""


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
        self._commit = InTime(self._try, COMMITS_WITHIN_S)

    async def check(self) -> str | None:
        """None when a commit succeeded within the last second, else why it did not; said within `COMMITS_WITHIN_S`."""
        seen = self._group_commit.statistics
        if seen.last_failed_at > seen.last_good_at and time.monotonic() - seen.last_failed_at < FAILURE_KEPT_S:
            # A commit of our own is small, and may find the room on a full disk that pushes do not.
            return seen.last_failure
        # What was seen before a failure says nothing.
        since = max(time.monotonic() - KEPT_S, seen.last_failed_at)
        if seen.last_good_at > since:
            return None
        if self._state.at > since:
            return self._state.reason
        try:
            return await self._commit.wait()
        except TimeoutError:
            return f"A commit has not ended within {COMMITS_WITHIN_S:g} seconds: the database is hanging, or very slow."

    def _try(self) -> str | None:
        reason = None
        try:
            with self._database.write() as connection:
                probe.commit_as_a_push(connection, now_us())
        except StorageUnavailable as error:
            reason = error.detail
        self._state = State(reason, time.monotonic())
        return reason
