"""Vital signs: when was it heard of last, and what came of pushes."""

from collections.abc import Callable

import pytest

from tests.feed.builders import MAIN, SHOP, Hall, make_push
from turnout.events import activity, keys
from turnout.events.activity import Activity, get_series, list_activity, list_last_at
from turnout.events.usual import HOUR_US
from turnout.feed.commit import write
from turnout.feed.settle import draft
from turnout.store import push_counts
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

NOW = 4_000_000 * HOUR_US + 25 * 60 * 1_000_000
"""A time far ahead, so that clocks let it pass: 25 minutes past an hour."""


@pytest.fixture
def hall(database: Database) -> Hall:
    hall = Hall(database)
    keys.create(database, hall.event.id, label="shop")
    return hall


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_to(at: int) -> None:
        monkeypatch.setattr(activity, "now_us", lambda: at)
        monkeypatch.setattr(draft, "now_us", lambda: at)

    return set_to


def push(hall: Hall, clock: Callable[[int], None], at: int, *emails: str, source: int = MAIN) -> None:
    clock(at)
    write(hall.database, hall.configurations, [hall.submit(*map(make_push, emails), source=source)])


def count(hall: Hall, at: int, result: str, times: int, source: int = MAIN) -> None:
    with hall.database.write() as connection:
        push_counts.add_counts(connection, [(hall.event.id, at // SLOT_US, source, result, times)])


def test_events_that_nobody_pushed_to_say_so(hall: Hall) -> None:
    assert list_activity(hall.database, []) == {}
    assert list_activity(hall.database, [hall.event.id]) == {hall.event.id: Activity(None, 0, 0, [0] * 24)}
    assert get_series(hall.database, hall.event.id, "24h").total == 0
    assert list_last_at(hall.database, hall.event.id, [MAIN, SHOP]) == {MAIN: None, SHOP: None}


def test_many_events_are_looked_at_together(hall: Hall, clock: Callable[[int], None]) -> None:
    fair, quiet = Hall(hall.database, slug="fair"), Hall(hall.database, slug="quiet")
    push(hall, clock, NOW - 30 * HOUR_US, "old@example.com")
    push(hall, clock, NOW - 23 * HOUR_US, "a@example.com")
    push(fair, clock, NOW - 2 * HOUR_US, "a@example.com", "b@example.com")
    count(hall, NOW - HOUR_US, "failed", 3)
    count(fair, NOW - 2 * HOUR_US, "rehearsed", 4)
    clock(NOW)
    push(hall, clock, NOW, "b@example.com")
    found = list_activity(hall.database, [hall.event.id, fair.event.id, quiet.event.id])
    assert found == {
        hall.event.id: Activity(NOW, 5, 3, [1] + [0] * 21 + [3, 1]),
        fair.event.id: Activity(NOW - 2 * HOUR_US, 6, 0, [0] * 21 + [6, 0, 0], rehearsed=4),
        quiet.event.id: Activity(None, 0, 0, [0] * 24),
    }


def test_an_event_that_only_repeats_itself_is_not_silent(hall: Hall, clock: Callable[[int], None]) -> None:
    push(hall, clock, NOW - 5 * HOUR_US, "a@example.com")
    push(hall, clock, NOW - 4 * HOUR_US, "b@example.com")
    push(hall, clock, NOW, "a@example.com")
    at = NOW // SLOT_US * SLOT_US
    assert list_activity(hall.database, [hall.event.id])[hall.event.id].last_at == at
    assert list_last_at(hall.database, hall.event.id, [MAIN]) == {MAIN: at}


@pytest.mark.parametrize(
    ("period", "bars", "step", "places"),
    [
        ("1h", 6, SLOT_US, {0: 0, 10: 1, 60: 6, 70: None}),
        ("24h", 24, HOUR_US, {0: 0, 30: 1, 23 * 60: 23, 24 * 60: None}),
        ("7d", 168, HOUR_US, {0: 0, 6 * 24 * 60: 144, 7 * 24 * 60: None}),
        ("30d", 120, 6 * HOUR_US, {0: 0, 7 * 24 * 60: 28, 31 * 24 * 60: None}),
    ],
)
def test_a_chart_has_its_bars_in_their_places(
    hall: Hall,
    clock: Callable[[int], None],
    period: activity.Period,
    bars: int,
    step: int,
    places: dict[int, int | None],
) -> None:
    clock(NOW)
    inside = {minutes: back for minutes, back in places.items() if back is not None and back < bars}
    for minutes in places:
        count(hall, NOW - minutes * 60 * 1_000_000, "updated", minutes + 1, SHOP)
    series = get_series(hall.database, hall.event.id, period)
    assert len(series.starts) == bars
    assert series.step_us == step
    assert series.starts[-1] <= NOW < series.starts[-1] + step
    assert {after - before for before, after in zip(series.starts, series.starts[1:], strict=False)} == {step}
    expected = [0] * bars
    for minutes, back in inside.items():
        expected[bars - 1 - back] += minutes + 1
    assert series.by_result == {"updated": expected}
    assert series.by_source == {SHOP: expected}
    assert get_series(hall.database, hall.event.id, period, source_number=MAIN).total == 0


def test_a_chart_tells_results_and_sources_apart(hall: Hall, clock: Callable[[int], None]) -> None:
    clock(NOW)
    count(hall, NOW, "updated", 2, MAIN)
    count(hall, NOW, "failed", 3, MAIN)
    count(hall, NOW, "updated", 4, SHOP)
    series = get_series(hall.database, hall.event.id, "1h")
    assert {result: sum(values) for result, values in series.by_result.items()} == {"updated": 6, "failed": 3}
    assert {source: sum(values) for source, values in series.by_source.items()} == {MAIN: 5, SHOP: 4}
    assert series.total == 9
    only = get_series(hall.database, hall.event.id, "1h", source_number=SHOP)
    assert {result: sum(values) for result, values in only.by_result.items()} == {"updated": 4}
