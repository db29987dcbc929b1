"""What a worker has of its parent, and knows of its brothers."""

import mmap
import os

import msgspec

_NOBODY = 0xFFFF_FFFF


class Load:
    """How many connections each worker has, in memory that all share. Made before the first fork."""

    def __init__(self, count: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * count)).cast("I")
        for number in range(1, count + 1):
            self.clear(number)

    def note(self, number: int, connections: int) -> None:
        """For the worker itself."""
        self._counts[number - 1] = connections

    def clear(self, number: int) -> None:
        """Nobody accepts there."""
        self._counts[number - 1] = _NOBODY

    def find_fewest(self) -> int:
        """Of those who accept, the one with the fewest; a very large number where nobody does."""
        return min(self._counts)


class Post(msgspec.Struct, frozen=True):
    """One worker's place."""

    number: int
    """From 1 to the number of workers; who replaces another has the other's."""
    parent: int
    """A descriptor that is at its end once the parent is gone."""
    status: int
    """A descriptor for `say_ready`."""
    load: Load

    def say_ready(self) -> None:
        """Tells the parent that requests are answered from now on."""
        os.write(self.status, b"+")
