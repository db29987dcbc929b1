"""Where everything stands in a pasted text, and where its problems do (try a push)."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from turnout.errors import Refused
from turnout.explained import explain
from turnout.feed.parse.body import Number, decode, decode_any, read_json
from turnout.feed.parse.form_body import read_form
from turnout.feed.parse.located import MAX_NODES, Located, Tree, as_bytes, guess_content_type, locate
from turnout.feed.parse.marks import Mark, cut_up, mark
from turnout.feed.parse.push import to_push
from turnout.feed.parse.redact import REMOVED
from turnout.model.receipt import Problem, Warning

NOW = 1_750_000_000_000_000
FORM = "application/x-www-form-urlencoded"

texts = st.text(max_size=12) | st.sampled_from(["", "zoë", '"', "\\", "😀", "trn", "a.b", "[0]"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=30)


def find(tree: Tree, path: str) -> Located:
    return next(node for node in tree.nodes if node.path == path)


def span(text: str, node: Located | Mark) -> str:
    return text[node.start : node.end]


def notes_of(text: str, content_type: str | None = None) -> tuple[list[Problem], list[Warning]]:
    """What the feed says of a text."""
    body = decode(as_bytes(text), content_type or guess_content_type(text))
    try:
        return [], list(to_push(body, lists="none", now=NOW).warnings)
    except Refused as error:
        return error.problems, []


def marks_of(text: str) -> list[Mark]:
    return mark(text, *notes_of(text))


def walk(value: Any) -> Iterator[Any]:
    """All values of a decoded body in the order of the text."""
    yield value
    inner = [one for _, one in value] if isinstance(value, tuple) else value if isinstance(value, list) else []
    for one in inner:
        yield from walk(one)


@given(values, st.sampled_from([None, 2]), st.booleans())
@example({"a": 1e300, "": [[], {}, 10**400]}, None, False)
def test_the_span_of_each_node_reads_as_its_value(value: Any, indent: int | None, escapes: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escapes)
    tree = locate(text)
    expected = list(walk(read_json(text)[0]))
    assert [read_json(span(text, node))[0] for node in tree.nodes] == expected
    for node, one in zip(tree.nodes, expected, strict=True):
        assert node.is_closed
        assert node.kind == (
            "object"
            if isinstance(one, tuple)
            else "list"
            if isinstance(one, list)
            else "number"
            if isinstance(one, Number)
            else "text"
            if isinstance(one, str)
            else "null"
            if one is None
            else "boolean"
        )
        if node.name_end > node.name_start:
            assert json.loads(text[node.name_start : node.name_end], strict=False) == node.name


@given(values, st.data())
def test_a_text_that_breaks_off_shows_what_stands_before_and_raises_nothing(value: Any, data: st.DataObject) -> None:
    whole = json.dumps({"profile": value}, ensure_ascii=False)
    text = whole[: data.draw(st.integers(0, len(whole) - 1))]
    tree = locate(text)
    assert tree.breaks is not None
    assert 0 <= tree.breaks.offset <= len(text)
    known = {(node.path, node.start) for node in locate(whole).nodes}
    # A number that was cut is a number still; everything else is a node only where it is whole.
    assert {(node.path, node.start) for node in tree.nodes} <= known
    assert "".join(piece.text for piece in cut_up(text, marks_of(text))) == text


@given(st.text(alphabet='{}[]",:=&%\\ \n\t\r\0\ud800\ufeffaé😀01-.eEtrufalsn', max_size=60), st.none() | st.just(FORM))
@example("[" * 5_000, None)
@example("a=%ff&b=1", FORM)
@example('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x', None)
def test_no_text_is_too_broken(text: str, content_type: str | None) -> None:
    tree = locate(text, content_type)
    body = decode_any(as_bytes(text), tree.content_type)
    assert (tree.breaks is None) is (not body.problems)
    marks = mark(text, body.problems, [], tree)
    assert all(0 <= one.start <= one.end <= len(text) for one in marks)
    assert "".join(piece.text for piece in cut_up(text, marks)) == text


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ('{"profile": {"email": "a@b.c",}}', 1, None, "comma behind the last entry"),
        ('{\n  "profile": {\n    email: "a@b.c"\n  }\n}', 3, 5, "must stand in quotation marks"),
        ('{"zoë": "😀" "b": 1}', 1, 13, "comma is missing"),
        ('{"a": "open\n}', 1, 7, "quotation mark"),
        ('{"a": NaN}', 1, 7, "not a value in JSON"),
        ('{"a": 1}}', 1, 9, "too many"),
        ('{"a": 1', 1, None, "missing at the end"),
        ("\ufeff{'a': 1}", 1, None, "straight double quotation marks"),
    ],
)
def test_where_it_breaks_is_where_the_problem_says(text: str, line: int, column: int | None, said: str) -> None:
    breaks = locate(text).breaks
    assert breaks is not None
    assert (breaks.line, column or breaks.column) == (line, breaks.column)
    mark_ = text[:1] == "\ufeff"
    assert f"(line {breaks.line}, column {breaks.column - mark_}" in breaks.problem.message
    assert said in breaks.problem.message


def test_what_stands_before_the_break_is_shown() -> None:
    text = '{"profile": {"email": "a@b.c", "title": "CEO" "city": "Bonn"}}'
    tree = locate(text)
    assert [(node.path, node.is_closed) for node in tree.nodes] == [
        ("", False),
        ("profile", False),
        ("profile.email", True),
        ("profile.title", True),
    ]
    (one,) = marks_of(text)
    assert span(text, one).startswith('"city"')


def test_paths_are_as_problems_name_them() -> None:
    body = {"profile": {"email": "a@b.c", "customFields": [{"fieldName": "x"}, {"fieldName": "y", "fieldValue": {}}]}}
    text = json.dumps(body | {"profile.title": ["a"], "eventInfo.groups": {"groupNames": ["A", {"b": 1}]}})
    tree = locate(text)
    for path in ("profile.customFields[1].fieldValue", "profile.title", "eventInfo.groups.groupNames[1]"):
        assert find(tree, path)
    problems, _ = notes_of(text)
    assert {problem.path for problem in problems} <= {node.path for node in tree.nodes}
    spans = {one.path: span(text, one) for one in marks_of(text)}
    assert spans["profile.title"] == '["a"]'
    assert spans["eventInfo.groups.groupNames[1]"] == '{"b": 1}'


def test_a_missing_address_marks_what_it_is_missing_in() -> None:
    nested = '{"x": 1, "Profile": {"firstName": "Zoë 😀"}}'
    one = next(one for one in marks_of(nested) if one.code == "missing_email")
    assert span(nested, one) == '{"firstName": "Zoë 😀"}'
    assert (one.kind, one.path) == ("problem", "profile.email")
    empty = '{"x": 1}'
    assert span(empty, next(one for one in marks_of(empty) if one.code == "missing_email")) == empty


def test_a_field_that_is_not_ours_is_marked_at_its_name_and_says_what_to_do() -> None:
    text = '{"profile": {"email": "a@b.c", "jobTitle": "CEO"}}'
    (one,) = marks_of(text)
    assert (one.kind, span(text, one)) == ("warning", '"jobTitle"')
    assert "profile.title" in one.help


def test_of_a_name_given_twice_the_second_is_marked() -> None:
    text = '{"profile": {"email": "a@b.c", "title": "CEO", "title": "CTO"}}'
    (one,) = marks_of(text)
    assert (one.code, one.start) == ("conflicting_values", text.index('"CTO"'))


def test_a_warning_of_a_flat_list_marks_its_first_entry() -> None:
    text = '{"profile.email": "a@b.c", "eventInfo.groups.groupNames.0": "A"}'
    warning = Warning("eventInfo.groups.groupNames", "older_than_current", "It is older.")
    (one,) = mark(text, [], [warning])
    assert span(text, one) == '"A"'


@given(st.lists(st.tuples(texts, texts), max_size=8))
@example([("profile[email]", "a b+c&=%"), ("key", "trn_abc_def")])
def test_the_fields_of_a_form_are_those_that_the_feed_reads(pairs: list[tuple[str, str]]) -> None:
    text = urlencode(pairs, errors="surrogatepass")
    read = read_form(text.encode(), FORM)
    tree = locate("x=1&" + text, FORM)
    assert [(node.name, node.value) for node in tree.nodes[2:] if node.value != REMOVED] == [
        (name, value) for name, value in read if name.strip().lower() != "key" or not value
    ]
    for node, (name, value) in zip(tree.nodes[2:], read, strict=True):
        raw = text[node.name_start - 4 : node.name_end - 4] + "=" + text[node.start - 4 : node.end - 4]
        assert read_form(raw.encode(), FORM) == ((name, value),)


def test_the_parts_of_a_form_are_located() -> None:
    lines = ["--x", 'Content-Disposition: form-data; name="profile.email"', "", "zoë@x.org", "--x"]
    lines += ['content-disposition: form-data; name="profile.title"', "", "", "--x--", ""]
    text = "\r\n".join(lines)
    tree = locate(text)
    assert tree.content_type == 'multipart/form-data; boundary="x"'
    assert tree.breaks is None
    email, title = tree.nodes[1:]
    assert (email.path, span(text, email), text[email.name_start : email.name_end]) == (
        "profile.email",
        "zoë@x.org",
        "profile.email",
    )
    assert (title.path, title.value) == ("profile.title", "")


def test_a_form_marks_the_field_with_the_problem() -> None:
    text = "profile[email]=nobody&profile[jobTitle]=CEO"
    assert [(one.code, span(text, one)) for one in marks_of(text)] == [("invalid_email", "nobody")]


def test_keys_are_not_shown() -> None:
    for text in (
        '{"key": "secret-secret", "profile": {"title": "trn_abc123_Secret", "trn_abc123_Secret": 1}}',
        '{"Key": 12345678}',
        "profile.email=a@b.c&key=secret-secret",
    ):
        shown = str(locate(text).nodes)
        assert "ecret-" not in shown
        assert "_Secret" not in shown
        assert "12345678" not in shown


def test_a_large_body_takes_no_longer_for_each_character() -> None:
    # That it ends at all shows it: quadratic, each of these would take minutes.
    size = 1 << 19
    for text in (
        "[" * size,
        '{"a":' * (size // 5),
        "[" + "0," * (size // 2) + "0]",
        '{"' + "a" * (size // 2) + '": [' + "0," * (size // 4) + "0]}",
        '"' + "\\" * size,
        "a=&" * (size // 3),
        '{"a": "' + "é" * size + '"',
    ):
        tree = locate(text)
        assert len(tree.nodes) <= MAX_NODES
        mark(text, *notes_of(text), tree)


def test_what_is_cut_has_its_ends_all_the_same() -> None:
    text = '{"a": [' + '{"b": "]"},' * 30_000 + '{}], "c": 1}'
    tree = locate(text)
    assert tree.is_cut
    assert [(node.end, node.is_closed) for node in tree.nodes[:2]] == [(len(text), True), (text.rindex("]") + 1, True)]


def test_pieces_nest_and_know_where_marks_begin() -> None:
    marks = [Mark(0, 9, "warning", "", "", "", ""), Mark(3, 5, "problem", "", "", "", "")]
    pieces = cut_up("012345678+", marks)
    assert [(piece.text, piece.kind, piece.begins) for piece in pieces] == [
        ("012", "warning", (0,)),
        ("34", "problem", (1,)),
        ("5678", "warning", ()),
        ("+", None, ()),
    ]


def test_a_problem_is_explained_without_the_numbers_of_rules() -> None:
    told = explain(Problem("", "not_utf8", "It is Latin-1.", "Send UTF-8."))
    assert (told.what, told.where, told.cure) == ("It is Latin-1.", "", "Send UTF-8.")
    assert told.general.endswith("or of Excel.")
    assert "renamed" not in explain(Warning("x", "removed", "They are removed.")).general
    assert explain(Warning("x", "removed", "They are removed.")).cure.startswith("Nothing")
