"""What the load generator is asked to send to a peer, and what each row says: the same words on both sides."""

import random
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from bench import people

Way = Literal["pocketbase", "pocketbase-route", "datasette", "orm"]
"""How a row is said: which requests it takes, and in what form."""


class PeerLoad(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: so many requests over so many connections, each sending as soon as it has its answer."""

    port: int
    server_pid: int
    way: Way
    path: str
    headers: dict[str, str]
    connections: int
    requests: int
    rows_each: int
    """Rows in a request."""
    attendees: int
    first_serial: int
    """From here on no badge number has been used yet."""

    def statements(self) -> Iterator[list[tuple[int, int]]]:
        """For each request its rows: attendee and serial. The same again every time it is asked."""
        chance = random.Random(self.first_serial)
        serial = self.first_serial
        for _ in range(self.requests):
            # All different in one request, as in Turnout's batches.
            numbers = chance.sample(range(self.attendees), self.rows_each)
            yield list(zip(numbers, range(serial, serial + self.rows_each), strict=True))
            serial += self.rows_each


def flat(number: int, serial: int) -> dict[str, Any]:
    """The push as a row: a column for each field; custom fields and groups are JSON."""
    push = msgspec.json.decode(people.body(number, serial))
    return {
        **push["profile"],
        "groups": push["eventInfo"]["groups"]["groupNames"],
    }


COLUMNS = tuple(flat(0, 0))
IN_JSON = ("customFields", "groups")


def as_columns(number: int, serial: int) -> tuple[str, ...]:
    """The row as SQLite holds it, in the order of COLUMNS."""
    return tuple(
        msgspec.json.encode(value).decode() if name in IN_JSON else value
        for name, value in flat(number, serial).items()
    )
