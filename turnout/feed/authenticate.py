"""Who is calling (A2–A5): a good key of this gateway, or the same 401 for every reason."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from turnout.errors import Unauthorized, WrongScope
from turnout.feed.configurations import Configurations
from turnout.feed.refusals import Refusals
from turnout.model.event import Configuration
from turnout.model.key import Key, read_key_id
from turnout.model.policy import Policy
from turnout.now import now_us


class Gateway(msgspec.Struct, frozen=True):
    """The address that a request came to: an event's slug, or a host name (A1)."""

    slug: str | None
    host: str | None


class Caller(msgspec.Struct, frozen=True):
    """Who a good key belongs to."""

    configuration: Configuration
    key: Key

    @property
    def policy(self) -> Policy:
        """Under which the caller's pushes are read."""
        event = self.configuration.event
        if self.key.source_number is None:
            return event.policy
        return self.configuration.sources[self.key.source_number].policy.over(event.policy)


async def get_caller(
    configurations: Configurations,
    refusals: Refusals,
    gateway: Gateway,
    given: Sequence[str],
    address: str,
    *,
    scope: str | None,
    fresh: bool = False,
) -> Caller:
    """The caller with the key given, in however many places (A2).

    `scope` is what the endpoint is for; None for any. `fresh` asks the database in any case, where no commit follows
    that would notice a revoked key. Raises Unauthorized, which says how long its answer should wait; WrongScope for a
    push key at a reading endpoint; StorageUnavailable where the key could not be looked up.
    """
    keys = _list_keys(given)
    if len(keys) == 1:
        caller = None if fresh else find_caller(configurations, gateway, given)
        if caller is None:
            # This process may not have heard of the key or the event yet.
            configuration = await asyncio.to_thread(configurations.load, slug=gateway.slug, host=gateway.host)
            caller = _find(configuration, *keys)
        if caller is not None and scope in (None, caller.key.scope):
            return caller
        if caller is not None and scope == "read":
            raise WrongScope("A push key does not read. Ask for a read key.")
    raise _refuse(configurations, refusals, gateway, keys, address)


def find_caller(configurations: Configurations, gateway: Gateway, given: Sequence[str]) -> Caller | None:
    """The caller as far as this process knows; None means that the database has to be asked."""
    keys = _list_keys(given)
    return _find(configurations.find(slug=gateway.slug, host=gateway.host), *keys) if len(keys) == 1 else None


def _list_keys(given: Sequence[str]) -> set[str]:
    return {key.strip() for key in given} - {""}


def find_key(configuration: Configuration | None, text: str) -> Key | None:
    """The good key that this text is: of an open event, or for reading."""
    key_id = read_key_id(text)
    key = None if configuration is None or key_id is None else configuration.keys.get(key_id)
    # Always one digest and one comparison, so that time tells nothing.
    expected = _NOBODY if key is None else key.digest
    same = hmac.compare_digest(hashlib.sha256(text.encode(errors="surrogatepass")).digest(), expected)
    if not same or key is None or configuration is None:
        return None
    # Nothing comes to an archived event any more; reading goes on.
    if configuration.event.archived_at is not None and key.scope != "read":
        return None
    return key if key.is_good(now_us()) else None


_NOBODY = bytes(32)


def _find(configuration: Configuration | None, text: str) -> Caller | None:
    key = find_key(configuration, text)
    return None if key is None or configuration is None else Caller(configuration, key)


def _refuse(
    configurations: Configurations, refusals: Refusals, gateway: Gateway, keys: set[str], address: str
) -> Unauthorized:
    """Counts the attempt. Who waits for the answer waits outside, where he takes up no room and no turn."""
    configuration = configurations.find(slug=gateway.slug, host=gateway.host)
    key_ids = [key_id for key in keys if (key_id := read_key_id(key)) is not None]
    return Unauthorized(
        refusals.count(
            "" if configuration is None else configuration.event.id, address, key_ids[0] if len(key_ids) == 1 else ""
        )
    )
