"""The webhook: an address that is told of changes. The delivery: one change for one webhook, and what became of it."""

from typing import Literal, TypeAlias

import msgspec

WebhookState: TypeAlias = Literal["active", "paused", "off"]
DeliveryState: TypeAlias = Literal["new", "parked", "delivered", "given_up"]
ShownState: TypeAlias = Literal[DeliveryState, "erased"]
"""As a delivery is shown: given up because the person was erased is called so, nobody's server has failed."""
KINDS = ("created", "updated", "withdrawn", "returned", "merged", "erased", "left")
"""Of changes that a webhook can ask for."""
MAX_PARKED = 1_000
"""Attendees whose deliveries fail, of one webhook: at so many its cursor stops, and it is failing."""
MAX_WAITING = 10_000
"""Deliveries of one webhook that wait behind failing ones of the same attendee: then it stops too."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint, as stored."""

    id: str
    """`whk_…`"""
    event_id: str | None
    """None for all events, those to come too."""
    url: str
    kinds: tuple[str, ...] | None = None
    """Which kinds of changes it is told of, some of `KINDS`; None for all."""
    groups: tuple[str, ...] | None = None
    """The groups, by name, whose people it is told of; None for everybody."""
    fields: tuple[str, ...] | None = None
    """The fields, by name, that it is told of them; None for all."""
    secret: bytes
    """Sealed for this webhook's id (`store/sealing.py`); what is sealed is the text `whsec_…`."""
    former_secret: bytes | None = None
    """The one before, with which requests are signed too until `former_until`."""
    former_until: int | None = None
    allow_private: bool = False
    """Whether it may be on a private network, or on this machine."""
    state: WebhookState = "active"
    """A paused one is sent nothing and misses nothing; one that is off was switched off by its own answer (410)."""
    reason: str | None = None
    """Why it is not active."""
    created_at: int
    actor: str | None = None


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One request, and what came of it."""

    at: int
    """When it was begun."""
    took_ms: int
    status: int | None = None
    """None where there was no answer."""
    error: str | None = None
    """What went wrong, in words; None where the answer was a good one."""
    answer: str | None = None
    """How the answer began."""
    is_first: bool = False
    """Whether nothing failed before it, or somebody has asked for it to be sent again: the tries count from here."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One change for one webhook. Its body is fixed: what was sent once is sent the same again."""

    event_id: str
    webhook_id: str
    sequence: int
    id: str
    """`dlv_…`, the same on every try: receivers know a repetition by it."""
    attendee_id: str
    topic: str
    """`attendee.updated`"""
    state: DeliveryState
    body: str | None
    """None once the person is erased."""
    attempts: list[Attempt]
    next_at: int | None
    """When it is tried, or tried again; None when there is nothing left to do."""
    created_at: int
    finished_at: int | None = None

    @property
    def shown_state(self) -> ShownState:
        return "erased" if self.state == "given_up" and self.body is None else self.state


def is_stuck(parked: int, waiting: int) -> bool:
    """Whether so much of a webhook fails that its cursor stops until some of it is delivered or given up."""
    return parked >= MAX_PARKED or (parked > 0 and waiting >= MAX_WAITING)
