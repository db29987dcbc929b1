"""What is said of keys, pushes, gateways and the server."""

from turnout.model.receipt import MAX_LISTED
from turnout.reference.schemas.answers import RESULTS
from turnout.reference.schemas.parts import Schema, object_of, or_null, ref, text


def schemas() -> dict[str, Schema]:
    """What the reading endpoints answer."""
    time = text("UTC, with microseconds.", format="date-time")
    line = {
        "id": text("Of the push.", pattern="^psh_"),
        "at": {**time, "description": "When it came."},
        "result": {"type": "string", "enum": list(RESULTS)},
        "email": {"type": ["string", "null"], "description": "As you wrote it; null where it could not be read."},
        "attendeeId": {"type": ["string", "null"]},
        "sequence": {"type": ["integer", "null"], "description": "Of the change that it made; null when it made none."},
        "source": text("The name of the source."),
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
        "replayOf": text("The push that this one repeats, where somebody replayed it."),
        "detail": text("Why it failed, where it did."),
    }
    sometimes = ("dryRun", "rehearsed", "replayOf", "detail")
    name = text("For people.")
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
    source = object_of(
        "Whose key it is.",
        {
            "id": text("Of the source."),
            "name": name,
            "mode": {
                "enum": ["live", "rehearsal"],
                "description": "Whether pushes take effect, or are only checked, answered and logged (A7).",
            },
            "settings": object_of("How its pushes are understood (A6).", settings),
        },
    )
    return {
        "KeyDescription": object_of(
            "Which event, source and settings a key has (A6).",
            {
                "event": object_of(
                    "The event.", {"id": text("Of the event."), "slug": text("In its address."), "name": name}
                ),
                "source": or_null(source, "Null for a read key, which belongs to the event."),
                "key": object_of(
                    "The key, without its secret.",
                    {
                        "id": text("Its public part."),
                        "scope": {"enum": ["push", "read"]},
                        "expiresAt": or_null(time, "Null: never."),
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
                "lastPushAt": or_null(time, "When it last pushed, to the minute or better."),
            },
        ),
        "PushLine": object_of("A push, as lists show it.", line, optional=sometimes),
        "PushList": object_of(
            "A page of pushes, latest first.",
            {
                "pushes": {"type": "array", "items": ref("PushLine")},
                "next": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last one.",
                },
            },
        ),
        "PushShown": object_of(
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
        "GatewayDescription": object_of(
            "What a gateway is, and how to push and read. The same whether or not there is such an event (A3).",
            {
                "what": text("For people."),
                "push": {
                    "type": "object",
                    "required": ["method", "url"],
                    "properties": {"method": {"const": "POST"}, "url": text("Where to push.", format="uri")},
                },
                "batch": {"type": "object"},
                "leave": {"type": "object", "description": "Where to say that somebody is not expected (C9)."},
                "key": {"type": "object"},
                "pushes": {"type": "object"},
                "read": {"type": "object", "description": "Where a read key lists attendees."},
                "changes": {"type": "object", "description": "Where it asks for changes."},
                "stream": {"type": "object", "description": "Where they are streamed to it."},
                "exports": {"type": "object", "description": "Where it asks for a file."},
                "documentation": text("The pages.", format="uri"),
                "rules": text("What a push does, rule by rule, with examples.", format="uri"),
                "openapi": text("This document.", format="uri"),
                "problems": text("Every code explained.", format="uri"),
            },
        ),
        "Healthy": object_of("It can commit.", {"status": {"const": "ok"}, "version": text("Of Turnout.")}),
        "Unhealthy": object_of(
            "It cannot commit.", {"status": {"const": "unavailable"}, "reason": text("Why, for people.")}
        ),
    }
