"""C7 and C10 as senders see them: what people decide beats what is pushed, and the answer says so."""

from typing import Any

import pytest

from tests.product import TestedEvent
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations

JOHN = "john.doe@example.com"
JANE = "jane.roe@example.com"


def act(event: TestedEvent, do: Any, *arguments: Any, **options: Any) -> None:
    """As staff do, beside the server."""
    with on_stage(event.database, Configurations(event.database), event.id, "cli:ann") as scene:
        do(scene, *arguments, **options)


def profile(email: str = JOHN, **fields: Any) -> dict[str, Any]:
    return {"profile": {"email": email, **fields}}


def in_groups(*names: str, email: str = JOHN) -> dict[str, Any]:
    return profile(email) | {"eventInfo": {"groups": {"groupNames": names}}}


def codes(receipt: dict[str, Any]) -> list[tuple[str, str]]:
    return [(warning["path"], warning["code"]) for warning in receipt["warnings"]]


def test_c7_a_pinned_field_is_not_changed_by_a_push(event: TestedEvent) -> None:
    """A field that a person has pinned is not changed by a push; the answer warns (`pinned`)."""
    event.push_ok(profile(title="CTO"))
    act(event, decisions.pin, JOHN, "profile.title", is_pinned=True)
    receipt = event.push_ok(profile(title="CEO", company="Example Ltd"))
    assert [change["path"] for change in receipt["changes"]] == ["profile.company"]
    assert codes(receipt) == [("profile.title", "pinned")]
    assert event.attendee(JOHN)["pinned"] == ["profile.title"]


def test_c7_the_warning_is_in_the_sender_s_own_notation(event: TestedEvent) -> None:
    """The answer warns (`pinned`)."""
    event.push_ok(profile(title="CTO", customFields=[{"fieldName": "Diet", "fieldValue": "vegan"}]))
    for field in ("profile.title", "customFields.Diet"):
        act(event, decisions.pin, JOHN, field, is_pinned=True)
    receipt = event.push_ok(
        {
            "profile.email": JOHN,
            "profile.title": "CEO",
            "profile.customFields.0.fieldName": "diet",
            "profile.customFields.0.fieldValue": "none",
        }
    )
    assert (receipt["result"], codes(receipt)) == (
        "unchanged",
        [("profile.title", "pinned"), ("profile.customFields.0.fieldValue", "pinned")],
    )
    dry = event.push_ok(profile(title="CEO"), path="/attendees?dryRun=true")
    assert codes(dry) == [("profile.title", "pinned")]


def test_c7_clear_and_another_source_do_not_change_a_pinned_field(event: TestedEvent) -> None:
    """A field that a person has pinned is not changed by a push."""
    shop = event.make_source("Shop")
    event.push_ok(profile(title="CTO"))
    act(event, decisions.pin, JOHN, "profile.title", is_pinned=True)
    for body in (profile(title=""), profile() | {"clear": ["profile.title"]}, profile(title="CEO")):
        assert "pinned" in [code for _, code in codes(event.push_ok(body, key=shop))]
    assert event.attendee(JOHN)["profile"]["title"] == "CTO"


@pytest.mark.parametrize("groups", ["source", "add", "replace"])
def test_c10_who_is_put_in_or_out_of_a_group_stays_so_until_released(event: TestedEvent, groups: str) -> None:
    """A person puts somebody in or out of a group so that it beats every source until released."""
    shop = event.make_source("Shop", groups=groups)
    event.push_ok(in_groups("VIP"), key=shop)
    act(event, decisions.hold, JOHN, "VIP", is_in=False)
    act(event, decisions.hold, JOHN, "Press", is_in=True)
    receipt = event.push_ok(in_groups("VIP", "Crew"), key=shop)
    # Of groups the receipt shows only what this source says (D1).
    assert receipt["changes"] == [
        {"path": "eventInfo.groups.groupNames", "old": ["VIP"], "new": ["VIP", "Crew"]},
    ]
    assert sorted(event.attendee(JOHN)["groups"]) == ["Crew", "Press"]
    act(event, decisions.hold, JOHN, "VIP", is_in=None)
    act(event, decisions.hold, JOHN, "Press", is_in=None)
    assert sorted(event.attendee(JOHN)["groups"]) == ["Crew", "VIP"]


def test_c10_who_is_removed_stays_withdrawn_until_that_is_undone(event: TestedEvent) -> None:
    """Removes somebody (`withdrawn` whatever sources expect, until undone; pushes are still applied, `removed`)."""
    event.push_ok(profile())
    act(event, decisions.remove, JOHN, is_removed=True)
    receipt = event.push_ok(profile(title="CTO"))
    assert (receipt["result"], codes(receipt)) == ("updated", [("", "removed")])
    assert (event.attendee(JOHN)["status"], event.attendee(JOHN)["profile"]["title"]) == ("withdrawn", "CTO")
    act(event, decisions.remove, JOHN, is_removed=False)
    assert (event.attendee(JOHN)["status"], codes(event.push_ok(profile()))) == ("attending", [])


@pytest.mark.parametrize("identity", ["email", "third_party_id"])
def test_c10_a_former_address_is_the_same_attendee(event: TestedEvent, identity: str) -> None:
    """Changes the address (the old one becomes an alias, in either identity setting)."""
    its = event.product.make_event(identity=identity)
    made = its.push_ok(profile())
    act(its, decisions.rename, JOHN, "john@example.org")
    receipt = its.push_ok(profile(title="CTO"))
    assert receipt["attendee"] == {"id": made["attendee"]["id"], "email": "john@example.org"}
    assert its.attendee("john@example.org")["aliases"] == [JOHN]


@pytest.mark.parametrize("identity", ["email", "third_party_id"])
def test_c10_two_who_are_merged_are_one(event: TestedEvent, identity: str) -> None:
    """Merges two attendees (addresses, ids, groups and missing fields go to the one kept)."""
    its = event.product.make_event(identity=identity)
    jane = profile(JANE, thirdPartyId="2", phone="555", title="CEO")
    its.push_ok(jane | {"eventInfo": {"groups": {"groupNames": ["VIP"]}}})
    kept = its.push_ok(profile(thirdPartyId="1", title="CTO"))["attendee"]["id"]
    act(its, merging.merge, JANE, JOHN)
    merged = its.attendee(JOHN)
    assert (merged["id"], merged["aliases"], merged["groups"]) == (kept, [JANE], ["VIP"])
    assert (merged["profile"]["title"], merged["profile"]["phone"]) == ("CTO", "555")
    for body in (profile(JANE, thirdPartyId="2"), profile(JANE), profile(thirdPartyId="1"), profile(thirdPartyId="2")):
        assert its.push_ok(body)["attendee"]["id"] == kept


def test_c10_acts_are_lines_of_the_log(event: TestedEvent) -> None:
    """Acts are lines of the log like pushes."""
    event.push_ok(profile())
    event.push_ok(profile(JANE))
    act(event, decisions.pin, JOHN, "profile.title", is_pinned=True)
    act(event, decisions.remove, JOHN, is_removed=True)
    act(event, merging.merge, JANE, JOHN)
    lines = event.changes()
    assert [(line.sequence, line.kind, line.actor) for line in lines[2:]] == [
        (3, "updated", "cli:ann"),
        (4, "withdrawn", "cli:ann"),
        (5, "merged", "cli:ann"),
        (6, "merged", "cli:ann"),
    ]
