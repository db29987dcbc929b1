"""Settings as a form has them, and back: what somebody wants to be different, and what is wrong with it."""

from collections.abc import Iterable, Mapping

import msgspec

from turnout.errors import InvalidRequest
from turnout.events import event as setting_up
from turnout.events import policy
from turnout.model.event import Event

GROUPS = {
    "understood": tuple(policy.choices()),
    "who": ("identity",),
    "times": ("time_zone", "ends_at", "purge_after", "keep_bodies"),
    "addresses": ("name", "host", "cors"),
}
"""The settings of each form."""
WAS = "was_"
"""Before the name of a field: what it was when the form was shown."""
_DAYS = ("purge_after", "keep_bodies")
_WRONG = {
    "name": f"A name has 1 to {setting_up.MAX_NAME} characters.",
    "host": "That is no host name. Write it like feed.example.org, or leave it empty.",
    "ends_at": "That is no date. Write it like 2027-05-04 for the end of that day, or like 2027-05-04T18:00:00+02:00.",
    "purge_after": "That is a number of days from 0 to 36500, or nothing for never.",
    "keep_bodies": "That is a number of days from 0 to 36500.",
}
"""Where the room says it in the words of the command line."""


class Wanted(msgspec.Struct, frozen=True):
    """What is to be different, as the room takes it; and what is wrong, by setting."""

    settings: dict[str, str]
    faults: dict[str, str]
    is_late: bool = False
    """Whether somebody else was faster."""


def as_typed(event: Event) -> dict[str, str]:
    """All settings as they stand in the fields."""
    settings = {name: value or "" for name, value in policy.as_settings(event).items()}
    for name in _DAYS:
        settings[name] = settings[name].removesuffix("d")
    settings["cors"] = "\n".join(event.cors)
    return settings


def as_setting(name: str, typed: str) -> str:
    typed = typed.strip()
    if name in _DAYS:
        return typed and f"{typed}d"
    return ",".join(typed.split()) if name == "cors" else typed


def find_wanted(names: Iterable[str], event: Event, form: Mapping[str, str]) -> Wanted:
    """What the form asks to be different from what it showed.

    What it left alone stays, whoever has changed it meanwhile; what both have changed is a fault.
    """
    now = as_typed(event)
    typed = {name: form[name] for name in names if name in form and form[name] != form.get(WAS + name, now[name])}
    if "time_zone" in typed and form.get("ends_at"):
        # The last day ends at another moment in another zone.
        typed["ends_at"] = form["ends_at"]
    faults = {
        name: f"Somebody has set this to {now[name] or 'nothing'} meanwhile. Look whether yours should take its place."
        for name, value in typed.items()
        if form.get(WAS + name, now[name]) not in (now[name], value) and value != now[name]
    }
    is_late = bool(faults)
    after = event
    for name in sorted(typed, key=lambda one: one != "time_zone"):
        try:
            after = setting_up.set_one(after, name, as_setting(name, typed[name]))
        except InvalidRequest as error:
            faults[name] = _WRONG.get(name) or error.detail.replace("cors=*", "*")
    wanted = {name: as_setting(name, value) for name, value in typed.items()}
    # The same in another spelling is no change.
    return Wanted(wanted if faults or list_changes(event, after) else {}, faults, is_late)


def list_changes(before: Event, after: Event) -> list[tuple[str, str, str]]:
    """Each setting that differs, with old and new as they stand in the fields."""
    old, new = as_typed(before), as_typed(after)
    return [(name, old[name], new[name]) for name in old if old[name] != new[name]]


def foresee(event: Event, wanted: Mapping[str, str]) -> Event:
    """The event as it would be. The settings are good ones."""
    for name in sorted(wanted, key=lambda one: one != "time_zone"):
        event = setting_up.set_one(event, name, wanted[name])
    return event
