"""Nested, flat and mixed bodies are one tree (B2, B3)."""

import json
import time

import pytest

from turnout.feed.parse.body import decode
from turnout.feed.parse.fields import PUSH
from turnout.feed.parse.notes import Notes
from turnout.feed.parse.paths import Missing, Node, as_text, normalise

FORM = "application/x-www-form-urlencoded"


def brief(value: object) -> str:
    """A case's name in the report: what is sent, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}…{len(text)}"


def read(body: str, content_type: str | None = None) -> tuple[object, Notes]:
    opened = decode(body.encode(), content_type)
    assert opened.object is not None, opened.problems
    notes = Notes()
    tree = normalise(opened.object, PUSH, notes, may_hold_odd_characters=opened.may_hold_odd_characters)
    return show(tree), notes


def show(node: Node) -> object:
    """The tree as plain lists and objects."""
    if node.children is None:
        return None if isinstance(node.value, Missing) else as_text(node.value)
    if node.is_list:
        return [show(item) for item in node.items()]
    return {child.name: show(child) for child in node.items()}


def tree(body: str, content_type: str | None = None) -> object:
    shown, notes = read(body, content_type)
    assert notes.problems == []
    return shown


def problems(body: str) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in read(body)[1].problems]


NESTED = {
    "profile": {
        "email": "a@b.c",
        "customFields": [{"fieldName": "f", "fieldValue": "1"}, {"fieldName": "g", "fieldValue": ["2", "3"]}],
    },
    "eventInfo": {"groups": {"groupNames": ["A", "B"]}},
}


@pytest.mark.parametrize(
    "body",
    [
        NESTED,
        {
            "profile.email": "a@b.c",
            "profile.customFields[0].fieldName": "f",
            "profile.customFields[0].fieldValue": "1",
            "profile.customFields[1].fieldName": "g",
            "profile.customFields[1].fieldValue[0]": "2",
            "profile.customFields[1].fieldValue[1]": "3",
            "eventInfo.groups.groupNames.0": "A",
            "eventInfo.groups.groupNames.1": "B",
        },
        {
            "profile": {
                "email": "a@b.c",
                "customFields.7.fieldValue.3": "3",
                "customFields.7": {"fieldName": "g", "fieldValue": {"1": "2"}},
                "customFields": {"2": {"fieldName": "f"}},
            },
            "profile.customFields[2].fieldValue": "1",
            "eventInfo.groups": {"groupNames[9999]": "B", "groupNames": {"0005": "A"}},
        },
        {
            "profile[email]": "a@b.c",
            "profile[customFields]": [{"fieldName": "f"}],
            "profile": {"customFields[0].fieldValue": "1", "customFields[1]": {"fieldValue": ["2", "3"]}},
            "profile[customFields].1[fieldName]": "g",
            "eventInfo": {"groups.groupNames": ["A"], "groups.groupNames.1": "B"},
        },
    ],
    ids=brief,
)
def test_b2_every_notation_gives_the_same_tree(body: dict[str, object]) -> None:
    assert tree(json.dumps(body)) == NESTED


def test_b3_indices_are_sorted_as_numbers_and_gaps_are_closed() -> None:
    assert tree('{"clear.10": "c", "clear.9": "b", "clear[0]": "a"}') == {"clear": ["a", "b", "c"]}
    assert tree('{"a": {"b": [{"10": "y", "9": "x"}, {"1": "n", "c": "m"}]}}') == {
        "a": {"b": [["x", "y"], {"1": "n", "c": "m"}]}
    }


def test_b1_empty_brackets_append() -> None:
    assert tree("g[]=a&g[]=b&clear[]=x", FORM) == {"g": ["a", "b"], "clear": ["x"]}
    assert tree('{"x": {"": "q"}, "x[]": "y", "x[]": "z"}') == {"x": {"": "q", "0": "y", "1": "z"}}
    assert tree("g[3]=a&g[]=b&g[1]=c", FORM) == {"g": ["c", "a", "b"]}
    assert tree("c[][n]=1&c[][v]=2&c[][n]=3&c[][w][]=4&c[][w][]=5&c[][n]=6", FORM) == {
        "c": [{"n": "1", "v": "2"}, {"n": "3", "w": ["4", "5"]}, {"n": "6"}]
    }


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "a.", ".a", "a[", "a]", "a[0", "a[[0]]", "a]b[", "Size [EU", "[]x"], ids=brief
)
def test_b5_a_name_that_is_no_path_is_one_name(name: str) -> None:
    assert tree(json.dumps({"profile": {name: "x"}})) == {"profile": {name: "x"}}


def test_b2_the_same_path_with_equal_values_is_fine() -> None:
    shown = tree(
        '{"profile": {"email": "a@b.c", "email": " a@b.c "}, "profile.email": "a@b.c", "profile": {"title": 1.0},'
        '"profile.title": "1.0", "clear": ["a"], "clear": ["a"], "clear[0]": "a", "x": null, "x": null}'
    )
    assert shown == {"profile": {"email": "a@b.c", "title": "1.0"}, "clear": ["a"], "x": None}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"profile": {"title": "a"}, "profile.title": "b"}', [("conflicting_values", "profile.title")]),
        ('{"a.0": "x", "a[0]": "y"}', [("conflicting_values", "a[0]")]),
        ('{"a": "x", "a": "y"}', [("conflicting_values", "a")]),
        ('{"a": null, "a": "y"}', [("conflicting_values", "a")]),
        ('{"a": 1, "a": 1.0}', [("conflicting_values", "a")]),
        ('{"a": ["x"], "a": ["x", "y"]}', [("conflicting_values", "a")]),
        ('{"a": ["x"], "a": ["z"]}', [("conflicting_values", "a[0]")]),
        ('{"a[00]": "x", "a.0": "y"}', [("conflicting_values", "a.0")]),
        ('{"a": "x", "a.b": "y"}', [("value_and_parent", "a")]),
        ('{"a.b": "y", "a": "x"}', [("value_and_parent", "a")]),
        ('{"a": "x", "a": {}}', [("value_and_parent", "a")]),
        ('{"profile": "x", "profile.email": "y"}', [("value_and_parent", "profile")]),
        ('{"a": "1", "a": "2", "b": "1", "b": {"c": 1}}', [("conflicting_values", "a"), ("value_and_parent", "b")]),
    ],
    ids=brief,
)
def test_b2_a_contradiction_is_a_problem(body: str, expected: list[tuple[str, str]]) -> None:
    assert problems(body) == expected


def test_b2_a_contradiction_names_both_spellings_and_both_values() -> None:
    _, notes = read('{"profile": {"customFields": [{"fieldValue": "x"}]}, "profile.customFields.0.fieldValue": 12}')
    assert notes.problems[0].message == (
        "profile.customFields[0].fieldValue and profile.customFields.0.fieldValue are the same, and are given, with "
        'different values: "x" and 12.'
    )


def test_b5_the_exact_name_wins_whatever_the_order() -> None:
    for body in (
        '{"profile": {"Title": "x", "title": "y", "TITLE": "z"}}',
        '{"PROFILE.title": "x", "profile.title": "y"}',
    ):
        shown, notes = read(body)
        assert shown == {"profile": {"title": "y"}}
        assert notes.problems == []
        assert {warning.code for warning in notes.warnings} == {"renamed_field"}
    assert problems('{"profile": {"Title": "x", "TITLE": "y"}}') == [("conflicting_values", "profile.TITLE")]


ASIDE = "profile.{} is left aside, because profile.title is given too."
SAME = "profile.{} says the same as profile.title, which is given too."
TAKEN = "profile.{} is taken as profile.title, which is how it is spelled."


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ('{"Title": "x", "title": "y"}', [ASIDE.format("Title")]),
        ('{"title": "y", "Title": "x"}', [ASIDE.format("Title")]),
        ('{"title": "y", "Title": " y "}', [SAME.format("Title")]),
        ('{"Title": "y", "title": "y"}', [SAME.format("Title")]),
        ('{"Title": "x", "Title": "z", "title": "y"}', [ASIDE.format("Title")]),
        ('{"Title": "x", "title": "y", "TITLE": "z"}', [ASIDE.format("Title"), ASIDE.format("TITLE")]),
        ('{"Title": "y", "title": "y", "TITLE": "z"}', [SAME.format("Title"), ASIDE.format("TITLE")]),
        ('{"Title": "x"}', [TAKEN.format("Title")]),
        ('{"Title": "x", "TITLE": "x"}', [TAKEN.format("Title")]),
    ],
    ids=brief,
)
def test_b5_another_spelling_is_warned_of_once_and_the_exact_name_never(profile: str, expected: list[str]) -> None:
    _, notes = read(f'{{"profile": {profile}}}')
    assert notes.problems == []
    assert [warning.message for warning in notes.warnings] == expected
    assert [f"{warning.path} " in warning.message for warning in notes.warnings] == [True] * len(expected)
    assert {warning.suggestion for warning in notes.warnings} == {"profile.title"}


def test_b5_what_a_parent_is_taken_as_and_what_of_it_is_left_aside_are_two_things() -> None:
    shown, notes = read('{"Profile": {"title": "x", "city": "c"}, "profile": {"title": "y"}}')
    assert shown == {"profile": {"title": "y", "city": "c"}}
    assert [(warning.path, warning.message.split(", ")[0]) for warning in notes.warnings] == [
        ("Profile", "Profile is taken as profile"),
        ("Profile.title", "Profile.title is left aside"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"clear[10000]": "x"}', "clear[10000]"),
        ('{"clear.10000": "x"}', "clear.10000"),
        ('{"clear": {"10000": "x"}}', "clear.10000"),
        ('{"a[99999999999999999999]": "x"}', "a[99999999999999999999]"),
        (f'{{"profile.customFields[{"9" * 100_000}].fieldName": "x"}}', None),
        (json.dumps({"clear": ["x"] * 10_001}), "clear[10000]"),
        (json.dumps({"a": {"b": [0] * 10_001}}), "a.b[10000]"),
        ('{"a[9999]": 1, "a[]": 2, "a[]": 3}', "a[]"),
    ],
    ids=brief,
)
def test_b3_no_index_is_above_9999(body: str, expected: str | None) -> None:
    ((code, path),) = problems(body)
    assert code == "index_too_high"
    assert expected is None or path == expected
    assert len(path) <= 300


def test_b3_an_unknown_object_may_have_numbers_as_keys() -> None:
    assert tree('{"answers": {"100200300": "x", "0": "y"}}') == {"answers": {"100200300": "x", "0": "y"}}


def test_b6_flat_paths_are_not_deeper_than_nested_ones() -> None:
    assert problems(json.dumps({".".join("a" * 32): "x"})) == []
    assert problems(json.dumps({".".join("a" * 33): "x"}))[0][0] == "too_deep"
    assert problems(json.dumps({".".join("a" * 400_000): "x"}))[0][0] == "too_deep"
    assert problems(json.dumps({"a": {".".join("a" * 30): {"b": "x"}}})) == []
    assert problems(json.dumps({"a": {".".join("a" * 30): {"b": {}}}}))[0][0] == "too_deep"
    assert problems(json.dumps({".".join("a" * 31): ["x"]})) == []
    assert problems(json.dumps({".".join("a" * 31): [["x"]]}))[0][0] == "too_deep"
    assert problems('{"a": ' * 32 + '"x"' + "}" * 32) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"profile": {"title": "a\\u0000b"}}', "profile.title"),
        ('{"profile": {"title": "a\0b"}}', "profile.title"),
        ('{"profile.title": "\\ud800"}', "profile.title"),
        ('{"a": ["x", "\\udfff"]}', "a[1]"),
        ('{"a\\u0000": "x"}', "a\\u0000"),
        ('{"a": {"\\udead.b": "x"}}', "a.\\udead.b"),
    ],
    ids=brief,
)
def test_b6_nul_and_lone_surrogates_are_problems_with_their_path(body: str, path: str) -> None:
    assert problems(body) == [("forbidden_character", path)]


def test_b6_a_pair_of_surrogates_is_a_character() -> None:
    assert tree('{"a": "\\ud83d\\ude00", "b": "\\\\u0000"}') == {"a": "\U0001f600", "b": "\\u0000"}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"profile.f{number}": "x" for number in range(40_000)}),
        json.dumps({"a": [[0] * 9_000] * 30}),
        "{" + ",".join(['"a[]": 1'] * 90_000) + "}",
        "{" + ",".join(['"a": 1'] * 90_000) + "}",
        "{" + ",".join(f'"a": {number}' for number in range(90_000)) + "}",
        json.dumps({"a.b[" * number: 1 for number in range(700)}),
        "{" + ",".join(f'"a[{number % 10000}].b": 1' for number in range(60_000)) + "}",
    ],
    ids=brief,
)
def test_b3_no_body_of_a_mib_costs_more_than_a_few_seconds(body: str) -> None:
    started = time.process_time()
    read(body)
    assert time.process_time() - started < 8
