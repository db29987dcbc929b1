"""Lines with the attendee as he was at each: the same as folding the log up to there, whatever was pushed and done."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event as sqlalchemy_events

from tests.databases import only_sqlite
from tests.feed.builders import SHOP, Hall, make_push
from tests.feed.test_feed_model import Feed
from turnout.changes.fold import apply
from turnout.changes.lines import Line, read_lines
from turnout.changes.walk import Walks
from turnout.events import keys
from turnout.feed import commit
from turnout.model.attendee import Attendee
from turnout.store import attendees, changes
from turnout.store.database import Database
from turnout.store.statements import Connection

_numbers = count(1)


def visible(one: Attendee | None) -> dict[str, Any] | None:
    """All that anybody is shown of an attendee."""
    if one is None:
        return None
    values: dict[str, dict[Any, Any]] = {
        "profile": one.profile,
        "custom_fields": one.custom_fields,
        "unknown_fields": one.unknown_fields,
    }
    return {
        **{name: {key: said.value for key, said in said.items() if said.value} for name, said in values.items()},
        "ids": {source: one.ids_of(source) for source in one.parts if one.ids_of(source)},
        **{
            name: getattr(one, name)
            for name in (
                "id",
                "status",
                "aliases",
                "pins",
                "held",
                "removed",
                "merged_into",
                "absorbed",
                "created_at",
                "updated_at",
                "sequence",
            )
        },
        "groups": one.group_numbers(),
    }


Reader = Callable[[Connection, str, int, int], list[Line]]


def read_anew(connection: Connection, event_id: str, after: int, limit: int) -> list[Line]:
    return read_lines(connection, event_id, after=after, limit=limit)


def make_walker() -> Reader:
    """Somebody who goes on from page to page, now and then with a few lines less than he has read."""
    walks = Walks()

    def read_on(connection: Connection, event_id: str, after: int, limit: int) -> list[Line]:
        lines = walks.read(connection, event_id, after=after, limit=limit)
        told_of = lines[: 1 + len(lines) * 2 // 3]
        if told_of:
            walks.go_on(event_id, after, told_of)
        return told_of

    return read_on


def list_wrong(database: Database, event_id: str, page: int, read: Reader = read_anew) -> list[int]:
    """The lines at which read pages show somebody else than the folded log does."""
    lines: list[Line] = []
    with database.read() as connection:
        there = {
            one.id
            for one in attendees.list_attendees(connection, event_id, status=None, with_merged=True, limit=100_000)
        }
        while more := read(connection, event_id, len(lines), page):
            lines += more
    folded: dict[str, Attendee | None] = {}
    wrong = []
    for line in lines:
        one = line.change.attendee_id
        if one is None or one not in there:
            if line.after is not None or line.before is not None:
                wrong.append(line.change.sequence)
            continue
        before = folded.get(one)
        folded[one] = after = apply(before, line.change)
        expected_before = visible(before)
        seen_before = visible(line.before)
        if seen_before is not None and expected_before is not None:
            # When he was changed last is told by the line above, which only its own `after` shows.
            seen_before["updated_at"] = expected_before["updated_at"]
        if (visible(line.after), seen_before) != (visible(after), expected_before):
            wrong.append(line.change.sequence)
    return wrong


class Followed(Feed):
    """The feed's model, at whose end its log is read in pages."""

    def teardown(self) -> None:
        if hasattr(self, "hall"):
            for page in (1, 3, 1_000):
                assert list_wrong(self.database, self.hall.event.id, page) == []
                assert list_wrong(self.database, self.hall.event.id, page, make_walker()) == []


def test_each_line_shows_the_attendee_as_folding_the_log_up_to_it_does(database_kind: str, database: Database) -> None:
    few = settings(max_examples={"sqlite": 25, "postgresql": 8}[database_kind], stateful_step_count=30, deadline=None)
    run_state_machine_as_test(lambda: Followed(database), settings=few)  # ty: ignore[invalid-argument-type]


@pytest.fixture
def hall(database: Database) -> Hall:
    hall = Hall(database, slug=f"lines-{next(_numbers)}")
    keys.create(database, hall.event.id, label="Shop")
    return hall


def push(hall: Hall, *pushes: Any, source: int = 1) -> None:
    commit.write(hall.database, hall.configurations, [hall.submit(one, source=source) for one in pushes])


def test_ids_custom_fields_with_several_values_and_unknown_fields_are_taken_back_too(hall: Hall) -> None:
    for number, source in ((1, 1), (2, SHOP), (3, 1), (4, SHOP)):
        push(
            hall,
            make_push(
                "john@example.com",
                thirdPartyId=f"id-{number}",
                custom_fields={"Days": ["Mon", str(number)], "Note": "" if number % 2 else "x"},
                unknown_fields={"profile.jobTitle": {"de": [str(number)]}} if number != 3 else {"profile.jobTitle": ""},
            ),
            source=source,
        )
    assert list_wrong(hall.database, hall.event.id, 2) == []


def count_statements(database: Database, event_id: str, after: int, limit: int, read: Reader = read_anew) -> int:
    """What reading a page costs in statements."""
    said: list[str] = []
    with database.read() as connection:

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement)

        sqlalchemy_events.listen(connection, "before_cursor_execute", note)
        read(connection, event_id, after, limit)
    return len(said)


def test_a_page_of_many_attendees_who_have_changed_since_costs_a_few_statements(hall: Hall) -> None:
    people = [f"p{number}@example.com" for number in range(300)]
    for title in ("a", "b", "c"):
        push(hall, *(make_push(one, title=title) for one in people))
    assert list_wrong(hall.database, hall.event.id, 300) == []
    assert count_statements(hall.database, hall.event.id, 0, 300) <= 5


def test_a_page_of_one_attendee_with_thousands_of_lines_reads_each_of_them_at_most_once(hall: Hall) -> None:
    """Pages of 1,000 and 5,000 held at once: one statement for the page, and one for what came later."""
    for start in range(0, 2_000, 500):
        push(hall, *(make_push("john@example.com", title=str(start + one)) for one in range(500)))
    assert list_wrong(hall.database, hall.event.id, 1_000) == []
    assert count_statements(hall.database, hall.event.id, 0, 1_000) <= 3
    assert count_statements(hall.database, hall.event.id, 1_000, 1_000) <= 1


def test_the_latest_lines_are_read_without_looking_for_later_ones(hall: Hall) -> None:
    push(hall, *(make_push(f"p{number}@example.com", title="a") for number in range(50)))
    assert count_statements(hall.database, hall.event.id, 0, 100) <= 1


def push_rounds(hall: Hall, people: int, rounds: int) -> None:
    for number in range(rounds):
        push(hall, *(make_push(f"p{one}@example.com", title=str(number)) for one in range(people)))


def test_whoever_reads_on_needs_nothing_of_what_was_changed_since(hall: Hall) -> None:
    push_rounds(hall, people=20, rounds=10)
    read_on = make_walker()
    database, event_id = hall.database, hall.event.id
    assert count_statements(database, event_id, 30, 60, read_on) > 0
    # Two thirds of the page before, and one line.
    assert count_statements(database, event_id, 71, 60, read_on) == 0


def test_two_who_read_on_from_the_same_line_do_not_make_each_other_forget(hall: Hall) -> None:
    push_rounds(hall, people=20, rounds=10)
    walks = Walks()
    with hall.database.read() as connection:
        lines = walks.read(connection, hall.event.id, after=30, limit=30)
    for _ in range(2):
        walks.go_on(hall.event.id, 30, lines)

    def read_on(connection: Connection, event_id: str, after: int, limit: int) -> list[Line]:
        return walks.read(connection, event_id, after=after, limit=limit)

    assert count_statements(hall.database, hall.event.id, 60, 30, read_on) == 0


def test_a_page_ends_early_where_too_much_was_changed_since_and_never_without_a_line(hall: Hall) -> None:
    push_rounds(hall, people=20, rounds=10)

    def read_little(connection: Connection, event_id: str, after: int, limit: int) -> list[Line]:
        return read_lines(connection, event_id, after=after, limit=limit, most_later=30)

    with hall.database.read() as connection:
        assert 0 < len(read_little(connection, hall.event.id, 20, 100)) < 100
    assert list_wrong(hall.database, hall.event.id, 100, read_little) == []


@only_sqlite
@pytest.mark.parametrize(
    "read",
    [
        lambda connection, event_id: changes.list_history(connection, event_id, 1_000),
        lambda connection, event_id: changes.list_histories(connection, event_id, [1_000], lowest=1, limit=100),
    ],
    ids=["one", "several"],
)
def test_the_lines_of_one_attendee_are_found_without_walking_the_log_of_all(hall: Hall, read: Any) -> None:
    """SQLite likes to join the other way round; then each step costs as much as the log is long."""
    push_rounds(hall, people=50, rounds=20)
    steps = 0

    def count_steps() -> int:
        nonlocal steps
        steps += 1
        return 0

    with hall.database.read() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(count_steps, 100)
        assert len(read(connection, hall.event.id)) == 20
        driver.set_progress_handler(None, 0)
    # In hundreds of instructions: some thirty where it goes from line to line, a thousand where it does not.
    assert steps < 100
