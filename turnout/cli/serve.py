"""`turnout serve`: the server."""

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from turnout.store.database import Database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 is all.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that answer.")
def command(host: str, port: int, workers: int) -> None:
    """Serve the gateways until told to stop.

    Settings come from the environment; `turnout doctor` shows them.

    Example: turnout serve --port 9000
    """
    if workers > 1:
        raise click.ClickException("More than one worker needs PostgreSQL, which this version does not offer yet.")
    run(host, port, lambda _, public_url: click.echo(f"Turnout is listening. Gateways begin with {public_url}/e/"))


def run(host: str, port: int, announce: "Callable[[Database, str], None]") -> None:
    """Serves until told to stop. `announce` is called with the public URL once requests are answered."""
    from turnout import app, logs, settings
    from turnout.errors import StorageUnavailable
    from turnout.server import CannotListen, open_listener, serve
    from turnout.store import installation, schema, secret_key
    from turnout.store.connect import open_database
    from turnout.store.file_lock import AlreadyHeld, hold_alone
    from turnout.store.sqlite import SqliteDatabase

    try:
        configured = settings.read(os.environ)
        logs.configure(configured.log_format, configured.log_level)
        database = open_database(configured.database_url, configured.secret_key)
        # A file that is not fit to hold the key is told now, not when the first push needs it.
        secret_key.find(database.key_file)
        with ExitStack() as held, closing(open_listener(host, port)) as listener:
            if isinstance(database, SqliteDatabase):
                held.enter_context(hold_alone(database.server_note))
            schema.prepare(database)
            # One that is lost or another is told now, not when somebody who was erased is back.
            installation.prepare_key(database)
            public_url = configured.public_url or f"http://localhost:{listener.getsockname()[1]}"
            if isinstance(database, SqliteDatabase):
                # For the command line beside the server, which prints gateways' addresses too.
                database.server_note.write_text(public_url)
            gateway_app = app.build(configured, database, public_url)
            serve(gateway_app, listener=listener, settings=configured, on_start=lambda: announce(database, public_url))
    except settings.InvalidSettings as error:
        raise click.ClickException("\n".join(error.problems)) from error
    except CannotListen as error:
        raise click.ClickException(str(error)) from error
    except StorageUnavailable as error:
        raise click.ClickException(error.detail) from error
    except AlreadyHeld as error:
        raise click.ClickException(
            f"Another Turnout server is running on this database, at {error.note}. Stop it first, or give this one a "
            "database of its own with TURNOUT_DATABASE_URL."
        ) from error
