"""The OpenAPI 3.1 document: every endpoint there is, for whoever sends attendees."""

from collections.abc import Iterable
from typing import Any

from turnout.reference import examples, schemas, webhooks
from turnout.reference.codes import ERRORS, seed_status
from turnout.reference.schemas import RESULTS, ref

Part = dict[str, Any]


def document(public_url: str, version: str) -> Part:
    """The whole document. `public_url` is where senders reach this server."""
    problems_url = f"{public_url}/problems"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Turnout: Attendees Data Feed API",
            "version": version,
            "summary": "Push attendees to an event's gateway.",
            "description": _INTRODUCTION.replace("PROBLEMS", problems_url).replace("RULES", f"{public_url}/rules"),
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": public_url, "description": "This installation"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": {
            "/e/{slug}/attendees": _at_gateway(
                post=_push(problems_url, "pushAttendee", "Push one attendee"), get=_list_attendees(problems_url)
            ),
            "/e/{slug}": _at_gateway(
                post=_push(problems_url, "pushAttendeeToGateway", "Push one attendee, at the bare gateway"),
                get=_show_gateway(public_url),
            ),
            "/e/{slug}/attendees/batch": _at_gateway(post=_push_batch(problems_url)),
            "/e/{slug}/attendees/{email}": _at_gateway(
                get=_show_attendee(problems_url), delete=_withdraw(problems_url)
            ),
            "/e/{slug}/attendees/{attendee}/history": _at_gateway(get=_show_history(problems_url)),
            "/e/{slug}/changes": _at_gateway(get=_list_changes(problems_url)),
            "/e/{slug}/changes/stream": _at_gateway(get=_stream_changes(problems_url)),
            "/e/{slug}/attendees/lookup": _at_gateway(post=_look_up(problems_url)),
            "/e/{slug}/groups": _at_gateway(get=_list_names(problems_url, "Groups", "groups")),
            "/e/{slug}/custom-fields": _at_gateway(get=_list_names(problems_url, "CustomFields", "custom fields")),
            "/e/{slug}/attendees/{attendee}/token": _at_gateway(post=_give_token(problems_url)),
            "/e/{slug}/.well-known/jwks.json": _at_gateway(get=_list_signing_keys(problems_url)),
            "/e/{slug}/key": _at_gateway(get=_show_key(problems_url)),
            "/e/{slug}/pushes": _at_gateway(get=_list_pushes(problems_url)),
            "/e/{slug}/pushes/{id}": _at_gateway(get=_show_push(problems_url)),
            "/health": {"get": _show_health()},
            "/metrics": {"get": _show_metrics(problems_url)},
            "/openapi.json": {"get": _show_document()},
        },
        "webhooks": webhooks.section(),
        "components": {
            "schemas": schemas.components() | webhooks.components(),
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "responses": {"AnyError": _any_error(problems_url)},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


_INTRODUCTION = """\
Every event has a **gateway**, an address of its own such as `…/e/summer-fair`, and keys that open it. Attendees are
pushed there, one at a time or many at once, and each push is answered with a receipt of what changed. An event may
also have a host name of its own; then its gateway is that host's root, and everything below `/e/{slug}` here is
found there.

**What a push does.** It says something about one person, found by e-mail address. A field that is not provided
keeps its value, and so does one that is `null`; `""` empties a field, and so does `clear`, whatever the settings are.
Custom fields merge by name. `groupNames` is the whole list of groups that *your source* puts the person in; what
other systems said stays.

**What the answer means.** `200` is sent when the push is on disk. `401` means that address and key do not go
together. Any other error is a 500 with a [problem document](PROBLEMS) that lists everything wrong at once, in your
own notation; ask for the setting `status_codes = precise` if your tool repeats every 5xx. Decide by `retryable`:
`false` can never succeed as it is, `true` will, after `Retry-After`.

**The body.** JSON in UTF-8, whatever the `Content-Type` says, nested or flat; or a form. It may be packed: set
`Content-Encoding` to `gzip` or `deflate`. A push has at most 1 MiB once unpacked, a batch 32 MiB. Names that differ
from ours only in case, `_`, `-` or spaces are understood, and names that are none of ours are kept, both with a
warning.

**Trying things out.** With `?dryRun=true` everything is checked and answered, and nothing changes.
`Idempotency-Key` makes a request safe to repeat after a time-out.

Numbers such as C5 are [rules](RULES), which say all of this more exactly, each with a request and its answer."""

_TAGS = {
    "Push": "Say something about attendees.",
    "Look": "What became of it, and whom your key belongs to.",
    "Read": "Who is there: with a read key of the event.",
    "Webhooks": "Be told of every change, signed and in order.",
    "Tokens": "Tell an app, a site or a CDN who somebody is, without a call back.",
    "Server": "For whoever runs this server.",
}

_SECURITY_SCHEMES: Part = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Api-Key",
        "description": "The key of your source, such as `trn_…`, shown once when it is made. It may also come in the "
        "body as "
        "`key`, at the root, in either format (A2). Never in the address: there it is not read (A5).",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key, for tools that only know this header.",
    },
}
_ANY_KEY = [{"ApiKey": []}, {"Bearer": []}]

_PARAMETERS: Part = {
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
        "key with the same body is "
        "answered "
        "with the stored receipt, also when both come at once; with another body it is an error (D6).",
        "schema": {"type": "string", "maxLength": 255},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "`return=minimal` leaves the changes out of the receipt (D1).",
        "schema": {"type": "string"},
        "example": "return=minimal",
    },
}

_HEADERS: Part = {
    "X-Request-Id": {
        "description": "The request's id, in our log too. Name it when you ask about an answer.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Of this answer: sent as `If-None-Match` it is answered with 304 as long as it is the same.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": 'The address of the next page, `rel="next"`; missing on the last one.',
        "schema": {"type": "string"},
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


def _header(name: str) -> Part:
    return {name: {"$ref": f"#/components/headers/{name}"}}


def _at_gateway(**operations: Part) -> Part:
    return {"parameters": [{"$ref": "#/components/parameters/Slug"}], **operations}


# Endpoints


def _push(problems_url: str, operation_id: str, summary: str) -> Part:
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": "One attendee, in either format or as a form. The answer is sent when it is on disk, and the "
        "same push "
        "again changes nothing (C8, D1).",
        "tags": ["Push"],
        "security": _ANY_KEY,
        "parameters": _parameters("DryRun", "IdempotencyKey", "Prefer"),
        "requestBody": {
            "required": True,
            "description": "What the `Content-Type` says does not matter for JSON. `Content-Encoding: gzip` and "
            "`deflate` are "
            "read (B1).",
            "content": {
                "application/json": {"schema": ref("Push"), "examples": _examples(examples.PUSHES)},
                "application/x-www-form-urlencoded": {"schema": ref("FormPush"), "example": examples.FLAT_PUSH},
                "multipart/form-data": {"schema": ref("FormPush"), "example": examples.FLAT_PUSH},
            },
        },
        "responses": {
            "200": _answer("The receipt: it is on disk.", ref("Receipt"), examples.RECEIPTS),
            **_errors(problems_url, _PUSH_ERRORS, follows_setting=True),
        },
    }


_PUSH_ERRORS = (
    "unauthorized",
    "malformed_body",
    "invalid_request",
    "slow_body",
    "body_too_large",
    "unsupported_encoding",
    "invalid_push",
    "idempotency_key_reused",
    "too_many_pushes",
    "storage_unavailable",
    "queue_full",
    "shutting_down",
    "unexpected",
)


def _withdraw(problems_url: str) -> Part:
    return {
        "operationId": "withdrawAttendee",
        "summary": "Say that somebody is not coming",
        "description": 'The push with `"eventInfo": {"attending": false}`, for tools that delete: this source does not '
        "expect the person any more. When no source does, the status becomes `withdrawn`; the attendee is kept, and "
        "the next push brings the person back. Saying it again, or of somebody unknown, changes nothing (C9). A body "
        "is not read, so the key goes into a header.",
        "tags": ["Push"],
        "security": _ANY_KEY,
        "parameters": [
            {
                "name": "email",
                "in": "path",
                "required": True,
                "description": "The address, percent-encoded.",
                "schema": {"type": "string", "format": "email", "minLength": 3, "maxLength": 320},
                "example": "john.doe@example.com",
            },
            {
                "name": "thirdPartyId",
                "in": "query",
                "description": "Your own id of the person, as in a push; necessary where several people have the "
                "address (C6).",
                "schema": {"type": "string"},
                "example": "crm-4711",
            },
            *_parameters("DryRun", "IdempotencyKey", "Prefer"),
        ],
        "responses": {
            "200": _answer("The receipt: it is on disk.", ref("Receipt"), examples.LEAVING_RECEIPTS),
            **_errors(problems_url, _WITHDRAWAL_ERRORS, follows_setting=True),
        },
    }


_WITHDRAWAL_ERRORS = [
    code
    for code in _PUSH_ERRORS
    if code not in ("malformed_body", "slow_body", "body_too_large", "unsupported_encoding")
]


def _push_batch(problems_url: str) -> Part:
    batches = {
        "array": ("An array", examples.BATCH),
        "object": ("An object", {"attendees": examples.BATCH}),
    }
    answers = {
        "all": ("Every item", examples.batch_answer(problems_url)),
        "summary": ("With receipts=summary", examples.SUMMARY),
    }
    return {
        "operationId": "pushBatch",
        "summary": "Push many attendees at once",
        "description": 'A JSON array, `{"attendees": […]}`, NDJSON or CSV, of up to 10,000 pushes in either format. '
        "Each item is a "
        "push of its own: one that fails stops no other, and the answer is 200 as soon as the batch could be read "
        "(E1). "
        "An item may carry a key of its own; a key inside the body is looked for in its first MiB (E3).",
        "tags": ["Push"],
        "security": _ANY_KEY,
        "parameters": [
            *_parameters("DryRun"),
            {
                "name": "atomic",
                "in": "query",
                "description": "`true`: all or nothing. One failing item, and the answer is an error that lists every "
                "failing "
                "item's problems (E2).",
                "schema": {"type": "boolean", "default": False},
            },
            {
                "name": "receipts",
                "in": "query",
                "description": "Which outcomes to list: of all items, of the failed ones, or none but the counts.",
                "schema": {"type": "string", "enum": ["all", "failed", "summary"], "default": "all"},
            },
            {
                "name": "format",
                "in": "query",
                "description": "With `receipts=failed`: `csv` answers the failed items as CSV, each with its reason in "
                "a last column `error`, to be mended and sent again.",
                "schema": {"type": "string", "enum": ["json", "csv"], "default": "json"},
            },
            {
                "name": "complete",
                "in": "query",
                "description": "The batch is this source's whole list: whoever else it expects is withdrawn (E4).",
                "schema": {"type": "boolean", "default": False},
            },
            {
                "name": "withdraw",
                "in": "query",
                "description": "With `complete`: confirms how many, where they are more than a fifth (E4).",
                "schema": {"type": "integer", "minimum": 1, "maximum": 10_000_000},
            },
            *_parameters("IdempotencyKey", "Prefer"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ref("Batch"), "examples": _examples(batches)},
                "application/x-ndjson": {"schema": ref("BatchLines"), "example": examples.LINES},
                "text/csv": {"schema": ref("BatchCsv"), "example": _CSV},
            },
        },
        "responses": {
            "200": _with_csv(_answer("Every item's outcome.", ref("BatchAnswer"), answers)),
            **_errors(
                problems_url,
                [code if code != "invalid_push" else "invalid_batch" for code in _PUSH_ERRORS],
                follows_setting=True,
            ),
        },
    }


_CSV = "email,firstName,customFields.Shoe size\njohn.doe@example.com,John,43\nno address,Jane,\n"
_FAILED_CSV = (
    "email,firstName,customFields.Shoe size,error\r\n"
    'no address,Jane,,"Line 3: profile.email is ""no address"", which is not an e-mail address: it has no @. '
    'Send an address such as john.doe@example.com."\r\n'
)


def _with_csv(answer: Part) -> Part:
    """The answer, which with `format=csv` is CSV."""
    answer["headers"]["Content-Disposition"] = {
        "description": "With `format=csv`: the name of a file to save it in.",
        "schema": {"type": "string"},
    }
    answer["content"]["text/csv"] = {"schema": {"type": "string"}, "example": _FAILED_CSV}
    return answer


def _show_gateway(public_url: str) -> Part:
    url = f"{public_url}/e/summer-fair"
    example = {
        "what": "A gateway of Turnout: attendees of one event are pushed to this address.",
        "push": {"method": "POST", "url": f"{url}/attendees"},
        "batch": {"method": "POST", "url": f"{url}/attendees/batch"},
        "leave": {"method": "DELETE", "url": f"{url}/attendees/{{email}}"},
        "key": {"method": "GET", "url": f"{url}/key"},
        "pushes": {"method": "GET", "url": f"{url}/pushes"},
        "documentation": f"{public_url}/docs",
        "rules": f"{public_url}/rules",
        "openapi": f"{public_url}/openapi.json",
        "problems": f"{public_url}/problems",
    }
    return {
        "operationId": "showGateway",
        "summary": "What this address is, and how to push to it",
        "description": "A page for browsers, JSON for programs. It needs no key, and is the same whether or not there "
        "is such "
        "an event, so that nobody learns which events there are (A3).",
        "tags": ["Look"],
        "security": [],
        "responses": {
            "200": {
                "description": "How to push.",
                "headers": _header("X-Request-Id"),
                "content": {
                    "application/json": {"schema": ref("GatewayDescription"), "example": example},
                    "text/html": {"schema": {"type": "string"}},
                },
            },
            "default": _ANY_ERROR,
        },
    }


def _list_attendees(problems_url: str) -> Part:
    text: Part = {"type": "string", "minLength": 1}
    filters = {
        "group": ("Who is in this group, by its name.", text),
        "source": ("Of whom this source says something, by its name or id.", text),
        "updatedSince": ("Who was changed then or later: ISO 8601 with offset, or seconds since 1970.", text),
        "email": ("Who has, or had, this address.", text),
        "q": (
            "Whose name, e-mail or company has words that begin so; without `sort` in the order of these words.",
            {"type": "string"},
        ),
        "status": (
            "Withdrawn people come only when asked for.",
            {"type": "string", "enum": ["attending", "withdrawn", "all"], "default": "attending"},
        ),
        "sort": (
            "The order; with `-` the other way round. By `id`, the default, and `created` the list is a snapshot.",
            {
                "type": "string",
                "enum": [
                    f"{sign}{order}"
                    for sign in ("", "-")
                    for order in ("id", "email", "lastName", "created", "updated")
                ],
            },
        ),
        "fields": (
            "Only these, out of what your key sees, with commas between: `firstName,Shoe size`.",
            text,
        ),
        "limit": ("How many at most.", {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}),
        "cursor": ("The `next` of the page before, with the same filters and order.", text),
        "format": ("In which form, whatever `Accept` says.", {"type": "string", "enum": list(_FORMS)}),
    }
    return {
        "operationId": "listAttendees",
        "summary": "Who is there",
        "description": "A page of attendees, as far as your key sees them. Besides the parameters below, "
        "`customField.<name>` filters by a custom field's whole value: `customField.Shoe size=43`. "
        "`sequence` is the last change when the first page was read: whoever follows the changes from there on misses "
        "nothing of a list by id.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "parameters": [
            {"name": name, "in": "query", "description": description, "schema": schema}
            for name, (description, schema) in filters.items()
        ],
        "responses": {
            "200": {
                "description": "A page; the `Link` header leads to the next one.",
                "headers": _header("X-Request-Id") | _header("ETag") | _header("Link"),
                "content": {
                    **{form: {"schema": {"type": "string"}} for form in _FORMS.values()},
                    "application/json": {"schema": ref("AttendeeList"), "example": examples.ATTENDEE_LIST},
                },
            },
            **_NOT_CHANGED,
            **_errors(
                problems_url,
                (
                    "invalid_request",
                    "too_broad",
                    "unauthorized",
                    "wrong_scope",
                    "hidden_field",
                    "not_acceptable",
                    "index_behind",
                    "queue_full",
                    "storage_unavailable",
                ),
            ),
        },
    }


_FORMS = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_NOT_CHANGED: Part = {
    "304": {
        "description": "What `If-None-Match` names is still so.",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
    }
}


def _show_attendee(problems_url: str) -> Part:
    return {
        "operationId": "showAttendee",
        "summary": "One attendee",
        "description": "By an id, or by an address, present or former, where your key sees addresses. One who was "
        "merged into another leads to that one. Whoever is outside of what your key sees is not found.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "parameters": [
            _person("email"),
            {
                "name": "explain",
                "in": "query",
                "description": "`true`: with `origins`, which change set each value, of which source.",
                "schema": {"type": "boolean", "default": False},
            },
            _FIELDS,
        ],
        "responses": {
            "200": _answer("The attendee.", ref("AttendeeShown"), {"attendee": ("One", examples.ATTENDEE)}),
            **_NOT_CHANGED,
            **_errors(problems_url, _ABOUT_ONE),
        },
    }


_ABOUT_ONE = (
    "invalid_request",
    "unauthorized",
    "wrong_scope",
    "hidden_field",
    "not_found",
    "conflict",
    "storage_unavailable",
)
_FIELDS: Part = {
    "name": "fields",
    "in": "query",
    "description": "Only these, out of what your key sees, with commas between.",
    "schema": {"type": "string"},
}


def _person(name: str) -> Part:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "An id, `att_…`, or an address, percent-encoded.",
        "schema": {"type": "string", "minLength": 1},
        "example": examples.ATTENDEE_ID,
    }


def _show_history(problems_url: str) -> Part:
    return {
        "operationId": "showHistory",
        "summary": "All that changed of one attendee",
        "description": "His lines of the log, the latest first, as far as your key sees them.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "parameters": [
            _person("attendee"),
            {
                "name": "limit",
                "in": "query",
                "description": "How many at most.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "The `next` of the page before.",
                "schema": {"type": "string", "minLength": 1},
            },
        ],
        "responses": {
            "200": _answer("A page of lines.", ref("History"), {"page": ("A page", examples.HISTORY)}),
            **_NOT_CHANGED,
            **_errors(problems_url, (*_ABOUT_ONE, "queue_full")),
        },
    }


def _following(*names: str) -> list[Part]:
    """What both ways of following can be asked."""
    parameters = {
        "after": ("What came behind this line.", {"type": "integer", "minimum": 0}),
        "limit": ("How many lines at most; more than 1,000 count as that.", {"type": "integer", "minimum": 1}),
        "wait": (
            "How many seconds to wait for the first line; more than 60 count as that.",
            {"type": "integer", "minimum": 0},
        ),
        "payload": (
            "With each line the push that would make the change, in this format.",
            {"type": "string", "enum": ["nested", "flat"]},
        ),
        "group": (
            "Only people who were in one of these groups before the line, or are behind it.",
            {"type": "array", "items": {"type": "string"}},
        ),
        "field": (
            "Only these fields, and lines by which one of them changed.",
            {"type": "array", "items": {"type": "string"}},
        ),
    }
    return [
        {"name": name, "in": "query", "description": parameters[name][0], "schema": parameters[name][1]}
        for name in names
    ]


_FOLLOWING_ERRORS = ("invalid_request", "cursor_beyond_head", "unauthorized", "wrong_scope", "storage_unavailable")


def _list_changes(problems_url: str) -> Part:
    return {
        "operationId": "listChanges",
        "summary": "What has changed",
        "description": "The lines of the event's log behind a cursor, as far as your key sees them, in order and "
        "without a gap; with `wait` the answer comes as soon as there is one.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "parameters": _following("after", "limit", "wait", "payload", "group", "field"),
        "responses": {
            "200": _answer("Lines.", ref("Changes"), {"lines": ("A line", examples.CHANGES)}),
            **_errors(problems_url, _FOLLOWING_ERRORS),
        },
    }


def _stream_changes(problems_url: str) -> Part:
    last_id: Part = {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The id of the last message that was read; it beats `after`.",
        "schema": {"type": "string", "pattern": "^[0-9]{0,18}$"},
    }
    return {
        "operationId": "streamChanges",
        "summary": "What changes, as it does",
        "description": "Server-sent events: each line as a message with its number as `id`, the event `change` and the "
        "line as JSON. Without a cursor it begins now. A comment comes every ten seconds, where lines were passed over "
        "with an `id`. It does not end by itself.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "parameters": [*_following("after", "payload", "group", "field"), last_id],
        "responses": {
            "200": {
                "description": "Messages.",
                "headers": _header("X-Request-Id"),
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_errors(problems_url, (*_FOLLOWING_ERRORS, "shutting_down")),
        },
    }


def _look_up(problems_url: str) -> Part:
    return {
        "operationId": "lookUpAttendees",
        "summary": "Attendees by addresses or ids, which no log keeps",
        "description": "As one attendee, for up to 100 at once. They stand in the body, because what stands in the "
        "address of a request is kept in logs on the way.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "parameters": [_FIELDS],
        "requestBody": {
            "required": True,
            "description": "Whom to look for.",
            "content": {
                "application/json": {
                    "schema": ref("Lookup"),
                    "example": {"emails": ["john.doe@example.com", "nobody@example.com"]},
                }
            },
        },
        "responses": {
            "200": _answer("Those found, each once.", ref("Found"), {"found": ("One of two", examples.FOUND)}),
            **_errors(
                problems_url,
                (
                    "invalid_request",
                    "malformed_body",
                    "unauthorized",
                    "wrong_scope",
                    "hidden_field",
                    "body_too_large",
                    "unsupported_encoding",
                    "storage_unavailable",
                ),
            ),
        },
    }


def _list_names(problems_url: str, name: str, what: str) -> Part:
    shown = examples.GROUPS if name == "Groups" else examples.CUSTOM_FIELDS
    return {
        "operationId": f"list{name}",
        "summary": f"The event's {what}",
        "description": f"The {what} that the event has seen, in the order in which they came, and your key sees.",
        "tags": ["Read"],
        "security": _ANY_KEY,
        "responses": {
            "200": _answer("All of them.", ref(name), {"all": ("All", shown)}),
            **_NOT_CHANGED,
            **_errors(problems_url, ("invalid_request", "unauthorized", "wrong_scope", "storage_unavailable")),
        },
    }


def _give_token(problems_url: str) -> Part:
    return {
        "operationId": "giveToken",
        "summary": "A token that says who somebody is",
        "description": "A JSON Web Token, signed with ES256, that is good for some minutes: who it is (`sub`), the "
        "`status`, the `groups` and the fields chosen, as far as your read key sees them. Whoever gets it verifies it "
        "by the keys at `/.well-known/jwks.json`, without asking here. `iss` is always the gateway below this server's "
        "public address. A token is not taken back: give it a short time, and look at its `status`.",
        "tags": ["Tokens"],
        "security": _ANY_KEY,
        "parameters": [
            {
                "name": "attendee",
                "in": "path",
                "required": True,
                "description": "An id, or an address, percent-encoded, where your key sees addresses.",
                "schema": {"type": "string", "minLength": 1},
                "example": examples.ATTENDEE_ID,
            }
        ],
        "requestBody": {
            "description": "Nothing, or what the token is to say.",
            "content": {
                "application/json": {
                    "schema": ref("TokenWish"),
                    "example": {"fields": ["firstName", "company"], "expiresIn": 600},
                }
            },
        },
        "responses": {
            "200": _answer("The token.", ref("Token"), {"token": ("A token", examples.TOKEN)}),
            **_errors(
                problems_url,
                (
                    "invalid_request",
                    "malformed_body",
                    "unauthorized",
                    "wrong_scope",
                    "hidden_field",
                    "not_found",
                    "conflict",
                    "body_too_large",
                    "unsupported_encoding",
                    "storage_unavailable",
                ),
            ),
        },
    }


def _list_signing_keys(problems_url: str) -> Part:
    return {
        "operationId": "listSigningKeys",
        "summary": "The keys by which tokens are verified",
        "description": "A JSON Web Key Set (RFC 7517), for everybody. Keep it for as long as `Cache-Control` says, and "
        "ask again for a `kid` that is not in it. The list is empty until the first token is given, and the same where "
        "there is no such event (A3).",
        "tags": ["Tokens"],
        "security": [],
        "responses": {
            "200": {
                "description": "The public keys of all tokens that may be good.",
                "headers": _header("X-Request-Id"),
                "content": {
                    "application/jwk-set+json": {"schema": ref("SigningKeys"), "example": examples.SIGNING_KEYS}
                },
            },
            **_errors(problems_url, ("storage_unavailable",)),
        },
    }


def _show_key(problems_url: str) -> Part:
    shown = {"push": ("A push key", examples.KEY), "read": ("A read key", examples.READ_KEY)}
    return {
        "operationId": "showKey",
        "summary": "What your key is good for",
        "description": "Which event, source and settings the key has, and when it last pushed: the way to test a key "
        "without "
        "pushing anybody (A6).",
        "tags": ["Look"],
        "security": _ANY_KEY,
        "responses": {
            "200": _answer("The key, without its secret.", ref("KeyDescription"), shown),
            **_errors(problems_url, ("unauthorized", "storage_unavailable")),
        },
    }


def _list_pushes(problems_url: str) -> Part:
    return {
        "operationId": "listPushes",
        "summary": "What you pushed",
        "description": "The pushes of your source, latest first, failed ones and dry runs too.",
        "tags": ["Look"],
        "security": _ANY_KEY,
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
            "200": _answer("A page of them.", ref("PushList"), {"page": ("A page", examples.PUSH_LIST)}),
            **_errors(problems_url, ("invalid_request", "unauthorized", "wrong_scope", "storage_unavailable")),
        },
    }


def _show_push(problems_url: str) -> Part:
    return {
        "operationId": "showPush",
        "summary": "One push: what came, and what became of it",
        "description": "With what it changed, its warnings or errors, and its body as it came, without the key.",
        "tags": ["Look"],
        "security": _ANY_KEY,
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
            "200": _answer("The push.", ref("PushShown"), {"push": ("A push", examples.PUSH_SHOWN)}),
            **_errors(problems_url, ("unauthorized", "wrong_scope", "not_found", "storage_unavailable")),
        },
    }


def _show_health() -> Part:
    unwell = {"status": "unavailable", "reason": "The disk is full."}
    return {
        "operationId": "showHealth",
        "summary": "Whether pushes can be stored",
        "description": "For load balancers and monitors. The answer is kept for a second, so that probes cost nothing.",
        "tags": ["Server"],
        "security": [],
        "responses": {
            "200": _plain("It can commit.", ref("Healthy"), {"status": "ok", "version": "0.1.0"}),
            "503": _plain("It cannot commit; it resumes by itself when the cause is gone.", ref("Unhealthy"), unwell),
            "default": _ANY_ERROR,
        },
    }


def _show_metrics(problems_url: str) -> Part:
    return {
        "operationId": "showMetrics",
        "summary": "Figures for Prometheus",
        "description": "Answered to this machine alone.",
        "tags": ["Server"],
        "security": [],
        "responses": {
            "200": {
                "description": "In Prometheus' text format.",
                "headers": _header("X-Request-Id"),
                "content": {"text/plain": {"schema": {"type": "string"}, "example": examples.METRICS}},
            },
            "404": _problem("Somebody else asks.", ["not_found"], problems_url, precise=True),
            "default": _ANY_ERROR,
        },
    }


def _show_document() -> Part:
    return {
        "operationId": "showDocument",
        "summary": "The OpenAPI document",
        "description": "OpenAPI 3.1, to import into your tools. `/docs` shows it to people.",
        "tags": ["Server"],
        "security": [],
        "responses": {
            "200": {
                "description": "The document.",
                "headers": _header("X-Request-Id"),
                "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "paths"]}}},
            },
            "default": _ANY_ERROR,
        },
    }


# What repeats


_ANY_ERROR = {"$ref": "#/components/responses/AnyError"}


def _parameters(*names: str) -> list[Part]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _examples(shown: dict[str, tuple[str, Any]]) -> Part:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


def _plain(description: str, schema: Part, example: Any) -> Part:
    return {
        "description": description,
        "headers": _header("X-Request-Id"),
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _answer(description: str, schema: Part, shown: dict[str, tuple[str, Any]]) -> Part:
    return {
        "description": description,
        "headers": _header("X-Request-Id"),
        "content": {"application/json": {"schema": schema, "examples": _examples(shown)}},
    }


def _errors(problems_url: str, codes: Iterable[str], *, follows_setting: bool = False) -> Part:
    """The error answers with these codes, by status; where the setting counts, under either of its values."""
    codes = list(codes)
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(ERRORS[code].status, []).append(code)
    answers = {
        str(status): _problem(
            _describe(found, precise=follows_setting and status not in (401, 500)), found, problems_url
        )
        for status, found in sorted(by_status.items())
    }
    if follows_setting:
        seed = [code for code in codes if seed_status(ERRORS[code]) == 500]
        answers["500"] = _problem(_SEED, seed, problems_url, precise=False)
    return answers | {"default": _ANY_ERROR}


_SEED = (
    "Any error but a bad key, unless the setting `status_codes` is `precise` (D3, D4). With `retryable: true` the "
    "fault is "
    "ours, and `Retry-After` says when to come again."
)


def _describe(codes: list[str], *, precise: bool) -> str:
    titles = "; ".join(ERRORS[code].title for code in codes) + "."
    return f"With `status_codes = precise` (D4): {titles}" if precise else titles


def _problem(description: str, codes: list[str], problems_url: str, *, precise: bool = True) -> Part:
    shown = {code: (ERRORS[code].title, examples.problem(code, problems_url, precise=precise)) for code in codes}
    headers = _header("X-Request-Id")
    if any(ERRORS[code].retryable for code in codes):
        headers |= _header("Retry-After")
    if "unauthorized" in codes:
        headers |= _header("WWW-Authenticate")
    return {
        "description": description,
        "headers": headers,
        "content": {"application/problem+json": {"schema": ref("ProblemDocument"), "examples": _examples(shown)}},
    }


def _any_error(problems_url: str) -> Part:
    """What can be the answer to any request at all."""
    return _problem(
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
