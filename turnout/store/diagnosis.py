"""What the database says of itself, for `turnout doctor`."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from turnout.store import schema
from turnout.store.database import ANSWER_TIMEOUT_S, Database, Unreachable

_HOST_ANSWER_S = 3.0
"""How long one of several hosts is waited for, once it is reached."""


class DatabaseFacts(msgspec.Struct, frozen=True):
    """As it is in effect on the connection that commits."""

    sqlite_version: str
    module: str
    """Whose SQLite it is: `sqlite3` is the standard library's."""
    journal_mode: str
    is_flushed: bool
    """Whether a commit waits until it is on disk (`synchronous` FULL or EXTRA)."""
    schema_version: str | None
    """None on an empty database."""


def read_facts(database: Database) -> DatabaseFacts:
    """Raises StorageUnavailable. Changes nothing, but takes the place of the writer for a moment."""
    with database.write() as connection:
        module = connection.dialect.loaded_dbapi
        return DatabaseFacts(
            sqlite_version=str(module.sqlite_version),
            module=str(module.__name__).partition(".")[0],
            journal_mode=str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()),
            is_flushed=connection.exec_driver_sql("PRAGMA synchronous").scalar_one() >= 2,
            schema_version=schema.find_version(connection),
        )


class PostgresFacts(msgspec.Struct, frozen=True):
    """As it is in effect where the URL leads."""

    version: str
    version_number: int
    encoding: str
    is_standby: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    is_commit_strong: bool
    """Whether a commit is on disk, here and at a synchronous standby, without our asking for it."""
    standby_names: str
    """synchronous_standby_names; empty where no commit waits for a standby."""
    max_connections: int
    connections: int
    """How many of them this account may have, in this database."""
    clock_offset_us: int
    """What has to be added to this machine's clock for the database's."""


def read_postgresql_facts(url: str) -> PostgresFacts:
    """Raises Unreachable, with what the server or the way there says."""
    row, began_us, took_us = _ask(
        url,
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
        " current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync')::bool,"
        " current_setting('full_page_writes')::bool, current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names'), current_setting('max_connections')::int,"
        # From PostgreSQL 16 on there may be a second reserve.
        " current_setting('superuser_reserved_connections')::int"
        " + coalesce(current_setting('reserved_connections', true), '0')::int,"
        " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),"
        " (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),"
        " CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
    )
    version, number, encoding, is_standby, fsync, pages, commit, names, most, kept, of_role, of_database, at = row
    limits = [most - kept, *(limit for limit in (of_role, of_database) if limit >= 0)]
    return PostgresFacts(
        version=version.split(" ")[0],
        version_number=number,
        encoding=encoding,
        is_standby=is_standby,
        fsync=fsync,
        full_page_writes=pages,
        synchronous_commit=commit,
        is_commit_strong=commit in ("on", "remote_apply"),
        standby_names=names,
        max_connections=most,
        connections=max(0, min(limits)),
        clock_offset_us=at - began_us - took_us // 2,
    )


class ReplicaFacts(msgspec.Struct, frozen=True):
    """Of the database from which lists are read."""

    is_standby: bool
    key_fingerprint: str | None
    """Of the secret key of the installation whose replica it is; None where it knows none."""


def read_replica_facts(url: str) -> ReplicaFacts:
    """Raises Unreachable, with what the server or the way there says."""
    (is_standby, has_table), *_ = _ask(url, "SELECT pg_is_in_recovery(), to_regclass('installation') IS NOT NULL")
    fingerprint = None
    if has_table:
        (fingerprint,), *_ = _ask(url, "SELECT (SELECT key_fingerprint FROM installation)")
    return ReplicaFacts(is_standby, fingerprint)


class HostFacts(msgspec.Struct, frozen=True):
    """Of one of several hosts that a URL names."""

    kind: Literal["primary", "standby", "read-only"]
    """A primary takes writes; what is read-only would, but is set not to."""
    started_at: dt.datetime
    """By which a server that is named twice is known."""
    timeline: int | None
    """Which history it writes: a promotion begins a new one, with a higher number. None where it writes none."""


def read_host_facts(url: str) -> Iterator[tuple[str, HostFacts | Unreachable]]:
    """Each of the hosts, as people know it; nothing where there is but one."""
    from turnout.store.postgresql.hosts import split_hosts

    hosts = split_hosts(url)
    for name, alone in hosts if len(hosts) > 1 else ():
        try:
            yield name, _read_host(alone)
        except Unreachable as error:
            yield name, error


def _read_host(url: str) -> HostFacts:
    # Not pg_control_checkpoint(), which knows the new timeline only at the first checkpoint after a promotion.
    (is_standby, is_read_only, started_at, log_file), *_ = _ask(
        url,
        "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool, pg_postmaster_start_time(),"
        " CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_lsn()) END",
        wait_s=_HOST_ANSWER_S,
    )
    kind = "standby" if is_standby else "read-only" if is_read_only else "primary"
    return HostFacts(kind, started_at, None if log_file is None else int(log_file[:8], 16))


def find_loose_choice(url: str) -> str | None:
    """What the URL sets target_session_attrs to, where of several hosts one that takes no writes may be used."""
    from turnout.store.postgresql.hosts import find_choice, split_hosts

    choice = find_choice(url)
    return None if choice in (None, "read-write", "primary") or len(split_hosts(url)) < 2 else choice


def _ask(url: str, query: str, *, wait_s: float = ANSWER_TIMEOUT_S) -> tuple[tuple[Any, ...], int, int]:
    """The one row, when it was asked for, and how long that took."""
    import psycopg

    from turnout.store.postgresql.connection import connect
    from turnout.store.postgresql.faults import in_words

    try:
        with connect(url, wait_s=wait_s) as connection:
            began_us = time.time_ns() // 1_000
            row = connection.execute(query.encode()).fetchone()
            took_us = time.time_ns() // 1_000 - began_us
    except psycopg.Error as error:
        raise Unreachable("It cannot be reached.", in_words(error)) from error
    assert row is not None
    return row, began_us, took_us
