"""Who follows an event, and what they want to be told of."""

import msgspec
import pytest

from tests.alerts.watched import MINUTE, Watched, make_user
from tests.feed.builders import MAIN
from turnout.access import users
from turnout.alerts import watching
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.model.alert import AlertSettings
from turnout.now import now_us
from turnout.store import alert_pushes
from turnout.store import users as stored_users


def test_people_follow_and_follow_no_more(watched: Watched) -> None:
    bob = make_user(watched.database, "bob")
    for _ in range(2):
        watching.follow(watched.database, watched.id, bob.id)
    assert [user.name for user in watching.list_followers(watched.database, watched.id)] == ["ada", "bob"]
    assert watching.list_followed(watched.database, bob.id) == [watched.id]
    for _ in range(2):
        watching.unfollow(watched.database, watched.id, bob.id)
    assert [user.name for user in watching.list_followers(watched.database, watched.id)] == ["ada"]
    assert watching.list_followed(watched.database, bob.id) == []


def test_nobody_follows_who_would_get_nothing(watched: Watched) -> None:
    with pytest.raises(NotFound):
        watching.follow(watched.database, watched.id, "usr_1")
    bob = make_user(watched.database, "bob")
    with watched.database.write() as connection:
        stored_users.set_all_events(connection, bob.id, all_events=False)
    with pytest.raises(Conflict, match="may not see this event"):
        watching.follow(watched.database, watched.id, bob.id)
    users.disable(watched.database, bob.id)
    with pytest.raises(Conflict, match="disabled"):
        watching.follow(watched.database, watched.id, bob.id)


def test_no_more_follow_than_can_be_told(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_FOLLOWERS", 1)
    watching.follow(watched.database, watched.id, watched.follower.id)
    with pytest.raises(Conflict):
        watching.follow(watched.database, watched.id, make_user(watched.database, "bob").id)


def test_what_is_told_can_be_chosen(watched: Watched) -> None:
    wanted = AlertSettings(off=frozenset(["silent", "falling"]), error_percent=30, fall_percent=80, key_days=3)
    assert watching.change_settings(watched.database, watched.id, wanted) == (AlertSettings(), wanted)
    assert watching.get_watch(watched.database, watched.id).settings == wanted
    with pytest.raises(NotFound):
        watching.get_watch(watched.database, "evt_1")
    for wrong in (
        {"error_percent": 0},
        {"fall_percent": 101},
        {"key_days": 0},
        {"key_days": 91},
        {"off": frozenset(["noise"])},
    ):
        with pytest.raises(InvalidRequest):
            watching.change_settings(watched.database, watched.id, msgspec.structs.replace(wanted, **wrong))
    assert watching.get_watch(watched.database, watched.id).settings == wanted


def test_alerts_come_page_by_page(watched: Watched) -> None:
    for number in range(4):
        watched.push("a@example.com", source=MAIN if number == 0 else watched.add_source(f"source {number}"))
        watched.look()
    first, before = watching.list_alerts(watched.database, watched.id, limit=3)
    second, end = watching.list_alerts(watched.database, watched.id, limit=3, before=before)
    assert [one.facts["source"] for one in (*first, *second)] == [4, 3, 2, 1]
    assert end is None
    assert watching.list_alerts(watched.database, watched.id, before="\0") == ([], None)
    assert watching.list_alerts(watched.database, watched.id, only_open=True) == ([], None)
    watched.fail(5)
    watched.look()
    (found,), _ = watching.list_alerts(watched.database, watched.id, only_open=True)
    assert watching.get_alert(watched.database, watched.id, found.id) == found
    assert watching.count_open(watched.database, [watched.id, "evt_1"]) == {watched.id: 1}
    assert watching.count_open(watched.database, []) == {}
    with pytest.raises(NotFound):
        watching.get_alert(watched.database, watched.id, "alr_\0")


def test_what_failed_within_a_day_is_counted_until_a_replay_of_it_takes_effect(watched: Watched) -> None:
    watched.push("a@example.com")
    watched.fail(3)
    watched.fail(1, dry=True)
    watched.fail(1, actor="cli:ada")
    assert watching.count_unmended(watched.database, watched.id) == 3
    first, second, *_ = watched.list_failed()
    watched.fail(1, actor="cli:ada", replay_of=first)
    assert watching.count_unmended(watched.database, watched.id) == 3
    watched.replay(second, "b@example.com")
    assert watching.count_unmended(watched.database, watched.id) == 2
    with watched.database.read() as connection:
        assert alert_pushes.count_unmended(connection, watched.id, now_us() + MINUTE, 10) == 0
        assert alert_pushes.count_unmended(connection, watched.id, 0, 1) == 1
