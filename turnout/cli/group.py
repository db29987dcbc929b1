"""`turnout group`: the groups that an event has seen."""

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import acting, event_option, opened_event


@click.group()
def command() -> None:
    """Groups: list, rename and set them. Pushes make them.

    Example: turnout group list --event spring
    """


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List an event's groups with how many attendees are in them.

    Example: turnout group list --event spring
    """
    from turnout.cli.names import describe_names
    from turnout.store import attendees

    with opened_event(slug) as (database, configuration), database.read() as connection:
        counts = attendees.count_members(connection, configuration.event.id)
    described = describe_names(configuration, "group")
    for number, one in described.items():
        one["staffOnly"] = configuration.groups.by_number[number].staff_only
        one["attendees"] = counts.get(number, 0)
    if output.wants_json():
        output.write_json({"groups": list(described.values())})
        return
    output.table(
        ("name", "attendees", "staff only", "also known as", "first named by"),
        [
            (one["name"], one["attendees"], one["staffOnly"], one["formerNames"], one["firstSource"])
            for one in described.values()
        ],
        empty="There are no groups yet: the first push that names one makes it.",
    )


@command.command()
@event_option
@click.argument("old")
@click.argument("new")
@output.json_option
def rename(slug: str, old: str, new: str) -> None:
    """Rename a group. Pushes that still use the old name go on meaning it.

    Example: turnout group rename --event spring "Group1" "Speakers"
    """
    from turnout.cli.names import rename_and_show

    rename_and_show(slug, "group", old, new)


@command.command("set")
@event_option
@click.argument("name")
@click.argument("setting", metavar="staff_only=yes|no")
@output.json_option
def set_(slug: str, name: str, setting: str) -> None:
    """Keep a group for staff: pushes put nobody in or out of it. Or give it back to pushes.

    Example: turnout group set --event spring "Backstage" staff_only=yes
    """
    from turnout.errors import InvalidRequest
    from turnout.events import names
    from turnout.feed.by_hand.hand_in import name_actor

    key, _, value = setting.partition("=")
    if key != "staff_only" or value not in ("yes", "no"):
        raise InvalidRequest(f"A group can be set staff_only=yes or staff_only=no, not {setting!r}.")
    with (
        opened_event(slug) as (database, configuration),
        acting(database, "group.set", event_id=configuration.event.id) as deed,
    ):
        group = names.set_staff_only(database, configuration.event.id, name, value == "yes", actor=name_actor())
        deed.target, deed.after = group.id, {"name": group.name, "staffOnly": group.staff_only}
    if output.wants_json():
        output.write_json({"id": group.id, "name": group.name, "staffOnly": group.staff_only})
        return
    output.say(f"{group.name} is for staff only." if group.staff_only else f"{group.name} is open to pushes.")
