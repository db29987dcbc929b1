"""A database out of a backup, in the place where the settings want it; what was there stays under another name."""

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from turnout.errors import Conflict, InvalidRequest, StorageUnavailable
from turnout.model.user import AuditLine
from turnout.now import as_text, new_id, now_us
from turnout.store import audit, schema, secret_key
from turnout.store.database import LOCK_TIMEOUT_S
from turnout.store.flush import flush
from turnout.store.sqlite import backup_file, snapshot
from turnout.store.sqlite.backup_file import Backup, Manifest
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.file_lock import AlreadyHeld, FileLock, LockTimeout, hold_alone
from turnout.store.sqlite.snapshot import OnProgress
from turnout.store.sqlite.work_folder import work_folder

_SPARE_BYTES = 32 << 20


class Restored(msgspec.Struct, frozen=True, rename="camel"):
    """What is there now."""

    database: str
    backup: Manifest
    put_aside: str | None
    """The database that was there before; None where none was."""
    notes: list[str]
    """What is still to be done, a sentence each."""


def restore(
    file: Path,
    database: Path,
    *,
    given_key: bytes | None = None,
    replace: bool = False,
    actor: str = "nobody",
    on_progress: OnProgress = lambda *_: None,
) -> Restored:
    """Puts the backup's database and key in place. `given_key` is what the setting gives.

    The restored database's audit log says that `actor` did it. Raises InvalidRequest where the backup is no use,
    Conflict where something is in the way, StorageUnavailable. Until all of it is looked at, and on this disk, nothing
    changes.
    """
    with backup_file.opened(file) as backup:
        _check_schema(backup.manifest)
        try:
            database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(database):
                line = _describe(file, backup.manifest, actor)
                put_aside = _restore(backup, database, line, replace, on_progress)
        except OSError as error:
            full = "There is no room left." if error.errno == errno.ENOSPC else f"({error.strerror})"
            raise StorageUnavailable(f"The backup cannot be restored to {database}. {full}") from error
        notes = list(_tell(backup.manifest, database, given_key))
        return Restored(str(database), backup.manifest, None if put_aside is None else str(put_aside), notes)


def _check_schema(manifest: Manifest) -> None:
    if manifest.schema_version is not None and not schema.is_known(manifest.schema_version):
        raise InvalidRequest(
            f"The backup was made by Turnout {manifest.turnout_version} (schema {manifest.schema_version}; this one "
            f"knows up to {schema.VERSION}). Restore it with that version or a later one."
        )


@contextmanager
def _alone(database: Path) -> Generator[None]:
    """No server runs, none can start, and no other command writes."""
    try:
        with (
            hold_alone(database.with_name(database.name + ".server")),
            closing(FileLock(database.with_name(database.name + ".lock"))) as lock,
            lock.held(LOCK_TIMEOUT_S),
        ):
            yield
    except AlreadyHeld as error:
        raise Conflict(f"A server runs on {database}, at {error.note}. Stop it first.") from error
    except LockTimeout as error:
        raise StorageUnavailable(f"Another program writes to {database}. End it first.") from error


def _describe(file: Path, manifest: Manifest, actor: str) -> AuditLine:
    return AuditLine(
        id=new_id("aud"),
        at=now_us(),
        user_id=None,
        actor=actor,
        address="",
        action="installation.restore",
        event_id="",
        target=None,
        before=None,
        after={"file": file.name, "madeAt": manifest.at},
        outcome="done",
    )


def _restore(backup: Backup, database: Path, line: AuditLine, replace: bool, on_progress: OnProgress) -> Path | None:
    key = backup.read_key()
    in_the_way = _find_in_the_way(database, key)
    if in_the_way is not None and not replace:
        raise Conflict(f"{in_the_way} With --force it is put aside, under a name with the time.")
    needed = backup.manifest.parts[backup_file.DATABASE].size_bytes
    free = shutil.disk_usage(database.parent).free
    if free < needed + _SPARE_BYTES:
        raise StorageUnavailable(
            f"There is not enough room in {database.parent}: {free / 1e6:,.1f} MB are free, and the database takes "
            f"{needed / 1e6:,.1f} MB. Make room."
        )
    with work_folder(database) as folder:
        unpacked = folder / backup_file.DATABASE
        backup.unpack_database(unpacked, on_progress)
        damage = snapshot.find_damage(unpacked)
        if damage is not None:
            raise InvalidRequest(
                f"The database in the backup is damaged, and was when the backup was made: {damage}. Take an older one."
            )
        _note(unpacked, line)
        unpacked_key = None
        if key is not None:
            unpacked_key = folder / backup_file.KEY
            secret_key.write(unpacked_key, key)
        put_aside = None if in_the_way is None else _put_aside(database)
        _put_in_place(unpacked, unpacked_key, database)
    return put_aside


def _note(unpacked: Path, line: AuditLine) -> None:
    """In the audit log, before anybody can open it without; one of before there was an audit log has none."""
    with closing(SqliteDatabase(f"sqlite:///{unpacked}")) as restored:
        with restored.read() as connection:
            is_there = audit.is_there(connection)
        if is_there:
            with restored.write() as connection:
                audit.add_line(connection, line)


def _find_in_the_way(database: Path, key: bytes | None) -> str | None:
    if database.exists():
        return f"There is a database at {database}."
    log = database.with_name(database.name + "-wal")
    if log.exists():
        # It would be taken for the restored database's.
        return f"There is a log file of a database, {log}, and no database to it."
    key_file = secret_key.file_of(database)
    if key is not None and key_file.exists():
        with suppress(StorageUnavailable):
            if secret_key.find(secret_key.file_of(database)) == key:
                return None
        return f"There is a secret key at {key_file} which is not the backup's."
    return None


def _put_aside(database: Path) -> Path:
    """Gives the files that are there a second name, which they keep."""
    _finish_log(database)
    time = as_text(now_us()).replace("-", "").replace(":", "")
    aside = database.with_name(f"{database.name}.before-restore-{time}")
    for ending in ("", "-wal", ".key"):
        file = database.with_name(database.name + ending)
        if file.exists():
            os.link(file, aside.with_name(aside.name + ending))
    flush(database.parent)
    return aside


def _finish_log(database: Path) -> None:
    """Moves what is in the log file into the database, so that at each moment of what follows one file is all of it."""
    if not database.exists():
        return
    # One that is damaged keeps its log file and is put aside with it.
    with suppress(StorageUnavailable), closing(SqliteDatabase(f"sqlite:///{database}")) as old, old.read_outside():
        pass


def _put_in_place(unpacked: Path, unpacked_key: Path | None, database: Path) -> None:
    # Before the database has its name: a log file is taken for that of whatever lies beside it.
    for ending in ("-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    flush(database.parent)
    unpacked.replace(database)
    if unpacked_key is not None:
        unpacked_key.replace(secret_key.file_of(database))
    flush(database.parent)


def _tell(manifest: Manifest, database: Path, given_key: bytes | None) -> Generator[str]:
    key = given_key
    with suppress(StorageUnavailable):
        key = key or secret_key.find(secret_key.file_of(database))
    found = None if key is None else secret_key.fingerprint(key)
    if manifest.key == "in this file" and found != manifest.key_fingerprint:
        yield (
            "TURNOUT_SECRET_KEY is set to another key than this backup's, and goes before the one that is now in "
            f"{secret_key.file_of(database)}. Unset it: encrypted secrets and suppressions need the backup's."
        )
    if manifest.key == "in the settings" and found != manifest.key_fingerprint:
        yield (
            "The secret key was in the settings and is not in the backup. Set TURNOUT_SECRET_KEY to it before anything "
            "else: without it encrypted secrets and suppressions are lost."
        )
    if manifest.schema_version not in (None, schema.VERSION):
        yield f"The schema is {manifest.schema_version}; the next start brings it to {schema.VERSION}."
    yield (
        f"Whatever happened after {manifest.at} is not in it: keys revoked and people erased since then have to be "
        "revoked and erased again, and users disabled or signed out."
    )
