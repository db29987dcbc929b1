"""What a push does to an attendee: C1–C5, C8, C9's `attending` and D7, by examples. Pure."""

from typing import Any

import pytest

from tests.feed.builders import (
    FIELDS,
    GROUPS,
    JOHN,
    MAIN,
    SHOP,
    Told,
    codes,
    make_names,
    make_push,
    paths,
)
from turnout.changes.shown import shown_to_all, shown_to_source
from turnout.feed.settle.merge import Merged
from turnout.model.attendee import Part, Said
from turnout.model.receipt import PathChange

CRM = 3
"""A third source."""
TITLE = "profile.title"
GROUP_PATH = "eventInfo.groups.groupNames"


@pytest.fixture
def told() -> Told:
    """Nobody yet; custom fields Shoe size, Diet, Hotel and groups Speakers, VIP, Press are known to the event."""
    return Told()


def seen_by(merged: Merged, source: int) -> list[PathChange]:
    return shown_to_source(merged.entries, FIELDS, GROUPS, source)


# --- A new attendee --------------------------------------------------------------------------------------------------


def test_d1_a_creation_lists_all_that_was_set_in_the_order_of_the_profile(told: Told) -> None:
    merged = told.hear(
        make_push(
            profile={"title": "CTO", "lastName": "Doe", "firstName": "John"},
            custom_fields={"Diet": "vegan", "Shoe size": "43"},
            unknown_fields={"profile.jobTitle": "boss"},
            groups=["VIP"],
        )
    )
    assert merged.kind == "created"
    assert paths(merged) == [
        ("profile", "email", None, JOHN),
        ("profile", "firstName", None, "John"),
        ("profile", "lastName", None, "Doe"),
        ("profile", "title", None, "CTO"),
        ("custom_field", 2, None, "vegan"),
        ("custom_field", 1, None, "43"),
        ("unknown_field", "profile.jobTitle", None, "boss"),
        ("part_groups", MAIN, [], [2]),
        ("part_expects", MAIN, False, True),
        ("groups", None, [], [2]),
    ]


def test_c9_a_new_attendee_is_attending(told: Told) -> None:
    told.hear(make_push())
    assert told.known.status == "attending"
    assert told.known.parts[MAIN].expects == Said(True, 1, MAIN, 1)


def test_a_creation_without_fields_has_the_address_alone(told: Told) -> None:
    merged = told.hear(make_push())
    assert seen_by(merged, MAIN) == [PathChange("profile.email", old=None, new=JOHN)]
    assert told.known.custom_fields == {}
    assert told.known.created_at == told.known.updated_at == 1


def test_every_value_of_a_new_attendee_knows_its_sequence_source_and_time(told: Told) -> None:
    told.hear(make_push(title="CTO", custom_fields={"Diet": "vegan"}, groups=["VIP"]), source=SHOP, at=50)
    assert told.known.profile["title"] == Said("CTO", 1, SHOP, 50)
    assert told.known.custom_fields[2] == Said("vegan", 1, SHOP, 50)
    assert told.known.parts[SHOP].groups == Said([2], 1, SHOP, 50)


# --- C1 --------------------------------------------------------------------------------------------------------------


def test_c1_the_address_is_shown_as_last_sent(told: Told) -> None:
    told.hear(make_push("John.Doe@Example.com"))
    merged = told.hear(make_push("john.doe@example.COM"))
    assert told.known.email == "john.doe@example.COM"
    assert paths(merged) == [("profile", "email", "John.Doe@Example.com", "john.doe@example.COM")]
    assert merged.kind == "updated"


def test_c1_a_push_to_a_former_address_does_not_rename_back(told: Told) -> None:
    told.hear(make_push("new@example.com"))
    merged = told.hear(make_push("old@example.com", title="CTO"))
    assert told.known.email == "new@example.com"
    assert paths(merged) == [("profile", "title", None, "CTO")]


def test_d7_the_spelling_of_an_address_is_a_field_with_a_time_too(told: Told) -> None:
    told.hear(make_push("john@example.com"), at=100)
    merged = told.hear(make_push("JOHN@example.com", observed_at=50), at=101)
    assert told.known.email == "john@example.com"
    assert codes(merged.warnings) == [("profile.email", "older_than_current")]


# --- C2, C3 ----------------------------------------------------------------------------------------------------------


def test_c2_a_field_that_is_not_provided_keeps_its_value(told: Told) -> None:
    told.hear(make_push(title="CTO", company="Acme"))
    told.hear(make_push(title="CEO"))
    assert (told.profile("title"), told.profile("company")) == ("CEO", "Acme")


def test_c2_a_null_field_keeps_its_value(told: Told) -> None:
    told.hear(make_push(title="CTO"))
    merged = told.hear(make_push(title=None))
    assert told.profile("title") == "CTO"
    assert merged.entries == []


def test_c2_with_null_clear_a_null_field_is_emptied(told: Told) -> None:
    told.hear(make_push(title="CTO"))
    merged = told.hear(make_push(title=None), null="clear")
    assert told.profile("title") is None
    assert paths(merged) == [("profile", "title", "CTO", None)]


def test_c2_with_null_clear_a_custom_field_that_is_null_is_emptied(told: Told) -> None:
    told.hear(make_push(custom_fields={"Diet": "vegan"}))
    merged = told.hear(make_push(custom_fields={"Diet": None}), null="clear")
    assert told.field("Diet") is None
    assert paths(merged) == [("custom_field", 2, "vegan", None)]


def test_c2_with_null_clear_a_list_of_groups_that_was_not_provided_stays(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]))
    told.hear(make_push(groups=None), null="clear")
    assert told.in_groups() == {"VIP"}


def test_c3_a_blank_field_is_emptied(told: Told) -> None:
    told.hear(make_push(title="CTO"))
    merged = told.hear(make_push(title=""))
    assert told.profile("title") is None
    assert paths(merged) == [("profile", "title", "CTO", None)]


def test_c3_with_blank_keep_a_blank_field_keeps_its_value(told: Told) -> None:
    told.hear(make_push(title="CTO", custom_fields={"Diet": "vegan"}, unknown_fields={"x": "y"}))
    merged = told.hear(make_push(title="", custom_fields={"Diet": ""}, unknown_fields={"x": ""}), blank="keep")
    assert merged.entries == []
    assert (told.profile("title"), told.field("Diet")) == ("CTO", "vegan")


def test_c3_null_clear_and_blank_keep_are_independent(told: Told) -> None:
    told.hear(make_push(title="CTO", company="Acme"))
    told.hear(make_push(title=None, company=""), null="clear", blank="keep")
    assert (told.profile("title"), told.profile("company")) == (None, "Acme")


@pytest.mark.parametrize("policy", [{}, {"null": "keep", "blank": "keep"}, {"null": "clear"}])
def test_c3_clear_empties_whatever_the_settings(told: Told, policy: dict[str, Any]) -> None:
    told.hear(make_push(title="CTO", custom_fields={"Diet": "vegan"}))
    merged = told.hear(make_push(clear_profile=("title",), clear_custom_fields=("diet",)), **policy)
    assert (told.profile("title"), told.field("Diet")) == (None, None)
    assert paths(merged) == [("profile", "title", "CTO", None), ("custom_field", 2, "vegan", None)]


def test_c3_clear_beats_a_value_in_the_same_push(told: Told) -> None:
    told.hear(make_push(title="CTO"))
    told.hear(make_push(title="CEO", clear_profile=("title",)))
    assert told.profile("title") is None


def test_c3_emptying_what_never_was_set_changes_nothing(told: Told) -> None:
    told.hear(make_push())
    merged = told.hear(
        make_push(title="", custom_fields={"Diet": ""}, clear_profile=("company",), clear_custom_fields=("Hotel",))
    )
    assert (merged.kind, merged.entries) == (None, [])
    assert told.known.profile["title"] == Said(None, 0, MAIN, 2)


def test_c3_a_new_attendee_with_blank_fields_shows_none_of_them(told: Told) -> None:
    merged = told.hear(make_push(title="", custom_fields={"Diet": ""}))
    assert [one.path for one in seen_by(merged, MAIN)] == ["profile.email"]


def test_d7_a_list_that_is_final_warns_once_of_whatever_it_is_older_than(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), at=50)
    told.hear(make_push(groups=["VIP"]), source=SHOP, at=51)
    merged = told.hear(make_push(groups=[], observed_at=20), source=3, groups="replace")
    assert [(one.path, one.code) for one in merged.warnings] == [("eventInfo.groups.groupNames", "older_than_current")]


def test_a_value_after_it_was_cleared_shows_that_there_was_none(told: Told) -> None:
    told.hear(make_push(title="CTO"))
    told.hear(make_push(title=""))
    merged = told.hear(make_push(title="CEO"), source=SHOP)
    assert PathChange("profile.title", old=None, new="CEO") in seen_by(merged, SHOP)


# --- C4, B5 ----------------------------------------------------------------------------------------------------------


def test_c4_custom_fields_that_are_not_named_keep_their_value(told: Told) -> None:
    told.hear(make_push(custom_fields={"Diet": "vegan", "Hotel": "Ritz"}))
    told.hear(make_push(custom_fields={"Hotel": "Hilton"}))
    assert (told.field("Diet"), told.field("Hotel")) == ("vegan", "Hilton")


def test_c4_a_custom_field_that_is_null_keeps_its_value(told: Told) -> None:
    told.hear(make_push(custom_fields={"Diet": "vegan"}))
    merged = told.hear(make_push(custom_fields={"Diet": None}))
    assert merged.entries == []
    assert told.field("Diet") == "vegan"


@pytest.mark.parametrize("spelling", ["shoe size", "SHOE SIZE", "  Shoe size "])
def test_c4_names_are_compared_trimmed_and_without_case(told: Told, spelling: str) -> None:
    told.hear(make_push(custom_fields={spelling: "43"}))
    assert told.field("Shoe size") == "43"


def test_c4_of_a_name_given_twice_the_last_wins(told: Told) -> None:
    merged = told.hear(make_push(custom_fields=[("Diet", "vegan"), ("diet", "none")]))
    assert told.field("Diet") == "none"
    assert [entry for entry in paths(merged) if entry[0] == "custom_field"] == [("custom_field", 2, None, "none")]


def test_c4_of_a_name_given_twice_a_null_behind_keeps_the_value_before(told: Told) -> None:
    told.hear(make_push(custom_fields=[("Diet", "vegan"), ("Diet", None)]))
    assert told.field("Diet") == "vegan"


def test_c4_a_former_name_of_a_renamed_field_goes_on_matching() -> None:
    told = Told(fields=make_names("Dietary needs", former={"Diet": 1}))
    told.hear(make_push(custom_fields={"Dietary needs": "none"}))
    merged = told.hear(make_push(custom_fields={"DIET": "vegan"}))
    assert told.field("Dietary needs") == "vegan"
    assert shown_to_source(merged.entries, told.fields, told.groups, MAIN) == [
        PathChange("profile.customFields", field_name="Dietary needs", old="none", new="vegan")
    ]


def test_c4_a_former_name_can_be_cleared_too() -> None:
    told = Told(fields=make_names("Dietary needs", former={"Diet": 1}))
    told.hear(make_push(custom_fields={"Diet": "vegan"}))
    told.hear(make_push(clear_custom_fields=("Diet",)))
    assert told.field("Dietary needs") is None


def test_b4_a_multiple_choice_is_one_value(told: Told) -> None:
    told.hear(make_push(custom_fields={"Diet": ["vegan", "halal"]}))
    merged = told.hear(make_push(custom_fields={"Diet": ["vegan"]}))
    assert paths(merged) == [("custom_field", 2, ["vegan", "halal"], ["vegan"])]


def test_b4_an_empty_multiple_choice_empties_the_field(told: Told) -> None:
    told.hear(make_push(custom_fields={"Diet": ["vegan"]}))
    told.hear(make_push(custom_fields={"Diet": []}))
    assert told.field("Diet") is None


def test_b5_the_latest_value_of_an_unknown_field_stays_with_the_attendee(told: Told) -> None:
    told.hear(make_push(unknown_fields={"profile.jobTitle": "boss", "badge": {"colour": "red"}}))
    merged = told.hear(make_push(unknown_fields={"badge": {"colour": "blue"}}))
    assert told.known.unknown_fields["profile.jobTitle"].value == "boss"
    assert paths(merged) == [("unknown_field", "badge", {"colour": "red"}, {"colour": "blue"})]
    assert seen_by(merged, MAIN) == [PathChange("badge", old={"colour": "red"}, new={"colour": "blue"})]


def test_c3_an_unknown_field_that_is_blank_is_emptied(told: Told) -> None:
    told.hear(make_push(unknown_fields={"badge": "red"}))
    told.hear(make_push(unknown_fields={"badge": ""}))
    assert told.known.unknown_fields["badge"].value is None


# --- C5 --------------------------------------------------------------------------------------------------------------


def test_c5_a_list_replaces_what_this_source_said_before(told: Told) -> None:
    told.hear(make_push(groups=["VIP", "Speakers"]))
    merged = told.hear(make_push(groups=["Press"]))
    assert told.in_groups() == {"Press"}
    assert paths(merged) == [("part_groups", MAIN, [1, 2], [3]), ("groups", None, [1, 2], [3])]


def test_c5_a_list_leaves_what_other_sources_said(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    told.hear(make_push(groups=["Press"]))
    assert told.in_groups() == {"VIP", "Press"}
    told.hear(make_push(groups=["Speakers"]))
    assert told.in_groups() == {"VIP", "Speakers"}


def test_c5_a_list_that_is_not_provided_keeps_the_groups(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]))
    merged = told.hear(make_push(groups=None, title="CTO"))
    assert told.in_groups() == {"VIP"}
    assert paths(merged) == [("profile", "title", None, "CTO")]


def test_c5_an_empty_list_takes_all_of_this_sources_groups_back(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    told.hear(make_push(groups=["Press", "VIP"]))
    told.hear(make_push(groups=[]))
    assert told.in_groups() == {"VIP"}


def test_c5_a_group_that_another_source_holds_too_stays_visible_and_only_ones_own_part_moves(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    told.hear(make_push(groups=["VIP"]))
    merged = told.hear(make_push(groups=[]))
    assert paths(merged) == [("part_groups", MAIN, [2], [])]
    assert shown_to_all(merged.entries, FIELDS, GROUPS) == []
    assert seen_by(merged, MAIN) == [PathChange(GROUP_PATH, old=["VIP"], new=[])]


def test_c5_a_first_empty_list_changes_nothing(told: Told) -> None:
    told.hear(make_push())
    assert told.hear(make_push(groups=[])).kind is None


def test_c5_names_of_groups_are_compared_without_case_and_a_group_counts_once(told: Told) -> None:
    merged = told.hear(make_push(groups=["vip", " VIP ", "Vip"]))
    assert told.in_groups() == {"VIP"}
    assert seen_by(merged, MAIN)[-1] == PathChange(GROUP_PATH, old=[], new=["VIP"])


def test_c5_the_order_of_a_list_says_nothing(told: Told) -> None:
    told.hear(make_push(groups=["VIP", "Press"]))
    assert told.hear(make_push(groups=["Press", "VIP"])).kind is None


def test_c5_groups_add_never_removes(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), groups="add")
    told.hear(make_push(groups=["Press"]), groups="add")
    told.hear(make_push(groups=[]), groups="add")
    assert told.in_groups() == {"VIP", "Press"}


def test_c5_groups_replace_makes_the_list_final_for_everyone(told: Told) -> None:
    told.hear(make_push(groups=["VIP", "Press"]), source=SHOP)
    told.hear(make_push(groups=["Speakers", "VIP"]), source=CRM)
    merged = told.hear(make_push(groups=["VIP"]), groups="replace")
    assert told.in_groups() == {"VIP"}
    assert paths(merged) == [
        ("part_groups", MAIN, [], [2]),
        ("part_groups", SHOP, [2, 3], [2]),
        ("part_groups", CRM, [1, 2], [2]),
        ("part_expects", MAIN, False, True),
        ("groups", None, [1, 2, 3], [2]),
    ]


def test_c5_groups_replace_with_an_empty_list_takes_everybodys_back(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    told.hear(make_push(groups=[]), groups="replace")
    assert told.in_groups() == set()


def test_c5_a_list_that_is_final_and_changes_nothing_leaves_origins_alone(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    told.hear(make_push(groups=["VIP", "Press"]), groups="replace")
    said = told.known.parts[SHOP].groups
    assert said is not None
    assert (said.value, said.sequence, said.source) == ([2], 1, SHOP)


def test_c5_after_a_final_list_other_sources_go_on_saying_what_they_say(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    told.hear(make_push(groups=["Press"]), groups="replace")
    told.hear(make_push(groups=["VIP"]), source=SHOP)
    assert told.in_groups() == {"VIP", "Press"}


def test_c5_a_final_list_that_is_older_than_what_another_source_said_does_not_take_it_back(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), source=SHOP, at=100)
    merged = told.hear(make_push(groups=["Press"], observed_at=50), at=101, groups="replace")
    assert told.in_groups() == {"VIP", "Press"}
    assert codes(merged.warnings) == [(GROUP_PATH, "older_than_current")]


def staffed() -> Told:
    return Told(groups=make_names("Speakers", "Backstage", "Press", staff_only=["Backstage"]))


def put_backstage(told: Told, source: int) -> None:
    """As it was before the group was kept for staff."""
    groups, told.groups = told.groups, make_names("Speakers", "Backstage", "Press")
    told.hear(make_push(groups=["Backstage", "Press"]), source=source)
    told.groups = groups


def test_c5_nobody_gets_into_a_staff_only_group_by_a_push() -> None:
    told = staffed()
    merged = told.hear(make_push(groups=["backstage", "Press"]))
    assert told.in_groups() == {"Press"}
    assert codes(merged.warnings) == [("eventInfo.groups.groupNames[0]", "staff_only_group")]


@pytest.mark.parametrize("policy", ["source", "add", "replace"])
def test_c5_nobody_gets_out_of_a_staff_only_group_by_a_push(policy: str) -> None:
    told = staffed()
    put_backstage(told, MAIN)
    put_backstage(told, SHOP)
    told.hear(make_push(groups=[]), groups=policy)
    assert "Backstage" in told.in_groups()
    for source in (MAIN, SHOP):
        part = told.known.parts[source].groups
        assert part is not None
        assert 2 in part.value


def test_c5_a_final_list_takes_nobody_out_of_a_staff_only_group_where_another_source_had_put_him() -> None:
    told = staffed()
    put_backstage(told, SHOP)
    told.hear(make_push(groups=["Speakers"]), groups="replace")
    assert told.in_groups() == {"Backstage", "Speakers"}


def test_c5_a_staff_only_group_that_is_named_again_stays_with_a_warning() -> None:
    told = staffed()
    put_backstage(told, MAIN)
    merged = told.hear(make_push(groups=["Backstage"]))
    assert told.in_groups() == {"Backstage"}
    assert codes(merged.warnings) == [("eventInfo.groups.groupNames[0]", "staff_only_group")]


# --- C6's third-party id, as far as identity goes by e-mail ----------------------------------------------------------


def test_c6_an_id_is_a_field_and_is_remembered_per_source(told: Told) -> None:
    told.hear(make_push(thirdPartyId="A-1"))
    merged = told.hear(make_push(thirdPartyId="X-9"), source=SHOP)
    assert told.profile("thirdPartyId") == "X-9"
    assert ("part_id", SHOP, None, "X-9") in paths(merged)
    ids = {number: part.third_party_id.value for number, part in told.known.parts.items() if part.third_party_id}
    assert ids == {MAIN: "A-1", SHOP: "X-9"}


def test_c6_an_id_that_another_source_set_is_remembered_also_where_the_field_stays(told: Told) -> None:
    told.hear(make_push(thirdPartyId="A-1"), at=100)
    merged = told.hear(make_push(thirdPartyId="X-9", observed_at=50), source=SHOP, at=101)
    assert told.profile("thirdPartyId") == "A-1"
    assert ("part_id", SHOP, None, "X-9") in paths(merged)
    assert codes(merged.warnings) == [("profile.thirdPartyId", "older_than_current")]


def test_c6_an_older_id_of_the_same_source_warns_once(told: Told) -> None:
    told.hear(make_push(thirdPartyId="A-2"), at=100)
    merged = told.hear(make_push(thirdPartyId="A-1", observed_at=50), at=101)
    assert codes(merged.warnings) == [("profile.thirdPartyId", "older_than_current")]
    assert merged.entries == []


# --- C8 --------------------------------------------------------------------------------------------------------------


def test_c8_the_same_push_again_changes_nothing(told: Told) -> None:
    push = make_push(title="CTO", custom_fields={"Diet": "vegan"}, groups=["VIP"], unknown_fields={"x": ["y"]})
    told.hear(push)
    merged = told.hear(push)
    assert (merged.kind, merged.entries, merged.warnings) == (None, [], [])


def test_c8_an_unchanged_push_moves_what_is_known_to_be_true_and_nothing_else(told: Told) -> None:
    told.hear(make_push(title="CTO", groups=["VIP"]), at=10)
    before = told.known
    told.hear(make_push(title="CTO", groups=["VIP"]), source=MAIN, at=20)
    after = told.known
    assert after.profile["title"] == Said("CTO", 1, MAIN, 20)
    assert after.parts[MAIN].groups == Said([2], 1, MAIN, 20)
    assert after.parts[MAIN].expects == Said(True, 1, MAIN, 20)
    assert (after.updated_at, after.sequence) == (before.updated_at, before.sequence)


def test_c8_a_value_that_another_source_confirms_keeps_its_origin(told: Told) -> None:
    told.hear(make_push(title="CTO"), at=10)
    told.hear(make_push(title="CTO"), source=SHOP, at=20)
    assert told.known.profile["title"] == Said("CTO", 1, MAIN, 20)


def test_a_source_that_says_for_the_first_time_what_is_known_is_an_update_without_visible_change(told: Told) -> None:
    told.hear(make_push(title="CTO"))
    merged = told.hear(make_push(title="CTO"), source=SHOP)
    assert merged.kind == "updated"
    assert seen_by(merged, SHOP) == []


def test_a_repeat_of_the_sources_last_push_carries_that_ones_id(told: Told) -> None:
    told.hear(make_push(title="CTO"), digest="a")
    last = told.known.parts[MAIN].last_push
    assert last is not None
    merged = told.hear(make_push(title="CTO"), digest="a")
    assert merged.repeats == last.id
    assert told.known.parts[MAIN].last_push == last


def test_an_unchanged_push_that_differs_from_the_last_one_is_no_repeat(told: Told) -> None:
    told.hear(make_push(title="CTO", city="Rome"), digest="a")
    merged = told.hear(make_push(title="CTO"), digest="b")
    assert (merged.kind, merged.repeats) == (None, None)
    assert told.hear(make_push(title="CTO", city="Rome"), digest="a").repeats is None


def test_a_repeat_that_takes_effect_again_is_no_repeat(told: Told) -> None:
    told.hear(make_push(title="CTO"), digest="a")
    told.hear(make_push(title="CEO"), source=SHOP, digest="b")
    merged = told.hear(make_push(title="CTO"), digest="a")
    assert (merged.kind, merged.repeats) == ("updated", None)


def test_another_sources_equal_push_is_no_repeat(told: Told) -> None:
    told.hear(make_push(title="CTO"), digest="a")
    told.hear(make_push(), source=SHOP, digest="b")
    assert told.hear(make_push(title="CTO"), source=SHOP, digest="a").repeats is None


def test_a_final_list_of_another_source_is_no_reason_to_forget_the_last_push(told: Told) -> None:
    told.hear(make_push(groups=["VIP"], thirdPartyId="X"), source=SHOP, digest="a")
    before = told.known.parts[SHOP]
    told.hear(make_push(groups=["Press"]), groups="replace")
    after = told.known.parts[SHOP]
    assert (after.last_push, after.expects, after.third_party_id) == (
        before.last_push,
        before.expects,
        before.third_party_id,
    )


def test_d6_there_and_back_again_are_three_changes(told: Told) -> None:
    kinds = [told.hear(make_push(title=title), digest=title).kind for title in ("A", "B", "A")]
    assert kinds == ["created", "updated", "updated"]


# --- C9 --------------------------------------------------------------------------------------------------------------


def test_c9_a_person_whom_no_source_expects_is_withdrawn(told: Told) -> None:
    told.hear(make_push())
    merged = told.hear(make_push(attending=False))
    assert (merged.kind, told.known.status) == ("withdrawn", "withdrawn")
    assert seen_by(merged, MAIN) == [PathChange("status", old="attending", new="withdrawn")]


def test_c9_while_another_source_expects_the_person_nothing_visible_changes(told: Told) -> None:
    told.hear(make_push())
    told.hear(make_push(), source=SHOP)
    merged = told.hear(make_push(attending=False))
    assert (merged.kind, told.known.status) == ("updated", "attending")
    assert seen_by(merged, MAIN) == []
    assert told.hear(make_push(attending=False), source=SHOP).kind == "withdrawn"


def test_c9_saying_it_again_is_unchanged(told: Told) -> None:
    told.hear(make_push())
    told.hear(make_push(attending=False))
    assert told.hear(make_push(attending=False)).kind is None


def test_c9_a_source_that_never_expected_the_person_withdraws_nobody(told: Told) -> None:
    told.hear(make_push())
    merged = told.hear(make_push(attending=False), source=SHOP)
    assert (merged.kind, told.known.status) == (None, "attending")


def test_c9_of_an_unknown_address_it_is_unchanged_and_creates_nobody(told: Told) -> None:
    merged = told.hear(make_push(attending=False, title="CTO"))
    assert (merged.attendee, merged.kind, merged.entries) == (None, None, [])


@pytest.mark.parametrize("attending", [None, True])
def test_c9_the_next_push_without_that_line_brings_the_person_back(told: Told, attending: bool | None) -> None:
    told.hear(make_push())
    told.hear(make_push(attending=False))
    merged = told.hear(make_push(attending=attending, title="CTO"))
    assert (merged.kind, told.known.status) == ("returned", "attending")
    assert seen_by(merged, MAIN) == [
        PathChange(TITLE, old=None, new="CTO"),
        PathChange("status", old="withdrawn", new="attending"),
    ]


def test_c9_a_withdrawal_applies_the_fields_that_come_with_it(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]))
    told.hear(make_push(attending=False, title="ill"))
    assert (told.profile("title"), told.known.status, told.in_groups()) == ("ill", "withdrawn", {"VIP"})


# --- D1 --------------------------------------------------------------------------------------------------------------


def test_d1_an_old_value_of_another_source_is_hidden(told: Told) -> None:
    told.hear(make_push(title="secret"), source=SHOP)
    merged = told.hear(make_push(title="CTO"))
    (change,) = [one for one in seen_by(merged, MAIN) if one.path == TITLE]
    assert change == PathChange(TITLE, old_hidden=True, new="CTO", old=change.old)
    assert "secret" not in repr(change)


def test_d1_ones_own_old_value_is_shown(told: Told) -> None:
    told.hear(make_push(title="CEO"))
    told.hear(make_push(title="CEO"), source=SHOP)
    merged = told.hear(make_push(title="CTO"))
    assert seen_by(merged, MAIN) == [PathChange(TITLE, old="CEO", new="CTO")]


def test_d1_a_clear_hides_what_another_source_had_set(told: Told) -> None:
    told.hear(make_push(custom_fields={"Diet": "secret"}, unknown_fields={"x": "secret"}), source=SHOP)
    merged = told.hear(make_push(custom_fields={"Diet": ""}, unknown_fields={"x": ""}))
    assert [one.old_hidden for one in seen_by(merged, MAIN)] == [True, True]
    assert "secret" not in repr(seen_by(merged, MAIN))


def test_d1_of_groups_a_source_sees_only_what_it_says_itself(told: Told) -> None:
    told.hear(make_push(groups=["Speakers"]), source=SHOP)
    merged = told.hear(make_push(groups=["VIP"]), groups="replace")
    assert seen_by(merged, MAIN) == [PathChange(GROUP_PATH, old=[], new=["VIP"])]
    assert PathChange(GROUP_PATH, old=["Speakers"], new=["VIP"]) in shown_to_all(merged.entries, FIELDS, GROUPS)


def test_staff_see_every_old_value(told: Told) -> None:
    told.hear(make_push(title="CEO"), source=SHOP)
    merged = told.hear(make_push(title="CTO"))
    assert shown_to_all(merged.entries, FIELDS, GROUPS) == [PathChange(TITLE, old="CEO", new="CTO")]


# --- D7 --------------------------------------------------------------------------------------------------------------


def test_d7_an_older_value_never_replaces_a_newer_one(told: Told) -> None:
    told.hear(make_push(title="new"), at=100)
    merged = told.hear(make_push(title="old", observed_at=50), at=101)
    assert told.profile("title") == "new"
    assert codes(merged.warnings) == [(TITLE, "older_than_current")]
    assert merged.kind is None


def test_d7_a_field_is_compared_with_itself_alone(told: Told) -> None:
    told.hear(make_push(title="new"), at=100)
    merged = told.hear(make_push(title="old", company="Acme", observed_at=50), at=101)
    assert (told.profile("title"), told.profile("company")) == ("new", "Acme")
    assert told.known.profile["company"].true_at == 50
    assert merged.kind == "updated"


def test_d7_a_value_that_was_true_at_the_same_time_replaces(told: Told) -> None:
    told.hear(make_push(title="first", observed_at=50), at=100)
    told.hear(make_push(title="second", observed_at=50), at=101)
    assert told.profile("title") == "second"


def test_d7_a_late_value_that_agrees_is_no_warning_and_does_not_make_the_value_older(told: Told) -> None:
    told.hear(make_push(title="CTO"), at=100)
    merged = told.hear(make_push(title="CTO", observed_at=50), at=101)
    assert merged.warnings == []
    assert told.known.profile["title"].true_at == 100


def test_d7_a_value_confirmed_later_beats_one_from_between(told: Told) -> None:
    told.hear(make_push(title="CTO", observed_at=10), at=100)
    told.hear(make_push(title="CTO", observed_at=60), at=101)
    told.hear(make_push(title="CEO", observed_at=30), source=SHOP, at=102)
    assert told.profile("title") == "CTO"


def test_d7_a_cleared_field_stays_cleared(told: Told) -> None:
    told.hear(make_push(title="CTO", custom_fields={"Diet": "vegan"}), at=10)
    told.hear(make_push(clear_profile=("title",), clear_custom_fields=("Diet",)), at=100)
    merged = told.hear(make_push(title="CEO", custom_fields={"Diet": "halal"}, observed_at=50), at=101)
    assert (told.profile("title"), told.field("Diet")) == (None, None)
    assert codes(merged.warnings) == [
        (TITLE, "older_than_current"),
        ("profile.customFields[0].fieldValue", "older_than_current"),
    ]


def test_d7_a_field_that_was_cleared_before_it_ever_had_a_value_stays_cleared(told: Told) -> None:
    told.hear(make_push(title="", custom_fields={"Diet": ""}, unknown_fields={"x": ""}), at=100)
    merged = told.hear(
        make_push(title="CEO", custom_fields={"Diet": "halal"}, unknown_fields={"x": "y"}, observed_at=50), at=101
    )
    assert (told.profile("title"), told.field("Diet")) == (None, None)
    assert [code for _, code in codes(merged.warnings)] == ["older_than_current"] * 3


def test_d7_an_older_clear_does_not_empty_a_newer_value(told: Told) -> None:
    told.hear(make_push(title="CTO"), at=100)
    merged = told.hear(make_push(clear_profile=("title",), observed_at=50), at=101)
    assert told.profile("title") == "CTO"
    assert codes(merged.warnings) == [(TITLE, "older_than_current")]


def test_d7_what_a_source_says_of_groups_counts_as_one_field(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), at=100)
    merged = told.hear(make_push(groups=["Press", "VIP"], observed_at=50), at=101)
    assert told.in_groups() == {"VIP"}
    assert codes(merged.warnings) == [(GROUP_PATH, "older_than_current")]


def test_d7_groups_of_another_source_are_another_field(told: Told) -> None:
    told.hear(make_push(groups=["VIP"]), at=100)
    merged = told.hear(make_push(groups=["Press"], observed_at=50), source=SHOP, at=101)
    assert told.in_groups() == {"VIP", "Press"}
    assert merged.warnings == []


def test_d7_a_first_empty_list_has_a_time_too(told: Told) -> None:
    told.hear(make_push(groups=[]), at=100)
    told.hear(make_push(groups=["VIP"], observed_at=50), at=101)
    assert told.in_groups() == set()


def test_d7_attending_is_a_field_too(told: Told) -> None:
    told.hear(make_push(attending=None), at=10)
    told.hear(make_push(attending=False), at=100)
    merged = told.hear(make_push(title="late", observed_at=50), at=101)
    assert told.known.status == "withdrawn"
    assert told.profile("title") == "late"
    assert codes(merged.warnings) == [("eventInfo.attending", "older_than_current")]


def test_d7_a_late_withdrawal_does_not_withdraw_who_was_expected_since(told: Told) -> None:
    told.hear(make_push(), at=100)
    merged = told.hear(make_push(attending=False, observed_at=50), at=101)
    assert told.known.status == "attending"
    assert codes(merged.warnings) == [("eventInfo.attending", "older_than_current")]


def test_d7_a_time_ahead_of_the_log_is_cut_to_it(told: Told) -> None:
    told.hear(make_push(title="CTO", observed_at=999), at=100)
    assert told.known.profile["title"].true_at == 100
    told.hear(make_push(title="CEO"), at=101)
    assert told.profile("title") == "CEO"


def test_d7_a_creation_from_the_past_knows_its_time(told: Told) -> None:
    told.hear(make_push(title="CTO", observed_at=50), at=100)
    assert told.known.profile["email"].true_at == 50
    assert told.known.created_at == 100


def test_d7_the_warning_stands_at_the_senders_spelling(told: Told) -> None:
    told.hear(make_push(title="new"), at=100)
    merged = told.hear(make_push(title="old", observed_at=50, spelled={TITLE: "profile.Title"}), source=MAIN, at=101)
    assert codes(merged.warnings) == [("profile.Title", "older_than_current")]


# --- Parts -----------------------------------------------------------------------------------------------------------


def test_the_parts_of_other_sources_are_untouched(told: Told) -> None:
    told.hear(make_push(groups=["VIP"], thirdPartyId="X"), source=SHOP)
    before = told.known.parts[SHOP]
    told.hear(make_push(groups=["Press"], thirdPartyId="A", attending=False))
    assert told.known.parts[SHOP] == before


def test_a_source_has_a_part_from_its_first_push(told: Told) -> None:
    told.hear(make_push(), source=SHOP)
    assert set(told.known.parts) == {SHOP}
    assert told.known.parts[SHOP] != Part()
