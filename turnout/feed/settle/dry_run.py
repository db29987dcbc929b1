"""A dry run of a submission (D5): settled in a fork, from which the request's next part goes on."""

import msgspec

from turnout import errors
from turnout.feed.settle.all_or_nothing import refuse_all
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.rehearse import NUMBERS_BEHIND, as_dry
from turnout.feed.settle.take import take_item
from turnout.feed.submission import Overlay, Submission
from turnout.model.receipt import Outcome


def run_dry(draft: Draft, submission: Submission, overlay: Overlay) -> list[Outcome] | errors.InvalidBatch:
    """The outcomes that the pushes would have; of all that follows only the push log's lines are kept (D5)."""
    fork = draft.fork()
    fork.is_rehearsal = True
    fork.numbers_behind = NUMBERS_BEHIND
    fork.custom_fields = fork.custom_fields.with_new(overlay.custom_fields)
    fork.groups = fork.groups.with_new(overlay.groups)
    for attendee in overlay.attendees.values():
        fork.meet(attendee)
    known = set(draft.attendees)
    # No line counts a dry push, so it has no digest by which it might repeat another one.
    outcomes = [take_item(fork, msgspec.structs.replace(item, digest=item.id)) for item in submission.items]
    refused = refuse_all(submission.items, outcomes) if submission.atomic else None
    # Not before it is committed: the transaction may have to be run again.
    draft.dry_runs.append((overlay, fork))
    draft.used_keys |= fork.used_keys
    for push in fork.pushes:
        if refused is not None and push.failure is None:
            continue
        exists = push.attendee_id in known
        draft.pushes.append(
            msgspec.structs.replace(push, dry_run=True, sequence=None, attendee_id=push.attendee_id if exists else None)
        )
    return refused or [as_dry(outcome, known) for outcome in outcomes]
