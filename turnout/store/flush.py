"""What was written or named reaches the disk."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Returns when the file's content, or the names in the folder, are on disk."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
