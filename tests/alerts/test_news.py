"""What is told once and is over with that: a source's first push, and a field that nobody knows."""

from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.watched import DAY, HOUR, MINUTE, Watched, causes
from tests.feed.builders import MAIN, make_push
from turnout.alerts.causes.unknown_field import MAX_KNOWN, list_unknown
from turnout.alerts.look import look
from turnout.events import sources
from turnout.model.alert import ALERTS_KEPT_US
from turnout.model.push import Push
from turnout.model.receipt import Warning
from turnout.now import now_us
from turnout.store import alerts
from turnout.store.database import Database
from turnout.store.statements import Connection

FIRST = f"first_push:{MAIN}"


def with_unknown(*paths: str, email: str = "a@example.com", meant: str = "profile.title") -> Push:
    warnings = tuple(Warning(path, "unknown_field", "It is none of ours.", meant) for path in paths)
    return make_push(email, warnings=warnings)


def unknown(path: str, source: int = MAIN) -> str:
    return f"unknown_field:{source}:{path}"


# --- The first push --------------------------------------------------------------------------------------------------


def test_a_first_push_is_told_once(watched: Watched) -> None:
    watched.fail(2)
    assert causes(watched.look()) == ([], [])
    watched.push("a@example.com")
    assert causes(watched.look()) == ([FIRST], [])
    watched.push("b@example.com")
    assert causes(watched.look()) == ([], [])
    assert watched.list_told() == [FIRST]
    assert watched.list_open() == []
    told = watched.describe(watched.list_all()[0])
    assert told.title == "The first push of main took effect"


@pytest.mark.parametrize("path", ["profile.https://evil.example/sign-in", "Look at WWW.evil.example", "a@example.com"])
def test_a_name_that_programs_would_make_a_link_of_is_told_to_nobody(watched: Watched, path: str) -> None:
    watched.push(with_unknown(path, "profile.nickName"))
    looked = watched.look()
    assert causes(looked) == ([FIRST, unknown("profile.nickName")], [])
    assert "evil" not in str([alert.facts for alert in looked.opened])


def test_two_that_look_at_once_tell_once(watched: Watched) -> None:
    watched.push("a@example.com")
    watched.fail(5)

    def record_behind_another() -> AbstractContextManager[Connection]:
        assert len(watched.look().opened) == 2
        return watched.database.write()

    looked = look(watched.database, watched.configurations, watched.id, now_us(), recording=record_behind_another)
    assert causes(looked) == ([], [])
    assert sorted(watched.list_told()) == [f"errors:{MAIN}", FIRST]
    assert watched.list_open() == [f"errors:{MAIN}"]


def test_each_source_has_its_own(watched: Watched) -> None:
    shop = watched.add_source("shop")
    watched.push("a@example.com")
    watched.look()
    watched.push("a@example.com", source=shop)
    assert causes(watched.look()) == ([f"first_push:{shop}"], [])


def test_dry_runs_rehearsals_and_what_people_do_are_no_first_push(watched: Watched) -> None:
    watched.push("a@example.com", dry=True)
    watched.replay("psh_1", "b@example.com")
    sources.set_up(watched.database, watched.id, "main", {"mode": "rehearsal"})
    watched.push("c@example.com")
    assert causes(watched.look()) == ([], [])
    sources.set_up(watched.database, watched.id, "main", {"mode": "live"})
    assert causes(watched.look()) == ([], [])
    watched.push("d@example.com")
    assert causes(watched.look()) == ([FIRST], [])


def test_what_a_rehearsal_sent_is_the_first_push_when_it_takes_effect(watched: Watched) -> None:
    sources.set_up(watched.database, watched.id, "main", {"mode": "rehearsal"})
    watched.push("a@example.com")
    [rehearsed] = watched.list_pushed()
    sources.set_up(watched.database, watched.id, "main", {"mode": "live"})
    assert causes(watched.look()) == ([], [])
    watched.replay(rehearsed, "a@example.com")
    assert causes(watched.look()) == ([FIRST], [])
    assert "in its rehearsal" in watched.describe(watched.list_all()[0]).text
    watched.push("b@example.com")
    assert causes(watched.look()) == ([], [])


def test_what_was_there_before_the_watch_is_no_news(watched: Watched) -> None:
    watched.push(with_unknown("profile.jobTitle"))
    at = now_us() + 3 * DAY
    assert causes(watched.look(at)) == ([], [])
    assert causes(watched.look(at + MINUTE)) == ([], [])
    assert watched.list_all() == []
    watched.push(with_unknown("profile.jobTitle", "profile.shoe"))
    assert causes(look(watched.database, watched.configurations, watched.id, now_us())) == (
        [unknown("profile.shoe")],
        [],
    )


def test_of_an_event_that_was_just_made_everything_is_news(watched: Watched) -> None:
    watched.push(with_unknown("profile.jobTitle"))
    assert causes(watched.look(now_us() + 20 * MINUTE)) == ([FIRST, unknown("profile.jobTitle")], [])


# --- Unknown fields --------------------------------------------------------------------------------------------------


def test_fields_that_come_up_together_are_told_together(watched: Watched) -> None:
    watched.push("a@example.com")
    watched.look()
    paths = [f"profile.x{number}" for number in range(7)]
    watched.push(*(with_unknown(path, email=f"{path}@example.com") for path in reversed(paths)))
    (alert,) = watched.look().opened
    assert alert.cause == unknown("profile.x0")
    told = watched.describe(alert)
    assert told.title == "main sends unknown fields"
    assert "profile.x0, profile.x1, profile.x2, profile.x3, profile.x4 and 2 more" in told.text
    assert causes(watched.look()) == ([], [])
    assert watched.list_told() == [FIRST, alert.cause]
    assert [one.cause for one in watched.list_all()] == [alert.cause, FIRST]


def test_of_one_source_nothing_more_is_told_for_some_hours(watched: Watched) -> None:
    shop = watched.add_source("shop")
    at = now_us()
    watched.push(with_unknown("profile.one"))
    watched.look(at)
    watched.push(with_unknown("profile.two"))
    watched.push(with_unknown("profile.two"), source=shop)
    assert causes(watched.look(at)) == ([f"first_push:{shop}", unknown("profile.two", shop)], [])
    # Whoever goes on sending it is told of then.
    assert causes(watched.look(at + 10 * MINUTE)) == ([], [])
    with watched.clock_at(at + 6 * HOUR):
        watched.push(with_unknown("profile.two", email="b@example.com"))
    assert causes(watched.look(at + 6 * HOUR)) == ([unknown("profile.two")], [])


def test_what_takes_no_effect_names_no_field(watched: Watched) -> None:
    watched.push("a@example.com")
    watched.look()
    watched.push(with_unknown("profile.one"), dry=True)
    sources.set_up(watched.database, watched.id, "main", {"mode": "rehearsal"})
    watched.push(with_unknown("profile.two"))
    assert causes(watched.look()) == ([], [])


def test_who_makes_up_names_is_told_of_no_more(watched: Watched) -> None:
    watched.push("a@example.com")
    at = now_us()
    watched.look(at)
    watched.push(*(with_unknown(f"profile.x{number}", email=f"p{number}@example.com") for number in range(300)))
    watched.look(at)
    watched.look(at + 5 * MINUTE)
    with watched.database.read() as connection:
        assert len(alerts.list_of_kind(connection, watched.id, "unknown_field")) == MAX_KNOWN
    with watched.clock_at(at + 7 * HOUR):
        watched.push(with_unknown("profile.another"))
    assert causes(watched.look(at + 7 * HOUR)) == ([], [])


def test_what_was_told_long_ago_leaves_the_list_and_is_not_told_again(database: Database) -> None:
    watched = Watched(database)
    watched.push(with_unknown("profile.one"))
    at = now_us()
    watched.look(at)
    with watched.database.write() as connection:
        assert alerts.forget_closed(connection, at + 1, 100) == 0
        assert alerts.hide_news(connection, at + 1) == 2
        assert alerts.hide_news(connection, at + 1) == 0
    assert watched.list_all() == []
    watched.push(with_unknown("profile.one"))
    assert causes(watched.look(at)) == ([], [])
    assert ALERTS_KEPT_US == 90 * DAY


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.lists(st.sampled_from(["profile.a", "people[3].b", "people[17].b", "a@b", "x" * 300, "d"]), max_size=4),
        )
    )
)
def test_unknown_paths_are_names_and_nobodys_address(pushes: list[tuple[int, list[str]]]) -> None:
    found = list_unknown(
        (number, [Warning(path, "unknown_field", "?", "meant") for path in paths] + [Warning("z", "pinned", "?")])
        for number, paths in pushes
    )
    for number, its in found.items():
        said = {path for one, paths in pushes if one == number for path in paths}
        assert its.keys() <= {"profile.a", "people[…].b", "d"}
        assert ("people[…].b" in its) == bool(said & {"people[3].b", "people[17].b"})
        assert set(its.values()) == {"meant"}
