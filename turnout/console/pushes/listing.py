"""The list of an event's pushes, page by page, and the same live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec

from turnout import errors
from turnout.console.page import Live, Message, Visit
from turnout.console.pushes.asked import EVERYTHING, RESULTS, Asked, as_search, matches, read_asked
from turnout.console.pushes.noted import say_why
from turnout.feed.by_hand.replay_many import Seen
from turnout.feed.pushes_live import NewPushes
from turnout.feed.receipt import Answer
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.store import events
from turnout.store.push_search import PushSearch, search_pushes

ROWS = 50
"""Pushes on a page, and in one message of the live one."""
EFFECTS = (
    ("", "All but dry runs"),
    ("live", "Sent for real"),
    ("rehearsed", "Rehearsed only"),
    ("dry_run", "Dry runs only"),
    (EVERYTHING, "Dry runs too"),
)


class Row(msgspec.Struct, frozen=True):
    """One push in the list."""

    push: StoredPush
    source: str
    who: str | None
    """As much of the address as the visitor may see."""
    why: str
    """Why it failed, as much as he may see; else what was odd."""


def may_replay(visit: Visit) -> bool:
    """Whether the visitor may send pushes again: he is shown what is in them."""
    return visit.may("manager") and visit.sees_personal and visit.event.archived_at is None


def show_list(visit: Visit) -> Answer:
    configuration = load_configuration(visit)
    asked, before = read_asked(visit.query), visit.query.get("before", "")
    shown = _look(visit, configuration, asked, before)
    shown |= {"run": find_run(visit)}
    if visit.is_fragment:
        return visit.render("_results.html", **shown)
    sources = [("", "Any source"), *((one.name, one.name) for one in configuration.sources.values())]
    results = [("", "Any result"), *((one, one.capitalize()) for one in RESULTS)]
    return visit.render("list.html", sources=sources, results=results, effects=EFFECTS, **shown)


def find_run(visit: Visit) -> Seen | None:
    """The replay of many that is under way, where the visitor may know of it."""
    seen = visit.product.replays.find(visit.event.id) if visit.may("manager") else None
    return seen if seen is not None and seen.state == "running" else None


def load_configuration(visit: Visit) -> Configuration:
    """As it is now: names and sources come with pushes."""
    known = visit.configuration
    assert known is not None
    configurations = visit.product.feed.configurations
    with visit.database.read() as connection:
        version = events.find_version(connection, known.event.id)
        return configurations.refresh(connection, known.event.id, version) or known


def list_rows(visit: Visit, configuration: Configuration, found: list[StoredPush]) -> list[Row]:
    def name_of(number: int) -> str:
        source = configuration.sources.get(number)
        return "?" if source is None else source.name

    shows = visit.sees_personal
    return [
        Row(push, name_of(push.source_number), visit.mask(push.email), say_why(push, shows=shows)) for push in found
    ]


def _look(visit: Visit, configuration: Configuration, asked: Asked, before: str) -> dict[str, Any]:
    search = as_search(asked, configuration, by_address=visit.sees_personal)
    with visit.database.read() as connection:
        found = search_pushes(connection, visit.event.id, search, before_id=before or None, limit=ROWS)
        is_empty = not found.pushes and not search_pushes(connection, visit.event.id, PushSearch(), limit=1).pushes
    return {
        "asked": asked,
        "before": before,
        "found": found,
        "is_empty": is_empty,
        "rows": list_rows(visit, configuration, found.pushes),
        "may_replay": may_replay(visit),
    }


async def watch(visit: Visit) -> Live:
    return Live(_follow(visit))


async def _follow(visit: Visit) -> AsyncIterator[Message]:
    """The list as it is when somebody begins to watch, then what comes and matches."""
    # A database that is away ends it, and the browser comes again.
    with suppress(errors.StorageUnavailable):
        async with visit.product.pushes_live.watching(visit.event.id) as watched:
            window = _Window(visit)
            yield Message(await asyncio.to_thread(window.begin))
            async for new in watched:
                message = await window.go_on(new)
                if message is not None:
                    yield message


class _Window:
    """What one window has. Those that look for the same are shown the same, which is made once."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._anybody = visit.of_its_kind()
        self._asked = read_asked(visit.query)
        self._has_rows = False
        self._told: set[str] = set()
        """Ids that it had at the beginning: they may come again."""

    def begin(self) -> str:
        """All of it."""
        visit = self._visit
        shown = _look(visit, load_configuration(visit), self._asked, "")
        self._told = {row.push.id for row in shown["rows"]}
        self._has_rows = bool(self._told)
        return visit.render_text("_begin.html", **shown)

    async def go_on(self, new: NewPushes) -> Message | None:
        """What is new; None where nothing matches."""
        fresh = [one for one in new.pushes if one.id not in self._told]
        if not self._has_rows or len(fresh) < len(new.pushes):
            return await asyncio.to_thread(self._make_own, fresh, new.more)
        key = ("pushes", self._visit.kind, self._asked)
        return await new.shared.once(key, lambda: self._make(fresh, new.more))

    def _make_own(self, fresh: list[StoredPush], more: int) -> Message | None:
        message = self._make(fresh, more)
        return message if message is None or self._has_rows else Message(self.begin())

    def _make(self, fresh: list[StoredPush], more: int) -> Message | None:
        visit = self._anybody
        configuration = load_configuration(visit)
        search = as_search(self._asked, configuration, by_address=visit.sees_personal)
        matching = [one for one in fresh if matches(search, one)]
        if not matching:
            return None
        rows = list_rows(visit, configuration, matching[:ROWS])
        more += max(0, len(matching) - ROWS)
        return Message(visit.render_text("_new.html", rows=rows, more=more, asked=self._asked)).prepared()
