"""What open consoles cost: what ten of them take from the feed, and how soon they show what comes."""

import statistics
import subprocess
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

import msgspec

from bench import processes
from bench.console_client import ConsoleLoad, Seen
from bench.contenders import BY_NAME
from bench.refused import Refused
from bench.report import Figure, spread
from bench.rounds import TRIES, Grounds
from bench.rows import Goal
from bench.running import Server, start_client
from bench.stores import SECRET_KEY, Store
from turnout import now
from turnout.access import sessions
from turnout.console import cookies
from turnout.model.names import fold_case
from turnout.model.user import User
from turnout.store import users
from turnout.store.connect import open_database

_ATTENDEES = 1_000
_WHO = ("administrator", "manager", "viewer", "masked viewer", "manager")
"""Each with a window on the event's overview, and one on its pushes."""
_PUSHES_PER_S = 500
_SHARE = Goal("≥", 0.9)
_GAP, _DELAY = Goal("≤", 2, " s"), Goal("≤", 2, " s")
_MOST = 0.1
_SIZE = Goal("≤", 16, " KiB")
_PATIENCE_S = 120


def measure(grounds: Grounds, *, postgresql: bool = False) -> list[Figure]:
    """Raises Refused."""
    if postgresql:
        store, _ = grounds.store_on_postgresql("pg-consoles", _ATTENDEES)
    else:
        store = grounds.store("consoles", _ATTENDEES)
    consoles = _sign_in(store)
    with Server(store, grounds.cores) as server:
        figures = [_throughput(grounds, server, consoles), *_fluency(grounds, server, consoles)]
    where = "PostgreSQL: " if postgresql else ""
    return [msgspec.structs.replace(figure, title=f"{where}{figure.title}") for figure in figures]


def _sign_in(store: Store) -> tuple[tuple[str, str], ...]:
    """The pages, each with its visitor's cookie."""
    pages: list[tuple[str, str]] = []
    slug = store.gateways[0].slug
    with closing(open_database(store.url, SECRET_KEY if store.database_pid else None)) as database:
        for number, who in enumerate(_WHO):
            email = f"console{number}@example.org"
            user = User(
                id=now.new_id("usr"),
                email=email,
                name=f"Console {number}",
                role="administrator" if who == "administrator" else "manager" if who == "manager" else "viewer",
                sees_personal=who != "masked viewer",
                all_events=False,
                events=frozenset({store.event_id}),
                has_password=False,
                subject=None,
                created_at=now.now_us(),
            )
            with database.write() as connection:
                users.add_user(connection, user, fold_case(email), None)
            _, cookie = sessions.begin(database, user.id, "127.0.0.1", "bench")
            pages += [
                (path, f"{cookies.SESSION}={cookie}")
                for path in (f"/console/events/{slug}", f"/console/events/{slug}/pushes")
            ]
    return tuple(pages)


def _throughput(grounds: Grounds, server: Server, consoles: tuple[tuple[str, str], ...]) -> Figure:
    """The feed alone and with consoles in turn, on the same server in the same run, as fast as it can."""
    push = BY_NAME["push"]
    warm = server.run(grounds.load(server, push, 2_000), breathless_is_fine=True)
    requests = max(1_000, round(warm.rows_per_s * grounds.effort.seconds))
    by_clock, by_cpu = [], []
    for _ in range(grounds.effort.rounds):
        alone = server.run(grounds.load(server, push, requests), breathless_is_fine=True)
        with _open(grounds, _as_load(server, consoles)) as client:
            watched = server.run(grounds.load(server, push, requests), breathless_is_fine=True)
            seen = _read(client)
        if not seen.least:
            raise Refused("a console was shown nothing of it")
        by_clock.append(watched.rows_per_s / alone.rows_per_s)
        by_cpu.append(watched.rows_per_cpu_s / alone.rows_per_cpu_s)
    median, around = spread(by_clock)
    return Figure(
        title=f"pushes a second with {len(consoles)} open consoles ÷ with none",
        value=median,
        rounds=around,
        goal=str(_SHARE),
        is_met=_SHARE.is_met(statistics.median(by_clock)),
        remark=f"{warm.rows_per_s:,.0f} a second without; by processor time {' ('.join(spread(by_cpu))})",
    )


def _fluency(grounds: Grounds, server: Server, consoles: tuple[tuple[str, str], ...]) -> list[Figure]:
    """What the consoles are shown, and when, of a steady stream; and what that costs the server."""
    rounds, shares = [], []
    seconds = max(5.0, 2 * grounds.effort.seconds)
    for _ in range(grounds.effort.rounds):
        _, alone_s = _push_steadily(grounds, server, (), seconds)
        seen, watched_s = _push_steadily(grounds, server, consoles, seconds)
        rounds.append(seen)
        shares.append((watched_s - alone_s) / seconds)
    what = f"{len(consoles)} consoles, {_PUSHES_PER_S} pushes a second"
    return [
        _share(f"{what}: processor time that the consoles take, of a core", shares),
        _figure(f"{what}: between two updates of one, 99th percentile", [one.gaps for one in rounds], _GAP),
        _figure(f"{what}: from a push to its row, 99th percentile", [one.delays for one in rounds], _DELAY),
        _size(f"{what}: the largest update", [size for one in rounds for size in one.sizes]),
    ]


def _push_steadily(
    grounds: Grounds, server: Server, consoles: tuple[tuple[str, str], ...], seconds: float
) -> tuple[Seen, float]:
    """What was seen, and the server's processor time; tried again where so many pushes were not taken."""
    for left in range(TRIES - 1, -1, -1):
        try:
            return _push_once(grounds, server, consoles, seconds)
        except Refused as error:
            if not left:
                raise
            grounds.say(f"  once more, {error}")
    raise AssertionError


def _push_once(
    grounds: Grounds, server: Server, consoles: tuple[tuple[str, str], ...], seconds: float
) -> tuple[Seen, float]:
    with _open(grounds, _as_load(server, consoles, _PUSHES_PER_S, seconds)) as client:
        before = _cpu_s(server)
        seen = _read(client)
        return seen, _cpu_s(server) - before


def _cpu_s(server: Server) -> float:
    """Of the server, and of the database where it is not in there."""
    database_pid = server.store.database_pid
    return processes.cpu_s(server.pid) + (0.0 if database_pid is None else processes.cpu_s(database_pid))


def _share(title: str, shares: list[float]) -> Figure:
    return Figure(
        title=title,
        value=f"{statistics.median(shares):.1%}",
        rounds=f"{min(shares):.1%} – {max(shares):.1%}",
        goal=f"≤ {_MOST:.0%}",
        is_met=statistics.median(shares) <= _MOST,
    )


def _figure(title: str, rounds: list[list[float]], goal: Goal) -> Figure:
    if not all(rounds):
        raise Refused(f"{title}: nothing was seen")
    late = [_at(values, 0.99) for values in rounds]
    median, around = spread(late)
    middle = statistics.median(_at(values, 0.5) for values in rounds)
    return Figure(
        title=title,
        value=f"{median} s",
        rounds=around,
        goal=str(goal),
        is_met=goal.is_met(statistics.median(late)),
        remark=f"median {middle:.2f} s",
    )


def _size(title: str, sizes: list[int]) -> Figure:
    return Figure(
        title=title,
        value=f"{max(sizes) / 1024:.0f} KiB",
        goal=str(_SIZE),
        is_met=_SIZE.is_met(max(sizes) / 1024),
        remark=f"median {statistics.median(sizes) / 1024:.0f} KiB",
        is_speed=False,
    )


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _as_load(
    server: Server, consoles: tuple[tuple[str, str], ...], per_s: int = 0, seconds: float = 0.0
) -> ConsoleLoad:
    gateway = server.store.gateways[0]
    return ConsoleLoad(
        port=server.port,
        consoles=consoles,
        push_path=f"/e/{gateway.slug}",
        push_key=gateway.key,
        attendees=server.store.attendees,
        first_serial=int(time.time() * 10) % 100_000_000 + 800_000_000,
        pushes_per_s=per_s,
        seconds=seconds,
    )


def _read(client: "subprocess.Popen[bytes]") -> Seen:
    said, complaint = client.communicate(b"\n", timeout=_PATIENCE_S)
    if client.returncode:
        raise Refused(f"the consoles gave up: {complaint.decode()[-300:]}")
    return msgspec.json.decode(said, type=Seen)


@contextmanager
def _open(grounds: Grounds, load: ConsoleLoad) -> Generator["subprocess.Popen[bytes]"]:
    """Consoles that are live."""
    client = start_client(grounds.cores, "bench.console_client")
    try:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(msgspec.json.encode(load) + b"\n")
        client.stdin.flush()
        if client.stdout.readline() != b"live\n":
            assert client.stderr is not None
            raise Refused(f"the consoles did not open: {client.stderr.read().decode()[-300:]}")
        yield client
    finally:
        client.kill()
        client.wait()
