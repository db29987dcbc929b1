"""What is kept for a time: rule F3 of the contract. The server's housekeeping is done here, some years later."""

import threading
from collections.abc import Callable

import pytest

from tests.product import Product, TestedEvent
from tests.turns import make_turn
from turnout.events import event as events
from turnout.feed.forget import purge
from turnout.model.event import DAY_US
from turnout.now import now_us
from turnout.operations import retention
from turnout.operations.retention import Retention
from turnout.operations.verify.verify import verify

StartProduct = Callable[..., Product]
"""Its own each time: what is kept everywhere is looked through, and on a shared server that is everybody's."""
EMAIL = "john.doe@example.com"
JOHN = {"profile": {"email": EMAIL, "title": "CTO"}}


def keep_house(event: TestedEvent, monkeypatch: pytest.MonkeyPatch, after_days: int) -> None:
    """Does what the server would do so many days from now."""
    monkeypatch.setattr(retention, "now_us", lambda: now_us() + after_days * DAY_US)
    monkeypatch.setattr(purge, "now_us", lambda: now_us() + after_days * DAY_US)
    working = Retention(event.database, threading.Event(), make_turn(event.database))
    while working.work(60):
        pass


@pytest.mark.parametrize(
    ("settings", "days", "is_kept"), [({}, 29, True), ({}, 31, False), ({"keep_bodies": "60d"}, 31, True)]
)
def test_f3_bodies_stay_for_30_days_or_as_set(
    start_product: StartProduct, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], days: int, is_kept: bool
) -> None:
    """Bodies of pushes stay 30 days, or as set; until everyone is erased the change log keeps its values."""
    event = start_product().make_event(**settings)
    receipt = event.push_ok(JOHN)
    keep_house(event, monkeypatch, days)
    assert (event.get(f"/pushes/{receipt['id']}").json()["body"] is not None) is is_kept
    assert event.attendee(EMAIL)["profile"]["title"] == "CTO"
    assert event.changes()[-1].email == EMAIL


def test_f3_so_many_days_after_its_end_everyone_of_an_event_is_erased(
    start_product: StartProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event has an end date and may have `purge_after`: so many days later everyone is erased."""
    product = start_product()
    event, other = product.make_event(ends_at="2099-01-01", purge_after="90d"), product.make_event()
    once = {"Idempotency-Key": "order-1"}
    receipt = event.push_ok(JOHN, headers=once)
    failed = event.push_failed({"profile": {"email": f"{EMAIL}, and", "title": [EMAIL]}})
    dry = event.push_ok(JOHN, path="/attendees?dryRun=true")
    other.push_ok(JOHN)
    far = 28_000
    keep_house(event, monkeypatch, 20_000)
    assert event.attendee(EMAIL)["profile"]["title"] == "CTO"
    keep_house(event, monkeypatch, far)
    assert [change.kind for change in event.changes() if change.attendee_id] == ["created", "erased"]
    assert EMAIL not in str(event.changes())
    for push in (receipt, failed, dry):
        shown = event.get(f"/pushes/{push['id']}")
        assert EMAIL not in shown.text
        assert shown.json()["result"] == ("failed" if push is failed else "created" if push is receipt else "unchanged")
    assert verify(event.database, event.slug).ok
    assert other.attendee(EMAIL)


def test_f3_purging_suppresses_nobody(start_product: StartProduct, monkeypatch: pytest.MonkeyPatch) -> None:
    """Purging suppresses nobody: the gateway stays open, and a push is taken as that of somebody new."""
    event = start_product().make_event(ends_at="2099-01-01", purge_after="90d")
    once = {"Idempotency-Key": "order-1"}
    first = event.push_ok(JOHN, headers=once)
    keep_house(event, monkeypatch, 28_000)
    # What the key was answered told of the person.
    again = event.push_ok(JOHN, headers=once)
    assert again["result"] == "created"
    assert again["attendee"]["id"] != first["attendee"]["id"]
    events.set_up(event.database, event.id, {"purge_after": ""})
    keep_house(event, monkeypatch, 28_001)
    assert event.attendee(EMAIL)["profile"]["title"] == "CTO"
