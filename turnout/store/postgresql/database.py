"""PostgreSQL: connections that outlive restarts and failovers, commits whose end is certain, reads from a replica."""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from psycopg import errors
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from turnout.errors import StorageUnavailable
from turnout.model.age import Age
from turnout.now import set_offset
from turnout.store.database import (
    ANSWER_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    Database,
    OutcomeUnknown,
    StillLocked,
    TransactionLost,
    Unreachable,
)
from turnout.store.postgresql import replica_age
from turnout.store.postgresql.connection import DriverConnection, Hung, connect, describe
from turnout.store.postgresql.faults import fault_of, in_words, is_lost, translated
from turnout.store.postgresql.replica_state import ReplicaAway, ReplicaState
from turnout.store.statements import run

log = logging.getLogger("turnout.store")
_READ_TIMEOUT_S = 120.0
_LEAST_LEFT_S = 1.0
"""For a transaction, however long it took to connect."""
_PATIENT_IDLE_S = 60.0
"""How long a patient transaction may do nothing in the database, before that ends it."""
_WHY_TIMEOUT_S = 0.5
"""How long is asked what a commit was waiting for."""
_HEAD_ANSWER_S = 1.0
"""How long a list waits for what its age is told by; without it, it may be told to be older than it is."""
_REPLICA_ANSWER_S = 5.0
"""How long the replica may take to begin, before the primary is read in its place."""
_LOOKED_AT_AFTER_S = 5.0
"""A connection idle for longer is tried before it is used: it may have been cut meanwhile."""
_LOOK_TIMEOUT_S = 2.0
_CLOCKS_AGREE_US = 500_000
_OLDEST_VERSION = 150_000
_STRONG_ENOUGH = ("on", "remote_apply")
"""Of `synchronous_commit`: on disk here, and on the synchronous standby where there is one."""


class PostgresDatabase(Database):
    """One PostgreSQL database, which other processes and machines use at the same time."""

    def __init__(
        self,
        url: str,
        secret_key: bytes | None = None,
        *,
        key_file: Path,
        read_url: str | None = None,
        notice_url: str | None = None,
        pool_size: int = 8,
    ) -> None:
        """`read_url` is of a replica, for lists; `notice_url` a way without a pooler. Connects to nothing yet."""
        # Rests on what stands below.
        from turnout.store.postgresql.notices import PostgresNotices

        self.given_secret_key = secret_key
        self.key_file = key_file
        self.url = url
        self._writers = _engine(url, begin=_begin_writing, pool_size=pool_size)
        self._readers = _engine(url, begin=_begin_reading, pool_size=pool_size)
        self._replica = (
            self._readers if read_url is None else _engine(read_url, begin=_begin_reading_replica, pool_size=pool_size)
        )
        self._replica_state = ReplicaState()
        self._heads = replica_age.Heads(self._find_head)
        self.notices = PostgresNotices(self.read, notice_url or url)

    @property
    def place(self) -> str:
        return describe(self.url)

    @contextmanager
    def write(
        self, *, patient: bool = False, within_s: float = ANSWER_TIMEOUT_S, lock_s: float = LOCK_TIMEOUT_S
    ) -> Generator[Connection]:
        wait_s = None if patient else within_s
        try:
            with translated(), _begun(self._writers, wait_s, lock_s=lock_s) as (connection, driver):
                yield connection
                _commit(driver)
        except (StillLocked, OutcomeUnknown) as error:
            if self._waits_for_standby():
                raise type(error)("The database waits for its standby, which does not answer.") from error
            raise

    def _waits_for_standby(self) -> bool:
        """Whether commits hang because the synchronous standby is gone: they hold their locks as long as that lasts."""
        answers: list[bool] = []
        # Beside: to connect to a server that hangs takes longer than there is time.
        asking = threading.Thread(target=lambda: answers.append(self._ask_for_waits()), name="why", daemon=True)
        asking.start()
        asking.join(_WHY_TIMEOUT_S)
        return answers == [True]

    def _ask_for_waits(self) -> bool:
        try:
            with _begun(self._readers, _WHY_TIMEOUT_S) as (connection, _):
                return bool(
                    connection.exec_driver_sql(
                        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                        " AND wait_event = 'SyncRep' AND clock_timestamp() - state_change > interval '1 second')"
                    ).scalar_one()
                )
        except (StorageUnavailable, PoolTimeout, DBAPIError, psycopg.Error):
            return False

    @contextmanager
    def read(self, *, patient: bool = False) -> Generator[Connection]:
        wait_s = None if patient else _READ_TIMEOUT_S
        with translated(), _begun(self._readers, wait_s, begin_s=ANSWER_TIMEOUT_S) as (connection, _):
            yield connection

    @contextmanager
    def read_replica(self) -> Generator[Connection]:
        """As `read`, on the replica where there is one; where that is away, on the primary."""
        with translated(), ExitStack() as stack:
            connection = None
            if self._replica is not self._readers:
                with suppress(ReplicaAway):
                    connection = self._begin_on_replica(stack)
            if connection is None:
                connection, _ = stack.enter_context(_begun(self._readers, _READ_TIMEOUT_S, begin_s=ANSWER_TIMEOUT_S))
            yield connection

    def _begin_on_replica(self, stack: ExitStack) -> Connection:
        """A transaction there, to be ended with the stack. Raises ReplicaAway, at once where it was away just now."""
        if not self._replica_state.is_to_be_asked():
            raise ReplicaAway("The replica is away.", self._replica_state.why)
        try:
            connection, _ = stack.enter_context(_begun(self._replica, _READ_TIMEOUT_S, begin_s=_REPLICA_ANSWER_S))
        except (Unreachable, DBAPIError, psycopg.Error) as error:
            why = error.why if isinstance(error, Unreachable) else in_words(fault_of(error))
            self._replica_state.note_away(why)
            raise ReplicaAway("The replica is away.", why) from error
        except StorageUnavailable as error:
            # One that is no use: too old, or of another encoding.
            self._replica_state.note_away(error.detail)
            raise ReplicaAway("The replica is away.", error.detail) from error
        self._replica_state.note_back()
        return connection

    def move_log(self) -> None:
        """Nothing: PostgreSQL does it by itself."""

    def wipe(self, stopping: threading.Event | None = None) -> bool:
        """Nothing that we can overwrite: see docs/security.md for what stays until PostgreSQL uses the place again."""
        return True

    def size_bytes(self) -> int:
        with self.read() as connection:
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())

    def agree_on_time(self) -> None:
        with self.write() as connection:
            asked_at = time.time_ns() // 1_000
            told = connection.exec_driver_sql(
                "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
            ).scalar_one()
            took = time.time_ns() // 1_000 - asked_at
        offset = told - asked_at - took // 2
        # Less may be the way there and back.
        set_offset(offset if abs(offset) > max(_CLOCKS_AGREE_US, took) else 0)

    def age_of(self, connection: Connection) -> Age | None:
        if connection.engine is not self._replica or self._replica is self._readers:
            return None
        replayed = _driver_of(connection).replayed
        assert replayed is not None
        return self._heads.find_age(replayed)

    def _find_head(self) -> int | None:
        """None also where the primary does not answer: that is no reason to show no list."""
        try:
            with translated(), _begun(self._readers, _HEAD_ANSWER_S) as (connection, _):
                return connection.exec_driver_sql(replica_age.ASK_HEAD).scalar_one()
        except StorageUnavailable:
            return None

    def find_replica_age(self) -> Age | None:
        if self._replica is self._readers:
            return None
        with translated(), ExitStack() as stack:
            return self.age_of(self._begin_on_replica(stack))

    @property
    def why_no_replica(self) -> str:
        return self._replica_state.why

    def close(self) -> None:
        self.notices.close()
        for engine in {self._writers, self._readers, self._replica}:
            engine.dispose()


@contextmanager
def _begun(
    engine: Engine, wait_s: float | None, *, begin_s: float | None = None, lock_s: float = LOCK_TIMEOUT_S
) -> Generator[tuple[Connection, DriverConnection]]:
    """A transaction, taken back at the end unless it is over; a connection that was cut meanwhile is replaced.

    The server has `wait_s` to begin it and for all its statements; or `begin_s` first, and `wait_s` for the statements.
    """
    connection = _begin(engine, wait_s if begin_s is None else begin_s, lock_s)
    driver = _driver_of(connection)
    if begin_s is not None:
        driver.give_time(wait_s)
    try:
        yield connection, driver
        connection.rollback()
    except BaseException as error:
        if driver.closed:
            connection.invalidate(error)
        elif isinstance(fault_of(error), errors.ReadOnlySqlTransaction):
            # It was the primary and is no more: the next connection goes to whoever is.
            connection.invalidate(error)
            engine.dispose()
        raise
    finally:
        connection.close()


def _begin(engine: Engine, wait_s: float | None, lock_s: float) -> Connection:
    began = time.monotonic()
    for is_last in (False, True):
        try:
            connection = engine.connect()
        except (DBAPIError, psycopg.Error) as error:
            # Names of machines and accounts are nothing that senders should read.
            raise Unreachable("The database cannot be reached.", in_words(fault_of(error))) from error
        try:
            left_s = None if wait_s is None else max(_LEAST_LEFT_S, wait_s - (time.monotonic() - began))
            driver = _driver_of(connection)
            driver.give_time(left_s)
            driver.lock_s = lock_s
            connection.begin()
        except psycopg.Error as error:
            connection.invalidate(error)
            connection.close()
            if isinstance(error, Hung):
                raise
            if is_last:
                raise Unreachable("The database takes nothing at the moment.", in_words(error)) from error
            # Whatever has cut this one has cut those that lie idle too.
            engine.dispose()
        else:
            return connection
    raise AssertionError


def _driver_of(connection: Connection) -> DriverConnection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, DriverConnection)
    return driver


def _commit(driver: DriverConnection) -> None:
    """Ends the transaction and makes sure of it. Raises OutcomeUnknown, TransactionLost and StorageUnavailable."""
    driver.warnings.clear()
    try:
        status = driver.execute("COMMIT").statusmessage
    except psycopg.Error as error:
        if is_lost(error) or driver.closed:
            log.warning("the connection to the database broke during COMMIT: %s", in_words(error))
            raise OutcomeUnknown(
                "The database has not said in time whether this is stored."
                if isinstance(error, Hung)
                else "The connection to the database broke while it was storing this."
            ) from error
        raise
    if status != "COMMIT":
        raise TransactionLost("The database has taken the transaction back.")
    if driver.warnings:
        # The wait for the standby was cancelled: on this machine it is stored, on the other perhaps not.
        raise OutcomeUnknown(f"The database could not make sure that this is stored: {driver.warnings[0]}.")


def _engine(url: str, *, begin: Any, pool_size: int) -> Engine:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(url),
        # BEGIN and COMMIT are ours.
        isolation_level="AUTOCOMMIT",
        # Parameters are people's data; errors are logged.
        hide_parameters=True,
        use_native_hstore=False,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=LOCK_TIMEOUT_S,
        pool_reset_on_return=None,
    )

    @event.listens_for(engine, "connect")
    def _look_at(connection: DriverConnection, _: ConnectionPoolEntry) -> None:
        found = connection.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),"
            " current_setting('synchronous_commit'), current_setting('fsync')"
        ).fetchone()
        assert found is not None
        version, encoding, synchronous_commit, _fsync = found
        if version < _OLDEST_VERSION:
            raise StorageUnavailable(f"The database is PostgreSQL {version // 10_000}; Turnout needs 15 or later.")
        if encoding != "UTF8":
            raise StorageUnavailable(
                f"The database keeps text as {encoding}. Make one with UTF8: CREATE DATABASE … ENCODING 'UTF8' "
                "TEMPLATE template0."
            )
        connection.is_weak = synchronous_commit not in _STRONG_ENOUGH

    @event.listens_for(engine, "checkin")
    def _note_time(_: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _try(connection: DriverConnection, entry: ConnectionPoolEntry, _: Any) -> None:
        if connection.closed:
            raise DisconnectionError
        if time.monotonic() - entry.info.get("idle_since", time.monotonic()) > _LOOKED_AT_AFTER_S:
            connection.give_time(_LOOK_TIMEOUT_S)
            try:
                connection.execute("SELECT 1")
            except psycopg.Error as error:
                raise DisconnectionError from error

    event.listen(engine, "begin", begin)

    return engine


def _begin_writing(connection: Connection) -> None:
    driver = _driver_of(connection)
    # In the other half of the time the events that are free are stored.
    lock_timeout_s = driver.lock_s if driver.left_s is None else min(driver.lock_s, round(driver.left_s) / 2)
    idle_timeout_s = _PATIENT_IDLE_S if driver.left_s is None else ANSWER_TIMEOUT_S
    # One message. Settings of the session would be somebody else's behind pgbouncer.
    begin = _BEGIN_WEAK if driver.is_weak else _BEGIN
    run(connection, begin.format(lock_timeout_s=lock_timeout_s or 0.5, idle_timeout_s=idle_timeout_s))


_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '{lock_timeout_s}s';"
    # Whoever is paused in the middle must not keep all others waiting.
    " SET LOCAL idle_in_transaction_session_timeout = '{idle_timeout_s}s'"
)
_BEGIN_WEAK = f"{_BEGIN}; SET LOCAL synchronous_commit = on"


def _begin_reading(connection: Connection) -> None:
    run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _begin_reading_replica(connection: Connection) -> None:
    driver = _driver_of(connection)
    driver.replayed = replica_age.begin(driver)
