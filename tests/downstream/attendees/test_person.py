"""One attendee over HTTP: found by id and address, explained, with a history; looked up without a trace in logs."""

import io
import json
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from tests.downstream.attendees.crowd import Reader
from tests.product import Product, TestedEvent
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.configurations import Configurations


@pytest.fixture
def event(product: Product) -> TestedEvent:
    event = product.make_event()
    event.push_ok({"profile": {"email": "Ann@x.org", "title": "CTO"}, "eventInfo": {"groups": {"groupNames": ["VIP"]}}})
    event.push_ok({"profile": {"email": "ann@x.org", "title": "CEO"}})
    return event


@pytest.fixture
def reader(event: TestedEvent) -> Reader:
    return Reader(event)


def look_up(reader: Reader, body: object, *, query: str = "") -> dict[str, Any]:
    answer = reader.event.send(json.dumps(body), path=f"/attendees/lookup{query}", key=reader.key)
    return {"status": answer.status_code, **answer.json()}


def test_he_is_shown_as_the_command_line_shows_him(reader: Reader) -> None:
    expected = reader.event.attendee("ann@x.org")
    for reference in ("ANN@x.org", expected["id"], "%41nn@x.org"):
        answer = reader.event.get(f"/attendees/{reference}", key=reader.key)
        assert answer.json() == expected


def test_explain_says_where_each_value_comes_from(reader: Reader) -> None:
    shown = reader.get("/attendees/ann@x.org", explain="true").json()
    assert shown["origins"]["profile"]["title"]["old"] == "CTO"
    assert shown["origins"]["profile"]["title"]["sequence"] == 2
    assert shown["origins"]["groups"] == {"VIP": ["main"]}


def test_a_former_address_and_a_merged_id_lead_to_the_one_kept(event: TestedEvent, reader: Reader) -> None:
    other = event.push_ok({"profile": {"email": "other@x.org"}})["attendee"]["id"]
    with on_stage(event.database, Configurations(event.database), event.id, "staff") as scene:
        decisions.rename(scene, "ann@x.org", "new@x.org")
    with on_stage(event.database, Configurations(event.database), event.id, "staff") as scene:
        merging.merge(scene, "other@x.org", "new@x.org")
    for reference in ("ann@x.org", "other@x.org", other):
        assert reader.get(f"/attendees/{reference}").json()["email"] == "new@x.org"
    assert reader.read(status="all") == ["new@x.org"]
    found = look_up(reader, {"emails": ["ann@x.org", "other@x.org"], "ids": [other]})
    assert [one["email"] for one in found["attendees"]] == ["new@x.org"]
    assert found["notFound"] == []


def test_a_withdrawn_person_is_shown_with_the_status(event: TestedEvent, reader: Reader) -> None:
    event.push_ok({"profile": {"email": "ann@x.org"}, "eventInfo": {"attending": False}})
    assert reader.get("/attendees/ann@x.org").json()["status"] == "withdrawn"
    assert reader.read() == []


def test_several_with_one_address_are_named_by_their_ids(product: Product) -> None:
    event = product.make_event(identity="third_party_id")
    ids = [
        event.push_ok({"profile": {"email": "desk@x.org", "thirdPartyId": one, "firstName": one}})["attendee"]["id"]
        for one in ("1", "2")
    ]
    reader = Reader(event)
    answer = reader.get("/attendees/desk@x.org")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert all(one in answer.json()["detail"] for one in ids)
    assert [one["id"] for one in look_up(reader, {"email": "desk@x.org"})["attendees"]] == ids
    assert reader.read(email="desk@x.org", sort="-id") == ["desk@x.org"] * 2


@pytest.mark.parametrize("reference", ["nobody@x.org", "att_0", "nobody", "lookup"])
def test_nobody_is_404(reader: Reader, reference: str) -> None:
    expected = 405 if reference == "lookup" else 404
    assert reader.get(f"/attendees/{reference}").status_code == expected


def test_the_history_has_the_latest_first_and_goes_on_behind_a_cursor(event: TestedEvent, reader: Reader) -> None:
    for title in ("a", "b", "c"):
        event.push_ok({"profile": {"email": "ann@x.org", "title": title}})
        event.push_ok({"profile": {"email": "bob@x.org", "title": title}})
    first = reader.get("/attendees/ann@x.org/history", limit="3").json()
    assert [line["changes"][0]["new"] for line in first["history"]] == ["c", "b", "a"]
    assert set(first["history"][0]) >= {"sequence", "kind", "at", "attendeeId", "email", "pushId", "source", "changes"}
    rest = reader.get("/attendees/ann@x.org/history", limit="3", cursor=first["next"]).json()
    assert [(line["sequence"], line["kind"]) for line in rest["history"]] == [(2, "updated"), (1, "created")]
    assert rest["next"] is None


def test_a_look_up_says_whom_it_did_not_find(reader: Reader) -> None:
    ann_id = reader.event.attendee("ann@x.org")["id"]
    found = look_up(reader, {"emails": ["nobody@x.org", "ANN@x.org"], "ids": [ann_id, "att_0"]}, query="?fields=title")
    assert [one["profile"] for one in found["attendees"]] == [{"title": "CEO"}]
    assert found["notFound"] == ["nobody@x.org", "att_0"]
    assert look_up(reader, {"email": "ann@x.org"})["attendees"][0]["email"] == "ann@x.org"


@pytest.mark.parametrize(
    "body", [{}, {"emails": ["a@x.org"] * 101}, {"email": 1}, {"ids": ["ann@x.org"]}, {"mail": "a@x.org"}, []]
)
def test_a_look_up_that_cannot_be_meant_is_refused(reader: Reader, body: object) -> None:
    assert look_up(reader, body)["code"] == "invalid_request"


def test_a_look_up_that_is_not_json_is_malformed(reader: Reader) -> None:
    answer = reader.event.send(b"{", path="/attendees/lookup", key=reader.key)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")


# --- Whatever is kept by whoever asks --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/attendees", "/attendees/ann@x.org", "/attendees/ann@x.org/history", "/groups"])
def test_what_has_not_changed_is_304(event: TestedEvent, reader: Reader, path: str) -> None:
    first = reader.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert tag.startswith('"')
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = reader.get(path, {"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert reader.get(path, {"If-None-Match": '"x"'}).status_code == 200
    event.push_ok({"profile": {"email": "ann@x.org", "title": "x"}, "eventInfo": {"groups": {"groupNames": ["New"]}}})
    assert reader.get(path, {"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("path", ["/attendees?limit=1&sort=email", "/attendees/ann@x.org", "/groups", "/custom-fields"])
def test_head_is_get_without_a_body(event: TestedEvent, reader: Reader, path: str) -> None:
    headers = {"Api-Key": reader.key}
    got = event.product.client.get(event.gateway + path, headers=headers)
    head = event.product.client.head(event.gateway + path, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers[name] == got.headers[name]


# --- Forms -----------------------------------------------------------------------------------------------------------


def test_a_list_is_written_in_the_form_that_is_asked_for(event: TestedEvent, reader: Reader) -> None:
    event.push_ok({"profile": {"email": "bob@x.org", "title": "=1+1"}})
    lines = reader.get(format="ndjson").text.splitlines()
    assert [json.loads(line)["email"] for line in lines] == ["ann@x.org", "bob@x.org"]
    assert [json.loads(line) for line in lines] == reader.page()["attendees"]
    table = reader.get(format="csv", fields="email,title").text
    assert table.startswith("\ufeffid,profile.email,status,profile.title,")
    assert ",'=1+1," in table
    book = CalamineWorkbook.from_filelike(io.BytesIO(reader.get(format="xlsx").content))
    rows = book.get_sheet_by_index(0).to_python()
    assert [row[1] for row in rows] == ["profile.email", "ann@x.org", "bob@x.org"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/json;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("application/*", "application/json"),
    ],
)
def test_accept_chooses_the_form(reader: Reader, accept: str | None, content_type: str) -> None:
    answer = reader.get("/attendees", {} if accept is None else {"Accept": accept}, limit="1")
    assert answer.headers["content-type"] == content_type


def test_format_beats_accept_and_what_there_is_not_is_406(reader: Reader) -> None:
    assert reader.get("/attendees", {"Accept": "image/png"}, format="csv").status_code == 200
    answer = reader.get("/attendees", {"Accept": "image/png, text/csv;q=0"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_the_next_page_of_another_form_is_in_the_link_header(event: TestedEvent, reader: Reader) -> None:
    event.push_ok({"profile": {"email": "bob@x.org"}})
    answer = reader.get(format="csv", limit="1")
    assert "format=csv" in answer.headers["link"]
    assert answer.headers["x-sequence"] == "3"
