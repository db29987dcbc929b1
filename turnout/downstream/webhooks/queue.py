"""From the log to the queue: lines behind a webhook's cursor become deliveries, and the cursor moves with them.

Lines are read before the transaction that writes, so that it holds up nobody for longer than it must. Who was erased in
between is noticed there.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from turnout.changes.lines import Line
from turnout.changes.walk import Walks
from turnout.downstream.webhooks import message
from turnout.feed.configurations import Configurations
from turnout.model.webhook import Delivery, Webhook, is_stuck
from turnout.now import new_id
from turnout.store import cursors, deliveries, events
from turnout.store.cursors import Behind
from turnout.store.database import Database
from turnout.store.statements import Connection

MAX_READY = 400
"""Deliveries of one webhook that are soon sent: the rest stays in the log, where it takes no room."""
STEP_LINES = 200
"""Read of one event for one webhook at a time."""
ROUND_LINES = 400
"""Of all: pushes wait for the transaction that writes what comes of them."""
STEP_CHARACTERS = 2_000_000
"""Of bodies in one step, each of which may have a million."""
_EVENTS = 20
"""Looked at in a round for a webhook of all events."""
_FULL_LOOKED_AT_S = 1.0
"""How often a webhook that has no room is looked at again."""


_Item = TypeVar("_Item")


class Step(msgspec.Struct, frozen=True):
    """What one round does for one webhook in one event."""

    webhook: Webhook
    event_id: str
    cursor: int | None
    """Where it stood; None where this webhook begins with this event."""
    upto: int
    head: int
    """The last line when it was read."""
    new: Sequence[Delivery]

    @property
    def place(self) -> tuple[str, str]:
        return self.event_id, self.webhook.id


class Queue:
    """What this process knows of each event's set-up, and whose turn it is. For one thread."""

    def __init__(self, database: Database) -> None:
        # Of our own: what the server knows is its commits'.
        self._configurations = Configurations(database)
        self._walks = Walks()
        self._round = 0
        self._full_until: dict[str, float] = {}
        """By webhook, when it is looked at again whether there is room."""
        self.stuck: set[str] = set()
        """Webhooks that had none when they were looked at last."""
        self._after: dict[str, str] = {}
        """By webhook of all events, behind which one the next round goes on."""

    def read(self, connection: Connection, webhooks: Sequence[Webhook], now: int) -> list[Step]:
        """The next steps of these webhooks, each time beginning with another one; none where there is nothing to do."""
        self._round += 1
        steps: list[Step] = []
        # Webhooks of one event mostly stand at the same line.
        read: dict[tuple[str, int], list[Line]] = {}
        for webhook in _turned(webhooks, self._round):
            behind = self._list_behind(connection, webhook)
            room = self._find_room(connection, webhook) if behind else 0
            for one in _turned(behind, self._round):
                if room <= 0 or sum(map(len, read.values())) >= ROUND_LINES:
                    break
                step = self._read_step(connection, webhook, one, room, read, now)
                room -= len(step.new)
                steps.append(step)
        return steps

    def _list_behind(self, connection: Connection, webhook: Webhook) -> list[Behind]:
        if webhook.event_id is not None:
            behind = cursors.find_behind(connection, webhook.id, webhook.event_id)
            return [] if behind is None else [behind]
        after = self._after.pop(webhook.id, "")
        page = cursors.list_behind(connection, webhook.id, after, _EVENTS)
        if len(page) == _EVENTS:
            self._after[webhook.id] = page[-1].event_id
        return page or (cursors.list_behind(connection, webhook.id, "", _EVENTS) if after else [])

    def _find_room(self, connection: Connection, webhook: Webhook) -> int:
        """How many deliveries may be added."""
        if self._full_until.get(webhook.id, 0) > time.monotonic():
            return 0
        self._full_until.pop(webhook.id, None)
        there = deliveries.count_open(connection, webhook.id, webhook.event_id)
        if is_stuck(there.parked, there.waiting):
            self.stuck.add(webhook.id)
            self._full_until[webhook.id] = time.monotonic() + _FULL_LOOKED_AT_S
            return 0
        self.stuck.discard(webhook.id)
        # Not for a few: the same lines would be read again and again.
        # Where nothing fails what waits is soon sent too, and is as well left in the log.
        room = MAX_READY - there.ready - (0 if there.parked else there.waiting)
        return room if room >= STEP_LINES else 0

    def _read_step(
        self,
        connection: Connection,
        webhook: Webhook,
        behind: Behind,
        room: int,
        read: dict[tuple[str, int], list[Line]],
        now: int,
    ) -> Step:
        event_id = behind.event_id
        if behind.cursor is None:
            return Step(webhook, event_id, None, 0, behind.head, [])
        place = (event_id, behind.cursor)
        if place not in read:
            read[place] = self._walks.read(connection, event_id, after=behind.cursor, limit=STEP_LINES)
        version = events.find_version(connection, event_id)
        configuration = self._configurations.refresh(connection, event_id, version)
        assert configuration is not None
        limits = message.list_limits(webhook, configuration)
        new: list[Delivery] = []
        upto, characters = behind.cursor, 0
        for line in read[place]:
            if len(new) >= room or characters >= STEP_CHARACTERS:
                break
            upto = line.change.sequence
            told = message.write(line, webhook, configuration, limits)
            if told is None:
                continue
            characters += len(told.body)
            new.append(
                Delivery(
                    event_id=event_id,
                    webhook_id=webhook.id,
                    sequence=upto,
                    id=new_id("dlv"),
                    attendee_id=line.change.attendee_id or "",
                    topic=told.topic,
                    state="new",
                    body=told.body,
                    attempts=[],
                    next_at=None,
                    created_at=now,
                )
            )
        if upto < behind.head:
            told_of = [line for line in read[place] if line.change.sequence <= upto]
            self._walks.go_on(event_id, behind.cursor, told_of)
        return Step(webhook, event_id, behind.cursor, upto, behind.head, new)


def begin(connection: Connection, steps: Sequence[Step]) -> None:
    """Places the cursors of webhooks that begin with an event; what it has is queued in the next round.

    Under the event's clock: an erasure either has ended by now, or sees the cursor, by which it keeps us out.
    """
    new = [step for step in steps if step.cursor is None]
    if new:
        events.lock_clocks(connection, {step.event_id for step in new})
    for step in new:
        cursors.move_cursor(connection, step.event_id, step.webhook.id, None, 0)


def write(connection: Connection, steps: Sequence[Step], locked: Mapping[tuple[str, str], int], now: int) -> None:
    """Queues what was read, as far as it is still so; `locked` are the cursors. What is not, is read again."""
    for step in steps:
        # Somebody may have put the cursor back, or deleted the webhook.
        if step.cursor is None or locked.get(step.place) != step.cursor:
            continue
        attendee_ids = {one.attendee_id for one in step.new if one.topic != "attendee.erased"}
        if attendee_ids and not attendee_ids.isdisjoint(deliveries.list_erased(connection, step.event_id, step.head)):
            continue
        if step.new:
            deliveries.add(connection, _with_times(connection, step, now))
        cursors.move_cursor(connection, step.event_id, step.webhook.id, step.cursor, step.upto)


def _with_times(connection: Connection, step: Step, now: int) -> list[Delivery]:
    """Due now is what nothing of the same attendee stands before."""
    earliest = deliveries.find_open(connection, step.event_id, step.webhook.id, {one.attendee_id for one in step.new})
    timed = []
    for one in step.new:
        is_next = earliest.get(one.attendee_id, one.sequence) >= one.sequence
        earliest[one.attendee_id] = min(earliest.get(one.attendee_id, one.sequence), one.sequence)
        timed.append(msgspec.structs.replace(one, next_at=now if is_next else None))
    return timed


def _turned(items: Sequence[_Item], by: int) -> list[_Item]:
    """The same, beginning with another one each time."""
    at = by % len(items) if items else 0
    return [*items[at:], *items[:at]]
