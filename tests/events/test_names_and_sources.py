"""Sources under another name; and how many people have a value in a custom field, counted within a bound."""

from collections.abc import Callable

import pytest

from turnout.changes.listing import facets
from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events import event, keys, names, sources
from turnout.events.setup import changing, get_configuration
from turnout.model.change import Entry
from turnout.model.source import PEOPLE
from turnout.store import changes, listing
from turnout.store.database import Database


@pytest.fixture
def event_id(database: Database) -> str:
    made, _ = event.create(database, "Spring")
    keys.create(database, made.id, label="Shop")
    return made.id


def list_names(database: Database) -> list[str]:
    return [one.name for one in get_configuration(database, "spring").sources.values()]


def test_a_source_is_renamed_with_a_line_of_the_log_and_its_former_name_is_free(
    database: Database, event_id: str
) -> None:
    before = list_names(database)
    renamed = sources.rename(database, event_id, "shop", " Box office ", actor="ann")
    assert (renamed.name, renamed.number) == ("Box office", 2)
    assert list_names(database) == ["Box office" if one == "Shop" else one for one in before]
    with database.read() as connection:
        line = changes.list_changes(connection, event_id)[-1]
    assert (line.kind, line.source_number, line.actor) == ("setting_changed", 2, "ann")
    assert line.entries == [Entry("setting", "name", "Shop", "Box office")]
    assert keys.create(database, event_id, label="Shop").key.source_number == 3
    # Only written otherwise: it is its own name.
    assert sources.rename(database, event_id, "Box office", "BOX OFFICE").name == "BOX OFFICE"


def test_a_name_that_cannot_be_changes_nothing(database: Database, event_id: str) -> None:
    before = list_names(database)
    for new, kind in (("MAIN", Conflict), (" ", InvalidRequest), ("x" * 256, InvalidRequest), ("a\0b", InvalidRequest)):
        with pytest.raises(kind):
            sources.rename(database, event_id, "Shop", new)
    with pytest.raises(NotFound):
        sources.rename(database, event_id, "Nobody", "Somebody")
    with changing(database, event_id) as held:
        people = sources.add_source(held.connection, event_id, "console", number=PEOPLE)
    with pytest.raises(Conflict, match="keeps its name"):
        sources.rename(database, event_id, people.name, "Staff")
    assert {*list_names(database)} == {*before, people.name}


def test_people_with_a_field_are_counted_once_whatever_their_status_and_how_many_values(
    database: Database, event_id: str
) -> None:
    put = _index(database, event_id)
    put("att_1", "attending", (1, "43"), (1, "44"), (11, "x"))
    put("att_2", "withdrawn", (1, "43"))
    put("att_3", "attending", (2, "43"))
    counts = names.count_with_fields(database, event_id, [1, 2, 3, 11])
    assert {number: one.people for number, one in counts.items()} == {1: 2, 2: 1, 3: 0, 11: 1}
    assert all(one.is_all for one in counts.values())
    assert names.count_with_fields(database, event_id, []) == {}


def test_no_more_is_looked_at_than_the_bound_and_then_it_says_so(
    database: Database, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = _index(database, event_id)
    for number in range(5):
        put(f"att_{number}", "attending", (1, f"{number}"), (2, "43") if number else (3, "43"))
    monkeypatch.setattr(names, "MAX_LOOKED_AT", 16)
    counts = names.count_with_fields(database, event_id, [1, 3])
    assert (counts[1].people, counts[1].is_all) == (4, False)
    assert (counts[3].people, counts[3].is_all) == (1, True)


def _index(database: Database, event_id: str) -> Callable[..., None]:
    def put(attendee_id: str, status: str, *values: tuple[int, str]) -> None:
        found = {facets.with_value(status, field, value) for field, value in values} | {facets.everybody(status)}
        row = listing.Listed(attendee_id, "a@example.org", "a", tuple(sorted(found)), ())
        with database.write() as connection:
            listing.write_listed(connection, event_id, {}, {attendee_id: row})

    return put
