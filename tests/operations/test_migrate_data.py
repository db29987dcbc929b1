"""Everything goes to PostgreSQL as it is, whatever ends the move half-way; and nobody writes to what was moved away."""

import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.databases import as_file
from tests.installation import ERASED, PASSWORD, USER, fill
from tests.patience import PATIENCE_S
from tests.postgresql import shared_server
from tests.product import RunningServer
from turnout.access import sessions, sign_in, users
from turnout.errors import Conflict, InvalidRequest, StorageUnavailable
from turnout.events import event
from turnout.now import now_us
from turnout.operations import migrate_data
from turnout.operations.backup import back_up
from turnout.operations.verify.verify import verify
from turnout.store import copying, installation, moving, probe, schema, secret_key
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.sqlite.file_lock import hold_alone
from turnout.store.tables import metadata

KEY = bytes(range(32))
MANY = 1_500
"""People: enough for many pages, where a test makes those small."""
_numbers = itertools.count(1)


class Move:
    """A file, an empty database, and the folder in which the command is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source_url = f"sqlite:///{folder / 'turnout.db'}"
        self.name = f"moved_{os.getpid()}_{next(_numbers)}"
        self.target_url = shared_server().create_database(self.name)

    def open_source(self) -> Database:
        return open_database(self.source_url)

    def open_target(self) -> Database:
        return open_database(self.target_url)

    def run(self, on_progress: migrate_data.OnProgress = lambda *_: None) -> migrate_data.Migrated:
        with closing(self.open_source()) as source, closing(self.open_target()) as target:
            return migrate_data.migrate(source, target, on_progress=on_progress)

    def undo(self) -> None:
        with closing(self.open_source()) as source:
            migrate_data.undo(source)

    def damage(self, statement: str) -> None:
        with closing(self.open_source()) as source, source.write() as connection:
            assert connection.exec_driver_sql(statement).rowcount > 0, "the damage hit nothing"

    def check(self) -> None:
        """All of it is there and the same, table by table; and any program may open it."""
        with closing(self.open_source()) as source, closing(self.open_target()) as target:
            schema.prepare(target)
            for table in metadata.sorted_tables:
                if table.name == "audit":
                    told = {row for row in read(target, "audit") if "installation.migrate" in row}
                    assert len(told) == 1
                    assert {*read(target, "audit")} - told == {*read(source, "audit")}
                elif table.name not in copying.LEFT_OUT:
                    assert read(source, table.name) == read(target, table.name), table.name
                else:
                    assert read(target, table.name) == [], table.name
            assert verify(target).ok
            with target.read() as connection:
                assert moving.find_arrival(connection) is None
                assert set(moving.list_tables(connection) or ()) == {*metadata.tables, "alembic_version"}


def read(database: Database, table: str) -> list[tuple[Any, ...]]:
    columns = list(metadata.tables[table].columns)
    key = ", ".join(column.name for column in metadata.tables[table].primary_key.columns)
    with database.read() as connection:
        rows = connection.execute(text(f"SELECT {', '.join(column.name for column in columns)} FROM {table}")).all()
    places = [place for place, column in enumerate(columns) if column.name in key.split(", ")]
    values = [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]
    return sorted(values, key=lambda row: [row[place] for place in places])


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, str]]:
    """Installations by their number of people: folders to be copied, each with a key of the event `spring`."""
    made = {}
    for rows in (30, MANY):
        folder = tmp_path_factory.mktemp(f"filled-{rows}")
        made[rows] = folder, fill(folder / "turnout.db", rows=rows)
    return made


@pytest.fixture
def make_move(
    filled: dict[int, tuple[Path, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Move]]:
    moves = []

    def make(rows: int = 30) -> Move:
        folder = tmp_path / f"move-{len(moves)}"
        shutil.copytree(filled[rows][0], folder)
        monkeypatch.chdir(folder)
        moves.append(Move(folder))
        return moves[-1]

    yield make
    for move in moves:
        shared_server().drop_database(move.name)


@pytest.fixture
def move(make_move: Callable[..., Move]) -> Move:
    return make_move()


def test_all_of_it_is_there_and_the_same(make_move: Callable[..., Move], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PAGE_ROWS", 700)
    move = make_move(MANY)
    told: list[tuple[str, int, int]] = []
    migrated = move.run(lambda *progress: told.append(progress))
    move.check()
    assert migrated.rows["attendees"] > MANY
    assert {table for table, rows in migrated.rows.items() if rows == 0} == set()
    assert [one.slug for one in migrated.events] == ["spring", "autumn", "archived", "empty"]
    assert not migrated.goes_on
    assert migrated.problems == []
    copied = [(done, total) for doing, done, total in told if doing.startswith("copying")]
    assert copied == sorted(copied)
    assert copied[-1] == (sum(migrated.rows.values()),) * 2
    assert any(doing == "verifying spring" for doing, *_ in told)


def test_the_tables_left_out_are_there_in_the_source(move: Move) -> None:
    """Or the test above would not show that they stay."""
    with closing(move.open_source()) as source:
        for table in copying.LEFT_OUT:
            assert read(source, table) != []


def test_pushes_go_on_with_the_same_keys_and_whoever_was_erased_stays_away(
    move: Move, filled: dict[int, tuple[Path, str]]
) -> None:
    key = filled[30][1]
    migrated = move.run()
    assert migrated.key == "in a file"
    assert migrated.key_file == str(move.folder / "data/turnout.key")
    copied = move.folder / "data/turnout.key"
    assert copied.stat().st_mode & 0o777 == 0o600
    assert secret_key.find(copied) == secret_key.find(move.folder / "turnout.db.key")
    import httpx2

    with RunningServer(move.folder, move.target_url, TURNOUT_SECRET_KEY="") as server:

        def push(email: str) -> dict[str, Any]:
            body = {"profile": {"email": email, "title": "CTO"}}
            url = f"{server.url}/e/spring/attendees"
            response = httpx2.post(url, json=body, headers={"Api-Key": key}, trust_env=False)
            assert response.status_code == 200, response.text
            return response.json()

        assert push("p1@example.org")["result"] == "updated"
        assert push("new@example.org")["result"] == "created"
        assert push(ERASED)["result"] == "suppressed"
    with closing(move.open_target()) as target:
        assert verify(target).ok


def test_users_sign_in_as_before(move: Move) -> None:
    with closing(move.open_source()) as source:
        before = users.list_all(source)
        _, cookie = sign_in.sign_in(source, USER, PASSWORD, "192.0.2.1", "Firefox")
    move.run()
    with closing(move.open_target()) as target:
        schema.prepare(target)
        found = sessions.find(target, cookie, now_us())
        assert found is not None
        assert [user.id for user in before] == [found[1].id]
        sign_in.sign_in(target, USER, PASSWORD, "192.0.2.1", "Firefox")


def test_a_key_from_the_settings_stays_there(tmp_path: Path, make_move: Callable[..., Move]) -> None:
    move = make_move()
    for file in move.folder.iterdir():
        file.unlink()
    fill(move.folder / "turnout.db", secret_key=KEY)
    with (
        closing(open_database(move.source_url, KEY)) as source,
        closing(open_database(move.target_url, KEY)) as target,
    ):
        migrated = migrate_data.migrate(source, target)
        assert installation.prepare_key(target) == KEY
    assert (migrated.key, migrated.key_file) == ("in the settings", None)
    assert not (move.folder / "data").exists()


def test_another_key_in_the_place_is_told_before_anything_changes(move: Move) -> None:
    (move.folder / "data").mkdir()
    secret_key.write(move.folder / "data/turnout.key", KEY)
    with pytest.raises(Conflict, match=r"There is a secret key at .*/data/turnout\.key"):
        move.run()
    is_untouched(move)
    (move.folder / "data/turnout.key").unlink()
    (move.folder / "turnout.db.key").unlink()
    with pytest.raises(StorageUnavailable, match="secret key of this database is missing"):
        move.run()
    is_untouched(move)


def is_untouched(move: Move) -> None:
    """Whoever opens the file can write to it, and the target is empty."""
    is_open(move)
    with closing(move.open_target()) as target, target.read() as connection:
        assert moving.list_tables(connection) == []


def is_open(move: Move) -> None:
    with closing(move.open_source()) as source:
        schema.prepare(source)
        event.create(source, "Another", f"another-{next(_numbers)}")


# --- What must not be moved, or not there ----------------------------------------------------------------------------


def test_a_target_that_is_not_empty_is_refused(move: Move) -> None:
    shared_server().execute("CREATE TABLE somebody_elses (id int)", database=move.name)
    with pytest.raises(Conflict, match="is not empty: it has somebody_elses"):
        move.run()
    shared_server().execute("DROP TABLE somebody_elses", database=move.name)
    is_untouched(move)
    with closing(move.open_target()) as target:
        schema.prepare(target)
    with pytest.raises(Conflict, match="is not empty"):
        move.run()


def test_an_unfinished_move_of_another_source_is_refused(move: Move, make_move: Callable[..., Move]) -> None:
    end_after(move, 8)
    other = make_move()
    other.target_url = move.target_url
    with pytest.raises(Conflict, match="an unfinished move from"):
        other.run()
    with closing(other.open_source()) as source:
        schema.prepare(source)
    # Taken back and begun anew it is another one: what was copied may be different by now.
    move.undo()
    with pytest.raises(Conflict, match="an unfinished move from"):
        move.run()


def test_beside_a_server_nothing_is_moved(move: Move) -> None:
    with closing(move.open_source()) as source:
        note = as_file(source).server_note
        note.write_text("https://feed.example.org")
        with hold_alone(note), pytest.raises(Conflict, match=r"A server runs on .*, at https://feed\.example\.org\."):
            move.run()
        with hold_alone(note), pytest.raises(Conflict, match="A server runs on"):
            move.undo()
    is_untouched(move)


NEW_TABLES = (
    "cursors",
    "listed",
    "facets",
    "words",
    "webhooks",
    "deliveries",
    "exports",
    "export_parts",
    "signing_keys",
    "users",
    "user_events",
    "sessions",
    "links",
    "user_tokens",
    "sign_in_failures",
    "audit",
    "handouts",
    "push_counts",
    "alerts",
    "alert_watches",
    "alert_followers",
    "alert_messages",
    "alert_moves",
    "digests",
    "mail_settings",
)
NEW_INDEXES = ("attendees_absent", "changes_of_event", "pushes_replays")
NEW_COLUMNS = (("events", "cors"), ("keys", "groups"), ("keys", "fields"), ("keys", "last_address"))
"""What the migrations behind 0007 have brought."""


def test_a_newer_schema_is_refused_and_an_earlier_one_brought_up_to_date(move: Move) -> None:
    move.damage("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageUnavailable, match="newer version of Turnout"):
        move.run()
    with closing(move.open_target()) as target, target.read() as connection:
        assert moving.list_tables(connection) == []
    with closing(move.open_source()) as source, source.write() as connection:
        for index in NEW_INDEXES:
            connection.exec_driver_sql(f"DROP INDEX {index}")
        for table in NEW_TABLES:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for table, column in NEW_COLUMNS:
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0007'")
    with closing(move.open_source()) as source, closing(move.open_target()) as target:
        with pytest.raises(Conflict, match=r"The schema of .* is 0007"):
            migrate_data.plan(source, target)
    move.run()
    with closing(move.open_target()) as target:
        schema.prepare(target)
        assert verify(target).ok
    assert schema.backup_before(move.folder / "turnout.db").exists()


def test_postgresql_itself_is_no_source(move: Move) -> None:
    with closing(move.open_target()) as target, pytest.raises(InvalidRequest, match="names PostgreSQL already"):
        migrate_data.migrate(target, target)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("CAST(x'61ED9FBFEDA080' AS TEXT)", "is not text in UTF-8"),
        ("CAST(x'610062' AS TEXT)", "holds a NUL character"),
        ("x'6162'", "is stored as blob"),
    ],
)
def test_what_cannot_be_text_is_told_with_its_place(move: Move, value: str, why: str) -> None:
    """Pushes cannot bring it (B6); a damaged file, or another program, can."""
    move.damage(f"UPDATE pushes SET warnings = {value} WHERE id = (SELECT max(id) FROM pushes)")
    with pytest.raises(InvalidRequest, match=rf"The table pushes .*: warnings of the row .*, psh_[0-9a-f]{{32}} {why}"):
        move.run()
    move.undo()
    move.damage("UPDATE pushes SET warnings = NULL WHERE id = (SELECT max(id) FROM pushes)")


def test_damage_that_was_there_comes_along_and_is_told(move: Move) -> None:
    move.damage("UPDATE attendees SET company_key = 'x' WHERE id = (SELECT max(id) FROM attendees)")
    (problems,) = move.run().problems
    assert {problem.code for problem in problems.problems} == {"columns_differ"}


def test_damage_that_was_not_there_is_no_success(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_less(connection: Any, table: str, rows: Any) -> None:
        write_page(connection, table, rows[1:] if table == "bodies" else rows)

    write_page = copying.write_page
    monkeypatch.setattr(copying, "write_page", write_less)
    with pytest.raises(Conflict, match=r"In bodies of the event \w+ there are"):
        move.run()


def test_somebody_who_writes_to_the_target_is_noticed(move: Move) -> None:
    def interfere(doing: str, *_: int) -> None:
        if doing == "copying pushes":
            shared_server().execute("UPDATE attendees SET company_key = 'x'", database=move.name)

    with pytest.raises(Conflict, match=r"`verify` finds on PostgreSQL at .* what is not so in"):
        move.run(interfere)


# --- The source ------------------------------------------------------------------------------------------------------


def test_what_was_moved_away_is_opened_by_nobody_and_says_where_it_is(move: Move) -> None:
    with closing(move.open_source()) as already_open:
        schema.prepare(already_open)
        move.run()
        # One that had it open before, and is only now about to write.
        with pytest.raises(StorageUnavailable, match="its data is moved to another database"):
            event.create(already_open, "Too late")
        with pytest.raises(StorageUnavailable), already_open.write() as connection:
            probe.commit_probe(connection, 1)
    with closing(move.open_source()) as source:
        with pytest.raises(
            StorageUnavailable, match=rf"was moved from here to PostgreSQL at .*{move.name}, at 20.*--undo"
        ):
            schema.prepare(source)
        with pytest.raises(Conflict, match="nothing to back up here"):
            back_up(source, move.folder / "b")
    with pytest.raises(Conflict, match="was moved from here to"):
        move.run()
    other = shared_server().create_database(f"{move.name}_other")
    with closing(move.open_source()) as source, closing(open_database(other)) as target:
        with pytest.raises(Conflict, match="was moved from here to"):
            migrate_data.migrate(source, target)
    shared_server().drop_database(f"{move.name}_other")


def test_an_older_program_refuses_it_too(move: Move) -> None:
    """All it knows is the version: `moved` is none that it could bring up to date."""
    move.run()
    with closing(move.open_source()) as source, source.read() as connection:
        version = schema.find_version(connection)
    assert version is not None
    assert not schema.is_known(version)


def test_taken_back_it_is_what_it_was(move: Move) -> None:
    with closing(move.open_source()) as source, source.read() as connection:
        before = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master ORDER BY name").all()
    move.run()
    move.undo()
    with closing(move.open_source()) as source:
        with source.read() as connection:
            assert connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master ORDER BY name").all() == before
        schema.prepare(source)
        event.create(source, "Again")
        assert verify(source).ok
    with pytest.raises(Conflict, match="is not empty"):
        move.run()


def test_begun_and_not_frozen_yet_it_is_as_ever(move: Move) -> None:
    """So long as the target has not taken its tables nothing may stop."""
    end_after(move, 1)
    with closing(move.open_source()) as source:
        schema.prepare(source)
        event.create(source, "Still here")
        with source.write() as connection:
            connection.exec_driver_sql("UPDATE moved_to SET schema_version = '0001'")
    move.undo()
    with closing(move.open_source()) as source, source.read() as connection:
        assert schema.find_version(connection) == schema.VERSION
    end_after(move, 2)
    move.damage("UPDATE moved_to SET schema_version = '0001'")
    # What the target has taken is of that schema.
    with pytest.raises(Conflict, match="an unfinished move from"):
        move.run()
    is_open(move)


def test_half_way_neither_is_opened(move: Move) -> None:
    end_after(move, 8)
    with closing(move.open_source()) as source, pytest.raises(StorageUnavailable, match="is being moved from here"):
        schema.prepare(source)
    with closing(move.open_target()) as target, pytest.raises(StorageUnavailable, match="not all of it is here yet"):
        schema.prepare(target)
    move.undo()
    is_open(move)


def test_half_way_another_target_can_be_given(move: Move) -> None:
    end_after(move, 8)
    lost = move.name
    shared_server().drop_database(lost)
    move.name = f"{lost}_b"
    move.target_url = shared_server().create_database(move.name)
    assert not move.run().goes_on
    move.check()
    with closing(move.open_source()) as source, pytest.raises(StorageUnavailable, match=f"{lost}_b"):
        schema.prepare(source)


def test_half_way_a_newer_program_does_not_go_on(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look for tables that are not there."""
    end_after(move, 8)
    monkeypatch.setattr(schema, "VERSION", "9999")
    with pytest.raises(Conflict, match="was begun by a Turnout with the schema"):
        move.run()


# --- Interrupted -----------------------------------------------------------------------------------------------------


class Ended(BaseException):
    """As if the process had been killed."""


def end_after(move: Move, transactions: int, *, undone: bool = False) -> bool:
    """Runs it up to the end of that many writing transactions, the last one taken back or not; True when it ended."""
    left = itertools.count(transactions, -1)

    def ending(database: Database) -> Database:
        write = database.write

        @contextmanager
        def counting(**options: Any) -> Generator[Any]:
            is_last = next(left) == 1
            with write(**options) as connection:
                yield connection
                if is_last and undone:
                    raise Ended
            if is_last:
                raise Ended

        database.write = counting  # type: ignore[method-assign]
        return database

    with closing(ending(move.open_source())) as source, closing(ending(move.open_target())) as target:
        try:
            migrate_data.migrate(source, target)
        except Ended:
            return False
        except Conflict:
            # The transaction with which the run before has ended was the last one.
            with source.read() as connection:
                found = moving.find_move(connection)
            assert found is not None
            assert found.finished_at is not None
    return True


@pytest.mark.parametrize("undone", [False, True])
def test_ended_after_any_transaction_it_goes_on(move: Move, monkeypatch: pytest.MonkeyPatch, undone: bool) -> None:
    monkeypatch.setattr(copying, "_PAGE_ROWS", 7)
    runs = 1
    # Each run a little further: every transaction is once the one with which it ends.
    while not end_after(move, runs, undone=undone):
        runs += 1
    assert runs > 8
    move.check()


def test_ended_between_the_last_two_steps_it_goes_on(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_: object) -> None:
        raise Ended

    with monkeypatch.context() as patched:
        patched.setattr(moving, "open_for_all", end)
        with pytest.raises(Ended):
            move.run()
    with closing(move.open_source()) as source, source.read() as connection:
        found = moving.find_move(connection)
    assert found is not None
    assert found.finished_at is not None
    assert move.run().goes_on
    move.check()


SCRIPT = """
import sys
from turnout.operations import migrate_data
from turnout.store import copying
from turnout.store.connect import open_database
copying._PAGE_ROWS = 30
source, target = map(open_database, sys.argv[1:])
migrate_data.migrate(source, target, on_progress=lambda *_: print("further", flush=True))
"""


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_and_run_again_it_is_complete(make_move: Callable[..., Move], seed: int) -> None:
    move = make_move(MANY)
    dice = random.Random(seed)
    kills = 0
    is_over = False
    while not is_over:
        running = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, move.source_url, move.target_url],
            cwd=move.folder,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")}
            | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert running.stdout is not None
        with running, running.stdout as steps:
            # It goes on while it is told to end, so that it ends anywhere in the step that follows.
            goes_on = all(steps.readline() for _ in range(dice.randint(1, 60))) if kills < 6 else False
            if goes_on:
                running.kill()
                kills += 1
            else:
                steps.read()
            is_over = running.wait(PATIENCE_S) == 0
            assert is_over or goes_on
    assert kills > 1
    move.check()


def test_a_lost_connection_is_told_and_the_next_run_goes_on(
    make_move: Callable[..., Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_PAGE_ROWS", 75)
    move = make_move(MANY)
    write_page = copying.write_page
    pages = itertools.count()

    def cut(*arguments: Any) -> None:
        if next(pages) in (2, 20, 60):
            shared_server().cut_connections(move.name)
        write_page(*arguments)

    monkeypatch.setattr(copying, "write_page", cut)
    for _ in range(3):
        with pytest.raises(StorageUnavailable) as caught:
            move.run()
        assert "The connection to the database broke. Nothing is lost." in caught.value.detail
        assert "Run the same command again: it goes on where it was." in caught.value.detail
    assert move.run().goes_on
    move.check()


def test_a_commit_of_which_nobody_knows_the_outcome_is_not_copied_twice(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut after the server has committed: what the next run finds is what counts."""
    from turnout.store.postgresql import database as postgresql

    commit = postgresql._commit
    commits = itertools.count()

    def cut(driver: Any) -> None:
        commit(driver)
        if next(commits) == 5:
            raise postgresql.OutcomeUnknown("The connection to the database broke while it was storing this.")

    with monkeypatch.context() as patched:
        patched.setattr(postgresql, "_commit", cut)
        with pytest.raises(StorageUnavailable, match="broke while it was storing"):
            move.run()
    assert move.run().goes_on
    move.check()


def test_two_at_a_time_do_not_copy_twice(move: Move) -> None:
    """The lock of the source keeps a second one off; where it is a copy of the file, the note of how far it is does."""
    copy = move.folder / "copy"
    end_after(move, 4)
    shutil.copytree(move.folder, copy, ignore=shutil.ignore_patterns("copy"))

    def run_other(doing: str, *_: int) -> None:
        if doing == "copying events":
            with (
                closing(open_database(f"sqlite:///{copy}/turnout.db")) as source,
                closing(move.open_target()) as target,
            ):
                migrate_data.migrate(source, target)

    with pytest.raises((Conflict, StorageUnavailable)):
        move.run(run_other)
    move.check()


def test_memory_does_not_grow_with_a_page_of_large_bodies(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PAGE_BYTES", 1_000)
    with closing(move.open_source()) as source, source.read() as connection:
        page = copying.read_page(connection, "bodies", None)
    assert page is not None
    assert 1 <= len(page.rows) < 10
    move.run()
    move.check()
