"""A dry run of a submission (D5): settled in a fork, from which the request's next part goes on."""

import msgspec

from turnout import errors
from turnout.feed.settle.all_or_nothing import refuse_all
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.foresee import fork_dry, take_dry, take_foreseen
from turnout.feed.settle.rehearse import as_dry
from turnout.feed.submission import Overlay, Submission
from turnout.model.receipt import Outcome


def run_dry(draft: Draft, submission: Submission, overlay: Overlay) -> list[Outcome] | errors.InvalidBatch:
    """The outcomes that the pushes would have; of all that follows only the push log's lines are kept (D5)."""
    fork = fork_dry(draft)
    fork.custom_fields = fork.custom_fields.with_new(overlay.custom_fields)
    fork.groups = fork.groups.with_new(overlay.groups)
    for attendee in overlay.attendees.values():
        fork.meet(attendee)
    known = set(draft.attendees)
    if overlay.foreseen is None:
        outcomes = [take_dry(fork, item) for item in submission.items]
    else:
        taken = [take_foreseen(fork, item, known) for item in submission.items]
        outcomes, fork.foreseen = [outcome for outcome, _ in taken], [foreseen for _, foreseen in taken]
    refused = refuse_all(submission.items, outcomes) if submission.atomic else None
    # Not before it is committed: the transaction may have to be run again.
    draft.dry_runs.append((overlay, fork))
    draft.used_keys |= fork.used_keys
    for push in fork.pushes if overlay.leaves_lines else ():
        if refused is not None and push.failure is None:
            continue
        exists = push.attendee_id in known
        draft.pushes.append(
            msgspec.structs.replace(push, dry_run=True, sequence=None, attendee_id=push.attendee_id if exists else None)
        )
    return refused or [as_dry(outcome, known) for outcome in outcomes]
