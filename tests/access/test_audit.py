"""The audit log: a line before each deed, and how it ended."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest
import structlog

from tests.access.conftest import add_user
from turnout.access import audit
from turnout.errors import Conflict, StorageUnavailable, TurnoutError
from turnout.store import audit as stored
from turnout.store.database import Database, OutcomeUnknown


def test_a_deed_has_its_line_before_and_its_end_after(database: Database) -> None:
    ann = add_user(database)
    with audit.acting(database, ann, "event.create", address="192.0.2.1") as deed:
        (begun,) = audit.list_lines(database)
        deed.event_id, deed.target = "evt_1", "evt_1"
        deed.before, deed.after = {"name": None}, {"name": "Spring", "groups": ["A"]}
    assert (begun.outcome, begun.event_id, begun.target, begun.before, begun.after) == ("begun", "", None, None, None)
    (done,) = audit.list_lines(database)
    assert (done.id, done.at, done.action, done.address) == (begun.id, begun.at, "event.create", "192.0.2.1")
    assert (done.user_id, done.actor) == (ann.id, ann.email)
    assert (done.outcome, done.event_id, done.target) == ("done", "evt_1", "evt_1")
    assert (done.before, done.after) == ({"name": None}, {"name": "Spring", "groups": ["A"]})


def test_what_is_refused_says_why(database: Database) -> None:
    def create() -> None:
        with audit.acting(database, "cli:ann", "event.create", target="x") as deed:
            deed.before = {"name": "Spring"}
            raise Conflict("Taken, by somebody@example.org.")

    with pytest.raises(Conflict):
        create()
    (line,) = audit.list_lines(database)
    assert (line.outcome, line.user_id, line.actor) == ("refused", None, "cli:ann")
    assert (line.before, line.after) == ({"name": "Spring"}, {"code": "conflict"})


@pytest.mark.parametrize("error", [ZeroDivisionError(), OutcomeUnknown("The way broke."), KeyboardInterrupt()])
def test_of_what_nobody_knows_the_line_stays_begun(database: Database, error: BaseException) -> None:
    with pytest.raises(type(error)), audit.acting(database, None, "event.create"):
        raise error
    (line,) = audit.list_lines(database)
    assert (line.outcome, line.actor, line.after) == ("begun", "nobody", None)


def test_without_its_line_nothing_is_done(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def write(self: Database, **_: object) -> Generator[None]:
        raise StorageUnavailable("The disk is full.")
        yield

    monkeypatch.setattr(type(database), "write", write)
    with pytest.raises(StorageUnavailable), audit.acting(database, None, "event.create"):
        pytest.fail("It was done.")


def test_a_deed_is_done_even_where_its_end_cannot_be_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageUnavailable("The disk is full.")

    monkeypatch.setattr(stored, "end_line", fail)
    with structlog.testing.capture_logs() as logs:
        with audit.acting(database, None, "key.create"):
            pass
        with pytest.raises(TurnoutError, match="Taken"), audit.acting(database, None, "key.create"):
            raise Conflict("Taken.")
    assert [one["event"] for one in logs] == ["audit_line_not_ended"] * 2
    assert [line.outcome for line in audit.list_lines(database)] == ["begun", "begun"]


def test_lines_are_listed_latest_first_page_by_page_by_what_is_asked_for(database: Database) -> None:
    ann, bob = add_user(database), add_user(database, "bob@example.org")
    for number in range(12):
        event_id = ("", "evt_1", "evt_2")[number % 3]
        with audit.acting(database, ann if number % 2 else bob, f"key.{number % 4}", event_id=event_id):
            pass
    every = audit.list_lines(database)
    assert [line.id for line in every] == sorted((line.id for line in every), reverse=True)
    pages, before_id = [], None
    while page := audit.list_lines(database, before_id=before_id, limit=5):
        pages.append(page)
        before_id = page[-1].id
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [line for page in pages for line in page] == every
    for event_id in ("", "evt_1"):
        assert audit.list_lines(database, event_id=event_id) == [one for one in every if one.event_id == event_id]
    assert audit.list_lines(database, user_id=ann.id) == [one for one in every if one.user_id == ann.id]
    assert audit.list_lines(database, action="key.1") == [one for one in every if one.action == "key.1"]
    narrow = audit.list_lines(database, event_id="evt_1", user_id=ann.id, action="key.1", before_id=every[0].id)
    assert narrow == [one for one in every[1:] if (one.event_id, one.user_id, one.action) == ("evt_1", ann.id, "key.1")]
    assert narrow
    assert audit.list_lines(database, event_id="evt_3") == []
