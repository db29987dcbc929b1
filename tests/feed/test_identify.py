"""Who a push is about (C1, C6), in both settings: against a simple model, through the real commit."""

from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.feed.builders import JOHN, MAIN, SHOP, Hall, check_log, make_push
from turnout.events import event as event_room
from turnout.events import keys
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.commit import write
from turnout.feed.settle.identify import Identified, identify
from turnout.feed.submission import Overlay
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.push import Push
from turnout.model.receipt import AttendeeReference
from turnout.operations.verify.verify import verify
from turnout.store import attendees
from turnout.store.database import Database

ADDRESSES = [f"{name}@example.com" for name in "abc"]
IDS = ["1", "2", "3"]
_numbers = count(1)


def make_attendee(
    attendee_id: str, email: str = JOHN, *, aliases: list[str] | None = None, sequence: int = 1, **ids: str
) -> Attendee:
    """Ids as `main="1"`, `shop="2"`."""
    numbers = {"main": MAIN, "shop": SHOP}
    return Attendee(
        id=attendee_id,
        status="attending",
        profile={"email": Said(email, 1, MAIN, 0)},
        aliases=aliases or [],
        parts={
            numbers[source]: Part(third_party_id=Said(third_party_id, sequence, numbers[source], 0))
            for source, third_party_id in ids.items()
        },
        created_at=0,
        updated_at=0,
        sequence=1,
    )


def found(push: Push, *known: Attendee, by_id: bool = True, source: int = MAIN) -> str | None:
    """The id of whom it is about; None for somebody new."""
    third_party_id = push.profile.get("thirdPartyId")
    with_id = [one for one in known if third_party_id in one.ids_of(source)]
    by_address = [one for one in known if push.email in (one.email, *one.aliases)]
    identified = identify(push, source, "third_party_id" if by_id else "email", with_id, by_address)
    assert isinstance(identified, Identified)
    return None if identified.attendee is None else identified.attendee.id


def test_of_several_with_one_id_the_one_with_the_address_is_meant() -> None:
    one, two = make_attendee("att_1", "a@x.org", main="1", sequence=9), make_attendee("att_2", "b@x.org", main="1")
    assert found(make_push("b@x.org", thirdPartyId="1"), one, two) == "att_2"
    assert found(make_push("a@x.org", thirdPartyId="1"), one, two) == "att_1"


def test_else_the_one_who_got_the_id_last() -> None:
    one, two = make_attendee("att_1", "a@x.org", main="1", sequence=9), make_attendee("att_2", "b@x.org", main="1")
    assert found(make_push("c@x.org", thirdPartyId="1"), one, two) == "att_1"


def test_whoever_is_somebody_else_by_now_is_not_found_by_address() -> None:
    gone = msgspec.structs.replace(make_attendee("att_1"), merged_into="att_2")
    assert found(make_push(), gone, make_attendee("att_2", main="1")) == "att_2"
    assert found(make_push(), gone, by_id=False) is None


def test_at_most_ten_ids_are_named() -> None:
    people = [make_attendee(f"att_{number}", main=f"id{number}") for number in range(12)]
    failure = identify(make_push(), MAIN, "third_party_id", [], people)
    assert not isinstance(failure, Identified)
    assert "id9 …" in failure.detail
    assert "id10" not in failure.detail


def test_the_error_says_so_where_none_has_an_id_of_this_source() -> None:
    people = [make_attendee("att_1", shop="1"), make_attendee("att_2", shop="2")]
    failure = identify(make_push(), MAIN, "third_party_id", [], people)
    assert not isinstance(failure, Identified)
    assert "None of them has an id of this source yet." in failure.detail


@pytest.fixture
def hall(database: Database) -> Any:
    hall = Hall(database)
    yield hall
    check_log(hall.database)


def test_a_push_that_was_read_before_the_setting_changed_finds_its_person_by_id(hall: Hall) -> None:
    """What the commit reads follows from the setting as it is then."""
    (first,) = write(hall.database, hall.configurations, [hall.submit(make_push("a@x.org", thirdPartyId="1"))])
    waiting = hall.submit(make_push("b@x.org", thirdPartyId="1"))
    event_room.set_up(hall.database, hall.event.id, {"identity": "third_party_id"})
    (second,) = write(hall.database, hall.configurations, [waiting])
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert (second[0].result, second[0].sequence) == ("updated", 3)
    assert first[0].attendee is not None
    assert second[0].attendee == AttendeeReference(first[0].attendee.id, "b@x.org")


class Person:
    """What the contract says is known of one person."""

    def __init__(self) -> None:
        self.address = ""
        self.aliases: list[str] = []
        self.name: str | None = None
        self.present: dict[int, str | None] = {}
        """The id that each source gave last."""
        self.more: dict[int, list[str]] = {}
        """Those that came with somebody who turned out to be the same."""

    def ids(self, source: int) -> list[str]:
        present = self.present.get(source)
        return [*([present] if present else []), *self.more.get(source, [])]

    def move(self, address: str) -> None:
        if address != self.address:
            self.aliases = [one for one in self.aliases if one != address] + ([self.address] if self.address else [])
            self.address = address

    def take_id(self, source: int, new: str) -> None:
        old, more = self.present.get(source), self.more.get(source, [])
        if new != old and new in more:
            self.more[source] = [*([old] if old else []), *(one for one in more if one != new)]
        self.present[source] = new or None


def said_by(number: int) -> Any:
    return st.lists(
        st.tuples(
            st.sampled_from(ADDRESSES),
            st.sampled_from([None, "", "", *IDS, *IDS]),
            st.sampled_from([None, None, "Ann", "Bob"]),
        ),
        min_size=1,
        max_size=number,
    )


class WhoIsWho(RuleBasedStateMachine):
    """Sequences of pushes, one by one, together, all or nothing and as dry runs; and people who turn out to be one."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    @initialize(by_id=st.booleans())
    def begin(self, by_id: bool) -> None:
        self.hall = Hall(self.database, slug=f"conf-{next(_numbers)}")
        keys.create(self.hall.database, self.hall.event.id, label="Shop")
        self.by_id = by_id
        if by_id:
            event_room.set_up(self.hall.database, self.hall.event.id, {"identity": "third_party_id"})
        self.people: dict[str, Person] = {}

    def teardown(self) -> None:
        if hasattr(self, "hall"):
            verified = verify(self.database, self.hall.slug)
            assert verified.ok, verified
            check_log(self.database, self.hall.event.id)

    @rule(source=st.sampled_from([MAIN, SHOP]), said=said_by(6), how=st.sampled_from(["one by one", "together"]))
    def push(self, source: int, said: list[tuple[str, str | None, str | None]], how: str) -> None:
        pushes = [_as_push(*one) for one in said]
        dry = self.commit(source, pushes, dry_run=Overlay())
        if how == "together":
            outcomes = self.commit(source, pushes)
        else:
            outcomes = [self.commit(source, [push])[0] for push in pushes]
        assert [(one.result, one.changes) for one in dry] == [(one.result, one.changes) for one in outcomes]
        for (address, third_party_id, name), outcome in zip(said, outcomes, strict=True):
            self.expect(source, address, third_party_id, name, outcome)
        self.compare()

    def commit(self, source: int, pushes: list[Push], **options: Any) -> list[Any]:
        (result,) = write(
            self.hall.database, self.hall.configurations, [self.hall.submit(*pushes, source=source, **options)]
        )
        assert isinstance(result, list)
        return result

    def expect(self, source: int, address: str, third_party_id: str | None, name: str | None, outcome: Any) -> None:
        """Holds one outcome against the model, and moves the model on."""
        person, fails = self.find(source, address, third_party_id, name)
        if fails:
            assert outcome.failure.errors[0].code == "ambiguous_email"
            return
        assert outcome.failure is None
        if person is None:
            assert outcome.result == "created"
            person = self.people[outcome.attendee.id] = Person()
            person.move(address)
        else:
            assert self.people[outcome.attendee.id] is person
            if self.by_id and third_party_id:
                person.move(address)
        person.name = name or person.name
        if third_party_id is not None:
            person.take_id(source, third_party_id)

    def find(
        self, source: int, address: str, third_party_id: str | None, name: str | None
    ) -> tuple[Person | None, bool]:
        """Who is meant, None for somebody new; and whether nobody can tell."""
        people = [self.people[one] for one in sorted(self.people)]
        having = [one for one in people if one.address == address] or [one for one in people if address in one.aliases]
        if self.by_id and third_party_id:
            known = [one for one in people if third_party_id in one.ids(source)]
            assert len(known) <= 1
            free = [one for one in having if not one.ids(source)]
            alike = [one for one in free if not (name and one.name and name != one.name)]
            return next(iter([*known, *alike, *free]), None), False
        return next(iter(having), None), self.by_id and len(having) > 1

    @precondition(lambda self: len(self.people) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        gone, kept = data.draw(st.permutations(sorted(self.people)))[:2]
        with on_stage(self.hall.database, self.hall.configurations, self.hall.event.id, "test") as scene:
            merging.merge(scene, gone, kept)
        other, person = self.people.pop(gone), self.people[kept]
        for address in (other.address, *other.aliases):
            if address not in (person.address, *person.aliases):
                person.aliases.append(address)
        person.name = person.name or other.name
        for source in (MAIN, SHOP):
            new = [one for one in other.ids(source) if one not in person.ids(source)]
            if new and not person.present.get(source):
                person.present[source] = new.pop(0)
            person.more[source] = [*person.more.get(source, []), *new]
        self.compare()

    def compare(self) -> None:
        with self.hall.database.read() as connection:
            state = attendees.list_attendees(connection, self.hall.event.id, status=None)
        assert {one.id: (one.email, one.aliases, one.ids_of(MAIN), one.ids_of(SHOP)) for one in state} == {
            attendee_id: (one.address, one.aliases, one.ids(MAIN), one.ids(SHOP))
            for attendee_id, one in self.people.items()
        }


def _as_push(address: str, third_party_id: str | None, name: str | None) -> Push:
    fields = {"thirdPartyId": third_party_id, "firstName": name}
    return make_push(address, profile={field: value for field, value in fields.items() if value is not None})


def test_who_is_who_as_the_model_says(database_kind: str, database: Database) -> None:
    """All examples in one database, each with an event of its own; fewer where that takes longer."""
    few = settings(max_examples={"sqlite": 40, "postgresql": 10}[database_kind], stateful_step_count=10, deadline=None)
    run_state_machine_as_test(lambda: WhoIsWho(database), settings=few)  # ty: ignore[invalid-argument-type]
