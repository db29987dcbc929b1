"""`turnout attendees list`: who is at an event."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import current, event_option, note_replica, opened_event, reading

if TYPE_CHECKING:
    from turnout.downstream.attendees.matching import Place
    from turnout.downstream.attendees.page import Page
    from turnout.downstream.attendees.query import Query
    from turnout.feed.configurations import Configurations
    from turnout.model.age import Where
    from turnout.model.attendee import Attendee
    from turnout.model.event import Configuration
    from turnout.store.database import Database

SHOWN = 100
"""Rows for people unless they ask for more."""


@click.command("list")
@event_option
@click.option("--search", metavar="TEXT", help="Whose name, e-mail or company has words that begin so.")
@click.option("--group", metavar="NAME", help="Who is in this group.")
@click.option("--source", metavar="NAME", help="Of whom this source says something.")
@click.option(
    "--custom-field", "custom_fields", metavar="NAME=VALUE", multiple=True, help="Who has this value; may be repeated."
)
@click.option("--updated-since", metavar="TIME", help="Who was changed since then, such as 2026-05-01T09:00:00Z.")
@click.option("--status", type=click.Choice(["attending", "withdrawn", "all"]), default="attending", show_default=True)
@click.option(
    "--sort",
    metavar="ORDER",
    help="id, email, lastName, created, updated; with - before it the other way round. Default: id; a search, by word.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"At most so many; else {SHOWN}, with --json all.")
@output.json_option
def list_(
    slug: str,
    search: str | None,
    group: str | None,
    source: str | None,
    custom_fields: tuple[str, ...],
    updated_since: str | None,
    status: str,
    sort: str | None,
    limit: int | None,
) -> None:
    """List an event's attendees; those who were merged into others are not listed.

    Example: turnout attendees list --event spring --group Speakers --search doe

    Example: turnout attendees list --event spring --custom-field "Shoe size=43" --sort=-updated
    """
    from turnout.downstream.attendees.query import make_query
    from turnout.downstream.limits import EVERYTHING
    from turnout.model.age import Where

    where = Where()
    with opened_event(slug) as (database, configuration):
        query = make_query(
            configuration,
            EVERYTHING,
            status=status,
            group=group,
            source=source,
            custom_fields=[_split(one) for one in custom_fields],
            updated_since=updated_since,
            search=search,
            sort=sort,
        )
        event_id = configuration.event.id
        if output.wants_json():
            with reading(database, "attendees.list", event_id=event_id, most=limit, of_replica=True):
                _write_all(_read_all(database, event_id, query, limit, where))
            note_replica(database, where)
            return
        most = limit or SHOWN
        with reading(database, "attendees.list", event_id=event_id, most=most, of_replica=True):
            found = list(_read_all(database, event_id, query, most + 1, where))
        note_replica(database, where)
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


def _split(custom_field: str) -> tuple[str, str]:
    name, sign, value = custom_field.partition("=")
    if not sign:
        raise click.UsageError('Say which value: --custom-field "Shoe size=43".')
    return name, value


def _read_all(
    database: "Database", event_id: str, query: "Query", limit: int | None, where: "Where"
) -> "Iterator[tuple[Attendee, Configuration]]":
    """Page by page, each of its own moment, so that a slow reader holds nobody up; with the set-up of that moment."""
    from turnout.downstream.attendees.page import MAX_PAGE
    from turnout.feed.configurations import Configurations

    configurations = Configurations(database)
    after, left = None, limit
    while left is None or left > 0:
        size = MAX_PAGE if left is None else min(MAX_PAGE, left)
        page, configuration = _read_page(database, configurations, event_id, query, after, size, where)
        yield from ((one, configuration) for one in page.attendees)
        if page.next is None:
            return
        after = page.next
        left = None if left is None else left - len(page.attendees)


def _read_page(
    database: "Database",
    configurations: "Configurations",
    event_id: str,
    query: "Query",
    after: "Place | None",
    size: int,
    where: "Where",
) -> "tuple[Page, Configuration]":
    """Where no server has kept the list index up to date, that is made up for. Raises IndexBehind, TooBroad."""
    from turnout.downstream.attendees.page import read_page
    from turnout.downstream.limits import EVERYTHING
    from turnout.downstream.listing.catch_up import catch_up
    from turnout.errors import IndexBehind

    def read() -> "tuple[Page, Configuration]":
        with database.read_replica() as connection:
            where.note(database.age_of(connection))
            configuration = current(configurations, connection, event_id)
            page = read_page(connection, event_id, query, EVERYTHING, after=after, limit=size)
            return page, configuration

    try:
        return read()
    except IndexBehind:
        output.note("Bringing what lists go by up to date …")
        catch_up(database, event_id)
        return read()


def _write_all(found: "Iterator[tuple[Attendee, Configuration]]") -> None:
    """One document, written as it is read: an event may have a million attendees."""
    import msgspec

    from turnout.changes import attendee_view

    click.echo('{"attendees":[', nl=False)
    for index, (one, configuration) in enumerate(found):
        shown = msgspec.json.encode(attendee_view.view(one, configuration)).decode()
        click.echo(f",{shown}" if index else shown, nl=False)
    click.echo("]}")


def _value(attendee: "Attendee", field: str) -> str | None:
    said = attendee.profile.get(field)
    return said.value if said else None
