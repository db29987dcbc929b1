"""The doctor tells what is well from what is not."""

import errno
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
from psycopg import conninfo

from tests.databases import SECRET_KEY, only_postgresql, only_sqlite, open_one, settings_of
from tests.patience import PATIENCE_S
from tests.postgresql import PostgresServer
from turnout.errors import StorageUnavailable
from turnout.events import event
from turnout.operations import check, doctor, doctor_postgresql
from turnout.operations.check import Check
from turnout.operations.doctor import diagnose
from turnout.operations.doctor_postgresql import NAMES
from turnout.operations.remedies import find_cure
from turnout.store import diagnosis, installation, schema, secret_key, tables
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.postgresql.connection import describe
from turnout.store.sqlite.file_lock import hold_alone
from turnout.store.statements import is_postgresql


@pytest.fixture
def environ(database_url: str) -> dict[str, str]:
    return settings_of(database_url)


@pytest.fixture
def database(database: Database) -> Database:
    event.create(database, "Spring")
    return database


def look(environ: dict[str, str]) -> dict[str, Check]:
    return {check.name: check for check in diagnose(environ).checks}


def skipped(found: dict[str, Check]) -> set[str]:
    """What was not checked; of each the reason is said."""
    names = {check.name for check in found.values() if check.state == "not checked"}
    assert all(found[name].message for name in names)
    return names


@only_sqlite
def test_where_all_is_well_there_is_nothing_to_do(environ: dict[str, str], database: Database) -> None:
    diagnosis = diagnose(environ)
    assert diagnosis.ok
    assert all(check.state != "not checked" for check in diagnosis.checks)
    assert [origin.value for origin in diagnosis.settings if origin.source == "environment"] == [
        environ["TURNOUT_DATABASE_URL"]
    ]
    assert all(check.state != "problem" and (check.state == "ok") == (check.help == "") for check in diagnosis.checks)


@only_sqlite
def test_it_makes_no_database(environ: dict[str, str], tmp_path: Path) -> None:
    assert "There is none" in look(environ)["database"].message
    assert list(tmp_path.iterdir()) == []


@only_sqlite
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


def test_with_a_schema_that_is_not_ours_nothing_is_tried(environ: dict[str, str], database_url: str) -> None:
    database = open_one(database_url)
    with database.write() as connection:
        for table in ("alembic_version", *tables.metadata.tables) if is_postgresql(connection) else ():
            connection.exec_driver_sql(f"DROP TABLE {table}")
    assert skipped(look(environ)) == {"commit", "clock"}
    schema.prepare(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert skipped(look(environ)) == {"commit", "clock"}


@only_sqlite
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


@only_sqlite
def test_what_was_not_checked_is_no_problem(environ: dict[str, str]) -> None:
    assert diagnose(environ).ok


def test_settings_that_cannot_be_meant_are_a_problem() -> None:
    diagnosis = diagnose({"TURNOUT_MAX_BODY": "huge", "TURNOUT_PUBLIC_ULR": "x"})
    assert not diagnosis.ok
    assert [check.state for check in diagnosis.checks if check.name == "settings"] == ["problem", "problem"]


@only_sqlite
def test_a_running_server_is_seen(environ: dict[str, str], database: Database, tmp_path: Path) -> None:
    assert look(environ)["server"].message == "No server runs on this database."
    with hold_alone(tmp_path / "turnout.db.server"):
        assert look(environ)["server"].message == "A server runs on this database."


def test_a_newer_schema_is_a_problem(database_kind: str, environ: dict[str, str], database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    found = look(environ)["schema"]
    assert found.state == "problem"
    assert ("pg_dump" in found.help) == (database_kind == "postgresql")
    assert ("restore the backup" in found.help) == (database_kind == "sqlite")


def test_changes_from_the_future_are_a_problem(environ: dict[str, str], database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE clocks SET last_at = 4000000000000000")
    found = look(environ)["clock"]
    assert found.state == "problem"
    assert "2096" in found.message


@only_sqlite
def test_a_file_that_is_no_database_is_a_problem(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "turnout.db").write_text("This is a letter to my aunt. " * 100)
    assert look(environ)["database"].state == "problem"


@only_sqlite
def test_a_folder_that_cannot_be_written_to_is_a_problem(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = look(environ)["folder"]
    assert found.state == "problem"
    assert "Read-only file system" in found.message


@only_sqlite
@pytest.mark.parametrize(("free", "state"), [(10 << 30, "ok"), (500 << 20, "warning"), (1 << 20, "problem")])
def test_a_full_disk_is_seen_coming(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert look(environ)["disk"].state == state


@only_sqlite
@pytest.mark.parametrize(("kind", "state"), [("ext4", "ok"), ("tmpfs", "warning"), ("nfs4", "problem")])
def test_a_file_system_that_forgets_or_cannot_lock_is_named(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, kind: str, state: str
) -> None:
    monkeypatch.setattr(doctor, "_find_file_system", lambda _: kind)
    assert look(environ)["file system"].state == state


@only_sqlite
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


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A server as somebody should have it; the shared one of the tests flushes nothing."""
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def sound(durable: PostgresServer) -> Iterator[dict[str, str]]:
    """The settings for an installation on it, with an event."""
    url = durable.create_database("turnout")
    database = open_one(url)
    schema.prepare(database)
    installation.prepare_key(database)
    event.create(database, "Spring")
    database.close()
    yield settings_of(url)
    durable.drop_database("turnout")


def look_well(environ: dict[str, str]) -> dict[str, Check]:
    """What is found where no password may be shown, nor a secret key."""
    diagnosis = diagnose(environ)
    shown = msgspec.json.encode(diagnosis).decode()
    assert diagnosis.ok == all(check.state != "problem" for check in diagnosis.checks)
    for name, value in environ.items():
        if name.endswith("DATABASE_URL"):
            assert str(conninfo.conninfo_to_dict(value)["password"]) not in shown
    assert environ.get("TURNOUT_SECRET_KEY", "?") not in shown
    return {check.name: check for check in diagnosis.checks}


def troubles(found: dict[str, Check]) -> dict[str, str]:
    """What is not well, each with what to do."""
    assert all((check.state in ("ok", "not checked")) == (check.help == "") for check in found.values())
    return {name: check.state for name, check in found.items() if check.state not in ("ok", "not checked")}


def test_postgresql_as_it_should_be_is_well(sound: dict[str, str]) -> None:
    found = look_well(sound)
    assert troubles(found) == {}
    assert list(found) == ["settings", "open files", "database", *NAMES]
    assert skipped(found) == set()
    assert "database turnout answers" in found["database"].message
    assert "synchronous_commit is on)" in found["durability"].message
    assert "synchronous_standby_names is empty" in found["durability"].message
    assert "takes up to 18 connections (8 to write, 8 to read, 2 for notices)" in found["connections"].message
    assert "room for 5 processes" in found["connections"].message
    assert "comes from the settings" in found["secret key"].message
    assert found["replica"].message.startswith("None is set")


@only_postgresql
def test_a_server_that_does_not_flush_is_a_problem(environ: dict[str, str], database: Database) -> None:
    found = look_well(environ)
    assert troubles(found) == {"durability": "problem"}
    assert "fsync is off" in found["durability"].message


def test_settings_of_postgresql_that_cost_durability_are_told(durable: PostgresServer, sound: dict[str, str]) -> None:
    durable.configure(full_page_writes=False)
    try:
        assert troubles(look_well(sound)) == {"durability": "warning"}
    finally:
        durable.configure(full_page_writes=None)
    durable.execute("ALTER DATABASE turnout SET synchronous_commit = off")
    message = look_well(sound)["durability"].message
    assert "synchronous_commit is off, and Turnout asks for on in its transactions" in message


def test_postgresql_that_cannot_be_reached_is_told_with_what_to_do(sound: dict[str, str]) -> None:
    def at(url: str) -> Check:
        found = look_well(sound | {"TURNOUT_DATABASE_URL": url})
        assert troubles(found) == {"database": "problem"}
        assert skipped(found) == set(NAMES)
        return found["database"]

    url = sound["TURNOUT_DATABASE_URL"]
    # One sentence, without the question that libpq puts behind it.
    refused = at("postgresql://turnout:zqpassword@127.0.0.1:1/turnout")
    assert refused.message.endswith("port 1 failed: Connection refused.")
    assert "?" not in refused.message
    assert "pg_hba.conf" in refused.help
    missing = at(f"{url}x")
    assert "does not exist" in missing.message
    assert missing.help.startswith("See that the database in TURNOUT_DATABASE_URL is right; createdb")
    wrong = at(url.replace("postgres:", "postgres:zq"))
    assert "password authentication failed" in wrong.message
    assert wrong.help.startswith("See that user and password in TURNOUT_DATABASE_URL are right")
    without = at(f"{url}?sslmode=verify-full")
    assert "SSL" in without.message
    assert "sslrootcert" in without.help
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hanging_up = threading.Thread(target=hang_up, args=(mute,), daemon=True)
        hanging_up.start()
        ended = at(f"postgresql://turnout:zqpassword@127.0.0.1:{mute.getsockname()[1]}/turnout")
        mute.shutdown(socket.SHUT_RDWR)
        hanging_up.join(PATIENCE_S)
    assert "server closed the connection unexpectedly" in ended.message
    assert ended.help.startswith("Something takes connections there and ends them")


def hang_up(server: socket.socket) -> None:
    """On everybody, until it is shut."""
    with suppress(OSError):
        while True:
            server.accept()[0].close()


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ("a", "a"),
        ("a:5433", "a:5433"),
        ("a:5432,b:5433", "a:5432,b:5433"),
        ("a,b", "a,b"),
        ("a,b:5433", "a,b:5433"),
        ("[::1]:5432,b", "[::1]:5432,b"),
    ],
)
def test_each_machine_of_a_url_is_shown_with_its_port(hosts: str, shown: str) -> None:
    assert describe(f"postgresql://u:zqpassword@{hosts}/turnout") == f"PostgreSQL at {shown}, database turnout"


def test_one_port_in_a_url_is_that_of_all_its_machines() -> None:
    assert describe("postgresql:///turnout?host=a,b&port=5433") == "PostgreSQL at a:5433,b:5433, database turnout"


def test_connections_are_held_against_what_the_database_gives(durable: PostgresServer, sound: dict[str, str]) -> None:
    found = look_well(sound | {"TURNOUT_DATABASE_POOL_SIZE": "100"})
    assert troubles(found) == {"connections": "problem"}
    assert "room for 0 processes" in found["connections"].message
    durable.execute("ALTER DATABASE turnout CONNECTION LIMIT 19")
    found = look_well(sound)
    assert troubles(found) == {"connections": "warning"}
    assert "of 100, 19 are for this account: room for one process" in found["connections"].message


@pytest.fixture
def limited(durable: PostgresServer) -> Iterator[dict[str, str]]:
    """The settings of an account that nothing is granted to, with an empty database."""
    durable.execute("CREATE ROLE app LOGIN PASSWORD 'zqpassword'")
    address = durable.create_database("limited").partition("@")[2]
    yield settings_of(f"postgresql://app:zqpassword@{address}")
    durable.drop_database("limited")
    durable.execute("DROP ROLE app")


def open_as(environ: dict[str, str]) -> closing[Database]:
    return closing(open_one(environ["TURNOUT_DATABASE_URL"]))


def test_rights_that_are_missing_are_told_with_the_statement_that_grants_them(
    durable: PostgresServer, limited: dict[str, str]
) -> None:
    def run(sql: str) -> list[tuple[str]]:
        return durable.execute(sql, database="limited")

    def missing(begin: Callable[[Database], None], what: str, state: str = "problem") -> str:
        """What has to be run, as it stands there; whoever starts the server is told the same."""
        found = look_well(limited)
        assert troubles(found) == {"rights": state}
        if state == "problem":
            assert skipped(found) == {"secret key", "schema", "commit", "clock", "replica"}
            with open_as(limited) as database, pytest.raises(StorageUnavailable) as refused:
                begin(database)
            assert refused.value.detail == f"{found['rights'].message} {found['rights'].help}"
        assert what in found["rights"].message
        return found["rights"].help.partition("in database limited: ")[2]

    assert run(missing(schema.prepare, "app may not make tables in schema public")) == []
    assert troubles(look_well(limited)) == {}
    run("REVOKE ALL ON SCHEMA public FROM PUBLIC, app")
    run(missing(schema.prepare, 'No schema of its search_path ("$user", public) is open to the account app'))
    with open_as(limited) as database:
        schema.prepare(database)
    assert troubles(look_well(limited)) == {}
    run("ALTER TABLE probe OWNER TO postgres; ALTER TABLE pushes OWNER TO postgres")
    run("ALTER TABLE alembic_version OWNER TO postgres; GRANT SELECT ON alembic_version TO app")
    statement = missing(schema.refuse_unwritable, "may not read and write the tables probe, pushes.")
    run("REVOKE ALL ON alembic_version FROM app")
    assert missing(schema.prepare, "may not read and write the table alembic_version.") == statement
    run(statement)
    # What is there can be used; not so after the next upgrade.
    assert missing(schema.prepare, "they belong to postgres", "warning").endswith("\\gexec")
    run("UPDATE alembic_version SET version_num = '0001'")
    for (each,) in run(missing(schema.prepare, "they belong to postgres").removesuffix("\\gexec")):
        run(each)
    run(f"UPDATE alembic_version SET version_num = '{schema.VERSION}'")
    assert troubles(look_well(limited)) == {}


def test_connections_that_run_out_are_told_as_that(durable: PostgresServer, limited: dict[str, str]) -> None:
    for most, where in ((1, "commit"), (0, "database")):
        durable.execute("GRANT CREATE ON SCHEMA public TO app", database="limited")
        durable.execute(f"ALTER ROLE app CONNECTION LIMIT {most}")
        found = look_well(limited)[where]
        assert found.message.endswith('too many connections for role "app".')
        assert "CONNECTION LIMIT of the role" in found.help


def test_another_encoding_is_a_problem(durable: PostgresServer) -> None:
    durable.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    found = look_well(settings_of(durable.url_of("latin")))
    durable.drop_database("latin")
    assert troubles(found) == {"encoding": "problem"}
    assert skipped(found) == {"rights", "secret key", "schema", "commit", "clock", "replica"}


def test_an_old_version_and_a_clock_that_is_wrong_are_told(
    sound: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such server is at hand: the facts are made up."""
    facts = diagnosis.read_postgresql_facts(sound["TURNOUT_DATABASE_URL"])
    assert abs(facts.clock_offset_us) < 1_000_000

    def pretend(**changes: object) -> dict[str, Check]:
        changed = msgspec.structs.replace(facts, **changes)
        monkeypatch.setattr(doctor_postgresql, "read_postgresql_facts", lambda _: changed)
        return look_well(sound)

    assert troubles(pretend(version="14.9", version_number=140_009)) == {"PostgreSQL": "problem"}
    found = pretend(clock_offset_us=90_000_000)
    assert troubles(found) == {"database clock": "warning"}
    assert "90.0 s behind the database's" in found["database clock"].message
    assert "ahead of" in pretend(clock_offset_us=-90_000_000)["database clock"].message


def test_a_database_that_takes_no_commits_is_a_problem(
    sound: dict[str, str], durable: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, condition, cure in (
        ("permission denied for table probe", "insufficient_privilege", "Grant it to the user in TURNOUT_DATABASE_URL"),
        ("somebody has cancelled it", "query_canceled", "See PostgreSQL's log"),
        ("the disk is full", "disk_full", "Make room on the database's disk"),
    ):
        durable.execute(
            "CREATE OR REPLACE FUNCTION probe() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{what}' USING ERRCODE = '{condition}'; END $$;"
            " CREATE OR REPLACE TRIGGER probe BEFORE INSERT ON probe EXECUTE FUNCTION probe()",
            database="turnout",
        )
        found = look_well(sound)
        assert troubles(found) == {"commit": "problem"}
        assert what in found["commit"].message
        assert found["commit"].help.startswith(cure)
    monkeypatch.setattr(check, "SLOW_COMMIT_S", 0.0)
    durable.execute("DROP FUNCTION probe CASCADE", database="turnout")
    found = look_well(sound)
    assert troubles(found) == {"commit": "warning"}
    assert "standby is slow" in found["commit"].help


def test_where_the_secret_key_of_postgresql_is(
    sound: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data" / "turnout.key"
    without = {name: value for name, value in sound.items() if name != "TURNOUT_SECRET_KEY"}
    found = look_well(without)
    assert troubles(found) == {"secret key": "problem"}
    assert f"there is no file {file}" in found["secret key"].message
    secret_key.put(file, SECRET_KEY)
    assert f"It is in {file}." in look_well(without)["secret key"].message
    found = look_well(sound | {"TURNOUT_SECRET_KEY": bytes(range(1, 33)).hex()})
    assert troubles(found) == {"secret key": "problem"}
    assert "fingerprint" in found["secret key"].message or "the one in" in found["secret key"].message
    file.unlink()
    secret_key.put(file, bytes(range(1, 33)))
    assert troubles(look_well(sound)) == {"secret key": "warning"}
    file.chmod(0o644)
    assert troubles(look_well(without)) == {"secret key": "problem"}


@only_postgresql
def test_an_installation_that_begins_has_no_key_yet(environ: dict[str, str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    del environ["TURNOUT_SECRET_KEY"]
    assert "There is none yet; it is made in" in look_well(environ)["secret key"].message


def test_standby_and_replica_are_told_apart(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "primary", durable=True) as primary:
        url = primary.create_database("turnout")
        with closing(open_one(url)) as database:
            schema.prepare(database)
            installation.prepare_key(database)
        standby = primary.make_standby(tmp_path / "standby", "eve", synchronous=True)
        replica = standby.url_of("turnout")
        environ = settings_of(url) | {"TURNOUT_READ_DATABASE_URL": replica}
        found = look_well(environ)
        assert troubles(found) == {}
        assert 'synchronous_standby_names is FIRST 1 ("eve")' in found["durability"].message
        assert found["replica"].message.startswith("It ")
        found = look_well(environ | {"TURNOUT_DATABASE_URL": replica})
        assert troubles(found) == {"database": "problem"}
        assert "is a standby, which takes no writes" in found["database"].message
        # Of another installation.
        other = primary.create_database("other")
        with closing(open_database(other, bytes(range(1, 33)))) as database:
            schema.prepare(database)
            installation.prepare_key(database)
        assert troubles(look_well(environ | {"TURNOUT_READ_DATABASE_URL": other})) == {"replica": "problem"}
        primary.configure(synchronous_standby_names=None)
        standby.stop()
        found = look_well(environ)
        assert troubles(found) == {"replica": "warning"}
        assert "lists are read from the database itself" in found["replica"].message


def test_each_of_several_hosts_is_asked_by_itself_and_two_that_take_writes_are_a_problem(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "primary", durable=True) as primary:
        url = primary.create_database("turnout")
        with closing(open_one(url)) as database:
            schema.prepare(database)
            installation.prepare_key(database)
        standby = primary.make_standby(tmp_path / "standby", "eve", synchronous=False)
        one, other = f"127.0.0.1:{primary.port}", f"127.0.0.1:{standby.port}"

        def at(*hosts: str, rest: str = "") -> dict[str, Check]:
            return look_well(settings_of(url.replace(one, ",".join(hosts)) + rest))

        found = at(other, one)
        assert troubles(found) == {}
        assert found[f"host {one}"].message == "It takes writes."
        assert found[f"host {other}"].message == "It is a standby."
        # Named twice it is still one.
        assert troubles(at(f"localhost:{primary.port}", one)) == {}
        # As libpq pairs them: this is the primary, whatever its name.
        found = look_well(
            settings_of(f"{url.replace(one, '')}?host=a,b&hostaddr=127.0.0.1,127.0.0.1&port={primary.port}")
        )
        assert found[f"host b:{primary.port}"].message == "It takes writes."
        # Away, so that a failover would not find it.
        found = at(one, "127.0.0.1:1")
        assert troubles(found) == {"host 127.0.0.1:1": "warning"}
        assert "Connection refused" in found["host 127.0.0.1:1"].message
        assert "firewalls" in found["host 127.0.0.1:1"].help
        # None takes writes: said once, with what each of them is.
        found = at(other, "127.0.0.1:1")
        assert troubles(found) == {"database": "problem", "host 127.0.0.1:1": "warning"}
        assert found["database"].message == "None of the hosts in TURNOUT_DATABASE_URL takes writes."
        assert "pg_promote" in found["database"].help
        assert "can be reached" in at("127.0.0.1:1", "127.0.0.1:2")["database"].message
        # A choice that does, and one that finds the standby.
        assert troubles(at(other, one, rest="?target_session_attrs=read-write")) == {}
        found = at(other, one, rest="?target_session_attrs=any")
        assert troubles(found) == {"database": "problem", "choice of hosts": "warning"}
        assert "name all machines" not in found["database"].help
        # The old primary comes back, or was never stopped.
        standby.promote()
        found = at(one, other)
        assert troubles(found) == {"split brain": "problem"}
        assert f"{one} (timeline 1) and {other} (timeline 2)" in found["split brain"].message
        assert f"Stop {one} at once: {other} was promoted" in found["split brain"].help
        assert "pg_rewind" in found["split brain"].help


def test_whoever_waits_for_a_standby_or_writes_to_one_is_told_what_to_do(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "primary", durable=True) as primary:
        url = primary.create_database("turnout")
        standby = primary.make_standby(tmp_path / "standby", "eve")
        with closing(open_one(url)) as database, closing(open_one(standby.url_of("turnout"))) as beside:
            schema.prepare(database)
            with pytest.raises(StorageUnavailable) as refused, beside.write():
                pass
            assert "target_session_attrs" in (find_cure(refused.value) or "")
            address = f"127.0.0.1:{standby.port}"
            for several in (f"{address},127.0.0.1:1", f"127.0.0.1:1,{address}"):
                with closing(open_one(standby.url_of("turnout").replace(address, several))) as neither:
                    with pytest.raises(StorageUnavailable) as refused, neither.write():
                        pass
                    assert (find_cure(refused.value) or "").startswith("None of the hosts in TURNOUT_DATABASE_URL")
            standby.kill()
            with pytest.raises(StorageUnavailable) as unsure, database.write(within_s=1.2) as connection:
                connection.exec_driver_sql("CREATE TABLE aside (id int)")
            assert "take its name out of synchronous_standby_names" in (find_cure(unsure.value) or "")
