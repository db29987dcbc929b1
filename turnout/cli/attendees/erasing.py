"""`turnout attendees erase`: forgets a person for good (F1, F2)."""

from typing import TYPE_CHECKING

import rich_click as click

from turnout.cli import output
from turnout.cli.asking import confirm, yes_option
from turnout.cli.opened import acting, event_option, opened_event

if TYPE_CHECKING:
    from turnout.feed.forget.erase import Traces


@click.command()
@event_option
@click.argument("email")
@yes_option
@output.json_option
def erase(slug: str, email: str, yes: bool) -> None:
    """Forget somebody for good: the attendee, all values in the log, all pushes. Numbers and kinds of changes stay.

    The sources that knew the person are kept from bringing them back: turnout suppressed list.

    Example: turnout attendees erase --event spring john.doe@example.com
    """
    from turnout.changes import change_view
    from turnout.events.setup import get_configuration
    from turnout.feed.by_hand.hand_in import name_actor
    from turnout.feed.configurations import Configurations
    from turnout.feed.forget import erase as erasing

    with opened_event(slug) as (database, configuration):
        event_id = configuration.event.id
        traces = erasing.find_traces(database, event_id, email, slug)
        names = [configuration.sources[number].name for number in traces.list_sources()]
        confirm(_describe(traces, names), f"Erase {traces.attendee.email}?", yes=yes)
        with acting(database, "attendee.erase", event_id=event_id, target=traces.attendee.id) as deed:
            erased = erasing.erase(
                database, Configurations(database), event_id, traces.attendee.id, name_actor(), traces=traces
            )
            deed.after = {"changes": erased.changes, "pushes": erased.pushes}
        its = get_configuration(database, slug)
    names = [its.sources[number].name for number in erased.suppressed]
    if output.wants_json():
        output.write_json(
            {
                "changes": [change_view.view(line, its) for line in erased.lines],
                "attendee": None,
                "erased": {
                    "attendees": erased.attendees,
                    "changes": erased.changes,
                    "pushes": erased.pushes,
                    "suppressed": names,
                    "wiped": erased.is_wiped,
                },
            }
        )
    else:
        output.say(
            f"Erased: {output.count(erased.changes, 'change')} and {output.count(erased.pushes, 'push', 'pushes')} "
            "without values now."
        )
    if not erased.is_wiped:
        output.note(
            "Old bytes may be left in the database's files, because somebody was reading all the time. "
            "They go with the next erasure."
        )


def _describe(traces: "Traces", names: list[str]) -> list[str]:
    """What goes, for people."""
    merged = len(traces.attendees) - 1
    return [
        f"This is erased for good: {traces.attendee.email} ({traces.attendee.id})"
        + (f" with {output.count(merged, 'attendee')} merged into it," if merged else ","),
        f"  addresses: {', '.join(sorted(traces.addresses))}",
        f"  the values in {output.count(len(traces.sequences), 'change')}",
        f"  what {output.count(len(traces.push_ids), 'push', 'pushes')} said",
        f"Kept from bringing the person back: {', '.join(names) or 'no source'}.",
        "Copies that were made of the database, and what others have received, are not reached.",
    ]
