"""What a sender holds of each webhook: deliveries that were fetched, are under way, or made and not yet recorded."""

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from turnout.downstream.webhooks.request import Tried
from turnout.model.webhook import Delivery, Webhook
from turnout.store import deliveries
from turnout.store.statements import Connection

HELD = 256
"""Deliveries of one webhook that are held in memory …"""
HELD_BUSY = 64
"""… so many while pushes wait …"""
HELD_CHARACTERS = 16_000_000
"""… and characters of all bodies together; a webhook that has nothing else gets one all the same."""
Place = tuple[str, int]
"""The event and the sequence of a delivery, within one webhook's."""


class Lane:
    """One webhook's way to its receiver."""

    def __init__(self, webhook: Webhook, secrets: Sequence[str]) -> None:
        self.webhook = webhook
        self.secrets = secrets
        self.ready: deque[Delivery] = deque()
        self.taken: dict[Place, str] = {}
        """Those that are ready, under way, or made and not yet recorded; and whose they are."""
        self.under_way = 0

    def take(self, delivery: Delivery) -> None:
        self.ready.append(delivery)
        self.taken[delivery.event_id, delivery.sequence] = delivery.attendee_id

    def let_go(self, delivery: Delivery) -> None:
        self.taken.pop((delivery.event_id, delivery.sequence), None)


class Made(msgspec.Struct, frozen=True):
    """A request that is finished, and the delivery that it was for."""

    lane: Lane
    delivery: Delivery
    tried: Tried

    @property
    def place(self) -> Place:
        return self.delivery.event_id, self.delivery.sequence


class Held(msgspec.Struct, frozen=True):
    """What was fetched before and is not finished, as a round finds it."""

    taken: Mapping[str, Mapping[Place, str]]
    """By webhook, what is neither finished nor let go, and whose."""
    characters: int
    has_begun: bool
    """Whether anything was begun under the turn that we have, or had."""


def fetch(connection: Connection, active: Sequence[Webhook], held: Held, now: int, limit: int = HELD) -> list[Delivery]:
    """What is due and not held, within bounds; `limit` deliveries of each webhook are held at most."""
    fetched: list[Delivery] = []
    room = HELD_CHARACTERS - held.characters
    for webhook in active:
        taken = held.taken.get(webhook.id, {})
        if len(taken) > limit // 2:
            continue
        # Of somebody who was erased a request may be under way, while the news of it is due.
        busy = {(event_id, whose) for (event_id, _), whose in taken.items()}
        places: list[Place] = []
        for due in deliveries.list_due(connection, webhook.id, now, limit + len(taken)):
            if (due.event_id, due.sequence) in taken or (due.event_id, due.attendee_id) in busy:
                continue
            if len(places) >= limit - len(taken) or ((places or taken) and room < due.size):
                break
            room -= due.size
            places.append((due.event_id, due.sequence))
        if places:
            fetched += deliveries.load(connection, webhook.id, places)
    return fetched
