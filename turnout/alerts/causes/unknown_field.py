"""A source has begun to send something under a name that is none of ours (B5): it is kept, and goes nowhere.

The names that came up together are told together, and of one source no more than some times a day: who changes a form
field by field is told of the first of them, and finds the others on the page.
"""

import re
from collections.abc import Iterable, Sequence

from turnout.alerts.found import Found, Look
from turnout.model.event import Configuration
from turnout.model.receipt import Warning
from turnout.store import alert_pushes, alerts
from turnout.store.statements import Connection

LOOKED_AT = 1_000
"""Of the latest pushes."""
LOOKED_BACK_US = 60 * 60 * 1_000_000
"""Pushes of that time: the looks are a minute apart, and what comes up goes on coming."""
QUIET_US = 6 * 3_600 * 1_000_000
"""So long nothing more is told of this source."""
MAX_KNOWN = 200
"""Names of one source: who makes up new ones with each push is told of no more."""
_SHOWN = 5
_MAX_PATH = 200
_ADDRESS = re.compile(r"@|://|\bwww\.", re.IGNORECASE)


def find(look: Look) -> list[Found]:
    warned = alert_pushes.list_warned(look.connection, look.event_id, look.at - LOOKED_BACK_US, LOOKED_AT)
    latest = list_unknown(warned)
    if not latest:
        return []
    known = alerts.list_of_kind(look.connection, look.event_id, "unknown_field")
    causes = {alert.cause for alert in known}
    found: list[Found] = []
    for source in look.live_sources():
        number = source.number
        its = [alert for alert in known if alert.facts.get("source") == number]
        new = {path: meant for path, meant in latest.get(number, {}).items() if _cause(number, path) not in causes}
        is_quiet = all(alert.opened_at <= look.at - QUIET_US for alert in its)
        if new and is_quiet and len(its) < MAX_KNOWN:
            found += _tell(number, new)
    return found


def list_known(connection: Connection, configuration: Configuration) -> list[Found]:
    """What sources send already when nobody has looked yet."""
    latest = list_unknown(alert_pushes.list_warned(connection, configuration.event.id, 0, LOOKED_AT))
    return [
        _found(number, path, meant, is_known=True)
        for number, its in latest.items()
        for path, meant in list(its.items())[:MAX_KNOWN]
    ]


def _tell(number: int, new: dict[str, str]) -> list[Found]:
    """One alert of all of them, and the others as known."""
    first, *others = new
    more = {"more": len(others), "others": ", ".join(others[: _SHOWN - 1])} if others else {}
    told = _found(number, first, new[first], is_known=False)
    return [
        Found(told.kind, told.cause, told.facts | more),
        *(_found(number, path, new[path], is_known=True) for path in others[: MAX_KNOWN - 1]),
    ]


def _found(number: int, path: str, meant: str, *, is_known: bool) -> Found:
    facts = {"source": number, "path": path} | ({"meant": meant} if meant else {})
    return Found("unknown_field", _cause(number, path), facts, is_known)


def _cause(number: int, path: str) -> str:
    return f"unknown_field:{number}:{path}"


def list_unknown(warned: Iterable[tuple[int, Sequence[Warning]]]) -> dict[int, dict[str, str]]:
    """By source, the unknown paths and what was probably meant by each, or nothing. Pure.

    A path that holds an address is somebody's, or a link that programs would make one can click on in what people are
    told, and no field's name.
    """
    found: dict[int, dict[str, str]] = {}
    for number, warnings in warned:
        for warning in warnings:
            path = re.sub(r"\[\d+\]", "[…]", warning.path)
            if warning.code == "unknown_field" and not holds_address(path) and len(path) <= _MAX_PATH:
                meant = warning.suggestion if isinstance(warning.suggestion, str) else ""
                found.setdefault(number, {}).setdefault(path, meant)
    return found


def holds_address(path: str) -> bool:
    """Whether there is an address in it, of a person or of a page. Pure."""
    return _ADDRESS.search(path) is not None
