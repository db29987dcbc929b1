"""Where acts take place: one event in the midst of a transaction, the attendee found by address or id.

What an act says is folded into the state as whoever follows the log folds it, so the two cannot differ.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from turnout import errors
from turnout.changes.fold import apply
from turnout.feed.commit import acting
from turnout.feed.configurations import Configurations
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.identify import holders_of
from turnout.feed.settle.take import MAX_ATTENDEE_BYTES
from turnout.model.attendee import Attendee, status_of
from turnout.model.change import Change, Entry, Kind
from turnout.model.names import fold_case
from turnout.model.source import PEOPLE
from turnout.store import attendees, changes
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_MERGES_FOLLOWED = 10_000


class Scene(msgspec.Struct):
    """One event in the midst of an act, and who acts."""

    connection: Connection
    draft: Draft
    actor: str

    def get(self, reference: str) -> Attendee:
        """The attendee with this address or id; the one kept, where it was merged. Raises NotFound and Conflict."""
        event = self.draft.configuration.event
        found = get_attendee(self.connection, event.id, reference, event.slug)
        if found.id not in self.draft.attendees:
            self.draft.meet(found)
        return self.draft.attendees[found.id]

    def append(self, before: Attendee, kind: Kind, entries: Sequence[Entry]) -> Change:
        """Adds a line of the log with these entries, and all that follows from them. Raises Conflict."""
        draft = self.draft
        change = Change(
            sequence=draft.clock.last_sequence + 1,
            kind=kind,
            at=draft.at,
            true_at=draft.at,
            attendee_id=before.id,
            email=before.email,
            push_id=None,
            source_number=PEOPLE,
            actor=self.actor,
            entries=list(entries),
            previous=before.sequence,
        )
        after = _apply(before, change)
        had, has = before.group_numbers(), after.group_numbers()
        if had != has:
            change.entries.append(Entry("groups", None, had, has))
        status = status_of(after.parts, removed=after.removed, merged_into=after.merged_into)
        if status != before.status:
            change.entries.append(Entry("status", None, before.status, status))
            if kind == "updated":
                kind = "returned" if status == "attending" else "withdrawn"
        change = msgspec.structs.replace(change, kind=kind, email=after.email)
        after = _apply(before, change)
        document = msgspec.json.encode(after)
        if len(document) > MAX_ATTENDEE_BYTES:
            raise errors.Conflict(
                f"{after.email} would hold {len(document):,} bytes; an attendee may hold {MAX_ATTENDEE_BYTES:,}."
            )
        draft.clock.last_sequence, draft.clock.last_at = change.sequence, draft.at
        draft.put_attendee(before, after, document, change.entries)
        draft.changes.append(change)
        return change


def _apply(before: Attendee, change: Change) -> Attendee:
    after = apply(before, change)
    assert after is not None
    return after


@contextmanager
def on_stage(database: Database, configurations: Configurations, event_id: str, actor: str) -> Generator[Scene]:
    """A scene whose lines are written at its end."""
    with acting(database, configurations, event_id) as (connection, draft):
        yield Scene(connection, draft, actor)


def get_attendee(connection: Connection, event_id: str, reference: str, slug: str | None = None) -> Attendee:
    """The attendee with this address or id; the one kept, where it was merged. Raises NotFound and Conflict."""
    reference = reference.strip()
    is_id = reference.startswith("att_") and "@" not in reference
    if is_id:
        found = attendees.find_attendee(connection, event_id, reference)
    else:
        holders = holders_of(reference, attendees.list_by_address(connection, event_id, fold_case(reference)))
        if len(holders) > 1:
            ids = ", ".join(holder.id for holder in holders[:10])
            raise errors.SharedAddress(
                f"{len(holders)} people have the address {reference}. Say which by its id: {ids}."
            )
        found = holders[0] if holders else None
    for _ in range(MAX_MERGES_FOLLOWED):
        if found is None or found.merged_into is None:
            break
        found = attendees.find_attendee(connection, event_id, found.merged_into)
    if found is None:
        what = "id" if is_id else "address"
        raise errors.NotFound(f"Nobody at {slug or 'this event'} has the {what} {reference}.")
    return found


def read_history(connection: Connection, event_id: str, attendee: Attendee) -> Iterator[Change]:
    """All lines of one attendee, the latest first."""
    last: int | None = attendee.sequence
    while last is not None:
        lines = changes.list_history(connection, event_id, last)
        yield from lines
        last = lines[-1].previous if lines else None
