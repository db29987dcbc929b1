"""The transaction: lock the clocks, read, settle each push in turn, write. Nothing else writes attendees or the log."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager

import msgspec

from turnout import errors
from turnout.errors import StorageUnavailable
from turnout.feed.configurations import Configurations
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.settle import settle
from turnout.feed.settle.suppress import find_addresses, find_suppressed
from turnout.feed.settle.trace import Trace, find_trace, leave_trace
from turnout.feed.submission import Item, Result, Submission
from turnout.model.attendee import Attendee
from turnout.model.change import Change, Entry, Kind
from turnout.model.event import Configuration
from turnout.model.names import fold_case
from turnout.model.source import PEOPLE, Source
from turnout.now import new_id, now_us
from turnout.store import attendees, changes, events, push_counts, pushes
from turnout.store.database import (
    ANSWER_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    Database,
    OutcomeUnknown,
    StillLocked,
    TransactionLost,
)
from turnout.store.push_counts import SLOT_US
from turnout.store.statements import Connection

_ATTEMPTS = 3
_HELD_S = 0.5
"""So long a commit waits for an event that somebody holds; then it stores the others without it."""
_TRIED_FOR_S = 5.0
"""After that a lost transaction is not tried again: its senders have waited long enough."""
ANSWERS_KEPT_US = 24 * 3600 * 1_000_000


class _Settled(msgspec.Struct):
    """What a transaction has come to, before it is known whether it took effect."""

    results: list[Result]
    drafts: dict[str, Draft]
    trace: Trace | None
    """What it leaves behind in the database, by which it is found again."""


def write(
    database: Database,
    configurations: Configurations,
    submissions: Sequence[Submission],
    join: Callable[[], Sequence[Submission]] = lambda: (),
    within_s: float = ANSWER_TIMEOUT_S,
) -> list[Result]:
    """Commits all submissions in one transaction and says what became of each; durable when it returns (D1).

    `join` is asked once the transaction has begun for those that have come meanwhile. Pushes take effect in the order
    given, each seeing those before it (C8). The database is waited for `within_s` at most, however often it is tried.
    Raises StorageUnavailable; then none did, and OutcomeUnknown.
    """
    submissions = list(submissions)
    unknown: _Settled | None = None
    held: StillLocked | None = None
    began = time.monotonic()
    for attempt in range(_ATTEMPTS):
        settled = None
        try:
            left_s = within_s - (time.monotonic() - began)
            with database.write(within_s=left_s, lock_s=_HELD_S if attempt == 0 else LOCK_TIMEOUT_S) as connection:
                if attempt == 0:
                    submissions += join()
                if unknown is not None and unknown.trace is not None and find_trace(connection, unknown.trace):
                    settled = unknown
                else:
                    unknown = None
                    settled = _settle(database, connection, configurations, submissions, held)
        except StorageUnavailable as error:
            if isinstance(error, OutcomeUnknown):
                unknown = settled
            is_last = attempt == _ATTEMPTS - 1
            if isinstance(error, StillLocked) and held is None and unknown is None and not is_last:
                # Those whose events are free need not wait for the others.
                held = error
            elif is_last or time.monotonic() - began > min(_TRIED_FOR_S, within_s) or not _can_go_on(error, unknown):
                if unknown is not None and not isinstance(error, OutcomeUnknown):
                    # Of the one before nobody knows.
                    raise OutcomeUnknown(error.detail) from error
                raise
        else:
            for draft in settled.drafts.values():
                draft.publish(configurations)
            database.notices.announce(draft.event_id for draft in settled.drafts.values() if draft.changes)
            return settled.results
    raise AssertionError


def _can_go_on(error: StorageUnavailable, unknown: _Settled | None) -> bool:
    """Whether the transaction may be run again: it is certain that it did not take effect, or can be found out."""
    if unknown is not None:
        return unknown.trace is not None and isinstance(error, OutcomeUnknown | TransactionLost)
    return isinstance(error, TransactionLost)


def _settle(
    database: Database,
    connection: Connection,
    configurations: Configurations,
    submissions: Sequence[Submission],
    held: StillLocked | None,
) -> _Settled:
    """`held` is why some events are passed by, where they still cannot be locked at once."""
    drafts = _open_drafts(connection, configurations, submissions, passing=held is not None)
    _find_suppressed(database, connection, drafts, submissions)
    results: list[Result] = []
    for submission in submissions:
        draft = drafts.get(submission.configuration.event.id)
        if held is not None and draft is None:
            results.append(StillLocked(held.detail))
        else:
            results.append(settle(draft, submission))
    _write(connection, drafts.values())
    return _Settled(results, drafts, leave_trace(connection, drafts))


@contextmanager
def acting(database: Database, configurations: Configurations, event_id: str) -> Generator[tuple[Connection, Draft]]:
    """A transaction for the acts of a person (C10), with a draft that is written at its end; durable then.

    Raises NotFound and StorageUnavailable.
    """
    with database.write() as connection:
        clock = events.lock_clocks(connection, [event_id]).get(event_id)
        configuration = None if clock is None else configurations.refresh(connection, event_id, clock.version)
        if clock is None or configuration is None:
            raise errors.NotFound("There is no such event.")
        if PEOPLE not in configuration.sources:
            configuration = _add_people(connection, configuration, clock)
        draft = Draft(configuration, clock)
        before = clock.last_sequence
        yield connection, draft
        _write(connection, [draft])
    if clock.last_sequence > before:
        database.notices.announce([event_id])
    configurations.put(msgspec.structs.replace(draft.configuration, version=clock.version, groups=draft.groups))


def _add_people(connection: Connection, configuration: Configuration, clock: events.Clock) -> Configuration:
    """Registers the source that all people are (design: one source for the console)."""
    taken = {fold_case(source.name) for source in configuration.sources.values()}
    name = next(name for name in ("console", "console (people)", new_id("people")) if name not in taken)
    source = Source(id=new_id("src"), event_id=clock.event_id, number=PEOPLE, name=name, created_at=now_us())
    events.add_source(connection, source, fold_case(name))
    clock.raise_version()
    return msgspec.structs.replace(
        configuration, version=clock.version, sources={PEOPLE: source} | configuration.sources
    )


def log_event_change(
    connection: Connection,
    clock: events.Clock,
    kind: Kind,
    entries: list[Entry],
    source_number: int | None = None,
    *,
    actor: str | None = None,
) -> None:
    """Appends a line that concerns the event itself or a source. The clock is locked, and moved by the caller."""
    clock.last_sequence += 1
    clock.last_at = max(now_us(), clock.last_at)
    change = Change(
        sequence=clock.last_sequence,
        kind=kind,
        at=clock.last_at,
        true_at=clock.last_at,
        attendee_id=None,
        email=None,
        push_id=None,
        source_number=source_number,
        actor=actor,
        entries=entries,
    )
    changes.add_changes(connection, [(clock.event_id, change)])


def _open_drafts(
    connection: Connection, configurations: Configurations, submissions: Sequence[Submission], *, passing: bool
) -> dict[str, Draft]:
    """Locks the clocks and reads all that the pushes concern.

    An event that is gone has no draft, nor has one that somebody else holds where those are passed.
    """
    event_ids = {submission.configuration.event.id for submission in submissions}
    clocks = events.lock_clocks(connection, event_ids, passing=passing)
    drafts = {}
    for event_id, clock in clocks.items():
        configuration = configurations.refresh(connection, event_id, clock.version)
        if configuration is not None:
            drafts[event_id] = Draft(configuration, clock)
    addresses = set()
    ids = set()
    known = set()
    places = set()
    for submission in submissions:
        event_id = submission.configuration.event.id
        # As it is now, and not when the push was read.
        draft = drafts.get(event_id)
        if draft is None:
            continue
        goes_by_id = draft.configuration.event.identity == "third_party_id"
        for item in submission.items:
            if item.push is not None:
                addresses.add((event_id, fold_case(item.push.email)))
                if goes_by_id and (third_party_id := item.push.profile.get("thirdPartyId")):
                    ids.add((event_id, item.sender.source_number, third_party_id))
                if item.about is not None:
                    known.add((event_id, item.about))
            if item.idempotency is not None:
                places.add((event_id, item.sender.source_number, item.idempotency.key, item.idempotency.item))
        if submission.claim is not None:
            places.add((event_id, submission.source_number, submission.claim.key, submission.claim.item))
    for event_id, address, attendee in attendees.find_by_addresses(connection, sorted(addresses)):
        drafts[event_id].know(attendee, address)
    for event_id, _, _, attendee in attendees.find_by_third_party_ids(connection, sorted(ids)):
        drafts[event_id].meet(attendee)
    for event_id, attendee in attendees.find_by_ids(connection, sorted(known)):
        drafts[event_id].meet(attendee)
    since = now_us() - ANSWERS_KEPT_US
    for (event_id, source_number, key, item), answer in pushes.find_answers(connection, sorted(places), since).items():
        drafts[event_id].answers[source_number, key, item] = answer
    return drafts


def _find_suppressed(
    database: Database, connection: Connection, drafts: dict[str, Draft], submissions: Sequence[Submission]
) -> None:
    """Notes in the drafts which pushes are about somebody whom their source must not bring back (F2)."""
    for event_id, draft in drafts.items():
        if draft.configuration.event.suppresses:
            wanted = {
                (item.sender.source_number, address)
                for submission in submissions
                if submission.configuration.event.id == event_id
                for item in submission.items
                for address in _addresses_in(item)
            }
            draft.suppressed = find_suppressed(connection, database.secret_key, event_id, wanted)


def _addresses_in(item: Item) -> Collection[str]:
    return find_addresses(item.body or "") if item.push is None else (fold_case(item.push.email),)


def _write(connection: Connection, drafts: Iterable[Draft]) -> None:
    """Writes all drafts, a statement for each table."""
    drafts = list(drafts)
    attendees.write_attendees(
        connection,
        [
            (
                draft.event_id,
                attendee_id,
                (attendee := draft.attendees[attendee_id]).status,
                fold_case(attendee.email),
                fold_case(" ".join(filter(None, (_text(attendee, "firstName"), _text(attendee, "lastName"))))),
                fold_case(_text(attendee, "company") or ""),
                attendee.updated_at,
                document.decode(),
            )
            for draft in drafts
            for attendee_id, document in draft.documents.items()
        ],
    )
    for holds, write_addresses in ((False, attendees.remove_addresses), (True, attendees.add_addresses)):
        write_addresses(
            connection,
            [(draft.event_id, *row) for draft in drafts for row, held in draft.addresses.items() if held is holds],
        )
    for holds, write in ((False, attendees.remove_third_party_ids), (True, attendees.add_third_party_ids)):
        write(
            connection,
            [
                (draft.event_id, *row)
                for draft in drafts
                for row, held in draft.third_party_ids.items()
                if held is holds
            ],
        )
    for holds, write_members in ((False, attendees.remove_memberships), (True, attendees.add_memberships)):
        write_members(
            connection,
            [(draft.event_id, *row) for draft in drafts for row, held in draft.memberships.items() if held is holds],
        )
    for draft in drafts:
        _write_names(connection, draft)
    changes.add_changes(connection, [(draft.event_id, change) for draft in drafts for change in draft.changes])
    pushes.add_pushes(connection, [push for draft in drafts for push in draft.pushes])
    pushes.count_repeats(
        connection, [(draft.event_id, push_id, draft.at) for draft in drafts for push_id, _ in draft.repeats]
    )
    push_counts.add_counts(
        connection, [(draft.event_id, draft.at // SLOT_US, *row) for draft in drafts for row in _count_pushes(draft)]
    )
    pushes.add_bodies(connection, [(draft.event_id, *row) for draft in drafts for row in draft.bodies])
    pushes.keep_answers(
        connection,
        [
            (draft.event_id, *place, answer.digest, answer.answer, answer.created_at)
            for draft in drafts
            for place, answer in draft.new_answers.items()
        ],
    )
    events.touch_keys(
        connection,
        [(draft.event_id, key.id, draft.at, key.last_address) for draft in drafts for key in draft.due_uses()],
    )
    events.move_clocks(connection, [draft.clock for draft in drafts])


def _count_pushes(draft: Draft) -> list[tuple[int, str, int]]:
    """Source, result and how many. What was said again changed nothing; dry runs, which nobody meant, are left out."""
    counted = Counter(
        (push.source_number, "rehearsed" if push.rehearsed else push.result)
        for push in draft.pushes
        if push.rehearsed or not push.dry_run
    )
    counted.update((source_number, "unchanged") for _, source_number in draft.repeats)
    return [(*place, times) for place, times in counted.items()]


def _write_names(connection: Connection, draft: Draft) -> None:
    for kind, new in (("custom_field", draft.new_custom_fields), ("group", draft.new_groups)):
        if new:
            events.add_names(connection, draft.event_id, kind, [(name, fold_case(name.name)) for name in new])
            draft.clock.raise_version()


def _text(attendee: Attendee, field: str) -> str | None:
    said = attendee.profile.get(field)
    return said.value if said else None
