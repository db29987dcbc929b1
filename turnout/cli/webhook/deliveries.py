"""What was delivered, what was answered, and delivering it once more."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, opened
from turnout.cli.webhook.setting_up import webhook_argument
from turnout.cli.webhook.showing import ZONE

if TYPE_CHECKING:
    from turnout.model.webhook import Attempt, Delivery, ShownState

STATES = ("new", "parked", "delivered", "given_up", "erased")


@click.command()
@webhook_argument
@click.option("--delivery", "delivery_id", metavar="D", help="Show this one whole: request, body and every answer.")
@click.option(
    "--state",
    type=click.Choice(STATES),
    help="Only those; parked ones have failed and are tried again, of erased ones the person was.",
)
@click.option("--event", "slug", metavar="SLUG", help="Only those of this event.")
@click.option("--before", metavar="D", help="Only those before this delivery: the next page.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, metavar="N")
@output.json_option
def deliveries(
    webhook_id: str,
    delivery_id: str | None,
    state: "ShownState | None",
    slug: str | None,
    before: str | None,
    limit: int,
) -> None:
    """List what a webhook was sent, or has yet to be sent, the latest first; kept for 30 days.

    Example: turnout webhook deliveries whk_0193… --state given_up
    """
    from turnout.downstream.webhooks import endpoint
    from turnout.events.setup import get_configuration
    from turnout.store import delivery_log

    with opened() as database:
        webhook = endpoint.get_webhook(database, webhook_id)
        if delivery_id is not None:
            delivery = endpoint.get_delivery(database, webhook_id, delivery_id)
            headers = endpoint.list_headers(database, webhook, delivery)
            _show_whole(delivery, headers, _list_slugs(database), is_sent=webhook.state == "active")
            return
        event_id = webhook.event_id if slug is None else get_configuration(database, slug).event.id
        last = None if before is None else endpoint.get_delivery(database, webhook_id, before)
        with database.read() as connection:
            found = delivery_log.list_deliveries(
                connection, webhook_id, event_id=event_id, state=state, before=last, limit=limit + 1
            )
        slugs = _list_slugs(database)
    page, more = found[:limit], len(found) > limit
    is_sent = webhook.state == "active"
    if output.wants_json():
        output.write_json(
            {
                "deliveries": [_describe(one, slugs, is_sent=is_sent) for one in page],
                "next": page[-1].id if more else None,
            }
        )
        return
    output.table(
        ("id", "when", "event", "change", "what", "attendee", "state", "tries", "last answer", "next try"),
        [
            (
                one.id,
                output.show_time(one.created_at, ZONE),
                slugs.get(one.event_id),
                one.sequence,
                one.topic,
                one.attendee_id,
                _show_state(one),
                len(one.attempts),
                _describe_last(one),
                output.show_time(one.next_at, ZONE) if one.state == "parked" and is_sent else "–",
            )
            for one in page
        ],
        empty="There are no such deliveries.",
    )
    if not is_sent and any(one.finished_at is None for one in page):
        output.note(f"The webhook is {webhook.state}, and is sent nothing until: turnout webhook resume {webhook_id}")
    if more:
        output.note(f"There are more: --before {page[-1].id}")


@click.command()
@webhook_argument
@click.option("--delivery", "delivery_id", metavar="D", help="This one, as it was.")
@click.option("--since", type=click.IntRange(1), metavar="N", help="Every change of the log from number N on.")
@click.option("--event", "slug", metavar="SLUG", help="With --since: of which event, where the webhook is for all.")
@output.json_option
def resend(webhook_id: str, delivery_id: str | None, since: int | None, slug: str | None) -> None:
    """Send a delivery once more, or all from a change on, with the ids that they had.

    With --since, changes from before the webhook was made are sent too, where N reaches back that far.

    Example: turnout webhook resend whk_0193… --since 1200
    """
    from turnout.downstream.webhooks import endpoint
    from turnout.downstream.webhooks.resend import resend_one, resend_since
    from turnout.errors import InvalidRequest
    from turnout.events.setup import get_configuration

    if (delivery_id is None) == (since is None):
        raise click.UsageError("Say either --delivery D or --since N.")
    with opened() as database:
        webhook = endpoint.get_webhook(database, webhook_id)
        if delivery_id is not None:
            with acting(database, "webhook.resend", event_id=webhook.event_id or "", target=webhook_id) as deed:
                said = {"id": webhook_id, "delivery": resend_one(database, webhook_id, delivery_id).id}
                deed.after = {"url": endpoint.show_host(webhook.url), "delivery": delivery_id}
            sentence = "It is sent once more."
        else:
            assert since is not None
            event_id = None if slug is None else get_configuration(database, slug).event.id
            if None not in (event_id, webhook.event_id) and event_id != webhook.event_id:
                raise InvalidRequest(f"The webhook {webhook_id} is not told of the event {slug}.")
            its_event = event_id or webhook.event_id or ""
            with acting(database, "webhook.resend", event_id=its_event, target=webhook_id) as deed:
                lines = resend_since(database, webhook, since, event_id)
                deed.after = {"url": endpoint.show_host(webhook.url), "since": since, "changes": lines}
            said = {"id": webhook_id, "since": since, "changes": lines}
            sentence = (
                f"What it sees of {output.count(lines, 'change')}, from {since:,} on, is sent once more; new changes "
                "come behind that."
                if lines
                else f"It has not been told of change {since:,} yet: that and what is behind it come by themselves."
            )
    if output.wants_json():
        output.write_json(said)
        return
    output.say(sentence)
    if webhook.state != "active":
        output.note(f"The webhook is {webhook.state}: it will be when that is resumed.")


@click.command("test")
@webhook_argument
@output.json_option
def try_out(webhook_id: str) -> None:
    """Send a webhook one request now, of type webhook.test, and say what it answers. Exit code 1 where it fails.

    Example: turnout webhook test whk_0193…
    """
    from turnout.downstream.webhooks import endpoint
    from turnout.downstream.webhooks.resend import ping

    with opened() as database:
        webhook = endpoint.get_webhook(database, webhook_id)
        with acting(database, "webhook.test", event_id=webhook.event_id or "", target=webhook_id) as deed:
            attempt = ping(database, webhook)
            deed.after = {"url": endpoint.show_host(webhook.url), "answer": attempt.status}
    is_good = attempt.error is None
    if output.wants_json():
        output.write_json({"id": webhook_id, "ok": is_good, **_describe_attempt(attempt)})
    elif is_good:
        output.say(f"It answered {attempt.status} after {attempt.took_ms:,} ms.")
    else:
        output.say(f"It did not work: {_say(attempt)}, after {attempt.took_ms:,} ms.")
    if not is_good:
        output.end(1)


COMMANDS = (deliveries, resend, try_out)


def _list_slugs(database: Any) -> dict[str, str]:
    from turnout.store import events

    with database.read() as connection:
        return {event.id: event.slug for event in events.list_events(connection)}


def _show_whole(delivery: "Delivery", headers: Mapping[str, str], slugs: Mapping[str, str], *, is_sent: bool) -> None:
    if output.wants_json():
        output.write_json(
            _describe(delivery, slugs, is_sent=is_sent)
            | {
                "request": {"headers": headers, "body": delivery.body},
                "answers": [_describe_attempt(attempt) for attempt in delivery.attempts],
            }
        )
        return
    output.pairs(
        [
            ("Id", delivery.id),
            ("Event", slugs.get(delivery.event_id)),
            ("Change", delivery.sequence),
            ("What", delivery.topic),
            ("Attendee", delivery.attendee_id),
            ("State", _show_state(delivery)),
            ("Made", output.show_time(delivery.created_at, ZONE)),
            ("Next try", output.show_time(delivery.next_at if is_sent else None, ZONE)),
            ("Finished", output.show_time(delivery.finished_at, ZONE)),
        ]
    )
    output.heading("Request")
    output.say(*(f"{name}: {value}" for name, value in headers.items()), "")
    output.say("It was erased, with the person whom it was about." if delivery.body is None else delivery.body)
    output.heading("Answers")
    output.table(
        ("when", "took", "what", "answer"),
        [
            (output.show_time(one.at, ZONE), f"{one.took_ms:,} ms", _say(one), (one.answer or "").strip())
            for one in delivery.attempts
        ],
        empty="It was not sent yet." if delivery.finished_at is None else "It was not sent.",
    )


def _describe(delivery: "Delivery", slugs: Mapping[str, str], *, is_sent: bool) -> dict[str, Any]:
    """As JSON; of a webhook that is paused or off nothing has a next time."""
    from turnout.now import as_text

    next_at = delivery.next_at if is_sent else None
    times = {"createdAt": delivery.created_at, "nextAt": next_at, "finishedAt": delivery.finished_at}
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "id": delivery.id,
        "event": slugs.get(delivery.event_id),
        "sequence": delivery.sequence,
        "type": delivery.topic,
        "attendeeId": delivery.attendee_id,
        "state": delivery.shown_state,
        "attempts": len(delivery.attempts),
        "lastStatus": None if last is None else last.status,
        "lastError": None if last is None else last.error,
        **{name: None if at is None else as_text(at) for name, at in times.items()},
    }


def _describe_attempt(attempt: "Attempt") -> dict[str, Any]:
    from turnout.now import as_text

    return {
        "at": as_text(attempt.at),
        "tookMs": attempt.took_ms,
        "status": attempt.status,
        "error": attempt.error,
        "answer": attempt.answer,
    }


def _show_state(delivery: "Delivery") -> str:
    return delivery.shown_state.replace("_", " ")


def _describe_last(delivery: "Delivery") -> str | None:
    return _say(delivery.attempts[-1]) if delivery.attempts else None


def _say(attempt: "Attempt") -> str:
    from turnout.downstream.webhooks.results import describe_attempt

    return describe_attempt(attempt)
