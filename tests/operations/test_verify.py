"""Verification finds each kind of damage, and nothing where there is none."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from turnout.errors import NotFound
from turnout.events import event, keys, names, sources
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.forget.erase import erase
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.submission import Idempotency, Overlay
from turnout.model.event import Configuration
from turnout.now import new_id
from turnout.operations.verify import answers, findings, indexes, pushes
from turnout.operations.verify.verify import Verified, verify
from turnout.store.database import Database

Damage = str | Callable[[Connection], int]


def do_damage(connection: Connection, damage: Damage) -> int:
    """How many rows it hit."""
    if not isinstance(damage, str):
        return damage(connection)
    # No parameters, so that a % is a %.
    return connection.exec_driver_sql(damage, execution_options={"no_parameters": True}).rowcount


def in_document(where: str, change: Callable[[Any], Any]) -> Damage:
    """A change to the documents of the attendees there, in Python: databases differ in what they can do to JSON."""

    def damage(connection: Connection) -> int:
        rows = connection.execute(text(f"SELECT event_id, id, document FROM attendees WHERE {where}")).all()
        for row in rows:
            try:
                document = json.loads(row.document)
                change(document)
            except (ValueError, LookupError):
                # Other damage was here before.
                continue
            connection.execute(
                text("UPDATE attendees SET document = :document WHERE event_id = :event_id AND id = :id"),
                {"document": json.dumps(document), "event_id": row.event_id, "id": row.id},
            )
        return len(rows)

    return damage


def put(where: str, value: Any, *path: Any) -> Damage:
    """This value there in the document."""

    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return in_document(where, change)


class Stage:
    """An event with people, told by two sources."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.event, _ = event.create(self.database, "Spring")
        keys.create(self.database, self.event.id, label="Shop")
        self.configurations = Configurations(self.database)

    def push(self, *bodies: Any, source: int = 1, dry_run: Overlay | None = None, key: str | None = None) -> None:
        def read(configuration: Configuration) -> list[Any]:
            sender = as_sender(configuration, source, "test")
            return [
                read_item(
                    new_id("psh"),
                    decode(json.dumps(body).encode(), None),
                    sender,
                    idempotency=None if key is None else Idempotency(key, index, "digest"),
                )
                for index, body in enumerate(bodies)
            ]

        hand_in(self.database, self.configurations, "spring", read, dry_run)

    def damage(self, *damages: Damage) -> None:
        with self.database.write() as connection:
            for damage in damages:
                assert do_damage(connection, damage) > 0, "the damage hit nothing"

    def verify(self) -> Verified:
        return verify(self.database)

    def codes(self) -> set[str]:
        """The kinds of problems, after each was seen to be well described."""
        (found,) = self.verify().events
        for problem in found.problems:
            assert problem.message.endswith(".")
        return {problem.code for problem in found.problems}


@pytest.fixture
def stage(database: Database) -> Stage:
    stage = Stage(database)
    stage.push(
        {
            "profile": {
                "email": "ann@x.org",
                "title": "CTO",
                "thirdPartyId": "17",
                "customFields": [{"fieldName": "Shoe", "fieldValue": "43"}],
            },
            "eventInfo": {"groups": {"groupNames": ["VIP", "Press"]}},
        },
        {"profile": {"email": "bob@x.org", "firstName": "Bob"}},
        {"profile": {"email": "not an address"}},
        {"profile": {"email": "ann@x.org", "title": "CEO"}},
        key="a key",
    )
    stage.push({"profile": {"email": "ann@x.org", "company": "ACME"}}, {"profile": {"email": "bob@x.org"}}, source=2)
    return stage


def test_what_was_written_agrees(stage: Stage) -> None:
    verified = stage.verify()
    assert verified.ok
    (found,) = verified.events
    assert (found.slug, found.attendees, found.changes, found.pushes) == ("spring", 2, 5, 6)
    assert found.problems == []


def test_an_event_may_be_empty(database: Database) -> None:
    assert verify(database) == Verified([], ok=True)
    event.create(database, "Spring")
    assert verify(database).ok
    with pytest.raises(NotFound):
        verify(database, "autumn")


ANN = "attendee_id = (SELECT attendee_id FROM addresses WHERE address = 'ann@x.org')"
ANN_HERSELF = "id = (SELECT attendee_id FROM addresses WHERE address = 'ann@x.org')"

ACTED_UPON = "id = (SELECT attendee_id FROM addresses WHERE address = 'dora@x.org')"
ERASED = "attendee_id = (SELECT attendee_id FROM changes WHERE kind = 'erased')"
DORAS_PIN = "sequence = (SELECT min(sequence) FROM changes WHERE entries LIKE '%pin%')"

_OF_ERASED = (
    "INSERT INTO attendees SELECT attendees.event_id, changes.attendee_id, status, email_key, name_key, company_key,"
    " updated_at, replace(document, attendees.id, changes.attendee_id)"
    " FROM attendees, changes WHERE changes.kind = 'erased' LIMIT 1"
)
_ANSWER_OF_ERASED = (
    """INSERT INTO idempotency SELECT event_id, 1, 'k', -1, 'd', '{"push_id":"' || id || '","result":"updated","""
    f""""attendee":{{"id":"' || attendee_id || '","email":"x"}}}}', 1 FROM pushes WHERE {ERASED}"""
)

DAMAGE_OF_ACTS: dict[str, tuple[str, Damage]] = {
    "a redacted line holds a value": (
        "not_forgotten",
        f'UPDATE changes SET entries = \'[["profile","title",null,"CTO"]]\' WHERE {ERASED} AND kind = \'created\'',
    ),
    "a redacted line holds an address": (
        "not_forgotten",
        f"UPDATE changes SET email = 'eve@x.org' WHERE {ERASED} AND kind = 'created'",
    ),
    "a redacted push holds an address": ("not_forgotten", f"UPDATE pushes SET email = 'eve@x.org' WHERE {ERASED}"),
    "a redacted push holds warnings": ("not_forgotten", f"UPDATE pushes SET warnings = '[]' WHERE {ERASED}"),
    "a redacted push holds a body": (
        "not_forgotten",
        f"INSERT INTO bodies SELECT event_id, id, 'eve' FROM pushes WHERE {ERASED}",
    ),
    "a suppressed push holds an address": (
        "not_forgotten",
        "UPDATE pushes SET email = 'eve@x.org' WHERE result = 'suppressed'",
    ),
    "a suppressed push holds a body": (
        "not_forgotten",
        "INSERT INTO bodies SELECT event_id, id, 'eve' FROM pushes WHERE result = 'suppressed'",
    ),
    "an answer tells of who was erased": (
        "not_forgotten",
        _ANSWER_OF_ERASED,
    ),
    "who was erased is there": (
        "no_log",
        _OF_ERASED,
    ),
    "an address of who was erased is there": (
        "index_surplus",
        "INSERT INTO addresses SELECT event_id, 'eve@x.org', attendee_id FROM changes WHERE kind = 'erased'",
    ),
    "an alias is missing": ("index_lacks", "DELETE FROM addresses WHERE address = 'dora@x.org'"),
    "a merged one's address is missing": ("index_lacks", "DELETE FROM addresses WHERE address = 'dan@x.org'"),
    "a merged one has an address still": (
        "index_surplus",
        "INSERT INTO addresses SELECT event_id, 'dan@x.org', id FROM attendees WHERE status = 'merged'",
    ),
    "an id that came with a merged one is missing": (
        "index_lacks",
        "DELETE FROM third_party_ids WHERE third_party_id = 'dan'",
    ),
    "a merged one is alive": (
        "state_differs",
        in_document("status = 'merged'", lambda one: one.pop("merged_into")),
    ),
    "a pin is missing": (
        "state_differs",
        in_document(ACTED_UPON, lambda one: one.pop("pins")),
    ),
    "a pin too many": (
        "state_differs",
        in_document(ACTED_UPON, lambda one: one["pins"].append("motto")),
    ),
    "a pin of an unregistered field": (
        "unknown_number",
        in_document(ACTED_UPON, lambda one: one["pins"].append(99)),
    ),
    "a pin that was there before": (
        "wrong_entry",
        f"UPDATE changes SET entries = replace(entries, 'false', 'true') WHERE {DORAS_PIN}",
    ),
    "a held group is another": (
        "state_differs",
        put(ACTED_UPON, False, "held", "1"),
    ),
    "an unregistered group is held out of": (
        "unknown_number",
        put(ACTED_UPON, False, "held", "99"),
    ),
    "a removal is missing": (
        "state_differs",
        in_document(ACTED_UPON, lambda one: one.pop("removed")),
    ),
    "an alias is not in the document": (
        "state_differs",
        in_document(ACTED_UPON, lambda one: one.pop("aliases")),
    ),
    "an act is nobody's": ("incomplete_line", f"UPDATE changes SET actor = NULL WHERE {DORAS_PIN}"),
}

DAMAGE: dict[str, tuple[str, Damage]] = {
    "a line is missing": ("gap", "DELETE FROM changes WHERE sequence = 3"),
    "the first line is missing": ("gap", "DELETE FROM changes WHERE sequence = 1"),
    "the last line is missing": ("clock_differs", "DELETE FROM changes WHERE sequence = 5"),
    "a time goes back": ("time_goes_back", "UPDATE changes SET at = 1 WHERE sequence = 4"),
    "the clock is behind": ("clock_differs", "UPDATE clocks SET last_sequence = 4"),
    "the clock is ahead": ("clock_differs", "UPDATE clocks SET last_sequence = 9"),
    "the clock's time is behind": ("clock_differs", "UPDATE clocks SET last_at = 1"),
    "there is no clock": ("no_clock", "DELETE FROM clocks"),
    "a kind is none": ("unknown_kind", "UPDATE changes SET kind = 'painted' WHERE sequence = 3"),
    "a line lacks its source": ("incomplete_line", "UPDATE changes SET source_number = NULL WHERE sequence = 3"),
    "a line's source is unknown": ("unknown_source", "UPDATE changes SET source_number = 7 WHERE sequence = 3"),
    "a line cannot be read": ("unreadable_line", "UPDATE changes SET entries = '[[' WHERE sequence = 3"),
    "a line does not know the one before": (
        "broken_history",
        "UPDATE changes SET previous = NULL WHERE sequence = 3",
    ),
    "a line knows a wrong one before": ("broken_history", "UPDATE changes SET previous = 2 WHERE sequence = 3"),
    "a second creation": ("wrong_kind", "UPDATE changes SET kind = 'created' WHERE sequence = 3"),
    "an old value was another": (
        "wrong_entry",
        "UPDATE changes SET entries = replace(entries, 'CTO', 'CFO') WHERE sequence = 3",
    ),
    "an unregistered field in the log": ("wrong_entry", "DELETE FROM names WHERE kind = 'custom_field'"),
    "an unregistered group in the log": ("wrong_entry", "DELETE FROM names WHERE kind = 'group' AND number = 1"),
    "a line's push is gone": ("no_push", "DELETE FROM pushes WHERE sequence = 3"),
    "a push's sequence is another": ("push_differs", "UPDATE pushes SET sequence = 1 WHERE sequence = 3"),
    "a push's result is another": ("push_differs", "UPDATE pushes SET result = 'created' WHERE sequence = 3"),
    "a push's attendee is another": (
        "push_differs",
        "UPDATE pushes SET attendee_id = (SELECT max(id) FROM attendees) WHERE sequence = 3",
    ),
    "a push's time is another": ("push_differs", "UPDATE pushes SET at = at - 1 WHERE sequence = 3"),
    "a push's source is another": ("push_differs", "UPDATE pushes SET source_number = 2 WHERE sequence = 3"),
    "a push's actor is another": ("push_differs", "UPDATE pushes SET actor = 'x' WHERE sequence = 3"),
    "a push's observedAt is another": ("push_differs", "UPDATE pushes SET observed_at = 5 WHERE sequence = 3"),
    "an effective push is said to be dry": ("push_differs", "UPDATE pushes SET dry_run = 1 WHERE sequence = 3"),
    "a push that did something has no change": ("no_change", "UPDATE pushes SET sequence = NULL WHERE sequence = 3"),
    "a push's change is not there": ("no_change", "UPDATE pushes SET sequence = 99 WHERE sequence = 3"),
    "a failed push has a change": ("push_differs", "UPDATE pushes SET sequence = 3 WHERE result = 'failed'"),
    "a failed push has no reason": ("push_differs", "UPDATE pushes SET failure = NULL WHERE result = 'failed'"),
    "a push's source is unknown": ("unknown_source", "UPDATE pushes SET source_number = 7 WHERE result = 'failed'"),
    "a push's attendee is not there": ("no_attendee", "UPDATE pushes SET attendee_id = 'att_0' WHERE sequence = 3"),
    "a body without a push": ("lost_body", "UPDATE bodies SET push_id = 'psh_0' WHERE body LIKE '%not an address%'"),
    "a kept answer says otherwise": (
        "answer_differs",
        "UPDATE idempotency SET answer = replace(answer, '\"sequence\":3', '\"sequence\":1') WHERE item = 3",
    ),
    "a kept answer's push is gone": ("answer_differs", "DELETE FROM pushes WHERE result = 'failed'"),
    "a kept answer cannot be read": ("unreadable_answer", "UPDATE idempotency SET answer = '{' WHERE item = 3"),
    "an attendee is missing": ("no_state", f"DELETE FROM attendees WHERE {ANN_HERSELF}"),
    "an attendee without a log": ("no_log", f"UPDATE changes SET attendee_id = 'att_0' WHERE {ANN}"),
    "a document cannot be read": ("unreadable_state", f"UPDATE attendees SET document = '' WHERE {ANN_HERSELF}"),
    "a document is another's": (
        "unreadable_state",
        put(ANN_HERSELF, "att_0", "id"),
    ),
    "a value is another": (
        "state_differs",
        put(ANN_HERSELF, "X", "profile", "title", 0),
    ),
    "a value's origin is another": (
        "state_differs",
        put(ANN_HERSELF, 1, "profile", "title", 1),
    ),
    "a value is gone": (
        "state_differs",
        in_document(ANN_HERSELF, lambda one: one["custom_fields"].pop("1")),
    ),
    "a status is another": (
        "state_differs",
        put(ANN_HERSELF, "withdrawn", "status"),
    ),
    "what a source says is gone": (
        "state_differs",
        in_document(ANN_HERSELF, lambda one: one["parts"].pop("2")),
    ),
    "a value is of an unknown source": (
        "unknown_number",
        put(ANN_HERSELF, 7, "profile", "title", 2),
    ),
    "an unregistered custom field": (
        "unknown_number",
        put(ANN_HERSELF, ["x", 1, 1, 1], "custom_fields", "9"),
    ),
    "an unregistered group": (
        "unknown_number",
        put(ANN_HERSELF, [1, 2, 9], "parts", "1", "groups", 0),
    ),
    "a column is another": ("columns_differ", f"UPDATE attendees SET company_key = 'x' WHERE {ANN_HERSELF}"),
    "a status column is another": ("columns_differ", f"UPDATE attendees SET status = 'x' WHERE {ANN_HERSELF}"),
    "an address is missing": ("index_lacks", "DELETE FROM addresses WHERE address = 'bob@x.org'"),
    "an address leads to another": (
        "index_lacks",
        "UPDATE addresses SET attendee_id = (SELECT min(id) FROM attendees) WHERE address = 'bob@x.org'",
    ),
    "an address too many": (
        "index_surplus",
        "INSERT INTO addresses SELECT event_id, 'cecil@x.org', attendee_id FROM addresses WHERE address = 'bob@x.org'",
    ),
    "an address of nobody": (
        "index_surplus",
        "INSERT INTO addresses SELECT event_id, 'cecil@x.org', 'att_0' FROM addresses WHERE address = 'bob@x.org'",
    ),
    "a membership is missing": ("index_lacks", "DELETE FROM memberships WHERE group_number = 1"),
    "a membership too many": (
        "index_surplus",
        "INSERT INTO memberships SELECT event_id, 2, id FROM attendees WHERE email_key = 'bob@x.org'",
    ),
    "an id is missing": ("index_lacks", "DELETE FROM third_party_ids"),
    "an id too many": ("index_surplus", "INSERT INTO third_party_ids SELECT event_id, 2, '18', id FROM attendees"),
    "a name is not found": ("lost_spelling", "DELETE FROM spellings WHERE spelling = 'vip'"),
    "a spelling leads nowhere": ("lost_name", "UPDATE spellings SET number = 9 WHERE spelling = 'vip'"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(stage: Stage, what: str) -> None:
    code, damage = DAMAGE[what]
    stage.damage(damage)
    assert code in stage.codes()
    assert not stage.verify().ok


@pytest.fixture
def acted(stage: Stage) -> Stage:
    """Dora, about whom people have decided everything there is, and Eve, who was erased."""
    stage.push(
        {"profile": {"email": "dora@x.org", "thirdPartyId": "dora"}},
        {"profile": {"email": "dan@x.org", "thirdPartyId": "dan"}},
        {"profile": {"email": "eve@x.org", "title": "CTO"}},
        {"profile": {"email": "eve@x.org"}, "observedAt": "never"},
    )
    for do, arguments, options in (
        (decisions.rename, ["dora@x.org", "doris@x.org"], {}),
        (decisions.pin, ["dora@x.org", "profile.title"], {"is_pinned": True}),
        (decisions.pin, ["dora@x.org", "customFields.Shoe"], {"is_pinned": True}),
        (decisions.hold, ["dora@x.org", "VIP"], {"is_in": True}),
        (decisions.hold, ["dora@x.org", "Press"], {"is_in": False}),
        (decisions.remove, ["dora@x.org"], {"is_removed": True}),
        (merging.merge, ["dan@x.org", "dora@x.org"], {}),
    ):
        with on_stage(stage.database, stage.configurations, stage.event.id, "test") as scene:
            do(scene, *arguments, **options)  # type: ignore[operator]
    erase(stage.database, stage.configurations, stage.event.id, "eve@x.org", "test")
    stage.push({"profile": {"email": "eve@x.org"}})
    return stage


def test_acts_and_erasures_are_no_damage(acted: Stage) -> None:
    assert acted.codes() == set()


@pytest.mark.parametrize("what", DAMAGE_OF_ACTS)
def test_damage_to_what_people_decided_is_found(acted: Stage, what: str) -> None:
    code, damage = DAMAGE_OF_ACTS[what]
    acted.damage(damage)
    assert code in acted.codes()


def test_nothing_of_a_person_is_in_a_message(stage: Stage) -> None:
    for _, damage in DAMAGE.values():
        with stage.database.write() as connection:
            do_damage(connection, damage)
    for found in stage.verify().events:
        for problem in found.problems:
            assert not {"ann@x.org", "bob@x.org", "CTO", "CEO", "ACME"} & set(problem.message.split())


def test_problems_are_bounded_and_the_others_counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MAX_PROBLEMS", 3)
    stage.damage("DELETE FROM pushes")
    (found,) = stage.verify().events
    assert len(found.problems) == 3
    assert found.more_problems > 0


def test_former_names_and_dry_runs_are_no_damage(stage: Stage) -> None:
    names.rename(stage.database, stage.event.id, "group", "VIP", "Guests")
    stage.push({"profile": {"email": "new@x.org"}}, dry_run=Overlay())
    stage.push({"profile": {"email": "ANN@x.org"}})
    assert stage.codes() == set()


def test_more_attendees_than_are_looked_up_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pushes, answers, indexes):
        monkeypatch.setattr(module, "SLICE", 7)
    stage.push(
        *(
            {"profile": {"email": f"p{number}@x.org"}, "eventInfo": {"groups": {"groupNames": ["VIP"]}}}
            for number in range(50)
        )
    )
    assert stage.codes() == set()
    stage.damage("DELETE FROM memberships WHERE attendee_id = (SELECT max(id) FROM attendees)")
    assert stage.codes() == {"index_lacks"}


def test_it_is_told_how_far_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "_TOLD_EVERY", 1)
    told: list[tuple[str, int, int]] = []
    verify(stage.database, "spring", lambda *progress: told.append(progress))
    assert [rows for _, rows, _ in told] == list(range(1, len(told) + 1))
    assert {total for *_, total in told} == {len(told)}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_pushed_agrees(database: Database, seed: int) -> None:
    """Every policy, withdrawals, old observations, clears and ids, in any order."""
    dice = random.Random(seed)
    stage = Stage(database)
    keys.create(stage.database, stage.event.id, label="Form")
    for _ in range(12):
        name = dice.choice(["main", "Shop", "Form"])
        settings = {
            "null": dice.choice(["keep", "clear"]),
            "blank": dice.choice(["keep", "clear"]),
            "groups": dice.choice(["source", "add", "replace"]),
        }
        sources.set_up(stage.database, stage.event.id, name, settings)
        stage.push(*(_make_body(dice) for _ in range(20)), source=dice.choice([1, 2, 3]))
        known = stage.configurations.load(slug="spring")
        assert known is not None
        if known.groups.by_number:
            group = dice.choice(list(known.groups.by_number.values())).name
            names.set_staff_only(stage.database, stage.event.id, group, dice.random() < 0.3)
    assert stage.codes() == set()


def _make_body(dice: random.Random) -> dict[str, Any]:
    values = ["a", "b", "", None]
    profile: dict[str, Any] = {"email": dice.choice(["a@x.org", "A@x.org", "b@x.org", "c@x.org"])}
    for field in ("title", "firstName", "company", "thirdPartyId", "jobTitle"):
        if dice.random() < 0.4:
            profile[field] = dice.choice(values)
    if dice.random() < 0.4:
        profile["customFields"] = [
            {"fieldName": dice.choice(["Shoe", "shoe ", "Diet"]), "fieldValue": dice.choice([*values, ["x", "y"]])}
        ]
    body: dict[str, Any] = {"profile": profile, "eventInfo": {}}
    if dice.random() < 0.5:
        body["eventInfo"]["groups"] = {"groupNames": dice.sample(["VIP", "Press", "Staff"], dice.randint(0, 3))}
    if dice.random() < 0.4:
        body["eventInfo"]["attending"] = dice.choice([True, False])
    if dice.random() < 0.3:
        body["observedAt"] = dice.choice([1_700_000_000, 1_800_000_000])
    if dice.random() < 0.2:
        body["clear"] = ["profile.motto"]
    return body
