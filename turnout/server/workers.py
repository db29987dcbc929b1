"""Several processes on one listener: a parent that watches, and workers that serve. Whoever dies is replaced.

The parent serves nobody. It stays without threads and connections, so that what it forks, also after weeks, has none of
them by halves. What a worker does is its caller's affair. Linux and macOS.
"""

import contextlib
import gc
import importlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import NoReturn

import uvicorn

from turnout.server.post import Load, Post

log = logging.getLogger("turnout.server")

IS_SUPPORTED = hasattr(os, "fork")
"""Whether this system can do it."""
STEADY_S = 10.0
"""Who has lived for so long is replaced at once …"""
FIRST_DELAY_S = 0.1
"""… else after this time, and after twice the time for each further one, so that dying at once costs little …"""
MAX_DELAY_S = 5.0
"""… but never later than this."""
MAX_FAILED_STARTS = 4
"""Of one worker in a row: then it is not chance, and the end unless others serve already."""
_MAX_REASON_BYTES = 4_000

_SIGNALS = (signal.SIGTERM, signal.SIGINT, *([signal.SIGCHLD] if IS_SUPPORTED else []))


class WorkersFailed(Exception):
    """No worker gets as far as to answer. The message says why, for whoever started the server."""


def supervise(
    count: int,
    work: Callable[[Post], object],
    *,
    listener: socket.socket,
    shutdown_timeout_s: float,
    on_start: Callable[[], object],
    on_end: Callable[[int], object] = lambda _: None,
) -> None:
    """Lets so many processes do the work until SIGTERM or SIGINT; returns when they have ended in order.

    `work` runs in each of them and serves on the listener until SIGTERM, or until `Post.parent` is at its end. Here,
    `on_start` is called once when all are ready, and `on_end` with the number of each that has ended, before another
    takes its place. Raises WorkersFailed; SystemExit with 1 when work was cut off after `shutdown_timeout_s`, and with
    130 on a second SIGINT, which leaves at once.
    """
    _load()
    assert threading.active_count() == 1
    # Pages that nobody writes to are shared: the collector would write to all of them.
    gc.collect()
    gc.freeze()
    _Supervisor(count, work, listener, shutdown_timeout_s, on_start, on_end).run()


def _load() -> None:
    """What uvicorn imports only when it serves, once for all workers."""
    config = uvicorn.Config("", http="httptools", ws="none", log_config=None)
    config.get_loop_factory()
    for name in ("uvicorn.lifespan.on", "uvicorn.protocols.http.httptools_impl"):
        importlib.import_module(name)


class _Worker:
    """One of the places: the process that has it now, and how those before fared."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: int | None = None
        self.status: int | None = None  # the descriptor, as long as it is open
        self.said = b""
        self.is_ready = False
        self.started_at = 0.0
        self.due_at = 0.0
        self.early_ends = 0  # in a row
        self.failed_starts = 0  # in a row


class _Supervisor:
    def __init__(
        self,
        count: int,
        work: Callable[[Post], object],
        listener: socket.socket,
        timeout_s: float,
        on_start: Callable[[], object],
        on_end: Callable[[int], object],
    ) -> None:
        self._workers = [_Worker(number) for number in range(1, count + 1)]
        self._work = work
        self._listener = listener
        self._timeout_s = timeout_s
        self._on_start = on_start
        self._on_end = on_end
        self._load = Load(count)
        self._told: list[int] = []  # to stop
        self._has_started = False
        self._is_stopping = False
        self._was_cut_off = False
        # Only the parent holds the other end, and nothing is ever written: workers read its end when the parent is
        # gone, however it went.
        self._parent, self._life = os.pipe()
        self._bell, self._bell_rope = os.pipe()  # written by every signal
        for descriptor in (self._bell, self._bell_rope):
            os.set_blocking(descriptor, False)

    def run(self) -> None:
        try:
            with self._hearing():
                try:
                    while not self._told:
                        self._start_due()
                        self._wait(min((one.due_at for one in self._workers if one.process is None), default=None))
                        self._look()
                finally:
                    self._stop()
        finally:
            for descriptor in (self._parent, self._life, self._bell, self._bell_rope):
                os.close(descriptor)
        if self._was_cut_off:
            raise SystemExit(130 if self._told.count(signal.SIGINT) > 1 else 1)

    @contextlib.contextmanager
    def _hearing(self) -> Generator[None]:
        before = {one: signal.signal(one, self._hear) for one in _SIGNALS}
        bell_before = signal.set_wakeup_fd(self._bell_rope, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(bell_before)
            for one, handler in before.items():
                signal.signal(one, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._told.append(number)

    # Starting

    def _start_due(self) -> None:
        for worker in self._workers:
            if worker.process is None and worker.due_at <= time.monotonic() and not self._told:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        status, status_end = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or both would write what is in it
        worker.said, worker.is_ready, worker.started_at = b"", False, time.monotonic()
        # None may reach the child before it has put away our handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            process = os.fork()
            if not process:
                os.close(status)
                self._become(Post(worker.number, self._parent, status_end, self._load))
        except OSError as error:
            os.close(status)
            worker.said = f"no process can be started ({error.strerror})".encode()
            self._note_end(worker, "could not be started")
        else:
            worker.process, worker.status = process, status
        finally:
            os.close(status_end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _become(self, post: Post) -> NoReturn:
        """The worker's life, in the child. Nothing of the parent's is run at its end."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for one in _SIGNALS:
                signal.signal(one, signal.SIG_DFL)  # until it serves there is nothing to finish
            for descriptor in (self._life, self._bell, self._bell_rope):
                os.close(descriptor)
            for other in self._workers:
                if other.status is not None:
                    os.close(other.status)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._work(post)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            log.exception("a worker failed")
            with contextlib.suppress(OSError):
                os.write(post.status, f"{type(error).__name__}: {error}".encode()[:_MAX_REASON_BYTES])
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    # Watching

    def _wait(self, until: float | None) -> None:
        """Returns when a signal came, a worker said something, or the time has come."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        for worker in self._workers:
            if worker.status is not None:
                poll.register(worker.status, select.POLLIN)
        ready = {
            descriptor
            for descriptor, _ in poll.poll(None if until is None else max(0.0, (until - time.monotonic()) * 1000) + 1)
        }
        with contextlib.suppress(BlockingIOError):
            while os.read(self._bell, 1_000):
                pass
        for worker in self._workers:
            if worker.status in ready:
                self._listen_to(worker)

    def _listen_to(self, worker: _Worker) -> None:
        assert worker.status is not None
        said = os.read(worker.status, _MAX_REASON_BYTES)
        worker.said += said
        if not said:
            os.close(worker.status)
            worker.status = None
        elif worker.said == b"+":
            worker.said = b""
            worker.is_ready = True
            worker.failed_starts = 0

    def _look(self) -> None:
        for worker in self._workers:
            if worker.process is not None:
                process, status = os.waitpid(worker.process, os.WNOHANG)
                if process:
                    self._bury(worker, os.waitstatus_to_exitcode(status))
        if not self._has_started and all(worker.is_ready for worker in self._workers):
            self._has_started = True
            self._on_start()

    def _bury(self, worker: _Worker, code: int) -> None:
        while worker.status is not None:
            self._listen_to(worker)  # to its end
        process, worker.process = worker.process, None
        self._load.clear(worker.number)
        self._on_end(worker.number)
        if self._is_stopping:
            # Killed by our own signal it was before it served.
            if code not in (0, -signal.SIGTERM, -signal.SIGINT):
                self._was_cut_off = True
            return
        self._note_end(worker, f"was process {process} and ended with {_in_words(code)}")

    def _note_end(self, worker: _Worker, how: str) -> None:
        """Says so, and when it is replaced. Raises WorkersFailed where that is no use."""
        reason = worker.said.decode(errors="replace")
        now = time.monotonic()
        worker.early_ends = worker.early_ends + 1 if now - worker.started_at < STEADY_S else 0
        if not worker.is_ready:
            worker.failed_starts += 1
        worker.is_ready = False
        delay_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (worker.early_ends - 1)) if worker.early_ends else 0.0
        worker.due_at = now + delay_s
        serves = self._has_started and any(one.is_ready for one in self._workers)
        if worker.failed_starts >= MAX_FAILED_STARTS and not serves:
            raise WorkersFailed(
                f"The workers do not start: worker {worker.number} {how}, {worker.failed_starts} times in a row. "
                + (f"It said: {reason}" if reason else "The log says why.")
            )
        log.error("worker %d %s; another takes its place in %g s", worker.number, how, delay_s)

    # Stopping

    def _stop(self) -> None:
        """Has every worker finish what it accepted; whoever takes too long is killed, which is survived anyway."""
        self._is_stopping = True
        self._listener.close()
        until = time.monotonic() + self._timeout_s
        # SIGTERM whatever we heard: Ctrl-C reaches workers by itself, and a second SIGINT would be "at once".
        self._signal_all(signal.SIGTERM)
        while any(worker.process is not None for worker in self._workers):
            if time.monotonic() >= until or self._told.count(signal.SIGINT) > 1:
                log.error("stopping: workers do not end in time and are killed")
                self._was_cut_off = True
                self._signal_all(signal.SIGKILL)
                until = float("inf")
            self._wait(None if until == float("inf") else until)
            self._look()

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None:
                # Not waited for yet, so the number is still its own.
                os.kill(worker.process, number)


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
