"""The transaction: lock the clocks, read, merge each push in turn, write. Nothing else writes attendees or the log."""

from collections.abc import Iterable, Sequence

import msgspec

from turnout import errors
from turnout.changes.shown import shown_to_source
from turnout.feed.configurations import Configurations
from turnout.feed.merge import Context, Merged, merge
from turnout.model.attendee import Attendee, LastPush
from turnout.model.change import Change, Entry, Kind
from turnout.model.event import Configuration
from turnout.model.key import Key
from turnout.model.names import Name, Names, fold_case
from turnout.model.policy import Policy
from turnout.model.push import Push, StoredPush
from turnout.model.receipt import MAX_LISTED, AttendeeReference, Failure, Outcome, Problem
from turnout.now import new_id, now_us
from turnout.store import attendees, changes, events, pushes
from turnout.store.connect import Connection, Database

MAX_CUSTOM_FIELDS = 2_000
MAX_GROUPS = 10_000
MAX_ATTENDEE_BYTES = 1 << 20
ANSWERS_KEPT_US = 24 * 3600 * 1_000_000
_USE_WRITTEN_EVERY_US = 60 * 1_000_000


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Whose push it is, and under which policy it was read."""

    source_number: int
    policy: Policy
    key_id: str | None = None
    actor: str | None = None
    """The person, where one sends it by hand."""


class Idempotency(msgspec.Struct, frozen=True):
    """A request's Idempotency-Key (D6)."""

    key: str
    item: int
    """The place in a batch; WHOLE for a request of its own, and for the batch itself."""
    digest: str
    """Of the bytes of the request."""


WHOLE = -1


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One push on its way into the log: what it says, or why it cannot take effect."""

    id: str
    sender: Sender
    push: Push | None
    failure: Failure | None = None
    email: str | None = None
    body: str | None
    """To be stored: without its key."""
    digest: str
    """Of that body."""
    idempotency: Idempotency | None = None
    replay_of: str | None = None
    index: int | None = None


class Overlay(msgspec.Struct):
    """What a dry run has led to so far, so that its next pushes see the effect of those before them."""

    attendees: dict[str, Attendee] = {}
    """By address."""
    custom_fields: list[Name] = []
    groups: list[Name] = []


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Pushes of one request, for one event."""

    configuration: Configuration
    """Under which they were authenticated and parsed."""
    items: Sequence[Item]
    atomic: bool = False
    """All or nothing (E2)."""
    dry_run: Overlay | None = None
    claim: Idempotency | None = None
    """Of a batch: that its key stands for these bytes."""


_REHEARSED = 1_000_000
"""Names that a dry run would register have numbers behind this, so that real ones of its time have others."""


class StaleConfiguration(Exception):
    """The event's set-up has changed since these pushes were authenticated and parsed: do both again."""


Result = list[Outcome] | errors.TurnoutError | StaleConfiguration


def write(database: Database, configurations: Configurations, submissions: Sequence[Submission]) -> list[Result]:
    """Commits all submissions in one transaction and says what became of each; durable when it returns (D1).

    Pushes take effect in the order given, each seeing those before it (C8). Raises StorageUnavailable; then none did.
    """
    with database.write() as connection:
        drafts = _open_drafts(connection, configurations, submissions)
        results = [_take(drafts.get(submission.configuration.event.id), submission) for submission in submissions]
        _write(connection, drafts.values())
    for draft in drafts.values():
        draft.publish(configurations)
    return results


def log_event_change(
    connection: Connection, clock: events.Clock, kind: Kind, entries: list[Entry], source_number: int | None = None
) -> None:
    """Appends a line that concerns the event itself. The clock is locked, and moved by the caller."""
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
        actor=None,
        entries=entries,
    )
    changes.add_changes(connection, [(clock.event_id, change)])


class Draft:
    """One event as it will be when the transaction ends."""

    def __init__(self, configuration: Configuration, clock: events.Clock) -> None:
        self.configuration = configuration
        self.event_id = configuration.event.id
        self.clock = clock
        self.at = max(now_us(), clock.last_at)
        self.custom_fields = configuration.custom_fields
        self.groups = configuration.groups
        self.numbers_behind = 0
        self.ids_by_address: dict[str, str] = {}
        self.attendees: dict[str, Attendee] = {}
        self.answers: dict[tuple[int, str, int], pushes.StoredAnswer] = {}
        # What will be written.
        self.documents: dict[str, bytes] = {}
        self.new_addresses: list[tuple[str, str]] = []
        self.third_party_ids: dict[tuple[int, str, str], bool] = {}
        self.memberships: dict[tuple[int, str], bool] = {}
        self.changes: list[Change] = []
        self.pushes: list[StoredPush] = []
        self.repeats: list[str] = []
        self.bodies: list[tuple[str, str]] = []
        self.new_answers: dict[tuple[int, str, int], pushes.StoredAnswer] = {}
        self.new_custom_fields: list[Name] = []
        self.new_groups: list[Name] = []
        self.used_keys: set[str] = set()

    def fork(self) -> "Draft":
        """A draft that sees this one, for what may have to be taken back."""
        fork = Draft(self.configuration, events.Clock(*msgspec.structs.astuple(self.clock)))
        fork.at = self.at
        fork.custom_fields, fork.groups = self.custom_fields, self.groups
        fork.ids_by_address = dict(self.ids_by_address)
        fork.attendees = dict(self.attendees)
        fork.answers = self.answers | self.new_answers
        return fork

    def absorb(self, fork: "Draft") -> None:
        """Makes a fork's effects this draft's own."""
        self.clock, self.custom_fields, self.groups = fork.clock, fork.custom_fields, fork.groups
        for name in ("ids_by_address", "attendees", "documents", "third_party_ids", "memberships", "new_answers"):
            getattr(self, name).update(getattr(fork, name))
        for name in ("new_addresses", "changes", "pushes", "bodies", "repeats", "new_custom_fields", "new_groups"):
            getattr(self, name).extend(getattr(fork, name))
        self.used_keys |= fork.used_keys

    def find_answer(self, place: tuple[int, str, int]) -> pushes.StoredAnswer | None:
        return self.new_answers.get(place) or self.answers.get(place)

    def find_attendee(self, address: str) -> Attendee | None:
        attendee_id = self.ids_by_address.get(address)
        return None if attendee_id is None else self.attendees[attendee_id]

    def put_attendee(self, before: Attendee | None, after: Attendee, document: bytes) -> None:
        """Takes over an attendee's next state, and what the index tables need of it."""
        self.attendees[after.id] = after
        self.documents[after.id] = document
        if before is None:
            address = fold_case(after.email)
            self.ids_by_address[address] = after.id
            self.new_addresses.append((address, after.id))
        had = set(before.group_numbers()) if before else set()
        has = set(after.group_numbers())
        for number in had ^ has:
            self.memberships[number, after.id] = number in has
        for source, part in after.parts.items():
            known = before.parts.get(source) if before else None
            old = known.third_party_id.value if known and known.third_party_id else None
            new = part.third_party_id.value if part.third_party_id else None
            if old != new:
                if old is not None:
                    self.third_party_ids[source, old, after.id] = False
                if new is not None:
                    self.third_party_ids[source, new, after.id] = True

    def publish(self, configurations: Configurations) -> None:
        """Tells this process what the commit has registered, and which keys it has seen."""
        uses = self.due_uses()
        if self.new_custom_fields or self.new_groups or uses:
            configurations.put(
                msgspec.structs.replace(
                    self.configuration,
                    version=self.clock.version,
                    custom_fields=self.custom_fields,
                    groups=self.groups,
                    keys=self.configuration.keys
                    | {key.id: msgspec.structs.replace(key, last_used_at=self.at) for key in uses},
                )
            )

    def due_uses(self) -> list[Key]:
        """The keys whose last use is due to be written."""
        keys = (self.configuration.keys[key_id] for key_id in self.used_keys)
        return [key for key in keys if self.at - (key.last_used_at or 0) > _USE_WRITTEN_EVERY_US]


def _open_drafts(
    connection: Connection, configurations: Configurations, submissions: Sequence[Submission]
) -> dict[str, Draft]:
    """Locks the clocks and reads all that the pushes concern. An event that is gone has no draft."""
    clocks = events.lock_clocks(connection, {submission.configuration.event.id for submission in submissions})
    drafts = {}
    for event_id, clock in clocks.items():
        configuration = configurations.refresh(connection, event_id, clock.version)
        if configuration is not None:
            drafts[event_id] = Draft(configuration, clock)
    addresses = set()
    places = set()
    for submission in submissions:
        event_id = submission.configuration.event.id
        for item in submission.items:
            if item.push is not None:
                addresses.add((event_id, fold_case(item.push.email)))
            if item.idempotency is not None:
                places.add((event_id, item.sender.source_number, item.idempotency.key, item.idempotency.item))
        if submission.claim is not None:
            source_number = submission.items[0].sender.source_number
            places.add((event_id, source_number, submission.claim.key, submission.claim.item))
    for event_id, address, attendee in attendees.find_by_addresses(connection, sorted(addresses)):
        drafts[event_id].ids_by_address[address] = attendee.id
        drafts[event_id].attendees[attendee.id] = attendee
    since = now_us() - ANSWERS_KEPT_US
    for (event_id, source_number, key, item), answer in pushes.find_answers(connection, sorted(places), since).items():
        drafts[event_id].answers[source_number, key, item] = answer
    return drafts


def _take(draft: Draft | None, submission: Submission) -> Result:
    if draft is None or not _is_current(draft, submission):
        return StaleConfiguration()
    if submission.claim is not None:
        refused = _claim(draft, submission, submission.claim)
        if refused is not None:
            return refused
    if submission.dry_run is not None:
        return _rehearse(draft, submission, submission.dry_run)
    if submission.atomic:
        return _take_all_or_nothing(draft, submission)
    return [_take_item(draft, item) for item in submission.items]


def _is_current(draft: Draft, submission: Submission) -> bool:
    """Whether the senders may still send, and would still be understood in the same way."""
    current, read_under = draft.configuration, submission.configuration
    if current.event.archived_at is not None or current.event.host != read_under.event.host:
        return False
    senders = {id(item.sender): item.sender for item in submission.items}
    return all(_is_sender_current(draft, sender) for sender in senders.values())


def _is_sender_current(draft: Draft, sender: Sender) -> bool:
    if sender.key_id is not None:
        key = draft.configuration.keys.get(sender.key_id)
        # By the clock, as whoever authenticated has it: the log may be ahead of a clock that was set back.
        if key is None or not key.is_good(now_us()):
            return False
    source = draft.configuration.sources.get(sender.source_number)
    return source is not None and source.policy.over(draft.configuration.event.policy) == sender.policy


def _claim(draft: Draft, submission: Submission, claim: Idempotency) -> errors.TurnoutError | None:
    """Notes that a batch's key stands for its bytes; gives the error when it stands for others, or failed before."""
    place = (submission.items[0].sender.source_number, claim.key, claim.item)
    kept = draft.find_answer(place)
    if kept is None:
        if submission.dry_run is None:
            draft.new_answers[place] = pushes.StoredAnswer(claim.digest, "", draft.at)
        return None
    if kept.digest != claim.digest:
        return errors.IdempotencyKeyReused(_REUSED)
    if kept.answer:
        try:
            failure = msgspec.json.decode(kept.answer, type=Failure)
        except msgspec.ValidationError:
            # An Outcome: the same bytes came to the address for one push.
            return errors.IdempotencyKeyReused(_USED_FOR_ONE)
        return errors.InvalidBatch(failure.detail, failure.errors, failure.more_errors)
    return None


_USED_FOR_ONE = "This Idempotency-Key came with a push of its own in the last 24 hours, not with a batch."


def _rehearse(draft: Draft, submission: Submission, overlay: Overlay) -> list[Outcome] | errors.InvalidBatch:
    """The outcomes that the pushes would have; of all that follows only the push log's lines are kept (D5)."""
    fork = draft.fork()
    fork.numbers_behind = _REHEARSED
    fork.custom_fields = fork.custom_fields.with_new(overlay.custom_fields)
    fork.groups = fork.groups.with_new(overlay.groups)
    for address, attendee in overlay.attendees.items():
        fork.ids_by_address[address] = attendee.id
        fork.attendees[attendee.id] = attendee
    known = set(draft.attendees)
    # No line counts a dry push, so it has no digest by which it might repeat another one.
    outcomes = [_take_item(fork, msgspec.structs.replace(item, digest=item.id)) for item in submission.items]
    refused = _refuse_all(submission.items, outcomes) if submission.atomic else None
    overlay.attendees |= {
        address: fork.attendees[attendee_id]
        for address, attendee_id in fork.ids_by_address.items()
        if attendee_id in fork.documents
    }
    overlay.custom_fields += fork.new_custom_fields
    overlay.groups += fork.new_groups
    draft.used_keys |= fork.used_keys
    for push in fork.pushes:
        if refused is not None and push.failure is None:
            continue
        exists = push.attendee_id in known
        draft.pushes.append(
            msgspec.structs.replace(push, dry_run=True, sequence=None, attendee_id=push.attendee_id if exists else None)
        )
    return refused or [_as_dry(outcome, known) for outcome in outcomes]


def _as_dry(outcome: Outcome, known: set[str]) -> Outcome:
    attendee = outcome.attendee
    if attendee is not None and attendee.id not in known:
        attendee = AttendeeReference(None, attendee.email)
    return msgspec.structs.replace(outcome, dry_run=True, sequence=None, attendee=attendee)


def _take_all_or_nothing(draft: Draft, submission: Submission) -> list[Outcome] | errors.InvalidBatch:
    fork = draft.fork()
    outcomes = [_take_item(fork, item) for item in submission.items]
    refused = _refuse_all(submission.items, outcomes)
    draft.used_keys |= fork.used_keys
    if refused is None:
        draft.absorb(fork)
        return outcomes
    for item, outcome in zip(submission.items, outcomes, strict=True):
        if outcome.failure is not None:
            _keep_failed(draft, item, outcome.failure)
    if submission.claim is not None:
        place = (submission.items[0].sender.source_number, submission.claim.key, submission.claim.item)
        problems = refused.problems
        more = max(0, len(problems) - MAX_LISTED) + refused.more_problems
        failure = Failure(refused.code, refused.detail, problems[:MAX_LISTED], more)
        answer = msgspec.json.encode(failure).decode()
        draft.new_answers[place] = pushes.StoredAnswer(submission.claim.digest, answer, draft.at)
    return refused


def _refuse_all(items: Sequence[Item], outcomes: Sequence[Outcome]) -> errors.InvalidBatch | None:
    """The error of an atomic batch, with every failing item's problems (E2); None where no item fails."""
    failed = [(item, outcome.failure) for item, outcome in zip(items, outcomes, strict=True) if outcome.failure]
    if not failed:
        return None
    problems = [
        msgspec.structs.replace(problem, index=item.index or 0)
        for item, failure in failed
        for problem in failure.errors
    ]
    detail = f"{len(failed)} of {len(items)} items are not valid, so none took effect."
    return errors.InvalidBatch(detail, problems, sum(failure.more_errors for _, failure in failed))


def _take_item(draft: Draft, item: Item) -> Outcome:
    """What becomes of one push; its effects are in the draft."""
    if item.sender.key_id is not None:
        draft.used_keys.add(item.sender.key_id)
    if item.idempotency is None:
        return _take_push(draft, item)
    place = (item.sender.source_number, item.idempotency.key, item.idempotency.item)
    kept = draft.find_answer(place)
    if kept is None:
        outcome = _take_push(draft, item)
        draft.new_answers[place] = pushes.StoredAnswer(
            item.idempotency.digest, msgspec.json.encode(outcome).decode(), draft.at
        )
        return outcome
    if kept.digest == item.idempotency.digest and kept.answer:
        try:
            return msgspec.json.decode(kept.answer, type=Outcome)
        except msgspec.ValidationError:
            # A Failure: the same bytes came as an atomic batch.
            pass
    problem = Problem("", errors.IdempotencyKeyReused.code, _REUSED, errors.IdempotencyKeyReused.help)
    return _keep_failed(draft, item, Failure(errors.IdempotencyKeyReused.code, _REUSED, [problem]))


_REUSED = "This Idempotency-Key came with another body in the last 24 hours."


def _take_push(draft: Draft, item: Item) -> Outcome:
    push = item.push
    if push is None:
        assert item.failure is not None
        return _keep_failed(draft, item, item.failure)
    names = _register(draft, item, push)
    if isinstance(names, Failure):
        return _keep_failed(draft, item, names)
    custom_fields, groups, new_custom_fields, new_groups = names
    before = draft.find_attendee(fold_case(push.email))
    context = Context(
        source=item.sender.source_number,
        policy=item.sender.policy,
        custom_fields=custom_fields,
        groups=groups,
        at=draft.at,
        sequence=draft.clock.last_sequence + 1,
        attendee_id=new_id("att") if before is None else before.id,
        # A replay has a line of its own, whatever it says once more.
        push=LastPush(item.id, item.digest if item.replay_of is None else item.id),
    )
    merged = merge(before, push, context)
    document = msgspec.json.encode(merged.attendee)
    if len(document) > MAX_ATTENDEE_BYTES:
        return _keep_failed(draft, item, _too_large(len(document)))
    if merged.attendee is not None:
        draft.custom_fields, draft.groups = custom_fields, groups
        draft.new_custom_fields += new_custom_fields
        draft.new_groups += new_groups
    return _keep(draft, item, push, context, before, merged, document)


def _keep(
    draft: Draft, item: Item, push: Push, context: Context, before: Attendee | None, merged: Merged, document: bytes
) -> Outcome:
    """Takes a merged push into the draft."""
    attendee = merged.attendee
    sequence = None
    shown = []
    if attendee is not None:
        draft.put_attendee(before, attendee, document)
        # Also of a push that changes nothing: values are now known to be true at that time (D7).
        draft.clock.last_at = draft.at
        if merged.kind is not None:
            sequence = draft.clock.last_sequence = context.sequence
            draft.changes.append(
                Change(
                    sequence=sequence,
                    kind=merged.kind,
                    at=draft.at,
                    true_at=draft.at if push.observed_at is None else min(push.observed_at, draft.at),
                    attendee_id=attendee.id,
                    email=attendee.email,
                    push_id=item.id,
                    source_number=item.sender.source_number,
                    actor=item.sender.actor,
                    entries=merged.entries,
                )
            )
            shown = shown_to_source(merged.entries, context.custom_fields, context.groups, context.source)
    result = "unchanged" if merged.kind is None else "created" if merged.kind == "created" else "updated"
    warnings = [*push.warnings, *merged.warnings]
    outcome = Outcome(
        push_id=merged.repeats or item.id,
        result=result,
        attendee=None if attendee is None else AttendeeReference(attendee.id, attendee.email),
        sequence=sequence,
        changes=shown,
        warnings=warnings[:MAX_LISTED],
        more_warnings=max(0, len(warnings) - MAX_LISTED),
    )
    if merged.repeats is not None:
        draft.repeats.append(merged.repeats)
    else:
        _log(draft, item, outcome)
    return outcome


def _keep_failed(draft: Draft, item: Item, failure: Failure) -> Outcome:
    """A failed push changes nothing and is kept with its errors (D3)."""
    outcome = Outcome(push_id=item.id, result="failed", failure=failure)
    _log(draft, item, outcome)
    return outcome


def _log(draft: Draft, item: Item, outcome: Outcome) -> None:
    if item.body is not None:
        draft.bodies.append((item.id, item.body))
    draft.pushes.append(
        StoredPush(
            id=item.id,
            event_id=draft.event_id,
            at=draft.at,
            source_number=item.sender.source_number,
            key_id=item.sender.key_id,
            actor=item.sender.actor,
            result=outcome.result,
            dry_run=False,
            email=item.email,
            attendee_id=outcome.attendee.id if outcome.attendee else None,
            sequence=outcome.sequence,
            observed_at=item.push.observed_at if item.push else None,
            replay_of=item.replay_of,
            repeats=0,
            last_at=draft.at,
            warnings=outcome.warnings,
            failure=outcome.failure,
        )
    )


def _register(draft: Draft, item: Item, push: Push) -> tuple[Names, Names, list[Name], list[Name]] | Failure:
    """The event's custom fields and groups with those that this push is the first to name (C4, C5)."""
    source = item.sender.source_number
    fields = [(field.path, field.name) for field in push.custom_fields if field.value is not None]
    custom_fields, new_custom_fields = _with_new(draft, draft.custom_fields, fields, "fld", source)
    named = [(group.path, group.name) for group in push.groups or ()]
    groups, new_groups = _with_new(draft, draft.groups, named, "grp", source)
    problems = []
    if new_custom_fields and len(custom_fields.by_number) > MAX_CUSTOM_FIELDS:
        problems.append(_too_many(fields, new_custom_fields, "custom fields", MAX_CUSTOM_FIELDS))
    if new_groups and len(groups.by_number) > MAX_GROUPS:
        problems.append(_too_many(named, new_groups, "groups", MAX_GROUPS))
    if problems:
        return Failure(errors.InvalidPush.code, problems[0].message, problems)
    return custom_fields, groups, new_custom_fields, new_groups


def _with_new(
    draft: Draft, names: Names, said: Iterable[tuple[str, str]], prefix: str, source: int
) -> tuple[Names, list[Name]]:
    new: dict[str, Name] = {}
    for _, name in said:
        if names.find(name) is None and fold_case(name) not in new:
            number = draft.numbers_behind + len(names.by_number) + len(new) + 1
            new[fold_case(name)] = Name(
                id=new_id(prefix), number=number, name=name, first_source=source, created_at=draft.at
            )
    added = list(new.values())
    return (names.with_new(added) if added else names), added


def _too_many(said: list[tuple[str, str]], new: list[Name], what: str, most: int) -> Problem:
    first = next(path for path, name in said if name == new[0].name)
    return Problem(
        first,
        "too_many_" + what.replace(" ", "_"),
        f"The event has as many {what} as it can have ({most:,}), and {new[0].name} would be another.",
        f"Send one of the {what} that the event has, or ask its staff to tidy them up.",
    )


def _too_large(size_bytes: int) -> Failure:
    message = f"The attendee would hold {size_bytes:,} bytes; {MAX_ATTENDEE_BYTES:,} is the most."
    problem = Problem(
        "", "attendee_too_large", message, "Send less text for this person, or clear fields that have it."
    )
    return Failure(errors.InvalidPush.code, message, [problem])


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
    attendees.add_addresses(connection, [(draft.event_id, *row) for draft in drafts for row in draft.new_addresses])
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
        connection, [(draft.event_id, push_id, draft.at) for draft in drafts for push_id in draft.repeats]
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
    events.touch_keys(connection, [(draft.event_id, key.id, draft.at) for draft in drafts for key in draft.due_uses()])
    events.move_clocks(connection, [draft.clock for draft in drafts])


def _write_names(connection: Connection, draft: Draft) -> None:
    for kind, new in (("custom_field", draft.new_custom_fields), ("group", draft.new_groups)):
        if new:
            events.add_names(connection, draft.event_id, kind, [(name, fold_case(name.name)) for name in new])
            draft.clock.version += 1


def _text(attendee: Attendee, field: str) -> str | None:
    said = attendee.profile.get(field)
    return said.value if said else None
