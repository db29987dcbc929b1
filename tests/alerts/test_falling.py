"""Groups, fields and the list of people that fall sharply within a day; and what falls because people want it to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from tests.alerts.watched import HOUR, Watched, causes
from tests.feed.builders import MAIN, make_item, make_push
from turnout.alerts import moves
from turnout.alerts.causes.falling import judge, list_falls
from turnout.events import event, sources
from turnout.feed.acts import retire
from turnout.feed.commit import write
from turnout.feed.forget import erase
from turnout.model.alert import MIN_FALL
from turnout.now import now_us
from turnout.store import alert_moves, cursors
from turnout.store.alert_moves import HOUR_US, Moved
from turnout.store.database import Database

VIP, SPEAKERS = "falling:group:1", "falling:group:2"


@pytest.fixture
def watched(watched: Watched) -> Watched:
    """Forty people since some hours: all of them VIPs with a title and a diet, half of them speakers."""
    with watched.clock_at(now_us() - 3 * HOUR):
        watched.push(*(person(number, ["VIP", "Speakers"] if number < 20 else ["VIP"]) for number in range(40)))
    watched.look()
    return watched


def person(number: int, groups: list[str] | None = None, title: str = "Dr", diet: str = "vegan", **rest: object):
    return make_push(f"p{number}@example.com", groups=groups, title=title, custom_fields={"Diet": diet}, **rest)


def look(watched: Watched, at: int | None = None) -> tuple[list[str], list[str]]:
    watched.follow_moves()
    return causes(watched.look(at))


def test_a_group_that_half_of_its_people_leave_is_told_of(watched: Watched) -> None:
    watched.push(*(person(number, []) for number in range(19)))
    # Of both groups so many are gone, and only of one is it much.
    assert look(watched) == ([SPEAKERS], [])
    watched.push(*(person(number, []) for number in range(19, 21)))
    assert look(watched) == ([], [])
    assert watched.list_open() == [VIP, SPEAKERS]
    assert watched.list_told() == [SPEAKERS]
    alert = next(one for one in watched.list_all() if one.cause == SPEAKERS)
    assert alert.facts == {"about": "group:2", "before": 20, "now": 0, "lost": 20, "percent": 100}
    told = watched.describe(alert)
    assert told.title == "The group Speakers fell from 20 to 0"
    assert told.way == f"console/events/{watched.slug}/attendees?group=Speakers"


def test_what_falls_together_is_told_together(watched: Watched) -> None:
    watched.push(*(person(number, [], title="", diet="") for number in range(30)))
    opened, _ = look(watched)
    assert opened == ["falling:custom_field:1"]
    assert watched.list_open() == ["falling:custom_field:1", VIP, SPEAKERS, "falling:profile:title"]
    told = watched.describe(next(one for one in watched.list_all() if one.cause == "falling:custom_field:1"))
    assert told.title == "Diet was emptied for 30 people"
    assert "from 40 to 10 people" in told.text
    assert "3 other groups and fields fell with it" in told.text
    # Half an hour later it is another matter.
    at = now_us() + 2 * HOUR
    watched.push(*(person(number + 100, ["Press"]) for number in range(10)))
    with watched.clock_at(at):
        watched.push(*(person(number + 100, []) for number in range(10)))
    assert look(watched, at)[0] == ["falling:group:3"]


def test_when_everybody_leaves_that_is_what_is_told(watched: Watched) -> None:
    watched.push(*(person(number, [], attending=False) for number in range(25)))
    assert look(watched)[0] == ["falling:people"]
    told = watched.describe(next(one for one in watched.list_all() if one.cause == "falling:people"))
    assert told.title == "25 people left within a day"
    assert "from 40 to 15 people" in told.text
    assert told.way == f"console/events/{watched.slug}/attendees?status=withdrawn"


def test_a_fall_that_is_taken_back_is_over(watched: Watched) -> None:
    watched.push(*(person(number, []) for number in range(20)))
    assert look(watched) == ([VIP], [])
    assert watched.list_open() == [VIP, SPEAKERS]
    watched.push(*(person(number, ["VIP", "Speakers"]) for number in range(20)))
    assert sorted(look(watched)[1]) == [VIP, SPEAKERS]


def test_a_day_later_it_is_how_things_are(watched: Watched) -> None:
    watched.push(*(person(number, []) for number in range(20)))
    look(watched)
    assert look(watched, now_us() + 22 * HOUR)[1] == []
    assert SPEAKERS in look(watched, now_us() + 25 * HOUR)[1]


def test_who_still_has_a_value_is_counted_no_more_than_every_ten_minutes(watched: Watched) -> None:
    at = now_us()
    watched.push(*(person(number, title="") for number in range(30)))
    assert look(watched, at) == (["falling:profile:title"], [])
    watched.push(*(person(number, title="") for number in range(30, 35)))

    def count_left(minutes: int) -> object:
        assert look(watched, at + minutes * 60 * 1_000_000) == ([], [])
        return watched.list_all()[0].facts["now"]

    assert [count_left(minutes) for minutes in (1, 9, 10, 11)] == [10, 10, 5, 5]


def test_few_people_are_no_fall(watched: Watched) -> None:
    with watched.clock_at(now_us() - 2 * HOUR):
        watched.push(*(person(number + 100, ["Press"]) for number in range(9)))
    watched.push(*(person(number + 100, []) for number in range(9)))
    assert look(watched) == ([], [])


def test_what_people_do_is_no_fall(watched: Watched) -> None:
    sender = watched.hall.sender(MAIN)
    by_hand = type(sender)(source_number=MAIN, policy=sender.policy, actor="ada")
    items = [make_item(person(number, []), by_hand) for number in range(30)]
    write(watched.database, watched.hall.configurations, [watched.hall.submit(*items)])
    assert look(watched) == ([], [])
    # And what the feed takes away then is much of what was left, and little of what there was.
    watched.push(*(person(number, []) for number in range(30, 35)))
    assert look(watched) == ([], [])


def test_taking_back_a_retired_source_is_no_fall(watched: Watched) -> None:
    sources.retire(watched.database, watched.id, "main")
    retire.take_back(watched.database, watched.hall.configurations, watched.id, MAIN, "ada")
    assert look(watched) == ([], [])


def test_erasing_people_is_no_fall(watched: Watched) -> None:
    for number in range(12):
        found = watched.hall.get(f"p{number}@example.com")
        erase.erase(watched.database, watched.hall.configurations, watched.id, found.id, "ada")
    assert look(watched) == ([], [])


def test_an_event_that_has_ended_empties(watched: Watched) -> None:
    watched.push(*(person(number, []) for number in range(40)))
    event.set_up(watched.database, watched.id, {"ends_at": "2020-01-01"})
    assert look(watched) == ([], [])


def test_rehearsals_and_dry_runs_take_nothing(watched: Watched) -> None:
    watched.push(*(person(number, []) for number in range(40)), dry=True)
    sources.set_up(watched.database, watched.id, "main", {"mode": "rehearsal"})
    watched.push(*(person(number, []) for number in range(40)))
    assert look(watched) == ([], [])


def test_values_are_counted_as_they_are_stored(watched: Watched) -> None:
    tricky = make_push("q@example.com", title='"title":["', custom_fields={"Diet": ["a", "b"]}, company='"1":["x"')
    nobody = make_push("r@example.com", company='"title":["Dr",1', custom_fields={"Shoe": '"1":[["'})
    watched.push(tricky, nobody)
    with watched.database.read() as connection:
        assert alert_moves.count_holders(connection, watched.id, "title", 100) == 41
        assert alert_moves.count_holders(connection, watched.id, "1", 100) == 41
        assert alert_moves.count_holders(connection, watched.id, "2", 100) == 1
        assert alert_moves.count_holders(connection, watched.id, "title", 7) == 7
        assert alert_moves.count_members(connection, watched.id, 2, 100) == 20
        assert alert_moves.count_attending(connection, watched.id, 100) == 42


def test_moves_are_counted_once(watched: Watched) -> None:
    watched.push(person(1, ["VIP"]), person(2, ["VIP", "Press"], title=""))
    watched.follow_moves()
    watched.follow_moves()
    hour = now_us() // HOUR_US
    with watched.database.read() as connection:
        moved = alert_moves.list_moves(connection, watched.id, hour - 30)
        assert cursors.find_behind(connection, alert_moves.CONSUMER, watched.id) is None
    first, last = min(one.hour for one in moved), max(one.hour for one in moved)
    assert [(one.about, one.gained, one.lost) for one in moved if one.hour == last] == [
        ("group:2", 0, 2),
        ("group:3", 1, 0),
        ("profile:title", 0, 1),
    ]
    assert [(one.about, one.gained, one.lost) for one in moved if one.hour == first] == [
        ("custom_field:1", 40, 0),
        ("group:1", 40, 0),
        ("group:2", 20, 0),
        ("people", 40, 0),
        ("profile:title", 40, 0),
    ]


def test_what_was_counted_goes_after_some_days(database: Database) -> None:
    event_id = Watched(database).id
    with database.write() as connection:
        alert_moves.add_moves(connection, event_id, [(hour, about, 1, 2) for hour in (5, 6) for about in "abcde"])
        alert_moves.add_moves(connection, event_id, [(6, "e", 1, 2), (7, "e", 3, 0)])
        assert alert_moves.forget_moves(connection, 5, 100) == 0
        assert alert_moves.forget_moves(connection, 6, 4) == 4
        assert alert_moves.forget_moves(connection, 6, 100) == 1
        left = alert_moves.list_moves(connection, event_id, 0)
    assert [(one.hour, one.about) for one in left] == [(7, "e"), *((6, about) for about in "abcde")]
    assert (left[-1].gained, left[-1].lost) == (2, 4)


def test_a_damaged_line_is_passed(watched: Watched) -> None:
    with watched.database.write() as connection:
        connection.execute(
            text("UPDATE changes SET entries = 'x' WHERE event_id = :event_id AND sequence = 7"),
            {"event_id": watched.id},
        )
    watched.follow_moves()
    with watched.database.read() as connection:
        assert alert_moves.list_moves(connection, watched.id, 0)[0].gained == 39


# --- Pure ------------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=2), max_size=6),
    st.integers(0, 100),
    st.integers(1, 100),
)
def test_a_fall_is_the_most_that_feeds_took_and_nobody_gave_back(
    hours: list[list[tuple[int, int, bool]]], now: int, percent: int
) -> None:
    """The latest hour stands first."""
    moved = [
        Moved(100 - place, "hand a" if by_hand else "a", gained, lost)
        for place, hour in enumerate(hours)
        for gained, lost, by_hand in hour
    ]
    sizes = [0]
    for since in range(100 - len(hours), 101):
        latest = [one for one in moved if one.hour >= since]
        lost = sum(one.lost - one.gained for one in latest if one.about == "a")
        net = sum(one.lost - one.gained for one in latest)
        sizes.append(min(lost, net))
    falls = list_falls(moved)
    assert [fall.size for fall in falls] == ([max(sizes)] if max(sizes) >= MIN_FALL else [])
    for fall in falls:
        facts = judge(fall, now, percent)
        assert (facts is not None) is (fall.lost * 100 >= percent * (now + fall.net))
        assert facts is None or (facts["before"] == now + fall.net and 0 < int(facts["percent"]) <= 100)


def test_merges_and_erasures_take_nothing_from_anybody() -> None:
    left = '[["groups",null,[1,2],[2]],["profile","title","Dr",null],["status",null,"attending","withdrawn"]]'
    for kind in ("merged", "erased"):
        assert moves.count([(1, 5 * HOUR_US, kind, None, left)]) == ({}, {})
    gained, lost = moves.count([(1, 5 * HOUR_US, "withdrawn", None, left)])
    assert not gained
    assert lost == {(5, "group:1"): 1, (5, "profile:title"): 1, (5, "people"): 1}
