"""CSV as a batch: how it is recognised, taken apart, read and given back (E1)."""

import csv
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.feed.batch.csv.cells import SEPARATORS, disarm, list_rows, read_cells, rearm, write_row
from turnout.feed.batch.csv.columns import is_known, read_columns, to_path
from turnout.feed.batch.csv.failed import write_failed
from turnout.feed.batch.split import MAX_ITEMS, Batch, glimpse, split
from turnout.feed.parse.body import Body
from turnout.feed.parse.push import to_push
from turnout.model.push import Push

KEY = "trn_" + "0" * 32 + "_" + "A" * 32


def read(content: str | bytes, content_type: str | None = None) -> Batch:
    return split(content.encode() if isinstance(content, str) else content, content_type)


def bodies(content: str | bytes) -> list[Any]:
    """What each row says as JSON; of a row that cannot be read the code of its problem."""
    batch = read(content)
    assert batch.problems == ()
    return [body.problems[0].code if body.problems else json.loads(body.text) for body in batch.items()]


def push(body: Body) -> Push:
    return to_push(body, lists="none", now=0)


# What is CSV


@pytest.mark.parametrize(
    "content",
    [
        "email,title\na@b.c,CTO\n",
        "email;title\r\na@b.c;CTO\r\n",
        "email\ttitle\na@b.c\tCTO",
        "\ufeffemail,title\ra@b.c,CTO\r",
        '"email","title"\n"a@b.c","CTO"\n',
        "\n \nprofile.email,profile.title\n\na@b.c,CTO\n\n,\n \n",
        "sep=;\nemail;title\na@b.c;CTO\n",
    ],
)
@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8; header=present", "text/plain", None])
def test_e1_csv_is_known_by_its_type_or_its_header(content: str, content_type: str | None) -> None:
    batch = read(content, content_type)
    assert [push(body).profile for body in batch.items()] == [{"title": "CTO"}]
    assert batch.item(0).text == '{"profile.email": "a@b.c", "profile.title": "CTO"}'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("hello", "not_a_batch"),
        ("Shoe size,Age\n43,30\n", "not_a_batch"),
        ("profile.email=a@b.c&profile.title=CTO", "not_a_batch"),
        ("--x\r\nContent-Disposition: form-data; name=email\r\n\r\na@b.c\r\n--x--", "not_a_batch"),
        (b"\xff\xfee\0m\0a\0i\0l\0\n\0", "not_utf8"),
        ("x" * 2_000_000, "not_a_batch"),
    ],
)
def test_e1_what_has_no_known_name_in_its_first_line_is_no_csv(content: str | bytes, expected: str) -> None:
    assert [problem.code for problem in read(content).problems] == [expected]


@pytest.mark.parametrize(
    "form",
    [
        '--x\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\nContent-Type: text/csv\r\n\r\n{}',
        '\r\n--x\r\nContent-Type: text/csv\r\ncontent-disposition: form-data; name="email,city"\r\n\r\n{}',
    ],
)
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/csv", None])
def test_e1_a_file_in_a_multipart_form_is_told_how_to_come(form: str, content_type: str | None) -> None:
    (problem,) = read(form.format("email,city\r\na@b.c,Bern\r\n--x--\r\n"), content_type).problems
    assert problem.code == "not_a_batch"
    assert "multipart form" in problem.message
    assert "--data-binary @people.csv -H 'Content-Type: text/csv'" in problem.help


def test_e1_json_is_json_whatever_its_type_says() -> None:
    assert len(read('[{"a": 1}, {"a": 2}]', "text/csv")) == 2
    assert len(read('{"a": 1}\n{"a": 2}', "text/csv")) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Mail,Vorname\na@b.c,Ann\n", '"Mail" is probably email. "Vorname" is probably firstName.'),
        ("ann@example.com,Ann\nbob@example.com,Bob\n", "Begin with a line that names the columns"),
        ("emaila@b.c,Ann", ""),
        ("," * 5_000 + "email\n", ""),
        ("e" * 300_000 + ",email\n", ""),
        ("email,firstNameann@example.com,Ann", "--data-binary"),
        ("email,firstName" + "ann@example.com,Ann" * 20_000, "--data-binary"),
    ],
)
def test_e1_a_first_line_that_is_no_header_is_explained(content: str, says: str) -> None:
    (problem,) = read(content, "text/csv").problems
    assert problem.code == "no_header"
    assert says in problem.help


def test_e1_csv_in_another_encoding_is_explained() -> None:
    (problem,) = read("email,city\n\na@b.c,München\n".encode("cp1252")).problems
    assert problem.code == "not_utf8"
    assert "0xFC in line 3" in problem.message
    assert "Excel" in problem.message + problem.help
    far = b"email,city\n" + (b"a@b.c," + b"\xc3\xa4" * 400 + b"\n") * 5_000
    (problem,) = read(far + b"a@b.c,x\xe4\n", "text/csv").problems
    assert "0xE4 in line 5002" in problem.message


def test_b1_letters_across_the_pieces_in_which_the_encoding_is_checked_are_whole() -> None:
    for shift in range(4):
        content = f"email,biography\na@b.c,{'x' * shift}{'😀' * 200_000}\nb@b.c,{'ä' * 400_000}\n"
        assert read(content).problems == ()


# Header


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("email", "profile.email"),
        ("E-Mail", "profile.E-Mail"),
        ("profile.email", "profile.email"),
        ("Profile.E-Mail", "Profile.E-Mail"),
        ("customFields[0].fieldName", "profile.customFields[0].fieldName"),
        ("custom_fields.0.fieldName", "profile.custom_fields.0.fieldName"),
        ("groups", "eventInfo.groups.groupNames"),
        ("Groups", "eventInfo.Groups.groupNames"),
        ("groups[1]", "eventInfo.groups.groupNames[1]"),
        ("groups[]", "eventInfo.groups.groupNames[]"),
        ("groupNames", "eventInfo.groups.groupNames"),
        ("group names.0", "eventInfo.groups.group names.0"),
        ("groups.groupNames", "eventInfo.groups.groupNames"),
        ("attending", "eventInfo.attending"),
        ("key", "key"),
        ("observed at", "observed at"),
        ("clear", "clear"),
        ("Shoe size", "Shoe size"),
        ("a..b", "a..b"),
        ("", ""),
    ],
)
def test_e1_a_column_is_named_by_a_flat_path_or_a_plain_name(name: str, path: str) -> None:
    assert to_path(name) == path
    assert is_known(path) == (name not in ("Shoe size", "a..b", ""))


def test_e1_a_column_may_be_a_custom_field() -> None:
    header = ["customFields[3].fieldName", "customFields.Shoe size", "Custom Fields.A.B", "profile.customFields.2024"]
    assert [(column.path, column.beside and column.beside[1]) for column in read_columns(header)] == [
        ("profile.customFields[3].fieldName", None),
        ("profile.customFields[4].fieldValue", "Shoe size"),
        ("profile.customFields[5].fieldValue", "A.B"),
        ("profile.customFields[6].fieldValue", "2024"),
    ]


def test_e1_rows_say_what_their_cells_say() -> None:
    content = (
        "email,groups,customFields.Shoe size,Consent,clear,attending\n"
        'a@b.c,"A,B",43,yes,profile.title,false\n'
        "b@b.c, ,,,,\n"
    )
    first, second = (push(body) for body in read(content).items())
    assert [group.name for group in first.groups or ()] == ["A,B"]
    assert [(field.name, field.value) for field in first.custom_fields] == [("Shoe size", "43")]
    assert (first.unknown_fields, first.clear_profile, first.attending) == ({"Consent": "yes"}, ("title",), False)
    assert [warning.code for warning in first.warnings] == ["unknown_field", "unsplit_groups"]
    assert second == Push(email="b@b.c", spelled=second.spelled)


def test_e1_names_may_be_spelled_otherwise_with_a_warning() -> None:
    (said,) = (push(body) for body in read("E-Mail,First Name\na@b.c,Ann\n").items())
    assert said.profile == {"firstName": "Ann"}
    assert [(warning.code, warning.path) for warning in said.warnings] == [
        ("renamed_field", "profile.E-Mail"),
        ("renamed_field", "profile.First Name"),
    ]


# Rows


def test_e1_cells_in_quotation_marks() -> None:
    content = 'email,biography\na@b.c,"a ""b"", c\r\nd;e"\nb@b.c, "x" \nc@b.c,5" TV\n'
    assert [body.get("profile.biography") for body in bodies(content)] == ['a "b", c\r\nd;e', "x", '5" TV']


def test_e1_a_row_with_too_many_or_few_cells_fails_alone() -> None:
    batch = read("email,title\na@b.c\nb@b.c,x\nc@b.c,y,z\n")
    assert [[problem.code for problem in body.problems] for body in batch.items()] == [
        ["invalid_row"], [], ["invalid_row"],
    ]  # fmt: skip
    assert batch.item(0).problems[0].message == "The row has 1 cell, and the header 2 columns."
    assert [batch.line(index) for index in range(3)] == [2, 3, 4]


def test_e1_a_column_without_name_may_only_be_empty() -> None:
    assert bodies("email,,title\na@b.c,,x\nb@b.c,y,z\n") == [
        {"profile.email": "a@b.c", "profile.title": "x"}, "invalid_row",
    ]  # fmt: skip


def test_e1_a_quotation_mark_that_is_not_closed_swallows_no_other_row() -> None:
    good = {"profile.email": "b@b.c", "profile.title": "B, C"}
    for spoiled in ('a@b.c,"oops', '"a@b.c,oops', 'a@b.c,"oops" x', 'a@b.c,"'):
        content = f'email,title\n{spoiled}\nb@b.c,"B, C"\nb@b.c,"B, C"'
        assert bodies(content) == ["invalid_row", good, good], spoiled
        assert bodies(f'email,title\nb@b.c,"B, C"\n{spoiled}\n')[1] == "invalid_row"
    # What may be the end of the cell that was opened is not taken for a cell of its own.
    assert bodies('email,title\na@b.c,"one\nb@b.c,two" x\nb@b.c,"B, C"\n') == ["invalid_row", "invalid_row", good]


def test_e1_lines_are_counted_whatever_ends_them() -> None:
    for end in ("\n", "\r\n", "\r"):
        content = end.join(["", "email,title", "a@b.c,x", "", ",", 'b@b.c,"x', 'y"', "c@b.c,z", ""])
        batch = read(content)
        assert [batch.line(index) for index in range(len(batch))] == [3, 6, 8], repr(end)


def test_e1_a_row_is_bounded_like_an_item() -> None:
    large = "a@b.c," + "x" * 2**20
    assert bodies(f"email,title\n{large}\nb@b.c,x\n") == [
        "item_too_large",
        {"profile.email": "b@b.c", "profile.title": "x"},
    ]
    assert [p.code for p in read("email\n" + "a@b.c\n" * (MAX_ITEMS + 1)).problems] == ["too_many_items"]
    assert len(read("email\n" + "a@b.c\n" * MAX_ITEMS)) == MAX_ITEMS


def test_e1_long_names_do_not_make_a_small_csv_large() -> None:
    content = "email," + "x" * 200_000 + "\n" + "a@b.c,y\n" * 9_000
    assert [problem.code for problem in read(content).problems] == ["too_many_items"]


def test_e1_taking_a_csv_apart_costs_its_size_and_not_more() -> None:
    content = ("email,title\n" + 'a@b.c,"' + "x" * 3_000 + '"\n') + ('a@b.c,"' + "x" * 3_000 + '"\n') * 9_000
    raw = content.encode()
    tracemalloc.start()
    batch = split(raw, "text/csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(batch) == 9_001
    assert peak < 2 * len(raw)


def test_e3_the_key_is_an_items_own() -> None:
    batch = read(f"email,Key\na@b.c,{KEY}\nb@b.c,\n")
    assert list(batch.item_keys()) == [KEY]
    assert [KEY in body.text for body in batch.items()] == [False, False]
    spoiled = read(f'email,key\na@b.c,{KEY},x\nb@b.c,"{KEY}\n')
    assert [KEY in body.text for body in spoiled.items()] == [False, False]


def test_d4_a_glimpse_of_a_csv_finds_its_keys() -> None:
    content = f"email,title,key\na@b.c,ä,{KEY}\n" + f"a@b.c,{'ä' * 99},\n" * 1_000
    for shift in range(4):
        batch, is_all = glimpse(("\n" * shift + content).encode(), None)
        assert (list(batch.item_keys()), is_all) == ([KEY], False)


# What failed


@pytest.mark.parametrize("cell", ["=1+1", "+49 170", "-5", "@x", "\tx", "\rx", "'=1", "''+1", "x", "'t Hooft", "'", ""])
def test_e1_formulas_are_disarmed_and_come_back_as_they_were(cell: str) -> None:
    assert disarm(cell)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert rearm(disarm(cell)) == cell


def test_e1_failed_rows_are_given_back_as_they_were_sent() -> None:
    batch = read('\ufeffE-Mail;Phone;Key;Groups\r\nx;+49 1;k;A;B\r\ny;\'-5;;"C;D"\r\nz\r\n')
    failed = write_failed(batch, [(0, "Line 2: why"), (1, 'Line 3: "why"'), (2, "=x")]).decode()
    assert failed == (
        "\ufeffE-Mail;Phone;Key;Groups;;error\r\n"
        "x;'+49 1;;A;B;Line 2: why\r\n"
        'y;\'-5;;"C;D";;"Line 3: ""why"""\r\n'
        "z;;;;;'=x\r\n"
    )


def test_e1_what_was_given_back_can_be_mended_and_sent_again() -> None:
    batch = read("email,phone,note\nx,+49 1,=1\n")
    failed = write_failed(batch, [(0, "Line 2: why")]).decode()
    assert bodies(failed.replace("\nx,", "\na@b.c,")) == [
        {"profile.email": "a@b.c", "profile.phone": "+49 1", "note": "=1"}
    ]
    # Nor does it grow when it fails again.
    assert write_failed(read(failed), [(0, "Line 2: why")]).decode() == failed


def test_e1_failed_items_of_json_are_given_back_by_flat_paths() -> None:
    items = [
        {"profile": {"title": "+1", "customFields": [{"fieldName": "A", "fieldValue": ["x", 1.10]}]}, "key": KEY},
        {"profile.email": "x", "profile.title": None, "x": {"y.z": True, "note": f"my {KEY}"}},
        "nonsense",
    ]
    failed = write_failed(read(json.dumps(items)), [(0, "a"), (1, "b"), (2, "c")]).decode()
    rows = list(csv.DictReader(io.StringIO(failed)))
    assert [{name: value for name, value in row.items() if value} for row in rows] == [
        {
            "profile.title": "'+1",
            "profile.customFields[0].fieldName": "A",
            "profile.customFields[0].fieldValue[0]": "x",
            "profile.customFields[0].fieldValue[1]": "1.1",
            "error": "a",
        },
        {"profile.email": "x", "x.y.z": "true", "x.note": "my [key removed]", "error": "b"},
        {"error": "c"},
    ]


def test_e1_a_path_given_twice_is_given_back_twice() -> None:
    failed = write_failed(read('[{"profile.title": "a", "profile": {"title": "b"}}]'), [(0, "x")]).decode()
    assert failed == "profile.title,profile.title,error\r\na,b,x\r\n"


def test_e1_what_is_given_back_is_bounded() -> None:
    items = [{f"{number}x{at}": "y" for at in range(10)} for number in range(1_000)]
    failed = write_failed(read(json.dumps(items)), [(at, "why") for at in range(1_000)]).decode()
    assert max(len(row) for row in csv.reader(io.StringIO(failed))) == 4_001
    assert "10 of its fields are not shown" in failed


# Whatever comes

SIGNS = (b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b" ", b"[", b"]", b".", b"=", b"\0")
WORDS = (b"email", b"a@b.c", b"groups", b"key", b"customFields.x", b"customFields[0]", b"sep=", b"error")
LETTERS = (b"\xff", b"\xc3\xa4", b"\xef\xbb\xbf")
TOKENS = st.lists(st.sampled_from(SIGNS + WORDS + LETTERS), max_size=40).map(b"".join)
CELLS = st.text(st.sampled_from("aä\"',;\t\r\n =+-@.'[]0\0") | st.characters(codec="utf-8"), max_size=8)


@settings(deadline=None, max_examples=300)
@given(
    raw=TOKENS | st.binary(max_size=60), head=st.sampled_from([b"", b"email,title\n", b"email;key\r\n", b'"email"\t\n'])
)
def test_any_bytes_as_csv_have_an_outcome(raw: bytes, head: bytes) -> None:
    batch = split(head + raw, "text/csv")
    assert bool(batch.problems) <= (len(batch) == 0)
    lines = [batch.line(index) or 0 for index in range(len(batch))]
    assert lines == sorted(set(lines))
    for body in batch.items():
        assert body.problems or body.object is not None
    failed = write_failed(batch, [(index, "why") for index in range(len(batch))]) if not batch.problems else b""
    assert failed.decode().count("why") >= len(batch)


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))), max_size=5),
    separator=st.sampled_from(SEPARATORS),
)
def test_what_is_written_is_read_as_it_was(rows: list[list[str]], separator: str) -> None:
    text = "".join(write_row(row, separator) for row in rows)
    found = list(list_rows(text, 0, 1, separator))
    assert not any(row.fault for row in found)
    kept = [row for row in rows if write_row(row, separator).strip(f' \t\r\n{separator}"')]
    cells = [read_cells(text[row.start : row.end], separator) for row in found]
    assert [row for row in cells if write_row(row, separator).strip(f' \t\r\n{separator}"')] == kept
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)) == rows


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["", " ", "a@b.c", "A,B", "A;B", "null", "true", "false", '["A", "B"]', "profile.title", "2025-01-01T00:00:00Z"]
)
NAMES = [
    "profile.email",
    "profile.title",
    "Profile.First Name",
    "profile.customFields[0].fieldName",
    "profile.customFields.0.fieldValue",
    "eventInfo.groups.groupNames",
    "eventInfo.attending",
    "observedAt",
    "clear",
    "Shoe size",
]


@settings(deadline=None)
@given(
    row=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1),
    separator=st.sampled_from(SEPARATORS),
    lists=st.sampled_from(["none", ",", ";"]),
)
def test_a_csv_leads_to_what_the_same_rows_as_json_lead_to(row: dict[str, str], separator: str, lists: Any) -> None:
    row = {"profile.email": "a@b.c", **row}
    rows = write_row(list(row), separator) + write_row([disarm(cell) for cell in row.values()], separator)
    table = split(rows.encode(), "text/csv")
    flat = split(json.dumps([{name: value for name, value in row.items() if value.strip()}]).encode(), None)
    if not len(table):
        assert not any(value.strip() for value in row.values())
        return
    said = [_outcome(batch.item(0), lists) for batch in (table, flat)]
    assert said[0] == said[1]


def _outcome(body: Body, lists: Any) -> object:
    from turnout.errors import Refused

    try:
        return to_push(body, lists=lists, now=0)
    except Refused as error:
        return error.problems
