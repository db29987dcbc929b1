"""How many pushes came to what, as each commit counts them: exactly what the push log says."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.feed.builders import JOHN, MAIN, SHOP, Hall, make_item, make_push
from turnout.events import keys, sources
from turnout.feed.commit import write
from turnout.feed.settle import draft as draft_module
from turnout.feed.submission import Overlay
from turnout.model.receipt import Failure, Problem
from turnout.store.database import Database
from turnout.store.push_counts import SLOT_US

BROKEN = Failure("invalid_push", "profile.email is missing.", [Problem("profile.email", "missing_email", "…", "…")])


@pytest.fixture
def hall(database: Database) -> Hall:
    hall = Hall(database)
    keys.create(database, hall.event.id, label="shop")
    return hall


def counted(hall: Hall) -> Counter[tuple[int, int, str]]:
    rows = hall.rows(f"SELECT slot, source_number, result, count FROM push_counts WHERE event_id = '{hall.event.id}'")
    return Counter({(slot, source, result): count for slot, source, result, count in rows})


def in_the_log(hall: Hall) -> Counter[tuple[int, int, str]]:
    """The lines that are no dry runs, and their repetitions, of which it knows when the last one was."""
    found: Counter[tuple[int, int, str]] = Counter()
    for at, last_at, source, result, dry_run, rehearsed, repeats in hall.rows(
        "SELECT at, last_at, source_number, result, dry_run, rehearsed, repeats FROM pushes"
        f" WHERE event_id = '{hall.event.id}'"
    ):
        if rehearsed or not dry_run:
            found[at // SLOT_US, source, "rehearsed" if rehearsed else result] += 1
        found[last_at // SLOT_US, source, "unchanged"] += repeats
    return +found


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_what_the_push_log_says(hall: Hall, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random = Random(seed)
    other = Hall(hall.database, slug="fair")
    at = draft_module.now_us()
    monkeypatch.setattr(draft_module, "now_us", lambda: at)

    def said(source: int) -> Any:
        if random.random() < 0.2:
            return make_item(None, hall.sender(source), failure=BROKEN)
        return make_push(random.choice([JOHN, "jane@example.com"]), title=random.choice("AB"))

    for number in range(30):
        if number % 5 == 0:
            at += SLOT_US
            monkeypatch.setattr(draft_module, "now_us", lambda at=at: at)
        if number == 20:
            sources.set_up(hall.database, hall.event.id, "shop", {"mode": "rehearsal"})
        source = random.choice([MAIN, SHOP])
        submissions = [
            hall.submit(
                *(said(source) for _ in range(random.choice([1, 2, 7]))),
                source=source,
                atomic=random.random() < 0.2,
                dry_run=Overlay() if random.random() < 0.2 else None,
            ),
            other.submit(make_push(f"{number}@example.com")),
        ]
        write(hall.database, hall.configurations, submissions)
    assert sum(counted(other).values()) == 30
    assert {result for _, _, result in counted(hall)} >= {"created", "failed", "unchanged", "rehearsed"}
    assert of_each_source(counted(hall)) == of_each_source(in_the_log(hall))
    first_lines = {place for place in in_the_log(hall) if place[2] != "unchanged"}
    assert {place: counted(hall)[place] for place in first_lines} == {
        place: in_the_log(hall)[place] for place in first_lines
    }


def of_each_source(counts: Counter[tuple[int, int, str]]) -> Counter[tuple[int, str]]:
    """Without the slots: of repetitions the log knows the last time alone."""
    found: Counter[tuple[int, str]] = Counter()
    for (_, source, result), count in counts.items():
        found[source, result] += count
    return found


def test_what_is_said_again_changed_nothing_when_it_was_said(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1_000 * SLOT_US + draft_module.now_us() // SLOT_US * SLOT_US
    for later in (0, 1, 1):
        monkeypatch.setattr(draft_module, "now_us", lambda at=at + later * SLOT_US: at)
        write(hall.database, hall.configurations, [hall.submit(make_push(), make_push(), source=SHOP)])
    slot = at // SLOT_US
    assert counted(hall) == {(slot, SHOP, "created"): 1, (slot, SHOP, "unchanged"): 1, (slot + 1, SHOP, "unchanged"): 4}


def test_dry_runs_are_not_counted(hall: Hall) -> None:
    write(hall.database, hall.configurations, [hall.submit(make_push(), dry_run=Overlay())])
    assert counted(hall) == {}
    assert hall.rows("SELECT count(*) FROM pushes") == [(1,)]


def test_a_commit_that_fails_counts_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("turnout.feed.commit.events.move_clocks", fail)
    with pytest.raises(RuntimeError):
        write(hall.database, hall.configurations, [hall.submit(make_push())])
    assert counted(hall) == {}
