"""The operations as a part of the OpenAPI document: paths, schemas, and how to sign in. Made from what they declare."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

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
    schemas = _list_schemas(operations)
    paths: Part = {}
    for operation in operations:
        paths.setdefault(f"/api/{operation.path}", {})[operation.method.lower()] = _describe(operation)
    return {
        "tags": [{"name": TAG, "description": "What the console does, for programs: with a personal token."}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": _SCHEMES,
            "responses": {"ApiError": _error(problems_url)},
        },
    }


def _list_schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    types = [kind for one in operations for kind in (one.takes, one.gives) if kind is not None]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/Api{name}")
    return {f"Api{name}": schema for name, schema in schemas.items()}


def _schema_of(kind: Any) -> Part:
    [schema], _ = msgspec.json.schema_components([kind], ref_template="#/components/schemas/Api{name}")
    return dict(schema)


def _describe(operation: Operation) -> Part:
    described: Part = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "description": f"{_NEEDS[operation.needs]} {operation.description}".strip(),
        "tags": [TAG],
        "security": [{"PersonalToken": []}],
        "parameters": _list_parameters(operation),
        "responses": {str(operation.status): _describe_answer(operation), "default": {"$ref": _ERROR}}
        if operation.gives is not None
        else {"204": {"description": "It is done."}, "default": {"$ref": _ERROR}},
    }
    if operation.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema_of(operation.takes)}},
        }
    return described


_ERROR = "#/components/responses/ApiError"


def _describe_answer(operation: Operation) -> Part:
    made = "It is made." if operation.status == 201 else "The answer."
    return {"description": made, "content": {"application/json": {"schema": _schema_of(operation.gives)}}}


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
