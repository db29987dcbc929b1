"""`turnout start`, which `make run` calls: the server, a first event, and on the screen all that a first push needs."""

from textwrap import indent
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli.opened import acting, curl_command
from turnout.cli.serve import describe_console, run

if TYPE_CHECKING:
    from turnout.store.database import Database

_FIRST_EVENT = "My event"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 is all.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
def command(host: str, port: int) -> None:
    """Start Turnout, with a first event where there is none.

    The data is in ./data, and is there again when you stop and start.

    Example: turnout start --port 9000
    """
    run(host, port, _announce)


def _announce(database: "Database", public_url: str, sign_in_link: str | None) -> None:
    """Makes the first event on an empty database, and prints the way to a first push."""
    from turnout.events import event

    events = [one for one in event.list_all(database) if one.archived_at is None]
    key = None
    if not events:
        with acting(database, "event.create") as deed:
            made, key = event.create(database, _FIRST_EVENT)
            deed.event_id = deed.target = made.id
            deed.after = {"name": made.name, "slug": made.slug}
        events = [made]
    first = events[0]
    click.echo(f"\nTurnout is running. Its data is in {database.place}; Ctrl-C stops it.\n")
    click.echo(describe_console(public_url, sign_in_link) + "\n")
    for one in events[:5]:
        click.echo(f"  {one.name}: {public_url}/e/{one.slug}")
    if len(events) > 5:
        click.echo(f"  … and {len(events) - 5} more: .venv/bin/turnout event list")
    if key is not None:
        click.echo(f"  Key:      {key}\n            (shown this once; only a digest of it is kept)")
    else:
        click.echo("\n  Keys are shown once, when they are made. Another one of the same source:")
        click.echo(f"    .venv/bin/turnout key create --event {first.slug}")
    click.echo("\nPush an attendee from another terminal:\n")
    click.echo(indent(curl_command(f"{public_url}/e/{first.slug}", key or "your-key"), "    ") + "\n")
    click.echo("and see what became of it:\n")
    click.echo(f"    .venv/bin/turnout attendees get --event {first.slug} john.doe@example.com --explain\n")
    click.echo(f"The API is described at {public_url}/docs\n")
