"""What is usual at some time of the week, learned from four weeks of hours."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.feed.builders import MAIN, SHOP, Hall
from turnout.events import event, keys, sources, usual
from turnout.events.usual import HOUR_US, Heard, Usual, find_missing, find_usual
from turnout.store import push_counts
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

MONDAY = int(datetime(2031, 3, 3, tzinfo=UTC).timestamp()) // 3_600
"""Its first hour."""
SATURDAY = MONDAY + 5 * 24


def count(weeks: float, times: Callable[[int, int], int]) -> dict[int, int]:
    """The pushes of the hours before that Monday, by weekday (0 is Monday) and hour."""
    hours = range(MONDAY - int(weeks * 168), MONDAY)
    counts = {hour: times((hour - MONDAY) // 24 % 7, hour % 24) for hour in hours}
    return {hour: number for hour, number in counts.items() if number}


def office(day: int, hour: int) -> int:
    """Most on Mondays."""
    return (100 if day == 0 else 20) * (day < 5 and 9 <= hour < 17)


@pytest.mark.parametrize(
    ("hour", "said"),
    [
        (MONDAY + 10, "about 100 an hour at this time of a Monday"),
        (MONDAY + 34, "about 20 an hour at this time of a Tuesday"),
        (MONDAY + 3, "nothing at this time of a Monday"),
        (SATURDAY + 10, "nothing at this time of a Saturday"),
    ],
)
def test_it_is_what_came_at_this_time_of_the_week(hour: int, said: str) -> None:
    its = find_usual(count(3, office), hour)
    assert its is not None
    assert its.said == said


def test_of_a_first_week_other_weekdays_tell() -> None:
    assert find_usual(count(1, office), MONDAY + 10) == Usual(20, "at this time of a Monday")


def test_the_hour_that_is_not_over_says_nothing() -> None:
    assert find_usual(count(3, office) | {MONDAY + 10: 1}, MONDAY + 10) == Usual(100, "at this time of a Monday")
    assert find_usual({MONDAY - back: 5 for back in range(44)}, MONDAY) is None


@pytest.mark.parametrize(("hours", "its"), [(40, None), (48, Usual(7, ""))])
def test_after_two_days_around_the_clock_somebody_knows_a_number(hours: int, its: Usual | None) -> None:
    assert find_usual({MONDAY - back: 7 for back in range(1, hours + 1)}, MONDAY) == its


def test_of_who_came_for_some_hours_nothing_is_known() -> None:
    assert find_usual({MONDAY - back: 500 for back in range(3, 12)}, MONDAY) is None


def test_what_is_missing_is_the_last_hour_in_which_it_should_have_come() -> None:
    counts = count(3, office)
    heard = Heard(counts)
    assert find_missing(heard, counts, MONDAY + 11) == Usual(100, "on a Monday at 10:00")
    assert find_missing(heard, counts, MONDAY + 23) == Usual(100, "on a Monday at 16:00")
    assert find_missing(heard, counts, SATURDAY + 30) == Usual(20, "on a Friday at 16:00")
    assert find_missing(heard, counts, MONDAY) == Usual(20, "")


@pytest.fixture
def hall(database: Database) -> Hall:
    hall = Hall(database)
    keys.create(database, hall.event.id, label="shop")
    return hall


def add(hall: Hall, source: int, counts: dict[int, int], result: str = "updated") -> None:
    """By hour in UTC."""
    rows = [(hall.event.id, hour * HOUR_US // SLOT_US, source, result, number) for hour, number in counts.items()]
    with hall.database.write() as connection:
        push_counts.add_counts(connection, rows)


def always(number: int) -> dict[int, int]:
    return count(3, lambda day, hour: number)


def list_usual(hall: Hall) -> dict[int | None, int]:
    with hall.database.read() as connection:
        found = usual.list_usual(connection, hall.configuration, MONDAY * HOUR_US)
    return {whose: one.an_hour for whose, one in found.items()}


def test_each_source_and_all_together_have_their_own(hall: Hall) -> None:
    add(hall, MAIN, always(10))
    add(hall, MAIN, always(2), "failed")
    add(hall, SHOP, always(3))
    # A rehearsal is none of it.
    add(hall, SHOP, always(1_000), "rehearsed")
    assert list_usual(hall) == {None: 15, MAIN: 12, SHOP: 3}
    sources.retire(hall.database, hall.event.id, "shop")
    assert list_usual(hall) == {None: 12, MAIN: 12}


def test_clocks_are_those_of_the_event(hall: Hall) -> None:
    event.set_up(hall.database, hall.event.id, {"time_zone": "Asia/Tokyo"})
    add(hall, MAIN, {hour - 9: number for hour, number in count(3, office).items()})
    with hall.database.read() as connection:
        found = usual.list_usual(connection, hall.configuration, MONDAY * HOUR_US)
    assert found[MAIN].said == "about 100 an hour at this time of a Monday"
