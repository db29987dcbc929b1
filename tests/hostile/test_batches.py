"""Batches that want to cost more than they are (E1, E2, E3)."""

import json
from collections import Counter
from collections.abc import Callable

import pytest

from tests.hostile.target import MIB, Target, all_at_once, repeat
from turnout.store.sqlite.database import SqliteDatabase

StartTarget = Callable[..., Target]
OTHERS_S = 3.0
"""How long others may wait while a batch is worked on, on two slow cores."""


def make_items(number: int, item: str) -> bytes:
    """A batch of so many, each with an address of its own in place of `?`."""
    return ("[" + ",".join([item.replace("?", f"p{at}@example.org") for at in range(number)]) + "]").encode()


FAILS = '{"profile":{"email":"?","customFields":[' + ",".join(["0"] * 30) + "]}}"
"""With thirty errors."""
WARNS = '{"profile.email":"?",' + ",".join([f'"u{at}":0' for at in range(30)]) + "}"
"""With thirty warnings."""


@pytest.mark.parametrize(("item", "listed"), [(FAILS, "errors"), (WARNS, "warnings")], ids=["errors", "warnings"])
def test_d3_ten_thousand_items_list_no_more_than_can_be_read(start_target: StartTarget, item: str, listed: str) -> None:
    """All that they could list would be a hundred times the batch, in the answer and in the database."""
    target = start_target()
    body = make_items(10_000, item)
    with target.others_at_work(within_s=OTHERS_S):
        answer = target.batch(body, "Prefer: return=minimal")
    results = json.loads(answer.body)["results"]
    assert [result["index"] for result in results] == list(range(10_000))
    more = f"more{listed.title()}"
    assert all(len(result[listed]) + result.get(more, 0) == 30 for result in results)
    assert len(results[0][listed]) == 30
    assert len(results[-1][listed]) == 1
    assert len(answer.body) < 15 * MIB
    database = target.event.database
    if isinstance(database, SqliteDatabase):
        # Where somebody was reading meanwhile, all of it is there twice.
        assert database.forget_log()
    assert database.size_bytes() < 100 * MIB
    assert target.extra_mib < 200, f"{target.extra_mib:.0f} MiB"


def test_e2_ten_thousand_items_that_fail_together_cost_no_more(start_target: StartTarget) -> None:
    target = start_target()
    answer = target.batch(make_items(10_000, FAILS), query="?atomic=true")
    assert answer.code == "invalid_batch"
    assert json.loads(answer.body)["moreErrors"] == 10_000 * 30 - 100
    assert target.extra_mib < 200, f"{target.extra_mib:.0f} MiB"


@pytest.mark.parametrize("query", ["", "?atomic=true"], ids=["each for itself", "together"])
def test_items_of_a_mib_each_hold_nobody_up(target: Target, query: str) -> None:
    items = [
        repeat(lambda n: f'"u{n}":0', f'{{"profile.email":"p{at}@example.org",', "}", size=MIB - 1) for at in range(6)
    ]
    body = b"[" + b",".join(items) + b"]"
    with target.others_at_work(within_s=OTHERS_S):
        answer = target.batch(body, query=query)
    assert answer.code == "invalid_batch" if query else json.loads(answer.body)["failed"] == len(items)
    assert target.extra_mib < 200, f"{target.extra_mib:.0f} MiB"


def test_many_batches_of_32_mib_at_once_are_bounded_and_the_others_come_again(target: Target) -> None:
    """Twelve arrive at once: those for which there is room are done, all others are told quickly."""
    text = "x" * (MIB - 10_000)
    items = [f'{{"profile.email":"p{at}@example.org","profile.title":"{text}"}}' for at in range(31)]
    body = ("[" + ",".join(items) + "]").encode()
    with target.others_at_work(within_s=2 * OTHERS_S):
        answers = all_at_once([lambda: target.batch(body, query="?dryRun=true&receipts=summary")] * 12)
    codes = Counter(answer.code for answer in answers)
    assert set(codes) <= {"", "queue_full"}
    assert codes[""] >= 1
    assert target.extra_mib < 600, f"{target.extra_mib:.0f} MiB"


HOLES = {
    "brackets": b"[" * 8 * MIB,
    "braces": b'{"a":' * 2 * MIB,
    "commas": b"[" + b"," * 8 * MIB,
    "quotation marks": b"[" + b'"' * 8 * MIB,
    "spaces": b" " * 8 * MIB,
    "lines without end": b"\n" * 8 * MIB,
    "lines of one letter": b"x\n" * 9_999,
    "too many lines of one letter": b"x\n" * MIB,
    "first lines that are spoiled": b'{"a\n' * 9_999,
    "too many spoiled first lines": b'{"a\n' * MIB,
    "items of nothing": b"[" + b"0," * 9_999 + b"0]",
    "too many items": b"[" + b"0," * 10_000 + b"0]",
    "items of many brackets, and a slip": b"[" + b",".join([b"[" + b"[]," * 300_000 + b"0]"] * 8) + b",",
    "one value of 8 MiB": b'["' + b"x" * 8 * MIB + b'"]',
    "one number of 8 MiB": b"[" + b"7" * 8 * MIB + b"]",
    "8 MiB at the root": b'{"x":"' + b"x" * 8 * MIB + b'","attendees":[]}',
    "many names at the root": repeat(lambda n: f'"k{n}":0', "{", ',"attendees":[]}', size=4 * MIB),
    "keys at the root": repeat(lambda n: f'"key":"k{n}"', "{", ',"attendees":[]}', size=2 * MIB),
    "keys in the items": repeat(lambda n: f'{{"key":"k{n}"}}', "[", "]", most=9_000),
    "attendees twice": b'{"attendees":[],"attendees":[]}',
    "attendees in a spelling of its own": b'{"A_T-T e n d e e s":[{"profile.email":"a@b.cd"}]}',
    "attendees that are none": b'{"attendees":{"attendees":[]}}',
    "half a character": b'{"\\ud800":"\\udfff","attendees":["\\ud800"]}',
    "NUL": b'{"\\u0000":"\\u0000","attendees":["\\u0000",{"\\u0000":0}]}',
    "raw NUL": b"\0" * MIB,
    "UTF-16": "[]".encode("utf-16"),
    "Latin-1": b'[{"profile.email":"\xff@b.cd"},{"\xff":0}]',
    "a mark": b"\xef\xbb\xbf[]",
    "NaN": b'[NaN,{"profile.title":Infinity}]',
}


@pytest.mark.parametrize("key", ["", None], ids=["good key", "no key"])
def test_a_batch_that_is_none_has_an_answer_and_holds_nobody_up(target: Target, key: str | None) -> None:
    for name, body in HOLES.items():
        with target.others_at_work(within_s=OTHERS_S):
            answer = target.ask(body, path=f"{target.path}/batch", key=key)
        assert answer.status == 401 if key is None else answer.status in (200, 401, 500), name
        assert answer.seconds < 15, name
    assert target.extra_mib < 200, f"{target.extra_mib:.0f} MiB"


def test_odd_queries_of_a_batch_have_an_answer(target: Target) -> None:
    body = make_items(3, WARNS)
    for query in (
        "receipts=",
        "receipts=%00",
        "receipts=all&receipts=none",
        "atomic=%ff",
        "atomic=2",
        "dryRun=&atomic=",
    ):
        answer = target.batch(body, query=f"?{query}")
        assert answer.code in ("", "invalid_request"), query
