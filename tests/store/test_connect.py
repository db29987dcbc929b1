"""The database: durable, one writer at a time, fair between processes, and honest about its faults."""

import mmap
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.exc

from tests.patience import PATIENCE_S
from turnout.errors import StorageUnavailable
from turnout.store import schema
from turnout.store.sqlite import database as sqlite
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.file_lock import FileLock, LockTimeout
from turnout.store.statements import in_parts, insert


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "turnout.db"


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        schema.prepare(database)
        yield database


def write_one(database: SqliteDatabase, at: int = 1) -> None:
    with database.write() as connection:
        insert(connection, "probe", "id, at", [(at, at)])


def read_all(database: SqliteDatabase) -> list[int]:
    with database.read() as connection:
        return list(connection.exec_driver_sql("SELECT at FROM probe ORDER BY at").scalars())


def pragma(connection: Any, name: str) -> Any:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_the_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with closing(SqliteDatabase(f"sqlite:///{folder}/turnout.db")) as database:
        schema.prepare(database)
        write_one(database)
        rights = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(rights) >= {"turnout.db", "turnout.db-wal", "turnout.db-shm", "turnout.db.lock"}
    assert set(rights.values()) == {0o600}


def test_after_a_fault_the_logs_index_is_the_same_file(database: SqliteDatabase) -> None:
    """SQLite would make it anew, and on a full disk that may end the process."""
    write_one(database)
    before = Path(f"{database.path}-shm").stat().st_ino
    database._close_writer()
    database._readers.dispose()
    write_one(database, 2)
    assert Path(f"{database.path}-shm").stat().st_ino == before
    assert read_all(database) == [1, 2]


def test_a_fault_of_one_thread_closes_no_connection_that_another_is_using(database: SqliteDatabase) -> None:
    """SQLite's objects freed under a running statement end the process."""
    begun, failed = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with database.write() as connection:
            begun.set()
            assert failed.wait(PATIENCE_S)
            insert(connection, "probe", "id, at", [(1, 1)])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_slowly)
        assert begun.wait(PATIENCE_S)
        fault = sqlite3.OperationalError("disk I/O error")
        fault.sqlite_errorname = "SQLITE_IOERR"
        with pytest.raises(StorageUnavailable), database.read():
            raise sqlalchemy.exc.DBAPIError("SELECT 1", None, fault)
        failed.set()
        writing.result()
    assert read_all(database) == [1]


# --- Durable ---------------------------------------------------------------------------------------------------------


def test_d1_a_commit_is_flushed_to_the_disk(database: SqliteDatabase) -> None:
    with database.write() as connection:
        assert pragma(connection, "synchronous") == 2  # FULL
        assert pragma(connection, "journal_mode") == "wal"


def test_the_log_is_moved_by_us_alone_and_nothing_deleted_stays_in_the_file(database: SqliteDatabase) -> None:
    with database.write() as writer:
        assert pragma(writer, "wal_autocheckpoint") == 0
        assert pragma(writer, "secure_delete") == 1
    with database.read() as reader:
        assert pragma(reader, "wal_autocheckpoint") == 0


def test_what_was_written_is_there_for_whoever_opens_the_file(database: SqliteDatabase) -> None:
    write_one(database, 7)
    with closing(SqliteDatabase(database.url)) as other:
        assert read_all(other) == [7]


def test_a_block_that_fails_leaves_nothing(database: SqliteDatabase) -> None:
    def fail_half_way() -> None:
        with database.write() as connection:
            insert(connection, "probe", "id, at", [(1, 1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert read_all(database) == []
    write_one(database)


def test_a_reader_sees_one_moment(database: SqliteDatabase) -> None:
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM probe").scalar() == 0
        write_one(database)
        assert connection.exec_driver_sql("SELECT count(*) FROM probe").scalar() == 0
    assert read_all(database) == [1]


# --- One writer ------------------------------------------------------------------------------------------------------


def test_a_writer_has_the_database_to_itself_from_the_first_line_on(database: SqliteDatabase) -> None:
    with closing(sqlite.sqlite_module().connect(database.path, timeout=0, isolation_level=None)) as beside:
        with database.write():
            with pytest.raises(sqlite.sqlite_module().OperationalError, match="locked"):
                beside.execute("BEGIN IMMEDIATE")


def test_writers_of_one_process_go_one_after_another(database: SqliteDatabase) -> None:
    def count_up() -> None:
        for _ in range(20):
            with database.write() as connection:
                at = connection.exec_driver_sql("SELECT coalesce(max(at), 0) FROM probe").scalar_one()
                insert(connection, "probe", "id, at", [(at + 1, at + 1)])

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_all(database) == list(range(1, 81))


@contextmanager
def in_another_thread(database: SqliteDatabase) -> Generator[None]:
    """Somebody else of this process is writing."""
    begun, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with database.write():
            begun.set()
            assert may_end.wait(PATIENCE_S)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(PATIENCE_S)
    try:
        yield
    finally:
        may_end.set()
        thread.join()


@contextmanager
def in_another_program(database: SqliteDatabase) -> Generator[None]:
    """One of our own, such as the command line, is writing."""
    with closing(SqliteDatabase(database.url)) as other, other.write():
        yield


@contextmanager
def in_a_shell(database: SqliteDatabase) -> Generator[None]:
    """A program that does not know our lock is writing."""
    with closing(sqlite.sqlite_module().connect(database.path, isolation_level=None)) as beside:
        beside.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("busy", [in_another_thread, in_another_program, in_a_shell])
def test_whoever_waits_too_long_is_told_and_can_write_afterwards(
    path: Path, monkeypatch: pytest.MonkeyPatch, busy: Any
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_S", 0.05)
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        schema.prepare(database)
        with busy(database):
            with pytest.raises(StorageUnavailable):
                write_one(database)
            assert read_all(database) == []
        write_one(database)


def test_two_waits_together_are_no_longer_than_one(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a thread first, then behind another program: still no longer than the timeout."""
    asked: list[float] = []

    class Patient(FileLock):
        @contextmanager
        def held(self, timeout_s: float) -> Generator[None]:
            asked.append(timeout_s)
            yield

    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_S", 1.0)
    monkeypatch.setattr(database._lock, "held", Patient(database.path.with_name("other.lock")).held)
    waited = threading.Event()
    with in_another_thread(database):
        thread = threading.Thread(target=lambda: (write_one(database), waited.set()))
        thread.start()
        assert not waited.wait(0.1)
    thread.join()
    assert asked[0] > 0.99
    assert asked[1] < 0.95


# --- The lock between processes --------------------------------------------------------------------------------------

GREEDY = """
    import mmap, sys, time
    from pathlib import Path
    from turnout.store.sqlite.file_lock import FileLock

    lock = FileLock(Path(sys.argv[1]))
    with open(sys.argv[2], "r+b") as file, mmap.mmap(file.fileno(), 8) as turns:
        print("ready", flush=True)
        while True:
            with lock.held(5):
                turns[:] = (int.from_bytes(turns[:], "little") + 1).to_bytes(8, "little")
                time.sleep(0.002)
"""


@contextmanager
def greedy_process(lock: Path, turns: Path) -> Generator[subprocess.Popen[str]]:
    """A process that takes the lock again as soon as it has given it back, and counts how often."""
    turns.write_bytes(bytes(8))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(GREEDY), str(lock), str(turns)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_whoever_waits_for_the_lock_gets_it_before_who_has_just_had_it(tmp_path: Path) -> None:
    with closing(FileLock(tmp_path / "lock")) as lock, greedy_process(tmp_path / "lock", tmp_path / "turns"):
        with (tmp_path / "turns").open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as turns:
            passed_by = []
            for _ in range(30):
                before = int.from_bytes(turns[:], "little")
                with lock.held(PATIENCE_S):
                    passed_by.append(int.from_bytes(turns[:], "little") - before)
    # One that was under way, and sometimes one whose turn began together with ours.
    assert sorted(passed_by)[len(passed_by) // 2] <= 1
    assert max(passed_by) <= 6


def test_a_process_that_is_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    with closing(FileLock(tmp_path / "lock")) as lock:
        with greedy_process(tmp_path / "lock", tmp_path / "turns") as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
            with lock.held(PATIENCE_S):
                pass


@pytest.fixture
def two_locks(tmp_path: Path) -> Iterator[tuple[FileLock, FileLock]]:
    with closing(FileLock(tmp_path / "lock")) as one, closing(FileLock(tmp_path / "lock")) as other:
        yield one, other


def test_the_lock_keeps_others_out_until_it_is_given_back(two_locks: tuple[FileLock, FileLock]) -> None:
    one, other = two_locks
    with one.held(0):
        with pytest.raises(LockTimeout):
            with other.held(0.01):
                pass
    with other.held(0):
        pass


def test_the_lock_is_given_back_when_its_holder_fails(two_locks: tuple[FileLock, FileLock]) -> None:
    one, other = two_locks
    with pytest.raises(RuntimeError):
        with one.held(0):
            raise RuntimeError
    with other.held(0):
        pass


def test_whoever_gives_up_waiting_stands_in_nobodys_way(tmp_path: Path, two_locks: tuple[FileLock, FileLock]) -> None:
    one, other = two_locks
    with one.held(0):
        with pytest.raises(LockTimeout):
            with other.held(0.01):
                pass
    with closing(FileLock(tmp_path / "lock")) as third, third.held(0):
        pass


def test_the_lock_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    with closing(FileLock(tmp_path / "lock")):
        assert [oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()] == ["0o600"] * 2


# --- Faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "word"), [("PRAGMA query_only = 1", "readonly"), ("PRAGMA max_page_count = 1", "full")]
)
def test_a_database_that_cannot_be_written_is_unavailable_and_tried_afresh(
    database: SqliteDatabase, fault: str, word: str
) -> None:
    def write_much(*first: str) -> None:
        with database.write() as connection:
            for statement in first:
                connection.exec_driver_sql(statement)
            insert(connection, "bodies", "event_id, push_id, body", [("evt", "psh", "x" * 100_000)])

    with pytest.raises(StorageUnavailable, match=word):
        write_much(fault)
    write_much()


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_bytes(b"This was a shopping list. " * 1_000)
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        for use in (database.read, database.write):
            with pytest.raises(StorageUnavailable, match="not a database"):
                with use():
                    pass


def test_a_file_that_cannot_be_opened_is_unavailable(path: Path) -> None:
    path.mkdir()
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        for use in (database.read, database.write):
            with pytest.raises(StorageUnavailable, match="unable to open"):
                with use():
                    pass


def test_a_folder_that_cannot_be_made_is_unavailable_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match="TURNOUT_DATABASE_URL"):
        SqliteDatabase(f"sqlite:///{tmp_path}/file/turnout.db")


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    with closing(SqliteDatabase(f"sqlite:///{tmp_path}/a/b/turnout.db")) as database:
        schema.prepare(database)
        write_one(database)


def test_a_mistake_in_a_statement_is_ours_and_not_the_databases(database: SqliteDatabase) -> None:
    with pytest.raises(sqlalchemy.exc.OperationalError):
        with database.read() as connection:
            connection.exec_driver_sql("SELECT nothing FROM nowhere")
    write_one(database)
    with pytest.raises(database._driver_error, match="UNIQUE"):
        write_one(database)


def test_an_error_does_not_show_what_people_said(database: SqliteDatabase) -> None:
    with pytest.raises(database._driver_error) as failed:
        with database.write() as connection:
            insert(connection, "bodies", "event_id, push_id, body", [("evt", "psh", "secret")] * 2)
    assert "secret" not in str(failed.value)


def test_when_all_readers_are_busy_the_next_is_told_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_S", 0.05)
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        with ExitStack() as readers:
            for _ in range(8):
                readers.enter_context(database.read())
            with pytest.raises(StorageUnavailable, match="Too much"):
                readers.enter_context(database.read())
        with database.read():
            pass


# --- The log file ----------------------------------------------------------------------------------------------------


def test_the_log_file_is_moved_into_the_database_when_it_has_grown(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as connection:
        insert(connection, "bodies", "event_id, push_id, body", [("evt", str(n), "x" * 4_000) for n in range(100)])
    before = database.path.stat().st_size
    database.move_log()
    assert database.path.stat().st_size == before
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 10)
    database.move_log()
    assert database.path.stat().st_size > before + 400_000


def test_the_log_file_is_not_moved_while_another_program_commits(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 0)
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_S", 0.02)
    write_one(database)
    before = database.path.stat().st_size
    with in_another_program(database):
        with pytest.raises(StorageUnavailable):
            database.move_log()
    assert database.path.stat().st_size == before


def test_to_look_at_the_log_does_not_give_up_sqlites_locks(database: SqliteDatabase) -> None:
    """Else the next program to open the database would believe to be alone, and begin the log's index anew."""
    write_one(database)
    database.move_log()
    code = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'r+b') as index:\n"
        # The byte that everybody locks who has the index open: SQLite's "dead man's switch".
        "    fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)\n"
    )
    beside = subprocess.run([sys.executable, "-c", code, f"{database.path}-shm"], capture_output=True, check=False)
    assert b"BlockingIOError" in beside.stderr


def test_the_descriptors_of_a_closed_database_are_closed(path: Path) -> None:
    def count_open() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count_open()
    for _ in range(3):
        with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
            schema.prepare(database)
            write_one(database, before)
            database.move_log()
            database._close_writer()
            database._readers.dispose()
            database.move_log()
            with database.write() as connection:
                connection.exec_driver_sql("DELETE FROM probe")
            database.move_log()
    assert count_open() == before


def test_where_there_is_no_log_file_nothing_is_moved(path: Path) -> None:
    with closing(SqliteDatabase(f"sqlite:///{path}")) as database:
        database.move_log()


def test_whoever_reads_for_long_lets_the_log_wait_and_not_the_pushes(database: SqliteDatabase) -> None:
    """To empty the log it is waited until nobody reads what is in it, but not while the lock is held."""
    write_one(database)
    with database.read() as reader:
        reader.exec_driver_sql("SELECT * FROM probe").all()
        write_one(database, 2)
        waiting = threading.Thread(target=database.forget_log)
        waiting.start()
        # Before it gives up there is time for many; for one, if they had to wait.
        for at in range(3, 103):
            write_one(database, at)
        assert waiting.is_alive()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()
    assert read_all(database)[-1] == 102


def test_the_size_is_that_of_the_database_and_its_log(database: SqliteDatabase) -> None:
    before = database.size_bytes()
    with database.write() as connection:
        insert(connection, "bodies", "event_id, push_id, body", [("evt", "psh", "x" * 100_000)])
    assert database.size_bytes() > before + 100_000


# --- Many rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 499, 500, 501, 1_700])
def test_any_number_of_rows_is_inserted(database: SqliteDatabase, rows: int) -> None:
    with database.write() as connection:
        insert(connection, "probe", "id, at", [(number, number) for number in range(rows)])
    assert read_all(database) == list(range(rows))


@pytest.mark.parametrize(("items", "width"), [(0, 1), (1_000, 2), (2_500, 4), (2_500, 17)])
def test_parts_lose_nothing_and_fit_into_one_statement(items: int, width: int) -> None:
    rows = [(number,) * width for number in range(items)]
    parts = list(in_parts(rows, width))
    assert list(dict.fromkeys(row for part in parts for row in part)) == rows
    assert all(len(part).bit_count() == 1 for part in parts), "few different lengths, to be kept prepared"
    assert all(0 < len(part) * width < 32_766 for part in parts)
