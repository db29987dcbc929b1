"""Who came to a group or a field's value, and who left it: counted hour by hour, from the log."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from turnout.store.statements import insert, is_postgresql, placeholder, run

CONSUMER = "alert-moves"
"""Whose cursor and lease it is."""
HOUR_US = 3_600 * 1_000_000
PEOPLE = "people"
"""About those who are expected, and those who are not any more."""
BY_HAND = "hand "
"""In front of what somebody has done himself, or let be done: it counts, and nobody is told of it."""


class Moved(NamedTuple):
    """What of one group or field in one hour."""

    hour: int
    about: str
    """`group:3`, `custom_field:7`, `profile:title`, `people`; with `hand ` in front of it by a person."""
    gained: int
    lost: int


def list_lines(
    connection: Connection, event_id: str, after: int, limit: int
) -> list[tuple[int, int, str, str | None, str]]:
    """Sequence, time, kind, actor and entries, as JSON, of the lines behind `after`, in order."""
    one = placeholder(connection)
    rows = run(
        connection,
        "SELECT sequence, at, kind, actor, entries FROM changes"
        f" WHERE event_id = {one} AND sequence > {one} ORDER BY sequence LIMIT {one}",
        (event_id, after, limit),
    )
    return [tuple(row) for row in rows]


def add_moves(connection: Connection, event_id: str, rows: Sequence[tuple[int, str, int, int]]) -> None:
    """Adds to what is counted: rows of hour, about, gained, lost. No place twice."""
    insert(
        connection,
        "alert_moves",
        "event_id, hour, about, gained, lost",
        [(event_id, *row) for row in rows],
        "ON CONFLICT (event_id, hour, about) DO UPDATE SET"
        " gained = alert_moves.gained + excluded.gained, lost = alert_moves.lost + excluded.lost",
    )


def list_moves(connection: Connection, event_id: str, since_hour: int) -> list[Moved]:
    """All that was counted from this hour on, the latest first."""
    rows = connection.execute(
        text(
            "SELECT hour, about, gained, lost FROM alert_moves"
            " WHERE event_id = :event_id AND hour >= :since_hour ORDER BY hour DESC, about"
        ),
        {"event_id": event_id, "since_hour": since_hour},
    )
    return [Moved(*row) for row in rows]


def count_attending(connection: Connection, event_id: str, most: int) -> int:
    """Who is attending; no more than `most` are counted."""
    return connection.execute(
        text(
            "SELECT count(*) FROM (SELECT 1 FROM attendees WHERE event_id = :event_id AND status = 'attending'"
            " LIMIT :most) AS counted"
        ),
        {"event_id": event_id, "most": most},
    ).scalar_one()


def count_members(connection: Connection, event_id: str, number: int, most: int) -> int:
    """Who is in the group, be they attending or not: the log counts their moves too. No more than `most`."""
    return connection.execute(
        text(
            "SELECT count(*) FROM (SELECT 1 FROM memberships"
            " WHERE event_id = :event_id AND group_number = :number LIMIT :most) AS counted"
        ),
        {"event_id": event_id, "number": number, "most": most},
    ).scalar_one()


def count_holders(connection: Connection, event_id: str, key: str, most: int) -> int:
    """Who has a value in the profile's field of this name, or in the custom field of this number; up to `most`.

    Looks through documents until it has found so many: seconds, where few of hundreds of thousands have one.
    """
    place = "strpos(document, {})" if is_postgresql(connection) else "instr(document, {})"
    # As they are written: a value, or a list of values, in front of where it comes from. Within a text each quotation
    # mark would have a backslash in front of it.
    text_value, list_value = place.format(":text_value"), place.format(":list_value")
    return connection.execute(
        text(
            "SELECT count(*) FROM (SELECT 1 FROM attendees WHERE event_id = :event_id AND status <> 'merged'"
            f" AND ({text_value} > 0 OR {list_value} > 0) LIMIT :most) AS counted"
        ),
        {"event_id": event_id, "text_value": f'"{key}":["', "list_value": f'"{key}":[["', "most": most},
    ).scalar_one()


def forget_moves(connection: Connection, before_hour: int, limit: int) -> int:
    """Removes some of what was counted of earlier hours; gives how much."""
    return connection.execute(
        # Event by event, each at the beginning of its rows: nothing says of all rows which are old.
        text(
            "DELETE FROM alert_moves WHERE (event_id, hour, about) IN"
            " (SELECT alert_moves.event_id, alert_moves.hour, alert_moves.about FROM events"
            " JOIN alert_moves ON alert_moves.event_id = events.id AND alert_moves.hour < :before_hour LIMIT :limit)"
        ),
        {"before_hour": before_hour, "limit": limit},
    ).rowcount
