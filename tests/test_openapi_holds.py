"""The server does what /openapi.json says, for requests that schemathesis makes up."""

import json
import time
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from itertools import islice
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from requests import PreparedRequest, Session
from requests import Response as Received
from requests.adapters import HTTPAdapter
from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth

from tests.downstream.following.followers import make_read_key, open_stream
from tests.product import Product, TestedEvent, make_address
from turnout import __version__
from turnout.errors import BY_CODE, Unexpected
from turnout.reference.openapi.document import document

GROUPS, SOURCES = ["Crew", "Press"], ["main", "Shop"]
FIELDS = ["firstName", "lastName", "Shoe size"]
ADDRESS = "ann@example.org"
LINES = 4
"""Of the filled event's log."""
LONGEST_WAIT_S = 1
DOCUMENT = document("http://127.0.0.1", __version__)


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: object, value: object) -> bytes:
    """NDJSON is described as text; anything else goes as JSON on one line."""
    return value.encode() if isinstance(value, str) else json.dumps(value, default=str).encode()


@schemathesis.serializer("text/csv")
def as_csv(_: object, value: object) -> bytes:
    """CSV is described as text too."""
    return str(value).encode()


@schemathesis.deserializer("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def as_binary(_: object, response: Response) -> str:
    """A file, described as text whose format is binary."""
    return response.content.decode("latin-1")


def as_the_event_has_it() -> dict[str, Any]:
    """The document, with the names that the filled event has in the place of any text: others there are not (400)."""
    narrowed = deepcopy(DOCUMENT)
    known: dict[str, Any] = {
        "group": {"enum": GROUPS},
        "source": {"enum": SOURCES},
        "fields": {"enum": [*FIELDS, ",".join(FIELDS)]},
        "field": {"type": "array", "items": {"enum": FIELDS}},
        "updatedSince": {"enum": ["2025-03-01T08:30:00Z", "1740817800"]},
        "after": {"type": "integer", "minimum": 0, "maximum": LINES},
        "Last-Event-ID": {"enum": ["", "0", str(LINES)]},
        "customFields": {
            "type": "object",
            "properties": {"customField.Shoe size": {"enum": ["43", "44"]}},
            "additionalProperties": False,
        },
    }
    parameters = [
        parameter
        for path, item in narrowed["paths"].items()
        if not path.startswith("/e/{slug}/pushes")
        for method, operation in item.items()
        if method != "parameters"
        for parameter in operation.get("parameters", ())
    ]
    for parameter in [*parameters, *narrowed["components"]["parameters"].values()]:
        if parameter.get("name") in known:
            parameter["schema"] = known[parameter["name"]]
            parameter.pop("example", None)
        elif parameter.get("description", "").endswith("with the same filters and order."):
            # Of real ones tests of lists know more; blank is the first page.
            parameter["schema"] = {"enum": [""]}
    schemas = narrowed["components"]["schemas"]
    schemas["TokenWish"]["properties"]["fields"]["items"] = {"enum": FIELDS}
    schemas["ExportWish"]["properties"] |= {
        **{name: {"enum": [*known[name]["enum"], None]} for name in ("group", "source", "updatedSince")},
        "fields": {"type": ["array", "null"], "items": {"enum": FIELDS}},
        "customFields": {
            "type": "object",
            "properties": {"Shoe size": {"enum": ["43", "44"]}},
            "additionalProperties": False,
        },
    }
    return narrowed


schema = schemathesis.openapi.from_dict(as_the_event_has_it())


@pytest.fixture
def event(product: Product) -> TestedEvent:
    """With people, groups, a custom field, two sources, an export."""
    event = product.make_event()
    shop = event.make_source("Shop")
    for name, group in (("ann", "Crew"), ("bob", "Press"), ("cid", "Crew")):
        profile: dict[str, Any] = {"email": f"{name}@example.org", "firstName": name, "lastName": "Doe"}
        profile["customFields"] = [{"fieldName": "Shoe size", "fieldValue": "43"}]
        event.push_ok({"profile": profile, "eventInfo": {"groups": {"groupNames": [group]}}})
    event.push_ok({"profile": {"email": ADDRESS, "title": "CTO"}}, key=shop)
    assert len(event.changes()) == LINES
    return event


@pytest.fixture
def read_key(event: TestedEvent) -> str:
    return make_read_key(event)


class CutsStreams(HTTPAdapter):
    """Takes the first piece of a stream for the whole: it does not end by itself, and schemathesis reads to the end."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Received:
        received = super().send(request, *args, **options)
        if received.headers.get("content-type", "").startswith("text/event-stream"):
            first = next(received.iter_content(65_536))
            received.close()
            received._content = first
        return received


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        session.mount("http://", CutsStreams())
        yield session


READ_TAGS = {"Read", "Follow", "Exports", "Tokens"}


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(
    case: Case[Any], event: TestedEvent, read_key: str, session: Session
) -> None:
    """Statuses, content types, headers and bodies; an invalid push is a described 500 (D3), never an unexpected one."""
    reads = bool(READ_TAGS & set(case.operation.tags or ()))
    aim(case, event, read_key)
    response = case.call(
        base_url=event.product.server.url,
        session=session,
        headers={"Api-Key": read_key if reads else event.key, "X-Forwarded-For": make_address()},
    )
    assert_explained(response)
    case.validate_response(response, excluded_checks=[not_a_server_error, ignored_auth])


def aim(case: Case[Any], event: TestedEvent, read_key: str) -> None:
    """Leads the request to what there is in this event; what else is in it stays as it was made up."""
    path = case.path_parameters
    if "slug" in path:
        path["slug"] = event.slug
    if case.method == "GET" and "email" in path:
        path["email"] = ADDRESS
    if "attendee" in path:
        path["attendee"] = ADDRESS
    if "export" in path:
        path["export"] = make_export(event, read_key)
    elif "/exports" in case.path and case.method == "POST":
        remove_exports(event, read_key)
    # Longer is not different, and nobody pushes meanwhile.
    wait = str(case.query.get("wait", ""))
    if wait.isdecimal() and int(wait) > LONGEST_WAIT_S:
        case.query["wait"] = LONGEST_WAIT_S


def make_export(event: TestedEvent, read_key: str) -> str:
    """One whose file is there, made if need be."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = event.get("/exports", key=read_key).json()["exports"]
        if not found:
            event.send("", path="/exports", key=read_key)
        elif found[0]["state"] == "done":
            return found[0]["id"]
        time.sleep(0.02)
    raise AssertionError("The export was not made.")


def remove_exports(event: TestedEvent, read_key: str) -> None:
    """So that a key has never too many."""
    for one in event.get("/exports", key=read_key).json()["exports"]:
        event.product.client.delete(f"{event.gateway}/exports/{one['id']}", headers={"Api-Key": read_key})


def assert_explained(response: Response) -> None:
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        assert BY_CODE[response.json()["code"]] is not Unexpected


@pytest.mark.parametrize("payload", ["nested", "flat"])
def test_every_message_of_a_stream_is_a_line_as_it_is_described(
    event: TestedEvent, read_key: str, payload: str
) -> None:
    """What schemathesis does not look into: it takes the first piece."""
    line = {"$ref": "#/components/schemas/ChangeLine", "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(line, validate_formats=True)
    with open_stream(event, read_key, f"?after=0&payload={payload}") as reader:
        lines = list(islice(reader.lines(), LINES))
    assert [(line["sequence"], str(error)) for line in lines for error in validator.iter_errors(line)] == []
