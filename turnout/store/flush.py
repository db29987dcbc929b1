"""Files that reach the disk."""

import os
from pathlib import Path
from typing import IO


def new_file(path: Path) -> IO[bytes]:
    """A file that was not there, for its owner alone. Whoever writes it flushes it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def flush(path: Path) -> None:
    """Returns when the file's content, or the names in the folder, are on disk."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
