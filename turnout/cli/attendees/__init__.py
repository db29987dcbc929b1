"""`turnout attendees`: who is at an event, why each value is what it is, and what staff can do about it."""

import rich_click as click

from turnout.cli.attendees import acting, erasing
from turnout.cli.attendees.exporting import export
from turnout.cli.attendees.listing import list_
from turnout.cli.attendees.showing import get


@click.group()
def command() -> None:
    """Attendees: list, export, show one with the origin of every value, and act: pin, remove, rename, merge, erase.

    EMAIL is an address, present or former, or an id (att_…).

    Example: turnout attendees get --event spring john.doe@example.com --explain
    """


for one in (list_, get, export, *acting.COMMANDS, erasing.erase):
    command.add_command(one)
