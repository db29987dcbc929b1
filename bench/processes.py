"""What Linux says of a process and its children: processor time, memory, the socket it listens on."""

import os
import time
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all that it has started."""
    found = [pid]
    for parent in found:
        # One may end while we look: PostgreSQL's come and go.
        with suppress(FileNotFoundError, ProcessLookupError):
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """Processor time that the process tree has used, in user and kernel mode."""
    ticks = 0
    for one in tree(pid):
        # One that has ended meanwhile is in its parent's account of its children.
        with suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(_ticks(one))
    return ticks / _TICKS_PER_S


def own_cpu_s(pid: int) -> float:
    """Processor time that the process alone has used, in user and kernel mode, without those that it has started."""
    return sum(_ticks(pid)[:2]) / _TICKS_PER_S


def _ticks(pid: int) -> list[int]:
    """In user and kernel mode: its own, and its ended children's."""
    # The name in parentheses may hold anything; what follows it is numbers.
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(number) for number in after_name[11:15]]


def own_demand_s() -> float:
    """How long this process has run, or wanted to run and could not."""
    try:
        running, waiting, _ = Path("/proc/self/schedstat").read_text().split()
    except FileNotFoundError:
        return time.process_time()
    return (int(running) + int(waiting)) / 1e9


def resident_bytes(pid: int) -> int:
    """Memory of the process tree, what it shares with others counted in full."""
    return sum(_kib(Path(f"/proc/{one}/smaps_rollup"), "Rss") for one in tree(pid)) * 1024


def proportional_bytes(pid: int) -> int:
    """Memory of the process tree, what it shares with others counted in part."""
    return sum(_kib(Path(f"/proc/{one}/smaps_rollup"), "Pss") for one in tree(pid)) * 1024


def peak_resident_bytes(pid: int) -> int:
    """The most resident memory since the process began, or since `forget_peak`."""
    return sum(_kib(Path(f"/proc/{one}/status"), "VmHWM") for one in tree(pid)) * 1024


def forget_peak(pid: int) -> None:
    for one in tree(pid):
        Path(f"/proc/{one}/clear_refs").write_text("5")


def listens(pid: int, port: int) -> bool:
    """Whether it is this process tree, and nobody else, that listens on the port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{words[9]}]")
    held = set()
    for one in tree(pid):
        for descriptor in Path(f"/proc/{one}/fd").iterdir():
            try:
                held.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue
    return len(inodes) == 1 and inodes <= held


def _kib(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise LookupError(f"{file} says nothing of {name}")
