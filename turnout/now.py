"""The time and new ids: the two things a test replaces."""

import itertools
import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from threading import Lock


def now_us() -> int:
    """Microseconds since 1970, UTC. All times in the store and in the log are such numbers."""
    return time.time_ns() // 1_000 + _offset_us


def set_offset(offset_us: int) -> None:
    """How far this machine's clock is behind the one that counts, the database's; several machines share that."""
    global _offset_us, _ids  # noqa: PLW0603
    if offset_us < _offset_us:
        # Ids from the future would keep all that follow there.
        _ids = _Ids()
    _offset_us = offset_us


_offset_us = 0


def first_id(prefix: str, at_us: int) -> str:
    """What is not behind any id that was made at that time or later."""
    return f"{prefix}_{at_us // 1_000 << 80:032x}"


def made_at(an_id: str) -> int:
    """When this id was made, to the millisecond."""
    return int(an_id.rpartition("_")[2][:12], 16) * 1_000


def new_id(prefix: str) -> str:
    """A UUIDv7 (RFC 9562) in hexadecimal behind a prefix that says what it is: `psh_0193…`.

    Ids sort by the time they were made; those of one process never go backwards, even within a millisecond.
    """
    return f"{prefix}_{_ids.next():032x}"


def new_request_id() -> str:
    """What an answer and the log lines about it carry: the process, and which request of it."""
    return f"{_process}-{next(_requests):x}"


_process = os.urandom(4).hex()
_requests = itertools.count(1)


def _begin_anew() -> None:
    """In a process that was forked: or it would make the ids that its brothers make."""
    global _process, _ids  # noqa: PLW0603
    _process = os.urandom(4).hex()
    _ids = _Ids()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


class _Ids:
    """The numbers behind the ids, each larger than the one before."""

    def __init__(self) -> None:
        self._one_at_a_time = Lock()
        # Not os.urandom: a system call for each id gives Python's lock away, and an id is no secret.
        self._random = Random()
        self._last = 0

    def next(self) -> int:
        milliseconds = now_us() // 1_000
        random = self._random.getrandbits(74)
        value = (milliseconds << 80) | (0x7 << 76) | (random >> 62) << 64 | (0b10 << 62) | (random & _LOW_BITS)
        with self._one_at_a_time:
            self._last = value if value > self._last else _next_after(self._last)
            return self._last


def _next_after(value: int) -> int:
    """The next UUIDv7 that sorts behind `value`; the version and variant bits stay what they are."""
    low = (value & _LOW_BITS) + 1
    carry, low = divmod(low, 1 << 62)
    return ((value >> 64) + carry) << 64 | (0b10 << 62) | low


_LOW_BITS = (1 << 62) - 1
_ids = _Ids()


def as_text(at_us: int) -> str:
    """A time as answers write it: ISO 8601 in UTC, with microseconds."""
    second, microsecond = divmod(at_us, 1_000_000)
    return f"{_second_as_text(second)}.{microsecond:06d}Z"


@lru_cache(256)
def _second_as_text(second: int) -> str:
    # Kept because lines of the log come by the hundred in one second, and this takes longer than their JSON.
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
