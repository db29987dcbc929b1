"""Making webhooks, and changing what is set up for them."""

from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.durations import Duration
from turnout.cli.opened import acting, opened

if TYPE_CHECKING:
    from turnout.access.audit import Deed
    from turnout.downstream.webhooks.endpoint import Issued
    from turnout.model.webhook import Webhook

webhook_argument = click.argument("webhook_id", metavar="ID")


@click.command()
@click.option("--event", "slug", metavar="SLUG", help="The event of whose changes it is told, by its slug.")
@click.option("--all-events", is_flag=True, help="It is told of the changes of all events, those to come too.")
@click.option("--url", required=True, metavar="URL", help="Where requests go: https://…")
@click.option(
    "--kinds",
    multiple=True,
    metavar="K,…",
    help="Only these: created, updated, withdrawn, returned, merged, erased, left.",
)
@click.option("--groups", multiple=True, metavar="G,…", help="Only people who are in one of these; may be given again.")
@click.option("--fields", multiple=True, metavar="F,…", help="It sees only these fields; may be given again.")
@click.option("--allow-private", is_flag=True, help="It may lead to private, loopback and link-local addresses.")
@output.json_option
def create(
    slug: str | None,
    all_events: bool,
    url: str,
    kinds: tuple[str, ...],
    groups: tuple[str, ...],
    fields: tuple[str, ...],
    allow_private: bool,
) -> None:
    """Make a webhook and show the secret that its requests are signed with, this once.

    It begins with changes made from now on, and sees everybody and everything, or what --groups and --fields leave: id,
    status and times always, of groups only those, and the address only where email is among the fields. A name with a
    comma in it is given by itself: --groups "Press, TV" --groups Crew.

    Example: turnout webhook create --event spring --url https://app.example.org/turnout --kinds created,withdrawn
    """
    from turnout.downstream.webhooks import endpoint
    from turnout.events.setup import get_configuration
    from turnout.feed.by_hand.hand_in import name_actor

    if (slug is None) != all_events:
        raise click.UsageError("Say either --event SLUG or --all-events.")
    with opened() as database:
        configuration = None if slug is None else get_configuration(database, slug)
        event_id = "" if configuration is None else configuration.event.id
        with acting(database, "webhook.create", event_id=event_id) as deed:
            issued = endpoint.create(
                database,
                configuration,
                url,
                kinds=kinds or None,
                groups=groups or None,
                fields=fields or None,
                allow_private=allow_private,
                actor=name_actor(),
            )
            deed.target, deed.after = issued.webhook.id, {"url": endpoint.show_host(issued.webhook.url)}
    _show_issued(issued)
    if not endpoint.can_be_found(url):
        output.note(
            "The host cannot be looked up from here now, so nothing will arrive until it can. To see that it does: "
            f"turnout webhook test {issued.webhook.id}"
        )
    if url.startswith("http:") and not allow_private:
        output.note("The address is not https: attendees will cross the network in the open.")


@click.command()
@click.argument("webhook_id", metavar="ID", required=False)
@click.option("--all", "all_webhooks", is_flag=True, help="All that are active: on a copy, say, before it is started.")
@click.option("--reason", metavar="TEXT", help="Why, for whoever looks at it.")
@output.json_option
def pause(webhook_id: str | None, all_webhooks: bool, reason: str | None) -> None:
    """Send a webhook nothing until it is resumed. What happens meanwhile is sent then.

    Example: turnout webhook pause whk_0193… --reason "Their server moves"
    """
    from turnout.downstream.webhooks import endpoint

    if (webhook_id is None) != all_webhooks:
        raise click.UsageError("Say either which webhook, or --all.")
    with opened() as database:
        if webhook_id is not None:
            with acting(database, "webhook.pause", target=webhook_id) as deed:
                webhook = endpoint.pause(database, webhook_id, reason)
                _describe_deed(deed, webhook)
            _show_state(webhook, f"It is paused, and is sent nothing until: turnout webhook resume {webhook_id}")
            return
        with acting(database, "webhook.pause") as deed:
            paused = endpoint.pause_all(database, reason)
            deed.after = {"webhooks": paused}
    if output.wants_json():
        output.write_json({"paused": paused})
    else:
        output.say(*(f"Paused: {one}" for one in paused) if paused else ["None was active."])


@click.command()
@webhook_argument
@output.json_option
def resume(webhook_id: str) -> None:
    """Let a webhook that is paused, or off, go on where it stopped; what has failed is tried again at once.

    Example: turnout webhook resume whk_0193…
    """
    from turnout.downstream.webhooks import endpoint

    with opened() as database:
        was_active = endpoint.get_webhook(database, webhook_id).state == "active"
        with acting(database, "webhook.resume", target=webhook_id) as deed:
            webhook = endpoint.resume(database, webhook_id)
            _describe_deed(deed, webhook)
    _show_state(
        webhook,
        "It was active, and goes on. What has failed is tried again now."
        if was_active
        else "It is active and goes on where it stopped. What had failed is tried again now.",
    )


@click.command()
@webhook_argument
@click.option(
    "--overlap",
    "overlap_us",
    type=Duration(),
    default="24h",
    show_default=True,
    metavar="SPAN",
    help="How long requests are signed with the old secret too; 0 for not at all.",
)
@output.json_option
def rotate(webhook_id: str, overlap_us: int) -> None:
    """Give a webhook a new secret and show it, this once. Meanwhile requests are signed with both.

    Example: turnout webhook rotate whk_0193… --overlap 24h
    """
    from turnout.downstream.webhooks import endpoint

    with opened() as database, acting(database, "webhook.rotate", target=webhook_id) as deed:
        issued = endpoint.rotate(database, webhook_id, overlap_us)
        _describe_deed(deed, issued.webhook)
    _show_issued(issued)
    if not output.wants_json():
        until = issued.webhook.former_until
        output.say(
            "Requests are signed with the new secret alone."
            if until is None
            else f"Until {output.show_time(until, 'UTC')} requests are signed with the old one too."
        )


@click.command()
@webhook_argument
@yes_option
@output.json_option
def delete(webhook_id: str, yes: bool) -> None:
    """Delete a webhook, with all that it was sent or has yet to be sent.

    Example: turnout webhook delete whk_0193…
    """
    from turnout.downstream.webhooks import endpoint

    with opened() as database:
        webhook = endpoint.get_webhook(database, webhook_id)
        confirm(
            [
                f"The webhook to {webhook.url} goes, with its log of deliveries and whatever waits to be delivered.",
                "To stop it for a while: turnout webhook pause " + webhook_id,
            ],
            "Delete it?",
            yes=yes,
        )
        with acting(database, "webhook.delete", event_id=webhook.event_id or "", target=webhook_id) as deed:
            deed.before = {"url": endpoint.show_host(webhook.url)}
            deliveries = endpoint.delete(database, webhook_id)
            deed.after = {"deliveries": deliveries}
    if output.wants_json():
        output.write_json({"id": webhook_id, "deleted": True, "deliveries": deliveries})
        return
    output.say(f"Deleted, with {output.count(deliveries, 'delivery', 'deliveries')}.")


COMMANDS = (create, pause, resume, rotate, delete)


def _show_issued(issued: "Issued") -> None:
    if output.wants_json():
        output.write_json({"id": issued.webhook.id, "secret": issued.secret})
        return
    output.pairs([("Id", issued.webhook.id), ("URL", issued.webhook.url), ("Secret", issued.secret)])
    output.say(
        "", "The secret is shown this once. With it the receiver checks who sends: docs/guides/receive-webhooks.md"
    )


def _show_state(webhook: "Webhook", said: str) -> None:
    if output.wants_json():
        output.write_json({"id": webhook.id, "state": webhook.state, "reason": webhook.reason})
    else:
        output.say(said)


def _describe_deed(deed: "Deed", webhook: "Webhook") -> None:
    """Of the event that it is for, with as much of its address as may be kept."""
    from turnout.downstream.webhooks.endpoint import show_host

    deed.event_id, deed.after = webhook.event_id or "", {"url": show_host(webhook.url), "state": webhook.state}
