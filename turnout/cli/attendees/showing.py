"""`turnout attendees get`: one attendee, where each value comes from, and what happened."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from turnout.cli import output
from turnout.cli.opened import event_option, opened_event

if TYPE_CHECKING:
    from turnout.changes.attendee_view import AttendeeView, Origins
    from turnout.changes.change_view import ChangeView
    from turnout.model.attendee import Attendee
    from turnout.model.change import Change
    from turnout.model.event import Configuration


@click.command()
@event_option
@click.argument("email")
@click.option("--explain", is_flag=True, help="Where every value comes from, and the person's history.")
@output.json_option
def get(slug: str, email: str, explain: bool) -> None:
    """Show one attendee, found by an address, present or former, or by an id; a merged one's leads to the one kept.

    Example: turnout attendees get --event spring john.doe@example.com --explain
    """
    from turnout.changes import attendee_view, change_view
    from turnout.events.setup import get_configuration
    from turnout.feed.acts.scene import get_attendee, read_history
    from turnout.store import changes

    history: list[Change] = []
    origins: Any = None
    with opened_event(slug) as (database, configuration), database.read() as connection:
        event_id = configuration.event.id
        attendee = get_attendee(connection, event_id, email, slug)
        # Read after the attendee: it may name a group that was new to us.
        its = get_configuration(database, slug)
        if explain:
            lines = changes.find_changes(connection, event_id, attendee_view.list_origin_sequences(attendee))
            origins = attendee_view.explain(attendee, lines, its)
            if not output.wants_json():
                history = list(read_history(connection, event_id, attendee))[::-1]
    shown = attendee_view.view(attendee, its)
    if output.wants_json():
        output.write_json(attendee_view.view(attendee, its, origins=origins) if explain else shown)
        return
    _show(shown, its, attendee)
    if explain:
        _show_origins(shown, origins, its, {line.sequence: line.at for line in history})
        _show_groups(attendee, origins, its)
        _show_history(history, [change_view.view(line, its) for line in history], its)
    else:
        _show_values(shown)


def _show(shown: "AttendeeView", configuration: "Configuration", attendee: "Attendee") -> None:
    zone = configuration.event.time_zone
    held = [
        f"{configuration.groups.spell(number)} ({'in' if is_in else 'out'})" for number, is_in in attendee.held.items()
    ]
    decided: list[tuple[str, Any]] = [("Removed", "by staff, whatever sources say")] if attendee.removed else []
    decided += [("Pinned", shown.pinned)] if shown.pinned else []
    decided += [("Held in and out of groups", held)] if held else []
    output.pairs(
        [
            ("E-mail", shown.email),
            *([("Known as", shown.aliases)] if shown.aliases else []),
            ("Id", shown.id),
            ("Status", shown.status),
            ("Groups", shown.groups),
            *decided,
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


def _show_groups(attendee: "Attendee", origins: "Origins", configuration: "Configuration") -> None:
    """Who puts the attendee in each group, also in those that staff hold them out of."""
    numbers = sorted({*attendee.group_numbers(), *attendee.held})
    if not numbers:
        return
    spell = configuration.groups.spell
    output.heading("Who says so of the groups")
    output.table(
        ("group", "sources"),
        [
            (
                spell(number),
                _describe_held(attendee, number, configuration)
                if number in attendee.held
                else origins.groups[spell(number)],
            )
            for number in numbers
        ],
    )


def _describe_held(attendee: "Attendee", group: int, configuration: "Configuration") -> str:
    """`held out by staff; main says in`."""
    from turnout.changes.attendee_view import list_sources_of

    held = f"held {'in' if attendee.held[group] else 'out'} by staff"
    sources = list_sources_of(attendee, group, configuration)
    return f"{held}; {', '.join(sources)} {'says' if len(sources) == 1 else 'say'} in" if sources else held


def _show_history(lines: "Sequence[Change]", shown: "Sequence[ChangeView]", configuration: "Configuration") -> None:
    output.heading("History")
    output.table(
        ("change", "when", "kind", "source", "by", "push", "what"),
        [row for line, view in zip(lines, shown, strict=True) for row in _list_rows(line, view, configuration)],
    )


def _list_rows(line: "Change", view: "ChangeView", configuration: "Configuration") -> list[tuple[Any, ...]]:
    """A row for each path; what they have in common is said once."""
    whats = output.describe_line(line, view, configuration) or [""]
    at = output.show_time(line.at, configuration.event.time_zone)
    head = (line.sequence, at, line.kind, view.source, line.actor, line.push_id)
    return [(*(head if index == 0 else [""] * len(head)), what) for index, what in enumerate(whats)]
