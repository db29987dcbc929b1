"""The push log, the bodies as they came, and the answers kept for repeated requests."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, text

from turnout.model.push import StoredPush
from turnout.model.receipt import Failure, Warning
from turnout.store.statements import in_parts, insert, is_postgresql, run, slices, values

PUSH_COLUMNS = (
    "event_id, id, at, source_number, key_id, actor, result, dry_run, email, attendee_id, sequence,"
    " observed_at, replay_of, repeats, last_at, warnings, failure, more_warnings, rehearsed"
)
_encode = msgspec.json.Encoder().encode
_decode_warnings = msgspec.json.Decoder(list[Warning]).decode
_decode_failure = msgspec.json.Decoder(Failure).decode


class StoredAnswer(msgspec.Struct, frozen=True):
    """What a request with an Idempotency-Key was answered."""

    digest: str
    answer: str
    created_at: int


def add_pushes(connection: Connection, pushes: Sequence[StoredPush]) -> None:
    insert(
        connection,
        "pushes",
        PUSH_COLUMNS,
        [
            (
                push.event_id,
                push.id,
                push.at,
                push.source_number,
                push.key_id,
                push.actor,
                push.result,
                int(push.dry_run),
                push.email,
                push.attendee_id,
                push.sequence,
                push.observed_at,
                push.replay_of,
                push.repeats,
                push.last_at,
                _encode(push.warnings).decode() if push.warnings else None,
                _encode(push.failure).decode() if push.failure else None,
                push.more_warnings or None,
                1 if push.rehearsed else None,
            )
            for push in pushes
        ],
    )


def count_repeats(connection: Connection, repeats: Sequence[tuple[str, str, int]]) -> None:
    """Adds to the lines of pushes that were said again, as often as they come here: rows of event, push, time."""
    counted = Counter((event_id, push_id) for event_id, push_id, _ in repeats)
    last = {(event_id, push_id): at for event_id, push_id, at in repeats}
    rows = [(*place, times, last[place]) for place, times in sorted(counted.items())]
    for some in slices(rows, 4):
        run(
            connection,
            "WITH again (event_id, id, times, at) AS (VALUES"
            f" {values(connection, 4, len(some), 'text', 'text', 'bigint', 'bigint')})"
            " UPDATE pushes SET repeats = repeats + again.times, last_at = again.at FROM again"
            " WHERE pushes.event_id = again.event_id AND pushes.id = again.id",
            tuple(parameter for row in some for parameter in row),
        )


def add_bodies(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    """Rows of event, push, body."""
    insert(connection, "bodies", "event_id, push_id, body", rows)


def find_body(connection: Connection, event_id: str, push_id: str) -> str | None:
    """What came, without its key; None where it was a dry run, or its time is over."""
    return connection.execute(
        text("SELECT body FROM bodies WHERE event_id = :event_id AND push_id = :push_id"),
        {"event_id": event_id, "push_id": push_id},
    ).scalar()


def find_bodies(connection: Connection, event_id: str, push_ids: Sequence[str]) -> dict[str, str]:
    """Of these pushes, some hundreds at most, by push; those that are gone are left out."""
    rows = connection.execute(
        text("SELECT push_id, body FROM bodies WHERE event_id = :event_id AND push_id IN :ids").bindparams(
            bindparam("ids", expanding=True)
        ),
        {"event_id": event_id, "ids": list(push_ids)},
    )
    return {row.push_id: row.body for row in rows}


def find_oldest_body(connection: Connection, event_id: str) -> str | None:
    """The id of the event's first push whose body is still there."""
    return connection.execute(
        text("SELECT push_id FROM bodies WHERE event_id = :event_id ORDER BY push_id LIMIT 1"), {"event_id": event_id}
    ).scalar()


def find_push(connection: Connection, push_id: str, event_id: str | None = None) -> StoredPush | None:
    """The push with this id, of this event where it is named."""
    where = "event_id = :event_id" if event_id is not None else "event_id IN (SELECT id FROM events)"
    row = connection.execute(
        text(f"SELECT {PUSH_COLUMNS} FROM pushes WHERE {where} AND id = :id"), {"event_id": event_id, "id": push_id}
    ).first()
    return None if row is None else as_push(row)


def list_pushes(
    connection: Connection,
    event_id: str,
    *,
    source_number: int | None = None,
    result: str | None = None,
    before_id: str | None = None,
    limit: int = 100,
) -> list[StoredPush]:
    """A page of pushes, latest first."""
    where = ["event_id = :event_id"]
    if source_number is not None:
        where.append("source_number = :source_number")
    if result == "failed":
        # As a literal, which the index of the failed ones is for.
        where.append("result = 'failed'")
    elif result is not None:
        where.append("result = :result")
    if before_id is not None:
        where.append("id < :before_id")
    rows = connection.execute(
        text(f"SELECT {PUSH_COLUMNS} FROM pushes WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT :limit"),
        {
            "event_id": event_id,
            "source_number": source_number,
            "result": result,
            # A NUL, which PostgreSQL does not take in a text, is in no id; this is as good as the smallest character.
            "before_id": before_id and before_id.replace("\0", "\1"),
            "limit": limit,
        },
    )
    return [as_push(row) for row in rows]


def list_latest_ids(connection: Connection, event_id: str, after_id: str, limit: int) -> list[str]:
    """The ids behind this one, latest first."""
    return list(
        connection.execute(
            text("SELECT id FROM pushes WHERE event_id = :event_id AND id > :after_id ORDER BY id DESC LIMIT :limit"),
            {"event_id": event_id, "after_id": after_id, "limit": limit},
        ).scalars()
    )


def count_between(connection: Connection, event_id: str, after_id: str, before_id: str) -> int:
    """How many lines of the event have an id between these two."""
    return connection.execute(
        text("SELECT count(*) FROM pushes WHERE event_id = :event_id AND id > :after_id AND id < :before_id"),
        {"event_id": event_id, "after_id": after_id, "before_id": before_id},
    ).scalar_one()


def list_by_ids(connection: Connection, event_id: str, ids: Sequence[str]) -> list[StoredPush]:
    """These pushes, latest first; one or some hundreds."""
    rows = connection.execute(
        text(
            f"SELECT {PUSH_COLUMNS} FROM pushes WHERE event_id = :event_id AND id IN :ids ORDER BY id DESC"
        ).bindparams(bindparam("ids", expanding=True)),
        {"event_id": event_id, "ids": list(ids)},
    )
    return [as_push(row) for row in rows]


def pushes_by(connection: Connection, index: str | None) -> str:
    """The table for FROM, read by this index.

    SQLite would walk all of an event's lines, in whose order it wants them, instead of the few of a source or the
    failed ones; PostgreSQL knows how many there are.
    """
    return "pushes" if index is None or is_postgresql(connection) else f"pushes INDEXED BY {index}"


def find_last_at(connection: Connection, event_id: str, source_number: int | None = None) -> int | None:
    """When the latest line of the event, or of its source, was said last; one look at the end of an index."""
    where = "event_id = :event_id" + ("" if source_number is None else " AND source_number = :source_number")
    return connection.execute(
        text(f"SELECT last_at FROM {_of_source(connection, source_number)} WHERE {where} ORDER BY id DESC LIMIT 1"),
        {"event_id": event_id, "source_number": source_number},
    ).scalar()


def list_warned(
    connection: Connection, event_id: str, limit: int, source_number: int | None = None
) -> list[tuple[int, int, list[Warning]]]:
    """Of the latest so many pushes those with warnings: source, time, the warnings; latest first."""
    where = "event_id = :event_id" + ("" if source_number is None else " AND source_number = :source_number")
    rows = connection.execute(
        text(
            "SELECT source_number, last_at, warnings FROM"
            f" (SELECT source_number, last_at, warnings FROM {_of_source(connection, source_number)}"
            f" WHERE {where} ORDER BY id DESC LIMIT :limit) AS latest WHERE warnings IS NOT NULL"
        ),
        {"event_id": event_id, "source_number": source_number, "limit": limit},
    )
    return [(number, last_at, _decode_warnings(warnings)) for number, last_at, warnings in rows]


def list_latest_bodies(
    connection: Connection, event_id: str, source_number: int, *, limit: int, look_at: int, max_characters: int
) -> list[str]:
    """The bodies of the source's latest pushes that did not fail, latest first, among so many looked at."""
    return list(
        connection.execute(
            text(
                f"SELECT body FROM (SELECT id, result FROM {_of_source(connection, source_number)}"
                " WHERE event_id = :event_id"
                " AND source_number = :source_number ORDER BY id DESC LIMIT :look_at) AS latest"
                " JOIN bodies ON bodies.event_id = :event_id AND bodies.push_id = latest.id"
                " WHERE result <> 'failed' AND length(body) <= :max_characters ORDER BY id DESC LIMIT :limit"
            ),
            {
                "event_id": event_id,
                "source_number": source_number,
                "look_at": look_at,
                "limit": limit,
                "max_characters": max_characters,
            },
        ).scalars()
    )


def _of_source(connection: Connection, source_number: int | None) -> str:
    return pushes_by(connection, None if source_number is None else "pushes_source")


def list_failed_ids(connection: Connection, event_id: str) -> list[str]:
    """The pushes that failed and have not succeeded as a replay since, in the order in which they came.

    Without those of sources that are retired: they say nothing any more.
    """
    return list(
        connection.execute(
            text(
                "SELECT id FROM pushes WHERE event_id = :event_id AND result = 'failed' AND dry_run = :no"
                " AND source_number NOT IN"
                " (SELECT number FROM sources WHERE event_id = :event_id AND retired_at IS NOT NULL)"
                " AND replay_of IS NULL AND id NOT IN"
                " (SELECT replay_of FROM pushes WHERE event_id = :event_id AND replay_of IS NOT NULL"
                " AND result <> 'failed' AND dry_run = :no)"
                " ORDER BY id"
            ),
            {"event_id": event_id, "no": 0},
        ).scalars()
    )


def list_rehearsed_ids(connection: Connection, event_id: str, source_number: int) -> list[str]:
    """A source's rehearsed pushes that nobody has replayed since with effect, in the order in which they came.

    A rehearsed replay of one of them says nothing that it does not.
    """
    return list(
        connection.execute(
            text(
                "SELECT id FROM pushes WHERE event_id = :event_id AND source_number = :source_number AND rehearsed = 1"
                " AND id NOT IN (SELECT replay_of FROM pushes WHERE event_id = :event_id"
                " AND source_number = :source_number AND replay_of IS NOT NULL AND dry_run = :no)"
                " AND (replay_of IS NULL OR replay_of NOT IN (SELECT id FROM pushes WHERE event_id = :event_id"
                " AND source_number = :source_number AND rehearsed = 1))"
                " ORDER BY id"
            ),
            {"event_id": event_id, "source_number": source_number, "no": 0},
        ).scalars()
    )


def find_answers(
    connection: Connection, wanted: Sequence[tuple[str, int, str, int]], since: int
) -> dict[tuple[str, int, str, int], StoredAnswer]:
    """Answers kept since then, by (event, source, key, item)."""
    found = {}
    for some in in_parts(wanted, 4):
        rows = run(
            connection,
            "SELECT event_id, source_number, key, item, digest, answer, created_at FROM idempotency"
            f" WHERE (event_id, source_number, key, item) IN (VALUES {values(connection, 4, len(some))})",
            tuple(parameter for row in some for parameter in row),
        )
        answers = ((tuple(row[:4]), StoredAnswer(*row[4:])) for row in rows)
        found |= {place: answer for place, answer in answers if answer.created_at >= since}
    return found


def keep_answers(connection: Connection, rows: Sequence[tuple[str, int, str, int, str, str, int]]) -> None:
    """Rows of event, source, key, item, digest, answer, time. One of an older day makes room."""
    insert(
        connection,
        "idempotency",
        "event_id, source_number, key, item, digest, answer, created_at",
        rows,
        "ON CONFLICT (event_id, source_number, key, item) DO UPDATE SET"
        " digest = excluded.digest, answer = excluded.answer, created_at = excluded.created_at",
    )


def has_answers_before(connection: Connection, before: int) -> bool:
    row = connection.execute(
        text("SELECT 1 FROM idempotency WHERE created_at < :before LIMIT 1"), {"before": before}
    ).first()
    return row is not None


def forget_answers(connection: Connection, before: int, limit: int) -> int:
    """Removes some of the answers kept before then; gives how many."""
    return connection.execute(
        text(
            # Asked twice: between the two somebody may have used the key again.
            "DELETE FROM idempotency WHERE created_at < :before AND (event_id, source_number, key, item) IN"
            " (SELECT event_id, source_number, key, item FROM idempotency WHERE created_at < :before"
            f" ORDER BY event_id, source_number, key, item LIMIT :limit{_passing(connection)})"
        ),
        {"before": before, "limit": limit},
    ).rowcount


def _passing(connection: Connection) -> str:
    """For rows that others are writing: they are left for the next time."""
    return " FOR UPDATE SKIP LOCKED" if is_postgresql(connection) else ""


def as_push(row: Any) -> StoredPush:
    return StoredPush(
        event_id=row.event_id,
        id=row.id,
        at=row.at,
        source_number=row.source_number,
        key_id=row.key_id,
        actor=row.actor,
        result=row.result,
        dry_run=bool(row.dry_run),
        email=row.email,
        attendee_id=row.attendee_id,
        sequence=row.sequence,
        observed_at=row.observed_at,
        replay_of=row.replay_of,
        repeats=row.repeats,
        last_at=row.last_at,
        warnings=_decode_warnings(row.warnings) if row.warnings else [],
        more_warnings=row.more_warnings or 0,
        rehearsed=bool(row.rehearsed),
        failure=_decode_failure(row.failure) if row.failure else None,
    )
