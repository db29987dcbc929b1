"""A folder for what is being made, beside the file that it will be."""

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def work_folder(file: Path) -> Generator[Path]:
    """For its owner alone, and gone at the end. What a run that was killed has left behind goes too."""
    prefix = f".{file.name}-"
    for left_behind in file.parent.glob(f"{glob.escape(prefix)}*.part"):
        with suppress(OSError), _held(left_behind):
            shutil.rmtree(left_behind)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=file.parent))
    try:
        with _held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Generator[None]:
    """Raises BlockingIOError when another run works in it."""
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
