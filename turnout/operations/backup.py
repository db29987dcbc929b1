"""A backup beside whatever runs, into a file that somebody names."""

from pathlib import Path

from turnout.errors import Conflict, InvalidRequest
from turnout.store import moving
from turnout.store.database import Database
from turnout.store.sqlite import backup_file
from turnout.store.sqlite.backup_file import Manifest
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.snapshot import OnProgress

_OF_THE_DATABASE = ("", "-wal", "-shm", ".lock", ".lock-next", ".server", ".key")


def back_up(
    database: Database, file: Path, *, replace: bool = False, on_progress: OnProgress = lambda *_: None
) -> Manifest:
    """Copies the database, as it is at one moment, and its key into the file, which is for its owner alone.

    Raises InvalidRequest and Conflict where the file cannot be meant, and StorageUnavailable.
    """
    if file.is_dir():
        raise InvalidRequest(f"{file} is a folder. Name a file in it: {file / 'turnout.backup'}")
    if not file.parent.is_dir():
        raise InvalidRequest(f"There is no folder {file.parent}. Make it first.")
    if not isinstance(database, SqliteDatabase):
        raise InvalidRequest(
            "This database is PostgreSQL, which is backed up with its own tools: pg_dump for a copy, pg_basebackup and "
            f"its log for every moment. {_say_key(database)}"
        )
    path = database.path.resolve()
    if file.resolve() in [path.with_name(path.name + ending) for ending in _OF_THE_DATABASE]:
        raise InvalidRequest(f"{file} belongs to the database itself. Choose another name for the backup.")
    if file.exists() and not replace:
        raise Conflict(f"There is a file {file} already. Choose another name, or replace it with --force.")
    with database.read() as connection:
        move = moving.find_move(connection)
    if move is not None and move.frozen_at is not None:
        # One made every night would push out the last good ones, and nobody would notice.
        raise Conflict(f"There is nothing to back up here. {moving.explain(move)}")
    return backup_file.write(database, file, on_progress)


def _say_key(database: Database) -> str:
    """Of PostgreSQL, which knows nothing of it."""
    if database.given_secret_key is not None:
        return "The secret key, TURNOUT_SECRET_KEY, is in no such copy: keep it elsewhere."
    if database.key_file.exists():
        return f"The secret key, {database.key_file}, is in no such copy: keep one of its own, elsewhere."
    return (
        "The secret key is in no such copy: keep one of its own, elsewhere. It is not here, but in TURNOUT_SECRET_KEY "
        "of the server, or in data/turnout.key in the folder in which that was started."
    )
