"""`turnout migrate-data`: from the SQLite file to PostgreSQL, and back to it where that is wanted."""

import os
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import opened, read_settings

if TYPE_CHECKING:
    from turnout.operations.migrate_data import Migrated, OnProgress
    from turnout.store.database import Database

_FROM_ENVIRONMENT = "TURNOUT_MIGRATE_TO"
_TOLD_EVERY_S = 5.0
"""Between two lines of progress, where nobody looks at a bar."""


@click.command()
@click.option("--to", "url", metavar="URL", help=f"postgresql://user@host/database; else {_FROM_ENVIRONMENT} says it.")
@click.option("--dry-run", is_flag=True, help="Only look, and say what would be moved.")
@click.option("--undo", is_flag=True, help="Take it back: the file is open again, as it was.")
@yes_option
@output.json_option
def command(url: str | None, dry_run: bool, undo: bool, yes: bool) -> None:
    """Move everything from the SQLite file of TURNOUT_DATABASE_URL to an empty PostgreSQL database. No server may run.

    It is counted and verified there. Interrupted, run it again. The file stays, and is written to no more. A password
    is better off in TURNOUT_MIGRATE_TO or ~/.pgpass: arguments are seen by everybody on the machine.

    Example: turnout migrate-data --to postgresql://turnout@db.example.org/turnout
    """
    from turnout.errors import InvalidRequest

    # Taken out: it is for nobody else, and no setting.
    from_environment = os.environ.pop(_FROM_ENVIRONMENT, "").strip()
    if undo:
        if url is not None or dry_run:
            raise InvalidRequest("--undo goes without --to and --dry-run: it concerns the file alone.")
        _undo(yes)
        return
    _migrate(url or from_environment, dry_run=dry_run)


def _migrate(url: str, *, dry_run: bool) -> None:
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.operations import migrate_data
    from turnout.store.connect import open_database

    target_url = _read_url(url)
    secret_key = read_settings().secret_key
    with opened(as_it_is=True) as source, closing(open_database(target_url, secret_key)) as target:
        if dry_run:
            migrated = migrate_data.plan(source, target)
        else:
            with _bar() as on_progress:
                migrated = migrate_data.migrate(source, target, actor=name_actor(), on_progress=on_progress)
    if output.wants_json():
        output.write_json(migrated)
        return
    _tell(migrated)


def _read_url(text: str) -> str:
    """As the setting is read that it will be. Raises InvalidRequest, without the password."""
    from turnout import settings
    from turnout.errors import InvalidRequest

    if not text:
        raise InvalidRequest(
            f"Where to? Say --to postgresql://user@host/database, or put that, with the password, into "
            f"{_FROM_ENVIRONMENT}."
        )
    try:
        url = settings.read({"TURNOUT_DATABASE_URL": text}).database_url
    except settings.InvalidSettings as error:
        raise InvalidRequest(error.problems[0].replace("TURNOUT_DATABASE_URL", "The target's URL")) from None
    if not url.startswith("postgresql:"):
        raise InvalidRequest("The target's URL must be of PostgreSQL: postgresql://user@host/database")
    return url


def _tell(migrated: "Migrated") -> None:
    rows = sum(migrated.rows.values())
    if migrated.dry_run:
        output.say(f"Nothing was moved. From {migrated.source} to {migrated.target} would go:")
    else:
        again = ", part of it by a run before" if migrated.goes_on else ""
        output.say(
            f"Moved from {migrated.source} to {migrated.target}: {output.count(rows, 'row')} in "
            f"{migrated.seconds:,.1f} s{again}. All are there, counted and verified."
        )
    output.say(
        *(
            f"  {event.slug}: {output.count(event.rows.get('attendees', 0), 'attendee')}, "
            f"{output.count(event.rows.get('changes', 0), 'change')}, "
            f"{output.count(event.rows.get('pushes', 0), 'push', 'pushes')}"
            for event in migrated.events
        )
    )
    if migrated.dry_run:
        output.table(["table", "rows"], list(migrated.rows.items()))
        output.say(*(f"{table} stays: {what}." for table, what in migrated.left_out.items()))
        if migrated.goes_on:
            output.say("Part of it is there from a run that did not end: it would go on with that.")
    for event in migrated.problems:
        output.say(
            f"`verify` finds {output.count(len(event.problems) + event.more_problems, 'problem')} in {event.slug}, the "
            f"same as before the move: {event.problems[0].message}"
        )
    output.say(_say_key(migrated))
    if not migrated.dry_run:
        output.say(
            "Now set TURNOUT_DATABASE_URL to the new database, for the server, the command line and whatever backs up, "
            "and start the server.",
            f"{migrated.source} stays as it was, and is written to no more. The way back: turnout migrate-data --undo",
        )


def _say_key(migrated: "Migrated") -> str:
    if migrated.key == "in the settings":
        return "The secret key is in TURNOUT_SECRET_KEY: it stays the same for the new database."
    if migrated.key == "none yet":
        return "There is no secret key yet, because nothing has needed one."
    verb = "would be copied to" if migrated.dry_run else "is now also in"
    return (
        f"The secret key {verb} {migrated.key_file}. A server on PostgreSQL looks for data/turnout.key in the folder "
        "in which it is started: start it there, or set TURNOUT_SECRET_KEY to what the file holds, on every machine."
    )


def _undo(yes: bool) -> None:
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.operations import migrate_data

    with opened(as_it_is=True) as source:
        move = migrate_data.find_move(source)
        if move is None:
            if output.wants_json():
                output.write_json({"undone": None})
                return
            output.say(f"Nothing was moved from {source.place}: there is nothing to take back.")
            return
        if move.finished_at is not None:
            confirm(
                [
                    f"The data was moved to {move.target}. What came there since is not in {source.place}.",
                    "Stop the servers on it first, or senders reach now the one and now the other.",
                ],
                "Go back to the file?",
                yes=yes,
            )
        migrate_data.undo(source, actor=name_actor())
        _tell_undone(source, move.target)


def _tell_undone(source: "Database", target: str) -> None:
    if output.wants_json():
        output.write_json({"undone": {"source": source.place, "target": target}})
        return
    output.say(
        f"{source.place} is open again, as it was before the move.",
        f"What is in {target} stays there. To move again, make an empty database.",
    )


@contextmanager
def _bar() -> "Generator[OnProgress]":
    """A bar for people at a terminal, else a line now and then; nothing where JSON is wanted."""
    if output.wants_json():
        yield lambda *_: None
        return
    if not sys.stderr.isatty():
        yield _telling_now_and_then()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=None)
        yield lambda doing, done, total: bar.update(task, description=doing, completed=done, total=total)


def _telling_now_and_then() -> "OnProgress":
    """For a log: a line on standard error every few seconds."""
    said_at = time.monotonic()

    def tell(doing: str, done: int, total: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _TOLD_EVERY_S:
            said_at = time.monotonic()
            output.note(f"{doing}: {done:,} of {total:,} rows")

    return tell
