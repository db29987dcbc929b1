"""The list index: who has a quality that lists filter by, in each order that they have, and who has which word.

It is fed from the log, afterwards: what stands behind its cursor is its *tail*, and readers judge these people
themselves. Every page is a walk along one index from where the page before has ended, however many there are.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, text

from turnout.store import cursors
from turnout.store.statements import in_parts, insert, is_postgresql, placeholder, run, values

CONSUMER = "listing"
"""Whose cursor and lease it is."""
Order: TypeAlias = Literal["id", "email", "last_name"]
_BEYOND = "\U0010ffff"
"""Behind every character that a word has: it is none, and folded text does not contain it."""


class Listed(msgspec.Struct, frozen=True):
    """All that the index holds of one attendee."""

    attendee_id: str
    email_key: str
    last_name_key: str
    facets: tuple[str, ...]
    """In order, each once, and without line breaks. So are the words."""
    words: tuple[str, ...]


# --- For lists -------------------------------------------------------------------------------------------------------


def list_facet(
    connection: Connection,
    event_id: str,
    facet: str,
    *,
    order: Order = "id",
    descending: bool = False,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[tuple[str, str]]:
    """Who has this facet: (key, attendee), in the order of the key and then of the id, both the same way round.

    Of the order `id` the key is empty. `after` is the last pair of the page before.
    """
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    if order == "id":
        key, places, sorted_by = "''", "attendee_id", f"attendee_id {direction}"
    else:
        key = f"{order}_key"
        places, sorted_by = f"({key}, attendee_id)", f"{key} {direction}, attendee_id {direction}"
    one = placeholder(connection)
    where, parameters = f"event_id = {one} AND facet = {one}", [event_id, facet]
    if after is not None:
        where += f" AND {places} {beyond} {one if order == 'id' else f'({one}, {one})'}"
        parameters += after[1:] if order == "id" else after
    return _walk(
        connection,
        f"SELECT {key}, attendee_id FROM facets WHERE {where} ORDER BY {sorted_by} LIMIT {one}",
        (*parameters, limit),
    )


def count_people(connection: Connection, event_id: str, first: str, beyond: str, most: int) -> tuple[int, bool]:
    """How many people have a facet from `first` up to `beyond`, and whether all were looked at: `most` rows at most."""
    one = placeholder(connection)
    _walk_only(connection)
    ((people, rows),) = run(
        connection,
        "SELECT count(DISTINCT attendee_id), count(*) FROM (SELECT attendee_id FROM facets"
        f" WHERE event_id = {one} AND facet >= {one} AND facet < {one} LIMIT {one}) AS counted",
        (event_id, first, beyond, most),
    )
    return int(people), int(rows) < most


def list_word(
    connection: Connection, event_id: str, prefix: str, *, after: tuple[str, str] | None = None, limit: int = 100
) -> list[tuple[str, str]]:
    """Who has a word that begins so: (word, attendee), in this order; once for each such word.

    `after` is the last pair of the page before.
    """
    one = placeholder(connection)
    return _walk(
        connection,
        "SELECT word, attendee_id FROM words"
        f" WHERE event_id = {one} AND (word, attendee_id) > ({one}, {one}) AND word < {one}"
        f" ORDER BY word, attendee_id LIMIT {one}",
        (event_id, *(after or (prefix, "")), prefix + _BEYOND, limit),
    )


def count_word_up_to(connection: Connection, event_id: str, prefix: str, most: int) -> int:
    """How many pairs `list_word` gives in all, and `most` where they are more."""
    one = placeholder(connection)
    ((number,),) = run(
        connection,
        "SELECT count(*) FROM (SELECT 1 FROM words"
        f" WHERE event_id = {one} AND word >= {one} AND word < {one} LIMIT {one}) AS counted",
        (event_id, prefix, prefix + _BEYOND, most),
    )
    return int(number)


def _walk(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> list[tuple[str, str]]:
    _walk_only(connection)
    return [tuple(row) for row in run(connection, statement, parameters)]


def _walk_only(connection: Connection) -> None:
    if is_postgresql(connection):
        # Where it takes a prefix or a facet for rarer than it is, it would read and sort all that have it, for a page.
        run(connection, "SET LOCAL enable_bitmapscan = off")


def find_cursor(connection: Connection, event_id: str) -> int:
    """The last line that the index knows of; 0 where it knows none."""
    return max(0, cursors.find_cursor(connection, event_id, CONSUMER) or 0)


def list_tail_ids(connection: Connection, event_id: str, after_sequence: int, limit: int) -> tuple[set[str], bool]:
    """Of whom the lines behind the cursor tell, and whether there are more than `limit` lines: those are not read.

    An attendee whose own `sequence` is beyond the cursor is one of them.
    """
    rows = connection.execute(
        text(
            "SELECT attendee_id FROM changes WHERE event_id = :event_id AND sequence > :after"
            " ORDER BY sequence LIMIT :limit"
        ),
        {"event_id": event_id, "after": after_sequence, "limit": limit + 1},
    ).scalars()
    found = list(rows)
    return {one for one in found[:limit] if one is not None}, len(found) > limit


# --- For the consumer, and for who erases ----------------------------------------------------------------------------


def list_touched(connection: Connection, event_id: str, after: int, limit: int) -> list[tuple[int, str | None]]:
    """The lines behind `after`, in order, as far as they tell whom they are about: damaged ones do too."""
    rows = connection.execute(
        text(
            "SELECT sequence, attendee_id FROM changes WHERE event_id = :event_id AND sequence > :after"
            " ORDER BY sequence LIMIT :limit"
        ),
        {"event_id": event_id, "after": after, "limit": limit},
    )
    return [tuple(row) for row in rows]


def lock_attendees(connection: Connection, event_id: str, attendee_ids: Iterable[str]) -> set[str]:
    """Which of them are there, and stay until the transaction has ended: whoever erases one waits, or has done so.

    Pushes do not wait. The order is that of `erasure.delete_attendees`, so that nobody waits in a circle.
    """
    lock = " ORDER BY id FOR KEY SHARE" if is_postgresql(connection) else ""
    found: set[str] = set()
    for some in in_parts([(attendee_id,) for attendee_id in sorted(attendee_ids)], 1):
        rows = run(
            connection,
            f"SELECT id FROM attendees WHERE event_id = {placeholder(connection)}"
            f" AND id IN ({values(connection, 1, len(some))}){lock}",
            (event_id, *(attendee_id for (attendee_id,) in some)),
        )
        found |= {attendee_id for (attendee_id,) in rows}
    return found


def find_listed(connection: Connection, event_id: str, attendee_ids: Iterable[str]) -> dict[str, Listed]:
    """What the index holds of these attendees, by id."""
    found = {}
    for some in in_parts([(attendee_id,) for attendee_id in attendee_ids], 1):
        rows = run(
            connection,
            f"SELECT {_LISTED} FROM listed WHERE event_id = {placeholder(connection)}"
            f" AND attendee_id IN ({values(connection, 1, len(some))})",
            (event_id, *(attendee_id for (attendee_id,) in some)),
        )
        found |= {row[0]: read_listed(row) for row in rows}
    return found


_LISTED = "attendee_id, email_key, last_name_key, facets, words"


def read_listed(row: Any) -> Listed:
    attendee_id, email_key, last_name_key, facets, words = row
    return Listed(attendee_id, email_key, last_name_key, _split(facets), _split(words))


def _split(lines: str) -> tuple[str, ...]:
    return tuple(lines.split("\n")) if lines else ()


def write_listed(
    connection: Connection, event_id: str, before: Mapping[str, Listed], now: Mapping[str, Listed]
) -> None:
    """Makes the rows of the attendees in both what `now` says of them; whoever is in `before` alone has none then.

    `before` is what the index holds (`find_listed`): only the difference is written, in the order of the keys.
    """
    difference = _Difference(event_id)
    for attendee_id in sorted(before.keys() | now.keys()):
        difference.add(attendee_id, before.get(attendee_id), now.get(attendee_id))
    difference.write(connection)


def remove_listed(connection: Connection, event_id: str, attendee_ids: Iterable[str]) -> int:
    """Removes all rows of these attendees, and gives of how many there were some.

    Behind the deletion of their own rows, which waits for a consumer that is about to write some.
    """
    before = find_listed(connection, event_id, attendee_ids)
    write_listed(connection, event_id, before, {})
    return len(before)


class _Difference:
    """Rows that have to go, and rows that have to come."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.gone: list[tuple[str, str]] = []
        self.gone_facets: list[tuple[str, str, str]] = []
        self.gone_words: list[tuple[str, str, str]] = []
        self.listed: list[tuple[str, ...]] = []
        self.facets: list[tuple[str, ...]] = []
        self.words: list[tuple[str, ...]] = []

    def add(self, attendee_id: str, before: Listed | None, now: Listed | None) -> None:
        if before == now:
            return
        facets, words = (set(before.facets), set(before.words)) if before else (set(), set())
        event_id = self.event_id
        if now is None:
            self.gone.append((event_id, attendee_id))
        else:
            keys = (now.email_key, now.last_name_key)
            lists = ("\n".join(now.facets), "\n".join(now.words))
            self.listed.append((event_id, attendee_id, *keys, *lists))
            # With another key each row has another place.
            is_moved = before is None or keys != (before.email_key, before.last_name_key)
            for facet in now.facets:
                if is_moved or facet not in facets:
                    self.facets.append((event_id, facet, attendee_id, *keys))
            self.words += [(event_id, word, attendee_id) for word in now.words if word not in words]
            facets.difference_update(now.facets)
            words.difference_update(now.words)
        self.gone_facets += [(event_id, facet, attendee_id) for facet in facets]
        self.gone_words += [(event_id, word, attendee_id) for word in words]

    def write(self, connection: Connection) -> None:
        _delete(connection, "facets", "event_id, facet, attendee_id", self.gone_facets)
        _delete(connection, "words", "event_id, word, attendee_id", self.gone_words)
        _delete(connection, "listed", "event_id, attendee_id", self.gone)
        # Rows that nobody knew of must not stop all others.
        insert(
            connection,
            "listed",
            f"event_id, {_LISTED}",
            self.listed,
            "ON CONFLICT (event_id, attendee_id) DO UPDATE SET email_key = excluded.email_key,"
            " last_name_key = excluded.last_name_key, facets = excluded.facets, words = excluded.words",
        )
        insert(
            connection,
            "facets",
            "event_id, facet, attendee_id, email_key, last_name_key",
            sorted(self.facets),
            "ON CONFLICT (event_id, facet, attendee_id) DO UPDATE SET email_key = excluded.email_key,"
            " last_name_key = excluded.last_name_key",
        )
        insert(connection, "words", "event_id, word, attendee_id", sorted(self.words), "ON CONFLICT DO NOTHING")


def _delete(connection: Connection, table: str, key: str, rows: list[Any]) -> None:
    width = key.count(",") + 1
    for some in in_parts(sorted(rows), width):
        run(
            connection,
            f"DELETE FROM {table} WHERE ({key}) IN (VALUES {values(connection, width, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


# --- All anew --------------------------------------------------------------------------------------------------------

CLEARING = -1
"""The cursor of an event whose rows are to go before they are made anew."""


def reindex(connection: Connection, event_id: str) -> None:
    """Lets the consumer make all rows of the event anew; until then readers look at the whole log."""
    cursors.set_cursor(connection, event_id, CONSUMER, CLEARING)


def has_rows(connection: Connection, event_id: str) -> bool:
    """Whether the index holds anything of the event."""
    return any(
        run(connection, f"SELECT 1 FROM {table} WHERE event_id = {placeholder(connection)} LIMIT 1", (event_id,))
        for table in ("listed", "facets", "words")
    )


def clear_some(connection: Connection, event_id: str, limit: int) -> None:
    """Removes the rows of some attendees; where there are none, some rows that were nobody's."""
    ids = run(
        connection,
        f"SELECT attendee_id FROM listed WHERE event_id = {placeholder(connection)}"
        f" ORDER BY attendee_id LIMIT {placeholder(connection)}",
        (event_id, limit),
    )
    if ids:
        attendee_ids = [attendee_id for (attendee_id,) in ids]
        lock_attendees(connection, event_id, attendee_ids)
        remove_listed(connection, event_id, attendee_ids)
        return
    for table, key in (("facets", "event_id, facet, attendee_id"), ("words", "event_id, word, attendee_id")):
        run(
            connection,
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table}"
            f" WHERE event_id = {placeholder(connection)} ORDER BY {key} LIMIT {placeholder(connection)})",
            (event_id, limit),
        )
