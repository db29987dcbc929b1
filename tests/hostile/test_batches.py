"""Batches that want to cost more than they are (E1, E2, E3)."""

import gzip
import json
import time

import pytest

from tests.hostile.target import MIB, Answer, Target, all_at_once, repeat

OTHERS_S = 3.0


def make_items(number: int, item: str) -> bytes:
    """A batch of so many, each with an address of its own in place of `?`."""
    return ("[" + ",".join([item.replace("?", f"p{at}@example.org") for at in range(number)]) + "]").encode()


def fail_often(errors: int) -> str:
    """An item with so many errors."""
    return '{"profile":{"email":"?","customFields":[%s]}}' % ",".join(["0"] * errors)


def warn_often(warnings: int) -> str:
    """An item with so many warnings."""
    return '{"profile.email":"?",%s}' % ",".join([f'"u{at}":0' for at in range(warnings)])


@pytest.mark.parametrize("query", ["", "?atomic=true"], ids=["each for itself", "atomic"])
def test_ten_thousand_items_that_fail_in_many_ways_cost_what_they_are(start_target, query: str) -> None:
    """All errors of all items would be a hundred times the batch."""
    target = start_target()
    body = make_items(10_000, fail_often(30))
    with target.others_at_work(within_s=OTHERS_S) if not query else _nobody():
        answer = target.batch(body, query=query)
    if query:
        assert answer.code == "invalid_batch"
        assert json.loads(answer.body)["moreErrors"] == 10_000 * 30 - 100
    else:
        results = json.loads(answer.body)["results"]
        assert [result["index"] for result in results] == list(range(10_000))
        assert all(len(one["errors"]) + one.get("moreErrors", 0) == 30 for one in results)
        assert results[0].get("moreErrors", 0) == 0
        assert len(results[-1]["errors"]) == 1
    assert len(answer.body) < 16 * MIB
    assert target.peak_mib < 250, f"{target.peak_mib:.0f} MiB"
