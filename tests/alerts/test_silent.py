"""A source that is silent for longer than is usual; and all the silences that nobody should be woken for."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.watched import DAY, HOUR, MINUTE, Watched, causes
from tests.feed.builders import MAIN
from turnout.alerts import watching
from turnout.alerts.causes.silent import FORGOTTEN, find_due
from turnout.events import activity, event, keys, signs, sources
from turnout.events.usual import HISTORY, Heard, is_weekend
from turnout.store import push_counts
from turnout.store.push_counts import SLOT_US

CAUSE = f"silent:{MAIN}"
MONDAY = datetime(2031, 3, 3, tzinfo=UTC)
"""Far ahead, so that everything that the test database has itself is long ago."""


def at(day: int, hour: float, zone: str = "UTC") -> int:
    """Days behind that Monday, which is 0, by the clocks of that zone."""
    local = datetime(2031, 3, 3, tzinfo=ZoneInfo(zone)) + timedelta(days=day)
    return int(local.timestamp() * 1_000_000) + int(hour * HOUR)


# --- What is usual, without a database -------------------------------------------------------------------------------

FIRST_HOUR = int(MONDAY.timestamp()) // 3_600


def hours(weeks: float, is_heard: Callable[[int, int], bool]) -> list[int]:
    """Those in which it was heard, of its weekday (0 is Monday) and hour."""
    return [hour for hour in range(FIRST_HOUR, FIRST_HOUR + int(weeks * 168)) if is_heard(*place(hour))]


def place(hour: int) -> tuple[int, int]:
    return (hour - FIRST_HOUR) // 24 % 7, hour % 24


def office(day: int, hour: int) -> bool:
    return day < 5 and 9 <= hour < 17


def told_after(heard: Iterable[int]) -> int | None:
    """So many whole hours without a push, from the last one on."""
    heard = list(heard)
    due = find_due(Heard(heard))
    return None if due is None else due - max(heard) - 1


def test_the_calendar_is_right() -> None:
    assert [is_weekend(FIRST_HOUR + 24 * day) for day in range(8)] == [False] * 5 + [True] * 2 + [False]


@pytest.mark.parametrize(
    ("weeks", "is_heard", "hours_until"),
    [
        # Through the night it is silent each day: the first two hours of the next morning are missing.
        (3 + 1 / 7, office, 7 + 9 + 2),
        # From Friday evening to Monday.
        (3 + 5 / 7, office, 7 + 48 + 9 + 2),
        # Around the clock: two hours.
        (3, lambda day, hour: True, 2),
        # Every night: the next one, and half a day.
        (3, lambda day, hour: hour == 2, 37),
        # Every Monday: two Mondays.
        (3 + 1 / 7, lambda day, hour: (day, hour) == (0, 6), 336),
    ],
    ids=["a weekday", "a weekend", "always", "nightly", "weekly"],
)
def test_it_is_told_when_it_usually_speaks(
    weeks: float, is_heard: Callable[[int, int], bool], hours_until: int
) -> None:
    assert told_after(hours(weeks, is_heard)) == hours_until


@pytest.mark.parametrize(
    "heard",
    [
        [FIRST_HOUR],
        # An import: of an afternoon, of a night and a day, of three days.
        [FIRST_HOUR + hour for hour in range(6)],
        [FIRST_HOUR + hour for hour in range(30)],
        hours(3 / 7, office),
        # Once in a while.
        [FIRST_HOUR + hour for hour in (3, 40, 111, 200, 290, 433)],
    ],
    ids=["once", "an afternoon", "a day", "three days", "now and then"],
)
def test_who_came_for_a_while_is_not_missed(heard: list[int]) -> None:
    assert told_after(heard) is None


def test_after_two_days_around_the_clock_somebody_asks() -> None:
    assert told_after(range(FIRST_HOUR, FIRST_HOUR + 48)) == 6


def test_a_new_source_of_weekdays_is_not_missed_on_its_first_weekend() -> None:
    assert told_after(hours(5 / 7, office)) == 7 + 48 + 9 + 2


def test_one_outage_does_not_make_it_deaf() -> None:
    broken = [hour for hour in hours(3 + 1 / 7, office) if not FIRST_HOUR + 33 <= hour < FIRST_HOUR + 40]
    assert told_after(broken) == 7 + 9 + 2


def test_who_often_has_nothing_to_say_is_given_longer() -> None:
    # Every other hour is left out on alternate days: up to two hours of silence within the day are usual.
    rare = hours(4, lambda day, hour: office(day, hour) and (day + hour) % 3 != 0)
    assert (told_after(rare) or 0) > 7 + 9 + 2


def test_hours_in_which_nobody_could_hear_it_are_no_sign() -> None:
    always = range(FIRST_HOUR, FIRST_HOUR + 4 * 168)
    assert find_due(Heard(always), up_since=always[-1] + 40) == always[-1] + 42


@settings(max_examples=60)
@given(
    st.sets(st.integers(FIRST_HOUR, FIRST_HOUR + HISTORY - 1), min_size=1, max_size=300),
    st.integers(FIRST_HOUR, FIRST_HOUR + HISTORY + FORGOTTEN),
)
def test_it_is_due_behind_some_silence_or_never(heard: set[int], up_since: int) -> None:
    due = find_due(Heard(heard))
    later = find_due(Heard(heard), up_since)
    last = max(heard)
    assert due is None or last + 2 < due + 1 <= last + FORGOTTEN + 2
    # To have heard less is never a reason to tell sooner.
    assert later is None or (due is not None and due <= later)
    if due is not None and due - 1 > last + 1:
        # Whoever is heard puts it off.
        assert (find_due(Heard(heard | {due - 2})) or due) >= due - 1


# --- With a database -------------------------------------------------------------------------------------------------


@pytest.fixture
def watched(watched: Watched) -> Watched:
    event.set_up(watched.database, watched.id, {"time_zone": "America/New_York"})
    return watched


def speak(watched: Watched, since: int, until: int, result: str = "updated", source: int = MAIN) -> None:
    """In office hours of New York, until that day."""
    rows = [
        (watched.id, at(day, hour, "America/New_York") // SLOT_US, source, result, 7)
        for day in range(since, until)
        if day % 7 < 5
        for hour in range(9, 17)
    ]
    with watched.database.write() as connection:
        push_counts.add_counts(connection, rows)


def ny(day: int, hour: float) -> int:
    return at(day, hour, "America/New_York")


def test_nights_and_weekends_are_quiet_by_the_clocks_of_the_event(watched: Watched) -> None:
    speak(watched, -21, 5)
    for day, hour in ((4, 23), (5, 8), (5, 16), (6, 12), (7, 3), (7, 9), (7, 10.9)):
        assert causes(watched.look(ny(day, hour))) == ([], []), (day, hour)
    (alert,) = watched.look(ny(7, 11)).opened
    assert alert.cause == CAUSE
    told = watched.describe(alert)
    assert told.title == "main has been silent for 2 days"
    assert "came on 7 March at 16:00 (America/New_York)" in told.text
    assert told.text.endswith("It usually sends about 7 pushes in an hour on a Monday at 10:00.")
    assert told.way == f"console/events/{watched.slug}/connect/sources/{MAIN}"


def test_the_clocks_are_put_forward_without_an_alarm(watched: Watched) -> None:
    # The Sunday in between is the ninth of March 2031, when they are put forward in New York.
    speak(watched, -21, 8)
    assert causes(watched.look(ny(8, 10))) == ([], [])
    assert causes(watched.look(ny(8, 11.1)))[0] == [CAUSE]


def test_it_is_over_when_the_source_is_heard_again(watched: Watched) -> None:
    speak(watched, -21, 1)
    watched.look(ny(1, 12))
    assert watched.list_open() == [CAUSE]
    watched.look(ny(8, 12))
    assert watched.list_open() == [CAUSE]
    assert watched.list_all()[0].facts["hours"] == 7 * 24 + 20 - 1, "Clocks were put forward."
    watched.count(ny(8, 13), "unchanged")
    assert causes(watched.look(ny(8, 13.2))) == ([], [CAUSE])
    assert watched.list_told() == [CAUSE]


def test_an_alert_stays_when_what_was_usual_is_forgotten(watched: Watched) -> None:
    for week in range(-3, 1):
        watched.count(ny(7 * week, 6))
    assert causes(watched.look(ny(14, 8)))[0] == [CAUSE]
    # Of its Mondays one alone is not too long ago to be known.
    assert causes(watched.look(ny(23, 8))) == ([], [])
    assert watched.list_open() == [CAUSE]


def test_an_event_that_has_ended_may_be_silent(watched: Watched) -> None:
    speak(watched, -21, 1)
    event.set_up(watched.database, watched.id, {"ends_at": "2031-03-03"})
    assert causes(watched.look(ny(1, 12))) == ([], [])


def test_a_source_without_a_key_that_rehearses_or_is_retired_may_be_silent(watched: Watched) -> None:
    others = [watched.add_source(name) for name in ("cut", "rehearsing", "retired", "rehearsed")]
    for source in others[:3]:
        speak(watched, -21, 1, source=source)
    speak(watched, -21, 1, "rehearsed", source=others[3])
    for key in watched.hall.configuration.keys.values():
        if key.source_number == others[0]:
            keys.revoke(watched.database, key.id)
    sources.set_up(watched.database, watched.id, "rehearsing", {"mode": "rehearsal"})
    sources.retire(watched.database, watched.id, "retired")
    assert causes(watched.look(ny(1, 12))) == ([], [])


def test_a_server_that_was_down_heard_nobody(watched: Watched) -> None:
    speak(watched, -21, 1)
    assert causes(watched.look(ny(1, 12), up_since=ny(1, 10.5))) == ([], [])
    assert causes(watched.look(ny(1, 13.1), up_since=ny(1, 10.5)))[0] == [CAUSE]


def test_failed_pushes_are_a_sign_of_life(watched: Watched) -> None:
    speak(watched, -21, 1)
    watched.count(ny(1, 11), "failed")
    assert causes(watched.look(ny(1, 12))) == ([], [])


def test_a_silence_that_everybody_knows_of_ends(watched: Watched) -> None:
    speak(watched, -21, 1)
    watched.look(ny(1, 12))
    assert causes(watched.look(ny(1, 12) + 13 * DAY)) == ([], [])
    assert causes(watched.look(ny(1, 12) + 14 * DAY + MINUTE)) == ([], [CAUSE])
    assert causes(watched.look(ny(1, 12) + 15 * DAY)) == ([], [])


# --- The overview says the same --------------------------------------------------------------------------------------


def see(watched: Watched, when: int) -> dict[str, str]:
    """What the overview says then of who is silent for too long, and what is usual for him."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (signs, activity):
            patch.setattr(module, "now_us", lambda: when)
        seen = signs.look(watched.database, watched.hall.configuration, "24h")
    assert (seen.rhythm is not None and seen.rhythm.is_overdue) == bool(seen.silent)
    return {line.source.name: line.rhythm.usual.said for line in seen.silent if line.rhythm is not None}


def test_the_overview_calls_nobody_silent_of_whom_nobody_is_told(watched: Watched) -> None:
    speak(watched, -21, 5)
    shop = watched.add_source("shop")
    speak(watched, -21, 5, source=shop)
    for day, hour in ((6, 12), (7, 10), (7, 11), (7, 14), (7, 15), (7, 20), (8, 9), (8, 10), (8, 18)):
        watched.look(ny(day, hour))
        overdue = {f"silent:{MAIN if name == 'main' else shop}" for name in see(watched, ny(day, hour))}
        assert overdue == set(watched.list_open()), (day, hour)
        if (day, hour) == (7, 14):
            assert len(overdue) == 2
            watched.count(ny(day, hour + 0.5), source=shop)
    assert see(watched, ny(8, 18)) == {
        "main": "about 7 an hour on a Tuesday at 16:00",
        "shop": "about 7 an hour on a Tuesday at 16:00",
    }


def test_the_overview_is_silent_too_of_what_was_dismissed_or_heard_since(watched: Watched) -> None:
    speak(watched, -21, 5)
    shop = watched.add_source("shop")
    speak(watched, -21, 5, source=shop)
    for alert in watched.look(ny(7, 12)).opened:
        if alert.cause == f"silent:{shop}":
            watching.dismiss(watched.database, watched.id, alert.id)
    assert see(watched, ny(7, 12)) == {"main": "about 7 an hour on a Monday at 11:00"}
    # Before anybody looks again.
    watched.count(ny(7, 12.5))
    assert see(watched, ny(7, 12.6)) == {}
