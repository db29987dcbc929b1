"""`turnout webhook`: endpoints that are told of changes, and what was delivered to them."""

import rich_click as click

from turnout.cli.webhook import deliveries, setting_up, showing
from turnout.cli.webhook.listening import listen


@click.group()
def command() -> None:
    """Webhooks: make, list, test, pause, rotate and delete them; see what was delivered, and deliver it again.

    ID is that of a webhook (whk_…), as turnout webhook list shows it.

    Example: turnout webhook create --event spring --url https://app.example.org/turnout
    """


for one in (*setting_up.COMMANDS, *showing.COMMANDS, *deliveries.COMMANDS, listen):
    command.add_command(one)
