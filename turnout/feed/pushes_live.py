"""New lines of an event's push log, as they come, for all who watch in this process.

One task an event looks every half second while somebody watches, whoever pushes through whichever process. Lines of
pushes that are only said again are not new; their `repeats` is seen when the line is read the next time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog

from turnout.errors import StorageUnavailable
from turnout.model.push import StoredPush
from turnout.now import first_id, made_at, now_us
from turnout.store import pushes
from turnout.store.database import Database

LOOK_EVERY_S = 0.5
BEHIND_US = 5 * 1_000_000
"""An id is made when a push arrives and its line is committed later: ids so much older are looked for still."""
MAX_ROWS = 200
"""Read at one look and kept for one watcher; of the others it is only said how many there were."""
MAX_IDS = 20_000
"""Looked at in one look. What is more in five seconds is neither shown nor counted."""
_AGAIN_S = 2.0
"""Before the database is asked again that was not available."""
log = structlog.get_logger()


class NewPushes(msgspec.Struct, frozen=True):
    """What has come since the last ones."""

    pushes: list[StoredPush]
    """The latest, latest first."""
    more: int
    """How many came besides that are not among them."""


class Watch:
    """One watcher's: `async for new in watch`. It ends when the process does."""

    def __init__(self) -> None:
        self._pushes: list[StoredPush] = []
        self._more = 0
        self._is_over = False
        self._told = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[NewPushes]:
        return self

    async def __anext__(self) -> NewPushes:
        await self._told.wait()
        if self._is_over:
            raise StopAsyncIteration
        self._told.clear()
        new = NewPushes(self._pushes, self._more)
        self._pushes, self._more = [], 0
        return new

    def tell(self, new: NewPushes) -> None:
        """Keeps for him what has come; of what he is too slow for, the latest and how many."""
        together = new.pushes + self._pushes
        self._pushes = together[:MAX_ROWS]
        self._more += new.more + len(together) - len(self._pushes)
        self._told.set()

    def end(self) -> None:
        self._is_over = True
        self._told.set()


class PushesLive:
    """Those of all events that are watched in this process; in one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks: dict[str, _Look] = {}
        self._is_stopped = False

    @asynccontextmanager
    async def watching(self, event_id: str) -> AsyncGenerator[Watch]:
        """A watch for what is committed from now on: `async with pushes_live.watching(event_id) as watch`.

        Who joins others may be told of some that came up to half a second before.
        """
        watch = Watch()
        if self._is_stopped:
            watch.end()
            yield watch
            return
        look = self._looks.get(event_id)
        if look is None:
            look = self._looks[event_id] = _Look(self._database, event_id)
        look.watches.add(watch)
        try:
            await look.has_begun.wait()
            yield watch
        finally:
            look.watches.discard(watch)
            if not look.watches and self._looks.get(event_id) is look:
                del self._looks[event_id]
                look.close()

    def stop(self) -> None:
        """Ends all watching, now and from now on."""
        self._is_stopped = True
        for look in self._looks.values():
            look.has_begun.set()
            for watch in look.watches:
                watch.end()


class _Look:
    """One event's, as long as somebody watches it."""

    def __init__(self, database: Database, event_id: str) -> None:
        self.event_id = event_id
        self.watches: set[Watch] = set()
        self._database = database
        self.has_begun = asyncio.Event()
        """Set once it was looked what was there before."""
        self._newest_at = now_us()
        self._seen: set[str] | None = None
        """The ids that were there, as far back as is looked; None before the first look."""
        self._task = asyncio.ensure_future(self._run())

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            new, pause_s = None, LOOK_EVERY_S
            try:
                new = await asyncio.to_thread(self._read)
            except StorageUnavailable:
                pause_s = _AGAIN_S
            except Exception:
                # A mistake of ours must not leave everybody waiting for ever.
                log.exception("pushes_not_read", event_id=self.event_id)
                pause_s = _AGAIN_S
            # Also where the database is away: who watches then sees what comes when it is back.
            self.has_begun.set()
            if new is not None:
                for watch in self.watches:
                    watch.tell(new)
            await asyncio.sleep(pause_s)

    def _read(self) -> NewPushes | None:
        # A clock that is ahead elsewhere must not hide what comes from here.
        after = first_id("psh", min(self._newest_at, now_us()) - BEHIND_US)
        with self._database.read() as connection:
            ids = pushes.list_latest_ids(connection, self.event_id, after, MAX_IDS)
            new = [] if self._seen is None else [push_id for push_id in ids if push_id not in self._seen]
            lines = pushes.list_by_ids(connection, self.event_id, new[:MAX_ROWS]) if new else []
        self._seen = set(ids)
        if ids:
            self._newest_at = made_at(ids[0])
        return NewPushes(lines, len(new) - len(lines)) if new else None
