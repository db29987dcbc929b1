"""A summary each day: when it comes, whatever clocks do, and what it tells whom."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.telling import (
    ERRORS,
    PUBLIC_URL,
    make_event,
    make_followers,
    open_alert,
    set_up_mail,
    tell_now,
)
from tests.console.signed_in import make_user
from tests.mail_server import MailServer, Received
from turnout.access import users
from turnout.alerts import digest
from turnout.alerts.digest import find_last_due
from turnout.errors import InvalidRequest
from turnout.events import event as events
from turnout.model.alert import Digest
from turnout.model.event import Event
from turnout.model.user import User
from turnout.now import now_us
from turnout.store import alerts, digests, push_counts
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")
YEAR = range(
    int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()), 1_800
)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


# When


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 2, 23])
def test_it_is_due_once_on_each_day_of_the_year(zone: str, hour: int) -> None:
    """Also on the days that have that hour twice, or not at all."""
    one = Digest(user_id="usr_1", hour=hour, time_zone=zone, last_at=YEAR.start * 1_000_000)
    days: list[str] = []
    for second in YEAR:
        if digest.is_due(one, second * 1_000_000):
            one = Digest(user_id="usr_1", hour=hour, time_zone=zone, last_at=second * 1_000_000)
            days.append(datetime.fromtimestamp(second, ZoneInfo(zone)).date().isoformat())
    assert len(days) == len(set(days))
    assert len(days) in (364, 365)


@settings(deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 4_000_000_000))
def test_its_moment_is_the_last_time_that_it_was_that_hour(zone: str, hour: int, second: int) -> None:
    now = second * 1_000_000
    moment = find_last_due(hour, ZoneInfo(zone), now)
    local = datetime.fromtimestamp(moment // 1_000_000, ZoneInfo(zone))
    assert now - 25.5 * HOUR_US < moment <= now
    # An hour that clocks left out comes with the next one.
    assert local.hour == hour or (local.hour - 1) % 24 == hour
    assert find_last_due(hour, ZoneInfo(zone), moment) == moment
    assert find_last_due(hour, ZoneInfo(zone), moment - 1) < moment


def test_whatever_was_missed_is_caught_up_once() -> None:
    begun = int(datetime(2026, 5, 1, 9, tzinfo=UTC).timestamp()) * 1_000_000
    one = Digest(user_id="usr_1", hour=8, time_zone="UTC", last_at=begun)
    assert not digest.is_due(one, begun + 22 * HOUR_US)
    assert digest.is_due(one, begun + 23 * HOUR_US)
    late = begun + 9 * DAY_US
    assert digest.is_due(one, late)
    assert not digest.is_due(Digest(user_id="usr_1", hour=8, time_zone="UTC", last_at=late), late + 22 * HOUR_US)


def test_it_is_asked_for_changed_and_stopped(database: Database) -> None:
    user = make_user(database)
    assert digest.get(database, user.id) is None
    digest.ask(database, user.id, 8, "Europe/Berlin")
    made = digest.ask(database, user.id, 23, "Asia/Tokyo")
    assert digest.get(database, user.id) == made
    assert not digest.has_due(database, now_us())
    for hour, zone in ((24, "UTC"), (-1, "UTC"), (8, "Europe/Nowhere"), (8, "../UTC"), (8, "Europe"), (8, "")):
        with pytest.raises(InvalidRequest):
            digest.ask(database, user.id, hour, zone)
    digest.stop(database, user.id)
    assert digest.get(database, user.id) is None


# What


def make_due(database: Database, user: User) -> None:
    """Lets it be this hour, in which it was not made yet."""
    moment = datetime.now(UTC)
    with database.write() as connection:
        one = Digest(user_id=user.id, hour=moment.hour, time_zone="UTC", last_at=now_us() - DAY_US)
        digests.put_digest(connection, one)


def count(database: Database, event: Event, **results: int) -> None:
    """Pushes of some minutes ago."""
    slot = now_us() // SLOT_US
    with database.write() as connection:
        push_counts.add_counts(connection, [(event.id, slot, 1, result, number) for result, number in results.items()])
        # Of other days: of the next one, where it is sent late.
        push_counts.add_counts(connection, [(event.id, slot + day * 150, 1, "failed", 7_777) for day in (-1, 1)])


def tell(database: Database, server: MailServer) -> Received | None:
    """What came."""
    before = len(server.received)
    tell_now(database)
    assert len(server.received) <= before + 1
    return server.received[-1] if len(server.received) > before else None


def test_it_tells_of_the_day_in_each_event_that_its_reader_may_see(database: Database, server: MailServer) -> None:
    set_up_mail(database, server)
    spring, fair, other, quiet = (make_event(database, name) for name in ("Spring", "Fair & Co", "Secret", "Quiet"))
    archived = make_event(database, "Archived")
    jane = make_user(database, "viewer", [spring.id, fair.id, quiet.id, archived.id])
    count(database, spring, created=1_200, updated=34, failed=3, rehearsed=500)
    count(database, other, created=9_999)
    count(database, archived, created=5_555)
    events.archive(database, archived.id)
    open_alert(database, spring)
    over = open_alert(database, fair, "first_push", {"source": 1, "at": now_us()})
    with database.write() as connection:
        alerts.close_alert(connection, over, over.opened_at)
    open_alert(database, other, facts=ERRORS)
    make_due(database, jane)
    came = tell(database, server)
    assert came is not None
    assert came.recipients == [jane.email]
    assert came.message["Subject"] == "Turnout today: 1,237 pushes, 1 open alert"
    assert "1,237 pushes, 3 failed, 1,200 new people; 1 alert is open.\n" in came.text
    assert "1 event had neither pushes nor alerts." in came.text
    assert (
        "* Spring\n1,237 pushes, 3 failed, 1,200 new people. 1 alert is open. New: main: 12 of 40 pushes failed.\n"
        f"{PUBLIC_URL}/console/events/{spring.slug}/alerts\n"
    ) in came.text
    assert "* Fair & Co\n0 pushes, 0 failed, 0 new people. New: The first push of main took effect.\n" in came.text
    assert f"{PUBLIC_URL}/console/account#digest" in came.message["List-Unsubscribe"]
    for unseen in ("Secret", "Archived", "9,999", "5,555", "7,777"):
        assert unseen not in came.text
    # Once a day.
    assert tell(database, server) is None


def test_where_nothing_came_it_comes_on_mondays(
    database: Database, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_mail(database, server)
    jane = make_user(database, "viewer", [make_event(database).id])
    today = datetime.now(UTC).weekday()
    monkeypatch.setattr(digest, "_MONDAY", (today + 1) % 7)
    make_due(database, jane)
    assert tell(database, server) is None
    assert not digest.has_due(database, now_us())
    monkeypatch.setattr(digest, "_MONDAY", today)
    make_due(database, jane)
    came = tell(database, server)
    assert came is not None
    assert came.message["Subject"] == "Turnout today: nothing came"
    assert "Neither a push nor an alert came in 1 event." in came.text


def test_who_is_disabled_or_wants_it_no_more_gets_none(database: Database, server: MailServer) -> None:
    event = make_event(database)
    [jane, joe] = make_followers(database, event, 2)
    count(database, event, created=1)
    make_due(database, jane)
    make_due(database, joe)
    digest.stop(database, joe.id)
    # Without a mail server it waits.
    tell_now(database)
    users.disable(database, jane.id)
    set_up_mail(database, server)
    assert tell(database, server) is None


def test_many_events_are_told_of_in_one_letter_that_can_be_read(database: Database, server: MailServer) -> None:
    set_up_mail(database, server)
    ann = make_user(database)
    made = [make_event(database, f"Event {number}") for number in range(digest.MAX_SHOWN + 2)]
    slot = now_us() // SLOT_US
    with database.write() as connection:
        push_counts.add_counts(
            connection, [(event.id, slot, 1, "created", number + 1) for number, event in enumerate(made)]
        )
    make_due(database, ann)
    came = tell(database, server)
    assert came is not None
    assert came.text.count("\n* Event ") == digest.MAX_SHOWN
    assert "* Event 51\n" in came.text
    assert "* Event 1\n" not in came.text
    assert "2 more had less" in came.text
