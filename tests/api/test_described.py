"""What is said of /api/: in the OpenAPI document that the server gives, and in the documentation."""

import re
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.api.caller import Caller, make_caller
from tests.databases import only_sqlite
from tests.product import Product
from turnout.api.described import TAG, describe
from turnout.api.examples import EXAMPLES
from turnout.api.operation import Operation
from turnout.api.operations import list_operations
from turnout.reference.openapi.document import document, with_more

DOCUMENT = with_more(document("https://feed.example.org", "1.2.3"), describe("https://feed.example.org/problems"))


def list_ids(paths: dict[str, Any]) -> list[str]:
    return [one["operationId"] for its in paths.values() for one in its.values() if "operationId" in one]


def test_the_document_with_it_is_valid_and_whole() -> None:
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []
    assert len(set(list_ids(DOCUMENT["paths"]))) == len(list_ids(DOCUMENT["paths"]))
    for reference in set(re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(DOCUMENT).decode())):
        part: Any = DOCUMENT
        for name in reference.split("/"):
            part = part[name]
    for operation in list_operations():
        described = DOCUMENT["paths"][f"/api/{operation.path}"][operation.method.lower()]
        assert described["tags"] == [TAG]
        assert described["security"] == [{"PersonalToken": []}]


def test_what_was_described_before_is_described_as_it_was() -> None:
    alone = document("https://feed.example.org", "1.2.3")
    assert alone["paths"].items() <= DOCUMENT["paths"].items()
    for kind, parts in alone["components"].items():
        assert parts.items() <= DOCUMENT["components"][kind].items()


@only_sqlite
def test_the_server_gives_it_and_answers_as_it_says(product: Product) -> None:
    served = product.client.get(f"{product.server.url}/openapi.json").json()
    assert served["paths"].keys() == DOCUMENT["paths"].keys()
    event = product.make_event()
    event.push_ok({"profile": {"email": "ada@example.org"}, "eventInfo": {"groups": {"groupNames": ["Crew"]}}})
    caller = make_caller(product)
    [found] = caller.ask("GET", f"events/{event.slug}/attendees")["items"]
    [push] = caller.ask("GET", f"events/{event.slug}/pushes")["items"]
    assert caller.user is not None
    known = {"event": event.slug, "source": "1", "attendee": found["id"], "push": push["id"], "user": caller.user.id}
    asked = 0
    for operation in list_operations():
        if operation.method == "GET" and set(re.findall(r"\{(\w+)\}", operation.path)) <= known.keys():
            _expect_as_described(caller, operation, known)
            asked += 1
    assert asked > 15


def _expect_as_described(caller: Caller, operation: Operation, known: dict[str, str]) -> None:
    answer = caller.ask("GET", operation.path.format(**known), **{"q": "ada"} if "q" in operation.query else {})
    described = DOCUMENT["paths"][f"/api/{operation.path}"]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"] | {"components": DOCUMENT["components"]}
    jsonschema_rs.validate(schema, answer)


def test_every_body_that_is_taken_has_an_example_that_can_be_meant() -> None:
    taking = {f"{one.method} {one.path}": one.takes for one in list_operations() if one.takes is not None}
    assert sorted(taking.keys() ^ EXAMPLES.keys()) == [], "To be put into turnout/api/examples.py."
    for named, kind in taking.items():
        msgspec.convert(EXAMPLES[named], kind)
        method, _, path = named.partition(" ")
        body = DOCUMENT["paths"][f"/api/{path}"][method.lower()]["requestBody"]["content"]["application/json"]
        assert body["example"] == EXAMPLES[named]


def test_an_operation_that_says_not_whom_it_is_for_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        Operation("GET", "nothing", handler=print, summary="Nothing")  # ty: ignore[missing-argument]
