"""Who waits for an event's log to grow is told, whichever process has made it grow.

A notice is sent after the transaction and may be lost: it wakes whoever waits and carries nothing. What is new stands
in the log, and it is looked there every now and then too.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, suppress
from queue import SimpleQueue

from sqlalchemy import Connection

from turnout.errors import StorageUnavailable
from turnout.store.statements import in_parts, run, values

ANY = ""
"""In place of an event's id: all of them, for who works on every log in turn."""
EVERY_S = 0.01
"""At most so often is anybody told: what is announced meanwhile goes together."""
_CLOSE_S = 3.0
"""How long the end waits for what was announced last to be told."""
_SAID_EVERY_S = 300.0
"""Between two log lines on notices that fail: they are lost by the hundred."""

log = logging.getLogger("turnout.store")


class Watch:
    """One reader's place: woken when its event's log has grown beyond what it has read, and by no other event.

    It may be woken for nothing. What came between two waits wakes the second one.
    """

    def __init__(self, event_id: str, after: int) -> None:
        self.event_id = event_id
        self.after = after
        """What has been read for sure."""
        self.is_told = False
        self.is_waiting = False


class ThreadWatch(Watch):
    """A thread's."""

    def __init__(self, event_id: str, after: int) -> None:
        super().__init__(event_id, after)
        self._told = threading.Event()

    def wait(self, after: int, timeout_s: float | None = None) -> bool:
        """Whether there may be something after `after`; False when the time is over."""
        self.after = after
        self.is_waiting = True
        try:
            return self._told.wait(timeout_s)
        finally:
            # Before the log is read: what comes during that counts for the next time. The mark last, by which others
            # see that they need not tell.
            self.is_waiting = False
            self._told.clear()
            self.is_told = False

    def tell(self) -> None:
        """Wakes it. From any thread."""
        self.is_told = True
        self._told.set()


class LoopWatch(Watch):
    """A task's in an event loop."""

    def __init__(self, event_id: str, after: int) -> None:
        super().__init__(event_id, after)
        self.loop = asyncio.get_running_loop()
        self.told = asyncio.Event()

    async def wait(self, after: int, timeout_s: float | None = None) -> bool:
        """Whether there may be something after `after`; False when the time is over."""
        self.after = after
        self.is_waiting = True
        try:
            async with asyncio.timeout(timeout_s):
                return await self.told.wait()
        except TimeoutError:
            return self.is_told
        finally:
            self.is_waiting = False
            self.told.clear()
            self.is_told = False


class Notices:
    """The notices of one database in this process. No thread runs and nothing is opened before it is needed.

    What differs between databases stands in `sqlite_notices.py` and `postgresql_notices.py`.
    """

    look_every_s: float
    """Between two looks into the database while somebody waits."""
    reaches_others = False
    """Whether other processes have to be told; else they find out by looking."""

    def __init__(self, read: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._watches: dict[str, set[ThreadWatch | LoopWatch]] = {}
        self._due: set[str] = set()
        self._is_poked = False
        self._poke: SimpleQueue[None] = SimpleQueue()
        self._threads: dict[str, threading.Thread] = {}
        self._failing = Seldom()
        self._has_watches = threading.Event()
        self._stopping = threading.Event()

    def announce(self, event_ids: Iterable[str]) -> None:
        """Says that these events' logs have grown. After the transaction; costs microseconds and raises nothing."""
        if not self.reaches_others and not self._watches:
            return
        with self._lock:
            self._due.update(event_ids)
            if not self._due or self._is_poked or self._stopping.is_set():
                return
            try:
                self._start("notices-tell", self._tell)
            except RuntimeError as error:
                # No room for a thread, or the interpreter ends: what was committed stays committed.
                if self._failing.is_due():
                    log.warning("notices of changes cannot be sent, followers have to look: %s", error)
                return
            self._is_poked = True
        self._poke.put(None)

    @contextmanager
    def watching(self, event_id: str, after: int = 0) -> Generator[ThreadWatch]:
        """A place for a thread that reads the event's log from behind `after`. To be taken before the log is read."""
        watch = ThreadWatch(event_id, after)
        with self._placed(watch):
            yield watch

    @contextmanager
    def watching_in_loop(self, event_id: str, after: int = 0) -> Generator[LoopWatch]:
        """The same for a task in an event loop."""
        watch = LoopWatch(event_id, after)
        with self._placed(watch):
            yield watch

    @contextmanager
    def watching_all_in_loop(self) -> Generator[LoopWatch]:
        """A place for a task that is told of every event. Only of notices, which may be lost: it has to look itself."""
        watch = LoopWatch(ANY, 0)
        with self._placed(watch):
            yield watch

    def close(self) -> None:
        """Tells what is still to be told, wakes everybody and ends. Whatever hangs is left behind."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._stopping.set()
            self._has_watches.set()
        self._poke.put(None)
        self._interrupt()
        self.wake_all()
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    # What a database may do in its own way

    def _send(self, event_ids: Collection[str]) -> None:
        """Tells other processes, where they have to be told; may take its time."""

    def _look_if_due(self) -> None:
        """Looks, where something may be new. Raises StorageUnavailable."""
        self.look()

    def _begin_listening(self) -> None:
        """Somebody waits. Holds the lock."""

    def _interrupt(self) -> None:
        """Ends whatever its own threads wait for."""

    def _end_sending(self) -> None:
        """Closes what sending has opened, in the thread that sent."""

    def _end_looking(self) -> None:
        """Closes what looking has opened, in the thread that looked."""

    def _note_found(self) -> None:
        """Something new was found by looking, of which no notice had told."""

    # For them

    def wake(self, event_ids: Iterable[str]) -> None:
        """Wakes who waits for these events."""
        with self._lock:
            theirs = [watch for event_id in (*event_ids, ANY) for watch in self._watches.get(event_id, ())]
        _tell_each(theirs)

    def wake_all(self) -> None:
        """For when something may have been missed."""
        with self._lock:
            theirs = [watch for watches in self._watches.values() for watch in watches]
        _tell_each(theirs)

    def look(self) -> None:
        """Wakes those whose events' logs are longer than what they have read. Raises StorageUnavailable."""
        with self._lock:
            theirs = [
                watch
                for event_id, watches in self._watches.items()
                for watch in watches
                if event_id != ANY and not watch.is_told
            ]
        if not theirs:
            return
        with self._read() as connection:
            last = _find_last(connection, {watch.event_id for watch in theirs})
        late = [watch for watch in theirs if last.get(watch.event_id, 0) > watch.after and not watch.is_told]
        if any(watch.is_waiting for watch in late):
            self._note_found()
        _tell_each(late)

    def _start(self, name: str, work: Callable[[], None]) -> None:
        """Starts this thread unless it runs. For whoever holds the lock."""
        if name not in self._threads and not self._stopping.is_set():
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads[name] = thread

    @contextmanager
    def _placed(self, watch: ThreadWatch | LoopWatch) -> Generator[None]:
        with self._lock:
            self._watches.setdefault(watch.event_id, set()).add(watch)
            self._has_watches.set()
            self._start("notices-look", self._keep_looking)
            self._begin_listening()
        try:
            yield
        finally:
            with self._lock:
                theirs = self._watches[watch.event_id]
                theirs.remove(watch)
                if not theirs:
                    del self._watches[watch.event_id]
                if not self._watches and not self._stopping.is_set():
                    self._has_watches.clear()

    def _tell(self) -> None:
        while True:
            self._poke.get()
            with self._lock:
                due, self._due = self._due, set()
                self._is_poked = False
            try:
                # Those in this process need no database for it.
                self.wake(due)
                if due:
                    self._send(due)
            except Exception:
                # Whatever it is, it concerns nobody's push, and who waits will look.
                if self._failing.is_due():
                    log.exception("a notice could not be sent")
            if self._stopping.is_set():
                break
            time.sleep(EVERY_S)
        self._end_sending()

    def _keep_looking(self) -> None:
        while not self._stopping.is_set():
            self._has_watches.wait()
            self._stopping.wait(self.look_every_s)
            try:
                self._look_if_due()
            except StorageUnavailable:
                # Who waits finds out by himself, and says so.
                pass
            except Exception:
                if self._failing.is_due():
                    log.exception("looking for what is new has failed")
        self._end_looking()


class Seldom:
    """When to say again what would be said all the time."""

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def is_due(self) -> bool:
        """Whether to say it now; then not again for a while."""
        now = time.monotonic()
        if now - self._said_at < _SAID_EVERY_S:
            return False
        self._said_at = now
        return True


def _tell_each(watches: Iterable[ThreadWatch | LoopWatch]) -> None:
    """Wakes them, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[LoopWatch]] = {}
    for watch in watches:
        if watch.is_told:
            continue
        if isinstance(watch, ThreadWatch):
            watch.tell()
        else:
            watch.is_told = True
            by_loop.setdefault(watch.loop, []).append(watch)
    for loop, theirs in by_loop.items():
        # A loop that has ended took with it whoever waited there.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_set_all, theirs)


def _set_all(watches: Iterable[LoopWatch]) -> None:
    for watch in watches:
        watch.told.set()


def _find_last(connection: Connection, event_ids: Iterable[str]) -> dict[str, int]:
    """The number of the last line of each of these events' logs."""
    last: dict[str, int] = {}
    for some in in_parts([(event_id,) for event_id in sorted(event_ids)], 1):
        last |= run(
            connection,
            f"SELECT event_id, last_sequence FROM clocks WHERE event_id IN ({values(connection, 1, len(some))})",
            tuple(event_id for (event_id,) in some),
        )
    return last
