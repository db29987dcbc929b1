"""`turnout attendees`: who is at an event, and why each value is what it is."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import current, event_option, opened_event

if TYPE_CHECKING:
    from turnout.changes.attendee_view import AttendeeView
    from turnout.changes.change_view import ChangeView
    from turnout.model.attendee import Attendee
    from turnout.model.change import Change
    from turnout.model.event import Configuration
    from turnout.store.connect import Database

PAGE = 1_000
SHOWN = 100
"""Rows for people unless they ask for more."""


@click.group()
def command() -> None:
    """Attendees: list them, and show one with the origin of every value.

    Example: turnout attendees get --event spring john.doe@example.com --explain
    """


@command.command("list")
@event_option
@click.option("--search", metavar="TEXT", help="Whose e-mail, name or company contains this, however it is written.")
@click.option("--group", metavar="NAME", help="Who is in this group.")
@click.option("--status", type=click.Choice(["attending", "withdrawn", "all"]), default="attending", show_default=True)
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"At most so many; else {SHOWN}, with --json all.")
@output.json_option
def list_(slug: str, search: str | None, group: str | None, status: str, limit: int | None) -> None:
    """List an event's attendees.

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
            return
        most = limit or SHOWN
        found = list(_read_all(database, configuration.event.id, wanted, most + 1))
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


@command.command()
@event_option
@click.argument("email")
@click.option("--explain", is_flag=True, help="Where every value comes from, and the person's history.")
@output.json_option
def get(slug: str, email: str, explain: bool) -> None:
    """Show one attendee.

    Example: turnout attendees get --event spring john.doe@example.com --explain
    """
    from turnout.changes import attendee_view, change_view
    from turnout.errors import NotFound
    from turnout.events.setup import get_configuration
    from turnout.model.names import fold_case
    from turnout.store import attendees, changes

    history: list[Change] = []
    origins: Any = None
    with opened_event(slug) as (database, configuration), database.read() as connection:
        event_id = configuration.event.id
        attendee = attendees.find_by_address(connection, event_id, fold_case(email.strip()))
        if attendee is None:
            raise NotFound(f"Nobody at {slug} has the address {email.strip()}.")
        # Read after the attendee: it may name a group that was new to us.
        its = get_configuration(database, slug)
        if explain:
            lines = changes.find_changes(connection, event_id, attendee_view.list_origin_sequences(attendee))
            origins = attendee_view.explain(attendee, lines, its)
            if not output.wants_json():
                history = _read_history(database, event_id, attendee.sequence)
    shown = attendee_view.view(attendee, its)
    if output.wants_json():
        output.write_json(attendee_view.view(attendee, its, origins=origins) if explain else shown)
        return
    _show(shown, its.event.time_zone, attendee)
    if explain:
        _show_origins(shown, origins, its, {line.sequence: line.at for line in history})
        _show_history(history, [change_view.view(line, its) for line in history], its)
    else:
        _show_values(shown)


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
        with database.read() as connection:
            configuration = current(configurations, connection, event_id)
            page = attendees.list_attendees(connection, event_id, after_id=after, limit=size, **wanted)
        yield from ((one, configuration) for one in page)
        if len(page) < size:
            return
        after = page[-1].id
        left = None if left is None else left - size


def _read_history(database: "Database", event_id: str, last: int | None) -> "list[Change]":
    """All lines of one attendee, the first first. `last` is the sequence of the last one."""
    from turnout.store import changes

    history: list[Change] = []
    while last is not None:
        with database.read() as connection:
            page = changes.list_history(connection, event_id, last, limit=PAGE)
        history += page
        last = page[-1].previous if page else None
    return history[::-1]


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


def _show(shown: "AttendeeView", zone: str, attendee: "Attendee") -> None:
    output.pairs(
        [
            ("E-mail", shown.email),
            ("Id", shown.id),
            ("Status", shown.status),
            ("Groups", shown.groups),
            ("Created", output.show_time(attendee.created_at, zone)),
            ("Updated", output.show_time(attendee.updated_at, zone)),
        ]
    )


def _show_values(shown: "AttendeeView") -> None:
    rows = [(field, value) for field, value in shown.profile.items() if value is not None]
    for title, values in (
        ("Profile", rows),
        ("Custom fields", list(shown.custom_fields.items())),
        ("Unknown fields", list(shown.unknown_fields.items())),
    ):
        if values:
            output.heading(title)
            output.pairs([(output.printable(name), value) for name, value in values])


def _show_origins(shown: "AttendeeView", origins: Any, configuration: "Configuration", times: dict[int, int]) -> None:
    """Each value with the push that set it."""
    values = (
        [(field, {"email": shown.email, **shown.profile}[field], origin) for field, origin in origins.profile.items()]
        + [(name, shown.custom_fields.get(name), origin) for name, origin in origins.custom_fields.items()]
        + [(path, shown.unknown_fields.get(path), origin) for path, origin in origins.unknown_fields.items()]
    )
    output.heading("Where each value comes from")
    output.table(
        ("field", "value", "before", "source", "since", "change", "push"),
        [
            (
                name,
                output.show_value(value),
                output.show_value(origin.old),
                origin.source,
                output.show_time(times.get(origin.sequence), configuration.event.time_zone),
                origin.sequence,
                origin.push,
            )
            for name, value, origin in values
        ],
    )
    if origins.groups:
        output.heading("Who says so of the groups")
        output.table(("group", "sources"), list(origins.groups.items()))


def _show_history(lines: "Sequence[Change]", shown: "Sequence[ChangeView]", configuration: "Configuration") -> None:
    output.heading("History")
    output.table(
        ("change", "when", "kind", "source", "by", "push", "what"),
        [
            row
            for line, view in zip(lines, shown, strict=True)
            for row in _list_rows(line, view, configuration.event.time_zone)
        ],
    )


def _list_rows(line: "Change", view: "ChangeView", zone: str) -> list[tuple[Any, ...]]:
    """A row for each path; what they have in common is said once."""
    whats = [output.describe_change(change) for change in view.changes] or ["(only what the source itself says)"]
    head = (line.sequence, output.show_time(line.at, zone), line.kind, view.source, line.actor, line.push_id)
    return [(*(head if index == 0 else [""] * len(head)), what) for index, what in enumerate(whats)]
