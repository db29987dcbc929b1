"""What somebody is told by e-mail: the alerts of the events that they follow, and a summary each day."""

import zoneinfo
from collections import Counter
from collections.abc import Mapping
from typing import Any

from turnout.access import roles
from turnout.alerts import digest, mail, watching
from turnout.console.page import Undo, Visit
from turnout.events import event
from turnout.feed.receipt import Answer
from turnout.model.alert import Digest
from turnout.model.event import Event
from turnout.model.names import fold_case

BEGINS_AT = 7
"""What the form says before somebody has chosen an hour."""
HOURS = [(str(hour), f"{hour:02}:00") for hour in range(24)]


def ask_digest(visit: Visit) -> Answer:
    """Each day at this hour. Raises InvalidRequest."""
    me, hour = visit.signed_in, visit.form.get("hour", "")
    before = digest.get(visit.database, me.id)
    with visit.acting("digest.ask", target=me.id) as deed:
        deed.before = _describe(before)
        asked = digest.ask(
            visit.database, me.id, int(hour) if hour in dict(HOURS) else -1, visit.form.get("time_zone", "").strip()
        )
        deed.after = _describe(asked)
    said = f"Your digest comes each day at {asked.hour:02}:00, {asked.time_zone}."
    undo = Undo("account/digest/stop") if before is None else None
    return visit.redirect("account#told", said, undo)


def stop_digest(visit: Visit) -> Answer:
    me = visit.signed_in
    with visit.acting("digest.stop", target=me.id) as deed:
        deed.before = _describe(digest.get(visit.database, me.id))
        digest.stop(visit.database, me.id)
    return visit.redirect("account#told", "No digest comes any more.")


def gather(visit: Visit, typed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the account's page shows of it."""
    me = visit.signed_in
    seen = roles.visible_events(me, event.list_all(visit.database))
    followed = {*watching.list_followed(visit.database, me.id)}
    asked = digest.get(visit.database, me.id)
    if typed is None:
        hour = BEGINS_AT if asked is None else asked.hour
        typed = {"hour": str(hour), "time_zone": _guess_zone(seen) if asked is None else asked.time_zone}
    return {
        "digest": asked,
        "typed": typed,
        "hours": HOURS,
        "zones": sorted(zoneinfo.available_timezones()),
        "followed": sorted((one for one in seen if one.id in followed), key=lambda one: fold_case(one.name)),
        "has_mail": mail.get(visit.database) is not None,
    }


def _guess_zone(events: list[Event]) -> str:
    """That of most of the events."""
    return next((zone for zone, _ in Counter(one.time_zone for one in events).most_common(1)), "UTC")


def _describe(asked: Digest | None) -> dict[str, object] | None:
    return None if asked is None else {"hour": asked.hour, "timeZone": asked.time_zone}
