"""Before something that is not undone in a moment: what it does is said, then asked for."""

from collections.abc import Sequence

import rich_click as click

from turnout.cli import output

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(lines: Sequence[str], question: str, *, yes: bool) -> None:
    """Says what is about to happen and asks; ends the command with 1 unless the answer is yes.

    Where JSON is wanted nobody can be asked: without `yes` that is an error, which ends it too.
    """
    if output.wants_json():
        if not yes:
            from turnout.errors import InvalidRequest

            output.fail(
                InvalidRequest.code,
                f"With --json nobody is asked, so this needs --yes. {' '.join(line.strip() for line in lines)}",
                "Say --yes to do it, or leave --json out to be asked.",
            )
        return
    output.say(*lines)
    if not yes and not click.confirm(question):
        output.say("Nothing was done.")
        output.end(1)
