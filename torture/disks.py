"""File systems of our own, in a file: their power can be cut, and they can be full.

In a name space of this process, so that whatever happens to it they are unmounted and their devices let go.
"""

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

from torture.broken import NotHere

_CLONE_NEWNS = 0x00020000
_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN: `_IOR('X', 125, __u32)`."""
_NO_LOG_FLUSH = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: neither the journal nor anything else in memory gets to the disk any more."""
_TRIES = 100


def enter_own_name_space() -> None:
    """What is mounted from now on is mounted for this process and its children. Before any thread is started."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) == 0:
        _run("mount", "--make-rprivate", "/")


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path, size_mib: int, options: str = "") -> None:
        """Makes it. Raises NotHere where that is not possible."""
        if os.geteuid() != 0:
            raise NotHere("only root may mount a file system; run it as root, on a machine where that does no harm")
        for tool in ("mkfs.ext4", "mount", "umount"):
            if shutil.which(tool) is None:
                raise NotHere(f"there is no {tool}")
        self._image = folder / "disk"
        self._options = options
        self.root = folder / "mounted"
        self.root.mkdir()
        with self._image.open("wb") as image:
            image.truncate(size_mib << 20)
        _run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", str(self._image))
        self.mount()

    def mount(self) -> None:
        # A loop device that is made by mount lets itself go when it is unmounted.
        _run("mount", "-o", f"loop{',' + self._options if self._options else ''}", str(self._image), str(self.root))

    def cut_power(self) -> None:
        """What is not on the disk by now never gets there; whoever uses it gets errors until it is mounted again."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        for _ in range(_TRIES):
            if subprocess.run(["umount", str(self.root)], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.05)
        _run("umount", "--lazy", str(self.root))

    def remove(self) -> None:
        if self.root.is_mount():
            self.unmount()
        self._image.unlink()

    def free_bytes(self) -> int:
        found = os.statvfs(self.root)
        return found.f_bfree * found.f_frsize


def _run(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode(errors="replace").strip()
        raise NotHere(f"{' '.join(command[:3])} … is not possible here: {said or error}") from error
