"""Looking at a gateway, a key and one's own pushes."""

from turnout.reference import examples
from turnout.reference.openapi.parts import ANY_ERROR, ANY_KEY, Part, answer, errors, header
from turnout.reference.schemas.answers import RESULTS
from turnout.reference.schemas.parts import ref


def show_gateway(public_url: str) -> Part:
    url = f"{public_url}/e/summer-fair"
    example = {
        "what": "A gateway of Turnout: attendees of one event are pushed to this address, and read here.",
        "push": {"method": "POST", "url": f"{url}/attendees"},
        "batch": {"method": "POST", "url": f"{url}/attendees/batch"},
        "leave": {"method": "DELETE", "url": f"{url}/attendees/{{email}}"},
        "key": {"method": "GET", "url": f"{url}/key"},
        "pushes": {"method": "GET", "url": f"{url}/pushes"},
        "read": {"method": "GET", "url": f"{url}/attendees", "key": "A read key, in a header."},
        "changes": {"method": "GET", "url": f"{url}/changes?after=0"},
        "stream": {"method": "GET", "url": f"{url}/changes/stream?after=0"},
        "exports": {"method": "POST", "url": f"{url}/exports"},
        "documentation": f"{public_url}/docs",
        "rules": f"{public_url}/rules",
        "openapi": f"{public_url}/openapi.json",
        "problems": f"{public_url}/problems",
    }
    return {
        "operationId": "showGateway",
        "summary": "What this address is, how to push to it and read from it",
        "description": "A page for browsers, JSON for programs. It needs no key, and is the same whether or not there "
        "is such "
        "an event, so that nobody learns which events there are (A3).",
        "tags": ["Look"],
        "security": [],
        "responses": {
            "200": {
                "description": "How to push and read.",
                "headers": header("X-Request-Id"),
                "content": {
                    "application/json": {"schema": ref("GatewayDescription"), "example": example},
                    "text/html": {"schema": {"type": "string"}},
                },
            },
            "default": ANY_ERROR,
        },
    }


def show_key(problems_url: str) -> Part:
    shown = {"push": ("A push key", examples.KEY), "read": ("A read key", examples.READ_KEY)}
    return {
        "operationId": "showKey",
        "summary": "What your key is good for",
        "description": "Which event, source and settings the key has, and when it last pushed: the way to test a key "
        "without "
        "pushing anybody (A6).",
        "tags": ["Look"],
        "security": ANY_KEY,
        "responses": {
            "200": answer("The key, without its secret.", ref("KeyDescription"), shown),
            **errors(problems_url, ("unauthorized", "storage_unavailable")),
        },
    }


def list_pushes(problems_url: str) -> Part:
    return {
        "operationId": "listPushes",
        "summary": "What you pushed",
        "description": "The pushes of your source, latest first, failed ones and dry runs too.",
        "tags": ["Look"],
        "security": ANY_KEY,
        "parameters": [
            {
                "name": "limit",
                "in": "query",
                "description": "How many at most.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "The `next` of the page before; without it the latest.",
                "schema": {"type": "string"},
            },
            {
                "name": "result",
                "in": "query",
                "description": "Only those with this result.",
                "schema": {"type": "string", "enum": ["", *RESULTS]},
            },
        ],
        "responses": {
            "200": answer("A page of them.", ref("PushList"), {"page": ("A page", examples.PUSH_LIST)}),
            **errors(problems_url, ("invalid_request", "unauthorized", "wrong_scope", "storage_unavailable")),
        },
    }


def show_push(problems_url: str) -> Part:
    return {
        "operationId": "showPush",
        "summary": "One push: what came, and what became of it",
        "description": "With what it changed, its warnings or errors, and its body as it came, without the key.",
        "tags": ["Look"],
        "security": ANY_KEY,
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The `id` of its receipt.",
                "schema": {"type": "string", "minLength": 1},
                "example": examples.PUSH_ID,
            }
        ],
        "responses": {
            "200": answer("The push.", ref("PushShown"), {"push": ("A push", examples.PUSH_SHOWN)}),
            **errors(problems_url, ("unauthorized", "wrong_scope", "not_found", "storage_unavailable")),
        },
    }
