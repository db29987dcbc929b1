"""What people decide: each act, undone, done twice, and under pushes that come later (C7, C10)."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.feed.builders import JOHN, MAIN, SHOP, Hall, check_log, codes, make_push
from turnout import errors
from turnout.changes import attendee_view
from turnout.events import keys, names, sources
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts import scene as scene_module
from turnout.feed.acts.scene import get_attendee, on_stage, read_history
from turnout.feed.settle.register import MAX_GROUPS
from turnout.feed.settle.take import MAX_ATTENDEE_BYTES
from turnout.model.attendee import Attendee
from turnout.model.change import Change
from turnout.model.push import Push
from turnout.model.receipt import Outcome
from turnout.model.source import PEOPLE
from turnout.operations.verify.verify import verify
from turnout.store import attendees, events
from turnout.store.database import Database

JANE = "jane.roe@example.com"


class Desk(Hall):
    """An event with two sources, and somebody who acts."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        keys.create(self.database, self.event.id, label="Shop")

    def go_by_id(self) -> None:
        with self.database.write() as connection:
            clock = events.lock_clocks(connection, [self.event.id])[self.event.id]
            event = msgspec.structs.replace(self.configuration.event, identity="third_party_id")
            events.update_event(connection, event)
            clock.version += 1
            events.move_clocks(connection, [clock])

    def act(self, do: Any, *arguments: Any, **options: Any) -> list[Change]:
        with on_stage(self.database, self.configurations, self.event.id, "cli:ann") as scene:
            return do(scene, *arguments, **options)

    def push(self, push: Push, source: int = MAIN) -> Outcome:
        (result,) = commit.write(self.database, self.configurations, [self.submit(push, source=source)])
        assert isinstance(result, list), result
        return result[0]

    def push_with(self, push: Push, source: int, **settings: str) -> Outcome:
        """After the source was set up like this."""
        sources.set_up(self.database, self.event.id, self.configuration.sources[source].name, settings)
        return self.push(push, source)

    def person(self, reference: str = JOHN) -> Attendee:
        with self.database.read() as connection:
            return get_attendee(connection, self.event.id, reference)

    def shown(self, reference: str = JOHN) -> attendee_view.AttendeeView:
        return attendee_view.view(self.person(reference), self.configuration)

    def everybody(self) -> list[str]:
        with self.database.read() as connection:
            return [one.email for one in attendees.list_attendees(connection, self.event.id, status=None)]


@pytest.fixture(params=["email", "third_party_id"])
def desk(database: Database, request: pytest.FixtureRequest) -> Iterator[Desk]:
    desk = Desk(database)
    if request.param == "third_party_id":
        desk.go_by_id()
    yield desk
    check_log(desk.database)
    (found,) = verify(desk.database).events
    assert found.problems == []


def paths_of(change: Change) -> list[tuple[Any, ...]]:
    return [(entry.what, entry.key, entry.old, entry.new) for entry in change.entries]


# --- Pins (C7) -------------------------------------------------------------------------------------------------------


def test_a_pinned_field_stays_under_every_push(desk: Desk) -> None:
    desk.push(make_push(title="CTO", company="A", observed_at=5))
    (line,) = desk.act(decisions.pin, JOHN, "profile.title", is_pinned=True)
    assert paths_of(line) == [("pin", "title", False, True)]
    assert (line.kind, line.actor, line.source_number, line.push_id) == ("updated", "cli:ann", PEOPLE, None)
    for source in (MAIN, SHOP):
        for push in (
            make_push(title="CEO", company=f"B{source}"),
            make_push(title=""),
            make_push(clear_profile=("title",)),
            make_push(title="CFO", observed_at=1),
        ):
            outcome = desk.push(push, source)
            assert ("profile.title", "pinned") in codes(outcome.warnings)
    assert desk.shown().profile["title"] == "CTO"
    assert desk.shown().profile["company"] == f"B{SHOP}"
    assert desk.shown().pinned == ["profile.title"]


def test_what_is_there_may_be_said_again_without_a_warning(desk: Desk) -> None:
    desk.push(make_push(title="CTO"))
    desk.act(decisions.pin, JOHN, "title", is_pinned=True)
    assert desk.push(make_push(title="CTO")).warnings == []


def test_an_empty_field_can_be_held_empty(desk: Desk) -> None:
    desk.push(make_push())
    desk.act(decisions.pin, JOHN, "profile.title", is_pinned=True)
    assert codes(desk.push(make_push(title="CTO")).warnings) == [("profile.title", "pinned")]
    assert desk.push(make_push(title="")).warnings == []
    assert desk.shown().profile["title"] is None


def test_an_unpinned_field_goes_with_the_next_push(desk: Desk) -> None:
    desk.push(make_push(title="CTO"))
    desk.act(decisions.pin, JOHN, "profile.title", is_pinned=True)
    desk.push(make_push(title="CEO"))
    (line,) = desk.act(decisions.pin, JOHN, "profile.title", is_pinned=False)
    assert paths_of(line) == [("pin", "title", True, False)]
    assert desk.shown().profile["title"] == "CTO"
    desk.push(make_push(title="CFO"))
    assert desk.shown().profile["title"] == "CFO"


def test_a_custom_field_is_pinned_by_its_name(desk: Desk) -> None:
    desk.push(make_push(custom_fields={"Shoe size": "43", "Diet": "vegan"}))
    desk.act(decisions.pin, JOHN, "customFields.shoe size ", is_pinned=True)
    outcome = desk.push(make_push(custom_fields={"SHOE SIZE": "44", "Diet": "none"}))
    assert codes(outcome.warnings) == [("profile.customFields[0].fieldValue", "pinned")]
    assert desk.shown().custom_fields == {"Shoe size": "43", "Diet": "none"}
    assert desk.shown().pinned == ["profile.customFields.Shoe size"]
    assert desk.act(decisions.pin, JOHN, "profile.customFields.Shoe size", is_pinned=True) == []


def test_a_pinned_address_keeps_its_spelling(desk: Desk) -> None:
    desk.push(make_push(thirdPartyId="1"))
    desk.act(decisions.pin, JOHN, "profile.email", is_pinned=True)
    assert codes(desk.push(make_push("John.Doe@example.com", thirdPartyId="1")).warnings) == [
        ("profile.email", "pinned")
    ]
    assert desk.person().email == JOHN


@pytest.mark.parametrize("field", ["profile.jobTitle", "customFields.Diet", "status", ""])
def test_what_is_no_field_cannot_be_pinned(desk: Desk, field: str) -> None:
    desk.push(make_push())
    with pytest.raises(errors.NotFound):
        desk.act(decisions.pin, JOHN, field, is_pinned=True)


# --- Groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["source", "add", "replace"])
def test_who_is_held_in_a_group_stays_in_it(desk: Desk, mode: str) -> None:
    desk.push(make_push(groups=["VIP", "Press"]))
    (line,) = desk.act(decisions.hold, JOHN, "vip", is_in=True)
    assert paths_of(line) == [("held", 1, None, True)]
    for source in (MAIN, SHOP):
        desk.push_with(make_push(groups=["Crew"]), source, groups=mode)
        desk.push_with(make_push(groups=[]), source, groups=mode)
    assert "VIP" in desk.shown().groups


@pytest.mark.parametrize("mode", ["source", "add", "replace"])
def test_who_is_held_out_of_a_group_stays_out_of_it(desk: Desk, mode: str) -> None:
    desk.push(make_push(groups=["VIP", "Press"]))
    (line,) = desk.act(decisions.hold, JOHN, "VIP", is_in=False)
    assert paths_of(line) == [("held", 1, None, False), ("groups", None, [1, 2], [2])]
    for source in (MAIN, SHOP):
        outcome = desk.push_with(make_push(groups=["VIP"]), source, groups=mode)
        # The receipt tells a source what it says itself (D1).
        assert outcome.result in ("updated", "unchanged")
        assert "VIP" not in desk.shown().groups
    desk.act(decisions.hold, JOHN, "VIP", is_in=None)
    assert "VIP" in desk.shown().groups


def test_released_groups_are_what_sources_say_by_then(desk: Desk) -> None:
    desk.push(make_push(groups=["VIP"]))
    desk.act(decisions.hold, JOHN, "VIP", is_in=True)
    desk.push(make_push(groups=["Press"]))
    assert desk.shown().groups == ["VIP", "Press"]
    (line,) = desk.act(decisions.hold, JOHN, "VIP", is_in=None)
    assert paths_of(line) == [("held", 1, True, None), ("groups", None, [1, 2], [2])]
    assert desk.act(decisions.hold, JOHN, "VIP", is_in=None) == []


def test_people_put_somebody_into_a_group_for_staff_only(desk: Desk) -> None:
    desk.push(make_push())
    desk.act(decisions.hold, JOHN, "Backstage", is_in=True)
    names.set_staff_only(desk.database, desk.event.id, "Backstage", True)
    assert [code for _, code in codes(desk.push(make_push(groups=["Backstage"])).warnings)] == ["staff_only_group"]
    assert desk.shown().groups == ["Backstage"]
    assert desk.act(decisions.hold, JOHN, "Backstage", is_in=True) == []
    desk.act(decisions.hold, JOHN, "Backstage", is_in=None)
    assert desk.shown().groups == []


def test_only_who_is_put_in_makes_a_group_and_within_bounds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.push(make_push())
    for is_in in (False, None):
        with pytest.raises(errors.NotFound):
            desk.act(decisions.hold, JOHN, "Crew", is_in=is_in)
    for name in ("x" * 256, "a\0b"):
        with pytest.raises(errors.InvalidRequest):
            desk.act(decisions.hold, JOHN, name, is_in=True)
    assert MAX_GROUPS == 10_000
    monkeypatch.setattr(decisions, "MAX_GROUPS", 1)
    desk.act(decisions.hold, JOHN, "Crew", is_in=True)
    with pytest.raises(errors.Conflict):
        desk.act(decisions.hold, JOHN, "Press", is_in=True)


# --- Removing --------------------------------------------------------------------------------------------------------


def test_who_is_removed_stays_withdrawn_whatever_is_pushed(desk: Desk) -> None:
    desk.push(make_push(title="CTO"))
    (line,) = desk.act(decisions.remove, JOHN, is_removed=True)
    assert (line.kind, paths_of(line)) == (
        "withdrawn",
        [("removed", None, False, True), ("status", None, "attending", "withdrawn")],
    )
    for source in (MAIN, SHOP):
        for push in (make_push(title=f"CEO {source}"), make_push(observed_at=1), make_push(attending=False)):
            assert ("", "removed") in codes(desk.push(push, source).warnings)
            assert desk.person().status == "withdrawn"
    desk.push(make_push(), SHOP)
    # What was pushed is kept.
    assert desk.shown().profile["title"] == f"CEO {SHOP}"
    assert desk.act(decisions.remove, JOHN, is_removed=True) == []
    (line,) = desk.act(decisions.remove, JOHN, is_removed=False)
    assert (line.kind, desk.person().status) == ("returned", "attending")
    assert desk.push(make_push(title="x")).warnings == []


def test_undoing_a_removal_brings_back_only_who_is_expected(desk: Desk) -> None:
    desk.push(make_push())
    desk.push(make_push(attending=False))
    (line,) = desk.act(decisions.remove, JOHN, is_removed=True)
    assert (line.kind, paths_of(line)) == ("updated", [("removed", None, False, True)])
    (line,) = desk.act(decisions.remove, JOHN, is_removed=False)
    assert (line.kind, desk.person().status) == ("updated", "withdrawn")
    assert desk.act(decisions.remove, JOHN, is_removed=False) == []


# --- Another address -------------------------------------------------------------------------------------------------


def test_a_former_address_is_the_same_attendee_and_does_not_rename_back(desk: Desk) -> None:
    desk.push(make_push(title="CTO"))
    (line,) = desk.act(decisions.rename, JOHN, "johnny@example.com")
    assert paths_of(line) == [
        ("profile", "email", JOHN, "johnny@example.com"),
        ("aliases", None, [], [JOHN]),
    ]
    assert (line.email, desk.shown("johnny@example.com").aliases) == ("johnny@example.com", [JOHN])
    for source in (MAIN, SHOP):
        for email in (JOHN, "JOHNNY@example.com", JOHN.upper()):
            outcome = desk.push(make_push(email, title=f"{email} {source}"), source)
            assert outcome.result == "updated"
            assert desk.person(JOHN).id == desk.person("johnny@example.com").id
    assert desk.person(JOHN).email.lower() == "johnny@example.com"
    assert desk.act(decisions.rename, JOHN, desk.person(JOHN).email) == []


def test_a_rename_can_be_taken_back(desk: Desk) -> None:
    desk.push(make_push())
    desk.act(decisions.rename, JOHN, "johnny@example.com")
    desk.act(decisions.rename, JOHN, JOHN)
    assert (desk.person().email, desk.person().aliases) == (JOHN, ["johnny@example.com"])
    assert desk.person("johnny@example.com").id == desk.person().id


def test_another_spelling_of_an_address_is_no_alias(desk: Desk) -> None:
    desk.push(make_push())
    desk.act(decisions.rename, JOHN, "John.Doe@example.com")
    assert (desk.person().email, desk.person().aliases) == ("John.Doe@example.com", [])


@pytest.mark.parametrize("address", ["nobody", "", "a@b@c"])
def test_an_address_has_to_look_like_one(desk: Desk, address: str) -> None:
    desk.push(make_push())
    with pytest.raises(errors.InvalidRequest):
        desk.act(decisions.rename, JOHN, address)


def test_an_address_is_not_taken_from_somebody_else(database: Database) -> None:
    desk = Desk(database)
    desk.push(make_push())
    desk.push(make_push(JANE))
    with pytest.raises(errors.Conflict, match="merge them"):
        desk.act(decisions.rename, JOHN, JANE.upper())
    # A former one is free: it leads to whoever has it now.
    desk.act(decisions.rename, JANE, "jane@example.com")
    desk.act(decisions.rename, JOHN, JANE)
    assert desk.person(JANE).aliases == [JOHN]
    assert desk.person("jane@example.com").aliases == [JANE]
    desk.push(make_push(JANE, title="CTO"))
    assert desk.person(JOHN).profile["title"].value == "CTO"
    check_log(desk.database)
    assert verify(desk.database).ok


def test_where_ids_decide_two_may_share_an_address_and_are_told_apart_by_id(database: Database) -> None:
    desk = Desk(database)
    desk.go_by_id()
    first = desk.push(make_push(thirdPartyId="1"))
    second = desk.push(make_push(JANE, thirdPartyId="2"))
    assert first.attendee
    assert second.attendee
    assert second.attendee.id
    desk.act(decisions.rename, JANE, JOHN)
    with pytest.raises(errors.Conflict, match=second.attendee.id):
        desk.act(decisions.pin, JOHN, "profile.title", is_pinned=True)
    desk.act(decisions.pin, second.attendee.id, "profile.title", is_pinned=True)
    assert desk.push(make_push(title="CTO", thirdPartyId="1")).warnings == []
    assert codes(desk.push(make_push(title="CTO", thirdPartyId="2")).warnings) == [("profile.title", "pinned")]
    check_log(desk.database)
    assert verify(desk.database).ok


def test_where_ids_decide_a_push_with_the_id_renames_back(database: Database) -> None:
    desk = Desk(database)
    desk.go_by_id()
    desk.push(make_push(thirdPartyId="1"))
    desk.act(decisions.rename, JOHN, "johnny@example.com")
    desk.push(make_push(thirdPartyId="1"))
    assert desk.person().email == JOHN
    # Unless people hold the address.
    desk.act(decisions.rename, JOHN, "johnny@example.com")
    desk.act(decisions.pin, JOHN, "profile.email", is_pinned=True)
    assert codes(desk.push(make_push(thirdPartyId="1")).warnings) == [("profile.email", "pinned")]
    assert desk.person().email == "johnny@example.com"
    check_log(desk.database)


# --- Merging ---------------------------------------------------------------------------------------------------------


def test_the_one_kept_gets_what_it_lacks(desk: Desk) -> None:
    desk.push(
        make_push(
            JANE,
            thirdPartyId="2",
            title="CEO",
            phone="555",
            custom_fields={"Diet": "vegan", "Shoe size": "40"},
            unknown_fields={"profile.jobTitel": "x", "profile.age": "7"},
            groups=["VIP"],
        )
    )
    desk.push(make_push(JANE, groups=["Crew"], thirdPartyId="s2"), SHOP)
    desk.push(
        make_push(
            thirdPartyId="1",
            title="CTO",
            custom_fields={"Shoe size": "43"},
            unknown_fields={"profile.age": "8"},
            groups=["Press"],
        )
    )
    jane, john = desk.person(JANE), desk.person()
    gone, kept = desk.act(merging.merge, JANE, JOHN)
    assert (gone.kind, gone.attendee_id, kept.kind, kept.attendee_id) == ("merged", jane.id, "merged", john.id)
    shown = desk.shown()
    assert (shown.id, shown.email, shown.aliases) == (john.id, JOHN, [JANE])
    assert (shown.profile["title"], shown.profile["phone"], shown.profile["thirdPartyId"]) == ("CTO", "555", "1")
    assert shown.custom_fields == {"Diet": "vegan", "Shoe size": "43"}
    assert shown.unknown_fields == {"profile.jobTitel": "x", "profile.age": "8"}
    assert sorted(shown.groups) == ["Crew", "Press", "VIP"]
    merged = desk.person()
    assert (merged.ids_of(MAIN), merged.ids_of(SHOP)) == (["1", "2"], ["s2"])
    # The other's address and id lead to the one kept, and it is nobody of its own any more.
    assert desk.person(JANE).id == desk.person(jane.id).id == john.id
    assert desk.everybody() == [JOHN]
    assert desk.act(merging.merge, JANE, JOHN) == []


def test_pushes_of_either_are_the_one_kept(desk: Desk) -> None:
    desk.push(make_push(JANE, thirdPartyId="2"))
    desk.push(make_push(thirdPartyId="1"))
    kept = desk.person().id
    desk.act(merging.merge, JANE, JOHN)
    for third_party_id in ("1", "2", "1", "2"):
        for email in (JANE, JOHN):
            outcome = desk.push(make_push(email, thirdPartyId=third_party_id, title=f"{email} {third_party_id}"))
            assert outcome.attendee
            assert outcome.attendee.id == kept
            assert sorted(desk.person().ids_of(MAIN)) == ["1", "2"]
    assert desk.push(make_push(JANE, title="older", observed_at=1, thirdPartyId="2")).attendee
    assert desk.push(make_push(JANE, title="without id"), SHOP).attendee
    assert len(desk.everybody()) == 1


def test_a_source_takes_back_the_groups_that_came_with_the_other(desk: Desk) -> None:
    desk.push(make_push(JANE, groups=["VIP"], thirdPartyId="2"))
    desk.push(make_push(groups=["Press"], thirdPartyId="1"))
    desk.act(merging.merge, JANE, JOHN)
    outcome = desk.push(make_push(groups=["Press"], thirdPartyId="1"))
    assert outcome.changes[-1].old == ["VIP", "Press"]
    assert desk.shown().groups == ["Press"]


def test_what_people_hold_goes_along_and_that_of_the_one_kept_wins(desk: Desk) -> None:
    desk.push(make_push(JANE, title="CEO", phone="555", groups=["VIP", "Press"], thirdPartyId="2"))
    desk.push(make_push(title="CTO", groups=["VIP"], thirdPartyId="1"))
    for field in ("profile.title", "profile.phone"):
        desk.act(decisions.pin, JANE, field, is_pinned=True)
    desk.act(decisions.pin, JOHN, "profile.company", is_pinned=True)
    desk.act(decisions.hold, JANE, "Crew", is_in=True)
    desk.act(decisions.hold, JANE, "Press", is_in=False)
    desk.act(decisions.hold, JANE, "VIP", is_in=False)
    desk.act(decisions.hold, JOHN, "VIP", is_in=True)
    desk.push(make_push(JANE, company="Jane Ltd", thirdPartyId="2"))
    desk.act(merging.merge, JANE, JOHN)
    shown = desk.shown()
    # The phone came, and is held as it was; a company that is held empty is not missing.
    assert shown.pinned == ["profile.company", "profile.phone"]
    assert (shown.profile["phone"], shown.profile["company"], shown.profile["title"]) == ("555", None, "CTO")
    assert shown.groups == ["VIP", "Crew"]
    assert codes(desk.push(make_push(phone="777", thirdPartyId="1")).warnings) == [("profile.phone", "pinned")]


def test_merging_brings_somebody_back_whom_the_other_s_source_expects(desk: Desk) -> None:
    desk.push(make_push(JANE), SHOP)
    desk.push(make_push())
    desk.push(make_push(attending=False))
    _, kept = desk.act(merging.merge, JANE, JOHN)
    assert desk.person().status == "attending"
    assert ("status", None, "withdrawn", "attending") in paths_of(kept)
    desk.push(make_push(JANE, attending=False), SHOP)
    assert desk.person().status == "withdrawn"


def test_who_was_removed_stays_so_when_another_is_merged_in(desk: Desk) -> None:
    desk.push(make_push(JANE))
    desk.push(make_push())
    desk.act(decisions.remove, JOHN, is_removed=True)
    desk.act(merging.merge, JANE, JOHN)
    assert desk.person(JANE).status == "withdrawn"
    desk.act(decisions.remove, JANE, is_removed=False)
    assert desk.person().status == "attending"


def test_merges_may_follow_one_another(desk: Desk) -> None:
    people = {name: f"{name}@example.com" for name in "abcd"}
    for number, email in enumerate(people.values()):
        desk.push(make_push(email, thirdPartyId=str(number), groups=[email]))
    ids = {name: desk.person(email).id for name, email in people.items()}
    desk.act(decisions.rename, people["a"], "a2@example.com")
    desk.act(merging.merge, people["a"], people["b"])
    desk.act(merging.merge, people["d"], people["c"])
    desk.act(merging.merge, people["b"], people["c"])
    for reference in (*people.values(), *ids.values(), "a2@example.com"):
        assert desk.person(reference).id == ids["c"]
    kept = desk.person(ids["c"])
    assert sorted(kept.absorbed) == sorted([ids["a"], ids["b"], ids["d"]])
    assert sorted(kept.ids_of(MAIN)) == ["0", "1", "2", "3"]
    assert len(kept.group_numbers()) == 4
    assert desk.act(merging.merge, ids["a"], people["d"]) == []
    for number, email in enumerate(people.values()):
        outcome = desk.push(make_push(email, thirdPartyId=str(number), phone=str(number)))
        assert outcome.attendee
        assert outcome.attendee.id == ids["c"]
    # Every act on a former one is one on the one kept.
    desk.act(decisions.pin, ids["a"], "profile.phone", is_pinned=True)
    assert desk.person(people["d"]).pins == ["phone"]


def test_two_that_are_too_large_together_are_not_merged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_ATTENDEE_BYTES == 1 << 20
    monkeypatch.setattr(scene_module, "MAX_ATTENDEE_BYTES", 2_000)
    half = "x" * 1_001
    desk.push(make_push(JANE, title=half))
    desk.push(make_push(company=half))
    before = len(desk.changes())
    with pytest.raises(errors.Conflict, match="bytes"):
        desk.act(merging.merge, JANE, JOHN)
    assert (len(desk.changes()), sorted(desk.everybody())) == (before, [JANE, JOHN])


# --- All of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["nobody@example.com", "att_0", "att_x@example.com", " "])
def test_nobody_is_acted_upon(desk: Desk, reference: str) -> None:
    desk.push(make_push())
    with pytest.raises(errors.NotFound):
        desk.act(decisions.remove, reference, is_removed=True)
    assert len(desk.changes()) == 1


def test_an_act_is_a_line_of_the_log_that_explain_shows(desk: Desk) -> None:
    desk.push(make_push(title="CTO"))
    desk.act(decisions.pin, JOHN, "profile.title", is_pinned=True)
    desk.act(decisions.rename, JOHN, "johnny@example.com")
    desk.act(decisions.hold, JOHN, "VIP", is_in=True)
    with desk.database.read() as connection:
        history = list(read_history(connection, desk.event.id, desk.person()))
    assert [(line.sequence, line.actor) for line in history] == [
        (4, "cli:ann"),
        (3, "cli:ann"),
        (2, "cli:ann"),
        (1, None),
    ]
    lines = {line.sequence: line for line in history}
    origins = attendee_view.explain(desk.person(), lines, desk.configuration)
    assert (origins.profile["email"].source, origins.profile["email"].old) == ("console", JOHN)
    assert origins.groups == {"VIP": ["console"]}
