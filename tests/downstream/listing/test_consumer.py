"""Once it has come to the end of the log, the index holds what the documents ask for, whatever has happened."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from tests.databases import as_file, only_postgresql
from tests.downstream.listing.index import check_index, compute_index, is_caught_up, read_index
from tests.feed.builders import Hall, make_push
from tests.feed.test_feed_model import Feed
from tests.operations.test_verify import do_damage
from tests.patience import PATIENCE_S
from turnout.changes.turn import Turn
from turnout.downstream.listing import consumer
from turnout.downstream.listing.catch_up import catch_up
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.forget.erase import erase
from turnout.model.push import Push
from turnout.operations.verify.verify import verify
from turnout.store import cursors, listing
from turnout.store.database import Database
from turnout.store.listing import CONSUMER
from turnout.store.statements import is_postgresql

ANN, BOB = "ann@example.com", "bob@example.com"


class Indexed(Hall):
    """An event whose index is fed when the test says so."""

    def push(self, *pushes: Push) -> None:
        for push in pushes:
            commit.write(self.database, self.configurations, [self.submit(push)])

    def push_together(self, *pushes: Push) -> None:
        commit.write(self.database, self.configurations, [self.submit(*pushes)])

    def act(self, perform: Any, *arguments: Any, **options: Any) -> None:
        with on_stage(self.database, self.configurations, self.event.id, "test") as scene:
            perform(scene, *arguments, **options)

    def erase(self, email: str) -> None:
        erase(self.database, self.configurations, self.event.id, email, "test")

    def index(self) -> None:
        assert catch_up(self.database, self.event.id)
        check_index(self.database)
        assert verify(self.database).ok

    def index_some(self, lines: int) -> None:
        """One step of so many lines."""
        with self.database.read() as connection:
            behind = cursors.find_behind(connection, CONSUMER, self.event.id)
            if behind is None:
                return
            step = consumer.handle(connection, self.event.id, behind.cursor or 0, lines)
        with self.database.write() as connection:
            assert cursors.move_cursor(connection, self.event.id, CONSUMER, behind.cursor, step.last)
            step.record(connection)

    def who(self, facet: str) -> set[str]:
        with self.database.read() as connection:
            return {
                one for _, one in listing.list_facet(connection, self.event.id, facet, order="last_name", limit=1_000)
            }

    def found(self, prefix: str) -> set[str]:
        with self.database.read() as connection:
            return {one for _, one in listing.list_word(connection, self.event.id, prefix)}


@pytest.fixture
def indexed(database: Database) -> Indexed:
    return Indexed(database)


def test_people_are_listed_and_found_as_they_are_now(indexed: Indexed) -> None:
    indexed.push(
        make_push(ANN, firstName="Ann", lastName="Lee", groups=["VIP"], custom_fields={"Diet": "Vegan"}),
        make_push(BOB, lastName="Łukasik", company="O'Brien Ltd"),
    )
    ann, bob = indexed.get(ANN).id, indexed.get(BOB).id
    indexed.index()
    assert (indexed.who("a"), indexed.who("a g1"), indexed.who("a f1=vegan")) == ({ann, bob}, {ann}, {ann})
    assert (indexed.found("l"), indexed.found("obr"), indexed.found("ann@")) == ({ann, bob}, {bob}, {ann})
    # Named otherwise.
    indexed.push(make_push(ANN, lastName="Zimmer"))
    indexed.act(decisions.rename, BOB, "robert@example.org")
    indexed.index()
    assert (indexed.found("lee"), indexed.found("zim"), indexed.found("bob"), indexed.found("rob")) == (
        set(),
        {ann},
        set(),
        {bob},
    )
    with indexed.database.read() as connection:
        page = listing.list_facet(connection, indexed.event.id, "a g1", order="last_name")
    assert page == [("zimmer", ann)]
    # In other groups, with other values.
    indexed.push(make_push(ANN, groups=["Press"], custom_fields={"Diet": ["Halal", "Kosher"]}))
    indexed.act(decisions.hold, "robert@example.org", "VIP", is_in=True)
    indexed.index()
    assert (indexed.who("a g1"), indexed.who("a g2"), indexed.who("a f1=vegan")) == ({bob}, {ann}, set())
    assert indexed.who("a f1=halal") == indexed.who("a f1=kosher") == {ann}
    # Withdrawn, and back.
    indexed.push(make_push(ANN, attending=False))
    indexed.index()
    assert (indexed.who("a"), indexed.who("w"), indexed.who("a g2"), indexed.who("w g2")) == (
        {bob},
        {ann},
        set(),
        {ann},
    )
    indexed.push(make_push(ANN))
    indexed.index()
    assert (indexed.who("a"), indexed.who("w")) == ({ann, bob}, set())
    # Merged.
    indexed.act(merging.merge, ANN, "robert@example.org")
    indexed.index()
    assert (indexed.who("a"), indexed.found("ann@"), indexed.who("a g2")) == ({bob}, set(), {bob})
    # Erased, with all that was merged.
    indexed.erase("robert@example.org")
    assert read_index(indexed.database, indexed.event.id) == {"listed": set(), "facets": set(), "words": set()}
    indexed.index()


def test_a_log_is_read_from_its_beginning_in_many_steps(indexed: Indexed) -> None:
    indexed.push_together(*(make_push(f"p{number}@example.com", lastName=f"N{number % 7}") for number in range(1_200)))
    with indexed.database.read() as connection:
        assert listing.find_cursor(connection, indexed.event.id) == 0
        ids, are_more = listing.list_tail_ids(connection, indexed.event.id, 0, 1_199)
        assert (len(ids), are_more) == (1_199, True)
    indexed.index()
    with indexed.database.read() as connection:
        assert listing.find_cursor(connection, indexed.event.id) == 1_200
        assert listing.list_tail_ids(connection, indexed.event.id, 1_200, 10) == (set(), False)
        assert len(listing.list_facet(connection, indexed.event.id, "a", limit=5_000)) == 1_200
    indexed.push(make_push("p3@example.com", title="CTO"))
    with indexed.database.read() as connection:
        assert listing.list_tail_ids(connection, indexed.event.id, 1_200, 10) == (
            {indexed.get("p3@example.com").id},
            False,
        )


def test_what_lists_do_not_go_by_writes_nothing(indexed: Indexed) -> None:
    indexed.push(make_push(ANN, lastName="Lee"))
    indexed.index()
    indexed.push(make_push(ANN, title="CTO"))
    before = read_index(indexed.database, indexed.event.id)
    with indexed.database.read() as connection:
        step = consumer.handle(connection, indexed.event.id, 1, 10)
    with indexed.database.write() as connection:
        # Whoever writes would fail.
        for table in ("listed", "facets", "words"):
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_away")
        step.record(connection)
        for table in ("listed", "facets", "words"):
            connection.exec_driver_sql(f"ALTER TABLE {table}_away RENAME TO {table}")
    assert read_index(indexed.database, indexed.event.id) == before


def test_damaged_lines_do_not_stop_the_index(indexed: Indexed) -> None:
    indexed.push(make_push(ANN), make_push(BOB))
    with indexed.database.write() as connection:
        connection.execute(text("UPDATE changes SET entries = 'broken' WHERE sequence = 1"))
    assert catch_up(indexed.database, indexed.event.id)
    check_index(indexed.database)


# --- Erasing ---------------------------------------------------------------------------------------------------------


MARK = b"zqzq"


def find_traces(database: Database, copy: Path) -> list[str]:
    """In which files, or tables of PostgreSQL, the mark is."""
    with database.read() as connection:
        if is_postgresql(connection):
            return [
                table
                for table in ("listed", "facets", "words")
                if connection.execute(
                    text(f"SELECT count(*) FROM {table} AS line WHERE CAST(line AS text) LIKE '%zqzq%'")
                ).scalar()
            ]
    copy.unlink(missing_ok=True)
    with as_file(database).read_outside() as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    files = [file for file in as_file(database).path.parent.iterdir() if file.suffix != ".key"]
    return [file.name for file in {*files, copy} if MARK in file.read_bytes().lower()]


def test_nothing_of_an_erased_person_is_in_any_byte_of_the_index(indexed: Indexed, tmp_path: Path) -> None:
    """F1: erasing a person removes all values from … indexes."""
    others = [make_push(f"p{number}@example.com", lastName=f"Name {number}" * 9) for number in range(400)]
    person = make_push(
        f"{MARK.decode()}@x.org",
        lastName="Zqzqlee",
        company="zqzqLtd",
        custom_fields={"Diet": "zqzqvegan"},
        groups=["VIP"],
    )
    indexed.push_together(*others[:200], person, *others[200:])
    indexed.index()
    # Pages are split with the person on them.
    for number in range(3):
        indexed.push_together(*(make_push(one.email, lastName=f"{number} and more " * 5) for one in others))
        indexed.push(make_push(person.email, lastName=f"zqzq{number}"))
        indexed.index()
    assert find_traces(indexed.database, tmp_path / "copy")
    attendee_id = indexed.get(person.email).id
    indexed.erase(person.email)
    assert find_traces(indexed.database, tmp_path / "copy") == []
    index = read_index(indexed.database, indexed.event.id)
    assert not [row for rows in index.values() for row in rows if attendee_id in row]
    indexed.index()


def test_who_is_erased_between_reading_and_writing_is_not_written(indexed: Indexed) -> None:
    indexed.push(make_push(ANN, lastName="Lee"), make_push(BOB))
    with indexed.database.read() as connection:
        step = consumer.handle(connection, indexed.event.id, 0, 10)
    indexed.erase(ANN)
    with indexed.database.write() as connection:
        assert cursors.move_cursor(connection, indexed.event.id, CONSUMER, None, step.last)
        step.record(connection)
    assert indexed.who("a") == {indexed.get(BOB).id}
    indexed.index()


@only_postgresql
def test_an_erasure_waits_for_what_is_being_written_and_removes_it(indexed: Indexed) -> None:
    indexed.push(make_push(ANN, lastName="Lee"), make_push(BOB))
    with indexed.database.read() as connection:
        step = consumer.handle(connection, indexed.event.id, 0, 10)
    erasing = threading.Thread(target=indexed.erase, args=(ANN,))
    with indexed.database.write() as connection:
        assert cursors.move_cursor(connection, indexed.event.id, CONSUMER, None, step.last)
        step.record(connection)
        erasing.start()
        wait_until(lambda: count_waiting(indexed.database) == 1)
    erasing.join(PATIENCE_S)
    assert indexed.who("a") == {indexed.get(BOB).id}
    assert indexed.found("lee") == set()
    indexed.index()


@only_postgresql
def test_the_index_waits_for_an_erasure_and_writes_nothing_of_it(indexed: Indexed) -> None:
    indexed.push(make_push(ANN, lastName="Lee"), make_push(BOB))
    erasing = on_stage(indexed.database, indexed.configurations, indexed.event.id, "test")
    from turnout.feed.forget.erase import forget_attendees

    writing = threading.Thread(target=catch_up, args=(indexed.database, indexed.event.id))
    with erasing as scene:
        forget_attendees(scene.connection, scene.draft, [scene.get(ANN)], "test")
        writing.start()
        wait_until(lambda: count_waiting(indexed.database) == 1)
    writing.join(PATIENCE_S)
    assert indexed.who("a") == {indexed.get(BOB).id}
    assert catch_up(indexed.database, indexed.event.id)
    check_index(indexed.database)


@only_postgresql
def test_pushes_do_not_wait_for_the_index(indexed: Indexed) -> None:
    indexed.push(make_push(ANN, lastName="Lee"))
    with indexed.database.read() as connection:
        step = consumer.handle(connection, indexed.event.id, 0, 10)
    with indexed.database.write() as connection:
        step.record(connection)
        indexed.push(make_push(ANN, lastName="Moore"))
        assert cursors.move_cursor(connection, indexed.event.id, CONSUMER, None, step.last)
    assert indexed.found("lee")
    indexed.index()
    assert not indexed.found("lee")


def count_waiting(database: Database) -> int:
    with database.read() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).scalar_one()
        )


def wait_until(is_so: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if is_so():
            return
        waited.wait(0.01)
    raise AssertionError("It does not come to that.")


# --- Anew, and wrong -------------------------------------------------------------------------------------------------

DAMAGE = {
    "an attendee is missing": ("listing_differs", "DELETE FROM listed WHERE email_key = 'ann@example.com'"),
    "a facet is missing": ("listing_lacks", "DELETE FROM facets WHERE facet = 'a g1'"),
    "a word is missing": ("listing_lacks", "DELETE FROM words WHERE word LIKE 'lee%'"),
    "a facet stands in the wrong place": (
        "listing_lacks",
        "UPDATE facets SET last_name_key = 'x' WHERE facet = 'a g1'",
    ),
    "a facet is of nobody": (
        "listing_surplus",
        "INSERT INTO facets SELECT event_id, 'a g9', attendee_id, email_key, last_name_key FROM listed",
    ),
    "a word is of nobody": ("listing_surplus", "INSERT INTO words SELECT event_id, 'x', 'att_x' FROM cursors"),
    "somebody is listed who is not there": (
        "listing_surplus",
        "INSERT INTO listed SELECT event_id, 'att_x', '', '', '', '' FROM cursors",
    ),
    "the list of facets is wrong": ("listing_differs", "UPDATE listed SET facets = 'a'"),
    "the key to sort by is wrong": ("listing_differs", "UPDATE listed SET last_name_key = 'x'"),
    "the cursor is ahead": ("listing_differs", "UPDATE cursors SET sequence = 3"),
}


@pytest.mark.parametrize("title", DAMAGE)
def test_verify_says_what_is_wrong_and_indexing_anew_mends_it(indexed: Indexed, title: str) -> None:
    code, damage = DAMAGE[title]
    indexed.push(make_push(ANN, lastName="Lee", groups=["VIP"]), make_push(BOB, lastName="Leeds", groups=["VIP"]))
    indexed.index()
    indexed.push(make_push(BOB, lastName="Moore"))
    assert verify(indexed.database).ok
    with indexed.database.write() as connection:
        assert do_damage(connection, damage)
    (found,) = verify(indexed.database).events
    assert code in {problem.code for problem in found.problems}
    for problem in found.problems:
        assert "lee" not in problem.message.lower()
        assert "ann" not in problem.message.lower()
    with indexed.database.write() as connection:
        listing.reindex(connection, indexed.event.id)
    indexed.index()


def test_indexing_anew_begins_with_nothing_and_may_be_interrupted(indexed: Indexed) -> None:
    indexed.push_together(*(make_push(f"p{number}@example.com") for number in range(500)))
    indexed.index()
    with indexed.database.write() as connection:
        listing.reindex(connection, indexed.event.id)
    with indexed.database.read() as connection:
        # Readers look at the whole log.
        assert listing.find_cursor(connection, indexed.event.id) == 0
    for _ in range(2):
        indexed.index_some(500)
        assert verify(indexed.database).ok
    indexed.erase("p499@example.com")
    indexed.erase("p1@example.com")
    indexed.index()


def test_a_step_that_began_before_all_is_made_anew_is_not_counted(indexed: Indexed) -> None:
    indexed.push(make_push(ANN, lastName="Lee"))
    indexed.index()
    indexed.push(make_push(BOB))
    with indexed.database.write() as connection:
        listing.reindex(connection, indexed.event.id)
        assert not cursors.move_cursor(connection, indexed.event.id, CONSUMER, 1, 2)
    indexed.index()


def test_whoever_finds_another_at_work_leaves_it_to_him(indexed: Indexed) -> None:
    indexed.push(make_push(ANN))
    other = Turn(indexed.database, CONSUMER)
    assert other.take()
    assert not catch_up(indexed.database, indexed.event.id)
    assert not is_caught_up(indexed.database, indexed.event.id)
    other.give_back()
    indexed.index()
    # And leaves the work to others itself.
    assert other.take()


# --- Any story -------------------------------------------------------------------------------------------------------


class IndexedFeed(Feed):
    """All that may happen to people, while the index is fed a few lines at a time."""

    @rule(lines=st.integers(1, 5))
    def index_some(self, lines: int) -> None:
        Indexed.index_some(self.hall, lines)  # ty: ignore[invalid-argument-type]

    @precondition(lambda self: self.people)
    @rule()
    def index_anew(self) -> None:
        with self.database.write() as connection:
            listing.reindex(connection, self.hall.event.id)

    def teardown(self) -> None:
        if hasattr(self, "hall"):
            event_id = self.hall.event.id
            assert verify(self.database, self.hall.slug).ok
            assert catch_up(self.database, event_id)
            assert read_index(self.database, event_id) == compute_index(self.database, event_id)
        super().teardown()


def test_the_index_is_what_the_documents_ask_for_after_any_story(database_kind: str, database: Database) -> None:
    few = settings(max_examples={"sqlite": 25, "postgresql": 6}[database_kind], stateful_step_count=25, deadline=None)
    run_state_machine_as_test(lambda: IndexedFeed(database), settings=few)  # ty: ignore[invalid-argument-type]
