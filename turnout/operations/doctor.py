"""What may be wrong around Turnout: settings, disk, database, clock, limits; and what to do about it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from turnout import settings
from turnout.errors import StorageUnavailable
from turnout.operations.check import Check, check_content, complete, skip
from turnout.operations.check_mail import check_mail
from turnout.operations.check_webhooks import check_webhooks
from turnout.operations.doctor_postgresql import check_postgresql
from turnout.settings import Origin, Settings
from turnout.store import diagnosis, installation, secret_key
from turnout.store.connect import open_configured
from turnout.store.sqlite.file_lock import AlreadyHeld, hold_alone

FREE_PROBLEM_BYTES = 100 << 20
FREE_WARNING_BYTES = 1 << 30
MIN_FILES = 1_024
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs")
_MEMORY = ("tmpfs", "ramfs")
_OF_THE_FOLDER = ("folder", "disk", "file system", "secret key")
_OF_THE_DATABASE = ("SQLite", "durability", "schema", "commit", "clock", "server")


class Diagnosis(msgspec.Struct, frozen=True):
    """Everything that was looked at."""

    settings: list[Origin]
    checks: list[Check]
    ok: bool
    """Whether there is no problem; warnings are none, nor is what was not checked."""


def diagnose(environ: Mapping[str, str]) -> Diagnosis:
    """Looks at everything, and says of what cannot be reached why not. Makes no database where there is none."""
    checks = list(_check(environ))
    return Diagnosis(
        settings=settings.origins(environ), checks=checks, ok=all(check.state != "problem" for check in checks)
    )


def _check(environ: Mapping[str, str]) -> Iterator[Check]:
    configured = None
    try:
        configured = settings.read(environ)
        yield Check("settings", "ok", "All settings are valid.")
    except settings.InvalidSettings as error:
        for problem in error.problems:
            yield Check("settings", "problem", problem, "Turnout does not start like this: mend the setting.")
    yield _check_files()
    if configured is None:
        yield from skip(
            "Where the database is, is not known before the settings are mended.", *_OF_THE_FOLDER, "database"
        )
        yield from skip("The settings come first.", *_OF_THE_DATABASE)
        return
    if not configured.database_url.startswith("sqlite:"):
        yield from check_postgresql(configured)
        return
    path = Path(configured.database_url.removeprefix("sqlite:///"))
    folder = _check_folder(path.parent)
    yield folder
    existing = next(one for one in (path.parent, *path.parent.parents) if one.exists())
    yield _check_space(existing, path)
    yield _check_file_system(existing)
    yield _check_secret_key(configured, path)
    if folder.state == "problem":
        yield from skip("The folder comes first.", "database", *_OF_THE_DATABASE)
    elif not path.exists():
        yield Check("database", "ok", f"There is none at {path} yet; it is made when Turnout starts or is first used.")
        yield from skip("There is no database yet.", *_OF_THE_DATABASE)
    else:
        yield from complete(_check_database(configured, path), "The database comes first.", _OF_THE_DATABASE)


def _check_files() -> Check:
    if sys.platform == "win32":
        return Check("open files", "ok", "This system has no such limit.")
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MIN_FILES:
        return Check(
            "open files",
            "warning",
            f"A process may open {hard:,} files, and every connection is one.",
            "Raise the hard limit: LimitNOFILE= in a systemd unit, `ulimit -Hn` in a shell.",
        )
    return Check("open files", "ok", f"A process may open {'any number of' if hard < 0 else f'{hard:,}'} files.")


def _check_folder(folder: Path) -> Check:
    if not folder.exists():
        existing = next(one for one in folder.parents if one.exists())
        if os.access(existing, os.W_OK | os.X_OK):
            return Check("folder", "ok", f"{folder} is not there yet; it is made when Turnout starts.")
        return Check(
            "folder",
            "problem",
            f"{folder} is not there, and cannot be made in {existing}.",
            "Make it and give it to the account that runs Turnout, or set TURNOUT_DATABASE_URL.",
        )
    try:
        # Asked by doing it: access rights do not tell of a file system mounted read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            "folder",
            "problem",
            f"{folder} cannot be written to ({error.strerror}).",
            "Give the account that runs Turnout the right to write there, or set TURNOUT_DATABASE_URL.",
        )
    return Check("folder", "ok", f"{folder} can be written to.")


def _check_space(existing: Path, path: Path) -> Check:
    free = shutil.disk_usage(existing).free
    size = path.stat().st_size if path.exists() else 0
    message = f"{_megabytes(free)} are free; the database has {_megabytes(size)}."
    if free < FREE_PROBLEM_BYTES:
        return Check("disk", "problem", message, "Make room now: without it nothing can be stored.")
    if free < max(FREE_WARNING_BYTES, size):
        return Check("disk", "warning", message, "Make room: a backup or an upgrade needs as much as the database has.")
    return Check("disk", "ok", message)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:,.1f} MB"


def _check_file_system(existing: Path) -> Check:
    kind = _find_file_system(existing.resolve())
    if kind is None:
        return Check("file system", "not checked", "This system does not tell of what type it is.")
    if kind in _MEMORY:
        return Check(
            "file system",
            "warning",
            f"The folder is in memory ({kind}): what is stored is gone when the machine stops.",
            "Put the database on a disk with TURNOUT_DATABASE_URL.",
        )
    if kind in _NETWORK:
        return Check(
            "file system",
            "problem",
            f"The folder is on a network ({kind}), where SQLite's locks and flushes cannot be relied upon.",
            "Put the database on a disk of this machine with TURNOUT_DATABASE_URL.",
        )
    if kind == "overlay":
        return Check(
            "file system",
            "warning",
            "The folder is inside a container (overlay): the data goes when the container is removed.",
            "Mount a volume there.",
        )
    return Check("file system", "ok", f"The folder is on {kind}.")


def _find_file_system(path: Path) -> str | None:
    """Its type, from Linux' list of mounts."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return None
    # The last one of the longest: later mounts lie over earlier ones.
    best, kind = -1, None
    for line in lines:
        _, mounted, its_kind, *_ = line.split(" ")
        point = Path(mounted.encode().decode("unicode_escape"))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), its_kind
    return kind


def _check_secret_key(configured: Settings, path: Path) -> Check:
    file = secret_key.file_of(path)
    loss = "Without it encrypted secrets and suppressions are lost."
    try:
        kept = secret_key.find(secret_key.file_of(path))
    except StorageUnavailable as error:
        return Check("secret key", "problem", error.detail, "Mend it before the server needs it.")
    fault = _find_key_fault(configured, path)
    if fault is not None:
        return Check("secret key", "problem", fault, "Do it before the server starts: it does not start like this.")
    given = configured.secret_key
    if given is not None and kept not in (None, given):
        return Check(
            "secret key",
            "warning",
            f"It comes from the settings; another one lies in {file} and is not used.",
            "If the one in the file was used before, unset TURNOUT_SECRET_KEY; else move the file away.",
        )
    if given is not None:
        return Check("secret key", "ok", f"It comes from the settings, and is in no backup: keep it elsewhere. {loss}")
    if kept is not None:
        return Check("secret key", "ok", f"It is in {file}, and in every backup. {loss}")
    return Check("secret key", "ok", f"There is none yet; it is made in {file} when the server first starts.")


def _find_key_fault(configured: Settings, path: Path) -> str | None:
    """What the database has against the key; None also where it cannot be asked, which other checks say."""
    if not path.exists():
        return None
    try:
        with (
            closing(open_configured(configured)) as database,
            database.read() as connection,
        ):
            return installation.find_fault(connection, database)
    except StorageUnavailable:
        return None


def _check_database(configured: Settings, path: Path) -> Iterator[Check]:
    try:
        database = open_configured(configured)
    except StorageUnavailable as error:
        yield Check(
            "database",
            "problem",
            error.detail,
            f"Give {path.parent} and all files in it to the account that runs Turnout.",
        )
        return
    try:
        facts = diagnosis.read_facts(database)
        yield _check_engine(facts)
        yield from _check_durability(facts)
        yield from check_content(database, "The disk is slow or busy. A local SSD takes a millisecond or less.")
        yield from check_webhooks(database)
        yield from check_mail(database)
    except StorageUnavailable as error:
        yield Check(
            "database",
            "problem",
            error.detail,
            "See whether this account may open it, another program holds it, or the disk is damaged.",
        )
    finally:
        database.close()
    yield _check_server(path)


def _check_engine(facts: diagnosis.DatabaseFacts) -> Check:
    version = tuple(int(part) for part in facts.sqlite_version.split(".") if part.isdigit())
    whose = "the standard library's" if facts.module == "sqlite3" else facts.module
    message = f"SQLite {facts.sqlite_version} ({whose})."
    if version < (3, 51, 3):
        return Check(
            "SQLite",
            "warning",
            f"{message} Before 3.51.3 its log file can, rarely, be damaged; Turnout's file lock prevents that.",
            "Write to the file with Turnout alone, or install the package pysqlite3.",
        )
    return Check("SQLite", "ok", message)


def _check_durability(facts: diagnosis.DatabaseFacts) -> Iterator[Check]:
    if facts.journal_mode == "wal" and facts.is_flushed:
        yield Check("durability", "ok", "Write-ahead log, and every commit waits until it is on disk.")
        return
    yield Check(
        "durability",
        "problem",
        f"The journal mode is {facts.journal_mode}, and commits are {'' if facts.is_flushed else 'not '}flushed.",
        "The file system does not allow a write-ahead log; put the database on another one.",
    )


def _check_server(path: Path) -> Check:
    try:
        with hold_alone(path.with_name(path.name + ".server")):
            return Check("server", "ok", "No server runs on this database.")
    except AlreadyHeld:
        return Check("server", "ok", "A server runs on this database.")
    except OSError as error:
        return Check("server", "not checked", f"The file that a server holds cannot be opened ({error.strerror}).")
