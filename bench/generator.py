"""The load, as a process of its own: requests rendered beforehand, sockets with epoll, every status looked at.

Reads a `Load` from standard input and writes a `Measured`. Whatever is not a 200 ends it with a sentence on standard
error.
"""

import contextlib
import gc
import os
import random
import select
import signal
import socket
import sys
import time
from array import array
from collections import Counter

import msgspec

from bench import people, processes
from bench.loads import BATCH_ROWS, Load, Measured

NOOP_BODIES = 1_000


class Summary(msgspec.Struct):
    """The end of a batch's answer."""

    created: int
    updated: int
    unchanged: int
    failed: int


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    requests, results = render(load)
    gc.freeze()
    gc.disable()
    sys.stdout.buffer.write(msgspec.json.encode(run(load, requests, results)))


def render(load: Load) -> tuple[list[bytes], Counter[str]]:
    """All requests, and what should become of them."""
    chance = random.Random(load.first_serial)
    results: Counter[str] = Counter()
    if load.kind == "noop":
        bodies = [
            _request(load, 0, "/noop", people.body(chance.randrange(load.attendees), n)) for n in range(NOOP_BODIES)
        ]
        return (bodies * (load.requests // NOOP_BODIES + 1))[: load.requests], results
    if load.kind == "batch":
        requests = []
        for n in range(load.requests):
            rows = chance.sample(range(load.attendees), BATCH_ROWS)
            first = load.first_serial + n * BATCH_ROWS
            batch = b"[" + b",".join(people.body(row, serial) for serial, row in enumerate(rows, first)) + b"]"
            requests.append(_request(load, n, "/batch", batch))
            results["updated"] += BATCH_ROWS
        return requests, results
    # In a mixture the first tenth of the attendees stays as it was loaded, so that some pushes say nothing new.
    kept = load.attendees // 10 if load.kind == "mixed" else 0
    requests = []
    for serial in range(load.first_serial, load.first_serial + load.requests):
        part = serial % 10 if load.kind == "mixed" else 0
        if part < 6:
            content, result = people.body(chance.randrange(kept, load.attendees), serial), "updated"
        elif part < 8:
            content, result = people.body(load.attendees + serial, serial), "created"
        else:
            content, result = people.body(chance.randrange(kept), 0), "unchanged"
        requests.append(_request(load, serial, "", content))
        results[result] += 1
    return requests, results


def run(load: Load, requests: list[bytes], results: Counter[str]) -> Measured:
    """Sends everything, closed loop: a connection sends its next request when it has the answer to the last."""
    sockets = [_connect(load.port) for _ in range(load.connections)]
    by_number = {one.fileno(): one for one in sockets}
    receive = {number: one.recv for number, one in by_number.items()}
    send = {number: one.sendall for number, one in by_number.items()}
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    began: dict[int, float] = {}
    parts: dict[int, bytes] = {}
    times = array("d")
    acknowledged: list[str] = []
    clock = time.perf_counter
    last = b""
    waiting = iter(requests)
    open_requests = 0

    cpu_before, demand_before, began_at = _cpu_s(load), processes.own_demand_s(), clock()
    own_before = time.process_time()
    for number in by_number:
        request = next(waiting, None)
        if request is not None:
            began[number] = clock()
            send[number](request)
            open_requests += 1
    try:
        while open_requests:
            for number, _ in poll.poll():
                data = receive[number](1 << 18)
                if number in parts:
                    data = parts.pop(number) + data if data else data
                if data[9:12] != b"200":
                    _give_up(data)
                head = data.find(b"\r\n\r\n")
                length = data.find(b"content-length: ")
                if head < 0 or length < 0:
                    parts[number] = data
                    continue
                size = head + 4 + int(data[length + 16 : data.find(b"\r", length)])
                if len(data) != size:
                    if len(data) > size:
                        _give_up(data)
                    parts[number] = data
                    continue
                now = clock()
                times.append(now - began[number])
                last = data
                if load.kill_after is not None:
                    acknowledged.append(data[head + 11 : data.find(b'"', head + 11)].decode())
                    if len(acknowledged) == load.kill_after:
                        os.kill(load.server_pid, signal.SIGKILL)
                request = next(waiting, None)
                if request is None:
                    open_requests -= 1
                    continue
                began[number] = now
                send[number](request)
    except ConnectionError:
        if load.kill_after is None or len(acknowledged) < load.kill_after:
            raise
        acknowledged += _read_rest(sockets, parts)
        return _measured(load, times, 1.0, (1.0, 0.0, 0.0), 0.0, requests, results, acknowledged)
    seconds = clock() - began_at
    demand_s = processes.own_demand_s() - demand_before
    own_s = time.process_time() - own_before
    used = [after - before for before, after in zip(cpu_before, _cpu_s(load), strict=True)]
    if load.kind == "batch":
        _check_batch(last)
    return _measured(load, times, seconds, (used[0], used[1], own_s), demand_s / seconds, requests, results, [])


def _measured(
    load: Load,
    times: "array[float]",
    seconds: float,
    cpu_s: tuple[float, float, float],
    busy: float,
    requests: list[bytes],
    results: Counter[str],
    acknowledged: list[str],
) -> Measured:
    ordered = sorted(times)
    server_s, database_s, generator_s = cpu_s
    return Measured(
        requests=len(times),
        rows=len(times) * (BATCH_ROWS if load.kind == "batch" else 1),
        seconds=seconds,
        cpu_s=max(server_s + database_s, 0.01),
        database_cpu_s=database_s,
        generator_cpu_s=generator_s,
        p50_s=ordered[len(ordered) // 2],
        p99_s=ordered[len(ordered) * 99 // 100],
        busy=busy,
        sent_bytes=sum(map(len, requests)),
        results=dict(results),
        acknowledged=acknowledged,
    )


def _cpu_s(load: Load) -> tuple[float, float]:
    """Of the server, and of the database where it is not in there."""
    server_s = processes.own_cpu_s(load.server_pid) if load.without_children else processes.cpu_s(load.server_pid)
    return server_s, 0.0 if load.database_pid is None else processes.cpu_s(load.database_pid)


def _request(load: Load, number: int, way: str, content: bytes) -> bytes:
    """`way` goes on from the gateway's attendees, unless it is the no-op's."""
    gateway = load.gateways[number % len(load.gateways)]
    path = way if way == "/noop" else f"/e/{gateway.slug}/attendees{way}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{load.port}\r\nUser-Agent: bench\r\nAccept: */*\r\n"
        f"Api-Key: {gateway.key}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _read_rest(sockets: list[socket.socket], parts: dict[int, bytes]) -> list[str]:
    """The acknowledgements that the server had sent before it died."""
    ids = []
    for one in sockets:
        data = parts.get(one.fileno(), b"")
        with contextlib.suppress(ConnectionError):
            while more := one.recv(1 << 18):
                data += more
        head, _, content = data.partition(b"\r\n\r\n")
        # One that came in part may as well have come: its id must be there.
        if head[9:12] == b"200" and content.count(b'"') > 3:
            ids.append(content[7 : content.find(b'"', 7)].decode())
    return ids


def _check_batch(answer: bytes) -> None:
    summary = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=Summary)
    if summary.updated != BATCH_ROWS:
        sys.exit(f"of a batch's {BATCH_ROWS} rows {summary.updated} were updated: {summary}")


def _give_up(data: bytes) -> None:
    if not data:
        raise ConnectionResetError("the server closed a connection")
    sys.exit(f"an answer was not 200: {data[:300]!r}")


if __name__ == "__main__":
    main()
