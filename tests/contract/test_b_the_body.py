"""B. The body: what is read, in which notations, within which limits."""

import gzip
import json
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.patience import PATIENCE_S
from tests.product import TestedEvent
from turnout.model.attendee import PROFILE_FIELDS

JOHN = "john.doe@example.com"
SEED_EXAMPLE = """{
"profile": {
"email": "john.doe@example.com",
"firstName": "John",
"lastName": "Doe"
},
"eventInfo": {
"groups": {
"groupNames": ["Group1"]
}
}
"""
"""As the seed prints it: its last brace is missing."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def codes(response: httpx2.Response) -> list[tuple[str, str]]:
    """Path and code of every error of a push that has to fail."""
    assert response.status_code == 500, response.text
    assert response.json()["retryable"] is False
    return [(error["path"], error["code"]) for error in response.json()["errors"]]


def only_error(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 500, response.text
    (error,) = response.json()["errors"]
    return error


def warned(receipt: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(warning["path"], warning["code"], warning.get("suggestion")) for warning in receipt["warnings"]]


# B1


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_b1_the_content_type_of_json_does_not_matter(event: TestedEvent, content_type: str | None) -> None:
    """One JSON object, whatever the Content-Type says."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = event.send(json.dumps({"profile": {"email": JOHN, "motto": "a&b=c"}}), headers=headers)
    assert response.status_code == 200, response.text
    assert event.attendee(JOHN)["profile"]["motto"] == "a&b=c"


def test_b1_a_byte_order_mark_is_tolerated(event: TestedEvent) -> None:
    """UTF-8 (a byte order mark is tolerated)."""
    body = b"\xef\xbb\xbf" + json.dumps({"profile": {"email": JOHN, "lastName": "Müller"}}, ensure_ascii=False).encode()
    assert event.send(body).json()["result"] == "created"
    assert event.attendee(JOHN)["profile"]["lastName"] == "Müller"


def _raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", _raw_deflate)],
)
def test_b1_gzip_and_deflate_are_read(event: TestedEvent, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """gzip and deflate Content-Encoding are read."""
    body = pack(json.dumps({"profile": {"email": JOHN, "title": "CTO"}}).encode())
    response = event.send(body, headers={"Content-Encoding": encoding})
    assert response.json()["result"] == "created", response.text


def test_b1_what_cannot_be_unpacked_is_an_error(event: TestedEvent) -> None:
    """gzip and deflate Content-Encoding are read."""
    packed = gzip.compress(json.dumps({"profile": {"email": JOHN}}).encode())
    assert codes(event.send(packed[:-9], headers={"Content-Encoding": "gzip"})) == [("", "broken_encoding")]
    assert codes(event.send("{}", headers={"Content-Encoding": "gzip"})) == [("", "broken_encoding")]
    assert event.send("{}", headers={"Content-Encoding": "br"}).json()["code"] == "unsupported_encoding"


def test_b1_a_form_is_read_as_the_flat_format(event: TestedEvent) -> None:
    """A body that does not begin like JSON and is sent as a form is read as the flat format."""
    body = (
        "profile.email=john.doe%40example.com&profile[firstName]=J%C3%B6rg&profile.lastName=von+Berg"
        "&eventInfo[groups][groupNames][]=Crew&eventInfo[groups][groupNames][]=VIP"
        "&profile[customFields][][fieldName]=Diet&profile[customFields][][fieldValue]=vegan"
        "&profile[customFields][][fieldName]=Size&profile[customFields][][fieldValue]=43"
    )
    response = event.send(body, headers=FORM)
    assert response.status_code == 200, response.text
    attendee = event.attendee(JOHN)
    assert (attendee["profile"]["firstName"], attendee["profile"]["lastName"]) == ("Jörg", "von Berg")
    assert attendee["groups"] == ["Crew", "VIP"]
    assert attendee["customFields"] == {"Diet": "vegan", "Size": "43"}


def test_b1_a_form_may_bring_the_key(event: TestedEvent) -> None:
    """A form is read as the flat format, in which the key stands at the root."""
    body = f"key={event.key}&profile.email=john.doe%40example.com"
    assert event.send(body, key=None, headers=FORM).json()["result"] == "created"


def test_b1_the_text_parts_of_multipart_are_read(event: TestedEvent) -> None:
    """A body sent as a form (url-encoded, or the text parts of multipart)."""
    parts = {
        "profile.email": (None, JOHN),
        "profile[city]": (None, "Zürich"),
        "eventInfo.groups.groupNames[]": (None, "VIP"),
    }
    response = event.product.client.post(event.gateway + "/attendees", files=parts, headers={"Api-Key": event.key})
    assert response.status_code == 200, response.text
    assert event.attendee(JOHN)["profile"]["city"] == "Zürich"
    assert event.attendee(JOHN)["groups"] == ["VIP"]


def test_b1_raw_line_breaks_and_tabs_are_taken(event: TestedEvent) -> None:
    """Raw line breaks and tabs inside JSON strings are taken, as templates put them there."""
    response = event.send('{"profile": {"email": "john.doe@example.com", "biography": "one\n\ttwo\r\nthree"}}')
    assert response.status_code == 200, response.text
    assert event.attendee(JOHN)["profile"]["biography"] == "one\n\ttwo\r\nthree"


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "utf-16"])
def test_b1_another_encoding_is_an_error_that_names_cause_and_cure(event: TestedEvent, encoding: str) -> None:
    """A body that is not UTF-8 is an error that names the likely cause (Windows PowerShell's default) and the cure."""
    body = json.dumps({"profile": {"email": JOHN, "lastName": "Müller"}}, ensure_ascii=False).encode(encoding)
    error = only_error(event.send(body, headers={"Content-Type": "application/json; charset=utf-8"}))
    assert error["code"] == "not_utf8"
    assert "UTF-16" in error["message"] if encoding == "utf-16" else "Windows PowerShell" in error["message"]
    assert "[Text.Encoding]::UTF8.GetBytes" in error["help"]


def test_b1_the_seeds_example_as_printed_lacks_a_brace_and_is_told_so(event: TestedEvent) -> None:
    """One JSON object."""
    response = event.send(SEED_EXAMPLE)
    error = only_error(response)
    assert response.json()["code"] == "malformed_body"
    assert error["code"] == "invalid_json"
    assert "a } is missing at the end" in error["message"]
    assert "line 12" in error["message"]
    assert 'near …upNames": ["Group1"] } }⟨here⟩' in error["message"]
    assert error["help"] == "Add } at the end."
    assert event.send(SEED_EXAMPLE + "}").json()["result"] == "created"


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("", "empty_body", "empty"),
        (" \n", "empty_body", "empty"),
        ('[{"profile": {}}]', "not_an_object", "list"),
        ('"text"', "not_an_object", "text"),
        ("42", "not_an_object", "number"),
        ("null", "not_an_object", "null"),
        ('{"profile": {"email": "a@b.c"}} {"profile": {}}', "several_objects", "several"),
        ('{"profile": {"email": "a@b.c"}}}', "invalid_json", "one } too many"),
        ('{"profile": {"email": "a@b.c",}}', "invalid_json", "comma"),
        ("{'profile': {}}", "invalid_json", "quotation marks"),
        ('{"profile": {"email": NaN}}', "invalid_json", "NaN"),
        ('{"profile": {"email": {{email}}}}', "invalid_json", "placeholder"),
        ("email=a@b.c", "invalid_json", ""),
    ],
)
def test_b1_what_is_not_one_json_object_is_an_error_that_says_why(
    event: TestedEvent, body: str, code: str, words: str
) -> None:
    """One JSON object."""
    error = only_error(event.send(body))
    assert error["code"] == code
    assert words in error["message"]
    assert error["help"]


# B2

NESTED = {
    "profile": {
        "email": JOHN,
        "firstName": "John",
        "customFields": [
            {"fieldName": "Diet", "fieldValue": "vegan"},
            {"fieldName": "Workshops", "fieldValue": ["Sailing", "Knots"]},
        ],
    },
    "eventInfo": {"groups": {"groupNames": ["Crew", "VIP"]}},
    "key": None,
}
FLAT = {
    "profile.email": JOHN,
    "profile.firstName": "John",
    "profile.customFields[0].fieldName": "Diet",
    "profile.customFields[0].fieldValue": "vegan",
    "profile.customFields[1].fieldName": "Workshops",
    "profile.customFields[1].fieldValue[0]": "Sailing",
    "profile.customFields[1].fieldValue[1]": "Knots",
    "eventInfo.groups.groupNames.0": "Crew",
    "eventInfo.groups.groupNames.1": "VIP",
    "key": None,
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(NESTED, id="nested"),
        pytest.param(FLAT, id="flat, as in the seed"),
        pytest.param(
            {name.replace("[", ".").replace("]", ""): value for name, value in FLAT.items()}, id="flat with dots alone"
        ),
        pytest.param(
            {name.replace(".0", "[0]").replace(".1", "[1]"): v for name, v in FLAT.items()}, id="with brackets"
        ),
        pytest.param(dict(reversed(FLAT.items())), id="flat, backwards"),
        pytest.param(
            {"profile": NESTED["profile"]} | {name: value for name, value in FLAT.items() if name.startswith("event")},
            id="nested profile, flat groups",
        ),
        pytest.param(
            {
                "profile": {
                    "email": JOHN,
                    "customFields[0]": {"fieldName": "Diet", "fieldValue": "vegan"},
                    "customFields.1.fieldName": "Workshops",
                },
                "profile.firstName": "John",
                "profile.customFields": {"1": {"fieldValue": {"0": "Sailing", "1": "Knots"}}},
                "eventInfo.groups": {"groupNames": {"1": "VIP", "0": "Crew"}},
            },
            id="flat in part, objects with indices as lists",
        ),
        pytest.param(NESTED | FLAT, id="everything twice"),
    ],
)
def test_b2_every_notation_says_the_same(event: TestedEvent, body: dict[str, Any]) -> None:
    """Nested, flat, or both mixed; `[n]` and `.n` are the same, and an object whose keys are all indices is a list."""
    receipt = event.push_ok(body)
    assert receipt["warnings"] == []
    attendee = event.attendee(JOHN)
    assert attendee["profile"]["firstName"] == "John"
    assert attendee["customFields"] == {"Diet": "vegan", "Workshops": ["Sailing", "Knots"]}
    assert attendee["groups"] == ["Crew", "VIP"]


def test_b2_different_values_for_one_path_are_an_error_that_names_both_spellings(event: TestedEvent) -> None:
    """The same path given twice with different values is an error that names both spellings."""
    body = {
        "profile": {"email": JOHN, "customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}]},
        "profile.customFields.0.fieldValue": "none",
    }
    error = only_error(event.push(body))
    assert error["code"] == "conflicting_values"
    assert error["path"] == "profile.customFields.0.fieldValue"
    assert "profile.customFields[0].fieldValue" in error["message"]
    assert "profile.customFields.0.fieldValue" in error["message"]
    assert "vegan" in error["message"]
    assert "none" in error["message"]


def test_b2_a_path_that_is_value_and_parent_is_an_error(event: TestedEvent) -> None:
    """A path that is both a value and a parent is an error."""
    assert codes(event.push({"profile.email": JOHN, "profile.title": "CTO", "profile.title.en": "CTO"})) == [
        ("profile.title", "value_and_parent")
    ]
    assert ("profile", "value_and_parent") in codes(event.push({"profile": "x", "profile.email": JOHN}))


def test_b2_a_json_key_given_twice_counts_as_a_path_given_twice(event: TestedEvent) -> None:
    """A JSON key given twice counts as a path given twice."""
    same = '{"profile": {"email": "john.doe@example.com", "title": "CTO", "title": "CTO"}}'
    assert event.send(same).json()["result"] == "created"
    other = '{"profile": {"email": "john.doe@example.com", "title": "CTO", "title": "CEO"}}'
    assert codes(event.send(other)) == [("profile.title", "conflicting_values")]
    parents = '{"profile": {"email": "john.doe@example.com"}, "profile": {"city": "Rome"}}'
    assert event.send(parents).json()["changes"] == [{"path": "profile.city", "old": None, "new": "Rome"}]


@pytest.mark.parametrize(
    "clear", [{"clear": ["profile.title"]}, {"clear.0": "profile.title"}, {"clear[0]": "profile.title"}]
)
def test_b2_key_observed_at_and_clear_stand_at_the_root_in_both_formats(
    event: TestedEvent, clear: dict[str, Any]
) -> None:
    """`key`, `observedAt` and `clear` stand at the root in both formats."""
    event.push_ok({"profile": {"email": JOHN, "title": "CTO"}, "observedAt": 1_700_000_000})
    flat = {"profile.email": JOHN, "key": event.key, "observedAt": "2024-01-01T00:00:00Z"}
    receipt = event.push_ok(flat | clear, key=None)
    assert receipt["changes"] == [{"path": "profile.title", "old": "CTO", "new": None}]
    assert receipt["warnings"] == []


# B3


def test_b3_indices_are_sort_keys_and_gaps_are_closed(event: TestedEvent) -> None:
    """Array indices are sort keys: ordered as numbers, gaps closed."""
    body: dict[str, Any] = {"profile.email": JOHN} | {
        f"eventInfo.groups.groupNames.{n}": f"G{n}" for n in (100, 9, 10, 9_999, 2)
    }
    body |= {"profile.customFields[7].fieldName": "b", "profile.customFields[7].fieldValue": "2"}
    body |= {
        "profile.customFields[07].fieldValue": "2",
        "profile.customFields[3]": {"fieldName": "a", "fieldValue": "1"},
    }
    receipt = event.push_ok(body)
    assert receipt["changes"][-1]["new"] == ["G2", "G9", "G10", "G100", "G9999"]
    assert list(event.attendee(JOHN)["customFields"]) == ["a", "b"]


def _with_fields(count: int, prefix: str = "f") -> dict[str, Any]:
    fields = [{"fieldName": f"{prefix}{n}", "fieldValue": "x"} for n in range(count)]
    return {"profile": {"email": JOHN, "customFields": fields}}


def _with_groups(count: int, prefix: str = "g") -> dict[str, Any]:
    groups = [f"{prefix}{n}" for n in range(count)]
    return {"profile": {"email": JOHN}, "eventInfo": {"groups": {"groupNames": groups}}}


def test_b3_a_push_has_at_most_1000_custom_fields_and_1000_groups(event: TestedEvent) -> None:
    """At most 1,000 custom fields and 1,000 groups in one push."""
    assert codes(event.push(_with_fields(1_001))) == [("profile.customFields", "too_many_custom_fields")]
    assert codes(event.push(_with_groups(1_001))) == [("eventInfo.groups.groupNames", "too_many_groups")]
    event.push_ok(_with_fields(1_000))
    event.push_ok(_with_groups(1_000))


def test_b3_an_event_has_at_most_2000_custom_fields(event: TestedEvent) -> None:
    """2,000 custom fields in an event."""
    event.push_ok(_with_fields(1_000, "a"))
    event.push_ok(_with_fields(1_000, "b"))
    assert codes(event.push(_with_fields(1, "c"))) == [("profile.customFields[0].fieldValue", "too_many_custom_fields")]
    assert event.push_ok(_with_fields(1_000, "A"))["result"] == "unchanged"


def test_b3_an_event_has_at_most_10000_groups(event: TestedEvent) -> None:
    """10,000 groups in an event."""
    items = [_with_groups(1_000, f"{n}-") for n in range(10)]
    assert event.push_ok(items, path="/attendees/batch?receipts=summary")["failed"] == 0
    assert codes(event.push(_with_groups(1, "more"))) == [("eventInfo.groups.groupNames[0]", "too_many_groups")]


@pytest.mark.parametrize(
    "name",
    [
        "eventInfo.groups.groupNames.10000",
        "eventInfo.groups.groupNames[99999999999999999999]",
        "profile.customFields[10000]",
    ],
)
def test_b3_no_index_is_above_9999(event: TestedEvent, name: str) -> None:
    """No index above 9,999: more is an error, and costs no memory."""
    value: Any = {"fieldName": "a", "fieldValue": "b"} if "custom" in name else "Crew"
    assert codes(event.push({"profile.email": JOHN, name: value})) == [(name, "index_too_high")]


def test_b3_an_array_longer_than_the_highest_index_is_an_error(event: TestedEvent) -> None:
    """No index above 9,999: more is an error."""
    body = {"profile": {"email": JOHN}, "eventInfo": {"groups": {"groupNames": ["x"] * 10_001}}}
    assert codes(event.push(body)) == [("eventInfo.groups.groupNames[10000]", "index_too_high")]


def test_b3_names_have_up_to_255_characters(event: TestedEvent) -> None:
    """Names up to 255 characters."""

    def body(name: str) -> dict[str, Any]:
        fields = [{"fieldName": name, "fieldValue": "x"}]
        return {"profile": {"email": JOHN, "customFields": fields}, "eventInfo": {"groups": {"groupNames": [name]}}}

    event.push_ok(body("ä" * 255))
    assert codes(event.push(body("ä" * 256))) == [
        ("profile.customFields[0].fieldName", "name_too_long"),
        ("eventInfo.groups.groupNames[0]", "name_too_long"),
    ]


# B4


def test_b4_the_profile_has_the_22_fields_of_the_template(event: TestedEvent) -> None:
    """The profile is `email` and the 21 other fields of the seed's template."""
    values = {field: f"the {field}" for field in PROFILE_FIELDS} | {"email": JOHN}
    receipt = event.push_ok({"profile": values})
    assert receipt["warnings"] == []
    assert {change["path"]: change["new"] for change in receipt["changes"]} == {
        f"profile.{field}": value for field, value in values.items()
    }
    del values["email"]
    assert event.attendee(JOHN)["profile"] == values


def test_b4_text_is_stored_as_sent_less_surrounding_white_space(event: TestedEvent) -> None:
    """Text is stored as sent, less surrounding white space."""
    event.push_ok({"profile": {"email": JOHN, "motto": " \t a  b\u00a0c \n", "title": "🎉 <b>'x' & \"y\"\\</b>"}})
    profile = event.attendee(JOHN)["profile"]
    assert profile["motto"] == "a  b\u00a0c"
    assert profile["title"] == "🎉 <b>'x' & \"y\"\\</b>"


@pytest.mark.parametrize(
    "number",
    ["12345", "1.10", "0.0", "-0", "1e3", "1E+2", "123456789012345678901234567890", "0.1000000000000000055511"],
)
@pytest.mark.parametrize("notation", ["nested", "flat"])
def test_b4_a_number_becomes_the_text_it_was_written_as(event: TestedEvent, number: str, notation: str) -> None:
    """A number becomes the text it was written as (`12345`, `1.10`)."""
    if notation == "nested":
        fields = f'[{{"fieldName": 7, "fieldValue": {number}}}]'
        body = f'{{"profile": {{"email": "{JOHN}", "phone": {number}, "customFields": {fields}}}}}'
    else:
        fields = f'"profile.customFields.0.fieldName": 7, "profile.customFields.0.fieldValue": {number}'
        body = f'{{"profile.email": "{JOHN}", "profile.phone": {number}, {fields}}}'
    assert event.send(body).json()["result"] == "created"
    assert event.attendee(JOHN)["profile"]["phone"] == number
    assert event.attendee(JOHN)["customFields"] == {"7": number}


def test_b4_true_and_false_become_those_words(event: TestedEvent) -> None:
    """`true`/`false` become `true`/`false`."""
    fields = [{"fieldName": "Newsletter", "fieldValue": False}]
    event.push_ok({"profile": {"email": JOHN, "title": True, "customFields": fields}})
    assert event.attendee(JOHN)["profile"]["title"] == "true"
    assert event.attendee(JOHN)["customFields"] == {"Newsletter": "false"}


def test_b4_a_custom_fields_value_may_be_a_list(event: TestedEvent) -> None:
    """A custom field's value may also be a list of such values (a multiple choice)."""
    fields = '[{"fieldName": "Days", "fieldValue": ["Mon ", 2, 1.50, true, null, ""]}]'
    assert event.send(f'{{"profile": {{"email": "{JOHN}", "customFields": {fields}}}}}').status_code == 200
    assert event.attendee(JOHN)["customFields"] == {"Days": ["Mon", "2", "1.50", "true"]}


@pytest.mark.parametrize("field", ["email", "title", "thirdPartyId"])
def test_b4_a_list_or_an_object_where_text_belongs_is_an_error(event: TestedEvent, field: str) -> None:
    """A list where one text belongs is an error. An object where text belongs is an error."""
    expected = [(f"profile.{field}", "not_a_text")]
    assert codes(event.push({"profile": {"email": JOHN} | {field: ["x"]}})) == expected
    assert codes(event.push({"profile": {"email": JOHN} | {field: {"en": "x"}}})) == expected


def test_b4_an_object_as_a_custom_fields_value_is_an_error(event: TestedEvent) -> None:
    """An object where text belongs is an error."""
    for value in ({"label": "x"}, [{"label": "x"}], [["x"]]):
        (error,) = codes(
            event.push({"profile": {"email": JOHN, "customFields": [{"fieldName": "a", "fieldValue": value}]}})
        )
        assert error[0].startswith("profile.customFields[0].fieldValue")
        assert error[1] == "not_a_text"


@pytest.mark.parametrize("slip", ["null", "undefined", "N/A", "{{first_name}}", "*|FNAME|*", "%FIRSTNAME%"])
def test_b4_texts_that_look_like_a_slip_are_stored_with_a_warning(event: TestedEvent, slip: str) -> None:
    """Texts that look like a sender's slip are stored, with a warning."""
    fields = [{"fieldName": "a", "fieldValue": slip}]
    receipt = event.push_ok({"profile": {"email": JOHN, "firstName": slip, "customFields": fields}})
    assert warned(receipt) == [
        ("profile.firstName", "placeholder_text", None),
        ("profile.customFields[0].fieldValue", "placeholder_text", None),
    ]
    assert event.attendee(JOHN)["profile"]["firstName"] == slip
    assert event.attendee(JOHN)["customFields"] == {"a": slip}


def test_b4_names_that_merely_resemble_a_slip_are_not_warned_of(event: TestedEvent) -> None:
    """Texts that look like a sender's slip are stored, with a warning."""
    assert event.push_ok({"profile": {"email": JOHN, "lastName": "Null", "country": "NA"}})["warnings"] == []


# B5


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("profile.FirstName", "profile.firstName"),
        ("profile.first_name", "profile.firstName"),
        ("profile.first-name", "profile.firstName"),
        ("profile.First Name", "profile.firstName"),
        ("Profile.firstName", "profile.firstName"),
        ("PROFILE.FIRST_NAME", "profile.firstName"),
        ("profile.LINKEDIN", "profile.linkedin"),
        ("profile.LinkedIn", "profile.linkedin"),
        ("profile.third_party_id", "profile.thirdPartyId"),
    ],
)
def test_b5_a_name_spelled_otherwise_is_that_field_with_a_warning(event: TestedEvent, sent: str, meant: str) -> None:
    """A name that differs from a known one only in case, `_`, `-` or spaces is that field, with a warning."""
    receipt = event.push_ok({"profile.email": JOHN, sent: "x"})
    assert receipt["changes"][-1] == {"path": meant, "old": None, "new": "x"}
    assert [warning["code"] for warning in receipt["warnings"]] == ["renamed_field"] * len(receipt["warnings"])
    assert receipt["warnings"]
    assert event.attendee(JOHN)["profile"][meant.removeprefix("profile.")] == "x"


def test_b5_groups_and_custom_fields_are_found_under_other_spellings(event: TestedEvent) -> None:
    """A name that differs from a known one only in case, `_`, `-` or spaces is that field, with a warning."""
    body = {
        "profile": {"E-Mail": JOHN, "custom_fields": [{"field_name": "Diet", "FIELDVALUE": "vegan"}]},
        "event_info": {"Groups": {"group-names": ["Crew"]}},
    }
    receipt = event.push_ok(body)
    attendee = event.attendee(JOHN)
    assert (attendee["customFields"], attendee["groups"], attendee["unknownFields"]) == (
        {"Diet": "vegan"},
        ["Crew"],
        {},
    )
    assert {code for _, code, _ in warned(receipt)} == {"renamed_field"}


@pytest.mark.parametrize("first", ["firstName", "first_name"])
def test_b5_the_exact_name_wins_where_both_come(event: TestedEvent, first: str) -> None:
    """The exact name wins where both come."""
    other = "first_name" if first == "firstName" else "firstName"
    values = {"firstName": "John", "first_name": "Johnny"}
    receipt = event.push_ok({"profile": {"email": JOHN, first: values[first], other: values[other]}})
    assert event.attendee(JOHN)["profile"]["firstName"] == "John"
    assert warned(receipt) == [("profile.first_name", "renamed_field", "profile.firstName")]
    assert receipt["warnings"][0]["message"] == (
        "profile.first_name is left aside, because profile.firstName is given too."
    )


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("profile.jobTitle", "profile.title"),
        ("profile.surname", "profile.lastName"),
        ("profile.frstName", "profile.firstName"),
        ("profile.mobile", "profile.phone"),
        ("profile.organisation", "profile.company"),
        ("profile.groups", "eventInfo.groups.groupNames"),
        ("titel", "profile.title"),
        ("tags", "eventInfo.groups.groupNames"),
        ("eventInfo.ticketNumber", None),
        ("eventInfo.groups.qqq", None),
        ("profile.zzz", None),
    ],
)
def test_b5_an_unknown_field_is_kept_and_answered_with_what_was_meant(
    event: TestedEvent, sent: str, meant: str | None
) -> None:
    """Any other unknown field is kept, not lost, and the answer warns and says what was probably meant."""
    receipt = event.push_ok({"profile.email": JOHN, sent: " kept "})
    assert warned(receipt) == [(sent, "unknown_field", meant)]
    if meant is not None:
        assert receipt["warnings"][0]["message"].endswith(f"Did you mean {meant}?")
    assert {"path": sent, "old": None, "new": "kept"} in receipt["changes"]
    assert event.attendee(JOHN)["unknownFields"] == {sent: "kept"}
    stored = event.get(f"/pushes/{receipt['id']}").json()["body"]
    assert json.loads(stored) == {"profile.email": JOHN, sent: " kept "}


def test_b5_of_an_unknown_field_the_attendee_keeps_the_latest_value(event: TestedEvent) -> None:
    """It stays with the stored push, its latest value also with the attendee."""
    event.push_ok({"profile": {"email": JOHN, "seat": {"row": 1, "places": ["A", 2.50]}, "badge": "x"}})
    event.push_ok({"profile": {"email": JOHN, "seat": {"row": 7}, "badge": None}})
    assert event.attendee(JOHN)["unknownFields"] == {"profile.seat": {"row": "7"}, "profile.badge": "x"}
    event.push_ok({"profile": {"email": JOHN, "badge": ""}})
    assert event.attendee(JOHN)["unknownFields"] == {"profile.seat": {"row": "7"}}


def test_b5_unknown_fields_cost_no_other_field(event: TestedEvent) -> None:
    """Any other unknown field is kept, not lost."""
    body = {
        "profile": {"email": JOHN, "title": "CTO", "x": None},
        "registration": [{"id": 1}],
        "note": {"deep": {"er": []}},
    }
    receipt = event.push_ok(body)
    assert event.attendee(JOHN)["profile"]["title"] == "CTO"
    assert {path for path, _, _ in warned(receipt)} == {"profile.x", "registration", "note"}


# B6


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"profile": {"email": "john.doe@example.com", "title": "a\\u0000b"}}', "profile.title"),
        ('{"profile": {"email": "john.doe@example.com", "title": "a\0b"}}', "profile.title"),
        ('{"profile.email": "john.doe@example.com", "profile.title": "\\ud83d"}', "profile.title"),
        ('{"profile": {"email": "john.doe@example.com", "title": "\\udc00\\ud83d"}}', "profile.title"),
        ('{"profile": {"email": "john\\u0000@example.com"}}', "profile.email"),
        (
            '{"profile": {"email": "john.doe@example.com"}, "eventInfo": {"groups": {"groupNames": ["a", "\\u0000"]}}}',
            "eventInfo.groups.groupNames[1]",
        ),
        (
            '{"profile": {"email": "a@example.com", "customFields": [{"fieldName": "\\ud800", "fieldValue": "x"}]}}',
            "profile.customFields[0].fieldName",
        ),
        ('{"profile": {"email": "john.doe@example.com"}, "other": {"x": "\\u0000"}}', "other.x"),
    ],
)
def test_b6_nul_and_lone_surrogates_are_errors_that_name_the_path(event: TestedEvent, body: str, path: str) -> None:
    """U+0000 and lone surrogates are errors that name the path."""
    assert (path, "forbidden_character") in codes(event.send(body))


def test_b6_nul_and_lone_surrogates_in_names_are_errors_too(event: TestedEvent) -> None:
    """U+0000 and lone surrogates are errors that name the path."""
    (error,) = codes(event.send('{"profile": {"email": "john.doe@example.com", "a\\u0000": "x"}}'))
    assert error[1] == "forbidden_character"
    assert error[0].startswith("profile.a")


def test_b6_a_surrogate_pair_is_a_character_like_any_other(event: TestedEvent) -> None:
    """Lone surrogates are errors."""
    assert event.send('{"profile": {"email": "john.doe@example.com", "motto": "\\ud83c\\udf89"}}').status_code == 200
    assert event.attendee(JOHN)["profile"]["motto"] == "🎉"


def _body_of(size: int) -> bytes:
    body = json.dumps({"profile": {"email": JOHN}}).encode()
    return body + b" " * (size - len(body))


def test_b6_a_body_over_1_mib_is_refused(event: TestedEvent) -> None:
    """A body over 1 MiB is refused."""
    assert event.send(_body_of(2**20)).json()["result"] == "created"
    response = event.send(_body_of(2**20 + 1))
    assert response.status_code == 500
    problem = response.json()
    assert (problem["code"], problem["retryable"]) == ("body_too_large", False)
    assert "1 MiB" in problem["detail"]


def test_b6_the_limit_holds_for_what_comes_in_pieces_or_packed(event: TestedEvent) -> None:
    """A body over 1 MiB is refused."""

    def pieces() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 2**16

    url, key = event.gateway + "/attendees", {"Api-Key": event.key}
    assert event.product.client.post(url, content=pieces(), headers=key).json()["code"] == "body_too_large"
    packed = gzip.compress(_body_of(50 * 2**20))
    assert event.send(packed, headers={"Content-Encoding": "gzip"}).json()["code"] == "body_too_large"
    assert (
        event.send(gzip.compress(_body_of(2**20)), headers={"Content-Encoding": "gzip"}).json()["result"] == "created"
    )


def test_b6_the_rest_of_a_body_that_is_too_large_is_not_read(event: TestedEvent) -> None:
    """A body over 1 MiB is refused without reading the rest."""
    host, port = event.product.server.url.removeprefix("http://").split(":")
    head = (
        f"POST /e/{event.slug}/attendees HTTP/1.1\r\nHost: {host}\r\nApi-Key: {event.key}\r\n"
        "Content-Length: 1000000000\r\n\r\n{"
    )
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode())
        answer = b""
        while b"body_too_large" not in answer and (received := connection.recv(65536)):
            answer += received
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"body_too_large" in answer


def _nested_objects(levels: int) -> str:
    """A body of so many levels; the root is 1."""
    return f'{{"profile.email": "{JOHN}", "x": ' + '{"x": ' * (levels - 2) + '{"x": "y"}' + "}" * (levels - 1)


def _nested_lists(levels: int) -> str:
    return f'{{"profile.email": "{JOHN}", "x": ' + "[" * (levels - 1) + '"y"' + "]" * (levels - 1) + "}"


@pytest.mark.parametrize("nest", [_nested_objects, _nested_lists])
def test_b6_nesting_deeper_than_32_is_an_error(event: TestedEvent, nest: Callable[[int], str]) -> None:
    """Nesting deeper than 32 (the root is 1) is an error."""
    assert event.send(nest(32)).status_code == 200
    for levels in (33, 1_000, 100_000):
        assert codes(event.send(nest(levels))) == [("", "too_deep")]


def test_b6_a_flat_path_nests_as_well(event: TestedEvent) -> None:
    """Nesting deeper than 32 is an error."""
    path = ".".join(["x"] * 32)
    event.push_ok({"profile.email": JOHN, path: "y"})
    for name, value in ((path + ".x", "y"), (path, ["y"]), (path, {"y": "z"})):
        assert codes(event.push({"profile.email": JOHN, name: value})) == [(name, "too_deep")]


# B7


@pytest.mark.parametrize(
    "address",
    [
        "john.doe@example.com",
        "a@b",
        "o'brien+tag@sub.example.co.uk",
        "jörg@müller.example",
        "用户@例子.广告",
        "user@[192.0.2.1]",
        '"quoted"@example.com',
        "x" * 64 + "@" + "y" * 255,
    ],
)
def test_b7_what_looks_like_an_address_is_taken(event: TestedEvent, address: str) -> None:
    """It must look like an address (local part, one `@`, a domain; international ones too; up to 320 characters)."""
    assert event.push_ok({"profile": {"email": address}})["attendee"]["email"] == address


@pytest.mark.parametrize(
    "address",
    [
        "john.doe",
        "john@doe@example.com",
        "@example.com",
        "john@",
        "john doe@example.com",
        "John <john@example.com>",
        "john@example.com, ann@example.com",
        "john@example..com",
        "jo\u200bhn@example.com",
        "x" * 64 + "@" + "y" * 256,
        "{{email}}",
    ],
)
def test_b7_what_does_not_look_like_an_address_is_an_error(event: TestedEvent, address: str) -> None:
    """It must look like an address."""
    assert codes(event.push({"profile.email": address})) == [("profile.email", "invalid_email")]
    assert event.changes() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"profile": {}},
        {"profile": None},
        {"profile": {"email": None}},
        {"profile": {"email": ""}},
        {"profile.email": "  "},
        {"email": JOHN},
    ],
)
def test_b7_email_is_necessary(event: TestedEvent, body: dict[str, Any]) -> None:
    """`email` is necessary."""
    assert codes(event.push(body)) == [("profile.email", "missing_email")]


def test_b7_a_missing_address_is_told_where_it_probably_stands(event: TestedEvent) -> None:
    """`email` is necessary."""
    assert "You sent email: send it as profile.email." in only_error(event.push({"email": JOHN}))["help"]
    assert "profile.mail" in only_error(event.push({"profile": {"mail": JOHN}}))["help"]


# All of B at once


def test_b_errors_list_every_problem_in_the_senders_own_notation(event: TestedEvent) -> None:
    """`errors`, every problem found, each with a path in the sender's own notation (D3)."""
    body = {
        "Profile": {"E_Mail": "nobody", "job": "x", "TITLE": ["x"]},
        "profile.customFields.0.fieldValue": "43",
        "profile.customFields[1]": "text",
        "profile.city": "Rome",
        "profile.city.name": "Rome",
        "eventInfo": {"groups.groupNames": {"a": "b"}, "attending": "maybe"},
        "observedAt": "yesterday",
        "clear": ["profile.email", "profile.nothing"],
    }
    assert sorted(codes(event.push(body))) == sorted(
        [
            ("Profile.E_Mail", "invalid_email"),
            ("Profile.TITLE", "not_a_text"),
            ("profile.customFields.0.fieldValue", "missing_name"),
            ("profile.customFields[1]", "object_expected"),
            ("profile.city", "value_and_parent"),
            ("eventInfo.groups.groupNames", "list_expected"),
            ("eventInfo.attending", "invalid_attending"),
            ("observedAt", "invalid_time"),
            ("clear[0]", "cannot_be_cleared"),
            ("clear[1]", "unknown_path"),
        ]
    )
    assert event.changes() == []
