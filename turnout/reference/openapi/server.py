"""What the server says of itself."""

from turnout.reference import examples
from turnout.reference.openapi.parts import ANY_ERROR, Part, header, plain, problem
from turnout.reference.schemas.parts import ref


def show_health() -> Part:
    unwell = {"status": "unavailable", "reason": "The disk is full."}
    return {
        "operationId": "showHealth",
        "summary": "Whether pushes can be stored",
        "description": "For load balancers and monitors. The answer is kept for a second, so that probes cost nothing.",
        "tags": ["Server"],
        "security": [],
        "responses": {
            "200": plain("It can commit.", ref("Healthy"), {"status": "ok", "version": "0.1.0"}),
            "503": plain("It cannot commit; it resumes by itself when the cause is gone.", ref("Unhealthy"), unwell),
            "default": ANY_ERROR,
        },
    }


def show_metrics(problems_url: str) -> Part:
    return {
        "operationId": "showMetrics",
        "summary": "Figures for Prometheus",
        "description": "Answered to this machine alone.",
        "tags": ["Server"],
        "security": [],
        "responses": {
            "200": {
                "description": "In Prometheus' text format.",
                "headers": header("X-Request-Id"),
                "content": {"text/plain": {"schema": {"type": "string"}, "example": examples.METRICS}},
            },
            "404": problem("Somebody else asks.", ["not_found"], problems_url, precise=True),
            "default": ANY_ERROR,
        },
    }


def show_document() -> Part:
    return {
        "operationId": "showDocument",
        "summary": "The OpenAPI document",
        "description": "OpenAPI 3.1, to import into your tools. `/docs` shows it to people.",
        "tags": ["Server"],
        "security": [],
        "responses": {
            "200": {
                "description": "The document.",
                "headers": header("X-Request-Id"),
                "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "paths"]}}},
            },
            "default": ANY_ERROR,
        },
    }
