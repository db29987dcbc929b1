"""Forgetting a person: nothing is left in any byte, and whoever knew them does not bring them back (F1, F2)."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from sqlalchemy import text

from tests.databases import as_file
from tests.feed.builders import check_log
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent
from turnout import errors
from turnout.events import event as event_room
from turnout.events import keys
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand.hand_in import as_sender, hand_in
from turnout.feed.configurations import Configurations
from turnout.feed.forget import erase as erasing
from turnout.feed.forget.erase import Erased
from turnout.feed.intake import read_item
from turnout.feed.parse.body import decode
from turnout.feed.settle.suppress import find_addresses, is_in
from turnout.model.event import Configuration
from turnout.now import new_id
from turnout.operations.verify.verify import verify
from turnout.store import changes, events, schema
from turnout.store.connect import open_database
from turnout.store.database import Database
from turnout.store.sqlite import wipe
from turnout.store.statements import is_postgresql
from turnout.store.tables import metadata

MARK = b"qyqy"
"""Every value of the person begins with it, and nothing else of the database has it."""
PERSON = "qyqyann.lee@qyqydomain.org"
BEFORE = "qyqyann.before@qyqydomain.org"
OTHER = "qyqyann.twin@qyqydomain.org"


class Forgetting:
    """An event, and a person at it who is to be forgotten."""

    def __init__(self, database: Database, event_id: str) -> None:
        self.database = database
        self.event_id = event_id
        self.configurations = Configurations(database)

    def act(self, do: Any, *arguments: Any, **options: Any) -> None:
        with on_stage(self.database, self.configurations, self.event_id, "cli:bob") as scene:
            do(scene, *arguments, **options)

    def erase(self, reference: str = PERSON, **options: Any) -> Erased:
        return erasing.erase(self.database, self.configurations, self.event_id, reference, "cli:bob", **options)

    def lift(self, address: str = PERSON) -> list[int]:
        return erasing.lift(self.database, self.configurations, self.event_id, address, "cli:bob")

    def check(self) -> None:
        """Log, states and indexes agree, and say nothing of anybody who was erased."""
        check_log(self.database)
        for found in verify(self.database).events:
            assert found.problems == []

    def find_traces(self, copy: Path) -> list[str]:
        """In which files, and a fresh copy of the database, the mark is, however it is written.

        In PostgreSQL, whose files are not ours to write over: in which tables.
        """
        with self.database.read() as connection:
            if is_postgresql(connection):
                has = "SELECT count(*) FROM {0} AS line WHERE lower(CAST(line AS text)) LIKE :mark"
                mark = {"mark": f"%{MARK.decode()}%"}
                return [name for name in metadata.tables if connection.execute(text(has.format(name)), mark).scalar()]
        copy.unlink(missing_ok=True)
        with as_file(self.database).read_outside() as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        folder = as_file(self.database).path.parent
        # The key, a random one in base64, is nobody's.
        files = [file for file in folder.iterdir() if file.suffix != ".key"]
        return [file.name for file in (*files, copy) if MARK in file.read_bytes().lower()]


def describe(dice: random.Random, email: str, of_whom: str, size: int = 0) -> dict[str, Any]:
    """A body that says all there is to say."""
    return {
        "profile": {
            "email": email,
            "firstName": f"{of_whom}First{dice.randrange(9)}",
            "lastName": f"{of_whom}Last",
            "phone": f"{of_whom}555",
            "company": f"{of_whom}Ltd",
            "thirdPartyId": f"{of_whom}id-{email}",
            "biography": f"{of_whom} " * (size // 4),
            "jobTitel": f"{of_whom}unknown",
            "customFields": [
                {"fieldName": "Diet", "fieldValue": f"{of_whom}vegan{dice.randrange(9)}"},
                {"fieldName": "Days", "fieldValue": [f"{of_whom}Mon", f"{of_whom}Tue"]},
            ],
        },
        "eventInfo": {"groups": {"groupNames": dice.sample(["VIP", "Press", "Crew"], 2)}},
    }


SIZES = (0, 100, 300, 1_000, 5_000, 20_000)


# --- Over HTTP -------------------------------------------------------------------------------------------------------


class Told(Forgetting):
    """An event on a real server."""

    def __init__(self, event: TestedEvent) -> None:
        super().__init__(event.database, event.id)
        self.event = event
        self.shop = event.make_source("Shop")
        self.form = event.make_source("Form")
        self.trial = event.make_source("Trial", mode="rehearsal")
        self.dice = random.Random(7)

    def check(self) -> None:
        check_log(self.database, self.event_id)
        assert verify(self.database, self.event.slug).ok

    def push_others(self, *, number: int = 300) -> None:
        for key in (self.event.key, self.shop):
            items = [
                describe(self.dice, f"p{at}@example.com", "other", self.dice.choice(SIZES[:4])) for at in range(number)
            ]
            self.dice.shuffle(items)
            for start in range(0, number, 50):
                self.event.batch_ok(items[start : start + 50], key=key)
                yield_to_person = self.dice.choice(SIZES)
                self.event.push(describe(self.dice, PERSON, "qyqyann", yield_to_person), key=key)

    def leave_traces_everywhere(self) -> None:
        """All that a sender and staff can do with somebody, well and badly."""
        event, dice = self.event, self.dice
        person = describe(dice, PERSON, "qyqyann")
        event.push_ok(describe(dice, OTHER, "qyqytwin"), key=self.shop)
        self.act(decisions.pin, OTHER, "profile.company", is_pinned=True)
        self.act(decisions.hold, OTHER, "Crew", is_in=True)
        self.act(decisions.rename, PERSON, BEFORE)
        self.act(decisions.rename, BEFORE, PERSON)
        self.act(merging.merge, OTHER, PERSON)
        # Repeated requests, whose answers are kept.
        for key in ("repeated", f"of {PERSON}"):
            for _ in range(2):
                event.push_ok(person, headers={"Idempotency-Key": key})
        event.push_ok(
            {"profile": {"email": "p1@example.com"}}, headers={"Idempotency-Key": f"{PERSON.upper()}, for another"}
        )
        # What was never taken: dry, in rehearsal, or in error.
        event.push_ok(person, path="/attendees?dryRun=true")
        event.push_ok(describe(dice, "p2@example.com", "other"), key=self.trial)
        event.push_ok(person, key=self.trial)
        event.batch_ok([person, {"profile": {"email": BEFORE}}], "?dryRun=true", headers={"Idempotency-Key": "dry"})
        event.push_failed({**person, "observedAt": "qyqytomorrow"}, headers={"Idempotency-Key": "failed"})
        event.push_failed({"profile": {"email": PERSON, "title": {"qyqya": "qyqyb"}}})
        text = json.dumps(person)
        for broken in (
            text[:-2],
            text.replace('"profile"', "profile", 1),
            text.replace("@", "\\u0040")[:-2],
            text.replace("@", "\\u0040").upper()[:-2],
        ):
            assert event.send(broken).status_code == 500
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert event.send(f"profile.email={PERSON}&profile.email=qyqyx".replace("@", "%40"), headers=form)
        # Batches: unreadable as a whole, with a failing item, and atomic ones.
        assert event.batch(f"[{text}, {text[:-4]}").status_code in (200, 500)
        assert event.batch(f'{{"attendees": [{text}], "attendees": 1').status_code == 500
        assert event.batch(f"email,firstName\n{PERSON},qyqyAnn,qyqyMore\n").status_code in (200, 500)
        event.batch_ok([person, {"profile": {"email": PERSON, "motto": ["qyqyx"]}}])
        atomic = [person, {"profile": {"email": PERSON, "motto": ["qyqyx"]}}]
        for _ in range(2):
            assert event.batch(atomic, "?atomic=true", headers={"Idempotency-Key": "atomic"}).status_code == 500
        event.batch_ok([person, person], headers={"Idempotency-Key": "batch"})

    def answers(self) -> Iterator[str]:
        """All that the server tells its senders."""
        for key in (self.event.key, self.shop, self.form, self.trial):
            yield self.event.get("/key", key=key).text
            page = self.event.get("/pushes?limit=1000", key=key)
            yield page.text
            for push in page.json()["pushes"]:
                yield self.event.get(f"/pushes/{push['id']}", key=key).text


@pytest.fixture
def told(product: Product) -> Told:
    return Told(product.make_event())


@pytest.fixture
def told_alone(start_product: Callable[..., Product]) -> Told:
    """On a server of its own, in whose files nothing is looked for that others may have left."""
    return Told(start_product().make_event())


def test_nothing_of_a_person_is_in_any_byte(told_alone: Told, tmp_path: Path) -> None:
    told_alone.push_others()
    told_alone.leave_traces_everywhere()
    told_alone.push_others(number=100)
    copy = tmp_path / "copy.db"
    assert told_alone.find_traces(copy)
    kept = [push["id"] for push in told_alone.event.get("/pushes?limit=1000").json()["pushes"]]
    erased = told_alone.erase()
    assert (erased.attendees, erased.is_wiped, len(erased.lines)) == (2, True, 2)
    assert told_alone.find_traces(copy) == []
    assert [answer for answer in told_alone.answers() if MARK.decode() in answer.lower()] == []
    # Numbers and kinds stay.
    assert {push["id"] for push in told_alone.event.get("/pushes?limit=1000").json()["pushes"]} >= set(kept)
    told_alone.check()
    # And the others are as they were.
    assert told_alone.event.attendee("p1@example.com")["profile"]["company"] == "otherLtd"
    with told_alone.database.read() as connection:
        if not is_postgresql(connection):
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        lines = changes.list_changes(connection, told_alone.event_id, limit=100_000)
    mine = [line for line in lines if line.attendee_id == erased.attendee_id]
    assert (mine[0].kind, mine[-1].kind, mine[-1].actor) == ("created", "erased", "cli:bob")
    assert all(line.entries == [] and line.email is None for line in mine)


def test_whoever_knew_the_person_does_not_bring_them_back(told_alone: Told, tmp_path: Path) -> None:
    event = told_alone.event
    person = describe(told_alone.dice, PERSON, "qyqyann")
    event.push_ok(person)
    event.push_ok(person, key=told_alone.shop)
    told_alone.act(decisions.rename, PERSON, BEFORE)
    told_alone.erase()
    for key in (event.key, told_alone.shop):
        for email in (PERSON, BEFORE, PERSON.upper(), f" {BEFORE} "):
            receipt = event.push_ok({"profile": {"email": email, "title": "qyqyCTO"}}, key=key)
            assert {name: value for name, value in receipt.items() if name != "id"} == {
                "result": "suppressed",
                "attendee": None,
                "sequence": None,
                "changes": [],
                "warnings": [],
            }
            line = event.get(f"/pushes/{receipt['id']}", key=key).json()
            assert (line["result"], line["email"], line["body"], line["attendeeId"]) == ("suppressed", None, None, None)
    batch = event.batch_ok([person, {"profile": {"email": "p1@example.com"}}])
    assert (batch["suppressed"], batch["created"]) == (1, 1)
    assert event.batch_ok([person], "?atomic=true")["suppressed"] == 1
    dry = event.push_ok(person, path="/attendees?dryRun=true")
    assert (dry["result"], dry["dryRun"], dry["attendee"]) == ("suppressed", True, None)
    assert event.batch_ok([person, person], "?dryRun=true")["suppressed"] == 2
    repeated = [event.push_ok(person, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert repeated[0] == repeated[1]
    assert repeated[0]["result"] == "suppressed"
    assert event.push_ok({**person, "eventInfo": {"attending": False}})["result"] == "suppressed"
    # What cannot be read is told_alone so, and not kept.
    for body in (json.dumps(person)[:-2], json.dumps(person).replace("@", "\\u0040")[:-1]):
        answer = event.send(body).json()
        assert answer["code"] == "malformed_body"
        line = event.get(f"/pushes/{answer['id']}").json()
        assert (line["body"], line["email"]) == (None, None)
        assert MARK.decode() not in json.dumps([answer, line])
    assert told_alone.database.wipe()
    assert told_alone.find_traces(tmp_path / "copy.db") == []
    told_alone.check()


def test_a_source_that_did_not_know_the_person_may_bring_them(told: Told) -> None:
    told.event.push_ok({"profile": {"email": PERSON}})
    erased = told.erase()
    receipt = told.event.push_ok({"profile": {"email": PERSON}}, key=told.form)
    assert receipt["result"] == "created"
    assert receipt["attendee"]["id"] != erased.attendee_id
    assert told.event.push_ok({"profile": {"email": PERSON}})["result"] == "suppressed"
    # Who comes again can be erased again, and is kept away by whoever knew them by then.
    told.erase()
    assert told.event.push_ok({"profile": {"email": PERSON}}, key=told.form)["result"] == "suppressed"
    told.check()


def test_lifting_lets_every_source_bring_the_person(told: Told) -> None:
    for key in (told.event.key, told.shop):
        told.event.push_ok({"profile": {"email": PERSON}}, key=key)
    told.erase()
    assert told.lift(f" {PERSON.upper()} ") == [1, 2]
    assert told.event.push_ok({"profile": {"email": PERSON}})["result"] == "created"
    assert told.event.push_ok({"profile": {"email": PERSON}}, key=told.shop)["result"] == "updated"
    with pytest.raises(errors.NotFound):
        told.lift()
    told.check()


def test_an_erased_person_is_nobody(told: Told) -> None:
    told.event.push_ok({"profile": {"email": PERSON}})
    erased = told.erase()
    for reference in (PERSON, erased.attendee_id):
        with pytest.raises(errors.NotFound):
            told.erase(reference)
    told.check()


def test_purging_suppresses_nobody(told: Told) -> None:
    told.event.push_ok({"profile": {"email": PERSON}})
    assert told.erase(suppresses=False).suppressed == []
    assert told.event.push_ok({"profile": {"email": PERSON}})["result"] == "created"


def test_who_shares_an_address_is_not_forgotten_with_the_other(told: Told) -> None:
    """Where ids decide (C6)."""
    with told.database.write() as connection:
        clock = events.lock_clocks(connection, [told.event_id])[told.event_id]
        configuration = events.load_configuration(connection, told.event_id)
        assert configuration is not None
        events.update_event(connection, msgspec.structs.replace(configuration.event, identity="third_party_id"))
        clock.version += 1
        events.move_clocks(connection, [clock])
    first, second = (
        told.event.push_ok({"profile": {"email": PERSON, "thirdPartyId": number, "title": f"CTO {number}"}})
        for number in ("1", "2")
    )
    told.erase(first["attendee"]["id"])
    line = told.event.get(f"/pushes/{second['id']}").json()
    assert (line["email"], line["body"] is None) == (PERSON, False)
    again = told.event.push_ok({"profile": {"email": PERSON, "thirdPartyId": "2", "title": "CEO"}})
    assert (again["result"], again["attendee"]["id"]) == ("updated", second["attendee"]["id"])
    gone = told.event.push_ok({"profile": {"email": PERSON, "thirdPartyId": "1", "title": "CEO"}})
    assert gone["result"] == "suppressed"
    told.check()


def test_pushes_under_way_neither_bring_back_nor_leave_a_trace(told_alone: Told, tmp_path: Path) -> None:
    told_alone.push_others(number=60)
    told_alone.event.push_ok(describe(told_alone.dice, PERSON, "qyqyann"), key=told_alone.shop)
    results: list[list[str]] = [[] for _ in range(4)]
    is_over, is_going = threading.Event(), threading.Barrier(5)

    def push(at: int) -> None:
        dice = random.Random(at)
        key = told_alone.event.key if at % 2 else told_alone.shop
        headers = {"Api-Key": key, "X-Forwarded-For": f"198.51.100.{at + 1}"}
        with httpx2.Client(trust_env=False, verify=False, headers=headers) as client:
            while not is_over.is_set():
                body = describe(dice, PERSON, "qyqyann", dice.choice(SIZES[:4]))
                if len(results[at]) % 5 == 4:
                    sent = client.post(f"{told_alone.event.gateway}/attendees/batch", content=json.dumps([body] * 3))
                    results[at].append(sent.json()["results"][-1]["result"])
                elif len(results[at]) % 5 == 3:
                    client.post(f"{told_alone.event.gateway}/attendees", content=json.dumps(body)[:-1])
                    results[at].append("failed")
                else:
                    sent = client.post(f"{told_alone.event.gateway}/attendees", content=json.dumps(body))
                    results[at].append(sent.json()["result"])
                if len(results[at]) == 10:
                    is_going.wait(PATIENCE_S)

    threads = [threading.Thread(target=push, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    is_going.wait(PATIENCE_S)
    told_alone.erase()
    marks = [len(said) for said in results]
    while any(len(said) < mark + 10 for said, mark in zip(results, marks, strict=True)):
        assert any(thread.is_alive() for thread in threads)
        is_over.wait(0.01)
    is_over.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    for said in results:
        assert set(said[-8:]) <= {"suppressed", "failed"}
        first = said.index("suppressed")
        assert set(said[first:]) <= {"suppressed", "failed"}
    assert told_alone.database.wipe()
    assert told_alone.find_traces(tmp_path / "copy.db") == []
    told_alone.check()


# --- In the pages of the file ----------------------------------------------------------------------------------------


class Filled(Forgetting):
    """An event whose file is written to in this process, without any rest."""

    def __init__(self, path: Path) -> None:
        database = open_database(f"sqlite:///{path}")
        schema.prepare(database)
        made, _ = event_room.create(database, "Spring", "spring")
        keys.create(database, made.id, label="Shop")
        super().__init__(database, made.id)

    def push(self, *bodies: Any, source: int = 1) -> None:
        def read(configuration: Configuration) -> list[Any]:
            sender = as_sender(configuration, source, "test")
            return [read_item(new_id("psh"), decode(json.dumps(body).encode(), None), sender) for body in bodies]

        hand_in(self.database, self.configurations, "spring", read)

    def fill(self, dice: random.Random, rounds: int, sizes: tuple[int, ...]) -> None:
        """People who come, and whose documents grow and shrink, so that pages are split and joined."""
        for _ in range(rounds):
            some = [describe(dice, f"p{dice.randrange(300)}@x.org", "other", dice.choice(sizes)) for _ in range(12)]
            if dice.random() < 0.3:
                some.insert(dice.randrange(12), describe(dice, PERSON, "qyqyann", dice.choice(sizes)))
            self.push(*some, source=dice.choice([1, 2]))

    def contents(self) -> list[str]:
        # Not through another SQLite library: one process with two of them loses its locks.
        with as_file(self.database).read_outside() as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'probe'")
            return [str(row) for (name,) in tables.fetchall() for row in connection.execute(f"SELECT * FROM {name}")]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    folder = tmp_path / "data"
    folder.mkdir()
    filled = Filled(folder / "turnout.db")
    yield filled
    filled.check()
    filled.database.close()


@pytest.mark.parametrize("sizes", [(0, 100, 300), (0, 300, 1_500), (0, 1_000, 9_000)])
@pytest.mark.parametrize("seed", range(3))
def test_no_page_keeps_a_copy_of_a_row_that_was_moved(
    filled: Filled, tmp_path: Path, seed: int, sizes: tuple[int, ...]
) -> None:
    dice = random.Random(seed)
    filled.push(describe(dice, PERSON, "qyqyann"))
    filled.fill(dice, 60, sizes)
    assert filled.erase().is_wiped
    assert list(wipe._find_dirty(wipe._open(as_file(filled.database)), 4_096)) == []
    assert filled.find_traces(tmp_path / "copy.db") == []


def test_wiping_changes_nothing_but_what_nobody_reads(filled: Filled) -> None:
    filled.fill(random.Random(1), 60, (0, 300, 1_500))
    as_file(filled.database).forget_log()
    before = filled.contents()
    file = wipe._open(as_file(filled.database))
    assert list(wipe._find_dirty(file, 4_096)), "pages that were split keep copies"
    assert filled.database.wipe()
    assert list(wipe._find_dirty(file, 4_096)) == []
    assert filled.contents() == before
    with filled.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    # A page that the writer had in memory comes back without its copies.
    filled.fill(random.Random(2), 20, (0, 300))


def test_wiping_waits_for_readers_and_says_when_it_could_not(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.store.sqlite.database.LOCK_TIMEOUT_S", 0.2)
    filled.push(describe(random.Random(1), PERSON, "qyqyann"))
    with filled.database.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM pushes").scalar_one()
        filled.push(describe(random.Random(2), PERSON, "qyqyann"))
        assert not filled.erase().is_wiped
    assert filled.database.wipe()


def test_pages_that_are_not_as_they_should_be_are_left_alone() -> None:
    leaf = bytearray(4_096)
    # A leaf with one row at 4,000, a freeblock at 4,050, and something that was left behind.
    leaf[0], leaf[1:3], leaf[3:5], leaf[5:7] = 13, (4_050).to_bytes(2), (1).to_bytes(2), (4_000).to_bytes(2)
    leaf[8:10], leaf[4_050:4_054] = (4_000).to_bytes(2), b"\0\0\0\x14"
    assert wipe._list_unused(bytes(leaf), 5) == [(10, 4_000), (4_054, 4_070)]
    for at, value in (
        (0, b"\x07"),
        (5, b"\0\x01"),
        (5, b"\x0f\xff"),
        (8, b"\x0f\x00"),
        (1, b"\x00\x09"),
        (4_052, b"\x0f"),
    ):
        bad = bytearray(leaf)
        bad[at : at + len(value)] = value
        assert wipe._list_unused(bytes(bad), 5) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"email": "Ann@X.org"', {"ann@x.org"}),
        ('{"email": "ann\\u0040x.org"', {"ann@x.org"}),
        ("email=ann%40x.org&b=c", {"ann@x.org"}),
        ("ann@x.org, <bob@x.org>; 'c@d'.", {"ann@x.org", "bob@x.org", "c@d"}),
        ('{"e": "m\\u00fcller@m\\u00fcnchen.de"', {"müller@münchen.de"}),
        ("no address", set()),
    ],
)
def test_addresses_are_found_in_what_could_not_be_read(body: str, found: set[str]) -> None:
    assert find_addresses(body) == found


def test_pushes_of_others_that_failed_stay(told: Told) -> None:
    """A longer address is another one; and the examples in our own errors are nobody's."""
    john, joann = "john.doe@example.com", "joann@example.org"
    for email in (john, "ann@example.org"):
        told.event.push_ok({"profile": {"email": email}})
    others = [
        {"profile": {"email": "peter.parker", "firstName": "Peter"}},
        {"profile": {"firstName": "Mary"}},
        {"profile": {"email": joann, "title": ["x"]}},
        {"profile": {"email": "bob@example.org", "title": ["x"], "motto": "see www.ann@example.org.uk"}},
    ]
    failed = [told.event.push_failed(body)["id"] for body in others]
    named = told.event.push_failed({"profile": {"email": "bob@example.org", "title": [], "assistantEmail": john}})["id"]
    for email in (john, "ann@example.org"):
        told.erase(email)
    for push_id, body in zip(failed, others, strict=True):
        kept = told.event.get(f"/pushes/{push_id}").json()
        assert json.loads(kept["body"]) == body
        assert kept["errors"] != []
    gone = told.event.get(f"/pushes/{named}").json()
    assert (gone["body"], gone["errors"]) == (None, [])


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("ann@example.org", True),
        ('{"email": "ann@example.org"}', True),
        ("ann@example.org,bob@example.org", True),
        ("Write to ann@example.org.", True),
        ("mailto:ann@example.org?subject=x", True),
        ("/attendees/ann@example.org/", True),
        ("joann@example.org", False),
        ("ann@example.org.uk", False),
        ("ann@example.organic", False),
        ("jo-ann@example.org, ann@example.org", True),
    ],
)
def test_an_address_is_found_as_a_whole(text: str, is_there: bool) -> None:
    assert is_in("ann@example.org", text) is is_there
