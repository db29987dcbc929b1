"""The comparison: what the ledger says was acknowledged, with what is stored.

Read past the product where it is cheap to do so: plain rows decide what is there. What a line of the log shows to its
source is said by `changes/shown.py`, as in the receipt.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import text

from torture.ledger import Acknowledged, Ledger, Sent
from turnout.changes.shown import shown_to_source
from turnout.errors import NotFound
from turnout.events.setup import get_configuration
from turnout.feed.batch.intake import CHUNK
from turnout.model.change import Change
from turnout.model.event import Configuration
from turnout.store import changes
from turnout.store.database import Database
from turnout.store.statements import Connection

_ALL = 1_000_000_000


class Seen:
    """What was found in the log so far: none of it may be gone or be something else the next time."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        """The push of each sequence, from 1 on."""
        self.tokens: dict[str, int] = {}
        """The sequence at which each push took effect."""
        self.checked = 0
        """Of the ledger's acknowledgements, those whose changes were compared."""


class _Stored(msgspec.Struct, frozen=True):
    lines: list[tuple[int, str]]
    last_sequence: int
    pushes: dict[str, tuple[str, int | None, int]]
    """Result, sequence and repeats."""
    bodies: set[str]


def check(database: Database, slug: str, ledger: Ledger, seen: Seen, *, again: bool = False) -> list[str]:
    """What is wrong; nothing, if all is well. With `again`, the changes in receipts checked before are compared too.

    Nobody may be sending: what was in doubt has either taken effect by now or never will.
    """
    try:
        configuration = get_configuration(database, slug)
    except NotFound:
        return [f"LOST: the event itself, with {len(ledger.acknowledged)} acknowledged pushes"]
    with database.read() as connection:
        stored = _read(connection, configuration.event.id)
        known = len(seen.lines)
        first = 0 if again else known
        log = changes.list_changes(connection, configuration.event.id, after=first, limit=_ALL)
    faults = [*ledger.faults, *_check_log(stored, seen), *_check_tokens(log, known, seen)]
    faults += _check_pushes(stored, ledger, seen)
    faults += _check_doubtful(ledger, seen)
    faults += _check_changes(log, ledger.acknowledged[0 if again else seen.checked :], configuration)
    seen.checked = len(ledger.acknowledged)
    ledger.doubtful.clear()
    return faults


def _read(connection: Connection, event_id: str) -> _Stored:
    def rows(statement: str) -> list[Any]:
        return list(connection.execute(text(f"{statement} WHERE event_id = :event_id"), {"event_id": event_id}))

    return _Stored(
        sorted((row[0], row[1]) for row in rows("SELECT sequence, push_id FROM changes")),
        rows("SELECT last_sequence FROM clocks")[0][0],
        {row[0]: tuple(row[1:]) for row in rows("SELECT id, result, sequence, repeats FROM pushes")},
        {row[0] for row in rows("SELECT push_id FROM bodies")},
    )


def _check_log(stored: _Stored, seen: Seen) -> Iterator[str]:
    """It has no gap, ends where its clock says, and begins as it did the last time."""
    if [sequence for sequence, _ in stored.lines] != list(range(1, len(stored.lines) + 1)):
        yield f"the log has a gap, in {len(stored.lines)} lines that end with {stored.lines[-1][0]}"
    if stored.last_sequence != len(stored.lines):
        yield f"the clock says {stored.last_sequence}, the log has {len(stored.lines)} lines"
    pushes = [push_id for _, push_id in stored.lines]
    if pushes[: len(seen.lines)] != seen.lines:
        yield f"the log was {len(seen.lines)} lines long, and its beginning is not what it was"
    seen.lines = pushes


def _check_tokens(log: list[Change], known: int, seen: Seen) -> Iterator[str]:
    """No push took effect twice."""
    for line in log:
        for entry in line.entries:
            if entry.what == "profile" and entry.key == "title" and line.sequence > known:
                if entry.new in seen.tokens:
                    yield f"{entry.new} took effect twice: at {seen.tokens[entry.new]} and at {line.sequence}"
                seen.tokens[entry.new] = line.sequence


def _check_pushes(stored: _Stored, ledger: Ledger, seen: Seen) -> Iterator[str]:
    """Every acknowledged push is there, with the result and the sequence that its receipt said."""
    repeats: Counter[str] = Counter()
    for one in ledger.acknowledged:
        found = stored.pushes.get(one.push_id)
        if found is None:
            yield f"LOST: {one} is not in the push log"
            continue
        result, sequence, _ = found
        if one.result == "unchanged":
            repeats[one.push_id] += 1
            if one.token not in seen.tokens:
                yield f"LOST: {one} was unchanged, but never took effect"
            continue
        if (result, sequence) != (one.result, one.sequence):
            yield f"LOST: {one} is stored as {result} at {sequence}"
        if one.sequence is not None and seen.tokens.get(one.token) != one.sequence:
            yield f"LOST: {one} took effect at {seen.tokens.get(one.token)}"
        if one.push_id not in stored.bodies:
            yield f"LOST: the body of {one}"
    for push_id, acknowledged in repeats.items():
        result, _, counted = stored.pushes[push_id]
        if counted + (result == "unchanged") < acknowledged:
            yield f"LOST: {push_id} was said again {acknowledged} times, {counted} were counted"
    yield from (f"{token} was refused, and took effect" for token in ledger.forbidden if token in seen.tokens)


def _check_doubtful(ledger: Ledger, seen: Seen) -> Iterator[str]:
    """What got no answer is there or not, but never in half."""
    for sent in ledger.doubtful:
        there = [said.token in seen.tokens for said in sent.said if said.is_valid]
        if sent.is_atomic and not all(said.is_valid for said in sent.said) and any(there):
            yield f"{sum(there)} of an atomic batch that is not valid took effect: {sent.said[0]}"
        elif any(0 < sum(part) < len(part) for part in _parts(sent, there)):
            yield f"{sum(there)} of {len(there)} took effect, of a request in doubt: {sent.path}, {sent.said[0]}"
        elif there != sorted(there, reverse=True):
            yield f"the end of a batch in doubt took effect without its beginning: {sent.said[0]}"


def _parts(sent: Sent, there: list[bool]) -> Iterator[list[bool]]:
    """What has to be there together: all of an atomic batch, else each transaction's items."""
    size = len(there) or 1
    if sent.is_batch and not sent.is_atomic:
        valid = [said.is_valid for said in sent.said]
        start = 0
        for place in range(0, len(valid), CHUNK):
            end = start + sum(valid[place : place + CHUNK])
            yield there[start:end]
            start = end
    else:
        yield from (there[start : start + size] for start in range(0, len(there), size))


def _check_changes(log: list[Change], acknowledged: list[Acknowledged], configuration: Configuration) -> Iterator[str]:
    """The lines of the log say what the receipts said."""
    lines = {line.sequence: line for line in log}
    for one in acknowledged:
        if one.sequence is None:
            continue
        line = lines.get(one.sequence)
        if line is None:
            # In a part of the log that was read before; `again` reads all of it.
            continue
        if line.push_id != one.push_id:
            yield f"LOST: {one}; its line is of {line.push_id}"
            continue
        assert line.source_number is not None
        shown = shown_to_source(line.entries, configuration.custom_fields, configuration.groups, line.source_number)
        if msgspec.to_builtins(shown) != one.changes:
            yield f"not as the receipt said: {one}; its line says {msgspec.to_builtins(shown)}"
