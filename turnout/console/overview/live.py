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
from turnout.console.page import Live, Message, Visit
from turnout.events import signs
from turnout.events.activity import Period
from turnout.feed.pushes_live import NewPushes, Shared, Watch
from turnout.model.push import StoredPush

SIGNS_EVERY_S = 3.0
"""Between two looks at the numbers, while pushes come …"""
QUIET_S = 60.0
"""… and while none do: silence has a length too …"""
WAITING_S = 10.0
"""… and before the first one, when wrong keys are what is of interest …"""
FINDINGS_EVERY_S = 30.0
"""… and at what may be wrong, for which bodies are read."""
GIVES_WAY = 50
"""So many times as long as a look took, at the least, until the next one."""


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


class _Look(Shared):
    """One look at the numbers."""

    def __init__(self, *, with_findings: bool) -> None:
        super().__init__()
        self.with_findings = with_findings


class _Pace:
    """When the numbers are looked at, for all windows of an event that show the same time."""

    def __init__(self) -> None:
        now = time.monotonic()
        self.has_pushes = False
        self.is_stale = False
        """Whether pushes came since the last look."""
        self.latest = _Look(with_findings=False)
        self._signs_at, self._findings_at = now + SIGNS_EVERY_S, now + FINDINGS_EVERY_S

    @property
    def next_at(self) -> float:
        """In monotonic seconds."""
        quiet_s = QUIET_S if self.has_pushes else WAITING_S
        return self._signs_at if self.is_stale else self._signs_at + quiet_s - SIGNS_EVERY_S

    def look(self) -> _Look:
        """A new look where one is due, else the latest."""
        now = time.monotonic()
        if now >= self.next_at:
            self.latest = _Look(with_findings=now >= self._findings_at)
            self.is_stale = False
            self._signs_at = now + SIGNS_EVERY_S
            if self.latest.with_findings:
                self._findings_at = now + FINDINGS_EVERY_S
        return self.latest

    def note(self, look: _Look, took_s: float) -> None:
        """So that a large event's numbers cost no more than their share."""
        until = time.monotonic() + took_s * GIVES_WAY
        self._signs_at = max(self._signs_at, until)
        if look.with_findings:
            self._findings_at = max(self._findings_at, until)


_paces: WeakValueDictionary[tuple[str, Period], _Pace] = WeakValueDictionary()
"""Of those events that somebody looks at."""
_looked = signs.Looked()


class _Window:
    """What one window has."""

    def __init__(self, visit: Visit, period: Period) -> None:
        self._visit = visit
        self._anybody = visit.of_its_kind()
        self._period = period
        self._pace = _paces.setdefault((visit.event.id, period), _Pace())
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
        shown = gather(visit, find_configuration(visit), self._period, latest)
        return visit.render_text("_begin.html", period=self._period, **shown)

    async def go_on(self, new: NewPushes | None) -> AsyncIterator[Message]:
        """What is to change."""
        if new is not None and not self._has_pushes:
            yield Message(await asyncio.to_thread(self.begin))
            return
        kind = self._visit.kind
        if new is not None:
            self._pace.is_stale = True
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
        rows = list_rows(self._anybody, find_configuration(self._anybody), fresh[: look.ROWS])
        return Message(self._anybody.render_text("_new.html", rows=rows, keep=look.ROWS - len(rows))).prepared()

    def _render_numbers(self, now: _Look) -> Message:
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
            shown["findings"] = _looked.get(
                ("findings", event_id), FINDINGS_EVERY_S - 0.5, lambda: signs.find(database, configuration)
            )
            shown["has_alerts"] = has_alerts(self._anybody, configuration)
        return shown
