"""What is sent to webhooks, as OpenAPI's section `webhooks` has it."""

from typing import Any

from turnout.reference import examples
from turnout.reference.schemas.parts import ref
from turnout.reference.schemas.webhooks import TEST_TYPE


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
