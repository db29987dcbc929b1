"""The doctor tells what is well from what is not."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from turnout.events import event
from turnout.operations import doctor
from turnout.operations.doctor import Check, diagnose
from turnout.store import schema, secret_key
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.file_lock import hold_alone


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"TURNOUT_DATABASE_URL": f"sqlite:///{tmp_path / 'turnout.db'}"}


@pytest.fixture
def database(environ: dict[str, str]):
    database = open_database(environ["TURNOUT_DATABASE_URL"])
    schema.prepare(database)
    event.create(database, "Spring")
    yield database
    database.close()


def look(environ: dict[str, str]) -> dict[str, Check]:
    return {check.name: check for check in diagnose(environ).checks}


def skipped(found: dict[str, Check]) -> set[str]:
    """What was not checked; of each the reason is said."""
    names = {check.name for check in found.values() if check.state == "not checked"}
    assert all(found[name].message for name in names)
    return names


def test_where_all_is_well_there_is_nothing_to_do(environ: dict[str, str], database: Database) -> None:
    diagnosis = diagnose(environ)
    assert diagnosis.ok
    assert all(check.state != "not checked" for check in diagnosis.checks)
    assert [origin.value for origin in diagnosis.settings if origin.source == "environment"] == [
        environ["TURNOUT_DATABASE_URL"]
    ]
    assert all(check.state != "problem" and (check.state == "ok") == (check.help == "") for check in diagnosis.checks)


def test_it_makes_no_database(environ: dict[str, str], tmp_path: Path) -> None:
    assert "There is none" in look(environ)["database"].message
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_checked_is_listed_with_the_reason(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = {"SQLite", "durability", "schema", "commit", "clock", "server"}
    found = look(environ)
    assert skipped(found) == inside
    assert found["clock"].message == "There is no database yet."
    with monkeypatch.context() as patched:
        patched.setattr(doctor, "_check_folder", lambda _: Check("folder", "problem", "It is gone.", "Bring it back."))
        assert skipped(look(environ)) == {"database"} | inside
    (tmp_path / "turnout.db").write_text("This is a letter to my aunt. " * 100)
    assert skipped(look(environ)) == inside - {"server"}
    assert (
        skipped(look(environ | {"TURNOUT_MAX_BODY": "huge"}))
        == {"folder", "disk", "file system", "secret key", "database"} | inside
    )


def test_with_a_schema_that_is_not_ours_nothing_is_tried(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "turnout.db").touch()
    assert skipped(look(environ)) == {"commit", "clock"}
    database = open_database(environ["TURNOUT_DATABASE_URL"])
    schema.prepare(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert skipped(look(environ)) == {"commit", "clock"}


def test_an_unknown_file_system_and_an_unreadable_lock_are_not_called_well(
    environ: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(doctor, "_find_file_system", lambda _: None)
    monkeypatch.setattr(doctor, "hold_alone", refuse)
    found = look(environ)
    assert skipped(found) == {"file system", "server"}
    assert "Permission denied" in found["server"].message


def test_what_was_not_checked_is_no_problem(environ: dict[str, str]) -> None:
    assert diagnose(environ).ok


def test_settings_that_cannot_be_meant_are_a_problem() -> None:
    diagnosis = diagnose({"TURNOUT_MAX_BODY": "huge", "TURNOUT_PUBLIC_ULR": "x"})
    assert not diagnosis.ok
    assert [check.state for check in diagnosis.checks if check.name == "settings"] == ["problem", "problem"]


def test_a_running_server_is_seen(environ: dict[str, str], database: Database, tmp_path: Path) -> None:
    assert look(environ)["server"].message == "No server runs on this database."
    with hold_alone(tmp_path / "turnout.db.server"):
        assert look(environ)["server"].message == "A server runs on this database."


def test_a_newer_schema_is_a_problem(environ: dict[str, str], database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert look(environ)["schema"].state == "problem"


def test_changes_from_the_future_are_a_problem(environ: dict[str, str], database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE clocks SET last_at = 4000000000000000")
    found = look(environ)["clock"]
    assert found.state == "problem"
    assert "2096" in found.message


def test_a_file_that_is_no_database_is_a_problem(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "turnout.db").write_text("This is a letter to my aunt. " * 100)
    assert look(environ)["database"].state == "problem"


def test_a_folder_that_cannot_be_written_to_is_a_problem(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = look(environ)["folder"]
    assert found.state == "problem"
    assert "Read-only file system" in found.message


@pytest.mark.parametrize(("free", "state"), [(10 << 30, "ok"), (500 << 20, "warning"), (1 << 20, "problem")])
def test_a_full_disk_is_seen_coming(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert look(environ)["disk"].state == state


@pytest.mark.parametrize(("kind", "state"), [("ext4", "ok"), ("tmpfs", "warning"), ("nfs4", "problem")])
def test_a_file_system_that_forgets_or_cannot_lock_is_named(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, kind: str, state: str
) -> None:
    monkeypatch.setattr(doctor, "_find_file_system", lambda _: kind)
    assert look(environ)["file system"].state == state


def test_it_says_where_the_secret_key_comes_from(environ: dict[str, str], tmp_path: Path) -> None:
    assert "There is none yet" in look(environ)["secret key"].message
    secret_key.get(secret_key.file_of(tmp_path / "turnout.db"))
    found = look(environ)["secret key"]
    assert f"It is in {tmp_path / 'turnout.db.key'}, and in every backup. Without it" in found.message
    given = {"TURNOUT_SECRET_KEY": bytes(range(32)).hex()}
    assert look(environ | given)["secret key"].state == "warning"
    (tmp_path / "turnout.db.key").chmod(0o644)
    assert look(environ)["secret key"].state == "problem"
    (tmp_path / "turnout.db.key").unlink()
    found = look(environ | given)["secret key"]
    assert "comes from the settings, and is in no backup" in found.message
    assert given["TURNOUT_SECRET_KEY"] not in str(diagnose(environ | given))
