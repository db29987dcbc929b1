"""The schema's version: made on an empty database, brought up to date at start, refused when newer than the program."""

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from turnout.errors import StorageUnavailable
from turnout.store import moving
from turnout.store.database import LOCK_TIMEOUT_S, Database
from turnout.store.rights import find_rights, refuse
from turnout.store.sqlite import backup_file
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.statements import is_postgresql
from turnout.store.tables import VERSION, metadata

_ADVISORY_LOCK = 0x5475726E6F7574
"""Any number that nobody else takes: this is our name in ASCII."""
_MIGRATIONS = Path(__file__).parent / "migrations"
log = logging.getLogger("turnout.store")


def prepare(database: Database) -> None:
    """Makes the schema what this program needs. Raises StorageUnavailable when it cannot."""
    with database.read() as connection:
        rights = find_rights(connection) if is_postgresql(connection) else None
        if rights is not None:
            refuse(rights.find_lack_to_look())
        found = find_version(connection)
        _refuse_shut(connection)
    if found == VERSION:
        return
    if rights is not None and (found is None or is_known(found)):
        # PostgreSQL would say what is denied, and not what to do.
        refuse(rights.find_lack_to_make() if found is None else rights.find_lack_to_upgrade())
    with database.write(patient=True) as connection:
        come_first(connection)
        found = find_version(connection)
        _refuse_shut(connection)
        if found is None:
            make(connection)
        elif found != VERSION:
            _refuse_unknown(connection, found)
            if isinstance(database, SqliteDatabase):
                # Under the writer's lock: what is migrated is what was backed up.
                _back_up(database, connection, found)
            _migrate(connection)
            log.info("the schema is brought from %s to %s", found, VERSION)


def refuse_unwritable(database: Database) -> None:
    """Raises StorageUnavailable, with what to grant, where the account in PostgreSQL may not write to some table."""
    with database.read() as connection:
        if is_postgresql(connection):
            refuse(find_rights(connection).find_lack_to_use())


def find_version(connection: Connection) -> str | None:
    """The schema's revision; None on an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def is_known(version: str) -> bool:
    """Whether this program can bring it up to date."""
    return any(file.name.startswith(f"{version}_") for file in _MIGRATIONS.glob("[0-9]*.py"))


def backup_before(database: Path) -> Path:
    """Where the backup is that the last migration has made."""
    return database.with_name(f"{database.name}.before-{VERSION}.backup")


def come_first(connection: Connection) -> None:
    """Keeps others who start at the same time waiting until this transaction has ended. (SQLite: all others wait.)"""
    if is_postgresql(connection):
        # However long the one before takes.
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S:g}s'")


def make(connection: Connection) -> None:
    """Makes everything in an empty database as it is now, and says so in the table that Alembic keeps."""
    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{VERSION}')")


def _refuse_shut(connection: Connection) -> None:
    why = moving.find_why_shut(connection)
    if why is not None:
        raise StorageUnavailable(why)


def say_way_back(connection: Connection) -> str:
    """How to have the database again as it was before an upgrade, as the end of a sentence."""
    if is_postgresql(connection):
        return "go back to the dump (pg_dump) that you made before the upgrade"
    return "restore the backup that was made before the upgrade"


def _refuse_unknown(connection: Connection, found: str) -> None:
    if not is_known(found):
        raise StorageUnavailable(
            f"The database was made by a newer version of Turnout (schema {found}; this one knows up to {VERSION}). "
            f"Start that version, or {say_way_back(connection)}."
        )


def _back_up(database: SqliteDatabase, connection: Connection, found: str) -> None:
    """Keeps what is there, so that there is a way back. Raises StorageUnavailable, and then nothing is migrated."""
    if connection.exec_driver_sql("SELECT 1 FROM events LIMIT 1").first() is None:
        return
    file = backup_before(database.path)
    log.info("the schema will be brought from %s to %s; first a backup: %s", found, VERSION, file)
    try:
        backup_file.write(database, file)
    except StorageUnavailable as error:
        raise StorageUnavailable(
            f"The database is of an earlier version and was not brought up to date, because no backup could be made. "
            f"{error.detail}"
        ) from error


def _migrate(connection: Connection) -> None:
    # Slow to import, and seldom needed.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_MIGRATIONS)])
    environment = EnvironmentContext(Config(), scripts, fn=lambda at, _: scripts._upgrade_revs("head", at))
    with environment:
        environment.configure(connection=connection)
        # Inside the transaction that the caller has begun, so that a migration is whole or not at all.
        environment.run_migrations()
    # Processes of the version before, on other machines, see that what they know is old, and stop (`events.py`).
    connection.execute(text("UPDATE clocks SET version = version + 1"))
