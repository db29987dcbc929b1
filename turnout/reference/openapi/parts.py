"""What repeats in descriptions: keys, parameters, headers, answers, errors."""

from collections.abc import Iterable, Mapping
from typing import Any

from turnout.reference import examples
from turnout.reference.codes import ERRORS, seed_status
from turnout.reference.schemas.parts import ref

Part = dict[str, Any]
_USUAL: Mapping[str, str] = {}


SECURITY_SCHEMES: Part = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Api-Key",
        "description": "Your key, such as `trn_…`, shown once when it is made: a push key of your source to send, a "
        "read key of the event to read. Of a push it may also come in the body as `key`, at the root, in either format "
        "(A2). Never in the address: there it is not read (A5).",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key, for tools that only know this header.",
    },
}
ANY_KEY = [{"ApiKey": []}, {"Bearer": []}]


PARAMETERS: Part = {
    "Slug": {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "The event's name in addresses. You get the whole address with your key.",
        "schema": {"type": "string", "minLength": 1},
        "example": "summer-fair",
    },
    "DryRun": {
        "name": "dryRun",
        "in": "query",
        "description": "`true`: the same checks and the same answer, and nothing is changed (D5).",
        "schema": {"type": "boolean", "default": False},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Any text of yours that is new for each push, such as `order-4711-1`. For 24 hours the same "
        "key with the same body is answered with the stored receipt, also when both come at once; with another body "
        "it is an error (D6).",
        "schema": {"type": "string", "maxLength": 255},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "`return=minimal` leaves the changes out of the receipt (D1).",
        "schema": {"type": "string"},
        "example": "return=minimal",
    },
    "Fields": {
        "name": "fields",
        "in": "query",
        "description": "Only these, out of what your key sees, with commas between; may be given again. `id`, "
        "`status`, `groups` and the times come in any case.",
        "schema": {"type": "string"},
        "example": "email,firstName,Shoe size",
    },
    "Limit": {
        "name": "limit",
        "in": "query",
        "description": "How many at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of the answer that you have: 304 says that it is still so.",
        "schema": {"type": "string"},
    },
}

HEADERS: Part = {
    "X-Request-Id": {
        "description": "The request's id, in our log too. Name it when you ask about an answer.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Of this answer: sent as `If-None-Match` it is answered with 304 as long as not a byte of the "
        "body would be different. A list in JSON carries `sequence`, and is another with every change of the event.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": 'The address of the next page, `rel="next"`; missing on the last one.',
        "schema": {"type": "string"},
    },
    "X-Sequence": {
        "description": "The `sequence` of a list, in whatever form it is answered: follow the changes from there.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Data-Age": {
        "description": "How old at most the answer was when it was read, in seconds: all that had happened before is "
        "in it. Present only where it was read from a replica, which may be a little behind; `unknown` where nobody "
        "can tell how much.",
        "schema": {"type": "string", "pattern": "^([0-9]+\\.[0-9]|unknown)$"},
        "example": "0.4",
    },
    "Retry-After": {
        "description": "Seconds after which the same request may be sent again. Present where `retryable` is true.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "How a key may be sent.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="Turnout", ApiKey realm="Turnout"',
    },
}


def header(name: str) -> Part:
    return {name: {"$ref": f"#/components/headers/{name}"}}


def query(name: str, description: str, schema: Part, example: str | None = None) -> Part:
    """A parameter of the query."""
    parameter = {"name": name, "in": "query", "description": description, "schema": schema}
    return parameter if example is None else parameter | {"example": example}


def at_gateway(**operations: Part) -> Part:
    return {"parameters": [{"$ref": "#/components/parameters/Slug"}], **operations}


ANY_ERROR = {"$ref": "#/components/responses/AnyError"}


def parameters(*names: str) -> list[Part]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def as_examples(shown: dict[str, tuple[str, Any]]) -> Part:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


def plain(description: str, schema: Part, example: Any) -> Part:
    return {
        "description": description,
        "headers": header("X-Request-Id"),
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def answer(description: str, schema: Part, shown: dict[str, tuple[str, Any]], *headers: str) -> Part:
    """An answer in JSON, with headers besides."""
    return {
        "description": description,
        "headers": {name: part for each in ("X-Request-Id", *headers) for name, part in header(each).items()},
        "content": {"application/json": {"schema": schema, "examples": as_examples(shown)}},
    }


NOT_CHANGED: Part = {
    "304": {"description": "What `If-None-Match` names is still so.", "headers": header("ETag")},
}
NOT_CHANGED_SINCE: Part = {
    "304": {
        "description": "What `If-None-Match` names is still so, or was when the replica was so far.",
        "headers": {**header("ETag"), **header("X-Data-Age")},
    },
}
"""Of what may be read from a replica."""

BODY_ERRORS = ("malformed_body", "slow_body", "body_too_large", "unsupported_encoding")
"""What can come where a body is read."""


def read_errors(problems_url: str, *codes: str, **said: str) -> Part:
    """The error answers to whoever reads: these, and those that can come instead of any answer.

    `said` are details by code, for the examples, where others than usual are told.
    """
    return errors(problems_url, ("unauthorized", "wrong_scope", *codes, "storage_unavailable"), said=_TO_READERS | said)


_TO_READERS = {
    "wrong_scope": "A push key does not read. Ask for a read key.",
    "invalid_request": 'There is no parameter "grup". Did you mean group?',
    "malformed_body": 'The body is not valid JSON: a } is missing at the end (line 1, column 31, near .org"]⟨here⟩). '
    "Add } at the end.",
    "slow_body": f"{ERRORS['slow_body'].title}. {ERRORS['slow_body'].help}",
    "body_too_large": "The body is larger than 64 KiB, which is the most that is taken at once.",
    "unsupported_encoding": "The body is packed with br; gzip and deflate are read.",
    "storage_unavailable": "The database is away.",
}


def errors(
    problems_url: str, codes: Iterable[str], *, follows_setting: bool = False, said: Mapping[str, str] = _USUAL
) -> Part:
    """The error answers with these codes, by status; where the setting counts, under either of its values."""
    codes = list(codes)
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(ERRORS[code].status, []).append(code)
    answers = {
        str(status): problem(
            _describe(found, precise=follows_setting and status not in (401, 500)), found, problems_url, said=said
        )
        for status, found in sorted(by_status.items())
    }
    if follows_setting:
        seed = [code for code in codes if seed_status(ERRORS[code]) == 500]
        answers["500"] = problem(_SEED, seed, problems_url, precise=False)
    return answers | {"default": ANY_ERROR}


_SEED = (
    "Any error but a bad key, unless the setting `status_codes` is `precise` (D3, D4). With `retryable: true` the "
    "fault is ours, and `Retry-After` says when to come again."
)


def _describe(codes: list[str], *, precise: bool) -> str:
    titles = "; ".join(ERRORS[code].title for code in codes) + "."
    return f"With `status_codes = precise` (D4): {titles}" if precise else titles


def problem(
    description: str, codes: list[str], problems_url: str, *, precise: bool = True, said: Mapping[str, str] = _USUAL
) -> Part:
    shown = {
        code: (ERRORS[code].title, examples.problem(code, problems_url, precise=precise, said=said.get(code)))
        for code in codes
    }
    headers = header("X-Request-Id")
    if any(ERRORS[code].retryable for code in codes):
        headers |= header("Retry-After")
    if "unauthorized" in codes:
        headers |= header("WWW-Authenticate")
    return {
        "description": description,
        "headers": headers,
        "content": {"application/problem+json": {"schema": ref("ProblemDocument"), "examples": as_examples(shown)}},
    }


def any_error(problems_url: str) -> Part:
    """What can be the answer to any request at all."""
    return problem(
        "What can happen to any request: another address or method, a request that is not HTTP or too slow, too many "
        "connections, a mistake of ours.",
        [
            "not_found",
            "method_not_allowed",
            "malformed_request",
            "slow_head",
            "head_too_large",
            "too_many_connections",
            "unexpected",
        ],
        problems_url,
    )
