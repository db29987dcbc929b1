"""`turnout doctor`: what may be wrong around Turnout, and what to do."""

import os

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import silent


@click.command()
@output.json_option
def command() -> None:
    """Check settings, disk, database, clock and limits, and say what to do. Exit code 1 on a problem.

    Example: turnout doctor
    """
    from turnout.operations.doctor import diagnose

    with silent("turnout.store"):
        diagnosis = diagnose(os.environ)
    if output.wants_json():
        output.write_json(diagnosis)
    else:
        output.heading("Settings")
        output.table(
            ("setting", "value", "from"), [(origin.name, origin.value, origin.source) for origin in diagnosis.settings]
        )
        output.heading("Checks")
        output.table(
            ("what", "state", "found"), [(check.name, check.state, check.message) for check in diagnosis.checks]
        )
        cures = [check for check in diagnosis.checks if check.help]
        if cures:
            output.heading("What to do")
            output.say(*(f"  {check.name}: {check.help}" for check in cures))
    if not diagnosis.ok:
        output.end(1)
