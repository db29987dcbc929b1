"""The command line. Each file here that ends in a `command` is a command of that name; adding a file adds one.

What takes long to import is imported in the functions that need it, so that help is quick.
"""

import difflib
from typing import Any

import rich_click as click

from turnout import __version__, discover
from turnout.cli import output


class Commands(click.RichGroup):
    """Loads a command when it is asked for, and turns the errors that we know into sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [_as_name(file) for file in discover.find_all(__name__, "command")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        file = cmd_name.replace("-", "_")
        command = discover.find(__name__, file, "command") if file.isidentifier() else None
        if command is not None:
            command.name = _as_name(file)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with output.reporting():
            return super().invoke(ctx)


@click.group(cls=Commands)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Turnout, an attendee data feed: one gateway in, one change log out.

    Commands work beside a running server, but for restore, migrate-data and accept-secret-key, for which it is
    stopped. `--json` gives one JSON document instead of a table.

    Example: turnout event create "Spring Conference"
    """


def _as_name(file: str) -> str:
    return file.replace("_", "-")
