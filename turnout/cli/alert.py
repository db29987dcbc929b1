"""`turnout alert`: what is wrong with an event's feed, and who is told."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import event_option, find_public_url, opened_event

if TYPE_CHECKING:
    from turnout.model.alert import Alert, AlertMessage, AlertSettings
    from turnout.model.event import Configuration

_KINDS = ("first_push", "silent", "errors", "refused_key", "unknown_field", "falling", "key_expiring", "webhook")
_alert_argument = click.argument("alert_id", metavar="ID")


@click.group()
def command() -> None:
    """Alerts of an event: list and dismiss them, say who is told by e-mail, of what, and by which webhook.

    ID is that of an alert (alr_…), as turnout alert list shows it.

    Example: turnout alert list --event spring
    """


@command.command("list")
@event_option
@click.option("--all", "all_alerts", is_flag=True, help="Those of the last 90 days too that are over.")
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True)
@output.json_option
def list_(slug: str, all_alerts: bool, limit: int) -> None:
    """List the open alerts, the latest first.

    Example: turnout alert list --event spring --all
    """
    from turnout.alerts import watching

    with opened_event(slug) as (database, configuration):
        found, _ = watching.list_alerts(database, configuration.event.id, only_open=not all_alerts, limit=limit)
    if output.wants_json():
        output.write_json({"alerts": [_describe(one, configuration) for one in found]})
        return
    zone = configuration.event.time_zone
    output.table(
        ("id", "what", "since", "until"),
        [
            (
                one.id,
                _describe(one, configuration)["title"],
                output.show_time(one.opened_at, zone),
                "open" if one.closed_at is None else output.show_time(one.closed_at, zone),
            )
            for one in found
        ],
        empty="All is well: no alert is open." if not all_alerts else "There was no alert in the last 90 days.",
    )


@command.command()
@event_option
@_alert_argument
@output.json_option
def show(slug: str, alert_id: str) -> None:
    """Show one alert: what it is about, what to do, and who was told of it.

    Example: turnout alert show --event spring alr_0193…
    """
    from turnout.alerts import tell, watching

    with opened_event(slug) as (database, configuration):
        alert = watching.get_alert(database, configuration.event.id, alert_id)
        messages = tell.list_messages(database, configuration.event.id, [alert.id])
        names = _name_users(database)
    shown = _describe(alert, configuration)
    if output.wants_json():
        output.write_json({**shown, "messages": [_describe_message(one, names) for one in messages]})
        return
    zone = configuration.event.time_zone
    output.say(
        shown["title"],
        "",
        *(line for line in (shown["text"], shown["advice"]) if line),
        f"Look: {shown['link']}",
        f"Since {output.show_time(alert.opened_at, zone)}"
        + ("." if alert.closed_at is None else f", until {output.show_time(alert.closed_at, zone)}."),
    )
    for one in messages:
        told = _describe_message(one, names)
        output.say(f"  {told['to']}: {told['state']}" + (f", {told['failure']}" if told["failure"] else ""))


@command.command()
@event_option
@_alert_argument
@output.json_option
def dismiss(slug: str, alert_id: str) -> None:
    """Close an alert by hand. It is not told again for 7 days, though it may go on.

    Example: turnout alert dismiss --event spring alr_0193…
    """
    from turnout.access import audit
    from turnout.alerts import watching
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        alert = watching.get_alert(database, event_id, alert_id)
        shown = _describe(alert, configuration)
        with audit.acting(database, name_actor(), "alert.dismiss", event_id=event_id, target=alert.id) as deed:
            deed.after = {"name": shown["title"]}
            alert = watching.dismiss(database, event_id, alert.id)
    if output.wants_json():
        output.write_json(_describe(alert, configuration))
    else:
        output.say(f"Dismissed: {shown['title']}")


@command.command()
@event_option
@output.json_option
def followers(slug: str) -> None:
    """List who is told of an event's alerts by e-mail.

    Example: turnout alert followers --event spring
    """
    from turnout.access import roles
    from turnout.alerts import watching

    with opened_event(slug) as (database, configuration):
        found = watching.list_followers(database, configuration.event.id)
    lines = [(one, roles.may(one, "viewer", configuration.event.id)) for one in found]
    if output.wants_json():
        output.write_json(
            {"followers": [{"id": one.id, "email": one.email, "name": one.name, "isTold": may} for one, may in lines]}
        )
        return
    output.table(
        ("e-mail", "name", "told"),
        [(one.email, one.name, "yes" if may else "no: may not see the event") for one, may in lines],
        empty="Nobody follows it. Let somebody: turnout alert follow EMAIL --event SLUG",
    )


@command.command()
@event_option
@click.argument("email")
@output.json_option
def follow(slug: str, email: str) -> None:
    """Tell a user of an event's alerts by e-mail.

    Example: turnout alert follow ann@example.org --event spring
    """
    _set_following(slug, email, follows=True)


@command.command()
@event_option
@click.argument("email")
@output.json_option
def unfollow(slug: str, email: str) -> None:
    """Tell a user of an event's alerts no more.

    Example: turnout alert unfollow ann@example.org --event spring
    """
    _set_following(slug, email, follows=False)


@command.command("set")
@event_option
@click.option("--off", multiple=True, type=click.Choice(_KINDS), help="Tell nobody of these; may be given again.")
@click.option("--on", multiple=True, type=click.Choice(_KINDS), help="Tell of these; may be given again.")
@click.option("--error-percent", type=int, metavar="N", help="From so many failed pushes of a hundred on.")
@click.option("--fall-percent", type=int, metavar="N", help="From so many of a hundred people on within a day.")
@click.option("--key-days", type=int, metavar="N", help="So many days before a key expires.")
@output.json_option
def set_(
    slug: str,
    off: tuple[str, ...],
    on: tuple[str, ...],
    error_percent: int | None,
    fall_percent: int | None,
    key_days: int | None,
) -> None:
    """Set of what people are told, and show what is set; with nothing said it only shows.

    Example: turnout alert set --event spring --off first_push --error-percent 20
    """
    from turnout.access import audit
    from turnout.alerts import watching
    from turnout.alerts.described import describe_settings
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.model.alert import AlertSettings

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        known = watching.get_watch(database, event_id).settings
        wanted = AlertSettings(
            off=frozenset(one for one in _read_kinds() if (one in known.off or one in off) and one not in on),
            error_percent=known.error_percent if error_percent is None else error_percent,
            fall_percent=known.fall_percent if fall_percent is None else fall_percent,
            key_days=known.key_days if key_days is None else key_days,
        )
        if wanted != known:
            with audit.acting(database, name_actor(), "alert.set", event_id=event_id) as deed:
                before, known = watching.change_settings(database, event_id, wanted)
                deed.before, deed.after = describe_settings(before), describe_settings(known)
    _show_settings(known)


@command.group()
def webhook() -> None:
    """Where an event's alerts are posted to: a chat's incoming webhook, or a program of your own.

    Example: turnout alert webhook set --event spring --url https://hooks.example.org/…
    """


@webhook.command("show")
@event_option
@output.json_option
def show_webhook(slug: str) -> None:
    """Show where an event's alerts are posted to, and how the last one went.

    Example: turnout alert webhook show --event spring
    """
    from turnout.alerts import tell, watching

    with opened_event(slug) as (database, configuration):
        found = watching.get_watch(database, configuration.event.id).webhook
        last = tell.latest_webhook_message(database, configuration.event.id)
    if output.wants_json():
        output.write_json(
            {
                "url": None if found is None else found.url,
                "allowPrivate": found is not None and found.allow_private,
                "last": None if last is None else _describe_message(last, {}),
            }
        )
    elif found is None:
        output.say("The alerts of this event have no webhook: turnout alert webhook set --event … --url …")
    else:
        output.say(found.url)
        if last is not None:
            output.say(
                f"The last alert: {last.state.replace('_', ' ')}" + (f", {last.failure}" if last.failure else "")
            )


@webhook.command("set")
@event_option
@click.option("--url", required=True, metavar="URL", help="Where requests go: https://…")
@click.option("--allow-private", is_flag=True, help="It may lead to private, loopback and link-local addresses.")
@output.json_option
def set_webhook(slug: str, url: str, allow_private: bool) -> None:
    """Post alerts there, in place of the address before, and show the secret they are signed with, this once.

    Example: turnout alert webhook set --event spring --url https://hooks.example.org/…
    """
    from urllib.parse import urlsplit

    from turnout.access import audit
    from turnout.alerts import webhook as posting
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        with audit.acting(database, name_actor(), "alert.webhook_set", event_id=event_id) as deed:
            secret = posting.put_webhook(database, event_id, url, allow_private=allow_private)
            deed.after = {"host": urlsplit(url).hostname}
    if output.wants_json():
        output.write_json({"url": url, "secret": secret})
        return
    output.say("Alerts are posted there from now on. A chat needs nothing more. The secret, shown this once:", secret)


@webhook.command("test")
@event_option
@output.json_option
def test_webhook(slug: str) -> None:
    """Send one test request.

    Example: turnout alert webhook test --event spring
    """
    from turnout.access import audit
    from turnout.alerts import webhook as posting
    from turnout.downstream.webhooks.results import describe_attempt
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        with audit.acting(database, name_actor(), "alert.webhook_test", event_id=event_id) as deed:
            attempt = posting.test(database, event_id)
            deed.after = {"answer": attempt.status}
    if output.wants_json():
        output.write_json({"status": attempt.status, "error": attempt.error, "tookMs": attempt.took_ms})
    else:
        output.say(f"{describe_attempt(attempt)}, after {attempt.took_ms:,} ms.")
    if attempt.error is not None:
        output.end(1)


@webhook.command("remove")
@event_option
@output.json_option
def remove_webhook(slug: str) -> None:
    """Post alerts no more.

    Example: turnout alert webhook remove --event spring
    """
    from turnout.access import audit
    from turnout.alerts import watching
    from turnout.alerts import webhook as posting
    from turnout.errors import NotFound
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        if watching.get_watch(database, event_id).webhook is None:
            raise NotFound("The alerts of this event have no webhook.")
        with audit.acting(database, name_actor(), "alert.webhook_remove", event_id=event_id):
            posting.remove_webhook(database, event_id)
    if output.wants_json():
        output.write_json({"removed": True})
    else:
        output.say("Alerts are not posted any more.")


def _set_following(slug: str, email: str, *, follows: bool) -> None:
    from turnout.access import audit, users
    from turnout.alerts import watching
    from turnout.feed.by_hand.hand_in import name_actor

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        user = users.get_by_email(database, email)
        action = "alert.follow" if follows else "alert.unfollow"
        with audit.acting(database, name_actor(), action, event_id=event_id, target=user.id):
            if follows:
                watching.follow(database, event_id, user.id)
            else:
                watching.unfollow(database, event_id, user.id)
    if output.wants_json():
        output.write_json({"id": user.id, "email": user.email, "follows": follows})
    else:
        name = configuration.event.name
        output.say(f"{user.email} is {'told' if follows else 'not told any more'} of the alerts of {name}.")


def _show_settings(settings: "AlertSettings") -> None:
    if output.wants_json():
        from turnout.alerts.described import describe_settings

        output.write_json(describe_settings(settings))
        return
    numbers = {
        "errors": f"from {settings.error_percent} % of failed pushes on",
        "falling": f"from {settings.fall_percent} % of people on",
        "key_expiring": f"{settings.key_days} days before",
    }
    output.table(
        ("kind", "told", "when"),
        [(kind, "no" if kind in settings.off else "yes", numbers.get(kind, "")) for kind in _read_kinds()],
    )


def _read_kinds() -> "tuple[Any, ...]":
    from turnout.model.alert import KINDS

    return KINDS


def _describe(alert: "Alert", configuration: "Configuration") -> dict[str, Any]:
    from turnout.alerts import words
    from turnout.alerts.described import describe_facts
    from turnout.now import as_text

    told = words.describe(alert, configuration)
    return {
        "id": alert.id,
        "kind": alert.kind,
        "cause": alert.cause,
        "facts": describe_facts(alert.facts),
        "title": told.title,
        "text": told.text,
        "advice": told.advice,
        "link": f"{find_public_url()}/{told.way}",
        "openedAt": as_text(alert.opened_at),
        "closedAt": None if alert.closed_at is None else as_text(alert.closed_at),
    }


def _describe_message(message: "AlertMessage", names: dict[str, str]) -> dict[str, Any]:
    return {
        "to": "webhook" if message.user_id is None else names.get(message.user_id, message.user_id),
        "state": message.state.replace("_", " "),
        "tries": message.tries,
        "failure": message.failure,
    }


def _name_users(database: Any) -> dict[str, str]:
    from turnout.access import users

    return {one.id: one.email for one in users.list_all(database)}
