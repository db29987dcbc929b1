"""`turnout field`: the custom fields that an event has seen."""

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import event_option, opened_event


@click.group()
def command() -> None:
    """Custom fields: list and rename them. Pushes make them.

    Example: turnout field list --event spring
    """


@command.command("list")
@event_option
@output.json_option
def list_(slug: str) -> None:
    """List an event's custom fields.

    Example: turnout field list --event spring
    """
    from turnout.cli.names import describe_names

    with opened_event(slug) as (_, configuration):
        described = describe_names(configuration, "custom_field")
    if output.wants_json():
        output.write_json({"fields": list(described.values())})
        return
    output.table(
        ("name", "also known as", "first named by", "since"),
        [
            (
                one["name"],
                one["formerNames"],
                one["firstSource"],
                output.show_time(
                    configuration.custom_fields.by_number[number].created_at, configuration.event.time_zone
                ),
            )
            for number, one in described.items()
        ],
        empty="There are no custom fields yet: the first push that names one makes it.",
    )


@command.command()
@event_option
@click.argument("old")
@click.argument("new")
@output.json_option
def rename(slug: str, old: str, new: str) -> None:
    """Rename a custom field. Pushes that still use the old name go on meaning it.

    Example: turnout field rename --event spring "Shoesize" "Shoe size"
    """
    from turnout.cli.names import rename_and_show

    rename_and_show(slug, "custom_field", old, new)
