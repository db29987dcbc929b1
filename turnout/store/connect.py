"""Engines, transactions, and every difference between the databases."""

import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from turnout.errors import StorageUnavailable
from turnout.store.file_lock import FileLock, LockTimeout

__all__ = ["Connection", "Database", "in_parts", "insert", "values"]

LOCK_TIMEOUT_S = 5.0
"""How long a commit waits for another writer before it says that the storage is not available."""
CHECKPOINT_PAGES = 4_000
"""The log file's size, in pages of 4 KiB, from which its content is moved into the database file."""
_MAX_PARAMETERS = 30_000
"""Below what SQLite (32,766) and PostgreSQL (65,535) take in one statement."""
_MAX_ROWS = 500


class Database:
    """One database: a writer, readers, and the rules under which they commit."""

    def __init__(self, url: str) -> None:
        self.url = url
        path = make_url(url).database
        assert path is not None
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        except OSError as error:
            raise StorageUnavailable(
                f"The folder {self.path.parent} cannot be written to ({error.strerror}). Give the account that runs "
                "Turnout the right to write there, or choose another place with TURNOUT_DATABASE_URL."
            ) from error
        # Within the process: file locks are held by processes, not threads.
        self._one_writer = threading.Lock()
        self._writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", poolclass=QueuePool, pool_size=1, max_overflow=0)
        self._readers = _sqlite_engine(url, begin="BEGIN", poolclass=QueuePool, pool_size=4, max_overflow=4)

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A transaction that may write, alone in its database; on disk when the block has ended (D1).

        Raises StorageUnavailable when the database cannot be written, then nothing of it took effect.
        """
        with self._translated(), self._alone(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A transaction that sees one moment of the database. Raises StorageUnavailable."""
        with self._translated(), self._readers.begin() as connection:
            yield connection

    def move_log(self) -> None:
        """SQLite: moves what was committed from the log file into the database file, when it has grown enough."""
        log = self.path.with_name(self.path.name + "-wal")
        try:
            due = log.stat().st_size > CHECKPOINT_PAGES * 4_096
        except FileNotFoundError:
            return
        if due:
            with self._translated(), self._alone(), self._readers.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def size_bytes(self) -> int:
        """Of all files of the database."""
        files = [self.path, self.path.with_name(self.path.name + "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        self._writer.dispose()
        self._readers.dispose()
        self._lock.close()

    @contextmanager
    def _alone(self) -> Generator[None]:
        # Both waits together, so that nobody's push waits twice as long as we say.
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        with ExitStack() as stack:
            if not self._one_writer.acquire(timeout=LOCK_TIMEOUT_S):
                raise LockTimeout
            stack.callback(self._one_writer.release)
            stack.enter_context(self._lock.held(deadline - time.monotonic()))
            yield

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except LockTimeout as error:
            raise StorageUnavailable("The database is busy with another program.") from error
        except PoolTimeout as error:
            raise StorageUnavailable("Too much is being read from the database.") from error
        except DBAPIError as error:
            if not _is_storage_fault(error):
                raise
            # After a failed write to the disk nothing is known of what the connection still holds.
            self._writer.dispose()
            self._readers.dispose()
            raise StorageUnavailable(f"The database cannot be used at the moment: {error.orig}.") from error


def insert(connection: Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]], tail: str = "") -> None:
    """Inserts rows of the columns named (`"a, b"`), with as few statements as the databases allow.

    One statement with many rows, not one execution a row: the second gives up and takes back Python's lock each time.
    """
    width = columns.count(",") + 1
    most = min(_MAX_ROWS, _MAX_PARAMETERS // width)
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({columns}) VALUES {values(connection, width, len(some))} {tail}",
            tuple(parameter for row in some for parameter in row),
        )


def values(connection: Connection, width: int, rows: int) -> str:
    """`(?, ?), (?, ?)`: that many rows of placeholders, as the driver writes them."""
    placeholder = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return ", ".join(["(" + ", ".join([placeholder] * width) + ")"] * rows)


def in_parts(items: Sequence[tuple[Any, ...]], width: int) -> Generator[Sequence[tuple[Any, ...]]]:
    """Slices that fit into one statement's parameters."""
    most = min(1_000, _MAX_PARAMETERS // width)
    for start in range(0, len(items), most):
        yield items[start : start + most]


def _sqlite_engine(url: str, *, begin: str, **pool: Any) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        module=_sqlite_module(),
        connect_args={"check_same_thread": False},
        # Parameters are people's data; errors are logged.
        hide_parameters=True,
        pool_timeout=LOCK_TIMEOUT_S,
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        # Waits for writers that do not know our lock, such as an SQLite shell.
        cursor.execute(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT_S * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        # Moving the log is ours, under the file lock.
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
        # What is erased must not stay behind in free pages.
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("PRAGMA cache_size = -32768")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _sqlite_module() -> Any:
    """The standard library's, if current: SQLite before 3.51.3 can corrupt a log that is moved while another commits.

    The file lock prevents that too, so an older one is good enough where there is no other.
    """
    if sqlite3.sqlite_version_info >= (3, 51, 3):
        return sqlite3
    try:
        import pysqlite3.dbapi2
    except ImportError:
        return sqlite3
    return pysqlite3.dbapi2


def _is_storage_fault(error: DBAPIError) -> bool:
    """Whether it is the database's state that failed and not our statement."""
    return getattr(error.orig, "sqlite_errorname", "").startswith(_FAULTS)


_FAULTS = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_PROTOCOL",
    "SQLITE_NOMEM",
    "SQLITE_PERM",
    "SQLITE_AUTH",
)
