"""A lock between processes, on files beside the database, first come first served."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


class LockTimeout(Exception):
    """Somebody else held the lock for the whole time."""


class FileLock:
    """Held for every commit and every checkpoint of an SQLite file.

    Two locks make it fair: whoever waits for the first holds the second, and whoever has just released the first
    needs the second to take it again. Without it a busy server would starve the command line beside it.
    """

    def __init__(self, path: Path) -> None:
        self._held = _open(path)
        self._next = _open(path.with_name(path.name + "-next"))

    @contextmanager
    def held(self, timeout_s: float) -> Generator[None]:
        """Raises LockTimeout."""
        deadline = time.monotonic() + timeout_s
        _wait(self._next, deadline)
        try:
            _wait(self._held, deadline)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._held, fcntl.LOCK_UN)

    def close(self) -> None:
        """Also more than once."""
        if self._held >= 0:
            os.close(self._held)
            os.close(self._next)
            self._held = self._next = -1


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait(lock: int, deadline: float) -> None:
    pause_s = 0.0002
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockTimeout from None
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.005)


class AlreadyHeld(Exception):
    """Another process holds the lock; `note` is what it has written into the file."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


def hold_alone(path: Path) -> AbstractContextManager[None]:
    """Holds a file for this process alone, until the context ends. Raises AlreadyHeld at once.

    What is written in the file is the holder's affair.
    """
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise AlreadyHeld(path.read_text()) from error
    return _closing(lock)


@contextmanager
def _closing(lock: int) -> Generator[None]:
    try:
        yield
    finally:
        os.close(lock)
