"""SQLite: one file, one writer at a time, and the lock that keeps command line and server out of each other's way."""

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from turnout.errors import StorageUnavailable
from turnout.model.age import Age
from turnout.store.database import ANSWER_TIMEOUT_S, LOCK_TIMEOUT_S, Database
from turnout.store.secret_key import file_of
from turnout.store.sqlite.file_lock import FileLock, LockTimeout
from turnout.store.sqlite.notices import SqliteNotices
from turnout.store.statements import run

_WRITER_CACHE_KIB = 96 * 1024
"""Pages that the writer keeps: with a million attendees each push finds its people on other pages."""
_READER_CACHE_KIB = 8 * 1024
CHECKPOINT_PAGES = 4_000
"""The log file's size, in pages of 4 KiB, from which its content is moved into the database file."""
MOVED_AWAY = "its data is moved to another database"
"""With what everything is refused that is written to such a one (`moving.py`); opened anew it says where to."""
_LOG_KEPT_BYTES = 32 << 20
"""To which the log file shrinks when it is begun anew after a long reader, a backup say, has let it grow."""


class SqliteDatabase(Database):
    """One file: a writer, readers, and the locks under which they commit."""

    def __init__(self, url: str, secret_key: bytes | None = None) -> None:
        """`secret_key` is what the setting gives; without it the key is in a file beside the database."""
        self.url = url
        path = make_url(url).database
        assert path is not None
        self.path = Path(path)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                # SQLite gives the files beside it the same rights.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        except OSError as error:
            raise StorageUnavailable(
                f"The folder {self.path.parent} cannot be written to ({error.strerror}). Give the account that runs "
                "Turnout the right to write there, or choose another place with TURNOUT_DATABASE_URL."
            ) from error
        self.given_secret_key = secret_key
        self.key_file = file_of(self.path)
        self.server_note = self.path.with_name(self.path.name + ".server")
        """The file that a server holds while it runs on this database, and where it notes its public URL."""
        self._log_index = f"{self.path}-shm"
        self._index: int | None = None
        # Within the process: file locks are held by processes, not threads.
        self._one_writer = threading.Lock()
        self._writer = _sqlite_engine(
            url, begin="BEGIN IMMEDIATE", cache_kib=_WRITER_CACHE_KIB, poolclass=QueuePool, pool_size=1, max_overflow=0
        )
        self._writing: Connection | None = None
        self._anchor: Any = None
        self._driver_error: type[Exception] = self._writer.dialect.loaded_dbapi.Error
        self._readers = _sqlite_engine(
            url, begin="BEGIN", cache_kib=_READER_CACHE_KIB, poolclass=QueuePool, pool_size=4, max_overflow=4
        )
        self.notices = SqliteNotices(
            self.read,
            lambda: self._writer.dialect.loaded_dbapi.connect(self.path, check_same_thread=False),
            self._driver_error,
        )

    @property
    def place(self) -> str:
        return str(self.path)

    @contextmanager
    def write(
        self, *, patient: bool = False, within_s: float = ANSWER_TIMEOUT_S, lock_s: float = LOCK_TIMEOUT_S
    ) -> Generator[Connection]:
        """As the base says, and alone in the database."""
        with self._translated(), self._alone(min(LOCK_TIMEOUT_S, within_s)):
            try:
                # Kept open: to take one from a pool and give it back costs as much as a commit's statements.
                if self._writing is None:
                    self._writing = self._writer.connect()
                    self._drop_anchor()
                with self._writing.begin():
                    yield self._writing
            except (DBAPIError, self._driver_error) as error:
                if _is_storage_fault(_fault_of(error)):
                    # After a failed write nothing is known of what the connection still holds. While we are alone: to
                    # close one that another thread is using ends the process.
                    self._close_writer()
                raise

    @contextmanager
    def read(self, *, patient: bool = False) -> Generator[Connection]:
        with self._translated(), self._readers.begin() as connection:
            yield connection

    def read_replica(self) -> AbstractContextManager[Connection]:
        return self.read()

    def age_of(self, connection: Connection) -> Age | None:
        return None

    def find_replica_age(self) -> Age | None:
        return None

    @property
    def why_no_replica(self) -> str:
        return ""

    def agree_on_time(self) -> None:
        """Nothing: whoever uses the file has the same clock."""

    @contextmanager
    def read_outside(self) -> Generator[Any]:
        """A reader's connection as the driver has it, in no transaction. Raises StorageUnavailable."""
        with self._translated():
            connection = self._readers.raw_connection()
            try:
                yield connection.driver_connection
            finally:
                connection.close()

    def move_log(self) -> None:
        """SQLite: moves what was committed from the log file into the database file, when enough is waiting there."""
        if self._count_pages_to_move() > CHECKPOINT_PAGES:
            with self._translated(), self._alone(LOCK_TIMEOUT_S), self._readers.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def forget_log(self) -> bool:
        """SQLite: empties the log file, so that nothing of what was erased is left in it.

        False where somebody was reading for longer than a lock is waited for; the log is moved later then.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            with self._translated(), self._alone(LOCK_TIMEOUT_S), self._readers.connect() as connection:
                # Who is reading is waited for below, without the lock: pushes would wait as long.
                connection.exec_driver_sql("PRAGMA busy_timeout = 0")
                try:
                    busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
                finally:
                    connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT_S * 1000)}")
            if not busy:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)

    def wipe(self, stopping: threading.Event | None = None) -> bool:
        from turnout.store.sqlite.wipe import wipe

        return wipe(self, stopping)

    @contextmanager
    def write_to_file(self) -> Generator[Connection | None]:
        """SQLite: as `write`, while all that was ever committed stands in the database file and nothing in the log.

        None where somebody was reading for longer than a lock is waited for. Raises StorageUnavailable.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.forget_log():
                with self.write() as connection:
                    # Nobody else can commit now; somebody may have before.
                    if self.path.with_name(self.path.name + "-wal").stat().st_size == 0:
                        yield connection
                        return
        yield None

    def _count_pages_to_move(self) -> int:
        # The log file's size says nothing: it is written again from its beginning. Its index, of which only this
        # process's readers and the command line know besides, says what is in it: mxFrame and nBackfill of SQLite's
        # WAL-index format, in the machine's byte order.
        index = self._open_log_index()
        if index is None:
            return 0
        head = os.pread(index, 100, 0)
        return int.from_bytes(head[16:20], sys.byteorder) - int.from_bytes(head[96:100], sys.byteorder)

    def _open_log_index(self) -> int | None:
        # Opened once and kept. To close any descriptor of a file gives up all locks that the process has on it, and so
        # SQLite's: the next program to open the database would take itself for the first, begin the index anew, and
        # this process would die of it (SIGBUS). An index without a name is nobody's any more.
        if self._index is not None and os.fstat(self._index).st_nlink == 0:
            os.close(self._index)
            self._index = None
        if self._index is None:
            with suppress(FileNotFoundError):
                self._index = os.open(self._log_index, os.O_RDONLY | os.O_CLOEXEC)
        return self._index

    def size_bytes(self) -> int:
        """Of all files of the database."""
        files = [self.path, self.path.with_name(self.path.name + "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        self.notices.close()
        with self._one_writer:
            self._close_writer()
        self._readers.dispose()
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None
        self._lock.close()
        # Where others still use the index it stays open, see there.
        if self._index is not None and os.fstat(self._index).st_nlink == 0:
            os.close(self._index)
            self._index = None

    @contextmanager
    def _alone(self, within_s: float) -> Generator[None]:
        # Both waits together, so that nobody's push waits twice as long as we say.
        deadline = time.monotonic() + within_s
        with ExitStack() as stack:
            if not self._one_writer.acquire(timeout=within_s):
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
        except (DBAPIError, self._driver_error) as error:
            fault = _fault_of(error)
            if not _is_storage_fault(fault):
                raise
            # Those that are idle; whoever uses one now finds out for himself.
            self._readers.dispose()
            raise StorageUnavailable(f"The database cannot be used at the moment: {fault}.") from error

    def _drop_anchor(self) -> None:
        """Opens a connection that is used for nothing and stays when the others are let go.

        With the last connection SQLite would take the log's index away, and make it anew: on a full disk it may then
        find no room for a page that it has mapped into memory, and the process dies (SIGBUS).
        """
        if self._anchor is None:
            self._anchor = self._writer.dialect.loaded_dbapi.connect(self.path, check_same_thread=False)
            self._anchor.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def _close_writer(self) -> None:
        """The next transaction opens a new one. Only for whoever is alone."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            with suppress(DBAPIError, self._driver_error):
                writing.close()
        self._writer.dispose()


def _sqlite_engine(url: str, *, begin: str, cache_kib: int, **pool: Any) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        module=sqlite_module(),
        connect_args={"check_same_thread": False, "cached_statements": 256},
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
        _log_ahead(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        # On macOS, where nothing less reaches the disk.
        cursor.execute("PRAGMA fullfsync = ON")
        # Moving the log is ours, under the file lock.
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
        cursor.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT_BYTES}")
        # What is erased must not stay behind in free pages.
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute(f"PRAGMA cache_size = -{cache_kib}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        run(connection, begin)

    return engine


def _log_ahead(cursor: Any) -> None:
    """Commits go to a log file. Where several make this of a new file at once, SQLite refuses some at once."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite_module().OperationalError as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def sqlite_module() -> Any:
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


def _fault_of(error: Exception) -> BaseException | None:
    """What the driver says."""
    return error.orig if isinstance(error, DBAPIError) else error


def _is_storage_fault(error: BaseException | None) -> bool:
    """Whether it is the database's state that failed and not our statement."""
    return getattr(error, "sqlite_errorname", "").startswith(_FAULTS) or str(error) == MOVED_AWAY


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
