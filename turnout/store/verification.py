"""What `turnout verify` reads: everything of one event, in order and as a stream, damaged rows included."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, Row, text

from turnout.model.attendee import Attendee
from turnout.model.change import Change, Entry
from turnout.store.changes import find_rows, read_change
from turnout.store.statements import in_parts, is_postgresql, placeholder, values

_READ_ROWS = 500
_STREAMED = {"stream_results": True, "max_row_buffer": _READ_ROWS}
"""Or PostgreSQL's driver would hold all rows of an event at once."""
_decode_attendee = msgspec.json.Decoder(Attendee).decode
_decode_entries = msgspec.json.Decoder(list[Entry]).decode

IndexName: TypeAlias = Literal["addresses", "memberships", "third_party_ids"]
INDEXES: dict[IndexName, tuple[str, ...]] = {
    "addresses": ("address", "attendee_id"),
    "memberships": ("group_number", "attendee_id"),
    "third_party_ids": ("source_number", "third_party_id", "attendee_id"),
}
"""The tables that only repeat what documents and log say, and their columns behind `event_id`."""


class StoredAttendee(msgspec.Struct, frozen=True):
    """A row as it is; `attendee` is None where its document cannot be read."""

    id: str
    status: str
    email_key: str
    name_key: str
    company_key: str
    updated_at: int
    attendee: Attendee | None


class StoredChange(msgspec.Struct, frozen=True):
    """A line of the log; `change` is None where it cannot be read."""

    attendee_id: str
    sequence: int
    previous: int | None
    change: Change | None


def count_rows(connection: Connection, event_id: str) -> dict[str, int]:
    """How many rows the event has in each of its growing tables."""
    tables = ("attendees", "changes", "pushes", *INDEXES)
    return {
        table: connection.execute(
            text(f"SELECT count(*) FROM {table} WHERE event_id = :event_id"), {"event_id": event_id}
        ).scalar_one()
        for table in tables
    }


def read_log(connection: Connection, event_id: str) -> Iterator[Row[Any]]:
    """The log's lines in order, each with the push that made it: `push_…` is None where there is no such line."""
    return _read(
        connection,
        "SELECT changes.sequence, changes.kind, changes.at, changes.true_at, changes.attendee_id, changes.email,"
        " changes.push_id, changes.source_number, changes.actor,"
        " pushes.id AS push_found, pushes.sequence AS push_sequence, pushes.result AS push_result,"
        " pushes.attendee_id AS push_attendee_id, pushes.source_number AS push_source_number,"
        " pushes.actor AS push_actor, pushes.at AS push_at, pushes.observed_at AS push_observed_at,"
        " pushes.dry_run AS push_dry_run"
        " FROM changes"
        " LEFT JOIN pushes ON pushes.event_id = changes.event_id AND pushes.id = changes.push_id"
        " WHERE changes.event_id = :event_id ORDER BY changes.sequence",
        event_id,
    )


def read_pushes(connection: Connection, event_id: str) -> Iterator[Row[Any]]:
    """The push log's lines in order, each with the push id that its change names, and whether its attendee is there."""
    return _read(
        connection,
        "SELECT pushes.id, pushes.at, pushes.result, pushes.sequence, pushes.dry_run, pushes.attendee_id,"
        " pushes.source_number, pushes.last_at, pushes.failure, pushes.email, pushes.warnings,"
        " changes.push_id AS change_push_id, attendees.id AS attendee_found"
        " FROM pushes"
        " LEFT JOIN changes ON changes.event_id = pushes.event_id AND changes.sequence = pushes.sequence"
        " LEFT JOIN attendees ON attendees.event_id = pushes.event_id AND attendees.id = pushes.attendee_id"
        " WHERE pushes.event_id = :event_id ORDER BY pushes.id",
        event_id,
    )


def read_attendees(connection: Connection, event_id: str) -> Iterator[StoredAttendee]:
    """In the order of their ids."""
    rows = _read(
        connection,
        "SELECT id, status, email_key, name_key, company_key, updated_at, document FROM attendees"
        " WHERE event_id = :event_id ORDER BY id",
        event_id,
    )
    for *columns, document in rows:
        try:
            attendee = _decode_attendee(document)
        except msgspec.DecodeError:
            attendee = None
        yield StoredAttendee(*columns, attendee)


def read_histories(connection: Connection, event_id: str) -> Iterator[StoredChange]:
    """All lines that concern attendees, in the order of their ids and then of the log."""
    # Only their places are sorted: the database would hold all lines at once.
    rows = _read(
        connection,
        "SELECT attendee_id, sequence FROM changes WHERE event_id = :event_id AND attendee_id IS NOT NULL"
        " ORDER BY attendee_id, sequence",
        event_id,
    )
    while places := list(islice(rows, _READ_ROWS)):
        lines = find_rows(connection, event_id, [place.sequence for place in places])
        for place in places:
            line = lines[place.sequence]
            try:
                change = read_change(line)
            except msgspec.DecodeError:
                change = None
            yield StoredChange(line.attendee_id, line.sequence, line.previous, change)


def find_present(
    connection: Connection, index: IndexName, event_id: str, rows: Sequence[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    """Which of these rows the index has."""
    columns = INDEXES[index]
    width = len(columns) + 1
    found: set[tuple[Any, ...]] = set()
    for some in in_parts([(event_id, *row) for row in rows], width):
        found |= {
            tuple(row)
            for row in connection.exec_driver_sql(
                f"SELECT {', '.join(columns)} FROM {index}"
                f" WHERE (event_id, {', '.join(columns)}) IN (VALUES {values(connection, width, len(some))})",
                tuple(parameter for row in some for parameter in row),
            )
        }
    return found


def read_index(connection: Connection, index: IndexName, event_id: str) -> Iterator[tuple[Any, ...]]:
    """All rows of the index; the attendee's id comes last."""
    rows = _read(connection, f"SELECT {', '.join(INDEXES[index])} FROM {index} WHERE event_id = :event_id", event_id)
    return (tuple(row) for row in rows)


def count_listing(connection: Connection, event_id: str) -> dict[str, int]:
    """How many rows the event has in each table of the list index."""
    return {
        table: connection.execute(
            text(f"SELECT count(*) FROM {table} WHERE event_id = :event_id"), {"event_id": event_id}
        ).scalar_one()
        for table in ("listed", "facets", "words")
    }


def find_facets(
    connection: Connection, event_id: str, wanted: Sequence[tuple[str, str]]
) -> set[tuple[str, str, str, str]]:
    """Which of these facets the list index has: (facet, attendee) with the keys by which they are sorted."""
    rows = _find_in_listing(connection, "facets", "facet", ", email_key, last_name_key", event_id, wanted)
    return {(facet, attendee_id, *keys) for facet, attendee_id, *keys in rows}


def find_words(connection: Connection, event_id: str, wanted: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these words the list index has: (word, attendee)."""
    rows = _find_in_listing(connection, "words", "word", "", event_id, wanted)
    return {(word, attendee_id) for word, attendee_id in rows}


def _find_in_listing(
    connection: Connection, table: str, name: str, more: str, event_id: str, wanted: Sequence[tuple[str, str]]
) -> Iterator[Any]:
    for some in in_parts([(event_id, *pair) for pair in wanted], 3):
        yield from connection.exec_driver_sql(
            f"SELECT {name}, attendee_id{more} FROM {table}"
            f" WHERE (event_id, {name}, attendee_id) IN (VALUES {values(connection, 3, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


def find_attendee(connection: Connection, event_id: str, attendee_id: str) -> Attendee | None:
    """None where there is none, or none that can be read."""
    document = connection.execute(
        text("SELECT document FROM attendees WHERE event_id = :event_id AND id = :id"),
        {"event_id": event_id, "id": attendee_id},
    ).scalar()
    try:
        return None if document is None else _decode_attendee(document)
    except msgspec.DecodeError:
        return None


def read_answers(connection: Connection, event_id: str) -> Iterator[Row[Any]]:
    """The answers kept for repeated requests: source, key, item, answer."""
    return _read(
        connection,
        "SELECT source_number, key, item, answer FROM idempotency WHERE event_id = :event_id AND answer <> ''",
        event_id,
    )


def find_push_lines(
    connection: Connection, event_id: str, push_ids: Sequence[str]
) -> dict[str, tuple[str, int | None]]:
    """Result and sequence of these pushes, by id."""
    found: dict[str, tuple[str, int | None]] = {}
    for some in in_parts([(push_id,) for push_id in push_ids], 1):
        rows = connection.exec_driver_sql(
            "SELECT id, result, sequence FROM pushes"
            f" WHERE event_id = {placeholder(connection)} AND id IN ({values(connection, 1, len(some))})",
            (event_id, *(push_id for (push_id,) in some)),
        )
        found |= {row.id: (row.result, row.sequence) for row in rows}
    return found


def list_with_body(connection: Connection, event_id: str, push_ids: Sequence[str]) -> list[str]:
    """Which of these pushes have a body still."""
    found: set[str] = set()
    for some in in_parts([(push_id,) for push_id in push_ids], 1):
        rows = connection.exec_driver_sql(
            "SELECT push_id FROM bodies"
            f" WHERE event_id = {placeholder(connection)} AND push_id IN ({values(connection, 1, len(some))})",
            (event_id, *(push_id for (push_id,) in some)),
        )
        found |= {row.push_id for row in rows}
    return sorted(found)


def list_lost_bodies(connection: Connection, event_id: str, limit: int) -> list[str]:
    """Bodies of pushes that the push log does not have."""
    return list(
        connection.execute(
            text(
                "SELECT bodies.push_id FROM bodies"
                " LEFT JOIN pushes ON pushes.event_id = bodies.event_id AND pushes.id = bodies.push_id"
                " WHERE bodies.event_id = :event_id AND pushes.id IS NULL ORDER BY bodies.push_id LIMIT :limit"
            ),
            {"event_id": event_id, "limit": limit},
        ).scalars()
    )


def _read(connection: Connection, statement: str, event_id: str) -> Iterator[Row[Any]]:
    """Rows as the database finds them, a few at a time."""
    if is_postgresql(connection):
        # Else it takes the way to the first few rows: in tables that were not analysed, as after pg_restore, a join of
        # two that reads one of them whole for every row of the other.
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
    # Closed also where the reader has had enough, or the database keeps it open.
    with connection.execute(text(statement), {"event_id": event_id}, execution_options=_STREAMED) as result:
        for rows in result.partitions(_READ_ROWS):
            yield from rows
