"""The push log against the change log, and what is kept of pushes about somebody who was erased."""

from collections.abc import Collection, Sequence
from typing import Any

from turnout.model.event import Configuration
from turnout.operations.verify.findings import MAX_PROBLEMS, SLICE, Verifying
from turnout.store import verification


def check_pushes(verifying: Verifying) -> None:
    """Every push that changed something has its line, no other has one; and every body has its push."""
    silent: list[str] = []
    for push in verification.read_pushes(verifying.connection, verifying.event_id):
        verifying.count()
        verifying.found.pushes += 1
        wrong = _judge_push(push, verifying.configuration, verifying.erased)
        if wrong is not None:
            where = {"push_id": push.id, "sequence": push.sequence, "attendee_id": push.attendee_id}
            verifying.problem(wrong[0], f"The push {push.id} {wrong[1]}.", **where)
        if _is_silent(push, verifying.erased):
            silent.append(push.id)
            if len(silent) == SLICE:
                _check_silence(verifying, silent)
                silent = []
    _check_silence(verifying, silent)
    for push_id in verification.list_lost_bodies(verifying.connection, verifying.event_id, MAX_PROBLEMS):
        verifying.problem("lost_body", f"There is a body of the push {push_id}, which is not there.", push_id=push_id)


def _check_silence(verifying: Verifying, push_ids: Sequence[str]) -> None:
    """What somebody said who was erased, or is suppressed, is not kept (F1, F2)."""
    for push_id in verification.list_with_body(verifying.connection, verifying.event_id, push_ids):
        message = f"The push {push_id} still has its body, and is about somebody who was erased."
        verifying.problem("not_forgotten", message, push_id=push_id)


def _judge_push(push: Any, configuration: Configuration, erased: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with one line of the push log: a code, and how the sentence goes on."""
    if push.source_number not in configuration.sources:
        return "unknown_source", f"is of source {push.source_number}, which is not there"
    if push.last_at < push.at:
        return "push_differs", "was repeated before it came"
    if push.result == "failed" and push.failure is None:
        return "push_differs", "failed, and it is not known why"
    changed = push.result in ("created", "updated") and not push.dry_run
    if changed and push.sequence is None:
        return "no_change", f"is said to have {push.result} somebody, and names no change"
    if not changed and push.sequence is not None:
        return "push_differs", f"changed nothing ({push.result}), and names a change"
    if push.sequence is not None and push.change_push_id != push.id:
        return "no_change", f"names the change {push.sequence}, which is not its own or not there"
    if _is_silent(push, erased) and (push.email is not None or push.warnings is not None):
        return "not_forgotten", "still tells of somebody who was erased"
    if push.attendee_id is not None and push.attendee_found is None and push.attendee_id not in erased:
        return "no_attendee", f"names the attendee {push.attendee_id}, who is not there"
    return None


def _is_silent(push: Any, erased: Collection[str]) -> bool:
    return push.result == "suppressed" or push.attendee_id in erased
