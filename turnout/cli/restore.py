"""`turnout restore`: what `turnout backup` has made, back in place."""

from pathlib import Path

import rich_click as click

from turnout.cli import output
from turnout.cli.bytes_bar import bytes_bar
from turnout.cli.opened import database_path, read_settings


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Put a database that is there aside, under a name with the time.")
@output.json_option
def command(file: Path, force: bool) -> None:
    """Put the database and the key of a backup where TURNOUT_DATABASE_URL says. No server may run there.

    The backup is looked at first: its digests, the database's pages, the version. Until all is well nothing changes.

    Example: turnout restore /var/backups/turnout-monday.backup
    """
    from turnout.errors import InvalidRequest
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.operations.restore import restore

    configured = read_settings()
    path = database_path(configured.database_url)
    if path is None:
        raise InvalidRequest(
            "A backup is of an SQLite file, and TURNOUT_DATABASE_URL names PostgreSQL. Restore to a file "
            "(TURNOUT_DATABASE_URL=sqlite:///…), then move it: turnout migrate-data --to postgresql://…"
        )
    with bytes_bar("restoring") as on_progress:
        restored = restore(
            file.absolute(),
            path,
            given_key=configured.secret_key,
            replace=force,
            actor=name_actor(),
            on_progress=on_progress,
        )
    if output.wants_json():
        output.write_json(restored)
        return
    output.say(f"Restored to {restored.database}, as of {restored.backup.at}.")
    output.say(*(f"  {head.slug}: {output.count(head.last_sequence, 'change')}" for head in restored.backup.events))
    if restored.put_aside is not None:
        output.say(f"What was there before is kept as {restored.put_aside}. Remove it when you are content.")
    output.say(*restored.notes)
    output.say("Look whether all is well: turnout verify")
