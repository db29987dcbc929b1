"""How a commit that was cut off is found again: by a push that it logged, or by its number where it logged none.

Only where others may commit meanwhile. With an SQLite file the outcome is always known.
"""

import itertools
import os
from collections.abc import Mapping
from functools import cache

import msgspec

from turnout.feed.settle.draft import Draft
from turnout.now import new_id, now_us
from turnout.store import commits, events, pushes
from turnout.store.statements import Connection, is_postgresql

_numbers = itertools.count(1)


class Trace(msgspec.Struct, frozen=True):
    """One event of the commit, and what it left there."""

    event_id: str
    event_ids: list[str]
    """All events that it concerned."""
    push_id: str | None
    writer: str = ""
    number: int = 0


def leave_trace(connection: Connection, drafts: Mapping[str, Draft]) -> Trace | None:
    """What this transaction can be found by; None where nobody need look for it."""
    if not drafts or not is_postgresql(connection):
        return None
    event_ids = list(drafts)
    for draft in drafts.values():
        if draft.pushes:
            return Trace(draft.event_id, event_ids, draft.pushes[0].id)
    trace = Trace(event_ids[0], event_ids, None, _find_writer(), next(_numbers))
    commits.note(connection, trace.event_id, trace.writer, trace.number, now_us())
    return trace


@cache
def _name_writer(process: int) -> str:
    return f"{process}-{new_id('run')}"


def _find_writer() -> str:
    """This process, and no other on any machine."""
    return _name_writer(os.getpid())


def find_trace(connection: Connection, trace: Trace) -> bool:
    """Whether that transaction took effect. This one has to be committed then, and what it writes be durable.

    It waits for the clocks, and so for the other one, should the database still be busy with it. What is on disk, and
    on the standby, after a later transaction was there before it.
    """
    clocks = events.lock_clocks(connection, trace.event_ids)
    if trace.push_id is not None:
        found = pushes.find_push(connection, trace.push_id, trace.event_id) is not None
    else:
        found = commits.find(connection, trace.event_id, trace.writer) == trace.number
    if found:
        events.move_clocks(connection, list(clocks.values()))
    return found
