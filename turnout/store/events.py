"""Events and all that is set up for them, and the clock row that gives changes their order."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, text

from turnout.errors import StorageUnavailable
from turnout.model.event import Configuration, Event
from turnout.model.key import Key
from turnout.model.names import Name, Names
from turnout.model.policy import Policy, SourcePolicy
from turnout.model.source import Source
from turnout.now import now_us
from turnout.store.statements import in_parts, insert, is_postgresql, placeholder, run, slices, values
from turnout.store.tables import VERSION

_EVENT = (
    "id, slug, host, name, policy, time_zone, created_at, archived_at,"
    " identity, ends_at, purge_after_days, keep_bodies_days, suppresses, purged_at, cors"
)
_SOURCE = "event_id, number, id, name, spelling, policy, created_at, retired_at"
_KEY = (
    "event_id, id, source_number, scope, label, digest, created_at, expires_at, revoked_at, last_used_at,"
    " groups, fields, last_address"
)
_NAME = "event_id, kind, number, id, name, first_source, staff_only, created_at"


class Clock(msgspec.Struct):
    """An event's clock row: what the next change counts on from."""

    event_id: str
    last_sequence: int
    last_at: int
    version: int

    def raise_version(self) -> None:
        """What is set up has changed. Never a number that was given before, even to what a failover has lost."""
        self.version = max(self.version + 1, now_us())


def lock_clocks(connection: Connection, event_ids: Iterable[str], *, passing: bool = False) -> dict[str, Clock]:
    """The clocks of these events, locked until the transaction ends; in one order, so that nobody waits in a circle.

    `passing` leaves out those that somebody else has locked. (SQLite has locked the whole file by now.)
    """
    clocks = {}
    lock = "" if not is_postgresql(connection) else " FOR UPDATE SKIP LOCKED" if passing else " FOR UPDATE"
    wanted = [(event_id,) for event_id in sorted(event_ids)]
    for some in in_parts(wanted, 1):
        rows = run(
            connection,
            "SELECT event_id, last_sequence, last_at, version FROM clocks"
            f" WHERE event_id IN ({values(connection, 1, len(some))}) ORDER BY event_id{lock}",
            tuple(event_id for (event_id,) in some),
        )
        clocks |= {row[0]: Clock(*row) for row in rows}
    return clocks


def move_clocks(connection: Connection, clocks: Sequence[Clock]) -> None:
    insert(
        connection,
        "clocks",
        "event_id, last_sequence, last_at, version",
        [(clock.event_id, clock.last_sequence, clock.last_at, clock.version) for clock in clocks],
        "ON CONFLICT (event_id) DO UPDATE SET"
        " last_sequence = excluded.last_sequence, last_at = excluded.last_at, version = excluded.version",
    )


def find_version(connection: Connection, event_id: str) -> int | None:
    return connection.execute(
        text("SELECT version FROM clocks WHERE event_id = :event_id"), {"event_id": event_id}
    ).scalar()


def find_clock(connection: Connection, event_id: str) -> Clock | None:
    """The event's clock as it is, not locked."""
    # Between a push and its followers: in the driver's own notation.
    rows = run(
        connection,
        f"SELECT event_id, last_sequence, last_at, version FROM clocks WHERE event_id = {placeholder(connection)}",
        (event_id,),
    )
    return Clock(*rows[0]) if rows else None


def find_last_at(connection: Connection) -> int | None:
    """When the latest change of any event took effect; None where there is none."""
    return connection.execute(text("SELECT max(last_at) FROM clocks")).scalar() or None


def add_event(connection: Connection, event: Event) -> bool:
    """False where there is an event with this slug, or host name, already; then nothing is added."""
    insert(
        connection,
        "events",
        _EVENT,
        [
            (
                event.id,
                event.slug,
                event.host,
                event.name,
                _json(event.policy),
                event.time_zone,
                event.created_at,
                event.archived_at,
                event.identity,
                event.ends_at,
                event.purge_after_days,
                event.keep_bodies_days,
                int(event.suppresses),
                event.purged_at,
                _json_or_none(event.cors),
            )
        ],
        "ON CONFLICT DO NOTHING",
    )
    its = {"id": event.id}
    is_added = connection.execute(text("SELECT 1 FROM events WHERE id = :id"), its).first() is not None
    if is_added:
        move_clocks(connection, [Clock(event.id, 0, 0, 1)])
    return is_added


def update_event(connection: Connection, event: Event) -> None:
    """Writes what may change: everything but the slug."""
    connection.execute(
        text(
            "UPDATE events SET host = :host, name = :name, policy = :policy, time_zone = :time_zone,"
            " archived_at = :archived_at, identity = :identity, ends_at = :ends_at,"
            " purge_after_days = :purge_after_days, keep_bodies_days = :keep_bodies_days, suppresses = :suppresses,"
            " purged_at = :purged_at, cors = :cors"
            " WHERE id = :id"
        ),
        {
            "id": event.id,
            "host": event.host,
            "name": event.name,
            "policy": _json(event.policy),
            "time_zone": event.time_zone,
            "archived_at": event.archived_at,
            "identity": event.identity,
            "ends_at": event.ends_at,
            "purge_after_days": event.purge_after_days,
            "keep_bodies_days": event.keep_bodies_days,
            "suppresses": int(event.suppresses),
            "purged_at": event.purged_at,
            "cors": _json_or_none(event.cors),
        },
    )


def list_events(connection: Connection) -> list[Event]:
    """All events, in the order in which they were made."""
    return [_event(row) for row in connection.execute(text(f"SELECT {_EVENT} FROM events ORDER BY id"))]


def list_heads(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """Slug and last sequence of the latest events."""
    rows = connection.execute(
        text(
            "SELECT events.slug, clocks.last_sequence FROM events JOIN clocks ON clocks.event_id = events.id"
            " ORDER BY events.id DESC LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [(row.slug, row.last_sequence) for row in rows]


def find_event(connection: Connection, *, slug: str | None = None, host: str | None = None) -> Event | None:
    """The event with this slug, or with this host name."""
    column, value = ("slug", slug) if slug is not None else ("host", host)
    row = connection.execute(text(f"SELECT {_EVENT} FROM events WHERE {column} = :value"), {"value": value}).first()
    return None if row is None else _event(row)


def load_configuration(connection: Connection, event_id: str) -> Configuration | None:
    """Everything that is set up for the event: of one moment where its clock is locked, or where one only reads."""
    check_schema(connection)
    version = find_version(connection, event_id)
    event_row = connection.execute(text(f"SELECT {_EVENT} FROM events WHERE id = :id"), {"id": event_id}).first()
    if event_row is None or version is None:
        return None
    event = _event(event_row)
    its = {"event_id": event_id}
    sources = connection.execute(text(f"SELECT {_SOURCE} FROM sources WHERE event_id = :event_id ORDER BY number"), its)
    keys = connection.execute(text(f"SELECT {_KEY} FROM keys WHERE event_id = :event_id ORDER BY id"), its)
    return Configuration(
        version=version,
        event=event,
        sources={row.number: _source(row) for row in sources},
        keys={row.id: _key(row) for row in keys},
        custom_fields=_names(connection, event_id, "custom_field"),
        groups=_names(connection, event_id, "group"),
    )


def check_schema(connection: Connection) -> None:
    """Raises StorageUnavailable where a newer program has changed the schema: what we write would lack what it adds."""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found != VERSION:
        raise StorageUnavailable(
            f"The database was brought to schema {found} by another version of Turnout; this process knows {VERSION}. "
            "It has to be restarted with that version."
        )


def add_source(connection: Connection, source: Source, spelling: str) -> None:
    insert(
        connection,
        "sources",
        _SOURCE,
        [
            (
                source.event_id,
                source.number,
                source.id,
                source.name,
                spelling,
                _json(source.policy),
                source.created_at,
                source.retired_at,
            )
        ],
    )


def find_sources(connection: Connection, spelling: str, limit: int) -> list[Source]:
    """Those of any event whose folded name has this in it, the youngest first."""
    wanted = (
        spelling.encode(errors="replace")
        .decode()
        .replace("\0", "\1")
        .replace("\\", "\\\\")
        .replace("%", r"\%")
        .replace("_", r"\_")
    )
    rows = connection.execute(
        text(
            f"SELECT {_SOURCE} FROM sources WHERE spelling LIKE :wanted ESCAPE '\\'"
            " ORDER BY created_at DESC, id LIMIT :limit"
        ),
        {"wanted": f"%{wanted}%", "limit": limit},
    )
    return [_source(row) for row in rows]


def update_source(connection: Connection, source: Source) -> None:
    """Writes its policy, and whether it is retired. Its name is `rename_source`'s."""
    connection.execute(
        text(
            "UPDATE sources SET policy = :policy, retired_at = :retired_at"
            " WHERE event_id = :event_id AND number = :number"
        ),
        {
            "policy": _json(source.policy),
            "retired_at": source.retired_at,
            "event_id": source.event_id,
            "number": source.number,
        },
    )


def rename_source(connection: Connection, source: Source, spelling: str) -> None:
    """Writes its name; no other one of the event has the spelling."""
    connection.execute(
        text("UPDATE sources SET name = :name, spelling = :spelling WHERE event_id = :event_id AND number = :number"),
        {"name": source.name, "spelling": spelling, "event_id": source.event_id, "number": source.number},
    )


def add_key(connection: Connection, key: Key) -> None:
    insert(
        connection,
        "keys",
        _KEY,
        [
            (
                key.event_id,
                key.id,
                key.source_number,
                key.scope,
                key.label,
                key.digest,
                key.created_at,
                key.expires_at,
                key.revoked_at,
                key.last_used_at,
                None if key.groups is None else _json(key.groups),
                None if key.fields is None else _json(key.fields),
                key.last_address,
            )
        ],
    )


def update_key(connection: Connection, key: Key) -> None:
    """Writes when it expires or was revoked, and from where it was last used, which goes with the revocation."""
    connection.execute(
        text(
            "UPDATE keys SET expires_at = :expires_at, revoked_at = :revoked_at,"
            " last_address = :last_address"
            " WHERE event_id = :event_id AND id = :id"
        ),
        {
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
            "last_address": key.last_address,
            "event_id": key.event_id,
            "id": key.id,
        },
    )


def find_key(connection: Connection, key_id: str) -> Key | None:
    row = connection.execute(
        text(f"SELECT {_KEY} FROM keys WHERE event_id IN (SELECT id FROM events) AND id = :id"), {"id": key_id}
    ).first()
    return None if row is None else _key(row)


def touch_keys(connection: Connection, used: Sequence[tuple[str, str, int, str | None]]) -> None:
    """Writes when keys were last used, and from where: rows of event, key, time, address."""
    for some in slices(sorted(used, key=lambda row: row[:2]), 4):
        rows = values(connection, 4, len(some), "text", "text", "bigint", "text")
        run(
            connection,
            f"WITH used (event_id, id, at, address) AS (VALUES {rows})"
            " UPDATE keys SET last_used_at = used.at, last_address = used.address FROM used"
            " WHERE keys.event_id = used.event_id AND keys.id = used.id",
            tuple(parameter for row in some for parameter in row),
        )


def touch_key(connection: Connection, event_id: str, key_id: str, at: int, address: str, *, not_since: int) -> None:
    """Writes when a key was last used, and from where, if it was not since then; of a revoked one nothing more."""
    connection.execute(
        text(
            "UPDATE keys SET last_used_at = :at, last_address = :address WHERE event_id = :event_id AND id = :id"
            " AND revoked_at IS NULL AND COALESCE(last_used_at, 0) < :not_since"
        ),
        {"at": at, "address": address, "event_id": event_id, "id": key_id, "not_since": not_since},
    )


def add_names(connection: Connection, event_id: str, kind: str, new: Sequence[tuple[Name, str]]) -> None:
    """Registers custom fields or groups, each with its folded spelling."""
    insert(
        connection,
        "names",
        _NAME,
        [
            (event_id, kind, name.number, name.id, name.name, name.first_source, int(name.staff_only), name.created_at)
            for name, _ in new
        ],
    )
    add_spellings(connection, event_id, kind, [(name.number, spelling) for name, spelling in new])


def add_spellings(connection: Connection, event_id: str, kind: str, new: Sequence[tuple[int, str]]) -> None:
    insert(
        connection,
        "spellings",
        "event_id, kind, spelling, number",
        [(event_id, kind, spelling, number) for number, spelling in new],
    )


def update_name(connection: Connection, event_id: str, kind: str, name: Name) -> None:
    """Writes how it is spelled and whether pushes touch it."""
    connection.execute(
        text(
            "UPDATE names SET name = :name, staff_only = :staff_only"
            " WHERE event_id = :event_id AND kind = :kind AND number = :number"
        ),
        {
            "name": name.name,
            "staff_only": int(name.staff_only),
            "event_id": event_id,
            "kind": kind,
            "number": name.number,
        },
    )


def _names(connection: Connection, event_id: str, kind: str) -> Names:
    its = {"event_id": event_id, "kind": kind}
    rows = connection.execute(
        text(f"SELECT {_NAME} FROM names WHERE event_id = :event_id AND kind = :kind ORDER BY number"), its
    )
    spelled = connection.execute(
        text("SELECT spelling, number FROM spellings WHERE event_id = :event_id AND kind = :kind"), its
    )
    return Names(
        {
            row.number: Name(
                id=row.id,
                number=row.number,
                name=row.name,
                first_source=row.first_source,
                created_at=row.created_at,
                staff_only=bool(row.staff_only),
            )
            for row in rows
        },
        {row.spelling: row.number for row in spelled},
    )


def _event(row) -> Event:
    return Event(
        id=row.id,
        slug=row.slug,
        host=row.host,
        name=row.name,
        policy=msgspec.json.decode(row.policy, type=Policy),
        time_zone=row.time_zone,
        created_at=row.created_at,
        archived_at=row.archived_at,
        identity=row.identity or "email",
        ends_at=row.ends_at,
        purge_after_days=row.purge_after_days,
        keep_bodies_days=30 if row.keep_bodies_days is None else row.keep_bodies_days,
        suppresses=bool(row.suppresses),
        purged_at=row.purged_at,
        cors=() if row.cors is None else msgspec.json.decode(row.cors, type=tuple[str, ...]),
    )


def _source(row) -> Source:
    return Source(
        id=row.id,
        event_id=row.event_id,
        number=row.number,
        name=row.name,
        created_at=row.created_at,
        policy=msgspec.json.decode(row.policy, type=SourcePolicy),
        retired_at=row.retired_at,
    )


def _key(row) -> Key:
    return Key(
        id=row.id,
        event_id=row.event_id,
        source_number=row.source_number,
        scope=row.scope,
        label=row.label,
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        last_address=row.last_address,
        groups=None if row.groups is None else msgspec.json.decode(row.groups, type=tuple[int, ...]),
        fields=None if row.fields is None else msgspec.json.decode(row.fields, type=tuple[str | int, ...]),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _json_or_none(values: Sequence[str]) -> str | None:
    return _json(values) if values else None
