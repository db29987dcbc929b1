"""The course of one kind of torture: rounds until its time is over, each with choices that can be made again."""

import shutil
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from torture.broken import Broken, NotHere
from torture.tally import Tally
from torture.world import World

MAX_FAULTS = 5
"""Rounds that may go wrong before the rest of a kind is not tried."""


class Verdict:
    """Whether what was judged broke a promise."""

    is_broken = False


class Course:
    """Its folder, its time, its seed, and what it has come to so far."""

    def __init__(
        self,
        name: str,
        title: str,
        *,
        folder: Path,
        kept: Path,
        seconds: float,
        seed: int,
        on_progress: Callable[[float, str], None],
    ) -> None:
        self.name = name
        self.folder = folder
        self.seed = seed
        self.tally = Tally(title)
        self._kept = kept
        self._seconds = seconds
        self._on_progress = on_progress
        self._folders = 0
        self._broken = 0

    def rounds(self) -> Iterator[Random]:
        """The choices of each round; at least one round."""
        began = time.monotonic()
        while not self.tally.rounds or time.monotonic() - began < self._seconds:
            if self._broken >= MAX_FAULTS:
                self.tally.remarks.append("given up")
                return
            self.tally.rounds += 1
            yield Random(f"{self.seed}:{self.name}:{self.tally.rounds}")
            done = min(1.0, (time.monotonic() - began) / self._seconds)
            self._on_progress(done, f"{self.tally.rounds} rounds, {self.tally.acknowledged:,} pushes acknowledged")

    def worlds(self, blow: Callable[[World, Random], None], at_the_end: Callable[[World], None] | None = None) -> None:
        """Deals a blow each round, always to the same world until it has grown; `at_the_end` looks at it then."""
        world: World | None = None
        for chance in self.rounds():
            if world is None:
                world = self.new_world()
            with self.judged(world.home) as verdict:
                blow(world, chance)
                if world.is_grown:
                    if at_the_end is not None:
                        at_the_end(world)
                    world.end()
                    world = None
            if verdict.is_broken and world is not None:
                world.server.kill()
                world = None
        if world is not None:
            with self.judged(world.home):
                world.end()

    def new_folder(self) -> Path:
        """An empty one."""
        self._folders += 1
        made = self.folder / f"{self.name}-{self._folders}"
        made.mkdir(parents=True)
        return made

    def new_world(self, *, growing: bool = False) -> World:
        """One with its data in a folder beside its log."""
        home = self.new_folder()
        return World(home, home / "data", f"{self.seed}:{self.name}:{self._folders}", self.tally, growing=growing)

    @contextmanager
    def judged(self, folder: Path, *, data: Path | None = None) -> Generator[Verdict]:
        """Notes a promise that is not kept, and keeps the folder as evidence."""
        verdict = Verdict()
        try:
            yield verdict
        except NotHere:
            raise
        except Exception as error:  # noqa: BLE001 - noted as a fault, with where it came from
            # What the server does to the torturer counts too: a connection that breaks, a database that cannot be read.
            verdict.is_broken = True
            self._broken += 1
            kept = self._kept / f"{folder.name}-round-{self.tally.rounds}"
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            if data is not None and not data.is_relative_to(folder):
                shutil.copytree(data, kept / "data", dirs_exist_ok=True)
            broken = error if isinstance(error, Broken) else Broken("".join(traceback.format_exception(error)[-2:]))
            self.tally.lost += broken.lost
            self.tally.others += broken.others
            where = f"({self.name}, round {self.tally.rounds}, seed {self.seed}; kept in {kept})"
            self.tally.faults += [f"{fault} {where}" for fault in broken.faults]
