"""What is said to and of exports."""

from typing import get_args

from turnout.downstream.formats import FORMATS
from turnout.reference.schemas.parts import NOT_BLANK, SECONDS, TIME, Schema, object_of, or_null, ref, text
from turnout.store.exports import State


def schemas() -> dict[str, Schema]:
    wish = {
        "format": {"enum": list(FORMATS), "default": "csv", "description": "Of the file."},
        "status": {
            "enum": ["attending", "withdrawn", "all"],
            "default": "attending",
            "description": "Withdrawn people come only when asked for.",
        },
        "group": _filter("Who is in this group, by its name."),
        "source": _filter("Of whom this source says something, by its name or id."),
        "updatedSince": {
            "anyOf": [{"type": "string", "format": "date-time"}, SECONDS, {"type": "null"}],
            "description": "Who was changed then or later: ISO 8601 with an offset, or seconds since 1970.",
        },
        "customFields": {
            "type": "object",
            "maxProperties": 20,
            "additionalProperties": {"type": "string", "pattern": NOT_BLANK},
            "description": "Who has these values, by name.",
        },
        "fields": {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "maxItems": 4_000,
            "description": "Only these columns; the id, status, groups and times come in any case.",
        },
    }
    count: Schema = {"type": "integer", "minimum": 0}
    export = {
        "id": text("Its id.", pattern="^exp_"),
        "state": {
            "enum": list(get_args(State)),
            "description": "`removed`: the file was kept for its time, or somebody of the event was erased.",
        },
        "format": {"enum": list(FORMATS), "description": "Of the file."},
        "createdAt": TIME,
        "sequence": or_null(count, "Of the event's last change when the file was begun: follow from there."),
        "percent": count | {"maximum": 100, "description": "How far it is."},
        "rowsDone": count | {"description": "How many attendees are written."},
        "rowsExpected": or_null(count, "How many there will be; null where that is not known before."),
        "sizeBytes": or_null(count, "Of the file, once it is done."),
        "finishedAt": or_null(TIME, "When it was done, or failed."),
        "expiresAt": or_null(TIME, "Until when the file is kept."),
        "reason": or_null(text("For people."), "Why there is no file, where there will be none."),
        "file": or_null(text("An address.", format="uri"), "Where to fetch it, once it is done."),
        "asked": {"allOf": [ref("ExportWish")], "description": "What was asked for, but for defaults."},
    }
    return {
        "ExportWish": {
            "type": "object",
            "description": "A format, filters as of a list, and columns.",
            "additionalProperties": False,
            "properties": wish,
        },
        "Export": object_of("An export.", export, optional=("asked",)),
        "ExportList": object_of("The exports of a key.", {"exports": {"type": "array", "items": ref("Export")}}),
    }


def _filter(description: str) -> Schema:
    return {"type": ["string", "null"], "pattern": NOT_BLANK, "description": description}
