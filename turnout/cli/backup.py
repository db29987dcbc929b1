"""`turnout backup`: everything in one file, beside a running server."""

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.bytes_bar import bytes_bar
from turnout.cli.opened import acting, opened

if TYPE_CHECKING:
    from turnout.access.audit import Deed
    from turnout.store.database import Database

_NICE = 19
"""The server comes first: a backup takes what is left of the processor."""
_WHERE_THE_KEY_IS = {
    "in this file": "The secret key is in it: keep the file as safe as the database.",
    "in the settings": (
        "The secret key is NOT in it, because it comes from TURNOUT_SECRET_KEY. Keep it elsewhere: without it "
        "encrypted secrets and suppressions are lost."
    ),
    "none yet": "There is no secret key yet, because nothing has needed one.",
}


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
@output.json_option
def command(file: Path, force: bool) -> None:
    """Copy everything, as it is at one moment, into FILE. Pushes go on meanwhile.

    FILE gets its name when it is whole and on disk. `turnout restore` takes it.

    Example: turnout backup /var/backups/turnout-monday.backup
    """
    from turnout.operations.backup import back_up
    from turnout.operations.secret_key import find_fault

    with suppress(OSError):
        os.nice(_NICE)
    with opened(as_it_is=True) as database, _noted(database) as deed, bytes_bar("copying") as on_progress:
        manifest = back_up(database, file.absolute(), replace=force, on_progress=on_progress)
        if deed is not None:
            deed.after = {"file": file.name, "at": manifest.at}
        fault = find_fault(database)
    if fault is not None:
        output.note(f"The backup is without the key that belongs to it. {fault}")
    size = file.stat().st_size
    if output.wants_json():
        output.write_json({"file": str(file.absolute()), "sizeBytes": size, "manifest": manifest})
        return
    output.say(f"{file}: {size / 1e6:,.1f} MB, as of {manifest.at}.")
    output.say(*(f"  {head.slug}: {output.count(head.last_sequence, 'change')}" for head in manifest.events))
    if fault is None:
        output.say(_WHERE_THE_KEY_IS[manifest.key])


@contextmanager
def _noted(database: "Database") -> "Generator[Deed | None]":
    """With a line in the audit log, if one can be written: a full disk or an old schema must not prevent a backup."""
    from turnout.errors import StorageUnavailable
    from turnout.store import audit

    with ExitStack() as held:
        deed = None
        with suppress(StorageUnavailable):
            with database.read() as connection:
                is_there = audit.is_there(connection)
            if is_there:
                deed = held.enter_context(acting(database, "installation.backup"))
        yield deed
        if deed is None:
            output.note("The audit log could not be written, and has no line of this backup.")
