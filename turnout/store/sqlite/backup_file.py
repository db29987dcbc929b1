"""A backup as one file: a tar with the database as it was at one moment, its secret key, and a manifest.

The manifest comes last, so that a file that broke off has none. Whatever is written gets its name when it is whole and
on disk; whatever is read is compared with its digest first.
"""

import errno
import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, cast

import msgspec

from turnout import __version__
from turnout.errors import InvalidRequest, StorageUnavailable
from turnout.now import as_text, now_us
from turnout.setting_values import as_secret_key
from turnout.store import secret_key
from turnout.store.flush import flush, new_file
from turnout.store.sqlite import snapshot
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.snapshot import FLUSHED_AT_ONCE_BYTES, Head, OnProgress
from turnout.store.sqlite.work_folder import work_folder

DATABASE = "turnout.db"
KEY = "turnout.db.key"
MANIFEST = "manifest.json"
FORMAT = 1
KeyPlace = Literal["in this file", "in the settings", "none yet"]
_MAX_MANIFEST_BYTES = 256 << 20
"""A line for each event: millions."""
_MAX_KEY_BYTES = 1_000
_PIECE_BYTES = 1 << 20
_SPARE_BYTES = 32 << 20
"""What a disk must have free besides: a server beside us goes on writing."""


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """One file in the backup."""

    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a backup says of itself."""

    format: int = FORMAT
    turnout_version: str
    schema_version: str | None
    at: str
    """The moment: whatever was committed before it is there."""
    events: list[Head]
    key: KeyPlace
    """Where the secret key was. What is not in this file has to be kept elsewhere."""
    key_fingerprint: str | None
    parts: dict[str, Part]


def write(database: SqliteDatabase, file: Path, on_progress: OnProgress = lambda *_: None) -> Manifest:
    """Makes a backup, in place of whatever has that name. Raises StorageUnavailable, then nothing has changed."""
    try:
        _check_room(file.parent, 2 * database.size_bytes())
        with work_folder(file) as folder:
            at = now_us()
            snapshot.take(database, folder / DATABASE, lambda done, total: on_progress(done, 2 * total))
            damage = snapshot.find_damage(folder / DATABASE)
            if damage is not None:
                raise StorageUnavailable(
                    f"The database is damaged, and a backup of it would be too: {damage}. Restore the last one made."
                )
            manifest = _pack(folder, at, database, on_progress)
            (folder / "packed").replace(file)
            flush(file.parent)
    except OSError as error:
        full = "There is no room left for it." if error.errno == errno.ENOSPC else f"({error.strerror})"
        raise StorageUnavailable(f"The backup {file} cannot be written. {full} Nothing was left behind.") from error
    return manifest


def _check_room(folder: Path, needed: int) -> None:
    # Asked before, because a disk that is filled up may be the one on which the server commits.
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise StorageUnavailable(
            f"There is not enough room in {folder}: {free / 1e6:,.1f} MB are free, and while a backup is made it takes "
            f"twice the database's size, {needed / 1e6:,.1f} MB here. Make room, or choose another disk."
        )


def _pack(folder: Path, at: int, database: SqliteDatabase, on_progress: OnProgress) -> Manifest:
    copy = folder / DATABASE
    size = copy.stat().st_size
    facts = snapshot.read_facts(copy)
    key_text, key_place, key = _find_key(database)
    with new_file(folder / "packed") as packed:
        with tarfile.TarFile(fileobj=packed, mode="w", copybufsize=_PIECE_BYTES) as tar:

            def go_on(done: int) -> None:
                if done % FLUSHED_AT_ONCE_BYTES == 0:
                    packed.flush()
                    os.fdatasync(packed.fileno())
                on_progress(size + done, 2 * size)

            parts = {}
            with copy.open("rb") as content:
                parts[DATABASE] = _add(tar, DATABASE, size, at, _Reading(content, go_on))
            if key_text is not None:
                parts[KEY] = _add(tar, KEY, len(key_text), at, _Reading(io.BytesIO(key_text)))
            manifest = Manifest(
                turnout_version=__version__,
                schema_version=facts.schema_version,
                at=as_text(at),
                events=facts.heads,
                key=key_place,
                key_fingerprint=None if key is None else secret_key.fingerprint(key),
                parts=parts,
            )
            text = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
            _add(tar, MANIFEST, len(text), at, _Reading(io.BytesIO(text)))
        packed.flush()
        os.fsync(packed.fileno())
    # Whoever is killed from here on leaves nobody's data behind.
    copy.unlink()
    return manifest


def _find_key(
    database: SqliteDatabase,
) -> tuple[bytes | None, Literal["in this file", "in the settings", "none yet"], bytes | None]:
    """What goes into the file, where the key is said to be, and the key. Makes none where there is none."""
    if database.given_secret_key is not None:
        return None, "in the settings", database.given_secret_key
    key = secret_key.find(database.key_file)
    if key is None:
        return None, "none yet", None
    return secret_key.as_text(key).encode(), "in this file", key


def _add(tar: tarfile.TarFile, name: str, size: int, at: int, content: "_Reading") -> Part:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, at // 1_000_000
    tar.addfile(member, cast("IO[bytes]", content))
    return Part(size, content.digest.hexdigest())


class _Reading:
    """A file that is read once, and its digest."""

    def __init__(self, content: IO[bytes], on_read: Callable[[int], object] = lambda _: None) -> None:
        self.digest = hashlib.sha256()
        self._content = content
        self._on_read = on_read
        self._done = 0

    def read(self, size: int) -> bytes:
        piece = self._content.read(size)
        self.digest.update(piece)
        self._done += len(piece)
        self._on_read(self._done)
        return piece


class Backup:
    """A backup that is being read: what it says of itself is known, the rest is not looked at yet."""

    def __init__(self, file: Path, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self.manifest = manifest
        self._file = file
        self._tar = tar

    def unpack_database(self, target: Path, on_progress: OnProgress = lambda *_: None) -> None:
        """Writes the database to a new file, on disk at the end. Raises InvalidRequest when it is damaged."""
        total = self.manifest.parts[DATABASE].size_bytes
        with new_file(target) as out:
            for piece in self._read(DATABASE):
                out.write(piece)
                on_progress(out.tell(), total)
            out.flush()
            os.fsync(out.fileno())

    def read_key(self) -> bytes | None:
        """The secret key, None where it is not in the file. Raises InvalidRequest when it is damaged."""
        if KEY not in self.manifest.parts:
            return None
        if self.manifest.parts[KEY].size_bytes > _MAX_KEY_BYTES:
            raise _damaged(self._file)
        try:
            return as_secret_key(b"".join(self._read(KEY)).decode("ascii").strip())
        except ValueError as error:
            raise _damaged(self._file) from error

    def _read(self, name: str) -> Iterator[bytes]:
        part = self.manifest.parts[name]
        digest = hashlib.sha256()
        try:
            content = self._tar.extractfile(name)
            while content is not None and (piece := content.read(_PIECE_BYTES)):
                digest.update(piece)
                yield piece
        except (tarfile.TarError, KeyError) as error:
            raise _damaged(self._file) from error
        if digest.hexdigest() != part.sha256:
            raise _damaged(self._file)


@contextmanager
def opened(file: Path) -> Generator[Backup]:
    """A backup to read from. Raises InvalidRequest where the file is none, or is damaged."""
    try:
        with file.open("rb") as content, _opened_tar(file, content) as tar:
            yield Backup(file, tar, _read_manifest(file, tar))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        if error.filename != str(file):
            raise
        raise InvalidRequest(f"The backup {file} cannot be read ({error.strerror}).") from error


def _opened_tar(file: Path, content: IO[bytes]) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=content, mode="r:")
    except tarfile.TarError as error:
        raise InvalidRequest(f"{file} is not a backup that `turnout backup` has made.") from error


def _read_manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    try:
        names = [member.name if member.isfile() else "" for member in tar]
        if names not in ([DATABASE, MANIFEST], [DATABASE, KEY, MANIFEST]):
            raise _damaged(file)
        content = tar.extractfile(MANIFEST)
        assert content is not None
        manifest = msgspec.json.decode(content.read(_MAX_MANIFEST_BYTES), type=Manifest)
    except (tarfile.TarError, msgspec.DecodeError) as error:
        raise _damaged(file) from error
    if manifest.format != FORMAT:
        raise InvalidRequest(
            f"The backup {file} was made by Turnout {manifest.turnout_version}, in a form that this version does not "
            "know. Restore it with that version."
        )
    if sorted([*manifest.parts, MANIFEST]) != sorted(names):
        raise _damaged(file)
    return manifest


def _damaged(file: Path) -> InvalidRequest:
    return InvalidRequest(f"The backup {file} is damaged or not whole. Take another one; this one is no use.")
