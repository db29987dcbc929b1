"""Taking a batch apart: E1, E3."""

import json
import tracemalloc

import pytest

from turnout.feed.batch.split import MAX_ITEMS, Batch, split
from turnout.feed.parse.body import decode

ITEMS = [{"profile": {"email": "zoë@b.c", "title": "\U0001f600"}}, {"profile.email": "b@b.c"}, {}]
NDJSON = "application/x-ndjson"


def brief(value: object) -> str:
    """A case's name in the report: what is sent, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}…{len(text)}"


def code(batch: Batch) -> str:
    assert len(batch) == 0
    return batch.problems[0].code


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(ITEMS, ensure_ascii=False), "application/json"),
        ("\ufeff\r\n " + json.dumps(ITEMS, indent=2, ensure_ascii=False) + "\n", None),
        (json.dumps({"attendees": ITEMS}, ensure_ascii=False), None),
        (json.dumps({"source": {"a": [1]}, "Attendees": ITEMS, "x": 1}, indent=2, ensure_ascii=False), "text/plain"),
        ("\n".join(json.dumps(item, ensure_ascii=False) for item in ITEMS), None),
        ("\r\n\r\n".join(json.dumps(item, ensure_ascii=False) for item in ITEMS) + "\r\n\r\n", NDJSON),
    ],
    ids=brief,
)
def test_e1_all_three_forms_give_the_items_as_bodies_of_their_own(body: str, content_type: str | None) -> None:
    batch = split(body.encode(), content_type)
    assert batch.problems == ()
    expected = [decode(json.dumps(item, ensure_ascii=False).encode(), None).object for item in ITEMS]
    assert [item.object for item in batch.items()] == expected


@pytest.mark.parametrize("body", ["[]", ' {"attendees": [ ]} '], ids=brief)
def test_e1_an_empty_batch_is_a_batch(body: str) -> None:
    batch = split(body.encode(), None)
    assert (len(batch), batch.problems) == (0, ())


def test_e1_a_line_that_is_not_json_fails_alone() -> None:
    batch = split(b'{"a": 1}\nnonsense\n{"a": 2},\n[1]\n{"a": 3}', NDJSON)
    assert [item.problems[0].code if item.problems else None for item in batch.items()] == [
        None, "invalid_json", "invalid_json", "not_an_object", None,
    ]  # fmt: skip
    spoiled = split(b'{"a": \n{"a": 2}\n{"a": 3}', "application/json")
    assert [bool(item.problems) for item in spoiled.items()] == [True, False, False]


def test_e1_an_item_that_is_no_object_or_not_utf8_fails_alone() -> None:
    batch = split(b'[{"a": 1}, 12, "x", [], {"a": "\xe9"}, null]', None)
    assert [item.problems[0].code if item.problems else None for item in batch.items()] == [
        None, "not_an_object", "not_an_object", "not_an_object", "not_utf8", "not_an_object",
    ]  # fmt: skip
    assert "Each item is one object" in batch.item(1).problems[0].help


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "empty_body"),
        ("  ", "empty_body"),
        ("[{}, {}", "invalid_json"),
        ("[{}, {},]", "invalid_json"),
        ("[{} {}]", "invalid_json"),
        ("[,]", "invalid_json"),
        ("[{}], 1", "invalid_json"),
        ('[{"a": NaN}]', "invalid_json"),
        ('[{"a": "b}]', "invalid_json"),
        ('{"attendees": [{}], "key": }', "invalid_json"),
        ('{"attendees": [{}]', "invalid_json"),
        ('{"attendees": [{}], }', "invalid_json"),
        ('{"attendees": [], "attendees": []}', "not_a_batch"),
        ('{"attendees": {}}', "not_a_batch"),
        ('{\n"profile": {"email": "a@b.c"}\n}', "not_a_batch"),
        ("{\n}", "not_a_batch"),
        ("no field\na@b.c\n", "not_a_batch"),
        ("[" * 2**20, "too_deep"),
        ("[" + "{}," * MAX_ITEMS + "{}]", "too_many_items"),
        ("{}\n" * (MAX_ITEMS + 1), "too_many_items"),
        ('[{"a": "' + "x" * 2**20 + '"}]', "item_too_large"),
    ],
    ids=brief,
)
def test_e1_a_slip_makes_the_whole_of_an_array_or_object_unreadable(body: str, expected: str) -> None:
    assert code(split(body.encode(), None)) == expected


def test_e1_the_problem_says_where_it_is_even_far_behind_other_letters() -> None:
    batch = split(("[\n" + '{"a": "ë"},\n' * 3000 + '{"é": "ë",}\n]').encode(), None)
    assert "comma behind the last entry" in batch.problems[0].message
    assert "(line 3002, column 1" in batch.problems[0].message
    assert '{"é": "ë",' in batch.problems[0].message


def test_d3_the_excerpt_in_a_batch_says_where_it_was_cut() -> None:
    batch = split(('[{"a": "' + "é" * 40 + '" "' + "ü" * 40 + '"}]').encode(), None)
    assert f'near …{"é" * 23}"⟨here⟩"{"ü" * 23}…)' in batch.problems[0].message


@pytest.mark.parametrize(
    ("body", "index", "place"),
    [
        ('{"a": 1}\n{"a": }\n', 1, "line 2, column 7"),
        ('{"a": 1}\r\n\r\n  \r\n  {"a": ü}\r\n{"a": 2}', 1, "line 4, column 9"),
        ('\ufeff{"a": }\n{"a": 1}', 0, "line 1, column 7"),
        ('\ufeff  {"a": }\n{"a": 1}', 0, "line 1, column 9"),
        ('\n\n{"a": "(line 1, column 1", }\n', 0, "line 3, column 2"),
        ('{"a": 1}\n{"a": 1} {"a": 2}\n', 1, "line 2, column 10"),
        ('{"ä": 1}\n' * 3_000 + '{"ä": "é", "b": 01}', 3_000, "line 3001, column 18"),
    ],
    ids=brief,
)
def test_e1_the_problem_of_a_line_says_where_in_the_batch_it_is(body: str, index: int, place: str) -> None:
    batch = split(body.encode(), NDJSON)
    assert f"({place}" in batch.item(index).problems[0].message
    assert f"({place}" in next(item for item in batch.items() if item.problems).problems[0].message


@pytest.mark.parametrize("content_type", [None, NDJSON])
def test_e1_an_item_that_is_not_utf8_says_where_in_the_batch_it_is(content_type: str | None) -> None:
    lines = b'{"a": 1}\n{"a": 2}\n{"a": "\xe9"}'
    batch = split(lines if content_type else b"[\n" + lines.replace(b"}\n", b"},\n") + b"\n]", content_type)
    assert f"in line {3 if content_type else 4} is" in batch.item(2).problems[0].message


def test_e1_the_most_items_are_taken() -> None:
    assert len(split(b"[" + b"{}," * (MAX_ITEMS - 1) + b"{}]", None)) == MAX_ITEMS
    assert len(split(b"{}\n\n" * MAX_ITEMS, None)) == MAX_ITEMS


def test_e1_a_line_that_is_too_large_fails_alone() -> None:
    batch = split(b'{"a": "' + b"x" * 2**20 + b'"}\n{"a": 1}', NDJSON)
    assert [item.problems[0].code if item.problems else None for item in batch.items()] == ["item_too_large", None]


def test_e1_an_item_that_is_too_deep_fails_alone() -> None:
    batch = split(b'[{"a": ' + b"[" * 40 + b"]" * 40 + b"}, {}]", None)
    assert [bool(item.problems) for item in batch.items()] == [True, False]


@pytest.mark.parametrize("size", [4096, 64 * 1024, 70_000])
def test_e1_a_value_at_the_edge_of_what_is_read_at_once_is_read_whole(size: int) -> None:
    for extra in (-1, 0, 1):
        batch = split(b"[" + b"1" * (size + extra) + b', {"a": "b"}]', None)
        assert (len(batch), batch.problems) == (2, ())
        assert batch.item(1).object == (("a", "b"),)


def test_e3_the_key_is_found_at_the_root_and_in_the_items() -> None:
    batch = split(
        b'{"Key": "a", "attendees": [{"key": "b"}, {}, {"key": "b"}, {"KEY": "c"}], "key": "d", "key": null}', None
    )
    assert batch.keys == ("a", "d")
    assert list(batch.item_keys()) == ["b", "c"]
    assert [item.keys for item in batch.items()] == [("b",), (), ("b",), ("c",)]


def test_e3_a_key_is_looked_for_in_the_first_mib_only() -> None:
    filler = b'{"a": "' + b"x" * 1000 + b'"},' * 1
    batch = split(b'{"attendees": [' + filler * 1100 + b'{"key": "late"}], "key": "late"}', None)
    assert len(batch) == 1101
    assert batch.keys == ()
    assert list(batch.item_keys()) == []
    assert batch.item(1100).keys == ("late",)


def test_a5_an_unreadable_batch_is_kept_in_part_and_without_keys() -> None:
    batch = split(b'[{"key": "trn_a_bcd"}, ' + b'{"a": "trn_a_bcd"}, ' * 50_000, None)
    assert batch.problems
    assert "bcd" not in batch.text
    assert len(batch.text) == 64 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 2_000_000 + b"[]]",
        b'[{"a": [' + b"1," * 3_000_000 + b"1]}]",
        b"[" + b"1," * 3_000_000 + b"1]",
        b'{"a": "' + b'\\"' * 8_000_000,
    ],
    ids=["lists", "numbers", "items", "text"],
)
def test_e1_a_batch_is_taken_apart_in_bounded_memory(body: bytes) -> None:
    tracemalloc.start()
    try:
        split(body, None)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body) + 60_000_000
    finally:
        tracemalloc.stop()
