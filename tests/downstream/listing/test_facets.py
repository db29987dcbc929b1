"""Lists filter by facets: none of those who are meant is missing."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.feed.builders import MAIN, SHOP, Told, make_push
from turnout.changes.fold import as_folded
from turnout.changes.listing import facets
from turnout.changes.listing.facets import MAX_VALUE_CHARACTERS, email_key, facets_of, last_name_key
from turnout.changes.listing.rows import rows_of
from turnout.changes.listing.words import LAST


def test_the_status_stands_in_front_of_every_facet() -> None:
    told = Told()
    told.hear(make_push(groups=["VIP", "Press"], custom_fields={"Diet": "Vegan", "Hotel": ["Ritz", "Ibis  Süd"]}))
    expected = ("a", "a f2=vegan", "a f3=ibis sud", "a f3=ritz", "a g2", "a g3", "a s1")
    assert facets_of(told.known) == expected
    told.hear(make_push(attending=False))
    assert told.known.status == "withdrawn"
    assert facets_of(told.known) == tuple(facet.replace("a", "w", 1) for facet in expected)


def test_the_names_are_those_that_readers_ask_for() -> None:
    assert facets.everybody("attending") == "a"
    assert facets.everybody("withdrawn") == "w"
    assert facets.in_group("attending", 5) == "a g5"
    assert facets.of_source("withdrawn", 2) == "w s2"
    assert facets.with_value("attending", 3, " Äpfel\nund  BIRNEN ") == "a f3=apfel und birnen"


def test_a_source_that_says_something_is_a_facet_also_once_it_no_longer_expects_the_person() -> None:
    told = Told()
    told.hear(make_push(), source=MAIN)
    told.hear(make_push(title="CTO"), source=SHOP)
    assert facets_of(told.known) == ("a", "a s1", "a s2")
    told.hear(make_push(attending=False), source=SHOP)
    assert facets_of(told.known) == ("a", "a s1", "a s2")


def test_a_cleared_field_is_no_facet() -> None:
    told = Told()
    told.hear(make_push(custom_fields={"Diet": "Vegan", "Hotel": ["Ritz"]}))
    told.hear(make_push(custom_fields={"Diet": "", "Hotel": []}))
    assert facets_of(told.known) == ("a", "a s1")


def test_whoever_was_merged_into_somebody_is_in_no_list() -> None:
    told = Told()
    told.hear(make_push(groups=["VIP"]))
    merged = msgspec.structs.replace(told.known, merged_into="att_2", status="merged")
    assert facets_of(merged) == ()
    assert rows_of(merged) is None


def test_a_group_that_a_person_holds_beats_what_sources_say() -> None:
    told = Told()
    told.hear(make_push(groups=["VIP"]))
    assert facets_of(msgspec.structs.replace(told.known, held={2: False, 3: True})) == ("a", "a g3", "a s1")


def test_keys_to_sort_by() -> None:
    told = Told()
    told.hear(make_push("Zoë@Example.COM", lastName="Ólafsson"))
    assert (email_key(told.known), last_name_key(told.known)) == ("zoë@example.com", "olafsson")
    told.hear(make_push("Zoë@Example.COM", lastName=""))
    assert last_name_key(told.known) == LAST


@given(st.text(min_size=1, max_size=200), st.sampled_from([1, 2]))
def test_the_facet_of_a_value_is_the_one_that_is_asked_for_with_it(value: str, number: int) -> None:
    told = Told()
    told.hear(make_push(custom_fields={"Shoe size" if number == 1 else "Diet": value}))
    found = facets_of(told.known)
    assert facets.with_value("attending", number, value) in found
    for facet in found:
        assert "\n" not in facet
        assert len(facet) <= MAX_VALUE_CHARACTERS + len("a f1=")
        assert facet.split(" ")[0] == "a"


@given(st.lists(st.tuples(st.sampled_from([MAIN, SHOP]), st.booleans(), st.booleans()), min_size=1, max_size=5))
def test_what_is_not_in_the_log_makes_no_facet(pushes: list[tuple[int, bool, bool]]) -> None:
    """Else it would come and go without a line, and the index would not learn of it."""
    told = Told()
    told.hear(make_push())
    for source, attending, clears in pushes:
        told.hear(make_push(attending=attending, thirdPartyId="" if clears else "7"), source=source)
        assert rows_of(told.known) == rows_of(as_folded(told.known))
