"""SIGKILL at any instant, while several senders push, always on the same data (D1)."""

import signal
from random import Random

from torture.course import Course
from torture.world import World, verify_by_command

_VERIFIED_EVERY = 5


def run(course: Course) -> None:
    course.worlds(_kill, at_the_end=lambda world: verify_by_command(world.server))


def _kill(world: World, chance: Random) -> None:
    world.rounds += 1
    load = world.load()
    how = chance.random()
    if how < 0.3:
        # In the midst of the first commits after a start.
        load.wait_for(acknowledgements=chance.randint(1, 30))
    else:
        load.wait(chance.uniform(0.01, 1.0))
    if how > 0.85:
        # Told to stop, and killed while it is about to.
        world.server.signal(signal.SIGTERM)
        load.wait(chance.uniform(0, 0.3))
    world.kill()
    load.stop()
    world.start()
    world.check()
    world.repeat(chance)
    if world.rounds % _VERIFIED_EVERY == 0:
        world.verify()
