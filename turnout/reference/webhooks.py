"""What is sent to webhooks, as OpenAPI's section `webhooks` has it."""

from typing import Any

from turnout.model.webhook import KINDS
from turnout.reference import examples
from turnout.reference.schemas import Schema, ref

TEST_TYPE = "webhook.test"


def section() -> dict[str, Any]:
    """The one request that there is."""
    return {
        "attendeeChanged": {
            "post": {
                "operationId": "attendeeChanged",
                "summary": "Somebody changed",
                "description": (
                    "Sent to every webhook that sees the change (`turnout webhook create`), signed as Standard "
                    "Webhooks says. Up to eight requests come at once; the changes of one attendee one after another. "
                    "Whatever is not answered with success within 15 seconds is tried again for three days, with the "
                    "same `webhook-id` and body."
                ),
                "tags": ["Webhooks"],
                "security": [],
                "parameters": [_header(name, says) for name, says in _HEADERS.items()],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": ref("WebhookMessage"),
                            "examples": {
                                "updated": {"summary": "Values are different", "value": UPDATED},
                                "left": {"summary": "No longer in a group that the webhook sees", "value": LEFT},
                                "test": {"summary": "turnout webhook test", "value": TEST},
                            },
                        }
                    },
                },
                "responses": {
                    "2XX": {"description": "It is yours now, and does not come again."},
                    "410": {"description": "Nobody is there any more: the webhook is switched off."},
                    "default": {
                        "description": "Any other answer is a failure. `Retry-After` is honoured, up to a day."
                    },
                },
            }
        }
    }


def components() -> dict[str, Schema]:
    """The schemas of it."""
    time: Schema = {"type": "string", "format": "date-time"}
    gone: Schema = {
        "type": "object",
        "description": "Of somebody who is erased, or whom the webhook sees no longer.",
        "required": ["id"],
        "properties": {"id": {"type": "string", "pattern": "^att_"}},
        "additionalProperties": False,
    }
    told: Schema = {
        "type": "object",
        "description": "The change.",
        "required": ["event", "sequence", "attendee", "changes", "source", "pushId"],
        "properties": {
            "event": {
                "type": "object",
                "required": ["id", "slug"],
                "properties": {"id": {"type": "string", "pattern": "^evt_"}, "slug": {"type": "string"}},
            },
            "sequence": {"type": "integer", "minimum": 1, "description": "The change's number in the event's log."},
            "attendee": {
                "anyOf": [ref("AttendeeShown"), gone],
                "description": "As they were behind this change, as far as the webhook sees them.",
            },
            "changes": {"type": "array", "items": ref("PathChange"), "description": "What is different."},
            "source": {"type": ["string", "null"], "description": "Who said so."},
            "pushId": {"type": ["string", "null"], "description": "Null of what a person did."},
        },
    }
    test: Schema = {"type": "object", "description": "Of a test.", "required": ["webhook", "message"]}
    return {
        "WebhookMessage": {
            "type": "object",
            "description": "What a webhook is sent. More types may come: answer 200 to those that you do not know.",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"enum": [*(f"attendee.{kind}" for kind in KINDS), TEST_TYPE]},
                "timestamp": {**time, "description": "When it happened, whenever it is delivered."},
                "data": {"anyOf": [told, test]},
            },
        }
    }


def _header(name: str, says: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": says, "schema": {"type": "string"}}


_HEADERS = {
    "webhook-id": "The delivery, `dlv_…`: the same on every try.",
    "webhook-timestamp": "When this try was made, in seconds since 1970.",
    "webhook-signature": "`v1,…`; two with a space between while a secret is rotated.",
}
_EVENT = {"id": "evt_019ce5a0b1c07a4b9c8d7e6f50413224", "slug": "summer-fair"}
UPDATED: dict[str, Any] = {
    "type": "attendee.updated",
    "timestamp": "2025-03-01T08:31:00.123456Z",
    "data": {
        "event": _EVENT,
        "sequence": 18,
        "attendee": examples.ATTENDEE | {"profile": examples.ATTENDEE["profile"] | {"title": "CTO"}},
        "changes": [{"path": "profile.title", "old": None, "new": "CTO"}],
        "source": "main",
        "pushId": examples.PUSH_ID,
    },
}
LEFT: dict[str, Any] = {
    "type": "attendee.left",
    "timestamp": "2025-03-01T08:32:00.123456Z",
    "data": {
        "event": _EVENT,
        "sequence": 19,
        "attendee": {"id": examples.ATTENDEE_ID},
        "changes": [],
        "source": None,
        "pushId": None,
    },
}
TEST: dict[str, Any] = {
    "type": TEST_TYPE,
    "timestamp": "2025-03-01T08:30:00.123456Z",
    "data": {
        "webhook": {"id": "whk_019ce5a0b1c07a4b9c8d7e6f50413225"},
        "message": "Turnout sends this because somebody asked for a test.",
    },
}
