"""The operations as a part of the OpenAPI document: paths, schemas, and how to sign in. Made from what they declare."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from turnout.api.examples import EXAMPLES
from turnout.api.operation import Operation
from turnout.api.operations import list_operations

Part = dict[str, Any]
TAG = "Console"
_SCHEMES: Part = {
    "PersonalToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal token, `trt_…`, of a user of the console: it may what the user may. Make one on the "
        "console's page Account.",
    }
}
_NEEDS = {
    "user": "For everybody who is signed in.",
    "viewer": "For viewers of the event.",
    "manager": "For managers of the event.",
    "administrator": "For administrators.",
}


def describe(problems_url: str) -> Part:
    """Sections of a document, to be put beside those that are there: tags, paths, components."""
    operations = list_operations()
    schema_of, schemas = _list_schemas(operations)
    paths: Part = {}
    for operation in operations:
        paths.setdefault(f"/api/{operation.path}", {})[operation.method.lower()] = _describe(operation, schema_of)
    return {
        "tags": [{"name": TAG, "description": "What the console does, for programs: with a personal token."}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": _SCHEMES,
            "responses": {"ApiError": _error(problems_url)},
        },
    }


def _list_schemas(operations: Sequence[Operation]) -> tuple[dict[Any, Part], dict[str, Any]]:
    """How each kind is referred to, and all that is referred to: together, for two of one name get longer ones."""
    types = [kind for one in operations for kind in (one.takes, one.gives) if kind is not None]
    found, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/Api{name}")
    named = {f"Api{name}": schema for name, schema in schemas.items()}
    return dict(zip(types, map(dict, found), strict=True)), named


def _describe(operation: Operation, schema_of: dict[Any, Part]) -> Part:
    described: Part = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "description": f"{_NEEDS[operation.needs]} {operation.description}".strip(),
        "tags": [TAG],
        "security": [{"PersonalToken": []}],
        "parameters": _list_parameters(operation),
        "responses": {str(operation.status): _describe_answer(operation, schema_of), "default": {"$ref": _ERROR}}
        if operation.gives is not None or operation.gives_file
        else {"204": {"description": "It is done."}, "default": {"$ref": _ERROR}},
    }
    if operation.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": _describe_body(operation, schema_of)},
        }
    return described


def _describe_body(operation: Operation, schema_of: dict[Any, Part]) -> Part:
    example = EXAMPLES.get(f"{operation.method} {operation.path}")
    return {"schema": schema_of[operation.takes]} | ({} if example is None else {"example": example})


_ERROR = "#/components/responses/ApiError"


def _describe_answer(operation: Operation, schema_of: dict[Any, Part]) -> Part:
    if operation.gives_file:
        content = {one: {"schema": {"type": "string"}} for one in operation.gives_file}
        return {"description": "The file.", "content": content}
    made = {201: "It is made.", 202: "It is begun."}.get(operation.status, "The answer.")
    described: Part = {"description": made, "content": {"application/json": {"schema": schema_of[operation.gives]}}}
    if operation.tells_age:
        described["headers"] = {"X-Data-Age": {"$ref": "#/components/headers/X-Data-Age"}}
    return described


def _error(problems_url: str) -> Part:
    return {
        "description": f"A problem document, as everywhere ({problems_url}): 400 what cannot be meant, 401 nobody is "
        "signed in, 403 your role does not allow it, 404 there is no such thing, or it is not for you, 409 it stands "
        "against something that is, 413 too much, 503 try again.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }


def _list_parameters(operation: Operation) -> list[Part]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "The event's slug." if name == "event" else f"Which {name}: as a list has it.",
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    in_query = [
        {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
        for name, description in operation.query.items()
        if not name.endswith("*")
    ]
    return in_path + in_query


def _name(operation: Operation) -> str:
    """`postEventsKeysRotate`: one for each, from its address."""
    words = re.findall(r"\w+", operation.path)
    return operation.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)
