"""What a push is answered: rules D1 to D7 of the contract."""

import gzip
import json
import resource
import socket
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy import text

from tests.databases import commits_held, only_postgresql, only_sqlite
from tests.patience import PATIENCE_S
from tests.postgresql import PostgresServer
from tests.product import Product, RunningServer, TestedEvent
from turnout.events import event as events
from turnout.events import keys, sources
from turnout.model.attendee import PROFILE_FIELDS

EMAIL = "john.doe@example.com"
JOHN = {"profile": {"email": EMAIL}}
GROUPS = "eventInfo.groups.groupNames"


def with_title(title: str | None, **more: object) -> dict[str, Any]:
    return {"profile": {"email": EMAIL, "title": title}, **more}


def in_groups(*names: str, **more: object) -> dict[str, Any]:
    return {**JOHN, "eventInfo": {"groups": {"groupNames": list(names)}}, **more}


def list_own(event: TestedEvent, key: str = "") -> list[dict[str, Any]]:
    """The source's pushes, latest first."""
    listed: list[dict[str, Any]] = event.get("/pushes?limit=1000", key=key).json()["pushes"]
    return listed


def show_own(event: TestedEvent, push_id: str, key: str = "") -> dict[str, Any]:
    response = event.get(f"/pushes/{push_id}", key=key)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


# --- D1 --------------------------------------------------------------------------------------------------------------


def test_d1_a_creations_receipt_says_all_that_was_set(event: TestedEvent) -> None:
    """The body is a receipt: the push's id, the attendee's id, `created`, and of a creation all that was set."""
    response = event.push(
        {
            "profile": {
                "email": " John.Doe@example.com ",
                "title": "CTO",
                "firstName": "John",
                "city": None,
                "motto": "",
                "customFields": [
                    {"fieldName": "Shoe size", "fieldValue": "43"},
                    {"fieldName": "Diets", "fieldValue": ["vegan", "halal"]},
                    {"fieldName": "Nothing", "fieldValue": None},
                ],
            },
            "eventInfo": {"groups": {"groupNames": ["Group1", "Group2"]}},
            "shoes": "brown",
        }
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    receipt = response.json()
    attendee_id = event.attendee(EMAIL)["id"]
    assert receipt == {
        "id": receipt["id"],
        "result": "created",
        "attendee": {"id": attendee_id, "email": "John.Doe@example.com"},
        "sequence": 1,
        "changes": [
            {"path": "profile.email", "old": None, "new": "John.Doe@example.com"},
            {"path": "profile.firstName", "old": None, "new": "John"},
            {"path": "profile.title", "old": None, "new": "CTO"},
            {"path": "profile.customFields", "fieldName": "Shoe size", "old": None, "new": "43"},
            {"path": "profile.customFields", "fieldName": "Diets", "old": None, "new": ["vegan", "halal"]},
            {"path": "shoes", "old": None, "new": "brown"},
            {"path": GROUPS, "old": [], "new": ["Group1", "Group2"]},
        ],
        "warnings": [
            {"path": "shoes", "code": "unknown_field", "message": receipt["warnings"][0]["message"]},
        ],
    }
    assert receipt["id"].startswith("psh_")
    assert attendee_id.startswith("att_")


def test_d1_a_creation_with_every_field_lists_every_field(event: TestedEvent) -> None:
    """… each changed path with old and new value (of a creation all that was set)."""
    profile = {field: f"the {field}" for field in PROFILE_FIELDS} | {"email": EMAIL}
    receipt = event.push_ok({"profile": profile})
    assert receipt["changes"] == [
        {"path": f"profile.{field}", "old": None, "new": profile[field]} for field in PROFILE_FIELDS
    ]
    assert len(receipt["changes"]) == 22


def test_d1_an_updates_receipt_says_what_changed(event: TestedEvent) -> None:
    """`updated`, and each changed path with old and new value; what stayed is not named."""
    first = event.push_ok(
        {
            "profile": {
                "email": EMAIL,
                "title": "CTO",
                "city": "Ulm",
                "company": "ACME",
                "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}],
            },
            "eventInfo": {"groups": {"groupNames": ["A", "B"]}},
            "shoes": "brown",
        }
    )
    second = event.push_ok(
        {
            "profile": {
                "email": "JOHN.DOE@example.com",
                "title": "CEO",
                "city": "",
                "company": "ACME",
                "customFields": [{"fieldName": "SHOE SIZE", "fieldValue": "44"}],
            },
            "eventInfo": {"groups": {"groupNames": ["C", "B"]}},
            "shoes": "black",
        }
    )
    assert second == {
        "id": second["id"],
        "result": "updated",
        "attendee": {"id": first["attendee"]["id"], "email": "JOHN.DOE@example.com"},
        "sequence": 2,
        "changes": [
            {"path": "profile.email", "old": EMAIL, "new": "JOHN.DOE@example.com"},
            {"path": "profile.title", "old": "CTO", "new": "CEO"},
            {"path": "profile.city", "old": "Ulm", "new": None},
            {"path": "profile.customFields", "fieldName": "Shoe size", "old": "43", "new": "44"},
            {"path": "shoes", "old": "brown", "new": "black"},
            {"path": GROUPS, "old": ["A", "B"], "new": ["B", "C"]},
        ],
        "warnings": second["warnings"],
    }
    assert second["id"] != first["id"]


def test_d1_an_unchanged_push_is_in_the_push_log_and_not_in_the_change_log(event: TestedEvent) -> None:
    """An `unchanged` push is in the push log, not in the change log."""
    first = event.push_ok(with_title("CTO"))
    second = event.push_ok(JOHN)
    assert second == {
        "id": second["id"],
        "result": "unchanged",
        "attendee": first["attendee"],
        "sequence": None,
        "changes": [],
        "warnings": [],
    }
    assert [change.sequence for change in event.changes()] == [1]
    assert [(push["id"], push["result"], push["sequence"]) for push in list_own(event)] == [
        (second["id"], "unchanged", None),
        (first["id"], "created", 1),
    ]


def test_d1_an_unchanged_repeat_counts_on_the_line_of_what_it_repeats(event: TestedEvent) -> None:
    """An `unchanged` push is in the push log: said again and again it is one line, which counts."""
    first = event.push_ok(with_title("CTO"))
    for _ in range(3):
        again = event.push_ok(with_title("CTO"))
        assert (again["result"], again["id"], again["changes"]) == ("unchanged", first["id"], [])
    (line,) = list_own(event)
    assert (line["id"], line["result"], line["repeats"]) == (first["id"], "created", 3)
    assert line["lastAt"] > line["at"]


def test_d1_a_200_is_committed(event: TestedEvent) -> None:
    """200 means it is on disk: whoever looks from another process when the answer is there finds all of it."""
    for number in range(20):
        receipt = event.push_ok(with_title(f"title {number}"))
        assert event.attendee(EMAIL)["profile"]["title"] == f"title {number}"
        assert event.changes()[-1].sequence == receipt["sequence"]
        assert event.changes()[-1].push_id == receipt["id"]


def test_d1_an_old_value_of_another_source_is_hidden(event: TestedEvent) -> None:
    """Pushing is not reading: an old value that another source set is left out (`"oldHidden": true`)."""
    shop = event.make_source("shop")
    custom = [{"fieldName": "Shoe size", "fieldValue": "43"}]
    event.push_ok({"profile": {"email": EMAIL, "title": "CTO", "city": "Ulm", "customFields": custom}, "x": "secret"})
    custom = [{"fieldName": "Shoe size", "fieldValue": "44"}]
    body = {"profile": {"email": EMAIL.upper(), "title": "CEO", "motto": "Go", "customFields": custom}, "x": "open"}
    receipt = event.push_ok(body, key=shop)
    assert receipt["changes"] == [
        {"path": "profile.email", "new": EMAIL.upper(), "oldHidden": True},
        {"path": "profile.title", "new": "CEO", "oldHidden": True},
        {"path": "profile.motto", "old": None, "new": "Go"},
        {"path": "profile.customFields", "fieldName": "Shoe size", "new": "44", "oldHidden": True},
        {"path": "x", "new": "open", "oldHidden": True},
    ]
    # From then on it is the shop's own.
    assert event.push_ok(with_title("CFO"), key=shop)["changes"][-1] == {
        "path": "profile.title",
        "old": "CEO",
        "new": "CFO",
    }
    cleared = event.push_ok({**JOHN, "clear": ["profile.title", "profile.city"]})
    assert cleared["changes"][-2:] == [
        {"path": "profile.title", "new": None, "oldHidden": True},
        {"path": "profile.city", "old": "Ulm", "new": None},
    ]
    # Nor is it read later, in the source's own push log.
    assert show_own(event, receipt["id"], shop)["changes"] == receipt["changes"]
    assert event.get(f"/pushes/{receipt['id']}").status_code == 404


def test_d1_a_value_confirmed_by_another_source_stays_the_first_ones(event: TestedEvent) -> None:
    """An old value that another source *set* is left out; to say the same is not to set it."""
    shop = event.make_source("shop")
    event.push_ok(with_title("CTO"))
    event.push_ok(with_title("CTO"), key=shop)
    assert event.push_ok(with_title("CEO"))["changes"] == [{"path": "profile.title", "old": "CTO", "new": "CEO"}]
    event.push_ok(with_title("CEO"), key=shop)
    assert event.push_ok(with_title("CFO"), key=shop)["changes"] == [
        {"path": "profile.title", "new": "CFO", "oldHidden": True}
    ]


def test_d1_of_groups_the_receipt_shows_only_what_this_source_says(event: TestedEvent) -> None:
    """… and of groups the receipt shows only what this source says."""
    shop = event.make_source("shop")
    event.push_ok(in_groups("A", "B"))
    assert event.push_ok(in_groups("B", "C"), key=shop)["changes"] == [{"path": GROUPS, "old": [], "new": ["B", "C"]}]
    assert event.push_ok(in_groups("A"))["changes"] == [{"path": GROUPS, "old": ["A", "B"], "new": ["A"]}]
    assert event.attendee(EMAIL)["groups"] == ["A", "B", "C"]
    # What a source says in addition is shown, even where nothing is seen of it elsewhere.
    assert event.push_ok(in_groups("A", "C"))["changes"] == [{"path": GROUPS, "old": ["A"], "new": ["A", "C"]}]
    sources.set_up(event.database, event.id, "main", {"groups": "replace"})
    final = event.push_ok(in_groups("A"))
    assert final["changes"] == [{"path": GROUPS, "old": ["A", "C"], "new": ["A"]}]
    assert event.attendee(EMAIL)["groups"] == ["A"]


@pytest.mark.parametrize(
    "prefer", ["return=minimal", "respond-async, return=minimal", "RETURN=Minimal", "return = minimal"]
)
def test_d1_prefer_minimal_leaves_the_changes_out(event: TestedEvent, prefer: str) -> None:
    """`Prefer: return=minimal` leaves the changes out."""
    receipt = event.push_ok(with_title("CTO", shoes="brown"), headers={"Prefer": prefer})
    assert receipt == {
        "id": receipt["id"],
        "result": "created",
        "attendee": {"id": event.attendee(EMAIL)["id"], "email": EMAIL},
        "sequence": 1,
        "warnings": receipt["warnings"],
    }
    assert receipt["warnings"][0]["code"] == "unknown_field"
    (item,) = event.batch_ok([with_title("CEO")], headers={"Prefer": prefer})["results"]
    assert (item["result"], "changes" in item) == ("updated", False)
    whole = event.push_ok(with_title("CFO"), headers={"Prefer": "return=representation"})
    assert whole["changes"] == [{"path": "profile.title", "old": "CEO", "new": "CFO"}]


def test_d1_a_warning_says_what_was_probably_meant(event: TestedEvent) -> None:
    """… and the warnings, in the sender's own notation."""
    receipt = event.push_ok({"profile.email": EMAIL, "profile[jobTitle]": "CTO", "profile.FIRSTNAME": "John"})
    assert {(one["path"], one["code"], one.get("suggestion")) for one in receipt["warnings"]} == {
        ("profile[jobTitle]", "unknown_field", "profile.title"),
        ("profile.FIRSTNAME", "renamed_field", "profile.firstName"),
    }
    assert "did you mean profile.title?" in receipt["warnings"][-1]["message"].lower()


# --- D2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/attendees", "", "/attendees/batch"])
@pytest.mark.parametrize("key", [None, "trn_x"])
@pytest.mark.parametrize("status_codes", ["seed", "precise"])
def test_d2_a_401_has_a_www_authenticate_header(
    event: TestedEvent, path: str, key: str | None, status_codes: str
) -> None:
    """401: see A3, with a `WWW-Authenticate` header."""
    events.set_up(event.database, event.id, {"status_codes": status_codes})
    response = event.push(JOHN, path=path, key=key)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="Turnout", ApiKey realm="Turnout"'
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["retryable"]) == (401, "unauthorized", False)
    assert event.get("/key", key=key).headers["www-authenticate"] == response.headers["www-authenticate"]


# --- D3 --------------------------------------------------------------------------------------------------------------


def test_d3_any_other_error_is_a_500_with_a_problem_document(event: TestedEvent) -> None:
    """500 for any other error, as the seed says, with `application/problem+json`."""
    response = event.push({"profile": {"title": "CTO"}})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "retry-after" not in response.headers
    problem = response.json()
    (error,) = problem["errors"]
    assert problem == {
        "type": problem["type"],
        "title": "The push is not valid",
        "status": 500,
        "detail": problem["detail"],
        "code": "invalid_push",
        "retryable": False,
        "id": problem["id"],
        "errors": [error],
    }
    assert problem["type"].endswith("/problems/invalid_push")
    assert problem["id"].startswith("psh_")
    assert problem["detail"]
    assert (error["path"], error["code"]) == ("profile.email", "missing_email")
    assert error["message"]
    assert error["help"]


BROKEN = {
    "profile": {
        "email": "john.doe",
        "title": ["CTO"],
        "city": {"name": "Ulm"},
        "customFields": [{"fieldValue": "43"}, "odd", {"fieldName": "x" * 256, "fieldValue": "1"}],
    },
    "eventInfo": {"groups": {"groupNames": [["A"]]}, "attending": "perhaps"},
    "observedAt": "yesterday",
    "clear": ["profile.nothing", "profile.email"],
}
BROKEN_PATHS = {
    ("profile.email", "invalid_email"),
    ("profile.title", "not_a_text"),
    ("profile.city", "not_a_text"),
    ("profile.customFields[0].fieldValue", "missing_name"),
    ("profile.customFields[1]", "object_expected"),
    ("profile.customFields[2].fieldName", "name_too_long"),
    ("eventInfo.groups.groupNames[0]", "not_a_text"),
    ("eventInfo.attending", "invalid_attending"),
    ("observedAt", "invalid_time"),
    ("clear[0]", "unknown_path"),
    ("clear[1]", "cannot_be_cleared"),
}


def test_d3_every_problem_is_listed(event: TestedEvent) -> None:
    """`errors`, every problem found, each with a path, a code, what was wrong and what to do."""
    problem = event.push_failed(BROKEN)
    assert {(error["path"], error["code"]) for error in problem["errors"]} == BROKEN_PATHS
    assert len(problem["errors"]) == len(BROKEN_PATHS)
    assert all(error["message"] and error["help"] for error in problem["errors"])
    assert "moreErrors" not in problem
    assert event.changes() == []


@pytest.mark.parametrize(
    ("sent", "paths"),
    [
        ({"profile.email": "x", "profile.title": ["CTO"]}, ["profile.email", "profile.title"]),
        ({"profile[email]": "x", "profile[title][name]": "CTO"}, ["profile[email]", "profile[title]"]),
        ({"PROFILE": {"E-Mail": "x", "job title": None, "Title": {}}}, ["PROFILE.E-Mail", "PROFILE.Title"]),
        ({"profile.customFields[0].fieldValue": "1"}, ["profile.customFields[0].fieldValue", "profile.email"]),
        ({"profile.customFields.7.fieldValue": "1"}, ["profile.customFields.7.fieldValue", "profile.email"]),
        ({"profile": {"customFields.0.fieldValue": "1"}}, ["profile.customFields.0.fieldValue", "profile.email"]),
        ({"profile.customFields": {"3": {"fieldValue": "1"}}}, ["profile.customFields.3.fieldValue", "profile.email"]),
        ({"eventInfo.groups.groupNames.1": ["A"]}, ["eventInfo.groups.groupNames.1", "profile.email"]),
    ],
)
def test_d3_a_path_is_in_the_senders_own_notation(event: TestedEvent, sent: object, paths: list[str]) -> None:
    """… each with a path in the sender's own notation."""
    problem = event.push_failed(sent)
    assert sorted(error["path"] for error in problem["errors"]) == sorted(paths)


def test_d3_a_path_is_in_the_forms_notation(event: TestedEvent) -> None:
    """… each with a path in the sender's own notation, of a form as well."""
    form = {"profile[email]": "x", "profile[customFields][0][fieldValue]": "1"}
    response = event.product.client.post(event.gateway, data=form, headers={"Api-Key": event.key})
    assert response.status_code == 500
    assert [error["path"] for error in response.json()["errors"]] == list(form)


UNREADABLE = {
    "broken JSON": (b'{"profile": {"email": "john.doe@example.com"', {}, "malformed_body", "invalid_json"),
    "empty": (b"", {}, "malformed_body", "empty_body"),
    "a list": (b"[]", {}, "malformed_body", "not_an_object"),
    "not UTF-8": (b'{"profile.email": "j\xfcrgen@example.com"}', {}, "malformed_body", "not_utf8"),
    "too deep": (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", {}, "malformed_body", "too_deep"),
    "broken packing": (b"{}", {"Content-Encoding": "gzip"}, "malformed_body", "broken_encoding"),
    "too large": (b'{"a": "' + b"x" * 2**20 + b'"}', {}, "body_too_large", "body_too_large"),
    "too large unpacked": (
        gzip.compress(b'{"a": "' + b"x" * 2**20 + b'"}'),
        {"Content-Encoding": "gzip"},
        "body_too_large",
        "body_too_large",
    ),
    "unknown encoding": (b"{}", {"Content-Encoding": "br"}, "unsupported_encoding", "unsupported_encoding"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_d3_a_body_that_cannot_be_read_is_answered_alike(event: TestedEvent, case: str) -> None:
    """500 for any other error, with code, problem, `retryable: false`; what came is kept, as far as it was read."""
    content, headers, code, problem_code = UNREADABLE[case]
    response = event.send(content, headers=headers)
    assert response.status_code == 500
    problem = response.json()
    assert (problem["code"], problem["status"], problem["retryable"]) == (code, 500, False)
    assert [(error["path"], error["code"]) for error in problem["errors"]] == [("", problem_code)]
    assert all(error["message"] and error["help"] for error in problem["errors"])
    (line,) = list_own(event)
    assert (line["id"], line["result"], line["email"]) == (problem["id"], "failed", None)
    assert event.changes() == []


@pytest.mark.parametrize("query", ["?dryRun=perhaps", "?dryRun=2", "?" + "a=1&" * 101])
def test_d3_a_query_that_cannot_be_meant_is_an_error(event: TestedEvent, query: str) -> None:
    """500 for any other error: rather that than a push which takes effect though it was not meant to."""
    problem = event.push_failed(JOHN, path=f"/attendees{query}")
    assert (problem["code"], problem["retryable"]) == ("invalid_request", False)
    assert len(problem["errors"]) == 1
    assert event.changes() == []


def test_d3_an_invalid_push_changes_nothing_and_is_kept(event: TestedEvent) -> None:
    """An invalid push changes nothing, and is stored with its error so that it can be looked at and replayed."""
    event.push_ok(with_title("CTO"))
    before = event.attendee(EMAIL)
    body = {**with_title("CEO"), "observedAt": "yesterday", "new": "field"}
    sent = json.dumps({**body, "key": event.key})
    problem = event.send(sent).json()
    assert event.attendee(EMAIL) == before
    assert len(event.changes()) == 1
    line = list_own(event)[0]
    assert (line["id"], line["result"], line["email"], line["sequence"]) == (problem["id"], "failed", None, None)
    assert line["detail"] == problem["detail"]
    shown = show_own(event, problem["id"])
    assert shown["errors"] == problem["errors"]
    assert shown["result"] == "failed"
    assert shown["changes"] == []
    assert json.loads(shown["body"]) == body
    assert [push["id"] for push in event.get("/pushes?result=failed").json()["pushes"]] == [problem["id"]]


def test_d3_an_unreadable_body_is_kept_as_text(event: TestedEvent) -> None:
    """An invalid push is stored with its error so that it can be looked at."""
    content = '{"profile": {"email": "jürgen@example.com",}}'
    problem = event.send(content).json()
    shown = show_own(event, problem["id"])
    assert shown["body"] == content
    assert shown["errors"] == problem["errors"]


def test_d3_a_push_can_be_looked_at_by_its_source_alone(product: Product) -> None:
    """It can be looked at, by its sender: a source's own, and nobody else's."""
    event, other = product.make_event(), product.make_event()
    shop = event.make_source("shop")
    failed = event.push_failed({"profile": {}})["id"]
    done = event.push_ok(with_title("CTO"))["id"]
    assert show_own(event, failed)["body"] == '{"profile": {}}'
    assert show_own(event, done)["changes"][1] == {"path": "profile.title", "old": None, "new": "CTO"}
    for push_id in (failed, done):
        assert event.get(f"/pushes/{push_id}", key=shop).status_code == 404
        assert other.get(f"/pushes/{push_id}").status_code == 404
    assert list_own(event, shop) == []
    assert event.get("/pushes/psh_nothing").status_code == 404


def test_d3_pushes_are_listed_page_by_page(event: TestedEvent) -> None:
    """`GET {gateway}/pushes` → `{"pushes": [{"id", "at", "result", "email", …}], "next"}`."""
    ids = [event.push_ok({"profile": {"email": f"{number}@example.com"}})["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = event.get(f"/pushes?limit=2{cursor}").json()
        seen += [push["id"] for push in page["pushes"]]
        cursor = f"&cursor={page['next']}"
    assert page["next"] is None
    assert seen == ids[::-1]
    (line, *_) = event.get("/pushes?limit=1").json()["pushes"]
    assert (line["result"], line["email"], line["source"]) == ("created", "4@example.com", "main")
    for wrong in ("limit=0", "limit=x", "limit=100000", "result=perhaps", "a=1&" * 101):
        assert event.get(f"/pushes?{wrong}").status_code == 400, wrong


def test_d3_a_hundred_errors_are_listed_and_the_others_counted(event: TestedEvent) -> None:
    """At most 100 errors are listed, with the number of the others (`moreErrors`)."""
    fields = [{"fieldValue": f"value {number}"} for number in range(150)]
    problem = event.push_failed({"profile": {"email": EMAIL, "customFields": fields}})
    assert len(problem["errors"]) == 100
    assert problem["moreErrors"] == 50
    shown = show_own(event, problem["id"])
    assert (shown["errors"], shown["moreErrors"]) == (problem["errors"], 50)
    exactly = event.push_failed({"profile": {"email": EMAIL, "customFields": fields[:100]}})
    assert (len(exactly["errors"]), "moreErrors" in exactly) == (100, False)
    assert "moreErrors" not in show_own(event, exactly["id"])


def test_d3_a_hundred_warnings_are_listed_and_the_others_counted(event: TestedEvent) -> None:
    """At most 100 warnings are listed, with the number of the others (`moreWarnings`)."""
    receipt = event.push_ok({"profile": {"email": EMAIL}, **{f"unknown {number}": "x" for number in range(150)}})
    assert len(receipt["warnings"]) == 100
    assert receipt["moreWarnings"] == 50
    shown = show_own(event, receipt["id"])
    assert (shown["warnings"], shown["moreWarnings"]) == (receipt["warnings"], 50)
    exactly = event.push_ok({"profile": {"email": EMAIL}, **{f"unknown {number}": "x" for number in range(100)}})
    assert (len(exactly["warnings"]), "moreWarnings" in exactly) == (100, False)
    (item,) = event.batch_ok([{"profile": {"email": EMAIL}, **{f"u {number}": "x" for number in range(101)}}])[
        "results"
    ]
    assert (len(item["warnings"]), item["moreWarnings"]) == (100, 1)


@only_sqlite
def test_d3_what_is_our_fault_is_retryable(start_product: Callable[..., Product]) -> None:
    """`retryable` is `true` where the fault is ours (storage full), with `Retry-After`.

    Answers that were our fault are not kept (D6), and when the cause is gone the same request succeeds. With
    `status_codes = precise` it is a 503 (D4).
    """
    product = start_product()
    event = product.make_event()
    precise = event.make_source("precise", status_codes="precise")
    event.push_ok(JOHN)

    def fill_up(more_bytes: int) -> None:
        largest = max(file.stat().st_size for file in product.server.folder.iterdir())
        resource.prlimit(product.server.pid, resource.RLIMIT_FSIZE, (largest + more_bytes, resource.RLIM_INFINITY))

    def make_room() -> None:
        no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(product.server.pid, resource.RLIMIT_FSIZE, no_limit)

    # The disk is full.
    fill_up(0)
    try:
        assert_all_ours(event, precise)
        # Whoever has no good key learns nothing of it.
        assert event.push(JOHN, key="trn_x").status_code == 401
    finally:
        make_room()
    assert_as_before(event)

    # It fills up while a batch is under way: a retry with the same key gives the receipts of what was done, and does
    # the rest (D6).
    before = len(event.changes())
    fill_up(4_000_000)
    try:
        refused_midway = event.batch(MANY, headers={"Idempotency-Key": "many"})
    finally:
        make_room()
    assert_goes_on(event, before, refused_midway)

    # A power cut: every acknowledged push is there (D1).
    last = event.push_ok(with_title("CEO"))
    product.server.kill()
    assert event.attendee(EMAIL)["profile"]["title"] == "CEO"
    assert event.changes()[-1].push_id == last["id"]


@only_postgresql
def test_d3_a_database_that_is_away_is_our_fault_too(database_kind: str, tmp_path: Path) -> None:
    """`retryable` is `true` where the fault is ours (database away), with `Retry-After`.

    Nothing is kept of it, and when the database is back the same request succeeds. Also for a batch in the middle of
    which it went.
    """
    with (
        PostgresServer(tmp_path / "postgresql") as postgresql,
        RunningServer(
            tmp_path, postgresql.create_database("turnout"), TURNOUT_TRUSTED_PROXIES="127.0.0.1/32"
        ) as running,
        Product(running) as product,
    ):
        event = product.make_event()
        precise = event.make_source("precise", status_codes="precise")
        event.push_ok(JOHN)
        event.push_ok(JOHN, key=precise)
        postgresql.stop()
        assert_all_ours(event, precise)
        assert product.client.get(f"{running.url}/health").status_code == 503
        # Nobody can say whether the key is good, so nothing is said of the request (A4).
        assert_ours(event.push({"profile": {}}, key="trn_x"))
        postgresql.start()
        assert_as_before(event)
        assert event.push(JOHN, key="trn_x").status_code == 401
        assert product.client.get(f"{running.url}/health").status_code == 200

        before = len(event.changes())
        with ThreadPoolExecutor(1) as pool:
            midway = pool.submit(event.batch, MANY, headers={"Idempotency-Key": "many"})
            while len(event.changes()) == before:
                assert not midway.done()
            postgresql.stop("immediate")
            refused_midway = midway.result()
        postgresql.start()
        assert_goes_on(event, before, refused_midway)
        product.check()


MANY = [{"profile": {"email": f"{number}@example.com", "title": "x" * 200}} for number in range(4_000)]


def assert_all_ours(event: TestedEvent, precise: str) -> None:
    """Whatever is sent, and by whom."""
    refused = [
        event.push(with_title("CTO"), headers=ONCE),
        event.push(with_title("CTO")),
        event.push(with_title("CTO"), path="/attendees?dryRun=true"),
        event.push({"profile": {}}),
        event.send("{"),
        event.batch([with_title("CTO")], headers={"Idempotency-Key": "batch"}),
        event.batch([with_title("CTO")], "?atomic=true"),
        event.batch("{"),
    ]
    for response in refused:
        assert response.status_code == 500
        assert_ours(response)
    for response in (event.push(JOHN, key=precise), event.batch([JOHN], key=precise)):
        assert response.status_code == 503
        assert_ours(response)


def assert_as_before(event: TestedEvent) -> None:
    """Nothing of it is there, and the same requests succeed now."""
    assert [push["result"] for push in list_own(event)] == ["created"]
    assert event.push_ok(with_title("CTO"), headers=ONCE)["result"] == "updated"
    assert event.batch_ok([with_title("CTO")], headers={"Idempotency-Key": "batch"})["unchanged"] == 1


def assert_goes_on(event: TestedEvent, before: int, refused_midway: httpx2.Response) -> None:
    """A part of MANY was stored and its sender told of our fault: sent again, the rest follows, and nothing twice."""
    assert refused_midway.status_code == 500
    assert_ours(refused_midway)
    assert 0 < len(event.changes()) - before < 4_000
    answer = event.batch_ok(MANY, headers={"Idempotency-Key": "many"})
    assert (answer["created"], answer["unchanged"], answer["failed"]) == (4_000, 0, 0)
    assert [item["sequence"] for item in answer["results"]] == list(range(before + 1, before + 4_001))
    assert event.batch(MANY, headers={"Idempotency-Key": "many"}).json() == answer
    assert len(event.changes()) == before + 4_000


def assert_ours(response: httpx2.Response) -> None:
    problem = response.json()
    assert problem["code"] == "storage_unavailable", problem
    assert problem["retryable"] is True
    assert problem["id"] is None
    assert problem["errors"]
    assert int(response.headers["retry-after"]) > 0


# --- D4 --------------------------------------------------------------------------------------------------------------

PRECISELY: dict[str, tuple[bytes, str, dict[str, str], int, str]] = {
    "broken JSON": (b"{", "", {}, 400, "malformed_body"),
    "empty": (b"", "", {}, 400, "malformed_body"),
    "not UTF-8": (b'{"a": "\xfc"}', "", {}, 400, "malformed_body"),
    "too deep": (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "", {}, 400, "malformed_body"),
    "broken packing": (b"{}", "", {"Content-Encoding": "gzip"}, 400, "malformed_body"),
    "wrong query": (b"{}", "?dryRun=perhaps", {}, 400, "invalid_request"),
    "long Idempotency-Key": (b"{}", "", {"Idempotency-Key": "i" * 300}, 400, "invalid_request"),
    "too large": (b'{"a": "' + b"x" * 2**20 + b'"}', "", {}, 413, "body_too_large"),
    "unknown encoding": (b"{}", "", {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
    "no e-mail": (b"{}", "", {}, 422, "invalid_push"),
    "reused Idempotency-Key": (b"{}", "", {"Idempotency-Key": "used"}, 422, "idempotency_key_reused"),
}


@pytest.mark.parametrize("whose", ["event", "source"])
@pytest.mark.parametrize("case", PRECISELY)
def test_d4_precise_has_a_status_for_every_error(event: TestedEvent, case: str, whose: str) -> None:
    """Setting `status_codes = precise` gives 400, 413, 415, 422, 429 and 503 in place of 500."""
    content, query, headers, status, code = PRECISELY[case]
    event.push_ok(JOHN, headers={"Idempotency-Key": "used"})
    for status_codes, expected in (("precise", status), ("seed", 500)):
        if whose == "event":
            events.set_up(event.database, event.id, {"status_codes": status_codes})
        else:
            # The source's own setting beats its event's.
            other = "seed" if status_codes == "precise" else "precise"
            events.set_up(event.database, event.id, {"status_codes": other})
            sources.set_up(event.database, event.id, "main", {"status_codes": status_codes})
        response = event.send(content, path=f"/attendees{query}", headers=headers)
        assert response.status_code == expected
        problem = response.json()
        assert (problem["status"], problem["code"], problem["retryable"]) == (expected, code, False)


BATCHES_PRECISELY: dict[str, tuple[str, str, dict[str, str], int, str]] = {
    "broken JSON": ("[", "", {}, 400, "malformed_body"),
    "no batch": ('{"profile": {}, "x": [\n]}', "", {}, 400, "malformed_body"),
    "wrong query": ("[]", "?receipts=some", {}, 400, "invalid_request"),
    "unknown encoding": ("[]", "", {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
    "too many": ("[" + "{}," * 10_000 + "{}]", "", {}, 400, "malformed_body"),
    "a failing item": ("[{}]", "?atomic=true", {}, 422, "invalid_batch"),
    "reused Idempotency-Key": ("[{}]", "", {"Idempotency-Key": "used"}, 422, "idempotency_key_reused"),
}


@pytest.mark.parametrize("case", BATCHES_PRECISELY)
def test_d4_precise_holds_for_batches(event: TestedEvent, case: str) -> None:
    """This and D3 hold for push, batch and delete."""
    content, query, headers, status, code = BATCHES_PRECISELY[case]
    event.push_ok(JOHN, headers={"Idempotency-Key": "used"})
    for status_codes, expected in (("precise", status), ("seed", 500)):
        events.set_up(event.database, event.id, {"status_codes": status_codes})
        response = event.batch(content, query, headers=headers)
        assert response.status_code == expected
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert (problem["status"], problem["code"], problem["retryable"]) == (expected, code, False)
        assert problem["errors"]


def test_d4_precise_holds_for_the_items_of_a_batch(event: TestedEvent) -> None:
    """This and D3 hold for push, batch and delete: an item's problem has the status that the push alone would have."""
    body = '{}\n{"profile": \n{"profile": {"email": "john.doe@example.com"}}\n'
    for status_codes, expected in (("seed", [500, 500]), ("precise", [422, 400])):
        events.set_up(event.database, event.id, {"status_codes": status_codes})
        answer = event.batch_ok(body)
        assert [item["status"] for item in answer["results"][:2]] == expected


def test_d4_all_other_endpoints_always_answer_precisely(event: TestedEvent) -> None:
    """… all other endpoints always answer precisely."""
    read = keys.create(event.database, event.id, scope="read").text
    for status_codes in ("seed", "precise"):
        events.set_up(event.database, event.id, {"status_codes": status_codes})
        assert event.get("/pushes?limit=x").status_code == 400
        assert event.get("/pushes/psh_0").status_code == 404
        assert event.get("/pushes", key=read).status_code == 403
        assert event.get("/nothing").status_code == 404
        assert event.get("/attendees/batch").status_code == 405


def test_d4_too_much_at_once_is_a_503_and_from_one_source_a_429(start_product: Callable[..., Product]) -> None:
    """… 429 and 503 in place of 500, `retryable` and with `Retry-After` (D3); what was accepted is answered."""
    product = start_product(QUEUE_LIMIT="3", IN_FLIGHT_LIMIT="2MiB", MAX_BATCH_BODY="2MiB", MAX_BODY="1MiB")
    event = product.make_event(status_codes="precise")
    shop = event.make_source("shop")
    seed = event.make_source("seed", status_codes="seed")
    event.push_ok(JOHN)

    with ThreadPoolExecutor(3) as pool:
        with commits_held(event.database):  # so that nothing can be committed
            accepted = [pool.submit(event.push_ok, with_title(f"{number}")) for number in range(2)]
            accepted.append(pool.submit(event.push_ok, with_title("2"), key=shop))
            wait_for_queue(product, 3)
            too_many = [event.push(JOHN), event.batch([JOHN])]
            full = [event.push(JOHN, key=shop), event.batch([JOHN], key=shop), event.push({}, key=shop)]
            as_seed = event.push(JOHN, key=seed)
        assert all(one.result()["result"] == "updated" for one in accepted)
    assert [(response.status_code, response.json()["code"]) for response in too_many] == [(429, "too_many_pushes")] * 2
    assert [(response.status_code, response.json()["code"]) for response in full] == [(503, "queue_full")] * 3
    assert (as_seed.status_code, as_seed.json()["code"]) == (500, "queue_full")
    for response in (*too_many, *full, as_seed):
        assert response.json()["retryable"] is True
        assert int(response.headers["retry-after"]) > 0
    assert len(list_own(event)) == 3
    assert len(list_own(event, shop)) == 1

    # Batches have their own bound, and whoever has no good key learns nothing of it (A4).
    with ThreadPoolExecutor(12) as pool:
        with commits_held(event.database):
            waiting = {pool.submit(event.batch, [JOHN], key=shop) for _ in range(12)}
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            assert event.batch([JOHN], key="trn_x").status_code == 401
        answers = [one.result() for one in waiting]
    assert {(one.result().status_code, one.result().json().get("code")) for one in done} == {(503, "queue_full")}
    assert [answer.status_code for answer in answers].count(200) >= 8

    # Bodies that are being read take up room, and who comes when there is none is asked to come again.
    with socket.create_connection(("127.0.0.1", int(product.server.url.rpartition(":")[2]))) as slow:
        head = f"POST /e/{event.slug}/attendees/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
        slow.sendall(head.encode() + b" " * 1_900_000)
        wait_for_bodies(product, 1_800_000)
        body = {**JOHN, "x": "y" * 500_000}
        full = [event.push(body), event.batch([body])]
        as_seed = event.push(body, key=seed)
    assert [(response.status_code, response.json()["code"]) for response in full] == [(503, "queue_full")] * 2
    assert (as_seed.status_code, as_seed.json()["code"]) == (500, "queue_full")
    for response in (*full, as_seed):
        assert response.json()["retryable"] is True
        assert int(response.headers["retry-after"]) > 0
    assert len(list_own(event, seed)) == 0


def test_d4_a_batch_that_finds_no_turn_is_answered_precisely_wherever_its_key_is(
    start_product: Callable[..., Product],
) -> None:
    """… 503 in place of 500, for batch too: also where the key comes in the body (E3), which nobody reads to its end.

    Without a good key the answer is 401 whatever else is wrong (A4).
    """
    event = start_product().make_event()
    precise = event.make_source("precise", status_codes="precise")
    in_items = {**JOHN, "key": precise}
    long = [{**in_items, "x": "y" * 1_000}] * 100
    bad = {**JOHN, "key": precise[:-1] + "."}
    with ThreadPoolExecutor(12) as pool:
        with commits_held(event.database):  # so that none of them ends
            waiting = {pool.submit(event.batch, [JOHN]) for _ in range(12)}
            wait(waiting, return_when=FIRST_COMPLETED)
            precisely = [
                event.batch(body, key=None)
                for body in (
                    [in_items],
                    [bad, JOHN, in_items],
                    {"key": precise, "attendees": [JOHN]},
                    {"attendees": [JOHN], "key": precise},
                    json.dumps(JOHN) + "\n" + json.dumps(in_items),
                    long,
                    {"key": precise, "attendees": [{**JOHN, "x": "y" * 1_000}] * 100},
                    "\n".join(map(json.dumps, long)),
                )
            ]
            as_seed = [
                event.batch(body, key=None)
                for body in (
                    [{**JOHN, "key": event.key}],
                    # Nobody can know without reading all of it.
                    {"attendees": [{**JOHN, "x": "y" * 1_000}] * 100, "key": precise},
                )
            ]
            refused = [
                event.batch(body, key=None)
                for body in ([JOHN], [bad], {"attendees": [in_items], "key": bad["key"]}, "[", "")
            ]
        for one in waiting:
            one.result()
    assert [(response.status_code, response.json()["code"]) for response in precisely] == [(503, "queue_full")] * 8
    assert [(response.status_code, response.json()["code"]) for response in as_seed] == [(500, "queue_full")] * 2
    assert [response.status_code for response in refused] == [401] * 5
    for response in (*precisely, *as_seed):
        assert int(response.headers["retry-after"]) > 0


def wait_for_queue(product: Product, pushes: int) -> None:
    wait_for_metric(product, "turnout_queue_pushes", pushes)


def wait_for_bodies(product: Product, size_bytes: int) -> None:
    wait_for_metric(product, "turnout_body_bytes", size_bytes)


def wait_for_metric(product: Product, name: str, least: float) -> None:
    deadline = time.monotonic() + PATIENCE_S
    found = -1.0
    while found < least:
        assert time.monotonic() < deadline, f"{name} is {found}"
        for line in product.client.get(
            f"{product.server.url}/metrics", headers={"X-Forwarded-For": ""}
        ).text.splitlines():
            if line.startswith(name + " "):
                found = float(line.split()[1])


# --- D5 --------------------------------------------------------------------------------------------------------------

FULL = {
    "profile": {
        "email": EMAIL,
        "title": "CTO",
        "customFields": [{"fieldName": "Shoe size", "fieldValue": "43"}],
    },
    "eventInfo": {"groups": {"groupNames": ["A"]}},
    "shoes": "brown",
}


def take_stock(event: TestedEvent) -> list[str]:
    """All that the database holds of an event, but for the push log, its clock and its keys' last use."""
    tables = (
        "events",
        "sources",
        "names",
        "spellings",
        "attendees",
        "addresses",
        "third_party_ids",
        "memberships",
        "changes",
    )
    tables += ("bodies", "idempotency")
    rows: list[str] = []
    with event.database.read() as connection:
        for table in tables:
            name = "id" if table == "events" else "event_id"
            found = connection.execute(text(f"SELECT * FROM {table} WHERE {name} = :id"), {"id": event.id})
            rows += [f"{table} {tuple(row)}" for row in found]
    return rows


@pytest.mark.parametrize(
    "flag", ["?dryRun=true", "?dryRun=1", "?dryRun=yes", "?dryRun=TRUE", "?dryRun", "?x=1&dryRun=true"]
)
def test_d5_a_dry_run_has_the_same_receipt_and_changes_nothing(event: TestedEvent, flag: str) -> None:
    """`?dryRun=true`: same checks, same receipt, nothing changed; a line without body in the push log."""
    before = take_stock(event)
    for path in (f"/attendees{flag}", flag):
        dry = event.push_ok(FULL, path=path)
        assert take_stock(event) == before
        (line, *_) = list_own(event)
        assert (line["id"], line["result"], line["dryRun"], line["email"]) == (dry["id"], "created", True, EMAIL)
        assert (line["sequence"], line["attendeeId"]) == (None, None)
        assert show_own(event, dry["id"])["body"] is None
    real = event.push_ok(FULL)
    assert "dryRun" not in real
    assert dry == {
        **real,
        "id": dry["id"],
        "sequence": None,
        "attendee": {"id": None, "email": EMAIL},
        "dryRun": True,
    }


def test_d5_a_dry_update_has_the_same_receipt_and_changes_nothing(event: TestedEvent) -> None:
    """Same checks, same receipt, nothing changed."""
    event.push_ok(FULL)
    before = take_stock(event)
    update = {
        "profile": {"email": EMAIL, "title": "CEO", "customFields": [{"fieldName": "Hat", "fieldValue": "7"}]},
        "eventInfo": {"groups": {"groupNames": ["B"]}},
    }
    for body, result in ((update, "updated"), (FULL, "unchanged"), ({**JOHN, "eventInfo.attending": False}, "updated")):
        dry = event.push_ok(body, path="/attendees?dryRun=true")
        assert dry["result"] == result
        assert take_stock(event) == before
    dry = event.push_ok(update, path="/attendees?dryRun=true")
    real = event.push_ok(update)
    assert dry == {**real, "id": dry["id"], "sequence": None, "dryRun": True}
    assert len(list_own(event)) == 6, "A dry repeat is no repeat."


def test_d5_a_dry_run_fails_as_the_push_would(event: TestedEvent) -> None:
    """Same checks: an invalid push gets its problems, and is not kept with its body."""
    dry = event.push_failed(BROKEN, path="/attendees?dryRun=true")
    assert show_own(event, dry["id"])["body"] is None
    real = event.push_failed(BROKEN)
    assert {**dry, "id": real["id"]} == real
    unreadable = event.send("{", path="/attendees?dryRun=true")
    assert unreadable.status_code == 500
    assert show_own(event, unreadable.json()["id"])["body"] is None
    assert show_own(event, unreadable.json()["id"])["dryRun"] is True


SLIPS = ("dryRuns", "dryrn", "dry_runs", "drrYun", "dryRun[]", "dryRun:true", "isDryRun", "amp;dryRun", "DRYRUNN")


@pytest.mark.parametrize("name", SLIPS)
def test_d5_a_misspelt_dry_run_does_not_write(event: TestedEvent, name: str) -> None:
    """A parameter that is nearly one of ours is an invalid_request."""
    query = f"?{quote(name)}=true"
    said = f'There is no parameter "{name}". Did you mean dryRun?'
    key = {"Api-Key": event.key}
    answers = [
        event.push(FULL, path=f"/attendees{query}"),
        event.push(FULL, path=query),
        event.batch([FULL], query),
        event.product.client.delete(f"{event.gateway}/attendees/{EMAIL}{query}", headers=key),
    ]
    for answer in answers:
        assert (answer.json()["code"], answer.json()["detail"]) == ("invalid_request", said)
    assert event.changes() == []
    assert event.push(FULL, path=f"/attendees{query}", key="trn_0_0").status_code == 401
    assert event.push(FULL, path=f"/attendees{query}", key=None).status_code == 401


@pytest.mark.parametrize(
    ("name", "meant"),
    [("atomics", "atomic"), ("receipt", "receipts"), ("fromat", "format"), ("completed", "complete")],
)
def test_d5_so_is_every_other_parameter_of_a_batch(event: TestedEvent, name: str, meant: str) -> None:
    """A parameter that is nearly one of ours is an invalid_request."""
    problem = event.batch([FULL], f"?{name}=true").json()
    assert problem["detail"] == f'There is no parameter "{name}". Did you mean {meant}?'
    assert event.changes() == []


def test_d5_other_parameters_are_left_alone(event: TestedEvent) -> None:
    """Others are ignored when something is written: senders cannot always help them."""
    query = "?utm_source=mail&_=1732&gclid=x&from=1&run=3&form=2&v=1&ts=1&format_version=1&" + "x" * 200 + "=1"
    event.push_ok(FULL, path=f"/attendees{query}")
    event.batch_ok([with_title("CEO")], query.replace("format_version", "information"))
    assert len(event.changes()) == 2


@pytest.mark.parametrize("query", ["?email=john.doe@example.com", "?limits=3", "?result=failed&page=2", "?=1"])
def test_d5_what_reads_takes_no_parameter_that_it_does_not_know(event: TestedEvent, query: str) -> None:
    """`GET {gateway}/pushes` takes none that it does not know."""
    answer = event.get(f"/pushes{query}").json()
    assert answer["code"] == "invalid_request"
    assert "There are: limit, cursor, result." in answer["detail"] or "Did you mean limit?" in answer["detail"]
    assert event.get(f"/pushes{query}", key="trn_0_0").status_code == 401


@pytest.mark.parametrize("flag", ["?dryRun=false", "?dryRun=0", "?dryRun=no", ""])
def test_d5_what_is_no_dry_run_takes_effect(event: TestedEvent, flag: str) -> None:
    """`?dryRun=true`, and nothing else."""
    assert event.push_ok(JOHN, path=f"/attendees{flag}")["sequence"] == 1
    assert event.batch_ok([with_title("CTO")], flag)["updated"] == 1


def test_d5_a_dry_batch_shows_what_the_batch_would_do(event: TestedEvent) -> None:
    """`dryRun` works for a batch as a whole: its items see the effect of those before them."""
    event.push_ok({"profile": {"email": "jane@example.com"}})
    before = take_stock(event)
    batch = [FULL, FULL, with_title("CEO"), {"profile": {}}, {"profile": {"email": "jane@example.com", "city": "Ulm"}}]
    batch.append({"profile": {"email": "jim@example.com"}, "eventInfo": {"groups": {"groupNames": ["a", "b"]}}})
    dry = event.batch_ok(batch, "?dryRun=true")
    assert take_stock(event) == before
    lines = [push for push in list_own(event) if push.get("dryRun")]
    assert [line["result"] for line in lines] == ["created", "updated", "failed", "updated", "unchanged", "created"]
    assert all(show_own(event, line["id"])["body"] is None for line in lines)
    real = event.batch_ok(batch)
    assert {name: dry[name] for name in dry if name != "results"} == {
        "created": 2, "updated": 2, "unchanged": 1, "suppressed": 0, "failed": 1, "withdrawn": 0,
    }  # fmt: skip
    assert {name: real[name] for name in real if name != "results"} == {
        name: dry[name] for name in dry if name != "results"
    }
    for one, other in zip(dry["results"], real["results"], strict=True):
        if one.get("code"):
            assert {**one, "id": other["id"]} == other
            continue
        assert one["dryRun"] is True
        assert one["sequence"] is None
        assert (one["result"], one["changes"], one["warnings"]) == (
            other["result"],
            other["changes"],
            other["warnings"],
        )


def test_d5_a_long_dry_batch_remembers_its_beginning(event: TestedEvent) -> None:
    """`dryRun` works for a batch as a whole, however long: the end of it sees what the beginning would have done."""
    batch = [in_groups("VIP"), *({"profile": {"email": f"{number}@example.com"}} for number in range(600))]
    batch += [in_groups("vip"), {"profile": {"email": "jane@example.com"}, GROUPS: ["vip"]}]
    dry = event.batch_ok(batch, "?dryRun=true")["results"][-2:]
    assert [item["result"] for item in dry] == ["unchanged", "created"]
    assert dry[1]["changes"][-1] == {"path": GROUPS, "old": [], "new": ["VIP"]}


def test_d5_a_dry_run_leaves_an_idempotency_key_unused(event: TestedEvent) -> None:
    """Nothing changed: the real request may carry the same Idempotency-Key (D6)."""
    once = {"Idempotency-Key": "once"}
    assert event.push_ok(FULL, path="/attendees?dryRun=true", headers=once)["result"] == "created"
    assert event.push_ok(JOHN, headers=once)["result"] == "created"
    twice = {"Idempotency-Key": "twice"}
    assert event.batch_ok([FULL], "?dryRun=true", headers=twice)["updated"] == 1
    assert event.batch_ok([JOHN], headers=twice)["unchanged"] == 1


# --- D6 --------------------------------------------------------------------------------------------------------------

ONCE = {"Idempotency-Key": "once"}


def test_d6_the_same_key_and_body_get_the_stored_receipt(event: TestedEvent) -> None:
    """Per source, the same key with the same body answers with the stored receipt, byte for byte."""
    first = event.push(with_title("CTO", shoes="brown"), headers=ONCE)
    assert first.json()["result"] == "created"
    event.push_ok(with_title("CEO"))
    again = event.push(with_title("CTO", shoes="brown"), headers=ONCE)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert event.attendee(EMAIL)["profile"]["title"] == "CEO"
    assert len(event.changes()) == 2
    assert len(list_own(event)) == 2


def test_d6_a_repeated_receipt_hides_what_the_first_one_hid(event: TestedEvent) -> None:
    """D6, D1: the same key with the same body answers with the stored receipt, hidden old values left out."""
    shop = event.make_source("Shop")
    event.push_ok(with_title("CTO"), key=shop)
    body = with_title("CEO")
    first, repeated = (event.push_ok(body, headers=ONCE) for _ in range(2))
    assert repeated == first
    assert first["changes"] == [
        {"path": "profile.title", "new": "CEO", "oldHidden": True},
    ]


def test_d6_a_final_error_is_kept_too(event: TestedEvent) -> None:
    """Final errors are kept too: the same answer, and one line in the push log."""
    for key, content in (("invalid", json.dumps(BROKEN)), ("broken", '{"profile": {'), ("empty", ""), ("list", "[]")):
        first = event.send(content, headers={"Idempotency-Key": key})
        again = event.send(content, headers={"Idempotency-Key": key})
        assert first.status_code == 500
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert len(list_own(event)) == 4


def test_d6_a_kept_answer_has_the_form_that_is_asked_for_now(event: TestedEvent) -> None:
    """What is stored is the receipt; how it is shown is said by each request."""
    whole = event.push_ok(with_title("CTO"), headers=ONCE)
    minimal = event.push_ok(with_title("CTO"), headers={**ONCE, "Prefer": "return=minimal"})
    assert minimal == {name: value for name, value in whole.items() if name != "changes"}
    failed = event.push_failed({}, headers={"Idempotency-Key": "bad"})
    events.set_up(event.database, event.id, {"status_codes": "precise"})
    precise = event.push({}, headers={"Idempotency-Key": "bad"})
    assert precise.status_code == 422
    assert precise.json() == {**failed, "status": 422}


def test_d6_requests_that_come_at_once_get_one_receipt(event: TestedEvent) -> None:
    """… also when both come at once."""
    together = Barrier(8)

    def push(number: int) -> bytes:
        together.wait()
        with httpx2.Client(trust_env=False, verify=False) as client:
            headers = {"Api-Key": event.key, "Idempotency-Key": f"round {number // 8}"}
            content = json.dumps(with_title(f"title {number // 8}"))
            return client.post(event.gateway, content=content, headers=headers).content

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(push, range(24)))
    for round_ in range(3):
        (receipt,) = set(answers[round_ * 8 : round_ * 8 + 8])
        assert json.loads(receipt)["result"] in ("created", "updated")
    assert len(event.changes()) == 3
    assert len(list_own(event)) == 3


@pytest.mark.parametrize("second", [with_title("CEO"), {**with_title("CTO"), "x": 1}, {}, JOHN])
def test_d6_the_same_key_with_another_body_is_an_error(event: TestedEvent, second: object) -> None:
    """With another body it is an error, and the key goes on standing for the first."""
    first = event.push(with_title("CTO"), headers=ONCE)
    problem = event.push_failed(second, headers=ONCE)
    assert (problem["code"], problem["retryable"]) == ("idempotency_key_reused", False)
    assert [(error["path"], error["code"]) for error in problem["errors"]] == [("", "idempotency_key_reused")]
    assert event.attendee(EMAIL)["profile"]["title"] == "CTO"
    assert show_own(event, problem["id"])["result"] == "failed"
    assert event.push(with_title("CTO"), headers=ONCE).content == first.content


def test_d6_the_same_body_means_the_same_bytes_once_unpacked(event: TestedEvent) -> None:
    """The same body means the same bytes once unpacked."""
    content = json.dumps(with_title("CTO")).encode()
    first = event.send(content, headers=ONCE)
    for level in (1, 9):
        packed = event.send(gzip.compress(content, level), headers={**ONCE, "Content-Encoding": "gzip"})
        assert packed.content == first.content
    assert event.send(content, path="", headers={**ONCE, "Content-Type": "text/plain"}).content == first.content
    assert event.send(content + b" ", headers=ONCE).json()["code"] == "idempotency_key_reused"


def test_d6_an_idempotency_key_is_a_sources_own(event: TestedEvent) -> None:
    """Per source: the same key of another source, or of another event, is another key; that of a new API key is not."""
    shop = event.make_source("shop")
    first = event.push(with_title("CTO"), headers=ONCE)
    assert event.push_ok(with_title("CEO"), key=shop, headers=ONCE)["result"] == "updated"
    other = event.product.make_event()
    assert other.push_ok(with_title("CFO"), headers=ONCE)["result"] == "created"
    rotated = keys.rotate(event.database, event.get("/key").json()["key"]["id"], 0)
    assert event.push(with_title("CTO"), key=rotated.text, headers=ONCE).content == first.content


def test_d6_no_push_is_dropped_because_it_resembles_an_earlier_one(event: TestedEvent) -> None:
    """No push is ever dropped because its body resembles an earlier one (A → B → A is three changes)."""
    for sequence, title in enumerate(("A", "B", "A", "B"), 1):
        assert event.push_ok(with_title(title))["sequence"] == sequence
    for sequence, title in enumerate(("A", "B", "A"), 5):
        receipt = event.push_ok(with_title(title), headers={"Idempotency-Key": f"key {sequence}"})
        assert receipt["sequence"] == sequence
    batch = event.batch_ok([with_title(title) for title in ("B", "A", "B")])
    assert [item["sequence"] for item in batch["results"]] == [8, 9, 10]
    assert event.attendee(EMAIL)["profile"]["title"] == "B"


@pytest.mark.parametrize("key", ["", " ", "\t"])
def test_d6_a_blank_key_is_none(event: TestedEvent, key: str) -> None:
    """A blank header says nothing."""
    if key:
        headers = f"Idempotency-Key: {key}\r\n"
        assert send_raw(event, headers, with_title("A"))["sequence"] == 1
        assert send_raw(event, headers, with_title("B"))["sequence"] == 2
    else:
        assert event.push_ok(with_title("A"), headers={"Idempotency-Key": key})["sequence"] == 1
        assert event.push_ok(with_title("B"), headers={"Idempotency-Key": key})["sequence"] == 2


def send_raw(event: TestedEvent, headers: str, body: object) -> dict[str, Any]:
    """POSTs with headers that the client library would not send."""
    content = json.dumps(body)
    with socket.create_connection(("127.0.0.1", int(event.product.server.url.rpartition(":")[2]))) as connection:
        connection.sendall(
            f"POST /e/{event.slug}/attendees HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Api-Key: {event.key}\r\n{headers}Content-Length: {len(content)}\r\n\r\n{content}".encode()
        )
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    receipt: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return receipt


def test_d6_a_key_is_honoured_for_24_hours(event: TestedEvent) -> None:
    """An `Idempotency-Key` header is honoured for 24 hours."""
    first = event.push(with_title("CTO"), headers=ONCE)
    make_answers_older(event, hours=23.9)
    assert event.push(with_title("CTO"), headers=ONCE).content == first.content
    assert event.push_failed(with_title("CEO"), headers=ONCE)["code"] == "idempotency_key_reused"
    make_answers_older(event, hours=0.2)
    assert event.push_ok(with_title("CEO"), headers=ONCE)["result"] == "updated"
    assert event.push_failed(with_title("CTO"), headers=ONCE)["code"] == "idempotency_key_reused"


def make_answers_older(event: TestedEvent, hours: float) -> None:
    with event.database.write() as connection:
        connection.execute(
            text("UPDATE idempotency SET created_at = created_at - :older WHERE event_id = :event_id"),
            {"older": int(hours * 3_600_000_000), "event_id": event.id},
        )


def test_d6_a_batchs_key_stands_for_the_whole_batch(event: TestedEvent) -> None:
    """`Idempotency-Key` works for a batch as a whole: the same answer, byte for byte, and nothing done twice."""
    batch = [with_title("A"), {}, with_title("B"), with_title("A")]
    first = event.batch(batch, headers=ONCE)
    assert (first.json()["created"], first.json()["updated"], first.json()["failed"]) == (1, 2, 1)
    event.push_ok(with_title("C"))
    again = event.batch(batch, headers=ONCE)
    assert (again.status_code, again.content) == (200, first.content)
    assert len(event.changes()) == 4
    assert len(list_own(event)) == 5
    failed = event.batch(batch, "?receipts=failed", headers=ONCE).json()
    assert failed["results"] == [first.json()["results"][1]]
    other = event.batch([*batch, JOHN], headers=ONCE)
    assert (other.status_code, other.json()["code"]) == (500, "idempotency_key_reused")
    assert event.batch(batch, headers={"Idempotency-Key": "another"}).json()["updated"] > 0


def test_d6_a_batchs_key_is_taken_even_if_its_first_items_have_bad_keys_of_their_own(event: TestedEvent) -> None:
    """`Idempotency-Key` works for a batch as a whole: with another body it is an error, whatever came first in it."""
    batch = [*[{**JOHN, "key": "another"}] * 500, with_title("A")]
    first = event.batch(batch, headers=ONCE)
    assert (first.json()["failed"], first.json()["created"]) == (500, 1)
    assert event.batch(batch, headers=ONCE).content == first.content
    other = event.batch([JOHN], headers=ONCE)
    assert (other.status_code, other.json()["code"]) == (500, "idempotency_key_reused")
    assert event.push_failed(JOHN, headers=ONCE)["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("batch", [[], [{**JOHN, "key": "another"}] * 3], ids=["no item", "bad keys alone"])
@pytest.mark.parametrize("query", ["", "?atomic=true"])
def test_d6_a_batchs_key_is_taken_even_if_nothing_of_it_is(event: TestedEvent, batch: list[Any], query: str) -> None:
    """`Idempotency-Key` works for a batch as a whole: with another body it is an error, whatever came of the first."""
    first = event.batch(batch, query, headers=ONCE)
    assert event.batch(batch, query, headers=ONCE).content == first.content
    assert event.batch([JOHN], headers=ONCE).json()["code"] == "idempotency_key_reused"


def test_d6_a_batch_that_comes_twice_at_once_is_done_once(event: TestedEvent) -> None:
    """… also when both come at once."""
    batch = [{"profile": {"email": f"{number}@example.com"}} for number in range(700)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: event.batch(batch, headers=ONCE).content, range(3)))
    assert len(set(answers)) == 1
    assert json.loads(answers[0])["created"] == 700
    assert len(event.changes()) == 700


def test_d6_a_batch_that_cannot_be_read_keeps_its_answer(event: TestedEvent) -> None:
    """Final errors are kept too; and the key stands for the bytes that could not be read."""
    first = event.batch("[{", headers=ONCE)
    assert first.status_code == 500
    assert event.batch("[{", headers=ONCE).content == first.content
    assert event.batch([JOHN], headers=ONCE).json()["code"] == "idempotency_key_reused"
    assert event.push_failed(JOHN, headers=ONCE)["code"] == "idempotency_key_reused"
    assert event.changes() == []


def test_d6_an_atomic_batch_keeps_its_answer(event: TestedEvent) -> None:
    """Final errors are kept too, of an atomic batch with all that it lists and counts."""
    nameless = {"profile": {"email": EMAIL, "customFields": [{"fieldValue": "x"}] * 130}}
    batch = [JOHN, nameless, *({"profile": {"title": str(number)}} for number in range(119))]
    first = event.batch(batch, "?atomic=true", headers=ONCE)
    assert (first.status_code, first.json()["moreErrors"]) == (500, 149)
    again = event.batch(batch, "?atomic=true", headers=ONCE)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert len(list_own(event)) == 120
    good = event.batch([JOHN], "?atomic=true", headers={"Idempotency-Key": "good"})
    assert event.batch([JOHN], "?atomic=true", headers={"Idempotency-Key": "good"}).content == good.content


def test_d6_one_key_for_a_push_and_a_batch_is_an_error(event: TestedEvent) -> None:
    """The same key with another body is an error; so it is at the other address, even with the same bytes."""
    one_line = json.dumps(JOHN)
    event.push_ok(JOHN, headers=ONCE)
    assert event.batch(one_line, headers=ONCE).json()["code"] == "idempotency_key_reused"
    twice = {"Idempotency-Key": "twice"}
    assert event.batch_ok(one_line, headers=twice)["unchanged"] == 1
    assert event.push_failed(JOHN, headers=twice)["code"] == "idempotency_key_reused"
    thrice = {"Idempotency-Key": "thrice"}
    assert event.batch("[{}]", "?atomic=true", headers=thrice).json()["code"] == "invalid_batch"
    assert event.send("[{}]", headers=thrice).json()["code"] == "idempotency_key_reused"


# --- D7 --------------------------------------------------------------------------------------------------------------

HALF_PAST_EIGHT = 1_740_817_800  # 2025-03-01T08:30:00Z


@pytest.mark.parametrize(
    "observed_at",
    [
        "2025-03-01T08:30:00Z",
        "2025-03-01T09:30:00+01:00",
        "2025-03-01T04:00:00-04:30",
        "2025-03-01t08:30:00z",
        "2025-03-01 08:30:00+00:00",
        "2025-03-01T08:30Z",
        "2025-03-01T08:30:00.000Z",
        "2025-03-01T08:30:00.000000000Z",
        "20250301T083000Z",
        " 2025-03-01T08:30:00Z ",
        HALF_PAST_EIGHT,
        str(HALF_PAST_EIGHT),
        float(HALF_PAST_EIGHT),
        HALF_PAST_EIGHT * 1_000,
        str(HALF_PAST_EIGHT * 1_000),
    ],
    ids=repr,
)
@pytest.mark.parametrize("form", ["nested", "flat"])
def test_d7_observed_at_is_iso_8601_with_offset_or_seconds_or_milliseconds(
    event: TestedEvent, observed_at: object, form: str
) -> None:
    """An optional `observedAt` (ISO 8601 with offset, or seconds or milliseconds since 1970, as number or text)."""

    def say(title: str, at: object) -> dict[str, Any]:
        if form == "flat":
            return {"profile.email": EMAIL, "profile.title": title, "observedAt": at}
        return with_title(title, observedAt=at)

    event.push_ok(say("A", observed_at))
    older = event.push_ok(say("B", HALF_PAST_EIGHT - 1))
    assert (older["result"], [one["code"] for one in older["warnings"]]) == ("unchanged", ["older_than_current"])
    newer = event.push_ok(say("C", HALF_PAST_EIGHT + 1))
    assert (newer["result"], newer["warnings"]) == ("updated", [])


@pytest.mark.parametrize(
    ("observed_at", "code"),
    [
        ("2025-03-01", "time_without_offset"),
        ("20250301", "time_without_offset"),
        (20250301, "time_without_offset"),
        ("2025-03-01T08:30:00", "time_without_offset"),
        ("2025-03-01 08:30", "time_without_offset"),
        ("yesterday", "invalid_time"),
        ("01.03.2025", "invalid_time"),
        ("2025-02-30T08:30:00Z", "invalid_time"),
        ("2025-03-01T25:00:00Z", "invalid_time"),
        ("{{now}}", "invalid_time"),
        (-1, "invalid_time"),
        (10**18, "invalid_time"),
        (True, "invalid_time"),
        ([HALF_PAST_EIGHT], "invalid_time"),
        ({"at": HALF_PAST_EIGHT}, "invalid_time"),
    ],
    ids=repr,
)
def test_d7_a_time_that_cannot_be_read_is_an_error(event: TestedEvent, observed_at: object, code: str) -> None:
    """A date alone or a time without offset is an error, and so is what is no time."""
    problem = event.push_failed(with_title("CTO", Observed_At=observed_at))
    assert [(error["path"], error["code"]) for error in problem["errors"]] == [("Observed_At", code)]
    assert event.changes() == []


@pytest.mark.parametrize("observed_at", [None, "", " "])
def test_d7_null_is_not_given(event: TestedEvent, observed_at: str | None) -> None:
    """Without it a push is true when it arrives; `null` is "not given"."""
    event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT))
    receipt = event.push_ok(with_title("B", observedAt=observed_at))
    assert (receipt["result"], receipt["warnings"]) == ("updated", [])
    older = event.push_ok(with_title("C", observedAt=time.time() - 60))
    assert [one["code"] for one in older["warnings"]] == ["older_than_current"]


def test_d7_an_older_value_never_replaces_a_newer_one(event: TestedEvent) -> None:
    """A field's older value never replaces a newer one, and the answer warns (`older_than_current`)."""
    custom = [{"fieldName": "Shoe size", "fieldValue": "43"}]
    event.push_ok({"profile": {"email": EMAIL, "title": "A", "customFields": custom}, "observedAt": HALF_PAST_EIGHT})
    body = {
        "profile": {
            "email": EMAIL.upper(),
            "title": "B",
            "city": "Ulm",
            "customFields": [{"fieldName": "shoe SIZE", "fieldValue": "44"}],
        },
        "observedAt": HALF_PAST_EIGHT - 1,
    }
    receipt = event.push_ok(body)
    assert receipt["changes"] == [{"path": "profile.city", "old": None, "new": "Ulm"}]
    assert receipt["attendee"]["email"] == EMAIL
    assert [(one["path"], one["code"]) for one in receipt["warnings"]] == [
        ("profile.email", "older_than_current"),
        ("profile.title", "older_than_current"),
        ("profile.customFields[0].fieldValue", "older_than_current"),
    ]


def test_d7_an_older_value_that_is_the_same_needs_no_warning(event: TestedEvent) -> None:
    """A field's older value never replaces a newer one: where they are the same there is nothing to say."""
    event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT))
    receipt = event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT - 1))
    assert (receipt["result"], receipt["warnings"]) == ("unchanged", [])


def test_d7_each_field_has_its_own_time(event: TestedEvent) -> None:
    """A *field's* older value never replaces a newer one: of one push some fields may be older, some newer."""
    event.push_ok({"profile": {"email": EMAIL, "title": "A"}, "observedAt": HALF_PAST_EIGHT + 10})
    event.push_ok({"profile": {"email": EMAIL, "city": "A"}, "observedAt": HALF_PAST_EIGHT - 10})
    body = {"profile": {"email": EMAIL, "title": "B", "city": "B"}, "observedAt": HALF_PAST_EIGHT}
    receipt = event.push_ok(body)
    assert receipt["changes"] == [{"path": "profile.city", "old": "A", "new": "B"}]
    assert [(one["path"], one["code"]) for one in receipt["warnings"]] == [("profile.title", "older_than_current")]


def test_d7_a_value_that_is_confirmed_is_true_until_then(event: TestedEvent) -> None:
    """… says when the data was true: a value said again later is not replaced by what was true in between."""
    event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT))
    assert event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT + 20))["result"] == "unchanged"
    receipt = event.push_ok(with_title("B", observedAt=HALF_PAST_EIGHT + 10))
    assert [one["code"] for one in receipt["warnings"]] == ["older_than_current"]


def test_d7_time_counts_across_sources(event: TestedEvent) -> None:
    """A field's older value never replaces a newer one, whoever says it."""
    event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT))
    receipt = event.push_ok(with_title("B", observedAt=HALF_PAST_EIGHT - 1), key=event.make_source("shop"))
    assert event.attendee(EMAIL)["profile"]["title"] == "A"
    assert [one["code"] for one in receipt["warnings"]] == ["older_than_current"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"profile.email": EMAIL, "profile.title": "B"}, "profile.title"),
        ({"profile[email]": EMAIL, "profile[title]": "B"}, "profile[title]"),
        ({"Profile": {"email": EMAIL, "TITLE": "B"}}, "Profile.TITLE"),
        ({**JOHN, "clear": ["profile.title"]}, "profile.title"),
        ({**JOHN, "clear": ["profile.customFields.shoe size"]}, "profile.customFields.shoe size"),
        (
            {**JOHN, "profile.customFields.0.fieldName": "Shoe size", "profile.customFields.0.fieldValue": "44"},
            "profile.customFields.0.fieldValue",
        ),
        ({"profile.email": EMAIL, "eventInfo.groups.groupNames.0": "B"}, "eventInfo.groups.groupNames"),
        ({**JOHN, "event_info": {"groups": {"groupNames": "B"}}}, "event_info.groups.groupNames"),
        ({"profile.email": EMAIL, "eventInfo[attending]": "false"}, "eventInfo[attending]"),
    ],
)
def test_d7_the_warning_is_in_the_senders_own_notation(event: TestedEvent, body: dict[str, Any], path: str) -> None:
    """… and the answer warns (`older_than_current`), in the sender's own notation."""
    custom = [{"fieldName": "Shoe size", "fieldValue": "43"}]
    first = {
        "profile": {"email": EMAIL, "title": "A", "customFields": custom},
        "eventInfo.groups.groupNames": ["A"],
    }
    event.push_ok({**first, "observedAt": HALF_PAST_EIGHT})
    receipt = event.push_ok({**body, "observedAt": HALF_PAST_EIGHT - 1})
    assert receipt["result"] == "unchanged"
    assert [one["path"] for one in receipt["warnings"] if one["code"] == "older_than_current"] == [path]


def test_d7_a_cleared_field_is_not_filled_with_what_was_before(event: TestedEvent) -> None:
    """… never replaces a newer one, cleared fields included."""
    event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT))
    event.push_ok({**JOHN, "clear": ["profile.title"], "observedAt": HALF_PAST_EIGHT + 20})
    receipt = event.push_ok(with_title("B", observedAt=HALF_PAST_EIGHT + 10))
    assert (receipt["result"], [one["code"] for one in receipt["warnings"]]) == ("unchanged", ["older_than_current"])
    assert event.attendee(EMAIL)["profile"]["title"] is None
    # And an older clearing leaves a newer value.
    event.push_ok(with_title("C", observedAt=HALF_PAST_EIGHT + 40))
    for body in ({**JOHN, "clear": ["profile.title"]}, with_title("")):
        receipt = event.push_ok({**body, "observedAt": HALF_PAST_EIGHT + 30})
        assert (receipt["result"], receipt["warnings"][0]["code"]) == ("unchanged", "older_than_current")


def test_d7_a_field_that_was_cleared_before_it_was_ever_set_has_a_time_too(event: TestedEvent) -> None:
    """… cleared fields included: also one that held nothing."""
    event.push_ok({**with_title(""), "observedAt": HALF_PAST_EIGHT + 20})
    receipt = event.push_ok(with_title("B", observedAt=HALF_PAST_EIGHT + 10))
    assert (receipt["result"], [one["code"] for one in receipt["warnings"]]) == ("unchanged", ["older_than_current"])


def test_d7_what_a_source_says_of_groups_counts_as_a_field(event: TestedEvent) -> None:
    """What a source says of groups and of `attending` counts as a field each."""
    event.push_ok(in_groups("B", observedAt=HALF_PAST_EIGHT))
    receipt = event.push_ok(in_groups("A", observedAt=HALF_PAST_EIGHT - 1))
    assert (receipt["result"], [one["code"] for one in receipt["warnings"]]) == ("unchanged", ["older_than_current"])
    assert event.attendee(EMAIL)["groups"] == ["B"]
    event.push_ok(in_groups(observedAt=HALF_PAST_EIGHT + 20))
    event.push_ok(in_groups("A", observedAt=HALF_PAST_EIGHT + 10))
    assert event.attendee(EMAIL)["groups"] == []
    # A field each: what another source says has its own time.
    event.push_ok(in_groups("C", observedAt=HALF_PAST_EIGHT - 30), key=event.make_source("shop"))
    assert event.attendee(EMAIL)["groups"] == ["C"]


def test_d7_what_a_source_says_of_attending_counts_as_a_field(event: TestedEvent) -> None:
    """What a source says of groups and of `attending` counts as a field each."""
    event.push_ok(with_title("A", observedAt=HALF_PAST_EIGHT))
    gone = {**JOHN, "eventInfo": {"attending": False}}
    older = event.push_ok({**gone, "observedAt": HALF_PAST_EIGHT - 1})
    assert [(one["path"], one["code"]) for one in older["warnings"]] == [("eventInfo.attending", "older_than_current")]
    assert event.attendee(EMAIL)["status"] == "attending"
    withdrawn = event.push_ok({**gone, "observedAt": HALF_PAST_EIGHT + 20})
    assert withdrawn["changes"] == [{"path": "status", "old": "attending", "new": "withdrawn"}]
    # A push without the line says that the person is expected, and that was earlier.
    late = event.push_ok({**with_title("B"), "observedAt": HALF_PAST_EIGHT + 10})
    assert late["changes"] == [{"path": "profile.title", "old": "A", "new": "B"}]
    assert [(one["path"], one["code"]) for one in late["warnings"]] == [("eventInfo.attending", "older_than_current")]
    assert event.attendee(EMAIL)["status"] == "withdrawn"
    assert event.push_ok(JOHN)["changes"] == [{"path": "status", "old": "withdrawn", "new": "attending"}]


def test_d7_more_than_five_minutes_in_the_future_counts_as_now(event: TestedEvent) -> None:
    """More than five minutes in the future counts as now, with a warning."""
    receipt = event.push_ok(with_title("A", observedAt=time.time() + 360))
    assert [(one["path"], one["code"]) for one in receipt["warnings"]] == [("observedAt", "observed_at_in_future")]
    assert event.push_ok(with_title("B"))["result"] == "updated"
    assert event.push_ok(with_title("C", observedAt=time.time() + 240))["warnings"] == []
    # Whatever a clock says, what comes without a time wins.
    assert event.push_ok(with_title("D"))["result"] == "updated"
    receipt = event.push_ok(with_title("E", OBSERVED_AT="2100-01-01T00:00:00Z"))
    assert "observed_at_in_future" in [one["code"] for one in receipt["warnings"]]
    assert receipt["result"] == "updated"
    assert event.push_ok(with_title("F", observedAt=time.time() - 30))["result"] == "unchanged"


def test_d7_items_of_a_batch_have_their_own_times(event: TestedEvent) -> None:
    """An optional `observedAt` says when the data was true, of each push; so a batch may come in any order."""
    times = [3, 1, 4, 2]
    answer = event.batch_ok([with_title(f"at {at}", observedAt=HALF_PAST_EIGHT + at) for at in times])
    assert [item["result"] for item in answer["results"]] == ["created", "unchanged", "updated", "unchanged"]
    assert event.attendee(EMAIL)["profile"]["title"] == "at 4"


@pytest.mark.parametrize("name", ["dryRun", "dryrun", "DRYRUN", "dry_run", "dry-run"])
def test_d5_a_dry_run_is_one_however_it_is_spelled(product: Product, name: str) -> None:
    """`?dryRun=true`: nothing changed. A slip in the name must not write."""
    event = product.make_event()
    assert event.push_ok({"profile.email": "dry@example.org"}, path=f"/attendees?{name}=true")["dryRun"] is True
    assert event.changes() == []
