"""Lists and the list index: right however far it is behind, along one index each, and with an end to their patience."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.downstream.attendees.crowd import SORTS, Person, Reader, list_expected
from tests.feed.builders import Hall, make_push
from tests.product import Product
from turnout import errors
from turnout.changes.turn import Turn
from turnout.downstream.attendees import few, moment
from turnout.downstream.attendees.page import read_page
from turnout.downstream.attendees.query import make_query
from turnout.downstream.limits import EVERYTHING
from turnout.downstream.listing.catch_up import catch_up
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.acts.scene import on_stage
from turnout.feed.forget.erase import erase
from turnout.store import listing
from turnout.store.database import Database
from turnout.store.statements import is_postgresql

_slugs = count(1)


def as_arguments(query: dict[str, str]) -> dict[str, Any]:
    """A query as HTTP has it, as `make_query` takes it."""
    names = {"q": "search", "customField.diet": "custom_fields", "updatedSince": "updated_since"}
    return {
        names.get(name, name): [("diet", value)] if name == "customField.diet" else value
        for name, value in query.items()
    }


def read(hall: Hall, query: dict[str, str], limit: int = 3) -> list[str]:
    """The addresses of a whole list, page after page."""
    asked = make_query(hall.configuration, EVERYTHING, **as_arguments(query))
    found: list[str] = []
    after = None
    while True:
        with hall.database.read() as connection:
            page = read_page(connection, hall.event.id, asked, EVERYTHING, after=after, limit=limit)
        found += [one.email for one in page.attendees]
        if page.next is None:
            return found
        after = page.next


class Stage:
    """An event without a server: the index knows what it is told."""

    def __init__(self, database: Database) -> None:
        self.hall = Hall(database, slug=f"lists-{next(_slugs)}")
        self.people: dict[int, Person] = {}
        self.changed = 0
        self.push(-1, "Last", "x", diet="none")

    def push(self, who: int, last: str, group: str, diet: str = "Vegan", *, attending: bool = True) -> None:
        self.changed += 1
        known = self.people.get(who)
        email = known.email if known else f"p{who}.{self.changed}@x.org"
        push = make_push(
            email,
            profile={"lastName": last},
            groups=[group],
            custom_fields={"Diet": diet},
            attending=attending,
        )
        (outcomes,) = commit.write(self.hall.database, self.hall.configurations, [self.hall.submit(push)])
        assert isinstance(outcomes, list)
        person = known or Person(email, "", last, "", set(), None, {"main"}, number=self.changed, changed=self.changed)
        if outcomes[0].result == "unchanged":
            return
        person.last, person.groups, person.diet, person.changed = last, {group}, diet, self.changed
        person.status = "attending" if attending else "withdrawn"
        self.people[who] = person

    def rename(self, who: int) -> None:
        person = self.people.get(who)
        if person is None:
            return
        self.changed += 1
        new = f"a{self.changed}@y.org"
        with on_stage(self.hall.database, self.hall.configurations, self.hall.event.id, "staff") as scene:
            decisions.rename(scene, person.email, new)
        person.aliases.append(person.email)
        person.email, person.changed = new, self.changed

    def erase(self, who: int) -> None:
        person = self.people.pop(who, None)
        if person is not None:
            hall = self.hall
            erase(hall.database, hall.configurations, hall.event.id, hall.get(person.email).id, "staff")

    def index(self) -> None:
        assert catch_up(self.hall.database, self.hall.event.id)


WHO = st.integers(0, 7)
LASTS = st.sampled_from(["Doe", "dœ", "Smith", "smithers", "", "Ünal"])
STEPS = st.one_of(
    st.tuples(st.just("push"), WHO, LASTS, st.sampled_from(["x", "y"]), st.sampled_from(["Vegan", "none"])),
    st.tuples(st.just("withdraw"), WHO),
    st.tuples(st.just("rename"), WHO),
    st.tuples(st.just("erase"), WHO),
    st.tuples(st.just("index")),
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "group": st.sampled_from(["x"]),
        "source": st.just("main"),
        "customField.diet": st.sampled_from(["vegan", "none"]),
        "status": st.sampled_from(["attending", "withdrawn", "all"]),
        "q": st.sampled_from(["s", "smith", "do", "p", "x.org", "smith p"]),
        "sort": st.sampled_from([*SORTS, *(f"-{sort}" for sort in SORTS)]),
    },
)


def test_lists_are_right_however_far_the_index_is_behind(database: Database) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, max_size=14), queries=st.lists(ASKED, min_size=1, max_size=6))
    def check(steps: list[tuple[Any, ...]], queries: list[dict[str, str]]) -> None:
        stage = Stage(database)
        for what, *rest in steps:
            if what == "withdraw":
                person = stage.people.get(rest[0])
                if person is not None:
                    stage.push(rest[0], person.last, *person.groups, str(person.diet), attending=False)
            else:
                getattr(stage, what)(*rest)
        for query in queries:
            found, expected = read(stage.hall, query), list_expected(stage.people.values(), query)
            if "q" in query and "sort" not in query:
                found, expected = sorted(found), sorted(expected)
            assert found == expected, query

    check()


def test_who_is_found_by_several_words_of_the_index_comes_once(database: Database) -> None:
    hall = Hall(database)
    people = [make_push(f"{last}@bar.org", profile={"firstName": "Bara"}, lastName=last) for last in ("bax", "bay")]
    commit.write(database, hall.configurations, [hall.submit(*people)])
    assert catch_up(database, hall.event.id)
    assert read(hall, {"q": "ba"}, 1) == ["bax@bar.org", "bay@bar.org"]


# --- Along an index --------------------------------------------------------------------------------------------------

SIZE = 3_000
PAGE = 20
WALKS: list[dict[str, str]] = [
    {"sort": sort} | filters
    for sort in ("id", "-id", "email", "-email", "lastName", "-lastName", "updated", "-updated")
    for filters in (
        {},
        {"group": "x"},
        {"status": "all"},
        *([{"source": "main"}, {"customField.diet": "vegan"}] if "updated" not in sort else []),
    )
] + [
    {"q": "s"},
    {"status": "withdrawn"},
    {"email": "p17@x.org"},
    {"updatedSince": "2020-01-01T00:00:00Z"},
    {"updatedSince": "2999-01-01T00:00:00Z", "sort": "email"},
]


@pytest.fixture
def hall(database: Database) -> Hall:
    """An event of some size, whose index is up to date."""
    hall = Hall(database)
    pushes = [
        make_push(
            f"p{number}@x.org",
            profile={"lastName": f"Smith {number * 7919 % SIZE}"},
            groups=["x" if number % 2 else "y"],
            custom_fields={"Diet": "Vegan" if number % 3 else "none"},
            attending=number % 10 != 0,
        )
        for number in range(SIZE)
    ]
    commit.write(database, hall.configurations, [hall.submit(*pushes)])
    assert catch_up(database, hall.event.id)
    with database.write() as connection:
        connection.execute(text("ANALYZE"))
    return hall


def test_every_walk_goes_along_an_index_and_reads_little_more_than_its_page(hall: Hall) -> None:
    for query in WALKS:
        asked = make_query(hall.configuration, EVERYTHING, **as_arguments(query))
        with hall.database.read() as connection:
            after = read_page(connection, hall.event.id, asked, EVERYTHING, limit=PAGE).next
        for begun in (None, after):
            with hall.database.read() as connection, looked_at(connection) as find_faults:
                read_page(connection, hall.event.id, asked, EVERYTHING, after=begun, limit=PAGE)
                assert find_faults() == [], query


@contextmanager
def looked_at(connection: Connection) -> Generator[Callable[[], list[str]]]:
    """What was read otherwise than along an index, or that was more than a few pages of rows."""
    if is_postgresql(connection):
        # What the same connection has read before may still be counted along.
        before = _count_rows(connection)
        yield lambda: [
            f"{table}: {rows - before.get(table, 0)} rows"
            for table, rows in _count_rows(connection).items()
            if rows - before.get(table, 0) > 10 * PAGE
        ]
        return
    statements: list[str] = []
    driver: Any = connection.connection.driver_connection
    driver.set_trace_callback(statements.append)

    def find_faults() -> list[str]:
        driver.set_trace_callback(None)
        plans = (
            (statement, step[3])
            for statement in statements
            if statement.lstrip().startswith(("SELECT", "WITH"))
            for step in driver.execute(f"EXPLAIN QUERY PLAN {statement}")
        )
        return [
            f"{how}: {statement[:200]}"
            for statement, how in plans
            if ("SCAN" in how and not re.search("VALUES CLAUSE|CONSTANT ROW", how)) or "TEMP B-TREE" in how
        ]

    try:
        yield find_faults
    finally:
        driver.set_trace_callback(None)


def _count_rows(connection: Connection) -> dict[str, int]:
    """How many rows of each table PostgreSQL has read."""
    rows = connection.execute(
        text(
            "SELECT relname, COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0) AS read"
            " FROM pg_stat_xact_user_tables"
        )
    )
    return {row.relname: row.read for row in rows}


# --- Patience --------------------------------------------------------------------------------------------------------


def test_a_list_of_few_among_many_is_given_up_with_what_to_do(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    query = {"q": "smith", "customField.diet": "vegan", "group": "x", "sort": "updated"}
    asked = make_query(hall.configuration, EVERYTHING, **as_arguments(query))
    monkeypatch.setattr(few, "FEW", 10)
    with hall.database.read() as connection:
        assert len(read_page(connection, hall.event.id, asked, EVERYTHING, limit=PAGE).attendees) == PAGE
        monkeypatch.setattr(moment, "MAX_WALK_S", -1.0)
        with pytest.raises(errors.TooBroad) as raised:
            read_page(connection, hall.event.id, asked, EVERYTHING, limit=PAGE)
    assert "group, customField, q, sorted by updated" in raised.value.detail
    assert "smith" not in raised.value.detail


def test_it_is_the_same_list_whether_few_are_gathered_or_an_index_is_walked(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    for query in (
        {"q": "smith 29", "sort": "-lastName"},
        {"q": "p1 smith", "group": "x"},
        {"customField.diet": "none", "group": "y", "sort": "updated"},
        {"source": "main", "group": "y", "sort": "email", "customField.diet": "none"},
        {"updatedSince": "2020-01-01T00:00:00Z", "sort": "lastName", "group": "x"},
    ):
        usual = read(hall, query, 1_000)
        assert len(usual) == len(set(usual)) > 0
        for most in (0, 5, 10_000):
            monkeypatch.setattr(few, "FEW", most)
            assert read(hall, query, 300) == usual, (query, most)


def test_while_the_index_is_behind_lists_by_id_go_on_and_others_say_so(start_product: Callable[..., Product]) -> None:
    product = start_product()
    event = product.make_event()
    # Somebody else has the turn, and does nothing.
    turn = Turn(event.database, listing.CONSUMER, 600_000_000)
    assert turn.take()
    reader = Reader(event)
    size = moment.MAX_TAIL_LINES + 1
    event.batch_ok(
        [
            {
                "profile": {"email": f"p{number}@x.org", "lastName": "Doe"},
                "eventInfo": {"groups": {"groupNames": ["x"] if number < 10 else []}},
            }
            for number in range(size)
        ],
        "?receipts=summary",
    )
    for query in ({"sort": "email"}, {"q": "doe"}):
        answer = reader.get(**query)
        assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "index_behind", True)
        assert answer.headers["retry-after"] == "5"
        assert f"0 of {size:,} changes" in answer.json()["detail"]
    assert len(reader.read()) == size
    assert reader.read(email="p7@x.org", sort="email") == ["p7@x.org"]
    # Few of them are in the group: they can be sorted without it.
    assert len(reader.read(group="x", q="doe", sort="-id")) == 10
    turn.give_back()
    # The request itself waits for it.
    answers = (reader.get(sort="email", limit="1").status_code for _ in range(10))
    assert 200 in answers
