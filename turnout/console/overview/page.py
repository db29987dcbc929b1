"""One event at a glance; and the same live, as pushes come."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec

from turnout import errors
from turnout.access import roles
from turnout.console.overview import look
from turnout.console.page import Live, Message, Page, Visit
from turnout.feed.pushes_live import NewPushes, Watch
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.recipes import get_recipe
from turnout.recipes.recipe import target_of
from turnout.store import events

SIGNS_EVERY_S = 3.0
"""Between two looks at the numbers, while pushes come …"""
QUIET_S = 60.0
"""… and while none do: silence has a length too …"""
WAITING_S = 10.0
"""… and before the first one, when wrong keys are what is of interest …"""
FINDINGS_EVERY_S = 30.0
"""… and at what may be wrong, for which bodies are read."""
GIVES_WAY = 20
"""So many times as long as a look took, at the least, until the next one."""
BREATH_S = 1.0
"""After a batch that fills the page: nobody reads faster."""


class Row(msgspec.Struct, frozen=True):
    """One push in the stream."""

    push: StoredPush
    source: str
    who: str | None
    """As much of the address as the visitor may see."""
    why: str
    """Why it failed, as much as he may see; else what was odd."""


def show_overview(visit: Visit) -> Answer:
    period = look.read_period(visit.query.get("period"))
    latest = look.list_latest(visit.database, visit.event.id)
    return visit.render("show.html", period=period, **_gather(visit, _configuration(visit), period, latest))


async def watch(visit: Visit) -> Live:
    return Live(_follow(visit))


async def _follow(visit: Visit) -> AsyncIterator[Message]:
    """The page's changing part as it is when somebody begins to watch, then what comes."""
    period = look.read_period(visit.query.get("period"))
    # A database that is away ends it, and the browser comes again.
    with suppress(errors.StorageUnavailable):
        async with visit.product.pushes_live.watching(visit.event.id) as watched:
            stream = _Stream(visit, period)
            yield Message(await asyncio.to_thread(stream.begin))
            while (new := await _next(watched, stream.next_look_s)) is not _OVER:
                html = await asyncio.to_thread(stream.go_on, new)
                if html:
                    yield Message(html)
                if new is not None and len(new.pushes) >= look.ROWS:
                    await asyncio.sleep(BREATH_S)


_OVER = NewPushes([], -1)


async def _next(watched: Watch, within_s: float) -> NewPushes | None:
    """What came; None where nothing did for so long, _OVER at the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            return await anext(watched, _OVER)
    return None


_looked = look.Looked()


class _Stream:
    """What one window has, and when it was looked at."""

    def __init__(self, visit: Visit, period: look.Period) -> None:
        self._visit = visit
        self._period = period
        self._has_pushes = False
        self._signs_at = self._findings_at = 0.0
        """When the next look is due, in monotonic seconds."""
        self._is_stale = False
        """Whether pushes came since the last look."""

    @property
    def next_look_s(self) -> float:
        """How long it may wait for pushes."""
        quiet_s = QUIET_S if self._has_pushes else WAITING_S
        due_at = self._signs_at if self._is_stale else self._signs_at + quiet_s - SIGNS_EVERY_S
        return max(0.05, due_at - time.monotonic())

    def begin(self) -> str:
        """All of it."""
        visit = self._visit
        latest = look.list_latest(visit.database, visit.event.id)
        self._has_pushes = bool(latest)
        begun = time.monotonic()
        shown = _gather(visit, _configuration(visit), self._period, latest)
        self._note(begun, FINDINGS_EVERY_S)
        return visit.render_text("_begin.html", period=self._period, **shown)

    def go_on(self, new: NewPushes | None) -> str:
        """What is to change, empty where nothing is."""
        if new is not None and not self._has_pushes:
            return self.begin()
        visit = self._visit
        html = ""
        configuration = _configuration(visit)
        if new is not None:
            self._is_stale = True
            rows = _list_rows(visit, configuration, new.pushes[: look.ROWS])
            html = visit.render_text("_new.html", rows=rows, keep=look.ROWS - len(rows))
        begun = time.monotonic()
        if new is None or begun >= self._signs_at:
            with_findings = begun >= self._findings_at
            shown = self._look(configuration, with_findings=with_findings)
            html += visit.render_text(
                "_looked.html", configuration=configuration, period=self._period, periods=look.PERIODS, **shown
            )
            self._note(begun, FINDINGS_EVERY_S if with_findings else 0)
        return html

    def _look(self, configuration: Configuration, *, with_findings: bool) -> dict[str, Any]:
        database, period, event_id = self._visit.database, self._period, configuration.event.id
        signs = _looked.get(
            ("signs", event_id, period), SIGNS_EVERY_S, lambda: look.look(database, configuration, period)
        )
        if not with_findings:
            return {"signs": signs}
        findings = _looked.get(("findings", event_id), FINDINGS_EVERY_S, lambda: look.find(database, configuration))
        return {"signs": signs, "findings": findings}

    def _note(self, begun: float, findings_s: float) -> None:
        """So that a large event's numbers cost no more than their share."""
        now = time.monotonic()
        pause_s = max(SIGNS_EVERY_S, (now - begun) * GIVES_WAY)
        self._signs_at = now + pause_s
        if findings_s:
            self._findings_at = now + max(findings_s, pause_s)
        self._is_stale = False


def _configuration(visit: Visit) -> Configuration:
    """As it is now: names and sources come with pushes."""
    known = visit.configuration
    assert known is not None
    configurations = visit.product.feed.configurations
    with visit.database.read() as connection:
        version = events.find_version(connection, known.event.id)
        return configurations.refresh(connection, known.event.id, version) or known


def _gather(
    visit: Visit, configuration: Configuration, period: look.Period, latest: list[StoredPush]
) -> dict[str, Any]:
    gateway, recipe = configuration.event.gateway(visit.product.public_url), get_recipe("curl")
    return {
        "configuration": configuration,
        "gateway": gateway,
        "curl": recipe.write(target_of(configuration, gateway, recipe)).snippets[0].text,
        "rows": _list_rows(visit, configuration, latest),
        "signs": look.look(visit.database, configuration, period),
        "findings": look.find(visit.database, configuration),
        "periods": look.PERIODS,
        "may_create": roles.may_create_events(visit.user),
    }


def _list_rows(visit: Visit, configuration: Configuration, pushes: list[StoredPush]) -> list[Row]:
    def name_of(number: int) -> str:
        source = configuration.sources.get(number)
        return "?" if source is None else source.name

    return [
        Row(push, name_of(push.source_number), visit.mask(push.email), _explain(push, shows=visit.sees_personal))
        for push in pushes
    ]


def _explain(push: StoredPush, *, shows: bool) -> str:
    """Messages may hold what was sent; whoever may not see that is told path and code."""
    if push.failure is not None:
        if not push.failure.errors:
            return push.failure.detail if shows else push.failure.code
        first, more = push.failure.errors[0], len(push.failure.errors) + push.failure.more_errors - 1
        said = first.message if shows else f"{first.path} {first.code}".strip()
        return said + (f" And {more:,} more." if more else "")
    count = len(push.warnings) + push.more_warnings
    return f"{count:,} warning{'' if count == 1 else 's'}" if count else ""


pages = [
    Page("GET", "events/{event}", "viewer", show_overview),
    Page("GET", "events/{event}/live", "viewer", watch),
]
