"""A follower as anybody may write one: lines as they came over the wire → who is there, and what is known of them."""

import copy
from typing import Any

from turnout.changes.attendee_view import SHOWN_FIELDS

GROUPS = "eventInfo.groups.groupNames"
CUSTOM_FIELDS = "profile.customFields"
KNOWN = {f"profile.{field}" for field in SHOWN_FIELDS}
COMPARED = ("id", "email", "status", "profile", "customFields", "groups", "unknownFields")
"""What lines tell of somebody; pins and aliases they do not, and times are the server's."""


class Mirror:
    """Folds lines as JSON. What it knows is what `GET {gateway}/attendees` lists, by id."""

    def __init__(self, *, fields: set[str] | None = None, snapshot: list[dict[str, Any]] | None = None) -> None:
        self._shown = [field for field in SHOWN_FIELDS if fields is None or field in fields]
        self.people: dict[str, dict[str, Any]] = {one["id"]: reduced(one) for one in snapshot or ()}
        self.last = 0

    def take(self, line: dict[str, Any]) -> None:
        assert line["sequence"] > self.last, "a line came twice, or out of order"
        self.last = line["sequence"]
        one = line["attendeeId"]
        if one is None:
            self._rename(line["changes"])
        elif line["kind"] in ("left", "erased"):
            self.people.pop(one, None)
        else:
            person = self.people.setdefault(one, self._make(one))
            for change in line["changes"]:
                self._change(person, change)

    def _make(self, one: str) -> dict[str, Any]:
        return {
            "id": one,
            "email": None,
            "status": "attending",
            "profile": dict.fromkeys(self._shown),
            "customFields": {},
            "groups": [],
            "unknownFields": {},
        }

    def _change(self, person: dict[str, Any], change: dict[str, Any]) -> None:
        path, new = change["path"], change["new"]
        if path == CUSTOM_FIELDS:
            _set(person["customFields"], change["fieldName"], new)
        elif path == GROUPS:
            person["groups"] = new
        elif path in ("status", "profile.email"):
            person[path.removeprefix("profile.")] = new
        elif path in KNOWN:
            person["profile"][path.removeprefix("profile.")] = new
        elif path != "mergedInto":
            _set(person["unknownFields"], path, new)

    def _rename(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            for person in self.people.values():
                if change["path"] == "group":
                    person["groups"] = [change["new"] if one == change["old"] else one for one in person["groups"]]
                elif change["path"] == "customField" and change["old"] in person["customFields"]:
                    person["customFields"][change["new"]] = person["customFields"].pop(change["old"])


def reduced(attendee: dict[str, Any]) -> dict[str, Any]:
    """Somebody as listed, without what lines do not tell."""
    return {name: copy.deepcopy(attendee[name]) for name in COMPARED}


def _set(values: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
