"""The time and new ids: the two things a test replaces."""

import os
import time
from datetime import UTC, datetime
from threading import Lock

_lock = Lock()
_last_id = 0


def now_us() -> int:
    """Microseconds since 1970, UTC. All times in the store and in the log are such numbers."""
    return time.time_ns() // 1_000


def new_id(prefix: str) -> str:
    """A UUIDv7 (RFC 9562) in hexadecimal behind a prefix that says what it is: `psh_0193…`.

    Ids sort by the time they were made; those of one process never go backwards, even within a millisecond.
    """
    global _last_id
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds << 80) | (0x7 << 76) | (random >> 4 & 0xFFF) << 64 | (0b10 << 62) | (random >> 18)
    with _lock:
        if value <= _last_id:
            value = _next_after(_last_id)
        _last_id = value
    return f"{prefix}_{value:032x}"


_LOW_BITS = (1 << 62) - 1


def _next_after(value: int) -> int:
    """The next UUIDv7 that sorts behind `value`; the version and variant bits stay what they are."""
    low = (value & _LOW_BITS) + 1
    carry, low = divmod(low, 1 << 62)
    return ((value >> 64) + carry) << 64 | (0b10 << 62) | low


def as_text(at_us: int) -> str:
    """A time as answers write it: ISO 8601 in UTC, with microseconds."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_us % 1_000_000:06d}Z"
