"""What of each line a reader may see, and as which push: whoever follows ends at what he would be shown at the end."""

import json
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from tests.downstream.following.mirror import Mirror, reduced
from tests.feed.builders import SHOP, Hall, make_item, make_push
from tests.feed.test_feed_model import ADDRESSES, GROUPS, Feed
from turnout.changes.lines import Line, read_lines
from turnout.downstream import limits as limiting
from turnout.downstream.following.line_view import see
from turnout.downstream.following.payload import as_push
from turnout.downstream.limits import EVERYTHING, Limits
from turnout.feed import commit
from turnout.feed.acts import decisions
from turnout.feed.forget import erase
from turnout.feed.parse.body import decode
from turnout.feed.parse.push import to_push
from turnout.model.event import Configuration
from turnout.now import now_us
from turnout.store import attendees
from turnout.store.database import Database

_numbers = count(1)
VISIBLE = ("email", "status", "profile", "customFields", "groups", "unknownFields")


def read_all(hall: Hall) -> list[Line]:
    with hall.database.read() as connection:
        return read_lines(connection, hall.event.id, limit=100_000)


def list_shown(hall: Hall, limits: Limits) -> dict[str, Any]:
    """Whom a reader is shown, and what of them, by id."""
    its = hall.configuration
    with hall.database.read() as connection:
        stored = attendees.list_attendees(connection, hall.event.id, status=None, limit=100_000)
    return {one.id: reduced(msgspec.to_builtins(limiting.view(one, its, limits))) for one in stored if limits.sees(one)}


def follow(hall: Hall, limits: Limits, fields: set[str] | None, start: int = 0, mirror: Mirror | None = None) -> Mirror:
    """A follower of all lines behind `start`, as they go over the wire."""
    its = hall.configuration
    mirror = mirror or Mirror(fields=fields)
    for line in read_all(hall)[start:]:
        seen = see(line, its, limits)
        if seen is not None:
            mirror.take(msgspec.to_builtins(seen.line))
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


class Followed(Feed):
    """The feed's model, with unknown fields too, at whose end its log is followed with all kinds of limits."""

    snapshots: list[tuple[int, list[dict[str, Any]]]]

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

    @rule()
    def take_snapshot(self) -> None:
        """Of all there are, as a reader without limits lists them, with the number of the last line."""
        if not hasattr(self, "snapshots"):
            self.snapshots = []
        self.snapshots.append((len(read_all(self.hall)), list(list_shown(self.hall, EVERYTHING).values())))

    def teardown(self) -> None:
        if not hasattr(self, "hall"):
            return
        for limits, fields in list_limits(self.hall.configuration):
            mirror = follow(self.hall, limits, fields)
            left = {one: person for one, person in mirror.people.items() if person["status"] != "merged"}
            assert left == list_shown(self.hall, limits), limits
        for start, snapshot in getattr(self, "snapshots", ()):
            mirror = follow(self.hall, EVERYTHING, None, start, Mirror(snapshot=snapshot))
            left = {one: person for one, person in mirror.people.items() if person["status"] != "merged"}
            assert left == list_shown(self.hall, EVERYTHING), start


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


class Fed(Feed):
    """The feed's model, at whose end another event is fed by following it."""

    how: Any = "nested"

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
            for line in read_all(self.hall):
                seen = see(line, its, limits)
                if seen is None or seen.line.attendee_id is None:
                    continue
                one = seen.line.attendee_id
                body = as_push(seen, its, limits, self.how)
                if body is None:
                    # What no push says, a follower does: whom he must not have any more he takes out by his address.
                    gone = known.pop(one, None)
                    if gone is not None and seen.line.kind == "erased":
                        its_own = target.configurations
                        erase.erase(self.database, its_own, target.event.id, gone, "test", suppresses=False)
                    elif gone is not None:
                        push_body(target, {"profile": {"email": gone}, "eventInfo": {"attending": False}})
                    continue
                email = str(seen.after.email) if seen.after else ""
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
