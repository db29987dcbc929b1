"""What of each line a reader may see, and as which push: whoever follows ends at what he would be shown at the end."""

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from tests.downstream.following.mirror import Mirror, reduced
from tests.feed.builders import SHOP, Hall, check_log, make_item, make_push
from tests.feed.test_feed_model import ADDRESSES, GROUPS, Feed
from turnout import errors
from turnout.downstream import limits as limiting
from turnout.downstream.following.line_view import LineView, PayloadFormat
from turnout.downstream.following.pages import Pages
from turnout.downstream.following.view import View
from turnout.downstream.limits import EVERYTHING, Limits
from turnout.events import names
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.forget import erase
from turnout.feed.parse.body import decode
from turnout.feed.parse.push import to_push
from turnout.model.event import Configuration
from turnout.now import now_us
from turnout.store import attendees, events
from turnout.store.database import Database

_numbers = count(1)
VISIBLE = ("email", "status", "profile", "customFields", "groups", "unknownFields")
AT_ONCE = 7
"""Lines on a page: there are pages before the new names, and behind them."""


def find_head(hall: Hall) -> int:
    with hall.database.read() as connection:
        clock = events.find_clock(connection, hall.event.id)
    assert clock is not None
    return clock.last_sequence


def list_told(hall: Hall, limits: Limits, start: int = 0, payload: PayloadFormat = "") -> Iterator[LineView]:
    """What somebody is told who follows behind `start`, page by page."""
    pages = Pages(hall.database, hall.configurations)
    view = View(limits, None, None, payload)
    while (page := pages.read_page(hall.event.id, start, AT_ONCE, with_states=view.needs_states)).lines:
        yield from view.list_lines(page.lines, page.configuration, page.renames)
        start = page.lines[-1].change.sequence


def list_shown(hall: Hall, limits: Limits) -> dict[str, Any]:
    """Whom a reader is shown, and what of them, by id."""
    its = hall.configuration
    with hall.database.read() as connection:
        stored = attendees.list_attendees(connection, hall.event.id, status=None, limit=100_000)
    return {one.id: reduced(msgspec.to_builtins(limiting.view(one, its, limits))) for one in stored if limits.sees(one)}


def follow(hall: Hall, limits: Limits, fields: set[str] | None, start: int = 0, mirror: Mirror | None = None) -> Mirror:
    """A follower of all lines behind `start`, as they go over the wire."""
    mirror = mirror or Mirror(fields=fields)
    for line in list_told(hall, limits, start):
        mirror.take(msgspec.to_builtins(line))
    return mirror


def list_limits(its: Configuration) -> list[tuple[Limits, set[str] | None]]:
    """Every kind of limits, with the fields of the profile that are shown."""
    press = limiting.of_names(its, ["Press"], None).groups
    few = limiting.of_names(its, None, ["email", "title", "Shoe"]).fields
    one = limiting.of_names(its, None, ["company"]).fields
    return [
        (EVERYTHING, None),
        (Limits(groups=press), None),
        (Limits(fields=few), {"title"}),
        (Limits(groups=press, fields=one), {"company"}),
        (Limits(groups=limiting.of_names(its, GROUPS, None).groups, fields=frozenset()), set()),
    ]


class Renamed(Feed):
    """The feed's model, whose fields and groups get other names, and get them back; pushes know the first ones."""

    @rule(data=st.data(), name=st.sampled_from(["Shoe", "Press", "VIP"]))
    def rename_name(self, data: st.DataObject, name: str) -> None:
        kind: names.NameKind = "custom_field" if name == "Shoe" else "group"
        if names.names_of(self.hall.configuration, kind).find(name) is not None:
            new = data.draw(st.sampled_from([name, name.upper(), f"{name} 2", f"{name} 3"]))
            names.rename(self.database, self.hall.event.id, kind, name, new)

    @invariant()
    def everybody_is_as_the_model_says(self) -> None:
        """The model knows the first names; here it is enough that the lines lead to what there is."""
        if hasattr(self, "hall"):
            check_log(self.database, self.hall.event.id)


class Followed(Renamed):
    """The feed's model, with unknown fields too, at whose end its log is followed with all kinds of limits."""

    snapshots: list[tuple[int, Limits, Mirror]]
    steps = 0

    @rule(
        source=st.sampled_from([1, SHOP]),
        address=st.sampled_from(ADDRESSES),
        value=st.sampled_from(["", "u", ["a", "b"]]),
    )
    def push_unknown(self, source: int, address: str, value: Any) -> None:
        if self.find(address) is None or (source, address) in self.suppressed:
            return
        push = make_push(address, unknown_fields={"profile.jobTitle": value, "company": value, "a.b": value})
        item = make_item(push, self.hall.sender(source))
        commit.write(self.hall.database, self.hall.configurations, [self.hall.submit(item, source=source)])
        self.people[self.find(address) or ""].hear(source, {}, None, None)

    @invariant()
    def take_snapshot(self) -> None:
        """Of all who are shown to one of the readers, behind every step of another one, who then stops following."""
        if not hasattr(self, "hall"):
            return
        if not self.steps:
            self.snapshots = []
        readers = list_limits(self.hall.configuration)
        limits, fields = readers[self.steps % len(readers)]
        self.steps += 1
        snapshot = list(list_shown(self.hall, limits).values())
        self.snapshots.append((find_head(self.hall), limits, Mirror(fields=fields, snapshot=snapshot)))

    def rename_behind_a_change(self) -> None:
        """Everybody has a shoe size, is seen so, has another one; and only then it is called otherwise, for good."""
        self.push_sizes("41")
        for _ in list_limits(self.hall.configuration):
            self.take_snapshot()
        self.push_sizes("")
        shoe = names.names_of(self.hall.configuration, "custom_field").find("Shoe")
        if shoe is not None:
            names.rename(self.database, self.hall.event.id, "custom_field", shoe.name, "Shoe size")

    def push_sizes(self, size: str) -> None:
        for address in ADDRESSES:
            if self.find(address) is not None and (1, address) not in self.suppressed:
                item = make_item(make_push(address, custom_fields={"Shoe": size}), self.hall.sender(1))
                commit.write(self.hall.database, self.hall.configurations, [self.hall.submit(item, source=1)])

    def teardown(self) -> None:
        if not hasattr(self, "hall"):
            return
        self.rename_behind_a_change()
        for limits, fields in list_limits(self.hall.configuration):
            mirror = follow(self.hall, limits, fields)
            left = {one: person for one, person in mirror.people.items() if person["status"] != "merged"}
            assert left == list_shown(self.hall, limits), limits
        for start, limits, behind in getattr(self, "snapshots", ()):
            mirror = follow(self.hall, limits, None, start, behind)
            left = {one: person for one, person in mirror.people.items() if person["status"] != "merged"}
            assert left == list_shown(self.hall, limits), (start, limits)


def test_whoever_follows_with_limits_ends_at_what_he_would_be_shown(database_kind: str, database: Database) -> None:
    few = settings(max_examples={"sqlite": 25, "postgresql": 5}[database_kind], stateful_step_count=30, deadline=None)
    run_state_machine_as_test(lambda: Followed(database), settings=few)  # ty: ignore[invalid-argument-type]


def push_body(hall: Hall, body: dict[str, Any]) -> None:
    """As over HTTP: the bytes are parsed."""
    pushed = to_push(decode(json.dumps(body).encode(), None), lists="none", now=now_us())
    (results,) = commit.write(hall.database, hall.configurations, [hall.submit(pushed)])
    assert isinstance(results, list), results
    assert results[0].failure is None, results[0].failure


def list_visible(hall: Hall, limits: Limits = EVERYTHING) -> list[dict[str, Any]]:
    """The default list, less what belongs to one event alone: ids."""
    people = [{name: one[name] for name in VISIBLE} for one in list_shown(hall, limits).values()]
    for one in people:
        one["groups"] = sorted(one["groups"])
    return sorted((one for one in people if one["status"] == "attending"), key=lambda one: one["email"])


def rename_there(target: Hall, line: LineView) -> None:
    """What no push says either, a follower does: a new name, unless nothing has come under the old one."""
    for change in line.changes:
        kind: names.NameKind = "group" if change.path == "group" else "custom_field"
        with suppress(errors.NotFound):
            names.rename(target.database, target.event.id, kind, str(change.old), change.new)


class Fed(Renamed):
    """The feed's model, at whose end another event is fed by following it."""

    how: PayloadFormat = "nested"

    @rule(address=st.sampled_from(ADDRESSES), value=st.sampled_from(["", "u", ["a", "b"], {"de": "x", "en": ["y"]}]))
    def push_unknown(self, address: str, value: Any) -> None:
        if self.find(address) is None or (1, address) in self.suppressed:
            return
        unknown = {
            "profile.jobTitle": value,
            "note": value,
            "eventInfo.seat": value,
            "profile.customFields[1].more": value,
        }
        item = make_item(
            make_push(address, unknown_fields=unknown, custom_fields={"Days": ["Mon", "Tue"]}), self.hall.sender(1)
        )
        commit.write(self.hall.database, self.hall.configurations, [self.hall.submit(item)])
        self.people[self.find(address) or ""].hear(1, {}, None, None)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        """Only to addresses that nobody had: whom the other event knows under it is nothing that a push could say."""
        one, address = data.draw(st.sampled_from(sorted(self.people))), f"new{next(_numbers)}@example.com"
        self.act(decisions.rename, one, address)
        self.people[one].move_to(address)

    def teardown(self) -> None:
        if not hasattr(self, "hall"):
            return
        its = self.hall.configuration
        press = Limits(groups=limiting.of_names(its, ["Press"], None).groups)
        for limits in (EVERYTHING, press):
            target = Hall(self.database, slug=f"fed-{next(_numbers)}")
            known: dict[str, str] = {}
            for line in list_told(self.hall, limits, payload=self.how):
                one, body = line.attendee_id, line.payload
                if one is None:
                    rename_there(target, line)
                    continue
                if body is None:
                    # What no push says, a follower does: whom he must not have any more he takes out by his address.
                    gone = known.pop(one, None)
                    if gone is not None and line.kind == "erased":
                        its_own = target.configurations
                        erase.erase(self.database, its_own, target.event.id, gone, "test", suppresses=False)
                    elif gone is not None:
                        push_body(target, {"profile": {"email": gone}, "eventInfo": {"attending": False}})
                    continue
                email = body["profile.email"] if self.how == "flat" else body["profile"]["email"]
                moved = known.get(one)
                push_body(target, body)
                if moved not in (None, email):
                    push_body(target, {"profile": {"email": moved}, "eventInfo": {"attending": False}})
                known[one] = email
            assert list_visible(target) == list_visible(self.hall, limits), limits


class FedFlat(Fed):
    how = "flat"


@pytest.mark.parametrize("machine", [Fed, FedFlat])
def test_another_event_is_fed_by_pushing_each_payload(
    database_kind: str, database: Database, machine: type[Fed]
) -> None:
    few = settings(max_examples={"sqlite": 20, "postgresql": 3}[database_kind], stateful_step_count=25, deadline=None)
    run_state_machine_as_test(lambda: machine(database), settings=few)  # ty: ignore[invalid-argument-type]
