"""The line that a push leaves in the push log, whatever becomes of it (A7, D3, F2)."""

import msgspec

from turnout.feed.settle.draft import Draft
from turnout.feed.submission import Item
from turnout.model.push import StoredPush
from turnout.model.receipt import Failure, Outcome


def log_push(draft: Draft, item: Item, outcome: Outcome) -> None:
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


def log_failed(draft: Draft, item: Item, failure: Failure) -> Outcome:
    """A failed push changes nothing and is kept with its errors (D3)."""
    outcome = Outcome(push_id=item.id, result="failed", failure=failure, dry_run=_is_rehearsed(draft, item))
    log_push(draft, item, outcome)
    return outcome


def log_suppressed(draft: Draft, item: Item) -> Outcome:
    """Somebody was erased, and this source is not to bring them back: a line without body and address (F2)."""
    outcome = Outcome(push_id=item.id, result="suppressed")
    log_push(draft, msgspec.structs.replace(item, body=None, email=None), outcome)
    return outcome


def _is_rehearsed(draft: Draft, item: Item) -> bool:
    """Whether the line that the push leaves behind is one of a rehearsal."""
    return item.sender.policy.mode == "rehearsal" and not draft.is_rehearsal
