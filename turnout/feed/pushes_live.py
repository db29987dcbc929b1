"""New lines of an event's push log, as they come, for all who watch in this process.

One task an event looks every half second while somebody watches, whoever pushes through whichever process; less often
where more comes than anybody reads, and while pushes wait to be stored. Lines of pushes that are only said again are
not new; their `repeats` is seen when the line is read the next time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import structlog

from turnout.errors import StorageUnavailable
from turnout.model.push import StoredPush
from turnout.now import first_id, made_at, now_us
from turnout.store import pushes
from turnout.store.database import Database

LOOK_EVERY_S = 0.5
MANY = 50
"""As many at one look fill a page …"""
MANY_EVERY_S = 1.0
"""… and nobody reads faster."""
WAITING = 16
"""While so many pushes wait to be stored …"""
WAITING_EVERY_S = 2.0
"""… they come first."""
BEHIND_US = 5 * 1_000_000
"""An id is made when a push arrives and its line is committed later: ids so much older are looked for still."""
MAX_ROWS = 200
"""Read at one look and kept for one watcher; of the others it is only said how many there were."""
MAX_IDS = 1_000
"""Looked at one by one in one look, the latest; those before them are only counted, and none that come later."""
_AGAIN_S = 2.0
"""Before the database is asked again that was not available."""
log = structlog.get_logger()


Made = TypeVar("Made")


class Shared:
    """What is made of one thing, once for all who want the same of it."""

    def __init__(self) -> None:
        self._made: dict[Hashable, asyncio.Future[Any]] = {}

    async def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, which runs in a thread for the first who asks with this key; all others get the same."""
        making = self._made.get(key)
        if making is None:
            making = self._made[key] = asyncio.ensure_future(asyncio.to_thread(make))
            making.add_done_callback(_hear_error)
        # Whoever leaves does not take it away from the others.
        return await asyncio.shield(making)


def _hear_error(made: "asyncio.Future[Any]") -> None:
    """Also where all have left who could have been told of it."""
    if not made.cancelled():
        made.exception()


class NewPushes(msgspec.Struct, frozen=True, eq=False):
    """What has come since the last ones; the same one for all who watch, but for those who are slow."""

    pushes: list[StoredPush]
    """The latest, latest first."""
    more: int
    """How many came besides that are not among them."""
    shared: Shared = msgspec.field(default_factory=Shared)


class Watch:
    """One watcher's: `async for new in watch`. It ends when the process does."""

    def __init__(self) -> None:
        self._new: NewPushes | None = None
        """What he has not asked for yet."""
        self._is_over = False
        self._told = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[NewPushes]:
        return self

    async def __anext__(self) -> NewPushes:
        await self._told.wait()
        new, self._new = self._new, None
        if self._is_over or new is None:
            raise StopAsyncIteration
        self._told.clear()
        return new

    def tell(self, new: NewPushes) -> None:
        """Keeps for him what has come; of what he is too slow for, the latest and how many."""
        before, self._new = self._new, new
        if before is not None:
            together = new.pushes + before.pushes
            more = new.more + before.more + max(0, len(together) - MAX_ROWS)
            self._new = NewPushes(together[:MAX_ROWS], more)
        self._told.set()

    def end(self) -> None:
        self._is_over = True
        self._told.set()


class PushesLive:
    """Those of all events that are watched in this process; in one event loop."""

    def __init__(self, database: Database, waiting: Callable[[], int] = lambda: 0) -> None:
        """`waiting` says how many pushes wait to be stored."""
        self._database = database
        self._waiting = waiting
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
            look = self._looks[event_id] = _Look(self._database, event_id, self._waiting)
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

    def __init__(self, database: Database, event_id: str, waiting: Callable[[], int]) -> None:
        self.event_id = event_id
        self.watches: set[Watch] = set()
        self._database = database
        self._waiting = waiting
        self.has_begun = asyncio.Event()
        """Set once it was looked what was there before."""
        self._newest = first_id("psh", now_us())
        self._from = ""
        """What is before this id was looked at already."""
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
                pause_s = self._rest_s(new)
            await asyncio.sleep(pause_s)

    def _rest_s(self, new: NewPushes) -> float:
        if len(new.pushes) < MANY:
            return LOOK_EVERY_S
        return WAITING_EVERY_S if self._waiting() >= WAITING else MANY_EVERY_S

    def _read(self) -> NewPushes | None:
        # A clock that is ahead elsewhere must not hide what comes from here.
        newest = min(self._newest, first_id("psh", now_us()))
        with self._database.read() as connection:
            after = first_id("psh", made_at(newest) - BEHIND_US)
            if after < self._from < newest:
                after = self._from
            ids = pushes.list_latest_ids(connection, self.event_id, after, MAX_IDS)
            new = [] if self._seen is None else [push_id for push_id in ids if push_id not in self._seen]
            lines = pushes.list_by_ids(connection, self.event_id, new[:MAX_ROWS]) if new else []
            more = len(new) - len(lines)
            if len(new) == MAX_IDS:
                more += pushes.count_between(connection, self.event_id, newest, ids[-1])
        self._seen = set(ids)
        if ids:
            # Never back: what was before the first look would be new at the second.
            self._newest = max(self._newest, ids[0])
        if len(ids) == MAX_IDS:
            self._from = ids[-1]
        return NewPushes(lines, more) if new else None
