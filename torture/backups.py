"""`turnout backup` under load, and `turnout restore`: what is done is whole, what is killed harms nothing."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from random import Random

from torture.broken import Broken
from torture.check import Seen, check
from torture.course import Course
from torture.ledger import Ledger
from torture.running import Server
from torture.tally import Tally
from torture.world import SLUG, World, opened, verify_all

_PATIENCE_S = 120


def run(course: Course) -> None:
    course.worlds(_back_up)


def _back_up(world: World, chance: Random) -> None:
    world.rounds += 1
    folder = world.home / f"backup-{world.rounds}"
    folder.mkdir()
    file = folder / "turnout.backup"
    load = world.load()
    load.wait(chance.uniform(0.1, 0.5))
    known = len(world.ledger.acknowledged)
    backing_up = world.server.run_command("backup", str(file))
    how = chance.random()
    if how < 0.6:
        _kill_at_some_time(backing_up, chance, world.tally)
    if how > 0.8:
        # The server goes, its backup stays.
        load.wait(chance.uniform(0, 1))
        world.kill()
    code = backing_up.wait(_PATIENCE_S)
    load.stop()
    if not world.server.is_running:
        world.start()
    if how < 0.6 and code != 0:
        # Under its own name there is a whole backup or none; the next one does not mind what is left.
        if file.exists():
            _look(world, file, known, chance)
        file.unlink(missing_ok=True)
        known = len(world.ledger.acknowledged)
        code = world.server.run_command("backup", str(file)).wait(_PATIENCE_S)
    if code != 0:
        raise Broken(f"`turnout backup` left with {code}: {world.server.last_words()}")
    _look(world, file, known, chance)
    world.check()
    left = sorted(one.name for one in folder.iterdir() if one.name not in (file.name, "restored"))
    if left:
        raise Broken(f"a backup that was killed left {left}, and the next one did not clear it away")
    shutil.rmtree(folder)


def _look(world: World, file: Path, known: int, chance: Random) -> None:
    """What is restored verifies, and has what was acknowledged before the backup began."""
    folder = file.parent / "restored"
    restored = Server(folder, world.server.log)
    if chance.random() < 0.5:
        _kill_at_some_time(restored.run_command("restore", str(file)), chance, world.tally)
    code = restored.run_command("restore", "--force", str(file)).wait(_PATIENCE_S)
    if code != 0:
        raise Broken(f"`turnout restore` left with {code}: {world.server.last_words()}")
    try:
        # As an operator goes on with it.
        restored.start()
        verify_all(restored)
        world.tally.verified += 1
        earlier = Ledger()
        earlier.acknowledged = world.ledger.acknowledged[:known]
        with opened(restored) as database:
            faults = check(database, SLUG, earlier, Seen())
    finally:
        restored.kill()
    if faults:
        raise Broken(*faults)
    shutil.rmtree(folder)


def _kill_at_some_time(process: subprocess.Popen[bytes], chance: Random, tally: Tally) -> None:
    time.sleep(chance.uniform(0.2, 2))
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        tally.kills += 1
    process.wait(_PATIENCE_S)
