"""The change log against its clock, and each of its lines against the push that made it."""

from typing import Any, get_args

from turnout.model.change import Kind
from turnout.operations.verify.findings import Verifying
from turnout.store import events, verification

_OF_ATTENDEES: tuple[Kind, ...] = ("created", "updated", "withdrawn", "returned", "merged", "erased")
_KINDS = get_args(Kind)


def check_log(verifying: Verifying) -> None:
    """Numbers without gaps, times that never go back, a clock that stands at the end, the push of every line."""
    expected, last_at = 1, 0
    for line in verification.read_log(verifying.connection, verifying.event_id):
        verifying.count()
        verifying.found.changes += 1
        if line.sequence != expected:
            what = f"line {expected}" if line.sequence == expected + 1 else f"lines {expected} to {line.sequence - 1}"
            verifying.problem("gap", f"The log lacks {what}.", sequence=line.sequence)
        if line.at < last_at:
            verifying.problem(
                "time_goes_back",
                f"Line {line.sequence} took effect before the line above it.",
                sequence=line.sequence,
            )
        expected, last_at = line.sequence + 1, max(line.at, last_at)
        _check_line(verifying, line)
    clock = events.find_clock(verifying.connection, verifying.event_id)
    assert clock is not None
    if clock.last_sequence != expected - 1:
        verifying.problem(
            "clock_differs",
            f"The clock row stands at {clock.last_sequence:,}, the log ends with {expected - 1:,}.",
        )
    if clock.last_at < last_at:
        verifying.problem("clock_differs", "The clock row's time is before the log's last line.")


def _check_line(verifying: Verifying, line: Any) -> None:
    """What can be said of one line and its push without knowing any other."""
    where = {"sequence": line.sequence}
    if line.kind not in _KINDS:
        verifying.problem("unknown_kind", f"Line {line.sequence} is of the kind {line.kind!r}, which is none.", **where)
        return
    # An act has no push, and somebody who acted.
    its = (line.attendee_id, line.push_id or line.actor, line.source_number)
    if line.kind in _OF_ATTENDEES and None in its:
        verifying.problem("incomplete_line", f"Line {line.sequence} lacks its attendee, push or source.", **where)
    if line.kind == "erased" and line.attendee_id is not None:
        verifying.erased.add(line.attendee_id)
    if line.kind not in _OF_ATTENDEES and (line.attendee_id, line.push_id) != (None, None):
        message = f"Line {line.sequence} concerns the event and names an attendee or a push."
        verifying.problem("incomplete_line", message, **where)
    if line.source_number is not None and line.source_number not in verifying.configuration.sources:
        message = f"Line {line.sequence} is of source {line.source_number}, which is not there."
        verifying.problem("unknown_source", message, **where)
    if line.push_id is not None:
        _check_push_of(verifying, line)


def _check_push_of(verifying: Verifying, line: Any) -> None:
    where = {"sequence": line.sequence, "push_id": line.push_id}
    if line.push_found is None:
        verifying.problem("no_push", f"The push of line {line.sequence} is not in the push log.", **where)
        return
    true_at = line.at if line.push_observed_at is None else min(line.push_observed_at, line.at)
    facts = {
        "sequence": (line.sequence, line.push_sequence),
        "result": ("created" if line.kind == "created" else "updated", line.push_result),
        "attendee": (line.attendee_id, line.push_attendee_id),
        "source": (line.source_number, line.push_source_number),
        "actor": (line.actor, line.push_actor),
        "time": (line.at, line.push_at),
        "dry run": (False, bool(line.push_dry_run)),
        "time of truth": (line.true_at, true_at),
    }
    differing = [name for name, (logged, pushed) in facts.items() if logged != pushed]
    if differing:
        message = f"Line {line.sequence} and its push do not agree: {', '.join(differing)}."
        verifying.problem("push_differs", message, **where)
