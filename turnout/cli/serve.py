"""`turnout serve`: the server."""

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli.opened import acting

if TYPE_CHECKING:
    from turnout.settings import Settings
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

    def announce(_: "Database", public_url: str, sign_in_link: str | None) -> None:
        click.echo(f"Turnout is listening. Gateways begin with {public_url}/e/")
        click.echo(describe_console(public_url, sign_in_link))

    run(host, port, announce, workers)


def describe_console(public_url: str, sign_in_link: str | None) -> str:
    """Where people go on: to the console, or first to the link that makes the administrator."""
    if sign_in_link is None:
        return f"The console is at {public_url}/console/"
    return (
        f"Nobody can sign in yet. This link, good once and for an hour, makes you the administrator:\n  {sign_in_link}"
    )


def run(host: str, port: int, announce: "Callable[[Database, str, str | None], None]", workers: int = 1) -> None:
    """Serves until told to stop. `announce` is called with the public URL once requests are answered.

    It is also given the link for the first administrator, None where there are users.

    With several workers it must not use the database: the process that announces has no connection, and forks.
    """
    from turnout import app, logs, settings
    from turnout.errors import StorageUnavailable
    from turnout.operations.worker_figures import Board, Place
    from turnout.server import CannotListen, Post, WorkersFailed, open_listener, serve, supervise
    from turnout.store import installation, schema, secret_key
    from turnout.store.connect import open_configured
    from turnout.store.sqlite.database import SqliteDatabase
    from turnout.store.sqlite.file_lock import AlreadyHeld, hold_alone

    try:
        configured = settings.read(os.environ)
        if workers > 1:
            _check_workers(configured)
        logs.configure(configured.log_format, configured.log_level, with_pid=workers > 1)
        database = open_configured(configured)
        # A file that is not fit to hold the key is told now, not when the first push needs it.
        secret_key.find(database.key_file)
        with ExitStack() as held, closing(open_listener(host, port)) as listener:
            if isinstance(database, SqliteDatabase):
                held.enter_context(hold_alone(database.server_note))
            try:
                schema.prepare(database)
                # What every push would be refused for.
                schema.refuse_unwritable(database)
                # One that is lost or another is told now, not when somebody who was erased is back.
                installation.prepare_key(database)
            except StorageUnavailable:
                database.close()
                raise
            public_url = configured.public_url or f"http://localhost:{listener.getsockname()[1]}"
            if isinstance(database, SqliteDatabase):
                # For the command line beside the server, which prints gateways' addresses too.
                database.server_note.write_text(public_url)
            sign_in_link = _make_first_link(database, public_url)
            if workers == 1:
                gateway_app = app.build(configured, database, public_url)
                serve(
                    gateway_app,
                    listener=listener,
                    settings=configured,
                    on_start=lambda: announce(database, public_url, sign_in_link),
                    on_stop=gateway_app.end_streams,
                )
                return
            # No connection crosses a fork: it would be two processes' at once. Each worker opens its own.
            database.close()
            board = Board(workers)

            def work(post: Post) -> None:
                gateway_app = app.build(configured, open_configured(configured), public_url, Place(board, post.number))
                serve(
                    gateway_app,
                    listener=listener,
                    settings=configured,
                    on_start=post.say_ready,
                    on_stop=gateway_app.end_streams,
                    post=post,
                )

            supervise(
                workers,
                work,
                listener=listener,
                shutdown_timeout_s=configured.shutdown_timeout_s,
                on_start=lambda: announce(database, public_url, sign_in_link),
                on_end=board.retire,
            )
    except settings.InvalidSettings as error:
        raise click.ClickException("\n".join(error.problems)) from error
    except (CannotListen, WorkersFailed) as error:
        raise click.ClickException(str(error)) from error
    except AlreadyHeld as error:
        raise click.ClickException(
            f"Another Turnout server is running on this database, at {error.note}. Stop it first, or give this one a "
            "database of its own with TURNOUT_DATABASE_URL."
        ) from error


def _make_first_link(database: "Database", public_url: str) -> str | None:
    """For the first administrator; None where there are users."""
    from turnout.access.links import first_link
    from turnout.store import users

    with database.read() as connection:
        if users.has_users(connection):
            return None
    with acting(database, "user.first_link"):
        return first_link(database, public_url)


def _check_workers(configured: "Settings") -> None:
    from turnout.server.workers import IS_SUPPORTED

    if configured.database_url.startswith("sqlite:"):
        raise click.ClickException(
            "An SQLite file is for one server process. For more than one worker set TURNOUT_DATABASE_URL to a "
            "PostgreSQL database, postgresql://…; or leave --workers out."
        )
    if not IS_SUPPORTED:
        raise click.ClickException("More than one worker is for Linux and macOS; leave --workers out here.")
