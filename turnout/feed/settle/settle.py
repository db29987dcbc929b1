"""What becomes of each push of a submission, in a draft of its event (C8, D3, D5, D6, E2)."""

from turnout import errors
from turnout.feed.settle.all_or_nothing import take_all_or_nothing
from turnout.feed.settle.answers import claim_key
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.dry_run import run_dry
from turnout.feed.settle.foresee import DIFFERS, foresee
from turnout.feed.settle.take import take_item
from turnout.feed.submission import Result, Sender, StaleConfiguration, Submission
from turnout.now import now_us


def settle(draft: Draft | None, submission: Submission) -> Result:
    """What becomes of a submission; its effects are in the draft. Without a draft the event is gone."""
    if draft is None or not _is_current(draft, submission):
        return StaleConfiguration()
    if submission.claim is not None:
        refused = claim_key(draft, submission, submission.claim)
        if refused is not None:
            return refused
    if submission.dry_run is not None:
        return run_dry(draft, submission, submission.dry_run)
    if submission.expected is not None and foresee(draft, submission) != submission.expected:
        return errors.Conflict(DIFFERS)
    if submission.atomic:
        return take_all_or_nothing(draft, submission)
    return [take_item(draft, item) for item in submission.items]


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
