"""The schemas: bodies that are sent by hand, being wider than any struct; answers from the structs that they are."""

from typing import Any, get_args

import msgspec

from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.receipt import MAX_LISTED, CompletedCode, ProblemDocument, Receipt
from turnout.reference.codes import ERRORS, PROBLEMS, WARNINGS

Schema = dict[str, Any]

RESULTS = ("created", "updated", "unchanged", "suppressed", "failed")


def components() -> dict[str, Schema]:
    """Every schema by its name."""
    return _values() | _push() | _batch() | _answers() | _reading() | _attendees() | _tokens()


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(description: str, properties: dict[str, Any], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object in which everything is there but for the optional."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "required": required, "properties": properties, **more}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _or_null(schema: Schema, description: str) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


# What may be sent


_NO_NUL = "^[^\\u0000]*$"
_INDEX = "(0|[1-9][0-9]{0,3})"
_AT = f"(\\[{_INDEX}\\]|\\.{_INDEX})"
_NOTHING: tuple[Schema, ...] = (
    {"type": "null"},
    {"type": "string", "pattern": "^\\s*$", "description": "Empty, or nothing but white space."},
)
_CLEARABLE = "|".join(PROFILE_FIELDS[1:])

_MEANINGS = {
    "email": "Necessary, and who it is: compared without case (B7, C1).",
    "thirdPartyId": "Your own id of the person, remembered for each source. Where the event's `identity` is "
    "`third_party_id` it says who is meant (C6).",
    "prefix": "Such as Dr. or Ms.",
    "phone": "As you write it.",
    "title": "The job title.",
    "state": "Or province, or region.",
    "twitter": "Handle or address, as you write it.",
    "motto": "A line of their own.",
    "biography": "As long as it needs to be; an attendee may hold 1 MiB.",
}


def _values() -> dict[str, Schema]:
    """What stands at single places."""
    return {
        "Text": {
            "type": ["string", "number", "boolean", "null"],
            "pattern": _NO_NUL,
            "description": "A text, stored as sent less surrounding white space. A number becomes the text it was "
            "written "
            'as, true and false become texts (B4). `null` keeps what is there, `""` empties it, unless the settings of '
            "your source say otherwise (C2, C3).",
        },
        "Email": _text(
            "An address: a local part, one `@`, a domain; international addresses too (B7).",
            format="email",
            maxLength=320,
        ),
        "Name": {
            "type": ["string", "number", "boolean", "null"],
            "pattern": _NO_NUL,
            "maxLength": 255,
            "description": "The name of a group or custom field, trimmed and compared without case; the first "
            "spelling in "
            "the event counts (C4, C5).",
        },
        "NotGiven": {
            "anyOf": [*_NOTHING, {"type": "array", "maxItems": 0}],
            "description": "Says nothing: null, blank, or an empty list, which is how PHP writes an empty object.",
        },
        "FieldValue": {
            "anyOf": [
                ref("Text"),
                {"type": "array", "items": ref("Text"), "description": "A multiple choice."},
                {
                    "type": "object",
                    "minProperties": 1,
                    "patternProperties": {f"^{_INDEX}$": ref("Text")},
                    "additionalProperties": False,
                    "description": "An object whose keys are all indices is a list (B2).",
                },
            ],
            "description": "The value of a custom field, or several of them (B4).",
        },
        "ClearPath": _text(
            "What to empty: a field of the profile such as `profile.title`, or `profile.customFields.<name>` (C3).",
            pattern=f"^profile\\.(({_CLEARABLE})|customFields\\.[^\\s\\u0000.][^\\u0000]{{0,200}})$",
            examples=["profile.customFields.Shoe size"],
        ),
        "Time": {
            "anyOf": [
                {"type": "string", "format": "date-time", "description": "ISO 8601 with an offset."},
                {
                    "type": "number",
                    "minimum": 0,
                    "exclusiveMaximum": 10**14,
                    "description": "Seconds since 1970; from 100,000,000,000 on milliseconds.",
                },
                {
                    "type": "string",
                    "pattern": "^\\s*([0-9]{1,14}(\\.[0-9]{1,6})?)?\\s*$",
                    "description": "The same as a text; blank is not given.",
                },
                {"type": "null"},
            ],
            "description": "When the data was true (D7). A field's older value never replaces a newer one. Without it "
            "a "
            "push is true when it arrives.",
            "examples": ["2025-03-01T09:30:00+01:00", 1740817800],
        },
    }


def _push() -> dict[str, Schema]:
    """One attendee, in either format and as a form (B1, B2)."""
    key = {
        "anyOf": [
            {"type": ["string", "null"]},
            {"type": "array", "maxItems": 0},
            {"type": "object", "maxProperties": 0},
        ],
        "description": "The API key, where no header can be set. It is removed before anything is stored (A2, A5).",
    }
    attending = {
        "anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, *_NOTHING],
        "description": "`false`: this source does not expect the person any more (C9).",
    }
    clear = {
        "anyOf": [
            {"type": "array", "items": {"anyOf": [ref("ClearPath"), *_NOTHING]}},
            ref("ClearPath"),
            ref("NotGiven"),
        ],
        "description": "Fields to empty, whatever the settings say of null and blank (C3).",
    }
    root = {"key": ref("BodyKey"), "observedAt": ref("Time"), "clear": clear}
    entry = {"anyOf": [ref("CustomField"), *_NOTHING]}
    fields = {field: {**ref("Text"), "description": _MEANINGS.get(field, "Text.")} for field in PROFILE_FIELDS[1:]}
    return {
        "BodyKey": key,
        "CustomField": {
            "type": "object",
            "description": "A field of your own. Fields merge by name; those not named keep their value (C4).",
            "properties": {"fieldName": ref("Name"), "fieldValue": ref("FieldValue")},
            "anyOf": [
                {
                    "required": ["fieldName"],
                    "properties": {"fieldName": {"not": ref("NotGiven")}},
                    "description": "With a name …",
                },
                {
                    "properties": {
                        "fieldValue": {"anyOf": [*_NOTHING, {"type": "array", "items": {"anyOf": [*_NOTHING]}}]}
                    },
                    "description": "… or without a value.",
                },
            ],
        },
        "Profile": {
            "type": "object",
            "description": "The person. Only `email` is necessary; a field that is not provided keeps its value (C2). "
            "A "
            "name that is none of these is kept, and the answer warns (B5).",
            "required": ["email"],
            "properties": {
                "email": {**ref("Email"), "description": _MEANINGS["email"]},
                **fields,
                "customFields": {
                    "anyOf": [
                        {"type": "array", "maxItems": 1_000, "items": entry},
                        {
                            "type": "object",
                            "description": "One custom field without the list around it, or an object whose keys are "
                            "indices.",
                            "allOf": [ref("CustomField")],
                            "patternProperties": {"^[0-9]+$": entry},
                        },
                        ref("NotGiven"),
                    ],
                    "description": "Up to 1,000 (B3, C4).",
                },
            },
        },
        "GroupNames": {
            "anyOf": [
                {"type": "array", "maxItems": 1_000, "items": ref("Name")},
                ref("Name"),
                {
                    "type": "object",
                    "minProperties": 1,
                    "patternProperties": {f"^{_INDEX}$": ref("Name")},
                    "additionalProperties": False,
                },
            ],
            "description": "All groups that your source puts the attendee in; what other sources say stays. `[]` takes "
            "yours back. One text is a list of one. Unknown groups are created (C5).",
        },
        "NestedPush": {
            "type": "object",
            "title": "Nested",
            "description": "The nested format.",
            "required": ["profile"],
            "properties": {
                "profile": ref("Profile"),
                "eventInfo": {
                    "anyOf": [
                        {
                            "type": "object",
                            "properties": {
                                "groups": {
                                    "anyOf": [
                                        {"type": "object", "properties": {"groupNames": ref("GroupNames")}},
                                        ref("NotGiven"),
                                    ]
                                },
                                "attending": attending,
                            },
                        },
                        ref("NotGiven"),
                    ],
                },
                **root,
            },
        },
        "FlatPush": {
            "type": "object",
            "title": "Flat",
            "description": "The flat format: paths and values. `[n]` and `.n` are the same thing; indices are sort "
            "keys, "
            "gaps are closed (B2, B3). A body may mix both formats.",
            "required": ["profile.email"],
            "properties": {
                "profile.email": {**ref("Email"), "description": _MEANINGS["email"]},
                **{f"profile.{field}": schema for field, schema in fields.items()},
                "eventInfo.attending": attending,
                **root,
            },
            "patternProperties": {
                f"^profile\\.customFields{_AT}\\.fieldName$": ref("Name"),
                f"^profile\\.customFields{_AT}\\.fieldValue$": ref("FieldValue"),
                f"^eventInfo\\.groups\\.groupNames{_AT}$": ref("Name"),
            },
        },
        "Push": {
            "anyOf": [ref("NestedPush"), ref("FlatPush")],
            "description": "One attendee. What is not one of these names is kept and warned of (B5).",
        },
        "FormPush": {
            "type": "object",
            "description": "The flat format as a form; `a[b]` is `a.b`, and `a[]` appends (B1).",
            "required": ["profile.email"],
            "properties": {
                "profile.email": ref("Email"),
                **{f"profile.{field}": {"type": "string", "pattern": _NO_NUL} for field in PROFILE_FIELDS[1:]},
                "key": {"type": "string", "description": key["description"]},
            },
            "patternProperties": {
                f"^profile\\.customFields{_AT}\\.(fieldName|fieldValue)$": {"type": "string"},
                f"^eventInfo\\.groups\\.groupNames{_AT}$": {"type": "string"},
            },
        },
    }


def _batch() -> dict[str, Schema]:
    """Many at once (E1)."""
    item = {
        "anyOf": [
            ref("Push"),
            {"description": "Whatever else an item is, it fails alone and stops no other, unless `atomic=true`."},
        ]
    }
    items = {"type": "array", "maxItems": 10_000, "items": item}
    return {
        "BatchArray": items | {"title": "Array", "description": "A JSON array of pushes."},
        "BatchObject": {
            "type": "object",
            "title": "Object",
            "description": "An object with the pushes in `attendees`, and the key beside them where no header can be "
            "set.",
            "required": ["attendees"],
            "properties": {"attendees": items, "key": ref("BodyKey")},
        },
        "BatchOfOne": {
            "type": "object",
            "title": "One push",
            "description": "One push on one line is NDJSON with one line.",
            "not": {"required": ["attendees"]},
        },
        "Batch": {
            "anyOf": [ref("BatchArray"), ref("BatchObject"), ref("BatchOfOne")],
            "description": "Up to 10,000 pushes and 32 MiB (E1).",
        },
        # Without a type: every JSON value is a line, and fails or succeeds alone.
        "BatchLines": {
            "description": "Text: one JSON object a line (NDJSON); a line that is not JSON fails alone.",
            "pattern": "\\S",
        },
        "BatchCsv": {
            "type": "string",
            "description": "Text: a header of flat paths or plain field names, and a row for each attendee. Blank "
            "cells keep what is there.",
            "pattern": "\\S",
        },
    }


# What is answered


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
        "path": "In your own notation; empty where it is the body as a whole.",
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


def _answers() -> dict[str, Schema]:
    """The receipt and the problem document with their parts, from the structs; and the answer to a batch."""
    _, schemas = msgspec.json.schema_components([Receipt, ProblemDocument], ref_template="#/components/schemas/{name}")
    for name, schema in schemas.items():
        for field, inner in schema["properties"].items():
            inner.pop("default", None)
            inner["description"] = _DESCRIPTIONS[name][field]
            if (name, field) in _ENUMS:
                inner["enum"] = _ENUMS[name, field]
        schema["required"] = [field for field in schema["properties"] if field not in _SOMETIMES]
        schema.pop("title")
    schemas["AttendeeReference"]["description"] = "Whom it is about."
    schemas["ProblemDocument"]["properties"]["type"]["format"] = "uri-reference"
    counts = {
        **{result: {"type": "integer", "minimum": 0} for result in RESULTS},
        "withdrawn": {"type": "integer", "minimum": 0, "description": "Whom the batch took back."},
    }
    schemas["BatchAnswer"] = _object(
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
    schemas["Completed"] = _object(
        "With `complete=true`: whether those who were not named are withdrawn (E4).",
        {
            "done": {"type": "boolean", "description": "Whether they are, or in a dry run would be."},
            "code": _text("Why nobody is withdrawn.", enum=list(get_args(CompletedCode))),
            "wouldWithdraw": {"type": "integer", "minimum": 0, "description": "How many were not named."},
            "names": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": MAX_LISTED,
                "description": "The first hundred: addresses, or your own ids where you never said the address.",
            },
            "help": _text("What to do now."),
        },
        optional=("code", "wouldWithdraw", "names", "help"),
    )
    return schemas


def _reading() -> dict[str, Schema]:
    """What the reading endpoints answer."""
    time = _text("UTC, with microseconds.", format="date-time")
    line = {
        "id": _text("Of the push.", pattern="^psh_"),
        "at": {**time, "description": "When it came."},
        "result": {"type": "string", "enum": list(RESULTS)},
        "email": {"type": ["string", "null"], "description": "As you wrote it; null where it could not be read."},
        "attendeeId": {"type": ["string", "null"]},
        "sequence": {"type": ["integer", "null"], "description": "Of the change that it made; null when it made none."},
        "source": _text("The name of the source."),
        "keyId": {"type": ["string", "null"], "description": "The public part of the key that was used."},
        "repeats": {
            "type": "integer",
            "minimum": 0,
            "description": "How often the same was said again since, without effect. Such repeats have no line of "
            "their own.",
        },
        "lastAt": {**time, "description": "When it was said last."},
        "dryRun": {"type": "boolean", "description": "Present, and true, of what was without effect: a dry run (D5)."},
        "rehearsed": {
            "type": "boolean",
            "description": "Present, and true, where that was because the source was rehearsing (A7).",
        },
        "replayOf": _text("The push that this one repeats, where somebody replayed it."),
        "detail": _text("Why it failed, where it did."),
    }
    sometimes = ("dryRun", "rehearsed", "replayOf", "detail")
    name = _text("For people.")
    settings = {
        "null": {"enum": ["keep", "clear"], "description": "What `null` does to a field (C2)."},
        "blank": {"enum": ["clear", "keep"], "description": 'What `""` does to a field (C3).'},
        "groups": {
            "enum": ["source", "add", "replace"],
            "description": "A list of groups replaces what this source said, only adds, or is final for everyone (C5).",
        },
        "lists": {"enum": ["none", ",", ";"], "description": "The sign that separates group names within a text (C5)."},
        "status_codes": {
            "enum": ["seed", "precise"],
            "description": "Whether every error is a 500, or has a status of its own (D3, D4).",
        },
    }
    source = _object(
        "Whose key it is.",
        {
            "id": _text("Of the source."),
            "name": name,
            "mode": {
                "enum": ["live", "rehearsal"],
                "description": "Whether pushes take effect, or are only checked, answered and logged (A7).",
            },
            "settings": _object("How its pushes are understood (A6).", settings),
        },
    )
    return {
        "KeyDescription": _object(
            "Which event, source and settings a key has (A6).",
            {
                "event": _object(
                    "The event.", {"id": _text("Of the event."), "slug": _text("In its address."), "name": name}
                ),
                "source": _or_null(source, "Null for a read key, which belongs to the event."),
                "key": _object(
                    "The key, without its secret.",
                    {
                        "id": _text("Its public part."),
                        "scope": {"enum": ["push", "read"]},
                        "expiresAt": _or_null(time, "Null: never."),
                        "groups": {
                            "type": ["array", "null"],
                            "items": {"type": "string"},
                            "description": "Of a read key: whose people it sees; null for everybody.",
                        },
                        "fields": {
                            "type": ["array", "null"],
                            "items": {"type": "string"},
                            "description": "Of a read key: what it sees of them; null for everything.",
                        },
                    },
                    optional=("groups", "fields"),
                ),
                "lastPushAt": _or_null(time, "When it last pushed, to the minute or better."),
            },
        ),
        "PushLine": _object("A push, as lists show it.", line, optional=sometimes),
        "PushList": _object(
            "A page of pushes, latest first.",
            {
                "pushes": {"type": "array", "items": ref("PushLine")},
                "next": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last one.",
                },
            },
        ),
        "PushShown": _object(
            "A push with what it changed and what came.",
            {
                **line,
                "changes": {"type": "array", "items": ref("PathChange")},
                "warnings": {"type": "array", "items": ref("Warning")},
                "errors": {
                    "type": "array",
                    "items": ref("Problem"),
                    "description": f"Why it failed, where it did; at most {MAX_LISTED}.",
                },
                "moreWarnings": {"type": "integer", "minimum": 1, "description": "How many more there were."},
                "moreErrors": {"type": "integer", "minimum": 1, "description": "How many more there were."},
                "body": {
                    "type": ["string", "null"],
                    "description": "As it came, without the key; null of a dry run, and when its time is over.",
                },
            },
            optional=(*sometimes, "moreWarnings", "moreErrors"),
        ),
        "GatewayDescription": _object(
            "What a gateway is and how to push to it. The same whether or not there is such an event (A3).",
            {
                "what": _text("For people."),
                "push": {
                    "type": "object",
                    "required": ["method", "url"],
                    "properties": {"method": {"const": "POST"}, "url": _text("Where to push.", format="uri")},
                },
                "batch": {"type": "object"},
                "leave": {"type": "object", "description": "Where to say that somebody is not expected (C9)."},
                "key": {"type": "object"},
                "pushes": {"type": "object"},
                "documentation": _text("The pages.", format="uri"),
                "rules": _text("What a push does, rule by rule, with examples.", format="uri"),
                "openapi": _text("This document.", format="uri"),
                "problems": _text("Every code explained.", format="uri"),
            },
        ),
        "Healthy": _object("It can commit.", {"status": {"const": "ok"}, "version": _text("Of Turnout.")}),
        "Unhealthy": _object(
            "It cannot commit.", {"status": {"const": "unavailable"}, "reason": _text("Why, for people.")}
        ),
    }


def _attendees() -> dict[str, Schema]:
    """Whoever is read."""
    time = _text("UTC, with microseconds.", format="date-time")
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    following = {"type": ["string", "null"], "description": "The `cursor` of the next page; null on the last one."}
    attendee = {
        "id": _text("It stays, whatever else changes.", pattern="^att_"),
        "email": {"type": ["string", "null"], "description": "As last sent; null where your key does not see it."},
        "status": {"enum": ["attending", "withdrawn", "merged"], "description": "Whether a source expects them (C9)."},
        "profile": {
            "type": "object",
            "description": "Each of the other 21 fields that your key sees; null when unset.",
            "propertyNames": {"enum": list(PROFILE_FIELDS[1:])},
            "additionalProperties": {"type": ["string", "null"]},
        },
        "customFields": {
            "type": "object",
            "description": "By name; those that are set.",
            "additionalProperties": {"anyOf": [{"type": "string"}, texts]},
        },
        "groups": {**texts, "description": "Those they are in, whoever says so."},
        "unknownFields": {"type": "object", "description": "What came under names that are none of ours (B5)."},
        "pinned": {**texts, "description": "The paths that pushes do not change (C7)."},
        "aliases": {**texts, "description": "Former addresses (C1)."},
        "createdAt": time,
        "updatedAt": time,
        "origins": {"type": "object", "description": "Where each value comes from; with `explain=true` only."},
    }
    line = {
        "sequence": {"type": "integer", "minimum": 1, "description": "1, 2, 3 … in the event, without gaps."},
        "kind": _text("`created`, `updated`, `withdrawn`, `returned`, `merged` or `left`."),
        "at": time,
        "attendeeId": {"type": ["string", "null"]},
        "email": {"type": ["string", "null"]},
        "pushId": {"type": ["string", "null"], "description": "Null of what a person did."},
        "source": {"type": ["string", "null"]},
        "actor": {"type": ["string", "null"], "description": "Who acted, or pushed by hand."},
        "changes": {"type": "array", "items": ref("PathChange")},
    }
    name = {"id": _text("It stays when the name changes."), "name": _text("For people."), "createdAt": time}
    members = {"type": "integer", "minimum": 0, "description": "How many are in it, withdrawn ones too."}
    references: Schema = {**texts, "default": [], "maxItems": 100}
    people: Schema = {"type": "array", "items": ref("AttendeeShown")}
    return {
        "AttendeeShown": _object("One attendee, as far as your key sees them.", attendee, optional=("origins",)),
        "AttendeeList": _object(
            "A page of attendees.",
            {
                "attendees": people,
                "next": following,
                "sequence": {"type": "integer", "minimum": 0, "description": "Of the last change, at the first page."},
            },
        ),
        "History": _object(
            "Lines of the log, the latest first.",
            {"history": {"type": "array", "items": _object("One line.", line)}, "next": following},
        ),
        "Changes": _object(
            "Lines of the log, in order.",
            {
                "changes": {
                    "type": "array",
                    "items": _object(
                        "One line.",
                        {
                            **line,
                            "kind": _text(
                                "`created`, `updated`, `withdrawn`, `returned`, `merged`, `erased` or `left`; of the "
                                "event itself `group_renamed`, `field_renamed` or `setting_changed`."
                            ),
                            "payload": {
                                "type": ["object", "null"],
                                "description": "The push that would make the change, where it was asked for; null "
                                "where no push can.",
                            },
                        },
                        optional=("payload",),
                    ),
                },
                "last": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Where to go on: the last line that was looked at, or the `after` asked for.",
                },
                "head": {"type": "integer", "minimum": 0, "description": "The last line that there is."},
            },
        ),
        "Lookup": {
            "type": "object",
            "description": "Addresses, ids, or both.",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "email": _text("One address."),
                "emails": {**references, "description": "Up to 100 of them."},
                "id": _text("One id.", pattern="^att_"),
                "ids": {**references, "description": "Up to 100 of them."},
            },
        },
        "Found": _object(
            "Who was found.",
            {"attendees": people, "notFound": {**texts, "description": "What leads to nobody whom your key sees."}},
        ),
        "Groups": _object(
            "All groups.",
            {"groups": {"type": "array", "items": _object("A group.", {**name, "members": members})}},
        ),
        "CustomFields": _object(
            "All custom fields.", {"customFields": {"type": "array", "items": _object("A custom field.", name)}}
        ),
    }


def _tokens() -> dict[str, Schema]:
    """What is said to and of tokens."""
    key = _object(
        "A public key (RFC 7517).",
        {
            "kty": {"const": "EC"},
            "crv": {"const": "P-256"},
            "x": _text("Of the point."),
            "y": _text("Of the point."),
            "kid": _text("Which tokens it is for: they name it in their head.", pattern="^sgn_"),
            "use": {"const": "sig"},
            "alg": {"const": "ES256"},
        },
    )
    return {
        "TokenWish": {
            "type": "object",
            "description": "What a token is to say. Who it is, the status and the groups it says in any case.",
            "additionalProperties": False,
            "properties": {
                "fields": {
                    "type": "array",
                    "items": {"type": "string"},
                    "maxItems": 100,
                    "default": [],
                    "description": "`email`, other fields of the profile, and custom fields by name; only those that "
                    "your key sees.",
                },
                "expiresIn": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 3_600,
                    "default": 600,
                    "description": "For how many seconds it is good.",
                },
                "audience": {
                    "type": ["string", "null"],
                    "minLength": 1,
                    "maxLength": 255,
                    "description": "Whom it is for, as the claim `aud`, where whoever verifies it is to check that.",
                },
            },
        },
        "Token": _object(
            "A token.",
            {
                "token": _text("A JSON Web Token (RFC 7519), at most 8,000 characters."),
                "expiresAt": _text("UTC; in the token as `exp`.", format="date-time"),
            },
        ),
        "SigningKeys": _object("A JSON Web Key Set (RFC 7517).", {"keys": {"type": "array", "items": key}}),
    }
