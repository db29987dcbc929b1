"""Pushing: one attendee, many, and that somebody is not coming."""

from turnout.reference import examples
from turnout.reference.openapi.parts import ANY_KEY, Part, answer, as_examples, errors, parameters
from turnout.reference.schemas.parts import ref


def push(problems_url: str, operation_id: str, summary: str) -> Part:
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": "One attendee, in either format or as a form. The answer is sent when it is on disk, and the "
        "same push "
        "again changes nothing (C8, D1).",
        "tags": ["Push"],
        "security": ANY_KEY,
        "parameters": parameters("DryRun", "IdempotencyKey", "Prefer"),
        "requestBody": {
            "required": True,
            "description": "What the `Content-Type` says does not matter for JSON. `Content-Encoding: gzip` and "
            "`deflate` are "
            "read (B1).",
            "content": {
                "application/json": {"schema": ref("Push"), "examples": as_examples(examples.PUSHES)},
                "application/x-www-form-urlencoded": {"schema": ref("FormPush"), "example": examples.FLAT_PUSH},
                "multipart/form-data": {"schema": ref("FormPush"), "example": examples.FLAT_PUSH},
            },
        },
        "responses": {
            "200": answer("The receipt: it is on disk.", ref("Receipt"), examples.RECEIPTS),
            **errors(problems_url, _PUSH_ERRORS, follows_setting=True),
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


def withdraw(problems_url: str) -> Part:
    return {
        "operationId": "withdrawAttendee",
        "summary": "Say that somebody is not coming",
        "description": 'The push with `"eventInfo": {"attending": false}`, for tools that delete: this source does not '
        "expect the person any more. When no source does, the status becomes `withdrawn`; the attendee is kept, and "
        "the next push brings the person back. Saying it again, or of somebody unknown, changes nothing (C9). A body "
        "is not read, so the key goes into a header.",
        "tags": ["Push"],
        "security": ANY_KEY,
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
            *parameters("DryRun", "IdempotencyKey", "Prefer"),
        ],
        "responses": {
            "200": answer("The receipt: it is on disk.", ref("Receipt"), examples.LEAVING_RECEIPTS),
            **errors(problems_url, _WITHDRAWAL_ERRORS, follows_setting=True),
        },
    }


_WITHDRAWAL_ERRORS = [
    code
    for code in _PUSH_ERRORS
    if code not in ("malformed_body", "slow_body", "body_too_large", "unsupported_encoding")
]


def push_batch(problems_url: str) -> Part:
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
        "security": ANY_KEY,
        "parameters": [
            *parameters("DryRun"),
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
            *parameters("IdempotencyKey", "Prefer"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ref("Batch"), "examples": as_examples(batches)},
                "application/x-ndjson": {"schema": ref("BatchLines"), "example": examples.LINES},
                "text/csv": {"schema": ref("BatchCsv"), "example": _CSV},
            },
        },
        "responses": {
            "200": _with_csv(answer("Every item's outcome.", ref("BatchAnswer"), answers)),
            **errors(
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
