"""PostgreSQL: connections that outlive restarts and failovers, transactions whose end is certain, what faults mean."""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from psycopg import conninfo, errors
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from turnout.errors import StorageUnavailable
from turnout.logs import Thinned
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
from turnout.store.statements import run

log = logging.getLogger("turnout.store")
replica_log = logging.getLogger("turnout.store.replica")
_away, _broken = Thinned(), Thinned()
_READ_TIMEOUT_S = 120.0
_CONNECT_TIMEOUT_S = 5
"""For all hosts of the URL together, each after the other."""
_SHORTEST_CONNECT_TIMEOUT_S = 2
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
REPLICA_LEFT_ALONE_S = 30.0
"""How long one that was away is not asked again."""
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
        self._replica_state = _ReplicaState()
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
            with _translated(), _begun(self._writers, wait_s, lock_s=lock_s) as (connection, driver):
                yield connection
                _commit(driver)
        except (StillLocked, OutcomeUnknown) as error:
            if self._waits_for_standby():
                raise type(error)("The database waits for its standby, which does not answer.") from error
            raise

    def _waits_for_standby(self) -> bool:
        """Whether commits hang because the synchronous standby is gone: they hold their locks as long as that lasts."""
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
        with _translated(), _begun(self._readers, wait_s, begin_s=ANSWER_TIMEOUT_S) as (connection, _):
            yield connection

    @contextmanager
    def read_replica(self) -> Generator[Connection]:
        """As `read`, on the replica where there is one; where that is away, on the primary."""
        with _translated(), ExitStack() as stack:
            connection = None
            if self._replica is not self._readers:
                with suppress(_ReplicaAway):
                    connection = self._begin_on_replica(stack)
            if connection is None:
                connection, _ = stack.enter_context(_begun(self._readers, _READ_TIMEOUT_S, begin_s=ANSWER_TIMEOUT_S))
            yield connection

    def _begin_on_replica(self, stack: ExitStack) -> Connection:
        """A transaction there, to be ended with the stack. Raises _ReplicaAway, at once where it was away just now."""
        if not self._replica_state.is_to_be_asked():
            raise _ReplicaAway("The replica is away.", self._replica_state.why)
        try:
            connection, _ = stack.enter_context(_begun(self._replica, _READ_TIMEOUT_S, begin_s=_REPLICA_ANSWER_S))
        except (Unreachable, DBAPIError, psycopg.Error) as error:
            why = error.why if isinstance(error, Unreachable) else in_words(_fault_of(error))
            self._replica_state.note_away(why)
            raise _ReplicaAway("The replica is away.", why) from error
        except StorageUnavailable as error:
            # One that is no use: too old, or of another encoding.
            self._replica_state.note_away(error.detail)
            raise _ReplicaAway("The replica is away.", error.detail) from error
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
            with _translated(), _begun(self._readers, _HEAD_ANSWER_S) as (connection, _):
                return connection.exec_driver_sql(replica_age.ASK_HEAD).scalar_one()
        except StorageUnavailable:
            return None

    def find_replica_age(self) -> Age | None:
        if self._replica is self._readers:
            return None
        with _translated(), ExitStack() as stack:
            return self.age_of(self._begin_on_replica(stack))

    @property
    def why_no_replica(self) -> str:
        return self._replica_state.why

    def close(self) -> None:
        self.notices.close()
        for engine in {self._writers, self._readers, self._replica}:
            engine.dispose()


class _ReplicaAway(Unreachable):
    """It is the replica, and that was said."""


class _ReplicaState:
    """Whether the replica is asked: one that was away is left alone for a while, or every list would wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_again_at = float("-inf")
        self.why = ""
        """Why it is away; empty where it is not."""

    def is_to_be_asked(self) -> bool:
        with self._lock:
            if not self.why:
                return True
            now = time.monotonic()
            if now < self._ask_again_at:
                return False
            # By this reader alone: the others would all wait with it.
            self._ask_again_at = now + REPLICA_LEFT_ALONE_S
            return True

    def note_away(self, why: str) -> None:
        with self._lock:
            is_new = not self.why
            self.why = why
            self._ask_again_at = time.monotonic() + REPLICA_LEFT_ALONE_S
        if is_new:
            replica_log.warning("the replica is away, so lists are read from the primary: %s", why)

    def note_back(self) -> None:
        with self._lock:
            was_away, self.why = bool(self.why), ""
        if was_away:
            replica_log.info("the replica is back")


def describe(url: str) -> str:
    """Hosts and database as people know them, without any password."""
    parts = conninfo.conninfo_to_dict(url)
    hosts = str(parts.get("host") or parts.get("hostaddr") or "localhost").split(",")
    ports = str(parts.get("port") or "").split(",")
    if len(ports) == 1:
        # One is that of all hosts.
        ports *= len(hosts)
    places = []
    for host, port in zip(hosts, ports, strict=False):
        name = f"[{host}]" if ":" in host and port else host or "localhost"
        places.append(f"{name}:{port}" if port else name)
    return f"PostgreSQL at {','.join(places)}, database {parts.get('dbname') or parts.get('user') or ''}"


def connect(url: str, *, wait_s: float | None = ANSWER_TIMEOUT_S) -> "DriverConnection":
    """A connection as the URL says, with what matters to us where it says nothing. Raises psycopg.Error."""
    given = conninfo.conninfo_to_dict(url)
    hosts = 1 + max(str(given.get(name, "")).count(",") for name in ("host", "hostaddr"))
    usual: dict[str, Any] = {
        "connect_timeout": max(_SHORTEST_CONNECT_TIMEOUT_S, _CONNECT_TIMEOUT_S // hosts),
        "fallback_application_name": "turnout",
        # A machine that is gone does not say so.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(ANSWER_TIMEOUT_S * 1000),
        "client_encoding": "UTF8",
    }
    if hosts > 1:
        # Of several machines the one that takes writes.
        usual["target_session_attrs"] = "read-write"
    connection = DriverConnection.connect(
        url,
        autocommit=True,
        # Never kept: a plan made while tables were empty is three times slower for ever, and behind pgbouncer the next
        # transaction may find another server connection.
        prepare_threshold=None,
        **{name: value for name, value in usual.items() if name not in given},
    )
    connection.give_time(wait_s)
    try:
        connection.execute(_LET_GO)
    except psycopg.Error:
        connection.close()
        raise
    return connection


_LET_GO = (
    "SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    # Of what it has sent and nobody has acknowledged.
    " SET tcp_user_timeout = 10000"
)
"""The server's half: a machine that has vanished in mid-transaction holds its event for ten seconds, not for a quarter
of an hour. Behind a pooler these are of the pooler's connection: they do no harm, and the pooler's own settings count.
"""


class DriverConnection(psycopg.Connection):
    """One that gives up waiting: a server that hangs keeps its connections open."""

    replayed: replica_age.Replayed | None = None
    """Of a replica: how far it was when the transaction began."""
    is_weak = False
    """Whether commits would be acknowledged before they are on disk, if we did not ask for more."""
    left_s: float | None = None
    """How long the server is waited for from now on; None: as long as it takes."""
    lock_s = LOCK_TIMEOUT_S
    """How long a transaction that writes waits for what another one has locked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.warnings: list[str] = []
        self.add_notice_handler(self._note)

    def give_time(self, wait_s: float | None) -> None:
        """From now on so long in all is waited for the server; what we do in between does not count."""
        self.left_s = wait_s

    def raw_cursor(self) -> psycopg.RawCursor:
        """For statements with PostgreSQL's own placeholders."""
        return psycopg.RawCursor(self)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if self.left_s is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, self.left_s)
        except errors._WaitTimeout as error:
            self.close()
            raise Hung("it takes what is sent and answers nothing") from error
        finally:
            self.left_s = max(0.0, self.left_s - (time.monotonic() - began))

    def _note(self, notice: errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(notice.message_primary or "")


class Hung(psycopg.OperationalError):
    """The server takes what we send, and answers nothing."""


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
        elif isinstance(_fault_of(error), errors.ReadOnlySqlTransaction):
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
            raise Unreachable("The database cannot be reached.", in_words(_fault_of(error))) from error
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
        if _is_lost(error) or driver.closed:
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


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except Unreachable as error:
        if not isinstance(error, _ReplicaAway):
            _warn(_away, f"{error.detail.rstrip('.')}: {error.why}")
        raise
    except PoolTimeout as error:
        raise StorageUnavailable("Too much is being read from the database and written to it.") from error
    except (DBAPIError, psycopg.Error) as error:
        fault = _fault_of(error)
        try:
            if not isinstance(fault, psycopg.Error):
                raise
            if isinstance(fault, Hung):
                raise StorageUnavailable("The database takes what is sent and answers nothing.") from error
            if isinstance(fault, errors.LockNotAvailable):
                raise StillLocked("Another transaction holds what this concerns, and has not ended in time.") from error
            if isinstance(fault, errors.SerializationFailure | errors.DeadlockDetected):
                raise TransactionLost("The database ended the transaction in favour of another one.") from error
            if _is_lost(fault):
                _warn(_broken, f"the connection to the database broke: {in_words(fault)}")
                raise TransactionLost("The connection to the database broke.") from error
            if _is_storage_fault(fault):
                raise StorageUnavailable(f"The database cannot be used at the moment: {in_words(fault)}.") from error
            raise
        finally:
            # Else it, its traceback and all that was to be stored hold one another until they are collected.
            del fault


def _warn(thinned: Thinned, text: str) -> None:
    times = thinned.count(text)
    if times is not None:
        log.warning("%s%s", text, "" if times == 1 else f" ({times:,} times since this was said last)")


def _fault_of(error: BaseException) -> BaseException | None:
    """What the driver says."""
    return error.orig if isinstance(error, DBAPIError) else error


def _is_lost(fault: psycopg.Error) -> bool:
    """Whether the connection, or the server process behind it, is gone."""
    if fault.sqlstate is None:
        return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
    return fault.sqlstate.startswith("08") or fault.sqlstate in ("57P01", "57P02", "57P03", "57P05", "25P03")


def _is_storage_fault(fault: psycopg.Error) -> bool:
    """Whether it is the database's state that failed and not our statement."""
    return (fault.sqlstate or "").startswith(_FAULTS)


_FAULTS = (
    "25006",  # read-only: a standby, or a primary that was told to be
    "28",  # who we are is not accepted
    "3D000",  # no such database
    "53",  # no disk, no memory, no connections
    "57",  # cancelled, or about to stop
    "58",  # its files fail
    "F0",  # its configuration fails
    "XX",  # it found itself damaged
    "42501",  # we have no right to
)


def in_words(fault: BaseException | None) -> str:
    """What the server or the driver says, on one line, without what was sent and without an end of its own."""
    text = (fault.diag.message_primary if isinstance(fault, psycopg.Error) else None) or str(fault)
    said = ""
    for line in text.splitlines():
        words = " ".join(line.split())
        # libpq puts guesses behind, further in: "Is the server running on that host and accepting TCP/IP connections?"
        if words and not (said and line.startswith("\t")):
            said += ("" if not said else " " if said.endswith((".", ":", ";", ",")) else "; ") + words
    return said.rstrip(".")[:800] or type(fault).__name__
