"""What a body says: B4–B7, C3–C5, C9, D7."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from turnout.errors import InvalidPush, MalformedBody
from turnout.feed.parse.body import decode
from turnout.feed.parse.lists import Lists
from turnout.feed.parse.push import to_push
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.push import Push

NOW = 1_750_000_000_000_000
MINUTE = 60_000_000


def brief(value: object) -> str:
    """A case's name in the report: what is sent, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}…{len(text)}"


def push(body: Any, *, lists: Lists = "none") -> Push:
    raw = body if isinstance(body, str) else json.dumps(body)
    return to_push(decode(raw.encode(), None), lists=lists, now=NOW)


def about(profile: dict[str, Any] | None = None, **root: Any) -> dict[str, Any]:
    return {"profile": {"email": "a@b.c", **(profile or {})}, **root}


def warned(read: Push) -> list[tuple[str, str]]:
    return [(warning.code, warning.path) for warning in read.warnings]


def refused(body: Any, *, lists: Lists = "none") -> list[tuple[str, str]]:
    with pytest.raises(InvalidPush) as raised:
        push(body, lists=lists)
    for problem in raised.value.problems:
        assert problem.message.endswith(".")
        assert problem.help
    return [(problem.code, problem.path) for problem in raised.value.problems]


def first_problem(body: Any) -> str:
    with pytest.raises(InvalidPush) as raised:
        push(body)
    return f"{raised.value.problems[0].message} {raised.value.problems[0].help}"


def test_b4_the_seeds_template_is_read_with_every_field_as_null() -> None:
    template = {
        "profile": dict.fromkeys(PROFILE_FIELDS, None)
        | {"email": "a@b.c", "customFields": [{"fieldName": "cf name", "fieldValue": "value"}]},
        "eventInfo": {"groups": {"groupNames": ["name1"]}},
        "key": None,
    }
    read = push(template)
    assert read.profile == dict.fromkeys(PROFILE_FIELDS[1:], None)
    assert [(field.name, field.value) for field in read.custom_fields] == [("cf name", "value")]
    assert [group.name for group in read.groups or ()] == ["name1"]
    assert (read.warnings, read.unknown_fields, read.spelled) == ((), {}, {})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('"  CTO \\n"', "CTO"),
        ('""', ""),
        ('" \\t"', ""),
        ("null", None),
        ("12345", "12345"),
        ("1.10", "1.10"),
        ("1e5", "1e5"),
        ("true", "true"),
        ("false", "false"),
        ('"a  b"', "a  b"),
    ],
    ids=brief,
)
def test_b4_what_a_field_becomes(sent: str, kept: str | None) -> None:
    read = push(f'{{"profile": {{"email": "a@b.c", "title": {sent}}}}}')
    assert read.profile == {"title": kept}
    assert read.warnings == ()


@pytest.mark.parametrize("sent", [[], ["x"], {}, {"a": "x"}, {"0": "x"}], ids=brief)
def test_b4_a_list_or_an_object_where_text_belongs_is_a_problem(sent: Any) -> None:
    assert refused(about({"title": sent})) == [("not_a_text", "profile.title")]
    assert refused(about({"email": sent})) == [("not_a_text", "profile.email")]


@pytest.mark.parametrize(
    "slip",
    ["null", "NULL", "undefined", "N/A", "{{first_name}}", "Hello {{ name }}!", "[object Object]", "%FIRSTNAME%",
     "*|FNAME|*", "${title}", "<<Title>>", "#N/A", "NaN", "None", "{title}", "[[title]]", "@{body('x')}",
     "«Title»"], ids=brief)  # fmt: skip
def test_b4_a_text_that_looks_like_a_slip_is_stored_with_a_warning(slip: str) -> None:
    read = push(about({"title": slip, "customFields": [{"fieldName": "f", "fieldValue": slip}]}))
    assert read.profile == {"title": slip}
    assert read.custom_fields[0].value == slip
    assert warned(read) == [
        ("placeholder_text", "profile.title"),
        ("placeholder_text", "profile.customFields[0].fieldValue"),
    ]


@pytest.mark.parametrize(
    "text", ["Null", "NA", "100%", "A > B", "a}", "[x]", "Nan", "*", "5*", "C#", "{}", "none", "<3"], ids=brief
)
def test_b4_an_ordinary_text_is_no_slip(text: str) -> None:
    assert push(about({"title": text})).warnings == ()


@pytest.mark.parametrize("parent", ["profile", "eventInfo"], ids=brief)
@pytest.mark.parametrize("value", ["text", 12, True, [{"email": "a@b.c"}]], ids=brief)
def test_b4_what_is_no_object_where_one_belongs_is_a_problem(parent: str, value: Any) -> None:
    assert ("object_expected", parent) in refused(about() | {parent: value})


@pytest.mark.parametrize("value", [None, "", " ", [], {}], ids=brief)
def test_b4_an_empty_parent_says_nothing(value: Any) -> None:
    assert push(about(eventInfo=value)).groups is None
    assert push(about(eventInfo={"groups": value})).groups is None
    assert push(about({"customFields": value})).custom_fields == ()


# Names


@pytest.mark.parametrize(
    ("name", "field"),
    [("First_Name", "firstName"), ("LASTNAME", "lastName"), ("third-party id", "thirdPartyId"), ("e_mail", "email")],
    ids=brief,
)
def test_b5_a_name_that_differs_only_in_its_spelling_is_that_field_with_a_warning(name: str, field: str) -> None:
    read = push({"profile": {"email": "a@b.c", name: "a@b.c"}})
    assert read.profile == ({} if field == "email" else {field: "a@b.c"})
    assert warned(read) == [("renamed_field", f"profile.{name}")]
    assert read.warnings[0].suggestion == f"profile.{field}"
    assert read.spelled == ({} if field == "email" else {f"profile.{field}": f"profile.{name}"})


def test_b5_spelling_is_tolerated_everywhere_and_warned_of_once_a_name() -> None:
    read = push(
        {
            "Profile.Email": "a@b.c",
            "Profile.title": "CTO",
            "Profile.custom_fields": [{"field_name": "f", "Field Value": "1"}],
            "event-info": {"Groups": {"group_names": ["A"]}, "Attending": True},
            "observed_at": 1_700_000_000,
            "CLEAR": ["profile.company"],
            "Key": "x",
        }
    )
    assert (read.email, read.profile, read.attending) == ("a@b.c", {"title": "CTO"}, True)
    assert [(field.path, field.name, field.value) for field in read.custom_fields] == [
        ("Profile.custom_fields[0].Field Value", "f", "1")
    ]
    assert [(group.path, group.name) for group in read.groups or ()] == [("event-info.Groups.group_names[0]", "A")]
    assert (read.observed_at, read.clear_profile) == (1_700_000_000_000_000, ("company",))
    assert sorted(path for code, path in warned(read)) == sorted(
        [
            "Profile", "Profile.Email", "Profile.custom_fields", "Profile.custom_fields[0].field_name",
            "Profile.custom_fields[0].Field Value", "event-info", "event-info.Groups",
            "event-info.Groups.group_names", "event-info.Attending", "observed_at", "CLEAR", "Key",
        ]
    )  # fmt: skip
    assert {code for code, _ in warned(read)} == {"renamed_field"}
    assert read.spell("profile.title") == "Profile.title"
    assert read.spell("eventInfo.groups.groupNames") == "event-info.Groups.group_names"
    assert read.spell("profile.customFields") == "Profile.custom_fields"


def test_b5_an_unknown_name_is_kept_and_the_warning_says_what_was_meant() -> None:
    read = push(about({"jobTitle": "CTO"}))
    assert read.unknown_fields == {"profile.jobTitle": "CTO"}
    (warning,) = read.warnings
    assert warning.code == "unknown_field"
    assert warning.path == "profile.jobTitle"
    assert warning.message == "profile.jobTitle is not a field of the profile; it is kept. Did you mean profile.title?"
    assert warning.suggestion == "profile.title"


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("position", "profile.title"), ("role", "profile.title"), ("mobile", "profile.phone"),
        ("Tele-phone", "profile.phone"), ("surname", "profile.lastName"), ("familyName", "profile.lastName"),
        ("given_name", "profile.firstName"), ("organisation", "profile.company"),
        ("organization", "profile.company"), ("employer", "profile.company"), ("bio", "profile.biography"),
        ("url", "profile.website"), ("mail", "profile.email"), ("emailAddress", "profile.email"),
        ("compnay", "profile.company"), ("tittle", "profile.title"), ("fristName", "profile.firstName"),
        ("departement", "profile.department"), ("linkedinn", "profile.linkedin"), ("cty", "profile.city"),
        ("groups", "eventInfo.groups.groupNames"), ("groupNames", "eventInfo.groups.groupNames"),
        ("custom_field", "profile.customFields"), ("shoeSize", None), ("x1", None), ("zzzzzz", None),
        ("a" * 1000, None), ("", None),
    ], ids=brief)  # fmt: skip
def test_b5_the_suggestion_is_the_nearest_field(name: str, suggestion: str | None) -> None:
    (warning,) = push(about({name: "x"})).warnings
    assert (None if warning.suggestion is UNSET else warning.suggestion) == suggestion


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("firstName", "profile.firstName"), ("company", "profile.company"), ("title", "profile.title"),
     ("attendee", "profile"), ("timestamp", "observedAt"),
     ("customFields", "profile.customFields")], ids=brief)  # fmt: skip
def test_b5_a_field_at_the_root_is_told_where_it_belongs(name: str, suggestion: str) -> None:
    read = push(about() | {name: "x"})
    assert read.unknown_fields == {name: "x"}
    assert read.warnings[0].suggestion == suggestion
    assert "is not a field of a push; it is kept." in read.warnings[0].message


def test_b5_unknown_values_are_kept_as_text_lists_and_objects_without_null() -> None:
    read = push(
        '{"profile": {"email": "a@b.c", "address": {"street": "X ", "zip": 10.0, "geo": {"lat": null}, "new": true},'
        '"tags2": ["a", null, 1], "none": null, "empty": [], "only": [null]}, "PROFILE.flat.a.1": "y",'
        '"PROFILE.flat.a.0": "x", "eventInfo.groups.staff": false, "12": {"a..b": "z"}}'
    )
    assert read.unknown_fields == {
        "profile.address": {"street": "X", "zip": "10.0", "new": "true"},
        "profile.tags2": ["a", "1"],
        "profile.empty": [],
        "profile.flat": {"a": ["x", "y"]},
        "eventInfo.groups.staff": "false",
        "12": {"a..b": "z"},
    }
    assert ("unknown_field", "profile.none") in warned(read)
    assert ("unknown_field", "PROFILE.flat") in warned(read)
    assert read.spell("profile.flat") == "PROFILE.flat"


def test_b5_many_unknown_names_are_kept_and_cost_little() -> None:
    read = push(about({f"unknown{number}": "x" for number in range(20_000)}))
    assert len(read.unknown_fields) == len(read.warnings) == 20_000


# The address


@pytest.mark.parametrize(
    "email",
    ["a@b.c", "a@localhost", "  a@b.c\\n", "zoë@bücher.example", "用户@例子.广告", "a.b+c!#$%&'*/=?^_`{|}~-d@b-c.de",
     '\\"very@odd\\"@b.c', "a@[192.168.0.1]", "a..b.@docomo.example", "x@b.c" + "d" * 315], ids=brief)  # fmt: skip
def test_b7_what_looks_like_an_address(email: str) -> None:
    assert push(f'{{"profile.email": "{email}"}}').email == json.loads(f'"{email}"').strip()


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("abc", "no @"), ("@b.c", "nothing before the @"), ("a@", "nothing behind the @"), ("a@b@c", "more than one @"),
        ("a b@c", "space"), ("a@b c", "space"), ("a@b.c, d@e.f", "more than one @"),
        ("John <a@b.c>", "signs around it"),
        ("<a@b.c>", "signs around it"), ("a@b.c\u200b", "invisible character"), ("a\u00ad@b.c", "invisible character"),
        ("a@b.c\x07", "invisible character"), ("a\u2003b@c", "space"), ("a@.c", "dot too many"),
        ("a@b.", "dot too many"),
        ("a@b..c", "dot too many"), ("mailto:a@b.c", "sign in it"), ("a@b/c", "sign in it"), ("{{email}}", "filled in"),
        ("null", "filled in"), ("x@b.c" + "d" * 316, "more than 320"), ("(a)@b", "sign in it"), ("a;b@c", "sign in it"),
    ], ids=brief)  # fmt: skip
def test_b7_what_is_no_address_is_told_why(email: str, reason: str) -> None:
    assert refused({"profile": {"email": email}}) == [("invalid_email", "profile.email")]
    assert reason in first_problem({"profile": {"email": email}})


@pytest.mark.parametrize(
    ("body", "path", "hint"),
    [
        ({}, "profile.email", 'Send it as "profile"'),
        ({"profile": {}}, "profile.email", 'Send it as "profile"'),
        ({"profile": {"email": None}}, "profile.email", "Send it"),
        ({"profile.email": "  "}, "profile.email", "Send it"),
        ({"profile": {"E-Mail": ""}}, "profile.E-Mail", "Send it"),
        ({"email": "a@b.c"}, "profile.email", "You sent email: send it as profile.email."),
        ({"profile": {"mail": "a@b.c"}}, "profile.email", "You sent profile.mail: send it as profile.email."),
        ({"person": {"emailAddress": "x"}}, "profile.email", "You sent person.emailAddress: send it as profile.email."),
        ({"profile": {"kontakt": "a@b.c"}}, "profile.email", "profile.kontakt holds an address"),
        ({"rawRequest": '{"q3_email": "a@b.c"}'}, "profile.email", "rawRequest holds JSON inside a text"),
    ],
    ids=brief,
)
def test_b7_a_missing_address_is_a_problem_that_names_the_nearest_thing(body: Any, path: str, hint: str) -> None:
    assert refused(body) == [("missing_email", path)]
    assert hint in first_problem(body)


# Custom fields


def custom(*fields: Any, **more: Any) -> dict[str, Any]:
    return about({"customFields": list(fields), **more})


def test_c4_custom_fields_in_the_flat_and_the_nested_form() -> None:
    nested = push(custom({"fieldName": " Shoe  size ", "fieldValue": 43}, {"fieldValue": "v", "fieldName": "f"}))
    flat = push(
        {
            "profile.email": "a@b.c",
            "profile.customFields.3.fieldValue": "43",
            "profile.customFields.3.fieldName": "Shoe  size",
            "profile.customFields.20.fieldName": "f",
            "profile.customFields.20.fieldValue": "v",
        }
    )
    for read in (nested, flat):
        assert [(field.name, field.value) for field in read.custom_fields] == [("Shoe  size", "43"), ("f", "v")]
    assert flat.custom_fields[0].path == "profile.customFields.3.fieldValue"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x", "x"), (" ", ""), (None, None), (True, "true"), (["a", None, " ", 2, " b "], ["a", "2", "b"]),
        (["a"], ["a"]), ([], ""), ({"1": "b", "0": "a"}, ["a", "b"]),
    ], ids=brief)  # fmt: skip
def test_c4_what_a_custom_fields_value_becomes(sent: Any, kept: Any) -> None:
    assert push(custom({"fieldName": "f", "fieldValue": sent})).custom_fields[0].value == kept


def test_c2_a_list_of_nothing_says_nothing_whatever_null_does() -> None:
    assert push(custom({"fieldName": "f", "fieldValue": [None, ""]})).custom_fields == ()


def test_c4_a_name_alone_keeps() -> None:
    (field,) = push(custom({"fieldName": "f"})).custom_fields
    assert (field.name, field.value, field.path) == ("f", None, "profile.customFields[0].fieldName")


@pytest.mark.parametrize(
    "row",
    [
        None, "", {}, {"fieldName": None, "fieldValue": None}, {"fieldName": "", "fieldValue": ""},
        {"fieldValue": None}, {"fieldName": None}, {"fieldName": "", "fieldValue": []},
    ],
    ids=brief,
)  # fmt: skip
def test_c4_an_empty_row_is_left_out(row: Any) -> None:
    assert push(custom(row)).custom_fields == ()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"fieldValue": "x"}, ("missing_name", "profile.customFields[0].fieldValue")),
        ({"fieldName": " ", "fieldValue": ["x"]}, ("missing_name", "profile.customFields[0].fieldValue")),
        ({"fieldName": ["f"], "fieldValue": "x"}, ("not_a_text", "profile.customFields[0].fieldName")),
        ({"fieldName": "f", "fieldValue": {"a": "x"}}, ("not_a_text", "profile.customFields[0].fieldValue")),
        ({"fieldName": "f", "fieldValue": {}}, ("not_a_text", "profile.customFields[0].fieldValue")),
        ({"fieldName": "f", "fieldValue": [["x"]]}, ("not_a_text", "profile.customFields[0].fieldValue[0]")),
        ({"fieldName": "f", "fieldValue": ["a", {"b": 1}]}, ("not_a_text", "profile.customFields[0].fieldValue[1]")),
        ({"fieldName": "f" * 256, "fieldValue": "x"}, ("name_too_long", "profile.customFields[0].fieldName")),
        ("x", ("object_expected", "profile.customFields[0]")),
        ([], ("object_expected", "profile.customFields[0]")),
        (["f", "x"], ("object_expected", "profile.customFields[0]")),
    ],
    ids=brief,
)
def test_c4_a_custom_field_that_cannot_be_meant_is_a_problem(row: Any, expected: tuple[str, str]) -> None:
    assert refused(custom(row)) == [expected]


def test_b3_a_name_may_have_255_characters() -> None:
    assert push(custom({"fieldName": "é" * 255, "fieldValue": "x"})).custom_fields[0].name == "é" * 255


def test_c4_the_same_name_twice_gives_the_last_with_a_warning() -> None:
    read = push(custom({"fieldName": "Größe", "fieldValue": "1"}, {"fieldName": " GRÖSSE", "fieldValue": "2"}))
    assert [(field.name, field.value) for field in read.custom_fields] == [("GRÖSSE", "2")]
    assert warned(read) == [("duplicate_custom_field", "profile.customFields[0].fieldValue")]


def test_b3_at_most_a_thousand_custom_fields() -> None:
    rows = [{"fieldName": f"f{number}", "fieldValue": "x"} for number in range(1001)]
    assert len(push(custom(*rows[:1000])).custom_fields) == 1000
    assert refused(custom(*rows)) == [("too_many_custom_fields", "profile.customFields")]


def test_c4_an_object_of_names_and_values_is_kept_as_unknown_and_told_how_to_write_it() -> None:
    read = push(about({"customFields": {"Shoe size": "43"}}))
    assert read.custom_fields == ()
    assert read.unknown_fields == {"profile.customFields.Shoe size": "43"}
    assert '{"fieldName": "Shoe size", "fieldValue": "…"}' in read.warnings[0].message


def test_c4_a_single_custom_field_without_the_list_is_a_list_of_one() -> None:
    read = push(about({"customFields": {"fieldName": "f", "fieldValue": "x"}}))
    assert [(field.name, field.value) for field in read.custom_fields] == [("f", "x")]
    assert read.warnings == ()


def test_c4_custom_fields_as_one_value_are_a_problem() -> None:
    assert refused(about({"customFields": "x"})) == [("list_expected", "profile.customFields")]


def test_b5_an_unknown_name_in_a_custom_field_is_kept() -> None:
    read = push(
        {"profile.email": "a@b.c", "profile.customFields.5": {"fieldName": "f", "fieldValue": "x", "type": "t"}}
    )
    assert read.unknown_fields == {"profile.customFields[0].type": "t"}
    assert warned(read) == [("unknown_field", "profile.customFields.5.type")]


# Groups


def groups(names: Any) -> dict[str, Any]:
    return about(eventInfo={"groups": {"groupNames": names}})


@pytest.mark.parametrize(
    ("sent", "lists", "kept"),
    [
        (["A", " B ", "a", None, "", "b", 1.5, True], "none", ["A", "B", "1.5", "true"]),
        ("VIP, Staff ,,vip", ",", ["VIP", "Staff"]),
        ("VIP; Staff", ",", ["VIP; Staff"]),
        (["A;B", "C"], ";", ["A", "B", "C"]),
        ('["A", "B", null]', "none", ["A", "B"]),
        (' [ "A,B" ] ', ",", ["A", "B"]),
        ("[VIP]", "none", ["[VIP]"]),
        ("[]", "none", []),
        ([], "none", []),
        ([], ",", []),
        (None, "none", None),
        ("", "none", None),
        (" , ,", ",", None),
        ([None, "", " "], "none", None),
        ('[null, ""]', "none", None),
        (5, "none", ["5"]),
        ({"7": "B", "2": "A"}, "none", ["A", "B"]),
        (["Straße", "STRASSE"], "none", ["Straße"]),
        (["A", "a", "B", "A"], "none", ["A", "B"]),
    ],
    ids=brief,
)
def test_c5_what_the_list_of_groups_becomes(sent: Any, lists: Lists, kept: list[str] | None) -> None:
    read = push(groups(sent), lists=lists)
    assert (None if read.groups is None else [group.name for group in read.groups]) == kept
    assert read.warnings == ()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, ("list_expected", "eventInfo.groups.groupNames")),
        ({"a": "b"}, ("list_expected", "eventInfo.groups.groupNames")),
        ([["A"]], ("not_a_text", "eventInfo.groups.groupNames[0]")),
        ([{"name": "A"}], ("not_a_text", "eventInfo.groups.groupNames[0]")),
        ('[["A"]]', ("not_a_text", "eventInfo.groups.groupNames")),
        ('["\\u0000"]', ("forbidden_character", "eventInfo.groups.groupNames")),
        (["A", "B" * 256], ("name_too_long", "eventInfo.groups.groupNames[1]")),
        ([f"g{number}" for number in range(1001)], ("too_many_groups", "eventInfo.groups.groupNames")),
        (json.dumps([f"g{number}" for number in range(1001)]), ("too_many_groups", "eventInfo.groups.groupNames")),
    ],
    ids=brief,
)
def test_c5_groups_that_cannot_be_meant_are_a_problem(sent: Any, expected: tuple[str, str]) -> None:
    assert refused(groups(sent)) == [expected]


def test_b3_a_thousand_groups_are_taken_and_splitting_counts() -> None:
    names = [f"g{number}" for number in range(1001)]
    assert len(push(groups(names[:1000])).groups or ()) == 1000
    assert refused(groups(",".join(names)), lists=",") == [("too_many_groups", "eventInfo.groups.groupNames")]


def test_c5_a_slip_among_the_groups_is_warned_of() -> None:
    assert warned(push(groups(["A", "{{group}}"]))) == [("placeholder_text", "eventInfo.groups.groupNames[1]")]
    assert warned(push(groups("A,undefined"), lists=",")) == [("placeholder_text", "eventInfo.groups.groupNames")]


@pytest.mark.parametrize(
    ("names", "lists", "sign"),
    [
        ("Crew, Speakers", "none", ","),
        ("Crew;Speakers", "none", ";"),
        ("Crew, Speakers; VIP", "none", ","),
        ("Crew, Speakers", ",", None),
        # Set at another sign, somebody has thought about it.
        ("Crew, Speakers", ";", None),
        # One name, with a sign that separates nothing.
        ("Crew,", "none", None),
        (" , ;", "none", None),
        ("Crew", "none", None),
        # Lists: each entry is one name, whatever is in it.
        (["Crew, Speakers"], "none", None),
        ('["Crew, Speakers"]', "none", None),
    ],
)
def test_c5_one_text_that_looks_like_several_groups_is_one_with_a_warning(
    names: object, lists: Any, sign: str | None
) -> None:
    """One text is a list of one, and only the setting `lists` splits texts."""
    read = push(groups(names), lists=lists)
    if sign is None:
        assert warned(read) == []
        return
    assert warned(read) == [("unsplit_groups", "eventInfo.groups.groupNames")]
    assert [group.name for group in read.groups or ()] == [names]
    assert f"lists={sign} " in read.warnings[0].message


def test_c5_a_key_within_a_text_within_a_list_is_masked() -> None:
    read = push(groups('["\\u0074rn_a1_b2"]'))
    assert [group.name for group in read.groups or ()] == ["[key removed]"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(True, True), (False, False), ("true", True), (" false ", False), (None, None), ("", None), ("  ", None)],
    ids=brief,
)
def test_c9_what_attending_becomes(sent: Any, kept: bool | None) -> None:
    assert push(about(eventInfo={"attending": sent})).attending is kept


@pytest.mark.parametrize("sent", ["yes", "no", 0, 1, "TRUE", [], [True], {"a": 1}, "null"], ids=brief)
def test_c9_anything_else_is_a_problem(sent: Any) -> None:
    assert refused(about(eventInfo={"attending": sent})) == [("invalid_attending", "eventInfo.attending")]


# observedAt


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ("2025-03-01T09:30:00+01:00", 1_740_817_800_000_000),
        ("2025-03-01T08:30:00Z", 1_740_817_800_000_000),
        ("2025-03-01 08:30z", 1_740_817_800_000_000),
        ("2025-03-01T08:30:00.123456789+00:00", 1_740_817_800_123_456),
        ("2025-03-01T08:30:00,5-00:30", 1_740_819_600_500_000),
        ("20250301T083000Z", 1_740_817_800_000_000),
        ("20250301T0830+0000", 1_740_817_800_000_000),
        ("2025-03-01T08:30+00", 1_740_817_800_000_000),
        (1_740_817_800, 1_740_817_800_000_000),
        ("1740817800", 1_740_817_800_000_000),
        (1_740_817_800.25, 1_740_817_800_250_000),
        (1_740_817_800_123, 1_740_817_800_123_000),
        (" 1740817800123 ", 1_740_817_800_123_000),
        (0, 0),
        (1, 1_000_000),
        (100_000_000_000, 100_000_000_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
        (None, None),
        ("", None),
        (NOW // 1_000_000 + 299, NOW + 299_000_000),
    ],
    ids=brief,
)
def test_d7_what_observed_at_becomes(sent: Any, at: int | None) -> None:
    read = push(about(observedAt=sent))
    assert read.observed_at == at
    assert read.warnings == ()


@pytest.mark.parametrize("raw", ["1.7408178e9", "1740817800.0", "1.7408178E+12"], ids=brief)
def test_d7_numbers_may_be_written_with_an_exponent(raw: str) -> None:
    assert push(f'{{"profile.email": "a@b.c", "observedAt": {raw}}}').observed_at == 1_740_817_800_000_000


@pytest.mark.parametrize("sent", [NOW // 1_000_000 + 301, "9999-12-31T23:59:59Z", NOW // 1000 + 600_000], ids=brief)
def test_d7_more_than_five_minutes_ahead_counts_as_now_with_a_warning(sent: Any) -> None:
    read = push(about(observedAt=sent))
    assert read.observed_at == NOW
    assert warned(read) == [("observed_at_in_future", "observedAt")]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("2025-03-01", "time_without_offset"), ("20250301", "time_without_offset"), (20250301, "time_without_offset"),
        ("2025-03-01T09:30:00", "time_without_offset"), ("yesterday", "invalid_time"),
        ("2025-02-30T00:00Z", "invalid_time"),
        ("01.03.2025 09:30", "invalid_time"), (-5, "invalid_time"), (10**15, "invalid_time"), ("1e999", "invalid_time"),
        (True, "invalid_time"), ([], "invalid_time"), ({"a": 1}, "invalid_time"), ("9" * 1000, "invalid_time"),
        ("2025-03-01T09:30:00+99:00", "invalid_time"), ("0000-01-01T00:00Z", "invalid_time"), ("now", "invalid_time"),
        ("0001-01-01T00:00+23:00", None),
    ], ids=brief)  # fmt: skip
def test_d7_what_is_no_time_is_a_problem(sent: Any, code: str | None) -> None:
    if code is None:
        assert push(about(observedAt=sent)).observed_at is not None
    else:
        assert refused(about(observedAt=sent)) == [(code, "observedAt")]


# clear


@pytest.mark.parametrize(
    ("sent", "fields", "names"),
    [
        (["profile.title", "profile.company"], ("title", "company"), ()),
        ("profile.title", ("title",), ()),
        (["profile.customFields.Shoe size", "profile.customFields.a.b [c]"], (), ("Shoe size", "a.b [c]")),
        (["profile.customFields.F", "profile.customFields. f ", "profile.title", "profile.title"], ("title",), ("F",)),
        (["profile[title]", "profile[customFields][Size]", "profile.customFields[X]"], ("title",), ("Size", "X")),
        (None, (), ()),
        ([], (), ()),
        (["", None], (), ()),
        ({"1": "profile.title", "0": "profile.city"}, ("city", "title"), ()),
    ],
    ids=brief,
)
def test_c3_clear_names_fields_and_custom_fields(sent: Any, fields: tuple[str, ...], names: tuple[str, ...]) -> None:
    read = push(about(clear=sent))
    assert (read.clear_profile, read.clear_custom_fields, read.warnings) == (fields, names, ())


def test_c3_every_field_but_the_address_can_be_cleared() -> None:
    assert push(about(clear=[f"profile.{field}" for field in PROFILE_FIELDS[1:]])).clear_profile == PROFILE_FIELDS[1:]


def test_c3_spelling_is_tolerated_with_a_warning() -> None:
    read = push(about(clear=["Profile.First_Name"]))
    assert read.clear_profile == ("firstName",)
    assert warned(read) == [("renamed_field", "clear[0]")]


@pytest.mark.parametrize(
    ("sent", "code", "hint"),
    [
        ("profile.email", "cannot_be_cleared", "Every attendee has an address"),
        ("profile.customFields", "cannot_be_cleared", "Name each custom field"),
        ("eventInfo.groups.groupNames", "cannot_be_cleared", '"groupNames": []'),
        ("eventInfo.attending", "cannot_be_cleared", '"attending": false'),
        ("profile", "cannot_be_cleared", "Name a field"),
        ("key", "cannot_be_cleared", "Name a field"),
        ("profile.jobTitle", "unknown_path", "Did you mean profile.title?"),
        ("title", "unknown_path", "Did you mean profile.title?"),
        ("profile.title.x", "unknown_path", "Name a field"),
        ("profile.customFields.", "unknown_path", "Name a field"),
        ("x" * 100_000, "unknown_path", "Name a field"),
        ("profile.customFields." + "x" * 256, "name_too_long", "shorter"),
    ],
    ids=brief,
)
def test_c3_what_cannot_be_cleared_is_a_problem(sent: str, code: str, hint: str) -> None:
    assert refused(about(clear=[sent])) == [(code, "clear[0]")]
    assert hint in first_problem(about(clear=[sent]))
    assert refused(about(clear=[["profile.title"]]))[0] == ("not_a_text", "clear[0]")
    assert refused(about(clear={"a": "profile.title"}))[0] == ("list_expected", "clear")


def test_c3_a_path_both_set_and_cleared_is_a_problem() -> None:
    fields = [{"fieldName": "Size", "fieldValue": "43"}, {"fieldName": "Diet", "fieldValue": None}]
    body = about(
        {"title": "CTO", "city": None, "state": "", "customFields": fields},
        clear=[
            "profile.title",
            "profile.city",
            "profile.state",
            "profile.customFields.size",
            "profile.customFields.diet",
        ],
    )
    assert refused(body) == [("set_and_cleared", "clear[0]"), ("set_and_cleared", "clear[3]")]


# Problems


def test_d3_all_problems_are_told_at_once() -> None:
    body = {
        "profile": {"email": "x", "title": ["a"], "customFields": [{"fieldValue": "v"}]},
        "profile.customFields[0].fieldValue": "w",
        "eventInfo": {"attending": "maybe", "groups": {"groupNames": {"a": "b"}}},
        "observedAt": "2025-03-01",
        "clear": ["profile.email"],
    }
    assert refused(body) == [
        ("conflicting_values", "profile.customFields[0].fieldValue"),
        ("invalid_email", "profile.email"),
        ("not_a_text", "profile.title"),
        ("missing_name", "profile.customFields[0].fieldValue"),
        ("list_expected", "eventInfo.groups.groupNames"),
        ("invalid_attending", "eventInfo.attending"),
        ("time_without_offset", "observedAt"),
        ("cannot_be_cleared", "clear[0]"),
    ]


def test_a4_a_body_that_did_not_open_is_malformed_here_at_the_latest() -> None:
    with pytest.raises(MalformedBody) as raised:
        push('{"a": ')
    assert raised.value.problems[0].code == "invalid_json"
    assert raised.value.detail == raised.value.problems[0].message


def test_a5_no_message_shows_a_key_or_much_of_a_value() -> None:
    for body in (
        about({"email": "trn_a1_S3cret"}),
        about({"email": "x" * 5000}),
        about(observedAt="trn_a1_S3cret " * 900),
    ):
        told = first_problem(body)
        assert "S3cret" not in told
        assert len(told) < 500
    assert "S3cret" not in str(push(about({"trn_a1_S3cret": "trn_a1_S3cret"})))
