"""The schema's version: made on an empty database, brought up to date at start, refused when newer than the program."""

from pathlib import Path

from sqlalchemy import Connection, inspect

from turnout.errors import StorageUnavailable
from turnout.store.connect import Database
from turnout.store.tables import metadata

VERSION = "0004"
"""The revision of the last migration."""
_MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(database: Database) -> None:
    """Makes the schema what this program needs. Raises StorageUnavailable when it cannot."""
    with database.read() as connection:
        found = find_version(connection)
    if found == VERSION:
        return
    with database.write() as connection:
        found = find_version(connection)
        if found is None:
            _make(connection)
        elif found != VERSION:
            _migrate(connection, found)


def find_version(connection: Connection) -> str | None:
    """The schema's revision; None on an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _make(connection: Connection) -> None:
    """Makes everything as it is now, and says so in the table that Alembic keeps."""
    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{VERSION}')")


def _migrate(connection: Connection, found: str) -> None:
    # Slow to import, and seldom needed.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    known = {file.name.split("_")[0] for file in _MIGRATIONS.glob("[0-9]*.py")}
    if found not in known:
        raise StorageUnavailable(
            f"The database was made by a newer version of Turnout (schema {found}; this one knows up to {VERSION}). "
            "Start that version, or restore the backup that was made before the upgrade."
        )
    scripts = ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_MIGRATIONS)])
    environment = EnvironmentContext(Config(), scripts, fn=lambda at, _: scripts._upgrade_revs("head", at))
    with environment:
        environment.configure(connection=connection)
        # Inside the transaction that the caller has begun, so that a migration is whole or not at all.
        environment.run_migrations()
