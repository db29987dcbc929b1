"""Pages of an event's log from the database: read once for all who ask for the same at the same time."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from turnout import errors
from turnout.changes.lines import Line, list_renames, read_lines
from turnout.downstream.following.view import View
from turnout.feed.configurations import Configurations
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.store import changes, events
from turnout.store.database import Database

MAX_READINGS = 4
"""Pages read at once: however many followers there are, their pages do not fill the memory."""

Made = TypeVar("Made")


class Page(msgspec.Struct, frozen=True):
    """Lines of the log with the set-up that knows their names, of one moment."""

    lines: list[Line]
    """Behind them no state of an attendee where the view does without."""
    configuration: Configuration
    head: int
    """The last line that there is."""
    renames: list[Change]
    """New names that are told of among the lines and behind them, in order: with the old ones lines before are told."""


class Wanted(msgspec.Struct, frozen=True):
    """What somebody asks for."""

    event_id: str
    after: int
    lines: int
    """That are looked at, at most …"""
    view: View
    most: int
    """… and that are shown."""


class Pages:
    """Reads them, in threads."""

    def __init__(self, database: Database, configurations: Configurations) -> None:
        self._database = database
        self._configurations = configurations
        self._turns = asyncio.Semaphore(MAX_READINGS)
        self._readings: dict[Any, asyncio.Task[Any]] = {}

    async def read(self, wanted: Wanted, make: Callable[[Page, Wanted], Made]) -> Made:
        """What `make` makes of the lines, in the thread that reads them. Raises StorageUnavailable."""
        place = (wanted, make)
        reading = self._readings.get(place)
        if reading is None:
            reading = self._readings[place] = asyncio.ensure_future(self._read_in_turn(wanted, make))
            reading.add_done_callback(lambda done: self._forget(place, done))
        # Whoever goes away leaves it to the others.
        return await asyncio.shield(reading)

    async def _read_in_turn(self, wanted: Wanted, make: Callable[[Page, Wanted], Made]) -> Made:
        async with self._turns:
            return await asyncio.to_thread(lambda: make(self._read(wanted), wanted))

    def _read(self, wanted: Wanted) -> Page:
        with_states = wanted.view.needs_states
        return self.read_page(wanted.event_id, wanted.after, wanted.lines, with_states=with_states)

    def _forget(self, place: Any, done: asyncio.Task[Any]) -> None:
        del self._readings[place]
        if not done.cancelled():
            # Nobody may be there any more to whom it would be told.
            done.exception()

    def read_page(self, event_id: str, after: int, limit: int, *, with_states: bool) -> Page:
        """In this thread. Raises StorageUnavailable."""
        with self._database.read() as connection:
            clock = events.find_clock(connection, event_id)
            configuration = self._configurations.refresh(connection, event_id, clock.version if clock else None)
            if clock is None or configuration is None:
                raise errors.NotFound("This event is gone.")
            if after >= clock.last_sequence:
                lines = []
            elif with_states:
                lines = read_lines(connection, event_id, after=after, limit=limit)
            else:
                found = changes.list_changes(connection, event_id, after=after, limit=limit)
                lines = [Line(change, None) for change in found]
            page = [line.change for line in lines]
            # Whoever is not behind has all there are before him.
            is_end = not page or page[-1].sequence >= clock.last_sequence
            renames = list_renames(connection, event_id, page, is_end=is_end)
        return Page(lines, configuration, clock.last_sequence, renames)

    def find_head(self, event_id: str) -> int:
        """The last line that there is. Raises StorageUnavailable."""
        with self._database.read() as connection:
            clock = events.find_clock(connection, event_id)
        return 0 if clock is None else clock.last_sequence
