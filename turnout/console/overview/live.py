"""The overview as pushes come: what all of its windows show alike is looked up and rendered once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from turnout import errors
from turnout.console.overview import look
from turnout.console.overview.gathered import draw, find_configuration, gather, has_alerts, list_rows
from turnout.console.overview.pace import FINDINGS_EVERY_S, SIGNS_EVERY_S, Look, News, Pace
from turnout.console.page import Live, Message, Visit
from turnout.events import signs
from turnout.events.activity import Period
from turnout.feed.pushes_live import NewPushes, Watch
from turnout.model.push import StoredPush


async def watch(visit: Visit) -> Live:
    return Live(_follow(visit))


async def _follow(visit: Visit) -> AsyncIterator[Message]:
    """The page's changing part as it is when somebody begins to watch, then what comes."""
    period = look.read_period(visit.query.get("period"))
    # A database that is away ends it, and the browser comes again.
    with suppress(errors.StorageUnavailable):
        async with visit.product.pushes_live.watching(visit.event.id) as watched:
            window = _Window(visit, period)
            yield Message(await asyncio.to_thread(window.begin))
            while (new := await _next(watched, window.next_look_s)) is not _OVER:
                async for message in window.go_on(new):
                    yield message


_OVER = NewPushes([], -1)


async def _next(watched: Watch, within_s: float) -> NewPushes | None:
    """What came; None where nothing did for so long, _OVER at the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            return await anext(watched, _OVER)
    return None


_paces: WeakValueDictionary[tuple[str, Period], Pace] = WeakValueDictionary()
"""Of those events that somebody looks at."""
_news: WeakValueDictionary[str, News] = WeakValueDictionary()
_looked = signs.Looked()


class _Window:
    """What one window has."""

    def __init__(self, visit: Visit, period: Period) -> None:
        self._visit = visit
        self._anybody = visit.of_its_kind()
        self._period = period
        news = _news.setdefault(visit.event.id, News())
        self._pace = _paces.setdefault((visit.event.id, period), Pace(news))
        self._has_pushes = False
        self._told: set[str] = set()
        """Ids that it had at the beginning: they may come again."""
        self._look = self._pace.latest

    @property
    def next_look_s(self) -> float:
        """How long it may wait for pushes."""
        return max(0.05, self._pace.next_at - time.monotonic())

    def begin(self) -> str:
        """All of it."""
        visit = self._visit
        self._look = self._pace.latest
        latest = look.list_latest(visit.database, visit.event.id)
        self._told = {push.id for push in latest}
        self._has_pushes = bool(latest)
        self._pace.has_pushes |= self._has_pushes
        configuration = find_configuration(visit)
        self._pace.news.know(configuration)
        shown = gather(visit, configuration, self._period, latest)
        return visit.render_text("_begin.html", period=self._period, **shown)

    async def go_on(self, new: NewPushes | None) -> AsyncIterator[Message]:
        """What is to change."""
        if new is not None and not self._has_pushes:
            yield Message(await asyncio.to_thread(self.begin))
            return
        kind = self._visit.kind
        if new is not None:
            self._pace.hear()
            fresh = [push for push in new.pushes if push.id not in self._told]
            if len(fresh) == len(new.pushes):
                yield await new.shared.once(("overview", kind), lambda: self._render_rows(fresh))
            elif fresh:
                yield await asyncio.to_thread(self._render_rows, fresh)
        now = self._pace.look()
        if now is not self._look:
            self._look = now
            yield await now.once(kind, lambda: self._render_numbers(now))

    def _render_rows(self, fresh: list[StoredPush]) -> Message:
        configuration = find_configuration(self._anybody)
        self._pace.news.hear(fresh, configuration)
        rows = list_rows(self._anybody, configuration, fresh[: look.ROWS])
        return Message(self._anybody.render_text("_new.html", rows=rows, keep=look.ROWS - len(rows))).prepared()

    def _render_numbers(self, now: Look) -> Message:
        begun = time.monotonic()
        shown = self._look_up(with_findings=now.with_findings)
        html = self._anybody.render_text("_looked.html", period=self._period, periods=look.PERIODS, **shown)
        self._pace.note(now, time.monotonic() - begun)
        return Message(html).prepared()

    def _look_up(self, *, with_findings: bool) -> dict[str, Any]:
        database, period = self._visit.database, self._period
        configuration = find_configuration(self._anybody)
        event_id = configuration.event.id
        seen = _looked.get(
            ("signs", event_id, period), SIGNS_EVERY_S - 0.5, lambda: signs.look(database, configuration, period)
        )
        shown: dict[str, Any] = {"configuration": configuration, **draw(seen, configuration)}
        if with_findings:
            key = ("findings", event_id, self._pace.news.number)
            shown["findings"] = _looked.get(key, FINDINGS_EVERY_S - 0.5, lambda: signs.find(database, configuration))
            shown["has_alerts"] = has_alerts(self._anybody, configuration)
        return shown
