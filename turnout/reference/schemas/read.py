"""Attendees, groups and custom fields as they are read."""

from turnout.model.attendee import PROFILE_FIELDS
from turnout.reference.schemas.parts import TEXTS, TIME, Schema, object_of, ref, text
from turnout.reference.schemas.values import NO_NUL


def schemas() -> dict[str, Schema]:
    return _people() | _names()


def _people() -> dict[str, Schema]:
    attendee = {
        "id": text("It stays, whatever else changes.", pattern="^att_"),
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
            "description": "By name; those that are set, and that your key sees.",
            "additionalProperties": {"anyOf": [{"type": "string"}, TEXTS]},
        },
        "groups": {**TEXTS, "description": "Those they are in, whoever says so, and that your key sees."},
        "unknownFields": {"type": "object", "description": "What came under names that are none of ours (B5)."},
        "pinned": {**TEXTS, "description": "The paths that pushes do not change (C7)."},
        "aliases": {**TEXTS, "description": "Former addresses (C1)."},
        "createdAt": TIME,
        "updatedAt": TIME,
        "origins": ref("Origins"),
    }
    people: Schema = {"type": "array", "items": ref("AttendeeShown")}
    by_name: Schema = {"type": "object", "additionalProperties": ref("Origin")}
    return {
        "AttendeeShown": object_of("One attendee, as far as your key sees them.", attendee, optional=("origins",)),
        "Origins": object_of(
            "Where each value comes from, also of what was cleared since; with `explain=true` only.",
            {
                "profile": {**by_name, "description": "By field."},
                "customFields": {**by_name, "description": "By name."},
                "groups": {
                    "type": "object",
                    "additionalProperties": TEXTS,
                    "description": "By name, the sources that put the attendee in.",
                },
                "unknownFields": {**by_name, "description": "By path."},
            },
        ),
        "Origin": object_of(
            "The change that set a value.",
            {
                "sequence": {"type": "integer", "minimum": 1, "description": "Its number in the event's log."},
                "push": {"type": ["string", "null"], "description": "The push that made it; null of an act."},
                "source": text("Who said so."),
                "at": {"type": ["string", "null"], "format": "date-time", "description": "When it took effect."},
                "old": {"description": "What the value was before; null where your key could not see it then."},
            },
        ),
        "AttendeeList": object_of(
            "A page of attendees.",
            {
                "attendees": people,
                "next": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last one.",
                },
                "sequence": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Of the event's last change when the first page was read: follow from there.",
                },
            },
        ),
        "Lookup": {
            "type": "object",
            "description": "Addresses, ids, or both: up to 100 in all.",
            "additionalProperties": False,
            "properties": {
                "email": {
                    "type": ["string", "null"],
                    "pattern": NO_NUL,
                    "maxLength": 400,
                    "description": "One address.",
                },
                "emails": {
                    "type": "array",
                    "maxItems": 100,
                    "items": {"type": "string", "pattern": NO_NUL, "maxLength": 400},
                    "default": [],
                    "description": "Addresses.",
                },
                "id": {"type": ["string", "null"], "pattern": _ID, "maxLength": 400, "description": "One id."},
                "ids": {
                    "type": "array",
                    "maxItems": 100,
                    "items": {"type": "string", "pattern": _ID, "maxLength": 400},
                    "default": [],
                    "description": "Ids.",
                },
            },
            "anyOf": [
                {"required": ["email"], "properties": {"email": {"type": "string"}}},
                {"required": ["emails"], "properties": {"emails": {"minItems": 1}}},
                {"required": ["id"], "properties": {"id": {"type": "string"}}},
                {"required": ["ids"], "properties": {"ids": {"minItems": 1}}},
            ],
        },
        "Found": object_of(
            "Who was found.",
            {
                "attendees": {**people, "description": "In the order asked for, each once."},
                "notFound": {**TEXTS, "description": "What leads to nobody whom your key sees."},
            },
        ),
    }


_ID = "^att_[^@\\u0000]*$"


def _names() -> dict[str, Schema]:
    name = {"id": text("It stays when the name changes."), "name": text("For people."), "createdAt": TIME}
    members = {"type": "integer", "minimum": 0, "description": "How many are in it, withdrawn ones too."}
    return {
        "Groups": object_of(
            "All groups.",
            {"groups": {"type": "array", "items": object_of("A group.", {**name, "members": members})}},
        ),
        "CustomFields": object_of(
            "All custom fields.", {"customFields": {"type": "array", "items": object_of("A custom field.", name)}}
        ),
    }
