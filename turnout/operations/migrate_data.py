"""An installation moved from its SQLite file to an empty PostgreSQL database: `migrate` is the page to read.

Whatever ends it, it can be run again and goes on where it was: each page is copied in one transaction with the note of
how far that is. Meanwhile nobody writes to either database, and afterwards nobody to the first (`store/moving.py`).
"""

import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Literal

import msgspec

from turnout.errors import Conflict, InvalidRequest, StorageUnavailable
from turnout.model.user import AuditLine
from turnout.now import new_id, now_us
from turnout.operations.remedies import say_why
from turnout.operations.verify.findings import VerifiedEvent
from turnout.operations.verify.verify import verify
from turnout.store import audit, copying, events, installation, moving, schema, secret_key
from turnout.store.copying import LEFT_OUT
from turnout.store.database import Database, TransactionLost, Unreachable
from turnout.store.moving import Arrival, Move, Progress
from turnout.store.sqlite.database import SqliteDatabase
from turnout.store.sqlite.file_lock import AlreadyHeld, hold_alone

OnProgress = Callable[[str, int, int], object]
"""Called with what is being done, how many rows that is done for, and for how many it will be."""
KeyPlace = Literal["in the settings", "in a file", "none yet"]
Counts = dict[str, dict[str, int]]
"""Rows by table and event."""


class MovedEvent(msgspec.Struct, frozen=True, rename="camel"):
    """What there is of an event."""

    slug: str
    rows: dict[str, int]
    """By table."""


class Migrated(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is, or would be, in the new place."""

    source: str
    target: str
    dry_run: bool
    rows: dict[str, int]
    """By table."""
    events: list[MovedEvent]
    left_out: dict[str, str]
    """Tables that are not moved, and what is in them."""
    goes_on: bool
    """Whether part of it is, or was, there already from a run that did not end."""
    key: KeyPlace
    key_file: str | None
    """Where the secret key is for servers on the target; None where it is in no file."""
    problems: list[VerifiedEvent]
    """What `verify` finds in both: it was there before."""
    seconds: float


def migrate(
    source: Database, target: Database, *, actor: str = "nobody", on_progress: OnProgress = lambda *_: None
) -> Migrated:
    """Moves everything, and leaves the source as it was but for the mark that it is moved.

    The target's audit log says that `actor` did it. Raises InvalidRequest and Conflict where it must not be, before
    anything has changed; and StorageUnavailable.
    """
    began = time.monotonic()
    sqlite = _as_file(source)
    with _alone(sqlite):
        move = _find_move(sqlite, target)
        if move is None or move.frozen_at is None:
            schema.prepare(sqlite)
        _check_key(sqlite, target)
        move = _begin(sqlite, move, target)
        with _telling_how_to_go_on():
            arrival = _receive(target, move, sqlite)
            with sqlite.read() as connection:
                expected = _count(sqlite)
                names = {event.id: event.slug for event in events.list_events(connection)}
            problems: list[VerifiedEvent] = []
            if move.finished_at is None:
                _carry_key(sqlite, target)
                _copy(sqlite, target, arrival, expected, on_progress)
                problems = _check(sqlite, target, expected, names, on_progress)
                with sqlite.write() as connection:
                    moving.note_end(connection, move, now_us())
            # Last: whoever is ended before it finds that only this is left, and until then nobody can write anywhere.
            with target.write(patient=True) as connection:
                moving.open_for_all(connection)
                audit.add_line(connection, _note(actor, "installation.migrate", sqlite.place, target.place))
        goes_on = any(progress.rows for progress in arrival.tables.values())
        return _describe(sqlite, target, expected, names, problems, goes_on=goes_on, seconds=time.monotonic() - began)


def plan(source: Database, target: Database) -> Migrated:
    """What `migrate` would do, after all that can be looked at beforehand. Changes nothing; a server may run."""
    began = time.monotonic()
    sqlite = _as_file(source)
    move = _find_move(sqlite, target)
    with sqlite.read() as connection:
        found = schema.find_version(connection)
        if found != schema.VERSION and (move is None or move.finished_at is None):
            raise Conflict(
                f"The schema of {sqlite.path} is {found or 'not made yet'}; migrate-data brings it to {schema.VERSION} "
                "first, after a backup. What would be moved can be said after that: `turnout event list` does it too."
            )
        names = {event.id: event.slug for event in events.list_events(connection)}
    _check_key(sqlite, target)
    arrival = _look(target, move)
    counts = _count(sqlite)
    seconds = time.monotonic() - began
    return _describe(sqlite, target, counts, names, [], goes_on=arrival is not None, seconds=seconds, dry_run=True)


def find_move(source: Database) -> Move | None:
    """What there is to take back; None where nothing is, or was, being moved. Raises StorageUnavailable."""
    with _as_file(source).read() as connection:
        return moving.find_move(connection)


def undo(source: Database, *, actor: str = "nobody") -> None:
    """Opens the source again. Nothing that came to the target since is in it. Raises as `migrate` does."""
    sqlite = _as_file(source)
    with _alone(sqlite), sqlite.write() as connection:
        move = moving.find_move(connection)
        if move is not None:
            moving.take_back(connection, move)
            if audit.is_there(connection):
                audit.add_line(connection, _note(actor, "installation.migrate_back", move.target, sqlite.place))


def _note(actor: str, action: str, before: str, after: str) -> AuditLine:
    """Written with what opens the database: while it is moved there is none that could say `begun`."""
    return AuditLine(
        id=new_id("aud"),
        at=now_us(),
        user_id=None,
        actor=actor,
        address="",
        action=action,
        event_id="",
        target=None,
        before={"database": before},
        after={"database": after},
        outcome="done",
    )


# --- Before anything is changed --------------------------------------------------------------------------------------


def _as_file(source: Database) -> SqliteDatabase:
    if not isinstance(source, SqliteDatabase):
        raise InvalidRequest(
            "TURNOUT_DATABASE_URL names PostgreSQL already. What is moved is an SQLite file: set it to that "
            "(sqlite:////absolute/path.db)."
        )
    return source


@contextmanager
def _alone(source: SqliteDatabase) -> Generator[None]:
    """No server runs, and none can start."""
    try:
        with hold_alone(source.server_note):
            yield
    except AlreadyHeld as error:
        raise Conflict(f"A server runs on {source.path}, at {error.note}. Stop it first.") from error


def _find_move(source: SqliteDatabase, target: Database) -> Move | None:
    """The move that is to go on. Raises Conflict where it cannot."""
    with source.read() as connection:
        move = moving.find_move(connection)
    if move is None or move.frozen_at is None:
        return move
    if move.schema_version != schema.VERSION:
        raise Conflict(
            f"The move to {move.target} was begun by a Turnout with the schema {move.schema_version}; this one has "
            f"{schema.VERSION}. Go on with that version, or take it back: turnout migrate-data --undo"
        )
    if move.finished_at is not None:
        with target.read() as connection:
            arrival = moving.find_arrival(connection)
        if arrival is None or arrival.id != move.id or move.target != target.place:
            raise Conflict(moving.explain(move))
    return move


def _check_key(source: SqliteDatabase, target: Database) -> None:
    with source.read() as connection:
        fault = installation.find_fault(connection, source)
    if fault is not None:
        raise StorageUnavailable(fault)
    key = _find_key(source)
    there = None if source.given_secret_key is not None else secret_key.find(target.key_file)
    if there is not None and there != key:
        raise Conflict(
            f"There is a secret key at {target.key_file}, where a server on PostgreSQL looks for it, and it is not the "
            "one of this installation. If nothing needs it, move it away; or run this in the folder in which the "
            "server will run, or set TURNOUT_SECRET_KEY to what "
            f"{source.key_file} holds."
        )


def _find_key(source: SqliteDatabase) -> bytes | None:
    return source.given_secret_key or secret_key.find(source.key_file)


def _look(target: Database, move: Move | None) -> Arrival | None:
    """What of this move is there already. Raises Conflict, and StorageUnavailable where it cannot be looked at."""
    try:
        with target.read() as connection:
            arrival = moving.find_arrival(connection)
            _check_target(moving.list_tables(connection), arrival, move, target)
    except Unreachable as error:
        missing = _MISSING.search(error.why)
        cure = "" if missing is None else f" Make it: createdb --encoding UTF8 --template template0 {missing[1]}"
        raise StorageUnavailable(f"{target.place}, cannot be reached: {error.why}.{cure}") from error
    except StorageUnavailable as error:
        raise StorageUnavailable(f"{target.place}: {error.detail}") from error
    return arrival


_MISSING = re.compile(r'database "([^"]+)" does not exist$')
"""What the server says, where it speaks English. A refused connection has no code."""


def _check_target(tables: list[str] | None, arrival: Arrival | None, move: Move | None, target: Database) -> None:
    """Raises Conflict where what is there is neither nothing nor this very source's."""
    if tables is None:
        raise InvalidRequest(f"In {target.place} there is no schema to make tables in: see its search_path.")
    if arrival is not None:
        if move is None or arrival.id != move.id:
            raise Conflict(
                f"In {target.place} there is an unfinished move from {arrival.source}, of another installation or one "
                "that was taken back. Give it an empty database."
            )
        return
    if tables:
        some = ", ".join(tables[:3]) + (" …" if len(tables) > 3 else "")
        raise Conflict(
            f"{target.place} is not empty: it has {some}. Make an empty one (CREATE DATABASE), and give that."
        )


# --- The move --------------------------------------------------------------------------------------------------------


def _begin(source: SqliteDatabase, move: Move | None, target: Database) -> Move:
    """Makes both databases ready, the target first: until it has taken its tables the source stays open."""
    # One that was not frozen yet may have been brought to another schema since.
    is_new = move is None or (move.frozen_at is None and move.schema_version != schema.VERSION)
    if move is None or is_new:
        move = Move(new_id("mov"), target.place, schema.VERSION, None, None)
    elif move.target != target.place:
        move = msgspec.structs.replace(move, target=target.place)
    if move.frozen_at is None:
        # What no server has noted yet: afterwards it cannot be.
        installation.note_key(source)
    # Looked at before anything is written, and again when it is.
    _look(target, None if is_new else move)
    with source.write() as connection:
        moving.note_move(connection, move)
    if move.frozen_at is None:
        _receive(target, move, source)
        with source.write() as connection:
            move = moving.freeze(connection, move, now_us())
    return move


def _receive(target: Database, move: Move, source: SqliteDatabase) -> Arrival:
    """How far it is; makes the tables where none are yet."""
    with target.write(patient=True) as connection:
        schema.come_first(connection)
        arrival = moving.find_arrival(connection)
        _check_target(moving.list_tables(connection), arrival, move, target)
        if arrival is None:
            schema.make(connection)
            arrival = Arrival(move.id, source.place, dict.fromkeys(copying.list_tables(), Progress(0, None)))
            moving.note_arrival(connection, arrival)
    return arrival


@contextmanager
def _telling_how_to_go_on() -> Generator[None]:
    how = "Run the same command again: it goes on where it was. Or stay with the file: turnout migrate-data --undo"
    try:
        yield
    except TransactionLost as error:
        raise StorageUnavailable(f"{error.detail} Nothing is lost. {how}") from error
    except StorageUnavailable as error:
        raise StorageUnavailable(f"{say_why(error)} {how}") from error


def _carry_key(source: SqliteDatabase, target: Database) -> None:
    key = secret_key.find(source.key_file)
    if source.given_secret_key is not None or key is None:
        return
    try:
        target.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"The folder {target.key_file.parent} cannot be made for the secret key ({error.strerror})."
        ) from error
    secret_key.put(target.key_file, key)


def _copy(
    source: SqliteDatabase, target: Database, arrival: Arrival, expected: Counts, on_progress: OnProgress
) -> None:
    total = sum(sum(rows.values()) for rows in expected.values())
    done = sum(progress.rows for progress in arrival.tables.values())
    for table, progress in arrival.tables.items():
        on_progress(f"copying {table}", done, total)
        for rows in _copy_table(source, target, arrival.id, table, progress):
            done += rows
            on_progress(f"copying {table}", done, total)
    with target.write(patient=True) as connection:
        copying.analyse(connection)


def _copy_table(
    source: SqliteDatabase, target: Database, move_id: str, table: str, progress: Progress
) -> Generator[int]:
    """Copies what is behind that place; gives the rows of each page when they are there."""
    while True:
        try:
            with source.read() as connection:
                page = copying.read_page(connection, table, progress.after)
            if page is None:
                return
            now = Progress(progress.rows + len(page.rows), page.after)
            with target.write(patient=True) as connection:
                if not moving.go_on(connection, move_id, table, progress, now):
                    raise Conflict(f"Somebody else moves to {target.place} at the same time. Let that end first.")
                copying.write_page(connection, table, page.rows)
        except copying.Unfit as error:
            raise _explain_unfit(source, table, progress) from error
        yield len(page.rows)
        progress = now


def _explain_unfit(source: SqliteDatabase, table: str, progress: Progress) -> InvalidRequest:
    with source.read() as connection:
        place = copying.find_unfit(connection, table, progress.after)
    where = "" if place is None else f": {place.column} of the row {place.key} {place.why}"
    return InvalidRequest(
        f"The table {table} holds what PostgreSQL cannot{where}. No push can have brought it: the file is damaged, or "
        "was written to by something else. Take the move back (turnout migrate-data --undo), mend it, move again."
    )


def _check(
    source: SqliteDatabase, target: Database, expected: Counts, names: dict[str, str], on_progress: OnProgress
) -> list[VerifiedEvent]:
    """Raises StorageUnavailable where the target is not what the source is; gives what is wrong with both alike."""
    found = _count(target)
    for table, rows in expected.items():
        for event_id in rows.keys() | found[table].keys():
            wanted, there = rows.get(event_id, 0), found[table].get(event_id, 0)
            if wanted != there:
                where = f" of the event {names.get(event_id, event_id)}" if event_id else ""
                raise Conflict(
                    f"In {table}{where} there are {there:,} rows and not {wanted:,}: somebody else has written to "
                    f"{target.place}. Give it an empty database."
                )
    verified = verify(target, None, lambda slug, rows, total: on_progress(f"verifying {slug}", rows, total))
    problems = []
    for event in verified.events:
        if event.problems:
            (before,) = verify(source, event.slug).events
            if not _is_alike(before, event):
                raise Conflict(
                    f"In the event {event.slug} `verify` finds on {target.place} what is not so in {source.path}: "
                    f"{event.problems[0].message} Give it an empty database and move again."
                )
            problems.append(event)
    with target.read() as connection:
        fault = installation.find_fault(connection, target)
    if fault is not None:
        raise StorageUnavailable(fault)
    return problems


def _is_alike(before: VerifiedEvent, after: VerifiedEvent) -> bool:
    def known(event: VerifiedEvent) -> tuple[object, ...]:
        # Where there are more than are described, which ones are is chance: an index is read as the database likes.
        described = set() if event.more_problems else {(one.code, one.message) for one in event.problems}
        return event.attendees, event.changes, event.pushes, len(event.problems) + event.more_problems, described

    return known(before) == known(after)


def _count(database: Database) -> Counts:
    counts = {}
    for table in copying.list_tables():
        with database.read() as connection:
            counts[table] = copying.count_rows(connection, table)
    return counts


def _describe(
    source: SqliteDatabase,
    target: Database,
    counts: Counts,
    names: dict[str, str],
    problems: list[VerifiedEvent],
    *,
    goes_on: bool,
    seconds: float,
    dry_run: bool = False,
) -> Migrated:
    place: KeyPlace = "none yet"
    with suppress(StorageUnavailable):
        place = "in the settings" if source.given_secret_key is not None else place
        place = "in a file" if place == "none yet" and secret_key.find(source.key_file) is not None else place
    return Migrated(
        source=source.place,
        target=target.place,
        dry_run=dry_run,
        rows={table: sum(rows.values()) for table, rows in counts.items()},
        events=[
            MovedEvent(slug, {table: rows[event_id] for table, rows in counts.items() if event_id in rows})
            for event_id, slug in names.items()
        ],
        left_out=LEFT_OUT,
        goes_on=goes_on,
        key=place,
        key_file=str(target.key_file) if place == "in a file" else None,
        problems=problems,
        seconds=round(seconds, 3),
    )
