"""Turns: so many at once, so many waiting, the others are told to come again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from turnout.errors import QueueFull


class Turns:
    """A bound on work that needs much memory."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0

    @property
    def are_all_taken(self) -> bool:
        """Whether whoever asks for one now gets none."""
        return self._inside >= self._most

    @asynccontextmanager
    async def taken(self) -> AsyncGenerator[None]:
        """Waits for a turn. Raises QueueFull where too many wait already."""
        if self.are_all_taken:
            raise QueueFull("Too many large requests are being worked on already.")
        self._inside += 1
        try:
            async with self._at_once:
                yield
        finally:
            self._inside -= 1
