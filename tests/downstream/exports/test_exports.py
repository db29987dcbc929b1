"""Exports over HTTP: asked for, made beside the server, fetched; by whom, within which bounds, and for how long."""

import csv
import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import python_calamine
from sqlalchemy import text

from tests.databases import list_rows, only_sqlite
from tests.downstream.exports.asking import (
    REST_S,
    TRIES,
    Asker,
    fill,
    find_row,
    held_in_the_middle,
    nobody_makes,
)
from tests.product import Product, TestedEvent
from turnout.downstream.exports.asking import MAX_FILES, MAX_OPEN
from turnout.downstream.exports.exporter import KEPT_US
from turnout.events import keys
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.model.attendee import PROFILE_FIELDS
from turnout.now import new_id, now_us
from turnout.store import exports
from turnout.store.exports import Export

NAUGHTY = [
    "=1+1",
    "+49 170 1234567",
    "-2",
    "@SUM(A1)",
    "'=1",
    "''",
    "a,b;c\td",
    'say "hello"',
    "one\ntwo\r\nthree",
    "مرحبا \u202eabc",
    "👩‍👩‍👧‍👦 Ł ß",
    "0001",
    "1e5",
    "true",
    "[not a list]",
    '["like a list"]',
    '\'["like one"]',
    "＝1",
]


def person(email: str, *groups: str, **profile: Any) -> dict[str, Any]:
    return {"profile": {"email": email, **profile}, "eventInfo": {"groups": {"groupNames": list(groups)}}}


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


# From asking to fetching


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("json", "application/json"),
        ("ndjson", "application/x-ndjson"),
    ],
)
def test_an_export_is_asked_for_made_and_fetched(product: Product, name: str, media_type: str) -> None:
    event = product.make_event()
    event.push_ok(person("ada@example.com", "Speakers", firstName="Ada"))
    event.push_ok(person("bob@example.com", firstName="Bob"))
    asker = Asker(event)
    response = asker.ask(format=name)
    assert response.status_code == 202
    asked = response.json()
    assert response.headers["location"].endswith(f"/e/{event.slug}/exports/{asked['id']}")
    assert (asked["state"], asked["percent"], asked["file"]) == ("waiting", 0, None)
    assert asked["asked"]["format"] == name
    shown = asker.wait(asked["id"])
    assert (shown["state"], shown["rowsDone"], shown["rowsExpected"], shown["percent"]) == ("done", 2, 2, 100)
    assert shown["sequence"] == 2
    assert shown["expiresAt"] > shown["finishedAt"]
    fetched = asker.fetch(asked["id"])
    assert fetched.status_code == 200
    assert fetched.headers["content-type"] == media_type
    assert fetched.headers["content-disposition"].endswith(f'.{name}"')
    assert int(fetched.headers["content-length"]) == len(fetched.content) == shown["sizeBytes"]
    if name == "json":
        assert [one["email"] for one in fetched.json()["attendees"]] == ["ada@example.com", "bob@example.com"]
        assert fetched.json()["sequence"] == 2
    elif name == "xlsx":
        book = python_calamine.load_workbook(io.BytesIO(fetched.content))
        assert len(book.get_sheet_by_index(0).to_python()) == 3


def test_an_exported_csv_pushed_into_another_event_leads_to_the_same_values(product: Product) -> None:
    event, other = product.make_event(), product.make_event()
    fields = [field for field in PROFILE_FIELDS if field not in ("email", "thirdPartyId")]
    for number, naughty in enumerate(NAUGHTY):
        body = person(f"n{number}@example.com", "A, B", naughty, f"'{naughty}", **dict.fromkeys(fields, naughty))
        body["profile"]["thirdPartyId"] = f"={number}"
        body["profile"]["customFields"] = [
            {"fieldName": "Note", "fieldValue": naughty},
            {"fieldName": "Choice", "fieldValue": [naughty, "x"]},
            {"fieldName": "2. Choice", "fieldValue": naughty},
            {"fieldName": "fieldName", "fieldValue": [naughty]},
            {"fieldName": 'a.b[0], "c"', "fieldValue": naughty},
        ]
        event.push_ok(body)
    answer = other.batch_ok(Asker(event).make())
    assert answer["created"] == len(NAUGHTY)
    assert [one["warnings"] for one in answer["results"]] == [[]] * len(NAUGHTY)
    for number in range(len(NAUGHTY)):
        ours, theirs = (one.attendee(f"n{number}@example.com") for one in (event, other))
        for what in ("email", "status", "profile", "customFields", "unknownFields"):
            assert theirs[what] == ours[what]
        assert sorted(theirs["groups"]) == sorted(ours["groups"])


def test_whoever_was_withdrawn_is_not_brought_back_by_his_line(product: Product) -> None:
    event = product.make_event()
    event.push_ok(person("ada@example.com"))
    event.push_ok(person("bob@example.com") | {"eventInfo": {"attending": True}})
    event.push_ok({"profile": {"email": "bob@example.com"}, "eventInfo": {"attending": False}})
    content = Asker(event).make(status="all")
    assert [row["status"] for row in read_csv(content)] == ["attending", "withdrawn"]
    event.batch_ok(content)
    assert event.attendee("bob@example.com")["status"] == "withdrawn"


def test_filters_and_fields_are_those_of_the_list(product: Product) -> None:
    event = product.make_event()
    body = person("ada@example.com", "Speakers", firstName="Ada")
    body["profile"]["customFields"] = [{"fieldName": "Diet", "fieldValue": ["Vegan", "Halal"]}]
    event.push_ok(body)
    event.push_ok(person("bob@example.com", "Speakers", firstName="Bob"))
    event.push_ok(person("eve@example.com", firstName="Eve"))
    asker = Asker(event)
    for wish, expected in (
        ({"group": "speakers"}, ["Ada", "Bob"]),
        ({"source": "main", "group": "Speakers", "customFields": {"diet": "halal"}}, ["Ada"]),
    ):
        assert [row["profile.firstName"] for row in read_csv(asker.make(**wish))] == expected
    (row, *_) = read_csv(asker.make(fields=["lastName", "Diet"]))
    assert list(row) == [
        "id",
        "status",
        "profile.lastName",
        "eventInfo.groups.groupNames",
        "profile.customFields.Diet",
        "createdAt",
        "updatedAt",
    ]


def test_following_from_the_sequence_of_an_export_misses_nobody(product: Product) -> None:
    event = product.make_event()
    fill(event, 1_000)
    asker = Asker(event)
    finished = threading.Event()

    def push() -> None:
        number = 0
        while not finished.is_set():
            event.push_ok(person(f"late{number}@example.com"))
            event.push_ok(person(f"p{number}@example.com", firstName="changed"))
            number += 1

    pushing = threading.Thread(target=push)
    pushing.start()
    try:
        export_id = asker.ask_ok(format="ndjson")
        shown = asker.wait(export_id)
    finally:
        finished.set()
        pushing.join()
    found = [json.loads(line) for line in asker.fetch(export_id).content.splitlines()]
    ids = [one["id"] for one in found]
    assert ids == sorted(set(ids))
    names = {one["id"]: one["profile"]["firstName"] for one in found}
    for change in event.changes()[shown["sequence"] :]:
        for entry in change.entries:
            if entry.what == "profile" and entry.key == "firstName":
                names[str(change.attendee_id)] = entry.new
        names.setdefault(str(change.attendee_id), None)
    document = json.loads(asker.make(format="json"))
    assert names == {one["id"]: one["profile"]["firstName"] for one in document["attendees"]}


# What is asked for that cannot be


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"format": "pdf"}, "format can be "),
        ({"formats": "csv"}, 'There is no "formats" in such a body. Did you mean format?'),
        ({"group": "Nobody"}, "There is no group"),
        ({"source": "mian"}, "Did you mean main?"),
        ({"customFields": {"Nothing": "x"}}, "There is no custom field"),
        ({"customFields": {"Diet": 1}}, "customFields is an object of texts, not an object that holds something else"),
        ({"updatedSince": "yesterday"}, "is not a time"),
        ({"status": "merged"}, 'status is all or attending or withdrawn, not "merged".'),
        ({"fields": ["fistName"]}, "Did you mean firstName?"),
        ({"fields": "email"}, 'fields is a list of texts, not "email".'),
        ({"q": "Ada"}, 'There are: "format", "status", '),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(product: Product, wish: dict[str, Any], said: str) -> None:
    response = Asker(product.make_event()).ask(**wish)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert said in response.json()["detail"]


def test_a_wish_is_json(product: Product) -> None:
    asker = Asker(product.make_event())
    assert asker.event.send("format=csv", path="/exports", key=asker.key).status_code == 400
    assert asker.event.send("[" * 100_000, path="/exports", key=asker.key).status_code == 400
    assert asker.event.send("x" * 300_000, path="/exports", key=asker.key).status_code == 413
    assert asker.event.send("", path="/exports", key=asker.key).status_code == 202


@only_sqlite
def test_more_than_a_sheet_holds_is_said_before(product: Product) -> None:
    event = product.make_event()
    with event.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO attendees (event_id, id, status, email_key, name_key, company_key, updated_at, document)"
                " WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers"
                " WHERE number < 1048576) SELECT :event_id, number, 'attending', '', '', '', 0, '{}' FROM numbers"
            ),
            {"event_id": event.id},
        )
    response = Asker(event).ask(format="xlsx")
    assert response.status_code == 400
    assert "1,048,575 attendees at most" in response.json()["detail"]
    with event.database.write() as connection:
        connection.execute(text("DELETE FROM attendees WHERE event_id = :event_id"), {"event_id": event.id})


# Who sees it


def test_only_the_key_that_asked_sees_an_export(product: Product) -> None:
    event = product.make_event()
    event.push_ok(person("ada@example.com"))
    asker, other, elsewhere = Asker(event), Asker(event), Asker(product.make_event())
    export_id = asker.ask_ok()
    asker.wait(export_id)
    for path in (f"/exports/{export_id}", f"/exports/{export_id}/file"):
        assert event.get(path, key=other.key).status_code == 404
        assert event.get(path, key=event.key).status_code == 403
        assert event.get(path, key=elsewhere.key).status_code == 401
        assert event.get(path, key=None).status_code == 401
        assert elsewhere.event.get(path, key=elsewhere.key).status_code == 404
    other_delete = product.client.delete(f"{event.gateway}/exports/{export_id}", headers={"Api-Key": other.key})
    assert other_delete.status_code == 404
    assert [one["id"] for one in event.get("/exports", key=asker.key).json()["exports"]] == [export_id]
    assert event.get("/exports", key=other.key).json() == {"exports": []}


def test_a_limited_key_gets_whom_and_what_it_may_see(product: Product) -> None:
    event = product.make_event()
    body = person("ada@example.com", "Speakers", "Crew", firstName="Ada", phone="123")
    body["profile"]["customFields"] = [{"fieldName": "Secret", "fieldValue": "hidden"}]
    event.push_ok(body)
    event.push_ok(person("bob@example.com", "Crew", firstName="Bob"))
    asker = Asker(event, groups=["Speakers"], fields=["firstName"])
    content = asker.make()
    (row,) = read_csv(content)
    assert list(row) == [
        "id",
        "status",
        "profile.firstName",
        "eventInfo.groups.groupNames",
        "createdAt",
        "updatedAt",
    ]
    assert (row["profile.firstName"], row["eventInfo.groups.groupNames"]) == ("Ada", '["Speakers"]')
    (line,) = asker.make(format="ndjson").splitlines()
    assert json.loads(line)["email"] is None
    for hidden in (b"example.com", b"Crew", b"123", b"hidden", b"Secret"):
        assert hidden not in content + line
    assert asker.ask(group="Crew").status_code == 400
    assert asker.ask(customFields={"Secret": "hidden"}).status_code == 400


def test_a_key_that_was_revoked_fetches_nothing(product: Product) -> None:
    event = product.make_event()
    asker = Asker(event)
    export_id = asker.ask_ok()
    asker.wait(export_id)
    keys.revoke(event.database, asker.key_id)
    assert asker.fetch(export_id).status_code == 401


# The file


@pytest.fixture(scope="module")
def large(server: Any) -> Any:
    """A file of several parts, for all tests that only read it."""
    with Product(server) as product:
        event = product.make_event()
        fill(event, 1_200, biography="x" * 2_000)
        asker = Asker(event)
        export_id = asker.ask_ok(format="ndjson")
        asker.wait(export_id)
        yield asker, export_id, asker.fetch(export_id).content


def test_a_file_of_many_parts_comes_whole(large: tuple[Asker, str, bytes]) -> None:
    _, _, content = large
    assert len(content) > 2 * 1024 * 1024
    lines = [json.loads(line) for line in content.splitlines()]
    assert [one["email"] for one in lines] == [f"p{number}@example.com" for number in range(1_200)]


@pytest.mark.parametrize(
    "said", ["bytes=0-0", "bytes=5-", "bytes=-7", "bytes=1048570-1048590", "bytes=1048576-3000000", "bytes=2000000-"]
)
def test_a_part_of_a_file_is_that_part(large: tuple[Asker, str, bytes], said: str) -> None:
    asker, export_id, content = large
    first, _, last = said.removeprefix("bytes=").partition("-")
    expected = content[int(first) : int(last) + 1 if last else None] if first else content[-int(last) :]
    response = asker.fetch(export_id, Range=said)
    assert response.status_code == 206
    assert response.content == expected
    start = int(first) if first else len(content) - int(last)
    assert response.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"


@pytest.mark.parametrize("said", ["bytes=0-1,4-5", "lines=1-2", "bytes=9-3", "bytes=-", "bytes=x"])
def test_a_range_that_is_none_is_not_heeded(large: tuple[Asker, str, bytes], said: str) -> None:
    asker, export_id, content = large
    response = asker.fetch(export_id, Range=said)
    assert (response.status_code, len(response.content)) == (200, len(content))


def test_a_range_that_begins_behind_the_end_and_has_none_is_told_it_too(large: tuple[Asker, str, bytes]) -> None:
    asker, export_id, content = large
    response = asker.fetch(export_id, Range=f"bytes={len(content) + 1}-")
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(content)}"


def test_a_range_behind_the_end_is_told_the_length(large: tuple[Asker, str, bytes]) -> None:
    asker, export_id, content = large
    for said in (f"bytes={len(content)}-", "bytes=-0"):
        response = asker.fetch(export_id, Range=said)
        assert (response.status_code, response.json()["code"]) == (416, "no_such_range")
        (problem,) = response.json()["errors"]
        assert (problem["path"], "Ask without Range" in problem["help"]) == ("headers.Range", True)
        assert response.headers["content-range"] == f"bytes */{len(content)}"


def test_a_file_is_known_by_its_tag(large: tuple[Asker, str, bytes]) -> None:
    asker, export_id, content = large
    tag = asker.fetch(export_id, Range="bytes=0-0").headers["etag"]
    assert asker.fetch(export_id, **{"If-None-Match": f'"x", {tag}'}).status_code == 304
    assert asker.fetch(export_id, Range="bytes=0-0", **{"If-Range": tag}).status_code == 206
    assert asker.fetch(export_id, Range="bytes=0-0", **{"If-Range": '"other"'}).status_code == 200
    head = asker.event.product.client.head(
        f"{asker.event.gateway}/exports/{export_id}/file", headers={"Api-Key": asker.key}
    )
    assert (head.status_code, int(head.headers["content-length"]), head.content) == (200, len(content), b"")


# While it is not there, and when it is gone


def test_a_file_that_is_not_there_yet_is_a_conflict(product: Product) -> None:
    event = product.make_event()
    asker = Asker(event)
    with nobody_makes(event.database):
        export_id = asker.ask_ok()
        response = asker.fetch(export_id)
        assert (response.status_code, response.json()["code"]) == (409, "export_unfinished")
        assert "waiting" in response.json()["detail"]
    assert asker.wait(export_id)["state"] == "done"


def test_what_is_deleted_is_gone_and_not_made(product: Product) -> None:
    event = product.make_event()
    asker = Asker(event)
    with nobody_makes(event.database):
        export_id = asker.ask_ok()
        assert asker.delete(export_id).status_code == 204
        assert event.get(f"/exports/{export_id}", key=asker.key).status_code == 404
    done = asker.ask_ok()
    asker.wait(done)
    assert asker.delete(done).status_code == 204
    assert asker.fetch(done).status_code == 404
    assert event.get("/exports", key=asker.key).json() == {"exports": []}


def test_so_many_may_wait_and_no_more(product: Product) -> None:
    event = product.make_event()
    asker, other = Asker(event), Asker(event)
    with nobody_makes(event.database):
        waiting = [asker.ask_ok() for _ in range(MAX_OPEN)]
        response = asker.ask()
        assert (response.status_code, response.json()["code"]) == (429, "too_many_exports")
        assert "Wait until one is done, or DELETE one." in response.json()["detail"]
        assert response.json()["retryable"]
        assert int(response.headers["retry-after"]) > 0
        # Of each key.
        waiting.append(other.ask_ok())
        asker.delete(waiting[0])
        waiting.append(asker.ask_ok())
    assert [one["id"] for one in event.get("/exports", key=asker.key).json()["exports"]] == [
        waiting[-1],
        *reversed(waiting[1:MAX_OPEN]),
    ]


def test_so_many_files_are_kept_and_no_more(product: Product) -> None:
    event = product.make_event()
    asker = Asker(event)
    add_files(event, asker, MAX_FILES, now_us())
    response = asker.ask()
    assert (response.status_code, response.json()["code"]) == (429, "too_many_exports")


def add_files(event: TestedEvent, asker: Asker, number: int, finished_at: int) -> list[str]:
    ids = [new_id("exp") for _ in range(number)]
    with event.database.write() as connection:
        for export_id in ids:
            export = Export(
                event_id=event.id,
                id=export_id,
                state="done",
                format="csv",
                query="{}",
                key_id=asker.key_id,
                created_at=finished_at,
                size_bytes=3,
                file_key=bytes(32),
                finished_at=finished_at,
            )
            exports.add_export(connection, export)
            exports.write_part(connection, export, 0, b"abc")
    return ids


def wait_until_tidied(event: TestedEvent) -> None:
    """The server looks after what is over every few seconds."""
    for _ in range(TRIES):
        with event.database.read() as connection:
            if exports.find_leftover(connection) is None:
                return
        time.sleep(REST_S)
    raise AssertionError("Parts are left.")


def count_parts(event: TestedEvent) -> int:
    with event.database.read() as connection:
        return connection.execute(
            text("SELECT count(*) FROM export_parts WHERE event_id = :event_id"), {"event_id": event.id}
        ).scalar_one()


def test_a_file_goes_after_a_day_and_its_line_after_a_week(product: Product) -> None:
    event = product.make_event()
    asker = Asker(event)
    (young,) = add_files(event, asker, 1, now_us() - KEPT_US + 3_600_000_000)
    (old,) = add_files(event, asker, 1, now_us() - KEPT_US - 1)
    (oldest,) = add_files(event, asker, 1, now_us() - 8 * KEPT_US)
    asker.wait(old, "removed")
    wait_until_tidied(event)
    response = asker.fetch(old)
    assert (response.status_code, response.json()["code"]) == (410, "export_gone")
    assert "24 hours" in response.json()["detail"]
    assert event.get(f"/exports/{oldest}", key=asker.key).status_code == 404
    assert find_row(event, young).file_key is not None
    assert count_parts(event) == 1


def test_f1_erasing_somebody_takes_the_event_s_files_in_the_same_moment(product: Product) -> None:
    event, other = product.make_event(), product.make_event()
    event.push_ok(person("ada@example.com", firstName="Adalovelace"))
    event.push_ok(person("bob@example.com", firstName="Bob"))
    body = person("eve@example.com")
    body["profile"]["customFields"] = [{"fieldName": "Diet", "fieldValue": "Adalovelace"}]
    event.push_ok(body)
    other.push_ok(person("kim@example.com"))
    asker, elsewhere = Asker(event), Asker(other)
    done, kept = asker.ask_ok(format="ndjson"), elsewhere.ask_ok()
    asker.wait(done)
    elsewhere.wait(kept)
    event.push_ok({"profile": {"email": "eve@example.com", "customFields": [{"fieldName": "Diet", "fieldValue": ""}]}})
    with nobody_makes(event.database):
        waiting = asker.ask_ok(customFields={"Diet": "Adalovelace"})
        erase(event.database, Configurations(event.database), event.id, "ada@example.com", "staff")
        for export_id in (done, waiting):
            shown = asker.show(export_id)
            assert (shown["state"], "erased" in shown["reason"]) == ("removed", True)
            assert "asked" not in shown
            response = asker.fetch(export_id)
            assert (response.status_code, response.json()["code"]) == (410, "export_gone")
    wait_until_tidied(event)
    assert count_parts(event) == 0
    assert elsewhere.fetch(kept).status_code == 200
    assert asker.make(format="ndjson").count(b"\n") == 2


def test_f1_what_is_being_made_while_somebody_is_erased_is_removed(product: Product) -> None:
    event = product.make_event()
    fill(event, 5_000)
    asker = Asker(event)
    with held_in_the_middle(event, asker) as (export_id, _):
        erase(event.database, Configurations(event.database), event.id, "p7@example.com", "staff")
    assert asker.wait(export_id)["state"] == "removed"
    # Whoever made it has noticed, and the next one is made.
    assert b"p7@example.com" not in asker.make()


def test_f1_the_parts_of_a_file_are_nothing_without_its_key(product: Product) -> None:
    event = product.make_event()
    event.push_ok(person("ada@example.com", biography="Adalovelacebiography"))
    asker = Asker(event)
    export_id = asker.ask_ok()
    asker.wait(export_id)
    with event.database.read() as connection:
        part = exports.find_part(connection, event.id, export_id, 0)
    assert part is not None
    assert b"Adalovelace" not in part
    erase(event.database, Configurations(event.database), event.id, "ada@example.com", "staff")
    assert not any(b"Adalovelacebiography" in row for row in list_rows(event.database))


def test_a_file_that_grows_too_large_is_given_up_in_words(start_product: Callable[..., Product]) -> None:
    product = start_product(MAX_EXPORT="1MiB")
    event = product.make_event()
    fill(event, 600, biography="x" * 2_000)
    asker = Asker(event)
    shown = asker.wait(asker.ask_ok(format="ndjson"))
    assert shown["state"] == "failed"
    assert "larger than 1 MiB (TURNOUT_MAX_EXPORT)" in shown["reason"]
    response = asker.fetch(shown["id"])
    assert (response.status_code, response.json()["code"]) == (409, "export_unfinished")
    assert "larger than 1 MiB" in response.json()["detail"]
    assert len(read_csv(asker.make(fields=["firstName"]))) == 600
