"""The character U+0000, which no value holds (B6): whoever asks for it has made a slip, on either database."""

import pytest

from tests.downstream.following.followers import make_read_key
from tests.product import Product, TestedEvent


@pytest.fixture
def event(product: Product) -> TestedEvent:
    event = product.make_event()
    diet = {"fieldName": "Diet", "fieldValue": "vegan"}
    event.push_ok({"profile": {"email": "ann@example.org", "customFields": [diet]}})
    return event


@pytest.mark.parametrize(
    "query",
    ["email=a%00", "q=a%00b", "q=%00", "customField.Diet=a%00b", "group=a%00", "source=a%00", "updatedSince=%00"],
)
def test_in_a_list_s_query_it_is_named_as_a_fault(event: TestedEvent, query: str) -> None:
    answer = event.get(f"/attendees?{query}", key=make_read_key(event))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/attendees/lookup", r'{"emails": ["a\u0000b@example.org"]}'),
        ("/attendees/lookup", r'{"ids": ["att_\u0000"]}'),
        ("/exports", r'{"customFields": {"Diet": "a\u0000b"}}'),
        ("/exports", r'{"group": "a\u0000b"}'),
    ],
)
def test_in_a_body_too(event: TestedEvent, path: str, body: str) -> None:
    answer = event.send(body, path=path, key=make_read_key(event))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
