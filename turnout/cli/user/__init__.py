"""`turnout user`: who signs in to the console. Each file here that ends in `COMMANDS` adds its own."""

import rich_click as click

from turnout import discover


@click.group()
def command() -> None:
    """Users of the console: list, invite and disable them, give them roles and events, let in who is locked out.

    Their browsers (sessions) and their programs (personal tokens) are listed and ended here too.

    An administrator may do everything; a manager changes the events he has, a viewer reads them.

    Example: turnout user invite ann@example.org --role manager --event spring
    """


for found in discover.find_all(__name__, "COMMANDS").values():
    for one in found:
        command.add_command(one)
