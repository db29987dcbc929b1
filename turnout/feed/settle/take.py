"""What becomes of one push: who is meant, what it registers, how it is merged, what is answered (C1–C10, D3, D6)."""

import msgspec

from turnout import errors
from turnout.changes.shown import shown_to_source
from turnout.feed.settle.answers import REUSED, find_answer
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.identify import Identified, identify
from turnout.feed.settle.merge import Context, Merged, merge
from turnout.feed.settle.push_log import log_failed, log_push, log_suppressed
from turnout.feed.settle.register import register
from turnout.feed.settle.rehearse import fork_to_rehearse, keep_rehearsed
from turnout.feed.settle.suppress import is_suppressed, names_suppressed
from turnout.feed.submission import Item
from turnout.model.attendee import Attendee, LastPush
from turnout.model.change import Change
from turnout.model.names import fold_case
from turnout.model.push import Push
from turnout.model.receipt import MAX_LISTED, AttendeeReference, Failure, Outcome, Problem
from turnout.now import new_id
from turnout.store import pushes

MAX_ATTENDEE_BYTES = 1 << 20


def take_item(draft: Draft, item: Item) -> Outcome:
    """What becomes of one push; its effects are in the draft."""
    if item.sender.key_id is not None:
        draft.used_keys[item.sender.key_id] = item.sender.address
    if item.idempotency is None:
        return take_push(draft, item)
    place = (item.sender.source_number, item.idempotency.key, item.idempotency.item)
    kept = find_answer(draft, place, rehearses=item.sender.policy.mode == "rehearsal")
    if kept is None:
        outcome = take_push(draft, item)
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
    problem = Problem("", errors.IdempotencyKeyReused.code, REUSED, errors.IdempotencyKeyReused.help)
    return log_failed(draft, item, Failure(errors.IdempotencyKeyReused.code, REUSED, [problem]))


def take_push(draft: Draft, item: Item) -> Outcome:
    """What becomes of one push that has not been answered before."""
    push = item.push
    if item.sender.policy.mode == "rehearsal" and not draft.is_rehearsal:
        fork = fork_to_rehearse(draft, item)
        # No line counts a rehearsed push, so it has no digest by which it might repeat another one.
        return keep_rehearsed(draft, fork, take_push(fork, msgspec.structs.replace(item, digest=item.id)))
    if push is None:
        assert item.failure is not None
        if draft.suppressed and names_suppressed(draft, item):
            return log_failed(draft, msgspec.structs.replace(item, body=None), _without_values(item.failure))
        return log_failed(draft, item, item.failure)
    if is_suppressed(draft, item, push):
        return log_suppressed(draft, item)
    names = register(draft, item, push)
    if isinstance(names, Failure):
        return log_failed(draft, item, names)
    custom_fields, groups, new_custom_fields, new_groups = names
    found = _identify(draft, item, push)
    if isinstance(found, Failure):
        return log_failed(draft, item, found)
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
        return log_failed(draft, item, _too_large(len(document)))
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
        draft.repeats.append((merged.repeats, item.sender.source_number))
    else:
        log_push(draft, item, outcome)
    return outcome


def _too_large(size_bytes: int) -> Failure:
    message = f"The attendee would hold {size_bytes:,} bytes; {MAX_ATTENDEE_BYTES:,} is the most."
    problem = Problem(
        "", "attendee_too_large", message, "Send less text for this person, or clear fields that have it."
    )
    return Failure(errors.InvalidPush.code, message, [problem])


def _without_values(failure: Failure) -> Failure:
    """Where the problems are and what to do about them, without what they quote."""
    message = "Of what was sent nothing is kept or quoted, because it names somebody who was erased."
    problems = [msgspec.structs.replace(problem, message=message) for problem in failure.errors]
    return msgspec.structs.replace(failure, detail=message, errors=problems)
