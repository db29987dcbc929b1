"""A group, a field, or the list of people itself has lost much of what it had within a day.

What people did themselves, by hand or by taking back what a retired source said, is no news to them: it is counted,
and nobody is told of it. So it is with erasures and merges, which are not counted at all.
"""

from collections.abc import Iterable
from itertools import groupby

import msgspec

from turnout.alerts.found import SEEN_EVERY_US, Found, Look
from turnout.model.alert import MIN_FALL, Facts
from turnout.model.event import Configuration
from turnout.store import alert_moves
from turnout.store.alert_moves import BY_HAND, HOUR_US, PEOPLE, Moved

HOURS = 24
MAX_COUNTED = 20
"""Groups and fields of which it is counted who is there, the ones that lost most; the others wait."""
TOGETHER_US = 30 * 60 * 1_000_000
"""What falls within that time falls for one reason, and is told of once."""
_KEPT = ("more", "quiet")
"""Of what was known when it was opened: how it was told."""


class Fall(msgspec.Struct, frozen=True):
    """What feeds have taken from a group or a field, and given it, from some hour of the last day on."""

    about: str
    lost: int
    """More than came, by feeds alone."""
    net: int
    """More than came, whoever did it."""

    @property
    def size(self) -> int:
        return min(self.lost, self.net)


def find(look: Look) -> list[Found]:
    if look.is_over:
        return []
    moved = alert_moves.list_moves(look.connection, look.event_id, look.at // HOUR_US - HOURS + 1)
    found = []
    for fall in list_falls(moved)[:MAX_COUNTED]:
        if not _has_name(look.configuration, fall.about):
            continue
        alert = look.open.get(f"falling:{fall.about}")
        if alert is not None and _is_dear(fall) and look.at - alert.seen_at < SEEN_EVERY_US:
            # It was counted, and that was written, a short time ago.
            found.append(Found("falling", alert.cause, alert.facts))
            continue
        facts = judge(fall, _count(look, fall), look.settings.fall_percent)
        if facts is not None:
            kept = {} if alert is None else {name: alert.facts[name] for name in _KEPT if name in alert.facts}
            found.append(Found("falling", f"falling:{fall.about}", {"about": fall.about} | facts | kept))
    return _fold(look, found)


def list_falls(moved: Iterable[Moved]) -> list[Fall]:
    """Where so many are gone that it may be sharp, the worst first; the latest hours stand first. Pure.

    From whichever hour on it fell most: what came in the morning can be gone in the afternoon. Where people have put
    back what a feed took, or the other way round, it is as it was.
    """
    lost: dict[str, int] = {}
    net: dict[str, int] = {}
    worst: dict[str, Fall] = {}
    for _, hour in groupby(moved, key=lambda one: one.hour):
        for one in hour:
            about = one.about.removeprefix(BY_HAND)
            net[about] = net.get(about, 0) + one.lost - one.gained
            if about == one.about:
                lost[about] = lost.get(about, 0) + one.lost - one.gained
        for about, less in lost.items():
            fall = Fall(about, less, net[about])
            if about not in worst or fall.size > worst[about].size:
                worst[about] = fall
    sharp = [fall for fall in worst.values() if fall.size >= MIN_FALL]
    return sorted(sharp, key=lambda fall: (-fall.lost, fall.about))


def judge(fall: Fall, now: int, percent: int) -> Facts | None:
    """What is to be said of it where so many are left; None where it is not sharp. Pure."""
    before = now + fall.net
    if before <= 0 or fall.lost * 100 < percent * before:
        return None
    return {"before": before, "now": max(0, now), "lost": fall.lost, "percent": min(100, fall.lost * 100 // before)}


def _count(look: Look, fall: Fall) -> int:
    """Who is there now; counted no further than to where it would not be sharp."""
    enough = max(1, fall.lost * 100 // look.settings.fall_percent - fall.net + 2)
    if fall.about == PEOPLE:
        return alert_moves.count_attending(look.connection, look.event_id, enough)
    kind, _, key = fall.about.partition(":")
    if kind == "group":
        return alert_moves.count_members(look.connection, look.event_id, int(key), enough)
    return alert_moves.count_holders(look.connection, look.event_id, key, enough)


def _is_dear(fall: Fall) -> bool:
    """Whether to count who is there takes a look through everybody: of fields it does, as long as few have one."""
    return fall.about != PEOPLE and not fall.about.startswith("group:")


def _has_name(configuration: Configuration, about: str) -> bool:
    kind, _, key = about.partition(":")
    if kind == "group":
        return int(key) in configuration.groups.by_number
    return kind != "custom_field" or int(key) in configuration.custom_fields.by_number


def _fold(look: Look, found: list[Found]) -> list[Found]:
    """One that is told for all that are new; the others are there with it."""
    new = [one for one in found if one.cause not in look.open]
    just_told = any(
        alert.kind == "falling" and "quiet" not in alert.facts and look.at - alert.opened_at < TOGETHER_US
        for alert in look.open.values()
    )
    # If everybody leaves, that is it.
    new.sort(key=lambda one: (one.facts["about"] != PEOPLE, -int(one.facts["lost"])))
    told = [] if just_told else new[:1]
    quiet = new[len(told) :]
    return [
        *(one for one in found if one.cause in look.open),
        *(_with(one, {"more": len(quiet)} if quiet else {}) for one in told),
        *(msgspec.structs.replace(_with(one, {"quiet": 1}), is_known=True) for one in quiet),
    ]


def _with(found: Found, facts: Facts) -> Found:
    return msgspec.structs.replace(found, facts=found.facts | facts)
