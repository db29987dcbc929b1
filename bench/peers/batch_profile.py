"""Where the processor time of a batch of 10,000 goes, by bench/profile.py's account and what batches add to it."""

import sys

import msgspec

from bench import profile
from bench.loads import BATCH_ROWS
from bench.peers import batch_server
from bench.peers.entrants import BATCH
from bench.report import Sheet
from bench.rounds import Grounds
from bench.running import Server

_SERVER = (sys.executable, "-m", "bench.peers.batch_server")
_BATCHES = 5
_LEAST_US = 0.05
"""A part below it is left out: it belongs to single pushes, or is done once for all rows."""


def measure(grounds: Grounds) -> Sheet:
    """The table, in microseconds for each row."""
    store = grounds.store("batch-profile", BATCH.attendees)
    with Server(store, grounds.cores, {"BENCH_PROFILE": "1"}, _SERVER) as server:
        server.run(grounds.load(server, BATCH, 2), breathless_is_fine=True)
        before = _account(server)
        server.run(grounds.load(server, BATCH, _BATCHES), breathless_is_fine=True)
        parts = _split(before, _account(server))
    rows = _BATCHES * BATCH_ROWS
    total = sum(spent for _, _, spent in parts)
    lines: list[tuple[str, ...]] = [
        (f"{thread}: {title}", f"{spent / rows / 1000:.1f}", f"{spent / total:.1%}")
        for thread, title, spent in parts
        if spent / rows / 1000 >= _LEAST_US
    ]
    lines.append(("all", f"{total / rows / 1000:.1f}", "100 %"))
    return Sheet("Where the processor time of a row in a batch of 10,000 goes", ("part", "µs", "share"), lines)


def _split(before: profile.Account, after: profile.Account) -> list[tuple[str, str, int]]:
    """As profile.split, with the third thread in which a batch is taken apart."""
    parts = [(thread, title, spent) for thread, title, spent in profile.split(before, after) if not _is_rest(title)]
    more = [("loop", title) for title, _, _ in batch_server.LOOP]
    more += [("beside", title) for title, _, _ in batch_server.BESIDE]
    more += [(thread, f"{batch_server.COLLECTOR} ({thread})") for thread in ("loop", "commit")]
    parts += [(thread, title, after.parts[title] - before.parts[title]) for thread, title in more]
    known = {thread: sum(spent for one, _, spent in parts if one == thread) for thread in ("loop", "commit", "beside")}
    loop, process = after.loop - before.loop, after.process - before.process
    parts.append(("loop", profile.LOOP_REST, loop - known["loop"]))
    parts.append(("commit", profile.COMMIT_REST, process - loop - known["commit"] - known["beside"]))
    order = ("beside", "loop", "commit")
    return sorted(parts, key=lambda part: order.index(part[0]))


def _is_rest(title: str) -> bool:
    return title in (profile.LOOP_REST, profile.COMMIT_REST)


def _account(server: Server) -> profile.Account:
    return msgspec.convert(server.tell()["profile"], profile.Account)
