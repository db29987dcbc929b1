"""F1 and F2: who is erased is forgotten, and does not come back by mistake."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.databases import list_rows
from tests.product import Product, TestedEvent
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import Erased, erase, lift

JOHN = "john.doe@example.com"
BODY = {"profile": {"email": JOHN, "title": "Chief zqmarker", "zqmarker": "x"}}


def forget(event: TestedEvent, email: str = JOHN) -> Erased:
    """As staff do, beside the server."""
    return erase(event.database, Configurations(event.database), event.id, email, "cli:ann")


def lines_of(event: TestedEvent) -> list[tuple[int, str, str | None, int]]:
    return [(line.sequence, line.kind, line.email, len(line.entries)) for line in event.changes()]


def test_f1_all_values_go_and_numbers_stay(event: TestedEvent) -> None:
    """Erasing a person removes all values. Sequence numbers stay; the log says `erased`."""
    event.push_ok(BODY)
    event.push_ok({"profile": {"email": "ann@example.org"}})
    event.push_ok({"profile": {"email": JOHN, "title": "CTO"}})
    forget(event)
    assert lines_of(event) == [
        (1, "created", None, 0),
        (2, "created", "ann@example.org", 2),
        (3, "updated", None, 0),
        (4, "erased", None, 0),
    ]


def test_f1_stored_pushes_and_receipts_say_nothing_any_more(event: TestedEvent) -> None:
    """Erasing a person removes all values from stored pushes, receipts and indexes."""
    headers = {"Idempotency-Key": "one"}
    sent = [
        event.push_ok(BODY, headers=headers)["id"],
        event.push_failed(BODY | {"observedAt": "zqmarker"})["id"],
        event.send(f'{{"profile": {{"email": "{JOHN}", "title": "zqmarker"').json()["id"],
        event.push_ok(BODY, path="/attendees?dryRun=true")["id"],
    ]
    forget(event)
    for push_id in sent:
        shown = event.get(f"/pushes/{push_id}").text
        assert JOHN not in shown
        assert "zqmarker" not in shown
    listed = event.get("/pushes").text
    assert JOHN not in listed
    assert "zqmarker" not in listed
    # The answer that was kept is gone: the same request is looked at anew (D6).
    assert event.push_ok(BODY, headers=headers)["result"] == "suppressed"


def test_f1_no_row_and_no_line_of_the_log_tells_of_the_person(start_product: Callable[..., Product]) -> None:
    """Erasing a person removes all values from state, log, stored pushes, receipts and indexes."""
    event = start_product().make_event()
    in_groups = BODY | {"eventInfo": {"groups": {"groupNames": ["VIP"]}}}
    event.push_ok(in_groups, headers={"Idempotency-Key": "zqmarker-1"})
    event.push_ok({"profile": BODY["profile"] | {"thirdPartyId": "zqmarker-2", "title": "zqmarker-3"}})
    event.push_failed(BODY | {"observedAt": "zqmarker"})
    event.send(f'{{"profile": {{"email": "{JOHN}", "title": "zqmarker"')
    event.batch_ok([in_groups, BODY | {"key": "zqmarker"}], headers={"Idempotency-Key": "two"})
    event.batch_ok([BODY | {"idempotencyKey": JOHN}])
    event.push_ok({"profile": {"email": "ann@example.org", "title": "CTO"}})
    before = list(list_rows(event.database))
    assert sum(JOHN.encode() in row for row in before) > 10, "else nothing is looked for"
    assert sum(b"zqmarker" in row for row in before) > 10, "else nothing is looked for"
    forget(event)
    after = list(list_rows(event.database))
    assert [row for row in after if JOHN.encode() in row or b"zqmarker-" in row or b"Chief" in row] == []
    assert any(b"ann@example.org" in row for row in after)
    log = event.product.server.log_path.read_text()
    assert JOHN not in log
    assert "zqmarker" not in log


def test_f1_an_erased_person_is_nobody(event: TestedEvent) -> None:
    """Erasing a person removes all values from state."""
    event.push_ok(BODY)
    forget(event)
    with pytest.raises(AssertionError, match="Nobody has the address"):
        event.attendee(JOHN)


def test_f2_a_source_that_knew_the_person_is_told_suppressed(event: TestedEvent) -> None:
    """A source that knew the person gets `suppressed` (200; a line without body and address; `attendee` is null)."""
    event.push_ok(BODY)
    forget(event)
    receipt = event.push_ok(BODY)
    assert (receipt["result"], receipt["attendee"], receipt["sequence"], receipt["changes"]) == (
        "suppressed",
        None,
        None,
        [],
    )
    line = event.get(f"/pushes/{receipt['id']}").json()
    assert (line["result"], line["email"], line["body"]) == ("suppressed", None, None)
    assert len(event.changes()) == 2
    assert [push["id"] for push in event.get("/pushes?result=suppressed").json()["pushes"]] == [receipt["id"]]


@pytest.mark.parametrize("query", ["", "?dryRun=true", "?atomic=true"])
def test_f2_in_batches_too(event: TestedEvent, query: str) -> None:
    """A source that knew the person gets `suppressed` from then on."""
    event.push_ok(BODY)
    forget(event)
    answer = event.batch_ok([BODY, {"profile": {"email": "ann@example.org"}}], query)
    assert (answer["suppressed"], answer["created"], answer["failed"]) == (1, 1, 0)
    assert answer["results"][0]["result"] == "suppressed"


def test_f2_whoever_did_not_know_the_person_may_bring_them(event: TestedEvent) -> None:
    """A source that knew the person gets `suppressed`."""
    shop = event.make_source("Shop")
    first = event.push_ok(BODY)
    forget(event)
    second = event.push_ok(BODY, key=shop)
    assert second["result"] == "created"
    assert second["attendee"]["id"] != first["attendee"]["id"]
    assert event.push_ok(BODY)["result"] == "suppressed"


def test_f2_until_somebody_lifts_it(event: TestedEvent) -> None:
    """Until somebody allowed lifts it."""
    event.push_ok(BODY)
    forget(event)
    lift(event.database, Configurations(event.database), event.id, JOHN.upper(), "cli:ann")
    assert event.push_ok(BODY)["result"] == "created"


def test_f2_by_a_digest_of_the_address_that_needs_the_installation_s_key(event: TestedEvent) -> None:
    """By a keyed digest of the address."""
    event.push_ok(BODY)
    forget(event)
    other = event.product.make_event()
    other.push_ok(BODY)
    forget(other)
    with event.database.read() as connection:
        rows = connection.execute(
            text("SELECT event_id, digest FROM suppressions WHERE event_id IN (:one, :other)"),
            {"one": event.id, "other": other.id},
        ).all()
    # Not even whether it is the same person in two events can be seen.
    assert len({digest for _, digest in rows}) == 2
    assert all(JOHN not in digest and len(digest) == 32 for _, digest in rows)
