"""A push tried before it is meant, and applied exactly as it was seen."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from turnout import errors
from turnout.changes.fold import as_folded, fold
from turnout.events import event, keys, sources
from turnout.feed.acts import decisions
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand import try_push as trying
from turnout.feed.by_hand.replay import Original, get_original
from turnout.feed.by_hand.try_push import Trial, try_push
from turnout.feed.configurations import Configurations
from turnout.model.push import StoredPush
from turnout.model.receipt import Outcome, ProblemDocument, Receipt
from turnout.store import attendees, changes, pushes
from turnout.store.database import Database

ANN = "ann@x.org"
MAIN, SHOP = 1, 2
SLUG = "spring"


class Desk:
    """Somebody at the console, who tries and applies."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.event, _ = event.create(database, "Spring")
        keys.create(database, self.event.id, label="Shop")
        self.configurations = Configurations(database)

    def try_(self, said: Any, *, source: int = MAIN, original: Original | None = None) -> Trial:
        text = said if isinstance(said, str) else json.dumps(said)
        return try_push(
            self.database, self.configurations, SLUG, source, text, actor="ann", original=original, problems_url="/p"
        )

    def apply(self, said: Any, trial: Trial, *, source: int = MAIN, original: Original | None = None) -> Outcome:
        text = said if isinstance(said, str) else json.dumps(said)
        return trying.apply(
            self.database,
            self.configurations,
            SLUG,
            source,
            text,
            actor="ann",
            digest=trial.digest,
            original=original,
        )

    def push(self, said: Any, *, source: int = MAIN) -> Outcome:
        return self.apply(said, self.try_(said, source=source), source=source)

    def lines(self) -> list[StoredPush]:
        with self.database.read() as connection:
            return pushes.list_pushes(connection, self.event.id)


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    desk = Desk(database)
    yield desk
    with desk.database.read() as connection:
        log = changes.list_changes(connection, desk.event.id)
        state = attendees.list_attendees(connection, desk.event.id, status=None)
    assert {one.id: as_folded(one) for one in state} == {one.id: as_folded(one) for one in fold(log).values()}


def say(title: str, **more: Any) -> dict[str, Any]:
    return {"profile": {"email": ANN, "title": title}} | more


def test_what_is_tried_leaves_nothing_behind(desk: Desk) -> None:
    trial = desk.try_({"profile": {"email": ANN, "customFields": [{"fieldName": "Size", "fieldValue": "M"}]}})
    assert (trial.result, trial.status, trial.is_for_somebody_new) == ("created", 200, True)
    assert isinstance(trial.answer, Receipt)
    assert trial.answer.dry_run is True
    assert [(one.path, one.new) for one in trial.changes] == [("profile.email", ANN), ("profile.customFields", "M")]
    assert desk.lines() == []
    with desk.database.read() as connection:
        assert attendees.list_attendees(connection, desk.event.id, status=None) == []
    configuration = desk.configurations.load(slug=SLUG)
    assert configuration is not None
    assert not configuration.custom_fields.by_number


def test_what_was_seen_is_applied_as_a_push_of_the_source_by_the_person(desk: Desk) -> None:
    said = say("CEO", eventInfo={"groups": {"groupNames": ["VIP", "Press"]}})
    trial = desk.try_(said, source=SHOP)
    outcome = desk.apply(said, trial, source=SHOP)
    assert outcome.result == "created"
    assert [(one.path, one.new) for one in outcome.changes] == [(one.path, one.new) for one in trial.changes]
    (line,) = desk.lines()
    assert (line.source_number, line.actor, line.key_id, line.dry_run) == (SHOP, "ann", None, False)
    with desk.database.read() as connection:
        assert pushes.find_body(connection, desk.event.id, line.id) == json.dumps(said)


def test_staff_see_old_values_that_the_sender_is_not_shown(desk: Desk) -> None:
    created = desk.push(say("CEO"), source=SHOP)
    trial = desk.try_(say("CTO"))
    assert [(one.path, one.old, one.new) for one in trial.changes] == [("profile.title", "CEO", "CTO")]
    assert isinstance(trial.answer, Receipt)
    assert isinstance(trial.answer.changes, list)
    assert trial.answer.changes[0].old_hidden is True
    assert created.attendee is not None
    assert trial.attendee is not None
    assert (trial.attendee.id, trial.is_for_somebody_new) == (created.attendee.id, False)


def test_what_would_do_something_else_by_now_is_not_applied(desk: Desk) -> None:
    desk.push(say("CEO"))
    trial = desk.try_(say("CTO"))
    desk.push(say("CFO"))
    with pytest.raises(errors.Conflict, match="since the preview"):
        desk.apply(say("CTO"), trial)
    assert len(desk.lines()) == 2
    assert desk.apply(say("CTO"), desk.try_(say("CTO"))).result == "updated"


def test_nor_is_another_text(desk: Desk) -> None:
    trial = desk.try_(say("CTO"))
    with pytest.raises(errors.Conflict):
        desk.apply(say("CFO"), trial)
    assert desk.lines() == []


def test_twice_the_same_is_applied_once(desk: Desk) -> None:
    trial = desk.try_(say("CTO"))
    desk.apply(say("CTO"), trial)
    with pytest.raises(errors.Conflict):
        desk.apply(say("CTO"), trial)
    assert len(desk.lines()) == 1


@pytest.mark.parametrize("mode", ["rehearsal", "null"])
def test_a_setting_that_changes_what_comes_of_it_keeps_it_from_being_applied(desk: Desk, mode: str) -> None:
    desk.push(say("CEO"))
    said = {"profile": {"email": ANN, "title": None, "city": "Bonn"}}
    trial = desk.try_(said)
    sources.set_up(desk.database, desk.event.id, "main", {"mode": mode} if mode == "rehearsal" else {"null": "clear"})
    with pytest.raises(errors.Conflict):
        desk.apply(said, trial)


def test_what_changes_elsewhere_does_not_keep_it_from_being_applied(desk: Desk) -> None:
    said = say("CTO", eventInfo={"groups": {"groupNames": ["New"]}})
    trial = desk.try_(said)
    desk.push({"profile": {"email": "bob@x.org"}, "eventInfo": {"groups": {"groupNames": ["Other"]}}})
    sources.set_up(desk.database, desk.event.id, "main", {"status_codes": "precise"})
    assert desk.apply(said, trial).result == "created"


def test_a_pin_that_came_meanwhile_keeps_it_from_being_applied(desk: Desk) -> None:
    desk.push(say("CEO"))
    trial = desk.try_(say("CTO"))
    with on_stage(desk.database, desk.configurations, desk.event.id, "bob") as scene:
        decisions.pin(scene, ANN, "profile.title", is_pinned=True)
    with pytest.raises(errors.Conflict):
        desk.apply(say("CTO"), trial)
    again = desk.try_(say("CTO"))
    assert [(one.kind, one.code) for one in again.marks] == [("warning", "pinned")]


def test_a_broken_text_has_its_problem_document_and_its_place(desk: Desk) -> None:
    text = '{"profile": {"email": "a@b.c", "title": CEO}}'
    trial = desk.try_(text)
    assert (trial.result, trial.status, trial.is_applicable) == ("failed", 500, False)
    assert isinstance(trial.answer, ProblemDocument)
    assert trial.answer.type.startswith("/p/")
    assert [text[one.start : one.end] for one in trial.marks] == ["CEO}}"]
    assert trial.tree.breaks is not None
    assert desk.lines() == []


def test_what_was_wrong_is_kept_when_it_is_sent_all_the_same(desk: Desk) -> None:
    said = {"profile": {"title": "CEO"}}
    outcome = desk.push(said)
    assert outcome.result == "failed"
    assert [line.result for line in desk.lines()] == ["failed"]


def test_a_form_can_be_pasted(desk: Desk) -> None:
    trial = desk.try_("profile[email]=ann%40x.org&profile[title]=CEO")
    assert (trial.result, trial.tree.content_type) == ("created", "application/x-www-form-urlencoded")
    assert desk.apply("profile[email]=ann%40x.org&profile[title]=CEO", trial).result == "created"


def test_a_mended_push_counts_as_the_replay_of_the_broken_one(desk: Desk) -> None:
    failed = desk.push({"profile": {"email": ANN, "title": ["a"]}})
    desk.push(say("CFO"))
    original = get_original(desk.database, failed.push_id)
    mended = {"profile": {"email": ANN, "title": "a", "city": "Bonn"}}
    trial = desk.try_(mended, original=original)
    # What came since is newer (D7).
    assert [one.path for one in trial.changes] == ["profile.city"]
    desk.apply(mended, trial, original=original)
    with desk.database.read() as connection:
        assert pushes.list_failed_ids(connection, desk.event.id) == []
    assert desk.lines()[0].replay_of == failed.push_id
    with pytest.raises(errors.Conflict, match="another source"):
        desk.try_(mended, source=SHOP, original=original)


def test_it_says_what_the_settings_did(desk: Desk) -> None:
    said = {
        "profile": {"email": ANN, "title": None, "city": "", "customFields": [{"fieldName": "x", "fieldValue": None}]},
        "eventInfo": {"groups": {"groupNames": ["A"]}},
    }
    notes = {note.setting: note for note in desk.try_(said).notes}
    assert set(notes) == {"null", "blank", "groups"}
    assert notes["null"].said == (
        "What is null, and keeps its value: profile.title, profile.customFields[0].fieldValue."
    )
    assert notes["blank"].said.startswith("What is blank, and is cleared")
    sources.set_up(desk.database, desk.event.id, "main", {"null": "clear", "groups": "add", "mode": "rehearsal"})
    notes = {note.setting: note for note in desk.try_(said).notes}
    assert "is cleared" in notes["null"].said
    assert "takes nobody out" in notes["groups"].said
    assert "change nothing" in notes["mode"].said


def test_who_is_no_source_or_too_long_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.NotFound):
        desk.try_(say("CEO"), source=99)
    with pytest.raises(errors.BodyTooLarge):
        desk.try_(json.dumps(say("x" * (1 << 20))))
