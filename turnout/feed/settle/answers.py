"""The answers kept for whoever sends an Idempotency-Key again (D6)."""

import msgspec

from turnout import errors
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.rehearse import is_rehearsing
from turnout.feed.submission import Idempotency, Submission
from turnout.model.receipt import MAX_LISTED, Failure
from turnout.store import pushes

REUSED = "This Idempotency-Key came with another body in the last 24 hours."
_USED_FOR_ONE = "This Idempotency-Key came with a push of its own in the last 24 hours, not with a batch."
_CLAIMED_REHEARSING = '{"dry_run":true}'


def claim_key(draft: Draft, submission: Submission, claim: Idempotency) -> errors.TurnoutError | None:
    """Notes that a batch's key stands for its bytes; gives the error when it stands for others, or failed before."""
    place = (submission.source_number, claim.key, claim.item)
    rehearses = is_rehearsing(draft, submission.source_number)
    kept = find_answer(draft, place, rehearses=rehearses)
    if kept is None:
        if submission.dry_run is None:
            claimed = _CLAIMED_REHEARSING if rehearses else ""
            draft.new_answers[place] = pushes.StoredAnswer(claim.digest, claimed, draft.at)
        return None
    if kept.digest != claim.digest:
        return errors.IdempotencyKeyReused(REUSED)
    if kept.answer not in ("", _CLAIMED_REHEARSING):
        try:
            failure = msgspec.json.decode(kept.answer, type=Failure)
        except msgspec.ValidationError:
            # An Outcome: the same bytes came to the address for one push.
            return errors.IdempotencyKeyReused(_USED_FOR_ONE)
        return errors.InvalidBatch(failure.detail, failure.errors, failure.more_errors)
    return None


def keep_refusal(draft: Draft, submission: Submission, refused: errors.InvalidBatch) -> None:
    """Keeps the error of an atomic batch for its key, if it came with one."""
    claim = submission.claim
    # What a rehearsing source sends again is looked at again.
    if claim is None or is_rehearsing(draft, submission.source_number):
        return
    problems = refused.problems
    more = max(0, len(problems) - MAX_LISTED) + refused.more_problems
    failure = Failure(refused.code, refused.detail, problems[:MAX_LISTED], more)
    answer = msgspec.json.encode(failure).decode()
    place = (submission.source_number, claim.key, claim.item)
    draft.new_answers[place] = pushes.StoredAnswer(claim.digest, answer, draft.at)


def find_answer(draft: Draft, place: tuple[int, str, int], *, rehearses: bool) -> pushes.StoredAnswer | None:
    """The answer kept for a key (D6). To a source that is live one from its rehearsal is as good as none (A7)."""
    kept = draft.find_answer(place)
    if kept is None or not kept.answer or rehearses:
        return kept
    return None if msgspec.json.decode(kept.answer, type=_Kept).dry_run else kept


class _Kept(msgspec.Struct):
    dry_run: bool = False
