"""`turnout backup` and `turnout restore`: what they say, and with which code they end."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, person
from tests.databases import SECRET_KEY, only_postgresql, only_sqlite
from turnout.store import schema, secret_key
from turnout.store.connect import open_database


@only_sqlite
def test_there_and_back(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.make_event()
    cli.push(person("a@x.org"))
    file = tmp_path / "monday.backup"
    said = cli.text("backup", str(file))
    assert "spring: 1 change" in said
    assert "There is no secret key yet" in said
    assert "There is a file" in cli.error("backup", str(file))
    cli.run("backup", str(file), "--force")
    assert "With --force" in cli.error("restore", str(file))
    cli.push(person("b@x.org"))
    said = cli.text("restore", str(file), "--force")
    assert "turnout.db.before-restore-20" in said
    assert "turnout verify" in said
    assert [one["email"] for one in cli.json("attendees", "list", "--event", "spring")["attendees"]] == ["a@x.org"]
    monkeypatch.setenv("TURNOUT_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere' / 'turnout.db'}")
    restored = cli.json("restore", str(file))
    assert restored["putAside"] is None
    assert restored["backup"]["events"][0]["lastSequence"] == 1
    assert cli.json("verify")["ok"]


@only_sqlite
def test_a_backup_says_plainly_when_the_key_is_not_in_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.make_event()
    monkeypatch.setenv("TURNOUT_SECRET_KEY", bytes(range(32)).hex())
    assert "The secret key is NOT in it" in cli.text("backup", str(tmp_path / "b"))
    monkeypatch.delenv("TURNOUT_SECRET_KEY")
    assert "Set TURNOUT_SECRET_KEY to it" in cli.text("restore", str(tmp_path / "b"), "--force")


@only_sqlite
def test_a_backup_changes_nothing_not_even_the_schema(cli: Cli, tmp_path: Path) -> None:
    cli.make_event()
    database = open_database(cli.url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    manifest = cli.json("backup", str(tmp_path / "b"))["manifest"]
    assert manifest["schemaVersion"] == "0001"
    with database.read() as connection:
        assert schema.find_version(connection) == "0001"
    database.close()


@only_sqlite
def test_where_there_is_nothing_to_back_up_or_restore_a_sentence_says_so(cli: Cli, tmp_path: Path) -> None:
    assert "There is no database at" in cli.error("backup", str(tmp_path / "b"))
    assert "No such file" in cli.error("restore", str(tmp_path / "b"))


@only_sqlite
def test_a_server_does_not_start_with_a_key_that_others_may_read(cli: Cli, tmp_path: Path) -> None:
    cli.make_event()
    (tmp_path / "turnout.db.key").write_text("x")
    assert "chmod 600" in cli.error("serve", "--port", "0").replace("\n", " ")


@only_postgresql
def test_postgresql_is_backed_up_with_its_own_tools(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.make_event()
    said = cli.error("backup", str(tmp_path / "b")).replace("\n", " ")
    assert "is PostgreSQL, which is backed up with its own tools: pg_dump for a copy, pg_basebackup" in said
    assert "The secret key, TURNOUT_SECRET_KEY, is in no such copy: keep it elsewhere." in said
    assert "turnout.key" not in said
    assert not (tmp_path / "b").exists()
    assert "There is no folder" in cli.error("backup", str(tmp_path / "nowhere" / "b"))
    monkeypatch.delenv("TURNOUT_SECRET_KEY")
    monkeypatch.chdir(tmp_path)
    assert "It is not here, but in" in cli.error("backup", str(tmp_path / "b")).replace("\n", " ")
    file = tmp_path / "data" / "turnout.key"
    file.parent.mkdir()
    secret_key.write(file, SECRET_KEY)
    said = cli.error("backup", str(tmp_path / "b")).replace("\n", " ")
    assert f"The secret key, {file}, is in no such copy" in said
    assert "TURNOUT_SECRET_KEY" not in said


@only_postgresql
def test_a_backup_is_not_restored_into_postgresql(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes into a file first, and from there into PostgreSQL."""
    with monkeypatch.context() as patched:
        patched.setenv("TURNOUT_DATABASE_URL", f"sqlite:///{tmp_path / 'turnout.db'}")
        cli.make_event()
        cli.run("backup", str(tmp_path / "b"))
    for force in ([], ["--force"]):
        said = cli.error("restore", str(tmp_path / "b"), *force).replace("\n", " ")
        assert "A backup is of an SQLite file, and TURNOUT_DATABASE_URL names PostgreSQL." in said
        assert "turnout migrate-data --to postgresql://" in said
        assert cli.url.split(":")[2].split("@")[0] not in said


@only_postgresql
def test_a_server_on_postgresql_does_not_start_with_a_key_that_others_may_read(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.make_event()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNOUT_SECRET_KEY")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "turnout.key").write_text("x")
    said = cli.error("serve", "--port", "0")
    assert "may be read by others" in " ".join(said.replace("│", " ").split())
