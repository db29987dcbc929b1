"""A stored push once more: a new push of the same source, and no truer than it was."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from turnout import errors
from turnout.changes.fold import as_folded, fold
from turnout.events import event, keys, sources
from turnout.feed.by_hand import hand_in as handing_in
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.by_hand.replay import get_original, replay
from turnout.feed.configurations import Configurations
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Overlay
from turnout.model.attendee import Attendee
from turnout.model.event import Configuration
from turnout.model.push import StoredPush
from turnout.model.receipt import Outcome
from turnout.now import new_id, now_us
from turnout.store import attendees, changes, pushes
from turnout.store.database import Database

ANN = "ann@x.org"
MAIN, SHOP = 1, 2


class Stage:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.event, _ = event.create(self.database, "Spring")
        keys.create(self.database, self.event.id, label="Shop")
        self.configurations = Configurations(self.database)

    def push(self, raw: bytes | dict[str, Any], *, source: int = MAIN, dry_run: bool = False) -> Outcome:
        content = raw if isinstance(raw, bytes) else json.dumps(raw).encode()

        def read(configuration: Configuration) -> list[Any]:
            return [read_item(new_id("psh"), decode(content, None), as_sender(configuration, source, "test"))]

        (outcome,) = hand_in(self.database, self.configurations, "spring", read, Overlay() if dry_run else None)
        return outcome

    def replay(self, outcome: Outcome, *, dry_run: bool = False) -> Outcome:
        originals = [get_original(self.database, outcome.push_id)]
        (again,) = replay(self.database, self.configurations, "spring", originals, actor="cli:ann", dry_run=dry_run)
        return again

    def line(self, outcome: Outcome) -> StoredPush:
        with self.database.read() as connection:
            line = pushes.find_push(connection, outcome.push_id)
        assert line is not None
        return line

    def ann(self) -> Attendee:
        with self.database.read() as connection:
            found = next(iter(attendees.list_by_address(connection, self.event.id, ANN)), None)
        assert found is not None
        return found

    def title(self) -> str | None:
        return self.ann().profile["title"].value


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    stage = Stage(database)
    yield stage
    with stage.database.read() as connection:
        log = changes.list_changes(connection, stage.event.id)
        state = attendees.list_attendees(connection, stage.event.id, status=None)
    assert {one.id: as_folded(one) for one in state} == {one.id: as_folded(one) for one in fold(log).values()}


def say(title: str, **more: Any) -> dict[str, Any]:
    return {"profile": {"email": ANN, "title": title}, **more}


def test_newer_values_stay_and_the_warning_says_so(stage: Stage) -> None:
    first = stage.push(say("CTO", eventInfo={"groups": {"groupNames": ["VIP"]}}))
    stage.push(say("CEO"))
    again = stage.replay(first)
    assert again.result == "unchanged"
    assert [warning.code for warning in again.warnings] == ["older_than_current"]
    assert stage.title() == "CEO"


def test_what_nobody_said_since_takes_effect(stage: Stage) -> None:
    """A push that failed for the sake of a setting, for instance."""
    sources.set_up(stage.database, stage.event.id, "main", {"blank": "keep"})
    stage.push(say("CTO"))
    cleared = stage.push(say(""))
    assert cleared.result == "unchanged"
    sources.set_up(stage.database, stage.event.id, "main", {"blank": "clear"})
    again = stage.replay(cleared)
    assert again.result == "updated"
    assert stage.title() is None


def test_a_replay_names_its_original_its_source_and_who_did_it(stage: Stage) -> None:
    stage.push({"profile": {"email": ANN}})
    failed = stage.push({"profile": {"email": ANN, "title": ["a", "b"]}}, source=SHOP)
    assert failed.result == "failed"
    line = stage.line(stage.replay(failed))
    assert (line.replay_of, line.source_number, line.actor, line.key_id) == (failed.push_id, SHOP, "cli:ann", None)
    assert line.result == "failed"


def test_a_replay_is_true_when_its_original_came(stage: Stage) -> None:
    original = stage.push(say("CTO"), dry_run=False)
    stage.push(say("CEO"), source=SHOP)
    line = stage.line(stage.replay(original))
    assert line.observed_at == stage.line(original).at


def test_a_replay_is_true_when_its_original_says(stage: Stage) -> None:
    original = stage.push(say("CTO", observedAt=1_700_000_000))
    stage.push(say("CEO", observedAt=1_700_000_001))
    again = stage.replay(original)
    assert stage.line(again).observed_at == 1_700_000_000_000_000
    assert stage.title() == "CEO"


def test_an_observation_from_the_future_is_no_truer_when_the_future_has_come(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_us = 3_600_000_000
    later = now_us() + 2 * hour_us
    original = stage.push(say("CTO", observedAt=later // 1_000_000 - 3_600))
    stage.push(say("CEO"))
    for module in ("turnout.feed.commit", "turnout.feed.intake"):
        monkeypatch.setattr(f"{module}.now_us", lambda: later)
    assert stage.replay(original).result == "unchanged"
    assert stage.title() == "CEO"


def test_a_repeated_push_was_true_when_it_was_repeated(stage: Stage) -> None:
    original = stage.push(say("CTO"))
    repeated = stage.push(say("CTO"))
    assert repeated.push_id == original.push_id
    line = stage.line(original)
    assert line.last_at > line.at
    stage.push(say("CEO"))
    assert stage.line(stage.replay(original)).observed_at == line.last_at


@pytest.mark.parametrize("raw", [b"{oops", b'{"profile": {"email": "J\xf6rg@x.org"}}', b"", b"[]", b'{"a": "\x00"}'])
def test_a_body_that_could_not_be_read_fails_again(stage: Stage, raw: bytes) -> None:
    failed = stage.push(raw)
    assert failed.result == "failed"
    again = stage.replay(failed)
    assert again.failure is not None
    assert stage.line(again).replay_of == failed.push_id


def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    first = stage.push(say("CTO"))
    stage.push({"profile": {"email": ANN, "title": "CEO"}, "observedAt": 1_700_000_000})
    sequence = stage.ann().sequence
    again = stage.replay(first, dry_run=True)
    assert again.dry_run
    assert stage.ann().sequence == sequence


def test_a_dry_run_has_no_body_to_replay(stage: Stage) -> None:
    with pytest.raises(errors.Conflict, match="was a dry run"):
        get_original(stage.database, stage.push(say("CTO"), dry_run=True).push_id)


def test_a_body_whose_time_is_over_is_gone(stage: Stage) -> None:
    outcome = stage.push(say("CTO"))
    with stage.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM bodies")
    with pytest.raises(errors.Conflict, match="is gone"):
        get_original(stage.database, outcome.push_id)
    with pytest.raises(errors.NotFound):
        get_original(stage.database, "psh_0")


def test_a_push_is_read_again_when_the_set_up_changes_meanwhile(stage: Stage) -> None:
    stage.push(say("CTO"))
    reads: list[str] = []

    def read(configuration: Configuration) -> list[Any]:
        if not reads:
            # Another process, between the reading and the commit.
            sources.set_up(stage.database, stage.event.id, "main", {"blank": "keep"})
        sender = as_sender(configuration, MAIN, "test")
        reads.append(sender.policy.blank)
        return [read_item(new_id("psh"), decode(json.dumps(say("")).encode(), None), sender)]

    (outcome,) = hand_in(stage.database, stage.configurations, "spring", read)
    assert reads == ["clear", "keep"]
    assert outcome.result == "unchanged"
    assert stage.title() == "CTO"


def test_an_account_without_a_name_acts_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(handing_in.getpass, "getuser", unknown)
    assert handing_in.name_actor().removeprefix("cli:").isdigit()
