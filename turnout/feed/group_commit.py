"""Which waiting pushes travel together: those that arrive during one commit make up the next.

A lone push waits for nobody. What waits is bounded; beyond it there is a quick answer that says to come again.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue

import msgspec
import structlog

from turnout import errors
from turnout.feed import commit
from turnout.feed.configurations import Configurations
from turnout.feed.submission import Result, Submission
from turnout.logs import THINNED_EVERY_S, Thinned
from turnout.model.receipt import Outcome
from turnout.store.database import ANSWER_TIMEOUT_S, LOCK_TIMEOUT_S, Database, StillLocked

MAX_TOGETHER = 512
"""Pushes in one commit, unless a single submission has more."""
LEAST_COMMIT_S = 2.0
"""How long a commit may wait for the database, however long its pushes have waited for the one before."""
MOST_COMMIT_S = ANSWER_TIMEOUT_S - LEAST_COMMIT_S - 1
"""How long it may, so that these two and what goes on between them take no longer than an answer may."""

log = structlog.get_logger()


class Waiting(msgspec.Struct, frozen=True):
    """A submission, and who waits for what becomes of it."""

    submission: Submission
    size: int
    """How many pushes it is."""
    answer: asyncio.Future[Result]
    since: float
    """By the monotonic clock."""


class Statistics(msgspec.Struct):
    """What the commits of this process came to, for `GET /metrics`."""

    results: Counter[str] = msgspec.field(default_factory=Counter)
    """Pushes by result."""
    commit_sizes: list[int] = msgspec.field(default_factory=lambda: [0] * 11)
    """Commits by the number of pushes: up to 1, 2, 4, 8 … 512, more."""
    commit_times: list[int] = msgspec.field(default_factory=lambda: [0] * 14)
    """Commits by duration: up to 0.5 ms, 1 ms, 2 ms … 2 s, more."""
    pushes: int = 0
    seconds: float = 0.0
    failures: int = 0
    last_good_at: float = float("-inf")
    last_failed_at: float = float("-inf")
    last_failure: str = ""
    """Both by the monotonic clock."""

    def count(self, pushes: int, seconds: float) -> None:
        self.pushes += pushes
        self.seconds += seconds
        self.commit_sizes[min((max(pushes, 1) - 1).bit_length(), 10)] += 1
        self.commit_times[min(int(seconds * 2000).bit_length(), 13)] += 1
        self.last_good_at = time.monotonic()


class GroupCommit:
    """One thread that commits, and the queue in front of it."""

    def __init__(self, database: Database, configurations: Configurations, queue_limit: int) -> None:
        self._database = database
        self._configurations = configurations
        self._limit = queue_limit
        self._waiting: deque[Waiting] = deque()
        self._committing: list[Waiting] = []
        self._something_waits: SimpleQueue[None] = SimpleQueue()
        """Wakes the thread: written in C, it costs less than half of an Event."""
        self._stopping = False
        # Whoever is accepted is in the queue before the thread may end.
        self._accepting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self.queued = 0
        """Pushes that wait or are being committed."""
        self._is_woken = False
        self.statistics = Statistics()
        self._failing = Thinned()
        self._failed_pushes = 0
        """Of commits that failed and were not told of yet."""
        self._failing_since: float | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commits what waits, then ends the thread."""
        with self._accepting:
            self._stopping = True
        self._something_waits.put(None)
        self._thread.join()

    async def submit(self, submission: Submission) -> list[Outcome]:
        """The outcomes of the submission's pushes, once they are durable.

        Raises StaleConfiguration, QueueFull, StorageUnavailable, Unexpected, and of a batch InvalidBatch and
        IdempotencyKeyReused.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(submission, len(submission.items), loop.create_future(), time.monotonic())
        with self._accepting:
            if self._stopping:
                raise errors.ShuttingDown("The server is about to stop.")
            self._check_room(waiting)
            self._waiting.append(waiting)
        self.queued += waiting.size
        if not self._is_woken:
            # After all that came in with it: the thread would otherwise begin with the first and fight for Python's
            # lock.
            self._is_woken = True
            loop.call_soon(self._wake)
        # Whoever gives up waiting does not take the push back: it may be on disk already. It counts until it is done.
        result = await waiting.answer
        if isinstance(result, Exception):
            try:
                raise result.with_traceback(None)
            finally:
                # Else the error, its traceback and all that was submitted hold one another until they are collected.
                del result, waiting
        for outcome in result:
            self.statistics.results[outcome.result] += 1
        return result

    def _wake(self) -> None:
        self._is_woken = False
        if self._something_waits.empty():
            self._something_waits.put(None)

    def _check_room(self, waiting: Waiting) -> None:
        if self.queued and self.queued + waiting.size > self._limit:
            source = _source_of(waiting)
            theirs = sum(one.size for one in (*self._committing, *self._waiting) if _source_of(one) == source)
            if theirs * 2 > self._limit:
                raise errors.SourceQueueFull("This source has too many pushes waiting to be stored.")
            raise errors.QueueFull("Too many pushes are waiting to be stored.")

    def _run(self) -> None:
        while True:
            self._something_waits.get()
            while together := self._next():
                self._deliver(*self._keep_held(together, self._commit(together)))
                self._committing = []
                self._move_log()
            if self._stopping:
                return

    def _next(self) -> list[Waiting]:
        self._committing = together = []
        self._join(together)
        return together

    def _join(self, together: list[Waiting]) -> list[Submission]:
        """Adds those that wait, as many as travel in one commit; gives what was added."""
        size = _size_of(together)
        joined = []
        # This process may have stood still meanwhile: his sender has asked another one since.
        late = []
        too_late = time.monotonic() - ANSWER_TIMEOUT_S
        while self._waiting:
            if self._waiting[0].since < too_late:
                late.append(self._waiting.popleft())
                continue
            size += self._waiting[0].size
            if together and size > MAX_TOGETHER:
                break
            waiting = self._waiting.popleft()
            together.append(waiting)
            joined.append(waiting.submission)
        if late:
            self._deliver(late, [errors.StorageUnavailable("It has waited too long to be stored.")] * len(late))
        return joined

    def _keep_held(self, together: list[Waiting], results: list[Result]) -> tuple[list[Waiting], list[Result]]:
        """Those to be answered; those whose event somebody holds go on waiting, as long as they may."""
        if not any(isinstance(result, StillLocked) for result in results):
            return together, results
        too_long = time.monotonic() - LOCK_TIMEOUT_S
        kept, answered, told = [], [], []
        for waiting, result in zip(together, results, strict=True):
            if isinstance(result, StillLocked) and waiting.since > too_long:
                kept.append(waiting)
            else:
                answered.append(waiting)
                told.append(result)
        self._waiting.extendleft(reversed(kept))
        locked = [(one, result) for one, result in zip(answered, told, strict=True) if isinstance(result, StillLocked)]
        if locked:
            self._tell_failed(locked[0][1], [waiting for waiting, _ in locked])
        return answered, told

    def _commit(self, together: list[Waiting]) -> list[Result]:
        # Whoever comes first has waited longest.
        within_s = max(LEAST_COMMIT_S, MOST_COMMIT_S - (time.monotonic() - together[0].since))
        try:
            # Whoever comes while the transaction is begun, a way to the database and back, travels with it.
            return self._write(together, lambda: self._join(together), within_s)
        except errors.StorageUnavailable as error:
            self.statistics.last_failed_at = time.monotonic()
            self.statistics.last_failure = error.detail
            self._tell_failed(error, together)
            self._refuse_waiting(error)
            return [error.with_traceback(None)] * len(together)
        except Exception:
            log.exception("commit_failed", pushes=_size_of(together))
            return [self._write_alone(waiting) for waiting in together]

    def _write(
        self, together: list[Waiting], join: Callable[[], Sequence[Submission]], within_s: float
    ) -> list[Result]:
        began = time.perf_counter()
        submissions = [waiting.submission for waiting in together]
        results = commit.write(self._database, self._configurations, submissions, join, within_s)
        if all(isinstance(result, StillLocked) for result in results):
            # Nothing was stored: that says nothing of other events, good or bad.
            return results
        self.statistics.count(_size_of(together), time.perf_counter() - began)
        if self._failing_since is not None:
            self._tell_well(self._failing_since)
        return results

    def _tell_failed(self, error: errors.StorageUnavailable, together: list[Waiting]) -> None:
        """One line for all in a while: each push that is refused has one of its own."""
        self.statistics.failures += 1
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        self._failed_pushes += _size_of(together)
        commits = self._failing.count(error.detail)
        if commits is not None:
            log.error("commit_failed", reason=error.detail, commits=commits, pushes=self._failed_pushes)
            self._failed_pushes = 0

    def _tell_well(self, since: float) -> None:
        self._failing_since = None
        if time.monotonic() - since >= THINNED_EVERY_S:
            log.info("commits_succeed_again", after_s=round(time.monotonic() - since, 1))

    def _write_alone(self, waiting: Waiting) -> Result:
        """One submission by itself, so that what is wrong with it harms no other."""
        try:
            return self._write([waiting], lambda: (), LEAST_COMMIT_S)[0]
        except errors.StorageUnavailable as error:
            return error
        except Exception:
            log.exception("push_failed", pushes=[item.id for item in waiting.submission.items][:10])
            return errors.Unexpected("A mistake in Turnout kept this from being stored.")

    def _refuse_waiting(self, error: errors.StorageUnavailable) -> None:
        """Answers everybody who waits: for them it would take as long again. Of theirs, nothing was begun."""
        refused = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if refused:
            self._deliver(refused, [errors.StorageUnavailable(error.detail)] * len(refused))

    def _move_log(self) -> None:
        try:
            self._database.move_log()
        except errors.StorageUnavailable as error:
            log.warning("log_not_moved", reason=error.detail)
        except Exception:
            # Whatever it is, it concerns nobody's push, and must not end the thread.
            log.exception("log_not_moved")

    def _deliver(self, together: list[Waiting], results: Sequence[Result]) -> None:
        """Wakes everybody who waits, with one call into each event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Waiting, Result]]] = {}
        for waiting, result in zip(together, results, strict=True):
            by_loop.setdefault(waiting.answer.get_loop(), []).append((waiting, result))
        for loop, answers in by_loop.items():
            # A loop that has ended took with it whoever waited there.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._answer, answers)

    def _answer(self, answers: list[tuple[Waiting, Result]]) -> None:
        for waiting, result in answers:
            self.queued -= waiting.size
            if not waiting.answer.done():
                waiting.answer.set_result(result)


def _source_of(waiting: Waiting) -> tuple[str, int]:
    """Event and number of the source that it counts against."""
    return waiting.submission.configuration.event.id, waiting.submission.source_number


def _size_of(together: Sequence[Waiting]) -> int:
    """Pushes."""
    return sum(waiting.size for waiting in together)
