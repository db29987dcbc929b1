"""A system has pushed for the first time, and it took effect: the connection works."""

from turnout.alerts.found import Found, Look
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
        first_at = alert_pushes.find_first_at(look.connection, look.event_id, source.number)
        if first_at is not None:
            is_known = first_at < max(look.watch.since, look.at - NEW_FOR_US)
            # Known ones are kept too, so that nobody looks for them each time.
            found.append(Found("first_push", cause, {"source": source.number, "at": first_at}, is_known))
    return found
