"""`turnout changes`: an event's change log, and whatever is added to it."""

import select
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import current, event_option, opened, reading

if TYPE_CHECKING:
    from turnout.changes.change_view import ChangeView
    from turnout.model.change import Change
    from turnout.model.event import Configuration
    from turnout.store.database import Database
    from turnout.store.notices import ThreadWatch

PAGE = 500
AWAY_S = 1.0
"""Between two looks while the database cannot be read …"""
LOOK_S = 10.0
"""… and while nobody tells of anything new: whoever waits learns that it is away."""


@click.command()
@event_option
@click.option("--after", default=0, metavar="N", type=click.IntRange(0), help="Only what came after this change.")
@click.option("--follow", is_flag=True, help="Wait for what is added, until Ctrl-C.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after so many.")
@output.json_option
def command(slug: str, after: int, follow: bool, limit: int | None) -> None:
    """Show an event's changes in the order in which they took effect; with --json a line of JSON each.

    Example: turnout changes --event spring --after 17 --follow --json
    """
    from turnout.events.setup import get_configuration

    with opened() as database:
        event_id = get_configuration(database, slug).event.id
        with reading(database, "changes.read", event_id=event_id, most=limit):
            _show_all(_read(database, event_id, after, limit, follow=follow))


def _show_all(found: "Iterator[tuple[Change, Configuration]]") -> None:
    """Until there are no more, nobody reads them, or Ctrl-C."""
    try:
        for change, configuration in found:
            _show(change, configuration)
        sys.stdout.flush()
    except BrokenPipeError:
        # Both are how to end it: nothing is wrong.
        output.drop_rest()
    except KeyboardInterrupt:
        pass


def _read(
    database: "Database", event_id: str, after: int, limit: int | None, *, follow: bool
) -> "Iterator[tuple[Change, Configuration]]":
    """The changes behind `after`, each with the set-up and the names of its time, as followers are told."""
    from turnout.changes.lines import list_renames
    from turnout.changes.names_then import as_then
    from turnout.errors import StorageUnavailable
    from turnout.feed.configurations import Configurations
    from turnout.store import changes

    configurations = Configurations(database)
    left = limit
    told = False
    with ExitStack() as placed:
        waiting = None
        if follow:
            waiting = _Waiting(placed.enter_context(database.notices.watching(event_id, after)))
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            try:
                # Of one moment with its lines, so that no line has a name that the set-up lacks.
                with database.read() as connection:
                    configuration = current(configurations, connection, event_id)
                    page = changes.list_changes(connection, event_id, after=after, limit=size)
                    renames = list_renames(connection, event_id, page, is_end=len(page) < size)
            except StorageUnavailable as error:
                if waiting is None:
                    raise
                if not told:
                    output.note(f"{error.detail} Waiting.")
                told = True
                waiting.rest(AWAY_S)
                continue
            told = False
            yield from zip(page, as_then(configuration, renames, [change.sequence for change in page]), strict=False)
            if page:
                after = page[-1].sequence
                left = None if left is None else left - len(page)
            if len(page) < size:
                if waiting is None:
                    return
                sys.stdout.flush()
                waiting.wait(after)


class _Waiting:
    """Waits for what is added; raises BrokenPipeError as soon as nobody reads our output any more."""

    def __init__(self, watch: "ThreadWatch") -> None:
        self._watch = watch
        self._is_over = threading.Event()
        threading.Thread(target=self._watch_output, name="output", daemon=True).start()

    def wait(self, after: int) -> None:
        """Until there may be something after `after`."""
        if not self._is_over.is_set():
            self._watch.wait(after, LOOK_S)
        if self._is_over.is_set():
            raise BrokenPipeError

    def rest(self, seconds: float) -> None:
        if self._is_over.wait(seconds):
            raise BrokenPipeError

    def _watch_output(self) -> None:
        try:
            poll = select.poll()
            poll.register(sys.stdout.fileno(), 0)
        except (AttributeError, OSError):
            return
        # Nothing is asked for, so only an error or a hang-up ends it.
        for _, events in poll.poll():
            if events & (select.POLLERR | select.POLLHUP):
                self._is_over.set()
                self._watch.tell()


def _show(change: "Change", configuration: "Configuration") -> None:
    from turnout.changes import change_view

    view = change_view.view(change, configuration)
    if output.wants_json():
        output.write_json_line(view)
    else:
        click.echo(_as_text(change, view, configuration))


def _as_text(change: "Change", view: "ChangeView", configuration: "Configuration") -> str:
    head = [
        f"{change.sequence:>7,}",
        output.show_time(change.at, configuration.event.time_zone),
        f"{change.kind:<9}",
        change.email or "",
        f"settings of {view.source}" if view.source and change.attendee_id is None else "",
        _show_author(change, view),
    ]
    what = "; ".join(output.describe_line(change, view, configuration))
    return output.printable(f"{'  '.join(part for part in head if part)}  {what}".rstrip())


def _show_author(change: "Change", view: "ChangeView") -> str:
    """The source and who acted for it, in brackets; of people's own acts only who it was."""
    from turnout.model.source import PEOPLE

    # What concerns the event itself names the source that it is about, and that did nothing.
    speaks = change.attendee_id is not None and (change.source_number != PEOPLE or change.actor is None)
    author = ", ".join(filter(None, (view.source if speaks else None, change.actor)))
    return f"({author})" if author else ""
