"""Before a migration there is a backup; and a migration that is killed has happened, or has not."""

import itertools
import logging
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from tests.patience import PATIENCE_S
from turnout.errors import StorageUnavailable
from turnout.operations.restore import restore
from turnout.operations.verify.verify import verify
from turnout.store import attendees, changes, events, schema
from turnout.store.sqlite import backup_file
from turnout.store.sqlite.database import SqliteDatabase

FIRST = (Path(__file__).parent / "database_0001.sql").read_text("utf-8")
TIMES = 20
"""So often one is killed, each time at another moment."""


def make_first(path: Path) -> Path:
    """A database with people in it, as the first version left it."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST)
    return path


def open_file(path: Path) -> SqliteDatabase:
    return SqliteDatabase(f"sqlite:///{path}")


@pytest.fixture
def older(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(open_file(make_first(tmp_path / "turnout.db"))) as database:
        yield database


def find_version(database: SqliteDatabase) -> str | None:
    with database.read() as connection:
        return schema.find_version(connection)


def check_nothing_is_lost(database: SqliteDatabase) -> None:
    assert verify(database).ok
    with database.read() as connection:
        (event,) = events.list_events(connection)
        john = next(iter(attendees.list_by_address(connection, event.id, "john.doe@example.com")), None)
        assert john is not None
        assert [line.sequence for line in changes.list_history(connection, event.id, john.sequence)] == [4, 3, 1]
        clock = events.find_clock(connection, event.id)
    assert clock is not None
    assert clock.last_sequence == 5


def test_the_backup_is_of_what_was_there_and_leads_back(
    older: SqliteDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        schema.prepare(older)
    file = tmp_path / f"turnout.db.before-{schema.VERSION}.backup"
    assert str(file) in caplog.text
    assert file.stat().st_mode & 0o777 == 0o600
    with backup_file.opened(file) as backup:
        assert backup.manifest.schema_version == "0001"
    again = tmp_path / "again" / "turnout.db"
    restore(file, again)
    with closing(open_file(again)) as database:
        assert find_version(database) == "0001"
        schema.prepare(database)
        check_nothing_is_lost(database)


def test_an_empty_database_is_not_backed_up(older: SqliteDatabase, tmp_path: Path) -> None:
    with older.write() as connection:
        for table in ("events", "clocks"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    schema.prepare(older)
    with closing(open_file(tmp_path / "new.db")) as database:
        schema.prepare(database)
    assert list(tmp_path.glob("*.backup")) == []


def test_without_room_for_a_backup_nothing_is_migrated(older: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = backup_file.shutil.disk_usage("/")._replace(free=1 << 20)
    with monkeypatch.context() as patched:
        patched.setattr(backup_file.shutil, "disk_usage", lambda _: usage)
        with pytest.raises(StorageUnavailable, match=r"not brought up to date.*not enough room"):
            schema.prepare(older)
    assert find_version(older) == "0001"
    schema.prepare(older)
    check_nothing_is_lost(older)


class Migrating:
    """A process with everything imported, of which a copy migrates whatever database it is told."""

    _CODE = (
        "import os, signal, sys, time; import alembic.op, alembic.runtime.environment, alembic.script\n"
        "from turnout.store import schema; from turnout.store.sqlite.database import SqliteDatabase\n"
        "for line in sys.stdin:\n"
        "    path, kill_after_s = line.rsplit(maxsplit=1)\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        schema.prepare(SqliteDatabase('sqlite:///' + path)); os._exit(0)\n"
        "    if float(kill_after_s):\n"
        "        time.sleep(float(kill_after_s)); os.kill(child, signal.SIGKILL)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=PATIENCE_S)

    def run(self, path: Path, kill_after_s: float = 0) -> int:
        """The exit code; 0 for never lets it end by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path} {kill_after_s}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def test_a_migration_killed_at_any_moment_has_happened_or_has_not(tmp_path: Path) -> None:
    """SIGKILL at many moments: what is found is one version or the other, whole, and the next start finishes it."""
    chance = random.Random(7)
    with Migrating() as migrating:
        whole_s = 1.0
        for number in range(3):
            path = make_first(tmp_path / f"whole-{number}" / "turnout.db")
            began = time.monotonic()
            assert migrating.run(path) == 0
            whole_s = min(whole_s, time.monotonic() - began)
        codes: set[int] = set()
        for number in itertools.count():
            # A busy machine may let the first ones end before they are killed; each such one is killed sooner.
            if number >= TIMES and -signal.SIGKILL in codes:
                break
            path = make_first(tmp_path / str(number) / "turnout.db")
            kill_after_s = chance.uniform(0.0005, whole_s * 1.1)
            code = migrating.run(path, kill_after_s)
            codes.add(code)
            if code == 0:
                # The machine is quicker than it was.
                whole_s = min(whole_s, kill_after_s)
            with closing(open_file(path)) as database:
                found = find_version(database)
                assert found in ("0001", schema.VERSION)
                backup = schema.backup_before(path)
                assert found == "0001" or backup.exists()
                if backup.exists():
                    check_backup(backup, tmp_path / f"{number}-again" / "turnout.db")
                schema.prepare(database)
                check_nothing_is_lost(database)
            assert [file.name for file in path.parent.iterdir() if file.name.endswith(".part")] == [] or backup.exists()


def check_backup(backup: Path, again: Path) -> None:
    """It is whole, and of the version before."""
    restore(backup, again)
    with closing(open_file(again)) as database:
        assert find_version(database) == "0001"
