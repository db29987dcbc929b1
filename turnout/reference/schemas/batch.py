"""Many at once (E1)."""

from turnout.reference.schemas.parts import Schema, ref


def schemas() -> dict[str, Schema]:
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
