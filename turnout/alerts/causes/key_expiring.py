"""A key that somebody uses is about to expire, or has just done so, and nothing takes its place.

One that was made to last for a short time is no news long before its end: whoever made it knows. One that was rotated
is news only while somebody still uses it shortly before its end.
"""

import msgspec

from turnout.alerts.found import Found, Look
from turnout.model.alert import Facts
from turnout.model.event import DAY_US, Configuration
from turnout.model.key import Key
from turnout.store import alert_watching

USED_WITHIN_US = 30 * DAY_US
"""A key that nobody has used for longer than that may go."""
AFTER_US = 7 * DAY_US
"""So long it is told of one that is over and was in use until then."""
ROTATED_US = DAY_US
"""So long before its end, or half of the overlap, a rotated key should be out of use …"""
STILL_USED_US = 3_600 * 1_000_000
"""… and is not, when it was used within the last hour."""


def find(look: Look) -> list[Found]:
    may_expire = any(
        key.expires_at is not None
        and key.revoked_at is None
        and key.expires_at - look.at <= look.settings.key_days * DAY_US
        for key in look.configuration.keys.values()
    )
    if look.is_over or not may_expire:
        return []
    used_at = alert_watching.list_used(look.connection, look.event_id)
    found = []
    for known in look.configuration.keys.values():
        # That a key is used changes nothing of what is set up, so the configuration may not know.
        key = msgspec.structs.replace(known, last_used_at=used_at.get(known.id))
        if is_news(key, look.configuration, look.at, look.settings.key_days):
            facts: Facts = {"key": key.id, "label": key.label, "expires": key.expires_at or 0}
            if key.source_number is not None:
                facts["source"] = key.source_number
            if _find_successor(key, look.configuration, look.at) is not None:
                facts["rotated"] = 1
            found.append(Found("key_expiring", f"key_expiring:{key.id}", facts))
    return found


def is_news(key: Key, configuration: Configuration, at: int, days: int) -> bool:
    """Whether somebody should see to it now. Pure."""
    if key.expires_at is None or key.revoked_at is not None or key.last_used_at is None:
        return False
    source = None if key.source_number is None else configuration.sources.get(key.source_number)
    if source is not None and source.retired_at is not None:
        return False
    left = key.expires_at - at
    if left < -AFTER_US or min(at, key.expires_at) - key.last_used_at > USED_WITHIN_US:
        return False
    successor = _find_successor(key, configuration, at)
    if successor is not None:
        overlap = key.expires_at - successor.created_at
        return 0 < left <= min(ROTATED_US, overlap // 2) and at - key.last_used_at <= STILL_USED_US
    return left <= min(days * DAY_US, (key.expires_at - key.created_at) // 4)


def _find_successor(key: Key, configuration: Configuration, at: int) -> Key | None:
    """A good key of the same source, or as a read key for the same, that lasts longer; the oldest of them."""
    successors = (
        other
        for other in configuration.keys.values()
        if other.id != key.id
        and (other.scope, other.source_number) == (key.scope, key.source_number)
        and (key.scope == "push" or (other.groups, other.fields, other.label) == (key.groups, key.fields, key.label))
        and other.is_good(at)
        and (other.expires_at is None or other.expires_at > (key.expires_at or 0))
    )
    return min(successors, key=lambda other: other.created_at, default=None)
