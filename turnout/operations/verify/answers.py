"""The answers kept for Idempotency-Keys against the push log."""

from collections.abc import Sequence

import msgspec

from turnout.model.receipt import Outcome
from turnout.operations.verify.findings import SLICE, Verifying
from turnout.store import verification


def check_answers(verifying: Verifying) -> None:
    """What repeated requests would be answered is about pushes that are there, with the sequence that they had."""
    answers = verification.read_answers(verifying.connection, verifying.event_id)
    outcomes: list[Outcome] = []
    for row in answers:
        try:
            outcomes.append(msgspec.json.decode(row.answer, type=Outcome))
        except msgspec.ValidationError:
            # Of an atomic batch that failed the errors are kept, not an outcome.
            continue
        except msgspec.DecodeError:
            verifying.problem("unreadable_answer", f"The answer kept for the Idempotency-Key {row.key} cannot be read.")
        if len(outcomes) == SLICE:
            _compare(verifying, outcomes)
            outcomes = []
    _compare(verifying, outcomes)


def _compare(verifying: Verifying, outcomes: Sequence[Outcome]) -> None:
    lines = verification.find_push_lines(
        verifying.connection, verifying.event_id, [outcome.push_id for outcome in outcomes]
    )
    for outcome in outcomes:
        line = lines.get(outcome.push_id)
        where = {"push_id": outcome.push_id}
        if outcome.attendee is not None and outcome.attendee.id in verifying.erased:
            message = f"The answer kept of the push {outcome.push_id} tells of somebody who was erased."
            verifying.problem("not_forgotten", message, **where)
        if line is None:
            verifying.problem(
                "answer_differs", f"An answer is kept of the push {outcome.push_id}, which is not there.", **where
            )
        # The answer to a repetition names the line that it was counted on, and says nothing of its change.
        elif outcome.sequence is not None and (outcome.result, outcome.sequence) != line:
            message = f"The answer kept of the push {outcome.push_id} says otherwise than the push log."
            verifying.problem("answer_differs", message, **where)
