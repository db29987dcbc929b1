"""Attendees: their present state, and who has which address, id and group."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from turnout.model.attendee import Attendee, Part, Said
from turnout.store.statements import in_parts, insert, run, values

_ATTENDEE = "event_id, id, status, email_key, name_key, company_key, updated_at, document"
_decode = msgspec.json.Decoder(Attendee).decode

AttendeeRow = tuple[str, str, str, str, str, str, int, str]
"""Event, id, status, the three folded columns, updated_at, document."""


def find_by_addresses(connection: Connection, wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, Attendee]]:
    """The attendees that have, or had, one of these addresses. Takes (event, address), gives them with the attendee."""
    for some in in_parts(wanted, 2):
        rows = run(
            connection,
            "SELECT addresses.event_id, addresses.address, attendees.document"
            " FROM addresses"
            " JOIN attendees ON attendees.event_id = addresses.event_id AND attendees.id = addresses.attendee_id"
            f" WHERE (addresses.event_id, addresses.address) IN (VALUES {values(connection, 2, len(some))})",
            tuple(parameter for pair in some for parameter in pair),
        )
        for event_id, address, document in rows:
            yield event_id, address, _decode(document)


def find_by_third_party_ids(
    connection: Connection, wanted: Sequence[tuple[str, int, str]]
) -> Iterator[tuple[str, int, str, Attendee]]:
    """The attendees that have one of these ids. Takes (event, source, id), gives them with the attendee."""
    for some in in_parts(wanted, 3):
        rows = run(
            connection,
            "SELECT third_party_ids.event_id, third_party_ids.source_number, third_party_ids.third_party_id,"
            " attendees.document"
            " FROM third_party_ids"
            " JOIN attendees ON attendees.event_id = third_party_ids.event_id"
            " AND attendees.id = third_party_ids.attendee_id"
            " WHERE (third_party_ids.event_id, third_party_ids.source_number, third_party_ids.third_party_id)"
            f" IN (VALUES {values(connection, 3, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )
        for event_id, source_number, third_party_id, document in rows:
            yield event_id, source_number, third_party_id, _decode(document)


def find_by_ids(connection: Connection, wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Attendee]]:
    """Takes (event, id), gives the event with the attendee."""
    for some in in_parts(wanted, 2):
        rows = run(
            connection,
            "SELECT event_id, document FROM attendees"
            f" WHERE (event_id, id) IN (VALUES {values(connection, 2, len(some))})",
            tuple(parameter for pair in some for parameter in pair),
        )
        for event_id, document in rows:
            yield event_id, _decode(document)


class Expectation(msgspec.Struct, frozen=True):
    """An attendee as far as it tells who expects them: decoding no more than that is quicker."""

    id: str
    profile: dict[str, Said[Any]]
    parts: dict[int, Part] = {}
    merged_into: str | None = None

    @property
    def email(self) -> str:
        return self.profile["email"].value or ""


_decode_expectation = msgspec.json.Decoder(Expectation).decode


def list_expectations(
    connection: Connection, event_id: str, *, after_id: str = "", limit: int = 1_000
) -> list[Expectation]:
    """A page of attendees in the order of their ids, whatever their status."""
    rows = connection.execute(
        text("SELECT document FROM attendees WHERE event_id = :event_id AND id > :after_id ORDER BY id LIMIT :limit"),
        {"event_id": event_id, "after_id": after_id, "limit": limit},
    )
    return [_decode_expectation(document) for document in rows.scalars()]


def find_attendee(connection: Connection, event_id: str, attendee_id: str) -> Attendee | None:
    document = connection.execute(
        text("SELECT document FROM attendees WHERE event_id = :event_id AND id = :id"),
        {"event_id": event_id, "id": attendee_id},
    ).scalar()
    return None if document is None else _decode(document)


def list_by_address(connection: Connection, event_id: str, address: str) -> list[Attendee]:
    """All that have, or had, the folded address, the oldest first."""
    found = [attendee for _, _, attendee in find_by_addresses(connection, [(event_id, address)])]
    return sorted(found, key=lambda attendee: attendee.id)


def write_attendees(connection: Connection, rows: Sequence[AttendeeRow]) -> None:
    insert(
        connection,
        "attendees",
        _ATTENDEE,
        rows,
        "ON CONFLICT (event_id, id) DO UPDATE SET status = excluded.status, email_key = excluded.email_key,"
        " name_key = excluded.name_key, company_key = excluded.company_key, updated_at = excluded.updated_at,"
        " document = excluded.document",
    )


def add_addresses(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    """Rows of event, address, attendee."""
    insert(connection, "addresses", "event_id, address, attendee_id", rows, "ON CONFLICT DO NOTHING")


def remove_addresses(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    for some in in_parts(rows, 3):
        run(
            connection,
            "DELETE FROM addresses WHERE (event_id, address, attendee_id)"
            f" IN (VALUES {values(connection, 3, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


def add_third_party_ids(connection: Connection, rows: Sequence[tuple[str, int, str, str]]) -> None:
    """Rows of event, source, id there, attendee."""
    insert(
        connection,
        "third_party_ids",
        "event_id, source_number, third_party_id, attendee_id",
        rows,
        "ON CONFLICT DO NOTHING",
    )


def remove_third_party_ids(connection: Connection, rows: Sequence[tuple[str, int, str, str]]) -> None:
    for some in in_parts(rows, 4):
        run(
            connection,
            "DELETE FROM third_party_ids WHERE (event_id, source_number, third_party_id, attendee_id)"
            f" IN (VALUES {values(connection, 4, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


def add_memberships(connection: Connection, rows: Sequence[tuple[str, int, str]]) -> None:
    """Rows of event, group, attendee."""
    insert(connection, "memberships", "event_id, group_number, attendee_id", rows, "ON CONFLICT DO NOTHING")


def remove_memberships(connection: Connection, rows: Sequence[tuple[str, int, str]]) -> None:
    for some in in_parts(rows, 3):
        run(
            connection,
            "DELETE FROM memberships WHERE (event_id, group_number, attendee_id)"
            f" IN (VALUES {values(connection, 3, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


def list_attendees(
    connection: Connection,
    event_id: str,
    *,
    status: str | None = "attending",
    after_id: str = "",
    limit: int = 1_000,
    with_merged: bool = False,
) -> list[Attendee]:
    """A page of attendees in the order of their ids.

    `status` None means any. Those that were merged into others are nobody of their own and come only when asked for.
    """
    where = ["event_id = :event_id", "id > :after_id"]
    if status is not None:
        where.append("status = :status")
    elif not with_merged:
        where.append("status <> 'merged'")
    rows = connection.execute(
        text(f"SELECT document FROM attendees WHERE {' AND '.join(where)} ORDER BY id LIMIT :limit"),
        {"event_id": event_id, "after_id": after_id, "status": status, "limit": limit},
    )
    return [_decode(document) for document in rows.scalars()]


def scan_attendees(
    connection: Connection,
    event_id: str,
    *,
    status: str | None = "attending",
    updated_since: int = 0,
    after_id: str | None = None,
    descending: bool = False,
    limit: int = 1_000,
) -> list[tuple[str, Attendee | None]]:
    """The next `limit` attendees in the order of their ids, each with None in place of one who is not wanted.

    Whoever asks knows how far he has come, however few are wanted. `status` None means any but `merged`.
    """
    where, wanted = ["event_id = :event_id"], ["updated_at >= :updated_since"]
    if after_id is not None:
        where.append(f"id {_beyond(descending)} :after_id")
    if status == "withdrawn":
        # SQLite does not conclude from the second that it may walk the index of those who are not attending.
        where.append("status <> 'attending' AND status = 'withdrawn'")
    else:
        wanted.append("status = 'attending'" if status == "attending" else "status <> 'merged'")
    rows = connection.execute(
        text(
            f"SELECT id, CASE WHEN {' AND '.join(wanted)} THEN document END AS document FROM attendees"
            f" WHERE {' AND '.join(where)} ORDER BY {_sorted('id', descending)} LIMIT :limit"
        ),
        {"event_id": event_id, "after_id": after_id, "updated_since": updated_since, "limit": limit},
    )
    return [(row.id, None if row.document is None else _decode(row.document)) for row in rows]


def list_member_ids(
    connection: Connection,
    event_id: str,
    group_number: int,
    *,
    after_id: str | None = None,
    descending: bool = False,
    limit: int = 1_000,
) -> list[str]:
    """A page of who is in a group, whatever their status, in the order of ids."""
    behind = "" if after_id is None else f" AND attendee_id {_beyond(descending)} :after_id"
    rows = connection.execute(
        text(
            "SELECT attendee_id FROM memberships WHERE event_id = :event_id AND group_number = :group_number"
            f"{behind} ORDER BY {_sorted('attendee_id', descending)} LIMIT :limit"
        ),
        {"event_id": event_id, "group_number": group_number, "after_id": after_id, "limit": limit},
    )
    return list(rows.scalars())


def list_holder_ids(
    connection: Connection,
    event_id: str,
    address: str,
    *,
    after_id: str | None = None,
    descending: bool = False,
    limit: int = 1_000,
) -> list[str]:
    """A page of who has, or had, the folded address, in the order of ids."""
    behind = "" if after_id is None else f" AND attendee_id {_beyond(descending)} :after_id"
    rows = connection.execute(
        text(
            "SELECT attendee_id FROM addresses WHERE event_id = :event_id AND address = :address"
            f"{behind} ORDER BY {_sorted('attendee_id', descending)} LIMIT :limit"
        ),
        {"event_id": event_id, "address": address, "after_id": after_id, "limit": limit},
    )
    return list(rows.scalars())


def list_updated(
    connection: Connection,
    event_id: str,
    first: int,
    last: int,
    *,
    group_numbers: Sequence[int] | None = None,
    descending: bool = False,
) -> list[tuple[int, Attendee]]:
    """The attendees whose latest line of the log is one from `first` to `last`, with its number, in their order.

    Where groups are given, only who is in one of them.
    """
    member = "" if group_numbers is None else _MEMBER.format(", ".join(map(str, group_numbers)))
    rows = connection.execute(
        text(
            "SELECT changes.sequence, attendees.document FROM changes"
            " JOIN attendees ON attendees.event_id = :event_id AND attendees.id = changes.attendee_id"
            # Nearly all later lines of the same person are told apart so, without reading documents.
            " AND attendees.updated_at = changes.at"
            " WHERE changes.event_id = :event_id AND changes.sequence BETWEEN :first AND :last"
            f"{member} ORDER BY {_sorted('changes.sequence', descending)}"
        ),
        {"event_id": event_id, "first": first, "last": last},
    )
    decoded = ((row.sequence, _decode(row.document)) for row in rows)
    return [(sequence, attendee) for sequence, attendee in decoded if attendee.sequence == sequence]


# Looked up for each line: what PostgreSQL can make a join of, it may begin with all members.
_MEMBER = (
    " AND (SELECT 1 FROM memberships WHERE memberships.event_id = :event_id"
    " AND memberships.group_number IN ({}) AND memberships.attendee_id = changes.attendee_id LIMIT 1) IS NOT NULL"
)


def _beyond(descending: bool) -> str:
    return "<" if descending else ">"


def _sorted(column: str, descending: bool) -> str:
    return f"{column} DESC" if descending else column


def count_by_status(connection: Connection, event_id: str) -> dict[str, int]:
    """How many attendees have each status; one that nobody has is missing."""
    rows = connection.execute(
        text("SELECT status, count(*) AS number FROM attendees WHERE event_id = :event_id GROUP BY status"),
        {"event_id": event_id},
    )
    return {row.status: row.number for row in rows}


def count_members(connection: Connection, event_id: str) -> dict[int, int]:
    """How many attendees, withdrawn ones too, are in each group; an empty one is missing."""
    rows = connection.execute(
        text(
            "SELECT group_number, count(*) AS members FROM memberships WHERE event_id = :event_id GROUP BY group_number"
        ),
        {"event_id": event_id},
    )
    return {row.group_number: row.members for row in rows}
