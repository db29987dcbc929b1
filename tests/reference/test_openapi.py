"""The served OpenAPI document: valid, whole, and true to what it describes."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from litestar import Litestar
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.gateway_routes import list_routes
from turnout.browser.serving import asset_handlers
from turnout.changes.attendee_view import AttendeeView, Origin, Origins
from turnout.downstream.attendees import listing, lookup
from turnout.downstream.attendees.history import HistoryView
from turnout.downstream.exports.routes import ExportView
from turnout.downstream.exports.wanted import Wish
from turnout.downstream.following import poll, stream
from turnout.downstream.following.line_view import LineView
from turnout.downstream.following.poll import ChangesView
from turnout.downstream.tokens import token
from turnout.errors import MethodNotAllowed, TurnoutError, Unauthorized
from turnout.feed import own_pushes
from turnout.feed.receipt import render_error
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.policy import Policy
from turnout.model.receipt import AttendeeReference, PathChange, Problem, ProblemDocument, Receipt, Warning
from turnout.reference import examples
from turnout.reference.codes import ERRORS, OF_THE_CONNECTION
from turnout.reference.openapi.document import document
from turnout.reference.pages import gateway_page, route_handlers
from turnout.reference.schemas.parts import ref

PUBLIC_URL = "https://feed.example.org/turnout"
DOCUMENT = document(PUBLIC_URL, "1.2.3")
BY_HAND = {"/health", "/metrics"}
"""Routes that app.py has itself."""
PAGES = {
    "/",
    "/docs",
    "/rules",
    "/problems",
    "/problems/{code}",
    "/favicon.svg",
    "/favicon.ico",
    "/assets/{folder}/{name}",
}
"""What is for people is not in the document."""


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    return not why_not(value, schema)


def why_not(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [str(error) for error in validator.iter_errors(value)]


def walk(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, part
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, value in inner:
        yield from walk(value, f"{path}/{name}")


def look_up(reference: str) -> Any:
    part: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return part


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def test_it_is_valid_openapi_3_1() -> None:
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []
    assert json.loads(msgspec.json.encode(DOCUMENT)) == DOCUMENT


def test_schemathesis_reads_every_operation_of_it() -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    read = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert {(operation.path, operation.method) for operation in read} == {
        (path, method) for path, method, _ in operations()
    }


def test_no_reference_dangles_and_no_component_is_idle() -> None:
    used = {part["$ref"] for _, part in walk(DOCUMENT) if isinstance(part, dict) and "$ref" in part}
    for reference in used:
        look_up(reference)
    named = {
        f"#/components/{kind}/{name}"
        for kind, parts in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in parts
    }
    assert named - used == set()


def test_every_schema_is_a_schema() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})
        assert schema.get("description"), name


def test_every_operation_has_what_a_reader_looks_for() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, method, operation in operations():
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        assert set(operation["tags"]) <= tags
        assert "default" in operation["responses"], (path, method)


def test_every_address_of_the_gateway_is_in_it_with_its_methods() -> None:
    described = {(nameless(path), method.upper()) for path, method, _ in operations() if path.startswith("/e/")}
    assert {(nameless(f"/e/{{slug}}/{route.address}"), route.method) for route in list_routes()} == described


def nameless(path: str) -> str:
    """The path whatever its parameters are called: to whoever calls it that is the same."""
    return re.sub(r"\{\w+\}", "{}", path.rstrip("/"))


def test_every_route_of_the_reference_is_in_it_or_a_page() -> None:
    app = Litestar([*asset_handlers(), *route_handlers(PUBLIC_URL, "1.2.3")], openapi_config=None, logging_config=None)
    routes = {re.sub(r":\w+\}", "}", route.path_format) for route in app.routes}
    described = {path for path, _, _ in operations() if not path.startswith("/e/")}
    assert routes - PAGES == described - BY_HAND
    assert routes >= PAGES


def list_examples() -> list[tuple[str, dict[str, Any], Any]]:
    found = []
    for path, part in walk(DOCUMENT):
        if not isinstance(part, dict) or "schema" not in part or "/schemas/" in path:
            continue
        if "example" in part:
            found.append((path, part["schema"], part["example"]))
        found += [(f"{path}:{name}", part["schema"], one["value"]) for name, one in part.get("examples", {}).items()]
    for name, schema in DOCUMENT["components"]["schemas"].items():
        found += [(name, schema, example) for example in schema.get("examples", ())]
    return found


def test_examples_are_valid() -> None:
    listed = list_examples()
    assert len(listed) > 100
    assert [(path, why) for path, schema, example in listed if (why := why_not(example, schema))] == []


AT_GATEWAYS = [code for code, kind in ERRORS.items() if kind.at_gateways]


def test_every_error_is_shown() -> None:
    shown = {
        example["code"] for path, _, example in list_examples() if isinstance(example, dict) and "retryable" in example
    }
    assert shown == set(AT_GATEWAYS)


_MADE: dict[str, Callable[[], TurnoutError]] = {
    "unauthorized": Unauthorized,
    "method_not_allowed": lambda: MethodNotAllowed("DELETE", ("POST",)),
}
"""Errors that write their detail themselves."""


@pytest.mark.parametrize("code", [code for code in AT_GATEWAYS if code not in OF_THE_CONNECTION])
@pytest.mark.parametrize("precise", [True, False])
def test_examples_of_errors_are_what_the_feed_answers(code: str, precise: bool) -> None:
    shown = examples.problem(code, "/problems", precise=precise)
    problems = [Problem(**one) for one in shown["errors"] if one["code"] != code]
    path = next((one["path"] for one in shown["errors"] if one["code"] == code), "")
    error = _MADE[code]() if code in _MADE else ERRORS[code](shown["detail"], problems, path=path)
    answer = render_error(error, precise=precise, problems_url="/problems")
    assert answer.status == shown["status"]
    assert json.loads(answer.body) == shown | {"id": None}


@pytest.mark.parametrize("struct", [Receipt, ProblemDocument, PathChange, Warning, Problem, AttendeeReference])
def test_answers_are_described_field_by_field_as_the_structs_are(struct: type[msgspec.Struct]) -> None:
    schema = DOCUMENT["components"]["schemas"][struct.__name__]
    assert list(schema["properties"]) == list(struct.__struct_encode_fields__)
    assert all(field["description"] for field in schema["properties"].values())


@pytest.mark.parametrize(
    ("name", "struct"),
    {
        "AttendeeShown": AttendeeView,
        "Origins": Origins,
        "Origin": Origin,
        "ChangeLine": LineView,
        "Changes": ChangesView,
        "History": HistoryView,
        "Lookup": lookup.Wanted,
        "Found": lookup.FoundView,
        "ExportWish": Wish,
        "Export": ExportView,
        "TokenWish": token.Wish,
        "Token": token.Token,
    }.items(),
)
def test_what_is_read_is_described_field_by_field_as_the_structs_are(name: str, struct: type[msgspec.Struct]) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    assert set(schema["properties"]) == set(struct.__struct_encode_fields__)
    assert all(field.get("description") or "$ref" in field for field in schema["properties"].values())


def test_a_list_s_parameters_are_those_that_are_read() -> None:
    described = {
        one.get("name") or look_up(one["$ref"])["name"]
        for one in DOCUMENT["paths"]["/e/{slug}/attendees"]["get"]["parameters"]
    }
    assert described == {*listing.PARAMETERS, "customFields", "If-None-Match"}


@pytest.mark.parametrize(
    ("path", "parameters"), [("changes", poll.PARAMETERS), ("changes/stream", (*stream.PARAMETERS, "Last-Event-ID"))]
)
def test_a_follower_s_parameters_are_those_that_are_read(path: str, parameters: tuple[str, ...]) -> None:
    described = DOCUMENT["paths"][f"/e/{{slug}}/{path}"]["get"]["parameters"]
    assert [one["name"] for one in described] == list(parameters)


def test_what_needs_a_read_key_says_so_and_what_happens_with_another() -> None:
    read = {(nameless(f"/e/{{slug}}/{route.address}"), route.method) for route in list_routes() if route.who == "read"}
    for path, method, operation in operations():
        if (nameless(path), method.upper()) in read:
            assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}], path
            assert {"401", "403", "503"} <= set(operation["responses"]), path
            assert operation["tags"][0] in ("Read", "Follow", "Exports", "Tokens"), path


def test_what_may_be_asked_again_whether_it_is_still_so_has_an_etag() -> None:
    kept = [(path, one) for path, _, one in operations() if "304" in one["responses"]]
    assert len(kept) == 6
    for path, operation in kept:
        names = [one.get("$ref", "") for one in operation["parameters"]]
        assert "#/components/parameters/IfNoneMatch" in names, path
        assert "ETag" in operation["responses"]["200"]["headers"], path


def test_what_structs_always_write_is_required() -> None:
    receipt = Receipt(id="psh_1", result="unchanged", attendee=None, sequence=None)
    problem = ProblemDocument(type="/x", title="x", status=500, detail="x", code="unexpected", retryable=True)
    change = PathChange("profile.title", old=msgspec.UNSET, new="CTO", old_hidden=True)
    for value in (receipt, problem, change, Warning("a", "unknown_field", "b"), Problem("a", "not_a_text", "b", "c")):
        schema = DOCUMENT["components"]["schemas"][type(value).__name__]
        written = msgspec.to_builtins(value)
        assert why_not(written, schema) == []
        assert set(schema["required"]) <= set(written)


def test_a_key_s_settings_are_those_of_the_policy() -> None:
    schema = DOCUMENT["components"]["schemas"]["KeyDescription"]
    settings = schema["properties"]["source"]["anyOf"][0]["properties"]["settings"]
    assert [*settings["properties"], "mode"] == list(Policy.__struct_fields__)


def test_the_lines_of_the_push_log_are_described_as_they_are_written() -> None:
    source = inspect.getsource(own_pushes.describe)
    written = set(re.findall(r'^\s+"(\w+)": ', source, re.MULTILINE)) | set(re.findall(r'line\["(\w+)"\]', source))
    assert set(DOCUMENT["components"]["schemas"]["PushLine"]["properties"]) == written


def test_d3_a_push_that_is_shown_says_how_many_errors_it_does_not_list() -> None:
    shown = DOCUMENT["components"]["schemas"]["PushShown"]
    assert shown["properties"]["moreErrors"]["type"] == "integer"
    assert "moreErrors" not in shown["required"]


def test_a_gateway_answers_programs_as_described() -> None:
    answer = gateway_page(PUBLIC_URL)("/e/summer-fair", False)
    assert why_not(json.loads(answer.body), ref("GatewayDescription")) == []


@pytest.mark.parametrize(
    "push",
    [
        {"profile": {"email": "a@b.c"}},
        {"profile.email": "a@b.c", "profile.customFields.0.fieldName": "x", "anything": {"else": [1]}},
        {"profile": {"email": "a@b.c", "title": 12, "city": True, "customFields": [None, {"fieldName": "x"}]}},
        {"profile": {"email": "a@b.c"}, "eventInfo": [], "observedAt": "1740817800", "clear": "profile.title"},
        {"profile": {"email": "a@b.c"}, "eventInfo": {"groups": {"groupNames": "Group1"}, "attending": "false"}},
        {"profile": {"email": "a@b.c", "customFields": {"0": {"fieldName": "x", "fieldValue": ["a", None]}}}},
        {"profile": {"email": "a@b.c"}, "clear": ["profile.customFields.Shoe size", None], "key": None},
    ],
)
def test_what_the_feed_takes_the_schema_takes(push: dict[str, Any]) -> None:
    assert why_not(push, ref("Push")) == []


@pytest.mark.parametrize(
    "push",
    [
        {},
        {"profile": {}},
        {"profile.email": "nobody"},
        {"profile": {"email": "a@b.c", "title": ["CTO"]}},
        {"profile": {"email": "a@b.c", "city": "a\0b"}},
        {"profile": {"email": "a@b.c", "customFields": [{"fieldValue": "43"}]}},
        {"profile": {"email": "a@b.c"}, "eventInfo": {"attending": "perhaps"}},
        {"profile": {"email": "a@b.c"}, "observedAt": "2025-03-01"},
        {"profile": {"email": "a@b.c"}, "clear": ["profile.email"]},
        {"profile": {"email": "a@b.c"}, "eventInfo": {"groups": {"groupNames": {"a": "b"}}}},
    ],
)
def test_what_the_feed_refuses_the_schema_refuses(push: dict[str, Any]) -> None:
    assert not is_valid(push, ref("Push"))


def test_every_field_of_the_profile_is_described() -> None:
    described = DOCUMENT["components"]["schemas"]
    assert list(described["Profile"]["properties"]) == [*PROFILE_FIELDS, "customFields"]
    assert [f"profile.{field}" for field in PROFILE_FIELDS] == list(described["FlatPush"]["properties"])[:22]
