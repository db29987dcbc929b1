"""So many of a source's pushes fail that it is no matter of single ones.

What people push by hand, and what they replay, is left out: they see what becomes of it.
"""

from collections import Counter

from turnout.alerts.causes.unknown_field import holds_address
from turnout.alerts.found import Found, Look
from turnout.model.alert import MIN_ERRORS, Alert, Facts
from turnout.model.push import StoredPush
from turnout.store import alert_pushes, push_counts
from turnout.store.push_counts import SLOT_US

HOUR_SLOTS = 6
LASTS_US = 24 * 3_600 * 1_000_000
"""A source that sends nothing more is said to fail for so long; then it is silent, or was one that came once."""
SAMPLE = 50
"""The latest failed ones, which are looked at for the commonest reason."""


def find(look: Look) -> list[Found]:
    since_slot = look.at // SLOT_US - HOUR_SLOTS + 1
    sums = push_counts.list_sums(look.connection, look.event_id, since_slot, HOUR_SLOTS * 2)
    pushed: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for one in sums:
        # Of what came in a rehearsal nothing takes effect, and nothing is lost.
        if one.result != "rehearsed":
            pushed[one.source_number] += one.count
            failed[one.source_number] += one.count if one.result == "failed" else 0
    found = []
    for source in look.live_sources():
        number = source.number
        alert = look.open.get(f"errors:{number}")
        if failed[number] < MIN_ERRORS and alert is None:
            continue
        since = since_slot * SLOT_US
        by_hand = alert_pushes.count_by_hand(look.connection, look.event_id, number, since)
        facts = judge(
            pushed[number] - by_hand.pushed,
            failed[number] - by_hand.failed,
            percent=look.settings.error_percent,
            # What has gone wrong is not well because less is sent.
            at_least=MIN_ERRORS if alert is None else 1,
        )
        if facts is not None:
            latest = alert_pushes.list_failed(look.connection, look.event_id, number, since, SAMPLE)
            found.append(Found("errors", f"errors:{number}", {"source": number} | facts | _describe(latest)))
        elif alert is not None and pushed[number] == by_hand.pushed and _lasts(look, alert, number):
            found.append(Found("errors", alert.cause, alert.facts))
    return found


def judge(pushed: int, failed: int, *, percent: int, at_least: int) -> Facts | None:
    """What is to be said of these pushes of an hour; None where they are well enough. Pure."""
    # What is counted at the edge of the hour may differ from what the log has of it.
    pushed = max(pushed, failed)
    if failed < at_least or failed * 100 < percent * pushed:
        return None
    return {"failed": failed, "pushes": pushed, "percent": min(100, failed * 100 // pushed)}


def _lasts(look: Look, alert: Alert, number: int) -> bool:
    """Whether a source that has failed and sends nothing now is still to be mended."""
    if look.at - alert.opened_at >= LASTS_US:
        return False
    since = alert.opened_at - HOUR_SLOTS * SLOT_US
    return alert_pushes.has_unmended(look.connection, look.event_id, number, since, SAMPLE)


def _describe(failed: list[StoredPush]) -> Facts:
    """The commonest reason, and where in a push it lies."""
    reasons = Counter(
        (push.failure.errors[0].code, push.failure.errors[0].path) if push.failure.errors else (push.failure.code, "")
        for push in failed
        if push.failure is not None
    )
    if not reasons:
        return {}
    (code, path), _ = reasons.most_common(1)[0]
    # A path is the sender's own: one that holds an address is nobody's business here.
    return {"code": code} | ({"path": path[:200]} if path and not holds_address(path) else {})
