"""What may be wrong around Turnout: settings, disk, database, clock, limits; and what to do about it."""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import msgspec

from turnout import settings
from turnout.errors import StorageUnavailable
from turnout.now import as_text, now_us
from turnout.settings import Origin, Settings
from turnout.store import diagnosis, events, installation, probe, schema, secret_key
from turnout.store.connect import open_configured
from turnout.store.database import Database
from turnout.store.file_lock import AlreadyHeld, hold_alone

FREE_PROBLEM_BYTES = 100 << 20
FREE_WARNING_BYTES = 1 << 30
SLOW_COMMIT_S = 0.1
_PROBES = 5
CLOCK_WARNING_US = 2 * 1_000_000
CLOCK_PROBLEM_US = 60 * 1_000_000
MIN_FILES = 1_024
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs")
_MEMORY = ("tmpfs", "ramfs")
_OF_THE_FOLDER = ("folder", "disk", "file system", "secret key")
_OF_THE_DATABASE = ("SQLite", "durability", "schema", "commit", "clock", "server")


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at, or could not be."""

    name: str
    state: Literal["ok", "warning", "problem", "not checked"]
    message: str
    """What was found, or why nothing was looked for."""
    help: str = ""
    """What to do; empty where all is well, and where another check says it."""


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
        yield Check("settings", "ok", "All settings can be meant.")
    except settings.InvalidSettings as error:
        for problem in error.problems:
            yield Check("settings", "problem", problem, "Turnout does not start like this: mend the setting.")
    yield _check_files()
    if configured is None:
        yield from _skip(
            "Where the database is, is not known before the settings are mended.", *_OF_THE_FOLDER, "database"
        )
        yield from _skip("The settings come first.", *_OF_THE_DATABASE)
        return
    path = Path(configured.database_url.removeprefix("sqlite:///"))
    folder = _check_folder(path.parent)
    yield folder
    existing = next(one for one in (path.parent, *path.parent.parents) if one.exists())
    yield _check_space(existing, path)
    yield _check_file_system(existing)
    yield _check_secret_key(configured, path)
    if folder.state == "problem":
        yield from _skip("The folder comes first.", "database", *_OF_THE_DATABASE)
    elif not path.exists():
        yield Check("database", "ok", f"There is none at {path} yet; it is made when Turnout starts or is first used.")
        yield from _skip("There is no database yet.", *_OF_THE_DATABASE)
    else:
        yield from _complete(_check_database(configured, path), "The database comes first.", _OF_THE_DATABASE)


def _skip(why: str, *names: str) -> Iterator[Check]:
    return (Check(name, "not checked", why) for name in names)


def _complete(checks: Iterator[Check], why: str, names: Sequence[str]) -> Iterator[Check]:
    """These checks, and behind them a line for each of the names that is not among them."""
    looked_at = set()
    for check in checks:
        looked_at.add(check.name)
        yield check
    yield from _skip(why, *(name for name in names if name not in looked_at))


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
        schema_check = _check_schema(facts)
        yield schema_check
        if facts.schema_version is not None and schema_check.state != "problem":
            yield _check_commit(database)
            yield _check_clock(database)
        elif schema_check.state == "problem":
            yield from _skip("This program does not know the schema.", "commit", "clock")
        else:
            yield from _skip("The database is empty.", "commit", "clock")
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


def _check_schema(facts: diagnosis.DatabaseFacts) -> Check:
    found = facts.schema_version
    if found == schema.VERSION:
        return Check("schema", "ok", f"Version {found}, as this program needs it.")
    if found is None:
        return Check("schema", "ok", "The database is empty; the schema is made when Turnout starts or is first used.")
    if found > schema.VERSION:
        return Check(
            "schema",
            "problem",
            f"Version {found}; this program knows up to {schema.VERSION}.",
            "Start the newer version of Turnout that made it, or restore the backup from before the upgrade.",
        )
    return Check("schema", "ok", f"Version {found}; it is brought to {schema.VERSION} when Turnout starts.")


def _check_commit(database: Database) -> Check:
    times_s = []
    for _ in range(_PROBES):
        began = time.perf_counter()
        with database.write() as connection:
            probe.commit_probe(connection, now_us())
        times_s.append(time.perf_counter() - began)
    median_s = statistics.median(times_s)
    message = f"A commit takes {median_s * 1000:,.1f} ms until it is on disk ({_PROBES} tried)."
    if median_s > SLOW_COMMIT_S:
        return Check("commit", "warning", message, "The disk is slow or busy. A local SSD takes a millisecond or less.")
    return Check("commit", "ok", message)


def _check_clock(database: Database) -> Check:
    with database.read() as connection:
        last_at = events.find_last_at(connection)
    ahead_us = 0 if last_at is None else last_at - now_us()
    if ahead_us <= CLOCK_WARNING_US:
        return Check("clock", "ok", f"It is {as_text(now_us())}, after everything that is stored.")
    return Check(
        "clock",
        "problem" if ahead_us > CLOCK_PROBLEM_US else "warning",
        f"The last change is stored as of {as_text(last_at or 0)}, {ahead_us / 1e6:,.0f} s from now: the clock is, or "
        "was, wrong.",
        "Set the clock and let it be kept (NTP). Nothing is lost: changes keep their order, under that time.",
    )


def _check_server(path: Path) -> Check:
    try:
        with hold_alone(path.with_name(path.name + ".server")):
            return Check("server", "ok", "No server runs on this database.")
    except AlreadyHeld:
        return Check("server", "ok", "A server runs on this database.")
    except OSError as error:
        return Check("server", "not checked", f"The file that a server holds cannot be opened ({error.strerror}).")
