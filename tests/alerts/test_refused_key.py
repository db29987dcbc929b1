"""Somebody keeps sending with a key that the event does not take: told once, and no slip of the pen."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.watched import DAY, HOUR, MINUTE, Watched, causes
from turnout.alerts import watching
from turnout.alerts.causes.refused_key import LOOKED_AT, MANY, OTHERS, goes_on, judge
from turnout.alerts.watch import Watcher
from turnout.events import event, keys, sources
from turnout.feed.refusals import Refusals as Counted
from turnout.model.alert import AlertSettings
from turnout.model.key import Key
from turnout.now import new_id, now_us
from turnout.store import refusals
from turnout.store.alert_refusals import Tried
from turnout.store.database import Database
from turnout.store.refusals import Refusal

AT = now_us() + 30 * DAY
"""Long after the event was made."""


@pytest.fixture
def watched(watched: Watched) -> Watched:
    """For a while."""
    watched.look(AT - DAY)
    return watched


@dataclass
class Sender:
    """Somebody who is refused, from one address."""

    watched: Watched
    key_id: str = ""
    address: str = "192.0.2.7"

    def send(self, since: int, until: int, times: int) -> None:
        """So many requests between these two times."""
        with self.watched.database.write() as connection:
            refusals.add_refusals(
                connection, [Refusal(self.watched.id, self.address, self.key_id, times, since, until)]
            )


def make_key(watched: Watched, **options: Any) -> Key:
    return keys.create(watched.database, watched.id, **options).key


@pytest.mark.parametrize(
    ("times", "minutes", "is_told"),
    [(1, 0, False), (4, 30, False), (5, 4, False), (5, 5, True), (49, 1, False), (50, 1, True)],
    ids=["one", "few", "at once", "a system", "a quick try", "a batch"],
)
def test_a_slip_is_no_alarm(times: int, minutes: int, *, is_told: bool) -> None:
    tried = Tried("key_1", 1, times, AT - minutes * MINUTE, AT)
    assert (judge([tried], AT, is_open=False) is not None) == is_told
    assert judge([tried], AT, is_open=True) is not None


def test_slips_that_come_now_and_then_are_none_either() -> None:
    weekly = Tried("key_1", 1, 9, AT - 56 * DAY, AT)
    nightly = Tried("key_1", 1, 9, AT - 8 * DAY, AT)
    assert judge([weekly], AT, is_open=True) is None
    assert judge([nightly], AT, is_open=False) is not None


@given(st.integers(1, 10_000), st.integers(0, 60 * DAY))
def test_it_is_over_when_it_was_quiet_for_long_enough(times: int, lasted: int) -> None:
    tried = Tried("key_1", 1, times, AT - lasted, AT)
    if goes_on(tried, AT):
        assert goes_on(tried, AT + HOUR - 1)
    assert not goes_on(tried, AT + max(HOUR, min(lasted, 26 * HOUR)))


def test_a_revoked_key_that_is_still_used_is_told_of_once_until_it_is_quiet(watched: Watched) -> None:
    shop = make_key(watched, label="Ticket shop")
    keys.revoke(watched.database, shop.id)
    cause = f"refused_key:{shop.id}"
    Sender(watched, shop.id).send(AT - MINUTE, AT, 2)
    assert causes(watched.look(AT)) == ([], [])
    # From another address too: it is the key that counts.
    Sender(watched, shop.id, "192.0.2.8").send(AT - 10 * MINUTE, AT + MINUTE, 3)
    (alert,) = watched.look(AT + MINUTE).opened
    told = watched.describe(alert)
    assert (alert.cause, told.title) == (cause, "The revoked key of Ticket shop is still used")
    assert "5 requests were refused, from 2 addresses: the key Ticket shop is revoked." in told.text
    assert told.way == f"console/events/{watched.slug}/connect/sources/{shop.source_number}"
    Sender(watched, shop.id).send(AT, AT + 30 * MINUTE, 90)
    assert causes(watched.look(AT + 40 * MINUTE)) == ([], [])
    assert watched.list_all()[0].facts["times"] == 95
    assert causes(watched.look(AT + 89 * MINUTE)) == ([], [])
    assert causes(watched.look(AT + 91 * MINUTE)) == ([], [cause])
    assert watched.list_told() == [cause]


def test_a_nightly_job_is_one_alert(watched: Watched) -> None:
    job = Sender(watched, make_key(watched, label="Nightly").id)
    opened = []
    for night in range(9):
        job.send(AT + night * DAY, AT + night * DAY, 1)
        for hour in (0, 1, 12, 23):
            opened += causes(watched.look(AT + night * DAY + hour * HOUR))[0]
    assert opened == [f"refused_key:{job.key_id}"]
    assert watched.list_open() == opened
    watched.look(AT + 9 * DAY + 3 * HOUR)
    assert watched.list_open() == []


def test_whoever_guesses_is_one_alert_and_hides_no_other(watched: Watched) -> None:
    shop = make_key(watched, label="Ticket shop")
    keys.revoke(watched.database, shop.id)
    Sender(watched, shop.id).send(AT - HOUR, AT - HOUR + 10 * MINUTE, 9)
    with watched.database.write() as connection:
        refusals.add_refusals(
            connection,
            [
                Refusal(watched.id, f"2001:db8::{number:x}", new_id("key"), 1, AT - number, AT - number)
                for number in range(LOOKED_AT + 50)
            ],
        )
    opened = watched.look(AT).opened
    assert {alert.cause for alert in opened} == {OTHERS, f"refused_key:{shop.id}"}
    (others,) = [alert for alert in opened if alert.cause == OTHERS]
    assert (others.facts["keys"], watched.describe(others).title) == (LOOKED_AT, "Somebody tries unknown keys")
    assert watched.describe(others).way == f"console/events/{watched.slug}/connect"


@pytest.mark.parametrize(
    ("how", "title"),
    [
        ("missing", "Requests come without a key"),
        ("unknown", "Somebody sends with an unknown key"),
        ("elsewhere", "with a key of another event"),
        ("good", "The key of main is sent with a mistake"),
        ("read", "Requests with the key of app are refused"),
        ("expired", "The expired key of main is still used"),
    ],
)
def test_it_says_what_is_wrong_with_the_key(watched: Watched, how: str, title: str) -> None:
    if how == "missing":
        key_id = ""
    elif how == "unknown":
        key_id = new_id("key")
    elif how == "elsewhere":
        key_id = make_key(Watched(watched.database)).id
    elif how == "read":
        key_id = make_key(watched, label="app", scope="read").id
    else:
        soon = DAY if how == "expired" else None
        key_id = keys.create(watched.database, watched.id, source="main", expires_in_us=soon).key.id
    Sender(watched, key_id).send(AT - HOUR, AT, 12)
    (alert,) = watched.look(AT).opened
    told = watched.describe(alert)
    assert alert.facts["state"] == how
    assert title in told.title
    # Where another key is good, that one is the way.
    assert ("Put the new key of this source" in told.advice) == (how == "expired")


def test_nobody_is_told_where_it_was_switched_off_or_is_over_or_was_before(watched: Watched) -> None:
    sender = Sender(watched)
    sender.send(AT - HOUR, AT, 12)
    watching.change_settings(watched.database, watched.id, AlertSettings(off=frozenset(("refused_key",))))
    assert causes(watched.look(AT)) == ([], [])
    watching.change_settings(watched.database, watched.id, AlertSettings())
    event.set_up(watched.database, watched.id, {"ends_at": "2020-01-01"})
    assert causes(watched.look(AT)) == ([], [])
    before = Watched(watched.database)
    Sender(before).send(now_us() - DAY, now_us() - HOUR, 99)
    assert causes(before.look()) == ([], [])


def test_an_event_at_which_somebody_is_refused_is_looked_at_without_any_push(watched: Watched) -> None:
    watcher = Watcher(watched.database, watched.configurations)
    shop = make_key(watched, label="Ticket shop")
    sources.retire(watched.database, watched.id, "Ticket shop")
    watcher.look_now(AT)
    Sender(watched, shop.id).send(AT - HOUR, AT, 12)
    try:
        watcher.look_now(AT + MINUTE)
    finally:
        watcher.stop()
    assert watched.list_open() == [f"refused_key:{shop.id}"]


def test_what_a_server_counts_is_what_is_told(shared_database: Database) -> None:
    watched = Watched(shared_database)
    counted = Counted(watched.database)
    shop = make_key(watched, label="Ticket shop")
    keys.revoke(watched.database, shop.id)
    for number in range(MANY):
        counted.count(watched.id, f"192.0.2.{number % 3}", shop.id)
    assert causes(watched.look()) == ([], [])
    counted.write()
    (alert,) = watched.look().opened
    assert (alert.facts["times"], alert.facts["addresses"], alert.facts["state"]) == (MANY, 3, "revoked")
