"""A source is retired: what it said of groups and expectations is taken back, in chunks, and again after a kill."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.feed.builders import MAIN, SHOP, Hall, check_log, make_push
from turnout import errors
from turnout.events import keys, names, sources
from turnout.feed.acts import decisions, retire
from turnout.feed.acts import merge as merging
from turnout.feed.acts.scene import on_stage
from turnout.feed.by_hand.hand_in import as_sender
from turnout.feed.commit import write
from turnout.feed.submission import StaleConfiguration
from turnout.model.source import PEOPLE
from turnout.operations.verify.verify import verify
from turnout.store.database import Database


@pytest.fixture
def hall(database: Database) -> Iterator[Hall]:
    hall = Hall(database)
    keys.create(hall.database, hall.event.id, label="Shop")
    yield hall
    check_log(hall.database)
    verified = verify(hall.database)
    assert verified.ok, verified


def say(hall: Hall, *said: Any, source: int = SHOP) -> None:
    (result,) = write(hall.database, hall.configurations, [hall.submit(*said, source=source)])
    assert isinstance(result, list)


def take_back(hall: Hall, **options: Any) -> retire.TakenBack:
    sources.retire(hall.database, hall.event.id, "shop")
    return retire.take_back(hall.database, hall.configurations, hall.event.id, SHOP, "cli:ann", **options)


def test_groups_and_expectations_are_taken_back_as_ordinary_changes(hall: Hall) -> None:
    say(hall, make_push("a@x.org", groups=["VIP"], title="CTO"))
    before = len(hall.changes())
    assert take_back(hall) == retire.TakenBack(people=1, left_groups=1, withdrawn=1)
    attendee = hall.get("a@x.org")
    assert (attendee.status, attendee.group_numbers(), attendee.profile["title"].value) == ("withdrawn", [], "CTO")
    setting, line = hall.changes()[before:]
    assert (setting.kind, setting.source_number, setting.entries[0].key) == ("setting_changed", SHOP, "retired")
    assert (line.kind, line.source_number, line.actor, line.push_id) == ("withdrawn", PEOPLE, "cli:ann", None)
    assert [entry.what for entry in line.entries] == ["part_groups", "part_expects", "groups", "status"]


def test_what_others_say_and_people_hold_stays(hall: Hall) -> None:
    say(hall, make_push("a@x.org", groups=["VIP", "Press"]), make_push("b@x.org", groups=["VIP"]))
    say(hall, make_push("a@x.org", groups=["VIP"]), source=MAIN)
    with on_stage(hall.database, hall.configurations, hall.event.id, "cli:ann") as scene:
        decisions.hold(scene, "b@x.org", "VIP", is_in=True)
        decisions.remove(scene, "b@x.org", is_removed=True)
    foreseen = retire.foresee(hall.database, hall.event.id, SHOP)
    assert foreseen == retire.TakenBack(people=2, left_groups=1, withdrawn=0)
    assert take_back(hall) == foreseen
    groups = hall.configuration.groups
    assert [groups.spell(one) for one in hall.get("a@x.org").group_numbers()] == ["VIP"]
    assert [groups.spell(one) for one in hall.get("b@x.org").group_numbers()] == ["VIP"]
    assert hall.get("a@x.org").status == "attending"


def test_a_group_that_is_staff_only_by_now_is_taken_back_too(hall: Hall) -> None:
    say(hall, make_push("a@x.org", groups=["VIP"]))
    names.set_staff_only(hall.database, hall.event.id, "VIP", True)
    assert take_back(hall).left_groups == 1


def test_whom_the_source_does_not_expect_any_more_is_not_touched(hall: Hall) -> None:
    say(hall, make_push("a@x.org"), make_push("a@x.org", attending=False))
    say(hall, make_push("b@x.org", groups=["VIP"]), source=MAIN)
    before = len(hall.changes())
    assert take_back(hall) == retire.TakenBack()
    assert len(hall.changes()) == before + 1


def test_it_is_done_in_chunks_and_says_how_far_it_is(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retire, "CHUNK", 3)
    say(hall, *(make_push(f"p{number}@x.org") for number in range(7)))
    told: list[int] = []
    assert take_back(hall, on_progress=told.append).people == 7
    assert told == [3, 6, 7]


def test_after_an_interruption_it_goes_on(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retire, "CHUNK", 3)
    say(hall, *(make_push(f"p{number}@x.org") for number in range(7)))

    def stop(done: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_back(hall, on_progress=stop)
    assert retire.foresee(hall.database, hall.event.id, SHOP).people == 1
    assert take_back(hall).people == 1
    assert take_back(hall).people == 0
    assert [line.kind for line in hall.changes()].count("withdrawn") == 7
    assert [line.kind for line in hall.changes()].count("setting_changed") == 1


def test_pushes_of_others_take_effect_between_the_chunks(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retire, "CHUNK", 2)
    say(hall, *(make_push(f"p{number}@x.org") for number in range(5)))

    def push(done: int) -> None:
        if done == 2:
            say(hall, make_push("p4@x.org", title="CTO"), source=MAIN)

    assert take_back(hall, on_progress=push) == retire.TakenBack(people=5, withdrawn=4)
    assert hall.get("p4@x.org").status == "attending"


def test_who_takes_something_over_from_behind_is_found_too(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people turn out to be one meanwhile, and the one who is kept has been passed already."""
    monkeypatch.setattr(retire, "CHUNK", 1)
    say(hall, make_push("p0@x.org"), make_push("p1@x.org"))

    def merge(done: int) -> None:
        if done == 1:
            with on_stage(hall.database, hall.configurations, hall.event.id, "cli:ann") as scene:
                merging.merge(scene, "p1@x.org", "p0@x.org")

    assert take_back(hall, on_progress=merge).people == 2
    assert hall.get("p0@x.org").status == "withdrawn"


def test_what_was_under_way_when_the_source_was_retired_is_looked_at_again(hall: Hall) -> None:
    waiting = hall.submit(make_push("a@x.org"), source=SHOP)
    sources.retire(hall.database, hall.event.id, "Shop")
    (result,) = write(hall.database, hall.configurations, [waiting])
    assert isinstance(result, StaleConfiguration)
    with pytest.raises(errors.Conflict, match="is retired"):
        as_sender(hall.configuration, SHOP, "cli:ann")


def test_its_keys_stop_at_once(hall: Hall) -> None:
    key = next(key for key in hall.configuration.keys.values() if key.source_number == SHOP)
    retired = sources.retire(hall.database, hall.event.id, "Shop")
    assert hall.configuration.keys[key.id].revoked_at == retired.retired_at
    with pytest.raises(errors.Conflict):
        keys.rotate(hall.database, key.id, 0)


def test_a_retired_source_gets_no_key_and_its_name_is_not_given_again(hall: Hall) -> None:
    sources.retire(hall.database, hall.event.id, "Shop")
    sources.retire(hall.database, hall.event.id, "main")
    for source, label in (("Shop", None), (None, "shop"), (None, None)):
        with pytest.raises(errors.Conflict, match="is retired"):
            keys.create(hall.database, hall.event.id, source=source, label=label)


def test_people_are_no_source_that_can_be_retired_or_has_keys(hall: Hall) -> None:
    with on_stage(hall.database, hall.configurations, hall.event.id, "cli:ann"):
        pass
    with pytest.raises(errors.Conflict, match="cannot be retired"):
        sources.retire(hall.database, hall.event.id, "console")
    with pytest.raises(errors.Conflict, match="has no keys"):
        keys.create(hall.database, hall.event.id, source="console")
    issued = keys.create(hall.database, hall.event.id)
    assert issued.key.source_number == MAIN
