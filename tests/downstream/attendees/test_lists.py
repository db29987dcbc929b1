"""`GET {gateway}/attendees`: every filter, search and order, alone and together, against a plain list of the people."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.downstream.attendees.crowd import (
    COMPANY,
    DIETS,
    FIRST,
    GROUPS,
    LAST,
    SORTS,
    Person,
    Reader,
    fold,
    list_expected,
    make_crowd,
    push_crowd,
)
from tests.product import Product

CROWD = 90
ORDERS = [*SORTS, *(f"-{sort}" for sort in SORTS)]


@pytest.fixture
def crowd() -> list[Person]:
    return make_crowd(CROWD)


@pytest.fixture
def reader(product: Product, crowd: list[Person]) -> Reader:
    event = product.make_event()
    push_crowd(event, crowd)
    return Reader(event)


def test_every_order_alone_and_with_every_filter(reader: Reader, crowd: list[Person]) -> None:
    filters: list[dict[str, str]] = [
        {},
        {"group": "vip"},
        {"source": "Shop"},
        {"customField.diet": "VEGAN"},
        {"status": "withdrawn"},
        {"status": "all"},
        {"email": crowd[3].email.upper()},
        {"updatedSince": "2020-01-01T00:00:00Z"},
        {"q": "a"},
    ]
    for query in filters:
        for sort in ORDERS:
            asked = query | {"sort": sort}
            assert reader.read(**asked) == list_expected(crowd, asked), asked
            assert reader.read(**asked, limit="7") == list_expected(crowd, asked), asked


WORDS = [word for name in (*FIRST, *LAST, *COMPANY) for word in (name, fold(name)) if word]
BEGINNINGS = st.builds(lambda word, length: word[:length], st.sampled_from(WORDS), st.integers(1, 6))
SEARCHES = st.one_of(
    BEGINNINGS.filter(str.strip),
    st.builds(lambda *words: " ".join(words), BEGINNINGS, BEGINNINGS).filter(str.strip),
    st.sampled_from(["p", "q", "an", "ex-ample.org", "anna.r", "ample", "org", "小", "龍", "-", "zz"]),
).map(lambda text: text.strip("'-&") or "-")
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "group": st.sampled_from([group.lower() for group in GROUPS]),
        "source": st.sampled_from(["main", "Shop"]),
        "customField.diet": st.sampled_from([*DIETS, "nothing"]),
        "status": st.sampled_from(["attending", "withdrawn", "all"]),
        "q": SEARCHES,
        "sort": st.sampled_from(ORDERS),
        "updatedSince": st.just("2020-01-01T00:00:00Z"),
        "limit": st.sampled_from(["1", "5", "50"]),
    },
)


def test_any_query_gives_what_a_plain_list_gives(reader: Reader, crowd: list[Person]) -> None:
    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(query=QUERIES)
    def check(query: dict[str, str]) -> None:
        found, expected = reader.read(**query), list_expected(crowd, query)
        if "q" in query and "sort" not in query:
            # By the words that were found, each person once.
            assert len(found) == len(set(found))
            found, expected = sorted(found), sorted(expected)
        assert found == expected

    check()


def test_a_search_is_in_the_order_of_the_words_that_are_found(product: Product) -> None:
    event = product.make_event()
    for number, last in enumerate(("Baxter", "Bauer", "Bach", "Bauer")):
        event.push_ok({"profile": {"email": f"{number}@x.org", "lastName": last}})
    assert Reader(event).read(q="ba", limit="1") == ["2@x.org", "1@x.org", "3@x.org", "0@x.org"]


def test_who_has_several_such_words_comes_once(product: Product) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "banana@bar.org", "firstName": "Bar", "lastName": "Baz", "company": "Ba"}})
    event.push_ok({"profile": {"email": "x@y.org", "firstName": "Barbara"}})
    assert sorted(Reader(event).read(q="ba", limit="1")) == ["banana@bar.org", "x@y.org"]


def test_what_was_pushed_is_in_the_very_next_list(product: Product) -> None:
    event = product.make_event()
    reader = Reader(event)
    for number in range(30):
        body = {
            "profile": {
                "email": f"p{number}@x.org",
                "lastName": f"Name{number}",
                "customFields": [{"fieldName": "Number", "fieldValue": str(number)}],
            },
            "eventInfo": {"groups": {"groupNames": [f"Group {number % 3}"]}},
        }
        address = event.push_ok(body)["attendee"]["email"]
        assert reader.read(q=f"name{number}") == [address]
        assert reader.read(**{"customField.Number": str(number)}) == [address]
        assert reader.read(group=f"Group {number % 3}", sort="-updated")[0] == address
        assert reader.read(sort="-created")[0] == address
        assert address in reader.read(sort="lastName")
        assert address in reader.read(source="main", sort="email")


def test_nobody_is_listed_who_was_erased_renamed_or_withdrawn_a_moment_ago(product: Product) -> None:
    event = product.make_event()
    reader = Reader(event)
    for number in range(5):
        event.push_ok({"profile": {"email": f"p{number}@x.org", "lastName": f"Smith{number}"}})
    event.push_ok({"profile": {"email": "p1@x.org", "lastName": "Jones"}})
    event.push_ok({"profile": {"email": "p2@x.org"}, "eventInfo": {"attending": False}})
    assert sorted(reader.read(q="smith")) == ["p0@x.org", "p3@x.org", "p4@x.org"]
    assert reader.read(sort="lastName") == ["p1@x.org", "p0@x.org", "p3@x.org", "p4@x.org"]
    assert reader.read(status="withdrawn", sort="email") == ["p2@x.org"]


def test_a_former_address_finds_the_person(product: Product) -> None:
    from turnout.feed.acts import decisions
    from turnout.feed.acts.scene import on_stage
    from turnout.feed.configurations import Configurations

    event = product.make_event()
    event.push_ok({"profile": {"email": "old@x.org"}})
    with on_stage(event.database, Configurations(event.database), event.id, "staff") as scene:
        decisions.rename(scene, "old@x.org", "new@x.org")
    assert Reader(event).read(email="OLD@x.org") == ["new@x.org"]


def test_updated_since_is_in_any_spelling_of_a_time_and_takes_the_moment_itself(product: Product) -> None:
    event = product.make_event()
    reader = Reader(event)
    for number in range(4):
        event.push_ok({"profile": {"email": f"p{number}@x.org"}})
    third = reader.page()["attendees"][2]["updatedAt"]
    assert reader.read(updatedSince=third) == ["p2@x.org", "p3@x.org"]
    assert reader.read(updatedSince=third.replace("Z", "+00:00"), sort="-updated") == ["p3@x.org", "p2@x.org"]
    unencoded = reader.event.get(f"/attendees?updatedSince={third.replace('Z', '+00:00')}", key=reader.key)
    assert [one["email"] for one in unencoded.json()["attendees"]] == ["p2@x.org", "p3@x.org"]
    assert reader.read(updatedSince="2999-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"grop": "VIP"}, "Did you mean group?"),
        ({"whatever": "1"}, "There are: group"),
        ({"group": "Nobody's"}, "There is no group"),
        ({"source": "nobody"}, "There is no source"),
        ({"source": "mian"}, "Did you mean main? There are: "),
        ({"customField.Nothing": "1"}, "There is no custom field"),
        ({"customField.Dite": "1"}, 'There is no custom field "Dite". Did you mean Diet? There are: "Diet".'),
        ({"customField": "Diet"}, "Did you mean customField.<name>?"),
        ({"customFields[Diet]": "1"}, "Did you mean customField.<name>?"),
        ({"whatever": "2"}, "customField.<name>."),
        ({"fields": "fistName"}, 'Did you mean firstName? There are: "email", "thirdPartyId", '),
        ({"customField.Diet": ""}, "customField.Diet is empty"),
        ({"group": " "}, "group is empty"),
        ({"sort": "name"}, "sort can be id, created"),
        ({"status": "gone"}, "status can be"),
        ({"updatedSince": "yesterday"}, "is not a time"),
        ({"updatedSince": "2026-01-01"}, "is a date alone"),
        ({"limit": "1001"}, "limit is a number from 1 to 1,000"),
        ({"fields": "title,nothing"}, 'There is no field "nothing"'),
        ({"format": "pdf"}, "format can be"),
        ({"cursor": "abc"}, "The cursor is damaged"),
        ({"email": "notanemail"}, 'email is an address such as john.doe@example.com, not "notanemail".'),
    ],
)
def test_what_cannot_be_meant_is_refused(product: Product, query: dict[str, str], said: str) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "a@x.org", "customFields": [{"fieldName": "Diet", "fieldValue": "x"}]}})
    answer = Reader(event).get(**query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert said in answer.json()["detail"]
    assert [one["path"] for one in answer.json()["errors"]] == [f"query.{name}" for name in query]


@pytest.mark.parametrize(
    ("path", "name", "often"),
    [
        ("/attendees?group=VIP&group=Crew", "group", "twice"),
        ("/attendees?group=VIP&Group=VIP", "group", "twice"),
        ("/attendees?q=a&q=b&q=c", "q", "3 times"),
        ("/attendees?limit=1&status=all&limit=2", "limit", "twice"),
        ("/attendees/a@x.org?explain=true&explain=false", "explain", "twice"),
        ("/attendees/a@x.org/history?limit=1&limit=2", "limit", "twice"),
        ("/changes?after=1&group=VIP&after=2", "after", "twice"),
        ("/changes/stream?after=0&after=0", "after", "twice"),
    ],
)
def test_what_is_given_twice_is_refused_and_none_of_it_dropped(
    product: Product, path: str, name: str, often: str
) -> None:
    event = product.make_event()
    event.push_ok({"profile": {"email": "a@x.org"}, "eventInfo": {"groups": {"groupNames": ["VIP", "Crew"]}}})
    answer = event.get(path, key=Reader(event).key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"] == f"{name} is given {often}. Give it once."
    assert answer.json()["errors"][0]["path"] == f"query.{name}"


def test_what_may_be_given_again_counts_whole(product: Product) -> None:
    event = product.make_event()
    shops = [{"fieldName": "Workshop", "fieldValue": ["Sailing", "Knots"]}]
    event.push_ok({"profile": {"email": "a@x.org", "title": "CTO", "company": "Acme", "customFields": shops}})
    event.push_ok(
        {"profile": {"email": "b@x.org", "customFields": [{"fieldName": "Workshop", "fieldValue": ["Knots"]}]}}
    )
    key = Reader(event).key
    both = "customField.Workshop=knots&customField.Workshop=sailing&fields=email&fields=title"
    (shown,) = event.get(f"/attendees?{both}", key=key).json()["attendees"]
    assert (shown["email"], shown["profile"]) == ("a@x.org", {"title": "CTO"})
    first, _ = event.get("/changes?field=title&Field=company", key=key).json()["changes"]
    assert {change["path"] for change in first["changes"]} == {"profile.title", "profile.company"}


def test_fields_are_chosen_out_of_what_the_key_shows(product: Product) -> None:
    event = product.make_event()
    event.push_ok(
        {"profile": {"email": "a@x.org", "title": "CTO", "customFields": [{"fieldName": "Diet", "fieldValue": "x"}]}}
    )
    (shown,) = Reader(event).page(fields="title, Diet,status")["attendees"]
    assert (shown["profile"], shown["customFields"], shown["email"]) == ({"title": "CTO"}, {"Diet": "x"}, None)
    assert shown["status"] == "attending"
    assert shown["id"].startswith("att_")
