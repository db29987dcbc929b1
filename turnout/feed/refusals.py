"""Whoever is refused is counted, and answered later each time (A4): guessing gets slow, good keys never do."""

import threading
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec

from turnout.errors import StorageUnavailable
from turnout.now import now_us
from turnout.store import refusals
from turnout.store.database import Database
from turnout.store.refusals import Refusal

FREE = 10
"""Refusals in a row that an address gets at once, as somebody does who is setting up."""
MAX_DELAY_S = 10.0
MAX_ADDRESSES = 10_000
"""Addresses remembered; the longest quiet go first."""
MAX_UNWRITTEN = 1_000
"""Counts held between two writes; beyond, they are added up without address and key."""
_FORGIVEN_PER_S = 1.0


class Refusals:
    """The counts of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._debts: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._unwritten: dict[tuple[str, str, str], Refusal] = {}
        self._one_at_a_time = threading.Lock()
        self.total = 0

    def count(self, event_id: str, address: str, key_id: str) -> float:
        """Counts one, and gives how long its answer should wait, in seconds."""
        at = now_us()
        with self._one_at_a_time:
            self.total += 1
            place = (event_id, address, key_id)
            if place not in self._unwritten and len(self._unwritten) >= MAX_UNWRITTEN:
                place = ("", "", "")
            known = self._unwritten.get(place)
            self._unwritten[place] = Refusal(
                *place, count=known.count + 1 if known else 1, first_at=known.first_at if known else at, last_at=at
            )
            return self._delay_s(_network(address), time.monotonic())

    def write(self) -> None:
        """Moves the counts into the database; they stay here while it is away."""
        with self._one_at_a_time:
            unwritten, self._unwritten = self._unwritten, {}
        if not unwritten:
            return
        try:
            with self._database.write() as connection:
                # In one order, so that processes do not wait for one another in a circle.
                refusals.add_refusals(connection, [unwritten[place] for place in sorted(unwritten)])
        except StorageUnavailable:
            with self._one_at_a_time:
                for place, kept in unwritten.items():
                    since = self._unwritten.get(place)
                    self._unwritten[place] = (
                        kept
                        if since is None
                        else msgspec.structs.replace(since, count=kept.count + since.count, first_at=kept.first_at)
                    )

    def _delay_s(self, network: str, now: float) -> float:
        debt, since = self._debts.pop(network, (0.0, now))
        debt = max(0.0, debt - (now - since) * _FORGIVEN_PER_S) + 1.0
        self._debts[network] = (debt, now)
        if len(self._debts) > MAX_ADDRESSES:
            self._debts.popitem(last=False)
        # Each further refusal waits longer, so that many connections at once gain nothing.
        return min(MAX_DELAY_S, max(0.0, debt - FREE) * 0.5)


def _network(address: str) -> str:
    """What is counted as one: an IPv4 address, or an IPv6 /64, of which everybody has billions."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address
