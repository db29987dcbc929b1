"""Who reads: a read key of the event, and what it is limited to (A3)."""

import msgspec

from turnout.downstream import limits
from turnout.downstream.limits import Limits
from turnout.feed.authenticate import get_caller
from turnout.feed.gateway import Asked
from turnout.feed.intake import Feed
from turnout.model.event import Configuration
from turnout.model.key import Key


class Reader(msgspec.Struct, frozen=True):
    """Whoever asks with a good read key."""

    configuration: Configuration
    key: Key
    limits: Limits


async def get_reader(feed: Feed, asked: Asked) -> Reader:
    """Raises Unauthorized, WrongScope for a push key, and StorageUnavailable.

    The database is asked each time: a revoked key reads nothing from that instant on.
    """
    caller = await get_caller(
        feed.configurations,
        feed.refusals,
        asked.gateway,
        asked.head.keys,
        asked.head.address,
        scope="read",
        fresh=True,
    )
    if feed.key_uses is not None:
        feed.key_uses.note(caller, asked.head.address)
    return Reader(caller.configuration, caller.key, limits.of_key(caller.key))
