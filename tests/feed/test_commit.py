"""The transaction, on a real database: order, neighbours, repeats, dry runs, all or nothing, set-up elsewhere."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from tests.databases import open_one
from tests.feed.builders import (
    JOHN,
    MAIN,
    SHOP,
    Hall,
    check_log,
    codes,
    make_item,
    make_push,
)
from turnout import errors
from turnout.events import event as event_room
from turnout.events import keys, names, sources
from turnout.feed import commit
from turnout.feed.commit import write
from turnout.feed.configurations import Configurations
from turnout.feed.settle import draft as draft_module
from turnout.feed.settle import register, settle
from turnout.feed.settle import take as take_module
from turnout.feed.submission import WHOLE, Idempotency, Overlay, StaleConfiguration, Submission
from turnout.model.receipt import Failure, Outcome, Problem
from turnout.store import pushes
from turnout.store.database import Database
from turnout.store.tables import metadata

JANE = "jane@example.com"
JIM = "jim@example.com"
SECOND = 1_000_000
BROKEN = Failure("invalid_push", "profile.email is missing.", [Problem("profile.email", "missing_email", "…", "…")])


@pytest.fixture
def hall(database: Database) -> Hall:
    return Hall(database)


@pytest.fixture(autouse=True)
def _the_log_leads_to_the_state(hall: Hall) -> Iterator[None]:
    yield
    check_log(hall.database)


@pytest.fixture
def other_process(hall: Hall) -> Iterator[Hall]:
    """The same event, as a second process knows it; it has looked at the event already."""
    other = Hall.__new__(Hall)
    other.database = open_one(hall.database.url)
    other.configurations = Configurations(other.database)
    other.event, other.slug = hall.event, hall.slug
    assert other.configuration.event == hall.event
    yield other
    other.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock that the commit reads."""

    def set_to(at: int) -> None:
        for module in (commit, draft_module, settle, keys, event_room):
            monkeypatch.setattr(module, "now_us", lambda: at)

    return set_to


def take(hall: Hall, *submissions: Submission) -> list[Any]:
    return write(hall.database, hall.configurations, submissions)


def say(hall: Hall, *said: Any, **rest: Any) -> list[Outcome]:
    """The outcomes of one submission that is committed by itself."""
    (result,) = take(hall, hall.submit(*said, **rest))
    if isinstance(result, Exception):
        raise result
    return result


def with_source(hall: Hall, label: str = "shop") -> str:
    """A second source; gives its key's id."""
    return keys.create(hall.database, hall.event.id, label=label).key.id


def push_line(hall: Hall, push_id: str) -> Any:
    with hall.database.read() as connection:
        found = pushes.find_push(connection, push_id, hall.event.id)
    assert found is not None
    return found


def body_of(hall: Hall, push_id: str) -> str | None:
    with hall.database.read() as connection:
        return pushes.find_body(connection, hall.event.id, push_id)


def everything_but_the_push_log(hall: Hall) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sorted(hall.rows(f"SELECT * FROM {table}"), key=repr)
        for table in metadata.tables
        if table not in ("pushes", "push_counts", "keys")
    }


def count(hall: Hall, table: str) -> int:
    return hall.rows(f"SELECT count(*) FROM {table}")[0][0]


# --- Order -----------------------------------------------------------------------------------------------------------


def test_d1_the_outcome_says_what_took_effect_and_the_store_holds_it(hall: Hall) -> None:
    (outcome,) = say(hall, make_push(title="CTO", groups=["VIP"], custom_fields={"Diet": "vegan"}))
    assert (outcome.result, outcome.sequence) == ("created", 1)
    assert [(one.path, one.old, one.new) for one in outcome.changes] == [
        ("profile.email", None, JOHN),
        ("profile.title", None, "CTO"),
        ("profile.customFields", None, "vegan"),
        ("eventInfo.groups.groupNames", [], ["VIP"]),
    ]
    assert outcome.attendee is not None
    assert outcome.attendee.id == hall.get().id
    line = push_line(hall, outcome.push_id)
    assert (line.result, line.sequence, line.attendee_id, line.email) == ("created", 1, hall.get().id, JOHN)
    assert body_of(hall, outcome.push_id) is not None


def test_sequences_have_no_gaps_whatever_comes_between(hall: Hall) -> None:
    broken = make_item(None, hall.sender(), failure=BROKEN)
    outcomes = say(hall, make_push(), broken, make_push(), make_push(JANE), make_push(title="CTO"))
    assert [one.result for one in outcomes] == ["created", "failed", "unchanged", "created", "updated"]
    assert [one.sequence for one in outcomes] == [1, None, None, 2, 3]
    (more,) = say(hall, make_push(JIM))
    assert more.sequence == 4


def test_c8_pushes_for_one_person_in_one_commit_see_each_other(hall: Hall) -> None:
    results = take(
        hall,
        hall.submit(make_push(title="A"), make_push(company="Acme")),
        hall.submit(make_push(title="B")),
        hall.submit(make_push("JOHN.DOE@example.com", title="")),
    )
    outcomes = [outcome for result in results for outcome in result]
    assert [one.result for one in outcomes] == ["created", "updated", "updated", "updated"]
    assert len({one.attendee.id for one in outcomes}) == 1
    assert [(one.old, one.new) for one in outcomes[2].changes] == [("A", "B")]
    assert hall.get().profile["company"].value == "Acme"
    assert hall.get().profile["title"].value is None
    assert count(hall, "attendees") == 1


def test_c8_different_fields_of_two_sources_in_one_commit_both_take_effect(hall: Hall) -> None:
    with_source(hall)
    say(hall, make_push())
    take(hall, hall.submit(make_push(title="CTO")), hall.submit(make_push(company="Acme"), source=SHOP))
    assert (hall.get().profile["title"].value, hall.get().profile["company"].value) == ("CTO", "Acme")


def test_two_events_in_one_commit_have_a_log_and_people_of_their_own(hall: Hall) -> None:
    other = Hall(hall.database, slug="fair")
    results = take(
        hall,
        hall.submit(make_push(title="here", groups=["VIP"])),
        other.submit(make_push(title="there"), make_push(JANE)),
        hall.submit(make_push(JIM)),
    )
    assert [[one.sequence for one in result] for result in results] == [[1], [1, 2], [2]]
    assert hall.get().id != other.get().id
    assert (hall.get().profile["title"].value, other.get().profile["title"].value) == ("here", "there")
    assert hall.configuration.groups.find("VIP") is not None
    assert other.configuration.groups.find("VIP") is None


@pytest.mark.parametrize("seed", range(8))
def test_c8_how_pushes_are_grouped_into_commits_does_not_matter(
    hall: Hall, clock: Callable[[int], None], seed: int
) -> None:
    clock(1_000 * SECOND)
    random = Random(seed)

    def some(*values: Any) -> Any:
        return random.choice(values)

    said = [
        make_push(
            some(JOHN, JANE, JIM, "JOHN.DOE@example.com"),
            profile={"title": some("A", "B", "", None), "thirdPartyId": some("1", "2", "")},
            custom_fields={some("Diet", "diet", "Hotel"): some("x", "y", "", None)},
            groups=some(None, [], ["VIP"], ["vip", "Press"]),
            attending=some(None, None, False),
            observed_at=some(None, None, 10, 20, 30),
        )
        for _ in range(25)
    ]
    other = Hall(hall.database, slug="fair")
    together = say(hall, *said)
    alone = [say(other, push)[0] for push in said]

    def without_ids(outcome: Outcome) -> tuple[Any, ...]:
        email = outcome.attendee.email if outcome.attendee else None
        return outcome.result, outcome.sequence, outcome.changes, outcome.warnings, email

    assert [without_ids(one) for one in together] == [without_ids(one) for one in alone]
    assert [line.entries for line in hall.changes()] == [line.entries for line in other.changes()]
    names_of = [[one.name for one in hall_.configuration.groups.by_number.values()] for hall_ in (hall, other)]
    assert names_of[0] == names_of[1]


def test_groups_and_ids_that_come_and_go_within_one_commit_leave_no_rows(hall: Hall) -> None:
    say(hall, make_push(groups=["VIP"], thirdPartyId="A"))
    say(
        hall,
        make_push(groups=["Press"], thirdPartyId="B"),
        make_push(groups=["VIP", "Speakers"], thirdPartyId="A"),
        make_push(groups=["Speakers"], thirdPartyId=""),
        make_push(JANE, groups=["VIP"], thirdPartyId="C"),
        make_push(JANE, groups=[], thirdPartyId="D"),
    )
    assert count(hall, "memberships") == 1
    assert hall.rows("SELECT third_party_id FROM third_party_ids") == [("D",)]


def test_many_pushes_in_one_commit_are_all_written(hall: Hall) -> None:
    people = [make_push(f"p{number}@example.com", groups=["VIP"], thirdPartyId=str(number)) for number in range(1_201)]
    outcomes = say(hall, *people)
    assert [one.sequence for one in outcomes] == list(range(1, 1_202))
    assert count(hall, "memberships") == count(hall, "attendees") == count(hall, "bodies") == 1_201


# --- Bad pushes ------------------------------------------------------------------------------------------------------


def test_d3_an_invalid_push_changes_nothing_and_is_kept_with_its_error(hall: Hall) -> None:
    (outcome,) = say(hall, make_item(None, hall.sender(), failure=BROKEN, body='{"profile": {}}'))
    assert (outcome.result, outcome.attendee, outcome.failure) == ("failed", None, BROKEN)
    line = push_line(hall, outcome.push_id)
    assert (line.result, line.failure, line.sequence) == ("failed", BROKEN, None)
    assert body_of(hall, outcome.push_id) == '{"profile": {}}'


@pytest.mark.parametrize(
    ("bound", "bad", "code", "path"),
    [
        (
            "MAX_CUSTOM_FIELDS",
            make_push(JANE, custom_fields={"A": "1", "B": "2", "C": "3"}),
            "too_many_custom_fields",
            "profile.customFields[1].fieldValue",
        ),
        ("MAX_GROUPS", make_push(JANE, groups=["A", "B", "C"]), "too_many_groups", "eventInfo.groups.groupNames[1]"),
    ],
)
def test_b3_a_push_over_an_events_bounds_harms_no_neighbour_and_registers_no_name(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, bound: str, bad: Any, code: str, path: str
) -> None:
    monkeypatch.setattr(register, bound, 2)
    say(hall, make_push(custom_fields={"a": "x"}, groups=["a"]))
    outcomes = say(
        hall,
        make_push(JIM, title="before"),
        bad,
        make_push(JIM, title="behind", custom_fields={"D": "x"}, groups=["D"]),
    )
    assert [one.result for one in outcomes] == ["created", "failed", "updated"]
    assert outcomes[1].failure is not None
    assert codes(outcomes[1].failure.errors) == [(path, code)]
    assert hall.find(JANE) is None
    assert {name.name for name in hall.configuration.custom_fields.by_number.values()} == {"a", "D"}
    assert {name.name for name in hall.configuration.groups.by_number.values()} == {"a", "D"}


def test_b3_an_event_that_is_full_still_takes_the_names_it_has(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    say(hall, make_push(groups=["A", "B"], custom_fields={"A": "1", "B": "2"}))
    monkeypatch.setattr(register, "MAX_GROUPS", 1)
    monkeypatch.setattr(register, "MAX_CUSTOM_FIELDS", 1)
    (outcome,) = say(hall, make_push(groups=["b"], custom_fields={"b": "3"}))
    assert outcome.result == "updated"


def test_an_attendee_that_grows_too_large_harms_no_neighbour_and_stays_as_he_was(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_module, "MAX_ATTENDEE_BYTES", 2_000)
    outcomes = say(
        hall,
        make_push(title="CTO"),
        make_push(title="CEO", company="x" * 3_000, groups=["Never"], custom_fields={"Never": "1"}),
        make_push(city="Rome"),
    )
    assert [one.result for one in outcomes] == ["created", "failed", "updated"]
    assert outcomes[1].failure is not None
    assert outcomes[1].failure.errors[0].code == "attendee_too_large"
    assert hall.get().profile["title"].value == "CTO"
    assert hall.configuration.groups.by_number == {}
    assert hall.configuration.custom_fields.by_number == {}


def test_d3_at_most_a_hundred_warnings_are_listed_and_the_others_counted(hall: Hall) -> None:
    names.set_staff_only(hall.database, hall.event.id, _make_group(hall, "Staff"), staff_only=True)
    (outcome,) = say(hall, make_push(groups=["Staff"] * 130))
    assert (len(outcome.warnings), outcome.more_warnings) == (100, 30)


def _make_group(hall: Hall, name: str) -> str:
    say(hall, make_push(JIM, groups=[name]))
    say(hall, make_push(JIM, groups=[]))
    return name


# --- Names -----------------------------------------------------------------------------------------------------------


def test_c4_c5_a_name_is_registered_once_with_its_first_spelling_and_source(hall: Hall) -> None:
    with_source(hall)
    before = hall.configuration.version
    take(
        hall,
        hall.submit(make_push(groups=["Vip"], custom_fields={"Shoe Size": "43"}), source=SHOP),
        hall.submit(make_push(JANE, groups=["VIP", "vip"], custom_fields={"SHOE SIZE": "40", "shoe size": "41"})),
    )
    groups, fields = hall.configuration.groups, hall.configuration.custom_fields
    assert [(one.name, one.first_source, one.number) for one in groups.by_number.values()] == [("Vip", SHOP, 1)]
    assert [(one.name, one.first_source) for one in fields.by_number.values()] == [("Shoe Size", SHOP)]
    assert hall.configuration.version > before
    assert hall.get(JANE).group_numbers() == [1]


def test_c4_c5_of_spellings_in_one_push_the_first_counts(hall: Hall) -> None:
    say(hall, make_push(groups=["Vip", "VIP", "Press"], custom_fields=[("Diet", "a"), ("DIET", "b"), ("Hotel", "c")]))
    for names_ in (hall.configuration.groups, hall.configuration.custom_fields):
        assert [(number, one.number) for number, one in names_.by_number.items()] == [(1, 1), (2, 2)]
    assert [one.name for one in hall.configuration.groups.by_number.values()] == ["Vip", "Press"]
    assert [one.name for one in hall.configuration.custom_fields.by_number.values()] == ["Diet", "Hotel"]


def test_names_that_are_known_do_not_raise_the_version(hall: Hall) -> None:
    say(hall, make_push(groups=["VIP"]))
    before = hall.configuration.version
    say(hall, make_push(JANE, groups=["vip"]))
    assert hall.configuration.version == before


def test_the_process_that_registered_names_knows_them_without_reading_again(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(hall, make_push(groups=["VIP"], custom_fields={"Diet": "vegan"}))
    monkeypatch.setattr(commit.events, "load_configuration", None)
    say(hall, make_push(JANE, groups=["vip", "Press"], custom_fields={"diet": "halal"}))
    assert hall.get(JANE).group_numbers() == [1, 2]


def test_another_process_gives_a_name_the_number_that_it_has(hall: Hall, other_process: Hall) -> None:
    say(hall, make_push(groups=["VIP"], custom_fields={"Diet": "vegan"}))
    read_before = other_process.submit(make_push(JANE, groups=["Press", "vip"], custom_fields={"DIET": "none"}))
    other_process.configurations.put(msgspec.structs.replace(read_before.configuration, version=-1))
    take(other_process, read_before)
    assert [one.name for one in hall.configuration.groups.by_number.values()] == ["VIP", "Press"]
    assert hall.get(JANE).group_numbers() == [1, 2]
    assert list(hall.get(JANE).custom_fields) == [1]


def test_c4_c5_former_names_go_on_matching(hall: Hall) -> None:
    say(hall, make_push(groups=["VIP"], custom_fields={"Diet": "vegan"}))
    names.rename(hall.database, hall.event.id, "group", "VIP", "Very important")
    names.rename(hall.database, hall.event.id, "custom_field", "Diet", "Dietary needs")
    (outcome,) = say(hall, make_push(groups=["vip"], custom_fields={"diet": "halal"}))
    assert [(one.path, one.field_name, one.new) for one in outcome.changes] == [
        ("profile.customFields", "Dietary needs", "halal")
    ]
    assert len(hall.configuration.groups.by_number) == 1


def test_a_value_of_null_registers_no_custom_field(hall: Hall) -> None:
    say(hall, make_push(custom_fields={"Diet": None}))
    assert hall.configuration.custom_fields.by_number == {}


def test_c9_a_push_that_expects_nobody_unknown_registers_no_names(hall: Hall) -> None:
    (outcome,) = say(hall, make_push(attending=False, groups=["VIP"], custom_fields={"Diet": "vegan"}))
    assert (outcome.result, outcome.attendee, outcome.sequence) == ("unchanged", None, None)
    assert hall.configuration.groups.by_number == {}
    assert hall.configuration.custom_fields.by_number == {}
    assert push_line(hall, outcome.push_id).attendee_id is None


# --- Repeats ---------------------------------------------------------------------------------------------------------


def test_c8_a_repeat_is_counted_on_the_line_of_the_push_that_it_repeats(
    hall: Hall, clock: Callable[[int], None]
) -> None:
    clock(100 * SECOND)
    (first,) = say(hall, make_push(title="CTO"))
    for at in (110, 120):
        clock(at * SECOND)
        (again,) = say(hall, make_push(title="CTO"))
        assert (again.push_id, again.result, again.sequence) == (first.push_id, "unchanged", None)
    line = push_line(hall, first.push_id)
    assert (line.repeats, line.at, line.last_at, line.result) == (2, 100 * SECOND, 120 * SECOND, "created")
    assert count(hall, "pushes") == count(hall, "bodies") == 1


def test_c8_repeats_within_the_commit_of_the_first_are_counted_too(hall: Hall) -> None:
    outcomes = say(hall, make_push(), make_push(), make_push())
    assert len({one.push_id for one in outcomes}) == 1
    assert push_line(hall, outcomes[0].push_id).repeats == 2


def test_d1_an_unchanged_push_is_in_the_push_log_and_not_in_the_change_log(hall: Hall) -> None:
    say(hall, make_push(title="CTO", city="Rome"))
    (outcome,) = say(hall, make_push(title="CTO"))
    assert outcome.result == "unchanged"
    assert push_line(hall, outcome.push_id).result == "unchanged"
    assert len(hall.changes()) == 1


def test_a_replay_has_a_line_of_its_own_whatever_it_says_once_more(hall: Hall) -> None:
    (first,) = say(hall, make_push(title="CTO"))
    (replay,) = say(hall, make_item(make_push(title="CTO"), hall.sender(), replay_of=first.push_id))
    assert (replay.result, replay.push_id != first.push_id) == ("unchanged", True)
    assert push_line(hall, replay.push_id).replay_of == first.push_id
    assert push_line(hall, first.push_id).repeats == 0


def test_d6_no_push_is_dropped_because_it_resembles_an_earlier_one(hall: Hall) -> None:
    outcomes = say(hall, *(make_push(title=title) for title in ("A", "B", "A")))
    assert [one.sequence for one in outcomes] == [1, 2, 3]
    assert hall.get().profile["title"].value == "A"


# --- Dry runs --------------------------------------------------------------------------------------------------------


def test_d5_a_dry_run_changes_nothing_but_adds_a_line_without_body(hall: Hall) -> None:
    say(hall, make_push(title="CTO"))
    before = everything_but_the_push_log(hall)
    outcomes = say(
        hall,
        make_push(title="CEO", groups=["New"], custom_fields={"New": "1"}),
        make_push(JANE, thirdPartyId="X"),
        make_item(None, hall.sender(), failure=BROKEN),
        dry_run=Overlay(),
    )
    assert everything_but_the_push_log(hall) == before
    assert [(one.result, one.sequence, one.dry_run) for one in outcomes] == [
        ("updated", None, True),
        ("created", None, True),
        ("failed", None, True),
    ]
    for outcome in outcomes:
        line = push_line(hall, outcome.push_id)
        assert (line.dry_run, line.sequence, line.result) == (True, None, outcome.result)
        assert body_of(hall, outcome.push_id) is None
    assert hall.configuration.groups.by_number == {}


def test_d5_a_dry_run_gives_the_receipt_that_the_push_would_have(hall: Hall) -> None:
    say(hall, make_push(title="CTO"))
    push = make_push(title="CEO", groups=["New"], custom_fields={"New": "1"})
    (dry,) = say(hall, push, dry_run=Overlay())
    (real,) = say(hall, push)
    assert (dry.result, dry.changes, dry.attendee) == (real.result, real.changes, real.attendee)


def test_d5_who_would_be_created_has_no_id_yet(hall: Hall) -> None:
    (outcome,) = say(hall, make_push(), dry_run=Overlay())
    assert outcome.attendee is not None
    assert (outcome.attendee.id, outcome.attendee.email) == (None, JOHN)
    assert push_line(hall, outcome.push_id).attendee_id is None


def test_d5_a_dry_run_sees_its_own_earlier_pushes_also_from_earlier_chunks(hall: Hall) -> None:
    overlay = Overlay()
    first = say(hall, make_push(title="A", groups=["New"]), make_push(title="B"), dry_run=overlay)
    second = say(hall, make_push(title="C", groups=["new"]), dry_run=overlay)
    assert [one.result for one in (*first, *second)] == ["created", "updated", "updated"]
    assert [(one.old, one.new) for one in second[0].changes] == [("B", "C")]
    assert second[0].attendee is not None
    assert second[0].attendee.id is None
    assert hall.find() is None


def test_d5_other_pushes_see_nothing_of_a_dry_run(hall: Hall) -> None:
    results = take(hall, hall.submit(make_push(title="dry"), dry_run=Overlay()), hall.submit(make_push(title="real")))
    assert [result[0].result for result in results] == ["created", "created"]
    assert hall.get().profile["title"].value == "real"


def test_d5_a_dry_repeat_counts_on_no_line_and_has_one_of_its_own(hall: Hall) -> None:
    (first,) = say(hall, make_push(title="CTO"))
    dry = say(hall, make_push(title="CTO"), make_push(title="CTO"), dry_run=Overlay())
    assert [one.result for one in dry] == ["unchanged", "unchanged"]
    assert push_line(hall, first.push_id).repeats == 0
    assert len({one.push_id for one in (first, *dry)}) == 3
    assert [push_line(hall, one.push_id).dry_run for one in dry] == [True, True]


def test_d5_a_real_push_is_no_repeat_of_a_dry_one(hall: Hall) -> None:
    (dry,) = say(hall, make_push(), dry_run=Overlay())
    (real,) = say(hall, make_push())
    assert (real.result, real.push_id != dry.push_id) == ("created", True)


def test_d5_names_that_others_register_during_a_long_dry_run_do_not_mix_with_its_own(hall: Hall) -> None:
    overlay = Overlay()
    say(hall, make_push(groups=["F", "G"], custom_fields={"F": "1", "G": "1"}), dry_run=overlay)
    say(hall, make_push(JIM, groups=["G", "H"], custom_fields={"G": "1", "H": "1"}))
    (outcome,) = say(hall, make_push(groups=["G"], custom_fields={"G": "2"}), dry_run=overlay)
    assert [(one.path, one.field_name, one.old, one.new) for one in outcome.changes] == [
        ("profile.customFields", "G", "1", "2"),
        ("eventInfo.groups.groupNames", msgspec.UNSET, ["F", "G"], ["G"]),
    ]


# --- All or nothing --------------------------------------------------------------------------------------------------


def failing_batch(hall: Hall, claim: Idempotency | None = None) -> Submission:
    """Item 7 cannot be read, item 5 and 6 are good, item 8 is too much."""
    sender = hall.sender()
    return hall.submit(
        make_item(make_push(title="never", groups=["Never"], thirdPartyId="X"), sender, index=5),
        make_item(make_push(JANE), sender, index=6),
        make_item(None, sender, failure=BROKEN, index=7),
        make_item(make_push(JIM, groups=["A", "B", "C", "D"]), sender, index=8),
        atomic=True,
        claim=claim,
    )


def test_e2_one_failing_item_and_nothing_takes_effect(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MAX_GROUPS", 3)
    say(hall, make_push(title="CTO"))
    before = everything_but_the_push_log(hall)
    (error,) = take(hall, failing_batch(hall))
    assert isinstance(error, errors.InvalidBatch)
    assert [(one.index, one.code) for one in error.problems] == [(7, "missing_email"), (8, "too_many_groups")]
    after = everything_but_the_push_log(hall)
    assert {table: rows for table, rows in after.items() if table != "bodies"} == {
        table: rows for table, rows in before.items() if table != "bodies"
    }


def test_e2_the_failing_items_are_kept_and_the_others_are_not(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MAX_GROUPS", 3)
    take(hall, failing_batch(hall))
    assert hall.rows("SELECT result, email, dry_run FROM pushes ORDER BY id") == [
        ("failed", None, 0),
        ("failed", JIM, 0),
    ]
    assert count(hall, "bodies") == 2


def test_e2_a_good_batch_takes_effect_as_a_whole(hall: Hall) -> None:
    outcomes = say(hall, make_push(groups=["VIP"]), make_push(JANE), make_push(title="CTO"), atomic=True)
    assert [(one.result, one.sequence) for one in outcomes] == [("created", 1), ("created", 2), ("updated", 3)]
    assert hall.configuration.groups.find("vip") is not None
    assert count(hall, "bodies") == 3


def test_e2_neighbours_of_a_failing_batch_take_effect(hall: Hall) -> None:
    broken = make_item(None, hall.sender(), failure=BROKEN, index=0)
    results = take(
        hall,
        hall.submit(make_push(title="A")),
        hall.submit(broken, make_push(title="B"), atomic=True),
        hall.submit(make_push(city="Rome")),
    )
    assert isinstance(results[1], errors.InvalidBatch)
    assert [results[0][0].sequence, results[2][0].sequence] == [1, 2]
    assert hall.get().profile["title"].value == "A"


def test_e2_a_batch_sees_what_was_committed_with_it(hall: Hall) -> None:
    results = take(hall, hall.submit(make_push(title="A")), hall.submit(make_push(title="B"), atomic=True))
    assert [(one.old, one.new) for one in results[1][0].changes] == [("A", "B")]


def test_e2_repeats_in_a_good_batch_are_counted(hall: Hall) -> None:
    (first,) = say(hall, make_push())
    say(hall, make_push(), make_push(JANE), atomic=True)
    assert push_line(hall, first.push_id).repeats == 1


def test_e2_repeats_in_a_failing_batch_are_not_counted(hall: Hall) -> None:
    (first,) = say(hall, make_push())
    broken = make_item(None, hall.sender(), failure=BROKEN, index=1)
    take(hall, hall.submit(make_push(), broken, atomic=True))
    assert push_line(hall, first.push_id).repeats == 0


# --- Idempotency -----------------------------------------------------------------------------------------------------


def keyed(hall: Hall, push: Any, *, key: str = "k", digest: str = "d", item: int = WHOLE, source: int = MAIN) -> Any:
    failure = BROKEN if push is None else None
    return make_item(push, hall.sender(source), failure=failure, idempotency=Idempotency(key, item, digest))


def test_d6_the_same_key_with_the_same_body_has_the_same_outcome(hall: Hall) -> None:
    (first,) = say(hall, keyed(hall, make_push(title="A")))
    say(hall, make_push(title="B"))
    (again,) = say(hall, keyed(hall, make_push(title="A")))
    assert again == first
    assert hall.get().profile["title"].value == "B"
    assert count(hall, "pushes") == 2


def test_d6_also_when_both_come_at_once(hall: Hall) -> None:
    results = take(hall, hall.submit(keyed(hall, make_push(title="A"))), hall.submit(keyed(hall, make_push(title="A"))))
    assert results[0] == results[1]
    assert count(hall, "pushes") == 1
    assert push_line(hall, results[0][0].push_id).repeats == 0


@pytest.mark.parametrize("together", [True, False])
def test_d6_the_same_key_with_another_body_is_an_error(hall: Hall, together: bool) -> None:
    said = [
        hall.submit(keyed(hall, make_push(title="A"), digest="a")),
        hall.submit(keyed(hall, make_push(title="B"), digest="b")),
    ]
    results = take(hall, *said) if together else [take(hall, one)[0] for one in said]
    failure = results[1][0].failure
    assert failure is not None
    assert failure.code == "idempotency_key_reused"
    assert hall.get().profile["title"].value == "A"
    assert push_line(hall, results[1][0].push_id).result == "failed"
    (again,) = say(hall, keyed(hall, make_push(title="A"), digest="a"))
    assert again == results[0][0]


def test_d6_keys_of_different_sources_and_items_have_nothing_to_do_with_each_other(hall: Hall) -> None:
    with_source(hall)
    (one,) = say(hall, keyed(hall, make_push(title="A"), digest="a"))
    (other,) = say(hall, keyed(hall, make_push(title="B"), digest="b", source=SHOP), source=SHOP)
    (item,) = say(hall, keyed(hall, make_push(title="C"), digest="c", item=0))
    assert [one.result, other.result, item.result] == ["created", "updated", "updated"]


def test_d6_final_failures_are_kept_too(hall: Hall) -> None:
    (first,) = say(hall, keyed(hall, None))
    (again,) = say(hall, keyed(hall, None))
    assert again == first
    assert (first.result, count(hall, "pushes")) == ("failed", 1)


def test_d6_after_24_hours_a_key_is_forgotten(hall: Hall, clock: Callable[[int], None]) -> None:
    day = 24 * 3600 * SECOND
    start = 1_000 * day
    clock(start)
    (first,) = say(hall, keyed(hall, make_push(title="A"), digest="a"))
    clock(start + day - SECOND)
    (same,) = say(hall, keyed(hall, make_push(title="A"), digest="a"))
    clock(start + day + SECOND)
    (new,) = say(hall, keyed(hall, make_push(title="B"), digest="b"))
    assert (same, new.result) == (first, "updated")
    (kept,) = say(hall, keyed(hall, make_push(title="B"), digest="b"))
    assert kept == new


def test_d6_a_dry_run_takes_no_key_away_from_the_real_push(hall: Hall) -> None:
    say(hall, keyed(hall, make_push()), dry_run=Overlay())
    (real,) = say(hall, keyed(hall, make_push()))
    assert (real.result, real.dry_run) == ("created", False)


def claimed(hall: Hall, *said: Any, digest: str = "batch", atomic: bool = False, dry_run: Overlay | None = None) -> Any:
    items = [keyed(hall, push, key="b", digest=digest, item=index) for index, push in enumerate(said)]
    items = [msgspec.structs.replace(item, index=index) for index, item in enumerate(items)]
    claim = Idempotency("b", WHOLE, digest)
    return take(hall, hall.submit(*items, claim=claim, atomic=atomic, dry_run=dry_run))[0]


@pytest.mark.parametrize("atomic", [True, False])
def test_d6_e3_a_batch_with_the_same_key_and_bytes_gets_its_outcomes_again(hall: Hall, atomic: bool) -> None:
    first = claimed(hall, make_push(title="A"), make_push(JANE), atomic=atomic)
    say(hall, make_push(title="B"))
    assert claimed(hall, make_push(title="A"), make_push(JANE), atomic=atomic) == first
    assert hall.get().profile["title"].value == "B"


def test_d6_e3_a_batch_with_the_same_key_and_other_bytes_is_an_error(hall: Hall) -> None:
    claimed(hall, make_push(title="A"))
    result = claimed(hall, make_push(title="B"), digest="other")
    assert isinstance(result, errors.IdempotencyKeyReused)
    assert hall.get().profile["title"].value == "A"


def test_d6_e3_a_dry_batch_takes_no_key_away_from_a_real_one(hall: Hall) -> None:
    claimed(hall, make_push(title="A"), dry_run=Overlay())
    (outcome,) = claimed(hall, make_push(title="B"), digest="other")
    assert outcome.result == "created"


def test_d6_e2_a_failed_batch_is_answered_with_its_failure_again(hall: Hall) -> None:
    first = claimed(hall, make_push(), None, atomic=True)
    again = claimed(hall, make_push(), None, atomic=True)
    assert isinstance(first, errors.InvalidBatch)
    assert isinstance(again, errors.InvalidBatch)
    assert (again.detail, again.problems) == (first.detail, first.problems)
    assert [one.index for one in again.problems] == [1]
    assert count(hall, "pushes") == 1
    assert hall.find() is None


def test_d6_e3_a_key_that_stands_for_a_batch_stands_for_no_single_push(hall: Hall) -> None:
    claimed(hall, make_push(title="A"))
    (outcome,) = say(hall, keyed(hall, make_push(title="B"), key="b", digest="batch"))
    assert outcome.failure is not None
    assert outcome.failure.code == "idempotency_key_reused"


def test_d6_e3_a_key_that_stands_for_a_failed_batch_stands_for_no_single_push(hall: Hall) -> None:
    claimed(hall, make_push(), None, atomic=True)
    (outcome,) = say(hall, keyed(hall, make_push(title="B"), key="b", digest="batch"))
    assert outcome.failure is not None
    assert outcome.failure.code == "idempotency_key_reused"


@pytest.mark.parametrize("push", [make_push(), None])
def test_d6_e3_a_key_that_stands_for_a_single_push_stands_for_no_batch(hall: Hall, push: Any) -> None:
    """As when a list was sent to the wrong address first, and then under its key to the right one."""
    say(hall, keyed(hall, push, key="b", digest="batch"))
    for atomic in (False, True):
        result = claimed(hall, make_push(JANE), atomic=atomic)
        assert isinstance(result, errors.IdempotencyKeyReused)


# --- Keys and what is set up elsewhere -------------------------------------------------------------------------------


def test_the_last_use_of_a_key_is_written_at_most_once_a_minute(hall: Hall, clock: Callable[[int], None]) -> None:
    key_id = hall.key_id()

    def use(at: int) -> int | None:
        clock(at * SECOND)
        item = make_item(make_push(title=str(at)), hall.sender(key_id=key_id))
        say(hall, item)
        (row,) = hall.rows("SELECT last_used_at FROM keys")
        return row[0]

    assert use(1_000) == 1_000 * SECOND
    assert use(1_030) == 1_000 * SECOND
    assert use(1_060) == 1_000 * SECOND
    assert use(1_061) == 1_061 * SECOND
    assert use(1_062) == 1_061 * SECOND


def test_a_failed_push_and_a_dry_run_use_their_key_too(hall: Hall) -> None:
    key_id = hall.key_id()
    say(hall, make_item(make_push(), hall.sender(key_id=key_id)), dry_run=Overlay())
    ((used,),) = hall.rows("SELECT last_used_at FROM keys")
    assert used is not None


def test_a3_a_revocation_elsewhere_holds_from_that_instant(hall: Hall, other_process: Hall) -> None:
    key_id = hall.key_id()
    item = make_item(make_push(), other_process.sender(key_id=key_id))
    submission = other_process.submit(item)
    keys.revoke(hall.database, key_id)
    (result,) = take(other_process, submission)
    assert isinstance(result, StaleConfiguration)
    assert hall.find() is None
    assert count(hall, "pushes") == 0


def test_a3_an_expired_key_is_good_no_more(hall: Hall, clock: Callable[[int], None]) -> None:
    clock(1_000 * SECOND)
    key = keys.create(hall.database, hall.event.id, expires_in_us=10 * SECOND).key
    submission = hall.submit(make_item(make_push(), hall.sender(key_id=key.id)))
    clock(1_009 * SECOND)
    assert isinstance(take(hall, submission)[0], list)
    clock(1_010 * SECOND)
    assert isinstance(take(hall, submission)[0], StaleConfiguration)


@pytest.mark.parametrize("whose", ["event", "source"])
def test_a_setting_changed_elsewhere_holds_from_the_next_commit_on(hall: Hall, other_process: Hall, whose: str) -> None:
    submission = other_process.submit(make_push(title=None))
    if whose == "event":
        event_room.set_up(hall.database, hall.event.id, {"null": "clear"})
    else:
        sources.set_up(hall.database, hall.event.id, "main", {"null": "clear"})
    assert isinstance(take(other_process, submission)[0], StaleConfiguration)
    assert other_process.sender().policy.null == "clear"
    assert say(other_process, make_push(title=None))[0].result == "created"


def test_a_setting_of_another_source_does_not_concern_a_push(hall: Hall, other_process: Hall) -> None:
    submission = other_process.submit(make_push())
    with_source(hall)
    sources.set_up(hall.database, hall.event.id, "shop", {"null": "clear"})
    assert isinstance(take(other_process, submission)[0], list)


def test_an_event_archived_elsewhere_takes_no_more_pushes_until_that_is_undone(hall: Hall, other_process: Hall) -> None:
    submission = other_process.submit(make_push())
    event_room.archive(hall.database, hall.event.id)
    assert isinstance(take(other_process, submission)[0], StaleConfiguration)
    event_room.archive(hall.database, hall.event.id, undo=True)
    assert isinstance(take(other_process, submission)[0], list)


def test_a1_a_host_moved_elsewhere_makes_whoever_came_by_it_look_again(hall: Hall, other_process: Hall) -> None:
    submission = other_process.submit(make_push())
    event_room.set_up(hall.database, hall.event.id, {"host": "feed.example.org"})
    assert isinstance(take(other_process, submission)[0], StaleConfiguration)


def test_an_event_that_is_gone_is_looked_up_again(hall: Hall) -> None:
    submission = hall.submit(make_push())
    gone = msgspec.structs.replace(
        submission,
        configuration=msgspec.structs.replace(
            submission.configuration, event=msgspec.structs.replace(hall.event, id="evt_gone")
        ),
    )
    results = take(hall, gone, submission)
    assert isinstance(results[0], StaleConfiguration)
    assert results[1][0].result == "created"


def test_stale_pushes_harm_no_neighbour(hall: Hall, other_process: Hall) -> None:
    key_id = with_source(hall)
    stale = other_process.submit(make_item(make_push(title="stale"), other_process.sender(SHOP, key_id=key_id)))
    good = other_process.submit(make_push(city="Rome"))
    keys.revoke(hall.database, key_id)
    results = take(other_process, stale, good)
    assert isinstance(results[0], StaleConfiguration)
    assert (results[1][0].result, results[1][0].sequence) == ("created", 1)
    assert "title" not in hall.get().profile


def test_lines_about_the_event_share_its_sequence(hall: Hall) -> None:
    say(hall, make_push(groups=["VIP"]))
    names.rename(hall.database, hall.event.id, "group", "VIP", "Guests")
    event_room.set_up(hall.database, hall.event.id, {"null": "clear"})
    (outcome,) = say(hall, make_push(JANE))
    assert outcome.sequence == 4
    assert [line.kind for line in hall.changes()] == ["created", "group_renamed", "setting_changed", "created"]


# --- Clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_backwards_does_not_turn_the_log_back(hall: Hall, clock: Callable[[int], None]) -> None:
    clock(1_000 * SECOND)
    say(hall, make_push(title="before"))
    clock(900 * SECOND)
    (outcome,) = say(hall, make_push(title="behind"))
    assert (outcome.result, outcome.warnings) == ("updated", [])
    assert hall.get().profile["title"].value == "behind"
    assert [line.at for line in hall.changes()] == [1_000 * SECOND, 1_000 * SECOND]
    assert push_line(hall, outcome.push_id).at == 1_000 * SECOND


def test_d7_a_push_without_a_time_wins_against_an_unchanged_one_of_a_faster_clock(
    hall: Hall, clock: Callable[[int], None]
) -> None:
    clock(1_000 * SECOND)
    say(hall, make_push(title="A", city="Rome"))
    clock(2_000 * SECOND)
    (confirmed,) = say(hall, make_push(title="A"))
    assert confirmed.result == "unchanged"
    clock(1_500 * SECOND)
    (outcome,) = say(hall, make_push(title="B"))
    assert (outcome.result, outcome.warnings) == ("updated", [])


def test_d7_observed_at_is_cut_to_the_logs_time(hall: Hall, clock: Callable[[int], None]) -> None:
    clock(1_000 * SECOND)
    say(hall, make_push(title="ahead", observed_at=5_000 * SECOND))
    assert hall.changes()[0].true_at == 1_000 * SECOND
    clock(1_001 * SECOND)
    (outcome,) = say(hall, make_push(title="now"))
    assert (outcome.result, outcome.warnings) == ("updated", [])


def test_d7_an_older_push_stays_behind_what_other_commits_have_brought(
    hall: Hall, clock: Callable[[int], None]
) -> None:
    clock(1_000 * SECOND)
    say(hall, make_push(title="new", groups=["VIP"]))
    (outcome,) = say(hall, make_push(title="old", groups=[], city="Rome", observed_at=500 * SECOND))
    assert outcome.result == "updated"
    assert sorted(codes(outcome.warnings)) == [
        ("eventInfo.groups.groupNames", "older_than_current"),
        ("profile.title", "older_than_current"),
    ]
    assert [warning.code for warning in push_line(hall, outcome.push_id).warnings] == ["older_than_current"] * 2
    assert hall.changes()[-1].true_at == 500 * SECOND


@pytest.mark.parametrize(
    ("clearing", "policy"),
    [
        ({"clear_custom_fields": ("Hotel",)}, {}),
        ({"custom_fields": {"Hotel": ""}}, {}),
        ({"custom_fields": {"Hotel": None}}, {"null": "clear"}),
    ],
)
def test_d7_a_custom_field_that_nobody_has_seen_is_cleared_too(
    hall: Hall, clock: Callable[[int], None], clearing: dict[str, Any], policy: dict[str, Any]
) -> None:
    clock(1_000 * SECOND)
    say(hall, make_item(make_push(**clearing), hall.sender(**policy)))
    (outcome,) = say(hall, make_push(custom_fields={"Hotel": "Ritz"}, observed_at=500 * SECOND))
    assert outcome.result == "unchanged"
    assert codes(outcome.warnings) == [("profile.customFields[0].fieldValue", "older_than_current")]


# --- Failures of the transaction -------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_nothing_behind(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken on purpose")

    say(hall, make_push())
    before = everything_but_the_push_log(hall)
    configuration = hall.configuration
    with monkeypatch.context() as patched:
        patched.setattr(commit.events, "move_clocks", fail)
        with pytest.raises(RuntimeError):
            say(hall, make_push(JANE, groups=["Never"], custom_fields={"Never": "1"}))
    assert everything_but_the_push_log(hall) == before
    assert count(hall, "pushes") == 1
    assert hall.configuration == configuration
    (outcome,) = say(hall, make_push(JANE, groups=["Press"]))
    assert outcome.sequence == 2
    assert hall.configuration.groups.spell(1) == "Press"
