"""What the database knows of the secret key it is used with: a fingerprint, so that no other takes its place silently.

The file beside the database can be lost, or the setting be another one. What was done under the first key, above all
the suppressions (F2), would be worthless then, and nobody would notice.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from turnout.errors import StorageUnavailable
from turnout.store import secret_key
from turnout.store.statements import is_postgresql

if TYPE_CHECKING:
    from turnout.store.database import Database


def get_key(database: "Database") -> bytes:
    """The key that belongs to this database, made where none was ever used. Raises StorageUnavailable for another."""
    with database.read() as connection:
        fault = find_fault(connection, database)
    if fault is not None:
        raise StorageUnavailable(fault)
    return database.given_secret_key or secret_key.get(database.key_file)


def prepare_key(database: "Database") -> bytes:
    """The same for a server that starts: from now on the database knows the key. Raises StorageUnavailable."""
    get_key(database)
    note_key(database)
    # Again: another process, with another key, may have been first.
    return database.secret_key


def note_key(database: "Database") -> None:
    """Notes the fingerprint of the key that is there, where none is noted yet. Raises StorageUnavailable."""
    with database.read() as connection:
        if find_fingerprint(connection) is not None:
            return
    key = _find_key(database)
    if key is not None:
        with database.write() as connection:
            connection.execute(
                text("INSERT INTO installation (id, key_fingerprint) VALUES (1, :fingerprint) ON CONFLICT DO NOTHING"),
                {"fingerprint": secret_key.fingerprint(key)},
            )


def replace_fingerprint(connection: Connection, fingerprint: str) -> None:
    """From now on this is the key that the database knows."""
    connection.execute(
        text(
            "INSERT INTO installation (id, key_fingerprint) VALUES (1, :fingerprint)"
            " ON CONFLICT (id) DO UPDATE SET key_fingerprint = excluded.key_fingerprint"
        ),
        {"fingerprint": fingerprint},
    )


def find_fingerprint(connection: Connection) -> str | None:
    """Of the key that the database is used with; None where that is not noted yet, in an older schema say."""
    if not inspect(connection).has_table("installation"):
        return None
    return connection.exec_driver_sql("SELECT key_fingerprint FROM installation").scalar()


def count_suppressed(connection: Connection) -> int:
    """How many digests of addresses there are, which only the key makes sense of (F2)."""
    if not inspect(connection).has_table("suppressions"):
        return 0
    return connection.exec_driver_sql("SELECT count(DISTINCT event_id || digest) FROM suppressions").scalar_one()


def find_fault(connection: Connection, database: "Database") -> str | None:
    """What is wrong with the key and what to do, None where nothing is. Raises StorageUnavailable for an unfit file."""
    known = find_fingerprint(connection)
    file = database.key_file
    given = database.given_secret_key
    key = _find_key(database)
    if key is None:
        if known is None and not count_suppressed(connection):
            return None
        return (
            f"The secret key of this database is missing: there is no file {file}, and TURNOUT_SECRET_KEY is not set. "
            f"{_say_how_to_restore(connection, file)}"
        )
    if known is None or secret_key.fingerprint(key) == known:
        return None
    kept = None if given is None else secret_key.find(database.key_file)
    if kept is not None and secret_key.fingerprint(kept) == known:
        return (
            f"TURNOUT_SECRET_KEY is not the secret key of this database; the one in {file} is. "
            "Unset TURNOUT_SECRET_KEY, or set it to what the file holds."
        )
    where = f"The secret key in {file}" if given is None else "TURNOUT_SECRET_KEY"
    return (
        f"{where} is not the secret key of this database (its fingerprint is {secret_key.fingerprint(key)}, and not "
        f"{known}). {_say_how_to_restore(connection, file)}"
    )


def _say_how_to_restore(connection: Connection, file: Path) -> str:
    where = (
        "No backup of PostgreSQL holds it. It is where the installation was first used: in TURNOUT_SECRET_KEY there, "
        f"or in data/turnout.key of the folder in which the server was started; or where you keep a copy of it. Set "
        f"TURNOUT_SECRET_KEY to it, on every machine, or move it to {file}."
        if is_postgresql(connection)
        else "It is part of every backup: `tar -xf FILE.backup turnout.db.key` takes it out, to be moved to "
        f"{file}; where it was in the settings, set TURNOUT_SECRET_KEY to it."
    )
    return (
        f"Put the right one back. {where} If it is gone for good, `turnout accept-secret-key` goes on without it: then "
        "those who were erased are no longer recognised."
    )


def _find_key(database: "Database") -> bytes | None:
    return database.given_secret_key or secret_key.find(database.key_file)
