"""What is sent to webhooks."""

from turnout.model.webhook import KINDS
from turnout.reference.schemas.parts import Schema, ref

TEST_TYPE = "webhook.test"


def schemas() -> dict[str, Schema]:
    """The one message that there is."""
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
