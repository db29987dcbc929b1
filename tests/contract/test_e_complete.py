"""A batch that is its source's whole list: rule E4 of the contract."""

import json
from typing import Any

import pytest

from tests.product import TestedEvent
from turnout.events import sources

PEOPLE = [f"p{number:02}" for number in range(10)]


def whole(*names: str) -> list[dict[str, Any]]:
    return [{"profile": {"email": f"{name}@example.com"}} for name in names]


def complete(event: TestedEvent, *names: str, query: str = "", **options: Any) -> dict[str, Any]:
    return event.batch_ok(whole(*names), f"?complete=true&receipts=summary{query}", **options)


def withdrawn(event: TestedEvent) -> list[str]:
    return [name for name in PEOPLE if event.attendee(f"{name}@example.com")["status"] == "withdrawn"]


@pytest.fixture
def full(event: TestedEvent) -> TestedEvent:
    event.batch_ok(whole(*PEOPLE))
    return event


def test_e4_whom_the_list_does_not_name_is_withdrawn(full: TestedEvent) -> None:
    """E4: whoever it expected and did not name is withdrawn."""
    answer = complete(full, *PEOPLE[2:])
    assert answer["complete"] == {"done": True}
    assert (answer["withdrawn"], answer["unchanged"]) == (2, 8)
    assert withdrawn(full) == PEOPLE[:2]


def test_e4_each_withdrawal_is_a_push_of_the_source_and_a_change(full: TestedEvent) -> None:
    """E4, C9: withdrawn as by a push that says so."""
    complete(full, *PEOPLE[1:])
    line = full.changes()[-1]
    assert (line.kind, line.email) == ("withdrawn", "p00@example.com")
    push = full.get(f"/pushes/{line.push_id}").json()
    assert push["result"] == "updated"
    assert json.loads(push["body"]) == {"profile": {"email": "p00@example.com"}, "eventInfo": {"attending": False}}


def test_e4_a_list_that_names_everyone_withdraws_nobody(full: TestedEvent) -> None:
    """E4: whoever it did not name, and nobody else."""
    answer = complete(full, *PEOPLE)
    assert (answer["complete"], answer["withdrawn"]) == ({"done": True}, 0)


def test_e4_without_it_nobody_is_withdrawn(full: TestedEvent) -> None:
    """E4: only `?complete=true` says that the batch is the whole list."""
    assert "complete" not in full.batch_ok(whole(*PEOPLE[5:]))
    assert withdrawn(full) == []


def test_e4_more_than_a_fifth_needs_a_confirmation(full: TestedEvent) -> None:
    """E4: more than a fifth of the source's people: confirm with &withdraw=."""
    answer = complete(full, *PEOPLE[3:])
    told = answer["complete"]
    assert (told["done"], told["code"], told["wouldWithdraw"]) == (False, "too_many_withdrawals", 3)
    assert told["names"] == [f"{name}@example.com" for name in PEOPLE[:3]]
    assert "&withdraw=3" in told["help"]
    assert (answer["withdrawn"], withdrawn(full)) == (0, [])
    answer = complete(full, *PEOPLE[3:], query="&withdraw=3")
    assert (answer["complete"], answer["withdrawn"]) == ({"done": True}, 3)
    assert withdrawn(full) == PEOPLE[:3]


def test_e4_a_confirmation_of_another_number_withdraws_nobody(full: TestedEvent) -> None:
    """E4: the confirmation names how many."""
    told = complete(full, *PEOPLE[3:], query="&withdraw=4")["complete"]
    assert (told["done"], told["code"], told["wouldWithdraw"]) == (False, "withdraw_differs", 3)
    assert withdrawn(full) == []


def test_e4_the_items_take_effect_all_the_same(full: TestedEvent) -> None:
    """E4: the items take effect, nobody is withdrawn, and the answer says so."""
    answer = complete(full, "new", *PEOPLE[5:])
    assert (answer["created"], answer["complete"]["done"]) == (1, False)
    assert full.attendee("new@example.com")["status"] == "attending"


def test_e4_an_item_that_fails_keeps_everyone(full: TestedEvent) -> None:
    """E4: an item failed: nobody is withdrawn."""
    answer = full.batch_ok([*whole(*PEOPLE[1:]), {"profile": {"email": "no address"}}], "?complete=true&withdraw=1")
    told = answer["complete"]
    assert (told["done"], told["code"], told["wouldWithdraw"]) == (False, "items_failed", 1)
    assert withdrawn(full) == []


def test_e4_an_empty_list_meets_the_brake(full: TestedEvent) -> None:
    """E4: an empty list names nobody."""
    assert full.batch_ok([], "?complete=true")["complete"]["code"] == "too_many_withdrawals"
    assert full.batch_ok([], "?complete=true&withdraw=10")["withdrawn"] == 10
    assert withdrawn(full) == PEOPLE


def test_e4_a_dry_run_tells_and_withdraws_nobody(full: TestedEvent) -> None:
    """E4, D5: dry run first."""
    answer = complete(full, *PEOPLE[2:], query="&dryRun=true")
    assert answer["complete"] == {
        "done": True,
        "wouldWithdraw": 2,
        "names": ["p00@example.com", "p01@example.com"],
    }
    assert answer["withdrawn"] == 2
    assert withdrawn(full) == []


def test_e4_a_rehearsing_source_is_told_and_withdraws_nobody(full: TestedEvent) -> None:
    """E4, A7: checked and answered like any other, and nothing changes."""
    sources.set_up(full.database, full.id, "main", {"mode": "rehearsal"})
    answer = complete(full, *PEOPLE[2:])
    assert (answer["complete"]["wouldWithdraw"], answer["withdrawn"]) == (2, 2)
    assert withdrawn(full) == []


def test_e4_only_this_sources_people_are_concerned_and_others_still_expect_theirs(full: TestedEvent) -> None:
    """E4, C9: this source's whole list; who is expected by another stays."""
    shop = full.make_source("Shop")
    full.batch_ok(whole("p00", "p01", "guest"), key=shop)
    answer = complete(full, *PEOPLE[2:])
    assert (answer["withdrawn"], withdrawn(full)) == (2, [])
    assert full.attendee("guest@example.com")["status"] == "attending"
    assert complete(full, "guest", key=shop, query="&withdraw=2")["withdrawn"] == 2
    assert withdrawn(full) == ["p00", "p01"]


def test_e4_whoever_is_named_as_not_attending_is_named(full: TestedEvent) -> None:
    """E4, C9: an item may say itself that a person is not expected."""
    gone = {"profile": {"email": "p00@example.com"}, "eventInfo": {"attending": False}}
    answer = full.batch_ok([gone, *whole(*PEOPLE[1:])], "?complete=true")
    assert (answer["complete"], answer["withdrawn"], answer["updated"]) == ({"done": True}, 0, 1)


def test_e4_the_withdrawn_come_back_with_the_next_list(full: TestedEvent) -> None:
    """E4, C9: the next push brings the person back."""
    complete(full, *PEOPLE[1:])
    complete(full, *PEOPLE)
    assert withdrawn(full) == []


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
def test_e4_a_confirmation_is_a_number(full: TestedEvent, value: str) -> None:
    """E4: &withdraw= is a number."""
    response = full.batch(whole("p00"), f"?complete=true&withdraw={value}")
    assert response.status_code == 500
    assert response.json()["code"] == "invalid_request"
