"""A source that rehearses: rule A7 of the contract."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.product import TestedEvent
from turnout.events import event as events
from turnout.events import sources
from turnout.store import pushes

EMAIL = "john.doe@example.com"
FULL = {
    "profile": {
        "email": EMAIL,
        "title": "CTO",
        "thirdPartyId": "crm-1",
        "customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}],
    },
    "eventInfo": {"groups": {"groupNames": ["VIP"]}},
}


def set_mode(event: TestedEvent, mode: str, source: str = "main") -> None:
    sources.set_up(event.database, event.id, source, {"mode": mode})


def picture(event: TestedEvent) -> tuple[Any, ...]:
    """All of the event that a push could change."""
    tables = ("attendees", "addresses", "third_party_ids", "memberships", "changes", "names", "spellings", "clocks")
    with event.database.read() as connection:
        return tuple(
            {
                repr(row)
                for row in connection.execute(text(f"SELECT * FROM {table} WHERE event_id = :id"), {"id": event.id})
            }
            for table in tables
        )


def list_own(event: TestedEvent) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = event.get("/pushes?limit=1000").json()["pushes"]
    return listed


def test_a7_a_rehearsed_push_is_answered_and_logged_and_changes_nothing(event: TestedEvent) -> None:
    """A source with `mode = rehearsal` is checked, answered and logged like any other, and changes nothing."""
    set_mode(event, "rehearsal")
    before = picture(event)
    receipt = event.push_ok(FULL)
    assert (receipt["result"], receipt["dryRun"], receipt["sequence"]) == ("created", True, None)
    assert receipt["attendee"] == {"id": None, "email": EMAIL}
    assert [change["path"] for change in receipt["changes"]] == [
        "profile.email",
        "profile.thirdPartyId",
        "profile.title",
        "profile.customFields",
        "eventInfo.groups.groupNames",
    ]
    shown = event.get(f"/pushes/{receipt['id']}").json()
    assert (shown["rehearsed"], shown["dryRun"], shown["email"], shown["sequence"]) == (True, True, EMAIL, None)
    assert '"crm-1"' in shown["body"]
    assert picture(event) == before
    assert event.push_ok(FULL)["result"] == "created"
    assert [line["repeats"] for line in list_own(event)] == [0, 0]


def test_a7_a_rehearsed_push_fails_as_it_would(event: TestedEvent) -> None:
    """… checked and answered like any other: a failed one with all its errors, and it is kept with its body."""
    set_mode(event, "rehearsal")
    problem = event.push_failed({"profile": {"title": ["a"]}})
    assert {error["code"] for error in problem["errors"]} == {"not_a_text", "missing_email"}
    shown = event.get(f"/pushes/{problem['id']}").json()
    assert (shown["result"], shown["rehearsed"]) == ("failed", True)
    assert shown["body"]
    broken = event.send("{")
    assert broken.status_code == 500
    assert event.get(f"/pushes/{broken.json()['id']}").json()["rehearsed"] is True


def test_a7_a_rehearsal_sees_what_is_live(event: TestedEvent) -> None:
    """… like any other: what is known is compared, and none of it changes."""
    shop = event.make_source("Shop", mode="rehearsal")
    live = event.push_ok(FULL)
    before = picture(event)
    body = {"profile": {"email": EMAIL, "title": "CEO"}, "eventInfo": {"attending": "false"}}
    receipt = event.push_ok(body, key=shop)
    assert (receipt["result"], receipt["attendee"]["id"]) == ("updated", live["attendee"]["id"])
    assert event.push_ok({"profile.email": EMAIL, "eventInfo.attending": False}, key=shop)["result"] == "unchanged"
    gone = {"profile.email": "nobody@x.org", "eventInfo.attending": False}
    assert (event.push_ok(gone, key=shop)["result"], event.push_ok(gone, key=shop)["attendee"]) == ("unchanged", None)
    assert picture(event)[:7] == before[:7]
    assert event.attendee(EMAIL)["profile"]["title"] == "CTO"


@pytest.mark.parametrize("query", ["", "?atomic=true", "?receipts=all"])
def test_a7_a_batch_is_rehearsed_item_by_item(event: TestedEvent, query: str) -> None:
    """… like any other, also in a batch, and also where it is all or nothing."""
    set_mode(event, "rehearsal")
    before = picture(event)
    answer = event.batch_ok([FULL, {"profile": {"email": "a@x.org"}}], query)
    assert (answer["created"], answer["failed"]) == (2, 0)
    assert all(one["dryRun"] for one in answer["results"])
    assert [(line["rehearsed"], line["result"]) for line in list_own(event)] == [(True, "created")] * 2
    assert picture(event) == before


def test_a7_an_atomic_batch_that_fails_leaves_rehearsed_lines(event: TestedEvent) -> None:
    """… logged like any other: of a failing one the failing items, which nobody has to mend."""
    set_mode(event, "rehearsal")
    before = picture(event)
    once = {"Idempotency-Key": "b-1"}
    items = [FULL, {"profile": {"title": "x"}}]
    for _ in range(2):
        answer = event.batch(items, "?atomic=true", headers=once)
        assert answer.status_code == 500
        assert answer.json()["code"] == "invalid_batch"
    assert {(line["rehearsed"], line["result"]) for line in list_own(event)} == {(True, "failed")}
    assert picture(event) == before
    with event.database.read() as connection:
        assert pushes.list_failed_ids(connection, event.id) == []


def test_a7_an_idempotency_key_of_a_rehearsal_is_free_when_it_counts(event: TestedEvent) -> None:
    """… answered like any other, also when it is repeated (D6); and it changes nothing, not what the key does later."""
    set_mode(event, "rehearsal")
    once, other = {"Idempotency-Key": "k-1"}, {"Idempotency-Key": "k-2"}
    first = event.push_ok(FULL, headers=once)
    assert event.push_ok(FULL, headers=once) == first
    reused = event.push_failed({"profile": {"email": EMAIL}}, headers=once)
    assert reused["code"] == "idempotency_key_reused"
    assert event.get(f"/pushes/{reused['id']}").json()["rehearsed"] is True
    batch = event.batch_ok([FULL], headers=other)
    assert event.batch_ok([FULL], headers=other) == batch
    assert event.batch([], headers=other).json()["code"] == "idempotency_key_reused"
    assert event.push_failed(FULL, headers=other)["code"] == "idempotency_key_reused"
    set_mode(event, "live")
    live = event.push_ok(FULL, headers=once)
    assert (live["result"], live.get("dryRun"), live["sequence"]) == ("created", None, event.changes()[-1].sequence)
    assert event.push_ok(FULL, headers=once) == live
    assert event.batch_ok([FULL], headers=other)["unchanged"] == 1
    set_mode(event, "rehearsal")
    # Its answer is from when it counted.
    assert event.push_ok(FULL, headers=once) == live


def test_a7_a_dry_run_of_a_rehearsing_source_is_a_dry_run(event: TestedEvent) -> None:
    """A rehearsed push has its body in the log; one that was a dry run has none (D5)."""
    set_mode(event, "rehearsal")
    dry = event.push_ok(FULL, path="/attendees?dryRun=true")
    shown = event.get(f"/pushes/{dry['id']}").json()
    assert (shown["dryRun"], shown.get("rehearsed"), shown["body"]) == (True, None, None)


def test_a7_a_mode_holds_from_that_instant(event: TestedEvent) -> None:
    """A change of mode holds at once, a source's own or the event's."""
    for mode, is_dry in (("rehearsal", True), ("live", None), ("rehearsal", True)):
        events.set_up(event.database, event.id, {"mode": mode})
        assert event.push_ok({"profile": {"email": f"{mode}@x.org"}}).get("dryRun") is is_dry
        assert event.get("/key").json()["source"]["mode"] == mode
    set_mode(event, "live")
    assert event.push_ok(FULL).get("dryRun") is None
    assert event.get("/key").json()["source"]["mode"] == "live"


def test_a7_to_go_live_leaves_what_was_rehearsed_at_nothing(event: TestedEvent) -> None:
    """… changes nothing, then or later."""
    set_mode(event, "rehearsal")
    event.push_ok(FULL)
    set_mode(event, "live")
    assert event.push_ok({"profile": {"email": EMAIL}})["result"] == "created"
    assert event.attendee(EMAIL)["profile"]["title"] is None


def test_a7_a_large_batch_is_rehearsed_in_no_time(event: TestedEvent) -> None:
    """… like any other: each item is held against what is known of its own person, not of all in the batch."""
    set_mode(event, "rehearsal")
    answer = event.batch_ok(
        [{"profile": {"email": f"p{n}@x.org"}} for n in range(3_000)], "?atomic=true&receipts=summary"
    )
    assert answer["created"] == 3_000
