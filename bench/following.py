"""What following costs: how soon a push is at the followers, what they take from the feed, and what idle ones hold."""

import statistics
import subprocess
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

import msgspec

from bench import processes
from bench.contenders import BY_NAME
from bench.follow_client import Followed, FollowLoad
from bench.refused import Refused
from bench.report import Figure, spread
from bench.rounds import Grounds
from bench.rows import Goal
from bench.running import Cores, Server, start_client
from bench.stores import SECRET_KEY, Store
from turnout.events import keys
from turnout.store.connect import open_database

_ATTENDEES = 1_000
_MANY, _IDLE = 100, 1_000
_PAUSE_S = 0.06
_MEDIAN, _LAST = Goal("≤", 10), Goal("≤", 20)
_SHARE, _MEMORY = Goal("≥", 0.9), Goal("≤", 50, " MB")
_PATIENCE_S = 120


def measure(grounds: Grounds) -> list[Figure]:
    """Raises Refused."""
    store = grounds.store("follow", _ATTENDEES)
    read_key = _make_read_key(store)
    figures = []
    with Server(store, grounds.cores) as server:
        for followers in (1, _MANY):
            rounds = [
                _follow(grounds, server, read_key, followers, pushes=round(25 * grounds.effort.seconds))
                for _ in range(grounds.effort.rounds)
            ]
            figures += _figures(rounds, followers)
        figures.append(_throughput(grounds, server, read_key))
    with Server(store, grounds.cores) as server:
        figures.append(_memory(grounds, server, read_key))
    return figures


def _make_read_key(store: Store) -> str:
    with closing(open_database(store.url, SECRET_KEY if store.database_pid else None)) as database:
        return keys.create(database, store.event_id, scope="read").text


def _figures(rounds: list[Followed], followers: int) -> list[Figure]:
    who = "1 follower" if followers == 1 else f"{followers} followers"

    def ratios(seen: str, share: float) -> list[float]:
        return [_at(getattr(one, seen), share) / statistics.median(one.noops) for one in rounds]

    wanted = [
        (f"push → {who}: median ÷ no-op", ratios("middle", 0.5), _MEDIAN),
        (f"push → {who}: 99th percentile ÷ no-op", ratios("middle", 0.99), None),
    ]
    if followers > 1:
        wanted.append((f"push → the last of {who}: median ÷ no-op", ratios("last", 0.5), _LAST))
        wanted.append((f"push → the last of {who}: 99th percentile ÷ no-op", ratios("last", 0.99), None))
    noop_us = statistics.median(statistics.median(one.noops) for one in rounds) * 1e6
    figures = []
    for title, values, goal in wanted:
        median, around = spread(values)
        figures.append(
            Figure(
                title=title,
                value=median,
                rounds=around,
                goal=str(goal) if goal else "",
                is_met=goal is None or goal.is_met(statistics.median(values)),
                remark=f"no-op {noop_us:.0f} µs",
            )
        )
    return figures


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _throughput(grounds: Grounds, server: Server, read_key: str) -> Figure:
    """The feed alone and with followers in turn, on the same server in the same run."""
    push = BY_NAME["push"]
    warm = server.run(grounds.load(server, push, 2_000), breathless_is_fine=True)
    requests = max(1_000, round(warm.rows_per_s * grounds.effort.seconds))
    values = []
    for _ in range(grounds.effort.rounds):
        alone = server.run(grounds.load(server, push, requests), breathless_is_fine=True).rows_per_s
        with _holding(grounds.cores, _as_load(server, read_key, _MANY)):
            followed = server.run(grounds.load(server, push, requests), breathless_is_fine=True).rows_per_s
        values.append(followed / alone)
    median, around = spread(values)
    return Figure(
        title=f"pushes a second with {_MANY} followers ÷ with none",
        value=median,
        rounds=around,
        goal=str(_SHARE),
        is_met=_SHARE.is_met(statistics.median(values)),
        remark=f"{warm.rows_per_s:,.0f} a second without",
    )


def _memory(grounds: Grounds, server: Server, read_key: str) -> Figure:
    """Once a few have come and gone: what the first one takes is not theirs."""
    with _holding(grounds.cores, _as_load(server, read_key, 10)):
        before = processes.resident_bytes(server.pid)
    with _holding(grounds.cores, _as_load(server, read_key, _IDLE)):
        grown = (processes.resident_bytes(server.pid) - before) / 1e6
    return Figure(
        title=f"memory of {_IDLE:,} idle followers",
        value=f"{grown:.0f} MB",
        goal=str(_MEMORY),
        is_met=_MEMORY.is_met(grown),
        is_speed=False,
    )


def _as_load(server: Server, read_key: str, followers: int, pushes: int = 0) -> FollowLoad:
    gateway = server.store.gateways[0]
    return FollowLoad(
        port=server.port,
        path=f"/e/{gateway.slug}",
        push_key=gateway.key,
        read_key=read_key,
        followers=followers,
        pushes=pushes,
        pause_s=_PAUSE_S,
        first_serial=int(time.time() * 10) % 100_000_000 + 800_000_000,
    )


def _follow(grounds: Grounds, server: Server, read_key: str, followers: int, pushes: int) -> Followed:
    with _started(grounds.cores, _as_load(server, read_key, followers, pushes)) as client:
        said, complaint = client.communicate(timeout=_PATIENCE_S)
    if client.returncode:
        raise Refused(f"the followers gave up: {complaint.decode()[-300:]}")
    return msgspec.json.decode(said, type=Followed)


@contextmanager
def _holding(cores: Cores, load: FollowLoad) -> Generator[None]:
    """Meanwhile so many follow."""
    with _started(cores, load) as client:
        assert client.stdout is not None
        if client.stdout.readline() != b"ready\n":
            raise Refused("the followers did not come")
        yield
        _, complaint = client.communicate(timeout=_PATIENCE_S)
    if client.returncode:
        raise Refused(f"the followers were cut off: {complaint.decode()[-300:]}")


@contextmanager
def _started(cores: Cores, load: FollowLoad) -> Generator[subprocess.Popen[bytes]]:
    client = start_client(cores, "bench.follow_client")
    try:
        assert client.stdin is not None
        client.stdin.write(msgspec.json.encode(load) + b"\n")
        client.stdin.flush()
        yield client
    finally:
        client.kill()
        client.wait()
