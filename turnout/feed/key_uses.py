"""When read keys were last used, and from where. (Of push keys the commit of what they push writes it.)"""

import asyncio
import time
from collections import OrderedDict

from turnout.errors import StorageUnavailable
from turnout.feed.authenticate import Caller
from turnout.now import now_us
from turnout.store import events
from turnout.store.database import Database

EVERY_S = 60.0
"""Written at most so often, of each key."""
MAX_KEYS = 10_000
"""Remembered in this process; the longest quiet go first."""


class KeyUses:
    """What this process has written of it. For one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: OrderedDict[str, float] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, caller: Caller, address: str) -> None:
        """Writes it behind the answer: whoever reads waits for no commit, and reads on where nothing can be written."""
        now = time.monotonic()
        key = caller.key
        if now - self._written.get(key.id, float("-inf")) < EVERY_S:
            return
        self._written[key.id] = now
        self._written.move_to_end(key.id)
        if len(self._written) > MAX_KEYS:
            self._written.popitem(last=False)
        task = asyncio.create_task(asyncio.to_thread(self._write, caller.configuration.event.id, key.id, address))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def stop(self) -> None:
        """What is being written is."""
        if self._writing:
            await asyncio.wait(self._writing)

    def _write(self, event_id: str, key_id: str, address: str) -> None:
        at = now_us()
        try:
            with self._database.write() as connection:
                # Another process may have written it.
                events.touch_key(connection, event_id, key_id, at, address, not_since=at - round(EVERY_S * 1e6))
        except StorageUnavailable:
            # Not worth a line in the log: it is written in a minute.
            return
