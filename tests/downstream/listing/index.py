"""The list index as it is, and as the documents say that it has to be."""

from typing import Any

from sqlalchemy import text

from turnout.changes.listing.facets import email_key, facets_of, last_name_key
from turnout.changes.listing.words import words_of
from turnout.store import attendees, cursors, events
from turnout.store.database import Database
from turnout.store.listing import CONSUMER

Rows = dict[str, set[tuple[Any, ...]]]


def read_index(database: Database, event_id: str) -> Rows:
    """All rows of the event."""
    columns = {
        "listed": "attendee_id, email_key, last_name_key, facets, words",
        "facets": "facet, attendee_id, email_key, last_name_key",
        "words": "word, attendee_id",
    }
    with database.read() as connection:
        return {
            table: {
                tuple(row)
                for row in connection.execute(
                    text(f"SELECT {names} FROM {table} WHERE event_id = :event_id"), {"event_id": event_id}
                )
            }
            for table, names in columns.items()
        }


def compute_index(database: Database, event_id: str) -> Rows:
    """All rows that the documents ask for."""
    with database.read() as connection:
        people = attendees.list_attendees(connection, event_id, status=None, limit=1_000_000)
    return {
        "listed": {
            (one.id, email_key(one), last_name_key(one), "\n".join(facets_of(one)), "\n".join(words_of(one)))
            for one in people
        },
        "facets": {(facet, one.id, email_key(one), last_name_key(one)) for one in people for facet in facets_of(one)},
        "words": {(word, one.id) for one in people for word in words_of(one)},
    }


def is_caught_up(database: Database, event_id: str) -> bool:
    with database.read() as connection:
        return cursors.find_behind(connection, CONSUMER, event_id) is None


def check_index(database: Database) -> None:
    """Of every event the index has come to the end of the log, and holds what the documents ask for."""
    with database.read() as connection:
        event_ids = [event.id for event in events.list_events(connection)]
    for event_id in event_ids:
        assert is_caught_up(database, event_id)
        assert read_index(database, event_id) == compute_index(database, event_id)
