"""The first that a system has pushed took effect, at once or when it went live: the connection works."""

from turnout.alerts.found import Found, Look
from turnout.model.alert import Facts
from turnout.model.event import DAY_US
from turnout.store import alert_pushes, alerts

NEW_FOR_US = 2 * DAY_US
"""So long a first push is news, if nobody could look before."""


def find(look: Look) -> list[Found]:
    told = {alert.cause for alert in alerts.list_of_kind(look.connection, look.event_id, "first_push")}
    found = []
    for source in look.live_sources():
        cause = f"first_push:{source.number}"
        if cause in told:
            continue
        first = alert_pushes.find_first(look.connection, look.event_id, source.number)
        if first is not None:
            is_known = first.at < max(look.watch.since, look.at - NEW_FOR_US)
            facts: Facts = {"source": source.number, "at": first.at} | ({"rehearsed": 1} if first.is_rehearsed else {})
            # Known ones are kept too, so that nobody looks for them each time.
            found.append(Found("first_push", cause, facts, is_known))
    return found
