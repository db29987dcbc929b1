"""Lines of the log, as they are followed and as an attendee's history has them."""

from typing import get_args

from turnout.downstream.following.line_view import LEFT
from turnout.model.change import Kind
from turnout.reference.schemas.parts import TIME, Schema, object_of, or_null, ref, text


def schemas() -> dict[str, Schema]:
    line = {
        "sequence": {"type": "integer", "minimum": 1, "description": "1, 2, 3 … in the event, without gaps."},
        "kind": {
            "enum": [*get_args(Kind), LEFT],
            "description": "What happened. `left`: the attendee is no longer among those whom you see. "
            "`group_renamed`, `field_renamed` and `setting_changed` are of the event itself, and told to a limited key "
            "where it sees what has the new name. More kinds may come.",
        },
        "at": TIME,
        "attendeeId": {"type": ["string", "null"], "description": "Null of what concerns the event itself."},
        "email": {
            "type": ["string", "null"],
            "description": "As it was behind this line; null where you do not see it, and of who left or was erased.",
        },
        "pushId": {"type": ["string", "null"], "description": "Null of what a person did."},
        "source": {"type": ["string", "null"], "description": "Who said so."},
        "actor": {
            "type": ["string", "null"],
            "description": "Who acted, or pushed by hand; null where nobody did, and for keys that are limited.",
        },
        "changes": {
            "type": "array",
            "items": ref("PathChange"),
            "description": "The paths that have other values now, as far as you see them; `new` null is no value.",
        },
        "payload": or_null(
            ref("Push"),
            "The push that would make the change, where `payload` asked for it: resulting values, the whole list of "
            'groups, `""` for what was cleared. Null where no push can.',
        ),
    }
    number: Schema = {"type": "integer", "minimum": 0}
    return {
        "ChangeLine": object_of("A line of the event's log, as far as your key sees it.", line, optional=("payload",)),
        "Changes": object_of(
            "Lines of the log, in order.",
            {
                "changes": {
                    "type": "array",
                    "items": ref("ChangeLine"),
                    "description": "As far as your key sees them.",
                },
                "last": number
                | {"description": "Where to go on: the last line that was looked at, or the `after` asked for."},
                "head": number | {"description": "The last line that there is."},
            },
        ),
        "ChangeMessage": object_of(
            "A server-sent event. What comes without `data`, a heartbeat, is none, but its `id` counts.",
            {
                "id": text("The number of the line.", pattern="^[0-9]+$"),
                "event": {"const": "change"},
                "data": text(
                    "The line, as JSON.", contentMediaType="application/json", contentSchema=ref("ChangeLine")
                ),
                "retry": {"type": "integer", "description": "Milliseconds before a browser comes again."},
            },
            optional=("retry",),
        ),
        "History": object_of(
            "Lines of the log, the latest first.",
            {
                "history": {
                    "type": "array",
                    "items": ref("ChangeLine"),
                    "description": "As far as your key sees them.",
                },
                "next": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last one.",
                },
            },
        ),
    }
