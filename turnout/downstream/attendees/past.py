"""What was of one attendee: his lines of the log, with him as he was behind each."""

from collections.abc import Iterator

import msgspec

from turnout.changes.lines import Line, revert
from turnout.downstream.limits import Limits
from turnout.feed.acts.scene import read_history
from turnout.model.attendee import Attendee
from turnout.model.change import Change
from turnout.store.statements import Connection


def list_past(connection: Connection, event_id: str, attendee: Attendee) -> Iterator[Line]:
    """From the latest back, each with the attendee as he was behind it."""
    state: Attendee | None = attendee
    for change in read_history(connection, event_id, attendee):
        if state is None:
            return
        yield Line(change, msgspec.structs.replace(state, updated_at=change.at))
        state = revert(state, change)


def find_entrance(
    connection: Connection, event_id: str, attendee: Attendee, limits: Limits, *, least: int
) -> Change | None:
    """The line by which somebody whom the reader sees came to be seen, the last time; None where it is below `least`.

    Where lines are missing, the first that is left counts as that.
    """
    first: Change | None = None
    for line in list_past(connection, event_id, attendee):
        if line.change.sequence < least:
            return None
        first = line.change
        if not limits.sees(line.before):
            break
    return first
