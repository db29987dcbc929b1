"""API keys: issued, rotated, revoked (A3, A5). A key is shown once; what is kept is a digest."""

import hashlib
import secrets
import string
from collections.abc import Sequence

import msgspec

from turnout.errors import Conflict, InvalidRequest, NotFound
from turnout.events.key_limits import read_fields, read_groups
from turnout.events.setup import changing
from turnout.events.sources import add_source, check_open, find_source, get_source
from turnout.model.event import Configuration
from turnout.model.key import Key, write_key
from turnout.model.source import PEOPLE
from turnout.now import new_id, now_us
from turnout.store import events
from turnout.store.database import Database
from turnout.store.statements import Connection

_LETTERS = string.digits + string.ascii_letters


class IssuedKey(msgspec.Struct, frozen=True):
    """A key at the only moment when its text is known."""

    key: Key
    text: str


def add_key(
    connection: Connection,
    event_id: str,
    *,
    source_number: int | None,
    scope: str,
    label: str,
    expires_at: int | None = None,
    groups: tuple[int, ...] | None = None,
    fields: tuple[str | int, ...] | None = None,
) -> IssuedKey:
    """A new key, in a transaction that holds the event."""
    key_id = new_id("key")
    text = write_key(key_id, "".join(secrets.choice(_LETTERS) for _ in range(32)))
    key = Key(
        id=key_id,
        event_id=event_id,
        source_number=source_number,
        scope="read" if scope == "read" else "push",
        label=label,
        digest=hashlib.sha256(text.encode()).digest(),
        created_at=now_us(),
        expires_at=expires_at,
        groups=groups,
        fields=fields,
    )
    events.add_key(connection, key)
    return IssuedKey(key, text)


def create(
    database: Database,
    event_id: str,
    *,
    label: str | None = None,
    source: str | None = None,
    scope: str = "push",
    expires_in_us: int | None = None,
    groups: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
) -> IssuedKey:
    """A key of the source named, of a new source with this label, or of the event's first one.

    Of a read key the label is only its name; `groups` and `fields` limit whom it sees and what of them. Raises
    NotFound, Conflict or InvalidRequest.
    """
    if label is not None and source is not None:
        raise InvalidRequest("--label makes a new source, --source names one that is there: give one of the two.")
    if scope == "read" and source is not None:
        raise InvalidRequest("A read key belongs to the event, not to a source. Name it with --label.")
    if scope != "read" and (groups is not None or fields is not None):
        raise InvalidRequest("--groups and --fields say what a read key sees. Add --scope read.")
    expires_at = None if expires_in_us is None else now_us() + expires_in_us
    with changing(database, event_id) as held:
        if scope == "read":
            return add_key(
                held.connection,
                event_id,
                source_number=None,
                scope="read",
                label=label or "read",
                expires_at=expires_at,
                groups=read_groups(held.configuration, groups),
                fields=read_fields(held.configuration, fields),
            )
        configuration = held.configuration
        if label is not None:
            known = find_source(configuration, label)
            if known is not None:
                check_open(known)
                raise Conflict(f"There is a source {label!r} already. For another key of it use --source {label!r}.")
            its = add_source(held.connection, event_id, label, number=max(configuration.sources, default=0) + 1)
        elif source is not None:
            its = get_source(configuration, source)
        else:
            its = configuration.sources[min(number for number in configuration.sources if number != PEOPLE)]
        check_open(its)
        return add_key(
            held.connection,
            event_id,
            source_number=its.number,
            scope="push",
            label=its.name,
            expires_at=expires_at,
        )


def rotate(database: Database, key_id: str, overlap_us: int) -> IssuedKey:
    """A new key of the same source, or with the same limits; the old one stays good for the overlap.

    Raises NotFound or Conflict.
    """
    with changing(database, _get_key(database, key_id).event_id) as held:
        old = held.configuration.keys[key_id]
        at = now_us()
        if not old.is_good(at):
            raise Conflict(f"The key {key_id} is revoked or expired. Make a new one with `turnout key create`.")
        until = at + overlap_us if old.expires_at is None else min(at + overlap_us, old.expires_at)
        events.update_key(held.connection, msgspec.structs.replace(old, expires_at=until))
        return add_key(
            held.connection,
            old.event_id,
            source_number=old.source_number,
            scope=old.scope,
            label=old.label,
            expires_at=old.expires_at,
            groups=old.groups,
            fields=old.fields,
        )


def revoke(database: Database, key_id: str) -> Key:
    """The key, good for nothing from now on. Raises NotFound."""
    with changing(database, _get_key(database, key_id).event_id) as held:
        key = held.configuration.keys[key_id]
        return key if key.revoked_at is not None else revoke_in(held.connection, key)


def revoke_in(connection: Connection, key: Key) -> Key:
    """The key, revoked, in a transaction that holds the event; from where it was used is forgotten."""
    key = msgspec.structs.replace(key, revoked_at=now_us(), last_address=None)
    events.update_key(connection, key)
    return key


def state_of(key: Key, at: int) -> str:
    """`good`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "good" if key.is_good(at) else "expired"


def source_name(configuration: Configuration, key: Key) -> str | None:
    return None if key.source_number is None else configuration.sources[key.source_number].name


def _get_key(database: Database, key_id: str) -> Key:
    with database.read() as connection:
        key = events.find_key(connection, key_id)
    if key is None:
        raise NotFound(f"There is no key {key_id}. `turnout key list --event …` shows an event's keys.")
    return key
