"""The server does what /openapi.json says, for requests that schemathesis makes up."""

import json
import re
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
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from tests.downstream.following.followers import make_read_key, open_stream
from tests.patience import PATIENCE_S
from tests.product import Product, TestedEvent, make_address
from turnout import __version__
from turnout.downstream.attendees.lookup import MAX_LOOKED_UP
from turnout.errors import BY_CODE, Unexpected
from turnout.reference.openapi.document import document
from turnout.reference.schemas.parts import NOT_BLANK

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
    value = {"type": "string", "pattern": NOT_BLANK}
    known: dict[str, Any] = {
        "group": {"enum": GROUPS},
        "source": {"enum": SOURCES},
        "fields": {"enum": ["", *FIELDS, ",".join(FIELDS)]},
        "customFields": {
            "type": "object",
            "properties": {"customField.Shoe size": value},
            "additionalProperties": False,
        },
        # Of real ones tests of lists know more; blank is the first page.
        "cursor": {"enum": [""]},
    }
    numbers: dict[str, Any] = {
        "after": {"type": "integer", "minimum": 0, "maximum": LINES},
        "Last-Event-ID": {"enum": ["", *map(str, range(LINES + 1))]},
        "group": {"type": "array", "items": {"enum": GROUPS}},
        # Without the address there is no payload (400).
        "field": {"type": "array", "items": {"enum": ["email"]}},
    }
    paths = narrowed["paths"]
    follow = [paths[f"/e/{{slug}}/{path}"]["get"] for path in ("changes", "changes/stream")]
    for operation, names in (*((one, numbers) for one in follow), (paths["/e/{slug}/attendees"]["get"], known)):
        for parameter in operation["parameters"]:
            if parameter.get("name") in names:
                parameter["schema"] = names[parameter["name"]]
                parameter.pop("example", None)
    narrowed["components"]["parameters"]["Fields"] |= {"schema": known["fields"], "example": FIELDS[0]}
    schemas = narrowed["components"]["schemas"]
    schemas["TokenWish"]["properties"]["fields"]["items"] = {"enum": FIELDS}
    schemas["ExportWish"]["properties"] |= {
        **{name: {"enum": [*known[name]["enum"], None]} for name in ("group", "source")},
        "fields": {"type": ["array", "null"], "items": {"enum": FIELDS}},
        "customFields": {"type": "object", "properties": {"Shoe size": value}, "additionalProperties": False},
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
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(
    case: Case[Any], event: TestedEvent, read_key: str, session: Session, database_kind: str
) -> None:
    """Statuses, content types, headers and bodies; an invalid push is a described 500 (D3), never an unexpected one."""
    if database_kind == "postgresql" and case.meta is not None and case.meta.phase.name == TestPhase.COVERAGE:
        # The thousands at the bounds of each parameter, which are read before any database is asked, are sent once.
        return
    reads = bool(READ_TAGS & set(case.operation.tags or ()))
    aim(case, event, read_key)
    response = case.call(
        base_url=event.product.server.url,
        session=session,
        headers={"Api-Key": read_key if reads else event.key, "X-Forwarded-For": make_address()},
    )
    assert_explained(response)
    # Any text is a name that may come into being, a blank number is not given, and Last-Event-ID beats `after`.
    lenient = [negative_data_rejection] if "Follow" in (case.operation.tags or ()) else []
    case.validate_response(response, excluded_checks=[not_a_server_error, ignored_auth, *lenient])


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
        path["export"] = ask_for_export(event, read_key, done=case.method == "GET")
    elif "/exports" in case.path and case.method == "POST":
        remove_exports(event, read_key)
    wait = str(case.query.get("wait", ""))
    if wait.isdecimal() and int(wait) > LONGEST_WAIT_S:
        # Longer is not different, and nobody pushes meanwhile.
        case.query["wait"] = LONGEST_WAIT_S
    fields = case.query.get("field")
    if (
        case.query.get("payload")
        and fields
        and isinstance(fields, list)
        and all(isinstance(one, str) for one in fields)
    ):
        # Without the address no push can be shown.
        case.query["field"] = [*fields, "email"]
    if case.path.endswith("/lookup") and isinstance(case.body, dict):
        keep_few(case.body)
    if re.search("[0-9]{3}-", str(case.headers.get("Range", ""))):
        # Behind the end of the file there is nothing: 416, of which tests of exports know more.
        case.headers["Range"] = "bytes=10-"
    if isinstance(case.body, bytes) and not case.body.strip():
        # Nothing but white space is no body, which may be left out.
        case.body = b"{"
    if case.path.endswith("/token") and isinstance(case.body, dict):
        # To a schema 600.0 is a whole number; nobody writes it so.
        seconds = case.body.get("expiresIn")
        if isinstance(seconds, float) and seconds.is_integer():
            case.body["expiresIn"] = int(seconds)


def keep_few(body: dict[str, Any]) -> None:
    """Of addresses and ids together there may be a hundred, which no schema can say."""
    lists = [one for one in (body.get("emails"), body.get("ids")) if isinstance(one, list)]
    if sum(map(len, lists)) > MAX_LOOKED_UP - 2 and all(len(one) <= MAX_LOOKED_UP for one in lists):
        for one in lists:
            del one[40:]


def ask_for_export(event: TestedEvent, read_key: str, *, done: bool) -> str:
    """One that there is, asked for if need be; on demand with its file."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = event.get("/exports", key=read_key).json()["exports"]
        if not found:
            event.send("", path="/exports", key=read_key)
        elif not done or found[0]["state"] == "done":
            return found[0]["id"]
        else:
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
    with open_stream(event, read_key, f"?after=0&payload={payload}") as reader:
        messages = list(islice((one for one in reader.messages() if one.data is not None), LINES))
    assert [one.id for one in messages] == list(range(1, LINES + 1))
    for one in messages:
        assert why_not({"id": str(one.id), "event": one.event, "data": json.dumps(one.data)}, "ChangeMessage") == []
        assert why_not(one.data, "ChangeLine") == []


def why_not(value: object, name: str) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return [
        str(error) for error in jsonschema_rs.Draft202012Validator(schema, validate_formats=True).iter_errors(value)
    ]
