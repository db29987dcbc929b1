"""Pages of lists: what one costs with very many attendees, against the same with few. Filled directly, not pushed."""

import http.client
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec

from bench import stores
from bench.refused import Refused
from bench.running import PRODUCT, Cores, Server
from bench.stores import Store
from turnout.changes.listing.rows import rows_of
from turnout.events import event, keys
from turnout.model.attendee import Attendee, Part, Said
from turnout.model.change import Change
from turnout.model.names import Name, fold_case
from turnout.now import new_id, now_us
from turnout.store import attendees, changes, cursors, events, listing
from turnout.store.database import Database
from turnout.store.statements import is_postgresql

FEW, MANY = 10_000, 1_000_000
PAGE = 100
LIMIT, LIMIT_OF_SEARCH = 1.5, 2.0
"""What the many may cost, as a multiple of the few."""
_SHOP = 2
"""The second source that an event gets."""
_TOGETHER = 5_000
_REQUESTS = 5
"""Of each list in each round, page after page."""
_GROUPS = ("Speakers", "Press", "Exhibitors", "Members", "Volunteers", "Day 1", "Day 2", "Gala dinner")
_DIETS = ("Vegetarian", "Vegan", "No preference", "Gluten-free, no nuts")
_FIRST = ("Amelie", "Björn", "Chidi", "Dolores", "Emre", "Françoise", "Grace", "Henrik", "Ines", "Jonas", "Keiko")
_LAST = ("Abernathy", "Baumgartner", "Castellanos", "Dlamini", "Eriksson", "Fitzgerald", "Gutiérrez", "Hoffmann")
_SORTS = ("id", "email", "lastName", "created", "updated", "-updated")
_FILTERS: dict[str, dict[str, str]] = {
    "no filter": {},
    "group": {"group": "Press"},
    "source": {"source": "Shop"},
    "custom field": {"customField.Dietary needs": "Vegan"},
}
_SEARCHES = ("a", "bau", "baumgartner 7", "attendee.5")

LISTS: dict[str, dict[str, str]] = {
    f"{name}, by {sort}": {**filters, "sort": sort} for name, filters in _FILTERS.items() for sort in _SORTS
} | {f'search for "{search}"': {"q": search} for search in _SEARCHES}
"""What is asked for, by its title."""


class Compared(msgspec.Struct, frozen=True):
    """One list in both stores."""

    title: str
    few_s: float
    many_s: float
    """The medians of a page."""
    ratios: list[float]
    """Of each round."""

    @property
    def limit(self) -> float:
        return LIMIT_OF_SEARCH if self.title.startswith("search") else LIMIT


class Filled(msgspec.Struct, frozen=True):
    """A store whose attendees can be listed."""

    store: Store
    read_key: str


def make(folder: Path, count: int, *, url: str | None = None, database_pid: int | None = None) -> Filled:
    """A new store in that folder, or in the empty database at `url`.

    It has attendees with their lines of the log, and the list index is up to date.
    """
    url = url or stores.make_place(folder, count)
    with stores.filling(url) as database:
        made, key = event.create(database, "Bench", "bench")
        keys.create(database, made.id, label="Shop")
        issued = keys.create(database, made.id, label="reader", scope="read")
        _add_names(database, made.id)
        for start in range(0, count, _TOGETHER):
            _fill(database, made.id, range(start, min(start + _TOGETHER, count)))
        with database.write() as connection:
            cursors.set_cursor(connection, made.id, listing.CONSUMER, count)
    return Filled(Store(folder, url, (stores.Gateway(made.id, made.slug, key),), count, database_pid), issued.text)


def _add_names(database: Database, event_id: str) -> None:
    at = now_us()
    with database.write() as connection:
        events.lock_clocks(connection, [event_id])
        for kind, given in (("group", _GROUPS), ("custom_field", ("Dietary needs", "Badge number"))):
            new = [
                Name(id=new_id("grp"), number=number, name=name, first_source=1, created_at=at)
                for number, name in enumerate(given, 1)
            ]
            events.add_names(connection, event_id, kind, [(name, fold_case(name.name)) for name in new])


def _fill(database: Database, event_id: str, numbers: range) -> None:
    at = now_us()
    people = [_attendee(number, at) for number in numbers]
    with database.write() as connection:
        if not is_postgresql(connection):
            # Keys come in no order here: with a small cache every row would be a page read and written.
            connection.exec_driver_sql("PRAGMA cache_size = -3000000")
        clock = events.lock_clocks(connection, [event_id])[event_id]
        attendees.write_attendees(
            connection,
            [
                (event_id, one.id, one.status, one.email, "", "", one.updated_at, msgspec.json.encode(one).decode())
                for one in people
            ],
        )
        attendees.add_addresses(connection, [(event_id, one.email, one.id) for one in people])
        attendees.add_memberships(
            connection, [(event_id, group, one.id) for one in people for group in one.group_numbers()]
        )
        changes.add_changes(connection, [(event_id, _line(one)) for one in people])
        rows = {one.id: found for one in people if (found := rows_of(one)) is not None}
        listing.write_listed(connection, event_id, {}, rows)
        clock.last_sequence, clock.last_at = numbers[-1] + 1, at
        events.move_clocks(connection, [clock])
    database.move_log()


def _attendee(number: int, at: int) -> Attendee:
    """Much as bench/people.py has them, but not in the order of their names and addresses."""
    sequence, mixed = number + 1, number * 7_919 % 1_000_003
    said = {
        "email": f"attendee.{mixed}@example-{number % 997}.com",
        "firstName": _FIRST[mixed % 11],
        "lastName": f"{_LAST[mixed % 8]} {mixed % 4_001}",
        "phone": f"+49 40 {number:08d}",
        "company": f"Northwind Holding {mixed % 389}",
        "city": "Hamburg",
        "website": f"https://www.example-{number % 997}.com/people/{number}",
        "motto": "Ask me about attendee feeds",
    }
    groups = sorted({mixed % 8 + 1, *([(mixed + 1 + mixed // 8 % 7) % 8 + 1] if mixed % 2 else [])})
    parts = {1: Part(groups=Said(groups, sequence, 1, at), expects=Said(True, sequence, 1, at))}
    if mixed % 10 == 0:
        parts[_SHOP] = Part(expects=Said(True, sequence, _SHOP, at))
    return Attendee(
        id=new_id("att"),
        status="attending",
        profile={field: Said(value, sequence, 1, at) for field, value in said.items()},
        custom_fields={
            1: Said(_DIETS[mixed // 11 % 4], sequence, 1, at),
            2: Said(f"B-{number:09d}", sequence, 1, at),
        },
        parts=parts,
        created_at=at,
        updated_at=at,
        sequence=sequence,
    )


def _line(one: Attendee) -> Change:
    return Change(
        sequence=one.sequence,
        kind="created",
        at=one.updated_at,
        attendee_id=one.id,
        email=one.email,
        push_id=None,
        source_number=1,
        actor=None,
        true_at=one.updated_at,
        entries=[],
    )


def compare(few: Filled, many: Filled, cores: Cores, rounds: int, say: Callable[[str], None]) -> list[Compared]:
    """Every list in both stores in turn, round after round. Raises Refused for a page that is not whole."""
    with Server(few.store, cores, command=PRODUCT) as a, Server(many.store, cores, command=PRODUCT) as b:
        taken: dict[str, list[tuple[float, float]]] = {title: [] for title in LISTS}
        for number in range(-1, rounds):
            say(f"lists, round {number + 1} of {rounds}")
            for title, query in LISTS.items():
                both = (_take(a.port, few, query), _take(b.port, many, query))
                if number >= 0:
                    taken[title].append(both)
    return [
        Compared(
            title,
            statistics.median(few_s for few_s, _ in pairs),
            statistics.median(many_s for _, many_s in pairs),
            [many_s / few_s for few_s, many_s in pairs],
        )
        for title, pairs in taken.items()
    ]


def _take(port: int, filled: Filled, query: dict[str, str]) -> float:
    """The median of some pages, one behind the other."""
    return statistics.median(_time_pages(port, filled, query))


def _time_pages(port: int, filled: Filled, query: dict[str, str]) -> Iterator[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    cursor = None
    try:
        for _ in range(_REQUESTS):
            said = query | {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            address = f"/e/bench/attendees?{urlencode(said, quote_via=quote)}"
            began = time.perf_counter()
            connection.request("GET", address, headers={"Api-Key": filled.read_key})
            answer = connection.getresponse()
            body = answer.read()
            taken_s = time.perf_counter() - began
            if answer.status != 200:
                raise Refused(f"{address} is answered with {answer.status}: {body[:200]!r}")
            page = msgspec.json.decode(body)
            if len(page["attendees"]) != PAGE and cursor is None:
                raise Refused(f"{address} gives {len(page['attendees'])} attendees")
            yield taken_s
            cursor = page["next"]
            if cursor is None:
                return
    finally:
        connection.close()
