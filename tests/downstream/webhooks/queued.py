"""Deliveries as if they had been made from the log, and had failed for some while."""

from turnout.model.webhook import Delivery, DeliveryState
from turnout.now import new_id, now_us
from turnout.store import deliveries
from turnout.store.database import Database

DAY_US = 86_400_000_000


def queue(
    database: Database,
    event_id: str,
    webhook_id: str,
    number: int,
    *,
    first: int = 1,
    state: DeliveryState = "new",
    next_at: int | None = None,
) -> None:
    """So many, about as many attendees, from this sequence on."""
    at = now_us()
    new = [
        Delivery(
            event_id=event_id,
            webhook_id=webhook_id,
            sequence=sequence,
            id=new_id("dlv"),
            attendee_id=f"att_{sequence}",
            topic="attendee.created",
            state=state,
            body="{}",
            attempts=[],
            next_at=next_at or at,
            created_at=at,
        )
        for sequence in range(first, first + number)
    ]
    with database.write() as connection:
        deliveries.add(connection, new)


def park(database: Database, event_id: str, webhook_id: str, number: int) -> None:
    """Some that have failed and are to be tried again tomorrow, far behind the log."""
    queue(database, event_id, webhook_id, number, first=1_000_000, state="parked", next_at=now_us() + DAY_US)
