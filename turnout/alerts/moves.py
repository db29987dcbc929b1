"""Counts from the log, hour by hour, who came to a group or a field's value and who left it, for sharp falls."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from turnout.changes.follow import Consumer, Step
from turnout.model.change import Entry
from turnout.store import alert_moves
from turnout.store.alert_moves import BY_HAND, CONSUMER, HOUR_US, PEOPLE
from turnout.store.statements import Connection

EVERY_S = 10.0
"""Between two rounds: nobody is told of a fall within seconds, and each round is a transaction that pushes wait for."""
MAX_LINES = 1_000
"""In one step: little is written of many lines."""
_UNTOLD = ("merged", "erased")
"""Kinds of lines by which nothing is lost that should be there."""
_decode = msgspec.json.Decoder(list[Entry]).decode
Counts = Counter[tuple[int, str]]
"""By hour and what it is about."""


def handle(connection: Connection, event_id: str, after: int, _: int) -> Step:
    """What these lines add to what is counted."""
    lines = alert_moves.list_lines(connection, event_id, after, MAX_LINES)
    if not lines:
        raise LookupError(f"The log has no line behind {after}, and its clock says that there is one.")
    gained, lost = count(lines)
    rows = [(hour, about, gained[hour, about], lost[hour, about]) for hour, about in sorted(gained.keys() | lost)]
    return Step(lines[-1][0], partial(_record, event_id=event_id, rows=rows))


def _record(connection: Connection, event_id: str, rows: list[tuple[int, str, int, int]]) -> None:
    alert_moves.add_moves(connection, event_id, rows)


def count(lines: Iterable[tuple[int, int, str, str | None, str]]) -> tuple[Counts, Counts]:
    """Who gained and who lost. Pure. A line that is damaged, or was emptied by an erasure, tells of nobody."""
    gained: Counts = Counter()
    lost: Counts = Counter()
    for _, at, kind, actor, written in lines:
        if kind in _UNTOLD:
            continue
        try:
            entries = _decode(written)
        except msgspec.MsgspecError:
            continue
        hour, by_hand = at // HOUR_US, BY_HAND if actor is not None else ""
        for about, is_gain in _list_moves(entries):
            (gained if is_gain else lost)[hour, by_hand + about] += 1
        if kind == "created":
            gained[hour, by_hand + PEOPLE] += 1
    return gained, lost


def _list_moves(entries: Iterable[Entry]) -> Iterator[tuple[str, bool]]:
    """What somebody gained (True) or lost by one line."""
    for entry in entries:
        if entry.what in ("profile", "custom_field") and entry.key != "email":
            had, has = _is_there(entry.old), _is_there(entry.new)
            if had != has:
                yield f"{entry.what}:{entry.key}", has
        elif entry.what == "groups":
            before, after = set(entry.old or ()), set(entry.new or ())
            yield from ((f"group:{number}", True) for number in after - before)
            yield from ((f"group:{number}", False) for number in before - after)
        elif entry.what == "status" and entry.old is not None and "merged" not in (entry.old, entry.new):
            yield PEOPLE, entry.new == "attending"


def _is_there(value: Any) -> bool:
    return value is not None and value not in ("", [])


consumer = Consumer(CONSUMER, handle, every_s=EVERY_S)
