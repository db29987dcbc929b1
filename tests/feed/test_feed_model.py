"""Pushes and acts of several sources against a simple model of what the contract says (sections C and F).

Each step goes through the real commit into a real database; after it everybody is as the model says, and the lines of
the log lead there.
"""

from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.feed.builders import MAIN, SHOP, Hall, check_log, make_item, make_push
from turnout import errors
from turnout.changes.attendee_view import view
from turnout.events import keys
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.forget import erase
from turnout.operations.verify.verify import verify
from turnout.store import attendees
from turnout.store.database import Database

ADDRESSES = [f"{name}@example.com" for name in "abcd"]
FIELDS = ("title", "company")
GROUPS = ("Press", "VIP")
VALUES = st.sampled_from([None, "", "x", "y"])
SOURCES = st.sampled_from([MAIN, SHOP])
_numbers = count(1)


class Person:
    """What the contract says is known of one person."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.aliases: list[str] = []
        self.values: dict[str, str | None] = {}
        self.groups: dict[int, set[str]] = {}
        self.expects: dict[int, bool] = {}
        self.sources: set[int] = set()
        self.pins: set[str] = set()
        self.held: dict[str, bool] = {}
        self.removed = False

    @property
    def addresses(self) -> set[str]:
        return {self.address, *self.aliases}

    @property
    def status(self) -> str:
        return "attending" if any(self.expects.values()) and not self.removed else "withdrawn"

    def in_groups(self) -> set[str]:
        said = set().union(*self.groups.values()) if self.groups else set()
        return {name for name in said if self.held.get(name, True)} | {
            name for name, is_in in self.held.items() if is_in
        }

    def hear(self, source: int, fields: dict[str, str | None], groups: set[str] | None, attending: bool | None) -> None:
        """A push (C2, C3, C5, C7, C9)."""
        self.sources.add(source)
        for name, value in fields.items():
            if value is not None and name not in self.pins:
                self.values[name] = value or None
        if groups is not None:
            self.groups[source] = groups
        self.expects[source] = attending is not False

    def move_to(self, address: str) -> None:
        """Another address (C10); the old one becomes an alias."""
        self.aliases = [*(alias for alias in self.aliases if alias not in (self.address, address)), self.address]
        self.address = address

    def absorb(self, other: "Person") -> None:
        """Another one who turned out to be this one (C10)."""
        for name, value in other.values.items():
            # What is held empty is not missing; what comes along is held as it was.
            if value is not None and self.values.get(name) is None and name not in self.pins:
                self.values[name] = value
                self.pins |= {name} & other.pins
        self.held = other.held | self.held
        for source, names in other.groups.items():
            self.groups[source] = self.groups.get(source, set()) | names
        for source, expects in other.expects.items():
            self.expects[source] = self.expects.get(source, False) or expects
        self.sources |= other.sources
        for address in (other.address, *other.aliases):
            if address not in self.addresses:
                self.aliases.append(address)


class Feed(RuleBasedStateMachine):
    """One event, two sources, four addresses, and people who act."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    @initialize()
    def begin(self) -> None:
        self.hall = Hall(self.database, slug=f"conf-{next(_numbers)}")
        keys.create(self.hall.database, self.hall.event.id, label="Shop")
        self.people: dict[str, Person] = {}
        """By id."""
        self.merged: dict[str, str] = {}
        self.suppressed: set[tuple[int, str]] = set()

    def teardown(self) -> None:
        if hasattr(self, "hall"):
            verified = verify(self.database, self.hall.slug)
            assert verified.ok, verified

    def find(self, address: str) -> str | None:
        """Who has the address; where nobody has, the oldest who had it (C1)."""
        having = [one for one, person in sorted(self.people.items()) if person.address == address]
        had = [one for one, person in sorted(self.people.items()) if address in person.aliases]
        return next(iter([*having, *had]), None)

    def act(self, perform: Any, *arguments: Any, **options: Any) -> Any:
        with on_stage(self.hall.database, self.hall.configurations, self.hall.event.id, "test") as scene:
            return perform(scene, *arguments, **options)

    @rule(
        source=SOURCES,
        address=st.sampled_from(ADDRESSES),
        title=VALUES,
        company=VALUES,
        shoe=VALUES,
        groups=st.none() | st.sets(st.sampled_from(GROUPS)),
        attending=st.sampled_from([None, None, True, False]),
    )
    def push(
        self,
        source: int,
        address: str,
        title: str | None,
        company: str | None,
        shoe: str | None,
        groups: set[str] | None,
        attending: bool | None,
    ) -> None:
        push = make_push(
            address,
            title=title,
            company=company,
            custom_fields={"Shoe": shoe},
            groups=groups,
            attending=attending,
        )
        item = make_item(push, self.hall.sender(source))
        (result,) = commit.write(self.hall.database, self.hall.configurations, [self.hall.submit(item, source=source)])
        assert isinstance(result, list)
        (outcome,) = result
        if (source, address) in self.suppressed:
            assert (outcome.result, outcome.attendee) == ("suppressed", None)
            return
        known = self.find(address)
        if known is None and attending is False:
            assert (outcome.result, outcome.attendee) == ("unchanged", None)
            return
        assert outcome.attendee is not None
        assert outcome.attendee.id is not None
        if known is None:
            assert outcome.result == "created"
            known = outcome.attendee.id
            self.people[known] = Person(address)
        assert outcome.attendee.id == known
        self.people[known].hear(source, {"title": title, "company": company, "shoe": shoe}, groups, attending)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), field=st.sampled_from(FIELDS), is_pinned=st.booleans())
    def pin(self, data: st.DataObject, field: str, is_pinned: bool) -> None:
        one = data.draw(st.sampled_from(sorted(self.people)))
        self.act(decisions.pin, one, f"profile.{field}", is_pinned=is_pinned)
        (self.people[one].pins.add if is_pinned else self.people[one].pins.discard)(field)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), group=st.sampled_from(GROUPS), is_in=st.sampled_from([True, False, None]))
    def hold(self, data: st.DataObject, group: str, is_in: bool | None) -> None:
        one = data.draw(st.sampled_from(sorted(self.people)))
        known = self.hall.configuration.groups.find(group) is not None
        if not known and is_in is not True:
            with pytest.raises(errors.NotFound):
                self.act(decisions.hold, one, group, is_in=is_in)
            return
        self.act(decisions.hold, one, group, is_in=is_in)
        held = self.people[one].held
        held.pop(group, None)
        if is_in is not None:
            held[group] = is_in

    @precondition(lambda self: self.people)
    @rule(data=st.data(), is_removed=st.booleans())
    def remove(self, data: st.DataObject, is_removed: bool) -> None:
        one = data.draw(st.sampled_from(sorted(self.people)))
        self.act(decisions.remove, one, is_removed=is_removed)
        self.people[one].removed = is_removed

    @precondition(lambda self: self.people)
    @rule(data=st.data(), address=st.sampled_from(ADDRESSES))
    def rename(self, data: st.DataObject, address: str) -> None:
        one = data.draw(st.sampled_from(sorted(self.people)))
        if any(person.address == address for other, person in self.people.items() if other != one):
            with pytest.raises(errors.Conflict):
                self.act(decisions.rename, one, address)
            return
        self.act(decisions.rename, one, address)
        if self.people[one].address != address:
            self.people[one].move_to(address)

    @precondition(lambda self: len(self.people) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        other, kept = data.draw(st.permutations(sorted(self.people)))[:2]
        self.act(merging.merge, other, kept)
        self.people[kept].absorb(self.people.pop(other))
        self.merged[other] = kept

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(sorted(self.people)))
        erase.erase(self.hall.database, self.hall.configurations, self.hall.event.id, one, "test")
        person = self.people.pop(one)
        self.suppressed |= {(source, address) for source in person.sources for address in person.addresses}

    @precondition(lambda self: self.suppressed)
    @rule(data=st.data())
    def lift(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted({address for _, address in self.suppressed})))
        erase.lift(self.hall.database, self.hall.configurations, self.hall.event.id, address, "test")
        self.suppressed = {(source, one) for source, one in self.suppressed if one != address}

    @invariant()
    def everybody_is_as_the_model_says(self) -> None:
        if not hasattr(self, "hall"):
            return
        its = self.hall.configuration
        with self.hall.database.read() as connection:
            stored = attendees.list_attendees(connection, self.hall.event.id, status=None)
        assert {one.id for one in stored} == set(self.people)
        for one in stored:
            person, shown = self.people[one.id], view(one, its)
            assert shown.email == person.address
            assert shown.status == person.status
            assert set(shown.groups) == person.in_groups()
            assert {field: shown.profile[field] for field in FIELDS} == {
                field: person.values.get(field) for field in FIELDS
            }
            assert shown.custom_fields.get("Shoe") == person.values.get("shoe")
            assert set(one.aliases) == set(person.aliases)
            assert set(one.pins) == person.pins
        check_log(self.database, self.hall.event.id)


def test_everybody_is_as_the_contract_says(database_kind: str, database: Database) -> None:
    """All examples in one database, each with an event of its own; fewer where that takes longer."""
    few = settings(max_examples={"sqlite": 25, "postgresql": 6}[database_kind], stateful_step_count=25, deadline=None)
    run_state_machine_as_test(lambda: Feed(database), settings=few)  # ty: ignore[invalid-argument-type]
