"""Time without what a busy machine takes: bounds hold where it is slow or stands still, and are as strict as ever."""

import atexit
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from threading import get_native_id

_TICK_S = 0.02
_METRONOME = f"""
import mmap, os, struct, sys, time
shared, late = mmap.mmap(int(sys.argv[1]), 8), 0.0
while os.getppid() == int(sys.argv[2]):
    began = time.monotonic()
    time.sleep({_TICK_S})
    late += max(0.0, time.monotonic() - began - 2 * {_TICK_S})
    shared[:] = struct.pack("d", late)
"""


class FairTime:
    """Seconds from now on, without those in which this thread, or a process's first one, was kept from running."""

    def __init__(self, *pids: int) -> None:
        self._files = [f"/proc/self/task/{get_native_id()}/schedstat", *(f"/proc/{pid}/schedstat" for pid in pids)]
        _late_s()  # is heard from now on
        self._kept_before = self._kept_s()
        self._late_before = _late_s()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        passed = time.monotonic() - self._began
        if passed > 10 * _TICK_S:
            # Where all stood still, let the other process note it: it may have been let go on after us.
            time.sleep(3 * _TICK_S)
        # Who waits for a processor while the whole machine stands still is told so by both.
        kept = max(0.0, self._kept_s() - self._kept_before) + _late_s() - self._late_before
        return max(0.0, passed - kept)

    def _kept_s(self) -> float:
        """How long they were ready to run and no processor was free."""
        return sum(_kept_ns(Path(file)) for file in self._files) / 1e9


def _kept_ns(file: Path) -> int:
    try:
        return int(file.read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0


def _late_s() -> float:
    """How much later than it wished a process woke up that does nothing but sleep, in all."""
    late: float = struct.unpack("d", _metronome()[:])[0]
    return late


@cache
def _metronome() -> mmap.mmap:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(8))
        file.flush()
        command = [sys.executable, "-I", "-S", "-c", _METRONOME, str(file.fileno()), str(os.getpid())]
        process = subprocess.Popen(command, pass_fds=[file.fileno()], stdin=subprocess.DEVNULL)
        atexit.register(process.kill)
        return mmap.mmap(file.fileno(), 8)
