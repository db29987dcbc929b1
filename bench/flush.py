"""What one flush to this disk costs: so many bytes written into a file that is there already, and an fdatasync."""

import os
import time
from pathlib import Path

_FILE_BYTES = 16 << 20
"""As much as the product's log file has before it begins again at its start."""


def measure(folder: Path, size_bytes: int, times: int, core: int) -> list[float]:
    """How long each flush took, in seconds."""
    path = folder / "flush"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        os.pwrite(descriptor, bytes(_FILE_BYTES), 0)
        os.fsync(descriptor)
        content = os.urandom(size_bytes)
        taken = []
        for number in range(times):
            began = time.perf_counter()
            os.pwrite(descriptor, content, number * size_bytes % (_FILE_BYTES - size_bytes))
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - began)
        return taken
    finally:
        os.sched_setaffinity(0, allowed)
        os.close(descriptor)
        path.unlink()
