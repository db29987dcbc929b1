"""Asking the database without waiting for it for long: it may hang, and whoever asks how things are must not."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class InTime(Generic[Answer]):
    """One question. A thread of its own asks it, one at a time; whoever comes meanwhile waits for the same answer."""

    def __init__(self, ask: Callable[[], Answer], limit_s: float) -> None:
        self._ask = ask
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._asked: tuple[Future[Answer], float] | None = None
        """The answer to come, and when it was asked for."""

    def get(self) -> Answer:
        """Raises TimeoutError where it has been asked for too long already, and what asking raises."""
        answer, left_s = self._begin()
        return answer.result(left_s)

    async def wait(self) -> Answer:
        """The same, without a thread that waits."""
        answer, left_s = self._begin()
        if answer.done() or not left_s:
            return answer.result(0)
        return await asyncio.wait_for(asyncio.wrap_future(answer), left_s)

    def _begin(self) -> tuple[Future[Answer], float]:
        """The answer to come, and how long it is waited for."""
        with self._lock:
            if self._asked is None:
                answer: Future[Answer] = Future()
                # Whoever gives up waiting does not take it from the others.
                answer.set_running_or_notify_cancel()
                self._asked = answer, time.monotonic()
                # One that hangs does not keep the process from its end.
                threading.Thread(target=self._run, args=(answer,), name="in-time", daemon=True).start()
            answer, began = self._asked
            return answer, max(0.0, began + self._limit_s - time.monotonic())

    def _run(self, answer: "Future[Answer]") -> None:
        try:
            found = self._ask()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._end()
            answer.set_exception(error)
        else:
            self._end()
            answer.set_result(found)

    def _end(self) -> None:
        """Whoever comes from now on has it asked anew."""
        with self._lock:
            self._asked = None
