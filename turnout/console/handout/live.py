"""The hand-out's own pushes as they come, as long as its link is good."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from turnout import errors
from turnout.console.connect import tools
from turnout.console.handout import own
from turnout.console.handout.given import Given, find
from turnout.console.handout.written import write
from turnout.console.page import Live, Message, Visit
from turnout.events import handouts
from turnout.feed.pushes_live import NewPushes, Watch

LOOK_EVERY_S = 5.0
"""Between two looks whether the link is good still, the source live, and something was only said again."""
BREATH_S = 1.0
"""After a batch that fills the page: nobody reads faster."""
MAX_WINDOWS = 20
"""That follow one hand-out in one process; a link that went round keeps nobody busy."""
_windows: Counter[str] = Counter()


async def watch(visit: Visit) -> Live:
    """Raises BadLink, and TooManyConnections where too many windows follow already."""
    given = await asyncio.to_thread(find, visit)
    if _windows[given.handout.id] >= MAX_WINDOWS:
        raise errors.TooManyConnections("Too many windows show this page. Close some of them.")
    return Live(_follow(visit, given))


async def _follow(visit: Visit, given: Given) -> AsyncIterator[Message]:
    """All that there is when somebody begins to watch, then what comes; at the end that it is over."""
    _windows[given.handout.id] += 1
    try:
        # A database that is away ends it, and the browser comes again.
        with suppress(errors.StorageUnavailable):
            async with visit.product.pushes_live.watching(given.event.id) as watched:
                stream = _Stream(visit, given)
                yield Message(await asyncio.to_thread(stream.begin))
                while (new := await _next(watched, stream.next_look_s)) is not _OVER:
                    html = await asyncio.to_thread(stream.go_on, new)
                    if html:
                        yield Message(html)
                    if stream.is_over:
                        return
                    if new is not None and len(new.pushes) >= own.ROWS:
                        await asyncio.sleep(BREATH_S)
    finally:
        _windows[given.handout.id] -= 1
        if not _windows[given.handout.id]:
            del _windows[given.handout.id]


_OVER = NewPushes([], -1)


async def _next(watched: Watch, within_s: float) -> NewPushes | None:
    """What came; None where nothing did for so long, _OVER at the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            return await anext(watched, _OVER)
    return None


class _Stream:
    """What one window shows."""

    def __init__(self, visit: Visit, given: Given) -> None:
        self._visit, self._given = visit, given
        self._looked_at = time.monotonic()
        self._key_told = visit.query.get("key", given.key_as_shown)
        """Which key the window tells of."""
        self._seen: list[tuple[str, int]] = []
        """The pushes that the window has, and how often each was said again."""
        self.is_over = False
        """Whether the link is good no more, and the window says so."""

    @property
    def next_look_s(self) -> float:
        return max(0.05, self._looked_at + LOOK_EVERY_S - time.monotonic())

    def begin(self) -> str:
        return self._show(own.list_latest(self._visit.database, self._given.handout))

    def go_on(self, new: NewPushes | None) -> str:
        """What is to change, empty where nothing is."""
        is_due = time.monotonic() >= self._looked_at + LOOK_EVERY_S
        concerns = new is not None and (new.more or own.describe(new.pushes, self._given.handout))
        if not is_due and not concerns:
            return ""
        # Before anything is shown: a link that was taken back a moment ago shows nothing new.
        given = _look_again(self._visit, self._given)
        self._looked_at = time.monotonic()
        if given is None:
            self.is_over = True
            return self._visit.render_text("_over.html", given=self._given)
        was, self._given = self._given, given
        rows = own.list_latest(self._visit.database, given.handout)
        is_other = (given.rehearses, given.key_end) != (was.rehearses, was.key_end)
        is_other = is_other or given.key_as_shown != self._key_told
        return self._show(rows) if is_other or _name(rows) != self._seen else ""

    def _show(self, rows: list[own.Row]) -> str:
        self._seen = _name(rows)
        visit, given = self._visit, self._given
        was_told, self._key_told = self._key_told, given.key_as_shown
        shown = {}
        # A key stands in one window alone: nothing is written over it while it is good.
        if was_told != self._key_told:
            shown = {"key": None, "shown": write(visit, given), "tools": tools.list_tools()}
        return visit.render_text("_came.html", given=given, rows=rows, has_other_key=bool(shown), **shown)


def _name(rows: list[own.Row]) -> list[tuple[str, int]]:
    return [(row.push.id, row.push.repeats) for row in rows]


def _look_again(visit: Visit, given: Given) -> Given | None:
    """As it is now; None where the link is good no more."""
    configuration = visit.product.feed.configurations.load(slug=given.event.slug)
    if configuration is None:
        return None
    handout = handouts.look_again(visit.database, given.handout, configuration)
    return None if handout is None else Given(handout, configuration, given.way, given.gateway)
