"""What becomes of a delivery by an attempt: done, tried again later, or given up; and what may be sent after it."""

from collections.abc import Sequence

import msgspec
import structlog

from turnout.downstream.webhooks import schedule
from turnout.downstream.webhooks.request import Tried
from turnout.model.webhook import Attempt, Delivery, DeliveryState, Webhook
from turnout.store import deliveries, webhooks
from turnout.store.statements import Connection
from turnout.store.webhooks import Outcomes

KEPT_ATTEMPTS = 30
"""With each delivery; there are no more than 20 before it is given up."""
log = structlog.get_logger()


def find_result(delivery: Delivery, tried: Tried, now: int, dice: float) -> Delivery:
    """The delivery as it is after this attempt; `dice` is from 0 up to 1."""
    attempt = msgspec.structs.replace(tried.attempt, is_first=delivery.state == "new")
    attempts = [*delivery.attempts, attempt][-KEPT_ATTEMPTS:]
    if tried.is_good:
        return _end(delivery, "delivered", attempts, now)
    series = _list_series(attempts)
    next_at = schedule.find_next(len(series), series[0].at, now, tried.retry_after_us, dice)
    if next_at is None:
        log.warning("webhook_delivery_given_up", webhook=delivery.webhook_id, delivery=delivery.id)
        return _end(delivery, "given_up", attempts, now)
    return msgspec.structs.replace(delivery, state="parked", attempts=attempts, next_at=next_at)


def _end(delivery: Delivery, state: DeliveryState, attempts: list[Attempt], now: int) -> Delivery:
    return msgspec.structs.replace(delivery, state=state, attempts=attempts, next_at=None, finished_at=now)


def _list_series(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """Those since it was first tried, or sent again."""
    first = max((place for place, one in enumerate(attempts) if one.is_first), default=0)
    return attempts[first:]


def record(connection: Connection, results: Sequence[Delivery], now: int) -> None:
    """Writes what became of these, and lets what waited behind the finished ones be sent."""
    _note_outcomes(connection, results)
    deliveries.record(connection, results)
    finished: dict[tuple[str, str], set[str]] = {}
    for one in results:
        if one.finished_at is not None:
            finished.setdefault((one.event_id, one.webhook_id), set()).add(one.attendee_id)
    for (event_id, webhook_id), attendee_ids in sorted(finished.items()):
        deliveries.make_due(connection, event_id, webhook_id, attendee_ids, now)


def _note_outcomes(connection: Connection, results: Sequence[Delivery]) -> None:
    # Before the deliveries: so does whoever resumes a webhook, and neither waits for the other in a circle.
    last: dict[tuple[str, bool], Attempt] = {}
    for one in results:
        attempt = one.attempts[-1]
        place = (one.webhook_id, attempt.error is None)
        last[place] = max(last.get(place, attempt), attempt, key=lambda tried: tried.at)
    for webhook_id in sorted({webhook_id for webhook_id, _ in last}):
        good, bad = last.get((webhook_id, True)), last.get((webhook_id, False))
        webhooks.note_outcomes(
            connection,
            webhook_id,
            Outcomes(
                succeeded_at=None if good is None else good.at,
                failed_at=None if bad is None else bad.at,
                failure=None if bad is None else describe_attempt(bad),
            ),
        )


def describe_attempt(attempt: Attempt) -> str:
    """What came of it: `200`, `503: service unavailable`, `no answer in 15 s`."""
    parts = [None if attempt.status is None else str(attempt.status), attempt.error]
    return ": ".join(part for part in parts if part) or "?"


def switch_off(connection: Connection, webhook: Webhook, reason: str) -> None:
    """It is sent nothing more until somebody resumes it."""
    if webhooks.set_state(connection, webhook, "off", reason, of=("active", "paused")):
        log.warning("webhook_off", webhook=webhook.id, reason=reason)
