"""Forgetting a person (F1, F2): all values go, from state, log, pushes and answers; numbers and kinds stay.

What a person's pushes were is looked for before the transaction, so that it holds up nobody for longer than it must.
"""

import unicodedata
from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.feed.acts.scene import Scene, get_attendee, on_stage, read_history
from turnout.feed.configurations import Configurations
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.suppress import digest_address, is_in, unescape
from turnout.model.attendee import Attendee
from turnout.model.change import Change
from turnout.model.names import fold_case
from turnout.model.receipt import Failure
from turnout.model.source import PEOPLE
from turnout.now import first_id, now_us
from turnout.store import attendees, deliveries, erasure, events, exports, listing, suppressions
from turnout.store.database import Database
from turnout.store.statements import Connection

_RECENT_US = 600 * 1_000_000
"""For so long a push may have waited for its commit; its id is from when it came."""
ERASED = Failure("erased", "What this push said was erased, because it named somebody who was erased.", [])
"""What stands in the line of a push that failed, in place of why (F1)."""
FILE_REMOVED = "Somebody of the event was erased, who may have been in the file. Ask for it anew."
"""Why an export has no file any more (F1)."""


class Erased(msgspec.Struct, frozen=True, rename="camel"):
    """What went, or would go."""

    attendee_id: str
    attendees: int
    """With those that were merged into this one."""
    changes: int
    pushes: int
    suppressed: list[int]
    """Sources that must not bring the person back, by number."""
    is_wiped: bool = True
    """False where old bytes are left in the database's files, because somebody was reading all the time."""
    lines: list[Change] = []


class Traces:
    """What there is of one person: attendees, addresses, lines and pushes."""

    def __init__(self, connection: Connection, event_id: str, attendee: Attendee) -> None:
        self.event_id = event_id
        self.attendee = attendee
        self.found_at = now_us()
        absorbed = (attendees.find_attendee(connection, event_id, one) for one in attendee.absorbed)
        self.attendees = [attendee, *(one for one in absorbed if one is not None)]
        self.sequences = [line.sequence for one in self.attendees for line in read_history(connection, event_id, one)]
        self.addresses = {
            fold_case(address) for one in self.attendees for address in (one.email, *one.aliases) if address
        }
        self.push_ids: set[str] = set()

    def follow(self, connection: Connection, since: str = "") -> None:
        """Adds the pushes behind `since`: about these attendees, or about nobody known and naming these addresses."""
        ids = {one.id for one in self.attendees}
        for push in erasure.read_pushes(connection, self.event_id, since):
            if push.attendee_id is not None:
                # Who shares an address keeps his pushes (C6).
                is_theirs = push.attendee_id in ids
            else:
                is_theirs = push.email is not None and fold_case(push.email) in self.addresses
                is_theirs = is_theirs or any(map(self.is_named_in, erasure.read_texts(connection, push)))
            if is_theirs:
                self.push_ids.add(push.id)

    def is_named_in(self, text: str) -> bool:
        # Not by `fold_case`, whose cache would hold it.
        folded = unicodedata.normalize("NFC", unescape(text).casefold())
        return any(is_in(address, folded) for address in self.addresses) or any(
            one.id in text for one in self.attendees
        )

    def list_sources(self) -> list[int]:
        """The sources that knew the person; people are none that could bring somebody back by mistake."""
        return sorted({source for attendee in self.attendees for source in attendee.parts} - {PEOPLE})


def find_traces(database: Database, event_id: str, reference: str, slug: str | None = None) -> Traces:
    """What there is of an attendee, found by address or id. Raises NotFound and Conflict."""
    with database.read(patient=True) as connection:
        traces = Traces(connection, event_id, get_attendee(connection, event_id, reference, slug))
        traces.follow(connection)
    return traces


def erase(
    database: Database,
    configurations: Configurations,
    event_id: str,
    reference: str,
    actor: str,
    *,
    suppresses: bool = True,
    traces: Traces | None = None,
) -> Erased:
    """Erases an attendee, found by address or id. Raises NotFound, Conflict and StorageUnavailable.

    `traces` are those that were found a moment ago, so that they are not looked for again.
    """
    traces = traces or find_traces(database, event_id, reference)
    recent = first_id("psh", traces.found_at - _RECENT_US)
    with on_stage(database, configurations, event_id, actor) as scene:
        # Whatever was said of the person meanwhile goes too.
        latest = Traces(scene.connection, event_id, scene.get(traces.attendee.id))
        latest.push_ids = set(traces.push_ids)
        latest.follow(scene.connection, recent)
        lines = _erase(scene, latest, database.secret_key if suppresses else None)
    return Erased(
        attendee_id=latest.attendee.id,
        attendees=len(latest.attendees),
        changes=len(latest.sequences),
        pushes=len(latest.push_ids),
        suppressed=latest.list_sources() if suppresses else [],
        is_wiped=database.wipe(),
        lines=lines,
    )


def _erase(scene: Scene, traces: Traces, secret_key: bytes | None) -> list[Change]:
    """Takes everything away, and gives the lines that say so."""
    connection, draft, event_id = scene.connection, scene.draft, traces.event_id
    erasure.redact_changes(connection, event_id, traces.sequences)
    erasure.redact_pushes(connection, event_id, sorted(traces.push_ids), msgspec.json.encode(ERASED).decode())
    _remove_answers(connection, traces)
    forget_attendees(connection, draft, traces.attendees, scene.actor)
    sources = traces.list_sources() if secret_key is not None else []
    if secret_key is not None and sources:
        suppressions.add(
            connection,
            event_id,
            [
                suppressions.Suppression(
                    source_number=source,
                    digest=digest_address(secret_key, event_id, address),
                    created_at=draft.at,
                    actor=scene.actor,
                )
                for source in sources
                for address in sorted(traces.addresses)
            ],
        )
        if not draft.configuration.event.suppresses:
            event = msgspec.structs.replace(draft.configuration.event, suppresses=True)
            events.update_event(connection, event)
            draft.clock.raise_version()
            draft.configuration = msgspec.structs.replace(draft.configuration, event=event)
    return draft.changes


def forget_attendees(connection: Connection, draft: Draft, theirs: Sequence[Attendee], actor: str) -> None:
    """Takes these attendees out of state, indexes and files, and adds the line that says so for each."""
    exports.remove_files(connection, draft.event_id, FILE_REMOVED, draft.at)
    _remove_rows(connection, draft.event_id, theirs)
    _append_erased(draft, theirs, actor)


def _remove_rows(connection: Connection, event_id: str, theirs: Sequence[Attendee]) -> None:
    erasure.delete_attendees(connection, event_id, [attendee.id for attendee in theirs])
    attendees.remove_addresses(
        connection,
        [
            (event_id, address, attendee.id)
            for attendee in theirs
            for address in {fold_case(one) for one in (attendee.email, *attendee.aliases)}
        ],
    )
    attendees.remove_third_party_ids(
        connection,
        [
            (event_id, source, third_party_id, attendee.id)
            for attendee in theirs
            for source in attendee.parts
            for third_party_id in attendee.ids_of(source)
        ],
    )
    attendees.remove_memberships(
        connection,
        [(event_id, number, attendee.id) for attendee in theirs for number in attendee.group_numbers()],
    )
    listing.remove_listed(connection, event_id, [attendee.id for attendee in theirs])
    deliveries.redact(connection, event_id, [attendee.id for attendee in theirs], now_us())


def _append_erased(draft: Draft, theirs: Sequence[Attendee], actor: str) -> None:
    for attendee in theirs:
        draft.clock.last_sequence += 1
        draft.clock.last_at = draft.at
        draft.changes.append(
            Change(
                sequence=draft.clock.last_sequence,
                kind="erased",
                at=draft.at,
                true_at=draft.at,
                attendee_id=attendee.id,
                email=None,
                push_id=None,
                source_number=PEOPLE,
                actor=actor,
                entries=[],
                previous=attendee.sequence,
            )
        )


def _remove_answers(connection: Connection, traces: Traces) -> None:
    """Answers kept for repeated requests that name the person, or one of the pushes."""
    places = [
        (source, key, item)
        for source, key, item, answer in erasure.read_answers(connection, traces.event_id)
        if traces.is_named_in(key) or (answer and _is_theirs(answer, traces))
    ]
    erasure.remove_answers(connection, traces.event_id, places)


def _is_theirs(answer: str, traces: Traces) -> bool:
    try:
        push_id = msgspec.json.decode(answer, type=_Answer).push_id
    except msgspec.DecodeError:
        push_id = ""
    # The errors of a whole batch may quote anything of anybody in it; asked again, it fails in the same way.
    return push_id == "" or push_id in traces.push_ids or traces.is_named_in(answer)


class _Answer(msgspec.Struct):
    push_id: str = ""


def lift(database: Database, configurations: Configurations, event_id: str, address: str, actor: str) -> list[int]:
    """Lets every source bring this address again (F2); gives the sources that could not. Raises NotFound."""
    digest = digest_address(database.secret_key, event_id, address.strip())
    with on_stage(database, configurations, event_id, actor) as scene:
        lifted = suppressions.lift(scene.connection, event_id, digest)
        if not lifted:
            raise errors.NotFound(f"No source is kept from bringing {address.strip()} back.")
        return lifted
