"""C. What a push does: to whom, to which fields, lists and groups, under each setting."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.product import Product, TestedEvent
from turnout.events import keys, names
from turnout.model.attendee import PROFILE_FIELDS

JOHN = "john.doe@example.com"
FIELDS = tuple(field for field in PROFILE_FIELDS if field != "email")
EVERYTHING = {
    "profile": {
        "email": JOHN,
        **{field: f"the {field}" for field in FIELDS},
        "customFields": [
            {"fieldName": "Diet", "fieldValue": "vegan"},
            {"fieldName": "Workshops", "fieldValue": ["Sailing", "Knots"]},
        ],
    },
    "eventInfo": {"groups": {"groupNames": ["Speakers"]}},
}
"""Somebody of whom everything is known."""
TEMPLATE: dict[str, Any] = {
    "profile": {
        "thirdPartyId": None,
        "prefix": None,
        "firstName": None,
        "lastName": None,
        "email": None,
        "phone": None,
        "website": None,
        "facebook": None,
        "twitter": None,
        "linkedin": None,
        "instagram": None,
        "title": None,
        "department": None,
        "company": None,
        "city": None,
        "state": None,
        "country": None,
        "assistantName": None,
        "assistantPhone": None,
        "assistantEmail": None,
        "motto": None,
        "biography": None,
        "customFields": [{"fieldName": "cf name", "fieldValue": "value"}],
    },
    "eventInfo": {"groups": {"groupNames": ["name1"]}},
    "key": None,
}
"""The seed's, as printed there."""
FLAT_TEMPLATE: dict[str, Any] = {
    **{f"profile.{field}": None for field in TEMPLATE["profile"] if field != "customFields"},
    "profile.customFields[0].fieldName": "field1",
    "profile.customFields[0].fieldValue": "value1",
    "profile.customFields[1].fieldName": "field2",
    "profile.customFields[1].fieldValue": "value2",
    "eventInfo.groups.groupNames.0": "Group1",
    "eventInfo.groups.groupNames.1": "Group2",
    "key": None,
}
"""The seed's, too."""


def profile(**fields: Any) -> dict[str, Any]:
    return {"profile": {"email": JOHN} | fields}


def custom(*fields: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"fieldName": name, "fieldValue": value} for name, value in fields]


def grouped(groups: Any) -> dict[str, Any]:
    return {"profile": {"email": JOHN}, "eventInfo": {"groups": {"groupNames": groups}}}


def attending(value: Any) -> dict[str, Any]:
    return {"profile": {"email": JOHN}, "eventInfo": {"attending": value}}


def codes(response: httpx2.Response) -> list[tuple[str, str]]:
    """Path and code of every error of a push that has to fail."""
    assert response.status_code == 500, response.text
    return [(error["path"], error["code"]) for error in response.json()["errors"]]


def warned(receipt: dict[str, Any]) -> list[tuple[str, str]]:
    return [(warning["path"], warning["code"]) for warning in receipt["warnings"]]


def set_in_both_places(product: Product, name: str, value: str, otherwise: str) -> list[tuple[TestedEvent, str]]:
    """An event with a setting, one whose source alone has it, and one where the source has it against its event."""
    as_event = product.make_event(**{name: value})
    own, against = product.make_event(), product.make_event(**{name: otherwise})
    return [
        (as_event, as_event.key),
        (own, own.make_source("Shop", **{name: value})),
        (against, against.make_source("Shop", **{name: value})),
    ]


# C1


@pytest.mark.parametrize("written", ["JOHN.DOE@EXAMPLE.COM", " john.doe@example.com\t", "John.Doe@example.com"])
def test_c1_an_address_is_the_same_trimmed_and_without_case(event: TestedEvent, written: str) -> None:
    """Identity is (event, e-mail address), trimmed and compared without case."""
    first = event.push_ok(profile(title="CTO"))
    receipt = event.push_ok({"profile": {"email": written, "city": "Rome"}})
    assert receipt["result"] == "updated"
    assert receipt["attendee"]["id"] == first["attendee"]["id"]
    assert event.attendee(JOHN)["profile"]["title"] == "CTO"


def test_c1_case_is_compared_as_unicode_does(event: TestedEvent) -> None:
    """Compared without case."""
    first = event.push_ok({"profile": {"email": "JÖRG@STRASSE.example"}})
    again = event.push_ok({"profile": {"email": "jo\u0308rg@straße.example"}})
    assert again["attendee"]["id"] == first["attendee"]["id"]


def test_c1_the_address_is_shown_as_last_sent(event: TestedEvent) -> None:
    """The address is shown as last sent."""
    event.push_ok(profile())
    receipt = event.push_ok({"profile": {"email": "John.Doe@Example.com"}})
    assert receipt["changes"] == [{"path": "profile.email", "old": JOHN, "new": "John.Doe@Example.com"}]
    assert event.attendee(JOHN)["email"] == "John.Doe@Example.com"


def test_c1_other_addresses_and_other_events_are_other_attendees(product: Product) -> None:
    """Identity is (event, e-mail address)."""
    here, there = product.make_event(), product.make_event()
    ids = {
        here.push_ok(profile())["attendee"]["id"],
        here.push_ok({"profile": {"email": "johndoe@example.com"}})["attendee"]["id"],
        there.push_ok(profile())["attendee"]["id"],
    }
    assert len(ids) == 3


# C2


def test_c2_a_field_that_is_not_provided_keeps_its_value(event: TestedEvent) -> None:
    """A field that is not provided keeps its value."""
    event.push_ok(EVERYTHING)
    before = event.attendee(JOHN)
    assert event.push_ok(profile())["result"] == "unchanged"
    assert event.attendee(JOHN) == before


def test_c2_a_null_field_keeps_its_value(event: TestedEvent) -> None:
    """So does a field that is `null`."""
    event.push_ok(EVERYTHING)
    before = event.attendee(JOHN)
    nulls = profile(**dict.fromkeys(FIELDS), customFields=custom(("Diet", None), ("Workshops", None)))
    assert event.push_ok(nulls)["result"] == "unchanged"
    assert event.push_ok({f"profile.{field}": None for field in FIELDS} | {"profile.email": JOHN})["changes"] == []
    assert event.attendee(JOHN) == before


@pytest.mark.parametrize(
    ("template", "filled_in", "own_groups", "own_fields"),
    [
        pytest.param(
            TEMPLATE,
            {"profile": TEMPLATE["profile"] | {"email": JOHN}},
            ["name1"],
            {"cf name": "value"},
            id="nested",
        ),
        pytest.param(
            FLAT_TEMPLATE,
            {"profile.email": JOHN},
            ["Group1", "Group2"],
            {"field1": "value1", "field2": "value2"},
            id="flat",
        ),
    ],
)
def test_c2_the_seeds_template_with_only_the_address_filled_in_wipes_nothing(
    event: TestedEvent,
    template: dict[str, Any],
    filled_in: dict[str, Any],
    own_groups: list[str],
    own_fields: dict[str, str],
) -> None:
    """The seed's own template sends every unset field as `null`."""
    shop = event.make_source("Shop")
    event.push_ok(EVERYTHING, key=shop)
    before = event.attendee(JOHN)
    receipt = event.push_ok(template | filled_in)
    assert receipt["warnings"] == []
    after = event.attendee(JOHN)
    assert after["profile"] == before["profile"] == {field: f"the {field}" for field in FIELDS}
    assert after["customFields"] == before["customFields"] | own_fields
    assert after["groups"] == ["Speakers", *own_groups]
    assert event.push_ok(template | filled_in)["result"] == "unchanged"


@pytest.mark.parametrize("template", [TEMPLATE, FLAT_TEMPLATE])
def test_c2_the_seeds_template_as_printed_lacks_the_address(event: TestedEvent, template: dict[str, Any]) -> None:
    """The seed's own template sends every unset field as `null`, the address too."""
    assert codes(event.push(template)) == [("profile.email", "missing_email")]


@pytest.mark.parametrize("notation", ["nested", "flat"])
def test_c2_with_null_clear_a_null_field_is_emptied(product: Product, notation: str) -> None:
    """Setting `null = clear` makes it clear: the 21 fields and custom fields' values."""
    nested = profile(**dict.fromkeys(FIELDS), customFields=custom(("Diet", None)))
    flat = {f"profile.{field}": None for field in FIELDS} | {
        "profile.email": JOHN,
        "profile.customFields.0.fieldName": "Diet",
        "profile.customFields.0.fieldValue": None,
    }
    for event, key in set_in_both_places(product, "null", "clear", "keep"):
        event.push_ok(EVERYTHING, key=key)
        receipt = event.push_ok(nested if notation == "nested" else flat, key=key)
        assert len(receipt["changes"]) == 22
        attendee = event.attendee(JOHN)
        assert set(attendee["profile"].values()) == {None}
        assert attendee["customFields"] == {"Workshops": ["Sailing", "Knots"]}


@pytest.mark.parametrize(
    "body",
    [
        {"profile": {"email": JOHN, "customFields": None}},
        {"profile": {"email": JOHN, "customFields": [None]}},
        {"profile": {"email": JOHN, "customFields": [{"fieldName": "Workshops", "fieldValue": [None, ""]}]}},
        {"profile": {"email": JOHN}, "eventInfo": None},
        {"profile": {"email": JOHN}, "eventInfo": {"groups": None}},
        {"profile": {"email": JOHN}, "eventInfo": {"groups": {"groupNames": None}}},
        {"profile": {"email": JOHN}, "eventInfo": {"groups": {"groupNames": [None]}}},
        {"profile.email": JOHN, "eventInfo.groups.groupNames.0": None, "profile.customFields.0": None},
        {"profile.email": JOHN, "clear": None, "observedAt": None},
    ],
)
def test_c2_with_null_clear_lists_and_parents_are_never_cleared(product: Product, body: dict[str, Any]) -> None:
    """Never a list or a parent."""
    event = product.make_event(null="clear")
    event.push_ok(EVERYTHING)
    assert event.push_ok(body)["result"] == "unchanged"


def test_c2_a_source_may_keep_where_its_event_clears(product: Product) -> None:
    """The settings are a source's, with the event's as default (A6)."""
    event = product.make_event(null="clear")
    shop = event.make_source("Shop", null="keep")
    event.push_ok(profile(title="CTO"))
    event.push_ok(profile(), key=shop)
    assert event.push_ok(profile(title=None), key=shop)["result"] == "unchanged"
    assert event.push_ok(profile(title=None))["result"] == "updated"


# C3


@pytest.mark.parametrize("blank", ["", " ", " \t\n\u00a0"])
def test_c3_blank_is_provided_and_clears(event: TestedEvent, blank: str) -> None:
    """`""` (or only white space) is provided, and clears: the way to empty a field."""
    event.push_ok(EVERYTHING)
    receipt = event.push_ok(
        profile(**dict.fromkeys(FIELDS, blank), customFields=custom(("Diet", blank), ("Workshops", blank)))
    )
    assert len(receipt["changes"]) == 23
    assert {change["new"] for change in receipt["changes"]} == {None}
    attendee = event.attendee(JOHN)
    assert set(attendee["profile"].values()) == {None}
    assert attendee["customFields"] == {}
    assert attendee["groups"] == ["Speakers"]


def test_c3_with_blank_keep_blank_is_not_provided(product: Product) -> None:
    """Setting `blank = keep` is for form tools that send `""` for untouched boxes."""
    for event, key in set_in_both_places(product, "blank", "keep", "clear"):
        event.push_ok(EVERYTHING, key=key)
        blanks = profile(**dict.fromkeys(FIELDS, " "), customFields=custom(("Diet", "")))
        assert event.push_ok(blanks, key=key)["result"] == "unchanged"


def test_c3_a_source_may_clear_where_its_event_keeps(product: Product) -> None:
    """The settings are a source's, with the event's as default (A6)."""
    event = product.make_event(blank="keep")
    shop = event.make_source("Shop", blank="clear")
    event.push_ok(profile(title="CTO"))
    assert event.push_ok(profile(title=""))["result"] == "unchanged"
    assert event.push_ok(profile(title=""), key=shop)["result"] == "updated"


@pytest.mark.parametrize("settings", [{}, {"blank": "keep"}, {"null": "clear"}, {"blank": "keep", "null": "clear"}])
def test_c3_clear_empties_whatever_the_settings(product: Product, settings: dict[str, str]) -> None:
    """`"clear": ["profile.title"]` empties whatever the settings (custom fields by `profile.customFields.<name>`)."""
    event = product.make_event(**settings)
    event.push_ok(EVERYTHING)
    event.push_ok(profile(customFields=custom(("Size (EU), v1.0 [cm]", "43"))))
    paths = [f"profile.{field}" for field in FIELDS]
    paths += ["profile.customFields.DIET", "profile.customFields.Size (EU), v1.0 [cm]"]
    receipt = event.push_ok({"profile": {"email": JOHN}, "clear": paths})
    assert receipt["warnings"] == []
    attendee = event.attendee(JOHN)
    assert set(attendee["profile"].values()) == {None}
    assert attendee["customFields"] == {"Workshops": ["Sailing", "Knots"]}
    assert event.push_ok({"profile": {"email": JOHN}, "clear": paths})["result"] == "unchanged"


def test_c3_a_field_that_comes_as_null_or_blank_can_be_cleared_as_well(event: TestedEvent) -> None:
    """`clear` empties whatever the settings."""
    event.push_ok(profile(title="CTO", motto="Ahoy"))
    receipt = event.push_ok(profile(title=None, motto="") | {"clear": ["profile.title", "profile.motto"]})
    assert [change["path"] for change in receipt["changes"]] == ["profile.title", "profile.motto"]


def test_c3_what_cannot_be_cleared_is_an_error(event: TestedEvent) -> None:
    """`clear` names fields and custom fields."""
    paths = ["profile.email", "profile", "eventInfo.groups.groupNames", "profile.customFields", "profile.jobTitle"]
    assert codes(event.push(profile(title="CTO") | {"clear": [*paths, "profile.title"]})) == [
        ("clear[0]", "cannot_be_cleared"),
        ("clear[1]", "cannot_be_cleared"),
        ("clear[2]", "cannot_be_cleared"),
        ("clear[3]", "cannot_be_cleared"),
        ("clear[4]", "unknown_path"),
        ("clear[5]", "set_and_cleared"),
    ]


@pytest.mark.parametrize("settings", [{}, {"blank": "keep"}])
def test_c3_a_blank_address_is_a_missing_one(product: Product, settings: dict[str, str]) -> None:
    """A blank `email` is a missing e-mail."""
    event = product.make_event(**settings)
    assert codes(event.push({"profile": {"email": " "}})) == [("profile.email", "missing_email")]


# C4


def test_c4_custom_fields_merge_by_name(event: TestedEvent) -> None:
    """Custom fields merge by name (trimmed, compared without case). Those not named keep their value."""
    event.push_ok(profile(customFields=custom(("Shoe size", "43"), ("Diet", "vegan"))))
    receipt = event.push_ok(profile(customFields=custom((" SHOE SIZE ", "44"), ("Seat", "A1"))))
    assert receipt["changes"] == [
        {"path": "profile.customFields", "fieldName": "Shoe size", "old": "43", "new": "44"},
        {"path": "profile.customFields", "fieldName": "Seat", "old": None, "new": "A1"},
    ]
    assert event.attendee(JOHN)["customFields"] == {"Shoe size": "44", "Diet": "vegan", "Seat": "A1"}


def test_c4_an_empty_list_of_custom_fields_changes_nothing(event: TestedEvent) -> None:
    """Those not named keep their value."""
    event.push_ok(profile(customFields=custom(("Diet", "vegan"))))
    assert event.push_ok(profile(customFields=[]))["result"] == "unchanged"


@pytest.mark.parametrize("name", [None, "", "  "])
def test_c4_a_value_without_a_name_is_an_error(event: TestedEvent, name: str | None) -> None:
    """A value without a name is an error."""
    assert codes(event.push(profile(customFields=custom(("Diet", "vegan"), (name, "43"))))) == [
        ("profile.customFields[1].fieldValue", "missing_name")
    ]
    assert codes(event.push({"profile.email": JOHN, "profile.customFields.3.fieldValue": "43"})) == [
        ("profile.customFields.3.fieldValue", "missing_name")
    ]
    assert event.changes() == []


def test_c4_a_name_with_null_keeps(event: TestedEvent) -> None:
    """A name with `null` keeps."""
    event.push_ok(profile(customFields=custom(("Diet", "vegan"))))
    fields = [{"fieldName": "Diet"}, {"fieldName": "Seat", "fieldValue": None}, {"fieldName": None, "fieldValue": None}]
    assert event.push_ok(profile(customFields=fields))["result"] == "unchanged"


def test_c4_of_a_name_given_twice_the_last_wins_with_a_warning(event: TestedEvent) -> None:
    """Same name twice: the last wins, with a warning."""
    receipt = event.push_ok(profile(customFields=custom(("Diet", "vegan"), ("Seat", "A1"), ("DIET ", "none"))))
    assert warned(receipt) == [("profile.customFields[0].fieldValue", "duplicate_custom_field")]
    assert {name.lower(): value for name, value in event.attendee(JOHN)["customFields"].items()} == {
        "diet": "none",
        "seat": "A1",
    }


def test_c4_the_first_spelling_counts_per_event(product: Product) -> None:
    """The first spelling counts per event."""
    event, other = product.make_event(), product.make_event()
    event.push_ok(profile(customFields=custom(("Shoe Size", "43"))))
    event.push_ok({"profile": {"email": "ann@example.org", "customFields": custom(("SHOE SIZE", "38"))}})
    other.push_ok(profile(customFields=custom(("SHOE SIZE", "43"))))
    assert event.attendee("ann@example.org")["customFields"] == {"Shoe Size": "38"}
    assert other.attendee(JOHN)["customFields"] == {"SHOE SIZE": "43"}


def test_c4_a_multiple_choice_is_one_value(event: TestedEvent) -> None:
    """Custom fields merge by name; a list is the value of one (B4)."""
    event.push_ok(profile(customFields=custom(("Days", ["Mon", "Tue"]))))
    receipt = event.push_ok(profile(customFields=custom(("Days", ["Wed"]))))
    assert receipt["changes"][0]["old"] == ["Mon", "Tue"]
    assert event.attendee(JOHN)["customFields"] == {"Days": ["Wed"]}
    assert event.push_ok(profile(customFields=custom(("Days", "Wed"))))["result"] == "updated"
    assert event.push_ok(profile(customFields=custom(("Days", [None, ""]))))["result"] == "unchanged"
    assert event.push_ok(profile(customFields=custom(("Days", []))))["changes"][0]["new"] is None


def test_c4_a_renamed_custom_field_goes_on_matching(event: TestedEvent) -> None:
    """The first spelling counts per event, until staff rename it; former names go on matching."""
    event.push_ok(profile(customFields=custom(("Diet", "vegan"))))
    names.rename(event.database, event.id, "custom_field", "Diet", "Food")
    receipt = event.push_ok(profile(customFields=custom(("diet", "none"))))
    assert receipt["changes"] == [{"path": "profile.customFields", "fieldName": "Food", "old": "vegan", "new": "none"}]
    assert event.push_ok(profile(customFields=custom(("food", "none"))))["result"] == "unchanged"
    assert event.attendee(JOHN)["customFields"] == {"Food": "none"}


# C5


def test_c5_the_list_replaces_what_this_source_said_before(event: TestedEvent) -> None:
    """`groupNames`, when provided, is the whole list of groups *this source* puts the attendee in."""
    event.push_ok(grouped(["A", "B"]))
    receipt = event.push_ok(grouped(["B", "C"]))
    assert receipt["changes"] == [{"path": "eventInfo.groups.groupNames", "old": ["A", "B"], "new": ["B", "C"]}]
    assert event.attendee(JOHN)["groups"] == ["B", "C"]
    assert event.push_ok(profile())["result"] == "unchanged"
    assert event.push_ok(grouped(["C", "B"]))["result"] == "unchanged"


def test_c5_what_other_sources_said_is_left(event: TestedEvent) -> None:
    """It leaves what other sources said."""
    shop = event.make_source("Shop")
    event.push_ok(grouped(["A", "B"]))
    event.push_ok(grouped(["B", "C"]), key=shop)
    assert event.attendee(JOHN)["groups"] == ["A", "B", "C"]
    receipt = event.push_ok(grouped([]))
    assert receipt["changes"] == [{"path": "eventInfo.groups.groupNames", "old": ["A", "B"], "new": []}]
    assert event.attendee(JOHN)["groups"] == ["B", "C"]
    event.push_ok(grouped([]), key=shop)
    assert event.attendee(JOHN)["groups"] == []


def test_c5_a_new_key_of_a_source_says_what_the_source_says(event: TestedEvent) -> None:
    """What *this source* said before: new keys of it keep what it has said (A6)."""
    event.push_ok(grouped(["A"]))
    rotated = keys.create(event.database, event.id, source="main").text
    event.push_ok(grouped(["B"]), key=rotated)
    assert event.attendee(JOHN)["groups"] == ["B"]


@pytest.mark.parametrize("nothing", [None, [None], [""], [" ", None], "", "  ", "[null]", '[""]'])
@pytest.mark.parametrize("settings", [{}, {"null": "clear"}, {"groups": "replace"}, {"lists": ","}])
def test_c5_a_list_of_nothing_is_not_provided(product: Product, nothing: Any, settings: dict[str, str]) -> None:
    """A list with only `null` or blank entries is not provided."""
    event = product.make_event(**settings)
    event.push_ok(grouped(["A"]))
    assert event.push_ok(grouped(nothing))["result"] == "unchanged"
    assert event.attendee(JOHN)["groups"] == ["A"]


def test_c5_blank_entries_beside_others_are_left_out(event: TestedEvent) -> None:
    """A list with only `null` or blank entries is not provided; beside names they say nothing."""
    event.push_ok(grouped(["A", None, " ", "B"]))
    assert event.attendee(JOHN)["groups"] == ["A", "B"]


def test_c5_groups_add_never_removes(product: Product) -> None:
    """`groups = add` never removes."""
    for event, key in set_in_both_places(product, "groups", "add", "replace"):
        event.push_ok(grouped(["A"]), key=key)
        event.push_ok(grouped(["B"]), key=key)
        assert event.push_ok(grouped([]), key=key)["result"] == "unchanged"
        assert event.attendee(JOHN)["groups"] == ["A", "B"]


def test_c5_groups_replace_makes_the_list_final_for_everyone(product: Product) -> None:
    """`groups = replace` makes the list final for everyone."""
    for event, key in set_in_both_places(product, "groups", "replace", "add"):
        other = event.make_source("CRM", groups="source")
        event.push_ok(grouped(["A", "B"]), key=other)
        receipt = event.push_ok(grouped(["B", "C"]), key=key)
        assert receipt["changes"] == [{"path": "eventInfo.groups.groupNames", "old": [], "new": ["B", "C"]}]
        assert event.attendee(JOHN)["groups"] == ["B", "C"]
        assert event.push_ok(profile(), key=key)["result"] == "unchanged"
        event.push_ok(grouped([]), key=key)
        assert event.attendee(JOHN)["groups"] == []
        event.push_ok(grouped(["A"]), key=other)
        assert event.attendee(JOHN)["groups"] == ["A"]


@pytest.mark.parametrize(
    ("sent", "groups"),
    [
        ("VIP", ["VIP"]),
        (7, ["7"]),
        ("A, B", ["A, B"]),
        ('["VIP", "Crew"]', ["VIP", "Crew"]),
        ('[7, "x"]', ["7", "x"]),
        ("[VIP]", ["[VIP]"]),
    ],
)
def test_c5_one_text_is_a_list_of_one_or_a_json_array(event: TestedEvent, sent: Any, groups: list[str]) -> None:
    """One text is a list of one, a text that is a JSON array is that list."""
    event.push_ok(grouped(sent))
    assert event.attendee(JOHN)["groups"] == groups


def test_c5_a_text_that_is_an_empty_json_array_takes_all_back(event: TestedEvent) -> None:
    """`[]` takes all of this source's back; a text that is a JSON array is that list."""
    event.push_ok(grouped(["A"]))
    assert event.push_ok(grouped("[]"))["result"] == "updated"
    assert event.attendee(JOHN)["groups"] == []


@pytest.mark.parametrize(("sign", "otherwise"), [(",", ";"), (";", "none")])
def test_c5_the_setting_lists_splits_texts(product: Product, sign: str, otherwise: str) -> None:
    """Setting `lists = ","` (or `;`) splits texts."""
    for event, key in set_in_both_places(product, "lists", sign, otherwise):
        event.push_ok(grouped(f"A{sign} B {sign}{sign}C"), key=key)
        assert event.attendee(JOHN)["groups"] == ["A", "B", "C"]
        event.push_ok(grouped([f"D{sign}E", "F"]), key=key)
        assert event.attendee(JOHN)["groups"] == ["D", "E", "F"]
        event.push_ok(grouped('["G", "H"]'), key=key)
        assert event.attendee(JOHN)["groups"] == ["G", "H"]


def test_c5_names_are_compared_without_case_and_the_first_spelling_is_kept(event: TestedEvent) -> None:
    """Unknown groups are created. Names are compared without case, the first spelling in the event is kept."""
    event.push_ok(grouped([" Straße ", "VIP"]))
    receipt = event.push_ok(
        {"profile": {"email": "ann@example.org"}, "eventInfo": {"groups": {"groupNames": ["STRASSE", "vip", "VIP "]}}}
    )
    assert receipt["changes"][-1]["new"] == ["Straße", "VIP"]
    assert receipt["warnings"] == []
    assert event.attendee("ann@example.org")["groups"] == ["Straße", "VIP"]


def test_c5_a_renamed_group_goes_on_matching(event: TestedEvent) -> None:
    """The first spelling in the event is kept, until staff rename it; former names go on matching."""
    event.push_ok(grouped(["VIP", "Crew"]))
    names.rename(event.database, event.id, "group", "VIP", "Honoured guests")
    assert event.attendee(JOHN)["groups"] == ["Honoured guests", "Crew"]
    assert event.push_ok(grouped(["vip", "Crew"]))["result"] == "unchanged"
    assert event.push_ok(grouped(["honoured guests"]))["changes"][0]["new"] == ["Honoured guests"]


@pytest.mark.parametrize("setting", ["source", "add", "replace"])
def test_c5_a_staff_only_group_is_not_touched_by_pushes(product: Product, setting: str) -> None:
    """A group marked *staff only* is not touched by pushes; the answer warns."""
    event = product.make_event(groups=setting)
    ann = {"profile": {"email": "ann@example.org"}, "eventInfo": {"groups": {"groupNames": ["VIP"]}}}
    event.push_ok(ann)
    names.set_staff_only(event.database, event.id, "VIP", True)
    receipt = event.push_ok(grouped(["Crew", "vip"]))
    assert warned(receipt) == [("eventInfo.groups.groupNames[1]", "staff_only_group")]
    assert event.attendee(JOHN)["groups"] == ["Crew"]
    other = event.make_source("CRM")
    for key, body in ((event.key, []), (other, []), (other, ["Crew"])):
        event.push_ok(ann | {"eventInfo": {"groups": {"groupNames": body}}}, key=key)
        assert "VIP" in event.attendee("ann@example.org")["groups"]
    names.set_staff_only(event.database, event.id, "VIP", False)
    assert event.push_ok(grouped(["Crew", "vip"]))["warnings"] == []
    assert set(event.attendee(JOHN)["groups"]) == {"VIP", "Crew"}


# C8


def test_c8_the_same_push_again_changes_nothing(event: TestedEvent) -> None:
    """The same push again changes nothing and is answered 200, `unchanged`."""
    first = event.push_ok(EVERYTHING)
    again = event.push_ok(EVERYTHING)
    assert (again["result"], again["sequence"], again["changes"]) == ("unchanged", None, [])
    assert again["attendee"] == first["attendee"]
    assert len(event.changes()) == 1


def test_c8_there_and_back_again_are_changes(event: TestedEvent) -> None:
    """Pushes for one attendee take effect one after another."""
    titles = ["A", "B", "A"]
    assert [event.push_ok(profile(title=title))["sequence"] for title in titles] == [1, 2, 3]


def test_c8_pushes_at_once_for_different_fields_all_take_effect(event: TestedEvent) -> None:
    """Two at once, for different fields, both take effect."""
    bodies = [profile(**{field: f"the {field}"}) for field in FIELDS]
    bodies += [profile(customFields=custom((f"f{n}", n))) for n in range(20)]
    with ThreadPoolExecutor(10) as pool:
        receipts = list(pool.map(event.push_ok, bodies))
    assert sorted(receipt["sequence"] for receipt in receipts) == list(range(1, len(bodies) + 1))
    assert [receipt["result"] for receipt in receipts].count("created") == 1
    assert len({receipt["attendee"]["id"] for receipt in receipts}) == 1
    attendee = event.attendee(JOHN)
    assert attendee["profile"] == {field: f"the {field}" for field in FIELDS}
    assert attendee["customFields"] == {f"f{n}": str(n) for n in range(20)}


def test_c8_pushes_at_once_for_one_field_take_effect_in_the_order_of_their_sequence(event: TestedEvent) -> None:
    """They take effect one after another, in the order in which they were committed."""
    with ThreadPoolExecutor(10) as pool:
        receipts = list(pool.map(event.push_ok, [profile(title=f"title {n}") for n in range(30)]))
    receipts.sort(key=lambda receipt: receipt["sequence"])
    titles = [next(one for one in receipt["changes"] if one["path"] == "profile.title") for receipt in receipts]
    assert [one["old"] for one in titles] == [None, *(one["new"] for one in titles[:-1])]
    assert event.attendee(JOHN)["profile"]["title"] == titles[-1]["new"]


def test_c8_sources_at_once_keep_their_groups_apart(event: TestedEvent) -> None:
    """Two at once both take effect."""
    shops = [event.make_source(f"Shop {n}") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: event.push_ok(grouped([f"g{n}", "all"]), key=shops[n]), range(6)))
    assert sorted(event.attendee(JOHN)["groups"]) == ["all", *(f"g{n}" for n in range(6))]


# C9, the line of a push


@pytest.mark.parametrize("value", [False, "false", " false "])
@pytest.mark.parametrize("notation", ["nested", "flat"])
def test_c9_a_source_can_say_that_it_no_longer_expects_a_person(event: TestedEvent, value: Any, notation: str) -> None:
    """`"eventInfo": {"attending": false}`: when no source expects the person, the `status` becomes `withdrawn`."""
    event.push_ok(EVERYTHING)
    before = event.attendee(JOHN)
    body = attending(value) if notation == "nested" else {"profile.email": JOHN, "eventInfo.attending": value}
    receipt = event.push_ok(body)
    assert receipt["result"] == "updated"
    assert receipt["changes"] == [{"path": "status", "old": "attending", "new": "withdrawn"}]
    after = event.attendee(JOHN)
    assert after["status"] == "withdrawn"
    assert (after["profile"], after["groups"]) == (before["profile"], before["groups"])
    assert event.push_ok(body)["result"] == "unchanged"


@pytest.mark.parametrize("body", [profile(), attending(True), attending("true"), attending(None), attending("")])
def test_c9_the_next_push_without_that_line_brings_the_person_back(event: TestedEvent, body: dict[str, Any]) -> None:
    """The next push without that line brings the person back (`attending`). `null` and blank are as not given."""
    event.push_ok(profile())
    event.push_ok(attending(False))
    receipt = event.push_ok(body)
    assert receipt["result"] == "updated"
    assert receipt["changes"] == [{"path": "status", "old": "withdrawn", "new": "attending"}]
    assert event.attendee(JOHN)["status"] == "attending"


def test_c9_while_another_source_expects_the_person_the_status_stays(event: TestedEvent) -> None:
    """The receipt says `updated`, with no change when another source still expects the person."""
    shop = event.make_source("Shop")
    event.push_ok(profile())
    event.push_ok(profile(), key=shop)
    receipt = event.push_ok(attending(False))
    assert (receipt["result"], receipt["changes"]) == ("updated", [])
    assert event.attendee(JOHN)["status"] == "attending"
    assert event.push_ok(attending(False))["result"] == "unchanged"
    assert event.push_ok(attending(False), key=shop)["changes"][0]["new"] == "withdrawn"


def test_c9_a_source_that_never_expected_the_person_changes_nothing_by_saying_so(event: TestedEvent) -> None:
    """A source expects whom it names."""
    shop = event.make_source("Shop")
    event.push_ok(profile())
    assert event.push_ok(attending(False), key=shop)["result"] == "unchanged"
    assert event.attendee(JOHN)["status"] == "attending"


def test_c9_of_an_unknown_address_it_is_unchanged(event: TestedEvent) -> None:
    """Saying it of an unknown address (`attendee` is null) is `unchanged`."""
    receipt = event.push_ok(attending(False))
    assert (receipt["result"], receipt["attendee"], receipt["sequence"]) == ("unchanged", None, None)
    assert event.changes() == []


@pytest.mark.parametrize("value", ["no", 0, 1, "False", [], {}, [False], {"value": False}])
def test_c9_anything_else_is_an_error(event: TestedEvent, value: Any) -> None:
    """The texts `false` and `true` count as such, `null` and blank as not given, anything else is an error."""
    assert codes(event.push(attending(value))) == [("eventInfo.attending", "invalid_attending")]


def test_c9_what_else_such_a_push_says_takes_effect(event: TestedEvent) -> None:
    """A source can say in a push that it no longer expects a person."""
    event.push_ok(profile())
    event.push_ok(profile(title="CTO") | {"eventInfo": {"attending": False}})
    attendee = event.attendee(JOHN)
    assert (attendee["status"], attendee["profile"]["title"]) == ("withdrawn", "CTO")
