"""Batches as CSV, and what failed as CSV: rule E1 of the contract."""

import csv
import io
import json
from typing import Any

import httpx2
import pytest

from tests.contract.test_e_many_at_once import UNKNOWN_KEY, counts, list_own, person
from tests.product import Product, TestedEvent

PEOPLE = "email,firstName,profile.title\na@example.com,Ann,CTO\nb@example.com,Bob,\n"


def as_csv(answer: httpx2.Response) -> list[dict[str, str]]:
    """The rows of an answer that is CSV."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    reader = csv.DictReader(io.StringIO(answer.text, newline=""))
    rows = list(reader)
    assert (reader.fieldnames or [])[-1] == "error"
    return rows


def profile(event: TestedEvent, name: str) -> dict[str, str]:
    """What is known of somebody."""
    return {field: value for field, value in event.attendee(f"{name}@example.com")["profile"].items() if value}


FORMS = {
    "comma": PEOPLE,
    "semicolon": PEOPLE.replace(",", ";"),
    "tab": PEOPLE.replace(",", "\t"),
    "Windows": PEOPLE.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + PEOPLE,
    "quotation marks": "".join(f'"{line}"\n'.replace(",", '","') for line in PEOPLE.splitlines()),
    "no line end": PEOPLE.rstrip(),
    "blank lines": "\n" + PEOPLE.replace("\n", "\n\n") + ",,\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8", "application/json", ""])
def test_e1_a_batch_may_be_csv(event: TestedEvent, form: str, content_type: str) -> None:
    """`POST {gateway}/attendees/batch` takes … CSV (header: flat paths or plain field names), whatever its type."""
    answer = event.batch_ok(FORMS[form], headers={"Content-Type": content_type})
    assert counts(answer) == {"created": 2}
    assert [(item["index"], item["attendee"]["email"]) for item in answer["results"]] == [
        (0, "a@example.com"),
        (1, "b@example.com"),
    ]
    assert profile(event, "a") == {"firstName": "Ann", "title": "CTO"}
    assert profile(event, "b") == {"firstName": "Bob"}


def test_e1_blank_cells_keep(event: TestedEvent) -> None:
    """… blank cells keep, whatever `blank` says of other pushes."""
    event.push_ok({**person("a", title="CTO"), "eventInfo": {"groups": {"groupNames": ["A"]}}})
    answer = event.batch_ok('email,title,groups,firstName\na@example.com,," ",Ann\n')
    assert counts(answer) == {"updated": 1}
    assert profile(event, "a") == {"firstName": "Ann", "title": "CTO"}
    assert event.attendee("a@example.com")["groups"] == ["A"]


def test_e1_names_in_the_header_are_as_tolerant_as_in_a_body(event: TestedEvent) -> None:
    """Plain field names, which B5 takes in other spellings with a warning; unknown ones are kept, with a warning."""
    answer = event.batch_ok("E-Mail;First Name;Shoe size;customFields.T-Shirt\na@example.com;Ann;43;L\n")
    (receipt,) = answer["results"]
    assert [(warning["code"], warning["path"]) for warning in receipt["warnings"]] == [
        ("renamed_field", "profile.E-Mail"),
        ("renamed_field", "profile.First Name"),
        ("unknown_field", "Shoe size"),
    ]
    shown = event.attendee("a@example.com")
    assert shown["profile"]["firstName"] == "Ann"
    assert shown["unknownFields"] == {"Shoe size": "43"}
    assert shown["customFields"] == {"T-Shirt": "L"}


def test_e1_flat_paths_reach_everything(event: TestedEvent) -> None:
    """Header: flat paths, lists among them (B2, B3)."""
    header = (
        "profile.email,profile.customFields[0].fieldName,profile.customFields[0].fieldValue,groupNames[0],groups[1]"
    )
    assert counts(event.batch_ok(f"{header}\na@example.com,Shoe size,43,A,B\n")) == {"created": 1}
    shown = event.attendee("a@example.com")
    assert (shown["customFields"], sorted(shown["groups"])) == ({"Shoe size": "43"}, ["A", "B"])


def test_e1_a_cell_of_groups_is_split_as_the_setting_says(product: Product) -> None:
    """A text is split by the setting `lists` (C5), in a cell as in a body."""
    content = 'email;groups\na@example.com;"A, B;C"\n'
    for lists, groups in (("none", ["A, B;C"]), (",", ["A", "B;C"]), (";", ["A, B", "C"])):
        event = product.make_event(lists=lists)
        (receipt,) = event.batch_ok(content)["results"]
        assert event.attendee("a@example.com")["groups"] == groups
        # Where nobody has said how, the warning says that it was not split, and how it would be.
        assert [one["code"] for one in receipt["warnings"]] == (["unsplit_groups"] if lists == "none" else [])
        assert all("lists=," in one["message"] for one in receipt["warnings"])


def test_e1_a_row_says_what_the_same_item_of_json_says(product: Product) -> None:
    """Every row goes the way of every other push: the same receipts, but for ids and the line."""
    header = ["profile.email", "profile.title", "profile.jobTitle", "eventInfo.attending", "observedAt", "clear"]
    rows = [
        ["a@example.com", "CTO", "", "", "", ""],
        ["a@example.com", "", "", "", "", "profile.title"],
        ["a@example.com", "null", "x", "false", "2025-01-01T00:00:00Z", ""],
        ["b", "x", "", "maybe", "yesterday", "profile.title"],
        ["", "x", "", "", "", ""],
    ]
    by_csv, by_json = product.make_event(), product.make_event()
    content = "\n".join(",".join(row) for row in [header, *rows])
    items = [{name: cell for name, cell in zip(header, row, strict=True) if cell} for row in rows]
    answers = [by_csv.batch_ok(content), by_json.batch_ok(items)]
    for answer in answers:
        for item in answer["results"]:
            item["id"] = bool(item["id"])
            if item.get("attendee"):
                item["attendee"]["id"] = bool(item["attendee"]["id"])
    for item in answers[0]["results"]:
        place = f"Line {item['index'] + 2}: "
        for problem in item.get("errors", []):
            assert problem["message"].startswith(place)
            problem["message"] = problem["message"].removeprefix(place)
        if "detail" in item:
            item["detail"] = item["detail"].removeprefix(place)
    assert answers[0] == answers[1]
    bodies = [
        [event.get(f"/pushes/{push['id']}").json()["body"] for push in list_own(event)] for event in (by_csv, by_json)
    ]
    assert [json.loads(body) for body in bodies[0]] == [json.loads(body) for body in bodies[1]]


def test_e1_a_row_that_cannot_be_read_fails_alone(event: TestedEvent) -> None:
    """An item that fails stops no other: of CSV a row with too many or few cells, or with a stray quotation mark."""
    content = (
        "email,title\na@example.com\n\nb@example.com,x\nc@example.com,y,z\n"
        'd@example.com,"oops\ne@example.com,"Head, ""of"" all"\n'
    )
    answer = event.batch_ok(content)
    assert counts(answer) == {"created": 2, "failed": 3}
    failed = {item["index"]: item for item in answer["results"] if "code" in item}
    assert list(failed) == [0, 2, 3]
    assert [failed[index]["errors"][0]["message"].partition(":")[0] for index in failed] == [
        "Line 2", "Line 5", "Line 6",
    ]  # fmt: skip
    assert {item["errors"][0]["code"] for item in failed.values()} == {"invalid_row"}
    assert event.get(f"/pushes/{failed[3]['id']}").json()["body"] == 'd@example.com,"oops'
    assert profile(event, "e")["title"] == 'Head, "of" all'


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("Mail,Vorname\na@example.com,Ann\n", "no_header", "email"),
        ("a@example.com,Ann\nb@example.com,Bob\n", "no_header", "Begin with a line that names the columns"),
        ("emaila@example.com", "no_header", ""),
        ("email,city\na@example.com,München\n".encode("cp1252"), "not_utf8", "Excel"),
        ("email\ta@example.com\n".encode("utf-16"), "not_utf8", "Excel"),
        ("email\n" + "a@example.com\n" * 10_001, "too_many_items", "Send several"),
        ("", "empty_body", ""),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_e1_a_csv_that_cannot_be_read_is_one_error(
    event: TestedEvent, content: str | bytes, code: str, says: str
) -> None:
    """The answer is 200 when the batch could be read; else one error (D3) names the cause and the cure (B1)."""
    response = event.batch(content, headers={"Content-Type": "text/csv"})
    assert response.status_code == 500
    problem = response.json()
    assert (problem["code"], [error["code"] for error in problem["errors"]]) == ("malformed_body", [code])
    assert says in problem["errors"][0]["help"]
    assert event.changes() == []


def test_e1_csv_has_the_bounds_of_other_batches(event: TestedEvent) -> None:
    """Up to 10,000 pushes, each like a push of its own (B6)."""
    assert counts(event.batch_ok("email\n" + "a@example.com\n" * 10_000, "?receipts=summary")) == {
        "created": 1, "unchanged": 9_999,
    }  # fmt: skip
    answer = event.batch_ok(f"email,title\nb@example.com,{'x' * 2**20}\nc@example.com,x\n")
    assert counts(answer) == {"created": 1, "failed": 1}
    assert answer["results"][0]["errors"][0]["code"] == "item_too_large"


def test_e2_e3_what_holds_for_batches_holds_for_csv(event: TestedEvent) -> None:
    """`atomic` (E2), `dryRun`, `Idempotency-Key` and `receipts` work for CSV as for other batches."""
    assert counts(event.batch_ok(PEOPLE, "?dryRun=true")) == {"created": 2}
    atomic = event.batch(PEOPLE + "x,,\n", "?atomic=true")
    assert atomic.status_code == 500
    assert [(error["index"], error["code"]) for error in atomic.json()["errors"]] == [(2, "invalid_email")]
    assert atomic.json()["errors"][0]["message"].startswith("Line 4: ")
    assert event.changes() == []
    headers = {"Idempotency-Key": "one", "Content-Type": "text/csv"}
    first, second = (event.batch_ok(PEOPLE, headers=headers) for _ in range(2))
    assert first == second
    assert event.batch_ok(PEOPLE + "x,,\n", "?receipts=summary")["results"] == []


def test_e3_the_key_may_come_in_a_column(event: TestedEvent) -> None:
    """The key may come … in the items: of CSV in a column `key`; it is not kept (A5)."""
    content = f"email,key\na@example.com,{event.key}\nb@example.com,{UNKNOWN_KEY}\nc@example.com,\n"
    answer = event.batch_ok(content, key=None)
    assert [item.get("result", item.get("code")) for item in answer["results"]] == [
        "created", "unauthorized", "unauthorized",
    ]  # fmt: skip
    assert event.batch(content.replace(event.key, UNKNOWN_KEY), key=None).status_code == 401
    assert event.get(f"/pushes/{answer['results'][0]['id']}").json()["body"] == '{"profile.email": "a@example.com"}'


# What failed, as CSV


def test_e1_what_failed_can_be_had_as_csv(event: TestedEvent) -> None:
    """The failed items can be had as CSV with a column that says why: here as they were sent."""
    content = "E-Mail;Phone;Note\na@example.com;1;x\nb;+49 170;=1+1\nc@example.com;1\n"
    rows = list(
        csv.reader(io.StringIO(event.batch(content, "?receipts=failed&format=csv").text, newline=""), delimiter=";")
    )
    assert [row[:3] for row in rows] == [
        ["E-Mail", "Phone", "Note"],
        ["b", "'+49 170", "'=1+1"],
        ["c@example.com", "1", ""],
    ]
    assert rows[0][3] == "error"
    assert rows[1][3].startswith('Line 3: profile.E-Mail is "b", which is not an e-mail address: it has no @. Send')
    assert rows[2][3].startswith("Line 4: The row has 2 cells, and the header 3 columns.")
    assert as_csv(event.batch(content.replace(";", ","), "?receipts=failed&format=csv"))[0]["Phone"] == "'+49 170"


def test_e1_what_failed_can_be_mended_and_sent_again(event: TestedEvent) -> None:
    """… as CSV: the file that was answered is taken, its column `error` left aside, its apostrophes taken off."""
    sent = event.batch('email,phone,Note\na,+49 170,=1+1\nb@example.com,-1,"x, ""y"""\n', "?receipts=failed&format=csv")
    mended = sent.text.replace("\na,", "\na@example.com,")
    assert counts(event.batch_ok(mended)) == {"created": 1}
    shown = event.attendee("a@example.com")
    assert (shown["profile"]["phone"], shown["unknownFields"]) == ("+49 170", {"Note": "=1+1"})


def test_e1_what_failed_of_json_is_given_by_flat_paths(event: TestedEvent) -> None:
    """The failed items can be had as CSV: of JSON by flat paths (B2)."""
    items: list[Any] = [
        person("a"),
        {"profile": {"email": "b", "customFields": [{"fieldName": "A", "fieldValue": "1"}]}},
        {"profile.title": "CTO", "eventInfo": {"groups": {"groupNames": ["A", "B"]}}},
        "text",
    ]
    rows = as_csv(event.batch(items, "?receipts=failed&format=csv"))
    assert [{name: cell for name, cell in row.items() if cell and name != "error"} for row in rows] == [
        {
            "profile.email": "b",
            "profile.customFields[0].fieldName": "A",
            "profile.customFields[0].fieldValue": "1",
        },
        {
            "profile.title": "CTO",
            "eventInfo.groups.groupNames[0]": "A",
            "eventInfo.groups.groupNames[1]": "B",
        },
        {},
    ]
    assert [row["error"].partition(":")[0] for row in rows] == ["Item 1", "Item 2", "Item 3"]


def test_e1_where_nothing_failed_there_is_a_header(event: TestedEvent) -> None:
    """The failed items can be had as CSV, also where there are none."""
    assert event.batch(PEOPLE, "?receipts=failed&format=csv").text == "email,firstName,profile.title,error\r\n"
    assert event.batch([person("a")], "?receipts=failed&format=csv").text == "error\r\n"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a5_what_failed_holds_no_key(event: TestedEvent, form: str) -> None:
    """The body's `key` is removed, and whatever looks like a key is blanked."""
    content = f"email,Key,title\nx,{event.key},my {UNKNOWN_KEY}\nx,{event.key}\n"
    if form == "json":
        content = json.dumps([{"profile.email": "x", "Key": event.key, "profile.title": UNKNOWN_KEY}])
    answer = event.batch(content, "?receipts=failed&format=csv", key=None)
    assert len(as_csv(answer)) == (1 if form == "json" else 2)
    assert "trn_" not in answer.text


def test_e1_an_error_of_the_whole_stays_json(event: TestedEvent) -> None:
    """Failed items can be had as CSV; a batch that cannot be read, or an atomic one, is an error as ever (D3, E2)."""
    for content, query in (("[", ""), (PEOPLE + "x,,\n", "&atomic=true")):
        response = event.batch(content, f"?receipts=failed&format=csv{query}")
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        "format=csv",
        "format=csv&receipts=all",
        "format=csv&receipts=summary",
        "receipts=failed&format=xml",
        "receipts=failed&format=csv&complete=true",
    ],
)
def test_e1_csv_is_for_what_failed(event: TestedEvent, query: str) -> None:
    """The failed items can be had as CSV, and nothing else: then nothing is done."""
    problem = event.batch(PEOPLE, f"?{query}").json()
    assert (problem["code"], "format" in problem["detail"]) == ("invalid_request", True)
    assert event.changes() == []
