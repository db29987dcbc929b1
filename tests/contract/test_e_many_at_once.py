"""Many pushes in one request: rules E1 to E3 of the contract."""

import gzip
import json
import socket
import subprocess
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.product import TURNOUT, Product, TestedEvent
from turnout.events import event as events
from turnout.events import keys

EMAIL = "john.doe@example.com"
JOHN = {"profile": {"email": EMAIL}}
UNKNOWN_KEY = "trn_0190a3b4c5d67e8f9a0b1c2d3e4f5a6b_0123456789abcdefghijklmnopqrstuvABCDEF"
COUNTS = ("created", "updated", "unchanged", "suppressed", "failed", "withdrawn")


def person(name: str, **profile: object) -> dict[str, Any]:
    return {"profile": {"email": f"{name}@example.com", **profile}}


def counts(answer: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    assert set(answer) == {"results", *COUNTS}
    return {name: answer[name] for name in COUNTS if answer[name]}


def list_own(event: TestedEvent, key: str = "") -> list[dict[str, Any]]:
    """The source's pushes, first things first."""
    listed: list[dict[str, Any]] = event.get("/pushes?limit=1000", key=key).json()["pushes"]
    return listed[::-1]


# --- E1 --------------------------------------------------------------------------------------------------------------

ITEMS = [person("a", title="CTO"), person("b"), {"profile.email": "c@example.com", "profile.city": "München"}]

FORMS: dict[str, Callable[[list[Any]], str]] = {
    "array": json.dumps,
    "array, pretty": lambda items: json.dumps(items, indent=4, ensure_ascii=False),
    "array, narrow": lambda items: json.dumps(items, separators=(",", ":")),
    "array, in space": lambda items: "\ufeff \r\n" + json.dumps(items, indent="\t") + "\n\n",
    "object": lambda items: json.dumps({"attendees": items}),
    "object, pretty": lambda items: json.dumps({"attendees": items}, indent=2),
    "object with more": lambda items: json.dumps({"version": 1, "x": {"attendees": []}, "attendees": items, "y": [{}]}),
    "object, misspelled": lambda items: json.dumps({"Attendees": items}),
    "lines": lambda items: "\n".join(map(json.dumps, items)),
    "lines, ended": lambda items: "".join(json.dumps(item) + "\n" for item in items),
    "lines of Windows": lambda items: "".join(json.dumps(item) + "\r\n" for item in items),
    "lines, spaced": lambda items: "\ufeff\n\n" + "".join(f"  {json.dumps(item)} \n \t\r\n\n" for item in items) + " ",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-ndjson"])
def test_e1_a_batch_has_three_forms(event: TestedEvent, form: str, content_type: str) -> None:
    """`POST {gateway}/attendees/batch` takes a JSON array, `{"attendees": [...]}` and NDJSON."""
    if content_type.endswith("ndjson") and not form.startswith("lines"):
        return
    answer = event.batch_ok(FORMS[form](ITEMS), headers={"Content-Type": content_type})
    assert counts(answer) == {"created": 3}
    assert [item["index"] for item in answer["results"]] == [0, 1, 2]
    assert [item["attendee"]["email"] for item in answer["results"]] == [f"{name}@example.com" for name in "abc"]
    assert event.attendee("a@example.com")["profile"]["title"] == "CTO"
    assert event.attendee("c@example.com")["profile"]["city"] == "München"


def test_e1_a_line_alone_is_a_batch(event: TestedEvent) -> None:
    """NDJSON of one line is a batch of one."""
    assert counts(event.batch_ok(json.dumps(JOHN))) == {"created": 1}


@pytest.mark.parametrize("form", ["[]", " [ ] ", '{"attendees": []}'])
def test_e1_an_empty_batch_is_a_batch(event: TestedEvent, form: str) -> None:
    """The answer, 200 when the batch could be read, lists every item's outcome: here none."""
    assert event.batch_ok(form) == {"results": [], **dict.fromkeys(COUNTS, 0)}


def test_e1_an_item_is_answered_as_the_push_would_be(product: Product) -> None:
    """The answer lists every item's outcome in order with its index: each is the receipt, or problem, of a push."""
    whole, alone = product.make_event(), product.make_event()
    items: list[Any] = [
        {**person("a", title="CTO"), "eventInfo": {"groups": {"groupNames": ["A"]}}, "shoes": "brown"},
        person("a", title="CEO"),
        {"profile": {"title": "CTO"}},
        person("a", title="CEO"),
        {"profile": {"email": "b"}},
        {**person("b"), "observedAt": "yesterday"},
        person("c", **{f"unknown{number}": "x" for number in range(3)}),
        "d@example.com",
        None,
        [person("d")],
    ]
    answer = whole.batch_ok(items)
    assert counts(answer) == {"created": 2, "updated": 1, "unchanged": 1, "failed": 6}
    assert [item["index"] for item in answer["results"]] == list(range(10))
    for index, item in enumerate(items):
        expected = alone.push(item).json()
        shown = answer["results"][index]
        for document in (expected, shown):
            document["id"] = bool(document["id"])
            if document.get("attendee"):
                document["attendee"]["id"] = bool(document["attendee"]["id"])
            for error in document.get("errors", []) if not isinstance(item, dict) else []:
                error["help"] = bool(error["help"])  # a batch has another cure for what is no object
        assert shown == {**expected, "index": index}
    assert [push["result"] for push in list_own(whole)] == [push["result"] for push in list_own(alone)]


def test_e1_an_item_that_fails_stops_no_other(event: TestedEvent) -> None:
    """An item that fails stops no other."""
    items = [person("a"), {}, person("b"), {"profile": {"email": "x"}}, person("c")]
    answer = event.batch_ok(items)
    assert counts(answer) == {"created": 3, "failed": 2}
    assert [item.get("code", item.get("result")) for item in answer["results"]] == [
        "created", "invalid_push", "created", "invalid_push", "created",
    ]  # fmt: skip
    problem = answer["results"][1]
    assert (problem["index"], problem["status"], problem["retryable"]) == (1, 500, False)
    assert [(error["path"], error["code"]) for error in problem["errors"]] == [("profile.email", "missing_email")]
    # Each is kept by itself (D3).
    assert [push["result"] for push in list_own(event)] == ["created", "failed", "created", "failed", "created"]
    assert event.get(f"/pushes/{problem['id']}").json()["body"] == "{}"


def test_e1_a_bad_line_fails_alone(event: TestedEvent) -> None:
    """An item that fails stops no other: of lines also one that is no JSON, wherever it stands."""
    good = [json.dumps(person(name)) for name in "abc"]
    bad = ['{"profile": {"email": "x@example.com"', "nonsense", '"text"', good[0] + good[1], "{'a': 1}", "]"]
    for number, line in enumerate(bad):
        names = [f"{name}{number}" for name in "abc"]
        first, second, third = (json.dumps(person(name)) for name in names)
        for lines in ([first, line, second, "", third], [first, second, third, line]):
            answer = event.batch_ok("\n".join(lines))
            assert answer["failed"] == 1, line
            index = [at for at, one in enumerate(one for one in lines if one) if one == line]
            assert [item["index"] for item in answer["results"] if "code" in item] == index
            (problem,) = [item for item in answer["results"] if "code" in item]
            assert problem["code"] == "malformed_body"
            assert problem["errors"][0]["help"]
        assert len(event.changes()) == (number + 1) * 3


def test_e1_a_bad_first_line_fails_alone(event: TestedEvent) -> None:
    """An item that fails stops no other: also where the first line is the bad one."""
    lines = ['{"profile": {"email": "a@example.com"', json.dumps(person("b")), json.dumps(person("c"))]
    answer = event.batch_ok("\n".join(lines))
    assert counts(answer) == {"created": 2, "failed": 1}
    assert answer["results"][0]["index"] == 0
    assert answer["results"][0]["code"] == "malformed_body"


def test_e1_items_take_effect_in_order(event: TestedEvent) -> None:
    """… in order: each sees the effect of those before it, and the log has them in that order."""
    items = [person("a", title="A"), person("b"), person("a", title="B"), person("a"), person("a", title="A")]
    answer = event.batch_ok(items)
    assert [item["result"] for item in answer["results"]] == ["created", "created", "updated", "unchanged", "updated"]
    assert [item["sequence"] for item in answer["results"]] == [1, 2, 3, None, 4]
    assert answer["results"][4]["changes"] == [{"path": "profile.title", "old": "B", "new": "A"}]
    assert [change.push_id for change in event.changes()] == [
        item["id"] for item in answer["results"] if item["sequence"]
    ]


def test_e1_receipts_says_how_much_is_listed(event: TestedEvent) -> None:
    """`?receipts=failed` lists only those, `summary` only the counts."""
    items = [person("a"), {}, person("b"), {"profile": {"email": "x"}}]
    everything = event.batch_ok(items, "?receipts=all")
    assert len(everything["results"]) == 4
    failed = event.batch_ok(items, "?receipts=failed")
    assert counts(failed) == {"unchanged": 2, "failed": 2}
    assert [(item["index"], item["code"]) for item in failed["results"]] == [(1, "invalid_push"), (3, "invalid_push")]
    assert failed["results"][0]["errors"] == everything["results"][1]["errors"]
    summary = event.batch_ok(items, "?receipts=summary")
    assert summary == {**failed, "results": []}
    with_few_words = event.batch_ok(items, "?receipts=all", headers={"Prefer": "return=minimal"})
    assert ["changes" in item for item in with_few_words["results"]] == [False] * 4


@pytest.mark.parametrize("query", ["?receipts=none", "?receipts=", "?receipts=Failed", "?atomic=perhaps", "?dryRun=2"])
def test_e1_a_query_that_cannot_be_meant_is_an_error(event: TestedEvent, query: str) -> None:
    """The answer is 200 when the batch could be read, and what it should do; else nothing is done."""
    response = event.batch([JOHN], query)
    assert (response.status_code, response.json()["code"]) == (500, "invalid_request")
    assert event.changes() == []


def test_e1_a_batch_has_up_to_10_000_pushes(event: TestedEvent) -> None:
    """Up to 10,000 pushes; they get their answer in one piece."""
    lines = ["{}"] * 9_998
    answer = event.batch_ok(
        "[" + ",".join([json.dumps(person("a")), *lines, json.dumps(person("b"))]) + "]", "?receipts=summary"
    )
    assert counts(answer) == {"created": 2, "failed": 9_998}


@pytest.mark.parametrize("form", ["array", "object", "lines"])
def test_e1_more_than_10_000_pushes_are_refused_as_a_whole(event: TestedEvent, form: str) -> None:
    """Up to 10,000 pushes: with one more nothing is done, and the answer says why."""
    response = event.batch(FORMS[form]([JOHN, *[{}] * 10_000]))
    assert response.status_code == 500
    problem = response.json()
    assert (problem["code"], problem["retryable"]) == ("malformed_body", False)
    assert [error["code"] for error in problem["errors"]] == ["too_many_items"]
    assert "10,000" in problem["detail"]
    assert event.changes() == []
    assert [(push["id"], push["result"]) for push in list_own(event)] == [(problem["id"], "failed")]


def test_e1_more_than_32_mib_are_refused_unread(event: TestedEvent) -> None:
    """… and 32 MiB: a larger batch is refused by what its head says, without reading the rest."""
    events.set_up(event.database, event.id, {"status_codes": "precise"})
    with socket.create_connection(("127.0.0.1", int(event.product.server.url.rpartition(":")[2]))) as connection:
        connection.sendall(
            f"POST /e/{event.slug}/attendees/batch HTTP/1.1\r\nHost: localhost\r\nApi-Key: {event.key}\r\n"
            f"Content-Length: {32 * 2**20 + 1}\r\n\r\n[".encode()
        )
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["code"] == "body_too_large"
    assert "32 MiB" in json.loads(body)["detail"]
    packed = gzip.compress(b"[" + b" " * (32 * 2**20) + b"]", 1)
    response = event.batch(packed, headers={"Content-Encoding": "gzip"})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_e1_32_mib_are_taken(event: TestedEvent) -> None:
    """… and 32 MiB."""
    array = json.dumps([JOHN])
    packed = gzip.compress(array.encode() + b" " * (32 * 2**20 - len(array)), 1)
    response = event.batch(packed, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 200, response.text
    assert counts(response.json()) == {"created": 1}


@pytest.mark.parametrize("form", ["array", "lines"])
def test_e1_an_item_may_be_as_large_as_a_push(event: TestedEvent, form: str) -> None:
    """Each item is a push, and a push is up to 1 MiB (B6)."""
    large = person("b", **{f"unknown{number}": "x" * 100_000 for number in range(8)})
    answer = event.batch_ok(FORMS[form]([person("a"), large, person("c")]))
    assert counts(answer) == {"created": 3}
    too_large = event.batch_ok(FORMS["lines"]([person("d"), {"x": "y" * 2**20}, person("e")]))
    assert counts(too_large) == {"created": 2, "failed": 1}
    assert too_large["results"][1]["errors"][0]["code"] == "item_too_large"


NO_BATCH = {
    "nothing": "",
    "space": " \n ",
    "a text": '"a"',
    "a number": "5",
    "null": "null",
    "words": "hello",
    "no list": '{"attendees": {"profile": {"email": "a@example.com"}}}',
    "no attendees": '{"people": [\n{"profile": {"email": "a@example.com"}}]}',
    "a broken array": '[{"profile": {"email": "a@example.com"}}, {"profile": ]',
    "an open array": '[{"profile": {"email": "a@example.com"}}',
    "a broken object": '{"attendees": [{"profile": {"email": "a@example.com"}}], }',
    "something behind": '[{"profile": {"email": "a@example.com"}}] [',
    "twice": '{"attendees": [{"profile": {"email": "a@example.com"}}], "attendees": []}',
}


@pytest.mark.parametrize("case", NO_BATCH)
def test_e1_what_cannot_be_read_is_one_error(event: TestedEvent, case: str) -> None:
    """The answer is 200 when the batch could be read; else it is one error (D3), and nothing takes effect."""
    response = event.batch(NO_BATCH[case])
    assert response.status_code == 500
    problem = response.json()
    assert (problem["code"], problem["retryable"]) == ("malformed_body", False)
    assert len(problem["errors"]) == 1
    assert problem["errors"][0]["message"]
    assert problem["errors"][0]["help"]
    assert event.changes() == []
    (line,) = list_own(event)
    assert (line["id"], line["result"]) == (problem["id"], "failed")
    assert event.get(f"/pushes/{line['id']}").json()["body"] == NO_BATCH[case]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_e1_a_batch_may_be_packed(event: TestedEvent, encoding: str) -> None:
    """gzip and deflate `Content-Encoding` are read (B1)."""
    content = json.dumps(ITEMS).encode()
    packed = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    assert counts(event.batch_ok(packed, headers={"Content-Encoding": encoding})) == {"created": 3}


def test_e1_a_long_batch_holds_up_no_push(event: TestedEvent) -> None:
    """A batch of thousands travels in pieces, and others push in between."""
    batch = [person(str(number)) for number in range(4_000)]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(event.batch_ok, batch, "?receipts=summary")
        in_between = 0
        while not answer.done():
            event.push_ok(JOHN)
            in_between += 1
        assert counts(answer.result()) == {"created": 4_000}
    sequences = [change.sequence for change in event.changes() if change.email == EMAIL]
    assert in_between >= 1
    assert sequences[0] < 4_001


UNREADABLE = {
    "csv without header": "john.doe@example.com,John\n",
    "broken array": '[{"email": "john.doe@example.com"}, {"email": ',
    "one attendee": json.dumps(JOHN, indent=2),
    "too many": "\n".join(['{"email": "john.doe@example.com"}'] * 10_001),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_e1_a_batch_that_could_not_be_read_is_not_replayed(event: TestedEvent, body: str) -> None:
    """It is to be sent again: read as one attendee it would say what nobody has said."""
    push_id = event.batch(body).json()["id"]
    failed = event.push({"profile": {"email": "nobody"}}).json()
    environment = event.product.server.environment

    def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*TURNOUT, "pushes", "replay", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    by_name = replay(push_id)
    assert by_name.returncode == 1
    assert "was a batch that could not be read; it is to be sent again" in " ".join(by_name.stderr.split())
    all_failed = replay("--event", event.slug, "--failed")
    assert failed["id"] in all_failed.stdout
    assert push_id not in all_failed.stdout
    assert "1 batch that could not be read" in all_failed.stdout + all_failed.stderr
    assert event.changes() == []


def test_e1_a_rehearsed_batch_that_could_not_be_read_is_left_out_when_going_live(event: TestedEvent) -> None:
    """As its replay is refused, no go-live reads it as one attendee."""
    key = event.make_source("Shop", mode="rehearsal")
    event.batch(json.dumps(JOHN, indent=2), key=key)
    event.push_ok(person("ann"), key=key)
    done = subprocess.run(
        [*TURNOUT, "source", "go-live", "--event", event.slug, "Shop", "--with-rehearsed"],
        env=event.product.server.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert "1 push is left out" in done.stdout
    assert [change.email for change in event.changes() if change.email] == ["ann@example.com"]


def test_e1_a_batch_that_could_not_be_read_is_answered_the_same_again(event: TestedEvent) -> None:
    """What marks it as a batch is ours: neither the answer nor the push log says more than before."""
    answer = event.batch("hello").json()
    shown = event.get(f"/pushes/{answer['id']}").json()
    assert not {"isBatch", "is_batch"} & {*answer, *shown}


# --- E2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["?atomic=true", "?atomic=1", "?atomic=yes&receipts=all", "?atomic"])
def test_e2_an_atomic_batch_that_succeeds_is_as_any_other(event: TestedEvent, flag: str) -> None:
    """`?atomic=true` makes it all or nothing: here all."""
    answer = event.batch_ok([*ITEMS, person("a", title="CEO")], flag)
    assert counts(answer) == {"created": 3, "updated": 1}
    assert [item["sequence"] for item in answer["results"]] == [1, 2, 3, 4]
    assert [push["result"] for push in list_own(event)] == ["created", "created", "created", "updated"]


def test_e2_one_failing_item_and_nothing_takes_effect(event: TestedEvent) -> None:
    """One failing item, and the answer is an error (D3) that lists every failing item's problems, each with `index`."""
    event.push_ok(person("a", title="CTO"))
    before = event.attendee("a@example.com")
    items = [
        person("a", title="CEO"),
        {"profile": {"email": "x", "title": ["CTO"]}},
        {**person("b"), "eventInfo": {"groups": {"groupNames": ["New"]}}},
        {},
        "text",
    ]
    response = event.batch(items, "?atomic=true")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["code"], problem["retryable"], problem["id"]) == ("invalid_batch", False, None)
    assert "3 of 5" in problem["detail"]
    assert [(error["index"], error["path"], error["code"]) for error in problem["errors"]] == [
        (1, "profile.email", "invalid_email"),
        (1, "profile.title", "not_a_text"),
        (3, "profile.email", "missing_email"),
        (4, "", "not_an_object"),
    ]
    assert all(error["message"] and error["help"] for error in problem["errors"])
    assert event.attendee("a@example.com") == before
    assert len(event.changes()) == 1
    # Nothing: the group is not there either, so its first spelling is still to come.
    event.push_ok({**person("c"), "eventInfo": {"groups": {"groupNames": ["NEW"]}}})
    assert event.attendee("c@example.com")["groups"] == ["NEW"]


def test_e2_the_failing_items_are_kept(event: TestedEvent) -> None:
    """… nothing takes effect, the failing items are kept as D3 says."""
    event.batch([person("a"), {"profile": {"title": "CTO"}}, person("b"), {}], "?atomic=true")
    lines = list_own(event)
    assert [line["result"] for line in lines] == ["failed", "failed"]
    shown = [event.get(f"/pushes/{line['id']}").json() for line in lines]
    assert [json.loads(one["body"]) for one in shown] == [{"profile": {"title": "CTO"}}, {}]
    assert [one["errors"][0]["code"] for one in shown] == ["missing_email", "missing_email"]


def test_e2_precise_is_a_422(event: TestedEvent) -> None:
    """The answer is an error (D3), which D4 makes precise."""
    events.set_up(event.database, event.id, {"status_codes": "precise"})
    response = event.batch([person("a"), {}], "?atomic=true")
    assert (response.status_code, response.json()["status"]) == (422, 422)


def test_e2_an_item_of_a_later_chunk_counts_as_well(event: TestedEvent) -> None:
    """All or nothing, however long the batch."""
    items = [person(str(number)) for number in range(1_200)]
    response = event.batch([*items, {}], "?atomic=true")
    assert [error["index"] for error in response.json()["errors"]] == [1_200]
    assert event.changes() == []
    answer = event.batch_ok(items, "?atomic=true&receipts=summary")
    assert counts(answer) == {"created": 1_200}


def test_e2_a_hundred_problems_are_listed_and_the_others_counted(event: TestedEvent) -> None:
    """… an error (D3): at most 100 errors are listed, with the number of the others."""
    problem = event.batch([person("a"), *[{}] * 130], "?atomic=true").json()
    assert [error["index"] for error in problem["errors"]] == list(range(1, 101))
    assert problem["moreErrors"] == 30
    assert len(list_own(event)) == 130
    nameless = person("b", customFields=[{"fieldValue": "x"}] * 150)
    problem = event.batch([nameless, {}, nameless], "?atomic=true").json()
    assert [error["index"] for error in problem["errors"]] == [0] * 100
    assert problem["moreErrors"] == 201


def test_e2_an_item_with_a_bad_key_is_a_failing_item(event: TestedEvent) -> None:
    """One failing item, and nothing takes effect: so it is with an item whose own key is bad (E3)."""
    items = [{**person("a"), "key": event.key}, {**person("b"), "key": UNKNOWN_KEY}, {**person("c"), "key": event.key}]
    for key in (event.key, None):
        response = event.batch(items, "?atomic=true", key=key)
        assert response.status_code == 500
        problem = response.json()
        assert problem["code"] == "invalid_batch"
        assert [(error["index"], error["path"], error["code"]) for error in problem["errors"]] == [
            (1, "key", "unauthorized")
        ]
    assert event.changes() == []
    assert all(event.get(f"/pushes/{line['id']}").json()["body"] is None for line in list_own(event))


def test_e2_a_dry_atomic_batch_fails_as_the_batch_would(event: TestedEvent) -> None:
    """`dryRun` works for a batch as a whole, an atomic one included: same checks, same answer (D5)."""
    items = [person("a"), {}, person("a", title="CTO")]
    dry = event.batch(items, "?atomic=true&dryRun=true")
    real = event.batch(items, "?atomic=true")
    assert (dry.status_code, dry.json()) == (real.status_code, real.json())
    assert [(line["result"], line.get("dryRun", False)) for line in list_own(event)] == [
        ("failed", True),
        ("failed", False),
    ]
    good = event.batch_ok([person("a"), person("a", title="CTO")], "?atomic=true&dryRun=true")
    assert counts(good) == {"created": 1, "updated": 1}
    assert event.changes() == []


# --- E3 --------------------------------------------------------------------------------------------------------------


def test_e3_the_key_may_come_in_the_header(event: TestedEvent) -> None:
    """The key may come in the header …"""
    assert counts(event.batch_ok([person("a")])) == {"created": 1}
    bearer = {"Authorization": f"Bearer {event.key}"}
    assert counts(event.batch_ok([person("b")], key=None, headers=bearer)) == {"created": 1}


@pytest.mark.parametrize("pretty", [None, 2])
@pytest.mark.parametrize("first", [True, False])
def test_e3_the_key_may_come_at_the_root(event: TestedEvent, first: bool, pretty: int | None) -> None:
    """… at the root of the object form …"""
    body = {"key": event.key, "attendees": [person("a")]} if first else {"attendees": [person("a")], "Key": event.key}
    assert counts(event.batch_ok(json.dumps(body, indent=pretty), key=None)) == {"created": 1}


@pytest.mark.parametrize("form", ["array", "object", "lines"])
def test_e3_the_key_may_come_in_the_items(event: TestedEvent, form: str) -> None:
    """… or in the items."""
    items = [{**person("a"), "key": event.key}, {"profile.email": "b@example.com", "KEY": event.key}]
    assert counts(event.batch_ok(FORMS[form](items), key=None)) == {"created": 2}


def test_e3_the_keys_of_the_items_may_be_of_several_sources(event: TestedEvent) -> None:
    """… or in the items: each is its own source's push."""
    shop = event.make_source("shop")
    items = [{**person("a", title="CTO"), "key": event.key}, {**person("a", title="CEO"), "key": shop}]
    answer = event.batch_ok(items, key=None)
    assert counts(answer) == {"created": 1, "updated": 1}
    assert answer["results"][1]["changes"] == [{"path": "profile.title", "new": "CEO", "oldHidden": True}]
    assert [line["source"] for line in list_own(event)] == ["main"]
    assert [line["source"] for line in list_own(event, shop)] == ["shop"]


def test_e3_keys_in_several_places_that_are_equal_are_fine(event: TestedEvent) -> None:
    """An item whose own key differs from the header's or root's fails; here none does. null and blank are not given."""
    items = [{**person("a"), "key": event.key}, {**person("b"), "key": None}, {**person("c"), "key": " "}, person("d")]
    assert counts(event.batch_ok({"attendees": items, "key": event.key})) == {"created": 4}
    assert counts(event.batch_ok({"attendees": items, "key": None})) == {"unchanged": 4}
    assert counts(event.batch_ok({"attendees": items, "key": event.key}, key=None)) == {"unchanged": 4}


@pytest.mark.parametrize("where", ["header", "root", "items"])
def test_e3_an_item_with_a_bad_key_fails_alone(event: TestedEvent, where: str) -> None:
    """An item whose own key is bad, or differs from the header's or root's, fails alone."""
    shop = event.make_source("shop")
    read = keys.create(event.database, event.id, scope="read").text
    revoked = keys.create(event.database, event.id)
    keys.revoke(event.database, revoked.key.id)
    own = event.key if where == "items" else None
    wrong = [UNKNOWN_KEY, read, revoked.text, event.product.make_event().key, 5]
    if where != "items":
        wrong.append(shop)  # good, but another one
    items: list[dict[str, Any]] = [{**person("a"), "key": own}]
    items += [{**person(f"wrong{number}"), "key": key} for number, key in enumerate(wrong)]
    items.append({**person("b"), "key": own})
    body = {"attendees": items, "key": event.key if where == "root" else None}
    answer = event.batch_ok(body, key=event.key if where == "header" else None)
    assert counts(answer) == {"created": 2, "failed": len(wrong)}
    for item in answer["results"][1:-1]:
        assert (item["code"], item["status"], item["retryable"], item["id"]) == ("unauthorized", 401, False, None)
        assert [(error["path"], error["code"]) for error in item["errors"]] == [("key", "unauthorized")]
    # All for the same reason, as far as anybody can see (A3).
    alike = {json.dumps({**item, "index": 0}) for item in answer["results"][1:-1]}
    assert len(alike) == 1
    assert len(list_own(event)) == 2


def test_e3_an_item_with_two_keys_fails_alone(event: TestedEvent) -> None:
    """Given twice and different is wrong (A2), and an item whose own key is bad fails alone."""
    shop = event.make_source("shop")
    twice = f'{{"key": "{event.key}", "profile": {{"email": "b@example.com"}}, "Key": "{shop}"}}'
    one = json.dumps({**person("a"), "key": event.key})
    answer = event.batch_ok(f"[{one}, {twice}]", key=None)
    assert counts(answer) == {"created": 1, "failed": 1}
    assert answer["results"][1]["code"] == "unauthorized"


def test_e3_an_item_without_key_fails_where_only_items_have_one(event: TestedEvent) -> None:
    """The key may come in the header, at the root, or in the items: an item for which it comes nowhere has none."""
    answer = event.batch_ok([person("a"), {**person("b"), "key": event.key}, person("c")], key=None)
    assert counts(answer) == {"created": 1, "failed": 2}
    assert [item.get("code") for item in answer["results"]] == ["unauthorized", None, "unauthorized"]


def test_e3_without_any_good_key_the_answer_is_401(event: TestedEvent) -> None:
    """… and without any good key the answer is 401."""
    expected = event.push(JOHN, key=UNKNOWN_KEY).content
    bodies: list[Any] = [
        [person("a")],
        [],
        [{**person("a"), "key": UNKNOWN_KEY}, {**person("b"), "key": "x"}],
        {"attendees": [person("a")]},
        {"attendees": [person("a")], "key": UNKNOWN_KEY},
        # A bad key of the header or root is not made good by an item's.
        {"attendees": [{**person("a"), "key": event.key}], "key": UNKNOWN_KEY},
        "[{",
        "",
        "\n".join(json.dumps(person(name)) for name in "ab"),
    ]
    for body in bodies:
        for query in ("", "?atomic=true", "?receipts=perhaps"):
            response = event.batch(body, query, key=None)
            assert (response.status_code, response.content) == (401, expected)
    response = event.batch([{**person("a"), "key": event.key}], key=UNKNOWN_KEY)
    assert (response.status_code, response.content) == (401, expected)
    assert event.changes() == []
    assert list_own(event) == []


def test_e3_a_key_is_looked_for_in_the_first_mib(event: TestedEvent) -> None:
    """A key inside the body is looked for in its first MiB; larger batches need the header."""
    filling = [{"x": "y" * 300_000}] * 4
    late = [*filling, {**person("a"), "key": event.key}]
    assert event.batch(late, key=None).status_code == 401
    assert event.batch({"attendees": filling, "key": event.key}, key=None).status_code == 401
    assert counts(event.batch_ok(late)) == {"created": 1, "failed": 4}
    early = [{**person("a"), "key": event.key}, *filling, {**person("b"), "key": event.key}]
    assert counts(event.batch_ok(early, key=None)) == {"created": 1, "unchanged": 1, "failed": 4}
    at_the_root = {"key": event.key, "attendees": [*filling, person("c")]}
    assert counts(event.batch_ok(at_the_root, key=None)) == {"created": 1, "failed": 4}


def test_e3_many_bad_keys_do_not_make_a_batch_slow_or_large(event: TestedEvent) -> None:
    """An item whose own key is bad fails alone, and thousands of them cost no more than their places."""
    items = [{**person("a"), "key": event.key}]
    items += [{**person(str(number)), "key": UNKNOWN_KEY[:-4] + f"{number:04}"} for number in range(2_000)]
    answer = event.batch_ok(items, "?receipts=summary", key=None)
    assert counts(answer) == {"created": 1, "failed": 2_000}


def test_e3_a_key_that_is_revoked_midway_ends_the_batch(event: TestedEvent) -> None:
    """A revocation holds from that instant (A3), also for what a batch has not yet done."""
    issued = keys.create(event.database, event.id)
    batch = [person(str(number)) for number in range(8_000)]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(event.batch, batch, "?receipts=summary", key=issued.text)
        while not event.changes() and not answer.done():
            pass
        keys.revoke(event.database, issued.key.id)
        done = len(event.changes())
        response = answer.result()
    assert response.status_code == 401
    assert 0 < len(event.changes()) == done < 8_000
    # With a good key of the source the rest follows.
    assert counts(event.batch_ok(batch, "?receipts=summary")) == {"created": 8_000 - done, "unchanged": done}


def test_e3_dry_run_and_idempotency_key_work_for_a_batch_as_a_whole(event: TestedEvent) -> None:
    """`dryRun` and `Idempotency-Key` work for a batch as a whole (the tests of D5 and D6 say how)."""
    once = {"Idempotency-Key": "once"}
    items = [{**person("a"), "key": event.key}, {**person("b"), "key": UNKNOWN_KEY}, {}]
    dry = event.batch_ok(items, "?dryRun=true", key=None, headers=once)
    assert counts(dry) == {"created": 1, "failed": 2}
    first = event.batch(items, key=None, headers=once)
    assert counts(first.json()) == {"created": 1, "failed": 2}
    assert event.batch(items, key=None, headers=once).content == first.content
    assert len(event.changes()) == 1
