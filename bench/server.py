"""The server that is measured: `turnout serve`, with a `POST /noop` in front of the product, and switches.

BENCH_CORE pins it. BENCH_ALONE=1 gives every push a commit of its own; BENCH_POOL=8 does too, eight of them at a time.
BENCH_FLUSH_S makes every flush take so much longer. BENCH_WORKERS=2 lets two processes serve. BENCH_PROFILE=1 keeps
account of where the time goes.
"""

import os
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec

NOOP_ANSWER = msgspec.json.encode({"id": "noop", "result": "nothing", "padding": "." * 260})
_STARTED = os.getpid()
"""The process that was started, also in those that it forks."""
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(NOOP_ANSWER)).encode())]


class NoOp:
    """Answers `POST /noop` itself, through the same server and protocol as everything else."""

    def __init__(self, product: Any) -> None:
        self._product = product
        self.end_streams: Callable[[], None] = product.end_streams
        self._answered = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/noop":
            if scope["method"] == "POST":
                await self._answer_nothing(receive, send)
            else:
                await self._tell(send)
        else:
            await self._product(scope, receive, send)

    async def _answer_nothing(self, receive: Any, send: Any) -> None:
        chunks = []
        while True:
            message = await receive()
            chunks.append(message["body"])
            if not message["more_body"]:
                break
        b"".join(chunks)
        self._answered += 1
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": NOOP_ANSWER})

    async def _tell(self, send: Any) -> None:
        """What `GET /noop` says: who this is, how many no-ops it has answered, and the profile where one is kept."""
        from bench import profile

        told = {"pid": _STARTED, "noops": self._answered, "profile": profile.read()}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(told)})


def _lengthen_flushes(seconds: float) -> None:
    """Every transaction that writes takes so much longer, at its end and while it still holds the lock."""
    from turnout.store.sqlite.database import SqliteDatabase

    write = SqliteDatabase.write

    @contextmanager
    def slow_write(self: SqliteDatabase, **waiting: Any) -> Generator[Any]:
        with write(self, **waiting) as connection:
            yield connection
            time.sleep(seconds)

    SqliteDatabase.write = slow_write


def _commit_singly(at_a_time: int) -> None:
    """Every push has a transaction of its own, on one of so many connections, each with a thread."""
    from turnout.feed.group_commit import GroupCommit, Statistics, Waiting

    counting = threading.Lock()
    count = Statistics.count

    def count_alone(self: Statistics, pushes: int, seconds: float) -> None:
        with counting:
            count(self, pushes, seconds)

    def run(self: GroupCommit) -> None:
        free = threading.Semaphore(at_a_time)

        def commit(waiting: Waiting) -> None:
            try:
                self._deliver([waiting], self._commit([waiting]))
            finally:
                free.release()

        with ThreadPoolExecutor(at_a_time) as pool:
            while True:
                self._something_waits.get()
                while self._waiting:
                    free.acquire()
                    pool.submit(commit, self._waiting.popleft())
                if self._stopping:
                    return

    Statistics.count = count_alone
    GroupCommit._run = run


def main() -> None:
    if "BENCH_CORE" in os.environ:
        os.sched_setaffinity(0, {int(os.environ["BENCH_CORE"])})
    from turnout import app
    from turnout.cli import serve
    from turnout.feed import group_commit

    if "BENCH_ALONE" in os.environ:
        group_commit.MAX_TOGETHER = 1  # ty: ignore[invalid-assignment]
    if "BENCH_POOL" in os.environ:
        _commit_singly(int(os.environ["BENCH_POOL"]))
    if "BENCH_FLUSH_S" in os.environ:
        _lengthen_flushes(float(os.environ["BENCH_FLUSH_S"]))
    if "BENCH_PROFILE" in os.environ:
        from bench import profile

        profile.install()
    build = app.build

    def build_behind_noop(*arguments: Any, **options: Any) -> Any:
        return NoOp(build(*arguments, **options))

    app.build = build_behind_noop  # ty: ignore[invalid-assignment]
    serve.command(["--port", "0", "--workers", os.environ.get("BENCH_WORKERS", "1")])


if __name__ == "__main__":
    main()
