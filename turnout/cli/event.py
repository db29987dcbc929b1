"""`turnout event`: make, list, show, set and archive events."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import acting, curl_command, gateway_of, opened, opened_event
from turnout.cli.signs import signs

if TYPE_CHECKING:
    from turnout.downstream.webhooks.endpoint import Issued as IssuedWebhook
    from turnout.model.event import Event
    from turnout.store.database import Database

slug_argument = click.argument("slug")


@click.group()
def command() -> None:
    """Events: make, list, show, set and archive them.

    Example: turnout event create "Spring Conference" --slug spring
    """


@command.command()
@click.argument("name")
@click.option("--slug", metavar="S", help="Its part of the gateway address, for good; else made from the name.")
@click.option(
    "--like",
    "pattern",
    metavar="EVENT",
    help="Take over this one's sources, settings, custom fields, groups and webhooks; never people or keys.",
)
@output.json_option
def create(name: str, slug: str | None, pattern: str | None) -> None:
    """Make an event with a first source, *main*, and its key, which is shown this once.

    Example: turnout event create "Spring Conference" --slug spring
    """
    from turnout.events import event

    with opened(makes=True) as database, acting(database, "event.create") as deed:
        if pattern is None:
            made, key = event.create(database, name, slug)
            webhooks = []
        else:
            made, key, webhooks = _create_like(database, pattern, name, slug)
        deed.event_id = deed.target = made.id
        deed.after = {"name": made.name, "slug": made.slug} | ({"like": pattern} if pattern else {})
    gateway = gateway_of(made)
    if output.wants_json():
        output.write_json(
            {"event": {"id": made.id, "slug": made.slug, "name": made.name}, "gateway": gateway, "key": key}
            | ({"webhooks": [{"id": one.webhook.id, "secret": one.secret} for one in webhooks]} if pattern else {})
        )
        return
    output.pairs([("Event", f"{made.name} ({made.slug})"), ("Gateway", gateway), ("Key", key)])
    if webhooks:
        output.heading("Webhooks, paused until `turnout webhook resume`; their secrets are shown this once")
        output.pairs([(one.webhook.id, f"{one.secret}  {one.webhook.url}") for one in webhooks])
    output.say("", "The key is shown this once; only a digest of it is kept. A first push:", "")
    output.say(curl_command(gateway, key))


def _create_like(
    database: "Database", pattern: str, name: str, slug: str | None
) -> "tuple[Event, str, list[IssuedWebhook]]":
    from turnout.downstream.webhooks import copies
    from turnout.events import like
    from turnout.events.setup import get_configuration
    from turnout.feed.by_hand.hand_in import name_actor

    pattern_id, secret_key = get_configuration(database, pattern).event.id, database.secret_key
    with like.creating(database, pattern_id, name, slug) as made:
        webhooks = copies.add_copies(made.connection, secret_key, pattern_id, made.event.id, actor=name_actor())
    return made.event, made.key, webhooks


@command.command("list")
@click.option("--all", "with_archived", is_flag=True, help="Archived ones too.")
@output.json_option
def list_(with_archived: bool) -> None:
    """List the events.

    Example: turnout event list
    """
    from turnout.events import event

    with opened(makes=True) as database:
        events = [one for one in event.list_all(database) if with_archived or one.archived_at is None]
    if output.wants_json():
        output.write_json({"events": [_describe(one) | {"gateway": gateway_of(one)} for one in events]})
        return
    output.table(
        ("slug", "name", "gateway", "made", "archived"),
        [
            (
                one.slug,
                one.name,
                gateway_of(one),
                output.show_time(one.created_at, one.time_zone),
                output.show_time(one.archived_at, one.time_zone),
            )
            for one in events
        ],
        empty='There are no events. Make one with: turnout event create "My event"',
    )


@command.command()
@slug_argument
@output.json_option
def show(slug: str) -> None:
    """Show an event: its gateway, its settings, and how much is in it.

    Example: turnout event show spring
    """
    from turnout.events import policy, retention
    from turnout.model.event import DAY_US
    from turnout.now import as_text, made_at
    from turnout.store import attendees, events, pushes

    with opened_event(slug) as (database, configuration), database.read() as connection:
        event = configuration.event
        counts = attendees.count_by_status(connection, event.id)
        clock = events.find_clock(connection, event.id)
        oldest = pushes.find_oldest_body(connection, event.id)
    oldest_at = None if oldest is None else made_at(oldest)
    goes_at = None if oldest_at is None else oldest_at + event.keep_bodies_days * DAY_US
    settings = policy.as_settings(event)
    last_sequence, last_at = (clock.last_sequence, clock.last_at or None) if clock else (0, None)
    if output.wants_json():
        output.write_json(
            {
                "event": _describe(event),
                "gateway": gateway_of(event),
                "settings": settings,
                "sources": [source.name for source in configuration.sources.values()],
                "attendees": {"attending": 0, "withdrawn": 0} | counts,
                "customFields": len(configuration.custom_fields.by_number),
                "groups": len(configuration.groups.by_number),
                "lastSequence": last_sequence,
                "lastAt": None if last_at is None else as_text(last_at),
                "retention": {
                    "purgeAt": None if event.purge_at is None else as_text(event.purge_at),
                    "purgedAt": None if event.purged_at is None else as_text(event.purged_at),
                    "oldestBodyAt": None if oldest_at is None else as_text(oldest_at),
                    "oldestBodyGoesAt": None if goes_at is None else as_text(goes_at),
                },
            }
        )
        return
    output.pairs(
        [
            ("Name", event.name),
            ("Id", event.id),
            ("Gateway", gateway_of(event)),
            ("Made", output.show_time(event.created_at, event.time_zone)),
            ("Archived", output.show_time(event.archived_at, event.time_zone)),
            ("Sources", [source.name for source in configuration.sources.values()]),
            ("Attendees", f"{counts.get('attending', 0):,} attending, {counts.get('withdrawn', 0):,} withdrawn"),
            ("Custom fields", len(configuration.custom_fields.by_number)),
            ("Groups", len(configuration.groups.by_number)),
            ("Last change", f"number {last_sequence:,}, {output.show_time(last_at, event.time_zone)}"),
        ]
    )
    output.heading("What goes when")
    output.pairs(
        [
            ("Everyone is erased", retention.describe_purge(event)),
            ("Last purged", output.show_time(event.purged_at, event.time_zone)),
            ("Bodies of pushes", f"{output.count(event.keep_bodies_days, 'day')} after they came"),
            ("The oldest goes", output.show_time(goes_at, event.time_zone)),
        ]
    )
    output.heading("Settings")
    output.pairs([(name, value) for name, value in settings.items() if name != "name"])


command.add_command(signs)


@command.command("set")
@slug_argument
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE…")
@yes_option
@output.json_option
def set_(slug: str, settings: tuple[str, ...], yes: bool) -> None:
    """Set what pushes to an event mean, how long what is kept, or its name, host or time zone.

    \b
    null=keep|clear             what null does to a field
    blank=clear|keep            what "" does to a field
    groups=source|add|replace   what a list of groups does
    lists=none|,|;              the sign between several groups in one text
    status_codes=seed|precise   whether every error is a 500
    mode=live|rehearsal         whether pushes take effect
    identity=email|third_party_id   whether the address or a source's own id says who it is; asks first
    ends_at=2027-05-04|2027-05-04T18:00:00+02:00   when the event is over
    purge_after=90d             so many days after that everyone is erased; empty for never
    keep_bodies=30d             how long the bodies of pushes stay
    cors=none|https://app.example.org,…|*   sites whose pages may read in a browser, with a read key
    name=…  host=feed.example.org  time_zone=Europe/Berlin

    Example: turnout event set spring blank=keep time_zone=Europe/Berlin
    """
    from turnout.events import event, identity, policy, retention
    from turnout.feed.by_hand.hand_in import name_actor

    wanted = policy.parse(list(settings))
    with opened_event(slug) as (database, configuration):
        foreseen = identity.foresee(database, configuration, wanted.get("identity"))
        foreseen += retention.foresee(configuration.event, wanted)
        if foreseen:
            confirm(foreseen, "Set it?", yes=yes)
        event_id, before = configuration.event.id, policy.as_settings(configuration.event)
        with acting(database, "event.set", event_id=event_id, target=event_id) as deed:
            changed = event.set_up(database, event_id, wanted, actor=name_actor())
            after = {key: its for key, its in policy.as_settings(changed).items() if its != before[key]}
            deed.before = {key: before[key] or "" for key in after}
            deed.after = {key: its or "" for key, its in after.items()}
    if output.wants_json():
        output.write_json({"event": _describe(changed), "settings": policy.as_settings(changed)})
        return
    output.pairs(list(policy.as_settings(changed).items()))
    if any(name in wanted for name in ("ends_at", "purge_after")):
        output.say(f"Everyone is erased: {retention.describe_purge(changed)}.")


@command.command()
@slug_argument
@click.option("--undo", is_flag=True, help="Open it again.")
@output.json_option
def archive(slug: str, undo: bool) -> None:
    """Take an event out of lists and shut its gateway for pushes; its data stays, and read keys go on reading it.

    Example: turnout event archive spring --undo
    """
    from turnout.events import event

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        with acting(
            database, "event.unarchive" if undo else "event.archive", event_id=event_id, target=event_id
        ) as deed:
            deed.before = {"archived": configuration.event.archived_at is not None}
            changed = event.archive(database, event_id, undo=undo)
            deed.after = {"archived": not undo}
    if output.wants_json():
        output.write_json({"event": _describe(changed)})
    elif undo:
        output.say(f"{changed.name} is open again: its keys are good for what they were.")
    else:
        output.say(
            f"{changed.name} is archived: its push keys get 401 from now on, read keys go on reading. "
            "`--undo` opens it again."
        )


def _describe(event: "Event") -> dict[str, Any]:
    from turnout.now import as_text

    return {
        "id": event.id,
        "slug": event.slug,
        "name": event.name,
        "createdAt": as_text(event.created_at),
        "archivedAt": None if event.archived_at is None else as_text(event.archived_at),
    }
