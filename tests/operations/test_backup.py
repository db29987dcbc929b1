"""A backup and its way back, without load: what is in it, what is refused, what stays as it was."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.access.conftest import PASSWORD, add_user
from tests.patience import PATIENCE_S
from turnout.access import sign_in
from turnout.errors import Conflict, InvalidRequest, StorageUnavailable
from turnout.events import event
from turnout.operations import restore as restoring
from turnout.operations.backup import back_up
from turnout.operations.restore import Restored, restore
from turnout.operations.verify.verify import verify
from turnout.store import schema, secret_key
from turnout.store.sqlite import backup_file, snapshot
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.file_lock import hold_alone

KEY = bytes(range(32))
_URL = "sqlite:///{}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "here" / "turnout.db"


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(_URL.format(path))) as database:
        schema.prepare(database)
        event.create(database, "Spring")
        yield database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "monday.backup"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere" / "turnout.db"


def list_events(path: Path) -> list[str]:
    with closing(SqliteDatabase(_URL.format(path))) as database:
        schema.prepare(database)
        assert verify(database).ok
        return [one.name for one in event.list_all(database)]


def files_of(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


# --- The backup ------------------------------------------------------------------------------------------------------


def test_a_backup_holds_the_database_its_key_and_what_they_are(database: SqliteDatabase, file: Path) -> None:
    key = database.secret_key
    manifest = back_up(database, file)
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["turnout.db", "turnout.db.key", "manifest.json"]
        assert {member.mode for member in tar} == {0o600}
        content = tar.extractfile("manifest.json")
        assert content is not None
        said = json.loads(content.read())
    assert said["schemaVersion"] == schema.VERSION
    assert [one["slug"] for one in said["events"]] == ["spring"]
    assert said["key"] == "in this file"
    assert manifest.key_fingerprint == secret_key.fingerprint(key)
    assert file.stat().st_mode & 0o777 == 0o600
    assert files_of(file.parent) == {"here", file.name}


def test_a_key_from_the_settings_is_not_in_it_and_that_is_said(
    path: Path, database: SqliteDatabase, file: Path
) -> None:
    with closing(SqliteDatabase(database.url, secret_key=KEY)) as configured:
        manifest = back_up(configured, file)
    assert manifest.key == "in the settings"
    assert "turnout.db.key" not in manifest.parts
    assert KEY not in file.read_bytes()


def test_what_was_erased_does_not_travel_along(database: SqliteDatabase, file: Path) -> None:
    """Rows that were moved when a page was split leave copies behind, which `secure_delete` does not reach."""
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (id INTEGER, place TEXT PRIMARY KEY, note TEXT)")
        for number in range(2_000):
            connection.exec_driver_sql(
                "INSERT INTO notes VALUES (?, ?, ?)",
                (number, f"{number * 7919 % 2_003:05}", "hunter2 " * (number % 90)),
            )
        connection.exec_driver_sql("UPDATE notes SET note = ''")
    back_up(database, file)
    assert b"hunter2" not in file.read_bytes()


def test_a_file_that_is_there_is_not_replaced_without_being_told(database: SqliteDatabase, file: Path) -> None:
    file.write_text("precious")
    with pytest.raises(Conflict, match="--force"):
        back_up(database, file)
    assert file.read_text() == "precious"
    back_up(database, file, replace=True)
    assert tarfile.is_tarfile(file)


@pytest.mark.parametrize("ending", ["", "-wal", ".key", ".lock", ".server"])
def test_the_databases_own_files_are_never_replaced(database: SqliteDatabase, ending: str) -> None:
    target = database.path.with_name(database.path.name + ending)
    with pytest.raises(InvalidRequest, match="belongs to the database"):
        back_up(database, target, replace=True)


def test_a_place_that_cannot_be_meant_gets_a_sentence(database: SqliteDatabase, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="is a folder"):
        back_up(database, tmp_path)
    with pytest.raises(InvalidRequest, match="There is no folder"):
        back_up(database, tmp_path / "nowhere" / "file")


def test_a_disk_without_room_is_not_filled_up(
    database: SqliteDatabase, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may commit to the same disk."""
    usage = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(backup_file.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageUnavailable, match="not enough room"):
        back_up(database, file)
    assert files_of(file.parent) == {"here"}


def test_a_disk_that_fills_up_meanwhile_leaves_nothing_behind(tmp_path: Path, database: SqliteDatabase) -> None:
    """The disk is a limit on the size of files."""
    code = (
        "import resource, signal, sys; from pathlib import Path; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "from turnout.operations.backup import back_up; from turnout.store.sqlite.database import SqliteDatabase\n"
        "back_up(SqliteDatabase(sys.argv[1]), Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, database.url, str(tmp_path / "b")], capture_output=True, text=True, check=False
    )
    assert "StorageUnavailable" in done.stderr
    assert files_of(tmp_path) == {"here"}


def test_a_damaged_database_is_not_backed_up_as_if_it_were_sound(
    database: SqliteDatabase, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "find_damage", lambda _: "row 7 missing from index")
    with pytest.raises(StorageUnavailable, match="row 7 missing"):
        back_up(database, file)
    assert not file.exists()


def test_sigkill_leaves_no_half_file_and_the_next_one_clears_up(database: SqliteDatabase, file: Path) -> None:
    """Killed while it copies and while it packs."""
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (content BLOB)")
        connection.exec_driver_sql("INSERT INTO ballast VALUES (zeroblob(60000000))")
    code = (
        "import sys, time; from pathlib import Path\n"
        "from turnout.operations.backup import back_up; from turnout.store.sqlite.database import SqliteDatabase\n"
        "def stop(done, total):\n"
        "    if done > total * float(sys.argv[3]): print('there', flush=True); time.sleep(60)\n"
        "back_up(SqliteDatabase(sys.argv[1]), Path(sys.argv[2]), on_progress=stop)"
    )
    for share in ("0.1", "0.6", "0.9"):
        running = subprocess.Popen(
            [sys.executable, "-c", code, database.url, str(file), share], stdout=subprocess.PIPE, text=True
        )
        assert running.stdout is not None
        assert running.stdout.readline() == "there\n"
        running.send_signal(signal.SIGKILL)
        running.wait(PATIENCE_S)
        running.stdout.close()
        assert not file.exists()
    assert len(files_of(file.parent)) == 2, "one that was left behind, and the database's folder"
    back_up(database, file)
    assert files_of(file.parent) == {"here", file.name}


# --- The way back ----------------------------------------------------------------------------------------------------


def test_what_was_backed_up_comes_back_with_its_key(database: SqliteDatabase, file: Path, elsewhere: Path) -> None:
    key = database.secret_key
    back_up(database, file)
    event.create(database, "Later")
    restored = restore(file, elsewhere)
    assert list_events(elsewhere) == ["Spring"]
    assert secret_key.find(secret_key.file_of(elsewhere)) == key
    assert elsewhere.stat().st_mode & 0o777 == 0o600
    assert restored.put_aside is None
    assert "revoked" in restored.notes[-1]


def test_a_database_that_is_there_is_in_the_way(path: Path, database: SqliteDatabase, file: Path) -> None:
    back_up(database, file)
    event.create(database, "Later")
    database.close()
    with pytest.raises(Conflict, match="There is a database at"):
        restore(file, path)
    assert list_events(path) == ["Spring", "Later"]


def test_with_force_what_was_there_is_kept_whole(path: Path, database: SqliteDatabase, file: Path) -> None:
    old_key = database.secret_key
    back_up(database, file)
    event.create(database, "Later")
    assert path.with_name("turnout.db-wal").stat().st_size, "the latest commits are in the log file"
    restored = restore(file, path, replace=True)
    database.close()
    assert list_events(path) == ["Spring"]
    assert restored.put_aside is not None
    aside = Path(restored.put_aside)
    assert aside.name.startswith("turnout.db.before-restore-20")
    assert list_events(aside) == ["Spring", "Later"]
    assert secret_key.find(secret_key.file_of(aside)) == old_key


def test_a_database_that_is_damaged_can_be_replaced(path: Path, database: SqliteDatabase, file: Path) -> None:
    back_up(database, file)
    database.close()
    path.write_bytes(b"This is a letter to my aunt. " * 1_000)
    restored = restore(file, path, replace=True)
    assert list_events(path) == ["Spring"]
    assert Path(restored.put_aside or "").read_bytes().startswith(b"This is a letter")


def test_a_log_file_without_its_database_is_not_taken_for_the_restored_ones(
    database: SqliteDatabase, file: Path, elsewhere: Path
) -> None:
    back_up(database, file)
    event.create(database, "Later")
    elsewhere.parent.mkdir()
    log = elsewhere.with_name("turnout.db-wal")
    shutil.copy(database.path.with_name("turnout.db-wal"), log)
    with pytest.raises(Conflict, match="log file"):
        restore(file, elsewhere)
    restored = restore(file, elsewhere, replace=True)
    assert list_events(elsewhere) == ["Spring"]
    assert Path(f"{restored.put_aside}-wal").stat().st_size


def test_another_key_is_never_overwritten(database: SqliteDatabase, file: Path, elsewhere: Path) -> None:
    key = database.secret_key
    back_up(database, file)
    elsewhere.parent.mkdir()
    other = secret_key.get(secret_key.file_of(elsewhere))
    with pytest.raises(Conflict, match="not the backup's"):
        restore(file, elsewhere)
    assert secret_key.find(secret_key.file_of(elsewhere)) == other
    restored = restore(file, elsewhere, replace=True)
    assert secret_key.find(secret_key.file_of(elsewhere)) == key
    assert secret_key.find(secret_key.file_of(Path(restored.put_aside or ""))) == other


def test_the_same_key_is_not_in_the_way(database: SqliteDatabase, file: Path, elsewhere: Path) -> None:
    secret_key.get(secret_key.file_of(database.path))
    back_up(database, file)
    elsewhere.parent.mkdir()
    shutil.copy(secret_key.file_of(database.path), secret_key.file_of(elsewhere))
    assert restore(file, elsewhere).put_aside is None


def test_a_key_that_has_to_be_set_is_asked_for(database: SqliteDatabase, file: Path, tmp_path: Path) -> None:
    with closing(SqliteDatabase(database.url, secret_key=KEY)) as configured:
        back_up(configured, file)

    def asked_for(name: str, given_key: bytes | None = None) -> bool:
        restored: Restored = restore(file, tmp_path / name / "turnout.db", given_key=given_key)
        return any("Set TURNOUT_SECRET_KEY to it" in note for note in restored.notes)

    assert asked_for("without")
    assert asked_for("other", given_key=KEY[::-1])
    assert not asked_for("same", given_key=KEY)


def test_users_sign_in_at_what_was_restored(database: SqliteDatabase, file: Path, elsewhere: Path) -> None:
    add_user(database, "ann@example.org")
    back_up(database, file)
    restore(file, elsewhere)
    with closing(SqliteDatabase(_URL.format(elsewhere))) as restored:
        sign_in.sign_in(restored, "ann@example.org", PASSWORD, "", "")


def test_a_setting_that_hides_the_restored_key_is_told(database: SqliteDatabase, file: Path, elsewhere: Path) -> None:
    secret_key.get(secret_key.file_of(database.path))
    back_up(database, file)
    assert "Unset it" in restore(file, elsewhere, given_key=KEY).notes[0]


def test_where_a_server_runs_nothing_is_restored(path: Path, database: SqliteDatabase, file: Path) -> None:
    back_up(database, file)
    with hold_alone(path.with_name("turnout.db.server")):
        with pytest.raises(Conflict, match="A server runs on"):
            restore(file, path, replace=True)
    with database.write(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(restoring, "LOCK_TIMEOUT_S", 0.05)
        with pytest.raises(StorageUnavailable, match="Another program writes"):
            restore(file, path, replace=True)


def test_a_newer_schema_is_refused_by_name(database: SqliteDatabase, file: Path, elsewhere: Path) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    back_up(database, file)
    with pytest.raises(InvalidRequest, match="schema 9999"):
        restore(file, elsewhere)
    assert not elsewhere.parent.exists()


def damage_database(content: bytearray) -> None:
    content[len(content) // 2] ^= 1


def cut_off(content: bytearray) -> None:
    del content[len(content) * 2 // 3 :]


def cut_off_at_the_manifest(content: bytearray) -> None:
    del content[content.rindex(b"manifest.json") :]


def damage_manifest(content: bytearray) -> None:
    content[content.rindex(b'"format"')] = 0


def damage_digest(content: bytearray) -> None:
    place = content.rindex(b'"sha256": "') + 11
    content[place : place + 1] = b"0" if content[place : place + 1] != b"0" else b"1"


def replace_all(content: bytearray) -> None:
    content[:] = b"This is a letter to my aunt. " * 1_000


def empty(content: bytearray) -> None:
    content.clear()


@pytest.mark.parametrize(
    "damage",
    [damage_database, cut_off, cut_off_at_the_manifest, damage_manifest, damage_digest, replace_all, empty],
)
def test_a_damaged_backup_is_refused_and_nothing_changes(
    path: Path, database: SqliteDatabase, file: Path, damage: Callable[[bytearray], None]
) -> None:
    secret_key.get(secret_key.file_of(path))
    back_up(database, file)
    database.close()
    before = files_of(path.parent)
    content = bytearray(file.read_bytes())
    damage(content)
    file.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"damaged or not whole|not a backup"):
        restore(file, path, replace=True)
    assert files_of(path.parent) - {"turnout.db.server"} == before
    assert list_events(path) == ["Spring"]


def test_a_tar_that_holds_anything_else_is_refused(tmp_path: Path, elsewhere: Path) -> None:
    file = tmp_path / "other.tar"
    with tarfile.open(file, "w") as tar:
        tar.add(__file__, "../../etc/passwd")
    with pytest.raises(InvalidRequest, match="damaged or not whole"):
        restore(file, elsewhere)
    with pytest.raises(InvalidRequest, match="No such file"):
        restore(tmp_path / "missing", elsewhere)


def test_sigkill_while_restoring_leaves_the_old_database_or_the_new(
    path: Path, database: SqliteDatabase, file: Path
) -> None:
    back_up(database, file)
    event.create(database, "Later")
    database.close()
    code = (
        "import sys; from pathlib import Path; from turnout.operations.restore import restore\n"
        "print('ready', flush=True); restore(Path(sys.argv[1]), Path(sys.argv[2]), replace=True)"
    )
    found = []
    for delay_s in (0.0, 0.002, 0.005, 0.008, 0.012, 0.016, 0.02, 0.03, 0.05):
        running = subprocess.Popen(
            [sys.executable, "-c", code, str(file), str(path)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(delay_s)
        running.kill()
        running.wait(PATIENCE_S)
        running.stdout.close()
        found.append(list_events(path))
        assert found[-1] in (["Spring"], ["Spring", "Later"])
    restore(file, path, replace=True)
    assert not [name for name in files_of(path.parent) if name.endswith(".part")]
