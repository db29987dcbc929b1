"""What a webhook is told of a line of the log: the body of the request, as it is sent however often. Pure."""

from typing import Any

import msgspec

from turnout.changes.lines import Line
from turnout.downstream import limits as limiting
from turnout.downstream.following.line_view import LEFT, see
from turnout.downstream.limits import Limits
from turnout.model.event import Configuration
from turnout.model.receipt import PathChange
from turnout.model.webhook import Webhook
from turnout.now import as_text

TEST_TOPIC = "webhook.test"


class Message(msgspec.Struct, frozen=True):
    """A line as it goes to one webhook."""

    topic: str
    body: str


class EventSeen(msgspec.Struct, frozen=True):
    id: str
    slug: str


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """The `data` of a request."""

    event: EventSeen
    sequence: int
    attendee: Any
    """As he was behind this line; of somebody who is gone only `id`."""
    changes: list[PathChange]
    source: str | None
    push_id: str | None


class Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: Any


def list_limits(webhook: Webhook, configuration: Configuration) -> Limits:
    """What the webhook sees of this event."""
    return limiting.of_names(configuration, webhook.groups, webhook.fields)


def write(line: Line, webhook: Webhook, configuration: Configuration, limits: Limits) -> Message | None:
    """The message; None where the webhook is not told: it does not see it, does not want it, or nothing is left of it.

    Needs a configuration no older than the line.
    """
    change = line.change
    if change.attendee_id is None or (line.after is None and change.kind != "erased"):
        return None
    seen = see(line, configuration, limits)
    if seen is None or (webhook.kinds is not None and seen.line.kind not in webhook.kinds):
        return None
    told = Told(
        event=EventSeen(configuration.event.id, configuration.event.slug),
        sequence=seen.line.sequence,
        attendee=(
            {"id": change.attendee_id}
            if seen.after is None or seen.line.kind == LEFT
            else limiting.view(seen.after, configuration, limits)
        ),
        changes=seen.line.changes,
        source=seen.line.source,
        push_id=seen.line.push_id,
    )
    topic = f"attendee.{seen.line.kind}"
    return Message(topic, _encode(Body(topic, seen.line.at, told)))


def write_test(webhook: Webhook, at: int) -> str:
    """A body by which somebody can see that requests arrive."""
    data = {"webhook": {"id": webhook.id}, "message": "Turnout sends this because somebody asked for a test."}
    return _encode(Body(TEST_TOPIC, as_text(at), data))


def _encode(body: Body) -> str:
    return msgspec.json.encode(body).decode()
