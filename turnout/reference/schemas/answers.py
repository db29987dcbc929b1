"""The receipt and the problem document, from the structs that they are; and the answer to a batch."""

from typing import get_args

import msgspec

from turnout.model.receipt import MAX_LISTED, CompletedCode, ProblemDocument, Receipt
from turnout.reference.codes import ERRORS, PROBLEMS, WARNINGS
from turnout.reference.schemas.parts import Schema, object_of, ref, text

RESULTS = ("created", "updated", "unchanged", "suppressed", "failed")


_DESCRIPTIONS = {
    "Receipt": {
        "id": "Of the push: `GET {gateway}/pushes/{id}` shows it again.",
        "result": "What became of the attendee.",
        "attendee": "Null when a push says that somebody unknown is not expected (C9).",
        "sequence": "The number of the change in the event's log; null when nothing changed, and of a dry run.",
        "changes": "Each changed path with old and new value; of a creation all that was set. Missing with "
        "`Prefer: return=minimal`.",
        "warnings": f"What was odd, but kept; at most {MAX_LISTED}.",
        "moreWarnings": "How many more there were.",
        "dryRun": "Present, and true, when nothing was changed: a dry run (D5), or a source that is rehearsing (A7).",
        "index": "Of a batch's item, from 0.",
    },
    "AttendeeReference": {
        "id": "Null where a dry run would have created the attendee.",
        "email": "The address as last sent.",
    },
    "PathChange": {
        "path": "In our notation. Custom fields all have the path `profile.customFields`.",
        "fieldName": "Which custom field.",
        "old": "Before. Missing where another source had set it: pushing is not reading (D1).",
        "new": "After.",
        "oldHidden": "Present, and true, where `old` is missing.",
    },
    "Warning": {
        "path": "In your own notation.",
        "code": "Stable; each is explained at `/problems/{code}`.",
        "message": "For people.",
        "suggestion": "The path that was probably meant.",
    },
    "Problem": {
        "path": "In your own notation; `query.group` of a parameter, `headers.Range` of a header; empty where it is "
        "the body as a whole, or no one part of the request.",
        "code": "Stable; each is explained at `/problems/{code}`.",
        "message": "What was wrong, for people.",
        "help": "What to do now.",
        "index": "The item of an atomic batch that it belongs to (E2).",
    },
    "ProblemDocument": {
        "type": "The address of the page that explains it.",
        "title": "The same for every problem with this code.",
        "status": "The status of the answer; in a batch, that which the item would have had by itself.",
        "detail": "What happened this time, for people.",
        "code": "Stable; programs decide by it.",
        "retryable": "Whether the very same request can succeed later.",
        "id": "Of the push, where it was kept; else null.",
        "errors": f"Everything that is wrong, all at once; at most {MAX_LISTED}.",
        "moreErrors": "How many more there were.",
        "index": "Of a batch's item, from 0.",
    },
}
_ENUMS = {
    ("Receipt", "result"): [result for result in RESULTS if result != "failed"],
    ("Warning", "code"): list(WARNINGS),
    ("ProblemDocument", "code"): list(ERRORS),
    # An error with nothing to list says itself.
    ("Problem", "code"): [*(code for codes in PROBLEMS.values() for code in codes), *ERRORS],
}
_SOMETIMES = frozenset(
    ("changes", "moreWarnings", "dryRun", "index", "fieldName", "old", "oldHidden", "suggestion", "moreErrors")
)
"""What an answer leaves out where it would say nothing; everything else is always there."""


def schemas() -> dict[str, Schema]:
    """The receipt and the problem document with their parts, from the structs; and the answer to a batch."""
    _, made = msgspec.json.schema_components([Receipt, ProblemDocument], ref_template="#/components/schemas/{name}")
    for name, schema in made.items():
        for field, inner in schema["properties"].items():
            inner.pop("default", None)
            inner["description"] = _DESCRIPTIONS[name][field]
            if (name, field) in _ENUMS:
                inner["enum"] = _ENUMS[name, field]
        schema["required"] = [field for field in schema["properties"] if field not in _SOMETIMES]
        schema.pop("title")
    made["AttendeeReference"]["description"] = "Whom it is about."
    made["ProblemDocument"]["properties"]["type"]["format"] = "uri-reference"
    counts = {
        **{result: {"type": "integer", "minimum": 0} for result in RESULTS},
        "withdrawn": {"type": "integer", "minimum": 0, "description": "Whom the batch took back."},
    }
    made["BatchAnswer"] = object_of(
        "Every item's outcome in order, the counts (E1), and with `complete` what became of the others (E4).",
        {
            "results": {
                "type": "array",
                "items": {"anyOf": [ref("Receipt"), ref("ProblemDocument")]},
                "description": "A receipt or a problem document for each item, each with its `index`. With "
                "`receipts=failed` the problem documents alone, with `receipts=summary` none.",
            },
            **counts,
            "complete": ref("Completed"),
        },
        optional=("complete",),
    )
    made["Completed"] = object_of(
        "With `complete=true`: whether those who were not named are withdrawn (E4).",
        {
            "done": {"type": "boolean", "description": "Whether they are, or in a dry run would be."},
            "code": text("Why nobody is withdrawn.", enum=list(get_args(CompletedCode))),
            "wouldWithdraw": {"type": "integer", "minimum": 0, "description": "How many were not named."},
            "names": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": MAX_LISTED,
                "description": "The first hundred: addresses, or your own ids where you never said the address.",
            },
            "help": text("What to do now."),
        },
        optional=("code", "wouldWithdraw", "names", "help"),
    )
    return made
