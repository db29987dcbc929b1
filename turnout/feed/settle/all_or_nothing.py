"""Atomic batches: every item takes effect, or none (E2)."""

from collections.abc import Sequence

import msgspec

from turnout import errors
from turnout.feed.settle.answers import keep_refusal
from turnout.feed.settle.draft import Draft
from turnout.feed.settle.push_log import log_failed
from turnout.feed.settle.take import take_item
from turnout.feed.submission import Item, Submission
from turnout.model.receipt import Outcome


def take_all_or_nothing(draft: Draft, submission: Submission) -> list[Outcome] | errors.InvalidBatch:
    """The outcomes, or why none of the items takes effect; then the failed ones are logged as failed."""
    fork = draft.fork()
    outcomes = [take_item(fork, item) for item in submission.items]
    refused = refuse_all(submission.items, outcomes)
    draft.used_keys |= fork.used_keys
    if refused is None:
        draft.absorb(fork)
        return outcomes
    for item, outcome in zip(submission.items, outcomes, strict=True):
        if outcome.failure is not None:
            log_failed(draft, item, outcome.failure)
    keep_refusal(draft, submission, refused)
    return refused


def refuse_all(items: Sequence[Item], outcomes: Sequence[Outcome]) -> errors.InvalidBatch | None:
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
