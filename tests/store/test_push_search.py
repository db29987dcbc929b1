"""People find pushes by what they say and what became of them, page by page and never for ever."""

from itertools import count
from typing import Any

import msgspec
import pytest

from turnout.model.push import StoredPush
from turnout.model.receipt import Failure, Problem, Warning
from turnout.now import first_id
from turnout.store import pushes
from turnout.store.database import Database
from turnout.store.push_search import Found, PushSearch, list_replays, search_pushes
from turnout.store.statements import is_postgresql

EVENT = "evt_1"
SECOND = 1_000_000
NOON = 1_750_000_000 * SECOND
_numbers = count(1)


def make_line(at: int = NOON, **rest: Any) -> StoredPush:
    """A push of source 1 that changed nothing; a later one has a later id."""
    line = StoredPush(
        id=first_id("psh", at)[:-8] + f"{next(_numbers):08x}",
        event_id=EVENT,
        at=at,
        source_number=1,
        key_id=None,
        actor=None,
        result="unchanged",
        dry_run=False,
        email="john.doe@example.com",
        attendee_id="att_1",
        sequence=None,
        observed_at=None,
        replay_of=None,
        repeats=0,
        last_at=at,
    )
    return msgspec.structs.replace(line, **rest)


def add(database: Database, *lines: StoredPush) -> list[StoredPush]:
    with database.write() as connection:
        pushes.add_pushes(connection, lines)
    return list(lines)


def search(
    database: Database, before_id: str | None = None, limit: int = 100, looked_at: int = 20_000, **what: Any
) -> Found:
    with database.read() as connection:
        return search_pushes(
            connection, EVENT, PushSearch(**what), before_id=before_id, limit=limit, looked_at=looked_at
        )


FAILED = Failure(
    "invalid_push",
    'He wrote "code":"nothing" here.',
    [
        Problem("profile.customFields[3].fieldValue", "not_a_text", "…", "…"),
        Problem("E-Mail_%", "invalid_email", "…", "…"),
    ],
)
ODD = [Warning('profile["Größe"]', "unknown_field", 'It says "path":"elsewhere".')]


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ({}, "abcdef"),
        ({"result": "failed"}, "b"),
        ({"result": "created"}, "a"),
        ({"source_number": 2}, "cd"),
        ({"source_number": 2, "result": "failed"}, ""),
        ({"effect": "live"}, "abf"),
        ({"effect": "dry_run"}, "ce"),
        ({"effect": "rehearsed"}, "d"),
        ({"email": "john.doe@example.com"}, "a"),
        ({"email": " JOHN.doe "}, "ac"),
        ({"email": "n_doe"}, "f"),
        ({"email": "%"}, ""),
        ({"email": "\\"}, ""),
        ({"attendee_id": "att_2"}, "e"),
        ({"path": "profile.customFields"}, "b"),
        ({"path": "profile.customFields[3].fieldValue"}, "b"),
        ({"path": "customFields"}, ""),
        ({"path": "e-mail_%"}, "b"),
        ({"path": "e-mail__"}, ""),
        ({"path": 'profile["Größe"]'}, "c"),
        ({"path": "elsewhere"}, ""),
        ({"code": "unknown_field"}, "c"),
        ({"code": "invalid_email"}, "b"),
        ({"code": "invalid_push"}, "b"),
        ({"code": "invalid"}, ""),
        ({"code": "nothing"}, ""),
        ({"since": NOON + 2 * SECOND}, "cdef"),
        ({"until": NOON + 2 * SECOND}, "ab"),
        ({"since": NOON + SECOND, "until": NOON + 2 * SECOND}, "b"),
        ({"push_id": "nobody's"}, ""),
        ({"push_id": "\0", "email": "\0\ud800", "path": "\0\ud800", "attendee_id": "\0"}, ""),
    ],
)
def test_what_is_looked_for_is_found_and_nothing_else(database: Database, what: dict[str, Any], found: str) -> None:
    lines = add(
        database,
        make_line(result="created"),
        make_line(NOON + SECOND, result="failed", failure=FAILED, email=None, attendee_id=None),
        make_line(NOON + 2 * SECOND, source_number=2, dry_run=True, warnings=ODD, email="john.doe@example.org"),
        make_line(NOON + 3 * SECOND, source_number=2, dry_run=True, rehearsed=True, email="jane@example.com"),
        make_line(NOON + 4 * SECOND, dry_run=True, attendee_id="att_2", email="jürgen@example.com"),
        make_line(NOON + 5 * SECOND, email="ann_doe@example.com"),
    )
    add(database, make_line(event_id="evt_2", result="created"))
    names = dict(zip((line.id for line in lines), "abcdef", strict=True))
    page = search(database, **what)
    assert sorted(names[line.id] for line in page.pushes) == list(found)
    assert [line.id for line in page.pushes] == sorted((line.id for line in page.pushes), reverse=True)
    assert all(line in lines for line in page.pushes)
    assert (page.before_id, page.looked_back_to) == (None, None)


def test_a_push_is_found_by_its_id(database: Database) -> None:
    line, _ = add(database, make_line(), make_line())
    assert search(database, push_id=f" {line.id}").pushes == [line]
    assert search(database, push_id=line.id, result="failed").pushes == []


def test_pages_show_everything_once(database: Database) -> None:
    lines = add(database, *(make_line(NOON + number * SECOND) for number in range(7)))
    seen: list[StoredPush] = []
    before_id = None
    while True:
        page = search(database, before_id, limit=3)
        seen += page.pushes
        assert page.looked_back_to is None
        before_id = page.before_id
        if before_id is None:
            break
        assert len(page.pushes) == 3
    assert seen == lines[::-1]


def test_no_page_is_larger_than_a_hundred(database: Database) -> None:
    add(database, *(make_line() for _ in range(102)))
    assert len(search(database, limit=1_000).pushes) == 100


def test_a_look_that_finds_little_ends_says_how_far_it_went_and_goes_on(database: Database) -> None:
    lines = add(
        database, *(make_line(NOON + number * SECOND, email=f"p{number % 10}@example.com") for number in range(30))
    )
    first = search(database, email="p1@", looked_at=12)
    assert [line.email for line in first.pushes] == ["p1@example.com"]
    assert first.looked_back_to == lines[18].at
    second = search(database, first.before_id, email="p1@", looked_at=12)
    assert second.pushes == [lines[11]]
    assert second.looked_back_to == lines[6].at
    third = search(database, second.before_id, email="p1@", looked_at=12)
    assert (third.pushes, third.before_id, third.looked_back_to) == ([lines[1]], None, None)


@pytest.mark.parametrize("what", [{"source_number": 2}, {"result": "failed"}])
def test_what_an_index_finds_is_found_however_far_back_it_lies(database: Database, what: dict[str, Any]) -> None:
    (line,) = add(database, make_line(source_number=2, result="failed", failure=FAILED))
    add(database, *(make_line(NOON + SECOND) for _ in range(30)))
    assert search(database, looked_at=10, **what) == Found([line], None, None)


def test_what_a_push_was_replayed_as_is_found_by_an_index(database: Database) -> None:
    (line,) = add(database, make_line())
    first, second, _ = add(
        database,
        make_line(NOON + SECOND, replay_of=line.id),
        make_line(NOON + 2 * SECOND, replay_of=line.id),
        make_line(NOON + 3 * SECOND, replay_of="psh_other"),
    )
    with database.read() as connection:
        assert list_replays(connection, EVENT, line.id) == [second, first]
        assert list_replays(connection, EVENT, line.id, limit=1) == [second]
        assert list_replays(connection, "evt_other", line.id) == []
        if is_postgresql(connection):
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN " if is_postgresql(connection) else "EXPLAIN QUERY PLAN "
        plan = connection.exec_driver_sql(
            f"{explain} SELECT id FROM pushes WHERE event_id = 'e' AND replay_of = 'p' ORDER BY id DESC LIMIT 5"
        )
        assert "pushes_replays" in "\n".join(str(row[-1]) for row in plan)
