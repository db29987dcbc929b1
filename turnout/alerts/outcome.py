"""What follows from a try to tell somebody: done, again later, or given up; and what goes in one e-mail. Pure."""

from collections.abc import Sequence

import msgspec

from turnout.downstream.webhooks.schedule import SECOND_US, Plan, find_next
from turnout.model.alert import AlertMessage

_MINUTE_US, HOUR_US = 60 * SECOND_US, 3_600 * SECOND_US
PLAN = Plan(
    delays_us=(_MINUTE_US, 5 * _MINUTE_US, 15 * _MINUTE_US, HOUR_US, 3 * HOUR_US),
    later_us=6 * HOUR_US,
    lasts_us=24 * HOUR_US,
)
"""Who is told a day late is told nothing that helps."""
NO_SERVER_US = HOUR_US
"""How often it is looked whether there is a mail server by now; whoever sets one up lets it be looked at once."""
MAX_MAILS = 30
"""To one person within an hour. What is more waits, and goes together when the hour is over."""
HELD = f"More than {MAX_MAILS} e-mails within an hour: the rest of them comes together."
NO_SERVER = "No mail server is set up."


class Planned(msgspec.Struct, frozen=True):
    """What one person is to get now."""

    together: list[list[AlertMessage]]
    """One e-mail each."""
    held: list[AlertMessage]
    """What has to wait."""


def plan(due: Sequence[AlertMessage], sent: int) -> Planned:
    """`due` is all of one person's, to whom so many e-mails were sent within the hour.

    A link that he waits for himself comes whatever came before.
    """
    urgent = [[one] for one in due if one.kind == "password"]
    alerts = [one for one in due if one.kind == "alert"]
    is_late = any(one.failure == HELD for one in alerts)
    others = [alerts] if is_late else [[one] for one in alerts]
    others += [[one] for one in due if one.kind == "digest"]
    room = max(0, MAX_MAILS - sent)
    return Planned([*urgent, *others[:room]], [one for group in others[room:] for one in group])


def sent(message: AlertMessage, now: int) -> AlertMessage:
    return msgspec.structs.replace(
        message, state="sent", tries=message.tries + 1, next_at=None, finished_at=now, failure=None
    )


def failed(
    message: AlertMessage, now: int, failure: str, dice: float, retry_after_us: int | None = None
) -> AlertMessage:
    """To be tried again, or given up after a day."""
    tries = message.tries + 1
    next_at = find_next(tries, message.created_at, now, retry_after_us, dice, PLAN)
    if next_at is None:
        return given_up(msgspec.structs.replace(message, tries=tries), now, failure)
    return msgspec.structs.replace(message, tries=tries, next_at=next_at, failure=failure)


def put_off(message: AlertMessage, now: int, next_at: int, why: str) -> AlertMessage:
    """Not tried, which does not count as a try; given up all the same after a day."""
    last_at = message.created_at + PLAN.lasts_us
    if now >= last_at:
        return given_up(message, now, why)
    return msgspec.structs.replace(message, next_at=min(next_at, last_at), failure=why)


def given_up(message: AlertMessage, now: int, failure: str) -> AlertMessage:
    return msgspec.structs.replace(message, state="given_up", next_at=None, finished_at=now, failure=failure)
