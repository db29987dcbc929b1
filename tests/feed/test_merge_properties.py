"""What holds of every merge (C1–C5, C8, C9, D7), with generated pushes; and long runs against a simple model."""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.feed.builders import FIELDS, GROUPS, JOHN, MAIN, SHOP, Told, make_push
from turnout.changes.fold import apply, as_folded
from turnout.feed.settle.merge import Merged
from turnout.model.attendee import Attendee, Part
from turnout.model.change import Change
from turnout.model.push import Push

settings.register_profile(
    "merge",
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
bounded = settings.get_profile("merge")

TEXTS = st.sampled_from(["", "a", "b", "c"])
FIELD_NAMES = ("title", "company", "city", "thirdPartyId")
CUSTOM_FIELDS = ("Shoe size", "Diet", "Hotel")
UNKNOWN_PATHS = ("profile.jobTitle", "badge")
POLICIES = st.fixed_dictionaries(
    {
        "null": st.sampled_from(["keep", "clear"]),
        "blank": st.sampled_from(["keep", "clear"]),
        "groups": st.sampled_from(["source", "add", "replace"]),
    }
)
GROUP_NAMES = st.sets(st.sampled_from(["VIP", "Press"]))
SOURCES = st.sampled_from([MAIN, SHOP, 3])


@st.composite
def pushes(draw: Any, *, observed: bool = True, attending: bool = True) -> Push:
    def some(names: tuple[str, ...], values: st.SearchStrategy[Any]) -> dict[str, Any]:
        return draw(st.dictionaries(st.sampled_from(names), values))

    return make_push(
        draw(st.sampled_from([JOHN, JOHN.upper()])),
        profile=some(FIELD_NAMES, TEXTS | st.none()),
        custom_fields=some(CUSTOM_FIELDS, TEXTS | st.none() | st.lists(st.sampled_from("xy"), max_size=2)),
        unknown_fields=some(UNKNOWN_PATHS, TEXTS),
        groups=draw(st.none() | st.lists(st.sampled_from(["Speakers", "vip", "VIP", "Press"]), max_size=3)),
        clear_profile=tuple(draw(st.sets(st.sampled_from(FIELD_NAMES), max_size=1))),
        clear_custom_fields=tuple(draw(st.sets(st.sampled_from(CUSTOM_FIELDS), max_size=1))),
        attending=draw(st.sampled_from([None, None, True, False])) if attending else None,
        observed_at=draw(st.none() | st.integers(0, 12)) if observed else None,
    )


Step = tuple[Push, int, dict[str, Any]]
"""A push, whose it is, and the settings."""
STEPS = st.tuples(pushes(), SOURCES, POLICIES)


def tell(steps: list[Step]) -> Told:
    told = Told()
    for push, source, policy in steps:
        told.hear(push, source=source, **policy)
    return told


PASTS = st.lists(STEPS, min_size=1, max_size=3).map(tell)
"""An attendee about whom several sources have spoken; `.now` is None where none of them expected anybody."""


def values(attendee: Attendee | None) -> dict[tuple[str, Any], Any]:
    """Everything that has a value, without where it came from."""
    if attendee is None:
        return {}
    kinds = {
        "profile": attendee.profile,
        "custom_field": attendee.custom_fields,
        "unknown_field": attendee.unknown_fields,
    }
    found: dict[tuple[str, Any], Any] = {
        (kind, key): said.value for kind, its in kinds.items() for key, said in its.items() if said.value is not None
    }
    for number, part in attendee.parts.items():
        found["part_groups", number] = part.groups.value if part.groups else []
        found["part_expects", number] = part.expects.value if part.expects else False
        if part.third_party_id and part.third_party_id.value is not None:
            found["part_id", number] = part.third_party_id.value
    found["groups", None] = attendee.group_numbers()
    found["status", None] = attendee.status
    return found


def visible(attendee: Attendee | None) -> dict[tuple[str, Any], Any]:
    return {key: value for key, value in values(attendee).items() if value not in ([], False)}


# --- Each push -------------------------------------------------------------------------------------------------------


@bounded
@given(PASTS, STEPS)
def test_c8_a_push_said_twice_changes_nothing_the_second_time(told: Told, step: Step) -> None:
    push, source, policy = step
    told.hear(push, source=source, digest="same", **policy)
    before = told.now
    merged = told.hear(push, source=source, digest="same", **policy)
    assert (merged.kind, merged.entries) == (None, [])
    assert visible(told.now) == visible(before)
    if before is not None:
        last = before.parts[source].last_push
        assert last is not None
        assert merged.repeats == last.id


@bounded
@given(PASTS, STEPS)
def test_c2_what_a_push_does_not_name_keeps_its_value(told: Told, step: Step) -> None:
    push, source, policy = step
    before = values(told.now)
    told.hear(push, source=source, **policy)
    after = values(told.now)
    named: set[tuple[str, Any]] = {("profile", field) for field in (*push.profile, *push.clear_profile)}
    for name in (*(field.name for field in push.custom_fields), *push.clear_custom_fields):
        found = FIELDS.find(name)
        assert found is not None
        named.add(("custom_field", found.number))
    named |= {("unknown_field", path) for path in push.unknown_fields}
    for (kind, key), value in before.items():
        if kind in ("profile", "custom_field", "unknown_field") and key != "email" and (kind, key) not in named:
            assert after[kind, key] == value
        if kind in ("groups", "part_groups") and push.groups is None:
            assert after[kind, key] == value


@bounded
@given(PASTS, pushes(), SOURCES, st.sampled_from(["source", "add"]))
def test_c5_what_other_sources_said_is_untouched(told: Told, push: Push, source: int, groups: str) -> None:
    before = {} if told.now is None else dict(told.now.parts)
    told.hear(push, source=source, groups=groups)
    after = {} if told.now is None else dict(told.now.parts)
    before.pop(source, None)
    after.pop(source, None)
    assert after == before


@bounded
@given(PASTS, pushes(observed=False), SOURCES)
def test_c5_a_final_list_without_a_time_leaves_exactly_its_groups(told: Told, push: Push, source: int) -> None:
    told.hear(push, source=source, groups="replace")
    if told.now is not None and push.groups is not None:
        found = {known.number for group in push.groups if (known := GROUPS.find(group.name)) is not None}
        assert set(told.now.group_numbers()) == found


@bounded
@given(PASTS, STEPS)
def test_inputs_are_never_changed(told: Told, step: Step) -> None:
    push, source, policy = step
    before, said = told.now, push
    frozen = msgspec.json.encode((before, said))
    told.hear(push, source=source, **policy)
    assert msgspec.json.encode((before, said)) == frozen


@bounded
@given(PASTS, STEPS)
def test_d1_old_values_are_those_that_were_and_new_ones_those_that_are(told: Told, step: Step) -> None:
    push, source, policy = step
    was = told.now
    merged = told.hear(push, source=source, **policy)
    before, after = values(was), values(told.now)
    silent = {"part_groups": [], "part_expects": False, "groups": []}
    moved = {(entry.what, entry.key) for entry in merged.entries}
    assert len(moved) == len(merged.entries)
    for entry in merged.entries:
        place = (entry.what, entry.key)
        assert entry.old == before.get(place, silent.get(entry.what))
        assert entry.new == after.get(place, silent.get(entry.what))
        assert entry.old != entry.new
    for place in before.keys() | after.keys():
        if place not in moved and not (was is None and place == ("status", None)):
            assert before.get(place, silent.get(place[0])) == after.get(place, silent.get(place[0])), place


@bounded
@given(PASTS, STEPS)
def test_the_entries_lead_from_the_state_before_to_the_state_behind(told: Told, step: Step) -> None:
    push, source, policy = step
    before, lines = told.now, len(told.changes)
    merged = told.hear(push, source=source, **policy)
    if merged.kind is None:
        assert (None if before is None else as_folded(before)) == (None if told.now is None else as_folded(told.now))
    else:
        (line,) = told.changes[lines:]
        after = apply(before, line)
        assert after is not None
        assert as_folded(after) == as_folded(told.known)


@bounded
@given(PASTS, STEPS)
def test_the_line_survives_the_journey_through_the_store(told: Told, step: Step) -> None:
    push, source, policy = step
    told.hear(push, source=source, **policy)
    assert msgspec.json.decode(msgspec.json.encode(told.changes), type=list[Change]) == told.changes
    if told.now is not None:
        assert msgspec.json.decode(msgspec.json.encode(told.now), type=Attendee) == told.now


@bounded
@given(PASTS, pushes(observed=False))
def test_d7_a_push_without_a_time_always_wins(told: Told, push: Push) -> None:
    merged = told.hear(push)
    assert [warning.code for warning in merged.warnings] == []
    if told.now is not None:
        for field, value in push.profile.items():
            if value and field not in push.clear_profile:
                assert told.profile(field) == value


@bounded
@given(PASTS, STEPS)
def test_status_and_kind_follow_from_what_sources_expect(told: Told, step: Step) -> None:
    push, source, policy = step
    before = told.now
    merged = told.hear(push, source=source, **policy)
    if told.now is None:
        return
    expected = any(part.expects and part.expects.value for part in told.now.parts.values())
    assert told.now.status == ("attending" if expected else "withdrawn")
    if before is None:
        assert merged.kind == "created"
    elif before.status != told.now.status:
        assert merged.kind == ("returned" if expected else "withdrawn")
    else:
        assert merged.kind == ("updated" if merged.entries else None)


# --- Two pushes ------------------------------------------------------------------------------------------------------


def merge_both(told: Told, first: Callable[[], Merged], second: Callable[[], Merged]) -> dict[tuple[str, Any], Any]:
    """The values that follow, and `told` as it was."""
    kept = (told.now, told.at, list(told.changes))
    first()
    second()
    after = values(told.now)
    told.now, told.at, told.changes = kept
    return after


@bounded
@given(PASTS, TEXTS, TEXTS, TEXTS, st.none() | st.integers(0, 12), st.none() | st.integers(0, 12))
def test_c8_the_order_of_pushes_for_different_fields_does_not_matter(
    told: Told, title: str, company: str, diet: str, at_one: int | None, at_other: int | None
) -> None:
    told.hear(make_push())

    def one() -> Merged:
        return told.hear(make_push(title=title, custom_fields={"Diet": diet}, groups=["VIP"], observed_at=at_one))

    def other() -> Merged:
        push = make_push(company=company, custom_fields={"Hotel": diet}, groups=["Press"], observed_at=at_other)
        return told.hear(push, source=SHOP)

    assert merge_both(told, one, other) == merge_both(told, other, one)


@bounded
@given(pushes(attending=False), pushes(attending=False), st.permutations([20, 30]))
def test_d7_pushes_with_different_times_lead_to_the_same_in_either_order(
    one: Push, other: Push, times: list[int]
) -> None:
    told = Told()
    told.hear(make_push(observed_at=10), at=10)
    told.at = 100
    both = [msgspec.structs.replace(push, observed_at=at) for push, at in zip((one, other), times, strict=True)]
    ways = [
        merge_both(told, lambda: told.hear(both[0]), lambda: told.hear(both[1])),
        merge_both(told, lambda: told.hear(both[1]), lambda: told.hear(both[0])),
    ]
    assert ways[0] == ways[1]


# --- Many pushes against a simple model ------------------------------------------------------------------------------


class Model:
    """Last writer wins per field by (time, order); sets of groups per source. Written without looking at merge.py."""

    def __init__(self) -> None:
        self.exists = False
        self.fields: dict[Any, tuple[int, Any]] = {}
        """Field → (true at, value); cleared ones too."""

    def write(self, field: Any, value: Any, at: int) -> None:
        known = self.fields.get(field)
        if known is None or at >= known[0]:
            self.fields[field] = (at, value)

    def read(self, field: Any, otherwise: Any = None) -> Any:
        return self.fields.get(field, (0, otherwise))[1]

    def hear(self, push: Push, source: int, policy: dict[str, str], now: int) -> None:
        if not self.exists and push.attending is False:
            return
        self.exists = True
        at = now if push.observed_at is None else min(now, push.observed_at)
        self.write("email", push.email, at)
        for name, value in push.profile.items():
            if name not in push.clear_profile:
                self.provide(("profile", name), value, at, policy)
        for name in push.clear_profile:
            self.write(("profile", name), None, at)
        for field in push.custom_fields:
            if field.name not in push.clear_custom_fields:
                self.provide(("custom", field.name), field.value, at, policy)
        for name in push.clear_custom_fields:
            self.write(("custom", name), None, at)
        for path, value in push.unknown_fields.items():
            self.provide(("unknown", path), value, at, policy)
        if push.groups is not None:
            named = {group.name.casefold() for group in push.groups}
            self.group(source, named, at, policy["groups"])
        self.write(("expects", source), push.attending is not False, at)

    def provide(self, field: Any, value: Any, at: int, policy: dict[str, str]) -> None:
        if value is None and policy["null"] == "keep":
            return
        if value == "" and policy["blank"] == "keep":
            return
        self.write(field, value or None, at)

    def group(self, source: int, named: set[str], at: int, how: str) -> None:
        own = self.read(("groups", source), set())
        self.write(("groups", source), named | own if how == "add" else named, at)
        if how == "replace":
            for field, (_, said) in list(self.fields.items()):
                if field[0] == "groups" and field != ("groups", source):
                    self.write(field, said & named, at)

    def in_groups(self) -> set[str]:
        return {name for field, (_, said) in self.fields.items() if field[0] == "groups" for name in said}

    def is_attending(self) -> bool:
        return any(said for field, (_, said) in self.fields.items() if field[0] == "expects")


class Merging(RuleBasedStateMachine):
    """Pushes of several sources, settings and times for one person."""

    def __init__(self) -> None:
        super().__init__()
        self.told = Told()
        self.model = Model()

    @rule(push=pushes(), source=SOURCES, policy=POLICIES)
    def say(self, push: Push, source: int, policy: dict[str, Any]) -> None:
        self.told.hear(push, source=source, **policy)
        self.model.hear(push, source, policy, self.told.at)

    @rule(source=SOURCES, late=st.integers(1, 12), title=TEXTS, attending=st.none() | st.booleans())
    def say_late(self, source: int, late: int, title: str, attending: bool | None) -> None:
        push = make_push(title=title, attending=attending, observed_at=max(0, self.told.at - late))
        self.say(push, source, {"null": "keep", "blank": "clear", "groups": "source"})

    @precondition(lambda self: self.told.now is not None)
    @rule(source=SOURCES, how=st.sampled_from(["source", "add", "replace"]), names=GROUP_NAMES)
    def put_in_groups(self, source: int, how: str, names: set[str]) -> None:
        self.say(make_push(groups=sorted(names)), source, {"null": "keep", "blank": "clear", "groups": how})

    @rule()
    def wait(self) -> None:
        self.told.at += 5

    @invariant()
    def both_agree(self) -> None:
        told, model = self.told, self.model
        assert (told.now is not None) == model.exists
        if told.now is None:
            return
        assert told.now.email == model.read("email")
        for name in FIELD_NAMES:
            assert told.profile(name) == model.read(("profile", name)), name
        for name in CUSTOM_FIELDS:
            assert told.field(name) == model.read(("custom", name)), name
        for path in UNKNOWN_PATHS:
            said = told.now.unknown_fields.get(path)
            assert (said.value if said else None) == model.read(("unknown", path)), path
        for source in (MAIN, SHOP, 3):
            groups = told.now.parts.get(source, Part()).groups
            said_groups = {told.groups.spell(number).casefold() for number in (groups.value if groups else [])}
            assert said_groups == model.read(("groups", source), set())
        assert {name.casefold() for name in told.in_groups()} == model.in_groups()
        assert told.now.status == ("attending" if model.is_attending() else "withdrawn")
        assert [line.sequence for line in told.changes] == list(range(1, len(told.changes) + 1))


TestMerging = Merging.TestCase
TestMerging.settings = settings(bounded, max_examples=40)
