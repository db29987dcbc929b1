"""Somebody keeps sending with a key that this event does not take, or with none: nothing of it arrives.

Of a key of the event there is an alert of its own; all others are told of together, so that whoever guesses is one.
"""

from collections.abc import Sequence

from turnout.alerts.found import Found, Look
from turnout.events.keys import state_of
from turnout.model.alert import Facts
from turnout.model.key import Key
from turnout.store import alert_refusals, events
from turnout.store.alert_refusals import Tried
from turnout.store.refusals import Refusal

MIN_TIMES = 5
"""So often somebody is refused before anybody is told: who has mistyped a key sees that himself …"""
OVER_US = 5 * 60 * 1_000_000
"""… over so long, as a system does that tries again; …"""
MANY = 50
"""… or so often within any time."""
LEAST_QUIET_US = 3_600 * 1_000_000
"""It is over when it was quiet for as long as it went on, for an hour at the least …"""
MOST_QUIET_US = 26 * LEAST_QUIET_US
"""… and for no more than this: a job that runs once a night goes on."""
LOOKED_AT = 1_000
"""Of the latest with keys of nobody here: of whoever guesses no more are counted."""
_LOOKED_UP = 3
"""Keys that are looked for among those of other events."""
OTHERS = "refused_key:others"


def find(look: Look) -> list[Found]:
    if look.is_over:
        return []
    since = max(look.at - MOST_QUIET_US, look.watch.since)
    found = []
    for tried in alert_refusals.list_with_keys(look.connection, look.event_id, since):
        key = look.configuration.keys.get(tried.key_id)
        cause = f"refused_key:{tried.key_id}"
        if key is not None and (facts := judge([tried], look.at, is_open=cause in look.open)) is not None:
            found.append(Found("refused_key", cause, _describe(look, key) | facts | {"addresses": tried.addresses}))
    return found + _find_others(look, since)


def _find_others(look: Look, since: int) -> list[Found]:
    # Each address by itself: what many have done once each, over months, nobody keeps doing.
    refused = alert_refusals.list_with_others(look.connection, look.event_id, since, LOOKED_AT)
    facts = judge(refused, look.at, is_open=OTHERS in look.open)
    if facts is None:
        return []
    going_on = [one for one in refused if goes_on(one, look.at)]
    key_ids = {one.key_id for one in going_on}
    facts |= {
        "state": _state_of_others(look, key_ids),
        "keys": len(key_ids - {""}),
        "addresses": len({one.address for one in going_on}),
    }
    return [Found("refused_key", OTHERS, facts)]


def judge(tried: Sequence[Tried | Refusal], at: int, *, is_open: bool) -> Facts | None:
    """What is to be said of these; None where nobody keeps at it. Pure."""
    tried = [one for one in tried if goes_on(one, at)]
    if not tried:
        return None
    times = sum(one.count for one in tried)
    first_at, last_at = min(one.first_at for one in tried), max(one.last_at for one in tried)
    if not is_open and (times < MIN_TIMES or (last_at - first_at < OVER_US and times < MANY)):
        return None
    return {"times": times, "since": first_at, "last": last_at}


def goes_on(tried: Tried | Refusal, at: int) -> bool:
    """Whether it is not over, as far as it was no more than a slip now and then. Pure."""
    lasted = tried.last_at - tried.first_at
    is_often = lasted <= (tried.count - 1) * MOST_QUIET_US
    return is_often and at - tried.last_at < min(MOST_QUIET_US, max(LEAST_QUIET_US, lasted))


def _describe(look: Look, key: Key) -> Facts:
    """Why the key is not taken, as far as it can be told: of a good one it may be a wrong secret."""
    facts: Facts = {"key": key.id, "label": key.label, "state": state_of(key, look.at)}
    if facts["state"] == "good" and key.scope == "read":
        facts["state"] = "read"
    if key.source_number is not None:
        facts["source"] = key.source_number
        others = (one for one in look.configuration.keys.values() if one.source_number == key.source_number)
        if any(one.id != key.id and one.is_good(look.at) for one in others):
            facts["another"] = 1
    return facts


def _state_of_others(look: Look, key_ids: set[str]) -> str:
    """`missing`, `unknown` or `both`; `elsewhere` where all that come are keys of other events."""
    with_key = key_ids - {""}
    if not with_key:
        return "missing"
    if len(with_key) < len(key_ids):
        return "both"
    is_elsewhere = len(with_key) <= _LOOKED_UP and all(events.find_key(look.connection, one) for one in with_key)
    return "elsewhere" if is_elsewhere else "unknown"
