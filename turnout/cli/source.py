"""`turnout source`: whoever says something about an event's attendees, and how it is understood."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import event_option, opened_event

if TYPE_CHECKING:
    from turnout.model.event import Configuration
    from turnout.model.source import Source


@click.group()
def command() -> None:
    """Sources: list them, and set how their pushes are understood.

    Example: turnout source list --event spring
    """


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List an event's sources with the settings that hold for them, their keys and their last push.

    A source is made with its key: turnout key create --event spring --label "Ticket shop"

    Example: turnout source list --event spring
    """
    from turnout.now import as_text, now_us
    from turnout.store import pushes

    with opened_event(slug) as (database, configuration), database.read() as connection:
        last = {}
        for source in configuration.sources.values():
            latest = pushes.list_pushes(connection, configuration.event.id, source_number=source.number, limit=1)
            used = [key.last_used_at or 0 for key in configuration.keys.values() if key.source_number == source.number]
            last[source.number] = max([push.last_at for push in latest] + used, default=0) or None
    described = [_describe(source, configuration) for source in configuration.sources.values()]
    if output.wants_json():
        for one, at in zip(described, last.values(), strict=True):
            one["lastPushAt"] = None if at is None else as_text(at)
        output.write_json({"sources": described})
        return
    at = now_us()
    names = list(described[0]["settings"])
    output.table(
        ("name", *names, "good keys", "last push"),
        [
            (
                source.name,
                *(f"{value} (own)" if name in one["own"] else value for name, value in one["settings"].items()),
                sum(key.is_good(at) for key in configuration.keys.values() if key.source_number == source.number),
                output.show_time(last[source.number], configuration.event.time_zone),
            )
            for source, one in zip(configuration.sources.values(), described, strict=True)
        ],
    )


@command.command("set")
@event_option
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE…")
@output.json_option
def set_(slug: str, name: str, settings: tuple[str, ...]) -> None:
    """Set how one source's pushes are understood; `default` is as the event.

    The settings are those of `turnout event set`: null, blank, groups, lists, status_codes.

    Example: turnout source set --event spring "Ticket shop" blank=keep null=default
    """
    from turnout.events import policy, sources
    from turnout.events.setup import get_configuration

    wanted = policy.parse(list(settings))
    with opened_event(slug) as (database, configuration):
        source = sources.set_up(database, configuration.event.id, name, wanted)
        described = _describe(source, get_configuration(database, slug))
    if output.wants_json():
        output.write_json({"source": described})
        return
    own = described["own"]
    output.pairs(
        [(name, value if name in own else f"{value} (as the event)") for name, value in described["settings"].items()]
    )


def _describe(source: "Source", configuration: "Configuration") -> dict[str, Any]:
    """With the settings in effect, and which of them are its own."""
    import msgspec

    from turnout.events import keys
    from turnout.now import as_text, now_us

    at = now_us()
    settings = msgspec.to_builtins(source.policy.over(configuration.event.policy))
    return {
        "id": source.id,
        "name": source.name,
        "createdAt": as_text(source.created_at),
        "mode": settings.pop("mode"),
        "settings": settings,
        "own": msgspec.to_builtins(source.policy),
        "keys": [
            {"id": key.id, "state": keys.state_of(key, at)}
            for key in configuration.keys.values()
            if key.source_number == source.number
        ],
    }
