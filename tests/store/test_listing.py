"""The list index gives pages in order, whatever the size, and writes no more than what differs."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from turnout.store import cursors, listing
from turnout.store.database import Database
from turnout.store.listing import Listed, Order
from turnout.store.statements import Connection, is_postgresql

EVENT = "evt_1"
NAMES = ["", "a", "ab", "b", "müller", "zz", "ß", "\U0001f600", "\U0010ffff"]


def make_listed(number: int, dice: random.Random) -> Listed:
    facets = {"a", *(f"a g{group}" for group in range(1, 4) if dice.random() < 0.5)}
    words = {dice.choice(["ann", "anna", "anne", "bob", "\U0001f600x", "é"]) for _ in range(3)} | {f"x{number}"}
    return Listed(
        f"att_{number:05d}", dice.choice(NAMES), dice.choice(NAMES), tuple(sorted(facets)), tuple(sorted(words))
    )


def put(database: Database, people: list[Listed], event_id: str = EVENT) -> None:
    with database.write() as connection:
        before = listing.find_listed(connection, event_id, [one.attendee_id for one in people])
        listing.write_listed(connection, event_id, before, {one.attendee_id: one for one in people})


def key_of(one: Listed, order: Order) -> str:
    return {"id": "", "email": one.email_key, "last_name": one.last_name_key}[order]


@pytest.mark.parametrize("order", ["id", "email", "last_name"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_a_facet_come_in_order_with_everybody_once(database: Database, order: Order, descending: bool) -> None:
    dice = random.Random(1)
    people = [make_listed(number, dice) for number in range(200)]
    put(database, people)
    put(database, [make_listed(number, dice) for number in range(150, 250)], "evt_2")
    for facet in ("a", "a g1", "a g9"):
        expected = sorted(
            ((key_of(one, order), one.attendee_id) for one in people if facet in one.facets), reverse=descending
        )
        found: list[tuple[str, str]] = []
        with database.read() as connection:
            while page := listing.list_facet(
                connection,
                EVENT,
                facet,
                order=order,
                descending=descending,
                after=found[-1] if found else None,
                limit=7,
            ):
                found += page
        assert found == expected


@pytest.mark.parametrize("prefix", ["a", "ann", "anne", "x1", "é", "\U0001f600", "nobody", ""])
def test_pages_of_a_word_hold_all_words_that_begin_so(database: Database, prefix: str) -> None:
    dice = random.Random(2)
    people = [make_listed(number, dice) for number in range(200)]
    put(database, people)
    put(database, people[:50], "evt_2")
    expected = sorted((word, one.attendee_id) for one in people for word in one.words if word.startswith(prefix))
    found: list[tuple[str, str]] = []
    with database.read() as connection:
        while page := listing.list_word(connection, EVENT, prefix, after=found[-1] if found else None, limit=7):
            found += page
        assert found == expected
        assert listing.count_word_up_to(connection, EVENT, prefix, 10) == min(10, len(expected))
        assert listing.count_word_up_to(connection, EVENT, prefix, 10_000) == len(expected)


class Explained:
    """What the database says of how it would run the statements of a function."""

    def __init__(self, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[str] = []
        run = listing.run
        explain = "EXPLAIN " if is_postgresql(connection) else "EXPLAIN QUERY PLAN "

        def explained(connection: Connection, statement: str, parameters: Any = ()) -> list[Any]:
            if statement.startswith("SELECT"):
                self.plans.append("\n".join(str(row[-1]) for row in run(connection, explain + statement, parameters)))
            return run(connection, statement, parameters)

        monkeypatch.setattr(listing, "run", explained)


PAGES: dict[str, tuple[str, Callable[..., Any]]] = {
    "everybody by id": ("facets_pkey", lambda it, **page: listing.list_facet(it, EVENT, "a", **page)),
    "everybody by id, backwards": (
        "facets_pkey",
        lambda it, **page: listing.list_facet(it, EVENT, "a", descending=True, **page),
    ),
    "everybody by address": (
        "facets_email",
        lambda it, **page: listing.list_facet(it, EVENT, "a", order="email", **page),
    ),
    "a group by address": (
        "facets_email",
        lambda it, **page: listing.list_facet(it, EVENT, "a g1", order="email", **page),
    ),
    "a group by last name, backwards": (
        "facets_last_name",
        lambda it, **page: listing.list_facet(it, EVENT, "a g1", order="last_name", descending=True, **page),
    ),
    "one letter": ("words_pkey", lambda it, **page: listing.list_word(it, EVENT, "a", **page)),
    "a word": ("words_pkey", lambda it, **page: listing.list_word(it, EVENT, "ann", **page)),
}


def analyse(database: Database) -> None:
    """Lets the planner know how much there is."""
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")


@pytest.mark.parametrize("analysed", ["never", "when few were there", "now"])
@pytest.mark.parametrize("title", PAGES)
def test_a_page_is_a_walk_along_one_index_and_nothing_is_sorted(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    title: str,
    analysed: str,
) -> None:
    index, ask = PAGES[title]
    dice = random.Random(3)
    others = [make_listed(number, dice) for number in range(500)]
    for number in range(2, 6):
        put(database, others, f"evt_{number}")
    people = [make_listed(number, dice) for number in range(1_000)]
    put(database, people[:20])
    if analysed == "when few were there":
        analyse(database)
    put(database, people[20:])
    if analysed == "now":
        analyse(database)
    with database.read() as connection:
        explained = Explained(connection, monkeypatch)
        for after in (None, ("b", "att_00500")):
            ask(connection, after=after, limit=50)
        for plan in explained.plans:
            if is_postgresql(connection):
                assert f"{index} on" in plan
                assert "Sort" not in plan
                assert "Bitmap" not in plan
                assert "Filter" not in plan
            else:
                name = "PRIMARY KEY" if index.endswith("pkey") else f"COVERING INDEX {index}"
                assert f"USING {name} (event_id=? AND " in plan
                assert "TEMP B-TREE" not in plan
                assert "SCAN" not in plan
        # From where the page before has ended, not from the beginning.
        beyond = ("ROW(", "attendee_id > ", "attendee_id < ", "(word,", "_key,", "attendee_id>?", "attendee_id<?")
        assert any(one in explained.plans[1] for one in beyond)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 50) | st.none(), max_size=6), max_size=4))
def test_what_is_written_takes_the_place_of_what_was_there(
    database: Database, steps: list[dict[int, int | None]]
) -> None:
    """Of those who are told of: with other keys, facets and words, or gone."""
    with database.write() as connection:
        for table in ("listed", "facets", "words"):
            connection.execute(text(f"DELETE FROM {table}"))
    known: dict[str, Listed] = {}
    for step in steps:
        told = {f"att_{number:05d}": seed for number, seed in step.items()}
        now = {
            attendee_id: make_listed(int(attendee_id[-1]), random.Random(seed))
            for attendee_id, seed in told.items()
            if seed is not None
        }
        with database.write() as connection:
            before = listing.find_listed(connection, EVENT, sorted(told))
            assert before == {attendee_id: known[attendee_id] for attendee_id in told if attendee_id in known}
            listing.write_listed(connection, EVENT, before, now)
        known = {attendee_id: one for attendee_id, one in known.items() if attendee_id not in told} | now
    assert read_all(database) == {
        "listed": {(one.attendee_id, one.email_key, one.last_name_key) for one in known.values()},
        "facets": {
            (facet, one.attendee_id, one.email_key, one.last_name_key) for one in known.values() for facet in one.facets
        },
        "words": {(word, one.attendee_id) for one in known.values() for word in one.words},
    }


def read_all(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    columns = {
        "listed": "attendee_id, email_key, last_name_key",
        "facets": "facet, attendee_id, email_key, last_name_key",
        "words": "word, attendee_id",
    }
    with database.read() as connection:
        return {
            table: {
                tuple(row)
                for row in connection.execute(
                    text(f"SELECT {names} FROM {table} WHERE event_id = :event_id"), {"event_id": EVENT}
                )
            }
            for table, names in columns.items()
        }


def test_rows_that_nobody_knew_of_do_not_stop_the_others(database: Database) -> None:
    dice = random.Random(4)
    one = make_listed(1, dice)
    put(database, [one])
    with database.write() as connection:
        connection.execute(text("DELETE FROM listed"))
    put(database, [one])
    assert read_all(database)["listed"] == {(one.attendee_id, one.email_key, one.last_name_key)}


def test_a_cursor_moves_only_from_where_it_was_read(database: Database) -> None:
    with database.write() as connection:
        assert cursors.find_cursor(connection, EVENT, "one") is None
        assert not cursors.move_cursor(connection, EVENT, "one", 3, 4)
        assert cursors.move_cursor(connection, EVENT, "one", None, 4)
        assert not cursors.move_cursor(connection, EVENT, "one", None, 5)
        assert cursors.move_cursor(connection, EVENT, "one", 4, 6)
        assert not cursors.move_cursor(connection, EVENT, "one", 4, 7)
        assert cursors.find_cursor(connection, EVENT, "one") == 6
        assert cursors.find_cursor(connection, EVENT, "other") is None
        cursors.set_cursor(connection, EVENT, "one", 1)
        cursors.set_cursor(connection, EVENT, "other", 2)
        assert cursors.find_cursor(connection, EVENT, "one") == 1
        assert cursors.find_cursor(connection, EVENT, "other") == 2
