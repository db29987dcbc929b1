"""What webhooks there are, and how they are."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import opened
from turnout.cli.webhook.setting_up import webhook_argument

if TYPE_CHECKING:
    from turnout.downstream.webhooks.health import Health

ZONE = "UTC"
"""Of times: a webhook may be of events in several zones."""


@click.command("list")
@click.option("--event", "slug", metavar="SLUG", help="Only those that are told of this event's changes.")
@output.json_option
def list_(slug: str | None) -> None:
    """List the webhooks with how they are: how far behind the log, how many attendees wait for a delivery that fails.

    Example: turnout webhook list --event spring
    """
    from turnout.downstream.webhooks.health import list_health
    from turnout.events.setup import get_configuration

    with opened() as database:
        event_id = None if slug is None else get_configuration(database, slug).event.id
        found = [one for one in list_health(database) if event_id is None or one.webhook.event_id in (None, event_id)]
    if output.wants_json():
        output.write_json({"webhooks": [describe(one) for one in found]})
        return
    output.table(
        ("id", "event", "url", "told of", "state", "behind", "parked"),
        [
            (
                one.webhook.id,
                one.slug or "all events",
                one.webhook.url,
                _describe_limits(one),
                _state(one),
                one.lag_changes,
                one.waiting.parked,
            )
            for one in found
        ],
        empty="There are no webhooks. To make one: turnout webhook create",
    )


@click.command()
@webhook_argument
@output.json_option
def show(webhook_id: str) -> None:
    """Show a webhook: what it is told of, where it is in the log, what fails and since when.

    Example: turnout webhook show whk_0193…
    """
    from turnout.downstream.webhooks.health import MAX_PLACES, get_details
    from turnout.now import as_text

    with opened() as database:
        health, seen = get_details(database, webhook_id)
    waiting = health.waiting
    if output.wants_json():
        output.write_json(
            describe(health)
            | {
                "waitingSince": None if waiting.since is None else as_text(waiting.since),
                "lastSuccessAt": None if seen.success_at is None else as_text(seen.success_at),
                "lastFailureAt": None if seen.failure_at is None else as_text(seen.failure_at),
                "lastFailure": seen.failure,
                "events": [
                    {"slug": place.slug, "cursor": place.cursor, "head": place.head, "lag": place.lag_changes}
                    for place in seen.places
                ],
            }
        )
        return
    webhook = health.webhook
    failure = "–" if seen.failure is None else f"{output.show_time(seen.failure_at, ZONE)}: {seen.failure}"
    output.pairs(
        [
            ("Id", webhook.id),
            ("Event", health.slug or "all events"),
            ("URL", webhook.url + (" (may be private)" if webhook.allow_private else "")),
            ("Told of", _describe_limits(health)),
            ("State", _state(health) + (f": {webhook.reason}" if webhook.reason else "")),
            ("Behind", output.count(health.lag_changes, "change")),
            ("To be delivered", waiting.deliveries),
            ("… since", output.show_time(waiting.since, ZONE)),
            ("Parked attendees", waiting.parked),
            ("Last success", output.show_time(seen.success_at, ZONE)),
            ("Last failure", failure),
            ("Old secret good until", output.show_time(webhook.former_until, ZONE)),
            ("Made", f"{output.show_time(webhook.created_at, ZONE)}{f' by {webhook.actor}' if webhook.actor else ''}"),
        ]
    )
    if webhook.event_id is None:
        output.heading("Events")
        output.table(
            ("event", "has come to", "of", "behind"),
            [(place.slug, place.cursor, place.head, place.lag_changes) for place in seen.places],
        )
        if len(seen.places) == MAX_PLACES:
            output.note("There may be more, in which it is less far behind.")
    for place in seen.places if webhook.event_id is not None else ():
        output.say("", f"Of {output.count(place.head, 'change')} it has come to {place.cursor:,}.")
    output.say(*_advise(health))


COMMANDS = (list_, show)


def describe(health: "Health") -> dict[str, Any]:
    """As JSON; never its secret."""
    from turnout.now import as_text, now_us

    webhook = health.webhook
    has_former = webhook.former_until is not None and webhook.former_until > now_us()
    return {
        "id": webhook.id,
        "event": health.slug,
        "url": webhook.url,
        "kinds": webhook.kinds,
        "groups": webhook.groups,
        "fields": webhook.fields,
        "allowPrivate": webhook.allow_private,
        "state": webhook.state,
        "reason": webhook.reason,
        "failing": health.is_failing,
        "secretGood": health.is_secret_good,
        "lag": health.lag_changes,
        "waiting": health.waiting.deliveries,
        "parkedAttendees": health.waiting.parked,
        "formerSecretUntil": as_text(webhook.former_until or 0) if has_former else None,
        "createdAt": as_text(webhook.created_at),
        "actor": webhook.actor,
    }


def _state(health: "Health") -> str:
    return "failing" if health.is_failing else health.webhook.state


def _describe_limits(health: "Health") -> str:
    webhook = health.webhook
    said = [
        "everything" if webhook.kinds is None else ", ".join(webhook.kinds),
        *([] if webhook.groups is None else [f"of {', '.join(webhook.groups)}"]),
        *([] if webhook.fields is None else [f"with {', '.join(webhook.fields)}"]),
    ]
    return "; ".join(said)


def _advise(health: "Health") -> list[str]:
    """What to do, where something is."""
    its_id = health.webhook.id
    if not health.is_secret_good:
        return [
            "Its secret cannot be opened with the secret key that is there, so nothing can be signed.",
            f"A new one: turnout webhook rotate {its_id}",
        ]
    if health.webhook.state == "off":
        return [f"When the endpoint is there again: turnout webhook resume {its_id}"]
    if health.is_failing:
        return [
            f"Deliveries about {health.waiting.parked:,} attendees fail, so it waits where it is. Nothing is lost:",
            "when the endpoint is mended they are tried again, and it goes on.",
            f"See what it answers: turnout webhook deliveries {its_id} --state parked",
            f"Not to wait for the next try: turnout webhook resume {its_id}",
        ]
    return []
