"""What is new, odd or missing in what sources send."""

import json
from typing import Any

import pytest

from tests.product import Product, TestedEvent
from turnout.events import keys
from turnout.events.feed_fields import (
    Field,
    MissingField,
    UnknownField,
    find_missing,
    list_missing_fields,
    list_new_names,
    list_said,
    list_unknown_fields,
    list_wrong_keys,
)
from turnout.model.event import Configuration
from turnout.model.key import read_key_id
from turnout.store import events, refusals
from turnout.store.refusals import Refusal

TITLE, CITY = Field("profile", "title"), Field("profile", "city")


@pytest.fixture
def event(product: Product) -> TestedEvent:
    return product.make_event()


def configuration_of(event: TestedEvent) -> Configuration:
    with event.database.read() as connection:
        found = events.load_configuration(connection, event.id)
    assert found is not None
    return found


def test_names_are_new_from_when_they_were_given_first(event: TestedEvent) -> None:
    shop = event.make_source("Shop")
    body = {"profile": {"email": "a@example.com", "customFields": [{"fieldName": "Diet", "fieldValue": "vegan"}]}}
    event.push_ok(body)
    body["eventInfo"] = {"groups": {"groupNames": ["VIP"]}}
    event.push_ok(body, key=shop)
    found = list_new_names(configuration_of(event), 0)
    assert [(new.kind, new.name.name, new.name.first_source) for new in found] == [
        ("group", "VIP", 2),
        ("custom_field", "Diet", 1),
    ]
    assert list_new_names(configuration_of(event), found[0].name.created_at) == found[:1]


def test_unknown_fields_are_listed_with_who_sends_them_and_what_was_meant(event: TestedEvent) -> None:
    shop = event.make_source("Shop")
    event.push_ok({"profile": {"email": "a@example.com", "surname": "Roe", "nickname": "A"}})
    event.push_ok({"profile": {"email": "b@example.com", "surname": "Doe"}})
    event.push_ok({"profile": {"email": "b@example.com"}, "surname": "Doe"}, key=shop)
    entries = [{"fieldName": "A", "fieldValue": "1", "label": "x"}, {"fieldName": "B", "fieldValue": "1", "label": "y"}]
    event.push_ok({"profile": {"email": "c@example.com", "customFields": entries}}, key=shop)
    event.push_ok({"profile": {"email": "d@example.com"}})
    found = list_unknown_fields(event.database, event.id)
    assert [(one.path, one.suggestion, one.source_number, one.pushes) for one in found] == [
        ("profile.surname", "profile.lastName", 1, 2),
        ("profile.customFields[…].label", None, 2, 1),
        ("surname", "profile.lastName", 2, 1),
        ("profile.nickname", None, 1, 1),
    ]
    of_shop = list_unknown_fields(event.database, event.id, 2)
    assert [one for one in found if one.source_number == 2] == of_shop
    assert isinstance(of_shop[0], UnknownField)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"profile": {"email": "a@example.com"}}, {}),
        (
            {"profile": {"email": "a@example.com", "title": "CTO", "city": None, "state": "", "Country": "NO"}},
            {TITLE: "title", Field("profile", "country"): "country"},
        ),
        ({"profile.email": "a@example.com", "profile.title": "CTO"}, {TITLE: "title"}),
        (
            {
                "profile": {
                    "email": "a@example.com",
                    "customFields": [{"fieldName": "Shoe Size", "fieldValue": "43"}, {"fieldName": "Diet"}],
                },
                "eventInfo": {"groups": {"groupNames": ["VIP; Press"]}},
            },
            {
                Field("custom_field", "shoe size"): "Shoe Size",
                Field("group", "vip"): "VIP",
                Field("group", "press"): "Press",
            },
        ),
        ({"profile": {"title": "CTO"}}, None),
        ("nothing", None),
    ],
)
def test_what_a_body_says_is_what_has_a_value(body: Any, said: dict[Field, str] | None) -> None:
    assert list_said(body if isinstance(body, str) else json.dumps(body), ";") == said


@pytest.mark.parametrize(
    ("had", "before", "latest", "has", "missing"),
    [
        (200, 200, 200, 0, True),
        (5, 200, 200, 0, True),
        (4, 200, 200, 0, False),
        (200, 200, 200, 1, False),
        (200, 200, 4, 0, False),
        (5, 5, 5, 0, True),
        (4, 4, 4, 0, False),
        (100, 200, 9, 0, False),
        (100, 200, 10, 0, True),
        (0, 0, 200, 0, False),
    ],
)
def test_only_what_cannot_well_be_chance_is_missing(
    had: int, before: int, latest: int, has: int, missing: bool
) -> None:
    def make(of: int, those: int) -> list[dict[Field, str]]:
        return [{CITY: "city"} | ({TITLE: "title"} if at < those else {}) for at in range(of)]

    expected = [MissingField(TITLE, "title", had, before)] if missing else []
    assert find_missing(make(before, had), make(latest, has)) == expected


def test_a_field_that_a_source_sends_no_more_is_noticed(event: TestedEvent) -> None:
    shop = event.make_source("Shop")

    def send(numbers: range, key: str, **profile: Any) -> None:
        people = [{"profile": {"email": f"p{number}@example.com", "city": "Oslo", **profile}} for number in numbers]
        assert event.batch_ok(people, key=key)["failed"] == 0

    send(range(20), event.key, title="CTO", customFields=[{"fieldName": "Diet", "fieldValue": "any"}])
    send(range(20, 40), event.key, customFields=[{"fieldName": "diet", "fieldValue": ""}])
    send(range(40, 60), shop, title="CEO")
    event.push_failed({"profile": {"title": "CTO"}})
    configuration = configuration_of(event)
    assert list_missing_fields(event.database, configuration, 1) == [
        MissingField(TITLE, "title", 20, 20),
        MissingField(Field("custom_field", "diet"), "Diet", 20, 20),
    ]
    assert list_missing_fields(event.database, configuration, 2) == []
    # Of the last ten and those before them none has it.
    assert list_missing_fields(event.database, configuration, 1, 10) == []


def test_wrong_keys_are_told_with_what_is_known_of_them(event: TestedEvent) -> None:
    issued = keys.create(event.database, event.id, label="Old shop")
    keys.revoke(event.database, issued.key.id)
    with event.database.write() as connection:
        refusals.add_refusals(
            connection,
            [
                Refusal(event.id, "192.0.2.1", issued.key.id, 3, 10, 20),
                Refusal(event.id, "192.0.2.2", issued.key.id, 2, 5, 30),
                Refusal(event.id, "192.0.2.2", "", 1, 40, 40),
                Refusal(event.id, "192.0.2.2", "nobodys", 1, 15, 15),
                Refusal(event.id, "192.0.2.2", read_key_id(event.key) or "", 1, 12, 12),
                Refusal("evt_other", "192.0.2.2", "nobodys", 9, 50, 50),
            ],
        )
    found = list_wrong_keys(event.database, configuration_of(event))
    assert [(one.state, one.label, one.count, one.addresses, one.first_at, one.last_at) for one in found] == [
        ("missing", None, 1, 1, 40, 40),
        ("revoked", "Old shop", 5, 2, 5, 30),
        ("unknown", None, 1, 1, 15, 15),
        ("good", configuration_of(event).sources[1].name, 1, 1, 12, 12),
    ]
