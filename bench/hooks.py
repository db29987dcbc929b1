"""What webhooks cost: how soon a push is at a receiver, how many deliveries a second, what they take from the feed."""

import statistics
import subprocess
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

import msgspec

from bench.contenders import BY_NAME
from bench.hook_client import Hooked, HookLoad
from bench.refused import Refused
from bench.report import Figure, spread
from bench.rounds import Grounds
from bench.running import Server, start_client
from bench.stores import SECRET_KEY, Store
from turnout.downstream.webhooks import endpoint
from turnout.store import events
from turnout.store.connect import open_database
from turnout.store.database import Database

_ATTENDEES = 1_000
_PAUSE_S = 0.06
_PATIENCE_S = 120


def measure(grounds: Grounds) -> list[Figure]:
    """Raises Refused."""
    store = grounds.store("hooks", _ATTENDEES)
    with Server(store, grounds.cores) as server:
        rounds = [
            _tell_one_by_one(grounds, server, pushes=round(25 * grounds.effort.seconds))
            for _ in range(grounds.effort.rounds)
        ]
        return [*_delays(rounds), *_throughput(grounds, server)]


def _delays(rounds: list[Hooked]) -> list[Figure]:
    noop_us = statistics.median(statistics.median(one.noops) for one in rounds) * 1e6
    figures = []
    for title, share in (("median", 0.5), ("99th percentile", 0.99)):
        median, around = spread([_at(one.delays, share) / statistics.median(one.noops) for one in rounds])
        delay_ms = statistics.median(_at(one.delays, share) for one in rounds) * 1e3
        figures.append(
            Figure(
                title=f"push → a webhook's receiver: {title} ÷ no-op",
                value=median,
                rounds=around,
                goal="",
                is_met=True,
                remark=f"{delay_ms:.1f} ms; no-op {noop_us:.0f} µs",
            )
        )
    return figures


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _tell_one_by_one(grounds: Grounds, server: Server, pushes: int) -> Hooked:
    with _receiving(grounds, server, pushes) as client:
        said, complaint = client.communicate(timeout=_PATIENCE_S)
    return _read(client, said, complaint)


def _throughput(grounds: Grounds, server: Server) -> list[Figure]:
    """The feed alone and with a webhook in turn, as fast as it can: the webhook falls behind, and catches up after."""
    push = BY_NAME["push"]
    warm = server.run(grounds.load(server, push, 2_000), breathless_is_fine=True)
    requests = max(1_000, round(warm.rows_per_s * grounds.effort.seconds))
    values, speeds = [], []
    for _ in range(grounds.effort.rounds):
        alone = server.run(grounds.load(server, push, requests), breathless_is_fine=True).rows_per_s
        with _receiving(grounds, server, 0) as client:
            # It has seen by then that there is one.
            time.sleep(1.5)
            told = server.run(grounds.load(server, push, requests), breathless_is_fine=True).rows_per_s
            said, complaint = client.communicate(b"\n", timeout=_PATIENCE_S)
        seen = _read(client, said, complaint)
        if seen.received < requests:
            raise Refused(f"{requests:,} changes came to {seen.received:,} requests")
        values.append(told / alone)
        speeds.append(seen.received / seen.seconds)
    median, around = spread(values)
    speed = statistics.median(speeds)
    return [
        Figure(
            title="pushes a second with a webhook ÷ with none, at full load",
            value=median,
            rounds=around,
            goal="",
            is_met=True,
            remark=f"{warm.rows_per_s:,.0f} a second without; {speed:,.0f} deliveries a second during and after it",
        )
    ]


def _read(client: "subprocess.Popen[bytes]", said: bytes, complaint: bytes) -> Hooked:
    if client.returncode:
        raise Refused(f"the receiver gave up: {complaint.decode()[-300:]}")
    return msgspec.json.decode(said, type=Hooked)


@contextmanager
def _receiving(grounds: Grounds, server: Server, pushes: int) -> Generator["subprocess.Popen[bytes]"]:
    """A receiver with a webhook of the store's event; both are gone after it."""
    gateway = server.store.gateways[0]
    load = HookLoad(
        port=server.port,
        path=f"/e/{gateway.slug}",
        push_key=gateway.key,
        pushes=pushes,
        pause_s=_PAUSE_S,
        first_serial=int(time.time() * 10) % 100_000_000 + 800_000_000,
    )
    client = start_client(grounds.cores, "bench.hook_client")
    try:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(msgspec.json.encode(load) + b"\n")
        client.stdin.flush()
        url = f"http://127.0.0.1:{int(client.stdout.readline())}/"
        with _opened(server.store) as database:
            webhook_id = _hook(database, gateway.event_id, url)
            client.stdin.write(b"go\n")
            client.stdin.flush()
            yield client
            endpoint.delete(database, webhook_id)
    finally:
        client.kill()
        client.wait()


def _opened(store: Store) -> "closing[Database]":
    return closing(open_database(store.url, SECRET_KEY if store.database_pid else None))


def _hook(database: Database, event_id: str, url: str) -> str:
    with database.read() as connection:
        configuration = events.load_configuration(connection, event_id)
    return endpoint.create(database, configuration, url, allow_private=True).webhook.id
