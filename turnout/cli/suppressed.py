"""`turnout suppressed`: who was erased and is not to be brought back by the sources that knew them (F2)."""

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, event_option, opened_event


@click.group()
def command() -> None:
    """Whom sources must not bring back after an erasure: count them, and let somebody come again.

    Example: turnout suppressed list --event spring
    """


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List the suppressed addresses of an event. No address is kept, only a digest that nobody can read it from.

    Example: turnout suppressed list --event spring
    """
    from turnout.events.setup import get_configuration
    from turnout.now import as_text
    from turnout.store import suppressions

    with opened_event(slug) as (database, configuration):
        with database.read() as connection:
            found = suppressions.list_all(connection, configuration.event.id)
        its = get_configuration(database, slug)
    sources: dict[str, list[str]] = {}
    for one in found:
        sources.setdefault(one.digest, []).append(its.sources[one.source_number].name)
    first = {one.digest: one for one in reversed(found)}
    if output.wants_json():
        output.write_json(
            {
                "suppressed": [
                    {
                        "digest": digest,
                        "sources": names,
                        "since": as_text(first[digest].created_at),
                        "actor": first[digest].actor,
                    }
                    for digest, names in sources.items()
                ]
            }
        )
        return
    output.table(
        ("digest of the address", "sources that must not bring it", "since", "by"),
        [
            (
                digest,
                names,
                output.show_time(first[digest].created_at, its.event.time_zone),
                first[digest].actor,
            )
            for digest, names in sources.items()
        ],
        empty="Nobody is suppressed.",
    )


@command.command()
@event_option
@click.argument("email")
@output.json_option
def lift(slug: str, email: str) -> None:
    """Let all sources bring somebody with this address again.

    Example: turnout suppressed lift --event spring john.doe@example.com
    """
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.configurations import Configurations
    from turnout.feed.forget.erase import lift as lift_address

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        with acting(database, "attendee.lift", event_id=event_id) as deed:
            lifted = lift_address(database, Configurations(database), event_id, email, name_actor())
            deed.after = {"sources": lifted}
    names = [configuration.sources[number].name for number in lifted]
    if output.wants_json():
        output.write_json({"lifted": True, "sources": names})
        return
    output.say(f"{', '.join(names)} can bring {email.strip()} again.")
