"""Failed pushes above a rate, and only those of the source itself."""

import pytest

from tests.alerts.watched import HOUR, MINUTE, Watched, causes
from tests.feed.builders import MAIN
from turnout.alerts import watching
from turnout.alerts.causes.errors import judge
from turnout.errors import Conflict
from turnout.events import event, sources
from turnout.model.alert import AlertSettings
from turnout.now import now_us
from turnout.store import alerts

CAUSE = f"errors:{MAIN}"


def test_many_failed_pushes_open_one_alert_that_is_told_once(watched: Watched) -> None:
    watched.push("a@example.com")
    watched.look()
    watched.fail(5)
    assert causes(watched.look()) == ([CAUSE], [])
    watched.fail(20)
    assert causes(watched.look()) == ([], [])
    assert watched.list_open() == [CAUSE]
    assert watched.list_told().count(CAUSE) == 1
    alert = watched.list_all()[0]
    assert alert.facts == {
        "source": MAIN, "failed": 25, "pushes": 26, "percent": 96, "code": "missing", "path": "profile.email",
    }  # fmt: skip
    told = watched.describe(alert)
    assert told.title == "main: 25 of 26 pushes failed"
    assert told.way == f"console/events/{watched.slug}/pushes?result=failed&effect=live&source=main"


def test_a_few_failed_pushes_are_none(watched: Watched) -> None:
    watched.fail(4)
    assert causes(watched.look()) == ([], [])


@pytest.mark.parametrize(("pushed", "failed", "is_told"), [(50, 5, True), (51, 5, False), (4, 4, False), (5, 5, True)])
def test_the_share_counts_and_the_number(pushed: int, failed: int, is_told: bool) -> None:
    assert (judge(pushed, failed, percent=10, at_least=5) is not None) is is_told


def test_what_people_push_and_replay_is_not_the_source_failing(watched: Watched) -> None:
    watched.fail(20, actor="cli:ada")
    watched.fail(20, replay_of="psh_1")
    watched.push(*(f"p{number}@example.com" for number in range(10)))
    assert causes(watched.look())[0] == [f"first_push:{MAIN}"]
    # Nor do they make its own share of failed ones smaller.
    watched.fail(5)
    assert watched.look().opened[0].facts["pushes"] == 15


def test_a_dry_run_loses_nothing(watched: Watched) -> None:
    watched.fail(20, dry=True)
    assert causes(watched.look()) == ([], [])


def test_a_rehearsal_may_fail(watched: Watched) -> None:
    sources.set_up(watched.database, watched.id, "main", {"mode": "rehearsal"})
    watched.fail(20)
    assert causes(watched.look()) == ([], [])


def test_a_long_rehearsal_does_not_make_the_share_smaller(watched: Watched) -> None:
    watched.count(now_us(), "rehearsed", 1_000)
    watched.fail(5)
    assert causes(watched.look()) == ([CAUSE], [])


def test_a_source_that_rehearses_now_fails_no_more(watched: Watched) -> None:
    watched.fail(20)
    assert causes(watched.look()) == ([CAUSE], [])
    sources.set_up(watched.database, watched.id, "main", {"mode": "rehearsal"})
    assert causes(watched.look()) == ([], [CAUSE])


def test_a_source_that_is_retired_fails_no_more(watched: Watched) -> None:
    watched.fail(20)
    watched.look()
    sources.retire(watched.database, watched.id, "main")
    assert causes(watched.look()) == ([], [CAUSE])


def test_it_is_mended_when_pushes_succeed_again(watched: Watched) -> None:
    watched.fail(5)
    watched.look()
    watched.push(*(f"p{number}@example.com" for number in range(46)))
    assert CAUSE in causes(watched.look())[1]


def test_who_only_stops_sending_is_not_mended(watched: Watched) -> None:
    watched.fail(5)
    at = now_us()
    watched.look(at)
    assert causes(watched.look(at + 3 * HOUR)) == ([], [])
    assert watched.list_all()[0].facts["failed"] == 5
    assert watched.list_all()[0].seen_at == at + 3 * HOUR
    assert causes(watched.look(at + 24 * HOUR)) == ([], [CAUSE])


def test_a_few_more_that_fail_keep_it_open(watched: Watched) -> None:
    watched.fail(5)
    at = now_us()
    watched.look(at)
    watched.count(at + 2 * HOUR, "failed")
    assert causes(watched.look(at + 2 * HOUR)) == ([], [])


def test_it_is_mended_when_all_have_been_replayed(watched: Watched) -> None:
    watched.fail(5)
    at = now_us()
    watched.look(at)
    failed = watched.list_failed()
    for number, push_id in enumerate(failed):
        assert causes(watched.look(at + 2 * HOUR)) == ([], [])
        watched.replay(push_id, f"p{number}@example.com")
    assert causes(watched.look(at + 2 * HOUR)) == ([], [CAUSE])


def test_what_comes_back_within_hours_is_the_same_alert(watched: Watched) -> None:
    at = now_us()
    watched.count(at, "failed", 10)
    watched.look(at)
    alert = watched.list_all()[0]
    watched.count(at + 2 * HOUR, "updated", 100)
    assert causes(watched.look(at + 2 * HOUR)) == ([], [CAUSE])
    watched.count(at + 5 * HOUR, "failed", 10)
    assert causes(watched.look(at + 5 * HOUR)) == ([], [])
    assert watched.list_open() == [CAUSE]
    assert [one.id for one in watched.list_all()] == [alert.id]
    watched.count(at + 7 * HOUR, "updated", 100)
    watched.look(at + 7 * HOUR)
    watched.count(at + 14 * HOUR, "failed", 10)
    assert causes(watched.look(at + 14 * HOUR)) == ([CAUSE], [])
    assert watched.list_told() == [CAUSE, CAUSE]


def test_nobody_is_told_of_what_is_switched_off_or_below_the_rate(watched: Watched) -> None:
    watched.fail(10)
    watching.change_settings(watched.database, watched.id, AlertSettings(off=frozenset(["errors"])))
    assert causes(watched.look()) == ([], [])
    watching.change_settings(watched.database, watched.id, AlertSettings(error_percent=50))
    assert causes(watched.look()) == ([CAUSE], [])
    watched.push(*(f"p{number}@example.com" for number in range(11)))
    assert causes(watched.look()) == ([f"first_push:{MAIN}"], [CAUSE])
    watching.change_settings(watched.database, watched.id, AlertSettings(error_percent=47))
    watched.look()
    assert watched.list_open() == [CAUSE]
    watching.change_settings(watched.database, watched.id, AlertSettings(off=frozenset(["errors"])))
    assert causes(watched.look()) == ([], [CAUSE])


def test_an_archived_event_has_no_alerts(watched: Watched) -> None:
    watched.fail(10)
    watched.look()
    event.archive(watched.database, watched.id)
    assert causes(watched.look()) == ([], [CAUSE])


def test_a_dismissed_alert_stays_away_until_its_cause_has_gone(watched: Watched) -> None:
    at = now_us()
    watched.count(at, "failed", 10)
    (alert,) = watched.look(at).opened
    assert watching.dismiss(watched.database, watched.id, alert.id).facts["dismissed"]
    with pytest.raises(Conflict):
        watching.dismiss(watched.database, watched.id, alert.id)
    assert causes(watched.look(at + MINUTE)) == ([], [])
    assert watched.list_open() == []
    # A look that was under way then does not overrule it.
    with watched.database.write() as connection:
        alerts.see_alert(connection, alert, {"failed": 11}, at + MINUTE)
        found = alerts.find_alert(connection, watched.id, alert.id)
    assert found is not None
    assert "dismissed" in found.facts
    watched.count(at + HOUR, "updated", 1_000)
    watched.look(at + HOUR)
    watched.count(at + 8 * HOUR, "failed", 10)
    assert causes(watched.look(at + 8 * HOUR)) == ([CAUSE], [])


def test_what_was_dismissed_and_lasts_is_told_again_in_a_week(watched: Watched) -> None:
    at = now_us()
    watched.count(at, "failed", 10)
    (alert,) = watched.look(at).opened
    watching.dismiss(watched.database, watched.id, alert.id)
    for day in range(1, 9):
        watched.count(at + day * 24 * HOUR, "failed", 10)
        opened, _ = causes(watched.look(at + day * 24 * HOUR))
        # Dismissed a moment after the first look: in seven days and a moment.
        assert opened == ([CAUSE] if day == 8 else []), day


def test_what_is_counted_differently_at_the_edge_of_the_hour_breaks_nothing() -> None:
    # All that was counted is said to be by hand, of what failed not all.
    assert judge(0, 5, percent=10, at_least=5) == {"failed": 5, "pushes": 5, "percent": 100}
