"""A disk that is full: answers say to come again, nothing is lost, and service resumes when there is room (D3)."""

import errno
import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from torture.broken import Broken, NotHere
from torture.course import Course
from torture.disks import Disk
from torture.senders import Load
from torture.world import World

_DISK_MIB = 160
_ROUNDS_ON_A_DISK = 6
_PATIENCE_S = 20
_HEALTH_S = 5


class _Place:
    """A small disk, or where there can be none a folder and a limit on the size of files."""

    def __init__(self, course: Course) -> None:
        self.home = course.new_folder()
        self.disk: Disk | None = None
        data = self.home / "data"
        try:
            self.disk = Disk(self.home, _DISK_MIB)
            data = self.disk.root / "data"
        except NotHere as error:
            self._remark(course, f"by a limit on the size of files: {error}")
        self.world: World | None = None
        try:
            logs = self.home / "logs"
            logs.mkdir()
            self.world = World(logs, data, f"{course.seed}:full:{self.home.name}", course.tally, growing=True)
        except BaseException:
            self.close()
            raise

    def fill(self, spare_bytes: int) -> Callable[[], None]:
        """Leaves so much room; gives what makes room again."""
        assert self.world is not None
        if self.disk is None:
            return _limit(self.world, spare_bytes)
        ballast = self.disk.root / "ballast"
        wanted_bytes = max(1, self.disk.free_bytes() - spare_bytes)
        with ballast.open("wb") as file:
            while wanted_bytes > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, wanted_bytes)
                    break
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    # What the file system needs for itself is not known beforehand.
                    wanted_bytes -= 1 << 20
        return ballast.unlink

    def close(self) -> None:
        if self.world is not None:
            self.world.server.kill()
        if self.disk is not None:
            self.disk.remove()
        shutil.rmtree(self.home, ignore_errors=True)

    def _remark(self, course: Course, remark: str) -> None:
        if remark not in course.tally.remarks:
            course.tally.remarks.append(remark)


def run(course: Course) -> None:
    place: _Place | None = None
    try:
        for chance in course.rounds():
            place = place or _Place(course)
            world = place.world
            assert world is not None
            with course.judged(world.home, data=world.data) as verdict:
                _fill(place, world, chance)
                if world.rounds == _ROUNDS_ON_A_DISK:
                    world.end()
            if verdict.is_broken or world.rounds == _ROUNDS_ON_A_DISK:
                place.close()
                place = None
    finally:
        if place is not None:
            place.close()


def _fill(place: _Place, world: World, chance: Random) -> None:
    world.rounds += 1
    make_room = place.fill(chance.randrange(1, 2_000_000))
    is_full = True
    load = world.load()
    try:
        load.wait_for(refusals=chance.randint(3, 40), timeout_s=60)
        _check_health(world)
        if chance.random() < 0.3:
            world.kill()
            load.stop()
            if place.disk is None or chance.random() < 0.5:
                make_room()
                is_full = False
                world.start()
            else:
                # With a full disk it may start or say that it cannot; either way nothing is lost.
                make_room, is_full = _start_on_a_full_disk(world, make_room)
            load = world.load()
        if is_full:
            make_room()
            is_full = False
        _resume(load)
        load.stop()
    except Broken:
        # Whatever it was: was something lost?
        if is_full:
            make_room()
            is_full = False
        world.server.kill()
        load.stop()
        world.start()
        world.check()
        world.verify()
        raise
    finally:
        if is_full:
            make_room()
    world.check()
    world.repeat(chance)
    status, said = world.server.health()
    if status != 200:
        raise Broken(f"with room again, /health says {status}: {said}")
    if world.rounds % 2 == 0:
        world.verify()


def _start_on_a_full_disk(world: World, make_room: Callable[[], None]) -> tuple[Callable[[], None], bool]:
    try:
        world.start()
    except Broken as error:
        remark = f"on a full disk it did not start: {str(error)[:150]}"
        if not any(one.startswith("on a full disk") for one in world.tally.remarks):
            world.tally.remarks.append(remark)
        make_room()
        world.start()
        return make_room, False
    return make_room, True


def _check_health(world: World) -> None:
    """While nothing can be stored, `/health` says so, and why.

    Noted, not judged: where the rest of the disk is too small for a sender's batch and large enough for one row, it is
    right to say that it can commit.
    """
    deadline = time.monotonic() + _HEALTH_S
    stored = len(world.ledger.acknowledged)
    while len(world.ledger.acknowledged) == stored:
        status, said = world.server.health()
        if status == 503 and json.loads(said)["reason"]:
            return
        if time.monotonic() > deadline:
            world.tally.remarks.append(f"/health was {status} for {_HEALTH_S} s in which nothing was stored")
            return
        time.sleep(0.05)


def _resume(load: Load) -> None:
    load.wait_for(acknowledgements=30, timeout_s=_PATIENCE_S)


def _limit(world: World, spare_bytes: int) -> Callable[[], None]:
    pid = world.server.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in Path(world.data).iterdir())
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest + spare_bytes, before[1]))

    def make_room() -> None:
        if world.server.is_running and world.server.pid == pid:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return make_room
