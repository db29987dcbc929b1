"""What an erasure takes away (F1): values go, sequence numbers and kinds stay."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
from sqlalchemy import Connection, text

from turnout.model.receipt import Failure
from turnout.store.statements import in_parts, is_postgresql, placeholder, run, values

_PAGE = 5_000


class StoredTrace(msgspec.Struct, frozen=True):
    """A line of the push log, as far as it tells whom it is about."""

    event_id: str
    id: str
    attendee_id: str | None
    email: str | None


def read_pushes(connection: Connection, event_id: str, after: str = "") -> Iterator[StoredTrace]:
    """The push log behind `after`, in order."""
    while True:
        rows = connection.execute(
            text(
                "SELECT event_id, id, attendee_id, email FROM pushes"
                " WHERE event_id = :event_id AND id > :after ORDER BY id LIMIT :limit"
            ),
            {"event_id": event_id, "after": after, "limit": _PAGE},
        ).all()
        yield from (StoredTrace(*row) for row in rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


def read_texts(connection: Connection, push: StoredTrace) -> Iterator[str]:
    """What is kept of what a push said, and of what was said of it: one that is about nobody known may name anybody."""
    its = {"event_id": push.event_id, "id": push.id}
    row = connection.execute(
        text("SELECT failure, warnings FROM pushes WHERE event_id = :event_id AND id = :id"), its
    ).one()
    if row.failure is not None:
        failure = msgspec.json.decode(row.failure, type=Failure)
        yield failure.detail
        # Not the help, which is ours, and whose example may be anybody's address.
        for problem in failure.errors:
            yield problem.path
            yield problem.message
    if row.warnings is not None:
        yield row.warnings
    body = connection.execute(
        text("SELECT body FROM bodies WHERE event_id = :event_id AND push_id = :id"), its
    ).scalar()
    if body is not None:
        yield body


def redact_changes(connection: Connection, event_id: str, sequences: Sequence[int]) -> None:
    """Lines without values and addresses."""
    for some in in_parts([(sequence,) for sequence in sequences], 1):
        run(
            connection,
            f"UPDATE changes SET entries = '[]', email = NULL WHERE event_id = {placeholder(connection)}"
            f" AND sequence IN ({values(connection, 1, len(some))})",
            (event_id, *(sequence for (sequence,) in some)),
        )


def redact_pushes(connection: Connection, event_id: str, push_ids: Sequence[str], failure: str) -> None:
    """Lines without address, warnings and body; one that failed says `failure` instead of why."""
    for some in in_parts([(push_id,) for push_id in push_ids], 1):
        its = (event_id, *(push_id for (push_id,) in some))
        among = f"({values(connection, 1, len(some))})"
        run(
            connection,
            "UPDATE pushes SET email = NULL, warnings = NULL, more_warnings = NULL,"
            f" failure = CASE WHEN failure IS NULL THEN NULL ELSE {placeholder(connection)} END"
            f" WHERE event_id = {placeholder(connection)} AND id IN {among}",
            (failure, *its),
        )
        run(connection, f"DELETE FROM bodies WHERE event_id = {placeholder(connection)} AND push_id IN {among}", its)


def read_answers(connection: Connection, event_id: str) -> Iterator[tuple[int, str, int, str]]:
    """What repeated requests would be answered: source, key, item, answer."""
    rows = connection.execute(
        text("SELECT source_number, key, item, answer FROM idempotency WHERE event_id = :event_id"),
        {"event_id": event_id},
    )
    for row in rows:
        yield row.source_number, row.key, row.item, row.answer


def remove_answers(connection: Connection, event_id: str, places: Sequence[tuple[int, str, int]]) -> None:
    for some in in_parts([(event_id, *place) for place in places], 4):
        run(
            connection,
            "DELETE FROM idempotency WHERE (event_id, source_number, key, item)"
            f" IN (VALUES {values(connection, 4, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )


# --- Of a whole event, in steps --------------------------------------------------------------------------------------


class StoredAttendee(msgspec.Struct, frozen=True):
    """A row as it is: whether it is still so can be told by its document."""

    id: str
    document: str


def list_attendees(connection: Connection, event_id: str, after: str, limit: int) -> list[StoredAttendee]:
    """Some attendees, whatever their status, in the order of their ids."""
    rows = connection.execute(
        text("SELECT id, document FROM attendees WHERE event_id = :event_id AND id > :after ORDER BY id LIMIT :limit"),
        {"event_id": event_id, "after": after, "limit": limit},
    )
    return [StoredAttendee(*row) for row in rows]


def find_unchanged(connection: Connection, event_id: str, known: Sequence[StoredAttendee]) -> set[str]:
    """The ids of those that are as they were."""
    documents = {one.id: one.document for one in known}
    found: set[str] = set()
    for some in in_parts([(one.id,) for one in known], 1):
        rows = run(
            connection,
            f"SELECT id, document FROM attendees WHERE event_id = {placeholder(connection)}"
            f" AND id IN ({values(connection, 1, len(some))})",
            (event_id, *(attendee_id for (attendee_id,) in some)),
        )
        found |= {attendee_id for attendee_id, document in rows if documents[attendee_id] == document}
    return found


def list_histories(
    connection: Connection, event_id: str, last: Sequence[int], limit: int
) -> list[tuple[int, int]] | None:
    """The lines of attendees whose last ones these are: (last, sequence); None where they are more than `limit`."""
    lines: list[tuple[int, int]] = []
    for some in in_parts([(sequence,) for sequence in last], 1):
        rows = run(
            connection,
            "WITH RECURSIVE history (last, sequence, previous) AS ("
            " SELECT sequence, sequence, previous FROM changes"
            f" WHERE event_id = {placeholder(connection)} AND sequence IN ({values(connection, 1, len(some))})"
            " UNION ALL"
            " SELECT history.last, changes.sequence, changes.previous FROM history"
            f" JOIN changes ON changes.event_id = {placeholder(connection)} AND changes.sequence = history.previous)"
            f" SELECT last, sequence FROM history LIMIT {placeholder(connection)}",
            (event_id, *(sequence for (sequence,) in some), event_id, limit + 1 - len(lines)),
        )
        lines += [tuple(row) for row in rows]
        if len(lines) > limit:
            return None
    return lines


def delete_attendees(connection: Connection, event_id: str, attendee_ids: Sequence[str]) -> None:
    """Their rows; those in the tables that only repeat what documents say are removed apart."""
    for some in in_parts([(attendee_id,) for attendee_id in sorted(attendee_ids)], 1):
        theirs = f"event_id = {placeholder(connection)} AND id IN ({values(connection, 1, len(some))})"
        parameters = (event_id, *(attendee_id for (attendee_id,) in some))
        if is_postgresql(connection):
            # In the order in which the list index holds them while it writes what it has of them (`listing.py`).
            run(connection, f"SELECT id FROM attendees WHERE {theirs} ORDER BY id FOR UPDATE", parameters)
        run(connection, f"DELETE FROM attendees WHERE {theirs}", parameters)


def list_telling_pushes(connection: Connection, event_id: str, after: str, limit: int, failure: str) -> list[str]:
    """Lines of the push log behind `after` that still tell of somebody: `failure` is what an erased one says."""
    return list(
        connection.execute(
            text(
                "SELECT id FROM pushes WHERE event_id = :event_id AND id > :after AND (email IS NOT NULL"
                " OR warnings IS NOT NULL OR more_warnings IS NOT NULL"
                " OR (failure IS NOT NULL AND failure <> :failure))"
                " ORDER BY id LIMIT :limit"
            ),
            {"event_id": event_id, "after": after, "limit": limit, "failure": failure},
        ).scalars()
    )


def list_bodies(connection: Connection, event_id: str, before: str, limit: int) -> list[tuple[str, int]]:
    """The first bodies of pushes before this id: (push, characters)."""
    rows = connection.execute(
        text(
            "SELECT push_id, length(body) FROM bodies WHERE event_id = :event_id AND push_id < :before"
            " ORDER BY push_id LIMIT :limit"
        ),
        {"event_id": event_id, "before": before, "limit": limit},
    )
    return [tuple(row) for row in rows]


def remove_bodies(connection: Connection, event_id: str, to: str) -> int:
    """Removes the bodies of pushes up to this one; gives how many."""
    return connection.execute(
        text("DELETE FROM bodies WHERE event_id = :event_id AND push_id <= :to"), {"event_id": event_id, "to": to}
    ).rowcount


def remove_all_answers(connection: Connection, event_id: str, limit: int) -> int:
    """Removes some of what repeated requests would be answered; gives how many."""
    return connection.execute(
        text(
            "DELETE FROM idempotency WHERE (event_id, source_number, key, item) IN"
            " (SELECT event_id, source_number, key, item FROM idempotency WHERE event_id = :event_id LIMIT :limit)"
        ),
        {"event_id": event_id, "limit": limit},
    ).rowcount


def remove_refusals(connection: Connection, event_id: str, limit: int) -> int:
    """Removes some of the network addresses that were refused; gives how many."""
    return connection.execute(
        text(
            "DELETE FROM refusals WHERE (event_id, address, key_id) IN"
            " (SELECT event_id, address, key_id FROM refusals WHERE event_id = :event_id LIMIT :limit)"
        ),
        {"event_id": event_id, "limit": limit},
    ).rowcount


def list_events_to_purge(connection: Connection, now: int, day_us: int) -> list[str]:
    """The events whose everyone is to be erased by now, whether that is done or not."""
    return list(
        connection.execute(
            text("SELECT id FROM events WHERE ends_at + purge_after_days * :day_us <= :now ORDER BY id"),
            {"day_us": day_us, "now": now},
        ).scalars()
    )


def list_events_with_bodies(
    connection: Connection, default_days: int, before: Callable[[int], str]
) -> list[tuple[str, int]]:
    """The events with bodies that were kept long enough: (event, days). `before` gives the first id to keep."""
    all_days = connection.execute(
        text("SELECT DISTINCT COALESCE(keep_bodies_days, :default_days) FROM events"), {"default_days": default_days}
    ).scalars()
    return [
        (event_id, days)
        for days in list(all_days)
        for event_id in connection.execute(
            text(
                "SELECT id FROM events WHERE COALESCE(keep_bodies_days, :default_days) = :days AND EXISTS"
                " (SELECT 1 FROM bodies WHERE bodies.event_id = events.id AND bodies.push_id < :before) ORDER BY id"
            ),
            {"default_days": default_days, "days": days, "before": before(days)},
        ).scalars()
    ]
