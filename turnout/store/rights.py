"""What the account in PostgreSQL may do with Turnout's tables, and what has to be granted to it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, text

from turnout.errors import StorageUnavailable
from turnout.store.tables import metadata

_VERSION_TABLE = "alembic_version"
_SHOWN = 3
"""Tables that are named."""


class Lack(msgspec.Struct, frozen=True):
    """Rights that are missing."""

    what: str
    cure: str
    """What somebody has to do who may grant them."""


class Rights(msgspec.Struct, frozen=True):
    """Of the account, in the database that it is connected to. Names are as a statement has them."""

    account: str
    database: str
    search_path: str
    schema: str | None
    """Where tables would be made, and are; None where no schema of the search path is open to it."""
    may_create: bool
    """Tables, in that schema."""
    may_read_version: bool
    closed: Sequence[str]
    """Tables of ours that it may not read or not write."""
    owners: Sequence[str]
    """To whom tables of ours belong that are neither its own nor those of a role that it is a member of."""

    def find_lack_to_look(self) -> Lack | None:
        """What it lacks to find out what there is; None where it lacks nothing."""
        if self.schema is None:
            wanted = [one.strip() for one in self.search_path.split(",") if one.strip() not in ("", '"$user"')]
            schema = wanted[0] if wanted else "public"
            return Lack(
                f"No schema of its search_path ({self.search_path or 'which is empty'}) is open to the account "
                f"{self.account}.",
                f"{self._by('the owner of the database')}: CREATE SCHEMA IF NOT EXISTS {schema}; "
                f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {self.account};",
            )
        return None if self.may_read_version else self._lack_tables((_VERSION_TABLE,))

    def find_lack_to_make(self) -> Lack | None:
        """What it lacks to make the tables in an empty database; None where it lacks nothing."""
        if self.may_create:
            return None
        return Lack(
            f"The account {self.account} may not make tables in schema {self.schema}.",
            f"{self._by('the owner of the database')}: GRANT CREATE, USAGE ON SCHEMA {self.schema} TO {self.account};",
        )

    def find_lack_to_use(self) -> Lack | None:
        """What it lacks to read and write what there is; None where it lacks nothing."""
        return self._lack_tables(self.closed) if self.closed else None

    def find_lack_to_upgrade(self) -> Lack | None:
        """What it lacks to bring the tables to another schema; None where it lacks nothing."""
        if self.owners:
            # Not `GRANT owner TO account`: the owner is often a superuser.
            return Lack(
                f"The account {self.account} may not alter the tables, as an upgrade has to: they belong to "
                f"{', '.join(self.owners)}.",
                f"Give them to it, as a superuser in psql, in database {self.database}: SELECT format('ALTER TABLE "
                f"%I.%I OWNER TO {self.account}', schemaname, tablename) FROM pg_tables WHERE schemaname = "
                f"'{self.schema}' \\gexec",
            )
        return self.find_lack_to_make()

    def _lack_tables(self, tables: Sequence[str]) -> Lack:
        named = ", ".join(tables[:_SHOWN]) + (f" and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else "")
        one = len(tables) == 1
        return Lack(
            f"The account {self.account} may not read and write the table{'' if one else 's'} {named}.",
            f"{self._by('the owner of the tables')}: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "
            f"{self.schema} TO {self.account};",
        )

    def _by(self, whom: str) -> str:
        return f"As {whom} or a superuser, in database {self.database}"


def find_rights(connection: Connection) -> Rights:
    """PostgreSQL's catalog may be read by everybody, so this says no."""
    row = connection.execute(
        text(
            "SELECT quote_ident(current_user), quote_ident(current_database()), current_setting('search_path'),"
            " quote_ident(current_schema()),"
            " COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false)"
        )
    ).one()
    tables = connection.execute(
        text(
            "SELECT relname, has_table_privilege(oid, 'SELECT'),"
            " has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')"
            " AND has_table_privilege(oid, 'DELETE'),"
            " CASE WHEN NOT pg_has_role(relowner, 'USAGE') THEN quote_ident(pg_get_userbyid(relowner)) END"
            " FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid) AND relname = ANY(:names)"
            " ORDER BY relname"
        ),
        {"names": [_VERSION_TABLE, *metadata.tables]},
    ).all()
    return Rights(
        *row,
        may_read_version=all(may_read for name, may_read, _, _ in tables if name == _VERSION_TABLE),
        closed=[
            name for name, may_read, may_write, _ in tables if not (may_read and (may_write or name == _VERSION_TABLE))
        ],
        owners=sorted({owner for *_, owner in tables if owner is not None}),
    )


def refuse(lack: Lack | None) -> None:
    """Raises StorageUnavailable where something is lacking, with what to do."""
    if lack is not None:
        raise StorageUnavailable(f"{lack.what} {lack.cure}")
