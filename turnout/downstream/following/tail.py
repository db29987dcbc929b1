"""The end of an event's log, as messages that all followers in this process share.

One task an event reads what is new, once, whoever follows. A follower has a position and takes from there, or reads the
database when he is behind all this: nobody waits for a slow one, and nothing is kept for him.
"""

import asyncio
from collections import Counter, deque

import structlog

from turnout import errors
from turnout.downstream.following.messages import Messages
from turnout.downstream.following.pages import Page, Pages
from turnout.downstream.following.view import View
from turnout.model.event import Configuration
from turnout.store.notices import Notices

BEAT_S = 10.0
"""Between two heartbeats; as often a revoked key is noticed at the latest."""
MAX_KEPT_BYTES = 4 * 1024 * 1024
"""Of messages, in all views, of one event; the latest batch is kept whatever its size."""
BATCH_LINES = 1_000
_AGAIN_S = 1.0
"""Before the database is asked again that was not available."""
_SHARE_S = 0.0004
"""Between two batches for each follower, so that telling them all takes a small part of the time …"""
_LONGEST_SHARE_S = 0.05
"""… but not so that lines wait longer than this for others to come along."""
_LINE_S = 0.0003
"""As well for each line that the first batch has: where lines come faster than that, batches grow from one to the next,
because to read them and to wake everybody costs nearly as much for one line as for a hundred …"""
_FULL_PAUSE_S = 0.08
"""… up to this, with which 7,000 lines a second still have room in what a connection is handed at once."""
log = structlog.get_logger()


class Batch:
    """Some lines that came together, as they are seen in each view that somebody has."""

    __slots__ = ("after", "last", "messages", "size_bytes", "tells_erased")

    def __init__(self, page: Page, views: list[View], after: int) -> None:
        self.after = after
        self.last = page.lines[-1].change.sequence
        self.messages = {view: Messages(page, view, after) for view in views}
        self.size_bytes = sum(len(messages.content) for messages in self.messages.values())
        self.tells_erased = any(line.change.kind == "erased" for line in page.lines)


class Tail:
    """One event's, as long as somebody follows it."""

    def __init__(self, event_id: str, pages: Pages, notices: Notices) -> None:
        self.event_id = event_id
        self.last = -1
        """The last line that was read; -1 before the first look."""
        self.configuration: Configuration | None = None
        """As it was at the last look."""
        self.beats = 0
        self.views: Counter[View] = Counter()
        """How many follow with each."""
        self.waiters = 0
        self._pages = pages
        self._notices = notices
        self._batches: deque[Batch] = deque()
        self._size_bytes = 0
        self._pulse = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())

    def find(self, position: int, view: View) -> Messages | None:
        """The messages among which are those behind this line; None where the database has to be asked."""
        for batch in reversed(self._batches):
            if batch.after <= position < batch.last:
                return batch.messages.get(view)
        return None

    async def wait(self) -> None:
        """Until there is something new, or a beat."""
        await self._pulse.wait()

    def pulse(self) -> None:
        """Wakes all who wait."""
        self._pulse.set()
        self._pulse.clear()

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        with self._notices.watching_in_loop(self.event_id) as watch:
            beat_at = loop.time() + BEAT_S
            while True:
                before = self.last
                more = await self._read()
                told = self.last - before if before >= 0 else 0
                told_at = loop.time()
                if told_at >= beat_at:
                    beat_at = told_at + BEAT_S
                    self.beats += 1
                    self.pulse()
                if not more:
                    await watch.wait(max(self.last, 0), max(0.0, beat_at - loop.time()))
                    pause_s = find_pause(told, self.waiters) - (loop.time() - told_at)
                    if pause_s > 0:
                        await asyncio.sleep(pause_s)

    async def _read(self) -> bool:
        """Whether there is more to be read at once."""
        try:
            page, batch = await asyncio.to_thread(self._make_batch, self.last, list(self.views))
        except errors.StorageUnavailable:
            await asyncio.sleep(_AGAIN_S)
            return True
        except Exception:
            # A mistake of ours must not leave everybody waiting for ever.
            log.exception("lines_not_read", event_id=self.event_id, after=self.last)
            await asyncio.sleep(_AGAIN_S)
            return True
        self.configuration = page.configuration
        if self.last < 0:
            self.last = page.head
            self.pulse()
        elif batch is not None:
            if batch.tells_erased:
                # What was kept may still hold his values.
                self._batches.clear()
                self._size_bytes = 0
            self._keep(batch)
            self.last = batch.last
            self.pulse()
        return self.last < page.head

    def _make_batch(self, after: int, views: list[View]) -> tuple[Page, Batch | None]:
        if after < 0:
            return self._pages.read_page(self.event_id, _NOWHERE, 1, with_states=False), None
        with_states = any(view.needs_states for view in views)
        page = self._pages.read_page(self.event_id, after, BATCH_LINES, with_states=with_states)
        return page, Batch(page, views, after) if page.lines else None

    def _keep(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._size_bytes += batch.size_bytes
        while self._size_bytes > MAX_KEPT_BYTES and len(self._batches) > 1:
            self._size_bytes -= self._batches.popleft().size_bytes


def find_pause(lines: int, waiters: int) -> float:
    """How many seconds after a batch of so many lines, told to so many, the next one may come."""
    return max(min(_LONGEST_SHARE_S, _SHARE_S * waiters), min(_FULL_PAUSE_S, _LINE_S * lines))


_NOWHERE = 1 << 62
"""Behind any line: only how long the log is, and the set-up, are wanted."""


class Tails:
    """Those of all events that are followed in this process."""

    def __init__(self, pages: Pages, notices: Notices) -> None:
        self._pages = pages
        self._notices = notices
        self._by_event: dict[str, Tail] = {}
        self.is_stopping = False

    def join(self, event_id: str, view: View | None) -> Tail:
        """The event's tail, for somebody who follows with this view, or only wants to know when there is more."""
        tail = self._by_event.get(event_id)
        if tail is None:
            tail = self._by_event[event_id] = Tail(event_id, self._pages, self._notices)
        tail.waiters += 1
        if view is not None:
            tail.views[view] += 1
        return tail

    def leave(self, tail: Tail, view: View | None) -> None:
        """To be called once for each `join`."""
        tail.waiters -= 1
        if view is not None:
            tail.views[view] -= 1
            if not tail.views[view]:
                del tail.views[view]
        if not tail.waiters:
            del self._by_event[tail.event_id]
            tail.close()

    def stop(self) -> None:
        """Ends all following, now and from now on."""
        self.is_stopping = True
        for tail in self._by_event.values():
            tail.pulse()
