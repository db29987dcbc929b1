"""The installation's secret key, where no setting gives it: a file.

What is encrypted in the database and the digests that keep erased addresses away need it. Another key in its place
would make them worthless without a word, so the file is made once and never overwritten. Which key a database is used
with, that knows `installation.py`.
"""

import base64
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from turnout.errors import StorageUnavailable
from turnout.setting_values import SECRET_KEY_BYTES, as_secret_key
from turnout.store.flush import flush, new_file

_FOR_OTHERS = 0o077


def get(path: Path) -> bytes:
    """The key in this file; made where there is none. Raises StorageUnavailable."""
    return find(path) or put(path, secrets.token_bytes(SECRET_KEY_BYTES))


def find(path: Path) -> bytes | None:
    """The key, None where there is none. Raises StorageUnavailable where the file is not fit to hold one."""
    try:
        with path.open("rb") as file:
            others_may_read = os.fstat(file.fileno()).st_mode & _FOR_OTHERS
            text = file.read(1_000)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageUnavailable(
            f"The secret key {path} cannot be read ({error.strerror}). Give it to the account that runs Turnout."
        ) from error
    if others_may_read:
        raise StorageUnavailable(
            f"The secret key {path} may be read by others than its owner. Take that away: chmod 600 {path}"
        )
    try:
        return as_secret_key(text.decode("ascii").strip())
    except ValueError as error:
        raise StorageUnavailable(
            f"The file {path} does not hold a secret key. Put the right one back, from a backup by Turnout or from "
            "where you keep a copy; a new key in its place would not open what the old one has closed."
        ) from error


def file_of(database: Path) -> Path:
    """Where the key of an SQLite file lies."""
    return database.with_name(database.name + ".key")


def as_text(key: bytes) -> str:
    """As the file holds it, and as the setting takes it."""
    return base64.b64encode(key).decode() + "\n"


def fingerprint(key: bytes) -> str:
    """Tells two keys apart, and nothing of either."""
    return hashlib.sha256(b"turnout secret key\0" + key).hexdigest()[:16]


def write(path: Path, key: bytes) -> None:
    """A new file with the key, for its owner alone, on disk at the end. Raises OSError."""
    with new_file(path) as file:
        file.write(as_text(key).encode())
        file.flush()
        os.fsync(file.fileno())


def put(path: Path, key: bytes) -> bytes:
    """Puts the key there and gives it; whoever comes second takes the first one's. Raises StorageUnavailable.

    Whole or not at all: the file gets its name when it is on disk.
    """
    temporary = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            write(temporary, key)
            # Not renamed, which would replace another's.
            with suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        flush(path.parent)
    except OSError as error:
        raise StorageUnavailable(
            f"The secret key cannot be made at {path} ({error.strerror}). Give the account that runs Turnout the right "
            "to write there, or set TURNOUT_SECRET_KEY."
        ) from error
    there = find(path)
    assert there is not None
    return there
