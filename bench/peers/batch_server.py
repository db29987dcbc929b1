"""The server that is measured, with an account of what only batches do and of the collector of cyclic garbage."""

import functools
import gc
import importlib
import threading
import time
from typing import Any

from bench import profile, server

LOOP: tuple[tuple[str, str, str], ...] = (
    ("batch: an item's bytes to object", "turnout.feed.batch.split", "Batch.item"),
    ("batch: push and item put together", "turnout.feed.batch.intake", "read_item"),
    ("batch: ids", "turnout.feed.batch.intake", "new_id"),
    ("batch: the answer", "turnout.feed.batch.intake", "render_receipts"),
)
BESIDE: tuple[tuple[str, str, str], ...] = (
    ("batch: where each item begins and ends", "turnout.feed.batch.intake", "split"),
)
COLLECTOR = "collector of cyclic garbage"


def main() -> None:
    install = profile.install

    def install_more() -> None:
        install()
        for title, module, path in (*LOOP, *BESIDE):
            *parents, name = path.split(".")
            owner = functools.reduce(getattr, parents, importlib.import_module(module))
            setattr(owner, name, profile._timed(title, getattr(owner, name)))
        _time_collector()

    profile.install = install_more  # ty: ignore[invalid-assignment]
    server.main()


def _time_collector() -> None:
    for thread in ("loop", "commit"):
        profile._parts[_collector_in(thread)] = 0
    began = threading.local()

    def keep_account(phase: str, _: dict[str, Any]) -> None:
        inner = profile._frames.inner
        if phase == "start":
            inner.append(0)
            began.at = time.thread_time_ns()
            return
        took = time.thread_time_ns() - began.at
        inner.pop()
        if inner:
            inner[-1] += took
        title = _collector_in("commit" if threading.current_thread().name == "commit" else "loop")
        profile._parts[title] += took

    gc.callbacks.append(keep_account)


def _collector_in(thread: str) -> str:
    return f"{COLLECTOR} ({thread})"


if __name__ == "__main__":
    main()
