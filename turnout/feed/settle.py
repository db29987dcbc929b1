"""What becomes of each push of a submission, in a draft of its event (C8, D3, D5, D6, E2)."""

from collections.abc import Container, Iterable, Sequence

import msgspec

from turnout import errors
from turnout.changes.shown import shown_to_source
from turnout.feed.draft import Draft
from turnout.feed.identify import Identified, identify
from turnout.feed.merge import Context, Merged, merge
from turnout.feed.submission import Idempotency, Item, Overlay, Result, Sender, StaleConfiguration, Submission
from turnout.feed.suppress import find_addresses
from turnout.model.attendee import Attendee, LastPush
from turnout.model.change import Change
from turnout.model.names import Name, Names, fold_case
from turnout.model.push import Push, StoredPush
from turnout.model.receipt import MAX_LISTED, AttendeeReference, Failure, Outcome, Problem
from turnout.now import new_id, now_us
from turnout.store import pushes

MAX_CUSTOM_FIELDS = 2_000
MAX_GROUPS = 10_000
MAX_ATTENDEE_BYTES = 1 << 20
_REHEARSED = 1_000_000
"""Names that a dry run would register have numbers behind this, so that real ones of its time have others."""


def settle(draft: Draft | None, submission: Submission) -> Result:
    """What becomes of a submission; its effects are in the draft. Without a draft the event is gone."""
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
    at = now_us()
    seen: Sender | None = None
    for item in submission.items:
        # Neighbours nearly always have the same.
        if item.sender is not seen:
            seen = item.sender
            if not _is_sender_current(draft, seen, at, same=current is read_under):
                return False
    return True


def _is_sender_current(draft: Draft, sender: Sender, at: int, *, same: bool) -> bool:
    """`same` says that nothing of the set-up has changed; time has passed all the same."""
    if sender.key_id is not None:
        key = draft.configuration.keys.get(sender.key_id)
        # By the clock, as whoever authenticated has it: the log may be ahead of a clock that was set back.
        if key is None or not key.is_good(at):
            return False
    source = draft.configuration.sources.get(sender.source_number)
    return same or (
        source is not None
        and source.retired_at is None
        and source.policy.over(draft.configuration.event.policy) == sender.policy
    )


def _claim(draft: Draft, submission: Submission, claim: Idempotency) -> errors.TurnoutError | None:
    """Notes that a batch's key stands for its bytes; gives the error when it stands for others, or failed before."""
    place = (submission.source_number, claim.key, claim.item)
    rehearses = _rehearses(draft, submission.source_number)
    kept = _find_answer(draft, place, rehearses=rehearses)
    if kept is None:
        if submission.dry_run is None:
            claimed = _CLAIMED_REHEARSING if rehearses else ""
            draft.new_answers[place] = pushes.StoredAnswer(claim.digest, claimed, draft.at)
        return None
    if kept.digest != claim.digest:
        return errors.IdempotencyKeyReused(_REUSED)
    if kept.answer not in ("", _CLAIMED_REHEARSING):
        try:
            failure = msgspec.json.decode(kept.answer, type=Failure)
        except msgspec.ValidationError:
            # An Outcome: the same bytes came to the address for one push.
            return errors.IdempotencyKeyReused(_USED_FOR_ONE)
        return errors.InvalidBatch(failure.detail, failure.errors, failure.more_errors)
    return None


def _rehearses(draft: Draft, source_number: int) -> bool:
    """Whether the source's pushes are without effect at present (A7)."""
    source = draft.configuration.sources[source_number]
    return source.policy.over(draft.configuration.event.policy).mode == "rehearsal"


def _find_answer(draft: Draft, place: tuple[int, str, int], *, rehearses: bool) -> pushes.StoredAnswer | None:
    """The answer kept for a key (D6). To a source that is live one from its rehearsal is as good as none (A7)."""
    kept = draft.find_answer(place)
    if kept is None or not kept.answer or rehearses:
        return kept
    return None if msgspec.json.decode(kept.answer, type=_Kept).dry_run else kept


class _Kept(msgspec.Struct):
    dry_run: bool = False


_CLAIMED_REHEARSING = '{"dry_run":true}'
_USED_FOR_ONE = "This Idempotency-Key came with a push of its own in the last 24 hours, not with a batch."


def _rehearse(draft: Draft, submission: Submission, overlay: Overlay) -> list[Outcome] | errors.InvalidBatch:
    """The outcomes that the pushes would have; of all that follows only the push log's lines are kept (D5)."""
    fork = draft.fork()
    fork.is_rehearsal = True
    fork.numbers_behind = _REHEARSED
    fork.custom_fields = fork.custom_fields.with_new(overlay.custom_fields)
    fork.groups = fork.groups.with_new(overlay.groups)
    for attendee in overlay.attendees.values():
        fork.meet(attendee)
    known = set(draft.attendees)
    # No line counts a dry push, so it has no digest by which it might repeat another one.
    outcomes = [_take_item(fork, msgspec.structs.replace(item, digest=item.id)) for item in submission.items]
    refused = _refuse_all(submission.items, outcomes) if submission.atomic else None
    overlay.attendees |= {attendee_id: fork.attendees[attendee_id] for attendee_id in fork.documents}
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


def _as_dry(outcome: Outcome, known: Container[str | None]) -> Outcome:
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
    # What a rehearsing source sends again is looked at again.
    if submission.claim is not None and not _rehearses(draft, submission.source_number):
        place = (submission.source_number, submission.claim.key, submission.claim.item)
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
    kept = _find_answer(draft, place, rehearses=item.sender.policy.mode == "rehearsal")
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
    if item.sender.policy.mode == "rehearsal" and not draft.is_rehearsal:
        return _rehearse_item(draft, item)
    if push is None:
        assert item.failure is not None
        if draft.suppressed and _names_suppressed(draft, item):
            return _keep_failed(draft, msgspec.structs.replace(item, body=None), _without_values(item.failure))
        return _keep_failed(draft, item, item.failure)
    if _is_suppressed(draft, item, push):
        return _keep_suppressed(draft, item)
    names = _register(draft, item, push)
    if isinstance(names, Failure):
        return _keep_failed(draft, item, names)
    custom_fields, groups, new_custom_fields, new_groups = names
    found = _identify(draft, item, push)
    if isinstance(found, Failure):
        return _keep_failed(draft, item, found)
    before = found.attendee
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
        renames=found.renames,
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


def _identify(draft: Draft, item: Item, push: Push) -> Identified | Failure:
    if item.about is not None:
        return Identified(draft.attendees.get(item.about))
    return identify(
        push,
        item.sender.source_number,
        draft.configuration.event.identity,
        draft.list_by_id(item.sender.source_number, push.profile.get("thirdPartyId")),
        draft.list_by_address(fold_case(push.email)),
    )


def _keep(
    draft: Draft, item: Item, push: Push, context: Context, before: Attendee | None, merged: Merged, document: bytes
) -> Outcome:
    """Takes a merged push into the draft."""
    attendee = merged.attendee
    sequence = None
    shown = []
    if attendee is not None:
        draft.put_attendee(before, attendee, document, merged.entries)
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
                    previous=None if before is None else before.sequence,
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
        more_warnings=max(0, len(warnings) - MAX_LISTED) + push.more_warnings,
    )
    if merged.repeats is not None:
        draft.repeats.append(merged.repeats)
    else:
        _log(draft, item, outcome)
    return outcome


def _rehearse_item(draft: Draft, item: Item) -> Outcome:
    """The outcome that the push would have; only its line and its body are kept (A7)."""
    fork = draft.fork_for(_list_concerned(draft, item))
    fork.is_rehearsal = True
    fork.numbers_behind = _REHEARSED
    known = draft.attendees
    # No line counts a rehearsed push, so it has no digest by which it might repeat another one.
    outcome = _take_push(fork, msgspec.structs.replace(item, digest=item.id))
    draft.bodies += fork.bodies
    draft.pushes += [
        msgspec.structs.replace(
            push,
            dry_run=True,
            rehearsed=True,
            sequence=None,
            attendee_id=push.attendee_id if push.attendee_id in known else None,
        )
        for push in fork.pushes
    ]
    return _as_dry(outcome, known)


def _list_concerned(draft: Draft, item: Item) -> list[Attendee]:
    """All whom the push may be about."""
    if item.push is None:
        return []
    third_party_id = item.push.profile.get("thirdPartyId")
    return [
        *draft.list_by_address(fold_case(item.push.email)),
        *draft.list_by_id(item.sender.source_number, third_party_id),
        *([draft.attendees[item.about]] if item.about in draft.attendees else []),
    ]


def _is_suppressed(draft: Draft, item: Item, push: Push) -> bool:
    source = item.sender.source_number
    if (source, fold_case(push.email)) not in draft.suppressed:
        return False
    # Where ids decide, whoever has the id shares the address with the one who was erased, and is somebody else (C6).
    by_id = draft.configuration.event.identity == "third_party_id"
    return not (by_id and draft.list_by_id(source, push.profile.get("thirdPartyId")))


def _names_suppressed(draft: Draft, item: Item) -> bool:
    """Whether a body that could not be read has the address of somebody whom its source must not bring back (F2)."""
    addresses = find_addresses(item.body or "")
    return any((item.sender.source_number, address) in draft.suppressed for address in addresses)


def _without_values(failure: Failure) -> Failure:
    """Where the problems are and what to do about them, without what they quote."""
    message = "Of what was sent nothing is kept or quoted, because it names somebody who was erased."
    problems = [msgspec.structs.replace(problem, message=message) for problem in failure.errors]
    return msgspec.structs.replace(failure, detail=message, errors=problems)


def _keep_suppressed(draft: Draft, item: Item) -> Outcome:
    """Somebody was erased, and this source is not to bring them back: a line without body and address (F2)."""
    outcome = Outcome(push_id=item.id, result="suppressed")
    _log(draft, msgspec.structs.replace(item, body=None, email=None), outcome)
    return outcome


def _keep_failed(draft: Draft, item: Item, failure: Failure) -> Outcome:
    """A failed push changes nothing and is kept with its errors (D3)."""
    outcome = Outcome(push_id=item.id, result="failed", failure=failure, dry_run=_is_rehearsed(draft, item))
    _log(draft, item, outcome)
    return outcome


def _is_rehearsed(draft: Draft, item: Item) -> bool:
    """Whether the line that the push leaves behind is one of a rehearsal."""
    return item.sender.policy.mode == "rehearsal" and not draft.is_rehearsal


def _log(draft: Draft, item: Item, outcome: Outcome) -> None:
    is_rehearsed = _is_rehearsed(draft, item)
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
            dry_run=is_rehearsed,
            rehearsed=is_rehearsed,
            email=item.email,
            attendee_id=outcome.attendee.id if outcome.attendee else None,
            sequence=outcome.sequence,
            observed_at=item.push.observed_at if item.push else None,
            replay_of=item.replay_of,
            repeats=0,
            last_at=draft.at,
            warnings=outcome.warnings,
            more_warnings=outcome.more_warnings,
            failure=outcome.failure,
        )
    )


def _register(draft: Draft, item: Item, push: Push) -> tuple[Names, Names, list[Name], list[Name]] | Failure:
    """The event's custom fields and groups with those that this push is the first to name (C4, C5)."""
    known_fields, known_groups = draft.custom_fields, draft.groups
    # One that is cleared is registered too: the time of that keeps an older value out (D7).
    null_says = item.sender.policy.null == "clear"
    fields = [
        (field.path, field.name)
        for field in push.custom_fields
        if (null_says or field.value is not None) and known_fields.find(field.name) is None
    ]
    fields += [
        (f"profile.customFields.{name}", name) for name in push.clear_custom_fields if known_fields.find(name) is None
    ]
    named = [(group.path, group.name) for group in push.groups or () if known_groups.find(group.name) is None]
    if not fields and not named:
        return known_fields, known_groups, [], []
    source = item.sender.source_number
    custom_fields, new_custom_fields = _with_new(draft, draft.custom_fields, fields, "fld", source)
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
