"""The load for a peer, as a process of its own: like bench/generator.py, but a row may take several requests.

Reads a `PeerLoad` from standard input and writes a `Measured`. Whatever is not a 200 ends it with a sentence on
standard error.
"""

import gc
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable
from urllib.parse import quote

import msgspec

from bench import people, processes
from bench.loads import Measured
from bench.peers.loads import PeerLoad, flat

Next = Callable[[bytes], bytes | None]
"""From the answer to one request of a row the row's next request, if there is one."""
Rendered = tuple[bytes, Next]
_LAST_CHUNK = b"\r\n0\r\n\r\n"


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=PeerLoad)
    requests = render(load)
    gc.freeze()
    gc.disable()
    sys.stdout.buffer.write(msgspec.json.encode(run(load, requests)))


def render(load: PeerLoad) -> list[Rendered]:
    """The first request of each row, and what follows it."""
    return [_RENDERERS[load.way](load, rows) for rows in load.statements()]


def run(load: PeerLoad, requests: list[Rendered]) -> Measured:
    """Sends everything, closed loop: with each answer a connection goes on with its row, or to the next."""
    sockets = [_connect(load.port) for _ in range(load.connections)]
    by_number = {one.fileno(): one for one in sockets}
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    began: dict[int, float] = {}
    following: dict[int, Next] = {}
    parts: dict[int, bytes] = {}
    times = array("d")
    sent_bytes = 0
    clock = time.perf_counter
    waiting = iter(requests)
    open_rows = 0

    cpu_before, demand_before, began_at = processes.cpu_s(load.server_pid), processes.own_demand_s(), clock()
    for number, one in by_number.items():
        begun = next(waiting, None)
        if begun is not None:
            began[number] = clock()
            one.sendall(begun[0])
            sent_bytes += len(begun[0])
            following[number] = begun[1]
            open_rows += 1
    while open_rows:
        for number, _ in poll.poll():
            one = by_number[number]
            content = _read(one.recv(1 << 18), number, parts)
            if content is None:
                continue
            request = following[number](content)
            if request is None:
                now = clock()
                times.append(now - began[number])
                begun = next(waiting, None)
                if begun is None:
                    open_rows -= 1
                    continue
                began[number] = now
                request, following[number] = begun
            one.sendall(request)
            sent_bytes += len(request)
    seconds = clock() - began_at
    demand_s = processes.own_demand_s() - demand_before
    cpu_s = processes.cpu_s(load.server_pid) - cpu_before
    ordered = sorted(times)
    return Measured(
        requests=len(times),
        rows=len(times) * load.rows_each,
        seconds=seconds,
        cpu_s=max(cpu_s, 0.01),
        p50_s=ordered[len(ordered) // 2],
        p99_s=ordered[len(ordered) * 99 // 100],
        busy=demand_s / seconds,
        sent_bytes=sent_bytes,
        results={},
    )


def _read(data: bytes, number: int, parts: dict[int, bytes]) -> bytes | None:
    """The body of an answer that is there as a whole."""
    if not data:
        sys.exit("the server closed a connection")
    data = parts.pop(number, b"") + data
    if data[9:12] != b"200":
        sys.exit(f"an answer was not 200: {data[:600]!r}")
    head, end, content = data.partition(b"\r\n\r\n")
    if end:
        head = head.lower()
        _, is_measured, length = head.partition(b"content-length: ")
        if is_measured:
            missing = int(length.partition(b"\r")[0]) - len(content)
            if missing == 0:
                return content
            if missing < 0:
                sys.exit(f"an answer is longer than it says: {data[:300]!r}")
        elif b"transfer-encoding: chunked" not in head:
            sys.exit(f"an answer does not say how long it is: {head!r}")
        elif content.endswith(_LAST_CHUNK):
            # Still in its chunks: nobody who answers so is asked again.
            return content
    parts[number] = data
    return None


def _push(load: PeerLoad, rows: list[tuple[int, int]]) -> Rendered:
    """The push as Turnout gets it."""
    ((number, serial),) = rows
    return _request(load, "POST", load.path, people.body(number, serial)), _done


def _flat_push(load: PeerLoad, rows: list[tuple[int, int]]) -> Rendered:
    ((number, serial),) = rows
    return _request(load, "POST", load.path, msgspec.json.encode(flat(number, serial))), _done


def _rows(load: PeerLoad, rows: list[tuple[int, int]]) -> Rendered:
    """Without "return", so that nothing is read back."""
    content = msgspec.json.encode({"rows": [flat(number, serial) for number, serial in rows]})
    return _request(load, "POST", load.path, content), _done


def _find_then_save(load: PeerLoad, rows: list[tuple[int, int]]) -> Rendered:
    """Asks for the record with that e-mail, without a count of all; then updates it, or creates one."""
    ((number, serial),) = rows
    row = flat(number, serial)
    content = msgspec.json.encode(row)
    query = "?perPage=1&skipTotal=1&fields=id&filter=" + quote(f"(email='{row['email']}')", safe="")
    is_found = False

    def go_on(answer: bytes) -> bytes | None:
        nonlocal is_found
        if is_found:
            return None
        is_found = True
        items = msgspec.json.decode(answer, type=_Found).items
        if not items:
            return _request(load, "POST", load.path, content)
        return _request(load, "PATCH", f"{load.path}/{items[0].id}", content)

    return _request(load, "GET", load.path + query), go_on


class _Record(msgspec.Struct):
    id: str


class _Found(msgspec.Struct):
    items: list[_Record]


_RENDERERS: dict[str, Callable[[PeerLoad, list[tuple[int, int]]], Rendered]] = {
    "pocketbase": _find_then_save,
    "pocketbase-route": _flat_push,
    "datasette": _rows,
    "orm": _push,
}


def _done(_: bytes) -> None:
    return None


def _request(load: PeerLoad, method: str, path: str, content: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{load.port}", "User-Agent: bench", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in load.headers.items()]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


if __name__ == "__main__":
    main()
