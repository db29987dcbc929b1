"""Whether the replica is there to be asked."""

import logging
import threading
import time

from turnout.store.database import Unreachable

REPLICA_LEFT_ALONE_S = 30.0
"""How long one that was away is not asked again."""
log = logging.getLogger("turnout.store.replica")


class ReplicaAway(Unreachable):
    """It is the replica, and that was said."""


class ReplicaState:
    """Whether the replica is asked: one that was away is left alone for a while, or every list would wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_again_at = float("-inf")
        self.why = ""
        """Why it is away; empty where it is not."""

    def is_to_be_asked(self) -> bool:
        with self._lock:
            if not self.why:
                return True
            now = time.monotonic()
            if now < self._ask_again_at:
                return False
            # By this reader alone: the others would all wait with it.
            self._ask_again_at = now + REPLICA_LEFT_ALONE_S
            return True

    def note_away(self, why: str) -> None:
        with self._lock:
            is_new = not self.why
            self.why = why
            self._ask_again_at = time.monotonic() + REPLICA_LEFT_ALONE_S
        if is_new:
            log.warning("the replica is away, so lists are read from the primary: %s", why)

    def note_back(self) -> None:
        with self._lock:
            was_away, self.why = bool(self.why), ""
        if was_away:
            log.info("the replica is back")
