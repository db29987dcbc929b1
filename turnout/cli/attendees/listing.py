"""`turnout attendees list`: who is at an event."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import current, event_option, note_replica, opened_event

if TYPE_CHECKING:
    from turnout.model.attendee import Attendee
    from turnout.model.event import Configuration
    from turnout.store.database import Database

PAGE = 1_000
SHOWN = 100
"""Rows for people unless they ask for more."""


@click.command("list")
@event_option
@click.option("--search", metavar="TEXT", help="Whose e-mail, name or company contains this, however it is written.")
@click.option("--group", metavar="NAME", help="Who is in this group.")
@click.option("--status", type=click.Choice(["attending", "withdrawn", "all"]), default="attending", show_default=True)
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"At most so many; else {SHOWN}, with --json all.")
@output.json_option
def list_(slug: str, search: str | None, group: str | None, status: str, limit: int | None) -> None:
    """List an event's attendees; those who were merged into others are not listed.

    Example: turnout attendees list --event spring --group Speakers --search doe
    """
    from turnout.model.names import fold_case

    with opened_event(slug) as (database, configuration):
        wanted: dict[str, Any] = {
            "status": None if status == "all" else status,
            "search": fold_case(search.strip()) if search else None,
            "group_number": None if group is None else _get_group(configuration, group),
        }
        if output.wants_json():
            _write_all(_read_all(database, configuration.event.id, wanted, limit))
            note_replica(database)
            return
        most = limit or SHOWN
        found = list(_read_all(database, configuration.event.id, wanted, most + 1))
        note_replica(database)
    output.table(
        ("email", "name", "company", "groups", "status", "updated"),
        [
            (
                one.email,
                " ".join(filter(None, (_value(one, "firstName"), _value(one, "lastName")))),
                _value(one, "company") or "",
                [its.groups.spell(number) for number in one.group_numbers()],
                one.status,
                output.show_time(one.updated_at, its.event.time_zone),
            )
            for one, its in found[:most]
        ],
        empty="There is nobody.",
    )
    if len(found) > most:
        output.note(f"There are more than these {most:,}; --limit shows more.")


def _read_all(
    database: "Database", event_id: str, wanted: dict[str, Any], limit: int | None
) -> "Iterator[tuple[Attendee, Configuration]]":
    """Page by page, each of its own moment, so that a slow reader holds nobody up; with the set-up of that moment."""
    from turnout.feed.configurations import Configurations
    from turnout.store import attendees

    configurations = Configurations(database)
    after, left = "", limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        with database.read_replica() as connection:
            configuration = current(configurations, connection, event_id)
            page = attendees.list_attendees(connection, event_id, after_id=after, limit=size, **wanted)
        yield from ((one, configuration) for one in page)
        if len(page) < size:
            return
        after = page[-1].id
        left = None if left is None else left - size


def _write_all(found: "Iterator[tuple[Attendee, Configuration]]") -> None:
    """One document, written as it is read: an event may have a million attendees."""
    import msgspec

    from turnout.changes import attendee_view

    click.echo('{"attendees":[', nl=False)
    for index, (one, configuration) in enumerate(found):
        shown = msgspec.json.encode(attendee_view.view(one, configuration)).decode()
        click.echo(f",{shown}" if index else shown, nl=False)
    click.echo("]}")


def _get_group(configuration: "Configuration", name: str) -> int:
    from turnout.errors import NotFound

    group = configuration.groups.find(name)
    if group is None:
        raise NotFound(f"The event {configuration.event.slug} has no group {name!r}.")
    return group.number


def _value(attendee: "Attendee", field: str) -> str | None:
    said = attendee.profile.get(field)
    return said.value if said else None
