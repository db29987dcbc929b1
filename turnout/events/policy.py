"""Settings as people write them, `null=clear`, and what each may be."""

import difflib
import zoneinfo
from typing import TypeVar, get_args, get_type_hints

import msgspec

from turnout.errors import InvalidRequest
from turnout.events import cors, retention
from turnout.model.event import Event
from turnout.model.policy import Policy, SourcePolicy

EVENT_ONLY = ("name", "host", "time_zone", "identity", "cors", *retention.SETTINGS)

SomePolicy = TypeVar("SomePolicy", Policy, SourcePolicy)


def choices() -> dict[str, tuple[str, ...]]:
    """The settings that decide what a push means, and their values, the default first."""
    hints = get_type_hints(Policy)
    return {name: get_args(hints[name]) for name in Policy.__struct_fields__}


def parse(assignments: list[str]) -> dict[str, str]:
    """`["null=clear"]` → `{"null": "clear"}`. Raises InvalidRequest."""
    settings = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise InvalidRequest(f"{assignment!r} is not a setting. Write it as name=value, for example null=clear.")
        settings[name.strip()] = value.strip()
    return settings


def set_one(policy: SomePolicy, name: str, value: str) -> SomePolicy:
    """The policy with one setting changed; `default` takes a source's setting back. Raises InvalidRequest."""
    known = choices()
    if name not in known:
        names = [*known, *EVENT_ONLY] if isinstance(policy, Policy) else list(known)
        near = difflib.get_close_matches(name, names, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        if name in EVENT_ONLY:
            raise InvalidRequest(f"{name} is a setting of the event, not of a source: turnout event set.")
        raise InvalidRequest(f"There is no setting {name!r}.{hint} There are: {', '.join(names)}.")
    if isinstance(policy, SourcePolicy) and value == "default":
        return msgspec.structs.replace(policy, **{name: None})
    if value not in known[name]:
        more = " or default" if isinstance(policy, SourcePolicy) else ""
        raise InvalidRequest(f"{name} can be {' or '.join(known[name])}{more}, not {value!r}.")
    return msgspec.structs.replace(policy, **{name: value})


def check_time_zone(name: str) -> str:
    """Raises InvalidRequest where it is not a name of the IANA time zone database."""
    if name not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), 1)
        hint = f" Did you mean {near[0]}?" if near else " Write it like Europe/Berlin."
        raise InvalidRequest(f"There is no time zone {name!r}.{hint}")
    return name


def as_settings(event: Event) -> dict[str, str | None]:
    """All that can be set, as it is."""
    own: dict[str, str | None] = {
        "name": event.name,
        "host": event.host,
        "time_zone": event.time_zone,
        "identity": event.identity,
    }
    policy = {name: getattr(event.policy, name) for name in choices()}
    return own | policy | retention.as_settings(event) | {"cors": cors.write_origins(event.cors)}
