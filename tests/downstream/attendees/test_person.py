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
    assert (answer.status_code, answer.json()["code"]) == (409, "shared_address")
    assert answer.json()["title"] == "Several people have this address"
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


@pytest.mark.parametrize(("said", "explained"), [("true", True), ("True", True), ("false", False)])
def test_explain_is_true_or_false(reader: Reader, said: str, explained: bool) -> None:
    assert ("origins" in reader.get("/attendees/ann@x.org", explain=said).json()) == explained
    for other in ("yes", "1", ""):
        answer = reader.get("/attendees/ann@x.org", explain=other)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert answer.json()["detail"] == f'explain can be true or false, not "{other}".'


def test_a_look_up_says_whom_it_did_not_find(reader: Reader) -> None:
    ann_id = reader.event.attendee("ann@x.org")["id"]
    found = look_up(reader, {"emails": ["nobody@x.org", "ANN@x.org"], "ids": [ann_id, "att_0"]}, query="?fields=title")
    assert [one["profile"] for one in found["attendees"]] == [{"title": "CEO"}]
    assert found["notFound"] == ["nobody@x.org", "att_0"]
    assert look_up(reader, {"email": "ann@x.org"})["attendees"][0]["email"] == "ann@x.org"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Say who is looked for"),
        ({"emails": ["a@x.org"] * 101}, "At most 100"),
        ({"email": 1}, "email is a text, not a number."),
        ({"emails": "a@x.org"}, 'emails is a list of texts, not "a@x.org". Send it as in {"emails": '),
        ({"emails": [1]}, "emails is a list of texts, not a list that holds something else."),
        ({"ids": ["ann@x.org"]}, "do not begin with att_"),
        (
            {"emial": "a@x.org"},
            'There is no "emial" in such a body. Did you mean email? There are: "email", "emails", "id"',
        ),
        ([], "The body is a list, not an object."),
    ],
)
def test_a_look_up_that_cannot_be_meant_is_refused(reader: Reader, body: object, said: str) -> None:
    answer = look_up(reader, body)
    assert answer["code"] == "invalid_request"
    assert said in answer["detail"]


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("/attendees/lookup", b'{"emial": "a@x.org"}', "emial"),
        ("/attendees/lookup", b'{"emails": "a@x.org"}', "emails"),
        ("/exports", b'{"group": "Nobody"}', "group"),
        ("/exports", b'{"customFields": {"Nothing": "x"}}', "customFields.Nothing"),
        ("/exports", b'{"fields": ["nothing"]}', "fields"),
        ("/attendees/ann@x.org/token", b'{"expiresIn": 0}', "expiresIn"),
    ],
)
def test_what_is_wrong_in_a_body_is_told_by_its_path(reader: Reader, path: str, body: bytes, wrong: str) -> None:
    answer = reader.event.send(body, path=path, key=reader.key).json()
    assert (answer["code"], [one["path"] for one in answer["errors"]]) == ("invalid_request", [wrong])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "a } is missing at the end (line 1, column 2"),
        (b'{"emails": ["a@x.org",]}', "comma"),
        (b"", "The body is empty."),
        (b"\xff", "The body is not UTF-8."),
        (b"{} {}", "The body"),
        (b"[" * 100_000, "The body is nested too deep."),
    ],
)
@pytest.mark.parametrize("path", ["/attendees/lookup", "/exports", "/attendees/ann@x.org/token"])
def test_a_body_that_is_not_json_is_malformed_and_says_where(reader: Reader, path: str, body: bytes, said: str) -> None:
    answer = reader.event.send(body, path=path, key=reader.key)
    if not body and path != "/attendees/lookup":
        assert answer.status_code < 300
        return
    if len(body) > 64 * 1024 and path != "/exports":
        assert answer.status_code == 413
        return
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
    assert said in answer.json()["detail"]


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


@pytest.mark.parametrize("query", [{}, {"sort": "email"}, {"status": "all"}, {"format": "ndjson"}])
def test_a_page_with_a_next_one_is_304_too(event: TestedEvent, reader: Reader, query: dict[str, str]) -> None:
    event.push_ok({"profile": {"email": "bob@x.org"}})
    first = reader.get(limit="1", **query)
    assert 'rel="next"' in first.headers["link"]
    again = reader.get("/attendees", {"If-None-Match": first.headers["etag"]}, limit="1", **query)
    assert (again.status_code, again.content) == (304, b"")
    assert reader.get(limit="1", **query).headers["link"] == first.headers["link"]


def test_a_list_with_a_sequence_is_another_with_each_change_of_the_event(event: TestedEvent, reader: Reader) -> None:
    """As the guide says: in the forms that carry none what counts is who is on the page."""
    before = {form: reader.get(group="VIP", format=form).headers["etag"] for form in ("json", "ndjson", "csv")}
    event.push_ok({"profile": {"email": "bob@x.org"}})
    known = {
        form: reader.get("/attendees", {"If-None-Match": tag}, group="VIP", format=form).status_code
        for form, tag in before.items()
    }
    assert known == {"json": 200, "ndjson": 304, "csv": 304}


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
