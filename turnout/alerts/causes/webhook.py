"""A webhook was switched off by its endpoint's answer, or fails for longer than a restart takes.

One of all events is told of in one of them, the oldest that anybody follows.
"""

from urllib.parse import urlsplit

from turnout.alerts.found import Found, Look
from turnout.model.alert import Alert, Facts
from turnout.model.event import DAY_US
from turnout.model.webhook import is_stuck
from turnout.store import alert_webhooks, alerts, delivery_log
from turnout.store.alert_webhooks import WebhookHealth
from turnout.store.delivery_log import Waiting

FAILS_FOR_US = 15 * 60 * 1_000_000
"""A receiver that is started anew is there again by then."""
LASTS_US = 7 * DAY_US
"""So long one is said to fail whose deliveries have been given up, and that was sent nothing since."""


def find(look: Look) -> list[Found]:
    unwell = [one for one in alert_webhooks.list_unwell(look.connection, look.event_id) if _is_told_here(look, one)]
    active = [one.id for one in unwell if one.state == "active"]
    # Of these alone: many events may have webhooks that fail, each with much that waits.
    waiting = delivery_log.list_waiting(look.connection, active) if active else {}
    found = []
    for one in unwell:
        cause = f"webhook:{one.id}"
        facts = judge(one, waiting.get(one.id, Waiting()), look.open.get(cause), look.at)
        if facts is not None:
            found.append(Found("webhook", cause, facts))
    return found


def _is_told_here(look: Look, webhook: WebhookHealth) -> bool:
    if webhook.event_id:
        return webhook.event_id == look.event_id
    where = alerts.find_event_with_open(look.connection, f"webhook:{webhook.id}")
    return look.event_id == (where or alert_webhooks.find_home(look.connection))


def judge(webhook: WebhookHealth, waiting: Waiting, alert: Alert | None, at: int) -> Facts | None:
    """What is to be said of it; None where it is too early, or well enough. Pure."""
    # Of the address nothing but the host: there may be a secret in it.
    facts: Facts = {"webhook": webhook.id, "host": urlsplit(webhook.url).hostname or "", "state": webhook.state}
    if not webhook.event_id:
        facts["everywhere"] = 1
    if webhook.state == "off":
        return facts | {"failure": (webhook.reason or "")[:200]}
    failed_at = webhook.failed_at or 0
    well_at = max(webhook.succeeded_at or 0, waiting.since or 0)
    fails = waiting.parked > 0 and (at - well_at >= FAILS_FOR_US or is_stuck(waiting.parked, waiting.behind))
    lasts = alert is not None and at - failed_at < LASTS_US
    if not fails and not lasts:
        return None
    return facts | {"waiting": waiting.deliveries, "failure": (webhook.failure or "")[:200]}
