"""`turnout handout`: a link for whoever connects a system, behind which its key is shown once."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.durations import Duration
from turnout.cli.opened import acting, event_option, find_public_url, opened_event

if TYPE_CHECKING:
    from turnout.model.event import Configuration
    from turnout.model.handout import Handout


@click.group()
def command() -> None:
    """Hand-outs: pages for integrators, without an account, with the address, the key, shown once, and a recipe.

    Example: turnout handout create --event spring --source "Ticket shop" --tool zapier
    """


@command.command()
@event_option
@click.option("--source", required=True, metavar="NAME", help="Whose key it gives; made where there is none yet.")
@click.option("--tool", required=True, metavar="TOOL", help="Which recipe: curl, python, zapier, make, n8n …")
@click.option("--label", default="", metavar="L", help="For whom it is; only you see that.")
@click.option(
    "--expires",
    "expires_in_us",
    type=Duration(),
    default="14d",
    show_default=True,
    metavar="SPAN",
    help="Good so long.",
)
@click.option("--live", is_flag=True, help="A new source is live at once; else it rehearses until it goes live.")
@output.json_option
def create(slug: str, source: str, tool: str, label: str, expires_in_us: int, live: bool) -> None:
    """Make a hand-out and show its link, this once.

    A source that is new gets the settings that suit the tool, and rehearses: its pushes are checked and answered, and
    change nothing, until `turnout source go-live`. One that is there stays as it is.

    Example: turnout handout create --event spring --source Zapier --tool zapier --label "Ann at Example Ltd"
    """
    from turnout.events import handouts
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.recipes import get_recipe

    recipe = get_recipe(tool)
    with (
        opened_event(slug) as (database, configuration),
        acting(database, "handout.create", event_id=configuration.event.id) as deed,
    ):
        handout, text = handouts.create(
            database,
            configuration.event.id,
            source,
            recipe.name,
            label=label,
            settings=recipe.settings,
            mode="live" if live else "rehearsal",
            expires_in_us=expires_in_us,
            actor=name_actor(),
        )
        deed.target, deed.after = handout.id, {"source": handout.source_number, "tool": recipe.name}
    link = f"{find_public_url()}/console/h/{text}"
    if output.wants_json():
        output.write_json({"id": handout.id, "link": link})
        return
    output.pairs(
        [
            ("Id", handout.id),
            ("Link", link),
            ("Tool", recipe.title),
            ("Good until", output.show_time(handout.expires_at, configuration.event.time_zone)),
        ]
    )
    output.say("", "The link is shown this once. Whoever opens it sees the key of this source, once, and nothing else.")


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List an event's hand-outs, with those that ended in the last 90 days. Their links are not among it.

    Example: turnout handout list --event spring
    """
    from turnout.events import handouts
    from turnout.now import now_us

    with opened_event(slug) as (database, configuration):
        found = handouts.list_of(database, configuration)
    if output.wants_json():
        output.write_json({"handouts": [_describe(one, configuration) for one in found]})
        return
    at, zone = now_us(), configuration.event.time_zone
    output.table(
        ("id", "label", "source", "tool", "state", "made", "expires", "opened", "key shown"),
        [
            (
                one.id,
                one.label,
                configuration.sources[one.source_number].name,
                one.tool,
                one.state(at),
                output.show_time(one.created_at, zone),
                output.show_time(one.expires_at, zone),
                output.show_time(one.opened_at, zone),
                one.key_id or "",
            )
            for one in found
        ],
        empty="There are none. `turnout handout create` makes one.",
    )


@command.command()
@event_option
@click.argument("handout_id", metavar="ID")
@output.json_option
def revoke(slug: str, handout_id: str) -> None:
    """Make a link good for nothing, from now on. The key that was shown there stays: turnout key revoke.

    Example: turnout handout revoke --event spring hnd_0193…
    """
    from turnout.events import handouts

    with (
        opened_event(slug) as (database, configuration),
        acting(database, "handout.revoke", event_id=configuration.event.id, target=handout_id),
    ):
        handout = handouts.revoke(database, configuration.event.id, handout_id)
    if output.wants_json():
        output.write_json(_describe(handout, configuration))
        return
    key = f" The key {handout.key_id} that it has shown stays good." if handout.key_id else ""
    output.say(f"The hand-out {handout.id} is revoked: its link opens nothing any more.{key}")


@command.command("give-again")
@event_option
@click.argument("handout_id", metavar="ID")
@output.json_option
def give_again(slug: str, handout_id: str) -> None:
    """Let a hand-out show a new key, once, to whoever asks first. The key that it has shown ends at once.

    Example: turnout handout give-again --event spring hnd_0193…
    """
    from turnout.events import handouts

    with (
        opened_event(slug) as (database, configuration),
        acting(database, "handout.give_again", event_id=configuration.event.id, target=handout_id),
    ):
        handout = handouts.give_again(database, configuration.event.id, handout_id)
    if output.wants_json():
        output.write_json(_describe(handout, configuration))
        return
    output.say(f"The hand-out {handout.id} shows a new key, once, to whoever asks first.")


def _describe(handout: "Handout", configuration: "Configuration") -> dict[str, Any]:
    from turnout.now import as_text, now_us

    times = {
        "createdAt": handout.created_at,
        "expiresAt": handout.expires_at,
        "revokedAt": handout.revoked_at,
        "openedAt": handout.opened_at,
    }
    return {
        "id": handout.id,
        "label": handout.label,
        "source": configuration.sources[handout.source_number].name,
        "tool": handout.tool,
        "state": handout.state(now_us()),
        "keyId": handout.key_id,
        **{name: None if at is None else as_text(at) for name, at in times.items()},
    }
