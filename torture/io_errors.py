"""A disk that answers writes and flushes with errors for a while, by strace, under load (D1, D3)."""

import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from random import Random

from torture.broken import Broken
from torture.course import Course
from torture.running import find_strace
from torture.world import World

_CALLS = ("fdatasync,fsync", "pwrite64", "pwrite64,fdatasync,fsync", "pread64")
_FILES = ("turnout.db-wal", "turnout.db-wal", "turnout.db")
"""The log file, to which every commit is written, more often than the database, to which the log is moved."""
_ERRORS = ("EIO", "EIO", "ENOSPC")


def run(course: Course) -> None:
    find_strace()
    course.worlds(_fail)


def _fail(world: World, chance: Random) -> None:
    world.rounds += 1
    load = world.load()
    load.wait_for(acknowledgements=chance.randint(1, 50))
    with _failing(world, chance):
        load.wait(chance.uniform(0.3, 1.5))
        is_killed = chance.random() < 0.3
        if is_killed:
            world.kill()
    if is_killed:
        load.stop()
        world.start()
        world.check()
        load = world.load()
    # Service resumes by itself.
    load.wait_for(acknowledgements=30, timeout_s=20)
    load.stop()
    world.check()
    world.repeat(chance)
    if chance.random() < 0.5:
        # What was acknowledged with a failing disk must be on it, and not only in the server's memory.
        world.kill()
        world.start()
        world.check()
    if world.rounds % 3 == 0:
        world.verify()


@contextmanager
def _failing(world: World, chance: Random) -> Generator[None]:
    calls, error = chance.choice(_CALLS), chance.choice(_ERRORS)
    path = world.data / chance.choice(_FILES)
    when = chance.choice(("", "", f":when={chance.randint(1, 5)}+{chance.randint(2, 9)}"))
    command = [find_strace(), "-f", "-q", "-p", str(world.server.pid), "-P", str(path), "-o", "/dev/null"]
    command += ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}{when}"]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        _, said = tracer.communicate(timeout=20)
    if tracer.returncode == 1 and b"attach" in said:
        raise Broken(f"strace could not be put between the server and its disk: {said!r}")
