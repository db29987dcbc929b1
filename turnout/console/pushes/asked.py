"""What somebody looks for among an event's pushes: the filters as they stand in the address, and what they mean."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnout.model.event import Configuration
from turnout.model.names import fold_case
from turnout.model.push import StoredPush
from turnout.store.push_search import Effect, PushSearch

MAX_TEXT = 400
"""Characters of one filter."""
RESULTS = ("created", "updated", "unchanged", "suppressed", "failed")
EVERYTHING = "any"
"""The effect that finds dry runs too: as they are echoes of what people look at, they are left out unless asked for."""
NOBODY = "-"
"""An id that nothing has."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The filters as they were typed; empty where there is none."""

    q: str = ""
    """An address or a part of it, an attendee's id, a push's id."""
    result: str = ""
    source: str = ""
    effect: str = ""
    """Empty for all but dry runs, `any` for all."""
    path: str = ""
    code: str = ""
    since: str = ""
    """As `<input type="datetime-local">` writes it, in the event's time zone."""
    until: str = ""

    @property
    def given(self) -> dict[str, str]:
        """Those that there are."""
        return msgspec.to_builtins(self)

    @property
    def leaves_out_dry_runs(self) -> bool:
        """Whether they are. Who has the id of one has asked for it."""
        return not self.effect and not self.q.startswith("psh_")

    @property
    def with_dry_runs(self) -> dict[str, str]:
        """The same filters, and dry runs among what they find."""
        return self.given | {"effect": EVERYTHING}

    @property
    def has_more(self) -> bool:
        """Whether one of those is set that are folded away."""
        return bool(self.path or self.code or self.since or self.until)


def read_asked(given: Mapping[str, str]) -> Asked:
    """From a query or a form. What cannot be meant is left out."""
    said = {name: given.get(name, "").strip()[:MAX_TEXT] for name in Asked.__struct_fields__}
    said["q"] = said["q"] or given.get("email", given.get("attendee", "")).strip()[:MAX_TEXT]
    if said["result"] not in RESULTS:
        said["result"] = ""
    if said["effect"] not in (*get_args(Effect), EVERYTHING):
        said["effect"] = ""
    return Asked(**said)


def as_search(asked: Asked, configuration: Configuration, *, by_address: bool) -> PushSearch:
    """What it means for this event. Who may not see addresses cannot guess them here either."""
    zone = find_zone(configuration.event.time_zone)
    push_id = attendee_id = email = None
    if asked.q.startswith("psh_"):
        push_id = asked.q
    elif asked.q.startswith("att_") or (asked.q and not by_address):
        attendee_id = asked.q
    elif asked.q:
        email = asked.q
    return PushSearch(
        push_id=push_id,
        attendee_id=attendee_id,
        email=email,
        result=asked.result or None,
        source_number=_find_number(asked.source, configuration) if asked.source else None,
        effect=next((one for one in get_args(Effect) if one == asked.effect), None),
        leaves_out_dry_runs=asked.leaves_out_dry_runs,
        path=asked.path or None,
        code=asked.code or None,
        since=_read_time(asked.since, zone),
        until=_read_time(asked.until, zone),
    )


def matches(search: PushSearch, push: StoredPush) -> bool:
    """Whether the search would find a push that has just come."""
    failure = push.failure
    notes = [*push.warnings, *(failure.errors if failure else [])]
    codes = {note.code for note in notes} | ({failure.code} if failure else set())
    effect = "live" if not push.dry_run else "rehearsed" if push.rehearsed else "dry_run"
    return (
        search.push_id in (None, push.id)
        and search.attendee_id in (None, push.attendee_id)
        and search.result in (None, push.result)
        and search.source_number in (None, push.source_number)
        and search.effect in (None, effect)
        and not (search.leaves_out_dry_runs and effect == "dry_run")
        and (search.email is None or search.email.lower() in (push.email or "").lower())
        and (search.path is None or any(note.path.lower().startswith(search.path.lower()) for note in notes))
        and (search.code is None or search.code.lower() in codes)
        and (search.since is None or push.at >= search.since)
        and (search.until is None or push.at < search.until)
    )


def write_time(at: int, zone: tzinfo) -> str:
    """A time as a filter of the list says it, to the minute."""
    return datetime.fromtimestamp(at // 1_000_000, zone).strftime("%Y-%m-%dT%H:%M")


def find_zone(name: str) -> tzinfo:
    """UTC where nobody knows the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _find_number(name: str, configuration: Configuration) -> int:
    """The number of the source with this name; -1, which none has, where there is none."""
    folded = fold_case(name)
    return next((one.number for one in configuration.sources.values() if fold_case(one.name) == folded), -1)


def _read_time(text: str, zone: tzinfo) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return None
