"""One attendee, in either format and as a form (B1, B2)."""

from turnout.model.attendee import PROFILE_FIELDS
from turnout.reference.schemas.parts import Schema, ref
from turnout.reference.schemas.values import AT, INDEX, MEANINGS, NO_NUL, NOTHING


def schemas() -> dict[str, Schema]:
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
        "anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, *NOTHING],
        "description": "`false`: this source does not expect the person any more (C9).",
    }
    clear = {
        "anyOf": [
            {"type": "array", "items": {"anyOf": [ref("ClearPath"), *NOTHING]}},
            ref("ClearPath"),
            ref("NotGiven"),
        ],
        "description": "Fields to empty, whatever the settings say of null and blank (C3).",
    }
    root = {"key": ref("BodyKey"), "observedAt": ref("Time"), "clear": clear}
    entry = {"anyOf": [ref("CustomField"), *NOTHING]}
    fields = {field: {**ref("Text"), "description": MEANINGS.get(field, "Text.")} for field in PROFILE_FIELDS[1:]}
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
                        "fieldValue": {"anyOf": [*NOTHING, {"type": "array", "items": {"anyOf": [*NOTHING]}}]}
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
                "email": {**ref("Email"), "description": MEANINGS["email"]},
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
                    "patternProperties": {f"^{INDEX}$": ref("Name")},
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
                "profile.email": {**ref("Email"), "description": MEANINGS["email"]},
                **{f"profile.{field}": schema for field, schema in fields.items()},
                "eventInfo.attending": attending,
                **root,
            },
            "patternProperties": {
                f"^profile\\.customFields{AT}\\.fieldName$": ref("Name"),
                f"^profile\\.customFields{AT}\\.fieldValue$": ref("FieldValue"),
                f"^eventInfo\\.groups\\.groupNames{AT}$": ref("Name"),
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
                **{f"profile.{field}": {"type": "string", "pattern": NO_NUL} for field in PROFILE_FIELDS[1:]},
                "key": {"type": "string", "description": key["description"]},
            },
            "patternProperties": {
                f"^profile\\.customFields{AT}\\.(fieldName|fieldValue)$": {"type": "string"},
                f"^eventInfo\\.groups\\.groupNames{AT}$": {"type": "string"},
            },
        },
    }
