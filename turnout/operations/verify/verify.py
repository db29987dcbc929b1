"""Whether what is stored agrees with itself: the log with its clock, states with the log, indexes with states, pushes
with changes.

Everything is read as a stream, so that memory does not grow with the event. Repairs nothing.
"""

import msgspec

from turnout.errors import NotFound
from turnout.model.event import Event
from turnout.operations.verify.answers import check_answers
from turnout.operations.verify.findings import OnProgress, Problem, VerifiedEvent, Verifying
from turnout.operations.verify.log import check_log
from turnout.operations.verify.names import check_names
from turnout.operations.verify.pushes import check_pushes
from turnout.operations.verify.states import check_states
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection


class Verified(msgspec.Struct, frozen=True):
    """What was found out."""

    events: list[VerifiedEvent]
    ok: bool


def verify(database: Database, slug: str | None = None, on_progress: OnProgress = lambda *_: None) -> Verified:
    """Reads all events, or one, each as it is at one moment. Raises NotFound and StorageUnavailable."""
    with database.read(patient=True) as connection:
        wanted = [one for one in events.list_events(connection) if slug in (None, one.slug)]
    if slug is not None and not wanted:
        raise NotFound(f"There is no event {slug}. `turnout event list` shows the events that there are.")
    verified = []
    for event in wanted:
        with database.read(patient=True) as connection:
            verified.append(_verify(connection, event, on_progress))
    return Verified(verified, not any(one.problems for one in verified))


def _verify(connection: Connection, event: Event, on_progress: OnProgress) -> VerifiedEvent:
    configuration = events.load_configuration(connection, event.id)
    if configuration is None:
        message = "The event has no clock row, so nothing can be committed."
        return VerifiedEvent(event.slug, problems=[Problem("no_clock", message)])
    verifying = Verifying(connection, event, configuration, on_progress)
    check_names(verifying)
    # Before the others: it finds out who was erased.
    check_log(verifying)
    check_pushes(verifying)
    check_states(verifying)
    check_answers(verifying)
    return verifying.found
