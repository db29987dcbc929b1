"""The power is cut under load: what the server has not had flushed to its disk is gone, as on a machine (D1)."""

import shutil
import time
from random import Random

from torture.course import Course
from torture.disks import Disk
from torture.world import World

_DISK_MIB = 512
_ROUNDS_ON_A_DISK = 25
_OPTIONS = ("", "data=writeback")
"""How the file system orders what it writes: as usual, or hardly."""


class _Place:
    """A disk, and the world on it."""

    def __init__(self, course: Course, number: int) -> None:
        self.home = course.new_folder()
        self.disk = Disk(self.home, _DISK_MIB, _OPTIONS[number % len(_OPTIONS)])
        self.world: World | None = None
        try:
            logs = self.home / "logs"
            logs.mkdir()
            self.world = World(logs, self.disk.root / "data", f"{course.seed}:power:{number}", course.tally)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.world is not None:
            self.world.server.kill()
        self.disk.remove()
        shutil.rmtree(self.home, ignore_errors=True)


def run(course: Course) -> None:
    place: _Place | None = None
    number = 0
    try:
        for chance in course.rounds():
            if place is None:
                place = _Place(course, number)
                number += 1
            world = place.world
            assert world is not None
            with course.judged(world.home, data=world.data) as verdict:
                _cut(place.disk, world, chance)
                if world.rounds == _ROUNDS_ON_A_DISK or world.is_grown:
                    world.end()
            if verdict.is_broken or not world.server.is_running:
                place.close()
                place = None
        if place is not None and place.world is not None:
            with course.judged(place.world.home, data=place.world.data):
                place.world.end()
    finally:
        if place is not None:
            place.close()


def _cut(disk: Disk, world: World, chance: Random) -> None:
    world.rounds += 1
    load = world.load()
    if chance.random() < 0.3:
        load.wait_for(acknowledgements=chance.randint(1, 30))
    else:
        load.wait(chance.uniform(0.01, 1.0))
    cut_at = time.monotonic()
    disk.cut_power()
    if chance.random() < 0.5:
        # It does not die at once with its disk: what it says in between is heard by nobody who could be held to it.
        load.wait(chance.uniform(0, 0.3))
    world.kill()
    load.stop()
    world.tally.unheard += world.ledger.forget_since(cut_at)
    for sender in world.senders:
        sender.forget()
    disk.unmount()
    disk.mount()
    world.start()
    world.check()
    world.repeat(chance)
    if world.rounds % 3 == 0:
        world.verify()
