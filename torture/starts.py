"""SIGKILL while the server starts: on a database with data, and on none, where `turnout start` makes it."""

import http.client
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from torture.broken import Broken, NotHere
from torture.course import Course
from torture.ledger import Said, Sent
from torture.running import SERVE, START, Server, find_strace
from torture.senders import post
from torture.tally import Tally
from torture.world import World, opened, verify_all
from turnout.events import event, keys
from turnout.store import schema

_WRITES, _FLUSHES = "pwrite64", "ftruncate,fdatasync,fsync,unlink"
"""The calls by which SQLite changes files: one of them is the last that is begun."""
_PUSH = b'{"profile": {"email": "first@example.org", "title": "first"}}'
_MOST_WRITES_OF_THE_FIRST, _MOST_WRITES, _MOST_FLUSHES = 130, 10, 8
"""What a start makes on no database, on one with data, and of the other calls on either."""


def run(course: Course) -> None:
    world: World | None = None
    expected = _schema_of_a_calm_start(course)
    for chance in course.rounds():
        if course.tally.rounds % 2:
            _on_an_empty_database(course, chance, expected)
            continue
        if world is None:
            world = course.new_world()
        with course.judged(world.home) as verdict:
            _on_data(world, chance)
        if verdict.is_broken:
            world.server.kill()
            world = None
    if world is not None:
        with course.judged(world.home):
            world.end()
    course.tally.remarks.append(f"{course.tally.caught} of the kills before it was ready")


def kill_while_starting(server: Server, tally: Tally, chance: Random, command: Sequence[str], most_writes: int) -> None:
    """Starts it and kills it: at one of its writes, or so long after the start or after it has opened the database."""
    how = chance.random()
    strace = _strace(chance, most_writes) if how > 0.5 else []
    server.launch(command, strace)
    came_through: list[bool] = []
    reader = threading.Thread(target=_drain, args=(server, came_through), daemon=True)
    reader.start()
    if strace:
        reader.join(chance.uniform(2, 5))
    elif how < 0.1:
        reader.join(chance.uniform(0, 1.5))
    else:
        _wait_until_open(server, reader)
        reader.join(chance.uniform(0, 0.6) * chance.random())
    server.signal(signal.SIGKILL)
    reader.join()
    server.wait()
    tally.kills += 1
    tally.caught += not came_through


def _on_data(world: World, chance: Random) -> None:
    load = world.load()
    load.wait(chance.uniform(0.1, 0.5))
    world.kill()
    load.stop()
    for _ in range(chance.randint(1, 4)):
        kill_while_starting(world.server, world.tally, chance, SERVE, _MOST_WRITES)
    world.start()
    world.check()
    world.repeat(chance)
    world.verify()


def _on_an_empty_database(course: Course, chance: Random, expected: set[tuple[str, ...]]) -> None:
    home = course.new_folder()
    server = Server(home / "data", home / "server.log")
    with course.judged(home):
        try:
            for _ in range(chance.randint(1, 4)):
                kill_while_starting(server, course.tally, chance, START, _MOST_WRITES_OF_THE_FIRST)
            course.tally.starts += 1
            course.tally.slowest_start_s = max(course.tally.slowest_start_s, server.start(START))
            if list_schema(server.database_path) != expected:
                raise Broken(f"after kills at the first start the schema is {list_schema(server.database_path)}")
            _use(server)
            verify_all(server)
            course.tally.verified += 1
        finally:
            server.kill()
    shutil.rmtree(home)


def _use(server: Server) -> None:
    """There is the first event, once, and it can be used: with a new key, because the first may not have been shown."""
    with opened(server) as database:
        events = event.list_all(database)
        with database.read() as connection:
            version = schema.find_version(connection)
    if len(events) != 1 or version != schema.VERSION:
        raise Broken(f"after kills at the first start there are {len(events)} events, and the schema is {version}")
    with opened(server) as database:
        key = keys.create(database, events[0].id).text
    sent = Sent(path="/attendees", body=_PUSH, key=None, said=[Said("first")], is_private=True)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        status, content = post(connection, events[0].slug, key, sent)
    finally:
        connection.close()
    if status != 200:
        raise Broken(f"after kills at the first start a push is answered with {status}: {content!r}")


def _schema_of_a_calm_start(course: Course) -> set[tuple[str, ...]]:
    home = course.new_folder()
    server = Server(home / "data", home / "server.log")
    try:
        server.start(START)
        return list_schema(server.database_path)
    finally:
        server.kill()
        shutil.rmtree(home)


def list_schema(path: Path) -> set[tuple[str, ...]]:
    """Every table and index."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return set(connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master"))
    finally:
        connection.close()


def _strace(chance: Random, most_writes: int) -> list[str]:
    try:
        strace = find_strace()
    except NotHere:
        return []
    # strace counts each kind of call by itself.
    calls, most = (_FLUSHES, _MOST_FLUSHES) if chance.random() < 0.3 else (_WRITES, most_writes)
    which = f"inject={calls}:signal=KILL:when={chance.randint(1, most)}"
    # -D: the server is our own child, and strace its other relative.
    return [strace, "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={calls}", "-e", which]


def _wait_until_open(server: Server, reader: threading.Thread) -> None:
    """Until SQLite has mapped the index of its log file: from now on it reads and writes."""
    maps = Path(f"/proc/{server.pid}/maps")
    while reader.is_alive():
        try:
            if "-shm" in maps.read_text():
                return
        except OSError:
            return
        time.sleep(0.001)


def _drain(server: Server, came_through: list[bool]) -> None:
    """Reads what it says until it has come through or ended."""
    try:
        server.wait_until_ready()
    except Broken:
        return
    came_through.append(True)
