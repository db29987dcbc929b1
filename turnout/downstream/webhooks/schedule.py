"""When a delivery that failed is tried again, and when no more. Pure."""

from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

SECOND_US = 1_000_000
_HOUR_US = 3_600 * SECOND_US
DELAYS_US = tuple(seconds * SECOND_US for seconds in (5, 30, 120, 600, 1_800, 3_600, 3 * 3_600))
"""After the first failure, the second …"""
LATER_US = 6 * _HOUR_US
"""… and after every further one."""
LASTS_US = 3 * 24 * _HOUR_US
"""Counted from the first try: the last one is made then."""
JITTER = 0.2
"""A try comes so much later at most, so that those that failed together do not come together."""
MAX_RETRY_AFTER_US = 24 * _HOUR_US
"""Whoever asks for more than a day is asked again after one."""


class Plan(msgspec.Struct, frozen=True):
    """When something that fails is tried again."""

    delays_us: tuple[int, ...]
    """After the first failure, the second …"""
    later_us: int
    """… and after every further one."""
    lasts_us: int
    """Counted from the first try: the last one is made then."""


DELIVERIES = Plan(DELAYS_US, LATER_US, LASTS_US)


def find_next(
    failures: int, first_at: int, now: int, retry_after_us: int | None, dice: float, plan: Plan = DELIVERIES
) -> int | None:
    """When to try again after so many failures, the first of which began at `first_at`; None for never.

    `dice` is from 0 up to 1. A receiver's own wish counts where it is later.
    """
    last_at = first_at + plan.lasts_us
    if now >= last_at:
        return None
    delay = plan.delays_us[failures - 1] if failures <= len(plan.delays_us) else plan.later_us
    delay = max(round(delay * (1 + JITTER * dice)), retry_after_us or 0)
    return min(now + delay, max(last_at, now + SECOND_US))


def read_retry_after(value: str | None, now: int) -> int | None:
    """How long `Retry-After` asks to wait: seconds, or up to a date (RFC 9110, 10.2.3). None where it says nothing."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # As many digits as somebody likes.
        wait_us = int(value[:12]) * SECOND_US
    else:
        try:
            date = parsedate_to_datetime(value)
            wait_us = round((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()) * SECOND_US - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(wait_us, MAX_RETRY_AFTER_US) if wait_us > 0 else None
